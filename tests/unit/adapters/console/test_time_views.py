"""The views of partners, keys and lateness, without a browser."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.doors.console.keys_view import KeyFact, keys_view
from adapters.doors.console.lateness_view import (
    SORTS,
    Chosen,
    late_dossier,
    lateness_view,
    month_text,
    picture,
    pieces_of,
)
from adapters.doors.console.partners_view import Press, forecast_look, partner_view
from adapters.doors.console.today_view import partner_look
from bus.calendar import Calendar, calendar_from_csv
from bus.forecast import Forecast
from bus.late_book import DossierRow, MonthRow
from bus.lateness import PARTS
from bus.looks import Many
from bus.partner_looks import Drain
from config.console_keys import use_of
from tests.builders import NOON

CALENDAR = calendar_from_csv(Path("config/tables/calendar/holidays.csv").read_text(encoding="utf-8"))
DAY = timedelta(days=1)
NOTHING = dict.fromkeys(PARTS, 0)
HOUR = 3_600_000


# -- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "standing", "mark"),
    [(61, "well", "good"), (60, "soon", "warn"), (15, "soon", "warn"), (14, "urgent", "bad"), (0, "ended", "bad")],
)
def test_standing_of_a_key(days, standing, mark):
    """A key is told by how long it still holds; the mark goes with the word."""
    view = keys_view([KeyFact(setting="k", use="certificate", ends_at=NOON + days * DAY)], CALENDAR, NOON)

    assert (standing, mark, days) == (view.lines[0].standing, view.lines[0].mark, view.lines[0].days)


def test_last_working_day_to_act():
    """The last day to act is the last working day before the end; where the calendar does not reach, none is told."""
    facts = [
        KeyFact(setting="a", use="certificate", ends_at=datetime(2026, 9, 3, 3, tzinfo=UTC)),
        KeyFact(setting="b", use="certificate", ends_at=NOON + 3_000 * DAY),
        KeyFact(setting="c", use="certificate", ends_at=NOON - DAY),
    ]
    by_setting = {line.fact.setting: line for line in keys_view(facts, CALENDAR, NOON).lines}

    assert date(2026, 8, 28) == by_setting["a"].act_by
    assert by_setting["b"].act_by is None
    assert by_setting["c"].act_by is None
    assert keys_view(facts, None, NOON).lines[0].act_by is None


def test_order_of_keys():
    """What has ended stands first, then what cannot be read, then by days left; without an end last, apart."""
    facts = [
        KeyFact(setting="secret", use="secret", ends_at=None),
        KeyFact(setting="well", use="certificate", ends_at=NOON + 90 * DAY),
        KeyFact(setting="soon", use="certificate", ends_at=NOON + 20 * DAY),
        KeyFact(setting="broken", use="certificate", ends_at=None, trouble="unreadable"),
        KeyFact(setting="ended", use="certificate", ends_at=NOON - DAY),
        KeyFact(setting="lists", use="revocation", ends_at=None, is_stale=True),
        KeyFact(setting="fresh", use="revocation", ends_at=None),
    ]
    view = keys_view(facts, CALENDAR, NOON)

    assert ["ended", "broken", "lists", "soon", "well", "fresh", "secret"] == [one.fact.setting for one in view.lines]
    assert ["secret"] == [one.fact.setting for one in view.endless]
    assert 6 == len(view.ending)
    assert 4 == view.needs_act


def test_calendar_that_nobody_checked():
    """The page says of how many days off nobody has checked the announcement, from today on."""
    assert 0 < keys_view([], CALENDAR, NOON).calendar_doubts < len(CALENDAR.special)
    assert (None, 0) == (keys_view([], None, NOON).calendar_ends, keys_view([], Calendar({}), NOON).calendar_doubts)


@pytest.mark.parametrize(
    ("setting", "has_end", "use"),
    [
        ("ledger.signing_key_file", False, "receipts"),
        ("ledger.master_key_file", False, "master"),
        ("soap.certificate_file", True, "certificate"),
        ("soap.identity_file", False, "signing"),
        ("partners.national_portal.ca_file", True, "authority"),
        ("callers.wards.certificate", True, "certificate"),
        ("partners.one_stop.signing_key_file", False, "signing"),
        ("partners.one_stop.their_public_key_file", False, "theirs"),
        ("notices.email.password_file", False, "password"),
        ("callers.one-stop.secret_file", False, "secret"),
        ("anything", False, "secret"),
    ],
)
def test_use_of_a_key(setting, has_end, use):
    """What a key is for follows from its setting's name, and from whether a certificate lies in its file."""
    assert use == use_of(setting, has_end=has_end)


# -- lateness -------------------------------------------------------------------------------------------------------


def month_row(month, unit, dossiers=1, **parts):
    hours = {part: parts.get(part, 0) * HOUR for part in PARTS}
    return MonthRow(
        month=month, unit=unit, dossiers=dossiers, only_sync=1, running=0, whole=sum(hours.values()), parts=hours
    )


ROWS = [
    month_row(24318, "b", 2, here=4),
    month_row(24318, "a", 1, office=10),
    month_row(24317, "a", 5, partner_down=6, here=1),
    month_row(24317, "zero", 1),
]


def view(sort="month", unit="", rows=ROWS):
    chosen = Chosen(first=24307, last=24318, unit=unit, sort=sort)
    return lateness_view(rows, chosen, str.upper, complete_at=NOON, share=0.0, has_book=True)


@pytest.mark.parametrize(
    ("sort", "first"),
    [("month", (24318, "a")), ("unit", (24318, "a")), ("dossiers", (24317, "a")), ("whole", (24318, "a")),
     ("here", (24318, "b")), ("partner_down", (24317, "a")), ("only_sync", (24318, "A".lower()))],
)  # fmt: skip
def test_sorted_by(sort, first):
    """Numbers are sorted the largest first, names by the alphabet, months the newest first."""
    found = view(sort).rows[0]

    assert first == (found.month, found.unit)


def test_sums():
    """The total is the sum of the rows; only parts that had any time have a column."""
    found = view()

    assert (9, 4, 21.0) == (found.total.dossiers, found.total.only_sync, found.total.whole)
    assert ("office", "here", "partner_down") == found.parts
    assert set(SORTS) - set(PARTS) | set(found.parts) == {head.name for head in found.heads}
    assert ["07/2026", "06/2026"] == list(dict.fromkeys(row.month_text for row in found.rows))
    assert 5 == view(unit="b").total.whole + 1


def test_empty():
    """Without a row there is a total of nothing, and no picture."""
    found = view(rows=[])

    assert (0, 0.0, ()) == (found.total.dossiers, found.total.sync_share, found.pictures)
    assert "" == found.total.month_text


def test_pictures():
    """Bars stand on one scale, the longest as wide as the picture; parts lie side by side and sum to the bar."""
    months, units = view().pictures
    bar = max(months.bars, key=lambda one: one.hours)

    assert ("months", "units") == (months.name, units.name)
    assert ["A", "B"] == [one.label for one in units.bars]
    assert 560 == round(bar.end)
    assert all(abs(one.end - one.pieces[-1].x - one.pieces[-1].width) < 1 for one in (*months.bars, *units.bars))
    assert () == picture("none", []).bars
    assert () == pieces_of(dict.fromkeys(PARTS, 0.0), 1.0)


def test_address_of_what_is_chosen():
    """What is chosen stands in the address, and can be sent to a colleague."""
    chosen = Chosen(first=24307, last=24318, unit="x", sort="here")

    assert "/console/lateness?from=2025-08&to=2026-07&unit=x&sort=unit" == chosen.address(sort="unit")
    assert "07/2026" == month_text(24318)


def test_one_dossier():
    """A dossier's line names who had it longest."""
    parts = NOTHING | {"here": HOUR, "correction": 2 * HOUR}
    row = DossierRow(
        id=1, number="n", due_at=NOON, ended_at=None, shown_at=None, is_only_sync=False, whole=3 * HOUR, parts=parts,
        computed_at=NOON,
    )  # fmt: skip
    found = late_dossier(row)

    assert ("correction", 3.0) == (found.main, found.hours)
    assert 120 == round(sum(piece.width for piece in found.pieces))


# -- partners -------------------------------------------------------------------------------------------------------


def partner(is_held=False, circuit="closed", typed=None, is_limited=False, keys=("hold", "release", "open", "close")):
    row = {
        "name": "books", "is_held": is_held, "hold_reason": "", "circuit": circuit, "failures": 0,
        "opened_at": NOON.isoformat() if circuit == "open" else None, "probe_at": None, "window": None,
        "last_success_at": None, "deliveries": {"waiting": 2, "delivered": 0},
    }  # fmt: skip
    look = partner_look(
        row, waiting=Many(n=2), ready_since=None, oldest_waiting=None, counts=(), now=NOON, is_limited=is_limited
    )
    return partner_view(
        row, look, drain=Drain(rate=0.0, window=None), calls=(), codes=(), outages=(), incidents=(),
        keys=dict.fromkeys(keys, "k"), typed=typed,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("is_held", "circuit", "acts"),
    [
        (False, "closed", ["hold", "open"]),
        (True, "closed", ["release", "open"]),
        (False, "open", ["hold", "close"]),
        (True, "open", ["release", "close"]),
    ],
)
def test_forms_that_make_sense(is_held, circuit, acts):
    """Only what changes something now is offered, and what stops the sending is grave."""
    found = partner(is_held, circuit).forms

    assert acts == [form.act for form in found]
    assert ["hold", "open"] == sorted({form.act for form in found if form.is_grave} | {"hold", "open"})


def test_form_that_was_tried():
    """A form that could not be done stays, with what was typed, though it makes no sense any more."""
    typed = Press(act="open", reason="bảo trì", wrong="repairs.no_circuit_open")
    forms = {form.act: form for form in partner(circuit="open", typed=typed).forms}

    assert {"hold", "open", "close"} == forms.keys()
    assert typed == forms["open"].typed
    assert forms["hold"].typed is None


def test_without_the_right():
    """Who may not repair has no form."""
    assert () == partner(keys=()).forms


def test_what_who_is_limited_sees():
    """Who sees some units only gets no counts of everybody's; else states that hold something are counted."""
    assert () == partner(is_limited=True).standing
    assert [("waiting", 2)] == [(one.state, one.count) for one in partner().standing]


@pytest.mark.parametrize(
    ("at", "clock"), [(None, ""), (NOON + timedelta(hours=9), "21:00"), (NOON + DAY, "12:00 04/07")]
)
def test_hour_of_a_forecast(at, clock):
    """An hour of today is said without its day."""
    assert clock == forecast_look(Forecast(kind="at" if at else "growing", at=at), NOON).clock
