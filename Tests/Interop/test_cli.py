"""The command line, as an operator uses it."""
import concurrent.futures
import json
import re
import signal
import time

import pytest
import requests

from appliance import Till, free_port, seconds
from wallet import Wallet, authorize, headers, offer, payload_v2


@pytest.fixture
def files(tmp_path):
    """A Till that is not started."""
    till = Till(tmp_path)
    yield till
    till.kill()


def test_alone_it_prints_help(files):
    done = files.run("--help")
    assert done.returncode == 0
    for command in ("serve", "demo", "init", "keys", "pay", "doctor", "ledger", "config", "schema", "openapi", "version"):
        assert command in done.stdout, command


def test_wrong_usage_is_2(files):
    assert files.run("no-such-command").returncode == 2
    assert files.run("serve", "--no-such-option").returncode == 2


def test_demo_once_sells_and_ends(files):
    done = files.run("demo", "--once", env={"TILL_LISTEN": f"127.0.0.1:{free_port()}"}, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"sale_[0-9a-hjkmnp-tv-z]{26}", done.stdout), done.stdout


def test_demo_stands_in_the_books(files):
    done = files.run("demo", "--once", env={"TILL_LISTEN": f"127.0.0.1:{free_port()}"}, timeout=120)
    sale = re.search(r"sale_[0-9a-z]{26}", done.stdout).group()
    assert files.run("doctor", "--json").returncode == 0
    assert files.run("ledger", "verify", "--json").returncode == 0
    files.start()
    assert [row["id"] for row in files.rows("/api/sales")] == [sale]


def test_init_prints_a_setup_link_once(files):
    done = files.run("init")
    assert done.returncode == 0, done.stderr
    assert files.data.exists() and re.search(r"https?://\S+", done.stdout)
    assert files.data.stat().st_mode & 0o077 == 0, "the data file is the operator's alone"


@pytest.mark.parametrize("serving", [False, True], ids=["stopped", "serving"])
def test_keys(files, serving):
    if serving:
        files.start()
    made = files.make_key(("read",), name="phone")
    assert made["id"].startswith("key_") and made["secret"].startswith("sk_test_")
    listed = json.dumps(files.document("keys", "list"))
    assert made["id"] in listed and made["secret"] not in listed
    if not serving:
        files.start()
    assert files.call("GET", "/api/sales", key=made["secret"]).status_code == 200
    assert files.run("keys", "revoke", made["id"]).returncode == 0
    assert files.call("GET", "/api/sales", key=made["secret"]).status_code == 401
    unknown = files.run("keys", "revoke", "key_" + "0" * 26)
    assert unknown.returncode == 1 and unknown.stderr.strip()


def test_no_secret_is_in_file_or_log(till):
    secret = till.make_key()["secret"]
    till.link("0.05")
    till.stop()
    for path in (till.data, till.log):
        assert secret.encode() not in path.read_bytes(), path.name


@pytest.mark.parametrize("serving", [False, True], ids=["stopped", "serving"])
def test_questions_about_the_file(till, serving):
    assert till.run("pay", till.link("0.05")["url"], "--json").returncode == 0
    if not serving:
        till.stop()
    for command in (["doctor"], ["ledger", "verify"]):
        done = till.run(*command, "--json")
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)


def test_documents(files):
    assert "CREATE TABLE" in files.run("schema").stdout.upper()
    assert json.loads(files.run("openapi").stdout)["openapi"].startswith("3.1")
    assert re.search(r"\d+\.\d+", files.run("version").stdout)
    config = files.run("config", env={"TILL_LISTEN": "127.0.0.1:9"}).stdout
    assert "127.0.0.1:9" in config
    assert files.document("config")


def test_pay_prints_the_receipt(till):
    link = till.link("0.05")
    receipt = till.document("pay", link["url"])
    assert re.search(r"0x[0-9a-f]{64}", json.dumps(receipt)) and till.rows("/api/sales")[0]["id"] in json.dumps(receipt)
    missing = till.run("pay", till.url + "/pay/no-such-link")
    assert missing.returncode == 1 and missing.stderr.strip()


def test_pay_with_a_key_of_ones_own(till):
    wallet = Wallet()
    till.document("pay", till.link("0.05")["url"], "--key", "0x" + wallet.secret.hex())
    assert till.rows("/api/payments")[0]["payer"].lower() == wallet.address.lower()


def test_a_second_server_on_the_file_is_refused(till):
    second = Till(till.directory / "second", data=till.data.parent)
    began = time.monotonic()
    second.spawn()
    assert second.process.wait(timeout=30) == 1
    assert time.monotonic() - began < seconds(1)
    assert second.log_text().strip(), "it says why"
    assert till.get("/health", key=None)["status"] == "ok" and till.link("0.05")["id"]


def test_every_fault_of_the_settings_is_named_at_once(files):
    done = files.run("config", env={"TILL_LISTNE": "127.0.0.1:9", "TILL_MODE": "banana", "TILL_NONSENSE": "1"})
    served = files.run("serve", env={"TILL_LISTNE": "127.0.0.1:9", "TILL_MODE": "banana", "TILL_NONSENSE": "1"})
    for name, one in (("config", done), ("serve", served)):
        assert one.returncode in (1, 2), name
        for fault in ("listne", "mode", "nonsense"):
            assert fault in (one.stderr + one.stdout).lower(), f"{name} does not name {fault}: {one.stderr}"


def test_sigterm_drains_and_checkpoints(till):
    link = till.link("0.01")
    accepted = offer(till.call("GET", till.pay_path(link), key=None))[0]["accepts"][0]
    paid_with = [headers(payload_v2(authorize(Wallet(), accepted), accepted)) for _ in range(40)]
    url = till.url + till.pay_path(link)

    def ask(header):
        try:
            answer = requests.get(url, headers=header, timeout=30)
            return answer.status_code, answer.json().get("sale_id")
        except requests.ConnectionError:
            return None, None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(ask, header) for header in paid_with]
        while not any(job.done() for job in jobs):
            time.sleep(0.001)
        till.process.send_signal(signal.SIGTERM)
        answers = [job.result() for job in jobs]
    assert till.process.wait(timeout=30) == 0, till.log_text()[-2000:]
    assert {status for status, _ in answers} <= {200, 503, None}
    wal = till.data.with_name(till.data.name + "-wal")
    assert not wal.exists() or wal.stat().st_size == 0
    till.start()
    kept = {row["id"] for row in till.rows("/api/sales")}
    assert {sale for status, sale in answers if status == 200} <= kept


def test_the_log_is_json_lines(till):
    till.link("0.05")
    till.stop()
    for line in till.log_text().splitlines():
        assert isinstance(json.loads(line), dict), line
    first = json.loads(till.log_text().splitlines()[0])
    assert first["message"] == "ready" and till.url in json.dumps(first)
