"""What the console calls a code: the names of procedures and units by the tables in force, and the deadline's clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from adapters.partners.national_portal.tables import Tables
from bus.calendar import Calendar, Left
from bus.reads import Reads
from config import partner_tables

PARTNER: Final = "national_portal"


class TableNames:
    """Reads the tables anew when one was imported. Threads may share one."""

    def __init__(self, reads: Reads, calendar: Callable[[], Calendar | None]) -> None:
        """`calendar`: the one in force; None where its table contradicts itself."""
        self._reads = reads
        self._calendar = calendar
        self._lock = threading.Lock()
        self._version: int | None = None
        self._procedures: Mapping[str, str] = {}
        self._units: Mapping[str, str] = {}

    def procedure(self, code: str) -> str | None:
        """A procedure's name, by our code or the national one."""
        self._refresh()
        return self._procedures.get(code)

    def unit(self, code: str) -> str | None:
        """A unit's name."""
        self._refresh()
        return self._units.get(code)

    def left(self, due_at: datetime, now: datetime) -> Left | None:
        """How far a deadline is away, in working days."""
        calendar = self._calendar()
        return None if calendar is None else calendar.left(due_at, now)

    def _refresh(self) -> None:
        version = self._reads.tables_version()
        with self._lock:
            if version == self._version:
                return
            tables = partner_tables.in_force(self._reads, PARTNER)
            procedures = _names(tables, "procedures", "code")
            self._procedures = _names(tables, "procedures", "national_code") | procedures
            self._units = _names(tables, "units", "unit")
            self._version = version


def _names(tables: Tables, table: str, key: str) -> dict[str, str]:
    """Codes to names; of a code that was renamed, the name that holds longest."""
    rows = sorted(tables[table].rows, key=lambda row: row.last)
    return {row.values[key]: row.values["name"] for row in rows if row.values[key]}
