"""R1 through the SOAP path: a hard exit at any line between the claim and the one-stop system's books costs nothing.

A child process lives a short day with the product's own adapter, zeep, signatures and sockets, and ends without a word
the nth time a named line is reached. The strict mock lives on beside it; a new life over the same ledger finishes the
day by itself, for every message is known by its id, and the mock's own list is the judge.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from bus.crash_points import ALL
from contracts.one_stop.mock import OneStop
from contracts.serve import serve
from tests.acceptance.proofs.one_stop_world import OneStopWorld, life, one_stop_world, pki
from tests.proofs.kit import DIED, Counting, Dying, in_child, time_of_death
from tests.world import SimClock

POINTS = [name for name in ALL if not name.startswith(("door.", "ask."))]
"""The door's lines are walked at the door; nothing is asked on a day on which every answer comes."""
BOUNDED = [
    name
    for name in POINTS
    if name.split(".")[0] in ("deliver", "shape", "send", "read") or name in ("claim.after", "settle.before")
]
"""The adapter's and the channel's lines, and those around them; what lies behind is walked by the portal's proof."""
EVENTS = [*life(1, 4), *life(2, 4)]


def live(world: OneStopWorld) -> None:
    """A day: events are told two by two, so that a lane has more to say, and carried in this one thread."""
    for start in range(0, len(EVENTS), 2):
        world.accept(*EVENTS[start : start + 2])
        world.settle(hours=1, threads=1)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Counting:
    """How often each line is reached on a day on which nobody dies."""
    count = Counting()
    with one_stop_world(tmp_path_factory.mktemp("count"), crash_point=count) as world:
        live(world)
        world.judge(EVENTS, "nobody dies")
    return count


def die_and_finish(home: Path, point: str, nth: int, story: str, way: str) -> None:
    """One death at one line, and what came of it."""
    started, clock_file = SimClock(), home / "clock"
    mock = OneStop(pki=pki(), clock=started.now, keep=100_000, seed=1)
    with serve(mock) as url:

        def short_life() -> None:
            clock = SimClock()
            dying = Dying(point, nth, clock, clock_file)
            with one_stop_world(home, way=way, clock=clock, served=(mock, url), crash_point=dying) as world:
                live(world)

        assert DIED == in_child(short_life), story
        with one_stop_world(home, way=way, clock=time_of_death(clock_file), served=(mock, url)) as world:
            world.accept(*EVENTS)
            world.settle()
            world.judge(EVENTS, story)


def walk(home: Path, point: str, counted: Counting, seed: int) -> None:
    count = counted.hits[point]
    assert count, f"{point} is never reached"
    nth = random.Random(f"{seed}:{point}").randint(1, count)
    way = ("soap-1.1", "soap-1.2")[nth % 2]
    die_and_finish(home, point, nth, f"{point} no. {nth}, seed {seed}, {way}", way)


@pytest.mark.parametrize("point", BOUNDED)
def test_p02_crash_between_claim_and_books_over_soap(home: Path, point: str, counted: Counting) -> None:
    """An exit at a line of the SOAP walk loses and doubles nothing, and needs nobody: the same message goes again."""
    walk(home, point, counted, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
def test_p02_crash_between_claim_and_books_over_soap_with_fifty_seeds(home, point: str, counted: Counting) -> None:
    """Every line of the walk, fifty times each."""
    for seed in range(2, 52):
        folder = home / str(seed)
        folder.mkdir()
        walk(folder, point, counted, seed)
        shutil.rmtree(folder)


def test_every_line_of_the_soap_walk_is_reached(counted: Counting) -> None:
    """The adapter and the channel call their lines once for each message."""
    assert set(POINTS) == set(counted.hits)
    assert len(EVENTS) == counted.hits["shape.after"] == counted.hits["send.after"] == counted.hits["read.after"]
