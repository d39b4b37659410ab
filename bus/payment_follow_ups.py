"""What the ledger tells of payments: events of its own, in the transaction of what they tell.

`payment.opened`, `settled`, `failed`, `expired` and `refunded` go to the one-stop system that takes their source's
outcomes; what was settled or paid back goes to whoever writes the receipts too. Like a told outcome, such an event is
in the ledger exactly when its cause is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bus.bodies import Bodies
from bus.engines.sqlite import Tx
from bus.follow_ups import LEDGER_SOURCE, fitting, told_to
from bus.messages import (
    KIND_PREFIX,
    PAYMENT_EXPIRED,
    PAYMENT_FAILED,
    PAYMENT_OPENED,
    PAYMENT_REFUNDED,
    PAYMENT_SETTLED,
    Event,
    canonical_bytes,
    digest_of,
)
from bus.payments import AttemptFacts, PaymentPolicy, Told
from bus.ports import CrashPoint
from bus.prepared import Prepared
from bus.recording import Recorder
from bus.times import from_ms

LONGEST_CODE: Final = 64
"""Characters, by contracts/one_stop: a message with a longer one would be held."""
FOR_RECEIPTS: Final = frozenset({PAYMENT_SETTLED, PAYMENT_REFUNDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """A payment, with what its news are made of."""

    id: int
    source: str
    name: str
    dossier: int
    event: int
    amount: int
    currency: str
    gateway: str | None
    receipts: str
    issuer: str | None
    state: str
    expires_at: int
    unit: str | None
    procedure: str | None
    kinds: str
    account: str | None
    reference_number: int
    """In its attempts' references."""
    number: str
    """The dossier's."""
    due_at: int | None
    traceparent: str | None

    @property
    def receipts_by(self) -> str | None:
        """The partner that writes or fetches its receipts."""
        return self.issuer or (self.gateway if self.receipts == "gateway" else None)


def read_payment(tx: Tx, payment: int) -> PaymentRow:
    """A payment that is there."""
    row = tx.one("read_payment", payment)
    assert row is not None
    return PaymentRow(**dict(zip(PaymentRow.__slots__, row, strict=True)))


def iso(at: int | datetime) -> str:
    """A time as it is told."""
    return (from_ms(at) if isinstance(at, int) else at).isoformat(timespec="milliseconds")


def ledger_event(
    kind: str, id: str, dossier: str, at: datetime, data: Mapping[str, Any], traceparent: str | None = None
) -> Event:
    """An event that the ledger tells."""
    wire: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": LEDGER_SOURCE,
        "type": f"{KIND_PREFIX}{kind}.v1",
        "subject": dossier,
        "time": iso(at),
        "datacontenttype": "application/json",
        "data": data,
    }
    if traceparent is not None:
        wire["traceparent"] = traceparent
    body = canonical_bytes(wire)
    return Event(
        source=LEDGER_SOURCE,
        id=id,
        kind=kind,
        dossier=dossier,
        occurred_at=at,
        sequence=None,
        body=body,
        digest=digest_of(body),
        data=data,
        traceparent=traceparent,
    )


class PaymentNews:
    """Tells what became of payments. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, recorder: Recorder, bodies: Bodies, policy: PaymentPolicy, crash_point: CrashPoint) -> None:
        self._recorder = recorder
        self._bodies = bodies
        self._policy = policy
        self._point = crash_point

    def opened(self, tx: Tx, payment: int, facts: AttemptFacts, offer: Mapping[str, str | None], at: int) -> None:
        """The gateway takes it: where it may be paid, and until when."""
        row = read_payment(tx, payment)
        data = {
            "payment": row.name,
            "gateway": facts.partner,
            "reference": facts.reference,
            "pay_url": offer.get("pay_url"),
            "qr": offer.get("qr"),
            "expires_at": iso(row.expires_at),
            "attempt": facts.n,
        }
        self._tell(tx, row, PAYMENT_OPENED, data, at)

    def settled(self, tx: Tx, payment: int, facts: AttemptFacts, told: Told, at: int, *, is_late: bool) -> bool:
        """It is paid; whether somebody writes the receipts that were promised, if any were."""
        row = read_payment(tx, payment)
        data = {
            "payment": row.name,
            "amount": row.amount,
            "currency": row.currency,
            "gateway": facts.partner,
            "reference": facts.reference,
            "transaction": told.transaction,
            "bank": told.bank,
            "paid_at": iso(told.paid_at or at),
            "is_late": is_late,
            "via": told.via,
        }
        self._tell(tx, row, PAYMENT_SETTLED, data, at)
        return row.receipts == "none" or row.receipts_by is not None

    def failed(
        self, tx: Tx, payment: int, gateway: str | None, reference: str | None, code: str, reason: str,
        at: int,
    ) -> None:  # fmt: skip
        """It was not paid, or not even opened."""
        row = read_payment(tx, payment)
        data = {
            "payment": row.name,
            "gateway": gateway,
            "reference": reference,
            "code": fitting(code)[:LONGEST_CODE],
            "reason": fitting(reason),
        }
        self._tell(tx, row, PAYMENT_FAILED, data, at)

    def expired(self, tx: Tx, payment: int, at: int) -> None:
        """Its time is over."""
        row = read_payment(tx, payment)
        data = {"payment": row.name, "expires_at": iso(row.expires_at)}
        self._tell(tx, row, PAYMENT_EXPIRED, data, at)

    def refunded(
        self,
        tx: Tx,
        payment: int,
        refund: int,
        name: str,
        amount: int,
        total: int,
        document: str | None,
        at: int,
    ) -> None:
        """Some of it was paid back; `total` with this."""
        row = read_payment(tx, payment)
        data = {
            "payment": row.name,
            "refund": name,
            "amount": amount,
            "currency": row.currency,
            "total_refunded": total,
            "document": document,
            "at": iso(at),
        }
        self._tell(tx, row, PAYMENT_REFUNDED, data, at, refund)

    def _tell(
        self, tx: Tx, row: PaymentRow, kind: str, data: Mapping[str, Any], at: int,
        refund: int | None = None,
    ) -> None:  # fmt: skip
        partners = [self._policy.taker(row.source)]
        if kind in FOR_RECEIPTS:
            partners.append(row.receipts_by)
        routes = tuple(told_to(partner, kind) for partner in dict.fromkeys(partners) if partner is not None)
        if not routes:
            return
        event = ledger_event(kind, _name(tx, row, kind, data, at), row.number, from_ms(at), data, row.traceparent)
        prepared = Prepared(
            event=event,
            sealed=self._bodies.seal_event(event),
            terms=frozenset(),
            routes=routes,
            order="arrival",
        )
        number = self._recorder.record_own(tx, prepared, row.dossier, row.due_at, at)
        tx.run("add_payment_news", number, row.id, refund)
        self._point("pay.after_news")


def _name(tx: Tx, row: PaymentRow, kind: str, data: Mapping[str, Any], at: int) -> str:
    """For ever its own: a ledger that was restored counts its news again, but they do not say the same."""
    count = tx.one("count_payment_news", row.id)
    assert count is not None
    told = canonical_bytes([row.source, row.name, count[0], at, data])
    return f"{kind}.{hashlib.sha256(told).hexdigest()[:32]}"
