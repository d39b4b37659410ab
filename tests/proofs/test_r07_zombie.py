"""R7: a worker is stopped for longer than its lease, another takes over, the first wakes.

In the simulated world the first worker's own crash point is where it stops: the whole of the other worker's life runs
inside it. Once it is also done with a real process that is stopped and continued by signals.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.circuit import Manners
from bus.ports import SystemClock
from bus.retry import Patience
from tests.builders import make_event, make_step
from tests.proofs.kit import (
    CLASSES,
    MINUTE,
    NOON,
    FileBooks,
    Maker,
    SeededFate,
    Source,
    day,
    fork,
    fresh,
    judged,
    open_events,
    resolve_by_books,
    work,
)
from tests.world import PARTNER, Books, SimClock, World, account

STOPS = ("claim.after", "send.after", "read.after", "deliver.after", "decide.after", "settle.before")
"""Lines after which the first worker sleeps. Between its last look at its lease and its first byte there is none: a
process that is stopped within those microseconds for longer than lease and time in flight is a late arrival (R5)."""


class Sleeper:
    """A crash point at which a worker falls asleep, once; `meanwhile` is what the others do."""

    def __init__(self, name: str, nth: int) -> None:
        self._name, self._left = name, nth
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                self.meanwhile()


class Refusals:
    """Counts stale writes that the ledger refused: its answer to each is None."""

    def __init__(self, world: World) -> None:
        self.count = 0
        self._settle = world.ledger.settle_many
        world.ledger.settle_many = self  # type: ignore[method-assign]

    def __call__(self, works: Any, **how: Any) -> Any:
        found = self._settle(works, **how)
        self.count += sum(one is None for one in found)
        return found


def pause_once(maker: Maker, folder: Path, step_class: str, stop: str, seed: int) -> int:
    """Two workers on one ledger, one of them asleep for a while. Judges; how many stale writes were refused."""
    home, dice = fresh(folder, f"pause-{seed}"), random.Random(f"{seed}:{stop}")
    clock, books, sleeper = SimClock(), Books(), Sleeper(stop, dice.randint(1, 6))
    fate, source = SeededFate(seed), Source(day())
    first = maker(home, fate=fate, step_class=step_class, clock=clock, books=books, crash_point=sleeper, seed=seed)
    second = maker(home, fate=fate, step_class=step_class, clock=clock, books=books, seed=seed + 1_000_000)
    refusals = Refusals(first)

    def meanwhile() -> None:
        clock.sleep(dice.choice((61, 120, 3_600)))
        if dice.random() < 0.5:
            source.tell(second, 1)
        second.settle_down()

    sleeper.meanwhile = meanwhile
    for count in (4, 4):
        source.tell(first, count)
        work(first)
        clock.sleep(40)
        work(first)
    source.tell(first)
    first.settle_down(hours=48)
    story = f"{step_class}, {stop}, seed {seed}"
    judged(first, source.events, seed=story)
    if step_class == "blind":
        resolve_by_books(first)
        judged(first, source.events, seed=story)
    assert [] == open_events(first, source.events), story
    first.close()
    second.close()
    shutil.rmtree(home)
    return refusals.count


def pauses(maker: Maker, folder: Path, seeds: range) -> int:
    """Many pauses, over every stop and class; the stale writes refused in all of them."""
    cases = [(stop, step_class) for stop in STOPS for step_class in CLASSES]
    return sum(
        pause_once(maker, folder, cases[seed % len(cases)][1], cases[seed % len(cases)][0], seed) for seed in seeds
    )


def test_p02_zombie_worker(folder: Path) -> None:
    """A worker that wakes after its lease was lost neither sends nor settles: 0/0/0, its stale writes are refused."""
    assert 0 < pauses(World, folder, range(36))


@pytest.mark.soak
def test_p02_zombie_worker_two_hundred_times(folder: Path) -> None:
    """The same with two hundred pauses."""
    assert 0 < pauses(World, folder, range(100, 300))


def test_lost_lease_is_not_sent(folder: Path) -> None:
    """Who claimed and then slept past the lease sends nothing: the delivery waits again, or somebody else has it."""
    world = World(fresh(folder, "late"), step_class="queryable")
    record, step = make_event(at=NOON), make_step(at=NOON + MINUTE)
    world.accept(record, step)
    world.run()
    (call,) = world.dispatcher.claim(PARTNER, 1)
    world.pass_time(61)
    sent = world.adapter.sent
    assert [] == world.dispatcher.carry(call)
    assert (sent, "put_back") == (world.adapter.sent, world.delivery_of(step)["cause"])
    world.settle_down()

    assert {"delivered": 2} == world.states()
    world.close()


# -- real processes, real signals --------------------------------------------------------------------------------

LEASE = timedelta(seconds=0.6)
IN_FLIGHT = timedelta(seconds=0.2)


def real_world(home: Path, books: Books, **more: Any) -> World:
    """The same world on the machine's own clock, with a short lease."""
    manners, patience = Manners(lease=LEASE, in_flight=IN_FLIGHT), Patience(in_flight=IN_FLIGHT)
    clock: Any = SystemClock()
    return World(home, books=books, clock=clock, manners=manners, patience=patience, step_class="queryable", **more)


def sleep_at(stop: str, home: Path) -> None:
    """The child: works until the line, then stops itself; continued by its parent, it goes on as if nothing was."""
    sleeper = Sleeper(stop, 1 if stop == "claim.after" else 3)
    sleeper.meanwhile = lambda: os.kill(os.getpid(), signal.SIGSTOP)
    work(real_world(home, FileBooks(home / "books"), crash_point=sleeper, seed=1))


@pytest.mark.parametrize("stop", ["claim.after", "send.after", "settle.before"])
def test_p02_stopped_process(folder: Path, stop: str) -> None:
    """A worker process stopped by a signal for longer than its lease does no harm when it is continued."""
    home, events = fresh(folder, "real"), [event for event in day() if event.dossier.endswith("1")]
    books = FileBooks(home / "books")
    before = real_world(home, books)
    before.accept(*events)
    before.close()
    child = fork()
    if child == 0:
        try:
            sleep_at(stop, home)
        finally:
            os._exit(0)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    world = real_world(home, books, seed=2)
    _work_until_quiet(world, seconds=5)
    os.kill(child, signal.SIGCONT)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _work_until_quiet(world, seconds=5)
    books.refresh()

    assert account(world, events).is_clean
    assert [] == open_events(world, events)
    world.close()
    books.close()


def _work_until_quiet(world: World, seconds: float) -> None:
    """Work until nothing is open, or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and set(world.states()) - {"delivered", "superseded"}:
        work(world)
        time.sleep(0.05)
