#!/usr/bin/env python3
"""The bench: baselines, /verify, durable sales, group commit and growth, all in one run.

Every figure is a median of --rounds; a ratio is taken between figures of the same round. wrk and the server share
the machine's cores. Prints a table and writes docs/performance.md. Sections can be picked: bench.py verify sales …
"""
import argparse
import base64
import contextlib
import datetime
import json
import mmap
import multiprocessing
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Interop"))
import bulk  # noqa: E402
from appliance import ROOT, Till, binary, setting_names  # noqa: E402
from wallet import Wallet, authorize, facilitator_body, offer, payload_v2, separator_of  # noqa: E402

SECTIONS = ("baselines", "verify", "sales", "commit", "growth", "footprint")
PRICE, BUYERS = "0.01", 64
FSYNC_DELAY_MS = 5
# The shim's control file: its second word says that rules act, its fifth counts how often one did.
ARMED, INJECTED = (1).to_bytes(8, "little").rjust(16, b"\0").ljust(4096, b"\0"), slice(32, 40)


class Bench:
    def __init__(self, options, scratch):
        self.o, self.scratch = options, pathlib.Path(scratch)
        self.figures, self.verdicts, self.notes = {}, [], []
        self.pool = multiprocessing.get_context("fork").Pool()
        self.tools = {name: self.compile(name, *flags) for name, flags in (
            ("recover", ["-lsecp256k1"]), ("syncs", []))}
        self.shim = self.scratch / "faultshim.so"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", self.shim, HERE.parent / "Torture" / "faultshim.c", "-ldl", "-lpthread"],
                       check=True)

    def compile(self, name, *flags):
        out = self.scratch / name
        subprocess.run(["gcc", "-O2", "-Wall", "-o", out, HERE / f"{name}.c", *flags], check=True)
        return out

    # ---- figures

    def note(self, name, value):
        self.figures.setdefault(name, []).append(value)

    def median(self, name):
        return statistics.median(self.figures[name])

    def ratio(self, top, bottom):
        """The median of the ratios of each round."""
        return statistics.median(a / b for a, b in zip(self.figures[top], self.figures[bottom]))

    def judge(self, what, value, bound, at_least=True, unit=""):
        good = value >= bound if at_least else value <= bound
        self.verdicts.append((what, f"{value:.3g}{unit}", f"{'≥' if at_least else '≤'} {bound:g}{unit}", "yes" if good else "NO"))

    def rounds(self):
        for n in range(self.o.rounds):
            print(f"  round {n + 1} of {self.o.rounds}", file=sys.stderr)
            yield n

    # ---- load

    def wrk(self, till, kind, lines, path="/", needle="", connections=64, pause=0.0, seconds=None, key=None):
        """One run of wrk over `lines`, a file; the JSON it prints."""
        seconds = seconds or self.o.seconds
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", HERE / "load.lua", till.url + path, "--",
             kind, lines, needle, str(pause), f"Bearer {key}" if key else ""], capture_output=True, text=True, timeout=seconds + 120)
        found = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not found:
            raise SystemExit(done.stdout + done.stderr)
        result = json.loads(found[-1])
        if not result["good"]:
            raise SystemExit(f"{kind} {path}: not one good answer, but {result['bad']} such as: {result['sample']}")
        if result["bad"] or result["socket_errors"]:
            self.notes.append(f"{kind} {path}: {result['bad']} bad answers ({result['sample']}), {result['socket_errors']} socket errors")
        return result

    def paced(self, run, rate, connections=64):
        """`run(pause)` at about `rate` a second: the pause is corrected until it is within 10 %."""
        pause = 1000 * connections / rate
        for _ in range(6):
            result = run(max(pause, 0.0))
            error = 1000 * connections / max(result["rate"], 1) - 1000 * connections / rate
            if abs(result["rate"] / rate - 1) < 0.1:
                break
            pause = max(0.01, pause - error)
        return result

    @contextlib.contextmanager
    def till(self, name, env=None, directory=None):
        with Till(directory or self.scratch / name) as till:
            till.start(env=env, limit=120)
            yield till

    def offer_of(self, till, link):
        v2, _ = offer(till.call("GET", till.pay_path(link), key=None))
        return v2["accepts"][0], v2.get("resource")

    def authorizations(self, terms, count):
        """A file of `count` values of PAYMENT-SIGNATURE, each signed for its own nonce."""
        target = self.scratch / "authorizations"
        share = count // (os.cpu_count() or 1) + 1
        parts = self.pool.starmap(sign_many, [(terms, share, n) for n in range(os.cpu_count() or 1)])
        target.write_text("".join(parts))
        return target

    def paid(self, till, link, terms, expected, connections=64, pause=0.0, seconds=None):
        seconds = seconds or self.o.seconds
        lines = self.authorizations(terms, int(expected * seconds * 1.6) + 2000)
        return self.wrk(till, "paid", lines, till.pay_path(link), '"sale_id"', connections, pause, seconds)

    # ---- sections

    def baselines(self):
        print("Baselines: H, S, P, F", file=sys.stderr)
        paths = self.scratch / "livez"
        paths.write_text("/livez\n")
        with self.till("baselines") as till:
            for _ in self.rounds():
                self.note("H", self.wrk(till, "get", paths)["rate"])
                self.note("S", float(subprocess.check_output([self.tools["recover"], "2"])))
                self.note("F", float(subprocess.check_output([self.tools["syncs"], self.scratch / "frames", "2"])))
        for _ in self.rounds():
            out = subprocess.check_output([sys.executable, HERE.parent / "Networks" / "evm" / "bench.py", "--workers", "2", "-c", "64",
                                           "-d", str(self.o.seconds)], text=True)
            self.note("P", json.loads(out.splitlines()[-1])["rps"])

    def verify(self):
        print("POST /verify, EIP-3009, 64 connections", file=sys.stderr)
        with self.till("verify") as till:
            terms, resource = self.offer_of(till, till.link(PRICE))
            bodies = self.scratch / "bodies"
            wallet = Wallet.from_seed("verify")
            bodies.write_text("".join(json.dumps(facilitator_body(payload_v2(authorize(wallet, terms), terms, resource), terms),
                                                 separators=(",", ":")) + "\n" for _ in range(500)))

            def run(pause=0.0):
                return self.wrk(till, "post", bodies, "/verify", '"isValid":true', pause=pause)

            self.wrk(till, "post", bodies, "/verify", '"isValid":true', seconds=2)
            for _ in self.rounds():
                before = cpu_seconds(till.process.pid)
                result = run()
                self.note("verify", result["rate"])
                self.note("verify_cpu_us", (cpu_seconds(till.process.pid) - before) / max(result["good"], 1) * 1e6)
            for _ in self.rounds():
                half = self.paced(run, self.median("verify") / 2)
                self.note("verify_half_rate", half["rate"])
                self.note("verify_half_p99", half["p99_ms"])
        if "S" in self.figures:
            self.judge("/verify, of S", self.ratio("verify", "S"), 0.5)
            self.judge("/verify, of P", self.ratio("verify", "P"), 20)
        self.judge("/verify p99 at half that load", self.median("verify_half_p99"), 20, False, " ms")

    def sales(self):
        print("Durable sales, 64 connections", file=sys.stderr)
        with self.till("sales") as till:
            link = till.link(PRICE)
            terms = self.offer_of(till, link)
            rate = self.paid(till, link, terms, 8000, seconds=2)["rate"]
            for _ in self.rounds():
                before = cpu_seconds(till.process.pid)
                result = self.paid(till, link, terms, max(rate, 500))
                rate = result["rate"]
                self.note("sales", rate)
                self.note("sales_cpu_us", (cpu_seconds(till.process.pid) - before) / max(result["good"], 1) * 1e6)
            half = self.median("sales") / 2
            for _ in self.rounds():
                result = self.paced(lambda pause: self.paid(till, link, terms, half, pause=pause), half)
                self.note("sales_half_rate", result["rate"])
                self.note("sales_half_p99", result["p99_ms"])
            till.stop()
            doctor = till.run("doctor", "--json", timeout=600)
            self.judge("till doctor after the load, exit status", doctor.returncode, 0, False)
        if "S" in self.figures:
            self.judge("sales, of S", self.ratio("sales", "S"), 0.1)
            self.verdicts.append(("sales, of S (aim)", f"{self.ratio('sales', 'S'):.3g}", "≥ 0.2",
                                  "yes" if self.ratio("sales", "S") >= 0.2 else "not yet"))
        self.judge("sales p99 at half that load", self.median("sales_half_p99"), 50, False, " ms")

    def commit(self):
        """Rates at 256 connections under the shim, with no delay and with one, and how many syncs a sale took."""
        print(f"Group commit, 256 connections, every fdatasync delayed by {FSYNC_DELAY_MS} ms", file=sys.stderr)
        rate = 4000
        for _ in self.rounds():
            for name, delay in (("undelayed", 0), ("delayed", FSYNC_DELAY_MS)):
                control = self.scratch / f"control-{name}"
                control.write_bytes(ARMED)
                env = {"LD_PRELOAD": self.shim, "FS_PATH": "till.sqlite", "FS_CTL": control, "FS_RULES": f"fdatasync|fsync:delay={delay}"}
                with self.till(f"commit-{name}", env) as till:
                    link = till.link(PRICE)
                    terms = self.offer_of(till, link)
                    before = syncs_seen(control)
                    result = self.paid(till, link, terms, rate * 1.5, connections=256)
                    rate = max(rate, result["rate"])
                    self.note(f"commit_{name}", result["rate"])
                    self.note(f"group_{name}", result["good"] / max(1, syncs_seen(control) - before))
        if self.median("group_undelayed") > 256:
            self.notes.append("the shim saw fewer syncs than commits need: synchronous=FULL is not in force")
        self.judge(f"rate with {FSYNC_DELAY_MS} ms a sync, of the undelayed", self.ratio("commit_delayed", "commit_undelayed"), 0.6)

    def growth(self):
        print(f"Growth: 1000 against {self.o.rows} sales", file=sys.stderr)
        made = {}
        with contextlib.ExitStack() as stack:
            for name, rows in (("small", 1000), ("large", self.o.rows)):
                made[name] = stack.enter_context(self.till(f"growth-{name}", directory=self.grown(rows)))
            links = {name: till.link(PRICE) for name, till in made.items()}
            ids, rate = {}, 3000
            for name, till in made.items():
                newest = [row["id"] for row in till.get("/api/payments?limit=100")["data"]]
                ids[name] = self.scratch / f"ids-{name}"
                ids[name].write_text("".join(f"/api/payments/{one}\n" for one in newest))
                (self.scratch / f"page-{name}").write_text("/api/payments\n")
            for _ in self.rounds():
                for name, till in made.items():
                    self.note(f"by_id_{name}", self.wrk(till, "get", ids[name], needle='"id"', connections=16, key=till.key)["rate"])
                    self.note(f"page_{name}", self.wrk(till, "get", self.scratch / f"page-{name}", needle='"data"', connections=16,
                                                       key=till.key)["rate"])
            for _ in self.rounds():
                for name, till in made.items():
                    result = self.paid(till, links[name], self.offer_of(till, links[name]), rate * 1.5, seconds=3)
                    rate = max(result["rate"], 500)
                    self.note(f"sale_{name}", rate)
        for what, name in (("a sale", "sale"), ("a payment by id", "by_id"), ("a first page of payments", "page")):
            self.judge(f"{what} at {self.o.rows} sales, cost of that at 1000", self.ratio(f"{name}_small", f"{name}_large"), 1.2, False)

    def grown(self, rows):
        """A directory whose data file holds `rows` sales built in bulk."""
        directory = self.scratch / f"growth-{rows}"
        with Till(directory) as till:
            snapshots, wallet, link = [], Wallet.from_seed("bulk"), None
            for step in range(4):
                till.start()
                # So little that one buyer's 1 000 USDC last for all of them.
                link = link or till.link("0.000001", "Built in bulk for measuring, not sold", "USDC")
                if step:
                    terms, resource = self.offer_of(till, link)
                    header = encoded(authorize(wallet, terms), terms, resource)
                    answer = till.call("GET", till.pay_path(link), headers={"PAYMENT-SIGNATURE": header}, key=None)
                    assert answer.status_code == 200, answer.text
                till.stop()
                snapshots.append(bulk.read(till.data))
        bulk.fill(till.data, rows - 3, snapshots[1:])
        return directory

    def footprint(self):
        print("Cold start and idle memory", file=sys.stderr)
        with self.till("footprint") as till:
            till.link(PRICE)
            for _ in self.rounds():
                till.stop()
                began = time.monotonic()
                till.spawn()
                while True:
                    with contextlib.suppress(OSError):
                        if till.http.get(till.url + "/health", timeout=1).status_code == 200:
                            break
                    time.sleep(0.002)
                self.note("cold_ms", (time.monotonic() - began) * 1000)
            time.sleep(3)
            status = pathlib.Path(f"/proc/{till.process.pid}/status").read_text()
            self.note("idle_mib", int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024)
        self.judge("/health after a cold start", self.median("cold_ms"), 1000, False, " ms")
        self.judge("idle memory", self.median("idle_mib"), 64, False, " MiB")

    # ---- the report

    def machine(self):
        model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
        memory = int(open("/proc/meminfo").readline().split()[1]) // 1024 // 1024
        version = subprocess.run([binary(), "version"], capture_output=True, text=True).stdout.strip()
        limits = sorted(name for name in setting_names() if "rate_limit" in name)
        return [f"- {model}, {os.cpu_count()} cores shared by the server and wrk, {memory} GiB; {platform.platform()}",
                f"- `{version}`, {datetime.date.today()}",
                f"- rate limits raised out of the way: {', '.join(limits) if limits else 'there are none yet'}"]

    def report(self):
        lines = ["# Performance", "", "Written by `scripts/bench`; not edited by hand.", "", "## Machine", "", *self.machine(), "",
                 "## Commands", "", "```", "scripts/bench " + " ".join(sys.argv[1:]), "```", "",
                 f"Every figure is the median of {self.o.rounds} runs of {self.o.seconds} s; a ratio is the median of the ratios of each round.",
                 "Half load is wrk's own connections with a pause after each answer. Rows of the growth section are built in bulk",
                 "from two real sales (`Tests/Bench/bulk.py`); they are not sales that happened.", "",
                 "## Asked and measured", "", "| what | measured | asked | holds |", "|---|---|---|---|",
                 *(f"| {a} | {b} | {c} | {d} |" for a, b, c, d in self.verdicts), "", "## Figures", "",
                 "| figure | median | all |", "|---|---|---|",
                 *(f"| {LABELS.get(name, name)} | {self.median(name):,.4g} | {', '.join(f'{v:,.4g}' for v in values)} |"
                   for name, values in self.figures.items()), ""]
        if self.notes:
            lines += ["## Answers that were not as wanted", "", *(f"- {note}" for note in self.notes), ""]
        return "\n".join(lines)


LABELS = {
    "H": "H: GET /livez, requests/s", "S": "S: secp256k1 recoveries/s, one core", "P": "P: Python facilitator, two workers, verifications/s",
    "F": "F: fdatasync/s", "verify": "/verify/s", "verify_cpu_us": "/verify, server CPU µs", "verify_half_rate": "/verify/s at half load",
    "verify_half_p99": "/verify p99 at half load, ms", "sales": "sales/s", "sales_cpu_us": "a sale, server CPU µs",
    "sales_half_rate": "sales/s at half load", "sales_half_p99": "sale p99 at half load, ms",
    "commit_undelayed": "sales/s at 256 connections", "commit_delayed": f"sales/s at 256 connections, {FSYNC_DELAY_MS} ms a sync",
    "group_undelayed": "sales a sync, undelayed", "group_delayed": "sales a sync, delayed", "cold_ms": "cold start to /health, ms",
    "idle_mib": "idle memory, MiB", "by_id_small": "payments by id/s at 1 000", "by_id_large": "payments by id/s, large",
    "page_small": "first pages/s at 1 000", "page_large": "first pages/s, large", "sale_small": "sales/s at 1 000",
    "sale_large": "sales/s, large",
}


def encoded(inner, terms, resource):
    return base64.b64encode(json.dumps(payload_v2(inner, terms, resource), separators=(",", ":")).encode()).decode()


def sign_many(offered, count, part):
    """`count` header values for one part of the buyers; runs in a process of its own."""
    terms, resource = offered
    separator = separator_of(terms)
    wallets = [Wallet.from_seed(f"bench {part} {n}") for n in range(BUYERS)]
    return "".join(encoded(authorize(wallets[n % BUYERS], terms, separator), terms, resource) + "\n" for n in range(count))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def syncs_seen(control):
    """How many syncs the shim has counted in its control file."""
    with open(control, "r+b") as file, mmap.mmap(file.fileno(), 4096) as page:
        return int.from_bytes(page[INJECTED], "little")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; all when none is named")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", default=str(ROOT / "docs" / "performance.md"))
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    # On the disk the checkout is on: a file system in memory would make every sync free.
    (ROOT / ".build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".build", prefix="bench-") as scratch:
        bench = Bench(options, scratch)
        for section in SECTIONS:
            if not options.sections or section in options.sections:
                getattr(bench, section)()
        report = bench.report()
        bench.pool.terminate()
    print(report)
    pathlib.Path(options.out).write_text(report)
    sys.exit(1 if any(verdict[-1] == "NO" for verdict in bench.verdicts) else 0)


if __name__ == "__main__":
    main()
