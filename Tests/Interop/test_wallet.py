"""The tests' own buyer against eth-account and the SDK's published vector."""
from eth_account import Account
from eth_account.messages import encode_typed_data

from wallet import Wallet, authorize, checksum, compact, domain_separator, high_s

REQUIREMENTS = {
    "scheme": "exact", "network": "eip155:84532", "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "amount": "10000",
    "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "maxTimeoutSeconds": 300, "extra": {"name": "USDC", "version": "2"}}
FIELDS = [("from", "address"), ("to", "address"), ("value", "uint256"), ("validAfter", "uint256"), ("validBefore", "uint256"),
          ("nonce", "bytes32")]


def recovered_by_eth_account(authorization, signature):
    message = {k: int(v) if t == "uint256" else v for (k, t), v in zip(FIELDS, (authorization[k] for k, _ in FIELDS))}
    data = encode_typed_data(
        {"name": "USDC", "version": "2", "chainId": 84532, "verifyingContract": REQUIREMENTS["asset"]},
        {"TransferWithAuthorization": [{"name": k, "type": t} for k, t in FIELDS]}, message)
    return Account.recover_message(data, signature=signature)


def test_signs_as_eth_account_does():
    wallet = Wallet(b"\x11" * 32)
    assert wallet.address == Account.from_key(b"\x11" * 32).address == "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
    inner = authorize(wallet, REQUIREMENTS)
    assert recovered_by_eth_account(inner["authorization"], inner["signature"]) == wallet.address


def test_published_vector():
    wallet = Wallet(b"\x11" * 32)
    inner = authorize(wallet, REQUIREMENTS, validAfter="1740672089", validBefore="1740672154",
                      nonce="0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480")
    assert inner["signature"] == ("0xd8686c42378dfacfbb7db155fb05d7fde8c56f2bd27201943badb5df97bd56dd"
                                  "42afcbc7e4d05e4af8d648098bfbfef333984d7fc9b3cc33e4e7b386b08741241c")


def test_domain_separator_of_the_vector():
    got = domain_separator("USDC", "2", 84532, REQUIREMENTS["asset"])
    assert got.hex() == "71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818"


def test_the_other_forms_of_a_signature():
    inner = authorize(Wallet(b"\x11" * 32), REQUIREMENTS)
    raw, other, short = (bytes.fromhex(x[2:]) for x in (inner["signature"], high_s(inner["signature"]), compact(inner["signature"])))
    assert (len(raw), len(other), len(short)) == (65, 65, 64)
    assert other[:32] == raw[:32] and other[32:64] != raw[32:64] and raw[64] + other[64] == 55


def test_checksum():
    assert checksum(bytes.fromhex("036cbd53842c5426634e7929541ec2318f3dcf7e")) == "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
