"""What a review once broke, kept as small tests of their own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus import upkeep
from bus.circuit import Manners
from bus.errors import LedgerUnavailable
from bus.messages import State
from tests.builders import DOSSIER, NOON, SOURCE, make_event, make_step
from tests.world import World

MINUTE = timedelta(minutes=1)
WHO = {"actor": "person:an", "reason": "seen at the portal"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def numbered(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, orders={SOURCE: "sequence"})
    yield made
    made.close()


def test_p03_adopted_record_frees_waiting_steps(world: World) -> None:
    """A step that waits for its dossier's record goes when that record is adopted; nothing else would wake its lane."""
    step = make_step(at=NOON + MINUTE)
    world.accept(step)
    world.settle_down()
    world.intake.accept_many([make_event(at=NOON)], is_adopted=True)
    world.settle_down()

    assert "delivered" == world.state_of(step)


def test_p08_adopted_record_overtakes_what_waits(world: World) -> None:
    """A record that waits, older than one adopted from the portal, is superseded: it would set the portal back."""
    old, new = make_event(at=NOON, id="old"), make_event(at=NOON + MINUTE, id="new", status="completed")
    world.accept(old)
    world.intake.accept_many([new], is_adopted=True)
    world.settle_down()

    assert ("superseded", []) == (world.state_of(old), world.books.effects)
    assert [] == list(upkeep.verify(world.ledger))


def test_p02_restored_steps_behind_a_gap_are_asked_about(numbered: World, tmp_path: Path) -> None:
    """A step that waited behind a gap in the backup may have gone out since: filled again, the gap does not send it."""
    record, second, third = (
        make_event(at=NOON, sequence=1),
        make_step(at=NOON + MINUTE, sequence=2),
        make_step(at=NOON + 2 * MINUTE, sequence=3),
    )
    numbered.accept(record, third)
    copy = upkeep.backup(numbered.ledger, tmp_path / "copy.db")
    numbered.accept(second)
    numbered.settle_down()
    numbered.close()
    upkeep.put_back(copy, numbered.path)
    numbered.open()
    numbered.pass_time(3600)
    upkeep.doubt_everything_open(numbered.ledger)
    numbered.accept(record, second, third)
    numbered.settle_down()
    for doubted in numbered.reads.deliveries(state=State.IN_DOUBT):
        numbered.repairs.resolve(doubted["id"], "arrived", **WHO)
    numbered.settle_down()

    assert [second.id, third.id] == numbered.steps_at_partner(DOSSIER)


def test_dossier_shows_the_status_of_the_last_follower(numbered: World) -> None:
    """When a gap is filled, the dossier stands where the last of those that waited behind it says."""
    first, second = make_event(at=NOON, sequence=1), make_step(at=NOON + MINUTE, sequence=2)
    third = make_step(at=NOON + 2 * MINUTE, sequence=3, status="completed")
    numbered.accept(first, third, second)

    assert "completed" == numbered.reads.dossier(DOSSIER)["status"]


def test_p11_swapped_body_is_not_sent(world: World) -> None:
    """A body laid in another event's place opens, being whole; it is not its event's, so its delivery is parked."""
    one, other = (make_event(dossier=f"H99.09-260703-000{n}", id=f"e{n}") for n in (1, 2))
    world.accept(one, other)
    world.close()
    with sqlite3.connect(world.path) as ledger:
        ledger.execute("UPDATE events SET body = (SELECT body FROM events WHERE event_id = 'e2')")
    ledger.close()
    world.open()
    world.settle_down()

    assert ("held", "damaged") == (world.state_of(one), world.delivery_of(one)["cause"])
    assert ["e2"] == [effect.event for effect in world.books.effects]


def test_backup_ends_while_others_write(world: World, tmp_path: Path) -> None:
    """A backup of a ledger that another connection writes to all the time comes to its end."""
    filler = sqlite3.connect(world.path, isolation_level=None)
    filler.execute("PRAGMA synchronous = OFF")
    filler.execute("CREATE TABLE filler (x)")
    filler.execute("INSERT INTO filler VALUES (zeroblob(40000000))")
    making = threading.Thread(target=upkeep.backup, args=(world.ledger, tmp_path / "c.db"))
    making.start()
    written = 0
    while making.is_alive() and written < 40_000:
        filler.execute("INSERT INTO filler VALUES (1)")
        written += 1
    filler.close()
    ended_amid_writes = not making.is_alive()
    making.join()

    assert ended_amid_writes


def test_rate_below_one_a_second(tmp_path: Path) -> None:
    """A partner that takes thirty deliveries a minute gets them: a rate may be less than one a second."""
    world = World(tmp_path, manners=Manners(rate=0.5))
    world.accept(*[make_event(dossier=f"H99.09-260703-000{n}") for n in range(9)])
    for _ in range(10):
        world.run()
        world.pass_time(1)
    world.close()

    assert 4 <= len(world.books.effects) <= 6


def test_p09_unshapable_deliveries_cost_no_probe(tmp_path: Path) -> None:
    """While a circuit is open, deliveries that call nobody do not use up the probes: the partner's return is seen."""
    fates = {"down": "down"}
    world = World(tmp_path, manners=Manners(failures_to_open=1), fate=lambda one: fates.get(one.event.id, "ok"))
    world.accept(make_event(dossier="H99.09-260703-0000", id="down"))
    world.run()
    fates |= {f"bad{n}": "raise" for n in range(20)}
    world.accept(*[make_event(dossier=f"H99.09-260703-01{n:02}", id=f"bad{n}") for n in range(20)])
    world.accept(make_event(dossier="H99.09-260703-0200", id="good"))
    world.pass_time(5)
    world.run(times=30)
    world.close()

    assert ["good"] == [effect.event for effect in world.books.effects]


def test_record_that_arrived_by_a_persons_word_frees_its_steps(tmp_path: Path) -> None:
    """A record in doubt that a person found at the partner counts as shown: the steps behind it go on."""
    fates = {"r": "lost_after"}
    world = World(tmp_path, fate=lambda one: fates.get(one.event.id, "ok"))
    record, step = make_event(at=NOON, id="r"), make_step(at=NOON + MINUTE)
    world.accept(record, step)
    world.run()
    world.repairs.resolve(int(world.delivery_of(record)["id"]), "arrived", **WHO)
    world.settle_down()
    world.close()

    assert [step.id] == world.steps_at_partner(DOSSIER)


def test_p02_restore_killed_in_the_middle(world: World, tmp_path: Path) -> None:
    """A restore that is killed leaves the ledger as it was; run again, it puts back one in which all is in doubt."""
    record, step = make_event(at=NOON), make_step(at=NOON + MINUTE)
    world.accept(record, step)
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    world.settle_down()
    world.close()
    upkeep.lay_beside(copy, world.path)
    world.open()
    assert "delivered" == world.state_of(step)
    world.close()
    fresh = upkeep.lay_beside(copy, world.path)
    path, world.path = world.path, fresh
    world.open()
    with pytest.raises(LedgerUnavailable):
        upkeep.put_in_place(fresh, path)
    upkeep.doubt_everything_open(world.ledger)
    world.close()
    upkeep.put_in_place(fresh, path)
    world.path = path
    world.open()
    world.settle_down()

    assert ("in_doubt", [step.id]) == (world.state_of(step), world.steps_at_partner(DOSSIER))
