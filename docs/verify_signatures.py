"""Verify what a ledger or a bundle says of signatures without Liên Thông: nothing but the standard library.

    python verify_signatures.py LEDGER.db      beside verify_ledger.py, which says whether the moves are whole
    python verify_signatures.py BUNDLE.zip     beside verify_bundle.py, likewise

Each signature with its documents and earlier tries must be as the newest move `signature_changed` bound it, each
hearing as its move `signature_heard` did; the row's number begins the move's reason, and binds = SHA-256(JSON array of
the row's name and columns; of bytes their SHA-256, a hearing's commitment as hex). Exit 0: all well, 1: findings.
"""

import hashlib
import json
import pathlib
import sqlite3
import sys
import zipfile

NAMES = """id source name dossier event after service role level unit procedure state delivery n request handle
    certificate chain code via expires_at opened_at signed_at made_at created_at;
    signature n name form is_result continues given prepared plan digest value signed verdict report_commitment
    reached code; signature n service request handle state code ended_at;
    id at partner signature via verdict effect code address commitment"""
SIGNATURE, DOCUMENT, TRY, HEARING = (names.split() for names in NAMES.split(";"))
CAUSES = ("signature_changed", "signature_heard")
encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def sha(data):
    return hashlib.sha256(data).hexdigest()


def digest(table, row, names, *more):
    return sha(encode([table, *(row[name] for name in names), *more]).encode())


def rows_of_ledger(path):
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)

    def read(table, names, order):
        for row in db.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {order}"):
            yield dict(zip(names, (sha(one) if isinstance(one, bytes) else one for one in row), strict=True))

    signatures = {row["id"]: row | {"documents": [], "tries": []} for row in read("signatures", SIGNATURE, "id")}
    for table, names, member in (("signature_documents", DOCUMENT, "documents"), ("signature_tries", TRY, "tries")):
        for row in read(table, names, "signature, n"):
            signatures.setdefault(row["signature"], {"id": row["signature"], member: []})[member].append(row)
    said = f"SELECT {', '.join(HEARING)} FROM signature_hearings ORDER BY id"
    hearings = [dict(zip(HEARING, row, strict=True)) for row in db.execute(said)]
    hearings = [row | {"commitment": row["commitment"].hex()} for row in hearings]
    moves = db.execute(f"SELECT cause, reason, binds FROM moves WHERE cause IN {CAUSES} ORDER BY id")
    return (
        signatures.values(),
        hearings,
        [(cause, reason, binds.hex()) for cause, reason, binds in moves],
        lambda _: True,
    )


def rows_of_bundle(path):
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    rows = {n[:-7]: [json.loads(line) for line in files[n].splitlines()] for n in files if n.endswith(".ndjson")}
    moves = [(m["cause"], m["reason"], m["binds"]) for m in rows["moves"] if m["cause"] in CAUSES]
    for row in rows["signature_hearings"]:
        salt, body = (files.get(f"signature_hearings/{row['id']}/{name}") for name in ("salt", "body"))
        if row["left_out"] is None and sha((salt or b"") + (body or b"")) != row["commitment"]:
            row["effect"] = "other bytes"
    sent = {row["id"] for row in rows["signatures"] if row["delivery"]}
    # Of what no delivery carries (at a desk), a bundle has no moves.
    return rows["signatures"], rows["signature_hearings"], moves, sent.__contains__


def verify(path):
    signatures, hearings, moves, is_bound = (rows_of_bundle if path.suffix == ".zip" else rows_of_ledger)(path)
    said = {(cause, int(reason.split(":")[0])): binds for cause, reason, binds in moves}
    for row in signatures:
        fits = set(SIGNATURE) <= row.keys() and digest(
            "signature",
            row,
            SIGNATURE,
            [digest("signature_document", each, DOCUMENT) for each in row["documents"]],
            [digest("signature_try", each, TRY) for each in row["tries"]],
        )
        if said.pop((CAUSES[0], row["id"]), None) != fits and is_bound(row["id"]):
            yield f"signatures id {row['id']}: it is not, with its documents and tries, as its last move left it"
    for row in hearings:
        if said.pop((CAUSES[1], row["id"]), None) != digest("signature_hearing", row, HEARING) and is_bound(
            row["signature"]
        ):
            yield f"signature_hearings id {row['id']}: it is not what its move heard"
    yield from (f"signatures: deleted: the last {cause} of id {id} says that it is there" for cause, id in said)


if __name__ == "__main__":
    found = [finding for name in sys.argv[1:] for finding in verify(pathlib.Path(name))]
    print("\n".join(found[:50]) if found else "every signature and hearing is as bound")
    sys.exit(1 if found else 0)
