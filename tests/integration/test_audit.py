"""Audit rows: bound by moves, found in pages, and nobody changes one unnoticed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.audit import Act
from bus.errors import LedgerUnavailable
from bus.upkeep import verify
from tests.people_kit import House, house

TRIGGERS = "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; DROP TRIGGER moves_no_delete;"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "ledger.db") as made:
        yield made


def noted(home: House, count: int = 3) -> None:
    for n in range(count):
        home.audit.note(
            actor=f"person:p{n % 2}",
            act=Act.DOSSIER_SEEN if n % 2 else Act.SEARCHED,
            dossier=f"H99.11.16-26070{n % 3}-0001",
            delivery=n,
            reason="call 0912345678 asked",
            address="192.0.2.1",
        )
        home.clock.time += timedelta(minutes=1)


def tamper(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(TRIGGERS + sql)
    connection.commit()
    connection.close()


def test_note_is_kept_whole_and_masked(home: House) -> None:
    """A row says who, what, of which dossier, why and from where; a person's number in a reason is masked."""
    number = home.audit.note(
        actor="person:an", act=Act.REVEALED, dossier="D-1", delivery=7, reason=" gọi 0912345678 ", address="192.0.2.1"
    )
    (entry,) = home.audit.find().entries

    assert (number, "person:an", "revealed", "D-1", 7, "192.0.2.1") == (
        entry.id,
        entry.actor,
        entry.act,
        entry.dossier,
        entry.delivery,
        entry.address,
    )
    assert "0912345678" not in entry.reason
    assert [] == list(verify(home.ledger))


@pytest.mark.parametrize("sql", ["UPDATE audit SET reason = 'x'", "DELETE FROM audit"])
def test_rows_are_never_changed(home: House, tmp_path: Path, sql: str) -> None:
    """The ledger itself refuses to change or delete an audit row."""
    noted(home)
    connection = sqlite3.connect(tmp_path / "ledger.db")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(sql)
    connection.close()


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE audit SET actor = 'person:other' WHERE id = 2;", [(2, "it is not what was noted")]),
        ("DELETE FROM audit WHERE id = 1;", [(1, "it is gone; a move says it was noted")]),
        ("DELETE FROM audit WHERE id = 2;", [(2, "it is gone; a move says it was noted")]),
        ("DELETE FROM audit WHERE id = 3;", [(3, "it is gone; a move says it was noted")]),
        (
            "UPDATE audit SET id = 99 WHERE id = 1; UPDATE audit SET id = 1 WHERE id = 2;"
            "UPDATE audit SET id = 2 WHERE id = 99;",
            [(1, "it is not what was noted"), (2, "it is not what was noted")],
        ),
        (
            "INSERT INTO audit SELECT 4, at, actor, act, dossier, delivery, subject, reason, address FROM audit"
            " WHERE id = 3;",
            [(4, "no move says it was noted")],
        ),
    ],
    ids=["edited", "first deleted", "deleted", "last deleted", "swapped", "inserted"],
)
def test_tampering_is_named(home: House, tmp_path: Path, sql: str, found: list[tuple[int, str]]) -> None:
    """An audit row that was edited, deleted, swapped or put in is named; the other checker finds it too."""
    noted(home)
    path = tmp_path / "ledger.db"
    tamper(path, sql)

    assert found == [(damage.row, damage.detail) for damage in verify(home.ledger) if damage.table == "audit"]
    home.ledger.close()
    root = Path(__file__).parents[2]
    other = subprocess.run(
        [sys.executable, root / "docs" / "verify_ledger.py", path], capture_output=True, text=True, check=False
    )
    assert 1 == other.returncode
    assert f"audit id {found[0][0]}" in other.stdout


def test_missing_move_in_the_middle(home: House, tmp_path: Path) -> None:
    """A row whose move was taken out is named, beside the chain's own finding."""
    noted(home)
    tamper(tmp_path / "ledger.db", "DELETE FROM moves WHERE cause = 'noted' AND reason LIKE '2 %';")
    damages = list(verify(home.ledger))

    assert [(2, "no move says it was noted")] == [(one.row, one.detail) for one in damages if one.table == "audit"]
    assert "moves" in {one.table for one in damages}


def test_what_cannot_be_noted_is_told(home: House) -> None:
    """Where the row cannot be written the caller hears it, so that nothing is shown."""
    home.ledger.close()
    with pytest.raises(LedgerUnavailable):
        home.audit.note(actor="person:an", act=Act.DOSSIER_SEEN, dossier="D-1")


def test_pages_newest_first(home: House) -> None:
    """Rows come newest first, and the next page goes on where the last one ended."""
    noted(home, 5)
    first = home.audit.find(limit=2)
    second = home.audit.find(limit=2, before=first.next)
    third = home.audit.find(limit=2, before=second.next)

    assert [[5, 4], [3, 2], [1]] == [[entry.id for entry in page.entries] for page in (first, second, third)]
    assert third.next is None


def test_filters(home: House) -> None:
    """By actor, act, dossier and time, alone and together."""
    noted(home, 6)
    start = home.clock.now() - timedelta(minutes=6)

    def ids(**asked: object) -> list[int]:
        return [entry.id for entry in home.audit.find(**asked).entries]  # type: ignore[arg-type]

    assert [5, 3, 1] == ids(actor="person:p0")
    assert [6, 4, 2] == ids(act=Act.DOSSIER_SEEN)
    assert [4, 1] == ids(dossier="H99.11.16-260700-0001")
    assert [4] == ids(dossier="H99.11.16-260700-0001", act=Act.DOSSIER_SEEN)
    assert [] == ids(actor="person:p0", act=Act.DOSSIER_SEEN)
    assert [3, 2] == ids(since=start + timedelta(minutes=1), until=start + timedelta(minutes=3))
    assert [] == ids(until=start)


def test_units_limit_what_is_seen(home: House) -> None:
    """Who is limited to units sees what was done with their dossiers, and nothing else."""
    home.ledger.engine.write(lambda tx: _dossier(tx, "D-1", "H99.11.16"))
    for dossier in ("D-1", "D-unknown", None):
        home.audit.note(actor="person:an", act=Act.DOSSIER_SEEN, dossier=dossier)

    assert ["D-1"] == [entry.dossier for entry in home.audit.find(units=("H99.11",)).entries]
    assert 3 == len(home.audit.find(units=None).entries)


def _dossier(tx: object, number: str, unit: str) -> None:
    tx._connection.execute(  # type: ignore[attr-defined]
        "INSERT INTO dossiers (number, source, origin, unit, first_seen_at) VALUES (?, 's', 'one_stop', ?, 0)",
        (number, unit),
    )


def test_rare_rows_are_looked_for_within_a_budget(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare filter looks at so many rows, says how far back it looked, and goes on from there when asked."""
    monkeypatch.setattr("bus.audit.BUDGET", 4)
    monkeypatch.setattr("bus.audit.CHUNK", 2)
    home.audit.note(actor="person:a", act=Act.REVEALED)
    noted(home, 6)
    first = home.audit.find(actor="person:p0", act=Act.REVEALED)
    everything = home.audit.find(units=("H99",), limit=10)
    second = home.audit.find(units=("H99",), limit=10, before=everything.next)

    assert ((), None, None) == (first.entries, first.next, first.looked_back_to)
    assert (4, True) == (everything.next, everything.looked_back_to is not None)
    assert (None, None) == (second.next, second.looked_back_to)
