"""A disk with no room left: reads go on, writes say so, and room is enough to go on."""
import os
import subprocess
import time

import pytest

from appliance import settings_like
from wallet import Wallet, authorize, headers, offer, payload_v2

ROOM, LATER = "6m", "64m"


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    point = tmp_path / "disk"
    point.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", point], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield point
    subprocess.run(["umount", "-l", point], check=True)


def fill(point):
    """Leaves the file system without a single free block."""
    with open(point / "filler", "ab", buffering=0) as filler:
        for size in (65536, 4096):
            try:
                while True:
                    filler.write(b"\0" * size)
            except OSError:
                continue


def test_disk_full(fresh, small_disk):
    # The reserve that stops writes early on a real disk would hide what this is about.
    till = fresh(env=settings_like(r"disk.*reserve|reserve.*disk", 0), data=small_disk)
    link = till.link("0.01")
    accepted = offer(till.call("GET", till.pay_path(link), key=None))[0]["accepts"][0]

    def buy():
        header = headers(payload_v2(authorize(Wallet(), accepted), accepted))
        return header, till.call("GET", till.pay_path(link), headers=header, key=None)

    sold = []
    for _ in range(5):
        _, answer = buy()
        assert answer.status_code == 200, answer.text
        sold.append(answer.json()["sale_id"])

    fill(small_disk)
    for _ in range(5000):
        header, answer = buy()
        if answer.status_code != 200:
            break
        sold.append(answer.json()["sale_id"])
    assert answer.status_code == 503 and answer.json()["code"] == "disk_full", answer.text
    refused = till.call("POST", "/api/products", {"name": "x", "price": {"amount": "1", "currency": "USD"}})
    assert refused.status_code == 503 and refused.json()["code"] == "disk_full" and refused.json()["retryable"] is True

    assert till.call("GET", till.pay_path(link), key=None).status_code == 402
    assert {row["id"] for row in till.rows("/api/sales")} == set(sold)
    assert till.get("/health", key=None)["status"] == "ok"

    pid = till.process.pid
    subprocess.run(["mount", "-o", f"remount,size={LATER}", small_disk], check=True)
    room_since = time.monotonic()
    while True:
        answer = till.call("GET", till.pay_path(link), headers=header, key=None)
        if answer.status_code == 200:
            break
        assert answer.status_code == 503, answer.text
        assert time.monotonic() - room_since < 5, "writes did not come back within 5 s"
        time.sleep(0.1)
    assert till.process.poll() is None and till.process.pid == pid, "without a restart"
    sold.append(answer.json()["sale_id"])
    sales = [row["id"] for row in till.rows("/api/sales")]
    assert len(sales) == len(set(sales)) and set(sales) == set(sold)
    assert till.stop() == 0
    done = till.run("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
