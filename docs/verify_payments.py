"""Verify what a ledger says of payments without Liên Thông: nothing but the standard library, beside verify_ledger.py.

    python verify_payments.py LEDGER.db

Each payment with its attempts must be as the newest move `payment_changed` bound it, each hearing as its move
`payment_heard` did; the row's number begins the move's reason, and binds = SHA-256(JSON array of the row's name and
columns, bytes as hex). That the moves are whole is verify_ledger.py's to say. Exit 0: all well, 1: findings."""

import hashlib
import json
import pathlib
import sqlite3
import sys

PAYMENTS = """SELECT id, source, name, dossier, event, amount, currency, unit, procedure, kinds, fees, number, gateway,
    receipts, issuer, account, account_bank, account_name, state, expires_at, paid_attempt, paid_at, refunded,
    created_at FROM payments ORDER BY id"""
ATTEMPTS = """SELECT id, payment, n, partner, reference, delivery, state, made_at, opened_at, open_until,
    offer_commitment, transaction_id, amount, bank, paid_at, paid_time, code FROM payment_attempts
    WHERE payment = ? ORDER BY n"""
HEARINGS = """SELECT id, at, partner, reference, attempt, via, verdict, effect, transaction_id, amount, currency, code,
    address, key_id, commitment FROM payment_hearings ORDER BY id"""
MOVES = "SELECT cause, reason, binds FROM moves WHERE cause IN ('payment_changed', 'payment_heard') ORDER BY id"
encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def digest(fields):
    return hashlib.sha256(encode([f.hex() if isinstance(f, bytes) else f for f in fields]).encode()).digest()


def verify(path):
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    said = {(cause, int(reason.split(":")[0])): binds for cause, reason, binds in db.execute(MOVES)}
    for row in db.execute(PAYMENTS):
        attempts = [digest(["payment_attempt", *each]).hex() for each in db.execute(ATTEMPTS, row[:1])]
        if said.pop(("payment_changed", row[0]), None) != digest(["payment", *row, attempts]):
            yield f"payments id {row[0]}: it is not, with its attempts, as its last move left it"
    for row in db.execute(HEARINGS):
        if said.pop(("payment_heard", row[0]), None) != digest(["payment_hearing", *row]):
            yield f"payment_hearings id {row[0]}: it is not what its move heard"
    yield from (f"payments: deleted: the last {cause} of id {id} says that it is there" for cause, id in said)


if __name__ == "__main__":
    found = list(verify(*map(pathlib.Path, sys.argv[1:])))
    print("\n".join(found[:50]) if found else "every payment and hearing is as bound")
    sys.exit(1 if found else 0)
