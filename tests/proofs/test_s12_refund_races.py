"""S12, refunds: whoever asks, agrees, pays, loses an answer or resolves at once, no payment is paid back beyond itself.

A race is one payment at which everybody pulls: a source and two persons ask for parts of it, others agree or say no,
accounting pays by transfer, workers carry, askers ask, and the gateway answers, delays, loses and refuses as chance has
it. Some payments were told with a wrong amount first, and part of it was asked back before the right word came: still
one transaction. Two processes' ledgers share one file, each with threads of its own. The judge is the gateway's drawer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.errors import NotAllowedNow
from bus.messages import Delivery
from bus.payments import Told, Verdict
from bus.refund_rules import RefundState
from bus.upkeep import verify
from tests.memory import own_folder
from tests.till_kit import AMOUNT, TILL, Drawer, TillWorld, refund_event
from tests.world import SimClock

FATES = ("ok", "ok", "ok", "pending", "refuse", "lost_before", "lost_after", "blind_before", "blind_after", "down",
         "offline", "unmappable")  # fmt: skip
ROUND = 5
"""Payments of one town, at which everybody pulls at once."""
HOURS = 3
TURNS = 12
"""What each thread does between two leaps of the clock."""
SHORT, LONG = 8, 2_000
"""Rounds in `make test`, and in `make soak`: ten thousand races."""


class Chance:
    """What the gateway does with each call: of a seed, whoever calls."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self.is_calm = False

    def __call__(self, delivery: Delivery) -> str:
        if self.is_calm:
            return "ok"
        with self._lock:
            return self._dice.choice(FATES)


class Town:
    """Two processes' worlds over one file, and payments that everybody pulls at."""

    def __init__(self, folder: Path, seed: int, maker: Callable[..., TillWorld] = TillWorld) -> None:
        self.chance, self.seed = Chance(seed), seed
        clock, drawer = SimClock(), Drawer()
        above = random.Random(seed).choice((0, 0, AMOUNT // 4))
        options: dict[str, Any] = {"fate": self.chance, "clock": clock, "drawer": drawer, "approval_above": above}
        self.worlds = [maker(folder, **options) for _ in range(2)]
        self.drawer, self.clock = drawer, clock
        first = self.worlds[0]
        self.tasks: dict[int, int] = {}
        """Payment → the task that told of its transaction's money before its success did."""
        self.payments = [self._paid(first, n) for n in range(ROUND)]
        self.references = {payment: first.reference(payment) for payment in self.payments}

    def _paid(self, world: TillWorld, n: int) -> int:
        """Paid; two of five after a wrong amount of the same transaction, that one names it and the other does not."""
        payment = world.requested(f"P{n}", dossier=f"H99.09-260703-{n:04d}")
        reference = world.reference(payment)
        if n in (1, 2):
            transaction = f"T-{reference}" if n == 1 else None
            wrong = Told(partner=TILL, reference=reference, verdict=Verdict.PAID, via="callback", amount=AMOUNT // 2,
                         transaction=transaction)  # fmt: skip
            world.ledger.payments.hear(wrong)
            self.tasks[payment] = world.rows("SELECT id FROM payment_tasks WHERE payment = ?", payment)[0][0]
            world.ask_refund(payment, AMOUNT // 4, task=self.tasks[payment])
        world.pay(reference)
        return payment

    def close(self) -> None:
        for world in self.worlds:
            world.close()

    def race(self) -> None:
        """Everybody pulls, time passes, banks pay; and again."""
        dice = random.Random(f"town {self.seed}")
        for hour in range(HOURS):
            threads = [
                threading.Thread(target=self._pull, args=(world, random.Random(f"{self.seed}:{hour}:{n}")))
                for n, world in enumerate(self.worlds * 2)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self._banks_pay(dice)
            self.clock.sleep(timedelta(hours=1).total_seconds())

    def _banks_pay(self, dice: random.Random) -> None:
        """Some of what the gateway took without paying is paid now."""
        kept = {refund.key: refund for refund in self.refunds() if refund.key in self.drawer.taken}
        for key, refund in kept.items():
            if dice.random() < 0.5:
                self.drawer.pay_back(self.references[refund.payment], key, refund.amount)

    def _pull(self, world: TillWorld, dice: random.Random) -> None:
        acts = (self._ask, self._ask, self._tell, self._agree, self._agree, self._agree, self._decline, self._transfer,
                self._carry, self._carry, self._inquire)  # fmt: skip
        for _ in range(TURNS):
            with suppress(NotAllowedNow):
                dice.choice(acts)(world, dice)

    # -- what each does -----------------------------------------------------------------------------------------

    def _ask(self, world: TillWorld, dice: random.Random) -> None:
        amount = dice.choice((AMOUNT, AMOUNT // 2, dice.randint(1, AMOUNT)))
        payment, offline = dice.choice(self.payments), dice.random() < 0.2
        task = self.tasks.get(payment) if dice.random() < 0.5 else None
        world.ask_refund(payment, amount, dice.choice(("an", "binh")), is_offline=offline, task=task)

    def _tell(self, world: TillWorld, dice: random.Random) -> None:
        n, name = dice.randrange(ROUND), f"R{dice.randrange(4)}"
        amount, dossier = dice.randint(1, AMOUNT), f"H99.09-260703-{n:04d}"
        world.accept(refund_event(f"P{n}", name, amount, id=f"e{dice.random()}", dossier=dossier))

    def _one(self, world: TillWorld, dice: random.Random, state: RefundState) -> int | None:
        rows = world.rows("SELECT id FROM refunds WHERE state = ? ORDER BY id DESC LIMIT 20", state)
        return dice.choice(rows)[0] if rows else None

    def _agree(self, world: TillWorld, dice: random.Random) -> None:
        if (number := self._one(world, dice, RefundState.REQUESTED)) is not None:
            world.approve(number, dice.choice(("an", "binh", "chi")))

    def _decline(self, world: TillWorld, dice: random.Random) -> None:
        state = dice.choice((RefundState.REQUESTED, RefundState.APPROVED))
        if (number := self._one(world, dice, state)) is not None:
            world.write(lambda tx: world.refunds.reject(tx, number, account="chi", reason="no"))

    def _transfer(self, world: TillWorld, dice: random.Random) -> None:
        if (number := self._one(world, dice, RefundState.APPROVED)) is not None:
            world.write(lambda tx: world.refunds.record_offline(tx, number, document="UNC-1", account="an"))

    def _carry(self, world: TillWorld, dice: random.Random) -> None:
        world.dispatcher.run_once(limit=dice.randint(1, 8))

    def _inquire(self, world: TillWorld, dice: random.Random) -> None:
        world.asker.ask(TILL)

    # -- the end ------------------------------------------------------------------------------------------------

    def refunds(self) -> list[Any]:
        """Every refund as it stands."""
        world = self.worlds[0]
        return [world.refunds.get(number) for (number,) in world.rows("SELECT id FROM refunds ORDER BY id")]

    def come_to_rest(self) -> None:
        """The gateway is well again; what nobody can be asked about is resolved by its books."""
        self.chance.is_calm = True
        world = self.worlds[0]
        for refund in self.refunds():
            if refund.key in self.drawer.taken:
                self.drawer.pay_back(self.references[refund.payment], refund.key, refund.amount)
        for _ in range(12):
            world.run(2)
            world.asker.ask(TILL)
            self.clock.sleep(timedelta(hours=1).total_seconds())
        for refund in self.refunds():
            how = "refunded" if refund.key in self.drawer.back else "rejected"
            with suppress(NotAllowedNow):
                world.write(
                    lambda tx, n=refund.id, how=how: world.refunds.resolve(
                        tx, n, how, account="dung", reason="by the books"
                    )
                )

    def overdrawn(self) -> list[str]:
        """Payments of which more was paid back, or promised, than was paid; and where the ledger counts wrongly."""
        found, refunds = [], self.refunds()
        for payment, reference in self.references.items():
            own = [refund for refund in refunds if refund.payment == payment]
            by_transfer = sum(refund.amount for refund in own if refund.state is RefundState.OFFLINE)
            by_gateway = self.drawer.paid_back(reference)
            taken = sum(refund.amount for refund in own if refund.state is not RefundState.REJECTED)
            if by_gateway + by_transfer > AMOUNT or taken > AMOUNT:
                found.append(f"payment {payment}: {by_gateway} and {by_transfer} paid back, {taken} taken of {AMOUNT}")
        return found

    def miscounted(self) -> list[str]:
        """Payments whose drawer and ledger do not say the same, after everything came to rest."""
        found, refunds, world = [], self.refunds(), self.worlds[0]
        for payment, reference in self.references.items():
            own = [refund for refund in refunds if refund.payment == payment]
            by_ledger = sum(refund.amount for refund in own if refund.state is RefundState.REFUNDED)
            # What a task gave back before the success was told is no refund of the fee's own.
            by_transfer = sum(each.amount for each in own if each.state is RefundState.OFFLINE and each.task is None)
            if self.drawer.paid_back(reference) != by_ledger:
                found.append(
                    f"payment {payment}: {by_ledger} refunded, {self.drawer.paid_back(reference)} in the drawer"
                )
            if world.payment(payment)[1] != by_ledger + by_transfer:
                found.append(f"payment {payment}: it says {world.payment(payment)}")
        return found

    def seen_alone(self) -> list[str]:
        """Refunds that one person asked for and agreed to."""
        return [refund.name for refund in self.refunds() if refund.approved_by == refund.requested_by]


def run_rounds(folder: Path, seeds: range) -> None:
    for seed in seeds:
        home = folder / str(seed)
        home.mkdir()
        town = Town(home, seed)
        try:
            town.race()
            midway = town.overdrawn()
            town.come_to_rest()
            found = [*midway, *town.overdrawn(), *town.miscounted(), *town.seen_alone()]
            assert [] == found, f"seed {seed}: {found}"
            assert [] == list(verify(town.worlds[0].ledger)), f"seed {seed}"
        finally:
            town.close()


def test_p14_refunds_never_exceed_payments(folder: Path) -> None:
    """Refunds asked for, agreed to, carried, lost and resolved at once in two processes never exceed what was paid."""
    run_rounds(folder, range(SHORT))


@pytest.mark.soak
def test_p14_refunds_never_exceed_payments_in_ten_thousand_races(tmp_path: Path) -> None:
    """The same in ten thousand random races."""
    for first in range(0, LONG, 10):
        with own_folder(tmp_path) as folder:
            run_rounds(folder, range(first, first + 10))


# -- the proof proves something --------------------------------------------------------------------------------------


def test_unchecked_sum_is_caught(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that forgets to look at the sum is found out by the drawer."""
    monkeypatch.setattr("bus.refund_desk.too_much", lambda money, wanted: None)
    monkeypatch.setattr("bus.refunds.too_much", lambda money, wanted: None)
    town = Town(folder, 1)
    town.chance.is_calm = True
    for _ in range(2):
        town.worlds[0].approve(town.worlds[0].ask_refund(town.payments[0], AMOUNT).id)
    town.come_to_rest()

    assert 1 == len(town.overdrawn())
    town.close()


def test_two_pools_of_one_transaction_are_caught(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that counts what a task gave back apart from the success of the same transaction is found out."""
    monkeypatch.setattr("bus.refund_desk.is_same_money", lambda attempt, asked, of, transaction: asked == transaction)
    monkeypatch.setattr("bus.refund_desk.transaction_named", lambda attempt, cause, transaction: cause or "")
    town = Town(folder, 1)
    town.worlds[0].ask_refund(town.payments[1], AMOUNT)

    assert 1 == len(town.overdrawn())
    town.close()


def test_fresh_keys_are_caught(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refund whose answer was lost, and that went again under another key, is found out: it was paid twice."""
    count = iter(range(1_000_000))
    pay_back = Drawer.pay_back

    def under_another_key(self: Drawer, reference: str, key: str, amount: int) -> None:
        pay_back(self, reference, f"{key}-{next(count)}", amount)

    monkeypatch.setattr(Drawer, "pay_back", under_another_key)
    town = Town(folder, 1)
    town.worlds[0].till.fate = lambda delivery: "lost_after"
    town.worlds[0].approve(town.worlds[0].ask_refund(town.payments[0], AMOUNT).id)
    town.worlds[0].run()
    town.worlds[0].till.fate = lambda delivery: "ok"
    town.come_to_rest()

    assert 1 == len(town.overdrawn())
    town.close()
