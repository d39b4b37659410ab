"""Outcomes, told: for each move into a told state an event `delivery.settled`, its delivery and that one's own move.

Called where all moves are written, once for a transaction and whichever path made them, so that no path can forget it;
and so an outcome is in the ledger exactly when its move is. Where nobody takes outcomes it is not even there.
"""

from __future__ import annotations

from collections.abc import Sequence

from bus.bodies import Bodies
from bus.engines.sqlite import Row, Tx
from bus.follow_ups import TOLD, FollowUps, Outcome, outcome_event, told_to
from bus.messages import SETTLED
from bus.moves import Move
from bus.ports import CrashPoint
from bus.prepared import Prepared
from bus.recording import Recorder
from bus.times import from_ms


class OutcomeWriter:
    """Writes what follows from moves. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, recorder: Recorder, bodies: Bodies, follow_ups: FollowUps, crash_point: CrashPoint) -> None:
        self._recorder = recorder
        self._bodies = bodies
        self._follow_ups = follow_ups
        self._point = crash_point

    def write(self, tx: Tx, moves: Sequence[tuple[Move, Row]]) -> None:
        """The outcomes of a transaction's moves, in their order; each move stands beside its row."""
        told = [n for n, (move, _row) in enumerate(moves) if _says_something(move)]
        if not told:
            return
        last = tx.one("last_move_id")  # nobody else writes while this transaction is open
        assert last is not None
        for n in told:
            self._tell(tx, last[0] + 1 + n, *moves[n])

    def _tell(self, tx: Tx, number: int, move: Move, row: Row) -> None:
        of = tx.one("told_event", move.delivery)
        assert of is not None
        assert move.to_state is not None
        source, event, kind, traceparent, dossier, due_at, name, partner = of
        taker = self._follow_ups.taker(source, kind, move.to_state)
        if taker is None:
            return
        self._point("tell.before")
        told = Outcome(
            move=number,
            link=row[-1],
            source=source,
            event=event,
            kind=kind,
            dossier=name,
            partner=partner,
            state=move.to_state,
            cause=move.cause,
            reason=move.reason,
            at=from_ms(self._after_the_last(tx, dossier, taker, move.at)),
            traceparent=traceparent,
        )
        outcome = outcome_event(told)
        prepared = Prepared(
            event=outcome,
            sealed=self._bodies.seal_event(outcome),
            terms=frozenset(),
            routes=(told_to(taker, SETTLED),),
            order="arrival",
        )
        self._recorder.record_own(tx, prepared, dossier, due_at, move.at)
        self._point("tell.after")

    def _after_the_last(self, tx: Tx, dossier: int, taker: str, at: int) -> int:
        """The move's time; later than that of the dossier's last outcome, for the latest is the one that stands."""
        last = tx.one("last_outcome_place", dossier, taker)
        return at if last is None else max(at, last[0] + 1)


def _says_something(move: Move) -> bool:
    """Whether a source may act on it; what is noted of a delivery that stays where it stands was told already."""
    return move.delivery is not None and move.to_state in TOLD and move.from_state is not move.to_state
