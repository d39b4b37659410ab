"""Verify a bundle for one dossier without Liên Thông: to be read before it is trusted.

    python verify_bundle.py BUNDLE.zip [KEY.pem]        (the standard library and `cryptography`)

KEY.pem: the installation's public key, not got with the bundle. Exit 0: all well, 1: findings, first bad member first.
move hash = SHA-256(prev + SHA-256(JSON array of partition … binds)); commitment = SHA-256(salt + body)."""

import hashlib
import json
import pathlib
import sys
import zipfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

MOVE = "partition n at delivery event from_state to_state cause reason actor binds"
EVENT = "id source event_id kind dossier sequence occurred_at accepted_at digest commitment"
EXCHANGE = "operation method url status sent_at took_us trouble key_id algorithm commitment"
ATTEMPT = "id delivery n worker started_at outcome code reason"
PAYMENT = """id source name dossier event amount currency unit procedure kinds fees number gateway receipts issuer
    account account_bank account_name state expires_at paid_attempt paid_at refunded created_at"""
TRY = """id payment n partner reference delivery state made_at opened_at open_until offer_commitment transaction_id
    amount bank paid_at paid_time code"""
HEARING = """id at partner reference attempt via verdict effect transaction_id amount currency code address key_id
    commitment"""
MONEY, SIGNED = ("payment_changed", "payment_heard"), ("signature_changed", "signature_heard")  # verify_signatures.py
PARTS = ("request-head", "request-body", "reply-head", "reply-body")


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def digest(row, names, first=(), last=()):
    fields = [*first, *(row[name] for name in names.split()), *last]
    return sha(json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode())


def is_signed(pem, signature, data):
    try:
        return load_pem_public_key(pem).verify(signature, data) is None
    except (InvalidSignature, ValueError):
        return False


def packed(part):  # as MessagePack: nothing, or bytes after their length
    size = 0 if part is None else next(size for size in (1, 2, 4) if len(part) < 256**size)
    return bytes([0xC4 + size // 2]) + len(part).to_bytes(size, "big") + part if size else b"\xc0"


def verify(path, key=None):
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            files = {name: archive.read(name) for name in names}
        manifest, signature = files.pop("manifest.json"), files.pop("manifest.sig")
        said = json.loads(manifest)
        listed, signer = said["members"], f"keys/{said['key']}.pem"
        pem = files[signer]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as trouble:
        return [f"manifest.json: the bundle cannot be read: {trouble!r}"]
    if not is_signed(pem, signature, manifest):
        return [
            f"{'manifest.json' if sha(pem) == listed.get(signer) else signer}: the manifest's signature does not fit"
        ]
    if key and not is_signed(key.read_bytes(), signature, manifest):
        return [f"{signer}: the bundle is signed, but not with the key in {key}"]
    changed = {name for name in files.keys() & listed.keys() if sha(files[name]) != listed[name]}
    if bad := changed | (files.keys() ^ listed.keys()) | {name for name in names if names.count(name) > 1}:
        return [f"{name}: it is not what was signed" for name in sorted(bad)]
    rows = {name[:-7]: [json.loads(line) for line in files[name].splitlines()] for name in names if ".ndjson" in name}
    return [*verify_chain(rows, files), *verify_rows(rows, files, said["dossier"]), *verify_money(rows, files)]


def verify_chain(rows, files):
    own, fixed, hashes = {(move["partition"], move["n"]): move for move in rows["moves"]}, {}, {}
    contents = {(link["partition"], link["n"]): link["content"] for link in rows["links"]}
    contents |= {at: digest(move, MOVE) for at, move in own.items()}
    for m in rows["checkpoints"]:
        if not is_signed(files[f"keys/{m['key']}.pem"], bytes.fromhex(m["signature"]), m["statement"].encode()):
            yield f"checkpoints.ndjson: the signature of the one at {m['at']} does not fit"
        fixed |= {(p, n): hash for p, n, hash in json.loads(m["statement"])["heads"]}
    for p, n in sorted(contents):
        move = own.get((p, n), {})
        prev = hashes.get((p, n - 1), move.get("prev", ""))
        hashes[p, n] = sha(bytes.fromhex(prev), bytes.fromhex(contents[p, n]))
        if move and (move["prev"], move["hash"]) != (prev, hashes[p, n]):
            yield f"moves.ndjson: row {n} of partition {p} does not fit its chain"
        if fixed.get((p, n), hashes[p, n]) != hashes[p, n]:
            yield f"moves.ndjson: a signed checkpoint names another hash for row {n} of partition {p}"
    for p, n in sorted(contents):
        if (p, n) not in fixed and (p, n + 1) not in hashes:
            yield f"links.ndjson: no way from row {n} of partition {p} to a signed checkpoint"


def verify_rows(rows, files, dossier):
    events = {move["event"]: move["binds"] for move in rows["moves"] if move["event"]}
    for row in rows["events"]:
        if row["dossier"] != dossier or events.pop(row["id"], "") != digest(row, EVENT, ["event"]):
            yield f"events.ndjson: event {row['id']} is not what its move recorded"
        salt, body = (files.get(f"events/{row['id']}/{name}", b"") for name in ("salt", "body.json"))
        if row["left_out"] is None and (sha(body), sha(salt, body)) != (row["digest"], row["commitment"]):
            yield f"events/{row['id']}/body.json: it is not the event's body, or salt is not its salt"
    yield from (f"events.ndjson: event {id} is missing" for id in events)
    said = {row["id"]: digest(row, EXCHANGE) for row in rows["exchanges"]}
    for row in rows["exchanges"]:
        salt, *parts = (files.get(f"exchanges/{row['id']}/{name}") for name in ("salt", *PARTS))
        if row["left_out"] is None and sha(salt or b"", b"\x94", *map(packed, parts)) != row["commitment"]:
            yield f"exchanges/{row['id']}: these are not the bytes that were exchanged"
    tried = [move for move in rows["moves"] if move["cause"] not in (*MONEY, *SIGNED)]
    bound = {move["binds"]: move["delivery"] for move in tried if move["binds"] and not move["event"]}
    for row in rows["attempts"]:
        if bound.pop(digest(row, ATTEMPT, ["attempt"], [[*map(said.get, row["exchanges"])]]), None) != row["delivery"]:
            yield f"attempts.ndjson: no move binds attempt {row['id']} with its exchanges"
    yield from (f"attempts.ndjson: an attempt of delivery {delivery} is missing" for delivery in bound.values())
    states = {move["delivery"]: move["to_state"] for move in rows["moves"] if move["to_state"]}
    for row in rows["deliveries"]:
        if states.pop(row["id"], None) != row["state"]:
            yield f"deliveries.ndjson: the last move of delivery {row['id']} says another state"
    yield from (f"deliveries.ndjson: delivery {id} is missing" for id in states)


def verify_money(rows, files):
    said = {(m["cause"], int(m["reason"].split(":")[0])): m["binds"] for m in rows["moves"] if m["cause"] in MONEY}
    for row in rows.get("payments", ()):
        tries = [digest(each, TRY, ["payment_attempt"]) for each in row["attempts"]]
        if said.pop(("payment_changed", row["id"]), None) != digest(row, PAYMENT, ["payment"], [tries]) and tries:
            yield f"payments.ndjson: payment {row['id']} is not, with its attempts, as its last move left it"
        offers = [("offers", each["id"], each["offer_commitment"]) for each in row["attempts"]]
        yield from (f"offers/{id}: these are not the bytes of the offer" for id in unfit(offers, files))
    for row in rows.get("hearings", ()):
        if said.pop(("payment_heard", row["id"]), None) != digest(row, HEARING, ["payment_hearing"]):
            yield f"hearings.ndjson: hearing {row['id']} is not what its move heard"
    heard = [("hearings", row["id"], row["commitment"]) for row in rows.get("hearings", ())]
    yield from (f"hearings/{id}: these are not the bytes that were heard" for id in unfit(heard, files))
    yield from (f"payments.ndjson: {cause} of {id} is missing" for cause, id in said)


def unfit(words, files):
    for folder, id, commitment in words:
        salt, body = (files.get(f"{folder}/{id}/{name}") for name in ("salt", "body"))
        if body is not None and sha(salt or b"", body) != commitment:
            yield id


if __name__ == "__main__":
    found = verify(*map(pathlib.Path, sys.argv[1:]))
    print("\n".join([f"first bad member: {found[0]}", *found[1:50]]) if found else "every member fits")
    sys.exit(1 if found else 0)
