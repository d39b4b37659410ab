"""What an official's desk hands in, taken: the ticket is used, the document judged, kept, and heard as a signature.

The first whole upload uses the ticket, whatever it comes to. What is refused is kept too, as evidence, where the
scanner finds nothing in it. One transaction says what came of it: document, ticket, signature.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from adapters.documents.desk_nouns import ALARMING, DeskRefused, Expected, Upload
from adapters.documents.errors import DocumentNotNow
from adapters.documents.fetch import PDF, is_pdf
from adapters.documents.room import DocumentRoom
from adapters.documents.scan import Scanner
from bus.documents import DocumentRole, NewDocument
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.ledger import Ledger
from bus.signature_desk import AtDesk, SignatureDesk
from bus.signatures import DESK, DocumentValue, SignatureEffect, SignatureTold, SignatureVerdict
from bus.upload_tickets import Ticket
from signing.errors import DocumentRefused

log = structlog.get_logger("doors")

TAKEN: Final = "taken"
Judge = Callable[[bytes, Expected, datetime], Upload]
"""Raises DeskRefused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An upload that was taken."""

    document: int
    sha256: str


class DeskTaking:
    """Takes what desks hand in. Threads may share one."""

    def __init__(
        self,
        ledger: Ledger,
        room: DocumentRoom,
        scanner: Scanner,
        judge: Judge,
        *,
        may_show_more: Sequence[str] = (),
    ) -> None:
        """`may_show_more`: roles whose documents may get a number and a date with their signature (NOTES r9)."""
        self._ledger = ledger
        self._desk = SignatureDesk(ledger)
        self._room = room
        self._scanner = scanner
        self._judge = judge
        self._may_show_more = frozenset(may_show_more)

    def handed_out(self, told: str) -> tuple[AtDesk, bytes]:
        """The document of a ticket that may still be used. Raises DeskRefused, LedgerTrouble."""
        ticket = self._ledger.tickets.find(told)
        if ticket is None:
            raise DeskRefused("ticket_over")
        return self._open(ticket)

    def take(self, told: str, uploaded: bytes, *, address: str) -> Taken:
        """Raises DeskRefused, DocumentNotNow, LedgerTrouble."""
        ticket = self._ledger.tickets.use(told)
        if ticket is None:
            raise DeskRefused("ticket_over")
        new: NewDocument | None = None
        try:
            one, given = self._open(ticket)
            new = self._kept(one, ticket, uploaded)
            good = self._judge(uploaded, self._expected(one, given), self._ledger.clock.now())
            return self._heard(ticket, one, new, good, address)
        except DeskRefused as refused:
            self._refused(ticket, new, refused)
            raise
        except DocumentNotNow as trouble:
            self._refused(ticket, new, DeskRefused("not_now", trouble.reason))
            raise

    def _open(self, ticket: Ticket) -> tuple[AtDesk, bytes]:
        """Raises DeskRefused."""
        try:
            one = self._desk.find(ticket.signature, ticket.n)
            self._desk.require_open(one, self._ledger.clock.now())
            return one, self._room.content(one.given or 0)
        except (NotAllowedNow, NotFound):
            raise DeskRefused("not_open") from None

    def _expected(self, one: AtDesk, given: bytes) -> Expected:
        return Expected(
            given=given,
            role=one.role,
            user=one.user,
            name=str(one.data["signer"]["name"]),
            may_show_more=one.role in self._may_show_more,
        )

    def _kept(self, one: AtDesk, ticket: Ticket, uploaded: bytes) -> NewDocument:
        """On disk, its row not written yet. Raises DeskRefused, DocumentNotNow."""
        if not is_pdf(uploaded):
            raise DeskRefused("not_pdf")
        try:
            is_scanned = self._scanner.scan(uploaded)
        except DocumentRefused as refused:
            raise DeskRefused("infected", refused.code) from None
        return self._room.put(
            one.dossier,
            uploaded,
            media_type=PDF,
            role=DocumentRole.UPLOADED,
            came_from=ticket.account,
            is_scanned=is_scanned,
        )

    def _heard(self, ticket: Ticket, one: AtDesk, new: NewDocument, good: Upload, address: str) -> Taken:
        """All that follows of it, or nothing."""
        evidence = {"sha256": new.sha256, "account": ticket.account, "ticket": ticket.id, "n": one.n}
        actor = f"person:{ticket.account}"

        def told_of(document: int) -> SignatureTold:
            value = DocumentValue(n=one.n, certificate=good.certificate, document=document)
            return SignatureTold(
                partner=DESK,
                verdict=SignatureVerdict.SIGNED,
                via="upload",
                request=one.request,
                values=(value,),
                evidence=json.dumps(evidence | {"report": good.report.to_json()}).encode(),
                address=address,
            )

        # Its row comes first: what is heard names it. Without its hearing it is a document that nobody speaks of.
        document = self._ledger.documents.keep(new, actor=actor)
        heard = self._ledger.signatures.judged(told_of(document))

        def job(tx: Tx) -> SignatureEffect:
            said = self._ledger.signatures.hear_in(tx, heard, actor)
            if said.effect is SignatureEffect.RECORDED:
                self._ledger.tickets.judged(tx, ticket.id, document=document, verdict=TAKEN)
            return said.effect

        if (effect := self._ledger.engine.write(job)) is not SignatureEffect.RECORDED:
            # It ended, or was signed otherwise, since its ticket was used.
            raise DeskRefused("not_open", effect.value)
        log.info("desk_upload_taken", signature=one.signature, ticket=ticket.id)
        return Taken(document=document, sha256=new.sha256)

    def _refused(self, ticket: Ticket, new: NewDocument | None, refused: DeskRefused) -> None:
        signature, code = ticket.signature, refused.code
        if code in ALARMING:
            log.error("desk_upload_not_believed", signature=signature, ticket=ticket.id, code=code)
        else:
            log.warning("desk_upload_refused", signature=signature, ticket=ticket.id, code=code)

        def job(tx: Tx) -> None:
            kept = None if new is None else self._ledger.documents.add(tx, new, actor=f"person:{ticket.account}")
            self._ledger.tickets.judged(tx, ticket.id, document=kept, verdict=refused.code)

        self._ledger.engine.write(job)


def file_server(taken: Taken) -> str:
    """What stands in `FileServer`: JSON in a text, as the field does it."""
    return json.dumps({"document": taken.document, "sha256": taken.sha256})
