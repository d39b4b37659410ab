"""A partner's circuit, hold, rate and drain."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bus.circuit import Circuit, Manners, after_failure, after_success, allowance
from bus.messages import Delivery
from tests.builders import NOON, make_event, make_step
from tests.world import PARTNER, World

MINUTE = timedelta(minutes=1)


def records(count: int, *, start: int = 0) -> list:
    return [
        make_event(dossier=f"H99.09-260703-{n:04d}", at=NOON + n * timedelta(seconds=1))
        for n in range(start, start + count)
    ]


class Switch:
    """A partner that can be switched off."""

    def __init__(self) -> None:
        self.down = True

    def __call__(self, _delivery: Delivery) -> str:
        return "down" if self.down else "ok"


def test_p09_circuit_opens_probes_and_drains(tmp_path: Path) -> None:
    """Enough failures open the circuit; then at most one probe per five seconds; back, it drains by itself."""
    switch = Switch()
    world = World(tmp_path, fate=switch)
    accepted = records(40)
    world.accept(*accepted)
    world.run()
    assert world.reads.circuit(PARTNER).is_open
    before = world.adapter.sent
    for _ in range(60):
        world.pass_time(1)
        world.run()
    assert world.adapter.sent - before <= 13, "one probe per 5 s, for 60 s"
    switch.down = False
    world.pass_time(6)
    for _ in range(60):
        world.pass_time(0.1)
        world.run()

    assert {"delivered": 40} == world.states()
    assert not world.reads.circuit(PARTNER).is_open
    world.close()


class Moods:
    """A partner that is in one mood until it is told another."""

    def __init__(self, mood: str) -> None:
        self.mood = mood

    def __call__(self, _delivery: Delivery) -> str:
        return self.mood


def test_p09_later_resets_no_failures(tmp_path: Path) -> None:
    """Between failures a "come later" is no sign of health: with it or without, the same failure opens the circuit."""
    fate = Moods("down")
    world = World(tmp_path, fate=fate, manners=Manners(failures_to_open=3))
    world.accept(*records(4))
    for mood in ("down", "down", "later", "down"):
        fate.mood = mood
        (call,) = world.dispatcher.claim(PARTNER, 1)
        world.dispatcher.carry(call, take_next=False)
        found = world.reads.circuit(PARTNER)

    assert found.is_open
    assert (0, None) == (len(world.books.effects), found.last_success_at)
    world.close()


def test_p09_later_closes_no_open_circuit(tmp_path: Path) -> None:
    """A probe that is told to come later leaves the circuit open; the next one comes in its time (r156)."""
    fate = Moods("down")
    world = World(tmp_path, fate=fate)
    world.accept(*records(40))
    world.run()
    fate.mood = "later"
    before = world.adapter.sent
    for _ in range(30):
        world.pass_time(1)
        world.run()
    assert world.reads.circuit(PARTNER).is_open
    assert 5 <= world.adapter.sent - before <= 7, "one probe per 5 s, for 30 s"
    fate.mood = "ok"
    world.settle_down()

    assert {"delivered": 40} == world.states()
    world.close()


def test_p09_refusal_proves_that_the_partner_is_up(tmp_path: Path) -> None:
    """A business no closes an open circuit: who judges a record is there."""
    fate = Moods("down")
    world = World(tmp_path, fate=fate)
    world.accept(*records(6))
    world.run()
    assert world.reads.circuit(PARTNER).is_open
    fate.mood = "refuse"
    world.pass_time(6)
    world.run()

    assert not world.reads.circuit(PARTNER).is_open
    world.close()


def test_drain_begins_with_one_call(tmp_path: Path) -> None:
    """After an outage the window opens call by call: no herd."""
    switch = Switch()
    world = World(tmp_path, fate=switch)
    world.accept(*records(100))
    world.run()
    switch.down = False
    world.pass_time(6)
    world.run()
    sizes = [sum(len(call) for call in world.dispatcher.claim(PARTNER, 100))]

    assert sizes[0] <= 2
    world.close()


def test_held_partner_gets_nothing(tmp_path: Path) -> None:
    """`hold` accepts and sends nothing; `release` sends what waited. Both are moves with a reason."""
    world = World(tmp_path)
    world.repairs.hold(PARTNER, actor="person:an", reason="maintenance")
    world.accept(*records(3))
    world.settle_down()
    assert {"waiting": 3} == world.states()
    assert [(True, "maintenance")] == [(p["is_held"], p["hold_reason"]) for p in world.reads.partners()]
    world.repairs.release(PARTNER, actor="person:an", reason="done")
    world.settle_down()

    assert {"delivered": 3} == world.states()
    world.close()


def test_rate_is_kept_over_claims(tmp_path: Path) -> None:
    """A rate of five a second lets five go in a second, whoever claims."""
    world = World(tmp_path, manners=Manners(rate=5.0))
    world.accept(*records(30))
    went = [world.run()]
    for _ in range(4):
        world.pass_time(1)
        went.append(world.run())

    assert [5, 5, 5, 5, 5] == went
    world.close()


def test_deadline_first_drain(tmp_path: Path) -> None:
    """With `drain = "deadline"` the nearest due date goes first."""
    world = World(tmp_path, manners=Manners(drain="deadline", fresh_share=0.0))
    far, near = records(1, start=1)[0], make_event(dossier="H99.09-260703-0777", due_at=(NOON + MINUTE).isoformat())
    world.accept(far, near)
    (call,) = world.dispatcher.claim(PARTNER, 1)

    assert near.id == call[0].event.id
    world.close()


def test_fresh_share_of_a_backlog(tmp_path: Path) -> None:
    """While a backlog drains, part of each claim goes to what has just come."""
    world = World(tmp_path)
    world.accept(*records(50))
    world.pass_time(120)
    fresh = make_event(dossier="H99.09-260703-9999")
    world.accept(fresh)
    claimed = [d.event.id for call in world.dispatcher.claim(PARTNER, 8) for d in call]

    assert fresh.id in claimed
    assert 8 == len(claimed)
    world.close()


def test_clock_jumps_leave_nothing_behind(tmp_path: Path) -> None:
    """R14: a due time or lease written by a clock ten years ahead is healed when the clock is right again."""
    switch = Switch()
    world = World(tmp_path, fate=switch, manners=Manners(failures_to_open=99))
    record, step = make_event(at=NOON), make_step(at=NOON + MINUTE)
    right = world.clock.now()
    world.clock.time = right + timedelta(days=3650)
    world.accept(record, step)
    world.run()
    world.clock.time = right
    switch.down = False
    world.settle_down()

    assert {"delivered": 2} == world.states()
    world.close()


def test_lease_of_a_clock_gone_wrong_is_healed(tmp_path: Path) -> None:
    """A lease written ten years ahead does not keep its lane for ten years."""
    world = World(tmp_path)
    world.accept(make_event())
    right = world.clock.now()
    world.clock.time = right + timedelta(days=3650)
    world.dispatcher.claim(PARTNER, 1)
    world.clock.time = right
    world.settle_down()

    assert {"delivered": 1} == world.states()
    world.close()


def test_circuit_is_pure() -> None:
    """Failures count up to the bound; a success resets them; in a drain one failure opens again."""
    manners = Manners(failures_to_open=2)
    once = after_failure(Circuit(), manners, now=1_000)
    opened = after_failure(once, manners, now=2_000)
    again = after_failure(opened, manners, now=9_000)
    closed = after_success(again, now=10_000)

    assert (False, True, 2_000, 14_000) == (once.is_open, again.is_open, again.opened_at, again.probe_at)
    assert (1, 0) == (closed.window, closed.failures)
    assert after_failure(closed, manners, now=11_000).is_open
    assert 0 == after_success(once, now=3_000).failures


def test_window_widens_until_it_is_gone() -> None:
    """Each success of a drain lets one more call go at once, until there is no window."""
    circuit = Circuit(window=1)
    for _ in range(70):
        circuit = after_success(circuit, now=1)

    assert circuit.window is None


def test_allowance_survives_clocks() -> None:
    """A bucket never holds more than one second's worth (or one delivery), and a clock set back gives nothing."""
    assert 5.0 == allowance(0.0, 0, 5.0, 10_000_000)
    assert 2.0 == allowance(2.0, 10_000, 5.0, 0)
    assert 1.0 == allowance(0.0, 0, 0.5, 10_000_000)
