"""What the operator's note keeps of a signature that does not fit, so that a vendor's question can be answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.doors.refusals import as_text, unverified
from bus.refusals import Compared, Refusal, Refusals, marking_key
from config.comparing import compare
from signing.errors import ForeignSubject
from signing.http_base import content_digest
from tests.doors import HQ, DoorWorld, door, signed_headers, wire

PEOPLE = ("099000000001", "0900000001", "Nguyễn Thị Ví Dụ", "vi.du@example.invalid", "Thôn Mẫu")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[DoorWorld]:
    """A door."""
    with door(tmp_path) as made:
        yield made


def changed(at: DoorWorld, signed: bytes, sent: bytes, **more: str):
    """A request whose body was changed on its way; what is kept of it."""
    headers = signed_headers("POST", "/v1/events", signed, clock=at.world.clock)
    return at.refusal(at.client.post("/v1/events", content=sent, headers=headers | more))


def test_digest_as_it_came_beside_ours(at: DoorWorld):
    """A body changed on its way: the caller's Content-Digest beside ours, how long it was here, and why it was no."""
    signed, sent = wire(), wire().replace(b", ", b",")

    kept = changed(at, signed, sent)

    told = {each["part"]: each for each in kept["digests"]}
    assert (content_digest(signed), content_digest(sent), len(sent)) == tuple(
        told["content-digest"][name] for name in ("sent", "ours", "length")
    )
    assert "Content-Digest is not the SHA-256 of the body as it arrived" == kept["why"]


def test_the_callers_body_is_found_to_differ(at: DoorWorld):
    """With the body that the vendor digested the operator finds where the two begin to differ."""
    signed, sent = wire(), wire().replace(b", ", b",")
    kept, key = changed(at, signed, sent), marking_key(at.world.ledger.master)

    found, same = compare(kept, signed, key), compare(kept, sent, key)

    assert found is not None
    assert same is not None
    assert same.is_same
    at_first = next(n for n, (a, b) in enumerate(zip(signed, sent, strict=False)) if a != b)
    assert found.offset <= at_first < found.until
    assert found.theirs == signed[found.offset : found.until]


def test_the_callers_base_is_compared(at: DoorWorld):
    """A base built over another path differs from ours at its very byte."""
    headers = signed_headers("POST", "/bus/v1/events", wire(), clock=at.world.clock)
    kept = at.refusal(at.client.post("/v1/events", content=wire(), headers=headers))
    theirs = kept["base"].replace("/v1/events", "/bus/v1/events").encode()

    found = compare(kept, theirs, marking_key(at.world.ledger.master))

    assert found is not None
    assert (2, theirs.index(b"bus")) == (found.line, found.offset)


def test_nothing_personal_is_kept(at: DoorWorld):
    """Of a refused body nothing can be read: neither in the note nor in the ledger's file."""
    kept = changed(at, wire(), wire() + b" ")
    again = changed(at, wire(), wire(), **{"content-digest": "sha-256=:0900000001:"})

    text = json.dumps([kept, again], ensure_ascii=False)
    row = at.world.ledger.engine.read().all("list_refusals", None, None, 10)
    for person in PEOPLE:
        assert person not in text + str(row)
    assert HQ.name == kept["caller"]


def test_words_about_a_certificate_name_nobody():
    """A certificate's holder may be a person: the note has the general words, the holder's name stays out."""
    away = unverified(ForeignSubject("it is of CN=Nguyen Thi Vi Du"), "foreign_subject")

    assert "Nguyen" not in away.why
    assert re.search("not the one agreed", away.why)


def test_base_in_any_bytes_is_text():
    """A base is UTF-8 where it can be; headers may hold any byte, and are then shown one character each."""
    assert ("ễ", "\xff") == (as_text("ễ".encode()), as_text(b"\xff"))


def test_a_flood_is_counted_only(at: DoorWorld):
    """So many notes a second are kept, the rest is counted; of those kept only the newest stay."""
    notes = Refusals(at.world.ledger, per_second=3, kept=1)
    one = Refusal(reference="LT-7F3K-2", route="unknown", caller=None, code="unsigned", status=401)

    taken = [notes.note(replace(one, reference=f"LT-{n}")) for n in range(5)]

    assert [True, True, True, False, False] == taken
    assert 2 == notes.left_out


def test_a_note_is_bounded(at: DoorWorld):
    """However much came, a note of it is a few kilobytes."""
    many = [Compared(part="x" * 1_000, sent="y" * 1_000, ours="z", octets=bytes(100_000)) for _ in range(40)]
    rules = [{"field": "f" * 1_000, "rule": "enum"}] * 100
    note = Refusal(
        reference="LT-1",
        route="POST /soap/one-stop",
        caller=None,
        code="bad_signature",
        status=500,
        rules=rules,
        base="b" * 100_000,
        why="w" * 10_000,
        compared=many,
    )
    assert Refusals(at.world.ledger).note(note)
    at.world.ledger.engine.write(lambda tx: None)

    assert len(json.dumps(at.world.reads.refusal("LT-1"))) < 50_000
