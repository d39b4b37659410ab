"""R12: 2xx means durable: the door is killed -9 the moment it has answered, and nothing that it answered is missing."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest

from bus.errors import LedgerUnsafe
from bus.ports import FileStorage, SystemClock, SystemRandomness, no_crash
from config.wiring import Ports, build
from tests.acceptance.proofs.story import damage, lives
from tests.acceptance.proofs.town import Source, town


def walk(folder: Path, times: int) -> None:
    """Post, hear 2xx, kill at once, start anew; at the end every answer is still the answer."""
    told = [wire for life in lives(times, 1) for wire in life]
    with town(folder) as here:
        door = here.start("web")
        source = Source(here, lambda: [door])
        for wire in told:
            source.tell(wire)
            door.signal(9)
            door.kill()
            door = here.start("web")
        answers = dict(source.answers)
        source.answers.clear()
        with here.opened() as opened:
            missing = {wire["id"] for wire in told} - {row["id"] for row in opened.reads.whole_account()}
            assert not missing
            assert [] == damage(opened)
        for wire in told:
            source.tell(wire)
        assert answers == source.answers, "a repeat gets the first answer, byte for byte"
        source.close()


def test_p01_accepted_is_on_disk(tmp_path: Path) -> None:
    """Fifteen times post, 2xx, kill -9, restart: no acknowledged event is missing."""
    walk(tmp_path / "town", 15)


@pytest.mark.soak
def test_p01_accepted_is_on_disk_in_full(tmp_path: Path) -> None:
    """Three hundred times."""
    walk(tmp_path / "town", 300)


class Weak(sqlite3.Connection):
    """A connection that answers a durability pragma with something weaker."""

    weaker: str = ""

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:  # type: ignore[override]
        return super().execute(self.weaker if self.weaker.split("=")[0] in sql and "=" in sql else sql, *values)


class NotSynchronous(Weak):
    weaker = "PRAGMA synchronous = NORMAL"


class NoJournal(Weak):
    weaker = "PRAGMA journal_mode = MEMORY"


class WeakStorage(FileStorage):
    """A disk on which SQLite would not keep what it said."""

    def __init__(self, kind: type[Weak]) -> None:
        self._kind = kind

    def connect(self, path: str, *, read_only: bool = False) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(path)}?mode=rwc", uri=True, isolation_level=None, check_same_thread=False, factory=self._kind
        )


@pytest.mark.parametrize("kind", [NotSynchronous, NoJournal])
def test_p01_unsafe_database_refuses_the_start(home: Path, kind: type[Weak]) -> None:
    """Where the database would not keep what it acknowledged, nothing starts."""
    with town(home / "town") as here:
        if kind is NoJournal:
            with sqlite3.connect(here.settings.ledger.path) as ledger:
                ledger.execute("PRAGMA journal_mode = DELETE")
            ledger.close()
        weak = Ports(
            clock=SystemClock(), randomness=SystemRandomness(), storage=WeakStorage(kind), crash_point=no_crash
        )

        with pytest.raises(LedgerUnsafe, match="P1"):
            build(here.settings, weak)


def test_ledger_opens_where_it_was_told(home: Path) -> None:
    """In a folder whose name has marks of an address in it (#, ?, %) the ledger stands there, and nowhere else."""
    for name in ("a#b", "a?b=c", "100%25"):
        with town(home / name) as here:
            assert (home / name / "ledger.db").stat().st_size > 4096
            with here.opened() as opened:
                assert {} == opened.reads.tallies()
