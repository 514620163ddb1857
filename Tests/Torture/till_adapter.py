"""crashloop's adapter for Till: buyers pay one link over HTTP with signed authorizations.

An authorization's nonce is its idempotency key: the same header is sent again until it is answered. What
the server owes is a sale for each acknowledged authorization, once, with its entry and its events, and no
refusal of any of them. The sandbox settles inside the file, so there is no outside effect to count.
"""
import collections
import http.client
import json
import os
import pathlib
import subprocess
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Interop"))
from appliance import SCOPES, binary, clean_environment, settings_like  # noqa: E402
from crashloop import Adapter, Intent, Snapshot  # noqa: E402
from wallet import Wallet, authorize, decode, headers, payload_v2  # noqa: E402

PRICE = {"amount": "0.01", "currency": "USD"}
BUYERS = 16
ONCE = ("payment.completed", "sale.created")
TILL = binary()

# crashloop hands the server its own environment: no variable Till would refuse, and no limit of rate, which is not the question.
os.environ.pop("TILL_BIN", None)
os.environ.update(settings_like("rate_limit", 1_000_000_000))


class TillAdapter(Adapter):
    state_rank = {"pending": 1, "verified": 2, "settling": 3, "unknown": 3, "completed": 4, "failed": 4}

    def __init__(self, ctx):
        super().__init__(ctx)
        self.data = os.path.join(ctx.dir, "till.sqlite")
        self.wallets = [Wallet.from_seed(n) for n in range(BUYERS)]

    def command(self, *args):
        return subprocess.run([TILL, *args, "--json", "--data", self.data, "--backups", os.path.join(self.ctx.dir, "..", "backups")],
                              env=clean_environment(), capture_output=True, text=True, timeout=120)

    def api(self, method, path, body=None, timeout=10):
        return self.ctx.http(method, path, body, {"Authorization": "Bearer " + self.key}, timeout=timeout)

    def ready(self):
        return self.ctx.http("GET", "/health", timeout=1)[0] == 200

    def setup(self):
        made = self.command("keys", "create", "--name", "crashloop", *(x for scope in SCOPES for x in ("--scope", scope)))
        self.key = json.loads(made.stdout)["secret"]
        _, link = self.api("POST", "/api/payment-links", {"title": "Report", "price": PRICE, "reusable": True})
        self.path = "/pay/" + link["token"]
        self.accepted = self.offer()

    def offer(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.ctx.port, timeout=10)
        connection.request("GET", self.path)
        answer = connection.getresponse()
        terms = decode(answer.getheader("PAYMENT-REQUIRED"))
        connection.close()
        return terms["accepts"][0]

    def next_intent(self, rng):
        nonce = "0x" + rng.getrandbits(256).to_bytes(32, "big").hex()
        inner = authorize(rng.choice(self.wallets), self.accepted, nonce=nonce)
        return Intent(key=nonce, kind="pay", body=dict(PRICE) | {"header": headers(payload_v2(inner, self.accepted))})

    def execute(self, intent):
        status, body = self.ctx.http("GET", self.path, headers=intent.body["header"])
        if status == 200:
            intent.subject, intent.answer = body["payment_id"], body
            return "acked"
        # 202 settling, 409 someone else holds it, 429 and 5xx: ask again with the same authorization.
        return "unknown" if status in (202, 409, 429) or status >= 500 else "refused"

    def read(self, subject):
        status, row = self.api("GET", "/api/payments/" + subject)
        if status == 404:
            return None
        if status != 200:
            raise OSError(f"status {status}")
        return {"state": row["status"], **row["price"]}

    def rows(self, path):
        out, cursor = [], None
        while True:
            query = "?limit=100" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else "")
            status, page = self.api("GET", path + query, timeout=60)
            if status != 200:
                raise OSError(f"{path}: status {status}")
            out += page["data"]
            cursor = page["next_cursor"]
            if not cursor or not page["data"]:
                return out

    def events(self):
        out, after = [], None
        while True:
            query = "?limit=100" + (f"&after={urllib.parse.quote(after)}" if after else "")
            status, page = self.api("GET", "/api/events" + query, timeout=60)
            if status != 200:
                raise OSError(f"/api/events: status {status}")
            if not page["data"] or page["data"][-1]["id"] == after:
                return out
            out += page["data"]
            after = page["data"][-1]["id"]

    def quiescent(self):
        return self.ready()

    def snapshot(self):
        self.sales, self.feed = self.rows("/api/sales"), self.events()
        snap = Snapshot()
        snap.payments = {row["id"]: {**row["price"], "state": row["status"], "key": None, "transaction": row["transaction"]}
                         for row in self.rows("/api/payments")}
        return snap

    def databases(self):
        return [self.data]

    def extra(self, snap, harness):
        acked = {i.subject for i in harness.intents if i.status == "acked"}
        moved = collections.Counter(row["transaction"] for row in snap.payments.values())
        sold = collections.Counter(row["payment_id"] for row in self.sales)
        told = collections.Counter((e["event_type"], (e.get("payload") or {}).get("payment_attempt_id") or e["resource_id"])
                                   for e in self.feed)
        doctor = self.command("doctor")

        def verdict(name, bad):
            return name, not bad, str(bad)[:400]

        return [
            verdict("18 a payment for each acknowledged authorization, and no other", sorted(set(snap.payments) ^ acked)[:3]),
            verdict("19 every payment is completed", [k for k, row in snap.payments.items() if row["state"] != "completed"][:3]),
            verdict("20 one transaction a payment", [k for k, n in moved.items() if n > 1 or not k][:3]),
            verdict("21 one sale a payment", [k for k in acked if sold[k] != 1][:3]),
            verdict("22 one event for each fact", [(kind, k) for kind in ONCE for k in acked if told[kind, k] != 1][:3]),
            verdict("23 no honest authorization is refused", dict(harness.refusals)),
            verdict("24 till doctor", "" if doctor.returncode == 0 else doctor.stdout + doctor.stderr),
        ]


def make_adapter(ctx):
    return TillAdapter(ctx)
