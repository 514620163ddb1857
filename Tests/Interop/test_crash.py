"""kill -9 at moments a seed picks, and what a start must cost."""
import concurrent.futures
import os
import pathlib
import random
import statistics
import threading
import time

import pytest
import requests

from appliance import is_debug, seconds
from wallet import Wallet, authorize, headers, offer, payload_v2, receipt

SEED = int(os.environ.get("SEED", "1"))
REQUESTS, WORKERS = 200, 8


def ask(url, header):
    """One paid request: its sale, or None when no answer came or it was not final."""
    try:
        answer = requests.get(url, headers=header, timeout=10)
    except requests.RequestException:
        return None
    if answer.status_code == 200:
        body = answer.json()
        return body["payment_id"], body["sale_id"], receipt(answer)["transaction"]
    # A server that is starting or stopping may ask to be asked again; it may not refuse an honest authorization.
    assert answer.status_code in (202, 503), f"{answer.status_code}: {answer.text[:300]}"
    return None


def test_kill_at_any_moment_of_200_paid_requests(till):
    rng = random.Random(SEED)
    link = till.link("0.05")
    url = till.url + till.pay_path(link)
    accepted = offer(till.call("GET", till.pay_path(link), key=None))[0]["accepts"][0]
    wallets = [Wallet() for _ in range(10)]
    paid_with = [headers(payload_v2(authorize(wallets[n % 10], accepted), accepted)) for n in range(REQUESTS)]
    acknowledged, lock, up = {}, threading.Lock(), threading.Event()
    up.set()

    def buyer(numbers):
        for n in numbers:
            up.wait(60)
            sale = ask(url, paid_with[n])
            if sale:
                with lock:
                    acknowledged[n] = sale

    kills = 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        running = [pool.submit(buyer, range(w, REQUESTS, WORKERS)) for w in range(WORKERS)]
        while not all(job.done() for job in running):
            goal = len(acknowledged) + rng.randint(3, 20)
            while len(acknowledged) < goal and not all(job.done() for job in running):
                time.sleep(0.0005)
            time.sleep(rng.uniform(0, 0.004))
            till.kill()
            up.clear()
            kills += 1
            till.start()
            up.set()
        for job in running:
            job.result()
    assert kills >= 5, "too few kills to mean anything"

    unanswered = [n for n in range(REQUESTS) if n not in acknowledged]
    again = {n: ask(url, paid_with[n]) for n in range(REQUESTS)}
    assert None not in again.values()
    assert [n for n, sale in acknowledged.items() if again[n] != sale] == [], "an acknowledged sale changed"
    sales = till.rows("/api/sales")
    assert len(sales) == len({sale["id"] for sale in sales}) == REQUESTS
    assert {sale["id"] for sale in sales} == {sale[1] for sale in again.values()}
    payments = till.rows("/api/payments")
    assert len(payments) == REQUESTS and {p["status"] for p in payments} == {"completed"}
    assert len({p["transaction"] for p in payments}) == REQUESTS
    assert till.stop() == 0
    done = till.run("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"seed {SEED}: {kills} kills, {len(unanswered)} requests had no answer")


def test_cold_start_is_healthy_within_a_second(till):
    till.link("0.05")
    times = []
    for _ in range(5):
        till.stop()
        began = time.monotonic()
        till.spawn()
        while True:
            try:
                if requests.get(till.url + "/health", timeout=1).status_code == 200:
                    break
            except requests.RequestException:
                assert time.monotonic() - began < 30, till.log_text()
            time.sleep(0.005)
        times.append(time.monotonic() - began)
    assert statistics.median(times) < seconds(1), times
    health = till.get("/health", key=None)
    assert health["status"] == "ok" and health["service"] == "till" and health["version"]


@pytest.mark.skipif(is_debug(), reason="a debug build's memory says nothing about the product")
def test_idle_memory_is_under_64_mib(till):
    till.link("0.05")
    time.sleep(3)
    status = pathlib.Path(f"/proc/{till.process.pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    assert resident < 64 * 1024, f"{resident} KiB"
