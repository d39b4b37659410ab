"""The store of documents on a real disk: whole or not there, room kept for the ledger, forgotten only when unnamed."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.documents.errors import DocumentNotNow
from adapters.stores.documents import UNNAMED_FOR, DocumentStore, copy_files
from bus.errors import NotFound
from tests.builders import DOSSIER
from tests.world import SeededRandomness, World

CONTENT = b"%PDF-1.4 a result"
NAME = hashlib.sha256(CONTENT).hexdigest()
OTHER = "H99.09-260703-0124"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A ledger, whose keys seal the documents."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(world: World, tmp_path: Path) -> DocumentStore:
    return store_of(world, tmp_path / "documents")


def store_of(world: World, root: Path, **how) -> DocumentStore:
    return DocumentStore(root, world.ledger.bodies, b"k" * 32, world.clock, SeededRandomness(7), **how)


def files(store: DocumentStore) -> list[Path]:
    return sorted(path for path in store.root.rglob("*") if path.is_file())


def age(store: DocumentStore, world: World, days: float) -> None:
    """As if every file had been put so long ago."""
    then = (world.clock.now() - timedelta(days=days)).timestamp()
    for path in files(store):
        os.utime(path, (then, then))


def test_there_and_back(store):
    """A document is found by its dossier and SHA-256, and by no other dossier."""
    assert NAME == store.put(DOSSIER, CONTENT)
    assert (CONTENT, True, False) == (store.get(DOSSIER, NAME), store.has(DOSSIER, NAME), store.has(OTHER, NAME))
    with pytest.raises(NotFound):
        store.get(OTHER, NAME)


@pytest.mark.parametrize("name", ["../" * 8 + "etc/passwd", "..", "", "x" * 64, "%2e%2e", "a\0b", NAME.upper()])
def test_names_do_not_leave_the_folder(store, name):
    """Whatever is asked for in place of a digest is not there."""
    store.put(DOSSIER, CONTENT)
    with pytest.raises(NotFound):
        store.get(DOSSIER, name)


def test_room_is_kept_for_the_ledger(world, tmp_path):
    """With less room than must stay free no document is taken, nothing is written, and what is there is untouched."""
    free = [1_000_000]
    store = store_of(world, tmp_path / "deep" / "documents", keep_free=10_000, free_bytes=lambda _: free[0])
    store.put(DOSSIER, CONTENT)
    free[0] = 10_000 + len(CONTENT)
    with pytest.raises(DocumentNotNow) as trouble:
        store.put(DOSSIER, CONTENT + b"!")

    assert ("store_full", CONTENT, 1) == (trouble.value.code, store.get(DOSSIER, NAME), len(files(store)))
    free[0] += 1
    store.put(DOSSIER, CONTENT + b"!")


@pytest.mark.parametrize(("number", "code"), [(errno.EDQUOT, "store_full"), (errno.EIO, "store_trouble")])
def test_trouble_of_the_disk(store, monkeypatch, number, code):
    """A quota that ends, or a disk that fails: a clear trouble, and no half document is left."""

    def fail(handle: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr("adapters.stores.folder.os.fsync", fail)
    with pytest.raises(DocumentNotNow) as trouble:
        store.put(DOSSIER, CONTENT)

    assert (code, []) == (trouble.value.code, files(store))


LIMITED = """
import resource
import sys
from pathlib import Path
from tests.integration.test_document_store import DOSSIER, DocumentNotNow, World, store_of

world = World(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
try:
    store_of(world, Path(sys.argv[2])).put(DOSSIER, b"%PDF-" + b"x" * 3_000_000)
except DocumentNotNow as trouble:
    print(trouble.code)
"""


def test_a_disk_that_is_full_in_mid_write(world, tmp_path, store):
    """A process that may write no longer files (RLIMIT_FSIZE) says so, keeps nothing, and loses nothing of before."""
    store.put(DOSSIER, CONTENT)

    (other := tmp_path / "other").mkdir()
    command = [sys.executable, "-c", LIMITED, str(other), str(store.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert ("store_full\n", CONTENT, 1) == (done.stdout, store.get(DOSSIER, NAME), len(files(store)))


def test_what_nobody_names_is_forgotten(store, world):
    """A file that no row names goes once it is a day old; a named one, and a young one, stay."""
    stray = store.put(DOSSIER, b"%PDF- whose process was killed before its row was written")
    store.put(OTHER, CONTENT)
    store.put(DOSSIER, CONTENT)
    assert 0 == store.forget_unnamed([(DOSSIER, NAME)])

    age(store, world, UNNAMED_FOR / timedelta(days=1) + 0.01)

    assert 2 == store.forget_unnamed([(DOSSIER, NAME)])
    assert (True, False, False) == (store.has(DOSSIER, NAME), store.has(DOSSIER, stray), store.has(OTHER, NAME))


def test_what_is_put_again_stays(store, world):
    """A document that comes again gets its row in a moment: it counts as new, whatever the age of its file."""
    store.put(DOSSIER, CONTENT)
    age(store, world, 9)
    store.put(DOSSIER, CONTENT)

    assert (0, CONTENT) == (store.forget_unnamed([]), store.get(DOSSIER, NAME))


def test_put_and_forgotten_in_the_same_moment(store, world, monkeypatch):
    """Somebody puts a document again between the last look at its file and its end: it is there afterwards."""
    store.put(DOSSIER, CONTENT)
    age(store, world, 9)
    rename = Path.rename

    def put_between(path: Path, target: Path) -> Path:
        monkeypatch.undo()
        store.put(DOSSIER, CONTENT)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", put_between)

    assert (0, CONTENT) == (store.forget_unnamed([]), store.get(DOSSIER, NAME))


def test_two_that_forget(store, world, monkeypatch):
    """A file that another process has just thrown away is no trouble."""
    store.put(DOSSIER, CONTENT)
    age(store, world, 9)

    def gone(path: Path, target: Path) -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "rename", gone)

    assert 0 == store.forget_unnamed([])


def test_a_file_that_goes_away_each_time(store, monkeypatch):
    """What cannot be kept is never said to be kept."""

    def gone(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("adapters.stores.documents.os.utime", gone)
    with pytest.raises(DocumentNotNow):
        store.put(DOSSIER, CONTENT)


def test_a_copy_of_the_store(store, world, tmp_path):
    """A copy has every whole file once, sealed as it was; copied again it takes what is new; it opens as the store."""
    store.put(DOSSIER, CONTENT)
    (store.root / files(store)[0].parent / ".half-other").write_bytes(b"LTF1")
    target = tmp_path / "copy"

    assert (1, 0) == (copy_files(store.root, target), copy_files(store.root, target))
    store.put(OTHER, CONTENT)
    assert 1 == copy_files(store.root, target)
    assert CONTENT == store_of(world, target).get(OTHER, NAME)
    assert {0o600} == {path.stat().st_mode & 0o777 for path in target.rglob("*") if path.is_file()}


def test_a_copy_that_fails_leaves_no_half(store, tmp_path, monkeypatch):
    """A disk that is full in the middle of a copy leaves nothing that could be taken for a whole document."""
    store.put(DOSSIER, CONTENT)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("adapters.stores.documents.os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        copy_files(store.root, tmp_path / "copy")

    assert [] == [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]


def test_halves_are_swept(store, world):
    """What a killed process left half written goes with the sweep."""
    store.put(DOSSIER, CONTENT)
    files(store)[0].with_name(".half-gone-x").write_bytes(b"")
    age(store, world, 1)

    assert (1, 1) == (store.sweep(), len(files(store)))
