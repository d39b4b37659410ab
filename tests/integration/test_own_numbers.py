"""A dossier filed on the portal has two numbers; what the one-stop system calls it is kept, durably, once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from bus import upkeep
from bus.engines.sqlite import SqliteEngine
from bus.ledger import Ledger
from bus.messages import AMENDED, FILED, Attempt, Delivery, Event, Standing
from bus.own_numbers import Pairs, numbers_of
from bus.ports import FileStorage, SystemRandomness
from bus.routing import Route
from bus.seal import SearchTerms
from bus.sql import load_migrations
from tests.builders import NOON, event_json, from_json, make_event, make_step
from tests.world import MASTER, RECORD_ROUTE, STEP_ROUTE, SimClock, World

NATIONAL = "G17.99-260702-000123"
OWN = "H99.01-260703-0001"
ROUTES = (
    RECORD_ROUTE,
    STEP_ROUTE,
    Route(kind=FILED, partner="books", rule="every_step", late="send"),
    Route(kind=AMENDED, partner="books", rule="every_step", late="send"),
)


def from_portal(kind: str = FILED, number: str = NATIONAL, *, at: datetime = NOON, **told: Any) -> Event:
    """What the portal tells of a dossier that was filed there."""
    wire = event_json(dossier=number, source="national_portal", id=f"{kind}.{number}", at=at)
    data = {"national_number": number, "unit": "000.00.09.H99", "procedure": "1.013225"} | told
    return from_json(wire | {"type": f"vn.lienthong.{kind}.v1", "data": data})


class Numbering:
    """An adapter that notes the standing it was handed, and answers filed dossiers with their own numbers."""

    def __init__(self, world: World, numbers: Mapping[str, str | None]) -> None:
        self._books, self.numbers = world.adapter, dict(numbers)
        self.seen: dict[str, Standing] = {}

    def check(self, delivery: Delivery) -> None:
        self._books.check(delivery)

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [self._numbered(one, attempt) for one, attempt in zip(batch, self._books.deliver(batch), strict=True)]

    def ask(self, delivery: Delivery) -> Attempt:
        return self._numbered(delivery, self._books.ask(delivery))

    def _numbered(self, delivery: Delivery, attempt: Attempt) -> Attempt:
        self.seen[delivery.event.id] = delivery.standing
        number = self.numbers.get(delivery.event.dossier)
        return attempt if number is None else replace(attempt, facts={**attempt.facts, "number": number})


def opened(folder: Path, numbers: Mapping[str, str | None], **options: Any) -> tuple[World, Numbering]:
    world = World(folder, routes=ROUTES, **options)
    adapter = Numbering(world, numbers)
    world.partners["books"] = replace(world.partners["books"], adapter=adapter)
    return world, adapter


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[tuple[World, Numbering]]:
    world, adapter = opened(tmp_path, {NATIONAL: OWN})
    yield world, adapter
    world.close()


def test_own_number_is_learned_and_told(portal: tuple[World, Numbering]) -> None:
    """The acknowledgement's number stands at whatever is told of the dossier later, under either number."""
    world, adapter = portal
    world.accept(from_portal())
    world.settle_down()
    amended, record, step = from_portal(AMENDED), make_event(dossier=OWN), make_step(dossier=OWN)
    world.accept(amended, record, step)
    world.settle_down()

    first = adapter.seen[f"{FILED}.{NATIONAL}"]
    assert ("portal", NATIONAL, None) == (first.origin, first.national_number, first.own_number)
    for event in (amended, record, step):
        standing = adapter.seen[event.id]
        assert ("portal", NATIONAL, OWN) == (standing.origin, standing.national_number, standing.own_number)


def test_own_number_outlives_the_process(portal: tuple[World, Numbering]) -> None:
    """It is on disk with the state `delivered`: another process knows it."""
    world, adapter = portal
    world.accept(from_portal())
    world.settle_down()
    world.close()
    world.open()
    world.partners["books"] = replace(world.partners["books"], adapter=adapter)
    step = make_step(dossier=OWN, at=NOON + timedelta(minutes=1))
    world.accept(make_event(dossier=OWN), step)
    world.settle_down()

    assert NATIONAL == adapter.seen[step.id].national_number


def test_first_own_number_stands(tmp_path: Path) -> None:
    """Neither a second number for one dossier nor one number for two is believed; it is said critically, once each."""
    other = "G17.99-260702-000124"
    world, adapter = opened(tmp_path, {NATIONAL: OWN, other: OWN})
    world.accept(from_portal())
    world.settle_down()
    again = from_json(event_json(dossier=NATIONAL, source="national_portal", id="again") | {"type": _type(FILED)})
    with structlog.testing.capture_logs() as logs:
        world.accept(from_portal(number=other))
        world.settle_down()
        adapter.numbers[NATIONAL] = "H99.01-260703-0002"
        world.accept(again)
        world.settle_down()

    told = [log for log in logs if log["event"] == "own_number_contradicted"]
    assert [("critical", other, OWN), ("critical", NATIONAL, "H99.01-260703-0002")] == [
        (log["log_level"], log["dossier"], log["told"]) for log in told
    ]
    assert [(NATIONAL, OWN)] == pairs(world)
    world.close()


def test_same_own_number_again_is_nothing_new(portal: tuple[World, Numbering]) -> None:
    """A dossier filed again that gets the number it has contradicts nothing."""
    world, _adapter = portal
    again = from_json(event_json(dossier=NATIONAL, source="national_portal", id="again") | {"type": _type(FILED)})
    with structlog.testing.capture_logs() as logs:
        world.accept(from_portal(), again)
        world.settle_down()

    assert [(NATIONAL, OWN)] == pairs(world)
    assert [] == [log for log in logs if log["log_level"] == "critical"]


@pytest.mark.parametrize("case", ["no number", "refused", "an amendment"])
def test_only_a_taken_filed_dossier_teaches(tmp_path: Path, case: str) -> None:
    """Nothing is learned from an answer without a number, from a no, or from another kind of message."""
    fate = {"refused": "refuse"}.get(case, "ok")
    world, _adapter = opened(tmp_path, {NATIONAL: None if case == "no number" else OWN}, fate=lambda _d: fate)
    world.accept(from_portal(AMENDED if case == "an amendment" else FILED))
    world.settle_down()

    assert [] == pairs(world)
    world.close()


@pytest.mark.parametrize(
    ("number", "told", "pairs", "expected"),
    [
        (OWN, "G1", Pairs(), ("G1", "one_stop", None, False)),
        (OWN, "G1", Pairs(filed_as="G2", own_of_told="H9", is_told_filed=True), ("G2", "portal", OWN, True)),
        (NATIONAL, "G1", Pairs(own=OWN, is_filed=True), (NATIONAL, "portal", OWN, True)),
        (NATIONAL, "G1", Pairs(is_filed=True), (NATIONAL, "portal", None, True)),
        (OWN, "G1", Pairs(own_of_told="H9", is_told_filed=True), ("G1", "portal", "H9", True)),
        (OWN, "G1", Pairs(is_told_filed=True), ("G1", "portal", None, True)),
        (NATIONAL, None, Pairs(filed_as=NATIONAL, own=NATIONAL), (NATIONAL, "portal", NATIONAL, True)),
    ],
)
def test_what_was_learned_goes_before_what_is_told(number: str, told: str | None, pairs: Pairs, expected: Any) -> None:
    """A record's word counts only where the ledger took nothing in under either number."""
    found = numbers_of(number, told, "one_stop", pairs)

    assert expected == (found.national, found.origin, found.own, found.is_filed)


OTHER = "G17.99-260702-000777"


def standing_of(at: tuple[World, Numbering], event: Event) -> tuple[Any, ...]:
    """What the adapter was handed of this event's dossier."""
    world, adapter = at
    world.accept(event)
    world.settle_down()
    known = adapter.seen[event.id]
    return known.national_number, known.origin, known.own_number, known.is_filed


@pytest.mark.parametrize("number", [OWN, NATIONAL])
def test_record_cannot_rename_a_filed_dossier(portal: tuple[World, Numbering], number: str) -> None:
    """The number that was learned stands, at the adapter and wherever the dossier is shown, whatever a record tells."""
    world, _adapter = portal
    world.accept(from_portal())
    world.settle_down()

    record = make_event(dossier=number, origin="portal", national_number=OTHER)
    assert (NATIONAL, "portal", OWN, True) == standing_of(portal, record)
    if number == OWN:
        assert NATIONAL == world.reads.dossier(OWN)["national_number"]
        assert NATIONAL == world.reads.dossier_at(OWN, world.clock.now())["national_number"]


def test_record_cannot_rename_what_waits_for_its_number(tmp_path: Path) -> None:
    """The same before the one-stop system has said its number: what was filed here keeps the number of its filing."""
    at = opened(tmp_path, {})
    at[0].accept(from_portal())
    at[0].settle_down()
    record = make_event(dossier=NATIONAL, origin="portal", national_number=OTHER)

    assert (NATIONAL, "portal", None, True) == standing_of(at, record)
    at[0].close()


@pytest.mark.parametrize("is_known", [True, False])
def test_claimed_number_is_known_as_filed(tmp_path: Path, is_known: bool) -> None:
    """A dossier that tells the number of a filed one was born on the portal, and whose number it is stands beside."""
    at = opened(tmp_path, {NATIONAL: OWN} if is_known else {})
    at[0].accept(from_portal())
    at[0].settle_down()
    record = make_event(dossier="H99.01-260703-0099", origin="one_stop", national_number=NATIONAL)

    assert (NATIONAL, "portal", OWN if is_known else None, True) == standing_of(at, record)
    at[0].close()


def learned_late(at: tuple[World, Numbering], *before: Event) -> list[dict[str, Any]]:
    """The one-stop system speaks before its answer to the filing is heard; what is said critically when it comes."""
    world, _adapter = at
    world.accept(*before)
    world.settle_down()
    with structlog.testing.capture_logs() as logs:
        world.accept(from_portal())
        world.settle_down()
    return [dict(log) for log in logs if log["log_level"] == "critical"]


def test_p02_created_before_its_number_was_known(portal: tuple[World, Numbering]) -> None:
    """A filed dossier that went out as one of our own, because nobody said where it was born, is said critically, once,
    is a move in its timeline that the chain binds, and from then on only its statuses go up. Its status stays."""
    world, _adapter = portal
    record, step = make_event(dossier=OWN, id="r"), make_step(dossier=OWN, id="s", at=NOON + timedelta(minutes=1))
    world.accept(record, step)
    world.settle_down()
    told = learned_late(portal, make_event(dossier=OWN, id="r2", status="processing", at=NOON + timedelta(minutes=2)))

    delivery = world.delivery_of(record)["id"]
    facts = ("event", "partner", "delivery", "dossier", "national_number")
    assert [("created_before_number", "books", delivery, OWN, NATIONAL)] == [
        tuple(log[fact] for fact in facts) for log in told
    ]
    (incident,) = [move for move in world.reads.dossier(OWN)["timeline"] if move["cause"] == "created_before_number"]
    assert (delivery, NATIONAL) == (incident["delivery"], incident["reason"])
    assert [] == list(upkeep.verify(world.ledger))
    after = make_step(dossier=OWN, id="s2", at=NOON + timedelta(minutes=3))
    assert (NATIONAL, "portal", OWN, True) == standing_of(portal, after)
    then = world.reads.dossier_at(OWN, world.clock.now())
    assert {"books": "processing"} == {each["partner"]: each["shown_status"] for each in then["partners"]}


@pytest.mark.parametrize(
    ("number", "data"),
    [
        (OWN, {"origin": "one_stop", "national_number": NATIONAL}),
        (OWN, {"origin": "portal", "national_number": OTHER}),
        (NATIONAL, {"origin": "one_stop"}),
    ],
    ids=["told its number", "told a wrong one", "its number is the portal's"],
)
def test_what_told_a_number_was_not_created(tmp_path: Path, number: str, data: Mapping[str, Any]) -> None:
    """What went up under a number of the portal's went up as a status: there is nothing to say."""
    at = opened(tmp_path, {NATIONAL: number})

    assert [] == learned_late(at, make_event(dossier=number, **data))
    at[0].close()


def test_what_never_left_was_not_created(tmp_path: Path) -> None:
    """A record that the partner refused made nothing there."""
    at = opened(tmp_path, {NATIONAL: OWN}, fate=lambda one: "refuse" if one.event.dossier == OWN else "ok")

    assert [] == learned_late(at, make_event(dossier=OWN))
    at[0].close()


def test_record_that_cannot_be_read_is_said_too(portal: tuple[World, Numbering]) -> None:
    """A damaged body keeps no number from being learned: what it told is not known, and a person should look."""
    world, _adapter = portal
    world.accept(make_event(dossier=OWN, national_number=NATIONAL, origin="portal"))
    world.settle_down()
    change(world.path, "UPDATE bodies SET sealed = zeroblob(64) WHERE id = (SELECT max(body) FROM events)")

    assert ["created_before_number"] == [log["event"] for log in learned_late(portal)]
    assert [(NATIONAL, OWN)] == pairs(world)


def test_numbers_are_shown_and_bound(portal: tuple[World, Numbering]) -> None:
    """The pair stands in the dossier's page and timeline; a row that no move made, or one that is gone, is found."""
    world, _adapter = portal
    world.accept(from_portal())
    world.settle_down()
    world.accept(make_event(dossier=OWN, national_number=None))
    view, filed = world.reads.dossier(OWN), world.reads.dossier(NATIONAL)
    then, before = (world.reads.dossier_at(OWN, world.clock.now() - timedelta(minutes=n)) for n in (0, 10))

    assert ("portal", NATIONAL) == (view["origin"], view["national_number"])
    assert ("portal", NATIONAL) == (then["origin"], then["national_number"])
    assert (None, None) == (before["origin"], before["national_number"])
    assert ["delivered", "number_learned"] == [move["cause"] for move in filed["timeline"]][-2:]
    assert [] == list(upkeep.verify(world.ledger))
    change(world.path, "UPDATE own_numbers SET own_number = 'H99.01-260703-0009'")
    told = [damage.detail for damage in upkeep.verify(world.ledger)]
    assert 2 == len(told)
    assert f"no move says that {NATIONAL} is called H99.01-260703-0009" == told[0]
    change(world.path, "DELETE FROM own_numbers")
    assert [f"learned {OWN}, which is not here" in damage.detail for damage in upkeep.verify(world.ledger)] == [True]


def test_filed_dossier_is_known_by_what_was_filed(portal: tuple[World, Numbering]) -> None:
    """Its page says where it was born, its procedure and unit, then and later; its applicant finds it."""
    world, _adapter = portal
    terms = SearchTerms(MASTER)
    name = {"name": "Nguyễn Thị Ví Dụ", "identity": {"kind": "cccd", "number": "099000000001"}}
    world.accept(from_portal(applicant=name), from_portal(AMENDED))
    view, then = world.reads.dossier(NATIONAL), world.reads.dossier_at(NATIONAL, NOON + timedelta(hours=1))
    facts = ("origin", "national_number", "procedure", "unit", "status", "record_event")

    assert ["portal", NATIONAL, "1.013225", "000.00.09.H99", None, None] == [view[fact] for fact in facts]
    assert [view[fact] for fact in facts] == [then[fact] for fact in facts]
    assert [NATIONAL] == world.reads.found_by([terms.identity_term("099000000001")])


def test_amendment_takes_no_status_away(portal: tuple[World, Numbering]) -> None:
    """What an applicant does on the portal says no status: the dossier keeps the one it has, then and later."""
    world, _adapter = portal
    record = make_event(dossier=NATIONAL, source="national_portal", status="processing")
    world.accept(record, from_portal(AMENDED, at=NOON + timedelta(minutes=5)))

    assert "processing" == world.reads.dossier(NATIONAL)["status"]
    assert "processing" == world.reads.dossier_at(NATIONAL, NOON + timedelta(hours=1))["status"]


def test_migration_from_the_first_schema(tmp_path: Path) -> None:
    """A ledger of the first schema is brought to this one with its rows, after a backup that still is the first's."""
    path, clock = tmp_path / "ledger.db", SimClock()
    first, *later = load_migrations("sqlite")
    engine = SqliteEngine(path, FileStorage())
    engine.migrate(first, 0, first.digest)
    engine.close()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO partners (name) VALUES ('books')")
    db.close()

    assert later == upkeep.pending(path, FileStorage())
    done = upkeep.migrate(path, FileStorage(), clock)
    assert tuple(later) == done.applied
    assert done.backup is not None
    assert 1 == version_of(done.backup)
    assert later[-1].version == version_of(path)
    ledger = Ledger.open(path, MASTER, clock=clock, randomness=SystemRandomness(), storage=FileStorage())
    assert ["books"] == [row[0] for row in ledger.engine.read().all("list_partners")]
    ledger.close()


def version_of(path: Path) -> int:
    db = sqlite3.connect(path)
    (found,) = db.execute("SELECT max(version) FROM schema_versions").fetchone()
    db.close()
    return int(found)


def change(path: Path, statement: str) -> None:
    db = sqlite3.connect(path)
    with db:
        db.execute(statement)
    db.close()


def pairs(world: World) -> list[tuple[str, str]]:
    db = sqlite3.connect(world.path)
    found = db.execute("SELECT national_number, own_number FROM own_numbers ORDER BY 1").fetchall()
    db.close()
    return found


def _type(kind: str) -> str:
    return f"vn.lienthong.{kind}.v1"
