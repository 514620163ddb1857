"""Fills a data file with sales, for measuring how Till grows.

`fill(FILE, ROWS, SNAPSHOTS)` with no server running; a snapshot is `read(FILE)`, taken before, between and after two sales
that are alike: same payer, same link.

The rows are built in bulk, and marked so: they stand in for history, they are not sales that happened, and chains
of hashes do not hold across them. The schema is read from the file. What one sale writes is learnt from the two:
each row the second one added is written again ROWS times, with whatever differed between the two moved on by
one more step (numbers) or made unique (ids, hashes), and each row it changed (balances) moved on ROWS steps at the end.
"""
import hashlib
import re
import sqlite3
import sys

ID = re.compile(r"\b([a-z]{2,6}_)([0-9a-hjkmnp-tv-z]{26})\b")
HASH = re.compile(r"(0x)?[0-9a-f]{64}(?![0-9a-f])")
STEP = 20_000


def tables(db):
    names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    return {n: [(row[1], row[5]) for row in db.execute(f'PRAGMA table_info("{n}")')] for n in names}


def content(db, schema):
    """Every row of every table, by primary key: the file is small when this is asked."""
    out = {}
    for name, columns in schema.items():
        own = [i for i, (_, key) in enumerate(columns) if key]
        rows = db.execute(f'SELECT * FROM "{name}"').fetchall()
        out[name] = {(tuple(row[i] for i in own) if own else row): row for row in rows}
    return out


def difference(before, after):
    """(added, changed) rows of each table, in the order they are stored."""
    added = {n: [row for key, row in rows.items() if key not in before[n]] for n, rows in after.items()}
    changed = {n: [(before[n][key], row) for key, row in rows.items() if key in before[n] and before[n][key] != row]
               for n, rows in after.items()}
    return added, changed


def unique_text(text, n, fresh):
    """The text with each id and hash that this sale made replaced by the n-th of its kind."""
    # The time, the sale's number, and what tells the ids of one sale apart: they differ in their last digits alone.
    text = ID.sub(lambda m: m[1] + m[2][:10] + f"{n:010d}" + m[2][-6:] if m[0] in fresh else m[0], text)
    return HASH.sub(lambda m: m[0][:-64] + hashlib.sha256(f"{m[0]}{n}".encode()).hexdigest() if m[0] in fresh else m[0], text)


class Column:
    """How one column's value goes on from the second sale to the n-th after it."""

    def __init__(self, first, second, fresh):
        self.value, self.fresh = second, fresh
        same_kind = type(first) is type(second)
        self.step = second - first if same_kind and isinstance(second, int) else 0
        self.moves = same_kind and first != second and isinstance(second, (str, bytes))

    def at(self, n):
        if self.step:
            return self.value + self.step * n
        if not self.moves:
            return self.value
        if isinstance(self.value, bytes):
            return self.value[:8] + hashlib.sha256(self.value + n.to_bytes(8, "big")).digest()[:len(self.value) - 8] \
                if len(self.value) <= 40 else self.value
        return unique_text(self.value, n, self.fresh)


def fresh_words(rows, older):
    """Ids and hashes that occur in the second sale's rows and nowhere before."""
    def words(all_rows):
        return {m[0] for row in all_rows for value in row if isinstance(value, str) for p in (ID, HASH) for m in p.finditer(value)}
    return words(rows) - words(older)


def order_that_works(db, writers):
    """An order of the tables that the schema's triggers accept, found by trying one sale and taking it back."""
    order, left = [], list(writers)
    db.execute("SAVEPOINT attempt")
    while left:
        for name in left:
            try:
                db.execute("SAVEPOINT one")
                writers[name](1, 2)
                db.execute("RELEASE one")
                break
            except sqlite3.DatabaseError as error:
                db.execute("ROLLBACK TO one")
                db.execute("RELEASE one")
                why = error
        else:
            raise SystemExit(f"no order of {left} is accepted: {why}")
        order.append(name)
        left.remove(name)
    db.execute("ROLLBACK TO attempt")
    db.execute("RELEASE attempt")
    return order


def fill(path, rows, snapshots):
    """`snapshots` are the file's contents before, between and after the two sales."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -1000000")
    schema = tables(db)
    zero, one, two = snapshots
    first, _ = difference(zero, one)
    second, changed = difference(one, two)
    fresh = fresh_words([r for rows_ in second.values() for r in rows_], [r for t in one.values() for r in t.values()])
    writers = {}
    for name, made in second.items():
        if not made:
            continue
        before = first[name] if len(first[name]) == len(made) else made
        columns = [[Column(a, b, fresh) for a, b in zip(old, new)] for old, new in zip(before, made)]
        sql = f'INSERT INTO "{name}" VALUES ({",".join("?" * len(made[0]))})'

        def write(start, end, columns=columns, sql=sql):
            db.executemany(sql, ([c.at(n) for c in row] for n in range(start, end) for row in columns))

        writers[name] = write
    order = order_that_works(db, writers)
    for start in range(1, rows + 1, STEP):
        db.execute("BEGIN")
        for name in order:
            writers[name](start, min(start + STEP, rows + 1))
        db.execute("COMMIT")
        print(f"\r{min(start + STEP - 1, rows)} of {rows}", end="", file=sys.stderr)
    print(file=sys.stderr)
    db.execute("BEGIN")
    for name, pairs in changed.items():
        columns = schema[name]
        for old, new in pairs:
            moved = [(columns[i][0], b + (b - a) * rows) for i, (a, b) in enumerate(zip(old, new))
                     if isinstance(a, int) and isinstance(b, int) and a != b and not columns[i][1]]
            keys = [(columns[i][0], value) for i, value in enumerate(new) if columns[i][1]]
            if moved and keys:
                db.execute(f'UPDATE "{name}" SET ' + ", ".join(f'"{c}" = ?' for c, _ in moved) + " WHERE "
                           + " AND ".join(f'"{c}" IS ?' for c, _ in keys), [v for _, v in moved + keys])
    db.execute("COMMIT")
    db.execute("ANALYZE")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def read(path):
    db = sqlite3.connect(path)
    try:
        return content(db, tables(db))
    finally:
        db.close()
