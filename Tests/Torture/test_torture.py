"""Short seeded subsets of the torture runs; the long ones are the same scripts with larger numbers."""
import os
import pathlib
import random
import subprocess
import sys

import pytest
import requests

from appliance import binary, seconds
from wallet import Wallet, authorize, headers, offer, payload_v2

HERE = pathlib.Path(__file__).resolve().parent
SEED = os.environ.get("SEED", "1")
KILLS = os.environ.get("KILLS", "40")
STATES = os.environ.get("STATES", "200")


def run(command, tmp_path, limit):
    environment = os.environ | {"TILL_BIN": str(binary()), "PYTHON": sys.executable}
    done = subprocess.run([str(x) for x in command], cwd=HERE, env=environment, capture_output=True, text=True, timeout=limit)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    print(done.stdout[-2000:])
    return done.stdout


def test_crashloop(shim, tmp_path):
    """Deaths of every kind, some inside a commit, with I/O errors between: nothing acknowledged is lost or doubled."""
    run([sys.executable, "crashloop.py", "--adapter", "till_adapter.py", "--kills", KILLS, "--seed", SEED, "--dir", tmp_path / "run",
         "--max-ops", 3000, "--max-seconds", 400, "--start-limit", 30, "--faults", "EIO,ENOSPC,short", "--shim", shim, "--shim-path", "till.sqlite",
         "--", binary(), "serve", "--data", "{dir}/till.sqlite", "--backups", tmp_path / "backups", "--listen", "127.0.0.1:{port}"],
        tmp_path, 900)


def test_powerloss_and_its_control(tmp_path):
    out = run(["./powerloss", STATES, SEED, tmp_path / "run"], tmp_path, 900)
    assert "control: under synchronous=NORMAL" in out


@pytest.mark.parametrize("round_", range(3))
def test_a_failed_fsync_ends_the_process(till, shim, tmp_path, round_):
    """After a failed fsync nobody knows what is on the disk: no more writes, a reason, an exit that is not 0."""
    till.start()
    link = till.link("0.01")
    accepted = offer(till.call("GET", till.pay_path(link), key=None))[0]["accepts"][0]
    till.stop()

    at = random.Random(f"{SEED}/{round_}").randint(1, 60)
    till.start(env={"LD_PRELOAD": shim, "FS_PATH": "till.sqlite", "FS_RULES": f"fdatasync|fsync:EIO:from={at + 20}"})
    sold = []
    for _ in range(400):
        header = headers(payload_v2(authorize(Wallet(), accepted), accepted))
        try:
            answer = requests.get(till.url + till.pay_path(link), headers=header, timeout=10)
        except requests.RequestException:
            break
        if answer.status_code != 200:
            assert answer.status_code >= 500, answer.text
            break
        sold.append(answer.json()["sale_id"])
    assert till.process.wait(timeout=seconds(1)) != 0
    said = till.log_text().lower()
    assert any(word in said for word in ("fsync", "fdatasync", "sync", "i/o error")), said[-2000:]

    till.start()
    kept = [row["id"] for row in till.rows("/api/sales")]
    assert len(kept) == len(set(kept)) and set(sold) <= set(kept)
    # The one whose answer was an error may be there or not; asked again, it is there once.
    again = requests.get(till.url + till.pay_path(link), headers=header, timeout=10)
    assert again.status_code == 200
    assert len(till.rows("/api/sales")) == len(set(sold)) + 1
    assert till.stop() == 0
    done = till.run("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
