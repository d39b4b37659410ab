"""The timeline's picture: where instants stand, what is folded, and that every state is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.doors.console.timeline import LEFT, MOST_BARS, RIGHT, WIDTH, picture
from adapters.doors.console.timescale import fold_limit, scale_of
from bus.messages import State

START = datetime(2026, 7, 3, 5, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def event(seconds: float, n: int = 1) -> dict[str, Any]:
    return {"number": n, "id": f"e{n}", "kind": "dossier.progressed", "accepted_at": at(seconds)}


def move(
    seconds: float, delivery: int | None, state: State, *, partner: str = "books", actor: str = "w1"
) -> dict[str, Any]:
    return {
        "at": at(seconds),
        "delivery": delivery,
        "partner": partner,
        "kind": "dossier.progressed",
        "status": "processing",
        "to_state": str(state),
        "actor": actor,
    }


def test_times_are_to_scale_between_folds() -> None:
    """Twice the time is twice the length, and three idle days are one narrow fold."""
    times = [START + timedelta(seconds=s) for s in (0, 10, 30, 3 * 86_400)]

    scale = scale_of(times, left=0, width=300)
    places = [scale.place(time) for time in times]

    assert 1 == len(scale.folds)
    assert 3 * 86_400 - 30 == scale.folds[0].seconds
    assert pytest.approx(2 * (places[1] - places[0])) == places[2] - places[1]
    assert pytest.approx(300) == places[3]


@settings(deadline=None)
@given(st.lists(st.floats(0, 10**8), min_size=1, max_size=40))
def test_no_instant_stands_before_an_earlier_one(seconds: list[float]) -> None:
    """Later never stands left of earlier, and everything stands on the line."""
    times = sorted({START + timedelta(seconds=s) for s in seconds})

    scale = scale_of(times, left=10, width=500)
    places = [scale.place(time) for time in times]

    assert all(before <= after + 1e-6 for before, after in pairwise(places))
    assert all(10 <= place <= 510 + 1e-6 for place in places)
    assert [10, 10] == [scale.place(START - timedelta(days=1)), places[0]]


@pytest.mark.parametrize(
    ("gaps", "longest"),
    [([1, 2, 3], 3), ([1, 2, 3600], 2), ([60], 60), ([0.001, 0.002, 5], 5), ([1, 1, 86_400, 90_000], 1)],
)
def test_what_is_ten_times_longer_is_folded(gaps: list[float], longest: float) -> None:
    """Gaps of one size are all drawn; where some are ten times longer than the next shorter one, those are folded."""
    assert longest == fold_limit(gaps)


def test_many_folds_leave_room_for_what_happened() -> None:
    """A life of a hundred working days apart still has more line than folds."""
    times = [START + timedelta(days=day, seconds=s) for day in range(100) for s in (0, 5)]

    scale = scale_of(times, left=0, width=1000)

    assert 99 == len(scale.folds)
    assert sum(fold.width for fold in scale.folds) <= 600 + 1e-6


def test_delivery_is_a_bar_with_a_piece_for_each_state() -> None:
    """A settled delivery has a piece for each stretch before its end, and stands in its last state there."""
    moves = [move(0, 1, State.WAITING), move(5, 1, State.SENDING), move(6, 1, State.DELIVERED)]

    shown = picture([event(0)], moves, START + timedelta(days=9))

    assert shown is not None
    (bar,) = shown.lanes[0].bars
    assert [("waiting", at(5)), ("sending", at(6))] == [(piece.state, piece.end) for piece in bar.pieces]
    assert ("delivered", pytest.approx(WIDTH - RIGHT)) == (bar.state, bar.mark_x)
    assert START + timedelta(seconds=6) == datetime.fromisoformat(shown.last)


def test_open_delivery_reaches_the_last_instant() -> None:
    """What is still held is drawn up to now, and its mark stands there."""
    now = START + timedelta(seconds=40)

    shown = picture([event(0)], [move(0, 1, State.WAITING), move(10, 1, State.HELD)], now)

    assert shown is not None
    (bar,) = shown.lanes[0].bars
    assert ["waiting", "held"] == [piece.state for piece in bar.pieces]
    assert pytest.approx(WIDTH - RIGHT) == bar.mark_x


def test_partners_have_lanes_and_people_have_marks() -> None:
    """Each partner's deliveries stand together, and where a person stepped in is drawn."""
    moves = [
        move(0, 1, State.WAITING, partner="b"),
        move(0, 2, State.WAITING, partner="a"),
        move(9, 1, State.CANCELLED, partner="b", actor="person:lan"),
    ]

    shown = picture([event(0)], moves, START + timedelta(seconds=9))

    assert shown is not None
    assert ["a", "b"] == [lane.partner for lane in shown.lanes]
    assert [0, 1] == [len(lane.bars[0].by_person) for lane in shown.lanes]
    assert len({bar.y for lane in shown.lanes for bar in lane.bars}) == 2


def test_picture_of_a_busy_dossier_is_bounded() -> None:
    """The newest deliveries are drawn, the number of the others is told, and the picture stays on its paper."""
    moves = [
        each for n in range(100) for each in (move(n, n + 1, State.WAITING), move(n + 0.5, n + 1, State.DELIVERED))
    ]

    shown = picture([event(n, n) for n in range(100)], moves, START + timedelta(seconds=200))

    assert shown is not None
    assert (MOST_BARS, 60, 100) == (len(shown.lanes[0].bars), shown.left_out, shown.deliveries)
    assert all(LEFT <= piece.x <= WIDTH - RIGHT for bar in shown.lanes[0].bars for piece in bar.pieces)
    assert shown.height < 1_200
    assert all(after.x - before.x >= 92 for before, after in pairwise(shown.ticks))


def test_nothing_is_no_picture() -> None:
    """Where nothing has happened there is nothing to draw; moves of the installation are not a dossier's."""
    assert picture([], [], START) is None
    assert picture([], [move(0, None, State.WAITING)], START) is None


def test_one_instant_is_a_picture_too() -> None:
    """All at once, as after an import: one place, no folds."""
    shown = picture([event(0)], [], START)

    assert shown is not None
    assert ((), 1) == (shown.folds, len(shown.ticks))
