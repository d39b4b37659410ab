"""The calendar in force: the table that was imported, or the one that ships, with the office hours of the settings."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from bus.calendar import Calendar, CalendarRefused, calendar_from_csv, hours_from_texts
from bus.reads import Reads
from config.settings import Settings

TABLE: Final = "calendar.holidays"


def shipped_text() -> str:
    """The table that comes with the program."""
    return files("config").joinpath("tables/calendar/holidays.csv").read_text(encoding="utf-8")


def calendar_of(reads: Reads, settings: Settings) -> Calendar:
    """Raises CalendarRefused: the table contradicts itself."""
    hours = hours_from_texts(settings.calendar.office_hours)
    return calendar_from_csv(reads.table(TABLE) or shipped_text(), hours=hours)


class FreshCalendar:
    """The calendar, read again when a table was imported. One for a process; threads may share it."""

    def __init__(self, reads: Reads, settings: Settings) -> None:
        self._reads = reads
        self._settings = settings
        self._known: tuple[int, Calendar | None] | None = None

    def now(self) -> Calendar | None:
        """None where the table contradicts itself: `check` says where, and nothing is counted by it."""
        version = self._reads.tables_version()
        if self._known is None or self._known[0] != version:
            try:
                self._known = (version, calendar_of(self._reads, self._settings))
            except CalendarRefused:
                self._known = (version, None)
        return self._known[1]
