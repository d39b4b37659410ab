"""Close looks at a real ledger: bounded, the newest first, and what is not there is said to be not there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus import close_reads
from bus.close_reads import CloseReads
from bus.errors import NotFound
from bus.refusals import Refusal, Refusals
from tests.builders import NOON, make_event, make_step
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_dossier_is_told_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has the newest moves in their order, says from where older ones are to be asked, and ends at the first."""
    monkeypatch.setattr(close_reads, "MOST_MOVES", 4)
    record = make_event()
    steps = [make_step(at=NOON + timedelta(minutes=n)) for n in range(3)]
    world.accept(record, *steps)
    world.settle_down()
    close = CloseReads(world.ledger)

    pages, before = [], None
    while True:
        page = close.dossier(record.dossier, before=before)
        pages.append([move["id"] for move in page["timeline"]])
        before = page["next"]
        if before is None:
            break

    whole = [move["id"] for move in world.reads.dossier(record.dossier)["timeline"]]
    assert whole == [number for page in reversed(pages) for number in page]
    assert all(len(page) <= 4 for page in pages)
    assert [1, 2, 3, 4] == [event["number"] for event in close.dossier(record.dossier)["events"]]
    assert not close.dossier(record.dossier)["has_older_events"]


def test_older_events_are_said_to_be_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a dossier has more events than a page, the newest are told and that there are others."""
    monkeypatch.setattr(close_reads, "MOST_EVENTS", 2)
    record = make_event()
    world.accept(record, *(make_step(at=NOON + timedelta(minutes=n)) for n in range(3)))

    view = CloseReads(world.ledger).dossier(record.dossier)

    assert ([3, 4], True) == ([event["number"] for event in view["events"]], view["has_older_events"])


def test_contents_are_opened_or_said_to_be_gone(world: World) -> None:
    """An event's content is opened; one that was destroyed, or that never was, is None."""
    record, step = make_event(), make_step(at=NOON + timedelta(minutes=1))
    world.accept(record, step)
    world.ledger.engine.write(lambda tx: tx._connection.execute("UPDATE bodies SET sealed = NULL WHERE id = 2"))

    found = CloseReads(world.ledger).contents([1, 2, 99])

    assert [record.data, None, None] == [found[1], found[2], found[99]]


def test_dossier_is_found_by_its_national_number(world: World) -> None:
    """A national number leads to the dossier's own; an unknown one to nothing."""
    world.accept(make_event(national_number="G99.01-260703-0001"))
    close = CloseReads(world.ledger)

    assert "H99.09-260703-0123" == close.own_number("G99.01-260703-0001")
    assert close.own_number("G99.01-260703-9999") is None


def test_delivery_is_told_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest attempts come with their calls, and from where older ones are to be asked."""
    monkeypatch.setattr(close_reads, "MOST_ATTEMPTS", 2)
    fates = iter(["busy", "busy", "busy", "busy", "ok"])
    world = World(tmp_path, fate=lambda _delivery: next(fates))
    world.accept(make_event())
    world.settle_down()
    close = CloseReads(world.ledger)

    newest = close.delivery(1)
    older = close.delivery(1, before=newest["next"])
    oldest = close.delivery(1, before=older["next"])

    assert [[4, 5], [2, 3], [1]] == [[attempt["n"] for attempt in page["attempts"]] for page in (newest, older, oldest)]
    assert oldest["next"] is None
    assert ["v1", "delivered"] == [newest["mapping"], newest["moves"][-1]["to_state"]]
    assert 1 == len(newest["attempts"][0]["exchanges"])
    world.close()


def test_call_has_its_exact_bytes(world: World) -> None:
    """A call's bytes are those that went over the wire; another delivery's call is not there."""
    record = make_event()
    world.accept(record, make_event(dossier="H99.09-260703-0124"))
    world.settle_down()
    close = CloseReads(world.ledger)
    own = close.delivery(1)["attempts"][0]["exchanges"][0]["id"]

    call = close.call(1, own)

    assert (record.body, b"{}", 1, False, False) == (
        call.request_body,
        call.reply_body,
        call.attempt,
        call.is_shared,
        call.is_destroyed,
    )
    with pytest.raises(NotFound):
        close.call(2, own)
    with pytest.raises(NotFound):
        close.call(99, own)


def test_destroyed_bytes_are_said_to_be_gone(world: World) -> None:
    """Where retention took the bytes, the call is still told of."""
    world.accept(make_event())
    world.settle_down()
    world.ledger.engine.write(lambda tx: tx._connection.execute("UPDATE bodies SET sealed = NULL"))

    call = CloseReads(world.ledger).call(1, 1)

    assert (True, None, None) == (call.is_destroyed, call.request_body, call.reply_head)


def test_place_of_a_delivery(world: World) -> None:
    """A delivery belongs to its event, its dossier and that one's unit; an unknown one is not there."""
    world.accept(make_event(unit="H99.11"))
    close = CloseReads(world.ledger)

    assert (1, "H99.09-260703-0123", "H99.11") == ((it := close.place(1)).event, it.dossier, it.unit)
    for ask in (close.place, close.delivery):
        with pytest.raises(NotFound):
            ask(99)
    with pytest.raises(NotFound):
        close.dossier("none")


def test_refusals_come_in_pages(world: World) -> None:
    """The newest come first; a page says from where to go on, and filters hold over pages."""
    notes = Refusals(world.ledger)
    for n in range(5):
        code = "bad_signature" if n % 2 else "unsigned"
        notes.note(Refusal(reference=f"LT-AAA{n}-1", route="/v1/events", caller=f"c{n % 2}", code=code, status=401))
    world.ledger.engine.write(lambda tx: None)
    close = CloseReads(world.ledger)

    first, before = close.refusals(limit=2)
    second, _ = close.refusals(limit=2, before=before)
    last, end = close.refusals(caller="c1", code="bad_signature", route="/v1/events", since=NOON, limit=10)

    assert ["LT-AAA4-1", "LT-AAA3-1", "LT-AAA2-1", "LT-AAA1-1"] == [row["reference"] for row in (*first, *second)]
    assert (["LT-AAA3-1", "LT-AAA1-1"], None) == ([row["reference"] for row in last], end)
    assert ([], None) == close.refusals(until=NOON - timedelta(days=1))
