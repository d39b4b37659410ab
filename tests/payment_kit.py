"""What tests of payments share: a gateway whose books judge, an ear for the news, and a world between them.

The gateway keeps each order in a file of its own lines, so that it outlives a process that dies; whoever pays, pays
there. The world's ledger, worker and asker are the real ones.
"""

from __future__ import annotations

import fcntl
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from bus.asking import Asker
from bus.dispatch import Dispatcher, PartnerWork
from bus.errors import Unmappable
from bus.ledger import Ledger
from bus.messages import (
    Acceptance,
    Attempt,
    Awaiting,
    Delivered,
    Delivery,
    Event,
    InDoubt,
    Refused,
    Unreachable,
)
from bus.payment_asking import PaymentQuestions, RefundQuestions
from bus.payments import GatewayChoice, Heard, PaymentPolicy, Told, Verdict, Via
from bus.ports import CrashPoint, FileStorage, no_crash
from bus.retry import Patience
from bus.routing import Route
from bus.upkeep import migrate, verify
from tests.builders import DOSSIER, NOON, SOURCE, event_json, from_json, make_event, make_exchange
from tests.world import MASTER, SeededRandomness, SimClock

GATE: Final = "gate"
EAR: Final = "ear"
PORTAL: Final = "portal"
AMOUNT: Final = 30_000
RECORD_ROUTE: Final = Route(kind="dossier.recorded", partner=PORTAL, rule="latest_wins")
Fate = Callable[[Delivery], str]


def all_well(delivery: Delivery) -> str:
    return "ok"


class Till:
    """The gateway's books: a line for each thing that happened there, shared by processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def note(self, what: str, reference: str, *more: Any) -> None:
        with self._path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps([what, reference, *more]) + "\n")

    def lines(self, what: str) -> list[list[Any]]:
        return [line[1:] for line in map(json.loads, self._path.read_text().splitlines()) if line[0] == what]

    def has(self, reference: str) -> bool:
        return any(line[0] == reference for line in self.lines("opened"))

    def paid(self) -> dict[str, tuple[str, int]]:
        """Reference → first transaction and amount."""
        found: dict[str, tuple[str, int]] = {}
        for reference, transaction, amount in self.lines("paid"):
            found.setdefault(reference, (transaction, amount))
        return found


class Gate:
    """The gateway's adapter. Fates: ok, down, refuse, lost_before, lost_after, blind, paid_first, bad_word, held."""

    def __init__(self, till: Till, clock: SimClock, fate: Fate, call_back: Callable[[str], Any]) -> None:
        self.till = till
        self.clock = clock
        self.fate = fate
        self.call_back = call_back
        self.sent: list[str] = []
        self.asked: list[str] = []

    def check(self, delivery: Delivery) -> None:
        """Everything can be shaped."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [self._deliver(delivery) for delivery in batch]

    def _deliver(self, delivery: Delivery) -> Attempt:
        of = delivery.payment
        assert of is not None
        if delivery.event.kind != "payment.requested":
            self.till.note("receipt", of.reference, delivery.event.kind)
            return said(Delivered())
        fate = self.fate(delivery)
        if fate == "held":
            raise Unmappable(field="/data/unit", rule="no_row")
        self.sent.append(of.reference)
        if fate in ("ok", "lost_after", "paid_first"):
            self.till.note("opened", of.reference, of.amount)
        if fate == "paid_first":
            self.till.note("paid", of.reference, f"T-{of.reference}", of.amount)
            self.call_back(of.reference)
        if fate == "down":
            return said(Unreachable(reason="refused"))
        if fate == "refuse":
            return said(Refused(code="95", reason="no such agency"))
        if fate in ("lost_before", "lost_after"):
            return said(InDoubt(reason="reply lost"))
        return said(self._taken(of.reference), pay_url=f"https://pay.example.invalid/{of.reference}", qr="0002")

    def ask(self, delivery: Delivery) -> Attempt:
        of = delivery.payment
        assert of is not None
        self.asked.append(of.reference)
        fate = self.fate(delivery)
        if fate == "down":
            return said(Unreachable(reason="refused"))
        if fate == "blind":
            return said(InDoubt(reason="reply lost"))
        if not self.till.has(of.reference):
            told = Told(partner=GATE, reference=of.reference, verdict=Verdict.NOT_THERE, via="query")
            return said(Unreachable(reason="not there", retry_after=timedelta(), is_down=False), told=told)
        told = self.word(of.reference, "query")
        if fate == "bad_word":
            told = Told(
                partner=GATE, reference=of.reference, verdict=Verdict.PAID, via="query", transaction="T-bad", amount=1
            )
        outcomes = {Verdict.PAID: Delivered(), Verdict.FAILED: Refused(code="24", reason="cancelled")}
        return said(outcomes.get(told.verdict, self._taken(of.reference)), told=told)

    def _taken(self, reference: str) -> Awaiting:
        return Awaiting(reference=reference, ask_at=self.clock.now(), lane_goes_on=True)

    def word(self, reference: str, via: Via) -> Told:
        """What the gateway says of an order now."""
        paid = self.till.paid().get(reference)
        is_failed = [reference] in self.till.lines("failed")
        verdict = Verdict.FAILED if is_failed else Verdict.PENDING
        return Told(
            partner=GATE,
            reference=reference,
            verdict=verdict if paid is None else Verdict.PAID,
            via=via,
            transaction=None if paid is None else paid[0],
            amount=None if paid is None else paid[1],
            currency=None if paid is None else "VND",
            bank=None if paid is None else "NCB",
            code="24" if is_failed and paid is None else "00",
            reason="cancelled" if is_failed and paid is None else "",
            evidence=json.dumps([reference, via]).encode(),
            address="192.0.2.7",
            key_id="key-1",
        )


class Listener:
    """A partner that takes everything, and remembers it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def check(self, delivery: Delivery) -> None:
        """Everything can be shaped."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        with self._path.open("a") as file:
            for delivery in batch:
                fees = [fee.state for fee in delivery.standing.payments]
                file.write(json.dumps([delivery.event.id, delivery.event.kind, dict(delivery.event.data), fees]) + "\n")
        return [said(Delivered()) for _ in batch]

    def ask(self, delivery: Delivery) -> Attempt:
        has = any(line[0] == delivery.event.id for line in self.heard())
        return said(Delivered() if has else Unreachable(reason="not there", retry_after=timedelta(), is_down=False))

    def heard(self) -> list[list[Any]]:
        return [json.loads(line) for line in self._path.read_text().splitlines()]


def said(outcome: Any, **facts: Any) -> Attempt:
    return Attempt(outcome=outcome, exchanges=(make_exchange(operation="INIT"),), facts=facts)


class PayWorld:
    """A ledger with its gateway, ear and portal, a worker, an asker, and time."""

    def __init__(
        self,
        folder: Path,
        *,
        fate: Fate = all_well,
        crash_point: CrashPoint = no_crash,
        clock: SimClock | None = None,
        takes: bool = True,
        hears: bool = True,
        **policy: Any,
    ) -> None:
        self.path = folder / "ledger.db"
        self.clock = clock or SimClock()
        self.till = Till(folder / "till")
        self.gate = Gate(self.till, self.clock, fate, lambda reference: self.call_back(reference))
        self.ear, self.portal = Listener(folder / "ear"), Listener(folder / "portal")
        self.point = crash_point
        self.takes = takes
        self.policy = PaymentPolicy(
            gateway_for=lambda *asked: GatewayChoice(partner=GATE, receipts="gateway") if self.takes else None,
            taker=lambda source: EAR if hears else None,
            **({"portal": PORTAL} | policy),
        )
        if not self.path.exists():
            migrate(self.path, FileStorage(), self.clock)
        self.ledger = self.opened()
        patience = Patience(in_flight=timedelta(seconds=30))
        adapters = {GATE: self.gate, EAR: self.ear, PORTAL: self.portal}
        self.partners = {name: PartnerWork(adapter=one, patience=patience) for name, one in adapters.items()}
        self.work_anew()

    def work_anew(self) -> None:
        """A worker and an asker for the ledger that is open now."""
        self.dispatcher = Dispatcher(
            self.ledger,
            self.partners,
            name="w1",
            clock=self.clock,
            randomness=SeededRandomness(2),
            crash_point=self.point,
        )
        books = (PaymentQuestions(self.ledger), RefundQuestions(self.ledger))
        self.asker = Asker(
            self.ledger, {GATE: self.partners[GATE]}, books, name="w1", clock=self.clock, crash_point=self.point
        )

    def opened(self) -> Ledger:
        return Ledger.open(
            self.path,
            MASTER,
            clock=self.clock,
            randomness=SeededRandomness(1),
            storage=FileStorage(),
            crash_point=self.point,
            payments=self.policy,
        )

    def close(self) -> None:
        self.ledger.close()

    # -- what happens -------------------------------------------------------------------------------------------

    def record(self, event: Event) -> Acceptance:
        return self.ledger.record(event, (RECORD_ROUTE,) if event.kind == "dossier.recorded" else ())

    def ask_for(self, name: str = "P1", **data: Any) -> Acceptance:
        """A source asks for a payment."""
        return self.record(payment_event(name, **data))

    def open_payment(self, name: str = "P1", **data: Any) -> str:
        """Asked for, and opened at the gateway; its reference."""
        self.ask_for(name, **data)
        self.run()
        return self.reference(name)

    def pay(self, reference: str, *, transaction: str | None = None, amount: int = AMOUNT) -> None:
        """The citizen pays; nobody is told yet."""
        self.till.note("paid", reference, transaction or f"T-{reference}", amount)

    def fail(self, reference: str) -> None:
        self.till.note("failed", reference)

    def call_back(self, reference: str, **changes: Any) -> Heard:
        """The gateway calls back with what it has in its books."""
        return self.hear(reference, via="callback", **changes)

    def hear(self, reference: str, **changes: Any) -> Heard:
        word = self.gate.word(reference, "callback")
        members = {name: getattr(word, name) for name in Told.__slots__}
        members["verdict"] = Verdict(changes.pop("verdict", word.verdict))
        return self.ledger.payments.hear(Told(**(members | changes)))

    def run(self, times: int = 3) -> int:
        """Carry what is due; how much."""
        return sum(self.dispatcher.run_once() for _ in range(times))

    def pass_time(self, **time: float) -> None:
        """Time passes, with all that happens meanwhile."""
        self.clock.sleep(timedelta(**time).total_seconds())
        self.asker.run_once(self.clock.now())
        self.run()

    def live_on(self, hours: int = 80) -> None:
        """Until nothing is asked about any more."""
        for _ in range(hours):
            self.pass_time(hours=1)

    # -- what came of it ----------------------------------------------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.ledger.engine.snapshot() as tx:
            return tx.connection.execute(sql, values).fetchall()

    def payment(self, name: str = "P1") -> tuple[str, str, str, str]:
        """States of the payment, of its newest attempt, of its delivery, and that one's cause."""
        sql = (
            "SELECT p.state, a.state, d.state, d.cause FROM payments p JOIN payment_attempts a ON a.payment = p.id "
            "JOIN deliveries d ON d.id = a.delivery WHERE p.name = ? ORDER BY a.n DESC LIMIT 1"
        )
        return self.rows(sql, name)[0]  # type: ignore[return-value]

    def number(self, name: str = "P1") -> int:
        return int(self.rows("SELECT id FROM payments WHERE name = ?", name)[0][0])

    def reference(self, name: str = "P1", n: int | None = None) -> str:
        sql = "SELECT a.reference FROM payment_attempts a JOIN payments p ON p.id = a.payment WHERE p.name = ?1"
        sql += " AND (?2 IS NULL OR a.n = ?2) ORDER BY a.n DESC LIMIT 1"
        return str(self.rows(sql, name, n)[0][0])

    def tasks(self) -> list[str]:
        """Kinds of open tasks, in their order, without what every test's installation lacks."""
        sql = "SELECT kind FROM payment_tasks WHERE closed_at IS NULL AND kind <> 'beneficiary_missing' ORDER BY id"
        return [row[0] for row in self.rows(sql)]

    def news(self) -> list[str]:
        """Kinds that the one-stop system heard, in their order."""
        return [line[1].removeprefix("payment.") for line in self.ear.heard()]

    def told(self, kind: str) -> dict[str, Any]:
        """The data of the one event of a kind."""
        (data,) = [line[2] for line in self.ear.heard() if line[1] == f"payment.{kind}"]
        return dict(data)

    def effects(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT effect FROM payment_hearings ORDER BY id")]

    def damages(self) -> list[Any]:
        return list(verify(self.ledger, bodies=True))

    def judged(self) -> None:
        """One effect for each payment; all of it bound; nothing told twice; the gateway's money is ours or a task."""
        assert [] == self.damages()
        settled = self.rows(
            "SELECT w.payment FROM payment_news w JOIN events e ON e.id = w.event WHERE e.kind = 'payment.settled'"
        )
        paid = self.rows("SELECT id FROM payments WHERE paid_attempt IS NOT NULL")
        assert sorted(paid) == sorted(settled), "exactly one settled event for each paid payment"
        heard = Counter(line[0] for line in self.ear.heard())
        assert [] == [id for id, count in heard.items() if count > 1], "told twice"
        ours = {row[0] for row in self.rows("SELECT reference FROM payment_attempts WHERE state = 'paid'")}
        assert ours <= self.till.paid().keys(), "paid here and not there"


def payment_event(
    name: str = "P1", amount: int = AMOUNT, *, dossier: str = DOSSIER, id: str = "", **data: Any
) -> Event:
    """A source asks for a payment."""
    body = {
        "payment": name,
        "amount": amount,
        "currency": "VND",
        "unit": "000.00.09.H99",
        "procedure": "1.013225",
        "fees": [{"kind": "charge", "code": "L1", "name": "Lệ phí", "amount": amount}],
        "payer": {"name": "Nguyễn Thị Ví Dụ", "identity_number": "099000000001", "phone": "0900000001"},
    }
    return money_event("payment.requested", id or f"ask-{name}", body | data, dossier)


def counter_event(name: str = "P1", amount: int = AMOUNT, *, id: str = "", **data: Any) -> Event:
    """It was paid at the counter."""
    body = {"payment": name, "amount": amount, "currency": "VND", "paid_at": NOON.isoformat()}
    return money_event("payment.paid_at_counter", id or f"counter-{name}", body | data, DOSSIER)


def money_event(kind: str, id: str, data: dict[str, Any], dossier: str) -> Event:
    wire = event_json(kind, id=id, dossier=dossier, source=SOURCE)
    return from_json(wire | {"data": data})


def record_event(**data: Any) -> Event:
    """A record that names the fee."""
    fee = {"code": "L1", "name": "Lệ phí", "kind": "charge", "amount": AMOUNT, "currency": "VND", "state": "unpaid"}
    return make_event(**({"fees": [fee], "origin": "one_stop", "paid_online": "none"} | data))


def add_account(world: PayWorld) -> None:
    """An account that every fee is paid to, as if two persons had agreed to it."""
    sql = (
        "INSERT INTO beneficiaries (unit, account, bank, name, valid_from, proposed_at, proposed_by, reason, "
        "approved_at, approved_by) VALUES ('', '0000000000000', '999999', 'UBND', 0, 0, 'an', '-', 0, 'binh')"
    )
    world.ledger.engine.write(lambda tx: tx.connection.execute(sql))


def take_accounts_away(world: PayWorld) -> None:
    """What was put in behind the ledger's back would be found."""
    world.ledger.engine.write(lambda tx: tx.connection.execute("DELETE FROM beneficiaries"))
