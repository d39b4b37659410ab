"""R8: whatever order the events come in, and however many workers carry them, no step overtakes another."""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.circuit import Manners
from bus.messages import Event
from bus.ports import SystemClock
from bus.retry import Patience
from tests.builders import SOURCE, make_event, make_step
from tests.proofs.kit import MINUTE, NOON, FileBooks, Maker, SeededFate, Source, fork, fresh, judged, open_events
from tests.world import PARTNER, World, account


def numbered(dossiers: int, events: int) -> list[Event]:
    """So many dossiers of a numbered source, each with its record and steps."""
    found = []
    for n in range(dossiers):
        number = f"H99.09-260703-{n:05d}"
        found.append(make_event(dossier=number, at=NOON, sequence=1))
        found += [make_step(dossier=number, at=NOON + k * MINUTE, sequence=k) for k in range(2, events + 1)]
    return found


def shuffled_order(
    maker: Maker, folder: Path, *, dossiers: int, workers: int, seed: int, events: int = 10, is_numbered: bool = True
) -> None:
    """Arrivals shuffled, several workers in threads on one ledger, answers lost. Judges the order at the partner."""
    told = numbered(dossiers, events)
    random.Random(seed).shuffle(told)
    orders: dict[str, Any] = {SOURCE: "sequence"} if is_numbered else {}
    fate = SeededFate(seed, share=0.1)
    manners = Manners(failures_to_open=10_000)
    world = maker(fresh(folder, "order"), fate=fate, step_class="idempotent", orders=orders, manners=manners, seed=seed)
    source = Source(told)
    dispatchers = [world.worker(f"w{n}") for n in range(workers)]
    while source.tell(world, max(1, len(told) // 4)):
        _together(dispatchers)
        world.pass_time(31)
    world.settle_down(hours=100)
    judged(world, sorted(told, key=lambda event: event.sequence or 0), seed=seed)
    if is_numbered:
        assert [] == open_events(world, told), f"seed {seed}"
    else:
        assert {"delivered", "held", "superseded"} >= set(world.states()), f"seed {seed}"
    world.close()


def _together(dispatchers: list[Any]) -> None:
    """Every worker carries what it finds, all at once, until each has found nothing."""
    troubles: list[BaseException] = []

    def run(dispatcher: Any) -> None:
        try:
            for _ in range(40):
                claimed = dispatcher.claim(PARTNER, 8)
                if not claimed:
                    return
                for call in claimed:
                    following = call
                    while following:
                        following = dispatcher.carry(following)
        except BaseException as trouble:
            troubles.append(trouble)

    threads = [threading.Thread(target=run, args=(dispatcher,)) for dispatcher in dispatchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == troubles


def test_p03_numbered_and_shuffled(folder: Path) -> None:
    """A numbered source's events, in any order of arrival, reach the partner in theirs: none is left behind."""
    shuffled_order(World, folder, dossiers=200, workers=5, seed=1)


def test_p08_shuffled_by_time(folder: Path) -> None:
    """Without numbers the source's times decide; what comes after its successor was sent is held, never sent."""
    shuffled_order(World, folder, dossiers=100, workers=5, seed=3, is_numbered=False)


# -- processes ----------------------------------------------------------------------------------------------------

QUICK = timedelta(milliseconds=300)


def processes(folder: Path, *, dossiers: int, workers: int, seed: int, hours: float = 1) -> None:
    """Workers as processes on one ledger, by the machine's clock, until everything is delivered."""
    home, told = fresh(folder, "processes"), numbered(dossiers, 10)
    random.Random(seed).shuffle(told)
    books, clock = FileBooks(home / "books"), SystemClock()
    how: dict[str, Any] = {
        "clock": clock,
        "step_class": "idempotent",
        "orders": {SOURCE: "sequence"},
        "manners": Manners(failures_to_open=10_000, in_flight=QUICK),
        "patience": Patience(schedule=(QUICK,), in_flight=QUICK),
    }
    children = [fork() or _carry_for_ever(home, n, seed, how) for n in range(workers)]
    world = World(home, books=books, seed=seed, **how)
    for start in range(0, len(told), 500):
        world.intake.accept_many(told[start : start + 500])
    end = time.monotonic() + hours * 3600
    while time.monotonic() < end and set(world.states()) != {"delivered"}:
        time.sleep(0.2)
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    books.refresh()
    open_now, found = world.states(), account(world, sorted(told, key=lambda event: event.sequence or 0))
    world.close()
    books.close()
    assert {"delivered": len(told)} == open_now, f"seed {seed}"
    assert found.is_clean, f"seed {seed}: {found}"


def _carry_for_ever(home: Path, n: int, seed: int, how: dict[str, Any]) -> int:
    """A worker's process; its parent ends it."""
    try:
        books = FileBooks(home / "books")
        world = World(home, books=books, fate=SeededFate(seed + n, share=0.05), seed=seed * 100 + n, **how)
        while True:
            _together([world.worker(f"p{n}")])
            time.sleep(0.02)
    finally:
        os._exit(1)


def test_p03_workers_as_processes(folder: Path) -> None:
    """Five worker processes on one ledger keep the order of every dossier."""
    processes(folder, dossiers=40, workers=5, seed=8, hours=0.02)


@pytest.mark.soak
def test_p03_two_hundred_thousand_events(folder: Path) -> None:
    """The same with 20,000 dossiers of ten events."""
    processes(folder, dossiers=20_000, workers=5, seed=8, hours=3)
