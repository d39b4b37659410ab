"""Dossiers by their deadline, page by page: what is overdue, and what soon will be. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from bus.engines.sqlite import Row, SqliteEngine
from bus.looks import LARGEST_PAGE, PAGE, Dossier, Units
from bus.rights import covers
from bus.times import from_ms, to_ms

LOOKED: Final = 10_000
"""Dossiers looked at for one page of who sees some units only: about 50 ms."""
CHUNK: Final = 500

Place: TypeAlias = tuple[int, int]
"""Where a dossier stands in the list: its deadline and its row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePage:
    """A page of the list, the nearest deadline first."""

    dossiers: tuple[Dossier, ...]
    after: Place | None
    """From where the next page goes on; None: there is nothing behind it."""
    looked_to: datetime | None = None
    """Set when the page is not full although there may be more: deadlines up to then have been looked at."""


class Dues:
    """The lists of one ledger. Threads may share one."""

    def __init__(self, engine: SqliteEngine) -> None:
        self._engine = engine

    def page(
        self, since: datetime, until: datetime, units: Units, *, after: Place | None = None, limit: int = PAGE
    ) -> DuePage:
        """Dossiers not at their end whose deadline falls within these times."""
        tx, limit = self._engine.read(), max(1, min(limit, LARGEST_PAGE))
        low = to_ms(since)
        place = after if after is not None and after[0] >= low else (low, -1)
        found: list[Row] = []
        for _ in range(LOOKED // CHUNK):
            rows = tx.all("due_dossiers", place[0], to_ms(until), place[1], CHUNK)
            found += [row for row in rows if covers(row[5], units)]
            if len(found) > limit:
                last = found[limit - 1]
                return DuePage(dossiers=_dossiers(found[:limit]), after=(last[0], last[1]))
            if len(rows) < CHUNK:
                return DuePage(dossiers=_dossiers(found), after=None)
            place = (rows[-1][0], rows[-1][1])
        return DuePage(dossiers=_dossiers(found), after=place, looked_to=from_ms(place[0]))


def _dossiers(rows: list[Row]) -> tuple[Dossier, ...]:
    return tuple(
        Dossier(
            number=row[2],
            national_number=row[3],
            procedure=row[4],
            unit=row[5],
            status=row[6],
            received_at=None if row[7] is None else from_ms(row[7]),
            due_at=from_ms(row[0]),
        )
        for row in rows
    )
