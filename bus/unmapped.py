"""What is held because a table has no row for it, by table and missing row; how many, and since when."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bus.ledger import Ledger
from bus.times import from_ms

MOST: Final = 200
"""Rows that are wanted: who has more than these to add imports a table."""
_REASON: Final = re.compile(
    r"(?s)(?P<field>.+?): no_row \(table (?P<table>.+?), row (?P<quote>['\"])(?P<row>.*)(?P=quote)\)"
)
"""As `errors.Unmappable` writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A row that is wanted."""

    partner: str
    table: str
    row: str
    """What was looked for, as it is kept: a person's number in it is masked."""
    field: str
    """The partner's field that it feeds."""
    count: int
    oldest: datetime
    reason: str
    """Of each delivery that waits for it."""

    @property
    def is_masked(self) -> bool:
        """Whether the row cannot be made of it: what was looked for looks like a person's number."""
        return "***" in self.row


class Unmapped:
    """Rows that deliveries of one ledger wait for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def wanted(self, units: Sequence[str] | None) -> list[Wanted]:
        """The most wanted first; only what these units' dossiers wait for."""
        rows = self._ledger.engine.read().all("rows_wanted", _told(units), MOST)
        return [wanted for row in rows if (wanted := _wanted(*row)) is not None]

    def waiting_for(self, wanted: Wanted, units: Sequence[str] | None, most: int) -> list[int]:
        """The deliveries that one row would free."""
        rows = self._ledger.engine.read().all("held_for_row", _told(units), wanted.partner, wanted.reason, most)
        return [row[0] for row in rows]


def _told(units: Sequence[str] | None) -> str | None:
    return None if units is None else json.dumps(list(units))


def _wanted(partner: str, reason: str, count: int, oldest: int) -> Wanted | None:
    found = _REASON.match(reason)
    if found is None:
        return None
    row = found["row"].replace("\\'", "'").replace("\\\\", "\\")
    return Wanted(
        partner=partner,
        table=found["table"],
        row=row,
        field=found["field"],
        count=count,
        oldest=from_ms(oldest),
        reason=reason,
    )
