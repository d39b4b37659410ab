"""Searches and counts of the console on a real ledger: what is found, by whom, and what is said when there is more."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bus import looks
from bus.looks import Filter, Looks, Many
from bus.messages import State
from tests.builders import NOON, SOURCE, make_event, make_step
from tests.world import MASTER, PARTNER, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEOPLE = {
    "H99.11-260703-0001": ("Nguyễn Văn Đông", "099000000001", "0900000001", "H99.11"),
    "H99.11-260703-0002": ("Nguyễn Thị Đào", "099000000002", "0900000002", "H99.11.16"),
    "H99.12-260703-0003": ("Trần Văn Đông", "099000000003", "0900000003", "H99.12"),
}


def fate_of(delivery) -> str:
    return "refuse" if delivery.event.id == "refused" else "ok"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"), fate=fate_of, orders={"numbered": "sequence"})
    for number, (name, identity, phone, unit) in PEOPLE.items():
        applicant = {"kind": "citizen", "name": name, "identity": {"kind": "cccd", "number": identity}, "phone": phone}
        due = (NOON + 3 * DAY).isoformat()
        made.accept(make_event(dossier=number, at=NOON, unit=unit, applicant=applicant, due_at=due))
    made.accept(make_step(dossier="H99.12-260703-0003", at=NOON + HOUR, id="refused"))
    made.settle_down()
    made.accept(make_step(dossier="numbered-1", source="numbered", sequence=2, at=NOON, id="second"))
    yield made
    made.close()


@pytest.fixture
def it(world: World) -> Looks:
    return Looks(world.ledger.engine, MASTER)


def numbers(hits) -> list[str]:
    return sorted(hit.number[-4:] for hit in hits.dossiers)


@pytest.mark.parametrize(
    ("text", "found", "by"),
    [
        ("H99.11-260703-0001", ["0001"], ("number",)),
        ("h99.11-260703-0001", ["0001"], ("number",)),
        ("H99.11-26", ["0001", "0002"], ("number",)),
        ("099000000002", ["0002"], ("identity",)),
        ("099 000 000 002", ["0002"], ("identity",)),
        ("0900000003", ["0003"], ("phone",)),
        ("+84 900 000 003", ["0003"], ("phone",)),
        ("nguyen", ["0001", "0002"], ("name",)),
        ("dong van", ["0001", "0003"], ("name",)),
        ("ĐÔNG", ["0001", "0003"], ("name",)),
        (unicodedata.normalize("NFD", "Đào nguyễn"), ["0002"], ("name",)),
        ("nguyen tran", [], ()),
        ("khong co ai", [], ()),
        ("H9", [], ()),
        ("---", [], ()),
        ("", [], ()),
        ("one two three four five six seven eight nine", [], ()),
    ],
)
def test_search(it, text, found, by):
    """A number's beginning, an identity number, a telephone or all the words of a name, with accents or without."""
    hits = it.search(text, None)

    assert found == numbers(hits)
    assert by == hits.by


def test_search_stays_within_units(it):
    """Whoever sees some units finds their dossiers and no others, however he searches."""
    for text in ("dong", "H99.1", "099000000003", "0900000003"):
        assert set(numbers(it.search(text, ("H99.11",)))) <= {"0001", "0002"}
    assert ["0002"] == numbers(it.search("nguyen", ("H99.11.16",)))
    assert [] == numbers(it.search("dong", ()))


def test_search_says_when_there_is_more(it, monkeypatch):
    """More hits than a page holds, more words than are looked for, more namesakes than are seen: it says so."""
    assert (True, False) == tuple(it.search("H99.1", None, limit=n).is_whole for n in (3, 2))
    assert (True, False) == tuple(it.search("nguyen", None, limit=n).is_whole for n in (2, 1))
    assert not it.search("a b c d e f g h i", None).is_whole
    monkeypatch.setattr(looks, "LOOKED_TERMS", 1)
    assert not it.search("nguyen", None).is_whole


def test_search_finds_the_portals_number(tmp_path):
    """A dossier is found by its national number: by what its record says, and by what was acknowledged."""
    world = World(tmp_path)
    record = make_event(dossier="H99.09-1", at=NOON, origin="portal", national_number="G22.99-260703-000001")
    world.accept(record)
    world.ledger.engine.write(lambda tx: tx.run("learn_own_number", "G22.99-777", "H99.09-1", 1, 0))
    it = Looks(world.ledger.engine, MASTER)

    assert ["G22.99-260703-000001"] == [hit.national_number for hit in it.search("G22.99-2607", None).dossiers]
    assert ["H99.09-1"] == [hit.number for hit in it.search("G22.99-777", None).dossiers]
    world.close()


# -- what needs a person ---------------------------------------------------------------------------------------------


def test_standing_and_oldest(it):
    """Counts of open deliveries by partner and state: the ledger's own for who sees all, looked at for who does not."""
    everywhere, in_12, in_11 = it.standing(None), it.standing(("H99.12",)), it.standing(("H99.11",))

    assert Many(n=1) == everywhere[PARTNER, State.REFUSED] == in_12[PARTNER, State.REFUSED]
    assert Many(n=0) == in_11[PARTNER, State.REFUSED]
    assert Many(n=1) == everywhere[PARTNER, State.WAITING]
    line = it.oldest(State.REFUSED, None)
    assert line is not None
    assert "refused" == line.event
    assert line == it.oldest(State.REFUSED, ("H99.12",), partner=PARTNER)
    assert it.oldest(State.REFUSED, ("H99.11",)) is None
    assert it.oldest(State.HELD, None) is None


def test_counts_say_when_there_is_more(it, monkeypatch):
    """A count that ends before its rows do says "more than"."""
    monkeypatch.setattr(looks, "LOOKED_OPEN", 0)

    assert it.standing(("H99.12",))[PARTNER, State.REFUSED].is_more
    assert Many(n=3, is_more=True) == Many(n=1, is_more=True) + Many(n=2)


def test_awaiting(it, world):
    """What a partner took before a time and has not answered; nobody here has."""
    assert Many(n=0) == it.awaiting_since(world.clock.now(), None)


def test_due(it):
    """Deadlines that run, within the units of who asks; the nearest first."""
    found = it.due(None, NOON + 4 * DAY, None)

    assert Many(n=3) == found.count
    assert ["0001", "0002", "0003"] == sorted(each.number[-4:] for each in found.dossiers)
    assert Many(n=2) == it.due(NOON, NOON + 4 * DAY, ("H99.11",)).count
    assert Many(n=0) == it.due(NOON, NOON + DAY, None).count


def test_gaps(it, world):
    """A numbered source of which a number lacks: since when, and which."""
    (gap,) = it.gaps(world.clock.now() + HOUR, None)

    assert ("numbered-1", "numbered", 1) == (gap.dossier, gap.source, gap.missing)
    assert [] == it.gaps(world.clock.now() - DAY, None)
    assert [] == it.gaps(world.clock.now() + HOUR, ("H99.11",))


def test_ready_since(it, world):
    """Since when something could go to a partner: nothing can while it waits behind a gap."""
    assert it.ready_since(PARTNER) is None
    world.accept(make_step(dossier="H99.11-260703-0001", at=NOON + 2 * HOUR, id="ready"))
    assert world.clock.now() == it.ready_since(PARTNER)


def test_choices(it):
    """What a filter offers: units that the visitor sees, sources, and the causes of what is not over."""
    assert ["H99.11", "H99.11.16", "H99.12"] == it.units(None)
    assert ["H99.11", "H99.11.16"] == it.units(("H99.11",))
    assert ["numbered", SOURCE] == it.sources()
    assert {"gap", "refused"} <= set(it.causes(None))
    assert ["refused"] == it.causes(("H99.12",))


# -- moves ------------------------------------------------------------------------------------------------------------


def test_moved_since(it, world):
    """Each delivery that moved, once, by its last move; moves of the installation are passed over."""
    moved = it.moved_since(0, 1_000)

    assert moved.is_all
    assert it.last_move() == moved.last
    ids = [line.id for _, line in moved.lines]
    assert len(set(ids)) == len(ids)
    assert {line.id for line in it.deliveries(Filter(), None).lines} == set(ids)
    assert [move for move, _ in moved.lines] == sorted(move for move, _ in moved.lines)
    assert not it.moved_since(0, 3).is_all
    assert (moved.last, ()) == ((none := it.moved_since(moved.last, 10)).last, none.lines)
