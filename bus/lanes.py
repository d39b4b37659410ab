"""The order of one dossier's deliveries at one partner.

A lane is a line: deliveries stand by *place*, then by acceptance. The first open one that blocks is the head; only the
head is ever claimed. Places are milliseconds of the source's event time, so that what several sources say of one
dossier compares; a numbered source's places are raised where its clock went backward, so that its numbers decide.

A newer whole record supersedes those that still wait, are held or were refused, and takes the place of the oldest of
them: that is how an officer who corrects the dossier at its source frees a blocked lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bus.engines.sqlite import Tx
from bus.messages import Decision, State
from bus.moves import Move, MoveWriter

BUS: Final = "bus"
"""The actor of moves that nobody pressed."""
NO_DEADLINE: Final = 1 << 62
"""Dossiers without a due date drain last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A delivery about to enter its lane."""

    lane: int
    event: int
    place: int
    route_rule: str
    late: str
    needs_record: bool


def enter(
    tx: Tx, moves: MoveWriter, entry: Entry, top_record: int | None, step_place: int | None, now: int, partner: str
) -> tuple[int, Decision]:
    """Where a new delivery stands in its lane, and in which state. Supersedes what it overtakes."""
    if entry.route_rule == "latest_wins":
        return _enter_record(tx, moves, entry, top_record, now, partner)
    return _enter_step(entry, step_place)


def _enter_step(entry: Entry, step_place: int | None) -> tuple[int, Decision]:
    if step_place is not None and entry.place < step_place and entry.late == "hold":
        # Its successor went out before it came: sending it now would set the portal back. A person may know better.
        return entry.place, Decision(state=State.HELD, due_at=None, cause="late_step", blocks=False)
    return entry.place, Decision(state=State.WAITING, due_at=None, cause="accepted")


def _enter_record(
    tx: Tx, moves: MoveWriter, entry: Entry, top_record: int | None, now: int, partner: str
) -> tuple[int, Decision]:
    if top_record is not None and entry.place < top_record:
        return entry.place, Decision(state=State.SUPERSEDED, due_at=None, cause="overtaken", blocks=False)
    place = supersede_waiting(
        tx, moves, lane=entry.lane, place=entry.place, event=entry.event, now=now, partner=partner
    )
    tx.run("set_top_record", entry.place, entry.lane)
    return place, Decision(state=State.WAITING, due_at=None, cause="accepted")


def supersede_waiting(tx: Tx, moves: MoveWriter, *, lane: int, place: int, event: int, now: int, partner: str) -> int:
    """Overtake the lane's older records that nothing is on its way for; the place that the newer one takes."""
    for delivery, old_place, state in tx.all("find_overtaken", lane, place, place, event):
        leave(tx, moves, lane=lane, delivery=delivery, was=State(state), cause="overtaken", now=now, partner=partner)
        place = min(place, old_place)
    return place


def leave(
    tx: Tx,
    moves: MoveWriter,
    *,
    lane: int,
    delivery: int,
    was: State,
    cause: str,
    now: int,
    partner: str,
    state: State = State.SUPERSEDED,
    actor: str = BUS,
    reason: str = "",
) -> None:
    """A delivery leaves its line without being sent."""
    tx.run("move_delivery", state, cause, reason, None, 0, now, delivery)
    moves.add(
        tx,
        Move(
            lane=lane,
            at=now,
            delivery=delivery,
            from_state=was,
            to_state=state,
            cause=cause,
            reason=reason,
            actor=actor,
        ),
        partner,
    )


def put_before_steps(tx: Tx, lane: int, place: int) -> int:
    """A dossier's first record goes before the steps that came earlier than it."""
    first = tx.one("first_open_step_place", lane)
    return place if first is None or first[0] is None else min(place, first[0] - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """First in line: the delivery, and when it may be claimed (None while it is blocked)."""

    delivery: int
    ready_at: int | None
    is_suspect: bool = False
    """A worker went away over it: it goes alone."""


def first_in_line(tx: Tx, lane: int, record_state: str, now: int) -> Head | None:
    """The lane's head as it is now; None when nothing open blocks it."""
    row = tx.one("find_head", lane)
    if row is None:
        return None
    delivery, state, due_at, needs_record, cause, suspected = row
    is_suspect = bool(suspected)
    if state == State.WAITING:
        if needs_record and record_state == "none":
            if cause != "no_record":
                tx.run("set_cause", "no_record", delivery)
            return Head(delivery=delivery, ready_at=None)
        ready_at = now if due_at is None else due_at
        return Head(delivery=delivery, ready_at=ready_at, is_suspect=is_suspect)
    # An unanswered one is due when it may be asked; what is held or refused waits for a person.
    is_askable = state in (State.IN_DOUBT, State.AWAITING)
    return Head(delivery=delivery, ready_at=due_at if is_askable else None, is_suspect=is_suspect)


def set_head(tx: Tx, lane: int, now: int) -> None:
    """Find the lane's head again after any change, and when it may be claimed. A leased lane is left to its worker."""
    gate = tx.one("find_lane_gate", lane)
    assert gate is not None
    lease_until, record_state = gate
    if lease_until is None:
        head = first_in_line(tx, lane, record_state, now)
        tx.run("set_head", *((None, None) if head is None else (head.delivery, head.ready_at)), lane)


def deadline_of(due_at: int | None) -> int:
    """The drain's key of a dossier: its due date, or the end of time."""
    return NO_DEADLINE if due_at is None else due_at
