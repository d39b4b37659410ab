"""Verify a ledger without Liên Thông: nothing but the standard library, short enough to be read before it is trusted.

    python verify_ledger.py LEDGER.db|MOVES.ndjson [MASTER_KEY_FILE]

hash = SHA-256(prev + SHA-256(JSON array of partition … binds)), n from 1, 32 zero bytes before a partition's first.
With the master key heads are authenticated. What checkpoints fixed is compared; their signatures (Ed25519) are not
checked here. Events, attempts and audit rows must be as bound. Exit 0: all well, 1: findings, first bad row first."""

import base64
import hashlib
import hmac
import itertools
import json
import pathlib
import sqlite3
import sys

COLUMNS = "id partition n at delivery event from_state to_state cause reason actor binds prev hash"
EVENTS = """SELECT e.id, e.source, event_id, kind, number, sequence, occurred_at, accepted_at, digest, commitment
    FROM events e LEFT JOIN dossiers d ON d.id = e.dossier ORDER BY e.id"""
ATTEMPTS = "SELECT id, delivery, n, worker, started_at, outcome, code, reason, exchanges FROM attempts ORDER BY id"
STATES = """SELECT id FROM deliveries d WHERE state IS NOT (SELECT to_state FROM moves m
    WHERE m.delivery = d.id AND to_state IS NOT NULL ORDER BY m.id DESC LIMIT 1) ORDER BY id"""
START = (0, bytes(32), 0, b"")
encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def digest(fields):
    return hashlib.sha256(encode([f.hex() if isinstance(f, bytes) else f for f in fields]).encode()).digest()


def rows_of_file(path):
    for row in map(json.loads, path.open(encoding="utf-8")):
        hashes = {name: bytes.fromhex(row[name]) for name in ("binds", "prev", "hash") if row[name]}
        yield tuple((row | hashes)[name] for name in COLUMNS.split())


def head_key(path):
    text = b"".join(path.read_bytes().split())
    secret = bytes.fromhex(text.decode()) if len(text) == 64 else base64.b64decode(text)
    return hmac.digest(hmac.digest(bytes(32), secret, "sha256"), b"lienthong/1/head\x01", "sha256")  # HKDF


def verify_moves(rows, heads, anchors):
    ends = {}
    for row in rows:
        (id, partition, n), (prev, hash), (last, before, last_id, earlier) = row[:3], row[12:], ends.get(row[1], START)
        is_whole = hashlib.sha256(prev + digest(row[1:12])).digest() == hash
        at, was = f"moves id {id}, n {n}", f"moves id {last_id}, n {last}"
        if n != last + 1:
            yield f"{at}: {'deleted' if n > last else 'inserted'}: n {last + 1} of partition {partition} stood here"
        elif prev == before and not is_whole:
            yield f"{at}: edited: its content does not fit its hash"
        elif prev == earlier or (prev != before and is_whole and last):
            yield f"{was}: {'inserted' if prev == earlier else 'edited'}: the row after it follows another row"
        elif prev != before or id <= last_id:
            yield f"{at}: swapped: it stood elsewhere"
        if anchors.pop((partition, n), hash) != hash:
            yield f"{at}: edited: a checkpoint names another hash, the chain was written anew"
        ends[partition] = n, hash, id, before
    for partition in sorted(ends.keys() | heads.keys()) if heads is not None else ():
        (n, hash, id, _), head = ends.get(partition, START), heads.get(partition, (0, b"", False))
        if head != (n, hash, True):
            what = "bad head" if not head[2] else "cut" if n < head[0] else "inserted" if n > head[0] else "edited"
            yield f"moves id {id}, n {n}: {what}: the head of partition {partition} is n {head[0]}"
    yield from (f"moves partition {p}, n {n}: cut: a checkpoint names this row" for p, n in sorted(anchors))


def verify_rows(db):
    events = dict(db.execute("SELECT event, binds FROM moves WHERE binds IS NOT NULL AND event IS NOT NULL"))
    for row in db.execute(EVENTS):
        if events.pop(row[0], None) != digest(["event", *row]):
            yield f"events id {row[0]}: it is not what its move recorded"
    yield from (f"events id {id}: deleted" for id in events)
    bound = "SELECT binds, id FROM moves WHERE binds IS NOT NULL AND event IS NULL AND delivery > 0"
    elsewhere = "('payment_changed', 'payment_heard', 'signature_changed', 'signature_heard')"  # verify_payments.py, …
    bound = dict(db.execute(f"{bound} AND cause NOT IN {elsewhere}"))
    said = {row[0]: digest(row[1:-1]).hex() for row in db.execute("SELECT * FROM exchanges")}
    for row in db.execute(ATTEMPTS):
        if bound.pop(digest(["attempt", *row[:8], [said.get(n, "") for n in json.loads(row[8])]]), None) is None:
            yield f"attempts id {row[0]}: no move binds it with these exchanges"
    yield from (f"attempts: what moves id {id} bound is deleted or edited" for id in bound.values())
    yield from (f"deliveries id {id}: edited: its last move says another state" for (id,) in db.execute(STATES))
    noted = "SELECT reason, binds FROM moves WHERE cause = 'noted'"
    noted = {int(reason.split()[0]): binds for reason, binds in db.execute(noted)}
    for row in db.execute("SELECT * FROM audit ORDER BY id"):
        if noted.pop(row[0], None) != digest(["audit", *row]):
            yield f"audit id {row[0]}: it is not what its move noted"
    yield from (f"audit id {id}: deleted" for id in noted)


def verify(path, key_file=None):
    if path.suffix == ".ndjson":
        return verify_moves(rows_of_file(path), None, {})  # an export has no heads
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    key, heads = key_file and head_key(key_file), {}
    for p, n, hash, mac in db.execute("SELECT partition, n, hash, mac FROM chain_heads"):
        heads[p] = n, hash, not key or mac == hmac.digest(key, encode([p, n, hash.hex()]).encode(), "sha256")
    marks = [json.loads(statement) for (statement,) in db.execute("SELECT statement FROM checkpoints ORDER BY id")]
    anchors = {(p, n): bytes.fromhex(hash) for mark in marks for p, n, hash in mark["heads"] if n}
    rows = db.execute(f"SELECT {COLUMNS.replace(' ', ', ')} FROM moves ORDER BY id")
    return itertools.chain(verify_moves(rows, heads, anchors), verify_rows(db))


if __name__ == "__main__":
    found = list(verify(*map(pathlib.Path, sys.argv[1:])))
    print("\n".join([f"first bad row: {found[0]}", *found[1:50]]) if found else "every row fits its chain")
    sys.exit(1 if found else 0)
