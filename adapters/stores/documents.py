"""The store of documents: a sealed folder that keeps room on its disk, forgets what nobody names, and can be copied.

A document is on disk, folder and all, before `put` returns; a disk without room is a clear trouble before anything is
written, and nothing that is there is harmed by it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from adapters.documents.errors import DocumentNotNow
from adapters.stores.folder import SealedFolder
from bus.bodies import Bodies
from bus.errors import NotFound
from bus.ports import Clock, Randomness

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room on the disk, none left of a quota, none under the process's own limit."""
UNNAMED_FOR: Final = timedelta(days=1)
"""A file that no row names was put by who ended before its row was written; younger ones may be about to get theirs."""
_GONE: Final = ".half-gone-"
"""How a file is called while it is looked at for the last time; a half one, so whoever is killed here is swept too."""
_TRIES: Final = 3
_NAME: Final = re.compile(r"[0-9a-f]{64}")


class DocumentStore:
    """Documents of one installation. Safe in many threads and processes."""

    def __init__(
        self,
        root: Path,
        bodies: Bodies,
        index_key: bytes,
        clock: Clock,
        randomness: Randomness,
        *,
        keep_free: int = 0,
        free_bytes: Callable[[Path], int] | None = None,
    ) -> None:
        """`keep_free`: bytes that stay free on the disk, for the ledger above all."""
        self.root = root
        self._folder = SealedFolder(root, bodies, index_key, clock, randomness)
        self._clock = clock
        self._randomness = randomness
        self._keep_free = keep_free
        self._free_bytes = free_bytes or _free_bytes

    def put(self, dossier: str, content: bytes) -> str:
        """Keep a document; its SHA-256, once it is on disk. Raises DocumentNotNow: nothing was kept."""
        try:
            self._require_room(len(content))
            return self._put(dossier, content)
        except OSError as trouble:
            code = "store_full" if trouble.errno in FULL else "store_trouble"
            raise DocumentNotNow(code, trouble.strerror or "") from trouble

    def get(self, dossier: str, sha256: str) -> bytes:
        """A document. Raises NotFound, LedgerDamaged."""
        if not _NAME.fullmatch(sha256):
            raise NotFound("no document has such a name")
        return self._folder.get(self._folder.drawer_of(dossier), sha256)

    def has(self, dossier: str, sha256: str) -> bool:
        """Whether it is there, unopened."""
        return self._place(dossier, sha256).is_file()

    def sweep(self) -> int:
        """Throw away what was never finished; how many."""
        return self._folder.sweep()

    def forget_unnamed(self, named: Iterable[tuple[str, str]]) -> int:
        """Throw away old files that are none of these (dossier, SHA-256); how many.

        `named` is read to its end before the first file is looked at, so that it may come from one snapshot.
        """
        kept = {(self._folder.drawer_of(dossier), name) for dossier, name in named}
        oldest = (self._clock.now() - UNNAMED_FOR).timestamp()
        return sum(
            self._forget(path, oldest) for path in _files_of(self.root) if (path.parent.name, path.name) not in kept
        )

    def _put(self, dossier: str, content: bytes) -> str:
        # The file that is there already may be the one that `forget_unnamed` looks at in this moment: it is marked as
        # new, and where it went meanwhile it is written again.
        for _ in range(_TRIES):
            with contextlib.suppress(FileNotFoundError, NotFound):
                stored = self._folder.put(dossier, content)
                now = self._clock.now().timestamp()
                os.utime(self._place(dossier, stored.name), (now, now))
                return stored.name
        raise OSError(errno.EAGAIN, "the file goes away each time that it is written")

    def _place(self, dossier: str, name: str) -> Path:
        return self.root / self._folder.drawer_of(dossier) / name

    def _require_room(self, size: int) -> None:
        place = next(folder for folder in (self.root, *self.root.parents) if folder.exists())
        if self._free_bytes(place) - size < self._keep_free:
            raise OSError(errno.ENOSPC, f"fewer than {self._keep_free} bytes would stay free on the disk")

    def _forget(self, path: Path, oldest: float) -> bool:
        aside = path.with_name(f"{_GONE}{self._randomness.token(8).hex()}")
        try:
            if path.stat().st_mtime >= oldest:
                return False
            path.rename(aside)
        except FileNotFoundError:
            return False  # another process forgets too
        if aside.stat().st_mtime >= oldest:
            aside.rename(path)  # somebody put it again between the two looks
            return False
        aside.unlink()
        return True


def copy_files(source: Path, target: Path) -> int:
    """Every file of a store that the other folder has not got yet, whole and on disk; how many. Raises OSError."""
    return sum(_copy(path, target / path.parent.name / path.name) for path in _files_of(source))


def _copy(path: Path, target: Path) -> bool:
    if target.exists():
        return False
    for folder in (target.parent.parent, target.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = target.with_name(f".half-{target.name}")
    try:
        shutil.copyfile(path, half)
        half.chmod(0o600)
        with half.open("rb+") as file:
            os.fsync(file.fileno())
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    _sync(target.parent)
    return True


def _files_of(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.glob("*/*")) if path.is_file() and not path.name.startswith("."))


def _free_bytes(place: Path) -> int:
    return shutil.disk_usage(place).free


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
