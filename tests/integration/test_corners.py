"""Corners of the ledger that no story reaches by itself: each a small rule of its own."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus import sql, upkeep
from bus.dispatch import Worker
from bus.engines.sqlite import Tx
from bus.errors import NonceSeen
from bus.prepared import Nonce
from tests.builders import DOSSIER, NOON, SOURCE, make_event, make_step
from tests.integration.test_engine import Brittle, BrittleStorage
from tests.world import PARTNER, RECORD_ROUTE, STEP_ROUTE, World

MINUTE = timedelta(minutes=1)
NONCE = Nonce(key_id="caller", nonce="n-1", expires_at=datetime(2030, 1, 1, tzinfo=UTC))


def test_newer_data_key_of_another_process(tmp_path: Path) -> None:
    """A body sealed under a key that another process made later is opened: the keys are looked up again."""
    one, other = World(tmp_path), World(tmp_path, seed=1)
    key = other.ledger._sealer.new_data_key()
    other.ledger.engine.write(lambda tx: tx.insert("add_data_key", key.id, key.wrapped, 1))
    event = make_event()
    other.accept(event)
    (call,) = one.dispatcher.claim(PARTNER, 1)

    assert event.body == call[0].event.body
    one.close()
    other.close()


def test_nameless_applicant_is_found_by_what_there_is(tmp_path: Path) -> None:
    """Search terms are made of what an applicant has, and of nothing else."""
    world = World(tmp_path)
    terms = world.ledger.bodies.terms
    applicant = {"kind": "citizen", "name": "", "identity": None, "phone": None}

    assert frozenset() == terms(make_event(applicant=applicant))
    assert 1 == len(terms(make_event(applicant=applicant | {"phone": "0900000001"})))
    world.close()


def test_nonce_comes_once(tmp_path: Path) -> None:
    """A nonce that was here before is a replay, for one event, for many, and for a question; nothing is recorded."""
    world = World(tmp_path)
    world.ledger.record(make_event(id="a"), (RECORD_ROUTE,), nonce=NONCE)
    with pytest.raises(NonceSeen):
        world.ledger.record(make_event(id="b"), (RECORD_ROUTE,), nonce=NONCE)
    with pytest.raises(NonceSeen):
        world.ledger.record_many([(make_event(id="c"), (RECORD_ROUTE,))], nonce=NONCE)

    assert not world.ledger.first_seen(NONCE)
    assert {"waiting": 1} == world.states()
    world.close()


def test_batch_of_nothing_that_can_be_shaped(tmp_path: Path) -> None:
    """A batch of which nothing can be shaped calls nobody; each is held on its own."""
    world = World(tmp_path, batch=10, fate=lambda _d: "unshapable")
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(3)])
    world.settle_down()

    assert ({"held": 3}, 0) == (world.states(), world.adapter.sent)
    world.close()


def test_claim_that_another_worker_was_quicker_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looked due and is gone when it is claimed is no trouble."""
    world = World(tmp_path)
    monkeypatch.setattr(world.ledger, "is_anything_due", lambda _partner, _now: True)
    worker = Worker(world.dispatcher, world.ledger, world.partners, clock=world.clock)

    assert not worker._claim_for(PARTNER, 4)
    world.close()


def test_rule_of_the_schema_fails_alone(tmp_path: Path) -> None:
    """A job that breaks the schema's rule hears so; it is a bug, not a ledger that is away."""
    world = World(tmp_path)

    def twice(tx: Tx) -> None:
        tx.insert("add_data_key", 7, b"", 1)
        tx.insert("add_data_key", 7, b"", 1)

    with pytest.raises(sqlite3.IntegrityError):
        world.ledger.engine.write(twice)
    assert None is world.ledger.engine.trouble
    world.close()


def test_readers_of_dead_threads_are_closed(tmp_path: Path) -> None:
    """Threads come and go; what they read with does not stay open for ever."""
    world = World(tmp_path)
    for _ in range(3):
        thread = threading.Thread(target=world.reads.tallies)
        thread.start()
        thread.join()

    assert 2 >= len(world.ledger.engine._all_readers)
    world.close()


def test_close_without_a_writer(tmp_path: Path) -> None:
    """A ledger whose writing connection was dropped closes all the same."""
    Brittle.fail_on = None
    world = World(tmp_path, storage=BrittleStorage())

    def break_off(_tx: Tx) -> None:
        Brittle.fail_on = "ROLLBACK"
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        world.ledger.engine.write(break_off)
    Brittle.fail_on = None
    world.close()

    assert None is world.ledger.engine._writer


def test_older_adopted_record_changes_nothing(tmp_path: Path) -> None:
    """An adopted record older than the newest one is kept, and the lane's facts stay."""
    world = World(tmp_path)
    world.intake.accept_many([make_event(at=NOON + MINUTE, status="completed")], is_adopted=True)
    world.intake.accept_many([make_event(at=NOON)], is_adopted=True)

    assert "completed" == world.reads.dossier(DOSSIER)["partners"][0]["shown_status"]
    world.close()


def test_record_behind_a_gap_is_overtaken_meanwhile(tmp_path: Path) -> None:
    """A record that waited behind a gap while another source told a newer one is superseded when the gap fills."""
    world = World(tmp_path, orders={SOURCE: "sequence"}, routes=(RECORD_ROUTE, STEP_ROUTE))
    behind = make_event(at=NOON + MINUTE, sequence=2)
    world.accept(behind, make_event(at=NOON + 9 * MINUTE, source="one-stop/other", status="completed"))
    world.settle_down()
    world.accept(make_event(at=NOON, sequence=1))
    world.settle_down()

    assert "superseded" == world.state_of(behind)
    assert "completed" == world.reads.dossier(DOSSIER)["status"]
    world.close()


def test_query_names_are_unique_and_engines_apart() -> None:
    """A query's name stands once; an engine that has no migrations has none."""
    with pytest.raises(ValueError, match="twice"):
        sql._add({"a": "SELECT 1"}, "-- a -- again.\nSELECT 2;\n", "x.sql")

    assert [] == sql.load_migrations("none")


def test_p11_verify_looks_at_bodies_and_missing_rows(tmp_path: Path) -> None:
    """A destroyed body is well, a changed one is named, and a delivery that is gone is named."""
    world = World(tmp_path)
    world.accept(make_event(), make_step(dossier="H99.09-260703-0999"))
    change = world.ledger.engine.write

    change(lambda tx: tx._connection.execute("UPDATE bodies SET sealed = NULL WHERE id = 1"))
    assert [] == list(upkeep.verify(world.ledger, bodies=True))
    change(lambda tx: tx._connection.execute("UPDATE bodies SET sealed = x'00' WHERE id = 2"))
    change(lambda tx: tx._connection.execute("DELETE FROM deliveries WHERE id = 2"))

    assert ["deliveries", "event bodies"] == [found.table for found in upkeep.verify(world.ledger, bodies=True)]
    world.close()
