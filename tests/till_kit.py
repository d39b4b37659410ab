"""What proofs about money share: a gateway whose drawer is the judge, and a world that takes payments through it.

The till keeps what it is paid and what it pays back, and forgets nothing. It never stops a refund that is too large: it
writes down that it happened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.asking import Asker
from bus.circuit import Manners
from bus.dispatch import Dispatcher, PartnerWork
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, Unmappable
from bus.ledger import Ledger
from bus.messages import (
    Acceptance,
    Attempt,
    Awaiting,
    Delivered,
    Delivery,
    Event,
    Exchange,
    InDoubt,
    Outcome,
    Refused,
    Unreachable,
)
from bus.payment_asking import PaymentQuestions, RefundQuestions
from bus.payments import GatewayChoice, Heard, PaymentPolicy, Told, Verdict
from bus.ports import CrashPoint, FileStorage, no_crash
from bus.refund_desk import Refund
from bus.refunds import Refunds
from bus.retry import Patience
from bus.upkeep import migrate
from tests.builders import DOSSIER, NOON, event_json, from_json
from tests.world import MASTER, SeededRandomness, SimClock

TILL = "till"
AMOUNT = 100_000


@dataclass(slots=True)
class Drawer:
    """What the gateway has: by reference what was paid in, by key what was paid back."""

    paid: dict[str, int] = field(default_factory=dict)
    back: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Key → reference and amount: under one key it pays once, however often it is asked."""
    taken: set[str] = field(default_factory=set)
    """Keys of refunds that it took and has not paid yet."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def pay_back(self, reference: str, key: str, amount: int) -> None:
        with self.lock:
            self.back.setdefault(key, (reference, amount))
            self.taken.discard(key)

    def paid_back(self, reference: str) -> int:
        return sum(amount for of, amount in self.back.values() if of == reference)


class Till:
    """The gateway. Fates: ok, pending, refuse, lost_ and blind_before/after, offline, down, unmappable, bug."""

    def __init__(self, drawer: Drawer, clock: SimClock, fate: Callable[[Delivery], str]) -> None:
        self.drawer = drawer
        self.clock = clock
        self.fate = fate
        self.asked: list[str] = []
        """References, or keys of refunds."""
        self.sent: list[str] = []

    def check(self, delivery: Delivery) -> None:
        """Everything can be shaped."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [self._deliver(delivery) for delivery in batch]

    def _deliver(self, delivery: Delivery) -> Attempt:
        of = delivery.payment
        assert of is not None
        if of.refund is None:
            self.sent.append(of.reference)
            if self.fate(delivery) == "lost_before":
                return self._said(delivery, InDoubt(reason="reply lost"))
            awaiting = Awaiting(reference=of.reference, ask_at=self.clock.now(), lane_goes_on=True)
            return self._said(delivery, awaiting, {"pay_url": "https://pay.example.invalid/1"})
        fate = self.fate(delivery)
        if fate == "offline":
            raise Unmappable(field="/data/refund", rule="offline_refund")
        if fate == "unmappable":
            raise Unmappable(field="vnp_OrderInfo", rule="too_long")
        if fate == "bug":
            raise ValueError("a bug of ours")
        self.sent.append(of.refund.key)
        if fate in ("ok", "lost_after", "blind_after"):
            self.drawer.pay_back(of.reference, of.refund.key, of.refund.amount)
        if fate == "pending":
            self.drawer.taken.add(of.refund.key)
        return self._said(delivery, self._outcome(fate), _refund_facts(fate))

    def _outcome(self, fate: str) -> Outcome:
        outcomes: dict[str, Outcome] = {
            "ok": Delivered(receipt="back"),
            "pending": Awaiting(reference="G-1", ask_at=self.clock.now() + timedelta(minutes=5)),
            "refuse": Refused(code="95", reason="no"),
            "lost_before": InDoubt(reason="reply lost"),
            "lost_after": InDoubt(reason="reply lost"),
            "blind_before": InDoubt(reason="reply lost"),
            "blind_after": InDoubt(reason="reply lost"),
            "down": Unreachable(reason="refused"),
        }
        return outcomes[fate]

    def ask(self, delivery: Delivery) -> Attempt:
        of = delivery.payment
        assert of is not None
        if of.refund is None:
            return self._ask_payment(delivery, of.reference)
        key = of.refund.key
        self.asked.append(key)
        fate = self.fate(delivery)
        if fate == "down":
            return self._said(delivery, Unreachable(reason="refused"))
        if fate == "unmappable":
            raise Unmappable(field="vnp_OrderInfo", rule="too_long")
        if fate.startswith("blind"):
            return Attempt(outcome=InDoubt(reason="cannot be asked", then="hold", is_down=False))
        if key in self.drawer.back:
            return self._said(delivery, Delivered(), _refund_facts("ok"))
        if key in self.drawer.taken and fate == "refuse":
            self.drawer.taken.discard(key)
            return self._said(delivery, Refused(code="09", reason="the bank said no"))
        if key in self.drawer.taken:
            return self._said(delivery, self._outcome("pending"))
        return self._said(delivery, Unreachable(reason="not there", retry_after=timedelta(), is_down=False))

    def _ask_payment(self, delivery: Delivery, reference: str) -> Attempt:
        self.asked.append(reference)
        fate = self.fate(delivery)
        if fate == "bug":
            raise ValueError("a bug of ours")
        if fate == "unmappable":
            raise Unmappable(field="MaThamChieu", rule="too_long")
        if fate == "down":
            return self._said(delivery, Unreachable(reason="refused"))
        paid = self.drawer.paid.get(reference)
        verdict = Verdict.PENDING if paid is None else Verdict.PAID
        told = Told(
            partner=TILL, reference=reference, verdict=verdict, via="query", amount=paid, transaction=f"T-{reference}"
        )
        again = Awaiting(reference=reference, ask_at=self.clock.now(), lane_goes_on=True)
        return self._said(delivery, Delivered() if paid is not None else again, {"told": told})

    def _said(self, delivery: Delivery, outcome: Outcome, facts: dict[str, Any] | None = None) -> Attempt:
        exchange = Exchange(
            operation=delivery.event.kind,
            method="POST",
            url="http://127.0.0.1/till",
            request_head=b"",
            request_body=b"{}",
            sent_at=self.clock.now(),
            took=timedelta(milliseconds=1),
            status=200,
            reply_body=b"{}",
        )
        return Attempt(outcome=outcome, exchanges=(exchange,), facts=facts or {})


def _refund_facts(fate: str) -> dict[str, Any]:
    states = {"ok": "refunded", "pending": "pending", "refuse": "rejected"}
    return {"refund": {"state": states[fate], "reference": "G-1"}} if fate in states else {}


class TillWorld:
    """A ledger, a gateway, a worker, an asker, and time."""

    def __init__(
        self,
        folder: Path,
        *,
        fate: Callable[[Delivery], str] = lambda delivery: "ok",
        approval_above: int = 0,
        manners: Manners | None = None,
        crash_point: CrashPoint = no_crash,
        clock: SimClock | None = None,
        drawer: Drawer | None = None,
        taker: str | None = None,
    ) -> None:
        self.path = folder / "ledger.db"
        self.clock = clock or SimClock()
        self.drawer = drawer or Drawer()
        self.till = Till(self.drawer, self.clock, fate)
        self.randomness = SeededRandomness()
        self._crash_point = crash_point
        self.manners = manners or Manners()
        self.policy = PaymentPolicy(
            gateway_for=lambda unit, procedure, kinds, at, wish: GatewayChoice(partner=TILL),
            taker=lambda source: taker,
            refund_approval_above=approval_above,
        )
        if not self.path.exists():
            migrate(self.path, FileStorage(), self.clock)
        self.open()

    def open(self) -> None:
        self.ledger = Ledger.open(
            self.path,
            MASTER,
            clock=self.clock,
            randomness=self.randomness,
            storage=FileStorage(),
            crash_point=self._crash_point,
            manners={TILL: self.manners},
            payments=self.policy,
        )
        self.refunds = Refunds(self.ledger)
        self.partners = {TILL: PartnerWork(adapter=self.till, patience=Patience(in_flight=self.manners.in_flight))}
        self.dispatcher = self.worker("w1")
        self.asker = self.asker_named("w1")

    def worker(self, name: str) -> Dispatcher:
        return Dispatcher(
            self.ledger,
            self.partners,
            name=name,
            clock=self.clock,
            randomness=self.randomness,
            crash_point=self._crash_point,
        )

    def asker_named(self, name: str) -> Asker:
        books = (PaymentQuestions(self.ledger), RefundQuestions(self.ledger))
        return Asker(self.ledger, self.partners, books, name=name, clock=self.clock, crash_point=self._crash_point)

    def close(self) -> None:
        self.ledger.close()

    # -- what happens -------------------------------------------------------------------------------------------

    def accept(self, event: Event) -> Acceptance:
        return self.ledger.record(event, ())

    def requested(self, name: str = "P1", amount: int = AMOUNT, *, dossier: str = DOSSIER, **data: Any) -> int:
        """A payment that a source asks for, opened at the gateway; its number."""
        self.accept(payment_event(name, amount, dossier=dossier, **data))
        self.dispatcher.run_once()
        row = self.ledger.engine.read().one("find_payment", "one-stop/h99", name)
        assert row is not None
        return int(row[0])

    def paid(self, name: str = "P1", amount: int = AMOUNT, **data: Any) -> int:
        """A payment that was asked for and paid; its number."""
        payment = self.requested(name, amount, **data)
        self.pay(self.reference(payment), amount)
        return payment

    def pay(self, reference: str, amount: int = AMOUNT, *, transaction: str | None = None) -> Heard:
        """The citizen pays, and the gateway calls back."""
        self.drawer.paid[reference] = amount
        told = Told(
            partner=TILL,
            reference=reference,
            verdict=Verdict.PAID,
            via="callback",
            transaction=transaction or f"T-{reference}",
            amount=amount,
            currency="VND",
            paid_at=self.clock.now(),
        )
        return self.ledger.payments.hear(told)

    def reference(self, payment: int, n: int = 1) -> str:
        """Of an attempt."""
        rows = self.rows("SELECT reference FROM payment_attempts WHERE payment = ? AND n = ?", payment, n)
        return str(rows[0][0])

    def write(self, job: Callable[[Tx], Any]) -> Any:
        return self.ledger.engine.write(job)

    def ask_refund(self, payment: int, amount: int, account: str = "an", **more: Any) -> Refund:
        """A person asks for a refund."""
        made: Refund = self.write(
            lambda tx: self.refunds.request(tx, payment, amount=amount, reason="withdrawn", account=account, **more)
        )
        return made

    def approve(self, refund: int, account: str = "binh") -> Refund:
        done: Refund = self.write(lambda tx: self.refunds.approve(tx, refund, account=account))
        return done

    def run(self, times: int = 1) -> int:
        return sum(self.dispatcher.run_once() for _ in range(times))

    # -- what came of it ----------------------------------------------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in the file."""
        with self.ledger.engine.snapshot() as tx:
            return tx.connection.execute(sql, values).fetchall()

    def payment(self, payment: int) -> tuple[str, int]:
        """State, and what was paid back."""
        row = self.rows("SELECT state, refunded FROM payments WHERE id = ?", payment)[0]
        return str(row[0]), int(row[1])

    def tasks(self) -> list[str]:
        """Kinds of open tasks, in their order."""
        return [row[0] for row in self.rows("SELECT kind FROM payment_tasks WHERE closed_at IS NULL ORDER BY id")]

    def delivery(self, refund: int) -> tuple[str, str]:
        """State and cause of the delivery that carries a refund."""
        sql = "SELECT d.state, d.cause FROM refunds r JOIN deliveries d ON d.id = r.delivery WHERE r.id = ?"
        return self.rows(sql, refund)[0]  # type: ignore[return-value]


def payment_event(name: str = "P1", amount: int = AMOUNT, *, dossier: str = DOSSIER, **data: Any) -> Event:
    """A source asks for a payment."""
    fees = [{"kind": "charge", "code": "L1", "name": "Lệ phí", "amount": amount}]
    body = {
        "payment": name,
        "amount": amount,
        "currency": "VND",
        "unit": "H99.11.16",
        "procedure": "1.013225",
        "fees": fees,
        "payer": {"name": "Nguyễn Thị Ví Dụ"},
    }
    return money_event("payment.requested", name, body | data, dossier)


def refund_event(payment: str = "P1", refund: str = "R1", amount: int = AMOUNT, **more: Any) -> Event:
    """A source asks for a refund."""
    body = {
        "payment": payment,
        "refund": refund,
        "amount": amount,
        "currency": "VND",
        "reason": "Hồ sơ rút",
        "requested_by": "Trần Văn Mẫu",
    }
    event_id, dossier = more.pop("id", None), more.pop("dossier", DOSSIER)
    return money_event("payment.refund_requested", f"{payment}-{refund}", body | more, dossier, event_id)


def money_event(kind: str, name: str, data: dict[str, Any], dossier: str, id: str | None = None) -> Event:
    """An event about money."""
    wire = event_json(dossier=dossier, id=id or f"{kind}-{name}", at=NOON)
    return from_json(wire | {"type": f"vn.lienthong.{kind}.v1", "data": data})


class Fate:
    """What the gateway does next, changed while the world runs."""

    def __init__(self, now: str = "ok") -> None:
        self.now = now

    def __call__(self, delivery: Delivery) -> str:
        return self.now


def code_of(job: Callable[[], Any]) -> str:
    """The code of the refusal that this ends in."""
    with pytest.raises(NotAllowedNow) as caught:
        job()
    return caught.value.code
