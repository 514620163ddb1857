#!/usr/bin/env python3
"""Turns a record of a synchronous=FULL run into the record the same run would have left under NORMAL.

  as_normal.py IN OUT

Under NORMAL, SQLite syncs the write-ahead log only twice: after it has rewritten the log's 32-byte header, and
before a checkpoint copies frames into the file. Every other sync of the log is what FULL adds, one a commit:
those are left out here. Nothing else changes, so the difference in verdict is the difference of the pragma.
"""
import sys

from powerloss import FSYNC, HEAD, TRUNC, WRITE

WAL_HEADER_BYTES = 32


def records(raw):
    """(bytes, type, path, offset, length) of each whole record, in the order they were written."""
    at = 0
    while at + HEAD.size <= len(raw):
        _, kind, seq, _, offset, length, path_size, other_size = HEAD.unpack_from(raw, at)
        end = at + HEAD.size + path_size + other_size + (length if kind == WRITE else 0)
        if end > len(raw):
            return
        path = raw[at + HEAD.size:at + HEAD.size + path_size].decode()
        yield seq, raw[at:end], kind, path, offset, length
        at = end


def keeps(index, log):
    """Whether NORMAL makes this sync too."""
    _, _, kind, path, _, _ = log[index]
    if kind != FSYNC or not path.endswith("-wal"):
        return True
    before = next((r for r in reversed(log[:index]) if r[3] == path and r[2] in (WRITE, TRUNC)), None)
    if before and before[2] == WRITE and before[4] == 0 and before[5] <= WAL_HEADER_BYTES:
        return True
    file = path.removesuffix("-wal")
    after = next((r for r in log[index + 1:] if r[3] in (path, file) and r[2] in (WRITE, TRUNC, FSYNC)), None)
    return after is not None and after[3] == file


def main(source, target):
    log = sorted(records(open(source, "rb").read()), key=lambda record: record[0])
    kept = [record for index, record in enumerate(log) if keeps(index, log)]
    with open(target, "wb") as out:
        for record in kept:
            out.write(record[1])
    print(f"{len(log) - len(kept)} of {sum(r[2] == FSYNC and r[3].endswith('-wal') for r in log)} syncs of the log left out")


if __name__ == "__main__":
    main(*sys.argv[1:])
