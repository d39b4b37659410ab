"""What a worker's attempt at a signature's delivery came to, within its settlement.

Taken: the person has it on his phone, and the delivery waits beside the lane. Said no: told to the source. Not known:
asked about in the lane, and only a service that knows nothing of it lets it go again, under the very same request id.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from bus.engines.sqlite import Tx
from bus.messages import Attempt, Decision, Refused, State, Unreachable
from bus.moves import MoveWriter
from bus.ports import CrashPoint
from bus.settling import Settlement
from bus.signature_deliveries import decided
from bus.signature_ends import SignatureEnds
from bus.signature_entry import until_first
from bus.signature_evidence import note
from bus.signature_hearing import SignatureHearer, until_of
from bus.signature_standing import SignatureRow, read_signature
from bus.signatures import SignaturePolicy, SignatureState, SignatureVerdict
from bus.times import to_ms

MOST_SENDINGS: Final = 20
"""A service that takes a request so often and never knows it is not sent another without a person."""
TOO_MANY: Final = "too_often_unknown"
UNASKED: Final = "not_asked"
"""The cause of what stays in doubt because the question itself could not be asked."""
UNSENT_STATES: Final = frozenset({SignatureState.CREATED, SignatureState.PREPARED, SignatureState.UNKNOWN})
DECLINED_BY_SIGNER: Final = "declined_by_signer"


class SignatureSettling:
    """Settles deliveries that carry signatures. One for a ledger; it remembers nothing."""

    def __init__(
        self,
        moves: MoveWriter,
        hearer: SignatureHearer,
        ends: SignatureEnds,
        policy: SignaturePolicy,
        crash_point: CrashPoint,
    ) -> None:
        self._moves = moves
        self._hearer = hearer
        self._ends = ends
        self._policy = policy
        self._point = crash_point

    def decided(self, tx: Tx, work: Settlement, decision: Decision, at: int) -> Decision:
        """Where the delivery stands after this attempt, with all that follows for its signature written."""
        carried = work.delivery.signature
        if carried is None:
            return decision
        if decision.is_tried:
            decision = self._tried(tx, read_signature(tx, carried.signature), work, decision, at)
            self._point("sign.after_answer")
        return decided(decision, read_signature(tx, carried.signature).state)

    def _tried(self, tx: Tx, row: SignatureRow, work: Settlement, decision: Decision, at: int) -> Decision:
        facts, heard, worker = work.attempt.facts, work.heard, work.worker
        if facts.get("handle") is not None:
            tx.run("set_signature_handle", facts["handle"], row.id)
        is_waiting = heard is not None and heard.told.verdict is SignatureVerdict.WAITING
        if heard is not None and not is_waiting:
            self._hearer.hear(tx, heard, at, worker)
            row = read_signature(tx, row.id)
        if row.state in UNSENT_STATES:
            decision = self._of_unsent(tx, row, work, decision, at)
        if heard is not None and is_waiting:
            # Behind the opening, which knows until when; this one may know what the service waits for.
            self._hearer.hear(tx, heard, at, worker)
        return decision

    def _of_unsent(self, tx: Tx, row: SignatureRow, work: Settlement, decision: Decision, at: int) -> Decision:
        """Nobody knew yet whether the service has it."""
        match decision.state:
            case State.AWAITING | State.DELIVERED:
                self._open(tx, row, work.attempt.facts, at, work.worker)
            case State.REFUSED:
                self._refuse(tx, row, work.attempt, at, work.worker)
            case State.IN_DOUBT | State.HELD if row.state is SignatureState.PREPARED:
                self._lose(tx, row, at, work.worker)
            case State.WAITING if work.delivery.is_unanswered and row.state is not SignatureState.CREATED:
                return self._not_there(tx, row, work, decision, at)
        return decision

    def _open(self, tx: Tx, row: SignatureRow, facts: Any, at: int, worker: str) -> None:
        until = facts.get("until")
        told = None if until is None else to_ms(until)
        self._hearer.waits(tx, row, facts.get("handle"), told, "", "waiting_user", at, worker)

    def _refuse(self, tx: Tx, row: SignatureRow, attempt: Attempt, at: int, worker: str) -> None:
        said = attempt.outcome
        code, reason = (said.code, said.reason) if isinstance(said, Refused) else ("service_refused", "")
        to = SignatureState.DECLINED if code == DECLINED_BY_SIGNER else SignatureState.FAILED
        self._ends.give_up(tx, row, to, code, reason, at, worker, f"refused: {code}")

    def _lose(self, tx: Tx, row: SignatureRow, at: int, worker: str) -> None:
        """It may be on the person's phone: from now on its time runs."""
        until = until_of(row, None, at, self._policy)
        tx.run("set_signature_opened", SignatureState.UNKNOWN, None, at, until, at, row.id)
        note(tx, self._moves, row.id, "unknown", at, worker)

    def _not_there(self, tx: Tx, row: SignatureRow, work: Settlement, decision: Decision, at: int) -> Decision:
        """Only a service that was asked and knows nothing of it lets it go again."""
        if not _says_not_there(work.attempt):
            return replace(decision, state=State.IN_DOUBT, cause=UNASKED)
        if work.delivery.tries >= MOST_SENDINGS:
            return Decision(state=State.HELD, due_at=None, cause=TOO_MANY, reason=decision.reason, blocks=False)
        state = SignatureState.CREATED if row.certificate is None else SignatureState.PREPARED
        tx.run("set_signature", state, "", at, row.id)
        tx.run("set_signature_until", until_first(work.delivery.event.data, state, at), row.id)
        note(tx, self._moves, row.id, "not_there", at, work.worker)
        return decision


def _says_not_there(attempt: Attempt) -> bool:
    told = attempt.facts.get("told")
    if told is not None:
        return bool(told.verdict is SignatureVerdict.NOT_THERE)
    said = attempt.outcome
    is_at_once = isinstance(said, Unreachable) and said.retry_after is not None and not said.retry_after
    return is_at_once and isinstance(said, Unreachable) and not said.is_down
