"""Where a payment's delivery stands, by what became of its attempt.

The delivery opens the payment at the gateway; what is told afterwards ends it, whoever tells. While a worker has it,
its state is left to that worker's settlement, which looks at the attempt again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bus.engines.sqlite import Tx
from bus.lanes import set_head
from bus.messages import Decision, State
from bus.moves import Move, MoveWriter
from bus.payments import AttemptState, Ending, PaymentState

ENDS: Final[dict[Ending, State]] = {
    "paid": State.DELIVERED,
    "payment_failed": State.CANCELLED,
    "payment_expired": State.CANCELLED,
    "paid_at_counter": State.CANCELLED,
}
FRESH: Final = "fresh_reference"
"""The gateway does not know the attempt: it goes again under another reference."""


def end(tx: Tx, moves: MoveWriter, delivery: int | None, cause: Ending, at: int, actor: str) -> None:
    """Nothing more is expected of it, unless a worker is at it now."""
    row = tx.one("delivery_stands", delivery)
    assert row is not None
    was, lane, partner, is_taken, blocks = State(row[0]), row[1], row[2], row[3], row[4]
    state = ENDS[cause]
    if is_taken or was is state or was is State.DELIVERED:
        return
    tx.run("move_delivery", state, cause, "", None, 0, at, delivery)
    move = Move(lane=lane, at=at, delivery=delivery, from_state=was, to_state=state, cause=cause, actor=actor)
    moves.add(tx, move, partner)
    if blocks:
        set_head(tx, lane, at)


def decided(decision: Decision, attempt: AttemptState, payment: PaymentState) -> Decision:
    """Where a settled delivery stands: its attempt knows more than the answer of one call."""
    match attempt:
        case AttemptState.PAID:
            return _ended("paid")
        case AttemptState.CLOSED:
            return _ended("paid_at_counter" if payment is PaymentState.PAID_AT_COUNTER else "paid")
        case AttemptState.EXPIRED:
            return _ended("payment_expired")
        case AttemptState.OPEN | AttemptState.PENDING:
            return _waits(decision)
        case AttemptState.FAILED | AttemptState.NOT_OPENED:
            is_no = decision.state is State.REFUSED
            return replace(decision, blocks=False) if is_no else _ended("payment_failed")
        case _:
            # Nobody knows yet. What the gateway spoke of, in words that do not fit, is asked about beside the lane.
            is_there = decision.state in (State.DELIVERED, State.AWAITING)
            return _waits(decision) if is_there else decision


def _ended(cause: Ending) -> Decision:
    return Decision(state=ENDS[cause], due_at=None, cause=cause, blocks=False)


def _waits(decision: Decision) -> Decision:
    return Decision(state=State.AWAITING, due_at=None, cause="awaiting", reason=decision.reason, blocks=False)
