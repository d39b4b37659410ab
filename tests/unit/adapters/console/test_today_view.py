"""Today's page: counts, charts, and that no partner is called well who may not be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.doors.console.charts import Charts
from adapters.doors.console.today_view import (
    BEHIND,
    QUIET,
    STILL,
    TodayView,
    awaiting_need,
    chart,
    due_need,
    gaps_need,
    health_of,
    partner_look,
    state_need,
)
from bus.looks import Due, Gap, Many
from bus.messages import State
from bus.pace import Count
from tests.builders import NOON

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def partner(**facts: Any) -> dict[str, Any]:
    known = {"name": "books", "is_held": False, "circuit": "closed", "window": None, "opened_at": None}
    return known | {"last_success_at": (NOON - MINUTE).isoformat()} | facts


def ago(span: timedelta) -> str:
    return (NOON - span).isoformat()


@pytest.mark.parametrize(
    ("facts", "waiting", "ready", "health"),
    [
        ({}, 0, None, "well"),
        ({}, 5, MINUTE, "well"),
        ({"is_held": True, "circuit": "open"}, 5, None, "held"),
        ({"circuit": "open"}, 5, None, "down"),
        ({"last_success_at": ago(STILL + MINUTE)}, 5, STILL + MINUTE, "still"),
        ({"last_success_at": None}, 5, STILL + MINUTE, "still"),
        ({"window": 3}, 5, STILL + MINUTE, "draining"),
        ({}, 5, BEHIND + MINUTE, "behind"),
        ({"last_success_at": None}, 5, MINUTE, "waits"),
        ({"last_success_at": None}, 0, None, "unknown"),
        ({"last_success_at": ago(QUIET + HOUR)}, 0, None, "quiet"),
        ({"last_success_at": ago(QUIET + HOUR)}, 1, None, "waits"),
        ({"last_success_at": ago(HOUR)}, 1, None, "waits"),
        ({"last_success_at": ago(HOUR)}, 0, None, "well"),
    ],
)
def test_health(facts, waiting, ready, health):
    """Well is who took something lately, with nothing standing before him; all else has a word of its own."""
    ready_since = None if ready is None else NOON - ready

    assert health == health_of(partner(**facts), waiting, ready_since, NOON)


def test_nothing_is_green_that_stands_still():
    """Whatever else is true: where something has been ready for long and nothing went, the mark is not green."""
    for last in (None, ago(STILL * 2), ago(QUIET * 2)):
        for window in (None, 1):
            look = partner_look(
                partner(last_success_at=last, window=window),
                waiting=Many(n=1),
                ready_since=NOON - STILL * 2,
                oldest_waiting=NOON - STILL * 2,
                counts=(),
                now=NOON,
                is_limited=False,
            )
            assert "bad" == look.mark
            assert NOON - STILL * 2 == look.since


def test_partner_with_blocked_deliveries_is_not_well():
    """However lately it took something: while some wait that nothing here will move, it is said."""
    asked = {"ready_since": None, "oldest_waiting": NOON, "counts": (), "now": NOON, "is_limited": False}
    look = partner_look(partner(), waiting=Many(n=3), blocked=3, **asked)

    assert ("blocked", "warn", 3) == (look.health, look.mark, look.blocked)
    assert "good" == partner_look(partner(), waiting=Many(n=3), **asked).mark


def test_partner_tells_its_rate():
    """The rate is of its own deliveries; who sees some units only is told no partner's counts."""
    counts = [
        Count(at=NOON, partner=name, state=state, came=10, went=0)
        for name, state in (("books", "delivered"), ("books", "waiting"), ("other", "delivered"))
    ]
    asked = {"waiting": Many(n=3), "ready_since": None, "oldest_waiting": None, "counts": counts, "now": NOON}
    free = partner_look(partner(), is_limited=False, forecast="soon", **asked)
    limited = partner_look(partner(), is_limited=True, forecast="soon", **asked)

    assert (2.0, Many(n=3), "soon") == (free.rate, free.waiting, free.forecast)
    assert (None, None, None) == (limited.rate, limited.waiting, limited.forecast)


def test_chart_counts_back_from_now():
    """What waited at a step's end is what waits now, less what has come since and more what has gone."""
    counts = [
        Count(at=NOON, partner="p", state="waiting", came=7, went=2),
        Count(at=NOON, partner="p", state="delivered", came=2, went=0),
        Count(at=NOON, partner="", state="accepted", came=6, went=0),
        Count(at=NOON, partner="p", state="accepted", came=7, went=0),
        Count(at=NOON - 15 * MINUTE, partner="p", state="waiting", came=1, went=0),
    ]
    made = chart("day", counts, since=NOON - HOUR, now=NOON + MINUTE, step=15 * MINUTE, waiting_now=6)

    assert (NOON, 6, 2, 6) == made.rows[0]
    assert (NOON - 15 * MINUTE, 0, 0, 1) == made.rows[1]
    assert (NOON - 30 * MINUTE, 0, 0, 0) == made.rows[2]
    assert NOON - HOUR == made.rows[-1][0]
    assert 5 == len(made.rows)


def test_marks_of_needs():
    """A count of nothing is good; of something, what it is; of "more than" too."""
    none, some = Many(n=0), Many(n=0, is_more=True)

    assert ("good", "bad", "bad") == tuple(
        state_need(State.REFUSED, count, None).mark for count in (none, some, Many(n=2))
    )
    assert ("good", "warn") == tuple(state_need(State.HELD, count, None).mark for count in (none, Many(n=1)))
    assert "/console/log?state=held" == state_need(State.HELD, Many(n=1), None).address
    assert awaiting_need(none, None).address is None
    assert "bad" == due_need("overdue", Due(dossiers=(), count=Many(n=1)), "bad").mark
    gaps = [Gap(since=NOON, dossier=str(n), source="s", missing=n) for n in range(7)]
    need = gaps_need(gaps, limit=7)
    assert (Many(n=7, is_more=True), 5) == (need.count, len(need.gaps))


def test_calm_only_where_nothing_is_wrong():
    """The page says that nothing needs anybody only when no count and no partner says otherwise."""
    fine = partner_look(
        partner(),
        waiting=Many(n=0),
        ready_since=None,
        oldest_waiting=None,
        counts=(),
        now=NOON,
        is_limited=False,
    )
    down = partner_look(
        partner(circuit="open"),
        waiting=Many(n=0),
        ready_since=None,
        oldest_waiting=None,
        counts=(),
        now=NOON,
        is_limited=False,
    )
    none, one = state_need(State.HELD, Many(n=0), None), state_need(State.HELD, Many(n=1), None)

    def calm(needs, partners) -> bool:
        return TodayView(needs=needs, partners=partners, charts=(), made_at=NOON, is_limited=False).is_calm

    assert calm((none,), (fine,))
    assert not calm((one,), (fine,))
    assert not calm((none,), (down,))


class CountingPace:
    """A pace that notes how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def counted_since(self):
        return NOON - 90 * HOUR

    def minutes(self, since, until, partner=None, *, step=1):
        self.asked += 1
        return []

    def hours(self, since, until, partner=None):
        return []


def test_charts_are_worked_out_once_a_minute():
    """Whoever looks within a minute sees the same charts; the next minute they are new, and begin with the counting."""
    pace = CountingPace()
    charts = Charts(pace)
    first = charts.of(NOON, 3)

    assert first is charts.of(NOON + timedelta(seconds=59), 9)
    day, week = charts.of(NOON + MINUTE, 4)
    assert 2 == pace.asked
    assert (4, 4) == (day.rows[0][3], week.rows[0][3])
    assert NOON - 90 * HOUR == week.rows[-1][0]
    assert 97 == len(day.rows)
