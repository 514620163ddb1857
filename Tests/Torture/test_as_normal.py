"""The control's record is what SQLite under synchronous=NORMAL really does, sync for sync."""
import os
import subprocess
import sys

from as_normal import main
from powerloss import load

COMMITS = """
import os, sqlite3, sys
db = sqlite3.connect("a.db", isolation_level=None)
for pragma in ("journal_mode = wal", "synchronous = " + sys.argv[1], "wal_autocheckpoint = 50"):
    db.execute("PRAGMA " + pragma).fetchall()
db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
for _ in range(600):
    db.execute("INSERT INTO t (b) VALUES (?)", ("x" * 300,))
os._exit(0)
"""


def record(shim, directory, mode):
    """What happened to the files of one run, without their inodes and contents."""
    directory.mkdir()
    target = directory.with_suffix(".rec")
    subprocess.run([sys.executable, "-c", COMMITS, mode], cwd=directory, check=True,
                   env=os.environ | {"LD_PRELOAD": str(shim), "FS_PATH": str(directory), "FS_RECORD": str(target)})
    return target


def steps(path, directory):
    return [(kind, name.removeprefix(str(directory)), offset, length) for _, kind, _, name, _, offset, length, _ in load(path)]


def test_a_full_run_without_its_commits_syncs_is_a_normal_run(shim, tmp_path):
    full, normal = tmp_path / "full", tmp_path / "normal"
    record(shim, full, "FULL")
    record(shim, normal, "NORMAL")
    main(tmp_path / "full.rec", tmp_path / "made.rec")
    assert len(steps(tmp_path / "full.rec", full)) > len(steps(tmp_path / "normal.rec", normal))
    assert steps(tmp_path / "made.rec", full) == steps(tmp_path / "normal.rec", normal)
