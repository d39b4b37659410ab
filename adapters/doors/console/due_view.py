"""Pure. Lists of dossiers by their deadline: what "soon" is, and a page's rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from adapters.doors.console.links import url_for
from bus.calendar import DAY, VIETNAM, Calendar, CalendarUnknown, Left
from bus.looks import Dossier

When = Literal["overdue", "soon"]
SOON_DAYS: Final = 2
LATEST: Final = timedelta(days=3650)
"""A deadline longer ago is a mistake of a source's, not work of today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soon:
    """Until when a deadline is near."""

    until: datetime
    is_working: bool
    """Whether working days were counted; if not, no calendar reaches there and the days are plain ones."""

    @property
    def last_day(self) -> datetime:
        """The last moment that counts, to be shown as a day."""
        return self.until - timedelta(seconds=1)


def soon_of(calendar: Calendar | None, now: datetime) -> Soon:
    """To the end of the second working day after today."""
    today = now.astimezone(VIETNAM).date()
    if calendar is not None:
        try:
            return Soon(until=_end_of(_working_day(calendar, today)), is_working=True)
        except CalendarUnknown:
            pass
    return Soon(until=_end_of(today + SOON_DAYS * DAY), is_working=False)


def _working_day(calendar: Calendar, day: date) -> date:
    left = SOON_DAYS
    while left:
        day += DAY
        left -= calendar.is_working(day)
    return day


def _end_of(day: date) -> datetime:
    return datetime.combine(day + DAY, time(), VIETNAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """One dossier."""

    dossier: Dossier
    address: str
    unit_name: str | None
    procedure_name: str | None
    left: Left | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueView:
    """The page."""

    when: When
    soon: Soon
    rows: tuple[DueRow, ...]
    made_at: datetime
    older: str | None
    """Where the list goes on."""
    looked_to: datetime | None
    is_first: bool
    is_foreign: bool
    """The address was made for somebody else, or by nobody here: the first page is shown."""

    @property
    def about(self) -> str:
        """Which words say what is shown."""
        return "soon_by_days" if self.when == "soon" and not self.soon.is_working else self.when


Named = Callable[[str], str | None]


def rows_of(
    dossiers: Sequence[Dossier], unit: Named, procedure: Named, left: Callable[[datetime], Left | None]
) -> tuple[DueRow, ...]:
    """Dossiers with what their codes are called and what their deadline's clock shows."""
    return tuple(
        DueRow(
            dossier=one,
            address=url_for("dossier", number=one.number),
            unit_name=None if one.unit is None else unit(one.unit),
            procedure_name=None if one.procedure is None else procedure(one.procedure),
            left=None if one.due_at is None else left(one.due_at),
        )
        for one in dossiers
    )
