"""Pure. Working days and hours of Vietnam, legal due dates, suspensions, and the clock of a deadline.

What is off and what is worked instead comes from a table (`config/tables/calendar/holidays.csv`), for the Government
announces both for each year. A year of which the table has no row is unknown, and nobody guesses: CalendarUnknown.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Final, TypeAlias

VIETNAM: Final = timezone(timedelta(hours=7), "+07:00")
"""Asia/Ho_Chi_Minh: no summer time since 1975, so that a fixed offset is exact and needs no data of zones."""
OFF: Final = frozenset({"holiday", "observed", "swapped_day_off"})
WORKED: Final = "working_day"
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY: Final = timedelta(days=1)
NOTHING: Final = timedelta()

Hours: TypeAlias = Sequence[tuple[time, time]]
Span: TypeAlias = tuple[datetime, datetime]
"""From and until; a suspension is one: the time that an applicant, a court or another agency has the dossier."""

OFFICE_HOURS: Final[Hours] = ((time(7, 30), time(11, 30)), (time(13, 0), time(17, 0)))
"""Eight hours a day; provinces differ by half an hour, and set their own (`[calendar] hours`)."""


class CalendarRefused(ValueError):
    """The table of days off contradicts itself; the message names the line."""


class CalendarUnknown(LookupError):
    """The table of days off has no row of this year: put the year's days in and import it."""

    def __init__(self, year: int) -> None:
        super().__init__(f"the calendar has no day of {year}")
        self.year = year


@dataclass(frozen=True, slots=True, kw_only=True)
class Special:
    """A day that is not what its weekday says, and where we know it from."""

    kind: str
    name_vi: str
    name_en: str
    swapped_with: date | None
    source_kind: str
    """How far to trust the row: `province` is the announcement itself, `memory` was recalled by somebody."""
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a deadline's clock shows."""

    is_over: bool
    working: timedelta | None
    """Working time until the deadline, or since it; None where the calendar does not reach."""
    days: int | None
    """Working days in it after today, or since it: what people say."""
    unknown_year: int | None = None
    """The year that the calendar would need."""


class Calendar:
    """The days that the table knows. Questions of a year without a row raise CalendarUnknown."""

    def __init__(self, special: Mapping[date, Special], *, hours: Hours = OFFICE_HOURS) -> None:
        self.special = dict(special)
        self.years = frozenset(day.year for day in special)
        self.hours = tuple(hours)
        self.day_length = sum((_length(begin, end) for begin, end in hours), start=NOTHING)
        """Of one working day."""
        self._before = {year: self._counted(year) for year in self.years}

    def _counted(self, year: int) -> list[int]:
        """For each day of a year, how many working days of the year come before it; one more entry for all of it."""
        counts, first = [0], date(year, 1, 1)
        for n in range((date(year, 12, 31) - first).days + 1):
            counts.append(counts[-1] + self._is_worked(first + n * DAY))
        return counts

    def _is_worked(self, day: date) -> bool:
        found = self.special.get(day)
        return day.weekday() < 5 if found is None else found.kind == WORKED

    # -- days ---------------------------------------------------------------------------------------------------

    @property
    def ends_on(self) -> date | None:
        """The last day that is known without a break; None for a table without rows."""
        if not self.years:
            return None
        year = min(self.years)
        while year + 1 in self.years:
            year += 1
        return date(year, 12, 31)

    def is_working(self, day: date) -> bool:
        """Whether offices work on it."""
        self._need(day.year)
        return self._is_worked(day)

    def last_working_day(self, before: date) -> date:
        """The last one before a day: by then it has to be done."""
        day = before - DAY
        while not self.is_working(day):
            day -= DAY
        return day

    def working_days(self, after: date, until: date) -> int:
        """How many there are after the first day, up to the second and with it; 0 where that is not later."""
        if until <= after:
            return 0
        for year in range(after.year, until.year + 1):
            self._need(year)
        return self._days_before(until) + self._is_worked(until) - self._days_before(after) - self._is_worked(after)

    def _days_before(self, day: date) -> int:
        """Working days of the known years before a day."""
        earlier = sum(self._before[each][-1] for each in self.years if each < day.year)
        return earlier + self._before[day.year][(day - date(day.year, 1, 1)).days]

    # -- hours --------------------------------------------------------------------------------------------------

    def is_open(self, moment: datetime) -> bool:
        """Whether offices work at this moment."""
        local = moment.astimezone(VIETNAM)
        return self.is_working(local.date()) and any(begin <= local.time() < end for begin, end in self.hours)

    def working_time(self, begin: datetime, end: datetime, *, suspended: Iterable[Span] = ()) -> timedelta:
        """Working time between two moments, without what lies in a suspension; none where the end is not later."""
        if end <= begin:
            return NOTHING
        whole = self._between(begin, end)
        return whole - sum((self._between(*each) for each in merged(suspended, (begin, end))), start=NOTHING)

    def _between(self, begin: datetime, end: datetime) -> timedelta:
        first, last = begin.astimezone(VIETNAM), end.astimezone(VIETNAM)
        for year in range(first.year, last.year + 1):
            self._need(year)
        days = self._days_before(last.date()) - self._days_before(first.date())
        return days * self.day_length + self._of_day(last) - self._of_day(first)

    def _of_day(self, local: datetime) -> timedelta:
        """What of its day's working time has passed at a moment."""
        if not self._is_worked(local.date()):
            return NOTHING
        passed = (_length(begin, min(end, local.time())) for begin, end in self.hours if begin < local.time())
        return sum(passed, start=NOTHING)

    def after(self, begin: datetime, amount: timedelta, *, suspended: Iterable[Span] = ()) -> datetime:
        """When so much working time has passed since a moment, suspensions not counted."""
        if amount <= NOTHING:
            return begin
        stops = merged(suspended, (begin, datetime.max.replace(tzinfo=VIETNAM)))
        for start, end in self._open_times(begin, stops):
            if end - start >= amount:
                return start + amount
            amount -= end - start
        raise AssertionError("open times have no end")  # pragma: no cover

    def _open_times(self, begin: datetime, stops: Sequence[Span]) -> Iterator[Span]:
        """Every stretch in which offices work from a moment on, without the stops."""
        day = begin.astimezone(VIETNAM).date()
        while True:
            if self.is_working(day):
                for first, last in self.hours:
                    start = max(datetime.combine(day, first, VIETNAM), begin)
                    yield from _without((start, datetime.combine(day, last, VIETNAM)), stops)
            day += DAY

    def due_after(self, received_at: datetime, days: int, *, suspended: Iterable[Span] = ()) -> datetime:
        """The legal due date: the end of the working day that is so many working days after the day of receipt.

        The day of receipt does not count, at whatever hour it came. A suspension moves the date by the working time
        that lies in it.
        """
        morrow = datetime.combine(received_at.astimezone(VIETNAM).date() + DAY, time(), VIETNAM)
        return self.after(morrow, days * self.day_length, suspended=suspended)

    def left(self, due_at: datetime, now: datetime) -> Left:
        """The clock of a deadline; it says so where the calendar does not reach."""
        is_over = now > due_at
        first, last = (due_at, now) if is_over else (now, due_at)
        try:
            return Left(
                is_over=is_over,
                working=self.working_time(first, last),
                days=self.working_days(_day(first), _day(last)),
            )
        except CalendarUnknown as unknown:
            return Left(is_over=is_over, working=None, days=None, unknown_year=unknown.year)

    def _need(self, year: int) -> None:
        if year not in self.years:
            raise CalendarUnknown(year)


def merged(spans: Iterable[Span], within: Span) -> list[Span]:
    """The same time as spans in order that do not touch, cut to what lies within."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        start, stop = max(begin, within[0]), min(end, within[1])
        if start >= stop:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def _without(span: Span, stops: Sequence[Span]) -> Iterator[Span]:
    start, end = span
    for begin, stop in stops:
        if begin < end and stop > start:
            if start < begin:
                yield start, begin
            start = max(start, stop)
    if start < end:
        yield start, end


def _length(begin: time, end: time) -> timedelta:
    return datetime.combine(date.min, end) - datetime.combine(date.min, begin)


def _day(moment: datetime) -> date:
    return moment.astimezone(VIETNAM).date()


# -- the table ---------------------------------------------------------------------------------------------------------


def calendar_from_csv(text: str, *, hours: Hours = OFFICE_HOURS) -> Calendar:
    """The calendar of a table. Raises CalendarRefused, which names the line."""
    special: dict[date, Special] = {}
    for line, row in enumerate(csv.DictReader(io.StringIO(text)), start=2):
        try:
            day, found = _special(row)
        except (KeyError, TypeError, ValueError) as trouble:
            raise CalendarRefused(f"line {line}: {trouble}") from None
        if day in special:
            raise CalendarRefused(f"line {line}: {day} stands twice")
        special[day] = found
    _check_swaps(special)
    return Calendar(special, hours=hours)


def _special(row: Mapping[str, str]) -> tuple[date, Special]:
    day, kind, swapped = date.fromisoformat(row["date"]), row["kind"], row["swapped_with"]
    if row["weekday"] != WEEKDAYS[day.weekday()]:
        raise ValueError(f"{day} is a {WEEKDAYS[day.weekday()]}, not a {row['weekday']}")
    if kind != WORKED and kind not in OFF:
        raise ValueError(f"{kind} is no kind of day")
    return day, Special(
        kind=kind,
        name_vi=row["name_vi"],
        name_en=row["name_en"],
        swapped_with=date.fromisoformat(swapped) if swapped else None,
        source_kind=row["source_kind"],
        note=row["note"],
    )


def _check_swaps(special: Mapping[date, Special]) -> None:
    """A day that is worked stands for one that is off, and the other way round: half a swap is a mistake."""
    for day, found in special.items():
        if found.swapped_with is None:
            continue
        other = special.get(found.swapped_with)
        if other is None or other.swapped_with != day or (other.kind == WORKED) == (found.kind == WORKED):
            raise CalendarRefused(f"{day} is swapped with {found.swapped_with}, which does not say the same")


def hours_from_texts(texts: Iterable[str]) -> Hours:
    """Office hours as settings write them: `07:30-11:30`, in order. Raises ValueError."""
    found: list[tuple[time, time]] = []
    for text in texts:
        begin, _, end = text.partition("-")
        span = (time.fromisoformat(begin), time.fromisoformat(end))
        if span[0] >= span[1] or (found and found[-1][1] > span[0]):
            raise ValueError(f"{text}: office hours stand in order, each with its beginning before its end")
        found.append(span)
    if not found:
        raise ValueError("there are no office hours")
    return tuple(found)
