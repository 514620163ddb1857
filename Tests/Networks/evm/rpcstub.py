#!/usr/bin/env python3
"""JSON-RPC stub that answers at once with canned results: isolates a facilitator's own cost.

Every authorization "simulates" successfully and every transaction is "mined" at once,
moving --amount from buyer0 to payTo.  Prints the same JSON as describe().  No EVM inside.
"""
import argparse
import asyncio
import json
import os
import time

from eth_abi import decode, encode
from eth_hash.auto import keccak

from common import TRANSFER_TOPIC
from accounts import describe

a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
a.add_argument("--port", type=int, default=8546)
a.add_argument("--amount", default="1000")
o = a.parse_args()
info = describe()
buyer, pay_to, fac = (info["accounts"][k]["address"] for k in ("buyer0", "payTo", "facilitator"))
H = "0x" + "11" * 32
CODE = {info["asset"].lower(), info["multicall3"].lower()}
WORDS = {  # results of eth_call by selector; anything else (transferWithAuthorization) returns nothing
    "70a08231": encode(["uint256"], [10**12]), "e94a0102": encode(["uint256"], [0]), "313ce567": encode(["uint256"], [6]),
    "06fdde03": encode(["string"], ["USDC"]), "54fd4d50": encode(["string"], ["2"]), "95d89b41": encode(["string"], ["USDC"]),
}


def topic(address):
    return "0x" + address[2:].lower().rjust(64, "0")


def receipt(h):
    log = {"address": info["asset"], "topics": [TRANSFER_TOPIC, topic(buyer), topic(pay_to)], "data": f"0x{int(o.amount):064x}",
           "blockNumber": "0x1", "blockHash": H, "transactionHash": h, "transactionIndex": "0x0", "logIndex": "0x0", "removed": False}
    return {"transactionHash": h, "transactionIndex": "0x0", "blockHash": H, "blockNumber": "0x1", "from": fac, "to": info["asset"],
            "status": "0x1", "cumulativeGasUsed": "0x10000", "gasUsed": "0x10000", "effectiveGasPrice": "0x1", "contractAddress": None,
            "type": "0x2", "logsBloom": "0x" + "00" * 256, "logs": [log]}


def eth_call(call, *_):
    data = (call.get("input") or call.get("data"))[2:]
    sel = data[:8]
    if sel in ("bce38bd7", "82ad56cb"):  # Multicall3 tryAggregate, aggregate3
        kinds = ["bool", "(address,bytes)[]"] if sel == "bce38bd7" else ["(address,bool,bytes)[]"]
        calls = decode(kinds, bytes.fromhex(data[8:]))[-1]
        return "0x" + encode(["(bool,bytes)[]"], [[(True, WORDS.get(c[-1][:4].hex(), b"")) for c in calls]]).hex()
    return "0x" + WORDS.get(sel, b"").hex()


def block(*_):
    return {"number": "0x1", "hash": H, "parentHash": H, "timestamp": hex(int(time.time())), "baseFeePerGas": "0x7",
            "gasLimit": "0x1c9c380", "gasUsed": "0x0", "transactions": [], "miner": "0x" + "00" * 20, "difficulty": "0x0",
            "extraData": "0x", "logsBloom": "0x" + "00" * 256, "mixHash": H, "nonce": "0x" + "00" * 8, "receiptsRoot": H,
            "sha3Uncles": H, "size": "0x200", "stateRoot": H, "transactionsRoot": H, "uncles": []}


METHODS = {
    "eth_chainId": lambda *_: hex(info["chainId"]), "net_version": lambda *_: str(info["chainId"]),
    "eth_blockNumber": lambda *_: "0x1", "eth_gasPrice": lambda *_: "0x3b9aca00", "eth_maxPriorityFeePerGas": lambda *_: "0x3b9aca00",
    "eth_getTransactionCount": lambda *_: "0x0", "eth_getBalance": lambda *_: hex(10**24), "eth_estimateGas": lambda *_: "0x15f90",
    "eth_getCode": lambda who, *_: "0x00" if who.lower() in CODE else "0x", "eth_call": eth_call,
    "eth_feeHistory": lambda *_: {"oldestBlock": "0x1", "baseFeePerGas": ["0x7", "0x7"], "gasUsedRatio": [0.1], "reward": [["0x3b9aca00"]]},
    "eth_sendRawTransaction": lambda raw: "0x" + keccak(bytes.fromhex(raw[2:])).hex(),
    "eth_getTransactionReceipt": receipt, "eth_getBlockByNumber": block, "eth_getBlockByHash": block, "eth_getLogs": lambda *_: [],
}


def answer(req):
    fn = METHODS.get(req["method"])
    if not fn:
        return {"jsonrpc": "2.0", "id": req["id"], "error": {"code": -32601, "message": "not stubbed: " + req["method"]}}
    return {"jsonrpc": "2.0", "id": req["id"], "result": fn(*req.get("params", []))}


class Http(asyncio.Protocol):
    def connection_made(self, transport):
        self.out, self.buf = transport, b""

    def data_received(self, data):
        self.buf += data
        while (end := self.buf.find(b"\r\n\r\n")) >= 0:
            head = self.buf[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15:].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buf) < end + 4 + size:
                return
            req = json.loads(self.buf[end + 4:end + 4 + size] or b"[]")
            self.buf = self.buf[end + 4 + size:]
            out = json.dumps([answer(r) for r in req] if isinstance(req, list) else answer(req)).encode()
            self.out.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(out), out))


async def main():
    server = await asyncio.get_running_loop().create_server(Http, "127.0.0.1", o.port, backlog=256)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps(info | {"rpc": f"http://127.0.0.1:{port}", "pid": os.getpid()}), flush=True)
    await server.serve_forever()


try:
    import uvloop
    uvloop.run(main())
except ImportError:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
