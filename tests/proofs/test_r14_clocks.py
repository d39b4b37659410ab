"""R14: the clocks of processes jump by ten minutes, an hour, ten years, back and forth: 0/0/0, and no retry storm."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bus.circuit import Manners
from tests.builders import make_event
from tests.proofs.kit import (
    CLASSES,
    Maker,
    SeededFate,
    Source,
    day,
    fresh,
    judged,
    open_events,
    resolve_by_books,
    work,
)
from tests.world import Books, SimClock, World

JUMPS = tuple(
    sign * jump for jump in (timedelta(minutes=10), timedelta(hours=1), timedelta(days=3_650)) for sign in (1, -1)
)


class OwnClock(SimClock):
    """A process's own clock: true time, and how wrong it is."""

    def __init__(self, true: SimClock) -> None:
        self._true = true
        self.wrong = timedelta()

    @property
    def time(self) -> datetime:  # type: ignore[override]
        return self._true.time + self.wrong

    @time.setter
    def time(self, value: datetime) -> None:
        self._true.time = value - self.wrong


def jumping(maker: Maker, folder: Path, step_class: str, seed: int, *, rounds: int = 60) -> int:
    """Two processes on one ledger, each with a clock that jumps; judges. The most tries that one delivery needed."""
    home, dice, true, books = fresh(folder, f"clocks-{seed}"), random.Random(seed), SimClock(), Books()
    clocks = [OwnClock(true), OwnClock(true)]
    manners, fate = Manners(rate=dice.choice((0.0, 20.0))), SeededFate(seed)
    pair = [
        maker(home, clock=clock, books=books, fate=fate, step_class=step_class, manners=manners, seed=seed + n)
        for n, clock in enumerate(clocks)
    ]
    source = Source(day())
    for _ in range(rounds):
        clocks[dice.randrange(2)].wrong = dice.choice((timedelta(), *JUMPS))
        source.tell(dice.choice(pair), dice.randrange(2))
        work(dice.choice(pair))
        true.sleep(dice.choice((1, 5, 31, 61)))
    for clock in clocks:
        clock.wrong = timedelta()
    source.tell(pair[0])
    pair[0].settle_down(hours=48)
    story = f"{step_class}, seed {seed}"
    judged(pair[0], source.events, seed=story)
    if step_class == "blind":
        resolve_by_books(pair[0])
        judged(pair[0], source.events, seed=story)
    assert [] == open_events(pair[0], source.events), story
    tries = Counter(event for world in pair for what, event, _fate in world.adapter.calls if what == "sent")
    for world in pair:
        world.close()
    shutil.rmtree(home)
    return max(tries.values())


@pytest.mark.parametrize("step_class", CLASSES)
def test_p02_clocks_jump(folder: Path, step_class: str) -> None:
    """Whatever the processes' clocks do: 0/0/0, and nothing is sent more often than its two troubles ask for."""
    assert 3 >= max(jumping(World, folder, step_class, seed) for seed in range(8))


@pytest.mark.soak
@pytest.mark.parametrize("step_class", CLASSES)
def test_p02_clocks_jump_three_hundred_times(folder: Path, step_class: str) -> None:
    """The same with three hundred seeds."""
    assert 3 >= max(jumping(World, folder, step_class, seed) for seed in range(300))


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=3_650)])
def test_p09_no_storm_while_the_partner_is_down(folder: Path, jump: timedelta) -> None:
    """While the partner is down and a clock jumps, it is not called more often than probes and schedule allow."""
    world = World(fresh(folder, "storm"), fate=lambda _delivery: "down")
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(30)])
    for minute in range(10):
        world.clock.time += jump if minute == 3 else timedelta()
        for _ in range(60):
            world.run()
            world.pass_time(1)

    # Five to open the circuit out of one claim of all; then a probe each five seconds, and one more for the jump.
    assert world.adapter.sent <= 30 + 600 / 5 + 2
    world.close()


def test_p09_no_storm_between_clocks_that_differ(folder: Path) -> None:
    """Two processes whose clocks differ by ten minutes probe one that is down at most once each in five seconds."""
    home, true = fresh(folder, "skew"), SimClock()
    clocks = [OwnClock(true), OwnClock(true)]
    clocks[1].wrong = timedelta(minutes=10)
    pair = [World(home, clock=clock, fate=lambda _d: "down", seed=n) for n, clock in enumerate(clocks)]
    pair[0].accept(*[make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(100)])
    pair[0].dispatcher.run_once(5)
    for _ in range(300):
        for world in pair:
            world.run()
        true.sleep(0.2)

    assert sum(world.adapter.sent for world in pair) <= 5 + 2 * (60 / 5 + 1)
    for world in pair:
        world.close()


def test_allowance_outlives_a_jump(folder: Path) -> None:
    """A rate's mark written ten years ahead does not keep the partner waiting for ten years."""
    world = World(fresh(folder, "rate"), manners=Manners(rate=5.0))
    right = world.clock.time
    world.clock.time = right + timedelta(days=3_650)
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(20)])
    world.run()
    world.clock.time = right
    for _ in range(10):
        world.run()
        world.pass_time(1)

    assert {"delivered": 20} == world.states()
    world.close()
