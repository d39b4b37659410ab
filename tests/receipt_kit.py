"""What tests of receipts share: a paid payment's delivery, the issuer's mock on a port, and an adapter to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.channels.http import HttpChannel
from adapters.partners.gateways.adapter import GatewayAdapter
from adapters.partners.receipt_issuer.adapter import receipt_issuer
from adapters.partners.receipt_issuer.settings import ReceiptIssuerSettings
from bus.messages import Attempt, Delivered, Delivery, Event, InDoubt, Outcome, Refused, State
from bus.payments import PaymentStanding
from bus.ports import Clock, CrashPoint, SystemClock, no_crash
from contracts.receipt_issuer.mock import ACCOUNT, ReceiptIssuer
from contracts.serve import serve
from tests.builders import DOSSIER, from_json, make_delivery
from tests.portal_kit import local_http

REFERENCE = "TT260703000000000701"
PAID_AT = datetime(2026, 7, 3, 4, 30, tzinfo=UTC)
FEES = (
    {"kind": "fee", "code": "P1", "name": "Phí thẩm định", "amount": 20_000},
    {"kind": "charge", "code": "L1", "name": "Lệ phí hộ tịch", "amount": 30_000},
)
PAYER = {"name": "Nguyễn Văn A", "address": "Số 1 đường Thử Nghiệm", "email": "a@example.invalid"}
HASTE = {"timeout": timedelta(seconds=2), "connect_timeout": timedelta(seconds=1)}
TOO_SLOW = 2.5


def told(kind: str, /, dossier: str = DOSSIER, **data: Any) -> Event:
    """What the ledger tells of a payment."""
    wire = {
        "specversion": "1.0",
        "id": f"payment-{kind}-{data.get('total_refunded', 1)}",
        "source": "lienthong",
        "type": f"vn.lienthong.payment.{kind}.v1",
        "subject": dossier,
        "time": PAID_AT.isoformat(),
        "datacontenttype": "application/json",
        "data": {"payment": "TT-1", "currency": "VND", **data},
    }
    return from_json(wire)


def standing(*, fees: Any = FEES, payer: Any = PAYER, **members: Any) -> PaymentStanding:
    """A payment that was paid under REFERENCE."""
    known: dict[str, Any] = {
        "payment": 7,
        "name": "TT-1",
        "attempt": 7,
        "n": 1,
        "reference": REFERENCE,
        "made_at": PAID_AT - timedelta(minutes=2),
        "amount": sum(fee["amount"] for fee in fees),
        "currency": "VND",
        "expires_at": PAID_AT + timedelta(hours=24),
        "transaction": "GD1",
        "paid_at": PAID_AT,
        "asked": {"fees": list(fees), "payer": payer, "procedure": "9.000001"},
    }
    return PaymentStanding(**(known | members))


def settled(*, payment: PaymentStanding | None = None, **members: Any) -> Delivery:
    """A delivery of `payment.settled` to the issuer."""
    paid = payment or standing()
    event = told("settled", amount=paid.amount, reference=paid.reference)
    return make_delivery(event, **({"partner": "receipt_issuer", "payment": paid} | members))


def refunded(amount: int, *, total: int | None = None, payment: PaymentStanding | None = None, **more: Any) -> Delivery:
    """A delivery of `payment.refunded` to the issuer."""
    paid = payment or standing()
    event = told("refunded", amount=amount, refund="HT-1", total_refunded=total or amount)
    return make_delivery(event, **({"partner": "receipt_issuer", "payment": paid} | more))


def settings_for(url: str, **changes: Any) -> ReceiptIssuerSettings:
    """The mock's own account."""
    members: dict[str, Any] = {
        "url": f"{url}/receipt_issuer",
        "account": ACCOUNT.account,
        "ac_pass": ACCOUNT.ac_pass,
        "username": ACCOUNT.username,
        "password": ACCOUNT.password,
        "pattern": ACCOUNT.pattern,
        "serial": ACCOUNT.serial,
        "tax_code": ACCOUNT.tax_code,
        "http": local_http(**HASTE),
    }
    return ReceiptIssuerSettings(**(members | changes))


@contextmanager
def issuer_with(
    *, clock: Clock | None = None, crash_point: CrashPoint = no_crash, **changes: Any
) -> Iterator[tuple[ReceiptIssuer, GatewayAdapter]]:
    """A mock on a port, and an adapter that is set up for it."""
    mock = ReceiptIssuer()
    with serve(mock) as url:
        settings = settings_for(url, **changes)
        channel = HttpChannel(settings.http)
        yield mock, receipt_issuer(settings, channel, clock=clock or SystemClock(), crash_point=crash_point)
        channel.close()


def carry(adapter: GatewayAdapter, delivery: Delivery, *, tries: int = 8) -> tuple[Outcome, list[Attempt]]:
    """As the bus would: deliver, ask while an answer is owed, deliver again; what was learned stays known."""
    attempts: list[Attempt] = []
    for n in range(tries):
        now = replace(delivery, tries=n)
        attempts.append(adapter.ask(now) if now.is_unanswered else adapter.deliver([now])[0])
        outcome = attempts[-1].outcome
        if isinstance(outcome, Delivered | Refused) or (isinstance(outcome, InDoubt) and outcome.then != "ask"):
            break
        is_unclear = isinstance(outcome, InDoubt)
        state = State.IN_DOUBT if is_unclear else State.SENDING
        delivery = replace(_wiser(delivery, attempts[-1]), is_unanswered=is_unclear, state=state)
    return attempts[-1].outcome, attempts


def _wiser(delivery: Delivery, attempt: Attempt) -> Delivery:
    """With the numbers that the ledger would know by now."""
    told = {fact["kind"]: fact["number"] for fact in attempt.facts.get("receipts", ()) if fact["state"] == "issued"}
    assert delivery.payment is not None
    known = {**told, **delivery.payment.receipts}
    return replace(delivery, payment=replace(delivery.payment, receipts=known))
