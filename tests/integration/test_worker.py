"""The worker's loop: claims, carries, survives its own trouble, and stops without losing anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
import structlog

import bus.ledger as ledger_room
from bus.circuit import Manners
from bus.claiming import open_claimed
from bus.dispatch import Worker
from bus.errors import LedgerUnavailable
from bus.messages import Delivery
from bus.ports import SystemClock
from tests.builders import DOSSIER, NOON, make_event, make_step
from tests.world import PARTNER, World, account

MINUTE = timedelta(minutes=1)


class Shift:
    """A worker at work in a thread, on real time."""

    def __init__(self, world: World, *, threads: int = 4) -> None:
        self.world = world
        work = {PARTNER: replace(world.partners[PARTNER], threads=threads)}
        self.worker = Worker(world.dispatcher, world.ledger, work, clock=world.clock)
        self.thread = threading.Thread(target=self.worker.run)

    def __enter__(self) -> Shift:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def until(self, is_done: Callable[[], bool], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not is_done():
            assert time.monotonic() < end, f"still {self.world.states()}"
            time.sleep(0.01)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.adapter.clock = SystemClock()  # type: ignore[assignment]
    yield made
    made.close()


def day_of(dossiers: int, steps: int) -> list:
    events = []
    for n in range(dossiers):
        number = f"H99.09-260703-{n:04d}"
        events.append(make_event(dossier=number, at=NOON))
        events += [make_step(dossier=number, at=NOON + (k + 1) * MINUTE) for k in range(steps)]
    return events


def test_p03_threads_keep_the_order(world: World) -> None:
    """Many calls in flight, one dossier after its own order: strict heads, none twice, none lost."""
    events = day_of(20, 6)
    world.accept(*events)
    with Shift(world, threads=8) as shift:
        shift.until(lambda: world.states().get("delivered", 0) == len(events))

    assert account(world, events).is_clean


def test_stop_puts_back_or_finishes(world: World) -> None:
    """After a stop every delivery is delivered or waits: none is left on its way."""
    events = day_of(30, 3)
    world.accept(*events)
    with Shift(world, threads=2) as shift:
        shift.until(lambda: world.states().get("delivered", 0) > 5)
    left = {state: n for state, n in world.states().items() if n}

    assert set(left) <= {"delivered", "waiting"}
    world.settle_down()
    assert account(world, events).is_clean


def test_worker_outlives_its_own_trouble(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that fails by a bug, or because the ledger is away, is said so; the worker looks again."""
    monkeypatch.setattr("bus.dispatch.LEDGER_PAUSE", 0.01)
    troubles = [RuntimeError("a bug"), LedgerUnavailable("away")]
    claim = world.dispatcher.claim

    def stumbling(*args: object) -> list[list[Delivery]]:
        if troubles:
            raise troubles.pop()
        return claim(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(world.dispatcher, "claim", stumbling)
    event = make_event()
    world.accept(event)
    with Shift(world) as shift:
        shift.until(lambda: world.state_of(event) == "delivered")

    assert [] == troubles


def test_call_thread_outlives_a_bug_in_settling(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread whose settling fails by a bug serves on; its delivery stays leased and is asked about later."""
    settle = world.ledger.settle_many
    troubles = [RuntimeError("a bug")]

    def failing(*args: object, **kwargs: object) -> object:
        if troubles:
            raise troubles.pop()
        return settle(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(world.ledger, "settle_many", failing)
    first, second = make_event(), make_event(dossier="H99.09-260703-0777")
    world.accept(first)
    with Shift(world, threads=1) as shift:
        shift.until(lambda: not troubles)
        world.accept(second)
        shift.worker.wake()
        shift.until(lambda: world.state_of(second) == "delivered")

    assert "sending" == world.state_of(first)


def test_settling_waits_for_the_ledger(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the partner said is written down however long the ledger is away."""
    settle = world.ledger.settle_many
    away = [LedgerUnavailable("away")] * 3

    def failing(*args: object, **kwargs: object) -> object:
        if away:
            raise away.pop()
        return settle(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(world.ledger, "settle_many", failing)
    event = make_event()
    world.accept(event)
    world.run()

    assert ("delivered", 1) == (world.state_of(event), world.adapter.sent)


def test_damaged_body_parks_one_delivery(world: World) -> None:
    """A body that was changed on the disk holds its delivery; the claim that met it goes on with the rest."""
    bad, good = make_event(), make_event(dossier="H99.09-260703-0777")
    world.accept(bad, good)
    world.ledger.engine.write(lambda tx: tx._connection.execute("UPDATE bodies SET sealed = x'00' WHERE id = 1"))
    world.settle_down()

    assert ("held", "damaged") == (world.state_of(bad), world.delivery_of(bad)["cause"])
    assert "delivered" == world.state_of(good)


def test_whatever_raises_holds_one_delivery(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever raises while a claimed delivery is opened holds that one; the ledger being away holds none."""
    bad, good = make_event(), make_event(dossier="H99.09-260703-0777")
    world.accept(bad, good)
    troubles = [OverflowError("date value out of range"), LedgerUnavailable("away")]

    def opening(*claimed: object, **more: object) -> object:
        if troubles:
            raise troubles.pop()
        return open_claimed(*claimed, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger_room, "open_claimed", opening)
    with pytest.raises(LedgerUnavailable):
        world.ledger.claim(PARTNER, 1, "w1", world.clock.now())
    world.settle_down()

    assert [] == troubles
    found = {world.state_of(event): world.delivery_of(event)["reason"] for event in (bad, good)}
    assert {"held": "it cannot be opened: OverflowError", "delivered": ""} == found


def test_destroyed_body_is_not_sent(world: World) -> None:
    """A body destroyed by erasure holds its delivery too."""
    event = make_event()
    world.accept(event)
    world.ledger.engine.write(lambda tx: tx._connection.execute("UPDATE bodies SET sealed = NULL WHERE id = 1"))
    world.settle_down()

    assert "held" == world.state_of(event)


def test_watch_is_told_of_every_attempt(tmp_path: Path) -> None:
    """Whoever counts is told the delivery, the attempt and the state it led to."""
    world = World(tmp_path)
    seen: list[str] = []
    world.dispatcher._watch = lambda _d, attempt, decision, _at: seen.append(  # type: ignore[assignment]
        f"{type(attempt.outcome).__name__}:{decision.state}"
    )
    world.accept(make_event())
    world.settle_down()

    assert ["Delivered:delivered"] == seen
    world.close()


def test_batch_with_a_lost_lease_settles_the_rest(tmp_path: Path) -> None:
    """In a batch, the one whose lease was lost is left out and the others are settled."""
    world = World(tmp_path, batch=10)
    events = [make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(3)]
    world.accept(*events)
    (call,) = world.dispatcher.claim(PARTNER, 10)
    world.ledger.engine.write(lambda tx: tx.run("free_lane", call[1].lane))
    world.dispatcher.carry(call, take_next=False)
    world.pass_time(200)

    assert ["delivered", "sending", "delivered"] == [world.state_of(event) for event in events]
    world.close()


def test_full_partner_is_left_alone(tmp_path: Path) -> None:
    """A partner whose threads are all busy is not claimed for; stopping gives back what never left."""
    gate, begun = threading.Event(), threading.Event()

    def fate(_delivery: Delivery) -> str:
        begun.set()
        gate.wait(10)
        return "ok"

    world = World(tmp_path, fate=fate, manners=Manners())
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(5)])
    with Shift(world, threads=1) as shift:
        shift.until(begun.is_set)
        shift.worker.wake()
        time.sleep(0.1)
        assert {"sending": 1, "waiting": 4} == world.states()
        shift.worker.stop()
        gate.set()

    assert {"delivered": 1, "waiting": 4} == {state: n for state, n in world.states().items() if n}
    world.close()


def test_stop_in_the_middle_of_a_lane_puts_the_next_one_back(tmp_path: Path) -> None:
    """Told to stop during a call, the worker settles it and gives the lane's next delivery back unsent."""
    shifts: list[Shift] = []

    def fate(_delivery: Delivery) -> str:
        shifts[0].worker.stop()
        return "ok"

    world = World(tmp_path, fate=fate)
    world.accept(make_event(at=NOON), make_step(at=NOON + MINUTE))
    shifts.append(Shift(world, threads=1))
    with shifts[0] as shift:
        shift.thread.join(10)

    assert {"delivered": 1, "waiting": 1} == {state: n for state, n in world.states().items() if n}
    assert [] == world.steps_at_partner(DOSSIER)
    world.close()


def test_next_of_a_batch_of_one_follows_at_once(tmp_path: Path) -> None:
    """A worker goes on with its lane's next delivery under the same lease, unless calls are counted."""
    world = World(tmp_path, clock=None)
    record, step = make_event(at=NOON), make_step(at=NOON + MINUTE)
    world.accept(record, step)
    (call,) = world.dispatcher.claim(PARTNER, 1)
    following = world.dispatcher.carry(call)
    assert [step.id] == [delivery.event.id for delivery in following]
    assert following[0].fence == call[0].fence
    assert [] == world.dispatcher.carry(following)

    assert [step.id] == world.steps_at_partner(DOSSIER)
    world.close()


def test_nothing_waits_in_a_queue_of_ours(tmp_path: Path) -> None:
    """With arrays, steps still go one by one: what the threads cannot take at once is not kept leased."""
    gate, begun = threading.Event(), threading.Event()

    def fate(_delivery: Delivery) -> str:
        begun.set()
        gate.wait(10)
        return "ok"

    world = World(tmp_path, fate=fate)
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(9)])
    work = {PARTNER: replace(world.partners[PARTNER], threads=2, batch=50)}
    worker = Worker(world.dispatcher, world.ledger, work, clock=world.clock)
    worker._a_call[PARTNER] = 3.0  # as after a claim of records that travelled together
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert begun.wait(10)
    time.sleep(0.2)
    sending = world.states().get("sending", 0)
    worker.stop()
    gate.set()
    thread.join(10)

    assert 2 == sending
    assert {"delivered": 2, "waiting": 7} == {state: n for state, n in world.states().items() if n}
    world.close()


def test_hung_call_does_not_keep_the_worker(world: World) -> None:
    """Told to stop while a partner never answers, a worker ends within its grace; the lease runs out into doubt."""
    called, never = threading.Event(), threading.Event()

    def hang(batch: Sequence[Delivery]) -> NoReturn:
        called.set()
        never.wait()
        raise RuntimeError("the test is over")

    world.adapter.deliver = hang  # type: ignore[method-assign]
    event = make_event()
    world.accept(event)
    work = {PARTNER: replace(world.partners[PARTNER], threads=1)}
    hasty = timedelta(seconds=0.2)
    worker = Worker(world.dispatcher, world.ledger, work, clock=world.clock, grace=hasty)
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert called.wait(20)
    with structlog.testing.capture_logs() as logs:
        worker.stop()
        thread.join(20)
    assert not thread.is_alive()
    world.pass_time(3600)
    del world.adapter.deliver  # type: ignore[attr-defined]
    world.worker("w2").claim(PARTNER, 10)

    assert ["calls_left_behind"] == [line["event"] for line in logs]
    assert "lease_expired" in {move["cause"] for move in world.reads.delivery(1)["moves"]}
    assert 0 == len(world.books.effects)
    never.set()
    for each in worker._threads:
        each.join(20)
