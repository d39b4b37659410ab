"""Pure. What may be paid back, who must agree, and where a payment stands for it.

requested ──▶ approved ──▶ refunded          the gateway's yes
    │            │ ├─▶ pending ─▶ refunded | rejected
    │            │ ├─▶ unclear ─▶ refunded | rejected      asked, or by a person with evidence
    │            │ └─▶ offline                             paid back by accounting, with a document
    └────────────┴─▶ rejected                              what it took is free again
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from bus.messages import State
from bus.payments import PaymentState, TaskKind

NEEDS_APPROVAL: Final = "needs_approval"
OFFLINE: Final = "offline_refund"
REFUND_WAITS: Final = frozenset({NEEDS_APPROVAL, OFFLINE})
"""Causes for which a refund's delivery is held: another person is asked, or accounting pays back."""


class RefundState(StrEnum):
    """Where a refund stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    PENDING = "pending"
    """The gateway took it, and has not said yet what became of it."""
    UNCLEAR = "unclear"
    """Nobody here knows whether the gateway took it."""
    REFUNDED = "refunded"
    REJECTED = "rejected"
    OFFLINE = "offline"
    """Paid back by accounting; its document is named."""


UNDER_WAY: Final = frozenset({RefundState.APPROVED, RefundState.PENDING, RefundState.UNCLEAR})
"""Agreed to, and not over."""
DONE: Final = frozenset({RefundState.REFUNDED, RefundState.OFFLINE})
REFUNDABLE: Final = frozenset({PaymentState.PAID, PaymentState.REFUND_PENDING, PaymentState.PARTLY_REFUNDED})
"""States in which a payment's own money may be paid back."""
MONEY_TASKS: Final = frozenset({TaskKind.DOUBLE_PAYMENT, TaskKind.PAID_TWICE, TaskKind.WRONG_AMOUNT})
"""Tasks that tell of money which no success of ours accounts for: it goes back, and the fee stays as it is."""

_OF_DELIVERY: Final = {
    State.DELIVERED: RefundState.REFUNDED,
    State.AWAITING: RefundState.PENDING,
    State.IN_DOUBT: RefundState.UNCLEAR,
    State.REFUSED: RefundState.REJECTED,
    State.CANCELLED: RefundState.REJECTED,
    State.NOT_OURS: RefundState.REJECTED,
}


def state_after(delivery: State, was: RefundState) -> RefundState:
    """What a settled delivery says of the refund that it carries; one that waits or is held says nothing new."""
    return _OF_DELIVERY.get(delivery, was)


def payment_state(amount: int, refunded: int, *, is_under_way: bool) -> PaymentState:
    """Where a paid payment stands for its refunds."""
    if is_under_way:
        return PaymentState.REFUND_PENDING
    if refunded >= amount:
        return PaymentState.REFUNDED
    return PaymentState.PARTLY_REFUNDED if refunded else PaymentState.PAID


def wants_second_person(amount: int, taken: int, above: int) -> bool:
    """Whether another person must agree. What was asked for before counts too: a large refund in parts is still one."""
    return amount + taken > above


def transaction_named(attempt: int | None, cause: str | None, transaction: str | None) -> str:
    """The transaction that money of an attempt came by: its success's own, or what a task's cause names; empty where
    nobody named one. `transaction`: of the attempt's success."""
    is_unnamed = cause in (None, "", f"attempt {attempt}")
    return transaction or "" if is_unnamed else str(cause)


def is_same_money(attempt: int | None, transaction: str, other: int | None, of_other: str) -> bool:
    """Whether two refunds take from the same money. One whose transaction nobody named may be any of its attempt's:
    rather a person pays back by hand what was truly paid twice than one transaction goes back twice."""
    if transaction and of_other:
        return transaction == of_other
    return attempt == other
