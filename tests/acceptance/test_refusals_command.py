"""A vendor calls with a reference, and the operator finds what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.refusals import Compared, Refusal, Refusals
from tests.acceptance.desk import Place, place

UNSIGNED = Refusal(
    reference="LT-7F3K-2",
    route="POST /v1/events",
    caller="one-stop-h99",
    code="bad_signature",
    status=401,
    rules=[{"field": "", "rule": "bad_signature"}],
    base='"@method": POST\n"@path": /v1/events',
    why="the signature does not fit",
)
INFO = '<ds:SignedInfo><ds:Reference URI="#phone 0900000001"/></ds:SignedInfo>'
BODY = b"<soap:Body>Nguyen Thi Vi Du 099000000001</soap:Body>"
CAME, MADE = "A" * 43 + "=", "B" * 43 + "="
SIGNED_WRONG = Refusal(
    reference="LT-4KD7-P",
    route="POST /soap/one-stop",
    caller=None,
    code="bad_signature",
    status=500,
    base=INFO,
    why="the part body is not what was signed",
    compared=[
        Compared(part="base", octets=INFO.encode()),
        Compared(part="Body", sent=CAME, ours=MADE, octets=BODY),
        Compared(part="Timestamp", sent=MADE, ours=MADE, octets=b"<wsu:Timestamp/>"),
        Compared(part="X", sent="call 0900000001", ours=MADE, octets=b""),
    ],
)
BATCH = Refusal(
    reference="LT-9M2C-5",
    route="POST /v1/events/batch",
    caller="district-h99",
    code="enum",
    status=422,
    rules=[{"line": 3, "field": "/data/status", "rule": "enum"}],
)
STRANGER = Refusal(reference="LT-0A1B-7", route="unknown", caller=None, code="unsigned", status=401)


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation whose door refused three requests."""
    with place(tmp_path, capsys) as made:
        with made.open() as installation:
            notes = Refusals(installation.ledger)
            assert [True] * 4 == [notes.note(one) for one in (SIGNED_WRONG, UNSIGNED, BATCH, STRANGER)]
            installation.ledger.engine.write(lambda tx: None)  # notes are queued: let the writer come by
        yield made


def test_found_by_reference(here: Place) -> None:
    """Who, when, where, which rule, and the signature base as it was built here; however the reference is spelt."""
    told = here.ask("refusals", "show", " lt-7f3k-2")
    said = here.type("refusals", "show", "LT-7F3K-2").out

    assert ("one-stop-h99", "POST /v1/events", 401, UNSIGNED.base) == (
        told["caller"],
        told["route"],
        told["status"],
        told["base"],
    )
    assert all(word in said for word in ("one-stop-h99", "POST /v1/events", "bad_signature", '    "@method": POST'))
    assert "claims to be of one-stop-h99" in said
    assert (
        "claims" not in here.type("refusals", "show", "LT-9M2C-5").out + here.type("refusals", "show", "LT-4KD7-P").out
    )


def test_line_of_a_batch(here: Place) -> None:
    """What was refused in a batch names the line; without a signature's trouble there is no base."""
    said = here.type("refusals", "show", "LT-9M2C-5").out

    assert "line 3: /data/status  enum" in said
    assert "signature base" not in said


def test_unknown_reference(here: Place) -> None:
    """A reference that nobody was told is a finding, and says so."""
    answer = here.type("refusals", "show", "LT-0000-0")

    assert (1, "") == (answer.code, answer.out)
    assert "LT-0000-0" in answer.err


def test_listed_newest_first(here: Place) -> None:
    """All of them, one caller's, or those since a time."""
    with here.open() as installation:
        later = (installation.ports.clock.now() + timedelta(hours=1)).isoformat()
    rows = here.ask("refusals", "list")

    assert ["LT-0A1B-7", "LT-9M2C-5", "LT-7F3K-2", "LT-4KD7-P"] == [row["reference"] for row in rows]
    assert ["LT-9M2C-5"] == [row["reference"] for row in here.ask("refusals", "list", "--caller", "district-h99")]
    assert 4 == len(here.ask("refusals", "list", "--since", rows[-1]["at"]))
    assert [] == here.ask("refusals", "list", "--since", later)
    assert "Nothing was refused" in here.type("refusals", "list", "--since", later).out
    assert "/data/status enum" in here.type("refusals", "list").out
    assert 2 == here.type("refusals", "list", "--since", "yesterday").code


def test_digests_beside_each_other(here: Place) -> None:
    """The verifier's words, and each digest as it came beside ours; what looks personal in them is masked."""
    told = here.ask("refusals", "show", "LT-4KD7-P")
    said = here.type("refusals", "show", "LT-4KD7-P").out

    assert SIGNED_WRONG.why == told["why"]
    assert [("base", "", ""), ("Body", CAME, MADE), ("Timestamp", MADE, MADE)] == [
        (each["part"], each["sent"], each["ours"]) for each in told["digests"][:3]
    ]
    assert f"digest of Body ({len(BODY)} bytes): came {CAME}, made here {MADE}" in said
    assert "digest of Timestamp (16 bytes): as it came" in said
    assert "0900000001" not in said + str(told)
    assert "099000000001" not in said + str(told)


@pytest.mark.parametrize(
    ("theirs", "code", "words"),
    [
        (BODY, 0, "Body: the same bytes as here"),
        (BODY.replace(b" Thi", b"  Thi"), 1, "Body: the first difference is between bytes 0 and 64"),
        (INFO.encode(), 0, "base: the same bytes as here"),
        (INFO.replace("ds:S", "d:S").encode(), 1, "base: the first difference is at byte 2 (line 1, column 3)"),
        (b'{"id": "1"}', 2, "It keeps: base, Body, Timestamp, X"),
    ],
)
def test_compared_with_the_callers_own(here: Place, theirs: bytes, code: int, words: str) -> None:
    """A vendor's own bytes are compared with what came here: the same, or where they begin to differ."""
    (here.folder / "theirs").write_bytes(theirs)

    answer = here.type("refusals", "show", "LT-4KD7-P", "--theirs", str(here.folder / "theirs"))

    assert code == answer.code
    assert words in answer.out + answer.err


def test_difference_for_machines(here: Place) -> None:
    """With --json the difference stands beside the refusal."""
    (here.folder / "theirs").write_bytes(INFO.replace("Reference URI", "Reference  URI").encode())

    answer = here.type("refusals", "show", "LT-4KD7-P", "--theirs", str(here.folder / "theirs"), "--json")

    assert (1, "spaces") == (answer.code, answer.told["difference"]["hint"])
    assert (
        "without them the two are the same"
        in here.type("refusals", "show", "LT-4KD7-P", "--theirs", str(here.folder / "theirs")).out
    )
    assert 3 == here.type("refusals", "show", "LT-4KD7-P", "--theirs", str(here.folder / "absent")).code
