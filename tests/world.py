"""A small world for the bus: its own clock and chance, a ledger in a folder, and a partner whose books are the judge.

The partner here is a double that behaves (it keeps what it takes, and forgets nothing); the national portal's strict
mock on a real port is used where the wire matters. Nothing in this world sleeps: its clock jumps.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bus.circuit import Manners
from bus.dispatch import Dispatcher, PartnerWork
from bus.errors import NotFound
from bus.follow_ups import NOTHING, FollowUps, routes_with
from bus.intake import Intake
from bus.ledger import Ledger
from bus.messages import (
    Acceptance,
    Attempt,
    Delivered,
    Delivery,
    Event,
    Exchange,
    InDoubt,
    Outcome,
    Refused,
    State,
    Unreachable,
)
from bus.payments import NO_PAYMENTS, PaymentPolicy
from bus.ports import CrashPoint, FileStorage, Storage, no_crash
from bus.prepared import Order
from bus.reads import Reads
from bus.repairs import Repairs
from bus.retry import Patience
from bus.routing import Route, Routes
from bus.seal import MasterKey
from bus.upkeep import migrate
from tests.builders import NOON, SOURCE

PARTNER = "books"
RECORD_ROUTE = Route(kind="dossier.recorded", partner=PARTNER, rule="latest_wins")
STEP_ROUTE = Route(kind="dossier.progressed", partner=PARTNER, rule="every_step", needs_record=True)
MASTER = MasterKey(bytes(range(32)))


class SimClock:
    """Time that only moves when it is told to, or waited for."""

    def __init__(self, now: datetime = NOON) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class SeededRandomness:
    """Chance that repeats."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def between(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


@dataclass(frozen=True, slots=True)
class Effect:
    """A change of the partner's books."""

    kind: str
    dossier: str
    event: str
    repeat: bool


@dataclass(slots=True)
class Books:
    """What the partner has; the only judge."""

    effects: list[Effect] = field(default_factory=list)
    records: dict[str, str] = field(default_factory=dict)
    """Dossier to the id of the record it holds."""
    step_ids: set[str] = field(default_factory=set)

    def put_record(self, event: Event) -> None:
        repeat = self.records.get(event.dossier) == event.id
        self.write(Effect("record", event.dossier, event.id, repeat))

    def add_step(self, event: Event, *, knows_ids: bool) -> None:
        if knows_ids and self.has_step(event):
            return
        self.write(Effect("step", event.dossier, event.id, repeat=False))

    def write(self, effect: Effect) -> None:
        """One line more in the books."""
        self.effects.append(effect)
        if effect.kind == "record":
            self.records[effect.dossier] = effect.event
        else:
            self.step_ids.add(effect.event)

    def has_record(self, event: Event) -> bool:
        return event.dossier in self.records

    def has_step(self, event: Event) -> bool:
        return event.id in self.step_ids

    def steps(self, dossier: str) -> list[str]:
        return [e.event for e in self.effects if e.kind == "step" and e.dossier == dossier]


Fate = Callable[[Delivery], str]
"""What happens to a delivery: ok, lost_before, lost_after, garbled_before, garbled_after, skipped, down, busy, refuse,
raise. `skipped`: the yes of a batch does not name it, and it was not taken. `later`: too busy to take anything."""


def all_well(_delivery: Delivery) -> str:
    return "ok"


class BookAdapter:
    """Speaks to the books. `step_class`: idempotent (the books know our ids), queryable, or blind."""

    def __init__(
        self,
        books: Books,
        clock: SimClock,
        *,
        step_class: str = "blind",
        fate: Fate = all_well,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        self.books = books
        self.clock = clock
        self.step_class = step_class
        self.fate = fate
        self.asked = 0
        self.sent = 0
        self.calls: list[tuple[str, str, str]] = []
        """Every call in its order: `sent` or `asked`, the event's id, and what the reply was like."""
        self._point = crash_point

    def check(self, delivery: Delivery) -> None:
        if self.fate(delivery) == "unshapable":
            raise ValueError("it cannot be shaped")

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [self._deliver(delivery) for delivery in batch]

    def _deliver(self, delivery: Delivery) -> Attempt:
        self._point("shape.before")
        self.sent += 1
        fate = self.fate(delivery)
        if fate == "raise":
            raise RuntimeError("a bug of ours")
        self._point("shape.after")
        self._point("send.before")
        if fate in ("ok", "lost_after", "garbled_after"):
            self._take(delivery.event)
        self._point("send.after")
        self.calls.append(("sent", delivery.event.id, fate))
        attempt = Attempt(outcome=self._outcome(fate), exchanges=(self._exchange(delivery, fate),), facts=_facts(fate))
        self._point("read.after")
        return attempt

    def _take(self, event: Event) -> None:
        if event.kind == "dossier.recorded":
            self.books.put_record(event)
        else:
            self.books.add_step(event, knows_ids=self.step_class == "idempotent")

    def _outcome(self, fate: str) -> Outcome:
        outcomes: Mapping[str, Outcome] = {
            "ok": Delivered(receipt="r"),
            "lost_before": InDoubt(reason="reply lost"),
            "lost_after": InDoubt(reason="reply lost"),
            "garbled_before": InDoubt(reason="html with status 200"),
            "garbled_after": InDoubt(reason="html with status 200"),
            "skipped": InDoubt(reason="the yes does not name it", is_down=False),
            "down": Unreachable(reason="refused"),
            "later": Unreachable(reason="later", is_down=False),
            "busy": Unreachable(reason="429", retry_after=timedelta(seconds=7)),
            "refuse": Refused(code="-1", reason="no"),
        }
        return outcomes[fate]

    def ask(self, delivery: Delivery) -> Attempt:
        self.asked += 1
        event = delivery.event
        self.calls.append(("asked", event.id, ""))
        exchanges = (self._exchange(delivery),)
        if event.kind == "dossier.recorded":
            there = self.books.has_record(event)
            again = Unreachable(reason="goes again", retry_after=timedelta(), is_down=False)
            return Attempt(outcome=again, exchanges=exchanges, facts={"exists": there})
        if self.step_class == "blind":
            return Attempt(outcome=InDoubt(reason="cannot be asked", then="hold", is_down=False))
        if self.step_class == "queryable" and self.books.has_step(event):
            return Attempt(outcome=Delivered(), exchanges=exchanges)
        again = Unreachable(reason="not there", retry_after=timedelta(), is_down=False)
        return Attempt(outcome=again, exchanges=exchanges)

    def _exchange(self, delivery: Delivery, fate: str = "ok") -> Exchange:
        return Exchange(
            operation=delivery.event.kind,
            method="POST",
            url="http://127.0.0.1/books",
            request_head=b"",
            request_body=delivery.event.body,
            sent_at=self.clock.now(),
            took=timedelta(milliseconds=1),
            status=429 if fate == "later" else 200,
            reply_body=b"{}",
        )


def _facts(fate: str) -> dict[str, Any]:
    return {"exists": True, "mapping": "v1"} if fate == "ok" else {}


class World:
    """A ledger, a partner, a worker, and time. Close it, and open it again, as often as needed."""

    def __init__(
        self,
        folder: Path,
        *,
        fate: Fate = all_well,
        step_class: str = "blind",
        manners: Manners | None = None,
        patience: Patience | None = None,
        orders: Mapping[str, Order] | None = None,
        routes: Sequence[Route] = (RECORD_ROUTE, STEP_ROUTE),
        batch: int = 1,
        shadows: frozenset[str] = frozenset(),
        crash_point: CrashPoint = no_crash,
        storage: Storage | None = None,
        clock: SimClock | None = None,
        books: Books | None = None,
        seed: int = 0,
        follow_ups: FollowUps = NOTHING,
        payments: PaymentPolicy = NO_PAYMENTS,
    ) -> None:
        self.path = folder / "ledger.db"
        self.clock = clock or SimClock()
        self.books = books or Books()
        self.storage = storage or FileStorage()
        self.adapter = BookAdapter(self.books, self.clock, step_class=step_class, fate=fate, crash_point=crash_point)
        self.randomness = SeededRandomness(seed)
        self._manners = manners or Manners()
        self._patience = patience or Patience(in_flight=self._manners.in_flight)
        self._orders = orders or {}
        self._routes = routes_with(Routes(routes), follow_ups)
        self.follow_ups = follow_ups
        self.payments = payments
        self.others: dict[str, PartnerWork] = {}
        """Further partners, by name."""
        self._batch = batch
        self._shadows = shadows
        self._crash_point = crash_point
        if not self.path.exists():
            migrate(self.path, FileStorage(), self.clock)
        self.open()

    def open(self) -> None:
        self.ledger = Ledger.open(
            self.path,
            MASTER,
            clock=self.clock,
            randomness=self.randomness,
            storage=self.storage,
            crash_point=self._crash_point,
            manners={PARTNER: self._manners},
            orders=self._orders,
            shadows=self._shadows,
            follow_ups=self.follow_ups,
            payments=self.payments,
        )
        self.intake = Intake(self.ledger, self._routes, crash_point=self._crash_point)
        self.reads = Reads(self.ledger)
        self.repairs = Repairs(self.ledger)
        here = PartnerWork(adapter=self.adapter, patience=self._patience, batch=self._batch)
        self.partners = {PARTNER: here, **self.others}
        self.dispatcher = self.worker("w1")

    def worker(self, name: str) -> Dispatcher:
        return Dispatcher(
            self.ledger,
            self.partners,
            name=name,
            clock=self.clock,
            randomness=self.randomness,
            crash_point=self._crash_point,
        )

    def close(self) -> None:
        self.ledger.close()

    def accept(self, *events: Event) -> list[Acceptance]:
        return [self.intake.accept(event) for event in events]

    def run(self, times: int = 1) -> int:
        """Claim and carry what is due; how many deliveries were carried."""
        return sum(self.dispatcher.run_once() for _ in range(times))

    def pass_time(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def settle_down(self, *, hours: int = 12) -> None:
        """Work, and let time pass, until nothing is due within these hours."""
        end = self.clock.now() + timedelta(hours=hours)
        idle = 0
        while self.clock.now() < end and idle < 60:
            if self.run():
                idle = 0
                continue
            idle += 1
            dues = [due for name in self.partners if (due := self.ledger.next_due(name)) is not None]
            due = min(dues, default=None)
            if due is None or due > end.timestamp() * 1000:
                return
            when = datetime.fromtimestamp((due + 1) / 1000, tz=self.clock.now().tzinfo)
            self.clock.time = max(self.clock.now() + timedelta(seconds=1), when)

    # -- what came of it ----------------------------------------------------------------------------------------

    def state_of(self, event: Event) -> str:
        return str(self.delivery_of(event)["state"])

    def delivery_of(self, event: Event) -> dict[str, Any]:
        found: dict[str, Any] = self.reads.event(event.source, event.id)["deliveries"][0]
        return found

    def states(self) -> dict[str, int]:
        return self.reads.tallies().get(PARTNER, {})

    def steps_at_partner(self, dossier: str) -> list[str]:
        return self.books.steps(dossier)


@dataclass(frozen=True, slots=True)
class Account:
    """Ledger against books, event by event."""

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    out_of_order: tuple[str, ...]
    false_green: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.out_of_order or self.false_green)


VISIBLY_OPEN = {State.WAITING, State.SENDING, State.AWAITING, State.IN_DOUBT, State.HELD, State.REFUSED}


def account(world: World, accepted: Sequence[Event]) -> Account:
    """Judge by the partner's books: what is due and neither there nor visibly open is lost."""
    effects = world.books.effects
    there = Counter(e.event for e in effects if not e.repeat)
    lost, green = [], []
    for event in accepted:
        try:
            state = world.state_of(event)
        except NotFound:
            state = "not in the ledger"
        if state == State.DELIVERED and not there[event.id]:
            green.append(event.id)
        if not there[event.id] and state not in VISIBLY_OPEN | {State.SUPERSEDED, State.CANCELLED, State.NOT_OURS}:
            lost.append(event.id)
    kinds = {e.event: e.kind for e in effects}
    doubled = [event for event, count in there.items() if count > 1 and kinds[event] == "step"]
    return Account(tuple(lost), tuple(doubled), tuple(_disorder(world, accepted)), tuple(green))


def _disorder(world: World, accepted: Sequence[Event]) -> list[str]:
    """Steps that overtook each other, steps before their record, and records that set the partner back."""
    place = {event.id: (event.sequence or 0, event.occurred_at, n) for n, event in enumerate(accepted)}
    found, last, recorded = [], {}, set()
    for effect in world.books.effects:
        if effect.kind == "record":
            recorded.add(effect.dossier)
        elif effect.dossier not in recorded:
            found.append(f"{effect.event} before its record")
        key, line = place.get(effect.event), (effect.kind, effect.dossier)
        if key is None:
            continue
        if line in last and key < last[line]:
            found.append(f"{effect.event} after a later {effect.kind}")
        last[line] = max(key, last.get(line, key))
    return found


__all__ = ["PARTNER", "SOURCE", "Account", "BookAdapter", "Books", "SimClock", "World", "account"]
