"""Suspects: deliveries over which a worker went away, and how the one that is to blame is found.

    in company ──worker gone──▶ suspect ──alone, and the worker comes back──▶ cleared
                                   └─────alone, and it goes away again, three times──▶ held, cause `poison`

Whatever is in flight when a worker dies might have killed it, so a first death accuses and convicts nobody. A suspect
goes alone (`turns.py`): then there is one delivery to blame, and only such a death counts. What a worker was doing is
kept apart, sending or asking: one that died over a delivery's sending has said nothing against asking about it.
"""

from __future__ import annotations

from typing import Final

from bus.circuit import Manners
from bus.engines.sqlite import Tx
from bus.lanes import BUS, set_head
from bus.messages import State
from bus.moves import Move, MoveWriter
from bus.times import ms

MAX_CRASHES: Final = 4
"""Parked then: once in company, which alone accuses nobody, and three times alone. Asking adds one death in company at
most, so that no delivery is tried more than five times over dying workers (R9)."""
SENDING: Final = 1
ASKING: Final = 2
"""Bits of the column `suspected`: what the worker was doing with it when it went away."""


def expire_leases(tx: Tx, moves: MoveWriter, partner: str, manners: Manners, at: int) -> None:
    """Lanes whose worker did not come back: what it was sending is in doubt, never simply waiting."""
    for lane, head, state, crashes, suspected in tx.all("find_expired", partner, at, at + 2 * ms(manners.lease)):
        doing = SENDING if state == State.SENDING else ASKING
        crashes = crashes + 1 if suspected & doing else max(crashes, 1)
        tx.run("note_crash", crashes, doing, head)
        if state == State.SENDING:
            tx.run("may_have_arrived", head)
        if crashes >= MAX_CRASHES:
            _change(tx, moves, lane, head, State(state), State.HELD, "poison", None, partner, at)
        elif state == State.SENDING:
            due_at = at + ms(manners.in_flight)
            _change(tx, moves, lane, head, State.SENDING, State.IN_DOUBT, "lease_expired", due_at, partner, at)
        tx.run("free_lane", lane)
        set_head(tx, lane, at)


def came_back(tx: Tx, delivery: int, was: State) -> None:
    """The worker lived through it: of that, the delivery is suspected no longer."""
    done = SENDING if was is State.SENDING else ASKING
    tx.run("clear_suspicion", done, done, delivery)


def _change(
    tx: Tx,
    moves: MoveWriter,
    lane: int,
    delivery: int,
    was: State,
    state: State,
    cause: str,
    due_at: int | None,
    partner: str,
    at: int,
) -> None:
    tx.run("move_delivery", state, cause, "", due_at, 1, at, delivery)
    move = Move(lane=lane, at=at, delivery=delivery, from_state=was, to_state=state, cause=cause, actor=BUS)
    moves.add(tx, move, partner)
