"""Pure. From what the ledger tells of one payment to what its page shows: its life, line by line and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from adapters.doors.console.dossier_view import MOST_MEMBERS, Member, Named, members_of, shortened
from adapters.doors.console.timeline import Picture, picture
from adapters.doors.console.visible import visible
from bus.payment_close import Attempt, MoveOf, Payment, Refund
from bus.payments import Beneficiary
from bus.privacy import mask_event

GATEWAY_KIND: Final = "payment.requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """One fee or charge of what is due."""

    kind: str
    code: str
    name: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the payment's life."""

    at: datetime
    key: str
    """Of the words: `payment.said_<key>`."""
    facts: Mapping[str, str | int]
    mark: str = "event"
    """Its shape: `event`, or a delivery's state."""
    state: str | None = None
    """Of a delivery's move."""
    cause: str | None = None
    amount: int | None = None
    reason: str = ""
    who: str = ""
    delivery: int | None = None
    hearing: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptShown:
    """One try, with what a citizen could pay by."""

    attempt: Attempt
    picture: str
    """SVG of the VietQR code; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """The page."""

    payment: Payment
    procedure: Named
    unit: Named
    fees: tuple[Fee, ...]
    attempts: tuple[AttemptShown, ...]
    lines: tuple[Line, ...]
    """The newest first."""
    picture: Picture | None
    members: tuple[Member, ...] | None
    """What was asked for, masked; None where it is destroyed."""
    left: int
    """Đồng that may still be paid back."""

    @property
    def open_tasks(self) -> int:
        return sum(task.closed_at is None for task in self.payment.tasks)


def payment_view(
    payment: Payment,
    *,
    now: datetime,
    procedure: str | None,
    unit: str | None,
    codes: Mapping[int, str],
) -> PaymentView:
    """The page of a payment. `codes`: attempt → SVG of its code."""
    data = payment.data or {}
    return PaymentView(
        payment=payment,
        procedure=Named(code=payment.line.procedure, name=procedure),
        unit=Named(code=payment.line.unit, name=unit),
        fees=tuple(_fees(data.get("fees"))),
        attempts=tuple(AttemptShown(attempt=one, picture=codes.get(one.id, "")) for one in payment.attempts),
        lines=tuple(sorted(_lines(payment), key=lambda line: line.at)[::-1]),  # of one instant, the later line above
        picture=_picture(payment, now),
        members=None if payment.data is None else tuple(members_of(mask_event(payment.data)))[:MOST_MEMBERS],
        left=left_of(payment),
    )


def left_of(payment: Payment) -> int:
    """What may still be paid back: nothing that is asked for already is promised twice."""
    if not payment.line.state.is_paid:
        return 0
    return payment.line.amount - sum(one.amount for one in payment.refunds if one.state != "rejected")


def _fees(told: Any) -> Iterator[Fee]:
    for one in told or ():
        yield Fee(kind=one.get("kind", ""), code=one.get("code", ""), name=one.get("name", ""), amount=one["amount"])


# -- its life ---------------------------------------------------------------------------------------------------------


def _lines(payment: Payment) -> Iterator[Line]:
    line = payment.line
    yield Line(at=line.created_at, key="requested", facts={"source": line.source}, amount=line.amount)
    for attempt in payment.attempts:
        facts: dict[str, str | int] = {"n": attempt.n, "gateway": attempt.partner, "reference": attempt.reference}
        yield Line(at=attempt.made_at, key="attempt", facts=facts)
        if attempt.opened_at is not None:
            yield Line(at=attempt.opened_at, key="opened", facts=facts)
    yield from _heard(payment)
    yield from _tasks(payment)
    yield from _money_back(payment.refunds)
    for receipt in payment.receipts:
        told = {"number": receipt.number, "by": receipt.partner}
        yield Line(at=receipt.at, key=f"receipt_{receipt.state}", facts=told, mark="delivered")
    yield from _moves(payment)


def _heard(payment: Payment) -> Iterator[Line]:
    for one in payment.hearings:
        facts: dict[str, str | int] = {"n": one.n, "gateway": one.partner, "transaction": one.transaction or "–"}
        mark = {"paid": "delivered", "failed": "refused"}.get(one.verdict, "event")
        is_strange = one.effect not in ("recorded", "repeated", "late_success", "nothing")
        yield Line(
            at=one.at,
            key=f"heard_{one.via}",
            facts=facts | {"verdict": one.verdict, "effect": one.effect, "code": one.code},
            mark="held" if is_strange else mark,
            amount=one.amount,
            hearing=one.id,
        )


def _tasks(payment: Payment) -> Iterator[Line]:
    for task in payment.tasks:
        yield Line(at=task.at, key="task_opened", facts={"task": str(task.kind)}, mark="held", amount=task.amount)
        if task.closed_at is not None:
            yield Line(
                at=task.closed_at,
                key="task_closed",
                facts={"task": str(task.kind)},
                reason=visible(task.close_reason or ""),
                who=task.closed_by or "",
            )


def _money_back(refunds: Iterable[Refund]) -> Iterator[Line]:
    for refund in refunds:
        facts = {"name": refund.name}
        yield Line(
            at=refund.created_at,
            key="refund_requested",
            facts=facts,
            amount=refund.amount,
            reason=visible(refund.reason),
            who=refund.requested_by,
        )
        if refund.state != "requested":
            yield Line(
                at=refund.changed_at,
                key=f"refund_{refund.state}",
                facts=facts | {"document": refund.document or "–"},
                mark="delivered" if refund.state == "refunded" else "event",
                amount=refund.amount,
                who=refund.approved_by or "",
            )


def _moves(payment: Payment) -> Iterator[Line]:
    """What became of the deliveries to the gateway and to those who are told, without their waiting and sending."""
    for move in payment.moves:
        if move.from_state == move.to_state or move.to_state in ("waiting", "sending"):
            continue
        yield Line(
            at=move.at,
            key="gateway" if move.kind == GATEWAY_KIND else "told",
            facts={"partner": move.partner, "kind": move.kind},
            mark=move.to_state,
            state=move.to_state,
            cause=move.cause,
            reason=shortened(visible(move.reason), 300),
            who=move.actor,
            delivery=move.delivery,
        )


def _picture(payment: Payment, now: datetime) -> Picture | None:
    """The deliveries as bars, what gateways told above them."""
    asked = (payment.line.name, GATEWAY_KIND, payment.line.created_at)
    told = [(str(one.id), str(one.via), one.at) for one in reversed(payment.hearings)]
    return picture_of([asked, *told], payment.moves, now)


def picture_of(told: Sequence[tuple[str, str, datetime]], moves: Sequence[MoveOf], now: datetime) -> Picture | None:
    """`told`: what came, its name, its kind and when; `moves`: of deliveries, the newest first."""
    rows: Sequence[Mapping[str, Any]] = [
        {
            "id": one.id,
            "at": one.at.isoformat(),
            "delivery": one.delivery,
            "partner": one.partner,
            "kind": one.kind,
            "status": None,
            "from_state": one.from_state,
            "to_state": one.to_state,
            "actor": one.actor,
            "cause": one.cause,
        }
        for one in reversed(moves)
    ]
    return picture([{"id": name, "kind": kind, "accepted_at": at.isoformat()} for name, kind, at in told], rows, now)


def account_text(one: Beneficiary | None) -> str:
    """An agency's account on one line; it is public."""
    return "" if one is None else " · ".join(part for part in (one.account, one.bank, one.name) if part)
