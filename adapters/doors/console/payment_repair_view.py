"""Pure. What a person may do about a payment now, each with what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.doors.console.visit import Visit
from bus.payment_close import Attempt, Payment, Refund
from bus.payment_tasks import Task
from bus.payments import AttemptState, PaymentState
from bus.refund_rules import MONEY_TASKS, REFUNDABLE, UNDER_WAY, RefundState
from bus.rights import Right
from bus.same_person import is_same_person

MAY_BE_PAID: Final = frozenset(AttemptState) - {AttemptState.PAID, AttemptState.CREATED}
"""Attempts that a gateway may still have taken money for, whatever is thought of them here."""
NO_MORE: Final = frozenset({PaymentState.PAID_AT_COUNTER}) | frozenset(state for state in PaymentState if state.is_paid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed into a form that could not be taken."""

    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)

    def of(self, name: str, value: str) -> str:
        """What stands in this form's field again."""
        return self.values.get(value, "") if self.name == name else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOffer:
    """One refund that somebody may do something about."""

    refund: Refund
    may: str
    """`approve`, `offline`, `resolve`; `own` where it is this visitor's own request; empty where nothing is to do."""
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyTask:
    """Money that no success of ours accounts for, and how much of it may still go back."""

    task: Task
    left: int
    press: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairView:
    """The page."""

    payment: Payment
    keys: Mapping[str, str]
    """Of the acts that are possible now: `ask`, `attempt`, `judge`, `refund`."""
    judged: tuple[Attempt, ...]
    """Attempts of which a person may say whether they were paid."""
    is_risky: bool
    """Whether an attempt is out of which money may still come: a fresh one could be paid too."""
    left: int
    money_tasks: tuple[MoneyTask, ...]
    refunds: tuple[RefundOffer, ...]
    threshold: int
    typed: Typed
    why_not: tuple[str, ...]
    """Acts that are not possible now; the words say why."""


def repair_view(
    payment: Payment,
    visit: Visit,
    *,
    key: Callable[[str], str],
    left: Callable[[int | None], int],
    threshold: int,
    typed: Typed,
) -> RepairView:
    """What is possible now, for who has which right."""
    may_repair, may_judge = visit.may(Right.REPLAY), visit.may(Right.APPROVE)
    asked = [one for one in payment.attempts if one.state in MAY_BE_PAID]
    state, most = payment.line.state, left(None)
    possible = {
        "ask": may_repair and bool(asked),
        # One that is open at its gateway is asked about first: the ledger refuses a second one beside it.
        "attempt": may_repair and state not in NO_MORE and bool(payment.attempts) and not _is_open(payment),
        "judge": may_judge and bool(asked),
        "refund": may_repair and state in REFUNDABLE and most > 0,
    }
    tasks = [
        MoneyTask(task=one, left=left(one.id), press=key("refund"))
        for one in payment.tasks
        if may_repair and one.closed_at is None and one.kind in MONEY_TASKS
    ]
    return RepairView(
        payment=payment,
        keys={name: key(name) for name, is_possible in possible.items() if is_possible},
        judged=tuple(asked) if possible["judge"] else (),
        is_risky=any(one.state is not AttemptState.FAILED for one in asked),
        left=most,
        money_tasks=tuple(one for one in tasks if one.left > 0),
        refunds=tuple(_offer(one, visit, key) for one in payment.refunds),
        threshold=threshold,
        typed=typed,
        why_not=tuple(name for name, is_possible in possible.items() if not is_possible),
    )


def _is_open(payment: Payment) -> bool:
    return bool(payment.attempts) and payment.attempts[-1].state.is_open


def _offer(refund: Refund, visit: Visit, key: Callable[[str], str]) -> RefundOffer:
    state, may = RefundState(refund.state), ""
    if state is RefundState.REQUESTED and visit.may(Right.APPROVE):
        may = "own" if is_same_person(refund.requested_by, visit.account, visit.person) else "approve"
    elif state is RefundState.APPROVED and refund.is_offline and visit.may(Right.REPLAY):
        may = "offline"
    elif state in UNDER_WAY and state is not RefundState.APPROVED and visit.may(Right.REPLAY):
        may = "resolve"
    acts = {"approve": ("approve", "reject"), "own": ("reject",)}.get(may, (may,) if may else ())
    return RefundOffer(refund=refund, may=may, keys={act: key(f"{act}-{refund.id}") for act in acts})
