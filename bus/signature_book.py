"""The ledger's book of signatures: what services tell, what is known of one, and signatures whose time is over.

However a service tells (by its own call, asked for, with an answer, from an official's desk), it goes through `hear`:
one transaction holds the raw word, sealed, the signature, its delivery and what follows. Its values are judged before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from bus.bodies import CERTIFICATE, CHAIN, PLAN, Bodies
from bus.circuit import Manners
from bus.claiming import Claimed, open_claimed
from bus.engines.sqlite import SqliteEngine, Tx
from bus.errors import LedgerDamaged, NotAllowedNow
from bus.lanes import BUS
from bus.messages import Attempt, Decision, Delivery, State
from bus.moves import Move, MoveWriter
from bus.ports import Clock, CrashPoint
from bus.settling import Settlement, Settler, prepare
from bus.signature_ends import SignatureEnds
from bus.signature_evidence import note
from bus.signature_finishing import SignatureFinishing
from bus.signature_hands import SignatureHands
from bus.signature_hearing import Hearing, SignatureHearer
from bus.signature_rule import AGAIN
from bus.signature_standing import SignedClaim, claim_of, is_overtaken, read_documents, read_signature, standing_of
from bus.signatures import (
    EXPIRY_PATIENCE,
    FINISHING_PATIENCE,
    LAST_QUESTION,
    FinishJob,
    FinishOutcome,
    PreparedDocument,
    SignatureFacts,
    SignatureHeard,
    SignaturePolicy,
    SignatureStanding,
    SignatureState,
    SignatureTold,
    SignatureVerdict,
)
from bus.times import ms, to_ms

MOST_AT_ONCE: Final = 100
"""Signatures that end in one transaction: nobody else writes meanwhile."""
ASKED: Final = "asked"
"""The cause of the move that binds a question asked beside the lanes."""
ASKED_ON: Final = frozenset({SignatureState.UNKNOWN, SignatureState.WAITING_USER})


class SignatureBook:
    """Signatures of one ledger. Threads may share it."""

    def __init__(
        self,
        engine: SqliteEngine,
        moves: MoveWriter,
        bodies: Bodies,
        settler: Settler,
        hearer: SignatureHearer,
        ends: SignatureEnds,
        finishing: SignatureFinishing,
        hands: SignatureHands,
        policy: SignaturePolicy,
        manners: Callable[[str], Manners],
        *,
        clock: Clock,
        crash_point: CrashPoint,
    ) -> None:
        self._engine = engine
        self._moves = moves
        self._bodies = bodies
        self._settler = settler
        self._hearer = hearer
        self._ends = ends
        self._finishing = finishing
        self._hands = hands
        self.policy = policy
        self._manners = manners
        self._clock = clock
        self._point = crash_point

    # -- hearing ------------------------------------------------------------------------------------------------

    def hear(self, told: SignatureTold, *, actor: str | None = None) -> SignatureHeard:
        """What is told of one signature, on disk when this returns. `actor`: who told, where it was not the service.

        Raises LedgerUnavailable.
        """
        heard = self.judged(told)
        self._point("hear.before")
        said = self._engine.write(lambda tx: self.hear_in(tx, heard, actor))
        self._point("hear.after")
        return said

    def judged(self, told: SignatureTold) -> Hearing:
        """For `hear_in`: judging and sealing cost time, and are done before the writer is asked."""
        return self._hearer.judged(self._engine.read(), told)

    def hear_in(self, tx: Tx, heard: Hearing, actor: str | None = None) -> SignatureHeard:
        """The same as `hear`, in a transaction of the caller's."""
        return self._hearer.hear(tx, heard, to_ms(self._clock.now()), actor or heard.told.partner)

    def find(self, partner: str, *, request: str | None = None, handle: str | None = None) -> SignatureFacts | None:
        """What is known of a signature; None where nobody here asked this service under that name."""
        tx = self._engine.read()
        for query, word in (("signature_by_request", request), ("signature_by_handle", handle)):
            row = None if word is None else tx.one(query, partner, word)
            if row is not None:
                return read_signature(tx, row[0]).facts(self._bodies)
        return None

    def signed_document(self, source: str, signature: str, document: str) -> int | None:
        """The signed form of a document, among the ledger's documents: what is signed further."""
        row = self._engine.read().one("signed_document", source, signature, document)
        return None if row is None else row[0]

    # -- prepared -----------------------------------------------------------------------------------------------

    def prepared(
        self, signature: int, certificate: bytes, chain: Sequence[bytes], documents: Sequence[PreparedDocument]
    ) -> SignatureStanding:
        """Its documents are frozen, on disk before anything is sent; the standing from now on.

        Prepared a second time it stays as it was: somebody may be signing those very digests. Raises NotAllowedNow
        where it ended meanwhile.
        """

        packed = self._bodies.packed
        under = packed(certificate, CERTIFICATE), packed(msgspec.msgpack.encode(list(chain)), CHAIN)
        frozen = [replace(one, plan=packed(one.plan, PLAN)) for one in documents]

        def job(tx: Tx) -> SignedClaim:
            row = read_signature(tx, signature)
            if not row.state.is_asked:
                raise NotAllowedNow(f"signature {signature} is {row.state}", code="signature_over")
            if row.certificate is None:
                self._freeze(tx, signature, *under, frozen)
            return SignedClaim(read_signature(tx, signature), tuple(read_documents(tx, signature)), None)

        claim = self._engine.write(job)
        self._point("sign.after_prepared")
        return self._standing(claim)

    def _freeze(
        self,
        tx: Tx,
        signature: int,
        certificate: bytes,
        chain: bytes,
        documents: Sequence[PreparedDocument],
    ) -> None:
        at = to_ms(self._clock.now())
        tx.run("set_signature_prepared", certificate, chain, at, signature)
        for one in documents:
            tx.run("set_document_prepared", one.given, one.prepared, one.plan, one.digest, signature, one.n)
        note(tx, self._moves, signature, "prepared", at, BUS)

    def _standing(self, claim: SignedClaim) -> SignatureStanding:
        data = self._bodies.load_event(self._engine.read(), claim.row.event).data
        return standing_of(claim, data, self._bodies)

    # -- finishing ----------------------------------------------------------------------------------------------

    def finishing(self, now: datetime, limit: int = 1) -> list[FinishJob]:
        """Signatures whose values are here, each leased to the caller. Raises LedgerUnavailable."""
        return self._finishing.claim(now, limit)

    def finished(self, job: FinishJob, outcome: FinishOutcome) -> SignatureState:
        """What finishing came to, in one transaction with all that follows. Raises StaleFence: somebody else has it."""
        return self._finishing.finished(job, outcome)

    # -- a person's ---------------------------------------------------------------------------------------------

    def cancel(self, tx: Tx, signature: int, *, account: str, reason: str) -> None:
        """Nobody is to sign it any more. Raises NotFound, NotAllowedNow."""
        self._hands.cancel(tx, signature, account=account, reason=reason)

    def try_again(self, tx: Tx, signature: int, *, account: str, reason: str) -> str:
        """Ask for it anew, under a fresh request id; that id. Raises NotFound, NotAllowedNow."""
        return self._hands.try_again(tx, signature, account=account, reason=reason)

    def ask_now(self, tx: Tx, signature: int, *, account: str, reason: str) -> None:
        """Have the service asked, or finishing tried, at once. Raises NotFound, NotAllowedNow."""
        self._hands.ask_now(tx, signature, account=account, reason=reason)

    def give_one_time(
        self,
        tx: Tx,
        signature: int,
        *,
        account: str,
        reason: str,
        one_time: str | None = None,
        sad: str | None = None,
    ) -> None:
        """A code for one attempt, sealed until that takes it. Raises NotFound, NotAllowedNow."""
        self._hands.give_one_time(tx, signature, account=account, reason=reason, one_time=one_time, sad=sad)

    def doubt_all(self, tx: Tx, at: int) -> None:
        """After a restore: what was not sent when the backup was made may have been sent since."""
        for (number,) in tx.all("doubted_signatures"):
            tx.run("set_signature", SignatureState.UNKNOWN, "", at, number)
            note(tx, self._moves, number, "restored", at, BUS)
        tx.run("free_finishes")

    # -- asked about --------------------------------------------------------------------------------------------

    def load(self, signature: int) -> Delivery | None:
        """A signature's delivery, to ask its service about; None where there is nothing that could be asked with."""
        tx = self._engine.read()
        delivery = read_signature(tx, signature).delivery
        row = None if delivery is None else tx.one("load_claimed", delivery)
        if row is None or row[18] is None:
            return None
        # A code that a person typed is taken by this question: written, so that nobody has it twice.
        at = to_ms(self._clock.now())
        claim = self._engine.write(lambda writing: claim_of(writing, signature, self._moves, at))
        claimed = Claimed(row=row, fence=-1, is_probe=False, until=0, signature=claim)
        try:
            asked = open_claimed(claimed, self._bodies, is_shadow=False)
        except LedgerDamaged:
            return None
        tries = asked.tries + claim.row.asked
        return replace(asked, state=State.AWAITING, is_unanswered=True, tries=tries, leased_until=None)

    def answered(self, delivery: Delivery, attempt: Attempt, *, worker: str, started_at: datetime) -> str | None:
        """What a question came to: the call, what it told, and when to ask again.

        How the partner's circuit changed, as with a settled attempt.
        """
        now = self._clock.now()
        told: SignatureTold | None = attempt.facts.get("told")
        work = Settlement(
            delivery=delivery,
            attempt=attempt,
            decision=Decision(state=delivery.state, due_at=None, cause=ASKED, blocks=False),
            worker=worker,
            started_at=started_at,
            settled_at=now,
            sealed=prepare(self._bodies, attempt.exchanges),
            take_next=False,
            heard=None if told is None else self.judged(told),
        )
        manners = self._manners(delivery.partner)
        return self._engine.write(lambda tx: self._answered(tx, work, manners, to_ms(now)))

    def _answered(self, tx: Tx, work: Settlement, manners: Manners, at: int) -> str | None:
        delivery, heard = work.delivery, work.heard
        assert delivery.signature is not None
        binds = self._settler.write_attempt(tx, work)
        stands = tx.one("delivery_stands", delivery.id)
        assert stands is not None
        state = State(stands[0])
        self._moves.add(
            tx,
            Move(
                lane=delivery.lane,
                at=at,
                delivery=delivery.id,
                from_state=state,
                to_state=state,
                cause=ASKED,
                actor=work.worker,
                binds=binds,
            ),
        )
        row = read_signature(tx, delivery.signature.signature)
        if heard is not None and not is_overtaken(heard.told, delivery.signature, row):
            self._hearer.hear(tx, heard, at, work.worker)
        is_answer = heard is not None and heard.told.verdict is not SignatureVerdict.UNCLEAR
        self._plan(tx, delivery.signature.signature, at, is_answer=is_answer)
        self._point("sign.after_asked")
        return self._settler.health(tx, work, manners, at)

    def _plan(self, tx: Tx, signature: int, at: int, *, is_answer: bool) -> None:
        """When it is asked about next: until its last question was answered, or nobody waits for that any more."""
        row = read_signature(tx, signature)
        planned = row.ask_next(at, self.policy, more=1) if row.state in ASKED_ON else None
        if planned is None and not is_answer:
            patience, pause = _patience(row.state)
            planned = at + ms(pause) if at < row.expires_at + ms(patience) else None
        tx.run("note_signature_asked", at if is_answer else None, planned, signature)

    # -- time over ----------------------------------------------------------------------------------------------

    def expire_due(self, now: datetime) -> int:
        """End signatures whose time is over and whose service was asked once more; how many."""
        at = to_ms(now)
        due = (at - ms(LAST_QUESTION), at - ms(EXPIRY_PATIENCE), ms(LAST_QUESTION))

        def job(tx: Tx) -> int:
            found = tx.all("due_signature_expiries", *due, MOST_AT_ONCE)
            for (number,) in found:
                self._expire(tx, number, at)
            return len(found)

        if not self._engine.read().all("due_signature_expiries", *due, 1):
            return 0
        return self._engine.write(job)

    def _expire(self, tx: Tx, signature: int, at: int) -> None:
        row = read_signature(tx, signature)
        self._ends.give_up(tx, row, SignatureState.EXPIRED, "expired", "", at, BUS)
        is_answered = row.asked_at is not None and row.asked_at >= row.expires_at + ms(LAST_QUESTION)
        if row.opened_at is not None and not is_answered:
            # Somebody may have signed it, and nobody told us: asked on, for what it proves is taken late.
            tx.run("set_signature_ask_at", at + ms(AGAIN), signature)
        self._point("sign.after_expiry")


def _patience(state: SignatureState) -> tuple[timedelta, timedelta]:
    """How long past its deadline a service that says nothing is asked, and how often."""
    if state is SignatureState.EXPIRED:
        return FINISHING_PATIENCE, AGAIN
    return (EXPIRY_PATIENCE, LAST_QUESTION) if state in ASKED_ON else (timedelta(), LAST_QUESTION)
