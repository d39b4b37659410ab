"""R3: the kth call to the database, the clock or the partner fails, for every k of a day, as an error and as a crash.

After each failure: nothing lost, doubled, out of order or falsely green, and the ledger takes and delivers again
without being opened anew. `make test` walks every nth k, beginning elsewhere for each class; `make soak` walks all.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bus.errors import LedgerUnavailable
from bus.messages import Delivery
from bus.ports import FileStorage
from tests.builders import NOON, make_event
from tests.proofs.kit import (
    CLASSES,
    DIED,
    FileBooks,
    Maker,
    SeededFate,
    Source,
    day,
    die,
    fresh,
    in_child,
    judged,
    live,
    open_events,
    recover,
    resolve_by_books,
    time_of_death,
)
from tests.world import Books, SimClock, World

MODES = ("before", "after", "twice")
"""The call fails without having done anything; after having done it, unknown to the caller; or it and the next one."""


class Trouble:
    """Counts calls, and makes the kth one fail; with no k it only counts."""

    def __init__(self, kth: int = 0, mode: str = "before", fail: Callable[[], None] | None = None) -> None:
        self.calls = 0
        self._kth, self._mode, self._fail = kth, mode, fail or _disk_error

    def around(self, call: Callable[[], Any]) -> Any:
        self.calls += 1
        is_struck = self._kth and self._kth <= self.calls <= self._kth + (self._mode == "twice")
        if is_struck and self._mode != "after":
            self._fail()
        found = call()
        if is_struck:
            if isinstance(found, sqlite3.Cursor):
                found.close()  # a call that failed leaves no statement open
            self._fail()
        return found


def _disk_error() -> None:
    raise sqlite3.OperationalError("disk I/O error")


class FlakyConnection(sqlite3.Connection):
    """A connection whose every call is counted."""

    trouble: Trouble

    def execute(self, *arguments: Any) -> Any:
        return self.trouble.around(lambda: sqlite3.Connection.execute(self, *arguments))

    def executemany(self, *arguments: Any) -> Any:
        return self.trouble.around(lambda: sqlite3.Connection.executemany(self, *arguments))


class FlakyStorage(FileStorage):
    """Files whose kth call fails."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble

    def connect(self, path: str, *, read_only: bool = False) -> sqlite3.Connection:
        def opened() -> sqlite3.Connection:
            made = sqlite3.connect(
                f"file:{path}", uri=True, isolation_level=None, check_same_thread=False, factory=FlakyConnection
            )
            made.trouble = self._trouble
            return made

        return self._trouble.around(opened)


class FlakyClock(SimClock):
    """A clock whose kth look fails."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__()
        self._trouble = trouble

    def now(self) -> datetime:
        return self._trouble.around(lambda: SimClock.now(self))


# -- one scenario, one failure -----------------------------------------------------------------------------------


def opened(maker: Maker, home: Path, **more: Any) -> World:
    """Open a world as a supervisor does: again when it did not start."""
    for _ in range(2):
        with suppress(LedgerUnavailable, RuntimeError):
            return maker(home, **more)
    return maker(home, **more)


def supervised(world: World, source: Source) -> None:
    """Live the day; a worker or a door that fell over is started again."""
    for _ in range(4):
        try:
            live(world, source)
            return
        except (LedgerUnavailable, RuntimeError):
            world.pass_time(1)


def finish(world: World, source: Source, step_class: str, story: str) -> None:
    """Judge; then see that the ledger is usable without being opened anew."""
    try:
        recover(world, source)
    except (LedgerUnavailable, RuntimeError):
        recover(world, source)
    judged(world, source.events, seed=story)
    if step_class == "blind":
        resolve_by_books(world)
        judged(world, source.events, seed=story)
    fresh_one = make_event(dossier="H99.09-260703-0009", at=NOON)
    world.accept(fresh_one)
    world.settle_down()
    assert [] == open_events(world, [*source.events, fresh_one]), story


def with_trouble(maker: Maker, folder: Path, step_class: str, what: str, trouble: Trouble, story: str) -> int:
    """The day with one failing call; how many such calls the day itself made."""
    home = fresh(folder, "life")
    clock = FlakyClock(trouble) if what == "clock" else SimClock()
    storage = FlakyStorage(trouble) if what == "database" else FileStorage()
    world = opened(
        maker, home, fate=SeededFate(3), step_class=step_class, clock=clock, storage=storage, books=Books(), seed=3
    )
    world.adapter.clock = SimClock()  # what an adapter's own trouble leads to is proven elsewhere
    source = Source(day())
    try:
        supervised(world, source)
        calls = trouble.calls
        finish(world, source, step_class, story)
        return calls
    finally:
        world.close()
        shutil.rmtree(home)


def calls_of(maker: Maker, folder: Path, step_class: str, what: str) -> int:
    """How many such calls a day without failures makes."""
    return with_trouble(maker, folder, step_class, what, Trouble(), "count")


def _clock_error() -> None:
    raise RuntimeError("the clock could not be read")


def walk(maker: Maker, folder: Path, step_class: str, what: str, mode: str, *, stride: int) -> int:
    """Fail every `stride`th call once; how many failures were lived through."""
    total = calls_of(maker, folder, step_class, what)
    first = 1 + (CLASSES.index(step_class) * 7 + MODES.index(mode) * 3) % stride
    fail = _clock_error if what == "clock" else _disk_error
    for kth in range(first, total + 1, stride):
        story = f"{what}, {mode}, {step_class}, call {kth} of {total}"
        try:
            with_trouble(maker, folder, step_class, what, Trouble(kth, mode, fail), story)
        except Exception as failure:
            raise AssertionError(story) from failure
    return len(range(first, total + 1, stride))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step_class", CLASSES)
def test_p01_database_call_fails(folder: Path, step_class: str, mode: str) -> None:
    """Whichever call to the database fails, once or twice: 0/0/0, and the same open ledger goes on."""
    assert 5 < walk(World, folder, step_class, "database", mode, stride=43)


@pytest.mark.parametrize("step_class", CLASSES)
def test_clock_call_fails(folder: Path, step_class: str) -> None:
    """Whichever look at the clock fails: 0/0/0, once the worker that fell over was started again."""
    assert 5 < walk(World, folder, step_class, "clock", "before", stride=7)


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step_class", CLASSES)
@pytest.mark.parametrize("what", ["database", "clock"])
def test_p01_every_call_fails(folder: Path, what: str, step_class: str, mode: str) -> None:
    """The same for every single call."""
    least = {"database": 100, "clock": 30}[what]  # the day looks at the clock about fifty times
    assert least < walk(World, folder, step_class, what, mode, stride=1)


# -- as a crash ---------------------------------------------------------------------------------------------------


def crash_in_call(maker: Maker, folder: Path, step_class: str, kth: int, mode: str) -> None:
    """The process ends in its kth call to the database."""
    home, story = fresh(folder, "crash"), f"crash {mode} database call {kth}, {step_class}"

    def life() -> None:
        clock = SimClock()
        storage = FlakyStorage(Trouble(kth, mode, lambda: die(clock, home / "clock")))
        books = FileBooks(home / "books")
        world = maker(
            home, fate=SeededFate(3), step_class=step_class, clock=clock, storage=storage, books=books, seed=3
        )
        live(world, Source(day(), home / "answered"))

    assert DIED == in_child(life), story
    books = FileBooks(home / "books")
    world = maker(home, step_class=step_class, clock=time_of_death(home / "clock"), books=books, seed=4)
    try:
        finish(world, Source(day(), home / "answered"), step_class, story)
    finally:
        world.close()
        books.close()
        shutil.rmtree(home)


def crashes(maker: Maker, folder: Path, step_class: str, stride: int) -> int:
    """End in every `stride`th call, before or after it in turn."""
    total = calls_of(maker, folder, step_class, "database")
    ks = range(1 + CLASSES.index(step_class), total, stride)
    for n, kth in enumerate(ks):
        crash_in_call(maker, folder, step_class, kth, ("before", "after")[n % 2])
    return len(ks)


@pytest.mark.parametrize("step_class", CLASSES)
def test_p02_crash_in_a_database_call(folder: Path, step_class: str) -> None:
    """A process that ends in the middle of its kth call to the database loses and doubles nothing."""
    assert 5 < crashes(World, folder, step_class, stride=61)


@pytest.mark.soak
@pytest.mark.parametrize("step_class", CLASSES)
def test_p02_crash_in_every_database_call(folder: Path, step_class: str) -> None:
    """The same for every single call."""
    assert 100 < crashes(World, folder, step_class, stride=1)


# -- the partner's end --------------------------------------------------------------------------------------------


def partner_breaks(maker: Maker, folder: Path, step_class: str, kth: int, fate: str) -> int:
    """The kth call to the partner comes to a bad end; how many calls there were."""
    home, sent = fresh(folder, "partner"), []

    def fated(delivery: Delivery) -> str:
        sent.append(delivery.event.id)
        return fate if len(sent) == kth else "ok"

    world, source = maker(home, fate=fated, step_class=step_class), Source(day())
    live(world, source)
    finish(world, source, step_class, f"partner's call {kth}: {fate}, {step_class}")
    world.close()
    shutil.rmtree(home)
    return len(sent)


@pytest.mark.parametrize("step_class", CLASSES)
@pytest.mark.parametrize("fate", ["lost_before", "lost_after", "garbled_after", "down"])
def test_p05_partner_call_fails(folder: Path, step_class: str, fate: str) -> None:
    """Every call to the partner fails once, in each way: 0/0/0 after each."""
    total = partner_breaks(World, folder, step_class, 0, fate)

    assert 8 <= total
    for kth in range(1, total + 1):
        partner_breaks(World, folder, step_class, kth, fate)
