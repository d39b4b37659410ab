"""What `asking.py` asks of gateways: whether an open payment was paid, and what became of a refund that they took."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bus.claiming import Claimed, open_claimed
from bus.engines.sqlite import Tx
from bus.ledger import Ledger
from bus.messages import Attempt, Awaiting, Decision, Delivered, Delivery, Refused, State
from bus.payment_standing import standing_of
from bus.refund_rules import RefundState

AGAIN: Final = timedelta(hours=1)
"""How long a refund rests where the gateway named no time, or did not answer: banks take days."""


class PaymentQuestions:
    """Attempts of one ledger that are open, or were given up lately: a success may come late."""

    name: Final = "payment"

    def __init__(self, ledger: Ledger) -> None:
        self._book = ledger.payments

    def load(self, number: int) -> Delivery | None:
        """The delivery that opened it; None where there is nothing left to ask with."""
        return self._book.load(number)

    def answered(self, delivery: Delivery, attempt: Attempt, *, worker: str, started_at: datetime) -> str | None:
        """Write down what the gateway says of it."""
        return self._book.answered(delivery, attempt, worker=worker, started_at=started_at)

    def end(self, now: datetime) -> int:
        """Payments whose time is over; how many."""
        return self._book.expire_due(now)


class RefundQuestions:
    """Refunds of one ledger that are pending."""

    name: Final = "refund"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def load(self, number: int) -> Delivery | None:
        """The delivery that carries it; None once it is settled."""
        tx = self._ledger.engine.read()
        refund = self._ledger.refund_desk.get(tx, number)
        row = tx.one("load_claimed", refund.delivery)
        if row is None or refund.state is not RefundState.PENDING or State(row[3]) is not State.AWAITING:
            return None
        assert refund.attempt is not None
        payment = standing_of(tx, refund.attempt, self._ledger.refund_desk.standing_of(tx, row[0]))
        claimed = Claimed(row=row, fence=-1, is_probe=False, until=0, payment=payment)
        return replace(open_claimed(claimed, self._ledger.bodies, is_shadow=False), leased_until=None)

    def answered(self, delivery: Delivery, attempt: Attempt, *, worker: str, started_at: datetime) -> str | None:
        """Write down what the gateway says of it; whatever is no yes and no no leaves it pending."""
        decision = _decision(attempt, started_at)

        def then(tx: Tx, at: int) -> None:
            self._ledger.refund_desk.settled(tx, delivery.id, decision, attempt, at, worker)

        asked = (delivery, attempt, decision)
        return self._ledger.settle_beside(*asked, worker=worker, started_at=started_at, then=then)

    def end(self, now: datetime) -> int:
        """Nothing ends by itself: a refund that stays pending is a person's."""
        return 0


def _decision(attempt: Attempt, now: datetime) -> Decision:
    match attempt.outcome:
        case Delivered():
            return Decision(state=State.DELIVERED, due_at=None, cause="delivered", blocks=False)
        case Refused(code=code, reason=reason):
            return Decision(state=State.REFUSED, due_at=None, cause="refused", reason=f"{code}: {reason}", blocks=False)
        case Awaiting(ask_at=ask_at):
            return Decision(state=State.AWAITING, due_at=ask_at, cause="awaiting", blocks=False)
        case outcome:
            # "Not there" too: it was there when the gateway took it, and is never sent again by itself.
            return Decision(
                state=State.AWAITING, due_at=now + AGAIN, cause="awaiting", reason=outcome.reason, blocks=False
            )
