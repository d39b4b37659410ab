"""Settling an attempt: its exchanges, the state, the move, what was learned and the lane's next, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol, TypeAlias, assert_never

import msgspec

from bus.bodies import Bodies
from bus.circuit import Circuit, Manners, after_failure, after_success
from bus.claiming import Claimed, Claimer, put_partner, read_partner
from bus.engines.sqlite import Row, Tx
from bus.errors import StaleFence
from bus.evidence import row_digest
from bus.lanes import first_in_line
from bus.messages import (
    PUT_BACK,
    Attempt,
    Awaiting,
    Decision,
    Delivered,
    Delivery,
    Exchange,
    InDoubt,
    Outcome,
    Refused,
    State,
    Unreachable,
)
from bus.moves import Move, MoveWriter
from bus.outages import note_change
from bus.own_numbers import Learned, known_by_now, learn
from bus.ports import CrashPoint
from bus.seal import Sealed
from bus.signature_hearing import Hearing
from bus.suspects import came_back
from bus.times import ms, to_ms

SENT: Final = frozenset({State.DELIVERED, State.AWAITING, State.IN_DOUBT, State.REFUSED})
"""States after an attempt that reached the partner, or may have."""
UNKNOWN: Final = frozenset({State.IN_DOUBT, State.HELD})
"""After a sending: the partner may have it, or our own trouble came at a moment that nobody knows."""
SUCCESS_MS: Final = 1_000
"""How exactly a partner's last success is kept: to write each one anew would cost every attempt something."""
NO_SIGN: Final = (None, 429, 503)
"""Statuses of a last reply that say nothing for a partner's health: none at all, and "not taken, come later"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One delivery's attempt and what was decided, its exchanges sealed outside the writer's thread."""

    delivery: Delivery
    attempt: Attempt
    decision: Decision
    worker: str
    started_at: datetime
    settled_at: datetime
    sealed: Sequence[tuple[Exchange, Sealed]]
    take_next: bool
    """Whether the worker would go on with the lane's next delivery at once."""
    heard: Hearing | None = None
    """What the attempt told of a signature, judged outside the writer's thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Where the delivery stands now, and the lane's next when the worker may go on with it."""

    state: State
    cause: str
    next: Claimed | None
    circuit: str | None
    """`opened`, `closed` or `probed` when this attempt changed the partner's circuit."""
    numbers: Learned
    """What came to light about a filed dossier's own number (`own_numbers.py`)."""


SettleResult: TypeAlias = Settled | StaleFence


def prepare(bodies: Bodies, exchanges: Sequence[Exchange]) -> list[tuple[Exchange, Sealed]]:
    """Seal what was said, before the writer's thread is asked."""
    return [(exchange, bodies.seal_exchange(exchange)) for exchange in exchanges]


class MoneySettler(Protocol):
    """Whatever a settled attempt means for money, in the settlement's own transaction."""

    def decided(
        self, tx: Tx, delivery: Delivery, attempt: Attempt, decision: Decision, at: int, worker: str
    ) -> Decision:
        """Where the delivery stands; called before that is written."""
        ...

    def settled(self, tx: Tx, delivery: Delivery, attempt: Attempt, decision: Decision, at: int, worker: str) -> None:
        """It stands there now."""
        ...


class SignatureSettler(Protocol):
    """Whatever a settled attempt means for a signature, in the settlement's own transaction."""

    def decided(self, tx: Tx, work: Settlement, decision: Decision, at: int) -> Decision:
        """Where the delivery stands; called before that is written."""
        ...


class Settler:
    """Writes what attempts came to. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, moves: MoveWriter, bodies: Bodies, claimer: Claimer, crash_point: CrashPoint) -> None:
        self._moves = moves
        self._bodies = bodies
        self._claimer = claimer
        self._point = crash_point
        self.money: MoneySettler
        """What follows for payments, refunds and receipts (`payment_settling.py`); set by the ledger."""
        self.signing: SignatureSettler
        """What follows for signatures (`signature_settling.py`); set by the ledger."""

    def settle(self, tx: Tx, work: Settlement, manners: Manners) -> SettleResult:
        """One attempt. A worker that lost its lease is told so by a value: nothing was written for it."""
        delivery, at = work.delivery, to_ms(work.settled_at)
        now = tx.one("settle_view", delivery.id)
        if now is None or now[0] != delivery.fence or now[1] is None or now[2] != delivery.id:
            return StaleFence()
        binds = self.write_attempt(tx, work) if work.decision.is_tried else None
        if not work.decision.is_tried and State(now[4]) is State.SENDING:
            tx.run("count_no_try", delivery.id)
        self._point("settle.after_attempt")
        decision = known_by_now(tx, delivery, self._decision(tx, work, now), at)
        decision = self.money.decided(tx, delivery, work.attempt, decision, at, work.worker)
        decision = self.signing.decided(tx, work, decision, at)
        self._write_state(tx, work, State(now[4]), decision, binds, at)
        if delivery.crashes and work.decision.cause != PUT_BACK:
            came_back(tx, delivery.id, State(now[4]))
        self.money.settled(tx, delivery, work.attempt, decision, at, work.worker)
        self._point("settle.after_move")
        change = self.health(tx, work, manners, at)
        if State(now[4]) is State.SENDING and now[5] == "latest_wins" and work.decision.state in UNKNOWN:
            tx.run("may_have_arrived", delivery.id)
        numbers = learn(tx, self._moves, self._bodies, delivery, work.attempt, decision.state, work.worker, at)
        following = self._leave(tx, work, now, decision, manners, at)
        self._point("settle.after_head")
        return Settled(state=decision.state, cause=decision.cause, next=following, circuit=change, numbers=numbers)

    def settle_beside(self, tx: Tx, work: Settlement) -> bool:
        """An answer that no lane waits for; False, and nothing written, where the delivery waits for none any more."""
        now = tx.one("delivery_now", work.delivery.id)
        if now is None or State(now[0]) is not State.AWAITING:
            return False
        binds = self.write_attempt(tx, work)
        self._write_state(tx, work, State.AWAITING, work.decision, binds, to_ms(work.settled_at))
        return True

    # -- what was said ------------------------------------------------------------------------------------------

    def write_attempt(self, tx: Tx, work: Settlement) -> bytes:
        """The attempt with its exchanges; what its move binds."""
        written: dict[int, tuple[int, str]] = tx.memory.setdefault("exchanges", {})
        numbers, commitments = [], []
        for exchange, sealed in work.sealed:
            # A batch's one exchange belongs to every delivery of the batch, and is written once.
            if id(exchange) not in written:
                written[id(exchange)] = self._write_exchange(tx, exchange, sealed)
            number, commitment = written[id(exchange)]
            numbers.append(number)
            commitments.append(commitment)
        outcome = work.attempt.outcome
        code, reason = _words(outcome)
        name, n, started = type(outcome).__name__, work.delivery.tries + 1, to_ms(work.started_at)
        attempt = tx.insert(
            "add_attempt",
            work.delivery.id,
            n,
            work.worker,
            started,
            name,
            code,
            reason,
            msgspec.json.encode(numbers).decode(),
        )
        return row_digest(
            ["attempt", attempt, work.delivery.id, n, work.worker, started, name, code, reason, commitments]
        )

    def _write_exchange(self, tx: Tx, exchange: Exchange, sealed: Sealed) -> tuple[int, str]:
        """One call; its id and the digest that attempts bind."""
        body = tx.insert("add_body", sealed.key_id, sealed.blob)
        facts = (
            exchange.operation,
            exchange.method,
            exchange.url,
            exchange.status,
            to_ms(exchange.sent_at),
            int(exchange.took.total_seconds() * 1_000_000),
            None if exchange.trouble is None else type(exchange.trouble).__name__,
            exchange.key_id,
            exchange.algorithm,
            sealed.commitment,
        )
        return tx.insert("add_exchange", *facts, body), row_digest(facts).hex()

    # -- what follows -------------------------------------------------------------------------------------------

    def _decision(self, tx: Tx, work: Settlement, now: Row) -> Decision:
        """The decision, unless a newer record waits (then it takes this one's place) or went out before this one.

        Newer by the events' own places: a first record may stand before its time in the line, so that it goes before
        steps that came early, and so before an older record whose reply was lost.
        """
        decision = work.decision
        if now[5] != "latest_wins" or decision.state not in (State.WAITING, State.HELD, State.REFUSED):
            return decision
        event, place, lane = now[6], now[7], work.delivery.lane
        newer = tx.one("newer_record_waiting", event, lane)
        if newer is not None:
            tx.run("set_place", min(newer[1], place), newer[0])
        elif not tx.one("newer_record_sent", event, lane):
            return decision
        return Decision(state=State.SUPERSEDED, due_at=None, cause="overtaken", reason=decision.reason, blocks=False)

    def _write_state(
        self, tx: Tx, work: Settlement, was: State, decision: Decision, binds: bytes | None, at: int
    ) -> None:
        delivery = work.delivery
        due_at = None if decision.due_at is None else to_ms(decision.due_at)
        is_unanswered = decision.state is State.IN_DOUBT
        mapping = work.attempt.facts.get("mapping")
        tx.run(
            "settle_delivery",
            decision.state,
            decision.cause,
            decision.reason,
            due_at,
            int(decision.blocks),
            int(is_unanswered),
            mapping,
            at,
            delivery.id,
        )
        self._moves.add(
            tx,
            Move(
                lane=delivery.lane,
                at=at,
                delivery=delivery.id,
                from_state=was,
                to_state=decision.state,
                cause=decision.cause,
                reason=decision.reason,
                actor=work.worker,
                binds=binds,
            ),
            delivery.partner,
        )

    def health(self, tx: Tx, work: Settlement, manners: Manners, at: int) -> str | None:
        """The partner's circuit, after this attempt. What speaks neither for nor against it changes nothing."""
        is_up = _speaks_for_health(work.attempt)
        partner = work.delivery.partner
        known = read_partner(tx, partner)
        circuit = known.circuit
        if is_up is None:
            if work.delivery.is_probe and circuit.is_open and not work.attempt.exchanges:
                self._claimer.probe_again(tx, partner, at)
            return None
        if is_up:
            if _is_old_news(circuit, at):
                return None
            new = after_success(circuit, at)
            if circuit.is_open:
                tx.run("wake_deliveries", at, partner, at)
                tx.run("wake_lanes", at, partner, at, partner)
        else:
            new = after_failure(circuit, manners, at)
        put_partner(tx, partner, replace(known, circuit=new))
        if new.is_open != circuit.is_open:
            note_change(tx, partner, is_open=new.is_open, at=at, actor=work.worker)
            return "opened" if new.is_open else "closed"
        return "probed" if circuit.is_open else None

    def _leave(
        self, tx: Tx, work: Settlement, now: Row, decision: Decision, manners: Manners, at: int
    ) -> Claimed | None:
        """What was learned of the dossier, and the lane's next: for this worker at once, or for whoever claims it."""
        delivery = work.delivery
        record_state, *learned = _learned(work, now, decision)
        head = first_in_line(tx, delivery.lane, record_state, at)
        following, ready_at = (None, None) if head is None else (head.delivery, head.ready_at)
        goes_on = (
            head is not None
            and ready_at is not None
            and ready_at <= at
            and work.take_next
            and not head.is_suspect
            and _is_free(tx, delivery.partner, manners)
        )
        lease = at + ms(manners.lease) if goes_on else None
        step_place = _gone_step(now, decision)
        tx.run(
            "leave_lane",
            lease,
            work.worker if goes_on else None,
            following,
            None if goes_on else ready_at,
            record_state,
            *learned,
            step_place,
            step_place,
            step_place,
            delivery.lane,
        )
        if lease is None or following is None:
            return None
        self._point("next.before")
        return self._claimer.start_next(tx, following, delivery.fence, work.worker, at, delivery.partner, lease)


def _gone_step(now: Row, decision: Decision) -> int | None:
    """The place of a step that was sent, unless nothing reached the partner: earlier ones are late from now on."""
    if State(now[4]) is not State.SENDING or now[5] != "every_step":
        return None
    return now[7] if decision.state in SENT else None


def _is_old_news(circuit: Circuit, at: int) -> bool:
    """Whether one more success changes nothing but a time that is known to the second."""
    is_calm = not circuit.is_open and circuit.failures == 0 and circuit.window is None
    return is_calm and circuit.last_success_at is not None and 0 <= at - circuit.last_success_at < SUCCESS_MS


def _is_free(tx: Tx, partner: str, manners: Manners) -> bool:
    """Whether a worker may go on by itself: where calls are counted, the next claim decides."""
    known = read_partner(tx, partner)
    return not (known.is_held or known.circuit.is_open or known.circuit.window is not None or manners.rate > 0)


def _learned(
    work: Settlement, now: Row, decision: Decision
) -> tuple[str, int | None, int | None, int | None, str | None]:
    """Durable facts: record state, existence, and the record, place and status that the partner acknowledged."""
    record_state, rule, event, place, status = now[3], now[5], now[6], now[7], now[8]
    if decision.state is State.DELIVERED and rule == "latest_wins":
        return "shown", 1, event, place, status
    if decision.state is State.NOT_OURS and rule == "latest_wins" and record_state == "none":
        return "not_ours", None, None, None, None
    exists = work.attempt.facts.get("exists")
    if exists and record_state == "none":
        record_state = "shown"  # the partner has a record of the dossier, whoever put it there
    shown = status if decision.state is State.DELIVERED else None
    return record_state, None if exists is None else int(exists), None, None, shown


def _speaks_for_health(attempt: Attempt) -> bool | None:
    match attempt.outcome:
        case Delivered() | Awaiting() | Refused():
            return True if attempt.exchanges else None
        case Unreachable(is_down=True) | InDoubt(is_down=True):
            return False
        case _:
            # "Later" opens no circuit and closes none: who takes nothing now is neither down nor well.
            last = attempt.exchanges[-1].status if attempt.exchanges else None
            return None if last in NO_SIGN else True


def _words(outcome: Outcome) -> tuple[str | None, str]:
    match outcome:
        case Refused(code=code, reason=reason):
            return code, reason
        case Delivered(receipt=receipt):
            return receipt, ""
        case Awaiting(reference=reference):
            return reference, ""
        case Unreachable(reason=reason) | InDoubt(reason=reason):
            return None, reason
        case _:
            assert_never(outcome)
