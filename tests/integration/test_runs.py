"""A run carries a frozen list out: each item once, in one process, at its pace, and many with another person's yes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.runs import FASTEST, HALVES, LEASE, QUESTION, SLOWEST, Run, Runner
from tests.builders import NOON, make_event
from tests.repair_kit import ROOT, Fates, Room, number_of, write
from tests.world import World

WHO = {"account": "an", "reason": "seen at the portal"}


@pytest.fixture
def fates() -> Fates:
    return Fates()


@pytest.fixture
def world(tmp_path: Path, fates: Fates) -> Iterator[World]:
    made = World(tmp_path, fate=fates)
    yield made
    made.close()


@pytest.fixture
def room(world: World) -> Room:
    return Room(world)


def refused(world: World, fates: Fates, count: int, **more: str) -> list[int]:
    """Refused records of so many dossiers; the partner would take them now."""
    events = [make_event(dossier=f"H99.09-260703-{n:04d}", id=f"r{n}", **more) for n in range(count)]
    fates.by_id |= {event.id: "refuse" for event in events}
    world.accept(*events)
    world.settle_down(hours=1)
    fates.by_id.clear()
    return [number_of(world, event) for event in events]


def decide(room: Room, run: int, account: str, *, is_yes: bool = True, digest: str | None = None) -> Run:
    """Another person's word."""
    known = digest or room.runs.get(run).digest
    return write(
        room.world,
        lambda tx: room.runs.decide(tx, run, account=account, digest=known, is_yes=is_yes, reason="looked"),
    )


def damage(world: World, selection: int) -> None:
    """Change a frozen list behind the ledger's back."""
    with closing(sqlite3.connect(world.path)) as behind, behind:
        behind.execute("UPDATE selection_items SET delivery = delivery + 1 WHERE selection = ? AND n = 1", (selection,))


def told(world: World, cause: str) -> int:
    """How many moves of this cause there are."""
    return sum(cause in move for move in world.ledger.engine.read().all("all_moves"))


def test_run_does_each_item_once(world: World, fates: Fates, room: Room) -> None:
    """Each item's move names who asked, why and which run; progress and outcomes are there; the run ends by itself."""
    ids = refused(world, fates, 3)
    run = room.start(room.freeze(ids))

    assert 3 == room.carry()
    assert 0 == room.carry()
    done = room.runs.get(run)
    assert ("done", 3, world.clock.now()) == (done.state, done.done, done.ended_at)
    assert {"waiting": 3} == room.runs.outcomes(run)
    assert dict.fromkeys(ids, "waiting") == room.outcomes_by_item(done.selection)
    moves = [world.reads.delivery(one)["moves"][-1] for one in ids]
    assert [("replayed", "person:an", f"after repair (#{run})")] * 3 == [
        (move["cause"], move["actor"], move["reason"]) for move in moves
    ]
    world.settle_down()
    assert {"delivered": 3} == {state: n for state, n in world.states().items() if n}
    for cause in ("selection_frozen", "run_started", "run_done"):
        assert 1 == told(world, cause)


def test_two_who_press_start_one_run(world: World, fates: Fates, room: Room) -> None:
    """The second operator is shown the first one's run; nothing starts twice."""
    number = room.freeze(refused(world, fates, 2))
    first = room.start(number, account="an")
    second = room.start(number, account="binh")

    assert first == second
    assert "an" == room.runs.get(first).asked_by
    assert 1 == told(world, "run_started")
    assert first == getattr(room.runs.of_selection(number), "id", None)
    assert None is room.runs.of_selection(number + 1)


def test_changed_items_are_left_alone(world: World, fates: Fates, room: Room) -> None:
    """What changed since the freeze is skipped and said so, even where it stands in the same state again."""
    one, two, three = refused(world, fates, 3)
    run = room.start(room.freeze([one, two, three]))
    world.repairs.replay(two, actor="person:binh", reason="mine")
    fates.by_id["r1"] = "refuse"
    world.settle_down(hours=1)
    assert "refused" == world.reads.delivery(two)["state"]
    room.carry()

    assert {one: "waiting", two: "no:changed", three: "waiting"} == room.outcomes_by_item(room.runs.get(run).selection)


def test_item_of_another_unit_by_now_is_left_alone(world: World, fates: Fates, room: Room) -> None:
    """A dossier that moved to another unit since the freeze is not touched for who is limited to the old one."""
    (one,) = refused(world, fates, 1, unit="H99.11")
    run = room.start(room.freeze([one], units=("H99.11",)))
    world.accept(make_event(dossier="H99.09-260703-0000", id="moved", at=NOON + timedelta(hours=1), unit="H99.12"))
    room.carry()

    assert {"no:other_unit": 1} == room.runs.outcomes(run)


def test_what_may_not_be_done_is_said(world: World, fates: Fates, room: Room) -> None:
    """An item on which the act is not legal is passed over with the reason's code; the run goes on."""
    (one,) = refused(world, fates, 1)
    run = room.start(room.freeze([one], "resolve", "arrived"))
    room.carry()

    assert {"no:not_in_doubt": 1} == room.runs.outcomes(run)
    assert "refused" == world.reads.delivery(one)["state"]


def test_digest_that_was_shown_is_the_one_that_runs(world: World, fates: Fates, room: Room) -> None:
    """Another digest than the list's is refused, and so is a list whose rows are not those that were frozen."""
    number = room.freeze(refused(world, fates, 2))
    with pytest.raises(NotAllowedNow) as other:
        room.start(number, digest="0" * 64)
    damage(world, number)
    with pytest.raises(NotAllowedNow) as damaged:
        room.start(number)

    assert ("another_selection", "selection_damaged") == (other.value.code, damaged.value.code)
    assert None is room.runs.of_selection(number)


def test_four_eyes_above_a_number(world: World, fates: Fates, room: Room) -> None:
    """More items than the threshold wait for another account's yes; until then nothing is done."""
    run = room.start(room.freeze(refused(world, fates, 3)), four_eyes_above=2)
    asked = room.runs.get(run)

    assert ("asked", [run], 0) == (asked.state, [one.id for one in room.runs.asked()], room.carry())
    assert world.clock.now() + QUESTION == asked.expires_at
    approved = decide(room, run, "chi")
    assert ("running", "chi", world.clock.now(), []) == (
        approved.state,
        approved.decided_by,
        approved.decided_at,
        room.runs.asked(),
    )
    assert 3 == room.carry()
    assert 1 == told(world, "run_approved")


def test_as_many_as_the_threshold_need_nobody(world: World, fates: Fates, room: Room) -> None:
    """The threshold itself is still one person's."""
    run = room.start(room.freeze(refused(world, fates, 2)), four_eyes_above=2)

    assert "running" == room.runs.get(run).state


def test_halves_of_a_large_list_are_one(world: World, fates: Fates, room: Room) -> None:
    """What one person begins within an hour counts together; what another person approved, or began, does not."""
    one, two, three, four, five = (room.freeze([number]) for number in refused(world, fates, 5))
    states = [room.runs.get(room.start(each, four_eyes_above=1)).state for each in (one, two, three)]
    assert ["running", "asked", "asked"] == states
    assert 1 == room.runs.on_ones_own("an")
    assert "running" == room.runs.get(room.start(four, account="binh", four_eyes_above=1)).state
    world.clock.time += HALVES

    assert "running" == room.runs.get(room.start(five, four_eyes_above=1)).state


@pytest.mark.parametrize("account", ["an", "binh"])
def test_nobody_approves_his_own(world: World, fates: Fates, room: Room, account: str) -> None:
    """Neither who chose the list nor who asked for its run says yes to it, whatever session they use."""
    run = room.start(room.freeze(refused(world, fates, 2), account="binh"), account="an", four_eyes_above=1)

    for is_yes in (True, False):
        with pytest.raises(NotAllowedNow) as refusal:
            decide(room, run, account, is_yes=is_yes)
        assert "own_request" == refusal.value.code
    assert "asked" == room.runs.get(run).state


def test_approval_is_of_the_digest_that_was_asked(world: World, fates: Fates, room: Room) -> None:
    """A yes to another list is none, nor to one whose rows changed after it was asked."""
    number = room.freeze(refused(world, fates, 2))
    run = room.start(number, four_eyes_above=1)
    with pytest.raises(NotAllowedNow) as other:
        decide(room, run, "chi", digest="0" * 64)
    damage(world, number)
    with pytest.raises(NotAllowedNow) as damaged:
        decide(room, run, "chi")

    assert ("another_selection", "selection_damaged") == (other.value.code, damaged.value.code)
    assert "declined" == decide(room, run, "chi", is_yes=False).state


def test_a_no_is_final(world: World, fates: Fates, room: Room) -> None:
    """A declined run does nothing, and nobody is asked again."""
    run = room.start(room.freeze(refused(world, fates, 2)), four_eyes_above=1)
    declined = decide(room, run, "chi", is_yes=False)

    assert ("declined", world.clock.now(), 0) == (declined.state, declined.ended_at, room.carry())
    with pytest.raises(NotAllowedNow) as refusal:
        decide(room, run, "chi")
    assert "not_asked" == refusal.value.code


def test_question_runs_out(world: World, fates: Fates, room: Room) -> None:
    """Nobody looked within a day: a yes comes too late, and the run is ended by whoever carries runs."""
    run = room.start(room.freeze(refused(world, fates, 2)), four_eyes_above=1)
    world.clock.time += QUESTION + timedelta(seconds=1)
    with pytest.raises(NotAllowedNow) as refusal:
        decide(room, run, "chi")

    assert "expired" == refusal.value.code
    assert 0 == room.carry()
    assert "expired" == room.runs.get(run).state
    assert 1 == told(world, "run_expired")


def test_pause_resume_and_stop(world: World, fates: Fates, room: Room) -> None:
    """A paused run stands after the item under way, goes on where it stood, and a stopped one is over for good."""
    run = room.start(room.freeze(refused(world, fates, 4)))
    lease = room.runs.take("door-1")
    assert lease is not None
    assert room.runs.step(lease)
    for _ in range(2):
        assert "paused" == write(world, lambda tx: room.runs.pause(tx, run, **WHO)).state
    assert not room.runs.step(lease)
    assert (0, 1) == (room.carry(), room.runs.get(run).done)
    assert "running" == write(world, lambda tx: room.runs.resume(tx, run, **WHO)).state
    lease = room.runs.take("door-2")
    assert lease is not None
    assert room.runs.step(lease)
    stopped = write(world, lambda tx: room.runs.stop(tx, run, **WHO))
    assert ("stopped", 2, False) == (stopped.state, stopped.done, room.runs.step(lease))
    with pytest.raises(NotAllowedNow) as refusal:
        write(world, lambda tx: room.runs.resume(tx, run, **WHO))
    assert "run_over" == refusal.value.code
    assert (1, 1, 1) == tuple(told(world, cause) for cause in ("run_paused", "run_resumed", "run_stopped"))


def disable(room: Room) -> None:
    room.people.disable("an", actor=ROOT, reason="left")


def take_right(room: Room) -> None:
    room.people.grant("an", roles=("viewer",), units=None, actor=ROOT, reason="another post")


def narrow(room: Room) -> None:
    room.people.grant("an", roles=("operator",), units=("H99.12",), actor=ROOT, reason="another post")


FALLS = [(disable, "no_account"), (take_right, "no_right"), (narrow, "other_units")]


@pytest.mark.parametrize(("fall", "code"), FALLS)
def test_run_does_not_go_on_without_its_account(
    world: World, fates: Fates, room: Room, fall: Callable[[Room], None], code: str
) -> None:
    """Whoever answers for a run was disabled, lost the right or the units in its middle: it pauses and says why.

    Another account lets it go on, and the items after that are done under its name.
    """
    one, two = refused(world, fates, 2)
    run = room.start(room.freeze([one, two]))
    lease = room.runs.take("door-1")
    assert lease is not None
    assert room.runs.step(lease)
    fall(room)
    assert not room.runs.step(lease)
    halted = room.runs.get(run)
    assert ("paused", code, 1, False) == (halted.state, halted.halted_for, halted.done, halted.is_leased)
    assert (0, 1) == (room.carry(), told(world, "run_halted"))

    write(world, lambda tx: room.runs.resume(tx, run, account="binh", reason="goes on"))
    room.carry()
    done = room.runs.get(run)
    assert ("done", None, "an", "binh") == (done.state, done.halted_for, done.asked_by, done.carried_by)
    actors = [world.reads.delivery(each)["moves"][-1]["actor"] for each in (one, two)]
    assert ["person:an", "person:binh"] == actors


def test_run_of_nobody_does_nothing(world: World, fates: Fates, room: Room) -> None:
    """A run under a name that is no account has no rights to go on with."""
    (one,) = refused(world, fates, 1)
    run = room.start(room.freeze([one]), account="nobody")
    room.carry()

    assert ("paused", "no_account") == (room.runs.get(run).state, room.runs.get(run).halted_for)
    assert "refused" == world.reads.delivery(one)["state"]


@pytest.mark.parametrize(("fall", "code"), FALLS)
def test_nobody_approves_what_its_asker_may_no_more(
    world: World, fates: Fates, room: Room, fall: Callable[[Room], None], code: str
) -> None:
    """A yes makes nobody's request good again; a no is taken."""
    run = room.start(room.freeze(refused(world, fates, 2)), four_eyes_above=1)
    fall(room)
    with pytest.raises(NotAllowedNow, match=code) as refusal:
        decide(room, run, "chi")

    assert ("asker_may_not", "asked") == (refusal.value.code, room.runs.get(run).state)
    assert "declined" == decide(room, run, "chi", is_yes=False).state


def test_who_presses_resume_on_a_running_run_does_not_take_it_over(world: World, fates: Fates, room: Room) -> None:
    """Only a run that stood is let go on by somebody."""
    run = room.start(room.freeze(refused(world, fates, 1)))
    write(world, lambda tx: room.runs.resume(tx, run, account="binh", reason="again"))

    assert "an" == room.runs.get(run).carried_by


def test_run_that_waits_for_a_yes_can_be_stopped(world: World, fates: Fates, room: Room) -> None:
    """Whoever asked may take it back."""
    run = room.start(room.freeze(refused(world, fates, 2)), four_eyes_above=1)

    assert "stopped" == write(world, lambda tx: room.runs.stop(tx, run, **WHO)).state


def test_one_process_at_a_time(world: World, fates: Fates, room: Room) -> None:
    """A leased run is nobody else's until its lease runs out; who lost it then writes nothing any more."""
    run = room.start(room.freeze(refused(world, fates, 3)))
    old = room.runs.take("door-1")
    assert old is not None
    assert room.runs.get(run).is_leased
    assert (None, 0) == (room.runs.take("door-2"), room.carry("door-2"))
    world.clock.time += LEASE + timedelta(seconds=1)
    new = room.runs.take("door-2")
    assert new is not None

    assert [False, True] == [room.runs.step(old), room.runs.step(new)]
    assert 1 == room.runs.get(run).done
    room.runs.let_go(old)
    assert room.runs.get(run).is_leased


def test_lease_from_a_clock_gone_wrong(world: World, fates: Fates, room: Room) -> None:
    """A lease that ends further ahead than any is taken was written by a wrong clock, and counts as over."""
    room.start(room.freeze(refused(world, fates, 1)))
    world.clock.time += timedelta(days=2)
    assert room.runs.take("door-1") is not None
    world.clock.time -= timedelta(days=2)

    assert 1 == room.carry("door-2")


def test_runner_keeps_the_pace_and_stops_when_told(world: World, fates: Fates, room: Room) -> None:
    """Between two items it waits for one over the rate; told to stop, it gives the run back for another process."""
    run = room.start(room.freeze(refused(world, fates, 4)))
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) == 2

    assert 2 == Runner(room.runs, "door-1", wait=wait).run_once()
    assert ([1 / room.runs.get(run).rate] * 2, False) == (waited, room.runs.get(run).is_leased)
    assert 2 == room.carry("door-2")


def test_runner_that_came_second(world: World, fates: Fates, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the taking another process may have taken it: then there is nothing to do."""
    monkeypatch.setattr(room.runs, "is_any_free", lambda: True)

    assert 0 == room.carry()


@pytest.mark.parametrize(("asked", "kept"), [(0.0, SLOWEST), (5.0, 5.0), (1e9, FASTEST)])
def test_rate_has_bounds(world: World, fates: Fates, room: Room, asked: float, kept: float) -> None:
    """Slower than the slowest would never end, faster than the fastest would hold up the doors."""
    number = room.freeze(refused(world, fates, 1))
    digest = room.selections.get(number).digest
    start: Callable[[Tx], Run] = lambda tx: room.runs.start(  # noqa: E731
        tx, number, account="an", digest=digest, four_eyes_above=9, rate=asked
    )

    assert kept == write(world, start).rate


def test_lists_of_runs(world: World, fates: Fates, room: Room) -> None:
    """The newest first, page by page; a run that is not there is not found."""
    ids = refused(world, fates, 3)
    runs = [room.start(room.freeze([one])) for one in ids]

    assert runs[::-1] == [run.id for run in room.runs.newest()]
    assert [runs[0]] == [run.id for run in room.runs.newest(before=runs[1], limit=1)]
    with pytest.raises(NotFound):
        room.runs.get(404)
