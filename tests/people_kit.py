"""A ledger with people in it, and a clock that jumps; passwords are plain words here: the bus never reads them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bus.accounts import Account, SignedIn
from bus.audit import Audit
from bus.errors import AccountRefused
from bus.first_run import FirstRun
from bus.ledger import Ledger
from bus.people import People
from bus.ports import CrashPoint, FileStorage, SystemRandomness, no_crash
from bus.sessions import Opened, SessionRules
from bus.upkeep import migrate
from tests.world import MASTER, SimClock

HERE = "192.0.2.7"
WHO = {"actor": "person:root", "reason": "asked by letter 12"}


class House:
    """One process of an installation."""

    def __init__(self, path: Path, *, crash_point: CrashPoint = no_crash, clock: SimClock | None = None) -> None:
        self.clock = clock or SimClock()
        self.randomness = SystemRandomness()
        migrate(path, FileStorage(), self.clock)
        self.ledger = Ledger.open(
            path,
            MASTER,
            clock=self.clock,
            randomness=self.randomness,
            storage=FileStorage(),
            crash_point=crash_point,
        )
        self.audit = Audit(self.ledger)
        self.people = People(self.ledger, self.audit, randomness=self.randomness, rules=SessionRules())
        self.first_run = FirstRun(self.ledger, self.people, randomness=self.randomness)

    def add(self, name: str, *roles: str, units: tuple[str, ...] | None = None, password: str = "kept") -> Account:
        """An account."""
        return self.people.add(
            name, shown=name.title(), password=password, roles=roles, units=units, actor="person:root", reason="made"
        )

    def sign_in(self, name: str, address: str = HERE) -> Opened:
        """A session of it."""
        return self.people.sign_in(name, address=address, agent="a browser")

    def seen(self, opened: Opened) -> SignedIn | None:
        """Who holds its token now."""
        return self.people.session(hashlib.sha256(opened.token.encode()).digest(), self.clock.now())

    def causes(self) -> list[str]:
        """Of the installation's moves, oldest first, but for what binds audit rows."""
        rows = self.ledger.engine.read().all("all_moves")
        return [row[8] for row in rows if row[1] == 16 and row[8] != "noted"]


@contextmanager
def house(path: Path, *, crash_point: CrashPoint = no_crash, clock: SimClock | None = None) -> Iterator[House]:
    """Opened, and closed."""
    made = House(path, crash_point=crash_point, clock=clock)
    try:
        yield made
    finally:
        made.ledger.close()


def refused(rule: str, act: Callable[[], object]) -> None:
    """That it is, by this rule."""
    with pytest.raises(AccountRefused) as failure:
        act()
    assert rule == failure.value.rule


def at_once(*works: Callable[[], object]) -> list[object]:
    """All at the same time; what each came to, or why it failed."""
    results: list[object] = [None] * len(works)
    ready = threading.Barrier(len(works))

    def run(n: int) -> None:
        ready.wait()
        try:
            results[n] = works[n]()
        except Exception as failure:
            results[n] = failure

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
