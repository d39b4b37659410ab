"""A vendor calls with a reference, and the operator finds what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.refusals import Refusal, Refusals
from tests.acceptance.desk import Place, place

UNSIGNED = Refusal(
    reference="LT-7F3K-2",
    route="POST /v1/events",
    caller="one-stop-h99",
    code="bad_signature",
    status=401,
    rules=[{"field": "", "rule": "bad_signature"}],
    base='"@method": POST\n"@path": /v1/events',
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
            assert [True] * 3 == [notes.note(one) for one in (UNSIGNED, BATCH, STRANGER)]
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

    assert ["LT-0A1B-7", "LT-9M2C-5", "LT-7F3K-2"] == [row["reference"] for row in rows]
    assert ["LT-9M2C-5"] == [row["reference"] for row in here.ask("refusals", "list", "--caller", "district-h99")]
    assert 3 == len(here.ask("refusals", "list", "--since", rows[-1]["at"]))
    assert [] == here.ask("refusals", "list", "--since", later)
    assert "Nothing was refused" in here.type("refusals", "list", "--since", later).out
    assert "/data/status enum" in here.type("refusals", "list").out
    assert 2 == here.type("refusals", "list", "--since", "yesterday").code
