"""Two verifiers, ours and an independent one of a hundred lines, find whatever is done to a real ledger's rows."""

from __future__ import annotations

import importlib.util
import itertools
import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from bus.evidence import MoveRow, head_mac, move_hash
from bus.ledger import Ledger
from bus.messages import Decision, State
from bus.ports import FileStorage, SystemRandomness
from bus.routing import Route
from bus.seal import MasterKey
from bus.upkeep import checkpoint, migrate, verify
from tests.builders import NOON, make_attempt, make_event, make_step

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_ledger.py"
PARTNER = "national_portal"
RECORD = Route(kind="dossier.recorded", partner=PARTNER, rule="latest_wins", late="hold", needs_record=False)
STEP = Route(kind="dossier.progressed", partner=PARTNER, rule="every_step", late="hold", needs_record=True)


class Ticking:
    """A clock that goes on a second with every look."""

    def __init__(self) -> None:
        self.time = NOON.astimezone(UTC)

    def now(self):
        self.time += timedelta(seconds=1)
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def open_ledger(path: Path, master: MasterKey) -> Ledger:
    return Ledger.open(path, master, clock=Ticking(), randomness=SystemRandomness(), storage=FileStorage())


def deliver_all(ledger: Ledger) -> None:
    done = Decision(state=State.DELIVERED, due_at=None, cause="delivered", blocks=False)
    while claimed := ledger.claim(PARTNER, 50, "worker-1", ledger.clock.now()):
        for delivery in claimed:
            ledger.settle(delivery, make_attempt(), done, worker="worker-1", started_at=ledger.clock.now())


@pytest.fixture(scope="module")
def master() -> MasterKey:
    return MasterKey.generate(SystemRandomness())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, master: MasterKey) -> Path:
    """A ledger with forty dossiers, delivered, and a checkpoint in the middle; at rest, in one file."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    migrate(path, FileStorage(), Ticking())
    ledger = open_ledger(path, master)
    for n in range(40):
        dossier = f"H99.09-260703-{n:04}"
        ledger.record(make_event(dossier=dossier), [RECORD])
        ledger.record(make_step(dossier=dossier, at=NOON + timedelta(hours=1)), [STEP])
        if n == 20:
            deliver_all(ledger)
            checkpoint(ledger, lambda statement: b"signed", "k1")
    deliver_all(ledger)
    ledger.close()
    master.save(path.with_name("master.key"))
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
    db.close()
    return path


@pytest.fixture(scope="module")
def independent() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_ledger", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def both(tmp_path: Path, written: Path, master: MasterKey, independent: ModuleType):
    """Do something to a copy of the ledger, and hear what each verifier finds."""

    count = itertools.count()

    def harmed(harm: Callable[[sqlite3.Connection], object]) -> tuple[list[str], list[str]]:
        path = tmp_path / f"copy-{next(count)}.db"
        shutil.copy(written, path)
        db = sqlite3.connect(path)
        harm(db)
        db.commit()
        db.close()
        ledger = open_ledger(path, master)
        try:
            ours = [f"{found.table} {found.row}: {found.detail}" for found in verify(ledger)]
        finally:
            ledger.close()
        return ours, list(independent.verify(path, written.with_name("master.key")))

    return harmed


def test_untouched_ledger_verifies(both):
    """Neither verifier finds anything in a ledger that nobody touched."""
    assert ([], []) == both(lambda db: None)


HARMS = {
    "move edited": "UPDATE moves SET reason = 'x' WHERE id = 50",
    "move deleted": "DELETE FROM moves WHERE id = 50",
    "chain cut": "DELETE FROM moves WHERE id >= 200",
    "head edited": "UPDATE chain_heads SET n = n - 1 WHERE partition = 3",
    "head deleted": "DELETE FROM chain_heads WHERE partition = 3",
    "event edited": "UPDATE events SET kind = 'dossier.filed' WHERE id = 7",
    "event's digest edited": "UPDATE events SET digest = zeroblob(32) WHERE id = 7",
    "event deleted": "DELETE FROM events WHERE id = 7",
    "event's dossier renamed": "UPDATE dossiers SET number = 'H99.09-260703-9999' WHERE id = 7",
    "attempt edited": "UPDATE attempts SET outcome = 'Refused' WHERE id = 7",
    "attempt deleted": "DELETE FROM attempts WHERE id = 7",
    "exchange given another status": "UPDATE exchanges SET status = 500 WHERE id = 7",
    "exchange given another body": "UPDATE exchanges SET commitment = zeroblob(32) WHERE id = 7",
    "delivery's state edited": "UPDATE deliveries SET state = 'refused' WHERE id = 7",
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
def test_p11_each_harm_is_found_by_both(both, harm: str):
    """Moves, heads, events, attempts, exchanges and states are all covered by the chains."""
    ours, theirs = both(lambda db: db.execute(harm))

    assert ours
    assert theirs


def test_moves_written_anew_with_the_master_key_break_the_checkpoint(both, master: MasterKey, independent: ModuleType):
    """Who has the master key can make heads; the checkpoint remembers the old hash."""

    def forge(db: sqlite3.Connection) -> None:
        rows = [MoveRow(*row) for row in db.execute("SELECT * FROM moves WHERE partition = 3 ORDER BY n")]
        prev = rows[0].prev
        for row in rows:
            made = row._replace(prev=prev, reason="forged")
            prev = move_hash(made)
            db.execute("UPDATE moves SET reason = 'forged', prev = ?, hash = ? WHERE id = ?", (made.prev, prev, row.id))
        mac = head_mac(master.head_key, 3, rows[-1].n, prev)
        db.execute("UPDATE chain_heads SET hash = ?, mac = ? WHERE partition = 3", (prev, mac))

    ours, theirs = both(forge)

    assert 1 == len(ours) == len(theirs)
    assert "checkpoint" in ours[0]
    assert "checkpoint" in theirs[0]


@pytest.mark.parametrize("times", [60, pytest.param(1000, marks=pytest.mark.soak)])
def test_random_harms_to_moves_are_found(both, written: Path, times: int):
    """Edit, delete, swap, cut, insert: every one is found by both, and both name the row harmed or its neighbour."""
    dice = random.Random(20)
    with sqlite3.connect(written) as db:
        places = db.execute("SELECT id, partition, n FROM moves WHERE partition < 16 AND n > 2").fetchall()
    db.close()
    for _ in range(times):
        id, partition, n = dice.choice(places)
        harm = dice.choice(["edit", "delete", "swap", "cut", "insert"])
        ours, theirs = both(lambda db, at=(harm, id, partition, n): inflict(db, *at))

        assert f"partition {partition}, " in ours[0]
        assert abs(n - int(re.search(r"row (\d+)", ours[0])[1])) <= 1, (harm, n, ours[0])
        assert abs(n - int(re.search(r" n (\d+)", theirs[0])[1])) <= 1, (harm, n, theirs[0])


def inflict(db: sqlite3.Connection, harm: str, id: int, partition: int, n: int) -> None:
    where = (partition, n)
    if harm == "edit":
        db.execute("UPDATE moves SET at = at + 1 WHERE partition = ? AND n = ?", where)
    elif harm == "delete":
        db.execute("DELETE FROM moves WHERE partition = ? AND n = ?", where)
    elif harm == "cut":
        db.execute("DELETE FROM moves WHERE partition = ? AND n >= ?", where)
    elif harm == "swap":
        db.execute("UPDATE moves SET n = -1 WHERE partition = ? AND n = ?", where)
        db.execute("UPDATE moves SET n = ? WHERE partition = ? AND n = ?", (n, partition, n - 1))
        db.execute("UPDATE moves SET n = ? WHERE partition = ? AND n = -1", (n - 1, partition))
    else:
        columns = "partition, n, at, delivery, event, from_state, to_state, cause, reason, actor, binds, prev, hash"
        db.execute(f"INSERT INTO moves ({columns}) SELECT {columns} FROM moves WHERE id = ?", (id,))


def test_script_says_first_bad_row_and_exits(tmp_path: Path, written: Path):
    """Run by hand: exit 0 and a plain sentence, or exit 1 and the first bad row in the first line."""
    path = tmp_path / "copy.db"
    shutil.copy(written, path)
    well = run(path, written.with_name("master.key"))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE moves SET actor = 'nobody' WHERE id = 50")
    db.close()
    bad = run(path)

    assert (0, "every row fits its chain\n") == (well.returncode, well.stdout)
    assert 1 == bad.returncode
    assert bad.stdout.startswith("first bad row: moves id 50, ")
    assert "edited" in bad.stdout


def test_script_reads_an_export(tmp_path: Path, written: Path):
    """Moves as NDJSON, hashes in hex, verify without a database."""
    db = sqlite3.connect(written)
    db.row_factory = sqlite3.Row
    rows = [dict(row) for row in db.execute("SELECT * FROM moves ORDER BY id")]
    db.close()
    path = tmp_path / "moves.ndjson"
    lines = [json.dumps({k: v.hex() if isinstance(v, bytes) else v for k, v in row.items()}) for row in rows]
    path.write_text("\n".join(lines))
    well = run(path)
    path.write_text("\n".join(lines[:30] + lines[31:]))
    bad = run(path)

    assert 0 == well.returncode
    assert 1 == bad.returncode


def test_script_is_short_and_needs_nothing():
    """Some hundred lines (110 at most), and only the standard library: it is read before it is trusted."""
    text = SCRIPT.read_text()
    imported = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}

    assert 110 >= len(text.splitlines())
    assert imported <= sys.stdlib_module_names


def run(*arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", SCRIPT, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
