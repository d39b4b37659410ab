"""Where a signature's delivery stands, by what became of the signature.

The delivery carries it to its service; what is told afterwards ends it, whoever tells. While a worker has it, its state
is left to that worker's settlement, which looks at the signature again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bus.engines.sqlite import Tx
from bus.lanes import set_head
from bus.messages import Decision, State
from bus.moves import Move, MoveWriter
from bus.signatures import SignatureState

ENDS: Final[dict[SignatureState, tuple[State, str]]] = {
    SignatureState.MADE: (State.DELIVERED, "signature_made"),
    SignatureState.DECLINED: (State.CANCELLED, "signature_declined"),
    SignatureState.FAILED: (State.CANCELLED, "signature_failed"),
    SignatureState.EXPIRED: (State.CANCELLED, "signature_expired"),
    SignatureState.CANCELLED: (State.CANCELLED, "signature_cancelled"),
}
"""By the state that a signature came to: where its delivery is then, and because of what."""
WAITS: Final = frozenset(
    {
        SignatureState.WAITING_USER,
        SignatureState.SIGNED_RAW,
        SignatureState.TIME_STAMP_PENDING,
        SignatureState.INDETERMINATE,
    }
)
"""Its service has it, or has done its part: never sent again."""
AWAITED: Final = "signature_awaited"
NO_MORE: Final = frozenset({State.DELIVERED, State.CANCELLED, State.REFUSED})


def stand(tx: Tx, moves: MoveWriter, delivery: int | None, state: SignatureState, at: int, actor: str) -> None:
    """Put a signature's delivery where it belongs by now, unless a worker is at it."""
    row = None if delivery is None else tx.one("delivery_stands", delivery)
    if row is None or row[3]:
        return
    was, lane, partner, blocks = State(row[0]), row[1], row[2], row[4]
    to, cause = ENDS.get(state, (State.AWAITING, AWAITED))
    if was is to or (was in NO_MORE and to is State.CANCELLED):
        return
    tx.run("move_delivery", to, cause, "", None, 0, at, delivery)
    moves.add(
        tx,
        Move(lane=lane, at=at, delivery=delivery, from_state=was, to_state=to, cause=cause, actor=actor),
        partner,
    )
    if blocks:
        set_head(tx, lane, at)


def decided(decision: Decision, state: SignatureState) -> Decision:
    """Where a settled delivery stands: its signature knows more than the answer of one call."""
    if state in WAITS:
        return Decision(state=State.AWAITING, due_at=None, cause="awaiting", reason=decision.reason, blocks=False)
    if state not in ENDS:
        return decision
    if decision.state is State.REFUSED and state is not SignatureState.MADE:
        return replace(decision, blocks=False)
    to, cause = ENDS[state]
    return Decision(state=to, due_at=None, cause=cause, blocks=False)
