#!/usr/bin/env python3
"""crashloop: a crash-consistency harness (Python 3.9+, standard library only).

It starts a server, drives a workload through an adapter, kills the server with SIGKILL at random
moments N times (seeded), restarts it each time, and at the end judges invariants.

  python3 crashloop.py --adapter till_adapter.py --kills 100 --seed 1 --dir RUN \
      -- ../../.build/release/till serve --data {dir}/till.sqlite --listen 127.0.0.1:{port}

{dir} {port} {hook} {rail} are filled in. Everything is on loopback; the harness signals only process
groups that it created itself. Kinds of death, drawn per life:
  random   SIGKILL at a random time after the server is ready
  startup  SIGKILL at a random time within the start (recovery is interrupted: a crash within a crash)
  term     SIGTERM, then SIGKILL if it has not gone after --grace seconds
  freeze   SIGSTOP for a moment, then SIGKILL
  iokill   (with --shim faultshim.so) the server kills itself just before its K-th write/sync on --shim-path,
           K random: this reaches the microsecond windows inside a commit that timed kills almost never hit
  iofault  (with --shim and --faults) from the K-th such operation on, W of them fail with an errno (or write short):
           the server may answer 5xx or stop; it must not acknowledge what it did not keep. Then SIGKILL.
With --record a life ends by SIGTERM or by the shim alone: a SIGKILL from outside may come between an operation and its
record, and a record that lacks an operation that happened would be judged wrongly.
--sweep 1:2000:1 replaces the draw: one life for each K of the range, dying (--sweep-action kill or killafter) or failing
(EIO, ENOSPC, short; --sweep-width operations from the K-th on) at exactly the K-th operation, as SQLite's own I/O tests do.
Exit code: 0 all invariants hold, 1 a violation, 2 the harness itself could not do its work.
"""
import argparse, collections, dataclasses, hashlib, http.client, http.server, importlib.util, json, os, queue, random
import shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time, traceback


# ---------------------------------------------------------------- what an adapter gives and gets
@dataclasses.dataclass
class Intent:
    """One thing the client wants done. `key` is its idempotency key; it is retried with the same key."""
    key: str
    kind: str
    body: dict
    status: str = "new"          # new | acked | unknown | refused
    subject: str = ""            # the id the server gave it
    tries: int = 0
    acked_seq: int = 0           # position in the recorded I/O log when the answer had arrived
    answer: dict = None


@dataclasses.dataclass
class Snapshot:
    """The server's whole state at rest, as the adapter reads it over the API (or out of the database)."""
    payments: dict = dataclasses.field(default_factory=dict)   # id -> {"key","amount","currency","state"}
    ledger: list = dataclasses.field(default_factory=list)     # {"tx","subject","account","currency","amount"}
    events: list = dataclasses.field(default_factory=list)     # {"id","subject","type"}
    audit: list = dataclasses.field(default_factory=list)      # {"prev","hash","payload","subject"} in order


class Adapter:
    """Subclass this. Every method may raise; outside a kill window that counts as a violation."""
    state_rank = {}              # state -> rank; an observed rank must never fall
    final_states = ()            # states in which a payment has been paid out
    event_types = ()             # event types every payment must have once all is at rest
    audit_of = {}                # event type -> the `what` of the audit entry that each such fact must have, once
    genesis = ""                 # `prev` of the first audit entry

    def __init__(self, ctx): self.ctx = ctx
    def ready(self): raise NotImplementedError                 # -> bool
    def setup(self): pass                                      # once, after the first start
    def next_intent(self, rng): raise NotImplementedError      # -> Intent
    def execute(self, intent): raise NotImplementedError       # -> "acked" | "unknown" | "refused"
    def read(self, subject): raise NotImplementedError         # -> {"amount","state",..} or None
    def hook(self, headers, body): raise NotImplementedError   # -> (event id, subject, type) of a delivery
    def rail(self, path, headers, body): raise NotImplementedError  # -> (effect key, subject) of an outgoing effect
    def quiescent(self): raise NotImplementedError             # -> bool: nothing left to do
    def snapshot(self): raise NotImplementedError              # -> Snapshot
    def databases(self): return []                             # SQLite files
    def audit_hash(self, prev, payload): return hashlib.sha256((prev + payload).encode()).hexdigest()
    def extra(self, snap, h): return []                        # -> [(name, ok, detail)]


# ---------------------------------------------------------------- helpers
def http_json(port, method, path, body=None, headers=None, timeout=5):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        c.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
        r = c.getresponse()
        raw = r.read()
        return r.status, (json.loads(raw) if raw else None)
    finally:
        c.close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sink:
    """Receives webhooks (/hook) and outgoing effects (/rail). Misbehaves at a seeded rate."""
    def __init__(self, adapter, seed, p_fail, p_drop, p_slow):
        self.adapter, self.rng, self.lock = adapter, random.Random(seed), threading.Lock()
        self.p_fail, self.p_drop, self.p_slow = p_fail, p_drop, p_slow
        self.received = collections.defaultdict(list)     # event id -> [body hash]
        self.accepted = collections.Counter()             # event id -> answers 200 sent
        self.about = {}                                   # event id -> (subject, type)
        self.effects = {}                                 # effect key -> subject (the rail runs a key once, as Stripe does)
        self.effect_calls = collections.Counter()
        self.bad = []
        self.calm = False
        outer = self

        class H(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *a): pass
            def do_POST(self):
                try: body, whole = outer.body(self)
                except OSError: body, whole = b"", False
                if not whole: self.close_connection = True; return       # cut short: the sender was killed while sending
                with outer.lock:
                    x = 1.0 if outer.calm else outer.rng.random()
                fail, drop, slow = x < outer.p_fail, outer.p_fail <= x < outer.p_fail + outer.p_drop, x > 1 - outer.p_slow and not outer.calm
                if slow: time.sleep(0.05)
                out = {}
                try:
                    if self.path.startswith("/rail"):
                        key, subject = outer.adapter.rail(self.path, self.headers, body)
                        with outer.lock:
                            outer.effect_calls[key] += 1
                            if not fail:
                                if key in outer.effects and outer.effects[key] != subject:
                                    outer.bad.append(f"effect key {key} used for {outer.effects[key]} and {subject}")
                                outer.effects.setdefault(key, subject)
                        out = {"effect": key}
                    else:
                        eid, subject, typ = outer.adapter.hook(self.headers, body)
                        with outer.lock:
                            outer.received[eid].append(hashlib.sha256(body).hexdigest()[:16])
                            outer.about[eid] = (subject, typ)
                            if not fail and not drop: outer.accepted[eid] += 1
                except Exception as e:
                    outer.bad.append(f"sink could not read a delivery: {e!r}")
                if drop:                                   # done, but the answer is lost
                    self.close_connection = True
                    try: self.connection.shutdown(socket.SHUT_RDWR)
                    except OSError: pass
                    return
                raw = json.dumps(out).encode()
                try:
                    self.send_response(500 if fail else 200)
                    self.send_header("Content-Length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    pass

        class S(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128
            def handle_error(self, *a): pass
        def body(h):
            if "chunked" in (h.headers.get("Transfer-Encoding") or "").lower():
                out = b""
                while True:
                    line = h.rfile.readline(80)
                    if not line.endswith(b"\n"): return out, False
                    k = int(line.split(b";")[0], 16)
                    part = h.rfile.read(k + 2)
                    if len(part) < k + 2: return out, False
                    if k == 0: return out, True
                    out += part[:k]
            n = int(h.headers.get("Content-Length") or 0)
            b = h.rfile.read(n)
            return b, len(b) == n
        self.body = body
        self.server = S(("127.0.0.1", 0), H)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class Ctx:
    pass


# ---------------------------------------------------------------- the harness
class Harness:
    def __init__(self, a, cmd):
        self.a, self.rng = a, random.Random(a.seed)
        self.dir = os.path.abspath(a.dir)
        os.makedirs(self.dir, exist_ok=True)
        self.data = os.path.join(self.dir, "data")
        os.makedirs(self.data, exist_ok=True)
        self.log = open(os.path.join(self.dir, "server.log"), "ab")
        self.ctx = Ctx()
        self.ctx.port, self.ctx.dir, self.ctx.http = free_port(), self.data, lambda *x, **k: http_json(self.ctx.port, *x, **k)
        spec = importlib.util.spec_from_file_location("adapter_module", a.adapter)
        sys.modules.setdefault("crashloop", sys.modules[__name__])
        mod = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(mod)
        self.ad = mod.make_adapter(self.ctx)
        self.sink = Sink(self.ad, a.seed + 1, a.p_fail, a.p_drop, a.p_slow)
        base = f"http://127.0.0.1:{self.sink.port}"
        self.ctx.hook_url, self.ctx.rail_url = base + "/hook", base + "/rail"
        fill = {"{dir}": self.data, "{port}": str(self.ctx.port), "{hook}": base + "/hook", "{rail}": base + "/rail"}
        self.cmd = [self._fill(x, fill) for x in cmd]
        self.intents, self.lock = [], threading.Lock()
        self.retry = queue.Queue()
        self.up, self.stop = threading.Event(), threading.Event()
        self.violations = []                                 # (when, name, detail)
        self.rank = {}
        self.starts, self.deaths = [], collections.Counter()
        self.life_ops, self.ctl = 0, None
        self.refusals = collections.Counter()
        self.injected = self.respawns = 0
        if a.shim:
            self.ctlpath = os.path.join(self.dir, "shim.ctl")
            import mmap
            f = open(self.ctlpath, "w+b"); f.truncate(4096)
            self.ctl = mmap.mmap(f.fileno(), 4096)

    @staticmethod
    def _fill(s, m):
        for k, v in m.items(): s = s.replace(k, v)
        return s

    def seq(self): return int.from_bytes(self.ctl[40:48], "little") if self.ctl else 0

    def violation(self, name, detail):
        with self.lock:
            self.violations.append((time.strftime("%H:%M:%S"), name, str(detail)[:500]))

    # ---- process
    def spawn(self, rules=None):
        env = dict(os.environ)
        if self.ctl is not None and (rules or self.a.record):
            env.update(LD_PRELOAD=self.a.shim, FS_CTL=self.ctlpath, FS_PATH=self.a.shim_path or self.data)
            if rules:
                env["FS_RULES"] = rules
                self.ctl[8:16] = (1).to_bytes(8, "little")
            if self.a.record: env["FS_RECORD"] = os.path.join(self.dir, "io.rec")
        self.p = subprocess.Popen(self.cmd, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                  env=env, start_new_session=True)
        self.t_spawn = time.monotonic()

    def signal(self, sig):
        try: os.killpg(self.p.pid, sig)                      # own session: pgid == pid of our child
        except ProcessLookupError: pass

    def reap(self):
        if self.ctl is not None: self.injected = int.from_bytes(self.ctl[32:40], "little")
        self.signal(signal.SIGKILL)
        self.p.wait(timeout=20)
        self.up.clear()

    def leave(self):
        """Ends a life that is not over yet: by SIGTERM where a record is kept, else at once."""
        self.signal(signal.SIGTERM if self.a.record else signal.SIGKILL)
        try: self.p.wait(timeout=self.a.grace)
        except subprocess.TimeoutExpired: self.violation("did not stop on SIGTERM", f"within {self.a.grace} s")

    def wait_ready(self, limit):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if self.p.poll() is not None: return False
            try:
                if self.ad.ready(): return True
            except Exception:
                pass
            time.sleep(0.01)
        return False

    def wait_up(self, limit):
        """As wait_ready, but starts the server again when it exits, as a supervisor would."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if self.wait_ready(end - time.monotonic()): return True
            if self.p.poll() is None: return False
            self.respawns += 1
            time.sleep(0.2)
            self.spawn()
        return False

    # ---- load
    def client(self, n):
        rng = random.Random(self.a.seed * 1000 + n)
        while not self.stop.is_set():
            if not self.up.wait(0.1): continue
            try:
                it = self.retry.get_nowait()
            except queue.Empty:
                if self.drained: time.sleep(0.02); continue
                with self.lock:
                    if len(self.intents) >= self.a.max_ops:
                        it = None
                    else:
                        it = self.ad.next_intent(rng)
                        self.intents.append(it)
                if it is None: time.sleep(0.02); self.observe(rng); continue
            it.tries += 1
            first = it.subject if it.status == "acked" else None
            try:
                st = self.ad.execute(it)
            except (OSError, http.client.HTTPException, ValueError):
                st = "unknown"
            except Exception as e:
                self.violation("adapter error", traceback.format_exc(limit=2)); st = "unknown"
            if st == "acked":
                it.acked_seq = self.seq()
                if first and first != it.subject:
                    self.violation("idempotency", f"key {it.key}: first answered {first}, later {it.subject}")
                it.status = "acked"
                self.life_ops += 1
                if rng.random() < self.a.p_replay: self.retry.put(it)      # a client that asks again
            elif st == "refused":
                if it.status == "acked": self.violation("idempotency", f"key {it.key} was acknowledged, then refused")
                else: it.status = "refused"; self.refusals[it.kind] += 1
            else:
                if it.status != "acked": it.status = "unknown"
                if it.tries < 500: self.retry.put(it)
                time.sleep(0.01)
            if self.a.think: time.sleep(rng.random() * self.a.think)
            if rng.random() < self.a.p_read: self.observe(rng)

    def observe(self, rng):
        with self.lock:
            acked = [i for i in self.intents[-400:] if i.status == "acked"]
        if not acked: return
        it = rng.choice(acked)
        try:
            row = self.ad.read(it.subject)
        except (OSError, http.client.HTTPException, ValueError):
            return
        if row is None:
            return self.violation("acknowledged write missing on read", f"{it.kind} {it.subject} key {it.key}")
        r = self.ad.state_rank.get(row.get("state"), 0)
        with self.lock:
            old = self.rank.get(it.subject, 0)
            self.rank[it.subject] = max(old, r)
        if r < old:                                          # read again: two reads may race each other
            try: row = self.ad.read(it.subject)
            except Exception: return
            if row is None or self.ad.state_rank.get(row.get("state"), 0) < old:
                self.violation("state went back", f"{it.subject}: rank {old} -> {row and row.get('state')}")

    # ---- lives
    def run(self):
        a, t0 = self.a, time.monotonic()
        self.drained = False
        self.spawn()
        if not self.wait_ready(a.start_limit): return self.fatal("the server never became ready", 2)
        self.starts.append(time.monotonic() - self.t_spawn)
        self.ad.setup()
        self.up.set()
        for n in range(a.workers): threading.Thread(target=self.client, args=(n,), daemon=True).start()
        kinds = ["random"] * 60 + ["startup"] * 15 + ["term"] * 5 + ["freeze"] * 5 if not a.record else ["term"] * 60
        if a.shim and not a.no_iokill: kinds += ["iokill"] * 60
        if a.shim and a.faults: kinds += ["iofault"] * 60
        span, sweep = a.iokill_span, None
        if a.sweep:
            lo, hi, st = (int(x) for x in a.sweep.split(":"))
            sweep = iter(range(lo, hi + 1, st)); a.kills = len(range(lo, hi + 1, st)) + 1
            kinds = ["iokill" if a.sweep_action.startswith("kill") else "iofault"]
        kind = "term" if a.record else "random"
        for k in range(a.kills):
            if time.monotonic() - t0 > a.max_seconds: print(f"  time limit after {k} kills"); break
            if kind == "iokill":
                try: self.p.wait(timeout=a.life * 4)
                except subprocess.TimeoutExpired: self.leave()
            elif kind != "startup":
                time.sleep(self.rng.uniform(0, 2 * a.life))
                if kind == "term":
                    self.signal(signal.SIGTERM)
                    try: self.p.wait(timeout=a.grace)
                    except subprocess.TimeoutExpired: self.violation("did not stop on SIGTERM", f"within {a.grace} s")
                elif kind == "freeze":
                    self.signal(signal.SIGSTOP); time.sleep(self.rng.uniform(0, 0.2))
            if self.p.poll() is not None and kind not in ("term", "iokill", "startup", "iofault"):
                self.violation("the server died by itself", f"exit {self.p.returncode} in life {k}")
            self.reap()
            self.deaths[kind] += 1
            if a.check_every and (k + 1) % a.check_every == 0: self.check_files(f"after kill {k + 1}")
            kind = self.rng.choice(kinds)
            rules = None
            if sweep is not None:
                at = next(sweep, None)
                if at is None: kind = "random"
                elif kind == "iokill": rules = f"write|pwrite|fsync|fdatasync|ftruncate|unlink|rename:{a.sweep_action}:at={at}"
                else: rules = f"{a.sweep_ops}:{a.sweep_action}:from={at},to={at + a.sweep_width - 1}"
            elif kind == "iokill":
                rules = f"write|pwrite|fsync|fdatasync|ftruncate|unlink|rename:{self.rng.choice(['kill', 'killafter'])}:at={self.rng.randint(1, span)}"
            if kind == "iofault" and sweep is None:
                ops = self.rng.choice(["write|pwrite|ftruncate|fallocate"] * 3 + ["fsync|fdatasync"] * 3 + ["open", "rename|unlink|mkdir", "*"])
                act = self.rng.choice(a.faults.split(","))
                if act == "short": ops = "write|pwrite"
                k = self.rng.randint(1, span)
                rules = f"{ops}:{act}:from={k},to={k + self.rng.choice([0, 0, 3, 30, 10**9])}"
            self.spawn(rules)
            if kind == "startup":
                med = sorted(self.starts)[len(self.starts) // 2]
                time.sleep(self.rng.uniform(0, med * 1.5))
                continue
            if self.wait_ready(3) if kind == "iofault" else self.wait_ready(a.start_limit) if kind == "iokill" else self.wait_up(a.start_limit):
                if kind != "iofault": self.starts.append(time.monotonic() - self.t_spawn)
                self.up.set()
            elif kind in ("iokill", "iofault"):
                pass                                         # killed, or refused to run, inside its own start: as meant
            else:
                self.violation("did not start again", f"after kill {k + 1} ({a.start_limit} s), exit {self.p.poll()}")
                self.reap(); self.spawn()
                if not self.wait_up(a.start_limit): return self.fatal("the server does not start any more")
                self.up.set()
            if (k + 1) % 50 == 0:
                with self.lock: ack = sum(i.status == "acked" for i in self.intents)
                print(f"  kill {k + 1}/{a.kills}: {len(self.intents)} intents, {ack} acknowledged, {len(self.sink.effects)} effects, {len(self.violations)} violations", flush=True)
        # the last life: no more kills, no more faults, and everything must come to rest
        self.leave()
        self.reap()
        self.drained, self.sink.calm = True, True
        self.spawn()
        if not self.wait_up(a.start_limit): return self.fatal("the server does not start after the last kill")
        self.starts.append(time.monotonic() - self.t_spawn)
        self.up.set()
        began, last, end = time.monotonic(), -1, 0
        while last < 0 or time.monotonic() < min(end, began + 20 * a.rest_limit):
            made = len(self.sink.effects) + sum(self.sink.accepted.values()) + sum(i.status == "acked" for i in self.intents)
            if made != last: last, end = made, time.monotonic() + a.rest_limit    # the limit is on a time without progress
            with self.lock: open_ = [i for i in self.intents if i.status in ("new", "unknown")]
            try:
                if not open_ and self.retry.empty() and self.ad.quiescent(): break
            except Exception:
                pass
            time.sleep(0.1)
        else:
            self.violation("did not come to rest", f"{len(open_)} intents open, no progress for {a.rest_limit} s")
        self.stop.set(); time.sleep(0.3)
        snap = self.ad.snapshot()
        self.signal(signal.SIGTERM)
        try: self.p.wait(timeout=a.grace)
        except subprocess.TimeoutExpired: self.violation("did not stop on SIGTERM", "at the end")
        self.reap()
        res = self.judge(snap)
        return self.report(res, time.monotonic() - t0)

    def fatal(self, why, rc=1):
        try: self.reap()
        except Exception: pass
        print("FAIL:" if rc == 1 else "NOT RUN:", why)
        tail = open(os.path.join(self.dir, "server.log"), "rb").read()[-1500:].decode(errors="replace")
        print(tail)
        return rc

    # ---- invariants
    def check_files(self, when):
        for db in self.ad.databases():
            if not os.path.exists(db): continue
            with tempfile.TemporaryDirectory(dir=self.dir) as t:     # a copy: looking must not repair the real one
                for s in ("", "-wal", "-journal"):
                    if os.path.exists(db + s): shutil.copy(db + s, os.path.join(t, "x.db" + s))
                try:
                    c = sqlite3.connect(os.path.join(t, "x.db"))
                    r = [x[0] for x in c.execute("pragma integrity_check")]
                    f = c.execute("pragma foreign_key_check").fetchall()
                    c.close()
                    if r != ["ok"]: self.violation("integrity_check", f"{when}: {r[:3]}")
                    if f: self.violation("foreign_key_check", f"{when}: {f[:3]}")
                except sqlite3.DatabaseError as e:
                    self.violation("integrity_check", f"{when}: {e}")

    def judge(self, s):
        out = []
        def inv(name, bad, n, note=""): out.append((name, not bad, n, (str(bad[:3]) if bad else note)[:400], len(bad)))
        acked = [i for i in self.intents if i.status == "acked"]
        bad = []
        for i in acked:
            p = s.payments.get(i.subject)
            if p is None: bad.append(f"missing {i.subject}")
            elif any(k in p and p[k] != i.body.get(k, p[k]) for k in ("amount", "currency")): bad.append(f"changed {i.subject}")
        inv("1 every acknowledged write is there, unchanged", bad, len(acked))
        bykey = collections.defaultdict(list)
        for pid, p in s.payments.items(): bykey[p.get("key")].append(pid)
        inv("2 one payment an idempotency key", [f"{k}: {v}" for k, v in bykey.items() if k and len(v) > 1], len(bykey))
        known = {i.key for i in self.intents}
        inv("3 no payment nobody asked for", [p for p, v in s.payments.items() if v.get("key") and v["key"] not in known], len(s.payments))
        eff = collections.defaultdict(list)
        for k, subj in self.sink.effects.items(): eff[subj].append(k)
        inv("4 nothing paid out twice", [f"{p}: {len(k)} effects" for p, k in eff.items() if len(k) > 1], len(eff))
        final = {p for p, v in s.payments.items() if v.get("state") in self.ad.final_states}
        inv("5 settled exactly when paid out", [f"settled, no effect: {p}" for p in final - set(eff)] + [f"effect, not settled: {p}" for p in set(eff) - final], len(final))
        cur, tx = collections.Counter(), collections.Counter()
        per = collections.defaultdict(set); dup = []
        seen = collections.Counter()
        for r in s.ledger:
            cur[r["currency"]] += r["amount"]; tx[r["tx"], r["currency"]] += r["amount"]
            per[r["subject"]].add(r["tx"]); seen[r["subject"], r["account"]] += 1
        inv("6 ledger sums to zero, a currency and a transaction", [f"{c}: {v}" for c, v in cur.items() if v] + [f"tx {t}: {v}" for t, v in tx.items() if v], len(s.ledger))
        inv("7 ledger posted once a settled payment", [f"{p}: {len(t)} postings" for p, t in per.items() if len(t) > 1] + [f"no posting: {p}" for p in final if p not in per and s.ledger is not None], len(per))
        ids = collections.Counter(e["id"] for e in s.events)
        inv("8 every event delivered at least once", [i for i in ids if not self.sink.accepted[i]], len(ids))
        st = collections.defaultdict(set)
        for e in s.events: st[e["subject"], e["type"]].add(e["id"])
        for eid, (subj, typ) in self.sink.about.items(): st[subj, typ].add(eid)
        inv("9 one event id for one fact", [f"{k}: {len(v)} ids" for k, v in st.items() if len(v) > 1], len(st))
        inv("10 no event about what is not there", [f"{e} {a}" for e, a in self.sink.about.items() if e not in ids or a[0] not in s.payments], len(self.sink.about))
        need = [f"{p} has no {t}" for p, v in s.payments.items() for t in self.ad.event_types
                if (p, t) not in st and not (t.endswith("settled") and p not in final)]
        inv("11 every fact has its event", need, len(s.payments))
        inv("12 a redelivery has the same body", [e for e, h in self.sink.received.items() if len(set(h)) > 1], sum(len(h) for h in self.sink.received.values()))
        prev, bad = self.ad.genesis, []
        for n, e in enumerate(s.audit):
            if e["prev"] != prev: bad.append(f"entry {n}: prev does not match")
            if self.ad.audit_hash(e["prev"], e["payload"]) != e["hash"]: bad.append(f"entry {n}: hash does not match")
            prev = e["hash"]
        inv("13 audit chain unbroken", bad, len(s.audit))
        au = collections.Counter((e.get("subject"), e.get("what")) for e in s.audit)
        facts = {(e["subject"], self.ad.audit_of[e["type"]]) for e in s.events if e["type"] in self.ad.audit_of}
        inv("14 every fact is in the audit log once", [f"{k}: {au[k]} entries" for k in facts if au[k] != 1], len(facts))
        self.check_files("at the end")
        inv("15 integrity_check and foreign_key_check", [v for v in self.violations if "check" in v[1]], 1)
        inv("16 nothing went wrong on the way", [f"{v[1]}: {v[2]}" for v in self.violations if "check" not in v[1]], self.life_ops)
        inv("17 the sink understood all it got", self.sink.bad, len(self.sink.received))
        for name, ok, detail in self.ad.extra(s, self): out.append((name, ok, 0, detail, 0 if ok else 1))
        return out

    def report(self, res, secs):
        q = sorted(self.starts)
        pct = lambda f: round(q[min(len(q) - 1, int(f * len(q)))] * 1000)
        dups = sum(len(h) - 1 for h in self.sink.received.values())
        st = collections.Counter(i.status for i in self.intents)
        r = {"ok": all(x[1] for x in res), "seed": self.a.seed, "kills": sum(self.deaths.values()), "deaths": dict(self.deaths), "seconds": round(secs, 1),
             "intents": dict(st), "tries_max": max((i.tries for i in self.intents), default=0), "effects": len(self.sink.effects),
             "effect_calls": sum(self.sink.effect_calls.values()), "events_received": len(self.sink.received), "redeliveries": dups,
             "max_deliveries_of_one_event": max((len(h) for h in self.sink.received.values()), default=0),
             "faults_injected": self.injected, "respawns": self.respawns, "restart_ms": {"n": len(q), "p50": pct(.5), "p95": pct(.95), "max": round(q[-1] * 1000)},
             "invariants": [{"name": n, "ok": ok, "judged": k, "bad": b, "detail": d} for n, ok, k, d, b in res],
             "violations": self.violations[:50]}
        with open(os.path.join(self.dir, "report.json"), "w") as f: json.dump(r, f, indent=1)
        with open(os.path.join(self.dir, "acked.jsonl"), "w") as f:
            for i in self.intents:
                if i.status == "acked": f.write(json.dumps({"seq": i.acked_seq, "subject": i.subject, "key": i.key, "body": i.body}) + "\n")
        for n, ok, k, d, b in res: print(f"  {'ok  ' if ok else 'FAIL'} {n} ({k} judged{', ' + str(b) + ' bad' if b else ''}){'  ' + d if not ok else ''}")
        print(f"{'PASS' if r['ok'] else 'FAIL'}: seed {self.a.seed}, {r['kills']} kills {dict(self.deaths)}, {dict(st)} intents, {r['effects']} effects in {r['effect_calls']} calls, "
              f"{r['events_received']} events, {dups} redeliveries, {self.injected} faults injected, restart p50 {r['restart_ms']['p50']} ms max {r['restart_ms']['max']} ms, {secs:.0f} s")
        return 0 if r["ok"] else 1


def main():
    argv = sys.argv[1:]
    cmd = argv[argv.index("--") + 1:] if "--" in argv else []
    argv = argv[:argv.index("--")] if "--" in argv else argv
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    g = ap.add_argument
    g("--adapter", required=True); g("--dir", required=True); g("--kills", type=int, default=100); g("--seed", type=int, default=1)
    g("--workers", type=int, default=4); g("--life", type=float, default=0.4, help="mean seconds of a life after ready")
    g("--think", type=float, default=0.01); g("--p-read", type=float, default=0.2); g("--p-replay", type=float, default=0.1)
    g("--p-fail", type=float, default=0.1, help="sink answers 500"); g("--p-drop", type=float, default=0.05, help="sink acts, then cuts the connection"); g("--p-slow", type=float, default=0.05)
    g("--start-limit", type=float, default=15); g("--grace", type=float, default=5); g("--rest-limit", type=float, default=90)
    g("--check-every", type=int, default=20); g("--max-ops", type=int, default=200000); g("--max-seconds", type=float, default=3600)
    g("--shim"); g("--shim-path"); g("--no-iokill", action="store_true"); g("--faults", default="", help="comma list of errno names and short, for iofault lives"); g("--iokill-span", type=int, default=400); g("--record", action="store_true")
    g("--sweep"); g("--sweep-action", default="kill"); g("--sweep-ops", default="write|pwrite|fsync|fdatasync|ftruncate|fallocate|rename|unlink"); g("--sweep-width", type=int, default=1)
    a = ap.parse_args(argv)
    if not cmd: ap.error("give the server's command after --")
    try:
        sys.exit(Harness(a, cmd).run())
    except KeyboardInterrupt:
        sys.exit(2)


if __name__ == "__main__":
    main()
