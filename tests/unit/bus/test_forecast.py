"""A backlog's end: said where the last minutes can tell it, and never where they cannot."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.forecast import FARTHEST, STEP, Backlog, Forecast, forecast
from tests.builders import NOON

MINUTE = timedelta(minutes=1)


def backlog(**overrides) -> Backlog:
    """600 wait; in ten minutes 100 came and 400 went: half a delivery a second less."""
    members = {"waiting": 600, "came": 100, "went": 400, "over": 10 * MINUTE}
    return Backlog(**(members | overrides))


@pytest.mark.parametrize(
    ("given", "kind", "minutes"),
    [
        ({}, "at", 20),
        ({"waiting": 0}, "none", None),
        ({"waiting": 1}, "at", 5),
        ({"waiting": 610}, "at", 25),
        ({"rate": 0.5}, "at", 30),
        ({"rate": 10.0}, "at", 20),
        ({"came": 400}, "growing", None),
        ({"came": 500}, "growing", None),
        ({"went": 0, "came": 0}, "standing", None),
        ({"went": 0}, "standing", None),
        ({"is_down": True}, "down", None),
        ({"is_held": True, "is_down": True}, "held", None),
        ({"over": 2 * MINUTE}, "too_early", None),
        ({"waiting": 100_000}, "too_far", None),
        ({"waiting": 38, "blocked": 38}, "blocked", None),
        ({"waiting": 38, "blocked": 38, "over": MINUTE}, "blocked", None),
        ({"waiting": 638, "blocked": 38}, "at", 20),
    ],
)
def test_what_can_be_said(given, kind, minutes):
    """An hour is said only of a backlog that shrinks at a partner that answers; of any other, why not."""
    at = None if minutes is None else NOON + minutes * MINUTE

    assert Forecast(kind=kind, at=at) == forecast(backlog(**given), NOON)


def test_told_to_five_minutes():
    """An hour is told to five minutes, upward, wherever the clock stands."""
    assert NOON + 25 * MINUTE == forecast(backlog(), NOON + timedelta(seconds=1)).at
    assert NOON + 20 * MINUTE == forecast(backlog(waiting=597), NOON).at


COUNTS = st.integers(min_value=0, max_value=100_000)


@given(COUNTS, COUNTS, COUNTS, st.integers(min_value=1, max_value=60), st.floats(min_value=0, max_value=100))
def test_an_hour_is_never_before_now(waiting, came, went, minutes, rate):
    """Whatever was counted: an hour lies ahead and not too far, and a growing backlog never has one."""
    found = forecast(Backlog(waiting=waiting, came=came, went=went, over=minutes * MINUTE, rate=rate), NOON)

    assert (found.at is not None) == (found.kind == "at")
    if found.at is not None:
        assert went > came
        assert NOON < found.at <= NOON + FARTHEST + STEP
