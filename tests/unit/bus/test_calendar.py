"""Working days and hours: by the table that ships, by a table of two lines, and as laws that hold for any days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.calendar import (
    NOTHING,
    OFFICE_HOURS,
    Calendar,
    CalendarRefused,
    CalendarUnknown,
    Left,
    calendar_from_csv,
    hours_from_texts,
    merged,
)

SHIPPED = Path("config/tables/calendar/holidays.csv")
HEAD = "date,weekday,kind,name_vi,name_en,swapped_with,source_kind,note\n"
CALENDAR = calendar_from_csv(SHIPPED.read_text(encoding="utf-8"))
HOUR = timedelta(hours=1)


def at(day: str, clock: str = "00:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}:00+07:00")


# -- days -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "is_working", "why"),
    [
        ("2026-07-03", True, "a plain Friday"),
        ("2026-07-04", False, "a Saturday"),
        ("2026-07-05", False, "a Sunday"),
        ("2026-09-02", False, "National Day"),
        ("2026-08-31", False, "a Monday that was swapped"),
        ("2026-08-22", True, "the Saturday worked for it"),
        ("2026-02-20", False, "Tết"),
        ("2027-05-03", False, "the Monday for Labour Day on a Saturday"),
    ],
)
def test_day(day, is_working, why):
    """A day is worked by its weekday, unless the table says otherwise; a swapped Saturday is worked."""
    assert is_working == CALENDAR.is_working(date.fromisoformat(day)), why


def test_covers_two_years():
    """The shipped table covers 2026 and 2027, and says where it ends."""
    assert {2026, 2027} == CALENDAR.years
    assert date(2027, 12, 31) == CALENDAR.ends_on


def test_a_hole_ends_what_is_known():
    """What is known ends before the first year without a row, whatever comes after it."""
    text = HEAD + "2026-01-01,Thu,holiday,a,b,,province,\n2028-01-01,Sat,holiday,a,b,,province,\n"

    assert date(2026, 12, 31) == calendar_from_csv(text).ends_on
    assert calendar_from_csv(HEAD).ends_on is None


def test_sources_stay():
    """Where a row is known from stays with the day, so that a page can say how far to trust it."""
    assert "memory" == CALENDAR.special[date(2026, 1, 10)].source_kind
    assert "package" == CALENDAR.special[date(2027, 2, 4)].source_kind


@pytest.mark.parametrize(
    ("ask", "year"),
    [
        (lambda: CALENDAR.is_working(date(2028, 1, 3)), 2028),
        (lambda: CALENDAR.working_days(date(2025, 12, 1), date(2026, 1, 5)), 2025),
        (lambda: CALENDAR.working_time(at("2027-12-31"), at("2028-01-02")), 2028),
        (lambda: CALENDAR.after(at("2027-12-31", "16:00"), 3 * HOUR), 2028),
        (lambda: CALENDAR.last_working_day(date(2026, 1, 2)), 2025),
    ],
)
def test_unknown_year(ask, year):
    """A year of which the table has no row is never guessed: every question that needs it names it."""
    with pytest.raises(CalendarUnknown, match=str(year)) as refused:
        ask()

    assert year == refused.value.year


@pytest.mark.parametrize(
    ("before", "last"),
    [("2026-09-03", "2026-08-28"), ("2026-07-06", "2026-07-03"), ("2026-08-24", "2026-08-22")],
)
def test_last_working_day(before, last):
    """The last day to act is the last worked one before the end: past days off, and on a worked Saturday."""
    assert date.fromisoformat(last) == CALENDAR.last_working_day(date.fromisoformat(before))


def test_working_days_between():
    """Days are counted after the first and with the last; over the end of a year too; none backward."""
    assert 5 == CALENDAR.working_days(date(2026, 7, 3), date(2026, 7, 10))
    assert 3 == CALENDAR.working_days(date(2026, 12, 30), date(2027, 1, 5))
    assert 0 == CALENDAR.working_days(date(2026, 7, 10), date(2026, 7, 3))


# -- hours ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (at("2026-07-03", "07:30"), True),
        (at("2026-07-03", "11:30"), False),
        (at("2026-07-03", "12:59"), False),
        (at("2026-07-03", "13:00"), True),
        (at("2026-07-03", "17:00"), False),
        (at("2026-07-04", "09:00"), False),
        (datetime(2026, 7, 3, 1, 0, tzinfo=UTC), True),
    ],
)
def test_office_hours(moment, is_open):
    """Offices work from the first minute of their hours to before the last, by the clock of Vietnam."""
    assert is_open == CALENDAR.is_open(moment)


def test_working_time_over_a_night_and_a_weekend():
    """From Friday 16:00 to Monday 08:30 there are two hours of work."""
    assert 2 * HOUR == CALENDAR.working_time(at("2026-07-03", "16:00"), at("2026-07-06", "08:30"))
    assert NOTHING == CALENDAR.working_time(at("2026-07-06"), at("2026-07-03"))


def test_suspension_is_not_working_time():
    """What lies in a suspension does not count, however the suspensions overlap."""
    first, last = at("2026-07-06", "07:30"), at("2026-07-06", "17:00")
    stops = [
        (at("2026-07-06", "09:00"), at("2026-07-06", "10:00")),
        (at("2026-07-06", "09:30"), at("2026-07-06", "11:00")),
    ]

    assert 6 * HOUR == CALENDAR.working_time(first, last, suspended=stops)


def test_suspension_in_the_middle_of_a_morning():
    """A suspension that begins while offices work moves what is left of the morning behind it."""
    begin = at("2026-07-06", "07:30")
    stop = [(at("2026-07-06", "09:00"), at("2026-07-06", "10:00"))]

    assert at("2026-07-06", "10:30") == CALENDAR.after(begin, 2 * HOUR, suspended=stop)


def test_due_date():
    """The day of receipt does not count, days off neither; a suspension of one day moves the date by one day."""
    received = at("2026-08-27", "16:59")
    stop = [(at("2026-08-28"), at("2026-08-29"))]

    assert at("2026-08-28", "17:00") == CALENDAR.due_after(received, 1)
    assert at("2026-09-04", "17:00") == CALENDAR.due_after(received, 3)
    assert at("2026-09-03", "17:00") == CALENDAR.due_after(received, 1, suspended=stop)


def test_worked_saturday_counts_for_a_due_date():
    """A Saturday that is worked in exchange is a day of the term."""
    assert at("2026-08-22", "17:00") == CALENDAR.due_after(at("2026-08-20", "09:00"), 2)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (at("2026-07-03", "16:00"), Left(is_over=False, working=5 * HOUR, days=1)),
        (at("2026-07-06", "13:00"), Left(is_over=True, working=NOTHING, days=0)),
        (at("2026-07-07", "08:30"), Left(is_over=True, working=5 * HOUR, days=1)),
        (at("2028-07-07"), Left(is_over=True, working=None, days=None, unknown_year=2028)),
    ],
)
def test_clock_of_a_deadline(now, left):
    """The clock counts working time to the deadline, and since it; where the calendar ends it says so."""
    due_at = at("2026-07-06", "11:30")

    assert left == CALENDAR.left(due_at, now)


# -- laws -----------------------------------------------------------------------------------------------------------


def moments(last: str) -> st.SearchStrategy[datetime]:
    """Moments of the calendar, to a millisecond, up to a day."""
    first = at("2026-01-01")
    most = (at(last) - first) // timedelta(milliseconds=1)
    return st.integers(min_value=0, max_value=most).map(lambda n: first + n * timedelta(milliseconds=1))


MOMENTS = moments("2027-11-30")
SPANS = st.lists(st.tuples(MOMENTS, MOMENTS), max_size=4)


@given(st.lists(MOMENTS, min_size=3, max_size=3), SPANS)
def test_working_time_is_additive(moments, stops):
    """From a to c there is as much working time as from a to b and from b to c, suspensions or not."""
    a, b, c = sorted(moments)
    parts = [CALENDAR.working_time(*each, suspended=stops) for each in pairwise((a, b, c))]

    assert CALENDAR.working_time(a, c, suspended=stops) == sum(parts, start=NOTHING)


@given(MOMENTS, MOMENTS)
def test_working_time_fits_its_span(a, b):
    """Working time is never less than nothing and never more than the time that passes."""
    found = CALENDAR.working_time(a, b)

    assert NOTHING <= found <= max(b - a, NOTHING)


HOURS_AHEAD = st.integers(min_value=-50, max_value=400)


@given(
    moments("2027-06-30"),
    st.integers(min_value=0, max_value=30),
    st.lists(st.tuples(HOURS_AHEAD, HOURS_AHEAD), max_size=4),
)
def test_after_is_the_inverse(begin, units, stops):
    """What `after` gives is the first moment at which so much working time has passed, suspensions not counted."""
    amount = units * 3 * HOUR
    spans = [(begin + a * HOUR, begin + b * HOUR) for a, b in stops]

    end = CALENDAR.after(begin, amount, suspended=spans)

    assert amount == CALENDAR.working_time(begin, end, suspended=spans)
    if amount:
        just_before = end - timedelta(microseconds=1)
        assert amount > CALENDAR.working_time(begin, just_before, suspended=spans)


@given(MOMENTS, st.integers(min_value=1, max_value=12))
def test_due_date_is_the_end_of_a_working_day(received, days):
    """A due date is the end of a working day, so many working days after the day of receipt."""
    due = CALENDAR.due_after(received, days)

    assert CALENDAR.is_working(due.date())
    assert OFFICE_HOURS[-1][1] == due.timetz().replace(tzinfo=None)
    assert days == CALENDAR.working_days(received.date(), due.date())


@given(SPANS)
def test_merged_spans_are_in_order(spans):
    """Merged spans stand in order, do not touch, and lie within."""
    within = (at("2026-03-01"), at("2027-03-01"))
    found = merged(spans, within)

    assert all(begin < end for begin, end in found)
    assert all(one[1] < other[0] for one, other in pairwise(found))
    assert all(within[0] <= begin and end <= within[1] for begin, end in found)


# -- the table ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("2026-07-03,Sat,holiday,a,b,,province,\n", "line 2: 2026-07-03 is a Fri, not a Sat"),
        ("2026-07-03,Fri,feast,a,b,,province,\n", "line 2: feast is no kind of day"),
        ("2026-13-03,Fri,holiday,a,b,,province,\n", "line 2: month must be in 1..12"),
        ("2026-07-03,Fri,holiday,a,b,,province,\n2026-07-03,Fri,holiday,a,b,,province,\n", "line 3: .* stands twice"),
        ("2026-07-03,Fri,swapped_day_off,a,b,2026-07-11,province,\n", "2026-07-03 is swapped with 2026-07-11, which"),
        (
            "2026-07-03,Fri,swapped_day_off,a,b,2026-07-06,province,\n"
            "2026-07-06,Mon,swapped_day_off,a,b,2026-07-03,province,\n",
            "which does not say the same",
        ),
        (
            "2026-07-03,Fri,swapped_day_off,a,b,2026-07-11,province,\n2026-07-11,Sat,working_day,a,b,,province,\n",
            "which does not say the same",
        ),
        ("2026-07-03,Fri\n", "line 2: "),
    ],
)
def test_table_that_contradicts_itself(lines, said):
    """A table that contradicts itself is refused, with its line: half a swap, a wrong weekday, a day twice."""
    with pytest.raises(CalendarRefused, match=said):
        calendar_from_csv(HEAD + lines)


def test_missing_column():
    """A column that is missing is named."""
    with pytest.raises(CalendarRefused, match="swapped_with"):
        calendar_from_csv("date,weekday,kind\n2026-07-03,Fri,holiday\n")


def test_hours_as_settings_write_them():
    """Office hours are read in order; the day is as long as they are together."""
    hours = hours_from_texts(["08:00-12:00", "13:30-16:30"])

    assert ((time(8), time(12)), (time(13, 30), time(16, 30))) == hours
    assert 7 * HOUR == Calendar({}, hours=hours).day_length


@pytest.mark.parametrize("texts", [[], ["12:00-08:00"], ["08:00-12:00", "11:00-13:00"], ["8-12"], ["08:00"]])
def test_hours_that_are_none(texts):
    """Hours that overlap, run backward or are not there are refused."""
    with pytest.raises(ValueError, match=r"."):
        hours_from_texts(texts)
