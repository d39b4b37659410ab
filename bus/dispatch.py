"""From a claim to its settlement: the worker's loop, and the protocol that every adapter keeps.

    claim ──▶ deliver (or ask, when an answer is owed) ──▶ decide ──▶ settle ──▶ the lane's next

The loop reads as what it does; there are no hooks between its steps. The partner's trouble is an outcome; our own is an
exception, and the only broad `except` of the house is here: it parks the one delivery as `held`.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import SimpleQueue
from typing import Final, Protocol, TypeVar

import structlog

from bus.claiming import Whom
from bus.errors import LedgerUnavailable, NothingNew, NotOurs, Unmappable
from bus.ledger import Ledger, Outcome
from bus.messages import PUT_BACK, Attempt, Decision, Delivery, State, Unreachable
from bus.ports import Clock, CrashPoint, Randomness, no_crash
from bus.retry import PUBLISHED, Patience, decide
from bus.turns import Turns

log = structlog.get_logger("dispatch")
T = TypeVar("T")

IDLE: Final = 0.05
"""Seconds between two looks for work when nothing woke the worker: well under the 100 ms that freshness allows."""
OUR_TROUBLE: Final = "our_trouble"
GRACE: Final = timedelta(seconds=30)
"""Longer than most calls, shorter than the patience of what stops a service."""
LEDGER_PAUSE: Final = 1.0
"""Seconds to wait when the ledger cannot be written, before it is tried again."""


class Adapter(Protocol):
    """How a partner is spoken to. One instance serves many threads."""

    def check(self, delivery: Delivery) -> None:
        """Shape it without sending. Raises Unmappable or NotOurs."""
        ...

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        """Send; as many attempts as deliveries, in their order. Raises Unmappable or NotOurs for a batch of one."""
        ...

    def ask(self, delivery: Delivery) -> Attempt:
        """Find out what became of an unanswered one. Unreachable means: it is not there, deliver again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerWork:
    """How a worker treats one partner."""

    adapter: Adapter
    patience: Patience = PUBLISHED
    threads: int = 64
    """Calls in flight at once."""
    batch: int = 1
    """Most deliveries in one call, where the contract lets a yes count for each."""
    batch_size: Callable[[str], int] | None = None
    """The same for one `batch_kind`, where kinds differ. Ones that must go out one by one are never put together: a
    crash in the middle would leave those that were not sent yet in doubt."""


class Dispatcher:
    """Carries claimed deliveries to their partners and settles them. Many threads may use one."""

    def __init__(
        self,
        ledger: Ledger,
        partners: Mapping[str, PartnerWork],
        *,
        name: str,
        clock: Clock,
        randomness: Randomness,
        crash_point: CrashPoint = no_crash,
        watch: Callable[[Delivery, Attempt, Decision, datetime], None] | None = None,
    ) -> None:
        """`name` is the worker's, as moves will show it; `watch` is told of every settled attempt (for metrics)."""
        self._ledger = ledger
        self._partners = partners
        self._name = name
        self._clock = clock
        self._randomness = randomness
        self._point = crash_point
        self._watch = watch

    def run_once(self, limit: int = 100, now: datetime | None = None) -> int:
        """Claim what is due for every partner and carry it, one after another. How many were carried."""
        carried = 0
        whoms: tuple[Whom, ...] = ("unsuspected", "suspect")
        for partner, whom in itertools.product(self._partners, whoms):
            for batch in self.claim(partner, limit, now, whom):
                carried += len(batch)
                self.carry(batch, take_next=False)
        return carried

    def claim(
        self, partner: str, limit: int, now: datetime | None = None, whom: Whom = "anyone"
    ) -> list[list[Delivery]]:
        """Claim up to `limit` deliveries, put together into calls. A suspect comes alone, when nobody else is due."""
        self._point("claim.before")
        claimed = self._ledger.claim(partner, limit, self._name, now or self._clock.now(), whom)
        self._point("claim.after")
        work = self._partners[partner]
        return together(claimed, work.batch_size or work.batch)

    def carry(self, batch: list[Delivery], *, take_next: bool = True) -> list[Delivery]:
        """One call's deliveries, from shaping to settlement; the lanes' next deliveries, already leased."""
        started_at = self._clock.now()
        if any(delivery.leased_until is not None and delivery.leased_until <= started_at for delivery in batch):
            # This worker slept: what it claimed may be another's by now, and must not go out twice or out of order.
            self.put_back(batch, "the lease ran out before sending")
            return []
        works = [(delivery, *self._tried(delivery, attempt)) for delivery, attempt in self._attempts(batch)]
        self._point("settle.before")
        outcomes = self._settle(works, started_at, take_next)
        self._point("settle.after")
        return [outcome.next for outcome in outcomes if outcome is not None and outcome.next is not None]

    def put_back(self, call: list[Delivery], reason: str = "the worker stopped before sending") -> None:
        """These were not sent: they wait again, for anybody."""
        now = self._clock.now()
        attempt = Attempt(outcome=Unreachable(reason=reason, is_down=False))
        works = []
        for delivery in call:
            state = delivery.state if delivery.is_unanswered else State.WAITING
            decision = Decision(state=state, due_at=now, cause=PUT_BACK, reason=reason, is_tried=False)
            works.append((delivery, attempt, decision))
        self._settle(works, now, take_next=False)

    # -- one attempt --------------------------------------------------------------------------------------------

    def _attempts(self, batch: list[Delivery]) -> list[tuple[Delivery, Attempt | Decision]]:
        adapter = self._partners[batch[0].partner].adapter
        if len(batch) == 1:
            return [
                (batch[0], self._safe(adapter, batch[0], self._guarded(batch[0], lambda: self._one(adapter, batch[0]))))
            ]
        tried: list[tuple[Delivery, Attempt | Decision]] = []
        whole: list[Delivery] = []
        for delivery in batch:
            trouble = self._shaped(adapter, delivery)
            if trouble is None:
                whole.append(delivery)
            else:
                tried.append((delivery, trouble))
        if whole:
            tried += self._together(adapter, whole)
        return tried

    def _one(self, adapter: Adapter, delivery: Delivery) -> Attempt:
        if delivery.is_unanswered:
            self._point("ask.before")
            attempt = adapter.ask(delivery)
            self._point("ask.after")
            return attempt
        self._point("deliver.before")
        attempt = adapter.deliver([delivery])[0]
        self._point("deliver.after")
        return attempt

    def _shaped(self, adapter: Adapter, delivery: Delivery) -> Decision | None:
        """What keeps a delivery out of a batch: its own trouble must not be its neighbours'."""
        found = self._guarded(delivery, lambda: adapter.check(delivery))
        return found if isinstance(found, Decision) else None

    def _together(self, adapter: Adapter, whole: list[Delivery]) -> list[tuple[Delivery, Attempt | Decision]]:
        self._point("deliver.before")
        found = self._guarded(whole[0], lambda: list(adapter.deliver(whole)))
        self._point("deliver.after")
        if isinstance(found, Decision):
            return [(delivery, self._safe(adapter, delivery, found)) for delivery in whole]
        return list(zip(whole, found, strict=True))

    def _safe(self, adapter: Adapter, delivery: Delivery, found: T | Decision) -> T | Decision:
        """Our own trouble with a step that can be shaped came after that: the step may have left, so it is in doubt."""
        if not (isinstance(found, Decision) and found.cause == OUR_TROUBLE and delivery.is_step):
            return found
        if isinstance(self._shaped(adapter, delivery), Decision):
            return found
        return replace(found, state=State.IN_DOUBT)

    def _guarded(self, delivery: Delivery, work: Callable[[], T]) -> T | Decision:
        """Our own trouble, turned into a parked delivery."""
        try:
            return work()
        except Unmappable as trouble:
            return Decision(state=State.HELD, due_at=None, cause=trouble.rule, reason=str(trouble), is_tried=False)
        except NotOurs as trouble:
            return Decision(
                state=State.NOT_OURS, due_at=None, cause="not_ours", reason=str(trouble), blocks=False, is_tried=False
            )
        except NothingNew as said:
            # No green without a yes of its own: what another delivery told is superseded by that one.
            return Decision(
                state=State.SUPERSEDED,
                due_at=None,
                cause="told_already",
                reason=str(said),
                blocks=False,
                is_tried=False,
            )
        except Exception as trouble:
            log.exception("delivery_failed_here", delivery=delivery.id, partner=delivery.partner)
            return Decision(state=State.HELD, due_at=None, cause=OUR_TROUBLE, reason=type(trouble).__name__)

    def _tried(self, delivery: Delivery, found: Attempt | Decision) -> tuple[Attempt, Decision]:
        """The attempt, and what follows from it."""
        if isinstance(found, Decision):
            return Attempt(outcome=Unreachable(reason=found.reason, is_down=False)), found
        patience = self._partners[delivery.partner].patience
        if delivery.is_shadow:
            decision = Decision(state=State.CANCELLED, due_at=None, cause="shadow", blocks=False)
        else:
            decision = decide(
                found.outcome,
                tries=delivery.tries + 1,
                now=self._clock.now(),
                chance=self._randomness.between(0.0, 1.0),
                patience=patience,
            )
        self._point("decide.after")
        return found, decision

    # -- settling -----------------------------------------------------------------------------------------------

    def _settle(
        self, works: list[tuple[Delivery, Attempt, Decision]], started_at: datetime, take_next: bool
    ) -> list[Outcome | None]:
        """Write it down, however long the ledger is away: what the partner said must not be lost with us."""
        while True:
            try:
                outcomes = self._ledger.settle_many(
                    works, worker=self._name, started_at=started_at, take_next=take_next
                )
            except LedgerUnavailable as trouble:
                log.error("ledger_unavailable", cause=str(trouble))
                self._clock.sleep(LEDGER_PAUSE)
                continue
            self._tell(works, outcomes, started_at)
            return outcomes

    def _tell(
        self, works: list[tuple[Delivery, Attempt, Decision]], outcomes: list[Outcome | None], started_at: datetime
    ) -> None:
        for (delivery, attempt, decision), outcome in zip(works, outcomes, strict=True):
            if outcome is None:
                log.warning("lease_lost", delivery=delivery.id, partner=delivery.partner)
                continue
            if self._watch is not None:
                self._watch(delivery, attempt, replace(decision, state=outcome.state), started_at)
            self._warn(delivery, outcome)
            # One line a delivery costs as much as sealing, chaining and signing it: the ledger is the log of these.
            log.debug(
                "delivery_settled",
                delivery=delivery.id,
                partner=delivery.partner,
                state=outcome.state.value,
                cause=outcome.cause,
                tries=delivery.tries + 1,
            )
            tell_circuit(delivery.partner, outcome.circuit)

    def _warn(self, delivery: Delivery, outcome: Outcome) -> None:
        """What a person or a question must settle is said by a name of its own."""
        partner, number, dossier, cause = delivery.partner, delivery.id, delivery.event.dossier, outcome.cause
        if outcome.state is State.HELD:
            log.warning("delivery_held", partner=partner, delivery=number, dossier=dossier, cause=cause)
        elif outcome.state is State.IN_DOUBT:
            tries = delivery.tries + 1
            log.warning(
                "delivery_in_doubt", partner=partner, delivery=number, dossier=dossier, cause=cause, tries=tries
            )
        if outcome.numbers.disbelieved is not None:
            told = outcome.numbers.disbelieved
            log.critical("own_number_contradicted", partner=partner, delivery=number, dossier=dossier, told=told)
        for each in outcome.numbers.created:
            log.critical(
                "created_before_number",
                partner=each.partner,
                delivery=each.delivery,
                dossier=each.dossier,
                national_number=dossier,
            )


def tell_circuit(partner: str, change: str | None) -> None:
    """Say aloud that a partner went away, or came back."""
    if change == "opened":
        log.error("circuit_opened", partner=partner)
    elif change == "closed":
        log.info("circuit_closed", partner=partner)
    elif change is not None:
        log.info("circuit_probed", partner=partner)


def together(claimed: Sequence[Delivery], batch: int | Callable[[str], int]) -> list[list[Delivery]]:
    """Deliveries put together into calls: unanswered ones, probes and shadows go alone; the rest by kind."""
    calls: list[list[Delivery]] = []
    open_calls: dict[str, list[Delivery]] = {}
    for delivery in claimed:
        size = batch if isinstance(batch, int) else batch(delivery.batch_kind)
        alone = size <= 1 or delivery.is_suspect or delivery.is_unanswered or delivery.is_probe or delivery.is_shadow
        call = None if alone else open_calls.get(delivery.batch_kind)
        if call is None or len(call) >= size:
            call = []
            calls.append(call)
            if not alone:
                open_calls[delivery.batch_kind] = call
        call.append(delivery)
    return calls


class Worker:
    """The loop around the dispatcher: one thread that claims, and threads for calls in flight."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        ledger: Ledger,
        partners: Mapping[str, PartnerWork],
        *,
        clock: Clock,
        on_start: Callable[[], None] = lambda: None,
        tick: Callable[[], float] = time.monotonic,
        grace: timedelta = GRACE,
    ) -> None:
        """`grace`: how long calls in flight may take to end once it was told to stop."""
        self._dispatcher = dispatcher
        self._grace = grace
        self._tick = tick
        self._ledger = ledger
        self._partners = partners
        self._clock = clock
        self._on_start = on_start
        self._calls: SimpleQueue[list[Delivery] | None] = SimpleQueue()
        self._flying = dict.fromkeys(partners, 0)
        self._turns = Turns(tick)
        self._a_call = dict.fromkeys(partners, 1.0)
        """How many deliveries the last claim's calls carried: records travel together, steps one by one."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def wake(self) -> None:
        """Something may be due: look now."""
        self._wake.set()

    def stop(self) -> None:
        """Ask the loop to end; calls in flight are finished and settled, as far as the grace allows."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Work until `stop`."""
        self._on_start()
        wanted = sum(work.threads for work in self._partners.values())
        self._threads = [threading.Thread(target=self._fly, name=f"call-{n}", daemon=True) for n in range(wanted)]
        for thread in self._threads:
            thread.start()
        while not self._stop.is_set():
            if not self._claim_for_all():
                self._wake.wait(IDLE)
                self._wake.clear()
        for _ in self._threads:
            self._calls.put(None)
        self._wait_for_calls()

    def _wait_for_calls(self) -> None:
        """A call that hangs is left behind: its lease runs out, and another worker asks what became of it."""
        end = self._tick() + self._grace.total_seconds()
        for thread in self._threads:
            thread.join(max(0.0, end - self._tick()))
        left = sum(thread.is_alive() for thread in self._threads)
        if left:
            log.warning("calls_left_behind", calls=left, after_s=self._grace.total_seconds())

    def _claim_for_all(self) -> bool:
        """Claim for everybody who has a free thread, or one suspect when it is its turn; whether anything was found."""
        turns = self._turns
        if turns.is_alone:
            return False
        suspect = self._suspects_partner() if turns.may_come else None
        if suspect is not None:
            return self._claim_alone(suspect)
        turns.everybody()
        found = False
        for partner, work in self._partners.items():
            with self._lock:
                free = work.threads - self._flying[partner]
            if free > 0:
                found |= self._claim_for(partner, free)
        return found

    def _suspects_partner(self) -> str | None:
        """A partner for whom a suspect may go now."""
        with self._stumbling("all"):
            now = self._clock.now()
            return next((p for p in self._partners if self._ledger.is_suspect_due(p, now)), None)
        return None

    def _claim_alone(self, partner: str) -> bool:
        """One suspect, as soon as nothing else is in flight: if this process ends, there is one to blame."""
        self._turns.drain()
        if not self._turns.is_empty:
            return False
        calls: list[list[Delivery]] = []
        with self._stumbling(partner):
            calls = self._dispatcher.claim(partner, 1, None, "suspect")
        if not calls:
            self._turns.give_up()
        self._let_fly(partner, calls)
        return bool(calls)

    def _claim_for(self, partner: str, free: int) -> bool:
        """Claim for the free threads. What waits in a queue of ours would outlive its lease and come into doubt."""
        calls: list[list[Delivery]] = []
        with self._stumbling(partner):
            if not self._ledger.is_anything_due(partner, self._clock.now()):
                return False
            calls = self._dispatcher.claim(partner, math.ceil(free * self._a_call[partner]), None, "unsuspected")
            if calls:
                self._a_call[partner] = sum(len(call) for call in calls) / len(calls)
            for call in calls[free:]:
                self._dispatcher.put_back(call)
            del calls[free:]
        self._let_fly(partner, calls)
        return bool(calls)

    @contextmanager
    def _stumbling(self, partner: str) -> Iterator[None]:
        """A worker that dies quietly would leave everything waiting: it says so, and looks again."""
        try:
            yield
        except LedgerUnavailable as trouble:
            log.error("ledger_unavailable", cause=str(trouble))
            self._stop.wait(LEDGER_PAUSE)
        except Exception:
            log.exception("worker_stumbled", partner=partner)
            self._stop.wait(LEDGER_PAUSE)

    def _let_fly(self, partner: str, calls: list[list[Delivery]]) -> None:
        with self._lock:
            self._flying[partner] += len(calls)
        for call in calls:
            self._turns.flies(call[0], self._ledger.manners(partner).lease)
            self._calls.put(call)

    def _fly(self) -> None:
        while (call := self._calls.get()) is not None:
            partner = call[0].partner
            try:
                self._carry_on(call)
            except Exception:
                # What it held stays leased until its lease runs out into doubt; the thread serves on.
                log.exception("worker_stumbled", partner=partner)
            finally:
                self._turns.landed(call[0])
                with self._lock:
                    self._flying[partner] -= 1
                self._wake.set()

    def _carry_on(self, call: list[Delivery]) -> None:
        """A call, and while its lane has more to say, the next one."""
        first = call[0]
        while call and not self._stop.is_set():
            take_next = len(call) == 1 and not (first.is_suspect or self._turns.is_draining)
            call = self._dispatcher.carry(call, take_next=take_next)
            if call:
                self._turns.flies(first, self._ledger.manners(first.partner).lease)
        if call:
            # Stopping: what was leased but not sent stays so until its lease runs out.
            self._dispatcher.put_back(call)
