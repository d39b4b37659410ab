"""Claiming lanes: which deliveries go out next, under which lease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias

from bus.bodies import EVENT, Bodies, event_from_body
from bus.circuit import Circuit, Manners, allowance
from bus.engines.sqlite import Row, Tx
from bus.errors import LedgerDamaged
from bus.lanes import BUS, set_head
from bus.messages import Delivery, Standing, State
from bus.moves import Move, MoveWriter
from bus.own_numbers import Pairs, numbers_of
from bus.payments import PaidFee, PaymentStanding
from bus.ports import CrashPoint
from bus.signature_standing import SignedClaim, standing_of
from bus.signed_results import SignedResult, open_results
from bus.suspects import expire_leases
from bus.times import from_ms, ms, to_ms

Whom: TypeAlias = Literal["anyone", "unsuspected", "suspect"]
"""Whom a claim is for: those whom nothing is said against, one suspect, or one suspect when there is nobody else."""
CLAIMABLE = frozenset({State.WAITING, State.IN_DOUBT, State.AWAITING})
FARTHEST_DUE = 26 * 3_600_000
"""Milliseconds: no due time is set further ahead than a day, so a later one was written by a clock gone wrong."""
WRONG_ROWS: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What a row raises that holds what it never should; the database's own trouble is none of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRow:
    """A partner's row in the ledger."""

    is_held: bool
    hold_reason: str
    circuit: Circuit
    tokens: float
    tokens_at: int


NOBODY = PartnerRow(is_held=False, hold_reason="", circuit=Circuit(), tokens=0.0, tokens_at=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A claimed delivery as rows: its body is opened outside the writer's thread."""

    row: Row
    fence: int
    is_probe: bool
    until: int
    payment: PaymentStanding | None = None
    paid: tuple[PaidFee, ...] = ()
    """What was paid through us of its dossier's fees."""
    asked: Row | None = None
    """The event that asked for the payment, with its sealed body: receipts need to know the payer."""
    signature: SignedClaim | None = None
    results: tuple[SignedResult, ...] = ()
    """What was signed through us of its dossier's results."""
    trouble: str = ""
    """Why it cannot be opened, where that is known already."""


def read_partner(tx: Tx, name: str) -> PartnerRow:
    """The partner's row as this transaction has it, or that of one nobody has met."""
    known: PartnerRow | None = tx.memory.get(f"partner {name}")
    if known is None:
        row = tx.one("find_partner", name)
        known = NOBODY if row is None else _partner_row(row)
        tx.memory[f"partner {name}"] = known
    return known


def put_partner(tx: Tx, name: str, known: PartnerRow) -> None:
    """Change a partner's row; it is written once, however many of the transaction's jobs change it."""
    if f"partner {name} changed" not in tx.memory:
        tx.memory[f"partner {name} changed"] = True
        tx.at_end.append(lambda end: _write_partner(end, name))
    tx.memory[f"partner {name}"] = known


def _partner_row(row: Row) -> PartnerRow:
    circuit = Circuit(
        is_open=row[1] == "open",
        failures=row[2],
        opened_at=row[3],
        probe_at=row[4],
        window=row[5],
        last_success_at=row[8],
    )
    return PartnerRow(is_held=bool(row[0]), hold_reason=row[9], circuit=circuit, tokens=row[6], tokens_at=row[7])


def _write_partner(tx: Tx, name: str) -> None:
    known = read_partner(tx, name)
    circuit = known.circuit
    tx.run(
        "put_partner",
        "open" if circuit.is_open else "closed",
        circuit.failures,
        circuit.opened_at,
        circuit.probe_at,
        circuit.window,
        circuit.last_success_at,
        known.tokens,
        known.tokens_at,
        name,
    )


class Claimer:
    """Takes lanes for workers. One for a ledger; between transactions it keeps only when it probed last."""

    def __init__(self, moves: MoveWriter, crash_point: CrashPoint) -> None:
        self._moves = moves
        self._point = crash_point
        self.money: Callable[[Tx, Claimed, int], Claimed] | None = None
        """Adds what is known of payments (`payment_standing.py`)."""
        self.signed: Callable[[Tx, Claimed, int], Claimed] | None = None
        """Adds what is known of signatures (`signature_house.py`)."""
        self._probed: dict[str, int] = {}
        """By this process's own clock: two whose clocks differ would each think the other's next probe overdue."""

    def claim(
        self, tx: Tx, partner: str, limit: int, worker: str, manners: Manners, now: datetime, whom: Whom = "anyone"
    ) -> list[Claimed]:
        """The heads of up to `limit` lanes that are due, each under a fresh fencing number; of suspects never two."""
        at = to_ms(now)
        expire_leases(tx, self._moves, partner, manners, at)
        tx.run("heal_far_future", at, partner, at + FARTHEST_DUE)
        known = read_partner(tx, partner)
        allowed, is_probe = self._allowed(tx, partner, known, limit, manners, at)
        if allowed < 1:
            return []
        lanes = [] if whom == "suspect" else self._choose(tx, partner, allowed, manners, at)
        if not lanes and whom != "unsuspected":
            lanes = tx.all("due_suspect", partner, at)
        taken = [self.lease(tx, lane, head, worker, manners, at, partner, is_probe=is_probe) for lane, head in lanes]
        claimed = [one for one in taken if one is not None]
        if claimed:
            self._spend(tx, partner, known, len(claimed), manners, at, is_probe=is_probe)
        self._point("claim.leased")
        return claimed

    def is_suspect_due(self, tx: Tx, partner: str, manners: Manners, at: int) -> bool:
        """Whether there is a suspect that may be claimed now: nobody should be made to wait for one that may not."""
        if tx.one("due_suspect", partner, at) is None:
            return False
        return self._allowed(tx, partner, read_partner(tx, partner), 1, manners, at)[0] >= 1

    def take_turns(self, tx: Tx, partner: str, wanted: int, manners: Manners, at: int) -> tuple[int, bool]:
        """How many calls may go to a partner beside its lanes, taken from its allowance; whether it is one probe."""
        known = read_partner(tx, partner)
        allowed, is_probe = self._allowed(tx, partner, known, wanted, manners, at)
        allowed = max(0, min(allowed, wanted))
        if allowed:
            self._spend(tx, partner, known, allowed, manners, at, is_probe=is_probe)
        return allowed, is_probe

    def _allowed(
        self, tx: Tx, partner: str, known: PartnerRow, limit: int, manners: Manners, at: int
    ) -> tuple[int, bool]:
        circuit = known.circuit
        if known.is_held:
            return 0, False
        if circuit.is_open:
            return int(self._may_probe(partner, circuit.probe_at, ms(manners.probe_every), at)), True
        if circuit.window is not None:
            leased = tx.one("count_leased", partner)
            limit = min(limit, circuit.window - (leased[0] if leased else 0))
        if manners.rate > 0:
            limit = min(limit, int(allowance(known.tokens, known.tokens_at, manners.rate, at)))
        return limit, False

    def _may_probe(self, partner: str, probe_at: int | None, every: int, at: int) -> bool:
        last = self._probed.get(partner)
        if last is not None and 0 <= at - last < every:
            return False
        return probe_at is None or probe_at <= at or probe_at > at + every

    def probe_again(self, tx: Tx, partner: str, at: int) -> None:
        """The last probe called nobody: the next may go at once, or a row of unshapable ones would keep all waiting."""
        self._probed.pop(partner, None)
        known = read_partner(tx, partner)
        put_partner(tx, partner, replace(known, circuit=replace(known.circuit, probe_at=at)))

    def _spend(
        self, tx: Tx, partner: str, known: PartnerRow, count: int, manners: Manners, at: int, *, is_probe: bool
    ) -> None:
        if is_probe:
            self._probed[partner] = at
            known = replace(known, circuit=replace(known.circuit, probe_at=at + ms(manners.probe_every)))
        if manners.rate > 0:
            left = allowance(known.tokens, known.tokens_at, manners.rate, at) - count
            known = replace(known, tokens=max(left, 0.0), tokens_at=at)
        if is_probe or manners.rate > 0:
            put_partner(tx, partner, known)

    def _choose(self, tx: Tx, partner: str, limit: int, manners: Manners, at: int) -> list[tuple[int, int]]:
        query = "due_by_deadline" if manners.drain == "deadline" else "due_by_age"
        lanes: dict[int, int] = dict(tx.all(query, partner, at, limit))
        if len(lanes) == limit and limit > 1:
            # There is a backlog: part of the claim goes to what has just become ready.
            share = max(1, int(limit * manners.fresh_share))
            newest = tx.all("due_newest", partner, at, at - ms(manners.fresh_for), share)
            fresh = {lane: head for lane, head in newest if lane not in lanes}
            for lane in list(lanes)[limit - len(fresh) :]:
                del lanes[lane]
            lanes.update(fresh)
        return list(lanes.items())

    def lease(
        self,
        tx: Tx,
        lane: int,
        head: int,
        worker: str,
        manners: Manners,
        at: int,
        partner: str,
        *,
        is_probe: bool = False,
    ) -> Claimed | None:
        """Take one lane for its head; None when the lane's row was not true, which is mended instead."""
        row = tx.one("load_claimed", head)
        if row is None or row[3] not in CLAIMABLE:
            # Never sent on the word of a stale row: what is superseded, cancelled or done stays where it is.
            set_head(tx, lane, at)
            return None
        fence = tx.one("lease_lane", at + ms(manners.lease), worker, head, lane)
        assert fence is not None
        self._start(tx, row, at, partner, worker)
        claimed = Claimed(row=row, fence=fence[0], is_probe=is_probe, until=at + ms(manners.lease))
        return self._with_money(tx, claimed, at)

    def start_next(self, tx: Tx, head: int, fence: int, worker: str, at: int, partner: str, until: int) -> Claimed:
        """The same worker goes on with the lane's next delivery; its lease stands already, under the same number."""
        row = tx.one("load_claimed", head)
        assert row is not None
        self._start(tx, row, at, partner, worker)
        return self._with_money(tx, Claimed(row=row, fence=fence, is_probe=False, until=until), at)

    def _with_money(self, tx: Tx, claimed: Claimed, at: int) -> Claimed:
        try:
            for adds in (self.money, self.signed):
                claimed = claimed if adds is None else adds(tx, claimed, at)
            return claimed
        except WRONG_ROWS as trouble:
            return replace(claimed, trouble=unopenable(trouble))

    def park(self, tx: Tx, claimed: Claimed, cause: str, reason: str, at: int) -> None:
        """What cannot even be read is held; its lane waits for a person, and no other lane notices."""
        delivery, partner, lane, state = claimed.row[:4]
        was = State.SENDING if state == State.WAITING else State(state)
        tx.run("move_delivery", State.HELD, cause, reason, None, 1, at, delivery)
        move = Move(
            lane=lane,
            at=at,
            delivery=delivery,
            from_state=was,
            to_state=State.HELD,
            cause=cause,
            reason=reason,
            actor=BUS,
        )
        self._moves.add(tx, move, partner)
        tx.run("free_lane", lane)
        set_head(tx, lane, at)

    def _start(self, tx: Tx, row: Row, at: int, partner: str, worker: str) -> None:
        """A waiting head becomes `sending`; one that is asked about keeps its state while it is asked."""
        if row[3] != State.WAITING:
            return
        tx.run("start_sending", at, row[0])
        self._moves.add(
            tx,
            Move(
                lane=row[2],
                at=at,
                delivery=row[0],
                from_state=State.WAITING,
                to_state=State.SENDING,
                cause="claimed",
                actor=worker,
            ),
            partner,
        )


def unopenable(trouble: Exception) -> str:
    """Why a delivery is held that nobody expected to raise: without the values, for a reason is kept unsealed."""
    return f"it cannot be opened: {type(trouble).__name__}"


def _payment(claimed: Claimed, bodies: Bodies) -> PaymentStanding | None:
    """Its payment, with what was asked for; without, where that body was destroyed."""
    if claimed.payment is None or claimed.asked is None or claimed.asked[9] is None:
        return claimed.payment
    return replace(claimed.payment, asked=bodies.event(claimed.asked).data)


def open_claimed(claimed: Claimed, bodies: Bodies, *, is_shadow: bool) -> Delivery:
    """The noun that an adapter gets, its body opened."""
    row = claimed.row
    if claimed.trouble:
        raise LedgerDamaged(claimed.trouble)
    if row[18] is None:
        raise LedgerDamaged(f"the body of delivery {row[0]} was destroyed")
    body = bodies.open(row[17], row[18], EVENT)
    event = event_from_body(body, kind=row[12], occurred_at=from_ms(row[13]), sequence=row[14], digest=row[15])
    exists = None if row[24] is None else bool(row[24])
    filed_as, own, is_filed, own_of_told, is_told_filed = row[29:34]
    pairs = Pairs(
        filed_as=filed_as,
        own=own,
        is_filed=bool(is_filed),
        own_of_told=own_of_told,
        is_told_filed=bool(is_told_filed),
    )
    numbers = numbers_of(row[19], row[22], row[28], pairs)
    return Delivery(
        id=row[0],
        partner=row[1],
        lane=row[2],
        event=event,
        state=State(row[3]),
        tries=row[4],
        crashes=row[5],
        fence=claimed.fence,
        is_unanswered=row[3] in (State.IN_DOUBT, State.AWAITING),
        standing=Standing(
            exists=exists,
            procedure=row[20],
            unit=row[21],
            national_number=numbers.national,
            received_at=None if row[23] is None else from_ms(row[23]),
            shown_status=row[25],
            origin=numbers.origin,
            own_number=numbers.own,
            is_filed=numbers.is_filed,
            payments=claimed.paid,
            results=open_results(claimed.results, bodies),
            source=row[34],
        ),
        batch_kind=f"{event.kind}:{exists}",
        is_probe=claimed.is_probe,
        is_shadow=is_shadow,
        is_step=row[7] == "every_step",
        is_suspect=bool(row[27]),
        leased_until=from_ms(claimed.until),
        payment=_payment(claimed, bodies),
        signature=None if claimed.signature is None else standing_of(claimed.signature, event.data, bodies),
    )
