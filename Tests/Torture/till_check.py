"""powerloss's judge for Till: a file that a power cut could have left must open whole, with every acknowledged sale.

SQLite itself is asked, read-only and on a copy, for the sales; Till's own `doctor` for everything it claims,
on every DOCTOR_EVERYth state, because it starts a process.
"""
import os
import pathlib
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Interop"))
from appliance import binary, clean_environment  # noqa: E402

DOCTOR_EVERY = int(os.environ.get("DOCTOR_EVERY", "20"))
judged = 0


def check(directory, acked):
    global judged
    judged += 1
    file = os.path.join(directory, "till.sqlite")
    if not os.path.exists(file):
        return [f"{len(acked)} of {len(acked)} acknowledged sales lost, and the file"] if acked else []
    problems = of_sqlite(file, acked)
    if not problems and judged % DOCTOR_EVERY == 0:
        problems = of_doctor(file, directory)
    return problems


def of_sqlite(file, acked):
    try:
        with sqlite3.connect(file) as db:
            whole = [row[0] for row in db.execute("PRAGMA integrity_check")]
            if whole != ["ok"]:
                return [f"integrity_check: {whole[:2]}"]
            strays = db.execute("PRAGMA foreign_key_check").fetchall()
            if strays:
                return [f"foreign_key_check: {strays[:2]}"]
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "payments" not in tables:
                return [f"{len(acked)} of {len(acked)} acknowledged sales lost, and the tables"] if acked else []
            completed = {row[0] for row in db.execute("SELECT id FROM payments WHERE status = 'completed'")}
            lost = [one["subject"] for one in acked if one["subject"] not in completed]
            return [f"{len(lost)} of {len(acked)} acknowledged sales lost"] if lost else []
    except sqlite3.DatabaseError as error:
        return [f"database: {error}"]
    finally:
        if "db" in locals():
            db.close()


def of_doctor(file, directory):
    # A cut inside the very first start may leave a file without a schema: there is nothing yet to ask about.
    if os.path.getsize(file) == 0:
        return []
    done = subprocess.run([binary(), "doctor", "--json", "--data", file, "--backups", os.path.join(directory, "backups")],
                          env=clean_environment(), capture_output=True, text=True, timeout=120)
    return [] if done.returncode == 0 else [f"doctor: {(done.stdout + done.stderr)[:300]}"]
