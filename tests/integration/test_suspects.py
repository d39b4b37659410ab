"""What kills its worker is found and parked; what was only in flight beside it is not (R9, P10)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.circuit import Manners
from bus.messages import Attempt, Delivery, Event
from bus.ports import SystemClock
from bus.suspects import MAX_CRASHES
from bus.upkeep import verify
from tests.builders import NOON, make_event, make_step
from tests.integration.test_worker import MINUTE, Shift
from tests.world import PARTNER, World

SECOND = timedelta(seconds=1)


class WorkerGone(BaseException):
    """A worker process ends here: nothing of what it held is settled."""


def records(count: int) -> list[Event]:
    return [make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(1, count + 1)]


def crashes_of(world: World, event: Event) -> tuple[int, int]:
    sql = "SELECT crashes, suspected FROM deliveries d JOIN events e ON e.id = d.event WHERE e.event_id = ?"
    row: tuple[int, int] = world.ledger.engine.read()._connection.execute(sql, (event.id,)).fetchone()
    return row


def suspects(world: World) -> list[str]:
    rows = world.ledger.engine.read()._connection.execute(
        "SELECT e.event_id FROM suspects s JOIN deliveries d ON d.id = s.id JOIN events e ON e.id = d.event"
    )
    return [event for (event,) in rows]


def hold_and_die(world: World, limit: int = 10) -> list[str]:
    """A worker claims, and is never heard of again; what it held."""
    held = [delivery.event.id for call in world.dispatcher.claim(PARTNER, limit) for delivery in call]
    world.pass_time(61)
    world.dispatcher.claim(PARTNER, 0)
    return held


def ask_about_all(world: World) -> None:
    """What was in doubt is asked about, in company; then it waits to go alone."""
    world.pass_time(31)
    for call in world.dispatcher.claim(PARTNER, 10, None, "unsuspected"):
        world.dispatcher.carry(call, take_next=False)


class Dying:
    """Workers as a service manager keeps them: one that dies is started again, and what it held waits for its lease."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deaths: list[set[str]] = []
        """What each of those that died held."""

    def work(self, hours: int = 48) -> None:
        world, end = self.world, 0
        while end < 5:
            batches = world.dispatcher.claim(PARTNER, 10)
            end = 0 if batches else end + 1
            held = [delivery.event.id for batch in batches for delivery in batch]
            try:
                for batch in batches:
                    world.dispatcher.carry(batch, take_next=False)
                    held.remove(batch[0].event.id)
            except WorkerGone:
                self.deaths.append(set(held))
            world.pass_time(31 if batches else 61)


def killing(world: World, verb: str, *ids: str) -> None:
    """From now on the adapter ends its worker over these events."""
    well: Callable[..., object] = getattr(world.adapter, verb)

    def kills(what: Delivery | list[Delivery]) -> object:
        for delivery in what if isinstance(what, list) else [what]:
            if delivery.event.id in ids:
                raise WorkerGone
        return well(what)

    setattr(world.adapter, verb, kills)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, step_class="queryable")
    yield made
    made.close()


@pytest.mark.parametrize("verb", ["deliver", "ask"])
def test_p10_what_kills_its_worker_is_parked_and_nothing_else(world: World, verb: str) -> None:
    """A sending, or a question, that kills its worker again and again is held as poison after four deaths; what was in
    flight at the first of them is delivered."""
    bad, *good = records(6)
    killing(world, verb, bad.id)
    if verb == "ask":
        world.adapter.fate = lambda d: "lost_before" if d.event.id == bad.id else "ok"
    world.accept(*good[:2], bad, *good[2:])
    dying = Dying(world)
    dying.work()

    assert ("held", "poison") == (world.state_of(bad), world.delivery_of(bad)["cause"])
    assert {"delivered"} == {world.state_of(event) for event in good}
    assert MAX_CRASHES == len(dying.deaths)
    assert [{bad.id}] * (MAX_CRASHES - 1) == dying.deaths[1:], "after the first death it goes alone"
    assert [] == list(verify(world.ledger))


def test_p10_what_kills_by_sending_and_by_asking_takes_five_at_most(world: World) -> None:
    """A dossier that kills its worker whatever is done with it dies in company twice, and is parked by the fifth."""
    bad, *good = records(4)
    killing(world, "deliver", bad.id)
    killing(world, "ask", bad.id)
    world.accept(bad, *good)
    dying = Dying(world)
    dying.work()

    assert ("held", "poison") == (world.state_of(bad), world.delivery_of(bad)["cause"])
    assert len(dying.deaths) <= 5
    assert {"delivered"} == {world.state_of(event) for event in good}


def test_innocents_in_flight_at_every_death_are_never_parked(world: World) -> None:
    """Three poisons at once, each with its four deaths: only they are parked."""
    told = records(12)
    bad = [event.id for event in told[::4]]
    killing(world, "deliver", *bad)
    world.accept(*told)
    dying = Dying(world)
    dying.work()

    assert {"held"} == {world.state_of(event) for event in told if event.id in bad}
    assert {"delivered"} == {world.state_of(event) for event in told if event.id not in bad}
    alone = [held for held in dying.deaths if len(held) == 1]
    assert len(alone) >= 3 * (MAX_CRASHES - 1)


def test_suspects_are_claimed_one_by_one_and_cleared(world: World) -> None:
    """After a death in company each that was in flight is sent alone; coming back clears it, and its crashes."""
    told = records(3)
    world.accept(*told)
    assert {event.id for event in told} == set(hold_and_die(world))
    assert {(1, 1)} == {crashes_of(world, event) for event in told}
    assert [] == suspects(world), "it may be asked about in company: nobody died over that"
    ask_about_all(world)
    assert 3 == len(suspects(world))
    for left in (2, 1, 0):
        (call,) = world.dispatcher.claim(PARTNER, 10)
        assert [True] == [delivery.is_suspect for delivery in call]
        assert [] == world.dispatcher.carry(call)
        assert left == len(suspects(world))

    assert {"delivered"} == {world.state_of(event) for event in told}
    assert {(0, 0)} == {crashes_of(world, event) for event in told}


def test_question_that_lost_its_worker_is_asked_alone(world: World) -> None:
    """A worker that went away over a question leaves it in doubt and due; it is asked alone, and then in company."""
    told = records(2)
    world.adapter.fate = lambda _d: "lost_before"
    world.accept(*told)
    world.run()
    world.pass_time(40)
    world.adapter.fate = lambda _d: "ok"
    assert 2 == len(hold_and_die(world))
    assert {(1, 2)} == {crashes_of(world, event) for event in told}
    assert ["in_doubt", "in_doubt"] == [world.state_of(event) for event in told]
    (call,) = world.dispatcher.claim(PARTNER, 10)
    (delivery,) = call
    world.dispatcher.carry(call, take_next=False)
    assert (0, 0) == crashes_of(world, delivery.event)
    world.settle_down()

    assert {"delivered"} == {world.state_of(event) for event in told}


def test_what_was_put_back_is_still_suspected(world: World) -> None:
    """A suspect that was claimed and not tried proves nothing."""
    (event,) = records(1)
    world.accept(event)
    hold_and_die(world)
    ask_about_all(world)
    (call,) = world.dispatcher.claim(PARTNER, 1)
    world.dispatcher.put_back(call)

    assert (1, 1) == crashes_of(world, event)


def test_worker_goes_on_with_a_lane_but_not_to_a_suspect(world: World) -> None:
    """Who has just asked in company does not send the suspect while others are in flight."""
    told = records(2)
    world.accept(*told)
    hold_and_die(world)
    world.pass_time(31)
    first, second = world.dispatcher.claim(PARTNER, 10)

    assert [] == world.dispatcher.carry(first), "it may be sent, but alone"
    assert "in_doubt" == world.state_of(second[0].event)
    assert ["waiting"] == [world.state_of(event) for event in told if event.id == first[0].event.id]


def test_innocents_go_first_and_no_suspect_is_claimed_with_them(world: World) -> None:
    """A claim for everybody takes a suspect only when nobody else is due, and never two."""
    told = records(2)
    world.accept(*told)
    hold_and_die(world)
    ask_about_all(world)
    fresh = make_event(dossier="H99.09-260703-0999")
    world.accept(fresh)
    now = world.clock.now()
    assert world.ledger.is_anything_due(PARTNER, now)
    (call,) = world.dispatcher.claim(PARTNER, 10)

    assert [fresh.id] == [delivery.event.id for delivery in call]
    assert not world.ledger.is_anything_due(PARTNER, now), "suspects alone are nothing to look for again and again"
    assert world.ledger.is_suspect_due(PARTNER, now)
    assert [1, 1, 0] == [len(world.dispatcher.claim(PARTNER, 10)) for _ in range(3)]
    assert not world.ledger.is_suspect_due(PARTNER, now)


def test_nobody_waits_for_a_suspect_that_may_not_go(world: World) -> None:
    """While its partner is held a suspect is not due."""
    (event,) = records(1)
    world.accept(event)
    hold_and_die(world)
    ask_about_all(world)
    assert world.ledger.is_suspect_due(PARTNER, world.clock.now())
    world.repairs.hold(PARTNER, actor="person:an", reason="maintenance")

    assert not world.ledger.is_suspect_due(PARTNER, world.clock.now())
    assert 0 == world.run()


def test_create_over_which_a_worker_died_is_not_known_to_be_absent(world: World) -> None:
    """A look-up's no is worth nothing after a create that may have arrived: whoever comes next asks again."""
    old = make_event(at=NOON)
    world.adapter.fate = lambda _d: "lost_before"
    world.accept(old)
    world.run()
    world.pass_time(40)
    world.run()
    (call,) = world.dispatcher.claim(PARTNER, 1)
    assert False is call[0].standing.exists
    world.pass_time(61)
    world.dispatcher.claim(PARTNER, 0)
    world.pass_time(31)
    ((delivery,),) = world.dispatcher.claim(PARTNER, 1)

    assert delivery.standing.exists is None


def test_create_without_an_answer_is_not_known_to_be_absent(world: World) -> None:
    """Nor after one whose reply was lost, or that our own trouble cut short: not even for the one that overtakes it."""
    old, new = make_event(at=NOON), make_event(at=NOON + MINUTE, status="completed")
    fates = iter(["lost_before", "lost_before", "raise", "ok"])
    seen: list[bool | None] = []

    def fate(delivery: Delivery) -> str:
        seen.append(delivery.standing.exists)
        return next(fates)

    world.adapter.fate = fate
    world.accept(old)
    for _ in range(6):
        world.run()
        world.pass_time(40)
    assert [None, False, False] == seen, "each was asked about, and then sent"
    assert ("held", "our_trouble") == (world.state_of(old), world.delivery_of(old)["cause"])
    world.accept(new)
    world.run()

    assert ["superseded", "delivered"] == [world.state_of(old), world.state_of(new)]
    assert None is seen[-1]


# -- the worker's loop ----------------------------------------------------------------------------------------------


class Witness:
    """Counts what is in flight in one worker process, and what went beside a suspect."""

    def __init__(self, world: World) -> None:
        self._well = world.adapter.deliver
        self._lock = threading.Lock()
        self._now: list[Delivery] = []
        self.beside: list[set[str]] = []
        self.most = 0
        self.order: list[bool] = []
        world.adapter.deliver = self.deliver  # type: ignore[method-assign,assignment]

    def deliver(self, batch: list[Delivery]) -> list[Attempt]:
        with self._lock:
            self._now += batch
            self.most = max(self.most, len(self._now))
            self.order.append(batch[0].is_suspect)
            if len(self._now) > 1 and any(one.is_suspect for one in self._now):
                self.beside.append({one.event.id for one in self._now})
        threading.Event().wait(0.005)
        try:
            return list(self._well(batch))
        finally:
            with self._lock:
                for one in batch:
                    self._now.remove(one)


def test_suspects_fly_alone_among_many(world: World) -> None:
    """A busy worker sends each suspect with nothing beside it, and the others go on between them."""
    world.adapter.clock = SystemClock()  # type: ignore[assignment]
    accused = records(6)
    world.accept(*accused)
    hold_and_die(world)
    ask_about_all(world)
    witness = Witness(world)
    fresh = [make_event(dossier=f"H99.09-260704-{n:04d}", at=NOON) for n in range(30)]
    steps = [make_step(dossier=event.dossier, at=NOON + n * MINUTE) for event in fresh for n in (1, 2, 3)]
    world.accept(*fresh, *steps)
    with Shift(world, threads=6) as shift:
        shift.until(lambda: world.states().get("delivered", 0) == len(accused) + len(fresh) + len(steps))

    assert [] == witness.beside
    assert witness.most > 1
    assert len(accused) == sum(witness.order)
    last = max(n for n, is_suspect in enumerate(witness.order) if is_suspect)
    assert not all(witness.order[: last + 1]), "fresh ones go on between suspects"


def test_suspect_that_hangs_stops_nobody_for_ever(tmp_path: Path) -> None:
    """One that never comes back has half its lease alone; then the others go on, and it is parked in its time."""
    world = World(tmp_path, manners=Manners(lease=SECOND / 2, in_flight=SECOND / 10), clock=SystemClock())  # type: ignore[arg-type]
    bad, *good = records(5)
    done = threading.Event()
    well = world.adapter.deliver

    def hangs(batch: list[Delivery]) -> list[Attempt]:
        if batch[0].event.id == bad.id:
            done.wait(60)
        return list(well(batch))

    world.adapter.deliver = hangs  # type: ignore[method-assign,assignment]
    world.accept(bad)
    with Shift(world, threads=8) as shift:
        shift.until(lambda: world.state_of(bad) == "held")
        world.accept(*good)
        shift.until(lambda: world.states().get("delivered", 0) == len(good))
        done.set()

    assert ("held", "poison") == (world.state_of(bad), world.delivery_of(bad)["cause"])
    world.close()


def test_a_look_for_suspects_that_fails_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the look for suspects stops the claiming of nobody."""
    monkeypatch.setattr("bus.dispatch.LEDGER_PAUSE", 0.01)
    troubles = [RuntimeError("a bug")]
    is_due = world.ledger.is_suspect_due

    def stumbling(*args: object) -> bool:
        if troubles:
            raise troubles.pop()
        return is_due(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(world.ledger, "is_suspect_due", stumbling)
    (event,) = records(1)
    world.accept(event)
    with Shift(world) as shift:
        shift.until(lambda: world.state_of(event) == "delivered")

    assert [] == troubles


def test_suspect_that_another_process_took(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suspect that is gone when its turn comes costs one look; everybody else goes on."""
    looks: list[str] = []

    def yes(partner: str, _now: object) -> bool:
        looks.append(partner)
        return True

    monkeypatch.setattr(world.ledger, "is_suspect_due", yes)
    told = records(5)
    with Shift(world) as shift:
        world.accept(*told)
        shift.worker.wake()
        shift.until(lambda: world.states().get("delivered", 0) == len(told))

    assert looks
