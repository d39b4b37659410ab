"""The book of outages, and the circuit in a person's hand, on a real ledger."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bus.circuit import Manners
from bus.errors import NotAllowedNow
from bus.outages import Circuits, Outage, note_change, outages_of
from tests.builders import NOON, make_event
from tests.world import PARTNER, World

MANNERS = Manners(failures_to_open=2, probe_every=timedelta(seconds=5))
WHO = {"actor": "person:lan", "reason": "cổng báo bảo trì"}


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, manners=MANNERS)
    made.down = False
    made.adapter.fate = lambda delivery: "down" if made.down else "ok"
    yield made
    made.close()


def events(count, first=0):
    return [make_event(dossier=f"H99.09-260703-{n:04d}", id=f"e{n}") for n in range(first, first + count)]


def outages(world):
    return list(outages_of(world.ledger.engine.read(), PARTNER))


def press(world, act, **who):
    circuits = Circuits(world.ledger)
    return world.ledger.engine.write(lambda tx: getattr(circuits, act)(tx, PARTNER, **(who or WHO)))


def test_an_outage_is_kept(world):
    """A circuit that opens and closes leaves its outage: when, how long, and by whose call it was found."""
    world.down = True
    world.accept(*events(3))
    world.run()

    assert [Outage(opened_at=world.clock.now(), closed_at=None, is_by_person=False, actor="w1")] == outages(world)

    world.down = False
    world.pass_time(60)
    world.run()
    (found,) = outages(world)

    assert found.closed_at == world.clock.now()


def test_a_person_opens_it(world):
    """An opened circuit sends nothing but a probe, which closes it when it is answered; both are told by moves."""
    world.accept(*events(1))
    press(world, "open")
    world.accept(*events(5, first=1))

    assert 0 == world.run()
    assert world.reads.circuit(PARTNER).is_open

    world.pass_time(6)
    world.settle_down()

    assert {"delivered": 6} == {state: n for state, n in world.states().items() if n}
    (found,) = outages(world)
    assert found.is_by_person
    assert found.closed_at is not None
    moves = world.ledger.engine.read().all("all_moves")
    assert [f"{PARTNER}: {WHO['reason']}"] == [row[9] for row in moves if row[8] == "circuit_opened"]


def test_a_person_closes_it(world):
    """Who closes a circuit wakes what waits, and the drain begins with one call at a time."""
    world.down = True
    world.accept(*events(4))
    world.run()
    world.down = False
    last = world.reads.circuit(PARTNER).last_success_at
    press(world, "close")
    circuit = world.reads.circuit(PARTNER)

    assert (False, 1, last) == (circuit.is_open, circuit.window, circuit.last_success_at)
    assert 1 == world.run()
    world.settle_down()
    assert 4 == world.states()["delivered"]
    assert outages(world)[0].closed_at is not None


@pytest.mark.parametrize(("before", "act", "code"), [("open", "open", "circuit_open"), ("", "close", "circuit_closed")])
def test_what_is_so_already(world, before, act, code):
    """A circuit that stands as it should is not moved again: the second of two persons is told."""
    if before:
        press(world, before)

    with pytest.raises(NotAllowedNow) as refused:
        press(world, act)

    assert code == refused.value.code


def test_drain_after_a_release(world):
    """A released backlog begins one call at a time; an open circuit stays for its probe."""
    circuits = Circuits(world.ledger)
    world.accept(*events(1))
    world.ledger.engine.write(lambda tx: circuits.drain(tx, PARTNER))

    assert 1 == world.reads.circuit(PARTNER).window

    press(world, "open")
    world.ledger.engine.write(lambda tx: circuits.drain(tx, PARTNER))

    assert world.reads.circuit(PARTNER).is_open
    assert world.reads.circuit(PARTNER).window is None


def test_an_outage_without_an_end(world):
    """An outage that was left open ends where the next begins: no two are open at once, none ends before it began."""
    tx = world.ledger.engine
    at = int(NOON.timestamp() * 1000)
    tx.write(lambda tx: note_change(tx, PARTNER, is_open=True, at=at, actor="w1"))
    tx.write(lambda tx: note_change(tx, PARTNER, is_open=True, at=at - 1, actor="w2"))
    newest, oldest = outages(world)[::1]

    assert {None, NOON} == {newest.closed_at, oldest.closed_at}
