"""A watched folder: a file is moved away only after all of it is on disk, whatever happens on the way."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus.errors import LedgerUnavailable
from config import watched_folder
from config.feeding import Judged, Refused
from config.refused_rows import RefusedRows, harmless
from config.watched_folder import FolderTaken, Moved, WatchedFolder, held


class Clock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self.at = datetime(2026, 7, 3, 8, tzinfo=UTC)

    def now(self) -> datetime:
        """The time."""
        return self.at

    def monotonic(self) -> float:
        """The same in seconds."""
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        """Time goes by."""
        self.at += timedelta(seconds=seconds)


class House:
    """A folder, and what was handed in from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.taken: list[bytes] = []
        self.is_well = True
        self.watched = self.restarted()

    def restarted(self) -> WatchedFolder:
        """Another process's watch over the same folder."""
        return WatchedFolder(self.folder, take=self.take, clock=self.clock, settle=timedelta(seconds=10))

    def take(self, file: Path, report: Path) -> bool:
        """Take what stands there."""
        self.taken.append(file.read_bytes())
        return self.is_well

    def write(self, name: str, raw: bytes) -> Path:
        """A file comes."""
        path = self.folder / name
        path.write_bytes(raw)
        return path

    def look(self, seconds: float = 10) -> list[Moved | tuple[str, Exception]]:
        """Look, wait, look again."""
        told = list(self.watched.look())
        self.clock.sleep(seconds)
        return told + list(self.watched.look())

    def names(self, where: str) -> list[str]:
        """What lies in a folder."""
        return sorted(path.name.split(".")[0] for path in (self.folder / where).iterdir())


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An empty one."""
    return House(tmp_path)


def test_a_whole_file_is_taken_and_moved(house: House) -> None:
    """What has settled is handed in, and lies under done or refused afterwards, named with its digest."""
    house.write("a.csv", b"1")
    (moved,) = house.look()
    assert isinstance(moved, Moved)
    assert ("a.csv", True, house.folder / "done") == (moved.name, moved.is_well, moved.to.parent)
    house.is_well = False
    house.write("b.csv", b"2")
    house.look()

    assert [b"1", b"2"] == house.taken
    assert ["a"] == house.names("done")
    assert ["b"] == house.names("refused")


def test_half_written(house: House) -> None:
    """A file that still grows is left alone until it has not changed for the time agreed."""
    path = house.write("a.csv", b"1")
    assert [] == house.look(9)
    assert house.watched.is_settling()
    path.write_bytes(b"12")
    assert [] == house.look(9)
    assert 1 == len(house.look(1))
    assert [b"12"] == house.taken


def test_changed_while_it_was_read(house: House) -> None:
    """A file that changes under the reader stays, and is taken again as it is then."""
    path = house.write("a.csv", b"1")
    grown = iter([b"12"])

    def take(file: Path, report: Path) -> bool:
        house.taken.append(file.read_bytes())
        path.write_bytes(next(grown, b"12"))
        os.utime(path, ns=(1, 1))
        return True

    house.watched = WatchedFolder(house.folder, take=take, clock=house.clock, settle=timedelta(seconds=10))
    assert [] == house.look()
    assert path.exists()
    assert 1 == len(house.look())
    assert [b"1", b"12"] == house.taken


@pytest.mark.parametrize("name", ["a.csv.part", ".a.csv", "~$a.xlsx", "a.csv.TMP", "a.csv.filepart"])
def test_renamed_into_its_name(house: House, name: str) -> None:
    """Names of files under way are not looked at; renamed, they are."""
    path = house.write(name, b"1")
    assert [] == house.look()
    path.rename(house.folder / "a.csv")
    assert 1 == len(house.look())


def test_only_files(house: House, tmp_path: Path) -> None:
    """What a link points to is somebody else's, and a pipe would keep us waiting for ever."""
    (house.folder / "l.csv").symlink_to("/etc/hostname")
    os.mkfifo(house.folder / "p.csv")
    (house.folder / "d.csv").mkdir()

    assert [] == house.look()


@pytest.mark.parametrize("trouble", [PermissionError(13, "no"), OSError(28, "full"), LedgerUnavailable("full")])
def test_trouble_leaves_the_file(house: House, trouble: Exception) -> None:
    """A file that cannot be read, a full disk, a ledger that is away: the file stays, the others go on."""
    house.write("a.csv", b"1")
    house.write("b.csv", b"2")
    os.utime(house.folder / "a.csv", ns=(1, 1))
    troubles = [trouble]

    def take(file: Path, report: Path) -> bool:
        if troubles:
            raise troubles.pop()
        return True

    house.watched = WatchedFolder(house.folder, take=take, clock=house.clock, settle=timedelta(seconds=10))
    told, moved = house.look()
    assert ("a.csv", trouble) == told
    assert isinstance(moved, Moved)
    assert ["a"] == [each.to.name.split(".")[0] for each in house.watched.look() if isinstance(each, Moved)]


@pytest.mark.parametrize("step", ["take", "replace", "_sync"])
def test_killed_on_the_way(house: House, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Killed before, in or after the move, the next process finds the file where it is, and loses none."""

    def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    house.write("a.csv", b"1")
    if step == "take":
        house.watched = WatchedFolder(house.folder, take=killed, clock=house.clock, settle=timedelta(seconds=10))
    else:
        monkeypatch.setattr(Path if step == "replace" else watched_folder, step, killed)
    with pytest.raises(KeyboardInterrupt):
        house.look()
    monkeypatch.undo()
    house.watched = house.restarted()
    house.look()

    assert ["a"] == house.names("done")
    assert [b"1"] * (2 if step == "replace" else 1) == house.taken


def test_sent_twice(house: House) -> None:
    """The same content under the same name lies there once."""
    for _ in range(2):
        house.write("a.csv", b"1")
        house.look()

    assert ["a"] == house.names("done")


def test_one_watcher(tmp_path: Path) -> None:
    """Two processes do not watch one folder; when one ends, however, the folder is free."""
    with held(tmp_path), pytest.raises(FolderTaken), held(tmp_path):
        raise AssertionError("it was free")
    with held(tmp_path):
        assert (tmp_path / watched_folder.LOCK).exists()


# -- the report of refused rows ---------------------------------------------------------------------------------------


def refused(line: int, **error: str) -> Sequence[Judged]:
    """One refused row."""
    told = Refused(line=line, id=None, code="enum", errors=(error,) if error else ())
    return [Judged(line=1, result="recorded"), Judged(line=line, result="refused", refused=told)]


def test_report_is_a_table_that_runs_nothing(tmp_path: Path) -> None:
    """Rows, columns and reasons, in a form that Excel opens as it stands; what looks like a formula is none."""
    report = RefusedRows(tmp_path / "a.refused.csv", "en")
    report.hear(refused(7, column='=HYPERLINK("http://x")', field="/data/note", rule="enum", detail="-1+1"))
    report.hear(refused(9))
    assert not report.path.exists()
    assert report.end()

    rows = list(csv.reader(report.path.read_text(encoding="utf-8-sig").splitlines()))
    assert ["row", "column", "field", "rule", "reason"] == rows[0]
    assert ["7", '\'=HYPERLINK("http://x")', "/data/note", "enum", "'-1+1"] == rows[1]
    assert ["9", "", "", "enum", ""] == rows[2]
    assert 0o600 == report.path.stat().st_mode & 0o777


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1"])
def test_formulas_are_words(text: str) -> None:
    """Whatever a spreadsheet would run stands behind an apostrophe."""
    assert f"'{text}" == harmless(text)
    assert "a=1" == harmless("a=1")


def test_a_report_follows_no_link(tmp_path: Path) -> None:
    """In a folder that others write to, a link under the report's name leads nowhere."""
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "a.refused.csv.part").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic"):
        RefusedRows(tmp_path / "a.refused.csv", "en").hear(refused(7))

    assert "theirs" == (tmp_path / "theirs").read_text()


def test_an_old_report_goes(tmp_path: Path) -> None:
    """Once every row is taken, no report of an earlier run is left to say otherwise."""
    path = tmp_path / "a.refused.csv"
    path.write_text("old")

    assert not RefusedRows(path, "vi").end()
    assert not path.exists()
