#!/usr/bin/env python3
"""powerloss: makes the states a power cut could have left, out of an I/O log of faultshim.so, and judges them.

1. Record:  crashloop.py ... --shim faultshim.so --shim-path DATADIR --record --no-iokill     (or set FS_RECORD yourself)
   The run starts with an empty data directory; DIR/io.rec and DIR/acked.jsonl come out.
2. Judge:   powerloss.py --rec DIR/io.rec --root DIR/data --acked DIR/acked.jsonl --states 500 --seed 1 --check till_check.py

For a crash point C (a position in the log) a file holds what its last fsync/fdatasync before C covered; of the
operations after that, a mode decides which reached the disk:
  none    nothing that was not synced 
  all     everything (a process crash)
  prefix  a random prefix in order
  subset  each 4096-byte piece by itself, any order (reordering by the page cache and the device)
  torn    as subset, at 512-byte pieces
Names (create, rename, unlink) not yet covered by a sync are kept as a random ordered prefix. --meta ext4: any sync
covers every earlier name operation (a journal commit); --meta strict: only a sync of the directory does.
A sync that failed (an injected EIO) loses what it was to cover, for good: a later sync that works does not bring it
back, as on Linux since the fsync errors of 2018 were understood; what the program wrote again afterwards counts.
SQLite's -shm file is left out, as after a real restart. Exit code 0 or 1.
The check module gives  check(dir, acked) -> list of problems;  acked = records of acked.jsonl with seq <= C.
"""
import argparse, collections, importlib.util, json, os, random, shutil, struct, sys, tempfile, time

HEAD = struct.Struct("<IIQQQQII")
CREATE, WRITE, TRUNC, FSYNC, RENAME, UNLINK, MKDIR, OPAQUE, FSYNCDIR, LINK, OPEN, SYNCFAIL = range(1, 13)


def load(path):
    out, raw, o = [], open(path, "rb").read(), 0
    while o + HEAD.size <= len(raw):
        magic, typ, seq, ino, off, ln, pl, pl2 = HEAD.unpack_from(raw, o)
        if magic != 0x31524346: raise SystemExit(f"bad record at {o}")
        need = HEAD.size + pl + pl2 + (ln if typ == WRITE else 0)
        if o + need > len(raw): break                        # cut short by a kill
        p = raw[o + HEAD.size:o + HEAD.size + pl].decode(); p2 = raw[o + HEAD.size + pl:o + HEAD.size + pl + pl2].decode()
        out.append((seq, typ, ino, p, p2, off, ln, raw[o + HEAD.size + pl + pl2:o + need] if typ == WRITE else b""))
        o += need
    out.sort(key=lambda r: r[0])
    return out


class File:
    __slots__ = ("durable", "pending", "opaque")
    def __init__(self): self.durable, self.pending, self.opaque = bytearray(), [], False


def put(buf, off, data):
    if len(buf) < off: buf.extend(b"\0" * (off - len(buf)))
    buf[off:off + len(data)] = data


def apply(buf, op):
    if op[0] == "w": put(buf, op[1], op[2])
    elif len(buf) > op[1]: del buf[op[1]:]
    else: buf.extend(b"\0" * (op[1] - len(buf)))


class Disk:
    def __init__(self, meta): self.meta, self.byino, self.durable, self.pending = meta, {}, {}, []
    def file(self, ino): return self.byino.setdefault(ino, File())
    def feed(self, r):
        seq, typ, ino, p, p2, off, ln, data = r
        if typ == CREATE: self.byino[ino] = File(); self.pending.append(("set", p, self.byino[ino]))
        elif typ == OPEN:
            if ino not in self.byino: self.pending.append(("set", p, self.file(ino)))
        elif typ == WRITE: self.file(ino).pending.append(("w", off, data))
        elif typ == TRUNC: self.file(ino).pending.append(("t", off))
        elif typ == OPAQUE: self.file(ino).opaque = True
        elif typ == RENAME: self.pending.append(("mv", p, p2))
        elif typ == LINK: self.pending.append(("ln", p, p2))
        elif typ == UNLINK: self.pending.append(("rm", p))
        elif typ == SYNCFAIL: self.file(ino).pending = []     # Linux marks the pages clean: no later sync writes them
        elif typ in (FSYNC, FSYNCDIR):
            if typ == FSYNC:
                f = self.file(ino)
                for op in f.pending: apply(f.durable, op)
                f.pending = []
            if typ == FSYNCDIR and self.meta == "strict":
                keep = []
                for op in self.pending: (self.name(self.durable, op) if os.path.dirname(op[1]) == p or (len(op) > 2 and isinstance(op[2], str) and os.path.dirname(op[2]) == p) else keep.append(op))
                self.pending = keep
            elif self.meta == "ext4":
                for op in self.pending: self.name(self.durable, op)
                self.pending = []
    @staticmethod
    def name(ns, op):
        if op[0] == "set": ns[op[1]] = op[2]
        elif op[0] == "mv":
            if op[1] in ns: ns[op[2]] = ns.pop(op[1])
        elif op[0] == "ln":
            if op[1] in ns: ns[op[2]] = ns[op[1]]
        else: ns.pop(op[1], None)

    def state(self, mode, rng, root, out):
        ns = dict(self.durable)
        n = len(self.pending) if mode == "all" else 0 if mode == "none" else rng.randint(0, len(self.pending))
        for op in self.pending[:n]: self.name(ns, op)
        lost = kept = 0
        for path, f in ns.items():
            if not path.startswith(root) or path.endswith("-shm"): continue
            buf = bytearray(f.durable)
            ops = f.pending
            if mode == "all": use = list(ops)
            elif mode == "none": use = []
            elif mode == "prefix": use = ops[:rng.randint(0, len(ops))]
            else:
                piece, use = (4096 if mode == "subset" else 512), []
                for op in ops:
                    if op[0] == "t":
                        if rng.random() < .5: use.append(op)
                        continue
                    o, d = op[1], op[2]; i = 0
                    while i < len(d):
                        k = min(piece - (o + i) % piece, len(d) - i)
                        if rng.random() < .5: use.append(("w", o + i, d[i:i + k]))
                        i += k
            lost += len(ops); kept += len(use)
            for op in use: apply(buf, op)
            dst = out + path[len(root):]
            os.makedirs(os.path.dirname(dst), exist_ok=True)
            with open(dst, "wb") as h: h.write(buf)
        return lost


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    g = ap.add_argument
    g("--rec", required=True); g("--root", required=True); g("--acked", required=True); g("--check", required=True)
    g("--states", type=int, default=300); g("--seed", type=int, default=1); g("--meta", choices=["ext4", "strict"], default="ext4")
    g("--modes", default="none,prefix,subset,torn"); g("--keep", help="keep the first bad state here"); g("--max-seconds", type=float, default=900)
    a = ap.parse_args()
    spec = importlib.util.spec_from_file_location("check_module", a.check); mod = importlib.util.module_from_spec(spec); spec.loader.exec_module(mod)
    recs, rng, root, t0 = load(a.rec), random.Random(a.seed), os.path.abspath(a.root), time.time()
    acked = [json.loads(x) for x in open(a.acked)]
    modes = a.modes.split(",")
    # half of the crash points anywhere, half right before or after a sync, where the windows are
    syncs = [i for i, r in enumerate(recs) if r[1] in (FSYNC, FSYNCDIR)]
    pts = sorted(rng.randrange(len(recs)) if rng.random() < .5 or not syncs else min(len(recs) - 1, max(0, rng.choice(syncs) + rng.choice([-1, 0, 1]))) for _ in range(a.states))
    disk, fed, bad, per, pend = Disk(a.meta), 0, [], collections.Counter(), 0
    opq = sum(r[1] == OPAQUE for r in recs)
    for n, pt in enumerate(pts):
        if time.time() - t0 > a.max_seconds: print("time limit"); break
        while fed <= pt: disk.feed(recs[fed]); fed += 1
        C, mode = recs[pt][0], modes[n % len(modes)]
        with tempfile.TemporaryDirectory() as t:
            pend += disk.state(mode, rng, root, t)
            problems = mod.check(t, [x for x in acked if x["seq"] <= C])
            per[mode] += 1
            if problems:
                if a.keep and not bad: shutil.copytree(t, a.keep, dirs_exist_ok=True)
                bad.append((C, mode, problems[:2]))
    by = collections.Counter(b[1] for b in bad)
    print(f"{len(recs)} records ({len(syncs)} syncs, {opq} opaque), {len(acked)} acknowledged writes, {sum(per.values())} states {dict(per)}, {pend} unsynced operations at the crash points in all")
    for b in bad[:5]: print("  BAD at seq %d mode %s: %s" % (b[0], b[1], str(b[2])[:300]))
    print(f"{'PASS' if not bad else 'FAIL'}: {len(bad)} bad states {dict(by)}, {time.time() - t0:.0f} s")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
