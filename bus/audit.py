"""Who saw or did what: rows that are never changed, each bound by a move of the installation's chain.

It fails closed: a row is written before what it tells of is shown, and what cannot be recorded is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bus.engines.sqlite import Row, Tx
from bus.evidence import row_digest
from bus.ledger import Ledger
from bus.moves import Move
from bus.reasons import LONGEST, kept, tidy
from bus.rights import covers
from bus.times import from_ms, to_ms

CAUSE: Final = "noted"
"""Of the moves that bind audit rows; their reason is the row's number and its act."""
BUDGET: Final = 5_000
"""Rows that one question looks at; a rare filter answers what it found so far, and says how far back that is."""
CHUNK: Final = 250
"""Rows of one statement: most pages need no second."""
LARGEST_PAGE: Final = 200
LONGEST_SUBJECT: Final = 200
NEWEST: Final = 2**62
"""Before which every row lies."""


class Act(StrEnum):
    """What somebody did. The names are kept in the ledger, and have words in the glossary."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    ACCOUNT_CHANGED = "account_changed"
    DOSSIER_SEEN = "dossier_seen"
    JOURNEY_SEEN = "journey_seen"
    DELIVERY_SEEN = "delivery_seen"
    EXCHANGE_SEEN = "exchange_seen"
    PAYMENT_SEEN = "payment_seen"
    SIGNATURE_SEEN = "signature_seen"
    REFUSAL_SEEN = "refusal_seen"
    AUDIT_SEEN = "audit_seen"
    REVEALED = "revealed"
    SEARCHED = "searched"
    EXPORTED = "exported"
    REPAIRED = "repaired"
    CONFIGURED = "configured"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One audit row."""

    id: int
    at: datetime
    actor: str
    act: str
    dossier: str | None
    delivery: int | None
    subject: str
    reason: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of entries, the newest first."""

    entries: tuple[Entry, ...]
    next: int | None
    """Ask for what lies before this number; None at the end."""
    looked_back_to: datetime | None
    """Set where the budget ended before the page was full."""


class Audit:
    """Notes and reads audit rows. Threads may share one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def note(
        self,
        *,
        actor: str,
        act: Act,
        dossier: str | None = None,
        delivery: int | None = None,
        subject: str = "",
        reason: str = "",
        address: str = "",
    ) -> int:
        """Write a row by itself; its number. Raises LedgerUnavailable: then nothing is to be shown."""

        def job(tx: Tx) -> int:
            return self.add(
                tx,
                actor=actor,
                act=act,
                dossier=dossier,
                delivery=delivery,
                subject=subject,
                reason=reason,
                address=address,
            )

        return self._ledger.engine.write(job)

    def add(
        self,
        tx: Tx,
        *,
        actor: str,
        act: Act,
        dossier: str | None = None,
        delivery: int | None = None,
        subject: str = "",
        reason: str = "",
        address: str = "",
    ) -> int:
        """Write a row in the transaction of what it tells of; its number."""
        at = to_ms(self._ledger.clock.now())
        told = kept(tidy(reason))[:LONGEST]
        row = (at, actor, act.value, dossier, delivery, kept(subject[:LONGEST_SUBJECT]), told, address)
        number = tx.insert("add_audit", *row)
        move = Move(
            lane=None,
            at=at,
            delivery=None,
            cause=CAUSE,
            reason=f"{number} {act.value}",
            actor=actor,
            binds=row_digest(["audit", number, *row]),
        )
        self._ledger.moves.add(tx, move)
        return number

    # -- reading ------------------------------------------------------------------------------------------------

    def find(
        self,
        *,
        actor: str | None = None,
        act: Act | None = None,
        dossier: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        units: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Found:
        """A page of rows, the newest first. Who is limited to units is shown what was done with their dossiers only."""
        tx = self._ledger.engine.read()
        newest = NEWEST if before is None else before
        if until is not None:
            last = tx.one("audit_up_to", to_ms(until))
            newest = min(newest, 0 if last is None else last[0] + 1)
        rows = _candidates(tx, newest, actor, act, dossier)
        oldest = None if since is None else to_ms(since)
        is_wanted = _Wanted(actor=actor, act=act, dossier=dossier, oldest=oldest, units=units)
        return _page(rows, is_wanted, max(1, min(limit, LARGEST_PAGE)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    actor: str | None
    act: Act | None
    dossier: str | None
    oldest: int | None
    units: Sequence[str] | None

    def __call__(self, row: Row) -> bool:
        return (
            self.actor in (None, row[2])
            and self.act in (None, row[3])
            and self.dossier in (None, row[4])
            and covers(row[9], self.units)
        )

    def is_past(self, row: Row) -> bool:
        return self.oldest is not None and row[1] < self.oldest


def _candidates(tx: Tx, newest: int, actor: str | None, act: Act | None, dossier: str | None) -> Iterator[Row]:
    """The rows that the narrowest of the filters finds by its index, as many as the budget allows."""
    values: tuple[str, ...]
    if dossier is not None:
        name, values = "audit_by_dossier", (dossier,)
    elif actor is not None:
        name, values = "audit_by_actor", (actor,)
    elif act is not None:
        name, values = "audit_by_act", (act.value,)
    else:
        name, values = "audit_any", ()
    for _ in range(BUDGET // CHUNK):
        rows = tx.all(name, newest, *values, CHUNK)
        yield from rows
        if len(rows) < CHUNK:
            return
        newest = rows[-1][0]


def _page(rows: Iterator[Row], is_wanted: _Wanted, limit: int) -> Found:
    found: list[Entry] = []
    looked_at, last = 0, None
    for row in rows:
        if is_wanted.is_past(row):
            return Found(entries=tuple(found), next=None, looked_back_to=None)
        looked_at, last = looked_at + 1, row
        if not is_wanted(row):
            continue
        if len(found) == limit:
            return Found(entries=tuple(found), next=found[-1].id, looked_back_to=None)
        found.append(_entry(row))
    if last is None or looked_at < BUDGET:
        return Found(entries=tuple(found), next=None, looked_back_to=None)
    return Found(entries=tuple(found), next=last[0], looked_back_to=from_ms(last[1]))


def _entry(row: Row) -> Entry:
    return Entry(
        id=row[0],
        at=from_ms(row[1]),
        actor=row[2],
        act=row[3],
        dossier=row[4],
        delivery=row[5],
        subject=row[6],
        reason=row[7],
        address=row[8],
    )


# -- evidence -------------------------------------------------------------------------------------------------------


def misnoted(tx: Tx) -> Iterator[tuple[int, str]]:
    """The number of each row that is not what its move bound, and what is wrong. Streams; keeps no rows.

    Rows and their moves are written in one order, so both are walked side by side.
    """
    moves = iter(tx.each("audit_bindings"))
    said = next(moves, None)
    for row in tx.each("bound_audit"):
        while said is not None and said[0] < row[0]:
            yield said[0], "it is gone; a move says it was noted"
            said = next(moves, None)
        if said is None or said[0] > row[0]:
            yield row[0], "no move says it was noted"
            continue
        if row_digest(["audit", *row]) != said[1]:
            yield row[0], "it is not what was noted"
        said = next(moves, None)
    while said is not None:
        yield said[0], "it is gone; a move says it was noted"
        said = next(moves, None)
