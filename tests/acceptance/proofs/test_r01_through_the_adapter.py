"""R1 through the real adapter: a hard exit at any line between the claim and the mock's books costs nothing.

A child process lives a short day with the product's own adapter, channel and sockets, and ends without a word the nth
time a named line is reached. The strict mock lives on beside it; a new life over the same ledger finishes the day, a
person looks up the steps in doubt, and the mock's own list is the judge.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from bus.crash_points import ALL
from bus.messages import State
from contracts.serve import serve
from tests.acceptance.proofs.portal_world import PortalWorld, Witness, portal_world
from tests.acceptance.proofs.story import Wire, judged, lives, resolve_by_books
from tests.proofs.kit import DIED, Counting, Dying, in_child, time_of_death
from tests.world import SimClock

POINTS = [name for name in ALL if not name.startswith(("door.", "ask."))]
"""The door's lines are walked at the door; nothing is asked on a day on which every answer comes."""
IN_THE_ADAPTER = {"shape.before", "shape.after", "send.before", "send.after", "read.after"}
EVENTS: list[Wire] = [wire for life in lives(2, 5, records=0.4, seed=3) for wire in life]
"""Creates, updates and steps: a queryable, an idempotent and a blind operation."""


def live(world: PortalWorld) -> None:
    """A day: events are told two by two, so that a lane has more to say, and carried in this one thread."""
    for start in range(0, len(EVENTS), 2):
        world.accept(*EVENTS[start : start + 2])
        world.settle(hours=1, threads=1)


def finish(world: PortalWorld) -> None:
    """The source tells again what it may not have got an answer to; everything due is delivered."""
    world.accept(*EVENTS)
    world.settle()


def hits(folder: Path) -> Counting:
    """How often each line is reached on a day on which nobody dies."""
    count = Counting()
    with portal_world(folder, crash_point=count) as world:
        live(world)
        judged(world.reads, world.portal, EVENTS).must_be_clean("nobody dies")
    return count


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Counting:
    return hits(tmp_path_factory.mktemp("count"))


def die_and_finish(home: Path, point: str, nth: int, story: str) -> None:
    """One death at one line, and what came of it."""
    started, clock_file = SimClock(), home / "clock"
    mock = Witness(clock=started.now, keep=100_000, seed=1)
    with serve(mock) as url:

        def life() -> None:
            clock = SimClock()
            dying = Dying(point, nth, clock, clock_file)
            with portal_world(home, clock=clock, served=(mock, url), crash_point=dying) as world:
                live(world)

        assert DIED == in_child(life), story
        with portal_world(home, clock=time_of_death(clock_file), served=(mock, url)) as world:
            finish(world)
            judged(world.reads, mock, EVENTS).must_be_clean(story)
            while resolve_by_books(world, mock, EVENTS):  # type: ignore[arg-type]
                world.settle()
            last = judged(world.reads, mock, EVENTS).must_be_clean(f"{story}, resolved")
    assert {State.DELIVERED, State.SUPERSEDED} >= set(last.states), f"{story}: {last.states}"


def walk(home: Path, point: str, counted: Counting, seed: int) -> None:
    count = counted.hits[point]
    assert count, f"{point} is never reached"
    nth = random.Random(f"{seed}:{point}").randint(1, count)
    die_and_finish(home, point, nth, f"{point} no. {nth}, seed {seed}")


@pytest.mark.parametrize("point", POINTS)
def test_p02_crash_between_claim_and_books(home: Path, point: str, counted: Counting) -> None:
    """At every named line of the real walk an exit loses and doubles nothing; a blind step it left waits visibly."""
    walk(home, point, counted, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
def test_p02_crash_between_claim_and_books_with_fifty_seeds(home: Path, point: str, counted: Counting) -> None:
    """The same, fifty times for each line."""
    for seed in range(2, 52):
        folder = home / str(seed)
        folder.mkdir()
        walk(folder, point, counted, seed)
        shutil.rmtree(folder)


def test_every_line_of_the_adapter_is_reached(counted: Counting) -> None:
    """The adapter and the channel call their lines for every write, and look-ups are read as well."""
    assert IN_THE_ADAPTER <= set(counted.hits)
    assert set(POINTS) == set(counted.hits)
    assert counted.hits["shape.before"] == counted.hits["shape.after"] >= len(EVENTS) - 2
    assert counted.hits["send.after"] == counted.hits["read.after"] + 1, "the login is sent, and reads no write"
