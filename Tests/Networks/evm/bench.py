#!/usr/bin/env python3
"""Measure a facilitator's POST /verify or /settle with wrk; one JSON line per run.

By default starts the Python facilitator. To measure another one: start `rpcstub.py`,
point the facilitator at it, and pass --rpc, --facilitator and --pid.
CPU figures are from /proc: ms of CPU per good answer of the facilitator (all processes)
and of the RPC, and the share of the machine that anything else used meanwhile.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import requests

from common import HERE, Procs, body
from accounts import describe

a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
a.add_argument("--endpoint", choices=["verify", "settle"], default="verify")
a.add_argument("--rpc")
a.add_argument("--facilitator")
a.add_argument("--pid", type=int, help="facilitator's process, for CPU figures")
a.add_argument("--rpc-pid", type=int, help="the RPC's process, likewise (with --rpc)")
a.add_argument("--mode", choices=["async", "threads"], default="async")
a.add_argument("--workers", type=int, default=1)
a.add_argument("--ecc", choices=["coincurve", "native"], default="coincurve", help="eth-keys backend of the Python facilitator")
a.add_argument("-c", "--connections", type=int, nargs="+", default=[1, 16])
a.add_argument("-d", "--seconds", type=int, default=10)
a.add_argument("--count", type=int, help="payloads to sign: 200")
a.add_argument("--close", action="store_true", help="a new connection per request (spreads load over uvicorn workers)")
a.add_argument("--x402-version", type=int, default=2)
a.add_argument("--label", default="")
o = a.parse_args()
HZ = os.sysconf("SC_CLK_TCK")


def cpu(root):
    """CPU seconds of a process and its descendants."""
    if not root:
        return 0.0
    kids, ticks = {}, {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            f = open(f"/proc/{p}/stat").read().rpartition(")")[2].split()
        except OSError:
            continue
        kids.setdefault(int(f[1]), []).append(int(p))
        ticks[int(p)] = int(f[11]) + int(f[12])
    todo, total = [root], 0
    while todo:
        p = todo.pop()
        total += ticks.get(p, 0)
        todo += kids.get(p, [])
    return total / HZ


def machine():
    f = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return (sum(f) - f[3] - f[4]) / HZ  # all but idle and iowait


with Procs() as procs, tempfile.TemporaryDirectory() as tmp:
    log = os.path.join(tmp, "bench.log")
    rpc_pid = o.rpc_pid
    if not o.rpc:
        child, info = procs.start("rpcstub.py", "--port", 0, log=log)
        o.rpc, rpc_pid = info["rpc"], child.pid
    if not o.facilitator:
        o.facilitator = "http://127.0.0.1:4932"
        env = {"ECC_BACKEND_CLASS": "eth_keys.backends.NativeECCBackend"} if o.ecc == "native" else {}
        o.pid = procs.start("facilitator.py", "--rpc", o.rpc, "--port", 4932, "--mode", o.mode, "--workers", o.workers,
                            env=env, wait_url=o.facilitator + "/supported", log=log).pid
        o.label = o.label or f"python {o.mode} x{o.workers} {o.ecc}"
    info = describe()
    count = o.count or 200
    bodies = os.path.join(tmp, "bodies")

    def sign():
        with open(bodies, "w") as f:
            for _ in range(count):
                f.write(json.dumps(body(info, o.x402_version, timeout=86400, buyer="buyer0"), separators=(",", ":")) + "\n")

    sign()
    for _ in range(20 if o.endpoint == "verify" else 0):  # warm up
        requests.post(f"{o.facilitator}/verify", json=body(info, o.x402_version), timeout=30)
    for c in o.connections:
        before = cpu(o.pid), cpu(rpc_pid), machine(), os.times()
        out = subprocess.run(["wrk", "-t1", f"-c{c}", f"-d{o.seconds}s", "--timeout", "60s", *(["-H", "Connection: close"] if o.close else []), "-s", HERE / "post.lua",
                              f"{o.facilitator}/{o.endpoint}", "--", bodies, '"isValid":true' if o.endpoint == "verify" else '"success":true'],
                             capture_output=True, text=True, timeout=o.seconds + 120)
        lines = [line for line in out.stdout.splitlines() if line.startswith("{")]
        if not lines:
            sys.exit(out.stdout + out.stderr)
        r = json.loads(lines[-1])
        fac, rpc, all_, t = cpu(o.pid) - before[0], cpu(rpc_pid) - before[1], machine() - before[2], os.times()
        wrk = t.children_user + t.children_system - before[3].children_user - before[3].children_system
        n = max(1, r["good"])
        cores, s = os.cpu_count(), r["seconds"]
        print(json.dumps({"label": o.label, "endpoint": o.endpoint, "c": c, "close": o.close} | r | {
            "fac_cpu_ms": round(fac / n * 1e3, 3), "fac_cores": round(fac / s, 2), "rpc_cpu_ms": round(rpc / n * 1e3, 3),
            "other_load": round(max(0, all_ - fac - rpc - wrk) / s / cores, 3)}), flush=True)
