"""What /openapi.json promises, asked of every operation with data good and bad."""
import os
import pathlib
import subprocess
import sys

import pytest

from appliance import clean_environment

SEED = os.environ.get("SEED", "1")
EXAMPLES = os.environ.get("SCHEMA_EXAMPLES", "15")
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
          "response_schema_conformance")
SCHEMATHESIS = pathlib.Path(sys.executable).with_name("schemathesis")


@pytest.mark.parametrize("access", ["with a key", "without a key"])
def test_every_answer_is_as_the_document_says(till, tmp_path, access):
    link = till.link("0.05")
    till.product("0.10", stock=3)
    assert till.call("GET", till.pay_path(link), key=None).status_code == 402
    header = ["-H", f"Authorization: Bearer {till.make_key()['secret']}"] if access == "with a key" else []
    done = subprocess.run(
        [SCHEMATHESIS, "run", till.url + "/openapi.json", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing",
         "--max-examples", EXAMPLES, "--seed", SEED, "--suppress-health-check", "all", "--request-timeout", "10", "--no-color",
         "--continue-on-failure",
         # A stream of events has no end to wait for.
         "--exclude-path-regex", "/stream$", *header],
        cwd=tmp_path, env=clean_environment({"HYPOTHESIS_STORAGE_DIRECTORY": tmp_path}), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
    print(done.stdout[-1500:])
    assert till.process.poll() is None, "the server went away"
    till.stop()
    audit = till.run("doctor", "--json")
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_the_document_is_the_one_the_command_prints(till):
    served = till.get("/openapi.json", key=None)
    printed = till.document("openapi")
    assert served["openapi"].startswith("3.1") and served["paths"] == printed["paths"]


def test_problems_look_as_promised(till):
    answers = {
        "no key": till.call("GET", "/api/sales", key=None), "wrong key": till.call("GET", "/api/sales", key="sk_test_nothing"),
        "no route": till.call("GET", "/api/nothing"), "unknown field": till.call("POST", "/api/products", {"nmae": "typo"}),
        "not JSON": till.http.post(till.url + "/api/products", data="{", headers={
            "Authorization": f"Bearer {till.key}", "Content-Type": "application/json"}, timeout=30)}
    wanted = {"no key": 401, "wrong key": 401, "no route": 404, "unknown field": 400, "not JSON": 400}
    for name, answer in answers.items():
        assert answer.status_code == wanted[name], f"{name}: {answer.status_code} {answer.text[:300]}"
        assert answer.headers["Content-Type"].startswith("application/problem+json"), name
        problem = answer.json()
        assert {"type", "title", "status", "code", "retryable", "request_id"} <= set(problem), name
        assert problem["status"] == answer.status_code and problem["request_id"] == answer.headers["X-Request-Id"], name
    assert answers["unknown field"].json()["code"] == "unknown_field"


def test_a_key_without_the_scope_is_refused(till):
    reader = till.make_key(("read",))["secret"]
    assert till.call("GET", "/api/sales", key=reader).status_code == 200
    assert till.call("POST", "/api/products", {"name": "x", "price": {"amount": "1", "currency": "USD"}}, key=reader).status_code == 403


def test_an_idempotency_key_acts_once(till):
    wish = {"name": "Report", "price": {"amount": "1.00", "currency": "USD"}}
    first, again = (till.call("POST", "/api/products", wish, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert first.status_code in (200, 201) and again.status_code == first.status_code and again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    other = till.call("POST", "/api/products", wish | {"name": "Other"}, headers={"Idempotency-Key": "one"})
    assert other.status_code == 422 and other.json()["code"] == "idempotency_key_reused"
    assert len(till.rows("/api/products")) == 1


def test_pages_of_a_list_have_every_row_once(till):
    made = [till.product(name=f"Product {n}")["id"] for n in range(25)]
    seen, cursor = [], ""
    while cursor is not None:
        page = till.get("/api/products?limit=10" + (f"&cursor={cursor}" if cursor else ""))
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]


@pytest.mark.parametrize("form, start", [("svg", b"<"), ("png", b"\x89PNG")])
def test_qr(till, form, start):
    link = till.link("0.05")
    answer = till.call("GET", f"/api/qr?token={link['token']}&size=300&format={form}", key=None)
    assert answer.status_code == 200 and answer.content.startswith(start) and form in answer.headers["Content-Type"]
    assert till.call("GET", f"/api/qr?token={link['token']}&size=49&format={form}", key=None).status_code == 400
