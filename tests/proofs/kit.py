"""What the proofs share: books that outlive a process, a source that resends, seeded fates, children that die.

Every proof is a function of a world's maker, so that a deliberately broken variant goes through the very same code
(`test_broken_variants.py`).
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import shutil
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from typing import Any

from bus.errors import LedgerUnavailable
from bus.messages import Delivery, Event
from bus.ports import CrashPoint, FileStorage
from bus.upkeep import migrate, verify
from tests import recount
from tests.builders import NOON, make_event, make_step
from tests.world import PARTNER, Account, Books, Effect, Fate, SimClock, World, account

Maker = Callable[..., World]
"""Makes a world in a folder, with `World`'s own keywords."""

MINUTE = timedelta(minutes=1)
CLASSES = ("idempotent", "queryable", "blind")
DIED = 77
"""Exit status of a child that died where it was told to."""


# -- books and answers that outlive a process -------------------------------------------------------------------


class FileBooks(Books):
    """Books in a file, shared by processes: each line is one effect, in the order in which they took place."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._read = 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self.refresh()

    def close(self) -> None:
        os.close(self._descriptor)

    def refresh(self) -> None:
        """Learn what other processes brought about."""
        text = os.pread(self._descriptor, os.fstat(self._descriptor).st_size - self._read, self._read)
        self._read += len(text)
        for line in text.splitlines():
            super().write(Effect(*json.loads(line)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # Opened anew each time: a forked child shares its parent's open file, and so its parent's lock.
        descriptor = os.open(self._path, os.O_RDWR)
        flock(descriptor, LOCK_EX)
        try:
            self.refresh()
            yield
        finally:
            flock(descriptor, LOCK_UN)
            os.close(descriptor)

    def put_record(self, event: Event) -> None:
        with self._alone():
            super().put_record(event)

    def add_step(self, event: Event, *, knows_ids: bool) -> None:
        with self._alone():
            super().add_step(event, knows_ids=knows_ids)

    def has_record(self, event: Event) -> bool:
        self.refresh()
        return super().has_record(event)

    def has_step(self, event: Event) -> bool:
        self.refresh()
        return super().has_step(event)

    def write(self, effect: Effect) -> None:
        line = json.dumps([effect.kind, effect.dossier, effect.event, effect.repeat]).encode() + b"\n"
        os.write(self._descriptor, line)
        self._read += len(line)
        super().write(effect)


class Source:
    """A one-stop system: tells its events in order, and tells again those that nobody answered."""

    def __init__(self, events: Sequence[Event], path: Path | None = None) -> None:
        self.events = list(events)
        self._path = path
        self.answered: set[str] = set(path.read_text().split()) if path is not None and path.exists() else set()

    def tell(self, world: World, count: int | None = None) -> int:
        """Up to `count` unanswered events; stops at the first that cannot be taken now. How many were answered."""
        waiting = [event for event in self.events if event.id not in self.answered][:count]
        for n, event in enumerate(waiting):
            try:
                world.intake.accept(event)
            except LedgerUnavailable:
                return n
            self._note(event)
        return len(waiting)

    def _note(self, event: Event) -> None:
        self.answered.add(event.id)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(f"{event.id}\n")


# -- fates ------------------------------------------------------------------------------------------------------

TROUBLES = ("lost_before", "lost_after", "garbled_before", "garbled_after", "down", "busy")


@dataclass(slots=True)
class SeededFate:
    """At most `most` troubles for one event, then well: what happens depends on seed, event and try alone.

    Two by default, so that before and after a restart together there are fewer than what parks a delivery (R9).
    """

    seed: int
    share: float = 0.3
    most: int = 2
    kinds: Sequence[str] = TROUBLES
    tries: Counter[str] = field(default_factory=Counter)

    def __call__(self, delivery: Delivery) -> str:
        self.tries[delivery.event.id] += 1
        n = self.tries[delivery.event.id]
        dice = random.Random(f"{self.seed}:{delivery.event.id}:{n}")
        return dice.choice(self.kinds) if n <= self.most and dice.random() < self.share else "ok"


# -- a day ------------------------------------------------------------------------------------------------------


def day() -> list[Event]:
    """Two dossiers: one with a second record between its steps, one whose step comes before its record."""
    one, two = "H99.09-260703-0001", "H99.09-260703-0002"
    return [
        make_event(dossier=one, at=NOON),
        make_step(dossier=two, at=NOON + MINUTE),
        make_step(dossier=one, at=NOON + MINUTE),
        make_event(dossier=two, at=NOON + 2 * MINUTE),
        make_step(dossier=one, at=NOON + 2 * MINUTE),
        make_event(dossier=one, at=NOON + 3 * MINUTE, status="processing"),
        make_step(dossier=two, at=NOON + 3 * MINUTE),
        make_step(dossier=one, at=NOON + 4 * MINUTE, status="completed"),
    ]


def work(world: World, *, calls: int = 40) -> int:
    """As the worker does it: claim, carry, and go on with the lane while it has more to say."""
    carried = 0
    try:
        while carried < calls and (claimed := [c for name in world.partners for c in world.dispatcher.claim(name, 10)]):
            for call in claimed:
                following = call
                while following:
                    carried += 1
                    following = world.dispatcher.carry(following)
    except LedgerUnavailable:
        world.pass_time(1)
    return carried


def live(world: World, source: Source) -> None:
    """A short life: events come, are carried, and come again, until the source has told everything."""
    for count in (2, 3, 3):
        source.tell(world, count)
        work(world)
        world.pass_time(40)
        work(world)
    world.pass_time(40)
    work(world)


def recover(world: World, source: Source) -> None:
    """After trouble: the source tells what nobody answered, and the bus works until nothing is due."""
    while source.tell(world, 1):
        pass
    world.settle_down(hours=48)


def resolve_by_books(world: World) -> int:
    """What an operator does with steps in doubt: looks at the partner, and says what is there. How many."""
    count = 0
    while doubts := world.repairs.plan(
        PARTNER, since=NOON - timedelta(days=9999), until=NOON.replace(year=9000)
    ).doubts:
        for doubt in doubts:
            event = world.reads.delivery(doubt.delivery)["id"]
            how = "arrived" if _event_of(world, doubt.delivery) in world.books.step_ids else "send_again"
            world.repairs.resolve(doubt.delivery, how, actor="person:an", reason=f"looked {event} up")  # type: ignore[arg-type]
            count += 1
        world.settle_down(hours=48)
    return count


def _event_of(world: World, delivery: int) -> str:
    row = world.ledger.engine.read().one("load_claimed", delivery)
    assert row is not None
    return str(row[11])


# -- verdicts ---------------------------------------------------------------------------------------------------


def judged(world: World, events: Sequence[Event], *, seed: object) -> Account:
    """The account by the partner's books, and the ledger's own chains; says the seed when something is wrong."""
    found = account(world, events)
    assert found.is_clean, f"seed {seed}: {found}"
    damage = list(verify(world.ledger, bodies=True))
    assert [] == damage, f"seed {seed}: {damage}"
    assert recount.of_moves(world.path) == recount.of_pace(world.path), f"seed {seed}"
    return found


def resent_unasked(calls: Sequence[tuple[str, str, str]]) -> list[str]:
    """Events that were sent again after an unclear reply without asking in between."""
    unclear: set[str] = set()
    found = []
    for what, event, fate in calls:
        if what == "asked":
            unclear.discard(event)
            continue
        if event in unclear:
            found.append(event)
        if fate.startswith(("lost", "garbled", "skipped")):
            unclear.add(event)
    return found


def open_events(world: World, events: Sequence[Event]) -> list[str]:
    """Events that are neither delivered nor overtaken."""
    return [event.id for event in events if world.state_of(event) not in ("delivered", "superseded")]


# -- children ---------------------------------------------------------------------------------------------------


def in_child(work: Callable[[], Any]) -> int:
    """Run in a forked process; its exit status. Nothing of it is cleaned up; one that hangs says where, and ends."""
    child = fork()
    if child == 0:
        status = 1
        try:
            faulthandler.dump_traceback_later(30, exit=True, file=sys.__stderr__)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fork() -> int:
    """Fork when the threads of worlds that were closed are gone: one that is just ending may hold a lock."""
    for _ in range(50):
        if len(os.listdir("/proc/self/task")) == 1:
            break
        time.sleep(0.001)
    with warnings.catch_warnings():
        # The test runner's own threads may be there; they hold no lock that these children need.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


class Counting:
    """A crash point that only counts."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        self.hits[name] += 1


class Dying:
    """A crash point that ends the process, without a word, when a line is reached for the nth time."""

    def __init__(self, name: str, nth: int, clock: SimClock, clock_file: Path) -> None:
        self._name, self._left, self._clock, self._file = name, nth, clock, clock_file

    def __call__(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                die(self._clock, self._file)


def die(clock: SimClock, clock_file: Path) -> None:
    """End this process as a power cut does. The world's time is written down: it goes on from there."""
    clock_file.write_text(clock.time.isoformat())
    os._exit(DIED)


def time_of_death(clock_file: Path) -> SimClock:
    """A clock that goes on where the child's stopped."""
    return SimClock(datetime.fromisoformat(clock_file.read_text()))


def template(folder: Path) -> Path:
    """A migrated, empty ledger, to be copied."""
    path = folder / "template.db"
    if not path.exists():
        migrate(path, FileStorage(), SimClock())
    return path


def fresh(folder: Path, name: str) -> Path:
    """A folder with an empty ledger in it."""
    made = folder / name
    made.mkdir()
    shutil.copy(template(folder), made / "ledger.db")
    return made


__all__ = ["CrashPoint", "Fate"]
