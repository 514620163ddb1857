"""Shared by the scripts here: JSON-RPC, signing, process control."""
import contextlib
import copy
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import requests
from eth_account import Account

HERE = pathlib.Path(__file__).resolve().parent
TRANSFER_TOPIC = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
TYPES = {"TransferWithAuthorization": [
    {"name": "from", "type": "address"}, {"name": "to", "type": "address"}, {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"}, {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"}]}


class Rpc:
    def __init__(self, url):
        self.url, self.ids = url, itertools.count(1)

    def __call__(self, method, *params):
        body = {"jsonrpc": "2.0", "id": next(self.ids), "method": method, "params": list(params)}
        out = requests.post(self.url, json=body, timeout=30).json()
        if "error" in out:
            raise RuntimeError(f"{method}: {out['error']}")
        return out["result"]

    def token_balance(self, token, who):
        data = "0x70a08231" + who[2:].lower().rjust(64, "0")
        return int(self("eth_call", {"to": token, "data": data}, "latest"), 16)


def requirements(info, version=2, amount="1000", timeout=300, **over):
    """PaymentRequirements of protocol `version` for the devnet's token."""
    out = {"scheme": "exact", "network": info["network"], "asset": info["asset"], "payTo": info["accounts"]["payTo"]["address"],
           "maxTimeoutSeconds": timeout, "extra": dict(info["eip712"])}
    if version == 2:
        out["amount"] = amount
    else:
        out |= {"network": "base-sepolia", "maxAmountRequired": amount, "resource": "http://127.0.0.1/v1/report",
                "description": "report", "mimeType": "application/json"}
    return out | over


def payload(info, req, buyer="buyer0", version=2, suffix=b"", payer=None, **auth):
    """A signed payment payload for `req`; `auth` overrides authorization fields before signing."""
    key = Account.from_key(info["accounts"][buyer]["privateKey"])
    a = {"from": payer or key.address, "to": req["payTo"], "value": req.get("amount") or req["maxAmountRequired"],
         "validAfter": "0", "validBefore": str(int(time.time()) + req["maxTimeoutSeconds"]), "nonce": "0x" + os.urandom(32).hex()}
    a |= auth
    domain = {**req["extra"], "chainId": info["chainId"], "verifyingContract": req["asset"]}
    message = {k: int(v) if k in ("value", "validAfter", "validBefore") else v for k, v in a.items()}
    sig = bytes(key.sign_typed_data(domain, TYPES, message).signature)
    inner = {"signature": "0x" + (sig + suffix).hex(), "authorization": a}
    if version == 2:
        return {"x402Version": 2, "payload": inner, "accepted": copy.deepcopy(req),
                "resource": {"url": "http://127.0.0.1/report", "description": "report", "mimeType": "application/json"}}
    return {"x402Version": 1, "scheme": "exact", "network": req["network"], "payload": inner}


def body(info, version=2, **kw):
    """A facilitator /verify or /settle request body. Keywords go to requirements() or payload()."""
    mine = {k: kw.pop(k) for k in ("amount", "timeout") if k in kw}
    req = requirements(info, version, **mine)
    return {"x402Version": version, "paymentPayload": payload(info, req, version=version, **kw), "paymentRequirements": req}


class Procs:
    """Child processes, each in a process group of its own, always ended on exit."""

    def __init__(self):
        self.all = []

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that __exit__ runs
        return self

    def __exit__(self, *_):
        for p in self.all:
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGTERM)
        for p in self.all:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait(5)

    def start(self, script, *args, env=None, wait_url=None, log=None):
        if wait_url:
            with contextlib.suppress(requests.RequestException):
                requests.get(wait_url, timeout=2)
                raise RuntimeError(f"something already listens on {wait_url}")
        out = open(log, "ab") if log else subprocess.DEVNULL
        p = subprocess.Popen([sys.executable, str(HERE / script), *map(str, args)], stdout=subprocess.PIPE if not wait_url else out,
                             stderr=out, start_new_session=True, env=os.environ | (env or {}))
        self.all.append(p)
        if not wait_url:
            line = p.stdout.readline()
            return p, json.loads(line)
        for _ in range(150):
            if p.poll() is not None:
                raise RuntimeError(f"{script} exited with {p.returncode}; see {log}")
            try:
                if requests.get(wait_url, timeout=2).status_code < 500:
                    return p
            except requests.RequestException:
                pass
            time.sleep(0.2)
        raise RuntimeError(f"{script} did not answer on {wait_url}")
