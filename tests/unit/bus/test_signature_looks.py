"""Lists of signatures, and one of them closely: bounded, within units, and told how far back was looked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus import signature_close, signature_looks
from bus.errors import NotFound
from bus.signature_close import SignatureClose
from bus.signature_looks import SignatureLooks, WantedSignatures
from bus.signatures import SignatureState
from tests.signature_kit import PEN, UNIT, SignWorld

ALL = WantedSignatures()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SignWorld]:
    made = SignWorld(tmp_path)
    yield made
    made.close()


def names(lines) -> list[str]:
    return [line.name for line in lines]


def test_nothing_is_asked_of_an_empty_ledger(world):
    """Before the first signature every list is empty, and no signature is there."""
    looks, close = SignatureLooks(world.ledger), SignatureClose(world.ledger)

    assert ((), None) == (looks.signatures(ALL, None).lines, looks.signatures(ALL, None).before)
    assert ([], [], [], []) == (looks.waiting(None), looks.stuck(None), looks.units(None), looks.services())
    for ask in (lambda: close.line(1), lambda: close.signature(1), lambda: close.hearing(1, 1)):
        with pytest.raises(NotFound):
            ask()


def test_pages_go_on_where_the_last_one_ended(world):
    """Newest first, page by page, none twice and none left out."""
    for n in (1, 2, 3):
        world.ask_for(f"S{n}")
    looks = SignatureLooks(world.ledger)
    first = looks.signatures(ALL, None, limit=2)
    second = looks.signatures(ALL, None, before=first.before, limit=2)

    assert (["S3", "S2"], 2) == (names(first.lines), first.before)
    assert (["S1"], None, None) == (names(second.lines), second.before, second.looked_back_to)


def test_a_list_with_rare_hits_says_how_far_back_it_looked(world, monkeypatch):
    """After so many that do not fit, what was found is shown, with the time of the last one looked at."""
    for n in (1, 2, 3):
        world.ask_for(f"S{n}")
        world.clock.sleep(60)
    monkeypatch.setattr(signature_looks, "LOOKED", 2)
    looks, wanted = SignatureLooks(world.ledger), WantedSignatures(text="S1")
    found = looks.signatures(wanted, None)

    assert ((), 2) == (found.lines, found.before)
    assert found.looked_back_to == SignatureClose(world.ledger).line(2).created_at
    assert ["S1"] == names(looks.signatures(wanted, None, before=found.before).lines)


def test_every_filter_holds(world):
    """States, service, unit and name, each by itself; units limit whoever asks."""
    world.send("S1")
    world.ask_for("S2", unit="000.00.10.H99")
    looks = SignatureLooks(world.ledger)
    waiting = WantedSignatures(states=(SignatureState.WAITING_USER,))

    assert ["S1"] == names(looks.signatures(waiting, None).lines)
    assert [] == names(looks.signatures(WantedSignatures(service="other"), None).lines)
    assert ["S2", "S1"] == names(looks.signatures(WantedSignatures(service=PEN), None).lines)
    assert ["S1"] == names(looks.signatures(WantedSignatures(unit=UNIT), None).lines)
    assert [] == names(looks.signatures(WantedSignatures(unit=UNIT), ("000.00.10.H99",)).lines)
    assert (["S2"], ["000.00.10.H99"]) == (names(looks.waiting(("000.00.10.H99",))), looks.units(("000.00.10.H99",)))
    assert [PEN] == looks.services()


def test_what_needs_somebody_stands_apart(world):
    """What is unknown and what wants a code are stuck, oldest first; a dossier has its own, newest first."""
    world.pen.fate = lambda delivery: "otp"
    world.send("S1")
    world.pen.fate = lambda delivery: "blind"
    world.send("S2")
    looks = SignatureLooks(world.ledger)

    assert ["S1", "S2"] == names(looks.stuck(None))
    assert [] == looks.stuck(("000.00.10.H99",))
    number = SignatureClose(world.ledger).line(1).dossier
    assert ["S2", "S1"] == names(looks.of_dossier(number))


def test_one_signature_tells_its_whole_life(world, monkeypatch):
    """Documents with their verdicts, what was told, byte for byte by its number, and who was informed."""
    request = world.send("S1")
    world.call_back(request, is_authentic=True)
    world.pen.approve(request)
    world.pass_time(seconds=10)
    close = SignatureClose(world.ledger)
    seen = close.signature(1)
    (one,) = seen.documents
    found, body = close.hearing(1, seen.hearings[0].id)

    assert ("made", "passed", {"verdict": "passed"}) == (seen.line.state, one.verdict, one.report)
    assert ("query", request.encode() in body) == (found.via, True)
    assert ("S1", False) == (seen.data["signature"], seen.has_more_hearings)
    with pytest.raises(NotFound):
        close.hearing(2, found.id)
    monkeypatch.setattr(signature_close, "MOST_HEARINGS", len(seen.hearings) - 1)
    assert (True, len(seen.hearings) - 1) == (
        close.signature(1).has_more_hearings,
        len(close.signature(1).hearings),
    )


def test_what_is_destroyed_is_told_as_nothing(world):
    """Where the bytes of the event, a report or a hearing are destroyed, the rest is told without them."""
    world.make("S1")
    close = SignatureClose(world.ledger)
    heard = close.signature(1).hearings[0].id
    world.change("DELETE FROM bodies")
    seen = close.signature(1)

    assert (None, None) == (seen.data, seen.documents[0].report)
    assert None is close.hearing(1, heard)[1]
