"""Whatever is done to the rows of a chain is found, and the first bad row is named."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from bus.evidence import (
    GENESIS,
    INSTALLATION,
    Checkpoint,
    Finding,
    Head,
    MoveRow,
    canonical_array,
    chain,
    checkpoint_anchors,
    checkpoint_statement,
    head_mac,
    make_checkpoint,
    move_hash,
    partition_of,
    row_digest,
    verify_chain,
    verify_checkpoints,
)

KEY = b"k" * 32

texts = st.text(st.characters(codec="utf-8"))
fields = st.lists(st.none() | texts | st.integers(-(2**63), 2**63 - 1) | st.binary() | st.lists(texts))


def make_moves(count: int, partition: int = 3, first_id: int = 1) -> list[MoveRow]:
    """A chain as the ledger writes it."""
    rows: list[MoveRow] = []
    prev = GENESIS
    for n in range(1, count + 1):
        row = MoveRow(
            id=first_id + 2 * n,
            partition=partition,
            n=n,
            at=1_783_000_000_000 + n,
            delivery=n % 7 or None,
            event=n if n % 3 == 0 else None,
            from_state="waiting" if n % 3 else None,
            to_state="sending",
            cause="claimed",
            reason="lý do" if n % 2 else "",
            actor="worker-1",
            binds=row_digest(["event", n]) if n % 3 == 0 else None,
            prev=prev,
            hash=b"",
        )
        rows.append(row._replace(hash=move_hash(row)))
        prev = rows[-1].hash
    return rows


def make_head(rows: list[MoveRow], key: bytes = KEY) -> Head:
    last = rows[-1]
    return Head(
        partition=last.partition, n=last.n, hash=last.hash, mac=head_mac(key, last.partition, last.n, last.hash)
    )


def findings(rows: list[MoveRow], *heads: Head) -> list[tuple[str, int]]:
    found = verify_chain(rows, heads, head_key=KEY)
    return [(finding.what, finding.n) for finding in found]


def rewritten(rows: list[MoveRow], at: int, **changes: object) -> list[MoveRow]:
    """The chain with a row changed and every later hash computed anew, as somebody without the master key could."""
    rows = list(rows)
    rows[at] = rows[at]._replace(**changes)
    prev = rows[at].prev
    for i in range(at, len(rows)):
        rows[i] = rows[i]._replace(prev=prev)
        rows[i] = rows[i]._replace(hash=move_hash(rows[i]))
        prev = rows[i].hash
    return rows


def renumbered(rows: list[MoveRow]) -> list[MoveRow]:
    """The same rows, numbered in the order in which they stand."""
    return [row._replace(n=n, id=2 * n) for n, row in enumerate(rows, start=1)]


@given(fields)
def test_canonical_array_is_what_the_standard_library_writes(values: list):
    """Any verifier with `json.dumps` gets the same bytes; bytes are hex."""
    plain = [value.hex() if isinstance(value, bytes) else value for value in values]

    assert json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode() == canonical_array(values)


def test_chain_starts_with_the_hash_before():
    """hash(n) = SHA-256(hash(n-1) ‖ SHA-256(JSON array)): the way to a checkpoint is shown without the content."""
    content = hashlib.sha256(b'["a",1,null,"00ff"]').digest()

    assert hashlib.sha256(GENESIS + content).digest() == chain(GENESIS, ["a", 1, None, b"\x00\xff"])
    assert hashlib.sha256(b'["event",1]').digest() == row_digest(["event", 1])


def test_lanes_are_spread_over_sixteen_partitions():
    """No lane shares the installation's partition."""
    assert set(range(16)) == {partition_of(lane) for lane in range(1, 100)}
    assert INSTALLATION not in {partition_of(lane) for lane in range(1, 100)}


def test_untouched_chains_have_no_finding():
    """Several partitions, each with its own numbers, verify in one stream."""
    one, two = make_moves(20, 1), make_moves(5, INSTALLATION)

    assert [] == findings(one + two, make_head(one), make_head(two))
    assert [] == list(verify_chain(one + two))
    assert [] == findings([])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", 5),
        ("delivery", 99),
        ("event", 99),
        ("from_state", None),
        ("to_state", "delivered"),
        ("cause", "because"),
        ("reason", "khác"),
        ("actor", "nobody"),
        ("binds", bytes(32)),
    ],
)
def test_edited_column_is_found(column: str, value: object):
    """Every column of a move is covered by its hash."""
    rows = make_moves(9)
    rows[3] = rows[3]._replace(**{column: value})

    assert [("edited", 4)] == findings(rows, make_head(rows))


@pytest.mark.parametrize(("column", "what"), [("prev", "swapped"), ("hash", "edited")])
def test_edited_hash_is_found(column: str, what: str):
    """The two hashes of a row are checked themselves, and the row is named."""
    rows = make_moves(9)
    rows[3] = rows[3]._replace(**{column: bytes(32)})

    assert (what, 4) == findings(rows, make_head(rows))[0]


def test_edited_and_rehashed_row_is_found():
    """A row whose hash was computed anew is given away by the row after it, and is itself the one named."""
    rows = make_moves(9)
    rows[3] = rewritten(rows[:4], 3, cause="because")[3]

    assert [("edited", 4)] == findings(rows, make_head(rows))


def test_edited_and_rehashed_last_row_is_found():
    """The head remembers the last row."""
    rows = make_moves(9)
    head = make_head(rows)

    assert [("edited", 9)] == findings(rewritten(rows, 8, cause="because"), head)


def test_chain_written_anew_is_found():
    """A chain recomputed to its end needs a new head, and that needs the master key."""
    rows = make_moves(9)
    forged = rewritten(rows, 3, cause="because")

    assert [("edited", 9)] == findings(forged, make_head(rows))
    assert [("head", 9)] == findings(forged, make_head(forged, key=b"guess"))


@pytest.mark.parametrize("gone", [[0], [4], [3, 4, 5]])
def test_deleted_rows_are_found(gone: list[int]):
    """Missing numbers name the first row that is gone."""
    rows = make_moves(9)
    left = [row for i, row in enumerate(rows) if i not in gone]

    assert ("deleted", gone[0] + 1) == findings(left, make_head(rows))[0]


@pytest.mark.parametrize("gone", [0, 4])
def test_deleted_and_renumbered_row_is_found(gone: int):
    """Closing the gap does not help: each number is part of its row's hash."""
    rows = make_moves(9)
    left = renumbered(rows[:gone] + rows[gone + 1 :])

    assert ("swapped", gone + 1) == findings(left, make_head(rows))[0]


@pytest.mark.parametrize("length", [0, 1, 8])
def test_cut_chain_is_found(length: int):
    """The head says how long the chain was, even when all of it is gone."""
    rows = make_moves(9)

    assert [("cut", length + 1)] == findings(rows[:length], make_head(rows))


def test_cut_chain_with_a_forged_head_is_found():
    """Neither a guessed MAC nor one of another row fits the shorter chain."""
    rows = make_moves(9)
    short = make_head(rows[:5])

    assert [("head", 5)] == findings(rows[:5], replace(short, mac=make_head(rows).mac))
    assert [("head", 5)] == findings(rows[:5], replace(short, mac=bytes(32)))


@pytest.mark.parametrize(("first", "second"), [(0, 1), (2, 3), (2, 6), (7, 8)])
def test_swapped_rows_are_found(first: int, second: int):
    """Two rows that changed places are named at the first of them."""
    rows = make_moves(9)
    head = make_head(rows)
    rows[first], rows[second] = rows[second], rows[first]

    assert ("swapped", first + 1) == findings(renumbered(rows), head)[0]


def test_swapped_ids_are_found():
    """The order in which rows were written is their chain's order."""
    rows = make_moves(9)
    rows[2], rows[3] = rows[2]._replace(id=rows[3].id), rows[3]._replace(id=rows[2].id)

    assert [("swapped", 4)] == findings(rows, make_head(rows))


def test_inserted_row_is_found():
    """A well-made row that was put in is named, although the rows around it were renumbered."""
    rows = make_moves(9)
    made = rows[3]._replace(n=5, prev=rows[3].hash, cause="because")
    forged = renumbered([*rows[:4], made._replace(hash=move_hash(made)), *rows[4:]])

    assert ("inserted", 5) == findings(forged, make_head(rows))[0]


def test_inserted_row_under_a_taken_number_is_found():
    """In an export nothing keeps numbers unique; the second of a number is the one put in."""
    rows = make_moves(9)

    assert ("inserted", 5) == findings([*rows[:5], rows[4], *rows[5:]], make_head(rows))[0]


def test_appended_row_is_found():
    """A row after the head was not written by the ledger."""
    rows = make_moves(9)

    assert [("inserted", 9)] == findings(rows, make_head(rows[:8]))


def test_missing_head_is_found():
    """A partition whose head is gone could have been cut."""
    assert [("head", 9)] == findings(make_moves(9))


def test_thousand_random_harms_are_found():
    """Edit, delete, swap, cut or insert one row anywhere: each is found, at or right beside the row that was harmed."""
    dice = random.Random(20)
    rows = make_moves(60)
    head = make_head(rows)
    for _ in range(1000):
        at, harm = dice.randrange(1, 58), dice.choice(["edit", "delete", "swap", "cut", "insert"])
        harmed = list(rows)
        if harm == "edit":
            harmed[at] = harmed[at]._replace(**{dice.choice(["reason", "actor", "cause"]): "x"})
        elif harm == "swap":
            harmed[at], harmed[at + 1] = harmed[at + 1], harmed[at]
            harmed = renumbered(harmed)
        elif harm == "insert":
            made = rows[at]._replace(n=at + 1, prev=rows[at - 1].hash, reason="x")
            harmed.insert(at, made._replace(hash=move_hash(made)))
            harmed = renumbered(harmed)
        else:
            del harmed[at : at + 1 if harm == "delete" else None]

        assert (harm, at + 1) == (harm, findings(harmed, head)[0][1])


def test_finding_reads_as_a_sentence():
    """The row can be looked up: partition, number, id, what and why."""
    rows = make_moves(3)
    rows[1] = rows[1]._replace(actor="nobody")

    assert ["partition 3, row 2 (id 5): edited: its content does not fit its hash"] == [
        str(finding) for finding in verify_chain(rows)
    ]
    assert "partition 1, row 2: cut: gone" == str(Finding(what="cut", partition=1, n=2, detail="gone"))


def test_verification_is_fast_enough():
    """At least 20 000 rows for each second of the processor, so that a million take less than a minute."""
    rows = make_moves(20_000)
    # A measuring of coverage would be what is timed; the lines are covered by the other tests.
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        began = time.process_time()
        found = findings(rows, make_head(rows))
        took = time.process_time() - began
    finally:
        sys.settrace(trace)

    assert [] == found
    assert took < 1


def test_checkpoint_statement_is_canonical():
    """Heads in order of partition, hashes in hex, and the digest of the statement before."""
    one, two = make_head(make_moves(2, 1)), make_head(make_moves(1, 2))

    statement = checkpoint_statement([two, one], 1_783_000_000_000, b"before")

    assert (
        statement
        == json.dumps(
            {
                "at": 1_783_000_000_000,
                "heads": [[1, 2, one.hash.hex()], [2, 1, two.hash.hex()]],
                "previous": hashlib.sha256(b"before").hexdigest(),
                "what": "lienthong checkpoint 1",
            },
            separators=(",", ":"),
        ).encode()
    )


@pytest.fixture
def signed():
    """A chain of thirty rows with three checkpoints over it, and how to check their signatures."""
    key = Ed25519PrivateKey.generate()
    rows = make_moves(30)
    checkpoints: list[Checkpoint] = []
    for n in (10, 20, 30):
        previous = checkpoints[-1].statement if checkpoints else None
        checkpoints.append(make_checkpoint([make_head(rows[:n])], 1000 * n, previous, key.sign))

    def is_signed(statement: bytes, signature: bytes) -> bool:
        try:
            key.public_key().verify(signature, statement)
        except InvalidSignature:
            return False
        return True

    return rows, checkpoints, is_signed


def test_checkpoints_verify(signed):
    """Signed statements, each following the one before, over rows that still stand."""
    rows, checkpoints, is_signed = signed

    assert [] == list(verify_checkpoints(checkpoints, is_signed))
    assert [] == list(verify_chain(rows, anchors=checkpoint_anchors(checkpoints)))


def test_changed_checkpoint_is_found(signed):
    """A statement that was changed does not fit its signature."""
    _, checkpoints, is_signed = signed
    forged = replace(checkpoints[1], statement=checkpoints[1].statement.replace(b"20000", b"20001"))

    found = list(verify_checkpoints([checkpoints[0], forged, checkpoints[2]], is_signed))

    assert ["checkpoint", "checkpoint"] == [finding.what for finding in found]
    assert [2, 3] == [finding.n for finding in found]


def test_missing_checkpoint_is_found(signed):
    """A checkpoint that was taken out is missed by the one after it."""
    _, checkpoints, is_signed = signed

    assert [2] == [finding.n for finding in verify_checkpoints([checkpoints[0], checkpoints[2]], is_signed)]


def test_chain_written_anew_with_the_master_key_breaks_a_checkpoint(signed):
    """Even who has the master key cannot change what a checkpoint fixed; the next checkpoint says so."""
    rows, checkpoints, _ = signed
    forged = rewritten(rows, 14, cause="because")

    found = list(verify_chain(forged, [make_head(forged)], head_key=KEY, anchors=checkpoint_anchors(checkpoints)))

    assert [("checkpoint", 20), ("checkpoint", 30)] == [(finding.what, finding.n) for finding in found]


@pytest.mark.parametrize("length", [0, 25])
def test_chain_cut_with_the_master_key_breaks_a_checkpoint(signed, length: int):
    """A chain that is shorter than a checkpoint says was cut."""
    rows, checkpoints, _ = signed
    left = rows[:length]
    heads = [make_head(left)] if left else []

    found = list(verify_chain(left, heads, head_key=KEY, anchors=checkpoint_anchors(checkpoints)))

    assert ("cut", length + 1) == (found[0].what, found[0].n)
