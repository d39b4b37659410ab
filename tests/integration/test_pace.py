"""Pace: counted in the transaction of the moves, and the same as counting them once more, whatever happened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.messages import State
from bus.moves import Move
from bus.pace import ACCEPTED, EVENTS, HOURS_A_ROUND, Count, Flow, Pace, total
from bus.times import from_ms, to_ms
from tests import recount
from tests.builders import NOON, make_event, make_step
from tests.world import PARTNER, World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, fate=lambda delivery: "refuse" if delivery.event.id.endswith("7") else "ok")
    yield made
    made.close()


def busy(world: World) -> Pace:
    """Events over an hour, one of them refused, one adopted."""
    world.accept(make_event(at=NOON))
    for n in range(1, 12):
        world.pass_time(301)
        world.accept(make_step(at=NOON + n * MINUTE, id=f"step-{n}"))
        world.run()
    world.settle_down()
    world.intake.accept_many([make_event(dossier="H99.09-260703-0777", at=NOON, id="old")], is_adopted=True)
    return Pace(world.ledger.engine)


def test_pace_is_a_recount_of_the_moves(world):
    """Whatever came, was sent, refused, taken as known or replayed: the pace says what the moves say."""
    busy(world)
    refused = world.delivery_of(make_step(id="step-7"))["id"]
    world.repairs.replay(refused, actor="person:an", reason="try again")
    world.settle_down()

    counted = recount.of_pace(world.path)
    assert recount.of_moves(world.path) == counted
    states = {state for _, _, state in counted}
    assert {ACCEPTED, State.WAITING, State.DELIVERED, State.REFUSED} <= states
    assert State.SENDING not in states


def test_what_is_rolled_back_is_not_counted(world):
    """A transaction that fails after its moves leaves neither of them: moves and pace are one."""
    before = recount.of_pace(world.path)

    def fails(tx):
        move = Move(lane=1, at=0, delivery=None, event=1, cause="accepted", actor="nobody")
        world.ledger.moves.add(tx, move)
        tx.at_end.append(lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        world.ledger.engine.write(fails)
    assert before == recount.of_pace(world.path) == recount.of_moves(world.path)


def test_minutes_and_hours_tell_the_same(world):
    """Minutes, steps of minutes and hours add up to the same numbers, of one partner and of all."""
    pace = busy(world)
    since, until = NOON - DAY, world.clock.now() + DAY

    by_minute = pace.minutes(since, until)
    by_step = pace.minutes(since, until, step=15)
    by_hour = pace.hours(since, until)
    for state in (ACCEPTED, State.DELIVERED, State.WAITING):
        sums = {total(counts, (state,)) for counts in (by_minute, by_step, by_hour)}
        assert 1 == len(sums)
        assert sums != {0}
    assert len(by_step) < len(by_minute)
    assert {PARTNER} == {count.partner for count in pace.hours(since, until, PARTNER)}
    assert {PARTNER, EVENTS} == {count.partner for count in by_hour}
    assert [] == pace.minutes(until, until + HOUR)


def test_old_minutes_become_hours(world):
    """Minutes are kept two days; then their hours say the same, and what is rolled up twice is counted once."""
    pace = busy(world)
    since, until = NOON - DAY, world.clock.now() + MINUTE
    before = pace.hours(since, until)

    assert 0 == pace.roll_up(world.clock.now())
    world.pass_time(3 * 86_400)
    rolled = pace.roll_up(world.clock.now())

    assert 1 <= rolled <= 3
    assert 0 == pace.roll_up(world.clock.now())
    assert before == pace.hours(since, until)
    assert [] == pace.minutes(since, until)


def test_a_late_minute_joins_its_hour(world):
    """A clock that was wrong by days writes into an hour that was rolled up already: it is added to it."""
    pace = busy(world)
    world.pass_time(3 * 86_400)
    pace.roll_up(world.clock.now())
    before = total(pace.hours(NOON - DAY, world.clock.now()), (ACCEPTED,))
    now, world.clock.time = world.clock.time, NOON + MINUTE
    world.accept(make_step(at=NOON + 2 * HOUR, id="late"))
    world.clock.time = now

    assert 1 == pace.roll_up(now)
    # One event, and one delivery of it.
    assert before + 2 == total(pace.hours(NOON - DAY, now), (ACCEPTED,))


def test_a_round_of_rolling_up_is_bounded(world):
    """After a long time without a worker, one round rolls up so many hours and leaves the rest to the next."""
    with sqlite3.connect(world.path) as db:
        db.executemany(
            "INSERT INTO pace VALUES (?, 'books', 'waiting', 1, 0)", [(60 * n,) for n in range(HOURS_A_ROUND + 5)]
        )
    db.close()
    pace = Pace(world.ledger.engine)

    assert (HOURS_A_ROUND, 5, 0) == tuple(pace.roll_up(world.clock.now()) for _ in range(3))
    assert HOURS_A_ROUND + 5 == total(pace.hours(from_ms(0), from_ms(0) + 20 * DAY), ("waiting",))


def test_counting_has_a_beginning(world):
    """Since when it is counted is told: a ledger may be older, and of that time nothing is said."""
    assert NOON == Pace(world.ledger.engine).counted_since()


def test_flow_of_one_transaction():
    """Two changes that undo each other leave no difference in the tallies, and both stand in the pace."""
    flow = Flow()
    at = to_ms(NOON)
    flow.note_change(at, "books", State.REFUSED, State.WAITING)
    flow.note_change(at, "books", State.WAITING, State.REFUSED)
    flow.note_event(at)

    assert [] == flow.tallies()
    minute = at // 60_000
    expected = {(minute, "", ACCEPTED, 1, 0), (minute, "books", "waiting", 1, 1), (minute, "books", "refused", 1, 1)}
    assert expected == set(flow.rows())


def test_total_of_states():
    """A sum over the states that are asked for, and no others."""
    counts = [Count(at=NOON, partner="p", state=state, came=n, went=0) for n, state in enumerate(("a", "b", "c"))]

    assert 3 == total(counts, ("b", "c"))
