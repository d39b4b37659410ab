"""What the proofs of payments share: a till whose books outlive a process, payers, a portal that shows fees, the judge.

The till is a gateway as the bus sees it: it opens an order under a reference once, lets somebody pay, calls back, can
be asked, pays back. What it took and what was sent to it stand in one file, whoever dies; the judge compares that file
with the ledger and believes nothing that the ledger says of itself.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.partners.gateways.asked import attempt_of
from bus.asking import Asker
from bus.dispatch import PartnerWork
from bus.errors import LedgerUnavailable
from bus.messages import (
    PAID_AT_COUNTER,
    PAYMENT_NEWS,
    PAYMENT_REQUESTED,
    PAYMENT_SETTLED,
    REFUND_REQUESTED,
    Attempt,
    Awaiting,
    Delivered,
    Delivery,
    Event,
    InDoubt,
    Outcome,
    Refused,
    Unreachable,
)
from bus.payment_asking import PaymentQuestions, RefundQuestions
from bus.payments import GatewayChoice, PaymentPolicy, TaskKind, Told, Verdict, with_payments
from bus.ports import CrashPoint, no_crash
from bus.times import to_ms
from bus.upkeep import verify
from tests.builders import NOON, make_event, make_payment
from tests.ears import EAR, Ears, listening
from tests.proofs.kit import Source
from tests.proofs.kit import work as carry
from tests.world import PARTNER, BookAdapter, Fate, SimClock, World

TILL: Final = "payment_platform"
MINUTE: Final = timedelta(minutes=1)
HARD: Final = ("lost_before", "lost_after", "down", "busy")
NEVER_LEFT: Final = ("down", "busy")
"""What is sent so has not arrived: it goes again as it is."""
ONE, TWO, THREE = (f"H99.09-260703-000{n}" for n in (1, 2, 3))
POLICY: Final = PaymentPolicy(
    gateway_for=lambda unit, procedure, kinds, at, wish: GatewayChoice(partner=TILL),
    taker=lambda source: EAR,
    portal=PARTNER,
    refund_approval_above=10**12,
)


# -- the till -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Order:
    """What one reference stands for at the till."""

    amount: int
    payment: str
    state: str = "open"
    transaction: str = ""
    is_acked: bool = False


class Till:
    """The gateway's books, in a file of its own: one line for each thing that happened."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self.lines: list[list[Any]] = []
        self.orders: dict[str, Order] = {}
        self.refresh()

    def close(self) -> None:
        os.close(self._descriptor)

    def refresh(self) -> None:
        """Learn what a process that died brought about."""
        text = os.pread(self._descriptor, os.fstat(self._descriptor).st_size - self._read, self._read)
        self._read += len(text)
        for line in text.splitlines():
            self._apply(json.loads(line))

    def write(self, *line: Any) -> None:
        raw = json.dumps(line).encode() + b"\n"
        os.write(self._descriptor, raw)
        self._read += len(raw)
        self._apply(list(line))

    def _apply(self, line: list[Any]) -> None:
        self.lines.append(line)
        what, reference = line[0], line[1]
        if what == "opened":
            self.orders[reference] = Order(amount=line[2], payment=line[3])
        elif what in ("paid", "failed"):
            self.orders[reference].state = what
            self.orders[reference].transaction = line[2]
        elif what == "acked":
            self.orders[reference].is_acked = True

    def of(self, what: str) -> list[list[Any]]:
        """The lines of one kind, in their order."""
        return [line for line in self.lines if line[0] == what]

    def told(self, reference: str, via: Any) -> Told:
        """What it says of a reference."""
        order = self.orders.get(reference)
        verdict = Verdict.NOT_THERE if order is None else _VERDICTS[order.state]
        is_paid = order is not None and verdict is Verdict.PAID
        return Told(
            partner=TILL,
            reference=reference,
            verdict=verdict,
            via=via,
            transaction=order.transaction if order is not None and is_paid else None,
            amount=order.amount if order is not None and is_paid else None,
            currency="VND" if is_paid else None,
            code="24" if verdict is Verdict.FAILED else "",
            evidence=reference.encode(),
        )


_VERDICTS: Final = {"open": Verdict.PENDING, "paid": Verdict.PAID, "failed": Verdict.FAILED}


class TillAdapter:
    """Speaks to the till. `fate` says what befalls a call: ok, lost_before, lost_after, down, busy."""

    def __init__(self, till: Till, clock: SimClock, fate: Fate, crash_point: CrashPoint = no_crash) -> None:
        self.till, self.clock, self.fate, self._point = till, clock, fate, crash_point

    def check(self, delivery: Delivery) -> None:
        """Everything can be shaped."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [self._deliver(delivery) for delivery in batch]

    def ask(self, delivery: Delivery) -> Attempt:
        assert delivery.payment is not None
        reference = delivery.payment.reference
        told = self.till.told(reference, "query")
        self.till.write("asked", reference, told.verdict)
        if self.fate(delivery) != "ok":
            return Attempt(outcome=InDoubt(reason="the answer was lost", is_down=False))
        return attempt_of(told, exchanges=(), now=self.clock.now())

    def _deliver(self, delivery: Delivery) -> Attempt:
        self._point("shape.before")
        fate = self.fate(delivery)
        self._point("shape.after")
        self._point("send.before")
        assert delivery.payment is not None
        made = self._refund(delivery, fate) if delivery.payment.refund is not None else self._open(delivery, fate)
        self._point("read.after")
        return made

    def _open(self, delivery: Delivery, fate: str) -> Attempt:
        of = delivery.payment
        assert of is not None
        self.till.write("sent", of.reference, fate, of.name)
        if fate in ("ok", "lost_after"):
            self.till.write("opened", of.reference, of.amount, of.name)
        self._point("send.after")
        opened = Awaiting(reference=of.reference, ask_at=self.clock.now() + 2 * MINUTE, lane_goes_on=True)
        facts = {"pay_url": f"https://pay.example.invalid/{of.reference}", "qr": None} if fate == "ok" else {}
        return Attempt(outcome=_outcome(fate, opened), facts=facts)

    def _refund(self, delivery: Delivery, fate: str) -> Attempt:
        of = delivery.payment
        assert of is not None
        assert of.refund is not None
        self.till.write("refund_sent", of.refund.key, fate)
        if fate in ("ok", "lost_after"):
            self.till.write("refunded", of.refund.key, of.reference, of.refund.amount)
        self._point("send.after")
        done = {"refund": {"state": "refunded", "reference": f"RF{of.refund.key[-8:]}"}} if fate == "ok" else {}
        lost = InDoubt(reason="the answer was lost", then="hold", is_down=False)
        outcome = lost if fate.startswith("lost") else _outcome(fate, Delivered())
        return Attempt(outcome=outcome, facts=done)


def _outcome(fate: str, well: Outcome) -> Outcome:
    if fate == "ok":
        return well
    if fate in NEVER_LEFT:
        return Unreachable(reason=fate, retry_after=timedelta(seconds=7) if fate == "busy" else None)
    return InDoubt(reason="reply lost", is_down=False)


class Shows(BookAdapter):
    """The portal: of each record it keeps what it shows of the fees."""

    def __init__(self, till: Till, clock: SimClock, fate: Fate, crash_point: CrashPoint, books: Any) -> None:
        super().__init__(books, clock, step_class="idempotent", fate=fate, crash_point=crash_point)
        self._till = till

    def _deliver(self, delivery: Delivery) -> Attempt:
        data = with_payments(delivery.event.data, delivery.standing.payments)
        made = super()._deliver(delivery)
        if not isinstance(made.outcome, Unreachable | Refused):
            fees = {fee["code"]: fee["state"] for fee in data["fees"]}
            self._till.write("shown", delivery.event.dossier, fees, data.get("paid_online"))
        return made


# -- the world ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Plan:
    """What a payer does about one payment, and how the till tells of it."""

    result: str = "paid"
    tells: int = 1
    """How often it calls back; 0: only a question finds out."""
    after: timedelta = timedelta()
    """How long after the beginning of the day."""


PLANS: Final = {
    "P1": Plan(tells=2),
    "P2": Plan(tells=0),
    "P3": Plan(after=timedelta(hours=3)),
    "P4": Plan(after=timedelta(hours=1)),
    "P5": Plan(result="failed"),
}
"""Told twice; never told; paid after its time was over; paid after it was paid at the counter; not paid."""


class PayWorld(World):
    """A world with a till, payers, a portal that shows fees, and a one-stop system that hears of payments."""

    def __init__(
        self,
        folder: Path,
        *,
        till: Till | None = None,
        plans: dict[str, Plan] | None = None,
        till_fate: Fate = lambda _delivery: "ok",
        fate: Fate = lambda _delivery: "ok",
        ear_fate: Fate = lambda _delivery: "ok",
        crash_point: CrashPoint = no_crash,
        clock: SimClock | None = None,
        **options: Any,
    ) -> None:
        clock = clock or SimClock()
        self.till = till or Till(folder / "till")
        self.plans = PLANS if plans is None else plans
        self.ears = Ears(ear_fate, folder / "heard")
        self.till_adapter = TillAdapter(self.till, clock, till_fate, crash_point)
        super().__init__(folder, payments=POLICY, fate=fate, crash_point=crash_point, clock=clock, **options)

    def open(self) -> None:
        super().open()
        self.adapter = Shows(self.till, self.clock, self.adapter.fate, self._crash_point, self.books)
        self.partners[PARTNER] = PartnerWork(adapter=self.adapter, patience=self._patience, batch=self._batch)
        self.others[TILL] = self.partners[TILL] = PartnerWork(adapter=self.till_adapter)
        listening(self, self.ears)
        self.dispatcher = self.worker("w1")
        books = (PaymentQuestions(self.ledger), RefundQuestions(self.ledger))
        self.asker = Asker(
            self.ledger, {TILL: self.partners[TILL]}, books, name="w1", clock=self.clock, crash_point=self._crash_point
        )

    # -- people ---------------------------------------------------------------------------------------------------

    def pay(self) -> int:
        """Payers do what they mean to do by now, and the till calls back; how much happened."""
        now, count = self.clock.now(), 0
        for reference, order in list(self.till.orders.items()):
            plan = self.plans.get(order.payment, Plan())
            if order.state == "open" and now >= NOON + plan.after:
                self.till.write(plan.result, reference, f"GD{reference[-12:]}")
                count += 1
            if order.state != "open" and not order.is_acked and plan.tells:
                count += self.call_back(reference, plan.tells)
        return count

    def call_back(self, reference: str, times: int = 1) -> int:
        """The till tells, until somebody says yes to it."""
        try:
            for _ in range(times):
                self.ledger.payments.hear(self.till.told(reference, "callback"))
        except LedgerUnavailable:
            return 0
        self.till.write("acked", reference)
        return 1

    # -- time -----------------------------------------------------------------------------------------------------

    def work(self) -> int:
        """Everything that is due now; how much was done."""
        done = carry(self) + self.pay() + self.asker.run_once()
        return done + self.pay()

    def calm(self, length: timedelta) -> None:
        """Work, and let time pass to whatever is due next, for so long."""
        end = self.clock.now() + length
        while True:
            if self.work():
                continue
            due = self._next_due()
            if due is None or due > end:
                self.clock.time = max(self.clock.now(), end)
                return
            self.clock.time = max(self.clock.now() + timedelta(seconds=1), due)

    def _next_due(self) -> datetime | None:
        dues = [due for name in self.partners if (due := self.ledger.next_due(name)) is not None]
        dues += [row[0] for row in self.rows("SELECT min(ask_at) FROM payment_attempts") if row[0] is not None]
        open_states = "('created', 'unknown', 'open', 'pending')"
        for (at,) in self.rows(f"SELECT min(expires_at) FROM payments WHERE state IN {open_states}"):
            dues += [] if at is None else [max(at, to_ms(self.clock.now()) + 60_000)]
        later = [
            to_ms(NOON + self.plans[order.payment].after)
            for order in self.till.orders.values()
            if order.state == "open" and order.payment in self.plans
        ]
        soonest = min([*dues, *(at for at in later if at > to_ms(self.clock.now()))], default=None)
        return None if soonest is None else datetime.fromtimestamp((soonest + 1) / 1000, tz=self.clock.now().tzinfo)

    def rows(self, sql: str) -> list[Any]:
        found: list[Any] = self.ledger.engine.read()._connection.execute(sql).fetchall()
        return found


# -- a day ----------------------------------------------------------------------------------------------------------


def fees(*codes: str) -> list[dict[str, Any]]:
    """A record's fees, as its source knows them: not paid."""
    fee = {"name": "Lệ phí", "kind": "charge", "amount": 75_000, "currency": "VND", "state": "unpaid"}
    return [fee | {"code": code} for code in codes]


def asked(name: str, dossier: str, minute: float, **data: Any) -> Event:
    """One payment of 75,000 đồng for the fee of its own name."""
    one = [{"kind": "charge", "code": name, "name": "Lệ phí", "amount": 75_000}]
    return make_payment(PAYMENT_REQUESTED, dossier=dossier, payment=name, at=NOON + minute * MINUTE, fees=one, **data)


def day() -> list[Event]:
    """Five payments of three dossiers: before and after their records, one at the counter, two refunds of one."""
    return [
        make_event(dossier=ONE, fees=fees("P1", "P3")),
        asked("P1", ONE, 1),
        asked("P2", TWO, 1),
        make_event(dossier=TWO, at=NOON + 2 * MINUTE, fees=fees("P2", "P4")),
        asked("P3", ONE, 3, expires_at=(NOON + timedelta(hours=1)).isoformat()),
        asked("P4", TWO, 3),
        asked("P5", THREE, 4),
        make_payment(PAID_AT_COUNTER, dossier=TWO, payment="P4", at=NOON + 20 * MINUTE),
        make_payment(REFUND_REQUESTED, dossier=ONE, payment="P1", refund="R1", amount=30_000, at=NOON + 21 * MINUTE),
        make_payment(REFUND_REQUESTED, dossier=ONE, payment="P1", refund="R2", amount=50_000, at=NOON + 22 * MINUTE),
        make_event(dossier=ONE, at=NOON + 30 * MINUTE, status="processing", fees=fees("P1", "P3")),
    ]


EARLY: Final = 7
"""Events of the day that come at its beginning; the rest comes when the first payments were made."""


def live(world: PayWorld, source: Source) -> None:
    """The day until the evening: events come, are carried, people pay, time goes over."""
    for count in (3, EARLY - 3):
        source.tell(world, count)
        world.calm(MINUTE)
    world.calm(30 * MINUTE)
    source.tell(world)
    world.calm(timedelta(hours=6))


def recover(world: PayWorld, source: Source) -> None:
    """After trouble the source tells what nobody answered, each in its turn, and all works until nothing is due."""
    early = {event.id for event in source.events[:EARLY]}
    while any(event.id in early and event.id not in source.answered for event in source.events):
        source.tell(world, 1)
        world.calm(MINUTE)
    world.calm(30 * MINUTE)
    while source.tell(world, 1):
        world.calm(MINUTE)
    world.calm(timedelta(hours=80))


# -- the judge ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Findings:
    """Where ledger, till, one-stop system and portal do not agree."""

    wrong: list[str] = field(default_factory=list)

    def want(self, is_right: bool, says: str) -> None:
        """Note what is not so."""
        if not is_right:
            self.wrong.append(says)


def judge(world: PayWorld) -> list[str]:
    """Everything that is wrong with what came of the payments, by the till's own books; empty when all is right."""
    found = Findings()
    for each in (_money, _once, _sending, _news, _refunds, _ended):
        each(world, found)
    found.wrong += [str(damage) for damage in verify(world.ledger, bodies=True)]
    return found.wrong


def _attempts(world: PayWorld) -> dict[str, tuple[Any, ...]]:
    sql = """SELECT a.reference, a.state, a.transaction_id, a.id, p.id, p.name, p.state, p.paid_attempt
        FROM payment_attempts a JOIN payments p ON p.id = a.payment"""
    return {row[0]: row[1:] for row in world.rows(sql)}


def _money(world: PayWorld, found: Findings) -> None:
    """Every đồng that the till took is known: an attempt that is paid, and counted or asked about by a task."""
    known = _attempts(world)
    tasks = {row[0] for row in world.rows("SELECT attempt FROM payment_tasks WHERE attempt IS NOT NULL")}
    for reference, order in world.till.orders.items():
        if order.state != "paid":
            continue
        state, transaction, attempt, _, name, _, counts = known.get(
            reference, ("unknown", None, None, 0, "?", "", None)
        )
        found.want((state, transaction) == ("paid", order.transaction), f"{name}: {reference} was paid, and is {state}")
        found.want(counts == attempt or attempt in tasks, f"{name}: {reference} was paid too, and nobody is asked")
    for reference, (state, *_rest) in known.items():
        is_paid = reference in world.till.orders and world.till.orders[reference].state == "paid"
        found.want(state != "paid" or is_paid, f"{reference} is paid here, and was not")


def _once(world: PayWorld, found: Findings) -> None:
    """A payment counts once: one paid attempt, one word of it; what is open at the till is one order a payment."""
    news = Counter(row[0] for row in world.rows(
        f"""SELECT p.name FROM payment_news n JOIN events e ON e.id = n.event JOIN payments p ON p.id = n.payment
        WHERE e.kind = '{PAYMENT_SETTLED}'"""
    ))  # fmt: skip
    for name, paid in world.rows("SELECT name, paid_attempt FROM payments"):
        found.want(news[name] == (paid is not None), f"{name}: told {news[name]} times that it was paid")
    opened = Counter(line[3] for line in world.till.of("opened"))
    found.want(all(count == 1 for count in opened.values()), f"opened twice: {opened}")
    references = Counter(line[1] for line in world.till.of("opened"))
    found.want(all(count == 1 for count in references.values()), f"one reference twice: {references}")


def _sending(world: PayWorld, found: Findings) -> None:
    """After an unclear reply nothing goes again before the till was asked, and then under another reference."""
    unclear: dict[str, str] = {}
    for what, reference, *more in world.till.lines:
        if what == "sent":
            fate, name = more
            before = unclear.get(name)
            found.want(before is None, f"{name}: {reference} sent, and {before} was never asked about")
            if fate not in NEVER_LEFT:
                unclear[name] = reference
        elif what == "asked" and more == [Verdict.NOT_THERE]:
            unclear = {name: known for name, known in unclear.items() if known != reference}


def _news(world: PayWorld, found: Findings) -> None:
    """The one-stop system has heard all that was told, each once, those of one dossier in their order."""
    kinds = ", ".join(f"'{kind}'" for kind in PAYMENT_NEWS)
    told, heard = defaultdict(list), defaultdict(list)
    of = {}
    for id, dossier in world.rows(f"SELECT event_id, dossier FROM events WHERE kind IN ({kinds}) ORDER BY id"):
        told[dossier].append(id)
        of[id] = dossier
    for id in world.ears.heard:
        heard[of.get(id)].append(id)
    found.want(dict(told) == dict(heard), f"told {dict(told)}, heard {dict(heard)}")


def _refunds(world: PayWorld, found: Findings) -> None:
    """No refund is sent twice after it may have arrived, and together they are never more than was paid."""
    sent = Counter(key for _, key, fate in world.till.of("refund_sent") if fate not in NEVER_LEFT)
    found.want(all(count == 1 for count in sent.values()), f"refunds sent twice: {sent}")
    back: Counter[str] = Counter()
    for _, _key, reference, amount in world.till.of("refunded"):
        back[reference] += amount
    for reference, amount in back.items():
        order = world.till.orders[reference]
        found.want(order.state == "paid" and amount <= order.amount, f"{reference}: {amount} paid back")


def _ended(world: PayWorld, found: Findings) -> None:
    """Every payment ended."""
    is_open = world.rows("SELECT name, state FROM payments WHERE state IN ('created', 'unknown', 'open', 'pending')")
    found.want(not is_open, f"still open: {is_open}")


def states(world: PayWorld) -> dict[str, str]:
    """Where each payment stands."""
    return dict(world.rows("SELECT name, state FROM payments"))


def awaited(world: PayWorld, ends: dict[str, str]) -> dict[str, str]:
    """What these payments should have come to: a refund whose answer was lost waits for a person, and says so."""
    unclear = {name for name, _kind in tasks(world, TaskKind.REFUND_UNCLEAR)}
    return ends | dict.fromkeys(unclear, "refund_pending")


def tasks(world: PayWorld, *kinds: TaskKind) -> set[tuple[str, str]]:
    """What persons are asked, of these kinds: payment and kind."""
    wanted = set(kinds)
    sql = "SELECT p.name, t.kind FROM payment_tasks t LEFT JOIN payments p ON p.id = t.payment"
    return {(name, kind) for name, kind in world.rows(sql) if TaskKind(kind) in wanted}


def shown(world: PayWorld) -> dict[str, tuple[dict[str, str], str | None]]:
    """What the portal shows of each dossier's fees now."""
    return {line[1]: (line[2], line[3]) for line in world.till.of("shown")}


Judge = Callable[[PayWorld], Iterable[str]]
