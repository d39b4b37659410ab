"""The engine on SQLite: groups, failures, and callers that are told the truth."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.engines.sqlite import SqliteEngine, Tx
from bus.errors import LedgerBusy, LedgerUnavailable, LedgerUnsafe, ReadTooLong
from bus.ports import FileStorage
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


class Brittle(sqlite3.Connection):
    """A connection that fails where it is told to."""

    fail_on: str | None = None

    def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
        if Brittle.fail_on and sql.startswith(Brittle.fail_on):
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *args)


class BrittleStorage:
    """Opens brittle connections; or none at all."""

    def __init__(self) -> None:
        self.is_gone = False

    def connect(self, path: str, *, read_only: bool = False) -> sqlite3.Connection:
        if self.is_gone:
            raise sqlite3.OperationalError("unable to open database file")
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Brittle)


@pytest.fixture
def brittle() -> Iterator[BrittleStorage]:
    Brittle.fail_on = None
    yield BrittleStorage()
    Brittle.fail_on = None


def put(value: str):
    def job(tx: Tx) -> str:
        tx.run("put_meta", value, value)
        return value

    return job


def bad(_tx: Tx) -> None:
    raise ValueError("a bug in one job")


def test_a_bad_job_fails_alone(world: World) -> None:
    """Of jobs that share a commit, one that fails is the only one that fails."""
    engine, gate = world.ledger.engine, threading.Event()
    blocker = engine.later(lambda _tx: gate.wait(5))
    jobs = [engine.later(put("a")), engine.later(bad), engine.later(put("b"))]
    gate.set()
    assert blocker.result(5)
    with pytest.raises(ValueError, match="bug"):
        jobs[1].result(5)

    assert ["a", "b"] == [jobs[0].result(5), jobs[2].result(5)]
    assert ("a",) == engine.read().one("get_meta", "a")


def test_a_teller_hears_once_for_each_commit(world: World) -> None:
    """Answers of one commit come to a teller in one call, with tokens, results and failures; others hear their own."""
    engine, gate, heard = world.ledger.engine, threading.Event(), list[object]()
    blocker = engine.later(lambda _tx: gate.wait(5))
    for token in ("a", "b"):
        engine.tell(put(token), heard.append, token)
    own = engine.later(put("c"))
    gate.set()
    assert [True, "c"] == [blocker.result(5), own.result(5)]
    engine.write(put("d"))  # its answer comes after those of the group before

    assert [[("a", "a", None), ("b", "b", None)]] == heard


def test_a_teller_hears_of_failure(world: World) -> None:
    """A job that fails, or comes after the end, is told as failed."""
    heard: list[object] = []
    world.ledger.engine.tell(bad, heard.extend, "bad")
    world.ledger.engine.close()
    world.ledger.engine.tell(put("late"), heard.extend, "late")

    assert [("bad", None, ValueError), ("late", None, LedgerUnavailable)] == [
        (token, result, type(failure))
        for token, result, failure in heard  # type: ignore[misc]
    ]


def test_what_is_held_back_is_never_missed(world: World) -> None:
    """Any statement first writes what a job holds back; one that only glances does not."""

    def job(tx: Tx) -> tuple[object, object]:
        tx.unwritten = lambda later: later.many("put_meta", [("held", "back")])
        return tx.glance("get_meta", "held"), tx.one("get_meta", "held")

    assert (None, ("back",)) == world.ledger.engine.write(job)


@pytest.mark.parametrize("where", ["BEGIN", "COMMIT", "INSERT INTO meta"])
def test_p01_no_answer_without_a_commit(tmp_path: Path, brittle: BrittleStorage, where: str) -> None:
    """A transaction that fails anywhere tells every caller LedgerUnavailable, and leaves nothing behind."""
    world = World(tmp_path, storage=brittle)
    Brittle.fail_on = where
    with pytest.raises(LedgerUnavailable):
        world.ledger.engine.write(put("x"))
    assert world.ledger.engine.trouble is not None
    Brittle.fail_on = None

    assert None is world.ledger.engine.read().one("get_meta", "x")
    assert "x" == world.ledger.engine.write(put("x"))
    assert None is world.ledger.engine.trouble
    world.close()


def test_connection_that_cannot_roll_back_is_replaced(tmp_path: Path, brittle: BrittleStorage) -> None:
    """A connection that fails even to roll back is dropped; the next job opens a new one."""
    world = World(tmp_path, storage=brittle)

    def job(_tx: Tx) -> None:
        Brittle.fail_on = "ROLLBACK"
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        world.ledger.engine.write(job)
    Brittle.fail_on = None

    assert "x" == world.ledger.engine.write(put("x"))
    world.close()


def test_file_that_went_away_is_said_so(tmp_path: Path, brittle: BrittleStorage) -> None:
    """A ledger whose file cannot be opened is LedgerUnavailable for writers and readers, and comes back by itself."""
    world = World(tmp_path, storage=brittle)
    brittle.is_gone = True
    with pytest.raises(LedgerUnavailable):
        SqliteEngine(tmp_path / "other.db", brittle)
    found: list[object] = []

    def ask() -> None:
        try:
            world.ledger.engine.read()
        except LedgerUnavailable as trouble:
            found.append(trouble)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    brittle.is_gone = False

    assert 1 == len(found)
    world.close()


def test_reading_trouble_is_translated(tmp_path: Path, brittle: BrittleStorage) -> None:
    """A question that the database cannot answer is LedgerUnavailable, never its own exception."""
    world = World(tmp_path, storage=brittle)
    tx = world.ledger.engine.read()
    Brittle.fail_on = "SELECT"
    with pytest.raises(LedgerUnavailable):
        tx.one("get_meta", "x")
    with pytest.raises(LedgerUnavailable):
        tx.all("tallies")
    Brittle.fail_on = None
    world.close()


def test_closed_ledger_takes_nothing(tmp_path: Path) -> None:
    """After `close` a job is refused; closing twice is well."""
    world = World(tmp_path)
    world.close()
    world.close()

    with pytest.raises(LedgerUnavailable, match="closed"):
        world.ledger.engine.write(put("x"))


def test_close_finishes_what_is_queued(tmp_path: Path) -> None:
    """Jobs that were queued before `close` are committed."""
    world = World(tmp_path)
    futures = [world.ledger.engine.later(put(str(n))) for n in range(300)]
    world.close()

    assert [str(n) for n in range(300)] == [future.result(1) for future in futures]


def test_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite before 3.37 does not keep what the ledger counts on."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))

    with pytest.raises(LedgerUnsafe, match="too old"):
        SqliteEngine(tmp_path / "l.db", FileStorage())


def test_held_lock_makes_writers_wait_then_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process's long transaction is waited for, and then reported; nothing is half-written."""
    monkeypatch.setattr("bus.engines.sqlite.BUSY_MS", 50)
    world = World(tmp_path)
    other = sqlite3.connect(world.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerBusy, match="locked"):
        world.ledger.engine.write(put("x"))
    other.execute("ROLLBACK")
    other.close()

    assert "x" == world.ledger.engine.write(put("x"))
    world.close()


def test_hurried_writer_gives_up_for_good(world: World) -> None:
    """Who waits only so long for his turn hears that nothing was done, and then it is never done; who waits on is
    served; behind a writer that is stuck for long already the next hurried one waits a moment only."""
    engine = world.ledger.engine
    other = sqlite3.connect(world.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    patient = engine.later(put("patient"))
    with engine.patience(timedelta(seconds=5), writes=timedelta(milliseconds=50)):
        for name in ("hurried", "next"):
            with pytest.raises(LedgerBusy):
                engine.write(put(name))
        other.execute("ROLLBACK")
        other.close()
        assert "patient" == patient.result(10)
        assert "after" == engine.write(put("after"))

    assert (None, None) == (engine.read().one("get_meta", "hurried"), engine.read().one("get_meta", "next"))
    assert "at leisure" == engine.write(put("at leisure"))


def test_hurried_writer_whose_turn_has_come_is_waited_for(world: World) -> None:
    """What has begun is never said to be undone: its end is waited for, also when it fails or runs once more alone."""
    engine, begun = world.ledger.engine, threading.Event()

    def slow(tx: Tx) -> str:
        begun.set()
        time.sleep(0.3)  # longer than what a hurried writer waits at least
        return put("slow")(tx)

    with engine.patience(timedelta(seconds=5), writes=timedelta(0)):
        assert "slow" == engine.write(slow)
        assert begun.is_set()
        with pytest.raises(ValueError, match="bug"):
            engine.write(bad)
    gate = threading.Event()
    blocker, failing = engine.later(lambda _tx: gate.wait(5)), engine.later(bad)
    waiting = threading.Timer(0.05, gate.set)
    waiting.start()
    with engine.patience(timedelta(seconds=5), writes=timedelta(seconds=30)):
        assert "beside" == engine.write(put("beside"))

    assert blocker.result(5)
    assert isinstance(failing.exception(5), ValueError)
    assert ("beside",) == engine.read().one("get_meta", "beside")


def test_caller_who_went_away(world: World) -> None:
    """A caller who cancels his wait changes nothing for the job, nor for the writer."""
    engine, gate = world.ledger.engine, threading.Event()
    blocker = engine.later(lambda _tx: gate.wait(5))
    gone, failed = engine.later(put("gone")), engine.later(bad)
    assert gone.cancel()
    assert failed.cancel()
    gate.set()

    assert blocker.result(5)
    assert "after" == engine.write(put("after"))
    assert ("gone",) == engine.read().one("get_meta", "gone")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def test_question_that_takes_too_long(world: World) -> None:
    """A read is given up when its asker's patience is at an end; the connection answers the next question as before."""
    engine = world.ledger.engine
    engine._queries["endless"] = ENDLESS
    with engine.patience(timedelta(milliseconds=20)), pytest.raises(ReadTooLong, match="narrower"):
        engine.read().one("endless")
    with engine.patience(timedelta(milliseconds=20)), pytest.raises(ReadTooLong):
        engine.read().all("endless")
    engine.write(put("x"))

    assert ("x",) == engine.read().one("get_meta", "x")


def test_patience_leaves_quick_answers_alone(world: World) -> None:
    """What is answered within a few steps is answered, however late it is asked."""
    world.ledger.engine.write(put("x"))
    with world.ledger.engine.patience(timedelta(seconds=-1)):
        found = world.ledger.engine.read().one("get_meta", "x")

    assert ("x",) == found
