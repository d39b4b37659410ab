"""R1 and R4 for money: a process that ends at any named line, two processes at once, and random lives.

Judged by the gateway's own books: what was paid there is paid here once, told once, and no reference was opened twice.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from bus.crash_points import PAYING
from bus.messages import Delivery
from bus.payments import Effect
from bus.ports import CrashPoint, no_crash
from tests.builders import NOON
from tests.payment_kit import AMOUNT, PayWorld, payment_event, record_event
from tests.proofs.kit import DIED, Counting, Dying, fresh, in_child, time_of_death
from tests.world import SimClock

DOSSIERS = [f"H99.09-260703-010{n}" for n in range(4)]
FATES = {DOSSIERS[1]: "lost_before", DOSSIERS[2]: "lost_after"}


def fate(delivery: Delivery) -> str:
    """The second dossier's first answer is lost before it arrived, the third's after it."""
    is_first = delivery.payment is not None and delivery.payment.n == 1 and not delivery.is_unanswered
    return FATES.get(delivery.event.dossier, "ok") if is_first else "ok"


def made(folder: Path, crash_point: CrashPoint = no_crash, clock: SimClock | None = None) -> PayWorld:
    return PayWorld(folder, fate=fate, crash_point=crash_point, clock=clock)


def live(world: PayWorld) -> None:
    """A day at the gateway: four payments; two are paid, one is called back, one expires. Safe to live again."""
    for n, dossier in enumerate(DOSSIERS):
        world.record(record_event(dossier=dossier))
        world.record(payment_event(f"P{n}", dossier=dossier, expires_at=NOON.replace(hour=18).isoformat()))
    world.run()
    world.pass_time(minutes=1)
    for name in ("P0", "P2"):
        while not world.till.has(reference := world.reference(name)):
            world.live_on(1)  # nobody can pay what was not opened
        if reference not in world.till.paid():
            world.pay(reference)
    world.call_back(world.reference("P0"))
    world.call_back(world.reference("P0"))
    world.live_on(12)
    world.run()


def judged(world: PayWorld, story: str) -> None:
    world.judged()
    states = dict(world.rows("SELECT name, state FROM payments"))
    assert {"P0": "paid", "P1": "expired", "P2": "paid", "P3": "expired"} == states, story
    opened = Counter(line[0] for line in world.till.lines("opened"))
    assert [] == [reference for reference, count in opened.items() if count > 1], story
    heard = Counter((line[1], line[2]["payment"]) for line in world.ear.heard() if line[1].startswith("payment."))
    wanted = {("payment.settled", "P0"): 1, ("payment.settled", "P2"): 1, ("payment.expired", "P1"): 1}
    assert wanted.items() <= heard.items(), story
    assert {"paid"} == {
        line[2]["fees"][0]["state"] if not line[3] else line[3][0] for line in world.portal.heard()[-1:]
    }, story


def hits_of(folder: Path) -> Counter[str]:
    count = Counting()
    world = made(fresh(folder, "count"), count)
    live(world)
    judged(world, "nobody dies")
    world.close()
    return count.hits


def test_every_line_of_paying_is_reached(folder: Path) -> None:
    """The counter behind the walk: on this day every named line is reached."""
    assert set(PAYING) <= set(hits_of(folder))


@pytest.mark.parametrize("point", PAYING)
def test_p02_crash_where_money_is_written(folder: Path, point: str) -> None:
    """A process that ends at any named line leaves each payment with one effect, told once, and no second order."""
    home = fresh(folder, "life")

    def life() -> None:
        clock = SimClock()
        live(made(home, Dying(point, 1, clock, home / "clock"), clock))

    assert DIED == in_child(life), point
    world = made(home, clock=time_of_death(home / "clock"))
    live(world)
    judged(world, point)
    world.close()
    shutil.rmtree(home)


def test_p14_two_processes_hear_the_same(folder: Path) -> None:
    """Two processes are called back about one payment, each many times: one effect, one settled event."""
    world = made(folder)
    reference = world.open_payment("P9")
    world.pay(reference)
    child = os.fork()
    if child == 0:
        other = made(folder)
        effects = Counter(other.call_back(reference).effect for _ in range(40))
        other.close()
        os._exit(effects[Effect.RECORDED])
    effects = Counter(world.call_back(reference).effect for _ in range(40))
    _, status = os.waitpid(child, 0)
    world.run()

    assert 1 == effects[Effect.RECORDED] + os.waitstatus_to_exitcode(status)
    assert 80 == len(world.effects())
    assert AMOUNT == world.told("settled")["amount"]
    world.judged()
    world.close()
