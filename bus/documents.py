"""Documents of a ledger: what lies in the store, known here by dossier, SHA-256 and role. No content stands here.

Whoever keeps a document puts its content on disk first and adds its row afterwards: a row never speaks of what is not
there. Each row is bound by a move (`document_kept`), so that one that was changed behind our back is found. A document
that came again is the one that was there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from bus.bodies import Bodies
from bus.engines.sqlite import Row, SqliteEngine, Tx
from bus.errors import NotFound
from bus.evidence import row_digest
from bus.lanes import BUS
from bus.moves import Move, MoveWriter
from bus.ports import Clock
from bus.times import from_ms, to_ms

KEPT: Final = "document_kept"
SCANNED: Final = "document_scanned"
CLEAN: Final = "clean"
NOT_SCANNED: Final = "not_scanned"


class DocumentRole(StrEnum):
    """What a document is to its signature."""

    GIVEN = "given"
    """As it was handed in, fetched by its address."""
    PREPARED = "prepared"
    """With the place of its signature: frozen, for its digest is what a person is asked to sign."""
    SIGNED = "signed"
    UPLOADED = "uploaded"
    """As the agent on an official's desk handed it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """What is to be kept; its content is on disk."""

    dossier: str
    """Its number."""
    sha256: str
    """Of the content, lower-case hex."""
    size: int
    media_type: str
    role: DocumentRole
    came_from: str = ""
    """The host that it was fetched from, or the account that handed it in; empty: made here."""
    is_scanned: bool = False
    """Whether it was looked through for malware, and is clean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document, as the ledger knows it."""

    id: int
    dossier: str
    sha256: str
    size: int
    media_type: str
    role: DocumentRole
    came_from: str
    is_scanned: bool
    at: datetime


class DocumentBook:
    """Documents of one ledger. Threads may share it."""

    def __init__(self, engine: SqliteEngine, moves: MoveWriter, bodies: Bodies, clock: Clock) -> None:
        self._engine = engine
        self._moves = moves
        self._bodies = bodies
        self._clock = clock

    def keep(self, new: NewDocument, *, actor: str = BUS) -> int:
        """Its number, on disk when this returns. Raises NotFound: no such dossier; LedgerUnavailable."""
        return self._engine.write(lambda tx: self.add(tx, new, actor=actor))

    def add(self, tx: Tx, new: NewDocument, *, actor: str = BUS) -> int:
        """The same, in a transaction of the caller's."""
        at, scanned = to_ms(self._clock.now()), CLEAN if new.is_scanned else NOT_SCANNED
        values = (new.dossier, new.sha256, new.size, new.media_type, new.role, new.came_from, scanned, at)
        added = tx.one("add_document", *values)
        if added is not None:
            self._bind(tx, added[0], KEPT, at, actor)
            return int(added[0])
        known = tx.one("document_as", new.dossier, new.sha256, new.role)
        if known is None:
            raise NotFound(f"no dossier {new.dossier}")
        if new.is_scanned and known[1] != CLEAN:
            tx.run("set_document_clean", known[0])
            self._bind(tx, known[0], SCANNED, at, actor)
        return int(known[0])

    def get(self, number: int) -> Document:
        """One document. Raises NotFound."""
        row = self._engine.read().one("read_document", number)
        if row is None:
            raise NotFound(f"no document {number}")
        return _document(row)

    def of(self, dossier: str) -> list[Document]:
        """A dossier's documents, the oldest first."""
        return [_document(row) for row in self._engine.read().all("documents_of", dossier)]

    def name_of(self, number: int) -> str:
        """What the event that named it calls it; empty where none did, or where its body is gone."""
        tx = self._engine.read()
        row = tx.one("event_of_document", number)
        told = None if row is None else tx.one("load_event", row[0])
        if row is None or told is None or told[9] is None:
            return ""
        documents: list[dict[str, Any]] = self._bodies.event(told).data["documents"]
        return str(documents[row[1] - 1]["name"])

    def stored(self) -> Iterator[tuple[str, str, int]]:
        """Dossier, SHA-256 and size of everything that must be in the store."""
        yield from self._engine.read().all("stored_documents")

    def names(self, dossier: str, sha256: str) -> bool:
        """Whether some document of this dossier is this content."""
        return self._engine.read().one("is_content_named", dossier, sha256) is not None

    def _bind(self, tx: Tx, number: int, cause: str, at: int, actor: str) -> None:
        row = tx.one("bound_document", number)
        assert row is not None
        binds = row_digest(["document", *row])
        reason = f"{number}: {row[5]}"
        self._moves.add(tx, Move(lane=None, at=at, delivery=None, cause=cause, reason=reason, actor=actor, binds=binds))


def unbound(tx: Tx) -> Iterator[tuple[str, int, str]]:
    """Each document and ticket that is not as its last move left it: its table, its number, and what is wrong."""
    said: dict[tuple[str, int], bytes] = {}
    for cause, number, binds in tx.each("document_bindings"):
        said[cause.partition("_")[0], number] = binds
    for kind, query in (("document", "bound_documents"), ("ticket", "bound_tickets")):
        for row in tx.each(query):
            if said.pop((kind, row[0]), None) != row_digest([kind, *row]):
                yield TABLES[kind], row[0], "it is not as its last move left it"
    for kind, number in said:
        yield TABLES[kind], number, "it is gone; a move says that it is there"


TABLES: Final = {"document": "documents", "ticket": "upload_tickets"}


def _document(row: Row) -> Document:
    return Document(
        id=row[0],
        dossier=row[1],
        sha256=row[2],
        size=row[3],
        media_type=row[4],
        role=DocumentRole(row[5]),
        came_from=row[6],
        is_scanned=row[7] == CLEAN,
        at=from_ms(row[8]),
    )
