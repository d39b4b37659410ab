"""Signatures that are made at an official's desk, with his own token: what its doors need to know of them.

No service is asked for these. A document is handed out under a ticket and handed in again, signed; what was handed out
is noted first, so that what comes back can be held against the very bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bus.audit import Act, Audit
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.ledger import Ledger
from bus.signature_evidence import note
from bus.signature_standing import find_signature, read_documents
from bus.signatures import SignatureState
from bus.times import from_ms, to_ms

HANDED_OUT = "handed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDesk:
    """One document of a signature that is to be made at a desk."""

    signature: int
    n: int
    source: str
    dossier: str
    request: str
    """Our id of this try."""
    role: str
    state: SignatureState
    expires_at: datetime
    data: Mapping[str, Any]
    """Of the event that asked for it."""
    given: int | None
    """What was handed out: in the ledger's documents."""
    is_signed: bool
    """Whether it was handed in already."""

    @property
    def asked(self) -> Mapping[str, Any]:
        """This document's part of the event."""
        found: Mapping[str, Any] = self.data["documents"][self.n - 1]
        return found

    @property
    def user(self) -> str:
        """Whose certificate it must be: the signer's number."""
        return str(self.data["signer"]["user"])


class SignatureDesk:
    """Of one ledger. Threads may share it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def find(self, signature: int, n: int) -> AtDesk:
        """One document, wherever its signature stands. Raises NotFound."""
        tx = self._ledger.engine.read()
        row = find_signature(tx, signature)
        documents = {} if row is None else {one.n: one for one in read_documents(tx, signature)}
        if row is None or n not in documents:
            raise NotFound(f"no document {n} of signature {signature}")
        return AtDesk(
            signature=row.id,
            n=n,
            source=row.source,
            dossier=row.number,
            request=row.request,
            role=row.role,
            state=row.state,
            expires_at=from_ms(row.expires_at),
            data=self._ledger.bodies.load_event(tx, row.event).data,
            given=documents[n].given,
            is_signed=documents[n].is_proved,
        )

    def require_open(self, one: AtDesk, now: datetime) -> None:
        """Whether it may be signed at a desk now. Raises NotAllowedNow."""
        if one.state is not SignatureState.AT_DESK or one.is_signed or one.expires_at <= now:
            raise NotAllowedNow(f"signature {one.signature} is not at a desk now", code="not_at_desk")

    def hand_out(self, signature: int, n: int, given: int, *, account: str, reason: str, address: str = "") -> str:
        """A ticket for this document, and who asked for it, in one transaction. Raises NotAllowedNow."""
        now = self._ledger.clock.now()

        def job(tx: Tx) -> str:
            row = find_signature(tx, signature)
            assert row is not None
            if row.state is not SignatureState.AT_DESK:
                raise NotAllowedNow(f"signature {signature} is not at a desk now", code="not_at_desk")
            if tx.run("set_document_given", given, signature, n):
                note(tx, self._ledger.moves, signature, f"{HANDED_OUT} {n}", to_ms(now), f"person:{account}")
            Audit(self._ledger).add(
                tx,
                actor=f"person:{account}",
                act=Act.REPAIRED,
                dossier=row.number,
                delivery=row.delivery,
                subject=f"sign_at_desk {row.name}/{n}",
                reason=reason,
                address=address,
            )
            return self._ledger.tickets.give(tx, signature=signature, n=n, account=account)

        return self._ledger.engine.write(job)
