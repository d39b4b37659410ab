"""Trễ do ai: the time of one overdue dossier, cut in hours. The due date is hour 0; times are hours after it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.lateness import OF_THE_DATA, PARTS, Late, Moved, Story, Told, judge, last_run, month_of
from bus.messages import State
from bus.times import to_ms
from tests.builders import NOON

H = 3_600_000
NOW = 100 * H
RECORD, STEP = "dossier.recorded", "dossier.progressed"


def told(
    n: int = 1, *, status: str | None = "completed", at: float = -1, accepted: float | None = None, **other
) -> Told:
    """Event n, that happened `at` and was told at once unless `accepted` says when."""
    members = {
        "event": n,
        "kind": RECORD,
        "status": status,
        "occurred_at": int(at * H),
        "accepted_at": int((at if accepted is None else accepted) * H),
        "place": n,
        "delivery": n,
        "line": n,
    }
    return Told(**(members | other))


def moved(at: float, state: str, cause: str = "", delivery: int = 1) -> Moved:
    return Moved(delivery=delivery, at=int(at * H), state=State(state), cause=cause or state)


def story(*moves: Moved, events: tuple[Told, ...] = (told(),), outages: tuple = ()) -> Story:
    spans = [(int(a * H), None if b is None else int(b * H)) for a, b in outages]
    return Story(due_at=0, told=events, moves=moves, outages=spans)


def hours(found: Late | None) -> dict[str, float]:
    assert found is not None
    return {name: took / H for name, took in found.parts.items() if took}


@pytest.mark.parametrize(
    ("case", "parts"),
    [
        (story(events=(told(status="processing"),)), {"office": 100}),
        (story(moved(5, "waiting"), moved(8, "delivered"), events=(told(at=5),)), {"office": 5, "here": 3}),
        (
            story(moved(9, "waiting", "accepted"), moved(9, "delivered"), events=(told(at=2, accepted=9),)),
            {"office": 2, "told_late": 7},
        ),
        (story(moved(-1, "waiting"), moved(6, "delivered")), {"here": 6}),
        (story(moved(-1, "waiting"), moved(10, "delivered"), outages=((2, 8),)), {"here": 4, "partner_down": 6}),
        (story(moved(-1, "waiting", "unreachable"), moved(4, "delivered")), {"partner_down": 4}),
        (
            story(moved(1, "waiting", "unreachable"), moved(9, "delivered"), outages=((2, 8),)),
            {"other": 1, "partner_down": 7, "here": 1},
        ),
        (
            story(moved(-1, "refused"), moved(5, "waiting", "replayed"), moved(6, "delivered"), outages=((1, 2),)),
            {"correction": 5, "here": 1},
        ),
        (story(moved(-1, "held", "too_long"), moved(5, "delivered")), {"correction": 5}),
        (story(moved(-1, "held", "no_row"), moved(5, "delivered"), outages=((0, 2),)), {"here": 5}),
        (story(moved(-1, "held", "no_number"), moved(5, "delivered")), {"told_late": 5}),
        (story(moved(-1, "held", "late_step")), {"here": 100}),
        (story(moved(-1, "waiting", "gap"), moved(5, "delivered")), {"told_late": 5}),
        (story(moved(-1, "in_doubt", "reply_lost"), moved(5, "delivered")), {"unclear": 5}),
        (story(moved(-1, "in_doubt"), moved(5, "delivered"), outages=((1, 4),)), {"unclear": 2, "partner_down": 3}),
        (story(moved(-1, "awaiting"), moved(5, "delivered")), {"unclear": 5}),
        (story(moved(-1, "waiting", "goes_again"), moved(5, "delivered")), {"unclear": 5}),
        (story(moved(-1, "sending", "claimed"), moved(5, "delivered")), {"here": 5}),
        (story(moved(-1, "waiting"), moved(3, "cancelled")), {"here": 3, "other": 97}),
        (story(moved(-1, "waiting"), outages=((10, None),)), {"here": 10, "partner_down": 90}),
    ],
)  # fmt: skip
def test_who_had_it(case, parts):
    """Each stretch of the time from the due date on has one owner, by what the line's first open one stands at."""
    assert parts == hours(judge(case, NOW))


def test_what_stands_before_it_decides():
    """Behind a refused record a step cannot go: its time is the correction's, until the newer record came."""
    events = (told(1, status="accepted", at=-9), told(2, kind=STEP), told(3, status=None, at=4))
    moves = (
        moved(-9, "refused"),
        moved(-1, "waiting", delivery=2),
        moved(4, "superseded"),
        moved(4, "waiting", delivery=3),
        moved(5, "delivered", delivery=3),
        moved(6, "delivered", delivery=2),
    )

    assert {"correction": 4, "here": 2} == hours(judge(story(*moves, events=events), NOW))


@pytest.mark.parametrize(("state", "cause"), [("in_doubt", "went_on_without"), ("held", "late_step")])
def test_what_stands_aside_decides_nothing(state, cause):
    """What lets its line go on is not why the one behind it waits."""
    events = (told(1, status="processing", at=-9), told(2))
    moves = (moved(-9, state, cause), moved(-1, "waiting", delivery=2), moved(3, "delivered", delivery=2))

    assert {"here": 3} == hours(judge(story(*moves, events=events), NOW))


def test_what_stands_behind_it_decides_nothing():
    """A later refused one is no reason for the one that shows the end."""
    events = (told(1), told(2, status=None))
    moves = (moved(-1, "waiting"), moved(0, "refused", delivery=2), moved(3, "delivered"))

    assert {"here": 3} == hours(judge(story(*moves, events=events), NOW))


def test_step_without_a_record():
    """A step that came before its dossier's first record waits for the source, until that record is told."""
    events = (told(1, kind=STEP, needs_record=True, line=2), told(2, status=None, at=4, line=1))
    moves = (
        moved(-1, "waiting"),
        moved(4, "waiting", delivery=2),
        moved(5, "delivered", delivery=2),
        moved(6, "delivered"),
    )

    assert {"told_late": 4, "here": 2} == hours(judge(story(*moves, events=events), NOW))


def test_only_the_synchronisation_was_slow():
    """It ended in time and was shown late: that is the figure that matters, and it is the partner's view of now too."""
    in_time, late = judge(story(moved(-1, "waiting")), NOW), judge(story(events=(told(at=1),)), NOW)

    assert in_time is not None
    assert late is not None
    assert (True, -H, None) == (in_time.is_only_sync, in_time.ended_at, in_time.shown_at)
    assert (False, H, None) == (late.is_only_sync, late.ended_at, late.shown_at)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (story(moved(-1, "delivered")), "it was shown in time"),
        (story(moved(-1, "waiting"), moved(3, "not_ours")), "another system owns it"),
        (story(moved(-1, "delivered"), events=(told(is_adopted=True),)), "it was there before us"),
        (story(moved(5, "delivered"), events=(told(at=5, is_adopted=True),)), "the same, told after its due date"),
    ],
)
def test_not_judged(case, why):
    """What was shown in time is not late; of what is not ours, or was there before us, we know nothing."""
    assert judge(case, NOW) is None, why


def test_before_its_due_date():
    """A dossier whose due date has not come is not late."""
    assert judge(story(events=(told(status="processing"),)), 0) is None


def test_taken_up_again():
    """An end that was recalled is none: the last run of end statuses counts, by the dossier's own order."""
    again = (told(1), told(2, status="processing"), told(3, status="returned"), told(4, status=None))

    assert [3] == [one.event for one in last_run(again)]
    assert [] == last_run(again[:2])
    assert [3, 9] == [one.event for one in last_run((told(9, place=None), *again))]


def test_local_steps_may_mean_an_end():
    """A source that speaks its own steps has ends of its own."""
    local = story(moved(5, "delivered"), events=(told(at=5, status="Đã trả"),))

    assert {"office": 5} == hours(judge(local, NOW, frozenset({"Đã trả"})))
    assert {"office": 100} == hours(judge(local, NOW))


def test_clock_set_back():
    """A move that was written under a clock set back stands from the latest time that was read."""
    moves = (moved(-1, "waiting"), moved(6, "refused"), moved(2, "waiting", "replayed"), moved(8, "delivered"))

    assert {"here": 8} == hours(judge(story(*moves), NOW))


def test_month_is_of_vietnam():
    """A due date counts in its month of Vietnam: the last hours of a month in UTC are the next one there."""
    noon = to_ms(NOON)

    assert 2026 * 12 + 6 == month_of(noon)
    assert 2026 * 12 + 7 == month_of(to_ms(NOON.replace(day=31, hour=23)) + 2 * H)


STATES = st.sampled_from(
    ["waiting", "sending", "awaiting", "in_doubt", "held", "refused", "delivered", "superseded", "cancelled"]
)
CAUSES = st.sampled_from([*sorted(OF_THE_DATA), "gap", "unreachable", "goes_again", "late_step", "no_row", "claimed"])
HOURS = st.integers(min_value=-50, max_value=120)
MOVES = st.lists(st.builds(moved, HOURS, STATES, CAUSES, st.integers(min_value=1, max_value=3)), max_size=12)
EVENTS = st.lists(
    st.builds(
        lambda n, status, at, lag, record: told(n, status=status, at=at, accepted=at + lag, needs_record=record),
        st.integers(min_value=1, max_value=3),
        st.sampled_from([None, "processing", "completed", "returned"]),
        HOURS,
        st.integers(min_value=-3, max_value=40),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.event,
)
OUTAGES = st.lists(st.tuples(HOURS, st.none() | HOURS), max_size=3)


@given(EVENTS, MOVES, OUTAGES)
def test_parts_sum_to_the_whole(events, moves, outages):
    """However the moves and outages lie, every part is there, none is negative, and they sum to the whole exactly."""
    found = judge(story(*moves, events=tuple(events), outages=tuple(outages)), NOW)

    if found is not None:
        assert set(PARTS) == set(found.parts)
        assert min(found.parts.values()) >= 0
        assert found.whole == sum(found.parts.values())
        assert found.whole == (NOW if found.shown_at is None else found.shown_at)
