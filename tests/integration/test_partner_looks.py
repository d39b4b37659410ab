"""What a partner's page asks of the ledger: its backlog's end, how long calls take, and its refusals' codes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from bus import partner_looks
from bus.circuit import Manners
from bus.outages import Circuits
from bus.pace import Pace
from bus.partner_looks import PartnerLooks
from bus.sql import load_queries
from tests.builders import NOON, make_event, make_step
from tests.memory import own_folder, quietly
from tests.world import PARTNER, World

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path):
    with own_folder(tmp_path) as folder, quietly():
        made = World(folder, manners=Manners(rate=1.0, failures_to_open=2))
        yield made
        made.close()


@pytest.fixture
def looks(world):
    return PartnerLooks(world.ledger, Pace(world.ledger.engine))


def events(count, first=0, **other):
    return [make_event(dossier=f"H99.09-260703-{n:04d}", id=f"e{n}", **other) for n in range(first, first + count)]


def told(looks, world):
    found = looks.forecast(PARTNER, world.clock.now())
    return found.kind, found.at


def work(world, minutes):
    """A minute's work: one delivery a second is what the partner allows; half of it is used."""
    for _ in range(minutes):
        for _ in range(30):
            world.run()
            world.pass_time(2)


def test_backlog_that_drains(world, looks):
    """Nothing is said of a backlog that has just begun; then the hour at which it is gone, by what went and came."""
    assert ("none", None) == told(looks, world)
    world.accept(*events(400))
    assert ("too_early", None) == told(looks, world)
    work(world, 4)
    assert ("growing", None) == told(looks, world), "the burst still counts"

    work(world, 2)
    left = world.states()["waiting"]
    kind, at = told(looks, world)

    assert "at" == kind
    assert 400 > left > 100
    assert NOON < at <= world.clock.now() + timedelta(minutes=15)


def test_what_nothing_here_will_move(world, looks):
    """What waits behind a refusal has no hour: it goes when a person has judged, and not by itself."""
    world.adapter.fate = lambda delivery: "refuse" if delivery.event.id == "e0" else "ok"
    world.accept(*events(2), make_step(dossier="H99.09-260703-0000", id="behind"))
    world.run(3)
    world.pass_time(600)
    world.run(3)

    assert {"refused": 1, "delivered": 1, "waiting": 1} == world.states()
    assert 1 == looks.blocked(PARTNER)
    assert ("blocked", None) == told(looks, world)


def test_backlog_that_nobody_can_tell(world, looks):
    """Of one that grows, is held, or stands before a partner that is down, no hour is said."""
    for n in range(4):
        world.accept(*events(50, first=50 * n))
        work(world, 1)
    assert ("growing", None) == told(looks, world)

    world.ledger.engine.write(lambda tx: Circuits(world.ledger).open(tx, PARTNER, actor="person:lan", reason="bảo trì"))
    assert ("down", None) == told(looks, world)
    world.repairs.hold(PARTNER, actor="person:lan", reason="bảo trì")
    assert ("held", None) == told(looks, world)


def test_pace_counts_since_it_was_down(world, looks):
    """The pace of a drain counts from the end of the outage on: what did not go before says nothing of it."""
    world.accept(*events(300))
    press = Circuits(world.ledger)
    world.ledger.engine.write(lambda tx: press.open(tx, PARTNER, actor="person:lan", reason="bảo trì"))
    world.pass_time(600)
    world.ledger.engine.write(lambda tx: press.close(tx, PARTNER, actor="person:lan", reason="xong"))
    assert ("too_early", None) == told(looks, world)

    work(world, 5)

    assert "at" == told(looks, world)[0]
    assert 1.0 == looks.drain(PARTNER).rate
    assert 1 == len(looks.outages(PARTNER))


def test_codes_of_refusals(world, looks):
    """What was refused and waits for a person is told by code, the commonest first, with its newest delivery."""
    world.adapter.fate = lambda delivery: "refuse"
    world.accept(*events(3))
    work(world, 1)
    (found,) = looks.codes(PARTNER)

    assert ("-1", 3) == (found.code, found.count)
    assert 3 == found.newest
    assert [] == looks.codes("another")


def test_nothing_scans_all_deliveries(world):
    """The newest refused deliveries are found by their index: at ten million, a scan would outlast the page."""
    (query,) = [each for name, each in load_queries("sqlite").items() if name == "newest_refused"]
    with closing(sqlite3.connect(world.path)) as reading:
        plan = [row[3] for row in reading.execute(f"EXPLAIN QUERY PLAN {query}", (PARTNER, 1))]

    assert ["SEARCH deliveries USING INDEX deliveries_open (state=? AND partner=?)"] == plan


def test_calls_of_an_hour(world, looks):
    """How long calls took is told minute by minute, the newest first, of the last hour and of this partner only."""
    world.accept(*events(2))
    work(world, 1)
    world.pass_time(3600)
    world.accept(*events(40, first=2))
    work(world, 2)
    found = looks.calls(PARTNER, world.clock.now())

    assert 40 == sum(one.calls for one in found)
    assert [(1, 1)] * len(found) == [(one.p50, one.p95) for one in found]
    assert sorted((one.at for one in found), reverse=True) == [one.at for one in found]
    assert [] == looks.calls("another", world.clock.now())
    assert [] == looks.calls(PARTNER, world.clock.now() + timedelta(hours=9))


def test_many_calls_are_sampled(world, looks, monkeypatch):
    """Of very many calls some are looked at, spread evenly, and never more than the bound."""
    monkeypatch.setattr(partner_looks, "SAMPLED", 10)
    world.accept(*events(50))
    work(world, 2)
    found = looks.calls(PARTNER, world.clock.now())

    assert 8 <= sum(one.calls for one in found) <= 10


def test_shares_of_a_minute():
    """Half and 95 % of a minute's calls are the smallest that are not less than so many of them."""
    twenty = list(range(1, 21))

    assert (10, 19) == (partner_looks._nth(twenty, 0.5), partner_looks._nth(twenty, 0.95))
    assert (7, 7) == (partner_looks._nth([7], 0.5), partner_looks._nth([7], 0.95))
