"""A Till of one's own: a data directory, a port, and the built binary as a child process."""
import functools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCOPES = ("admin", "read", "write", "payments")
# A debug build is judged by what it does, not by how fast: bounds of time are this much wider for it.
PATIENCE_OF_DEBUG = 3


def binary():
    """The binary under test: TILL_BIN, or the newest build in the checkout."""
    named = os.environ.get("TILL_BIN")
    found = [pathlib.Path(named)] if named else [ROOT / ".build" / kind / "till" for kind in ("release", "debug")]
    found = [path.resolve() for path in found if path.exists()]
    if not found:
        raise FileNotFoundError("no till binary: run scripts/test, or name one in TILL_BIN")
    return max(found, key=lambda path: path.stat().st_mtime)


def is_debug():
    return "debug" in binary().parts


def seconds(bound):
    """A bound of time as it applies to the binary under test."""
    return bound * (PATIENCE_OF_DEBUG if is_debug() else 1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_environment(extra=None):
    """The caller's environment without settings of Till: an unknown TILL_ variable is a fault by design."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TILL_")}
    return kept | {name: str(value) for name, value in (extra or {}).items()}


@functools.cache
def setting_names():
    """The names of all settings, as `till config` lists them."""
    out = subprocess.run([binary(), "config", "--json"], env=clean_environment(), capture_output=True, text=True, timeout=60)
    return frozenset(re.findall(r'"([a-z][a-z0-9_]+)"', out.stdout))


def settings_like(pattern, value):
    """Environment that gives `value` to every setting whose name matches; nothing where there is no such setting."""
    return {"TILL_" + name.upper(): str(value) for name in setting_names() if re.search(pattern, name)}


class Till:
    """`till serve` on a data directory of its own, in test mode on a loopback port."""

    def __init__(self, directory, env=None, data=None):
        self.directory = pathlib.Path(directory)
        self.data = pathlib.Path(data or self.directory / "data") / "till.sqlite"
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / "till.log"
        self.env = env or {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.key = None
        # A session of its own never inherits a proxy or a .netrc from the machine.
        self.http = requests.Session()
        self.http.trust_env = False

    # ---- the process

    def files(self):
        return ["--data", str(self.data), "--backups", str(self.directory / "backups")]

    def environment(self, extra=None):
        # Rate limits are not what these tests are about; a test that is about them sets its own.
        limits = settings_like(r"rate_limit", 1_000_000_000)
        return clean_environment(limits | self.env | (extra or {}))

    def spawn(self, env=None):
        """Starts the server without waiting for it."""
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "--listen", f"127.0.0.1:{self.port}", *self.files()],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment(env), start_new_session=True)
        return self

    def start(self, env=None, limit=30):
        """Starts the server and waits for its first line."""
        self.spawn(env)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            ready = next((line for line in self.lines() if line.get("message") == "ready"), None)
            if ready:
                self.url = (ready.get("url") or (ready.get("metadata") or {}).get("url") or self.url).rstrip("/")
                return self
            if self.process.poll() is not None:
                raise RuntimeError(f"till serve ended with {self.process.returncode}:\n{self.log_text()[-3000:]}")
            time.sleep(0.005)
        raise RuntimeError(f"till serve was not ready within {limit} s:\n{self.log_text()[-3000:]}")

    def log_text(self):
        return self.log.read_bytes()[self.log_start:].decode(errors="replace") if self.log.exists() else ""

    def lines(self):
        """The JSON lines of this life's log."""
        out = []
        for line in self.log_text().splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                continue
        return [line for line in out if isinstance(line, dict)]

    def stop(self, limit=30):
        """SIGTERM, and the exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=limit) if self.process else None

    def kill(self):
        """SIGKILL: nothing is flushed, nothing said."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait(timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.http.close()

    # ---- the command line

    def run(self, *args, env=None, timeout=60):
        """A command on this Till's files; the finished process."""
        return subprocess.run([binary(), *map(str, args), *self.files()], env=self.environment(env), capture_output=True,
                              text=True, timeout=timeout, stdin=subprocess.DEVNULL)

    def document(self, *args, **options):
        """A command's --json document. Fails with the command's own words."""
        done = self.run(*args, "--json", **options)
        if done.returncode != 0:
            raise AssertionError(f"till {' '.join(map(str, args))} ended with {done.returncode}: {done.stderr or done.stdout}")
        return json.loads(done.stdout)

    def make_key(self, scopes=SCOPES, name="tests"):
        return self.document("keys", "create", "--name", name, *(x for scope in scopes for x in ("--scope", scope)))

    # ---- the API

    def call(self, method, path, body=None, headers=None, key=True, timeout=60, **options):
        """One request. `key=True` uses this Till's own key, a string another one, None none."""
        if key is True:
            self.key = self.key or self.make_key()["secret"]
        secret = self.key if key is True else key
        headers = dict(headers or {}) | ({"Authorization": f"Bearer {secret}"} if secret else {})
        return self.http.request(method, self.url + path, json=body, headers=headers, timeout=timeout, **options)

    def get(self, path, **options):
        """The JSON of a GET that must succeed."""
        answer = self.call("GET", path, **options)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def post(self, path, body, **options):
        """The JSON of a POST that must succeed."""
        answer = self.call("POST", path, body, **options)
        assert answer.status_code in (200, 201), f"POST {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def rows(self, path):
        """Every row of a list, all pages."""
        out, cursor = [], None
        while True:
            page = self.get(f"{path}?limit=100" + (f"&cursor={cursor}" if cursor else ""))
            out += page["data"]
            cursor = page.get("next_cursor")
            if not cursor or not page["data"]:
                return out

    def product(self, price="0.05", stock=None, name="Report", content="The report, as sold."):
        return self.post("/api/products", {"name": name, "price": {"amount": price, "currency": "USD"}, "stock": stock,
                                           "content": content})

    def link(self, price="0.05", title="Report", currency="USD", **fields):
        """A payment link; `product_id=…` instead of a price is possible."""
        body = {"reusable": True} | fields
        if "product_id" not in fields:
            body |= {"title": title, "price": {"amount": price, "currency": currency}}
        return self.post("/api/payment-links", body)

    def pay_path(self, link):
        return f"/pay/{link['token']}"
