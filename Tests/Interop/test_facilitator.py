"""Till as facilitator: of the official SDK's servers, and of bodies with one thing wrong each."""
import concurrent.futures
import contextlib
import copy
import threading
import time

import pytest
import uvicorn
from eth_abi import encode as abi_encode
from fastapi import FastAPI
from flask import Flask, jsonify
from werkzeug.serving import make_server
from x402 import x402ResourceServer, x402ResourceServerSync
from x402.http import FacilitatorConfig, HTTPFacilitatorClient, HTTPFacilitatorClientSync
from x402.http.middleware.fastapi import payment_middleware as fastapi_middleware
from x402.http.middleware.flask import payment_middleware as flask_middleware
from x402.mechanisms.evm.exact import register_exact_evm_server

from appliance import free_port
from official import BUYERS
from wallet import Wallet, authorize, compact, facilitator_body, high_s, payload_v1, payload_v2

NETWORK, USDC = "eip155:84532", "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
SELLER, OTHER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
FAUCET = 1_000_000_000
NOW = int(time.time())
TERMS = {2: {"scheme": "exact", "network": NETWORK, "asset": USDC, "amount": "1000", "payTo": SELLER, "maxTimeoutSeconds": 60,
             "extra": {"name": "USDC", "version": "2"}}}
TERMS[1] = {k: v for k, v in TERMS[2].items() if k != "amount"} | {
    "network": "base-sepolia", "maxAmountRequired": "1000", "resource": "http://127.0.0.1/report", "description": "report",
    "mimeType": "application/json"}


# ---- the official servers

ROUTES = {"GET /report": {"accepts": {"scheme": "exact", "payTo": SELLER, "price": "$0.02", "network": NETWORK,
                                      "maxTimeoutSeconds": 60}}}


@contextlib.contextmanager
def fastapi_shop(facilitator):
    core = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(url=facilitator)))
    register_exact_evm_server(core, NETWORK)
    app = FastAPI()
    app.middleware("http")(fastapi_middleware(ROUTES, core))

    @app.get("/report")
    async def report():
        return {"goods": "paid through FastAPI"}

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@contextlib.contextmanager
def flask_shop(facilitator):
    core = x402ResourceServerSync(HTTPFacilitatorClientSync(FacilitatorConfig(url=facilitator)))
    register_exact_evm_server(core, NETWORK)
    app = Flask("shop")
    flask_middleware(app, ROUTES, core)

    @app.get("/report")
    def report():
        return jsonify(goods="paid through Flask")

    server = make_server("127.0.0.1", free_port(), app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()


@pytest.mark.parametrize("buyer", BUYERS)
@pytest.mark.parametrize("shop", [fastapi_shop, flask_shop])
def test_official_server_settles_through_till(shared, shop, buyer):
    with shop(shared.url) as url:
        bought = BUYERS[buyer](url + "/report")
    assert bought.status == 200 and bought.body["goods"].startswith("paid through")
    assert bought.settlement.success and bought.settlement.network == NETWORK
    assert bought.settlement.transaction.startswith("0x") and len(bought.settlement.transaction) == 66


def test_official_client_of_a_facilitator_reads_supported(shared):
    supported = HTTPFacilitatorClientSync(FacilitatorConfig(url=shared.url)).get_supported()
    kinds = {(kind.x402_version, kind.scheme, kind.network) for kind in supported.kinds}
    assert {(2, "exact", NETWORK), (1, "exact", "base-sepolia")} <= kinds


@pytest.mark.parametrize("path", ["/supported", "/x402/facilitator/supported"])
def test_supported(shared, path):
    document = shared.get(path, key=None)
    assert set(document) >= {"kinds", "extensions", "signers"}
    assert all(set(kind) >= {"x402Version", "scheme", "network"} for kind in document["kinds"])
    assert isinstance(document["extensions"], list) and all(isinstance(v, list) for v in document["signers"].values())


# ---- verify: the right body, then one mutation for each documented code that needs no chain


def body(version=2, wallet=None, terms=None, **changes):
    requirements = copy.deepcopy(terms or TERMS[version])
    inner = authorize(wallet or Wallet(), requirements, **changes)
    return facilitator_body((payload_v2 if version == 2 else payload_v1)(inner, requirements), requirements)


def post(till, path, document):
    """A facilitator says no with 200, or the official client raises instead of reading."""
    answer = till.call("POST", path, document, key=None)
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:500]}"
    return answer.json()


@pytest.mark.parametrize("path", ["/verify", "/x402/facilitator/verify"])
@pytest.mark.parametrize("version", [2, 1])
def test_valid(shared, version, path):
    wallet = Wallet()
    answer = post(shared, path, body(version, wallet))
    assert answer["isValid"] is True and answer["payer"].lower() == wallet.address.lower()
    assert not answer.get("invalidReason")


@pytest.mark.parametrize("form", ["27/28", "0/1", "compact"])
def test_every_form_of_an_honest_signature(shared, form):
    document = body()
    inner = document["paymentPayload"]["payload"]
    raw = bytes.fromhex(inner["signature"][2:])
    inner["signature"] = {"27/28": inner["signature"], "0/1": "0x" + (raw[:64] + bytes([raw[64] - 27])).hex(),
                          "compact": compact(inner["signature"])}[form]
    assert post(shared, "/verify", document)["isValid"] is True


def test_unknown_fields_and_case_are_tolerated(shared):
    document = body()
    document["paymentPayload"] |= {"extensions": None, "somethingNew": {"a": 1}}
    document["paymentPayload"]["payload"]["authorization"]["to"] = SELLER.lower()
    assert post(shared, "/verify", document)["isValid"] is True


def at(document, path):
    for name in path[:-1]:
        document = document[name]
    return document, path[-1]


def put(path, value):
    def change(document):
        holder, name = at(document, path.split("."))
        holder[name] = value(holder[name]) if callable(value) else value
        return document
    return lambda: change(body())


def drop(path):
    def change(document):
        holder, name = at(document, path.split("."))
        del holder[name]
        return document
    return lambda: change(body())


def everywhere(name, value, resign=True):
    """The same honest mistake on both sides, signed as such."""
    def make():
        terms = copy.deepcopy(TERMS[2])
        holder, last = at(terms, name.split("."))
        holder[last] = value
        return body(terms=terms)
    return make


def without_domain():
    document = body()
    del document["paymentRequirements"]["extra"]["name"]
    return document


def counterfactual():
    """ERC-6492: a wallet that a factory of the sender's choosing would deploy. Denied by default."""
    document = body()
    inner = document["paymentPayload"]["payload"]
    wrapped = abi_encode(["address", "bytes", "bytes"], [OTHER, b"\x01\x02", bytes.fromhex(inner["signature"][2:])])
    inner["signature"] = "0x" + wrapped.hex() + "6492" * 16
    return document


def poor():
    return body(terms=TERMS[2] | {"amount": str(FAUCET + 1)})


AUTHORIZATION, SIGNATURE = "paymentPayload.payload.authorization.", "paymentPayload.payload.signature"
EVM, PAYLOAD = "invalid_exact_evm_", "invalid_exact_evm_payload_"
TABLE = [
    # what is wrong, how to make it, the codes of the reference that name it
    ("version 3", put("paymentPayload.x402Version", 3), {"invalid_x402_version"}),
    ("scheme of the payload", put("paymentPayload.accepted.scheme", "upto"), {"unsupported_scheme"}),
    ("scheme of both", everywhere("scheme", "deferred"), {"unsupported_scheme", "invalid_scheme"}),
    ("network of the payload", put("paymentPayload.accepted.network", "eip155:8453"), {"network_mismatch"}),
    ("network of the requirements", put("paymentRequirements.network", "eip155:8453"), {"network_mismatch"}),
    ("a network Till does not have", everywhere("network", "eip155:424242"), {"invalid_network", EVM + "failed_to_get_network_config"}),
    ("no authorization", drop("paymentPayload.payload.authorization"), {"invalid_payload"}),
    ("no value", drop(AUTHORIZATION + "value"), {"invalid_payload"}),
    ("value is no number", put(AUTHORIZATION + "value", "ten"), {"invalid_payload"}),
    ("value is negative", put(AUTHORIZATION + "value", "-1"), {"invalid_payload"}),
    ("value of 257 bits", put(AUTHORIZATION + "value", str(2**256)), {"invalid_payload", PAYLOAD + "authorization_value_mismatch"}),
    ("nonce is short", put(AUTHORIZATION + "nonce", "0x12"), {"invalid_payload"}),
    ("payer is no address", put(AUTHORIZATION + "from", "me"), {"invalid_payload"}),
    ("requirements without amount", drop("paymentRequirements.amount"), {"invalid_payment_requirements"}),
    ("amount is no number", put("paymentRequirements.amount", "1e3"), {"invalid_payment_requirements"}),
    ("no name of the token", without_domain, {"missing_eip712_domain"}),
    ("payee", put(AUTHORIZATION + "to", OTHER), {PAYLOAD + "recipient_mismatch"}),
    ("value below", put(AUTHORIZATION + "value", "999"), {PAYLOAD + "authorization_value_mismatch"}),
    ("value above", put(AUTHORIZATION + "value", "1001"), {PAYLOAD + "authorization_value_mismatch"}),
    ("expired", lambda: body(validBefore=str(NOW - 1)), {PAYLOAD + "authorization_valid_before"}),
    ("expires before it can settle", lambda: body(validBefore=str(int(time.time()) + 3)), {PAYLOAD + "authorization_valid_before"}),
    ("not yet valid", lambda: body(validAfter=str(NOW + 3600)), {PAYLOAD + "authorization_valid_after"}),
    ("empty signature", put(SIGNATURE, ""), {PAYLOAD + "signature"}),
    # Any length but 65 is a contract's own format to the SDK, and the payer has no contract.
    ("short signature", put(SIGNATURE, "0x1234"), {PAYLOAD + "undeployed_smart_wallet"}),
    ("signature is no hex", put(SIGNATURE, "0xzz"), {PAYLOAD + "signature", EVM + "failed_to_verify_signature", "invalid_payload"}),
    ("signature of zeros", put(SIGNATURE, "0x" + "00" * 65), {PAYLOAD + "signature"}),
    ("someone else's signature", put(SIGNATURE, lambda _: body()["paymentPayload"]["payload"]["signature"]), {PAYLOAD + "signature"}),
    ("high s", put(SIGNATURE, high_s), {PAYLOAD + "signature"}),
    ("recovery id 5", put(SIGNATURE, lambda s: s[:-2] + "05"), {EVM + "failed_to_verify_signature"}),
    ("nonce after signing", put(AUTHORIZATION + "nonce", "0x" + "ab" * 32), {PAYLOAD + "signature"}),
    ("signed for mainnet", lambda: body_signed_for("eip155:8453"), {PAYLOAD + "signature"}),
    ("factory not allowed", counterfactual, {"eip6492_factory_not_allowed", PAYLOAD + "undeployed_smart_wallet"}),
    ("another token", everywhere("asset", OTHER), {"asset_not_deployed_contract", EVM + "eip3009_not_supported"}),
    ("name of the token", everywhere("extra.name", "USD Coin"), {EVM + "token_name_mismatch"}),
    ("version of the token", everywhere("extra.version", "1"), {EVM + "token_version_mismatch"}),
    ("more than the payer has", poor, {EVM + "insufficient_balance"}),
]


def body_signed_for(network):
    document = body()
    document["paymentPayload"]["payload"] = authorize(Wallet(), TERMS[2] | {"network": network})
    return document


@pytest.mark.parametrize("case", TABLE, ids=[row[0] for row in TABLE])
def test_verify_names_the_reason(shared, case):
    _, make, codes = case
    answer = post(shared, "/verify", make())
    assert answer["isValid"] is False and answer["invalidReason"] in codes, answer


@pytest.mark.parametrize("case", TABLE, ids=[row[0] for row in TABLE])
def test_settle_refuses_what_verify_refuses(shared, case):
    _, make, codes = case
    answer = post(shared, "/settle", make())
    assert answer["success"] is False and answer["errorReason"] in codes, answer
    assert answer["transaction"] == "" and "network" in answer


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', '{"x402Version":2}'])
@pytest.mark.parametrize("path", ["/verify", "/settle"])
def test_what_cannot_be_read_is_400(shared, path, text):
    answer = shared.http.post(shared.url + path, data=text, headers={"Content-Type": "application/json"}, timeout=30)
    assert answer.status_code == 400, answer.text


# ---- settle


def test_verify_moves_nothing(shared):
    document = body()
    assert all(post(shared, "/verify", document)["isValid"] for _ in range(3))
    assert post(shared, "/settle", document)["success"]


@pytest.mark.parametrize("version", [2, 1])
def test_a_second_settle_is_a_duplicate(shared, version):
    wallet = Wallet()
    document = body(version, wallet)
    first = post(shared, "/settle", document)
    assert first["success"] is True and first["payer"].lower() == wallet.address.lower()
    assert first["network"] == TERMS[version]["network"]
    second = post(shared, "/settle", document)
    assert second["success"] is False and second["errorReason"] == "duplicate_settlement"
    assert second["transaction"] == first["transaction"]
    used = post(shared, "/verify", document)
    assert used["isValid"] is False and used["invalidReason"] == "invalid_exact_evm_nonce_already_used"


def test_fifty_settles_at_once_succeed_once(shared):
    wallet = Wallet()
    document = body(wallet=wallet)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = [f.result() for f in [pool.submit(post, shared, "/settle", document) for _ in range(50)]]
    assert sum(answer["success"] for answer in answers) == 1
    assert {answer.get("errorReason") for answer in answers if not answer["success"]} <= {"duplicate_settlement", "settlement_pending"}
    assert len({answer["transaction"] for answer in answers}) == 1
    rest = body(wallet=wallet, terms=TERMS[2] | {"amount": str(FAUCET - 1000)})
    assert post(shared, "/verify", rest)["isValid"], "charged more than once"


def test_a_settle_is_still_a_duplicate_after_a_kill(till):
    document = body()
    first = post(till, "/settle", document)
    till.kill()
    till.start()
    second = post(till, "/settle", document)
    assert (second["success"], second["errorReason"], second["transaction"]) == (False, "duplicate_settlement", first["transaction"])
