"""The book of overdue dossiers: filled in bounded steps by a duty of the workers, read by the page `lateness`.

A round looks at a stretch of dossiers, in the order in which they came, and begins anew at the end. What was shown in
time is passed over until something new is told of it, so that a year of good work costs nothing. Rounds of two workers
meet at the cursor: whoever writes second finds that it moved, and leaves it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bus.engines.sqlite import Row, Tx
from bus.lateness import ENDS, PARTS, Late, Moved, Story, Told, judge, month_of
from bus.ledger import Ledger
from bus.messages import State
from bus.rights import covers
from bus.times import from_ms, to_ms

STRETCH: Final = 20_000
"""Dossiers passed in one round at most: a tenth of a second where nothing changed."""
JUDGED: Final = 500
"""Dossiers judged in one round at most: each costs about a millisecond."""
CURSOR: Final = "late_cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """One unit's overdue dossiers of one month; times in milliseconds."""

    month: int
    unit: str
    dossiers: int
    only_sync: int
    running: int
    whole: int
    parts: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierRow:
    """One overdue dossier's account."""

    id: int
    number: str
    due_at: datetime
    ended_at: datetime | None
    shown_at: datetime | None
    is_only_sync: bool
    whole: int
    parts: dict[str, int]
    computed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """How far the book is."""

    complete_at: datetime | None
    """When the last whole look at all dossiers began; None before the first."""
    share: float
    """Of the look under way."""


class LateBook:
    """The accounts of overdue dossiers at one partner."""

    def __init__(self, ledger: Ledger, partner: str, *, ends: frozenset[str] = ENDS) -> None:
        """`ends`: statuses that end a dossier, with the local steps that mean one."""
        self._ledger = ledger
        self.partner = partner
        self._ends = ends

    # -- written by the duty ------------------------------------------------------------------------------------

    def step(self, now: datetime) -> int:
        """One round; how many dossiers were judged. Raises LedgerUnavailable."""
        tx, at = self._ledger.engine.read(), to_ms(now)
        cursor = self._cursor(tx)
        newest = tx.one("newest_dossier")
        assert newest is not None
        until = min(cursor[0] + STRETCH, newest[0])
        rows = tx.all("late_candidates", self.partner, cursor[0], until, at, JUDGED)
        judged = [(row, self._judged(tx, row, at)) for row in rows]
        last = rows[-1][0] if len(rows) == JUDGED else until
        is_whole = last >= newest[0]
        began = cursor[1] or at
        after = (0, None, began) if is_whole else (last, began, cursor[2])
        self._ledger.engine.write(lambda tx: self._write(tx, cursor, after, judged, at))
        return len(rows)

    def _cursor(self, tx: Tx) -> tuple[int, int | None, int | None]:
        """Where the look under way stands, when it began, and when the last whole one did."""
        row = tx.one("get_meta", f"{CURSOR} {self.partner}")
        return (0, None, None) if row is None else tuple(json.loads(row[0]))

    def _judged(self, tx: Tx, row: Row, now: int) -> Late | None:
        dossier, due_at = row[0], row[2]
        told = [_told(each) for each in tx.all("late_told", self.partner, dossier)]
        if not told or due_at is None:
            return None  # nothing of it is shown to this partner, or its due date was taken back
        moves = [
            Moved(delivery=each[0], at=each[1], state=State(each[2]), cause=each[3])
            for each in tx.all("late_moves", self.partner, dossier)
        ]
        outages = tx.all("outages_within", self.partner, now, due_at)
        story = Story(due_at=due_at, told=told, moves=moves, outages=[(each[0], each[1]) for each in outages])
        return judge(story, now, self._ends)

    def _write(self, tx: Tx, cursor: Row, after: Row, judged: Sequence[tuple[Row, Late | None]], at: int) -> None:
        if self._cursor(tx) != cursor:
            return  # another worker looked at the same stretch
        touched: set[tuple[int, str]] = set()
        for row, late in judged:
            dossier, unit, due_at, last_event, was_month, was_unit = row
            if was_month is not None:
                touched.add((was_month, was_unit))
            if late is None:
                tx.run("forget_late", dossier, self.partner)
                if due_at is not None and due_at < at:
                    tx.run("pass_late", dossier, self.partner, last_event)
                continue
            touched.add((month_of(due_at), unit))
            tx.run("put_late", *self._row(row, late, at))
        for month, unit in sorted(touched):
            tx.run("forget_late_month", self.partner, month, unit)
            tx.run("sum_late_month", self.partner, month, unit)
        tx.run("put_meta", f"{CURSOR} {self.partner}", json.dumps(after))

    def _row(self, row: Row, late: Late, at: int) -> Row:
        dossier, unit, due_at, last_event = row[:4]
        is_final = late.shown_at is not None
        return (
            dossier,
            self.partner,
            month_of(due_at),
            unit,
            due_at,
            late.ended_at,
            late.shown_at,
            int(late.is_only_sync),
            late.whole,
            *(late.parts[part] for part in PARTS),
            last_event,
            int(is_final),
            at,
        )

    # -- read by the page ---------------------------------------------------------------------------------------

    def as_of(self) -> AsOf:
        """How far the book is."""
        tx = self._ledger.engine.read()
        place, _began, complete = self._cursor(tx)
        newest = tx.one("newest_dossier")
        share = place / newest[0] if newest and newest[0] else 1.0
        return AsOf(complete_at=None if complete is None else from_ms(complete), share=share)

    def months(self, first: int, last: int, units: Sequence[str] | None = None) -> list[MonthRow]:
        """By unit and month, the newest first; `units` limits them to these and those below them."""
        tx, told = self._ledger.engine.read(), None
        if units is not None:
            known = [row[0] for row in tx.all("late_units", self.partner, first, last)]
            told = json.dumps([unit for unit in known if covers(unit or None, units)])
        rows = tx.all("late_months", self.partner, first, last, told)
        return [
            MonthRow(
                month=row[0],
                unit=row[1],
                dossiers=row[2],
                only_sync=row[3],
                running=row[4],
                whole=row[5],
                parts=dict(zip(PARTS, row[6:], strict=True)),
            )
            for row in rows
        ]

    def dossiers(
        self,
        month: int,
        unit: str,
        *,
        only_sync: bool | None = None,
        after: tuple[int, int] | None = None,
        limit: int = 50,
    ) -> list[DossierRow]:
        """Of one unit and month, the longest late first; `after` is the last one's whole and id."""
        whole, dossier = after or (None, None)
        wanted = None if only_sync is None else int(only_sync)
        rows = self._ledger.engine.read().all("late_dossiers", self.partner, month, unit, wanted, whole, dossier, limit)
        return [_dossier(row) for row in rows]


def _told(row: Row) -> Told:
    return Told(
        event=row[0],
        kind=row[1],
        status=row[2],
        occurred_at=row[3],
        accepted_at=row[4],
        place=row[5],
        delivery=row[6],
        line=row[7],
        needs_record=bool(row[8]),
        is_adopted=bool(row[9]),
    )


def _dossier(row: Row) -> DossierRow:
    return DossierRow(
        id=row[0],
        number=row[1],
        due_at=from_ms(row[2]),
        ended_at=None if row[3] is None else from_ms(row[3]),
        shown_at=None if row[4] is None else from_ms(row[4]),
        is_only_sync=bool(row[5]),
        whole=row[6],
        parts=dict(zip(PARTS, row[7:14], strict=True)),
        computed_at=from_ms(row[14]),
    )
