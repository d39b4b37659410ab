"""R17 for money: in whatever order citizens pay, gateways tell and persons act, payments agree with a small model.

The model knows what was paid at the gateway and what was told of the counter, and nothing of how the ledger hears it.
At the end everybody has spoken: each đồng that was paid there is accounted for here, once, or a person was asked.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bus.errors import NotAllowedNow
from bus.payments import AttemptState, PaymentState, Via
from tests.memory import MEMORY
from tests.payment_kit import AMOUNT, PayWorld, counter_event, payment_event

NAMES = ("P0", "P1")
WHO: dict[str, Any] = {"account": "an", "reason": "state machine"}
VIAS: tuple[Via, ...] = ("callback", "callback", "query", "settlement", "person")
FATES = ("ok", "ok", "refuse", "down", "lost_before", "lost_after", "paid_first", "blind")


class Money(RuleBasedStateMachine):
    """A world, and beside it what was really paid."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="lienthong-", dir=MEMORY if MEMORY.is_dir() else None))
        self.fate = "ok"
        self.world = PayWorld(self.home, fate=lambda _delivery: self.fate)
        self.asked: set[str] = set()
        self.counter: set[str] = set()
        self.words: list[Any] = []
        """Everything that the gateway ever said: it may say it again at any time."""

    def teardown(self) -> None:
        try:
            self._everybody_has_spoken()
        finally:
            self.world.close()
            shutil.rmtree(self.home)

    # -- what happens -------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES))
    def ask_for(self, name: str) -> None:
        """A source asks for a payment, perhaps again."""
        self.world.record(payment_event(name))
        self.asked.add(name)

    @rule(fate=st.sampled_from(FATES))
    def work(self, fate: str) -> None:
        """The worker carries what is due, and the gateway does this."""
        self.fate = fate
        self.world.run(2)
        self.fate = "ok"

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), second=st.booleans())
    def pay(self, data: st.DataObject, second: bool) -> None:
        """The citizen pays an order that is open at the gateway; perhaps twice."""
        if orders := sorted({line[0] for line in self.world.till.lines("opened")}):
            reference = data.draw(st.sampled_from(orders))
            self.world.pay(reference, transaction=f"T2-{reference}" if second else None)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """The citizen gives up at the gateway's page."""
        if orders := sorted({line[0] for line in self.world.till.lines("opened")}):
            self.world.fail(data.draw(st.sampled_from(orders)))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), via=st.sampled_from(VIAS), times=st.integers(1, 3))
    def gateway_tells(self, data: st.DataObject, via: Via, times: int) -> None:
        """What the gateway has in its books of an order reaches us, this way, so many times."""
        orders = sorted({line[0] for line in self.world.till.lines("opened")})
        if orders:
            word = self.world.gate.word(data.draw(st.sampled_from(orders)), via)
            self.words.append(word)
            self.world.ledger.payments.hear_many([word] * times)

    @precondition(lambda self: self.words)
    @rule(data=st.data())
    def an_old_word_again(self, data: st.DataObject) -> None:
        """A word of before, told again much later."""
        self.world.ledger.payments.hear(data.draw(st.sampled_from(self.words)))

    @precondition(lambda self: self.asked)
    @rule(name=st.sampled_from(NAMES), amount=st.sampled_from((1, AMOUNT - 1, AMOUNT * 2)))
    def wrong_amount(self, name: str, amount: int) -> None:
        """A word of a success with an amount that is not what is due."""
        if name in self.asked:
            self.world.hear(self.world.reference(name), verdict="paid", amount=amount, transaction=f"W-{amount}")

    @rule(name=st.sampled_from(NAMES))
    def at_the_counter(self, name: str) -> None:
        """It is paid at the counter, whether or not anybody asked for it."""
        if name in self.asked:
            self.world.record(counter_event(name))
            self.counter.add(name)

    @rule(hours=st.sampled_from((0.02, 1, 12, 30)))
    def time_passes(self, hours: float) -> None:
        """Time passes, with its questions and its ends."""
        self.world.pass_time(hours=hours)

    @precondition(lambda self: self.asked)
    @rule(name=st.sampled_from(NAMES), verb=st.sampled_from(("ask_now", "try_again")))
    def a_person_acts(self, name: str, verb: str) -> None:
        """A person has it asked about, or tried again, where that is allowed."""
        if name in self.asked:
            call, number = getattr(self.world.ledger.payments, verb), self.world.number(name)
            with contextlib.suppress(NotAllowedNow):
                self.world.ledger.engine.write(lambda tx: call(tx, number, **WHO))

    # -- what holds ---------------------------------------------------------------------------------------------

    @invariant()
    def one_effect(self) -> None:
        """At every moment: a payment counts one attempt at most, which is paid at the gateway, and was told once."""
        rows = self.world.rows(
            "SELECT p.state, a.state, a.reference, (SELECT count(*) FROM payment_news w "
            "JOIN events e ON e.id = w.event WHERE w.payment = p.id AND e.kind = 'payment.settled') FROM payments p "
            "LEFT JOIN payment_attempts a ON a.id = p.paid_attempt"
        )
        paid = self.world.till.paid()
        for state, attempt, reference, settled in rows:
            assert (attempt is not None) == PaymentState(state).is_paid
            assert attempt in (None, "paid")
            assert reference is None or reference in paid
            assert settled == (0 if attempt is None else 1)

    @invariant()
    def open_together(self) -> None:
        """An attempt is open only while its payment is, and only the newest."""
        for payment, state, n, last in self.world.rows(
            "SELECT payment_state, state, n, last FROM attempts_known "
            "WHERE state IN ('created', 'unknown', 'open', 'pending')"
        ):
            assert PaymentState(payment).is_open
            assert n == last, state

    def _everybody_has_spoken(self) -> None:
        """The gateway answers every question and its settlement names all orders: nothing paid there is lost here."""
        world = self.world
        world.live_on(80)
        orders = sorted({line[0] for line in world.till.lines("opened")})
        world.ledger.payments.hear_many([world.gate.word(order, "settlement") for order in orders])
        world.run()
        world.judged()
        states = dict(world.rows("SELECT reference, state FROM payment_attempts"))
        assert {AttemptState.PAID.value} >= {states[reference] for reference in world.till.paid()}
        for name in self.asked:
            self._accounted_for(name)

    def _accounted_for(self, name: str) -> None:
        world, number = self.world, self.world.number(name)
        references = {row[0] for row in world.rows("SELECT reference FROM payment_attempts WHERE payment = ?", number)}
        paid = len(references & world.till.paid().keys())
        state = PaymentState(world.rows("SELECT state FROM payments WHERE id = ?", number)[0][0])
        tasks = {row[0] for row in world.rows("SELECT kind FROM payment_tasks WHERE payment = ?", number)}
        assert not state.is_open
        assert state.is_paid or paid == 0 or (name in self.counter and "paid_twice" in tasks)
        assert paid < 2 or tasks & {"double_payment", "paid_twice"}
        assert not (paid and name in self.counter) or "paid_twice" in tasks


def test_p14_payments_against_what_was_paid() -> None:
    """Random lives of payments: one effect for each, told once; every payment at the gateway is here, or a task."""
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
