"""A buyer written from the standards alone: EIP-712, EIP-3009 and the two x402 wire formats.

Signs with libsecp256k1 directly, so that a test can make what no honest client would send and a bench can
sign thousands a second. `test_wallet.py` holds it against eth-account.
"""
import base64
import copy
import json
import os
import time

from coincurve import PrivateKey
from eth_hash.auto import keccak

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
TRANSFER_TYPE = keccak(
    b"TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
V1_NAMES = {"eip155:84532": "base-sepolia", "eip155:8453": "base"}
# Long enough that an authorization signed before a test is still good at its end.
VALID_SECONDS = 86_400


def word(value):
    """One ABI word of a number or an address."""
    return (int(value, 16) if isinstance(value, str) and value.startswith("0x") else int(value)).to_bytes(32, "big")


def domain_separator(name, version, chain_id, contract):
    return keccak(DOMAIN_TYPE + keccak(name.encode()) + keccak(version.encode()) + word(chain_id) + word(contract))


def checksum(raw):
    """EIP-55 text of a 20-byte address."""
    text = raw.hex()
    digest = keccak(text.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) >= 8 else c for c, d in zip(text, digest))


class Wallet:
    def __init__(self, secret=None):
        self.secret = secret or os.urandom(32)
        self.key = PrivateKey(self.secret)
        self.address = checksum(keccak(self.key.public_key.format(compressed=False)[1:])[12:])

    @classmethod
    def from_seed(cls, seed):
        return cls(keccak(b"till test wallet" + str(seed).encode()))

    def sign(self, digest):
        """r ‖ s ‖ v with low s and v 27 or 28."""
        raw = self.key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([raw[64] + 27])

    def sign_authorization(self, authorization, separator):
        words = b"".join(word(authorization[k]) for k in ("from", "to", "value", "validAfter", "validBefore", "nonce"))
        return self.sign(keccak(b"\x19\x01" + separator + keccak(TRANSFER_TYPE + words)))


def separator_of(requirements):
    extra = requirements.get("extra") or {}
    network = requirements["network"]
    chain = next((k for k, v in V1_NAMES.items() if v == network), network).split(":")[1]
    return domain_separator(extra.get("name", "USDC"), extra.get("version", "2"), int(chain), requirements["asset"])


def authorize(wallet, requirements, separator=None, **changes):
    """The inner payload, honestly signed for `requirements`; `changes` go in before signing."""
    authorization = {
        "from": wallet.address, "to": requirements["payTo"],
        "value": requirements.get("amount") or requirements["maxAmountRequired"], "validAfter": "0",
        "validBefore": str(int(time.time()) + VALID_SECONDS), "nonce": "0x" + os.urandom(32).hex()} | changes
    signature = wallet.sign_authorization(authorization, separator or separator_of(requirements))
    return {"signature": "0x" + signature.hex(), "authorization": authorization}


def high_s(signature):
    """The other signature of the same digest and key, which Ethereum has refused since Homestead."""
    raw = bytes.fromhex(signature[2:])
    s = ORDER - int.from_bytes(raw[32:64], "big")
    return "0x" + (raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])).hex()


def compact(signature):
    """EIP-2098: 64 bytes, the recovery bit in the top bit of s."""
    raw = bytes.fromhex(signature[2:])
    s = int.from_bytes(raw[32:64], "big") | ((raw[64] - 27) << 255)
    return "0x" + (raw[:32] + s.to_bytes(32, "big")).hex()


# ---- wire formats


def encode(document):
    return base64.b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()


def decode(header):
    return json.loads(base64.b64decode(header, validate=True))


def payload_v2(inner, accepted, resource=None):
    document = {"x402Version": 2, "payload": inner, "accepted": copy.deepcopy(accepted)}
    return document | ({"resource": resource} if resource else {})


def payload_v1(inner, requirements):
    return {"x402Version": 1, "scheme": requirements["scheme"], "network": requirements["network"], "payload": inner}


def headers(payload):
    """The request headers that carry `payload`."""
    return {"PAYMENT-SIGNATURE" if payload["x402Version"] == 2 else "X-PAYMENT": encode(payload)}


def offer(answer):
    """Both halves of a 402: the v2 document of the header and the v1 document of the body."""
    assert answer.status_code == 402, f"{answer.status_code}: {answer.text[:500]}"
    return decode(answer.headers["PAYMENT-REQUIRED"]), answer.json()


def refusal(answer):
    """The `error` of a 402, the same in both halves."""
    v2, v1 = offer(answer)
    assert v1["error"] == v2["error"]
    return v2["error"]


def receipt(answer):
    """The settlement that came with an answer."""
    return decode(answer.headers.get("PAYMENT-RESPONSE") or answer.headers["X-PAYMENT-RESPONSE"])


def facilitator_body(payload, requirements):
    return {"x402Version": payload["x402Version"], "paymentPayload": payload, "paymentRequirements": copy.deepcopy(requirements)}
