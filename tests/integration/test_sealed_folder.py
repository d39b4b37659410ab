"""Files beside the ledger: sealed, in their dossier's drawer, on disk before anybody says yes."""

from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.stores.folder import FORGOTTEN, SealedFolder
from bus.errors import LedgerDamaged, NotFound
from tests.world import SeededRandomness, World

CONTENT = b"%PDF-1.4 a citizen's paper"
NUMBER = "G99.99-240401-000777"


@pytest.fixture
def world(tmp_path: Path):
    """A ledger, whose keys seal the files."""
    made = World(tmp_path)
    yield made
    made.close()


def folder_of(world: World, root: Path) -> SealedFolder:
    return SealedFolder(root, world.ledger.bodies, b"k" * 32, world.clock, SeededRandomness(7))


def test_there_and_back_after_a_restart(world, tmp_path):
    """What was put is there under its SHA-256, also for another process."""
    stored = folder_of(world, tmp_path / "files").put(NUMBER, CONTENT)
    world.close()
    world.open()

    assert hashlib.sha256(CONTENT).hexdigest() == stored.name
    assert (len(CONTENT), CONTENT) == (
        stored.size,
        folder_of(world, tmp_path / "files").get(stored.drawer, stored.name),
    )


def test_nothing_is_read_off_the_disk(world, tmp_path):
    """Neither a content nor a dossier's number stands on the disk, and nobody but the owner may look."""
    stored = folder_of(world, tmp_path / "files").put(NUMBER, CONTENT)
    path = tmp_path / "files" / stored.drawer / stored.name

    assert b"citizen" not in path.read_bytes()
    assert not [found for found in (tmp_path / "files").rglob("*") if "240401" in found.name]
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)


def test_the_first_one_stays(world, tmp_path):
    """The same file again, and at once from many threads, is one file with the first one's time."""
    folder = folder_of(world, tmp_path / "files")
    first = folder.put(NUMBER, CONTENT)
    world.pass_time(3_600)
    with ThreadPoolExecutor(8) as pool:
        again = list(pool.map(lambda _: folder.put(NUMBER, CONTENT), range(16)))

    assert [first] * 16 == again
    assert [first.name] == os.listdir(tmp_path / "files" / first.drawer)


def test_another_dossier_has_its_own(world, tmp_path):
    """The same content in two dossiers is two files, and one that is moved does not open."""
    folder = folder_of(world, tmp_path / "files")
    mine, theirs = folder.put(NUMBER, CONTENT), folder.put("G99.99-240401-000778", CONTENT)
    mine_on_disk = tmp_path / "files" / mine.drawer / mine.name
    mine_on_disk.replace(tmp_path / "files" / theirs.drawer / theirs.name)

    with pytest.raises(LedgerDamaged):
        folder.get(theirs.drawer, theirs.name)


@pytest.mark.parametrize("spoil", [lambda raw: b"", lambda raw: b"PDF!" + raw[4:], lambda raw: raw[:-1] + b"\0"])
def test_a_changed_file_does_not_open(world, tmp_path, spoil):
    """Cut, exchanged or changed, it is damaged, and says so."""
    folder = folder_of(world, tmp_path / "files")
    stored = folder.put(NUMBER, CONTENT)
    path = tmp_path / "files" / stored.drawer / stored.name
    path.write_bytes(spoil(path.read_bytes()))

    with pytest.raises(LedgerDamaged):
        folder.get(stored.drawer, stored.name)


def test_a_file_under_another_name(world, tmp_path):
    """A file that was renamed within its drawer holds another content than its name says."""
    folder = folder_of(world, tmp_path / "files")
    stored = folder.put(NUMBER, CONTENT)
    path = tmp_path / "files" / stored.drawer / stored.name
    path.rename(path.with_name("0" * 64))

    with pytest.raises(LedgerDamaged):
        folder.get(stored.drawer, "0" * 64)


def test_what_is_not_there(world, tmp_path):
    """A file that nobody put is not found."""
    with pytest.raises(NotFound):
        folder_of(world, tmp_path / "files").get("0" * 32, "0" * 64)


def test_a_full_disk_leaves_nothing(world, tmp_path, monkeypatch):
    """No room: the put fails, and no half file is left to be taken for a whole one."""
    folder = folder_of(world, tmp_path / "files")

    def full(handle):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("adapters.stores.folder.os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        folder.put(NUMBER, CONTENT)
    monkeypatch.undo()

    assert [] == [found for found in (tmp_path / "files").rglob("*") if found.is_file()]


def test_halves_of_a_killed_process_are_swept(world, tmp_path):
    """What a process left half written is thrown away once it is old, and never shown."""
    folder = folder_of(world, tmp_path / "files")
    stored = folder.put(NUMBER, CONTENT)
    drawer = tmp_path / "files" / stored.drawer
    (drawer / ".half-old").write_bytes(b"LTF1")
    (drawer / ".half-new").write_bytes(b"LTF1")
    old = (world.clock.now() - FORGOTTEN - timedelta(seconds=1)).timestamp()
    os.utime(drawer / ".half-old", (old, old))
    os.utime(drawer / ".half-new", (old + 10, old + 10))

    assert 1 == folder.sweep()
    assert {stored.name, ".half-new"} == set(os.listdir(drawer))
