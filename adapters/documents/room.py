"""Where documents are kept: content in the store, what is known of it in the ledger, addresses by which to fetch it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from adapters.documents.links import DocumentLinks
from adapters.stores.documents import DocumentStore
from bus.documents import DocumentBook, DocumentRole, NewDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRoom:
    """The store, the ledger's book and the addresses, as one. Threads may share it."""

    store: DocumentStore
    book: DocumentBook
    links: DocumentLinks

    def put(
        self,
        dossier: str,
        content: bytes,
        *,
        media_type: str,
        role: DocumentRole,
        came_from: str = "",
        is_scanned: bool = False,
    ) -> NewDocument:
        """On disk when this returns; for `DocumentBook.add` in a transaction. Raises DocumentNotNow."""
        return NewDocument(
            dossier=dossier,
            sha256=self.store.put(dossier, content),
            size=len(content),
            media_type=media_type,
            role=role,
            came_from=came_from,
            is_scanned=is_scanned,
        )

    def keep(
        self,
        dossier: str,
        content: bytes,
        *,
        media_type: str,
        role: DocumentRole,
        came_from: str = "",
        is_scanned: bool = False,
    ) -> int:
        """On disk and in the ledger when this returns; its number. Raises DocumentNotNow, LedgerUnavailable."""
        new = self.put(dossier, content, media_type=media_type, role=role, came_from=came_from, is_scanned=is_scanned)
        return self.book.keep(new)

    def content(self, document: int) -> bytes:
        """A document's bytes. Raises NotFound, LedgerDamaged."""
        known = self.book.get(document)
        return self.store.get(known.dossier, known.sha256)

    def url(self, document: int, until: datetime) -> str:
        """Where it can be fetched until then."""
        return self.links.url(document, until)


def digest_of(content: bytes) -> str:
    """As documents are named: SHA-256, lower-case hex."""
    return hashlib.sha256(content).hexdigest()
