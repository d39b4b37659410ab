"""Migrations, backups, restores, checkpoints: the ledger is kept."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus import upkeep
from bus.copies import copy_of
from bus.engines.sqlite import SqliteEngine, statements
from bus.errors import LedgerDamaged, LedgerUnavailable, LedgerUnsafe, SchemaBehind
from bus.ledger import Ledger
from bus.ports import FileStorage, SystemClock, SystemRandomness
from bus.seal import MasterKey
from bus.sql import Migration, load_migrations
from tests.builders import DOSSIER, NOON, make_event, make_step
from tests.world import MASTER, PARTNER, World, account

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, step_class="blind")
    yield made
    made.close()


def test_migrate_makes_and_keeps(tmp_path: Path) -> None:
    """An empty file gets every migration; a second run finds nothing to do."""
    path = tmp_path / "l.db"
    assert [1] == [step.version for step in upkeep.pending(path, FileStorage())][:1]
    done = upkeep.migrate(path, FileStorage(), SystemClock())
    again = upkeep.migrate(path, FileStorage(), SystemClock())

    assert len(load_migrations("sqlite")) == len(done.applied)
    assert ((), None, None) == (again.applied, again.backup, done.backup)


def test_next_migration_is_backed_up_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an existing ledger is changed it is copied; a migration that fails changes nothing."""
    path = tmp_path / "l.db"
    upkeep.migrate(path, FileStorage(), SystemClock())
    known = load_migrations("sqlite")
    good = Migration(known[-1].version + 1, "good", "CREATE TABLE more (id INTEGER);")
    monkeypatch.setattr(upkeep, "load_migrations", lambda _engine: [*known, good])
    done = upkeep.migrate(path, FileStorage(), SystemClock())
    bad = Migration(good.version + 1, "bad", "CREATE TABLE half (id INTEGER);\nCREATE TABLE more (id INTEGER);")
    monkeypatch.setattr(upkeep, "load_migrations", lambda _engine: [*known, good, bad])
    with pytest.raises(LedgerUnavailable, match="bad"):
        upkeep.migrate(path, FileStorage(), SystemClock())
    names = {row[0] for row in sqlite3.connect(path).execute("SELECT name FROM sqlite_master")}

    assert done.backup is not None
    assert done.backup.exists()
    assert "more" in names
    assert "half" not in names


def test_triggers_stay_whole() -> None:
    """A trigger's own semicolons do not part it."""
    sql = "CREATE TABLE t (a);\nCREATE TRIGGER x BEFORE DELETE ON t BEGIN\n SELECT RAISE(ABORT, 'no');\nEND;\n"

    assert 2 == len(list(statements(sql)))


def test_old_schema_is_said_so(tmp_path: Path) -> None:
    """A ledger that was never migrated is refused with the command that cures it."""
    with pytest.raises(SchemaBehind, match="lienthong migrate"):
        Ledger.open(
            tmp_path / "l.db", MASTER, clock=SystemClock(), randomness=SystemRandomness(), storage=FileStorage()
        )


def test_other_master_key_is_refused(world: World) -> None:
    """A ledger opened with another master key refuses the start."""
    with pytest.raises(LedgerUnsafe):
        Ledger.open(
            world.path,
            MasterKey(bytes(32)),
            clock=SystemClock(),
            randomness=SystemRandomness(),
            storage=FileStorage(),
        )


def test_moves_cannot_be_changed_by_sql(world: World) -> None:
    """Append-only is the schema's rule, not a habit: UPDATE and DELETE on moves are refused."""
    world.accept(make_event())
    connection = sqlite3.connect(world.path)

    for sql in ("UPDATE moves SET reason = 'x'", "DELETE FROM moves"):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(sql)
    connection.close()


def test_r21_restore_doubles_nothing_and_lists_the_gap(world: World, tmp_path: Path) -> None:
    """Back up, go on, lose the disk, restore, and let the source resend everything: no effect is doubled."""
    record, first = make_event(at=NOON), make_step(at=NOON + MINUTE)
    waiting = make_step(at=NOON + 2 * MINUTE)
    world.accept(record, first)
    world.settle_down()
    world.accept(waiting)
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    world.settle_down()  # `waiting` goes out after the backup
    after = make_step(at=NOON + 3 * MINUTE)
    world.accept(after)
    world.settle_down()  # and so does one the backup never saw
    other = make_event(dossier="H99.09-260703-0999", at=NOON + MINUTE)
    world.accept(other)
    world.settle_down()
    world.close()

    world.clock.sleep(3600)
    upkeep.put_back(copy, world.path)
    world.open()
    restored = upkeep.doubt_everything_open(world.ledger)
    everything = [record, first, waiting, after, other]
    world.accept(*everything)
    world.settle_down(hours=72)

    assert (3, 1) == (restored.events, restored.in_doubt)
    assert restored.last_accepted_at is not None
    assert account(world, everything).is_clean
    assert ["in_doubt", "in_doubt"] == [world.state_of(step) for step in (waiting, after)]
    assert [first.id, waiting.id, after.id] == world.steps_at_partner(DOSSIER)
    assert list(upkeep.verify(world.ledger, bodies=True)) == []


def test_restored_ledger_remembers_its_gap(world: World, tmp_path: Path) -> None:
    """The doubt about steps of before a restore outlives the process that restored."""
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    world.close()
    upkeep.put_back(copy, world.path)
    world.open()
    world.clock.sleep(3600)
    upkeep.doubt_everything_open(world.ledger)
    world.close()
    world.open()
    before, later = make_step(at=NOON + MINUTE), make_step(at=NOON + timedelta(hours=5))
    world.accept(make_event(at=NOON), before, later)

    assert ("in_doubt", "restore_gap") == (world.state_of(before), world.delivery_of(before)["cause"])
    assert "waiting" == world.state_of(later)


def test_restore_wants_a_backup(tmp_path: Path) -> None:
    """A backup that is not there is said so, and the ledger is left alone."""
    with pytest.raises(LedgerUnavailable):
        upkeep.put_back(tmp_path / "none.db", tmp_path / "l.db")


def test_restore_waits_for_every_process(world: World, tmp_path: Path) -> None:
    """A ledger that anybody has open is not replaced: what a door took after that would be lost with a 201."""
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    with pytest.raises(LedgerUnavailable, match="in use"):
        upkeep.put_back(copy, world.path)
    event = make_event()
    world.accept(event)

    assert "waiting" == world.state_of(event)


def test_restore_over_what_is_no_ledger(tmp_path: Path, world: World) -> None:
    """A file that is damaged beyond opening is replaced all the same, and kept."""
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    lost = tmp_path / "lost.db"
    lost.write_bytes(b"no ledger any more " * 100)
    upkeep.put_back(copy, lost)

    assert copy.read_bytes() == lost.read_bytes()
    assert Path(f"{lost}.replaced").read_bytes().startswith(b"no ledger any more")


def test_restore_after_the_disk_is_lost(tmp_path: Path, world: World) -> None:
    """Where the old ledger is gone with its disk, the backup simply takes its place; there is nothing to keep."""
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    new_disk = tmp_path / "new"
    new_disk.mkdir()
    upkeep.put_back(copy, new_disk / "ledger.db")

    assert ["ledger.db"] == [file.name for file in new_disk.iterdir()]
    assert copy.read_bytes() == (new_disk / "ledger.db").read_bytes()


def test_second_restore_keeps_what_the_first_kept(world: World, tmp_path: Path) -> None:
    """Each restore keeps what it replaced under a name of its own: the first one holds the newest events."""
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    world.accept(make_event())
    world.close()
    upkeep.put_back(copy, world.path)
    upkeep.put_back(copy, world.path)
    counts = [
        sqlite3.connect(f"{world.path}{kept}").execute("SELECT count(*) FROM events").fetchone()[0]
        for kept in (".replaced", ".replaced.2")
    ]

    assert [1, 0] == counts


def test_backup_while_in_use(world: World, tmp_path: Path) -> None:
    """A backup is a whole ledger: it opens, and its chains verify."""
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(20)])
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    other = Ledger.open(copy, MASTER, clock=world.clock, randomness=SystemRandomness(), storage=FileStorage())

    assert [] == list(upkeep.verify(other, bodies=True))
    other.close()


class Spoiling(SqliteEngine):
    """An engine whose copies come out other than they should."""

    def __init__(self, path: Path, spoil: Callable[[Path], None]) -> None:
        super().__init__(path, FileStorage())
        self._spoil = spoil

    def backup_to(self, target: str | Path) -> None:
        super().backup_to(target)
        self._spoil(Path(target))


def cut(copy: Path) -> None:
    with copy.open("rb+") as file:
        file.truncate(copy.stat().st_size // 2)


def other_byte(copy: Path) -> None:
    """A page in the middle is noise."""
    with copy.open("rb+") as file:
        file.seek(copy.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)


def no_ledger(copy: Path) -> None:
    copy.write_bytes(b"not a database, although it is quite long enough to be taken for one" * 100)


def sql(*statements: str) -> Callable[[Path], None]:
    def spoil(copy: Path) -> None:
        connection = sqlite3.connect(copy)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return spoil


OLDER = (
    "DROP TRIGGER moves_no_delete",
    "DELETE FROM moves WHERE n > 1",
    "UPDATE chain_heads SET n = 1, hash = (SELECT hash FROM moves m WHERE m.partition = chain_heads.partition)",
)
ANOTHERS = (
    "DROP TRIGGER moves_no_update",
    "UPDATE moves SET hash = zeroblob(32)",
    "UPDATE chain_heads SET hash = zeroblob(32)",
)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (cut, "not whole|cannot be read"),
        (other_byte, "not whole|cannot be read"),
        (no_ledger, "cannot be read"),
        (sql("UPDATE chain_heads SET n = n + 1"), "does not end where its head says"),
        (sql("DELETE FROM schema_versions"), "another schema"),
        (sql(*OLDER), "before the copying began"),
        (sql(*ANOTHERS), "not end at moves of the ledger"),
    ],
    ids=["cut", "other byte", "no ledger", "head", "schema", "older", "another's"],
)
def test_bad_copy_is_refused_and_deleted(world: World, tmp_path: Path, spoil: Callable[[Path], None], why: str) -> None:
    """A backup opens its copy and holds it against the ledger; what is not whole is no backup, and does not stay."""
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}") for n in range(40)])
    before = upkeep.backup(world.ledger, tmp_path / "before.db")
    engine = Spoiling(world.path, spoil)
    with pytest.raises(LedgerDamaged, match=why):
        copy_of(engine, tmp_path / "copy.db")
    engine.close()

    assert ["before.db"] == sorted(each.name for each in tmp_path.iterdir() if not each.name.startswith("ledger"))
    assert before.exists()


def test_copy_that_cannot_be_written(world: World, tmp_path: Path) -> None:
    """Where the copy cannot be laid, the ledger's own trouble is told, and nothing is left behind."""
    with pytest.raises(LedgerUnavailable, match="cannot be copied"):
        upkeep.backup(world.ledger, tmp_path / "no folder" / "copy.db")


class Watched(SqliteEngine):
    """An engine that looks at the file it is about to write a copy into."""

    modes: tuple[int, ...] = ()

    def backup_to(self, target: str | Path) -> None:
        self.modes = (*self.modes, stat.S_IMODE(Path(target).stat().st_mode))
        super().backup_to(target)


def test_copies_are_private_from_the_first_byte(world: World, tmp_path: Path) -> None:
    """Whatever the umask, nobody else reads a backup, a copy before it is whole, or one that is laid beside."""
    engine, mask = Watched(world.path, FileStorage()), os.umask(0)
    try:
        copy = copy_of(engine, tmp_path / "copy.db")
        fresh = upkeep.lay_beside(copy, tmp_path / "other.db")
    finally:
        os.umask(mask)
        engine.close()

    assert (0o600,) == engine.modes
    assert [0o600, 0o600] == [stat.S_IMODE(each.stat().st_mode) for each in (copy, fresh)]


def full_disk(copy: Path) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_copy_on_a_full_disk(world: World, tmp_path: Path) -> None:
    """Where the disk is full, be it SQLite or the last sync that finds it, that is said and nothing stays behind."""
    world.accept(make_event())
    engine = Spoiling(world.path, full_disk)
    with pytest.raises(LedgerUnavailable, match="No space left"):
        copy_of(engine, tmp_path / "copy.db")
    engine.close()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limit[1]))
    try:
        with pytest.raises(LedgerUnavailable, match="cannot be copied"):
            upkeep.backup(world.ledger, tmp_path / "copy.db")
        with pytest.raises(OSError, match="File too large"):
            upkeep.lay_beside(world.path, tmp_path / "other.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert [] == [each.name for each in tmp_path.iterdir() if not each.name.startswith("ledger")]


def test_migration_of_another_text(world: World, tmp_path: Path) -> None:
    """A ledger whose tables another program made is refused when it is opened, and by `migrate`, not later."""
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    sql("UPDATE schema_versions SET digest = 'other' WHERE version = 1")(copy)

    with pytest.raises(LedgerUnsafe, match="0001 first was applied with another text"):
        Ledger.open(copy, MASTER, clock=world.clock, randomness=SystemRandomness(), storage=FileStorage())
    with pytest.raises(LedgerUnsafe, match="another text"):
        upkeep.migrate(copy, FileStorage(), SystemClock())


def test_restore_refuses_a_bad_backup(world: World, tmp_path: Path) -> None:
    """A backup that went bad on its shelf is found before it takes the ledger's place."""
    world.accept(make_event())
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    sql("UPDATE chain_heads SET n = n + 1")(copy)
    other = Ledger.open(copy, MASTER, clock=world.clock, randomness=SystemRandomness(), storage=FileStorage())
    with pytest.raises(LedgerDamaged, match="does not end"):
        upkeep.doubt_everything_open(other)
    other.close()


def test_unsafe_database_refuses_the_start(tmp_path: Path) -> None:
    """R12: where SQLite cannot write ahead (here: in memory), the start is refused."""

    class InMemory:
        def connect(self, path: str, *, read_only: bool = False) -> sqlite3.Connection:
            return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)

    with pytest.raises(LedgerUnsafe, match="durable"):
        SqliteEngine(tmp_path / "l.db", InMemory())


def test_adopted_events_send_nothing(world: World) -> None:
    """`adopt` takes in what is on the portal already: no delivery, and the next record is an update."""
    record, step = make_event(at=NOON), make_step(at=NOON + 2 * MINUTE)
    world.intake.accept_many([record, step], is_adopted=True)
    world.settle_down()
    assert [] == world.books.effects
    late, newer = make_step(at=NOON + MINUTE), make_event(at=NOON + 3 * MINUTE, status="completed")
    older = make_event(at=NOON - MINUTE)
    world.accept(late, newer, older)
    (call,) = world.dispatcher.claim(PARTNER, 5)

    assert call[0].standing.exists is True
    assert ("held", "superseded") == (world.state_of(late), world.state_of(older))
    assert [] == list(upkeep.verify(world.ledger))
    assert world.reads.event(record.source, record.id)["is_adopted"] is True
