"""From values that verify to signed documents: leased to a finisher, and what it came to written in one transaction.

A finisher reads, assembles, stamps and verifies outside; its lease has a number, so that one that slept past its lease
changes nothing. Whatever stops it, the values are here: nobody is asked to sign again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bus.bodies import PLAN, REPORT, Bodies
from bus.engines.sqlite import SqliteEngine, Tx
from bus.errors import StaleFence
from bus.lanes import BUS
from bus.moves import MoveWriter
from bus.ports import Clock, CrashPoint
from bus.recording import Recorder
from bus.seal import Sealed
from bus.signature_deliveries import stand
from bus.signature_ends import SignatureEnds
from bus.signature_entry import SignatureEntry
from bus.signature_evidence import note
from bus.signature_follow_ups import SignatureNews
from bus.signature_standing import (
    DocumentRow,
    SignatureRow,
    certificate_of,
    chain_of,
    read_documents,
    read_signature,
)
from bus.signatures import (
    FinishDocument,
    FinishedDocument,
    FinishJob,
    FinishOutcome,
    SignaturePolicy,
    SignatureState,
)
from bus.times import from_ms, ms, to_ms

WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 300, 600, 1_800))
"""After the first, second … try that could not end; the last one repeats until a person has to look."""
NO_EVENT: Final = "what asked for it is destroyed"
FINISHER: Final = "finisher"
_STATES: Final = {
    "time_stamp_pending": SignatureState.TIME_STAMP_PENDING,
    "indeterminate": SignatureState.INDETERMINATE,
}
_Claimed = tuple[SignatureRow, list[DocumentRow], Mapping[str, Any]]
"""What was leased, its documents, and the data of the event that asked for it."""


class SignatureFinishing:
    """One for a ledger. Threads may share it."""

    def __init__(
        self,
        engine: SqliteEngine,
        moves: MoveWriter,
        bodies: Bodies,
        recorder: Recorder,
        entry: SignatureEntry,
        ends: SignatureEnds,
        news: SignatureNews,
        show: Callable[[Tx, int, int], None],
        policy: SignaturePolicy,
        *,
        clock: Clock,
        crash_point: CrashPoint,
    ) -> None:
        """`show`: tells the portal that a dossier has another result."""
        self._engine = engine
        self._moves = moves
        self._bodies = bodies
        self._recorder = recorder
        self._entry = entry
        self._ends = ends
        self._news = news
        self._show = show
        self._policy = policy
        self._clock = clock
        self._point = crash_point

    # -- leased -------------------------------------------------------------------------------------------------

    def claim(self, now: datetime, limit: int) -> list[FinishJob]:
        """Those that are due; none of them is anybody else's until its lease is over."""
        at = to_ms(now)
        if not self._engine.read().all("due_finishes", at, 1):
            return []
        claimed = self._engine.write(lambda tx: self._claim(tx, at, limit))
        self._point("finish.leased")
        return [self._job(*each, at) for each in claimed]

    def _claim(self, tx: Tx, at: int, limit: int) -> list[_Claimed]:
        claimed = []
        for (number,) in tx.all("due_finishes", at, limit):
            event = self._recorder.told_before(tx, read_signature(tx, number).event)
            if event is None:
                # Retention or erasure took what asked for it: nothing that is made would have a name.
                tx.run("leave_finish", None, number)
                note(tx, self._moves, number, NO_EVENT, at, BUS)
                continue
            tx.run("lease_finish", at + ms(self._policy.finish_lease), number)
            claimed.append((read_signature(tx, number), read_documents(tx, number), event.data))
        return claimed

    def _job(self, row: SignatureRow, documents: Sequence[DocumentRow], data: Mapping[str, Any], at: int) -> FinishJob:
        """Opened outside the writer's thread; one that is damaged keeps its lease, and nobody from the next."""
        signed_at = at if row.signed_at is None else row.signed_at
        return FinishJob(
            signature=row.id,
            name=row.name,
            n=row.n,
            dossier=row.dossier,
            number=row.number,
            source=row.source,
            service=row.service or "",
            role=row.role,
            user=data["signer"]["user"],
            signer_name=data["signer"]["name"],
            level=row.level,
            state=row.state,
            certificate=certificate_of(row, self._bodies),
            chain=chain_of(row, self._bodies),
            signed_at=from_ms(signed_at),
            tries=row.finish_tries,
            fence=row.finish_fence,
            leased_until=from_ms(at + ms(self._policy.finish_lease)),
            is_last=at >= signed_at + ms(self._policy.patience),
            documents=tuple(_document(one, data["documents"][one.n - 1], self._bodies) for one in documents),
        )

    # -- done ---------------------------------------------------------------------------------------------------

    def finished(self, job: FinishJob, outcome: FinishOutcome) -> SignatureState:
        """Where the signature stands now."""
        sealed = {one.n: self._bodies.seal(one.report, REPORT) for one in outcome.documents if one.report}
        self._point("finish.before")
        done = self._engine.write(lambda tx: self._finished(tx, job, outcome, sealed))
        self._point("finish.after")
        if done is None:
            raise StaleFence
        return done

    def _finished(
        self, tx: Tx, job: FinishJob, outcome: FinishOutcome, sealed: Mapping[int, Sealed]
    ) -> SignatureState | None:
        row, at = read_signature(tx, job.signature), to_ms(self._clock.now())
        if row.finish_fence != job.fence or row.n != job.n or not row.state.is_finishing:
            return None
        for one in outcome.documents:
            self._write(tx, row.id, one, sealed.get(one.n))
        self._point("finish.after_documents")
        match outcome.to:
            case "made":
                self._made(tx, row, job, outcome, at)
            case "failed":
                self._ends.give_up(tx, row, SignatureState.FAILED, outcome.code, outcome.reason, at, FINISHER)
                tx.run("leave_finish", None, row.id)
            case pending:
                self._again(tx, row, job, _STATES[pending], outcome, at)
        return read_signature(tx, row.id).state

    def _write(self, tx: Tx, signature: int, one: FinishedDocument, sealed: Sealed | None) -> None:
        body, commitment = None, None
        if sealed is not None:
            body, commitment = tx.insert("add_body", sealed.key_id, sealed.blob), sealed.commitment
        facts = (one.signed, one.verdict, body, commitment, one.reached, one.code)
        tx.run("set_document_finished", *facts, signature, one.n)

    def _made(self, tx: Tx, row: SignatureRow, job: FinishJob, outcome: FinishOutcome, at: int) -> None:
        tx.run("set_signature_made", at, row.id)
        note(tx, self._moves, row.id, "made", at, FINISHER)
        self._point("finish.after_made")
        stand(tx, self._moves, row.delivery, SignatureState.MADE, at, FINISHER)
        self._news.made(tx, row, {one.n: one.name for one in job.documents}, outcome, at)
        self._show(tx, row.dossier, at)
        self._entry.release(tx, row, at)

    def _again(
        self, tx: Tx, row: SignatureRow, job: FinishJob, state: SignatureState, outcome: FinishOutcome, at: int
    ) -> None:
        """Once more later; where its patience is over, when a person says so."""
        again_at = at + ms(WAITS[min(row.finish_tries, len(WAITS) - 1)])
        if outcome.again_at is not None:
            again_at = to_ms(outcome.again_at)
        tx.run("leave_finish", None if job.is_last else again_at, row.id)
        if state is not row.state or outcome.documents or job.is_last:
            tx.run("set_signature", state, outcome.code, at, row.id)
            said = f"{state}: {outcome.code}" if outcome.code else str(state)
            note(tx, self._moves, row.id, f"{said}, a person looks" if job.is_last else said, at, FINISHER)


def _document(row: DocumentRow, asked: Mapping[str, Any], bodies: Bodies) -> FinishDocument:
    return FinishDocument(
        n=row.n,
        id=row.name,
        name=asked["name"],
        form=row.form,
        asked=asked,
        prepared=row.prepared,
        plan=bodies.unpacked(row.plan, PLAN),
        digest=row.digest,
        value=row.value,
        signed=row.signed,
        verdict=row.verdict,
        reached=row.reached,
        code=row.code,
    )
