"""Bringing in what is to be signed: fetched, looked through and stored once; afterwards it is the one that is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.documents.fetch import FORMS, Fetcher, require_form
from adapters.documents.room import DocumentRoom
from adapters.documents.scan import NoScanner, Scanner
from bus.documents import DocumentRole
from bus.ports import CrashPoint, no_crash


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A document that is here."""

    id: int
    """In the ledger's documents."""
    content: bytes


class Bringer:
    """Brings documents in. Threads may share one."""

    def __init__(
        self, room: DocumentRoom, fetcher: Fetcher, scanner: Scanner, *, crash_point: CrashPoint = no_crash
    ) -> None:
        self._room = room
        self._fetcher = fetcher
        self._scanner = scanner
        self._point = crash_point

    def bring(self, dossier: str, asked: Mapping[str, Any]) -> Brought:
        """A document that an event names by `url` and `sha256`. Raises DocumentRefused, DocumentNotNow."""
        if (known := self._known(dossier, asked["sha256"].lower(), FORMS[asked["form"]])) is not None:
            return known
        fetched = self._fetcher.fetch(asked["url"], asked["sha256"], asked["form"])
        self._point("desk.fetched")
        is_scanned = self._scanner.scan(fetched.content)
        number = self._room.keep(
            dossier,
            fetched.content,
            media_type=fetched.media_type,
            role=DocumentRole.GIVEN,
            came_from=fetched.host,
            is_scanned=is_scanned,
        )
        self._point("desk.stored")
        return Brought(id=number, content=fetched.content)

    def signed(self, document: int, asked: Mapping[str, Any]) -> Brought:
        """The signed form of an earlier signature's document, to be signed further. Raises DocumentRefused."""
        content = self._room.content(document)
        require_form(content, asked["form"])
        return Brought(id=document, content=content)

    def _known(self, dossier: str, sha256: str, media_type: str) -> Brought | None:
        """What was brought in before, by a worker that died or for another signature; looked through where we must."""
        must_be_clean = not isinstance(self._scanner, NoScanner)
        for known in self._room.book.of(dossier):
            is_it = (known.sha256, known.role, known.media_type) == (sha256, DocumentRole.GIVEN, media_type)
            if is_it and (known.is_scanned or not must_be_clean) and self._room.store.has(dossier, sha256):
                return Brought(id=known.id, content=self._room.store.get(dossier, sha256))
        return None
