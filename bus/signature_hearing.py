"""One hearing, in a transaction: what was told of a signature becomes a change of it, its delivery and what follows.

What it comes to is the pure rule of `signature_rule.py`; here it is carried out, and bound. Values are judged before:
that costs processor time, and the digests they are judged by never change within a try.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from bus.bodies import HEARING, Bodies
from bus.engines.sqlite import Tx
from bus.moves import MoveWriter
from bus.ports import CrashPoint
from bus.seal import Sealed
from bus.signature_deliveries import stand
from bus.signature_ends import SignatureEnds
from bus.signature_evidence import note, note_hearing
from bus.signature_rule import ASKED_VIAS, Step, hear, judge_values
from bus.signature_standing import (
    SignatureRow,
    certificate_of,
    find_signature,
    known_of,
    read_documents,
    read_signature,
    sign_documents,
)
from bus.signatures import (
    NOT_JUDGED,
    Judged,
    SignatureEffect,
    SignatureHeard,
    SignaturePolicy,
    SignatureState,
    SignatureTold,
    SignatureVerdict,
)
from bus.times import ms

OLD_NEWS: Final = frozenset({SignatureEffect.REPEATED, SignatureEffect.NOTHING})
"""What we asked for and knew already is in the question's own exchange, bound by its attempt: no hearing beside it."""
MOST_NAMELESS: Final = 50
"""Signatures that a value under an unknown name is tried on."""
MOST_OF_HINT: Final = 4_096
"""Bytes that are kept of what nobody proves: whoever makes it up must not fill the disk."""
WITHOUT_VALUE: Final = "not_signed"
"""The code of a document whose value the service did not give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What was told, found, judged and sealed: all that is done before the writer is asked."""

    told: SignatureTold
    signature: int | None
    n: int
    """Of which try."""
    judged: Judged
    sealed: Sealed


class SignatureHearer:
    """Carries out what was told. One for a ledger; it keeps nothing between transactions."""

    def __init__(
        self, moves: MoveWriter, bodies: Bodies, policy: SignaturePolicy, ends: SignatureEnds, crash_point: CrashPoint
    ) -> None:
        self._moves = moves
        self._bodies = bodies
        self._policy = policy
        self._ends = ends
        self._point = crash_point

    # -- before the writer is asked -----------------------------------------------------------------------------

    def judged(self, tx: Tx, told: SignatureTold) -> Hearing:
        """Of which signature it is, and what its values prove. Only reads."""
        found, judged = self._found(tx, told)
        signature, n = found or (None, 0)
        is_kept_whole = told.is_authentic or bool(judged.proved)
        sealed = self._bodies.seal(told.evidence if is_kept_whole else _shortened(told.evidence), HEARING)
        return Hearing(told=told, signature=signature, n=n, judged=judged, sealed=sealed)

    def _found(self, tx: Tx, told: SignatureTold) -> tuple[tuple[int, int] | None, Judged]:
        for query, word in (("signature_by_request", told.request), ("signature_by_handle", told.handle)):
            row = None if word is None else tx.one(query, told.partner, word)
            if row is not None:
                known = read_signature(tx, row[0])
                is_judged = known.n == row[1] and told.verdict is SignatureVerdict.SIGNED
                return (row[0], row[1]), self._judge(tx, known, told) if is_judged else NOT_JUDGED
        return self._proved(tx, told)

    def _proved(self, tx: Tx, told: SignatureTold) -> tuple[tuple[int, int] | None, Judged]:
        """Of what is told under a name that never reached us: whose digests its values sign."""
        if told.verdict is SignatureVerdict.SIGNED and told.values:
            for (number,) in tx.all("nameless_signatures", told.partner, MOST_NAMELESS):
                known = read_signature(tx, number)
                judged = self._judge(tx, known, told)
                if judged.values and not judged.wrong:
                    return (number, known.n), judged
        return None, NOT_JUDGED

    def _judge(self, tx: Tx, row: SignatureRow, told: SignatureTold) -> Judged:
        documents = sign_documents(read_documents(tx, row.id))
        return judge_values(told, documents, certificate_of(row, self._bodies), self._policy.judge)

    # -- in the transaction -------------------------------------------------------------------------------------

    def hear(self, tx: Tx, heard: Hearing, at: int, actor: str) -> SignatureHeard:
        """One hearing."""
        told = heard.told
        row = None if heard.signature is None else find_signature(tx, heard.signature)
        if row is None:
            # What nobody proves, about nothing of ours, is noted at the door: kept here it would fill the disk.
            if told.is_authentic:
                self._write(tx, told, heard.sealed, None, SignatureEffect.UNKNOWN, at, actor)
            return SignatureHeard(effect=SignatureEffect.UNKNOWN, signature=None, state=None)
        is_current = row.n == heard.n
        step = hear(known_of(tx, row, is_current=is_current), told, heard.judged)
        if told.via not in ASKED_VIAS or step.effect not in OLD_NEWS:
            self._write(tx, told, heard.sealed, row, step.effect, at, actor)
        if is_current and told.handle is not None and (told.is_authentic or step.is_taken):
            # Whoever names a handle and proves nothing would have us ask about something else from now on.
            tx.run("set_signature_handle", told.handle, row.id)
        self._carry_out(tx, row, told, heard.judged, step, at, actor)
        self._point("hear.after_follow_ups")
        return SignatureHeard(effect=step.effect, signature=row.id, state=step.state)

    def _write(
        self,
        tx: Tx,
        told: SignatureTold,
        sealed: Sealed,
        row: SignatureRow | None,
        effect: SignatureEffect,
        at: int,
        actor: str,
    ) -> None:
        body = tx.insert("add_body", sealed.key_id, sealed.blob)
        signature, delivery = (None, None) if row is None else (row.id, row.delivery)
        line = (
            at, told.partner, signature, told.via, told.verdict, effect, told.code, told.address, sealed.commitment,
        )  # fmt: skip
        number = tx.insert("add_signature_hearing", *line, body)
        note_hearing(tx, self._moves, delivery, (number, *line), f"{told.via} {told.verdict}: {effect}", at, actor)

    def _carry_out(
        self, tx: Tx, was: SignatureRow, told: SignatureTold, judged: Judged, step: Step, at: int, actor: str
    ) -> None:
        row = read_signature(tx, was.id)
        if step.is_taken:
            self._take(tx, row, judged)
        self._point("hear.after_attempt")
        said = f"{told.via} {step.effect}" + (f": {step.code}" if step.code else "")
        if step.is_taken and step.state is SignatureState.SIGNED_RAW:
            self._signed(tx, row, told, said, at, actor)
        elif step.state is SignatureState.WAITING_USER and step.effect is SignatureEffect.RECORDED:
            self.waits(tx, row, None, None, step.code, said, at, actor)
        elif step.state is not row.state:
            self._ends.give_up(tx, row, step.state, step.code, told.reason, at, actor, said)
        elif step.is_taken or row.handle != was.handle:
            note(tx, self._moves, row.id, said, at, actor)
        if step.asks_now:
            tx.run("set_signature_ask_at", at, row.id)

    def _take(self, tx: Tx, row: SignatureRow, judged: Judged) -> None:
        for n, value in judged.values.items():
            tx.run("set_document_value", value, row.id, n)
        for n, document in judged.uploads.items():
            tx.run("set_document_uploaded", document, row.id, n)

    def _signed(self, tx: Tx, row: SignatureRow, told: SignatureTold, said: str, at: int, actor: str) -> None:
        """The proof is here: nobody is asked again, and whoever finishes goes on."""
        for one in read_documents(tx, row.id):
            if not one.is_proved:
                tx.run("set_document_finished", None, "", None, None, "", WITHOUT_VALUE, row.id, one.n)
        tx.run("set_signed_raw", told.via, at, at, at, row.id)
        note(tx, self._moves, row.id, said, at, actor)
        stand(tx, self._moves, row.delivery, SignatureState.SIGNED_RAW, at, actor)

    def waits(
        self,
        tx: Tx,
        row: SignatureRow,
        handle: str | None,
        until: int | None,
        code: str,
        said: str,
        at: int,
        actor: str,
    ) -> None:
        """The service has it: from now on it is asked about, until its time is over."""
        opened_at, is_new = (at, True) if row.opened_at is None else (row.opened_at, until is not None)
        until = until_of(row, until, at, self._policy) if is_new else row.expires_at
        tx.run("set_signature_opened", SignatureState.WAITING_USER, handle, opened_at, until, at, row.id)
        tx.run("set_signature", SignatureState.WAITING_USER, code, at, row.id)
        opened = read_signature(tx, row.id)
        tx.run("set_signature_ask_at", opened.ask_next(at, self._policy), row.id)
        note(tx, self._moves, row.id, said, at, actor)
        stand(tx, self._moves, row.delivery, SignatureState.WAITING_USER, at, actor)


def _shortened(evidence: bytes) -> bytes:
    """A hint's beginning, its length and its digest."""
    if len(evidence) <= MOST_OF_HINT:
        return evidence
    digest = hashlib.sha256(evidence).hexdigest()
    return evidence[:MOST_OF_HINT] + f"\n[of {len(evidence)} bytes, SHA-256 {digest}]".encode()


def until_of(row: SignatureRow, told: int | None, at: int, policy: SignaturePolicy) -> int:
    """Until when somebody may approve: what the service says, or the usual; never beyond what its source named."""
    from_now = at + ms(policy.window) if told is None else told
    return min(from_now, row.expires_at)
