"""Frozen lists: what is shown is what is kept, in lanes' order, within the units of who made it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import bus.selections
from bus.errors import NotAllowedNow, NotFound
from bus.messages import State
from tests.builders import DOSSIER, NOON, SOURCE, make_event, make_step
from tests.repair_kit import Fates, Room, number_of, write
from tests.world import World

OTHER = "H99.10-260703-0001"


@pytest.fixture
def fates() -> Fates:
    return Fates()


@pytest.fixture
def world(tmp_path: Path, fates: Fates) -> Iterator[World]:
    made = World(tmp_path, fate=fates)
    yield made
    made.close()


@pytest.fixture
def room(world: World) -> Room:
    return Room(world)


def refused(world: World, fates: Fates, *numbers: str, unit: str = "H99.11.16") -> list[int]:
    """One refused record for each dossier; their deliveries."""
    events = [make_event(dossier=number, id=f"r-{number}", unit=unit) for number in numbers]
    fates.by_id |= {event.id: "refuse" for event in events}
    world.accept(*events)
    world.settle_down(hours=1)
    return [number_of(world, event) for event in events]


def test_plan_says_what_would_happen_and_changes_nothing(world: World, fates: Fates, room: Room) -> None:
    """A dry run names for each what it would become, or why nothing would be done; nothing is written."""
    (bad,) = refused(world, fates, DOSSIER)
    fine = make_event(dossier=OTHER, id="fine")
    step = make_step(dossier=OTHER, id="step")
    world.accept(fine, step)
    world.settle_down()
    before = world.ledger.engine.read().all("all_moves")

    planned = room.selections.plan([bad, number_of(world, fine), number_of(world, step)], "replay")

    assert {bad: "waiting", number_of(world, fine): "waiting", number_of(world, step): "no:would_double"} == {
        stand.delivery: said for stand, said in planned.items
    }
    assert {"waiting": 2, "no:would_double": 1} == planned.summary
    assert before == world.ledger.engine.read().all("all_moves")


def test_nothing_is_not_a_selection(world: World, room: Room) -> None:
    """An empty list is refused, also one of deliveries that are not there."""
    for ids in ([], [404]):
        with pytest.raises(NotAllowedNow) as refusal:
            room.selections.plan(ids, "cancel")

        assert "empty" == refusal.value.code


def test_list_has_a_limit(world: World, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the named limit is refused before anything is looked up."""
    monkeypatch.setattr(bus.selections, "MOST", 2)

    with pytest.raises(NotAllowedNow) as refusal:
        room.selections.plan([1, 2, 3], "cancel")
    assert "too_many" == refusal.value.code


def test_another_units_delivery_is_never_in_it(world: World, fates: Fates, room: Room) -> None:
    """Who is limited to units freezes theirs and those below them only; how many were left out is said."""
    own = refused(world, fates, DOSSIER, unit="H99.11.16")
    foreign = refused(world, fates, OTHER, unit="H99.110")

    planned = room.selections.plan([*own, *foreign, 404], "replay", units=("H99.11",))

    assert (own, 2) == ([stand.delivery for stand, _said in planned.items], planned.left_out)
    with pytest.raises(NotAllowedNow):
        room.selections.plan(foreign, "replay", units=("H99.11",))


def test_who_may_see_a_list(world: World, fates: Fates, room: Room) -> None:
    """A list is open to who has every unit that it was made for; one made for all units only to who sees all."""
    own = refused(world, fates, DOSSIER)
    limited = room.selections.get(room.freeze(own, units=("H99.11",)))
    whole = room.selections.get(room.freeze(own))

    assert [True, True, True, False] == [limited.is_open_to(u) for u in (None, ("H99.11",), ("H99",), ("H99.12",))]
    assert [True, False] == [whole.is_open_to(units) for units in (None, ("H99",))]


def test_items_stand_in_their_lanes_order(world: World, fates: Fates, room: Room) -> None:
    """Whatever order they were ticked in, what belongs to one dossier and partner stands in its order."""
    steps = [make_step(at=NOON + timedelta(minutes=n), id=f"s{n}") for n in (1, 2, 3)]
    world.accept(make_event(), *steps)
    ids = [number_of(world, step) for step in steps]

    planned = room.selections.plan(reversed(ids), "cancel")

    assert ids == [stand.delivery for stand, _said in planned.items]


def test_what_waits_behind_a_gap_comes_last(tmp_path: Path) -> None:
    """A delivery without a place in its lane can be given up, and stands at the end."""
    world = World(tmp_path, orders={SOURCE: "sequence"})
    room = Room(world)
    placed, unplaced = make_event(sequence=1, id="a"), make_step(sequence=3, id="c")
    world.accept(unplaced, placed)

    planned = room.selections.plan([number_of(world, unplaced), number_of(world, placed)], "cancel")

    assert [number_of(world, placed), number_of(world, unplaced)] == [stand.delivery for stand, _ in planned.items]
    world.close()


def test_frozen_list_is_read_back(world: World, fates: Fates, room: Room) -> None:
    """Head, items, summary and list are what was frozen; who and why stand in the installation's moves."""
    ids = refused(world, fates, DOSSIER, OTHER)
    planned = room.selections.plan(ids, "release")
    number = write(
        world,
        lambda tx: room.selections.freeze(tx, planned, account="an", reason="why", made_of={"state": "refused"}),
    )
    head, lines = room.selections.get(number), room.selections.page(number)

    assert ("release", "", "an", "why", {"state": "refused"}, None, 2) == (
        head.act,
        head.how,
        head.account,
        head.reason,
        head.made_of,
        head.units,
        head.count,
    )
    assert (planned.digest, world.clock.now()) == (head.digest, head.made_at)
    assert [(1, State.REFUSED, "no:not_held", None)] == [
        (one.n, one.stood, one.would, one.outcome) for one in room.selections.page(number, limit=1)
    ]
    assert ids == [line.delivery for line in lines]
    assert lines[1:] == room.selections.page(number, after=1)
    assert {"no:not_held": 2} == room.selections.summary(number)
    assert [number] == [one.id for one in room.selections.newest()]
    assert write(world, lambda tx: room.selections.is_whole(tx, head))
    told = [move for move in world.ledger.engine.read().all("all_moves") if "selection_frozen" in move]
    assert 1 == len(told)
    with pytest.raises(NotFound):
        room.selections.get(number + 1)


def test_digest_is_of_the_act_and_what_each_stood_at(world: World, fates: Fates, room: Room) -> None:
    """Another act, another item, or the same item at another moment is another digest."""
    one, two = refused(world, fates, DOSSIER, OTHER)
    digests = {
        room.selections.plan([one], "replay").digest,
        room.selections.plan([one], "cancel").digest,
        room.selections.plan([one], "resolve", "arrived").digest,
        room.selections.plan([one], "resolve", "go_on").digest,
        room.selections.plan([one, two], "replay").digest,
    }
    world.repairs.cancel(one, actor="person:an", reason="why")
    digests.add(room.selections.plan([one], "replay").digest)

    assert 6 == len(digests)
