"""Events without ids: what is a repeat, in which order they stand, and that nothing is taken twice or lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.messages import Acceptance, ForeignDossier, Recorded, Repeated
from bus.unnamed import NOT_YET, Unnamed, overlap
from bus.upkeep import verify
from tests.builders import NOON, make_event, make_step
from tests.world import World


class Crash(Exception):
    """The process died here."""


def record(**overrides: Any) -> Unnamed:
    """A record whose time is when it is taken in."""
    return Unnamed(event=make_event(id=NOT_YET, **overrides), has_time=False)


def step(**overrides: Any) -> Unnamed:
    """A step with a time of its own."""
    return Unnamed(event=make_step(id=NOT_YET, **overrides), has_time=True)


def kinds_of(taken: list[tuple[str, Acceptance]]) -> list[str]:
    return [type(acceptance).__name__ for _, acceptance in taken]


@pytest.fixture
def world(tmp_path: Path):
    """A ledger and its partner."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("make", [record, step])
def test_there_and_back_is_three_events(world: World, make: Any) -> None:
    """A, B, A is three events under three names, and A again is a repeat of the third."""
    a, b = make(status="accepted"), make(status="processing")
    taken = [world.intake.accept_unnamed([one])[0] for one in (a, b, a, a)]

    assert ["Recorded", "Recorded", "Recorded", "Repeated"] == kinds_of(taken)
    assert taken[2][0] == taken[3][0]
    assert 3 == len({id for id, _ in taken})
    assert taken[2][1].digest == taken[3][1].digest  # type: ignore[union-attr]


def test_repeat_gets_the_first_answer_after_a_restart(world: World) -> None:
    """Another process finds the same repeat, and gives the first one's time and digest."""
    ((id, first),) = world.intake.accept_unnamed([record()])
    world.close()
    world.pass_time(60)
    world.open()
    ((again, second),) = world.intake.accept_unnamed([record()])

    assert isinstance(first, Recorded)
    assert isinstance(second, Repeated)
    assert (id, first.accepted_at, first.digest) == (again, second.accepted_at, second.digest)


def test_kinds_and_dossiers_have_latest_ones_of_their_own(world: World) -> None:
    """A step between two equal records, or another dossier's record, makes no difference."""
    told = [record(), step(), record(dossier="H99.09-260703-0999"), record(), step()]
    taken = [world.intake.accept_unnamed([one])[0] for one in told]

    assert ["Recorded", "Recorded", "Recorded", "Repeated", "Repeated"] == kinds_of(taken)


def test_call_that_is_sent_again_is_known_whole(world: World) -> None:
    """What a lost answer makes a caller send again is known however many steps it holds, and what follows is new."""
    steps = [step(content=f"step {n}") for n in range(4)]
    world.intake.accept_unnamed(steps[:3])

    assert ["Repeated"] * 3 == kinds_of(world.intake.accept_unnamed(steps[:3]))
    assert ["Repeated"] * 3 + ["Recorded"] == kinds_of(world.intake.accept_unnamed(steps))
    assert ["Recorded"] == kinds_of(world.intake.accept_unnamed(steps[:1]))


def test_same_twice_in_a_row_is_one(world: World) -> None:
    """What one call tells twice in a row is one event, and so it is when the call comes again with more."""
    a, b, c = (step(content=each) for each in "abc")
    found = [kinds_of(world.intake.accept_unnamed(told)) for told in ([a, a, b], [a, a, b], [a, a, b, b, c])]

    assert ["Recorded", "Repeated", "Recorded"] == found[0]
    assert ["Repeated"] * 3 == found[1]
    assert ["Repeated"] * 4 + ["Recorded"] == found[2]


@pytest.mark.parametrize(
    ("known", "told", "size"),
    [
        ("", "a", 0),
        ("a", "a", 1),
        ("ab", "a", 0),
        ("aba", "ab", 1),
        ("abab", "ab", 2),
        ("xab", "abc", 2),
        ("a", "b", 0),
    ],
)
def test_overlap(known: str, told: str, size: int) -> None:
    """The longest end of what is known that the told begins with."""
    assert size == overlap(known, told)


def test_two_equal_at_once_are_one(tmp_path: Path) -> None:
    """Two processes that take in the same message at once record it once."""
    one = World(tmp_path)
    other = World(tmp_path, clock=one.clock)
    with ThreadPoolExecutor(8) as callers:
        doors = [world.intake for world in (one, other) for _ in range(4)]
        taken = list(callers.map(lambda door: door.accept_unnamed([record()])[0], doors))
    one.close()
    other.close()

    assert ["Recorded"] + ["Repeated"] * 7 == sorted(kinds_of(taken))
    assert 1 == len({id for id, _ in taken})


@pytest.mark.parametrize("where", ["record.after_event", "writer.before_commit", "writer.after_commit"])
def test_crash_between_record_and_answer(tmp_path: Path, where: str) -> None:
    """Wherever the process dies, the message sent again ends as one event."""
    state = {"armed": True}

    def crash(name: str) -> None:
        if name == where and state["armed"]:
            raise Crash

    folder = tmp_path / "ledger"
    folder.mkdir()
    World(folder).close()
    world = World(folder, crash_point=crash)
    with pytest.raises(Crash):
        world.intake.accept_unnamed([record()])
    state["armed"] = False
    again = World(folder)
    again.intake.accept_unnamed([record()])
    row = again.ledger.engine.read().one("count_events")
    again.close()

    assert (1,) == row


def test_order_is_that_of_acceptance(world: World) -> None:
    """A clock that went back and steps with older times change nothing: what came later stands behind."""
    told = [
        record(),
        step(content="one"),
        step(content="two", at=NOON - timedelta(days=9)),
        record(status="processing"),
    ]
    ids = []
    for one in told:
        ids.append(world.intake.accept_unnamed([one])[0][0])
        world.clock.time -= timedelta(hours=1)
    places = [row["event_place"] for row in world.reads.whole_account()]
    world.pass_time(7 * 3600)
    world.settle_down()

    assert places == sorted(places)
    assert [ids[3], ids[1], ids[2]] == [effect.event for effect in world.books.effects]
    assert {"delivered": 3, "superseded": 1} == {state: count for state, count in world.states().items() if count}


def test_another_sources_dossier_is_not_taken(tmp_path: Path) -> None:
    """A dossier of which another source spoke first is refused, and nothing is written."""
    world = World(tmp_path)
    world.accept(make_event())
    world.ledger._speakers = {}
    taken = world.intake.accept_unnamed([record(source="old/h99")] * 2)
    row = world.ledger.engine.read().one("count_events")
    world.close()

    assert all(isinstance(acceptance, ForeignDossier) for _, acceptance in taken)
    assert (1,) == row


def test_names_and_rows_hold(world: World) -> None:
    """What was named by the ledger is read back whole, at its time, and the chain verifies."""
    ((id, _),) = world.intake.accept_unnamed([record()])
    ((other, _),) = world.intake.accept_unnamed([step(at=NOON - timedelta(hours=1))])
    first, second = (world.reads.event_content("one-stop/h99", one) for one in (id, other))

    assert (world.clock.now(), NOON - timedelta(hours=1)) == (first.occurred_at, second.occurred_at)
    assert f'"id":"{id}"'.encode() in first.body
    assert [] == list(verify(world.ledger, bodies=True))
