"""Tickets of the signing desk: a place at which one signed document may be fetched for signing and handed in once.

A ticket is chance that only its page and its agent ever see; the ledger knows its hash. It is of one document of one
signature and one account, ends after ten minutes, and the first whole upload uses it, whatever that comes to. A newer
ticket of the same document and account ends the older ones. Each change is bound by a move of the installation's chain.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bus.engines.sqlite import Row, SqliteEngine, Tx
from bus.evidence import row_digest
from bus.lanes import BUS
from bus.moves import Move, MoveWriter
from bus.ports import Clock, Randomness
from bus.times import from_ms, ms, to_ms

LIFE: Final = timedelta(minutes=10)
"""Longer than an official needs for a PIN, and short enough that a forgotten page is worth nothing."""
SIZE: Final = 32
LONGEST: Final = 64
"""Characters of what is looked up at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One place to hand in a document."""

    id: int
    signature: int
    n: int
    """Which of its documents."""
    account: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketUse:
    """What became of a ticket, for the pages."""

    id: int
    n: int
    account: str
    expires_at: datetime
    used_at: datetime | None
    document: int | None
    verdict: str
    """`taken`, a code of why not, or empty: nothing was handed in, or its judging was cut off."""


class UploadTickets:
    """Tickets of one ledger. Threads may share it."""

    def __init__(self, engine: SqliteEngine, moves: MoveWriter, clock: Clock, randomness: Randomness) -> None:
        self._engine = engine
        self._moves = moves
        self._clock = clock
        self._randomness = randomness

    def give(self, tx: Tx, *, signature: int, n: int, account: str) -> str:
        """A fresh ticket, told once; in the transaction that notes who asked for it."""
        told = base64.urlsafe_b64encode(self._randomness.token(SIZE)).rstrip(b"=").decode()
        at, actor = to_ms(self._clock.now()), f"person:{account}"
        for (older,) in tx.all("end_tickets", at, signature, n, account, at):
            self._bind(tx, older, "ticket_ended", at, actor)
        number = tx.insert("add_ticket", _hash(told), signature, n, account, at + ms(LIFE))
        self._bind(tx, number, "ticket_given", at, actor)
        return told

    def find(self, told: str) -> Ticket | None:
        """A ticket that may still be used; None for every other text, with no word of why."""
        return None if (row := self._open(self._engine.read(), told)) is None else _ticket(row)

    def use(self, told: str) -> Ticket | None:
        """Use it, once for ever: of two uploads at the same moment one gets it. None: it is none, used, or over."""
        at = to_ms(self._clock.now())

        def job(tx: Tx) -> Ticket | None:
            row = self._open(tx, told)
            if row is None:
                return None
            tx.run("use_ticket", at, row[0])
            self._bind(tx, row[0], "ticket_used", at, f"person:{row[3]}")
            return _ticket(row)

        return self._engine.write(job)

    def judged(self, tx: Tx, ticket: int, *, document: int | None, verdict: str) -> None:
        """What the upload came to, in the transaction that says so."""
        tx.run("judge_ticket", document, verdict, ticket)
        self._bind(tx, ticket, "ticket_judged", to_ms(self._clock.now()), BUS)

    def of(self, signature: int) -> list[TicketUse]:
        """The tickets of a signature, the newest first."""
        return [_use(row) for row in self._engine.read().all("tickets_of", signature)]

    def _open(self, tx: Tx, told: str) -> Row | None:
        if len(told) > LONGEST:
            return None
        row = tx.one("ticket_of_hash", _hash(told))
        is_open = row is not None and row[5] is None and to_ms(self._clock.now()) < row[4]
        return row if is_open else None

    def _bind(self, tx: Tx, number: int, cause: str, at: int, actor: str) -> None:
        row = tx.one("bound_ticket", number)
        assert row is not None
        binds = row_digest(["ticket", *row])
        reason = f"{number}: {row[2]}/{row[3]}"
        move = Move(lane=None, at=at, delivery=None, cause=cause, reason=reason, actor=actor, binds=binds)
        self._moves.add(tx, move)


def _hash(told: str) -> bytes:
    """As the ledger keeps it: whoever reads the file finds no ticket in it."""
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()


def _ticket(row: Row) -> Ticket:
    return Ticket(id=row[0], signature=row[1], n=row[2], account=row[3], expires_at=from_ms(row[4]))


def _use(row: Row) -> TicketUse:
    return TicketUse(
        id=row[0],
        n=row[1],
        account=row[2],
        expires_at=from_ms(row[3]),
        used_at=None if row[4] is None else from_ms(row[4]),
        document=row[5],
        verdict=row[6],
    )
