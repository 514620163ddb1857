"""A paid link, bought by the official client and by buyers who try to cheat."""
import collections
import concurrent.futures
import time

import pytest

from appliance import seconds
from official import BUYERS, buy_sync
from wallet import (Wallet, authorize, facilitator_body, headers, high_s, offer, payload_v1, payload_v2, receipt, refusal,
                    separator_of)

PRICE, ATOMIC, CROWD = "0.05", "50000", 50
FAUCET = 1_000_000_000  # 1 000 USDC: what the sandbox gives an address it has never seen
NO_MATCH = "No matching payment requirements"


def terms(till, link, version=2):
    """The link's one offer, as `version` of the protocol has it."""
    v2, v1 = offer(till.call("GET", till.pay_path(link), key=None))
    return (v2 if version == 2 else v1)["accepts"][0]


def signed(wallet, accepted, version=2, **changes):
    build = payload_v2 if version == 2 else payload_v1
    return build(authorize(wallet, accepted, **changes), accepted)


def pay(till, link, payload):
    return till.call("GET", till.pay_path(link), headers=headers(payload), key=None)


def crowd(jobs):
    """Runs all jobs at the same time and returns their answers in order."""
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def untouched(till, wallet, accepted):
    """Whether the wallet still has everything the faucet gave it: it could pay all of it at once."""
    whole = accepted | {"amount": str(FAUCET)}
    return verify(till, payload_v2(authorize(wallet, whole), whole), whole)["isValid"]


def verify(till, payload, requirements):
    answer = till.call("POST", "/verify", facilitator_body(payload, requirements), key=None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def mentions(row, *ids):
    text = str(row)
    return any(one in text for one in ids)


# ---- the official client


@pytest.mark.parametrize("version", [2, 1])
@pytest.mark.parametrize("buyer", BUYERS)
def test_official_client_pays_a_link(till, buyer, version):
    product = till.product(PRICE, stock=5, content="Chapter one: it rained.")
    link = till.link(product_id=product["id"])
    bought = BUYERS[buyer](till.url + till.pay_path(link), version)

    assert bought.status == 200, bought.body
    assert bought.payload.x402_version == version
    assert "Chapter one: it rained." in str(bought.body["goods"])
    assert bought.body["status"] == "completed"
    assert bought.settlement.success and bought.settlement.payer.lower() == bought.payer.lower()
    assert bought.settlement.network == ("eip155:84532" if version == 2 else "base-sepolia")
    assert bought.settlement.transaction.startswith("0x") and len(bought.settlement.transaction) == 66

    payment_id, sale_id = bought.body["payment_id"], bought.body["sale_id"]
    payment = till.get(f"/api/payments/{payment_id}")
    assert payment["status"] == "completed" and payment["sale_id"] == sale_id and payment["link_id"] == link["id"]
    assert payment["transaction"] == bought.settlement.transaction and payment["payer"].lower() == bought.payer.lower()
    assert payment["atomic_amount"] == ATOMIC and payment["network"] == "eip155:84532" and payment["livemode"] is False
    assert [sale["id"] for sale in till.rows("/api/sales")] == [sale_id]
    assert any(mentions(entry, sale_id, payment_id) for entry in till.rows("/api/ledger/entries"))
    kinds = [event["event_type"] for event in till.get("/api/events?limit=100")["data"] if mentions(event, sale_id, payment_id)]
    assert {"sale.created", "payment.completed"} <= set(kinds) and len(kinds) == len(set(kinds))
    assert till.get(f"/api/products/{product['id']}")["stock"] == 4


def test_one_402_speaks_both_versions_and_writes_nothing(till):
    link = till.link(PRICE)
    answer = till.call("GET", till.pay_path(link), key=None)
    v2, v1 = offer(answer)
    ours, theirs = v2["accepts"][0], v1["accepts"][0]
    assert (v2["x402Version"], v1["x402Version"]) == (2, 1)
    assert ours["network"] == "eip155:84532" and theirs["network"] == "base-sepolia"
    assert ours["amount"] == theirs["maxAmountRequired"] == ATOMIC and ours["payTo"] == theirs["payTo"]
    assert ours["extra"]["name"] == "USDC" and ours["extra"]["version"] == "2" and ours["maxTimeoutSeconds"] == 300
    assert v2["resource"]["url"] == theirs["resource"] == till.url + till.pay_path(link)
    assert "no-store" in answer.headers["Cache-Control"]
    assert till.rows("/api/payments") == [] and till.rows("/api/sales") == []


def test_more_than_the_wallet_has(till):
    link = till.link("1000.01")
    wallet, accepted = Wallet(), terms(till, link)
    assert refusal(pay(till, link, signed(wallet, accepted))) == "invalid_exact_evm_insufficient_balance"
    assert untouched(till, wallet, accepted)


# ---- the same authorization again


def sale_of(answer):
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:500]}"
    body = answer.json()
    return body["payment_id"], body["sale_id"], str(body["goods"]), receipt(answer)["transaction"]


@pytest.mark.parametrize("version", [2, 1])
def test_again_gives_the_same_goods_and_no_new_sale(till, version):
    link = till.link(PRICE)
    payload = signed(Wallet(), terms(till, link, version), version)
    first = sale_of(pay(till, link, payload))
    assert [sale_of(pay(till, link, payload)) for _ in range(3)] == [first] * 3
    assert len(till.rows("/api/sales")) == len(till.rows("/api/payments")) == 1


def test_the_official_clients_own_header_again(till):
    link = till.link(PRICE)
    bought = buy_sync(till.url + till.pay_path(link))
    again = till.call("GET", till.pay_path(link), headers=bought.headers, key=None)
    assert sale_of(again)[:2] == (bought.body["payment_id"], bought.body["sale_id"])
    assert len(till.rows("/api/sales")) == 1


def test_fifty_at_once_are_one_sale(till):
    link = till.link(PRICE)
    wallet, accepted = Wallet(), terms(till, link)
    payload = signed(wallet, accepted)
    answers = crowd([lambda: pay(till, link, payload) for _ in range(CROWD)])
    # 202 is "settling: ask again", which a buyer does.
    assert {answer.status_code for answer in answers} <= {200, 202}
    settled = {sale_of(pay(till, link, payload))} | {sale_of(answer) for answer in answers if answer.status_code == 200}
    assert len(settled) == 1
    assert len(till.rows("/api/sales")) == len(till.rows("/api/payments")) == 1
    rest = accepted | {"amount": str(FAUCET - int(ATOMIC))}
    assert verify(till, payload_v2(authorize(wallet, rest), rest), rest)["isValid"], "charged more than once"


def test_on_another_link_of_the_same_price(till):
    link, other = till.link(PRICE), till.link(PRICE, title="Another report")
    payload = signed(Wallet(), terms(till, link))
    first = sale_of(pay(till, link, payload))
    elsewhere = pay(till, other, payload)
    assert elsewhere.status_code == 402, elsewhere.text
    assert sale_of(pay(till, link, payload)) == first
    assert len(till.rows("/api/sales")) == 1


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_after_the_server_went_away(till, end):
    link, other = till.link(PRICE), till.link(PRICE, title="Another report")
    payload = signed(Wallet(), terms(till, link))
    first = sale_of(pay(till, link, payload))
    getattr(till, end)()
    till.start()
    assert sale_of(pay(till, link, payload)) == first
    assert pay(till, other, payload).status_code == 402
    assert len(till.rows("/api/sales")) == 1


def test_the_same_nonce_in_the_other_version_or_form(till):
    """One authorization however it is wrapped: none of these may sell a second time."""
    link = till.link(PRICE)
    v2, v1 = terms(till, link, 2), terms(till, link, 1)
    inner = authorize(Wallet(), v2)
    first = sale_of(pay(till, link, payload_v2(inner, v2)))
    for form in (payload_v1(inner, v1), payload_v2(inner | {"signature": high_s(inner["signature"])}, v2)):
        answer = pay(till, link, form)
        assert answer.status_code in (200, 402), answer.text
        assert answer.status_code == 402 or sale_of(answer)[1] == first[1]
    assert len(till.rows("/api/sales")) == 1


# ---- tampering. What the buyer sends is matched against the link's terms, then checked in the reference's order.

OTHER = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
PREFIX = "invalid_exact_evm_payload_"
NOW = int(time.time())


def flip(signature):
    """The same signature with one bit of r turned."""
    return signature[:3] + ("1" if signature[3] != "1" else "2") + signature[4:]


def change_accepted(**fields):
    return lambda wallet, accepted: payload_v2(authorize(wallet, accepted), accepted | fields)


def sign_with(**fields):
    return lambda wallet, accepted: payload_v2(authorize(wallet, accepted, **fields), accepted)


def change_signed(**fields):
    def build(wallet, accepted):
        inner = authorize(wallet, accepted)
        inner["authorization"] |= fields
        return payload_v2(inner, accepted)
    return build


def change_signature(change):
    def build(wallet, accepted):
        inner = authorize(wallet, accepted)
        return payload_v2(inner | {"signature": change(inner["signature"])}, accepted)
    return build


def sign_for_asset(wallet, accepted):
    return payload_v2(authorize(wallet, accepted, separator_of(accepted | {"asset": OTHER})), accepted)


def sign_for_chain(wallet, accepted):
    return payload_v2(authorize(wallet, accepted, separator_of(accepted | {"network": "eip155:8453"})), accepted)


TAMPERED = {
    "accepted amount": (change_accepted(amount="1"), NO_MATCH),
    "accepted payee": (change_accepted(payTo=OTHER), NO_MATCH),
    "accepted network": (change_accepted(network="eip155:8453"), NO_MATCH),
    "accepted asset": (change_accepted(asset=OTHER), NO_MATCH),
    "accepted scheme": (change_accepted(scheme="upto"), NO_MATCH),
    "accepted time": (change_accepted(maxTimeoutSeconds=301), NO_MATCH),
    "accepted domain": (change_accepted(extra={"name": "USD Coin", "version": "2"}), NO_MATCH),
    "amount below": (sign_with(value=str(int(ATOMIC) - 1)), PREFIX + "authorization_value_mismatch"),
    "amount above": (sign_with(value=str(int(ATOMIC) + 1)), PREFIX + "authorization_value_mismatch"),
    "amount after signing": (change_signed(value="1"), PREFIX + "authorization_value_mismatch"),
    "payee": (sign_with(to=OTHER), PREFIX + "recipient_mismatch"),
    "payee after signing": (change_signed(to=OTHER), PREFIX + "recipient_mismatch"),
    "expired": (sign_with(validBefore=str(NOW - 10)), PREFIX + "authorization_valid_before"),
    "not yet valid": (sign_with(validAfter=str(NOW + 7200)), PREFIX + "authorization_valid_after"),
    "window after signing": (change_signed(validBefore=str(NOW + 999_999)), PREFIX + "signature"),
    "nonce after signing": (change_signed(nonce="0x" + "5a" * 32), PREFIX + "signature"),
    "payer after signing": (change_signed(**{"from": OTHER}), PREFIX + "signature"),
    "signature": (change_signature(flip), PREFIX + "signature"),
    "no signature": (change_signature(lambda _: ""), PREFIX + "signature"),
    "high s": (change_signature(high_s), PREFIX + "signature"),
    "asset": (sign_for_asset, PREFIX + "signature"),
    "network": (sign_for_chain, PREFIX + "signature"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampering_is_refused_by_name(shared, case):
    build, code = TAMPERED[case]
    link = shared.link(PRICE)
    wallet, accepted = Wallet(), terms(shared, link)
    sales = len(shared.rows("/api/sales"))
    assert refusal(pay(shared, link, build(wallet, accepted))) == code
    assert len(shared.rows("/api/sales")) == sales and untouched(shared, wallet, accepted)


@pytest.mark.parametrize("header", ["", "%%%", "bm90IGpzb24=", "e30=", "W10="])
def test_what_is_no_payment_is_answered_402(shared, header):
    link = shared.link(PRICE)
    for name in ("PAYMENT-SIGNATURE", "X-PAYMENT"):
        answer = shared.call("GET", shared.pay_path(link), headers={name: header}, key=None)
        assert answer.status_code in (400, 402), answer.text


# ---- gates that only one may pass


def rush(till, link):
    """Fifty buyers at once, each with a wallet of its own: (wallet, answer) of each."""
    accepted = terms(till, link)
    wallets = [Wallet() for _ in range(CROWD)]
    payloads = [signed(wallet, accepted) for wallet in wallets]
    answers = crowd([lambda payload=payload: pay(till, link, payload) for payload in payloads])
    return accepted, list(zip(wallets, answers))


def assert_one_winner(till, accepted, tried):
    statuses = collections.Counter(answer.status_code for _, answer in tried)
    assert statuses[200] == 1 and set(statuses) <= {200, 409, 410}, statuses
    for wallet, answer in tried:
        assert untouched(till, wallet, accepted) == (answer.status_code != 200), f"{answer.status_code}: charged or not paid"
    assert len(till.rows("/api/sales")) == 1
    winner = next(answer for _, answer in tried if answer.status_code == 200)
    assert till.rows("/api/sales")[0]["id"] == winner.json()["sale_id"]


def test_a_one_time_link_sells_once(till):
    accepted, tried = rush(till, link := till.link(PRICE, reusable=False))
    assert_one_winner(till, accepted, tried)
    assert till.call("GET", till.pay_path(link), key=None).status_code in (409, 410)


def test_the_last_unit_sells_once(till):
    product = till.product(PRICE, stock=1)
    accepted, tried = rush(till, link := till.link(product_id=product["id"]))
    assert_one_winner(till, accepted, tried)
    assert till.get(f"/api/products/{product['id']}")["stock"] == 0
    gone = till.call("GET", till.pay_path(link), key=None)
    assert gone.status_code == 409 and gone.json()["code"] == "out_of_stock"


def test_use_limit_is_exact(till):
    link = till.link(PRICE, max_uses=3)
    _, tried = rush(till, link)
    statuses = collections.Counter(answer.status_code for _, answer in tried)
    assert statuses[200] == 3 and set(statuses) <= {200, 409, 410}, statuses


def test_a_winner_may_ask_again_after_the_gate_has_closed(till):
    link = till.link(PRICE, reusable=False)
    payload = signed(Wallet(), terms(till, link))
    assert sale_of(pay(till, link, payload)) == sale_of(pay(till, link, payload))


def test_a_deactivated_or_unknown_link(till):
    link = till.link(PRICE)
    payload = signed(Wallet(), terms(till, link))
    till.call("POST", f"/api/payment-links/{link['id']}/deactivate", {})
    assert pay(till, link, payload).status_code in (404, 409, 410)
    unknown = till.call("GET", "/pay/no-such-token", key=None)
    assert unknown.status_code == 404 and unknown.json()["code"] == "link_not_found"
    assert till.rows("/api/sales") == []


def test_a_sale_takes_less_than_three_seconds(till):
    link = till.link(PRICE)
    began = time.monotonic()
    assert buy_sync(till.url + till.pay_path(link)).status == 200
    assert time.monotonic() - began < seconds(3)
