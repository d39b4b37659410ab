"""R17 with payments among all else: whatever comes, in whatever order and however often, money counts once and stays.

The random lives of the ledger (`test_r17_state_machine.py`), with a till beside the partner: payments are asked for,
opened, paid, called back late and twice and wrongly, asked about, found in a settlement, paid at the counter, paid
back. After each step what once was paid still is, and whoever was told of it was told once; the partner's own lanes,
numbers and books stay as true as without any payments.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from bus.messages import PAID_AT_COUNTER, REFUND_REQUESTED, Contradicted, Event, Recorded, Repeated
from bus.payments import PAID_PAYMENTS, Effect, PaymentState
from tests.builders import NOON, make_payment
from tests.proofs.payments_kit import PayWorld, Plan, Till, asked, judge
from tests.proofs.test_r17_state_machine import ROOMY, Bus
from tests.world import World

NOBODY: dict[str, Plan] = {}
HARD = ("ok", "ok", "ok", "lost_before", "lost_after", "down", "busy")
AMOUNT = 75_000


class Lonely(PayWorld):
    """A world in which nobody pays by himself, and the till tells nothing unasked."""

    def pay(self) -> int:
        return 0


class PayBus(Bus):
    """A bus with a till, and beside it what was paid."""

    step_class = "idempotent"

    def make_world(self, **options: Any) -> World:
        self.till_fate = "ok"
        self.pay_world = Lonely(**options, till_fate=lambda _delivery: self.till_fate, plans=NOBODY)
        self.asked_for: list[Event] = []
        self.seen: dict[str, str] = {}
        self.count = 0
        return self.pay_world

    @property
    def till(self) -> Till:
        """The gateway's books."""
        return self.pay_world.till

    # -- what sources do ----------------------------------------------------------------------------------------

    @rule(n=st.integers(0, 1))
    def ask_for_money(self, n: int) -> None:
        """A payment of one fee."""
        event = asked(f"P{len(self.asked_for)}", f"H99.09-260703-000{n}", 0)
        (answer,) = self.world.accept(event)
        assert isinstance(answer, Recorded)
        self.asked_for.append(event)

    @precondition(lambda self: self.asked_for)
    @rule(which=st.integers(0, 99), is_other=st.booleans())
    def ask_again(self, which: int, is_other: bool) -> None:
        """The same event again is a repeat; the same payment's name for something else changes nothing."""
        event = self.asked_for[which % len(self.asked_for)]
        told = asked(event.data["payment"], event.dossier, 5) if is_other else event
        (answer,) = self.world.accept(told)
        assert isinstance(answer, Contradicted if is_other else Repeated)

    @precondition(lambda self: self.asked_for)
    @rule(which=st.integers(0, 99), amount=st.sampled_from((AMOUNT, AMOUNT, AMOUNT - 1)))
    def pay_at_counter(self, which: int, amount: int) -> None:
        """It was paid in cash, says its source."""
        self._about(which, PAID_AT_COUNTER, amount=amount)

    @precondition(lambda self: self.asked_for)
    @rule(which=st.integers(0, 99), amount=st.sampled_from((1, 30_000, 50_000, AMOUNT, AMOUNT + 1)))
    def ask_back(self, which: int, amount: int) -> None:
        """Money is asked back."""
        self._about(which, REFUND_REQUESTED, amount=amount, refund=f"R{self.count}")

    def _about(self, which: int, kind: str, **data: Any) -> None:
        self.count += 1
        event, at = self.asked_for[which % len(self.asked_for)], NOON + timedelta(hours=1)
        told = {"dossier": event.dossier, "payment": event.data["payment"], "id": f"about-{self.count}"}
        self.world.accept(make_payment(kind, at=at, **told, **data))

    # -- what the till and its payers do ------------------------------------------------------------------------

    def _orders(self, *states: str) -> list[str]:
        return [reference for reference, order in self.till.orders.items() if order.state in states]

    @precondition(lambda self: self._orders("open"))
    @rule(which=st.integers(0, 99), result=st.sampled_from(("paid", "paid", "failed")))
    def somebody_pays(self, which: int, result: str) -> None:
        """At the till; nobody is told yet."""
        references = self._orders("open")
        reference = references[which % len(references)]
        self.till.write(result, reference, f"GD{reference[-12:]}")

    @precondition(lambda self: self.till.orders)
    @rule(which=st.integers(0, 99), times=st.integers(1, 3), via=st.sampled_from(("callback", "settlement", "person")))
    def till_tells(self, which: int, times: int, via: str) -> None:
        """By itself, in a file, or to a person; once or several times."""
        references = list(self.till.orders)
        told = self.till.told(references[which % len(references)], via)
        for heard in [self.pay_world.ledger.payments.hear(told) for _ in range(times)][1:]:
            assert heard.effect in (Effect.REPEATED, Effect.NOTHING, Effect.DOUBLE, Effect.CONTRADICTED)

    @precondition(lambda self: self._orders("paid"))
    @rule(which=st.integers(0, 99), lie=st.sampled_from(("amount", "currency", "reference", "transaction")))
    def till_tells_wrongly(self, which: int, lie: str) -> None:
        """Another amount, currency or order, or a second transaction, changes nothing; a person is asked."""
        paid = self._orders("paid")
        told, before = self.till.told(paid[which % len(paid)], "callback"), self._standing()
        wrong = {"amount": AMOUNT - 1, "currency": "USD", "reference": "TT000000000000000000", "transaction": "GD2"}
        if lie == "transaction" and before[told.reference][0] != "paid":
            return  # the first one told would be believed: the till signs what it says
        heard = self.pay_world.ledger.payments.hear(replace(told, **{lie: wrong[lie]}))
        assert before == self._standing()
        assert heard.tasks

    def _standing(self) -> dict[str, tuple[Any, ...]]:
        sql = """SELECT a.reference, a.state, a.transaction_id, p.state, p.paid_attempt, p.refunded
            FROM payment_attempts a JOIN payments p ON p.id = a.payment"""
        return {row[0]: row[1:] for row in self.pay_world.rows(sql)}

    @rule(fate=st.sampled_from(HARD), limit=st.integers(1, 5))
    def carry_to_the_till(self, fate: str, limit: int) -> None:
        """A worker carries what is due while the till is hard of hearing, or is well."""
        self.till_fate = fate
        self.world.dispatcher.run_once(limit)
        self.till_fate = "ok"

    @rule(fate=st.sampled_from(HARD))
    def ask_the_till(self, fate: str) -> None:
        """Questions that are due beside the lanes."""
        self.till_fate = fate
        self.pay_world.asker.run_once()
        self.till_fate = "ok"

    # -- what always holds --------------------------------------------------------------------------------------

    @invariant()
    def what_was_paid_stays_paid(self) -> None:
        """No word of anybody undoes a success, and cash stays cash."""
        now = dict(self.pay_world.rows("SELECT name, state FROM payments"))
        for name, state in self.seen.items():
            if PaymentState(state) in PAID_PAYMENTS:
                assert PaymentState(now[name]) in PAID_PAYMENTS, f"{name}: {state}, then {now[name]}"
            if state == PaymentState.PAID_AT_COUNTER:
                assert state == now[name], f"{name}: {state}, then {now[name]}"
        self.seen = now

    @invariant()
    def told_once(self) -> None:
        """Whoever is told of a success is told when it counts, and once."""
        sql = """SELECT p.name, p.paid_attempt, (SELECT count(*) FROM payment_news n JOIN events e ON e.id = n.event
            WHERE n.payment = p.id AND e.kind = 'payment.settled') FROM payments p"""
        for name, paid, told in self.pay_world.rows(sql):
            assert (paid is not None) == told, f"{name}: told {told} times"

    @invariant()
    def refunds_fit(self) -> None:
        """What is paid back, or may still be, is never more than what was paid."""
        sql = """SELECT p.name, p.amount, (SELECT ifnull(sum(r.amount), 0) FROM refunds r WHERE r.payment = p.id
            AND r.state <> 'rejected' AND r.task IS NULL) FROM payments p"""
        for name, amount, back in self.pay_world.rows(sql):
            assert back <= amount, f"{name}: {back} of {amount}"

    @invariant()
    def nobody_is_forgotten(self) -> None:
        """What is open at a gateway is asked about some day, or its delivery is still on its way."""
        sql = """SELECT a.reference, a.state, a.ask_at, d.state FROM payment_attempts a
            JOIN payments p ON p.id = a.payment LEFT JOIN deliveries d ON d.id = a.delivery
            WHERE p.state IN ('created', 'unknown', 'open', 'pending')
            AND a.n = (SELECT max(n) FROM payment_attempts l WHERE l.payment = p.id)"""
        for reference, state, ask_at, delivery in self.pay_world.rows(sql):
            is_on_its_way = delivery in ("waiting", "sending", "in_doubt", "held")
            assert ask_at is not None or is_on_its_way, f"{reference} {state} {delivery}"

    # -- the end ------------------------------------------------------------------------------------------------

    def _come_to_rest(self) -> None:
        super()._come_to_rest()
        for reference in self._orders("paid"):
            self.pay_world.call_back(reference)
        self.pay_world.calm(timedelta(hours=80))
        assert [] == judge(self.pay_world)


def test_p14_payments_among_all_else() -> None:
    """Random lives: a success counts once and stays, refunds fit, nothing is forgotten, and all books agree."""
    run_state_machine_as_test(PayBus, settings=settings(ROOMY, max_examples=8, stateful_step_count=30))


@pytest.mark.soak
def test_p14_hundred_thousand_steps() -> None:
    """The same with a hundred thousand steps."""
    run_state_machine_as_test(PayBus, settings=settings(ROOMY, max_examples=1_000, stateful_step_count=100))
