"""R1 through payment: a hard exit at every named line of a payment's life loses no money, and moves none twice.

A child process lives a day of payments with a till (opened, paid, called back, asked about, expired, paid at the
counter, paid back) and is ended, without a word, the nth time a named line is reached. Then the ledger is opened again
and the till's books are compared with what the ledger, the one-stop system and the portal make of them.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bus.crash_points import ASKING, PAYING, REFUNDING
from bus.dispatch import PartnerWork
from bus.messages import Attempt, Delivery, Unreachable
from bus.payments import TaskKind
from tests.proofs.kit import DIED, Counting, Dying, FileBooks, SeededFate, Source, fresh, in_child, time_of_death
from tests.proofs.payments_kit import (
    HARD,
    ONE,
    TILL,
    TWO,
    PayWorld,
    Till,
    TillAdapter,
    awaited,
    day,
    judge,
    live,
    recover,
    shown,
    states,
    tasks,
)
from tests.world import SimClock

SHOPPING = ("claim.after", "send.before", "send.after", "settle.before", "settle.after_head", "writer.before_commit",
            "writer.after_commit", "intake.after_record", "ask.after")  # fmt: skip
"""Lines of the usual walk on which a payment is lost most easily; the others are walked by every event."""
POINTS = (*ASKING, *REFUNDING, *SHOPPING)
"""Walked each time; those of `PAYING` beside them are walked by `test_r01_payments.py`, and here in the long run."""
ALL = (*PAYING, *POINTS)
UNLUCKY = 1
"""A seed on whose day an answer of the till is lost and another is never given: every line is reached."""


def world_of(home: Path, seed: int, make: type[PayWorld] = PayWorld, **options: Any) -> PayWorld:
    """A world in a folder, whose till loses some answers."""
    fate = SeededFate(seed, kinds=HARD, most=1, share=0.4)
    till, books = Till(home / "till"), FileBooks(home / "books")
    return make(home, till=till, till_fate=fate, books=books, seed=seed, **options)


_KNOWN: dict[int, Counter[str]] = {}


def hits_of(folder: Path, seed: int) -> Counter[str]:
    """How often each line is reached on a day on which nobody dies: the same day for every line."""
    if seed not in _KNOWN:
        _KNOWN[seed] = _counted(folder, seed)
    return _KNOWN[seed]


def _counted(folder: Path, seed: int) -> Counter[str]:
    count, home = Counting(), fresh(folder, "count")
    world = world_of(home, seed, crash_point=count)
    live(world, Source(day()))
    world.close()
    shutil.rmtree(home)
    return count.hits


def crash_and_recover(folder: Path, point: str, seed: int, maker: Any = world_of) -> None:
    """One death at one line, and what came of it."""
    hits = hits_of(folder, seed)[point]
    assert hits, f"{point} is never reached (seed {seed})"
    nth = random.Random(f"{seed}:{point}").randint(1, hits)
    home, story = fresh(folder, "life"), f"{point} no. {nth}, seed {seed}"

    def life() -> None:
        clock = SimClock()
        world = maker(home, seed, clock=clock, crash_point=Dying(point, nth, clock, home / "clock"))
        live(world, Source(day(), home / "answered"))

    assert DIED == in_child(life), story
    world = maker(home, seed + 1_000_000, clock=time_of_death(home / "clock"))
    try:
        recover(world, Source(day(), home / "answered"))
        assert [] == judge(world), story
        # Whoever died, P4 was paid in cash and at the till; which of them counts is who was told of first.
        first = states(world)["P4"]
        assert awaited(world, ENDS | {"P4": first}) == states(world), story
        assert LAST[ONE] == shown(world)[ONE], story
        assert {"P2": "paid", "P4": "paid" if first == "paid" else "unpaid"} == shown(world)[TWO][0], story
        assert first in ("paid", "paid_at_counter"), story
        assert TASKS <= tasks(world, TaskKind.PAID_TWICE, TaskKind.REFUND_TOO_MUCH), story
    finally:
        world.close()
        shutil.rmtree(home)


ENDS = {"P1": "partly_refunded", "P2": "paid", "P3": "paid", "P4": "paid_at_counter", "P5": "failed"}
"""Whatever happens on the way, the day ends so."""
LAST = {ONE: ({"P1": "paid", "P3": "paid"}, "portal"), TWO: ({"P2": "paid", "P4": "unpaid"}, "portal")}
"""What the portal shows then: the source itself never said that anything was paid."""
TASKS = {("P4", TaskKind.PAID_TWICE), ("P1", TaskKind.REFUND_TOO_MUCH)}


@pytest.mark.parametrize("point", POINTS)
def test_p02_crash_in_the_life_of_a_payment(folder: Path, point: str) -> None:
    """A process that ends at any named line of a payment's life loses no money, and tells and pays back none twice."""
    crash_and_recover(folder, point, UNLUCKY)


def test_every_line_of_a_payment_is_reached(folder: Path) -> None:
    """The counter behind the walk: each named line is reached on that day."""
    assert set() == set(ALL) - set(hits_of(folder, UNLUCKY))


# -- broken ones ----------------------------------------------------------------------------------------------------


class Forgetful(PayWorld):
    """A ledger that does not tell what was paid."""

    def open(self) -> None:
        super().open()
        self.ledger.payments.news.settled = lambda *_args, **_facts: None  # type: ignore[method-assign]


class NeverAsks(TillAdapter):
    """Says of whatever is asked that it is not there."""

    def ask(self, delivery: Delivery) -> Attempt:
        again = Unreachable(reason="not there", retry_after=timedelta(), is_down=False)
        return Attempt(outcome=again)


def test_untold_payment_is_caught(folder: Path) -> None:
    """The judge that the sound ledger passes finds a success that nobody was told."""
    with pytest.raises(AssertionError, match="told 0 times"):
        crash_and_recover(folder, "hear.after", UNLUCKY, maker=partial(world_of, make=Forgetful))


def test_order_opened_twice_is_caught(folder: Path) -> None:
    """And one that opens a second order because it never asked about the first."""
    world = world_of(fresh(folder, "rash"), UNLUCKY)
    rash = NeverAsks(world.till, world.clock, SeededFate(1, kinds=("lost_after",), most=1, share=1))
    world.partners[TILL] = PartnerWork(adapter=rash)
    world.dispatcher = world.worker("w1")
    live(world, Source(day()))

    assert any("opened twice" in each for each in judge(world))
    assert any("never asked about" in each for each in judge(world))
    world.close()


@pytest.mark.soak
@pytest.mark.parametrize("point", ALL)
def test_p02_crash_in_the_life_of_a_payment_with_fifty_seeds(folder: Path, point: str) -> None:
    """The same with the first fifty seeds on whose day the line is reached."""
    reached = (seed for seed in itertools.count(2) if hits_of(folder, seed)[point])
    for seed in itertools.islice(reached, 50):
        crash_and_recover(folder, point, seed)
