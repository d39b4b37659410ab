"""A folder whose files are handed in as they come: each is moved away only after all that it says is on disk.

A file is taken when it has not changed for a while, or when it is renamed into its name (names that begin with a dot
or `~`, or end in `.part`, `.tmp` or `.filepart`, are not looked at). Stopped at any point, the next run takes what
still lies there from its beginning: what was recorded before is a repeat.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bus.errors import LedgerUnavailable
from bus.ports import Clock

DONE: Final = "done"
REFUSED: Final = "refused"
LOCK: Final = ".lienthong.lock"
UNFINISHED: Final = (".part", ".tmp", ".filepart", ".crdownload")

Take = Callable[[Path, Path], bool]
"""Hands a file in; where its report goes; True when every row was taken. Raises OSError, LedgerUnavailable."""


class FolderTaken(Exception):
    """Another process watches this folder already."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a file looked."""

    size: int
    changed_ns: int
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A file that is through."""

    name: str
    to: Path
    is_well: bool


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder for this process alone, until the block ends or the process does. Raises FolderTaken."""
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderTaken(str(folder)) from None
        yield


class WatchedFolder:
    """Looks again and again; keeps in mind how each file looked."""

    def __init__(self, folder: Path, *, take: Take, clock: Clock, settle: timedelta) -> None:
        self._folder = folder
        self._take = take
        self._clock = clock
        self._settle = settle
        self._seen: dict[str, tuple[Look, datetime]] = {}
        for name in (DONE, REFUSED):
            (folder / name).mkdir(mode=0o700, exist_ok=True)

    def look(self) -> Iterator[Moved | tuple[str, Exception]]:
        """Hand in every file that has settled; what could not be read now is told with its trouble, and stays."""
        for path, look in self._files():
            if not self._has_settled(path.name, look):
                continue
            try:
                moved = self._taken(path, look)
            except (OSError, LedgerUnavailable) as trouble:
                yield path.name, trouble
            else:
                if moved is not None:
                    yield moved

    def is_settling(self) -> bool:
        """Whether a file is there that may still be written to."""
        return any(not self._has_settled(path.name, look) for path, look in self._files())

    def _files(self) -> list[tuple[Path, Look]]:
        """Files to be taken, the oldest first; what a link points to is somebody else's."""
        found = []
        for entry in os.scandir(self._folder):
            if entry.name.startswith((".", "~")) or entry.name.lower().endswith(UNFINISHED):
                continue
            told = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(told.st_mode):
                found.append((Path(entry.path), Look(told.st_size, told.st_mtime_ns, told.st_ino)))
        self._seen = {path.name: self._seen[path.name] for path, _ in found if path.name in self._seen}
        return sorted(found, key=lambda each: (each[1].changed_ns, each[0].name))

    def _has_settled(self, name: str, look: Look) -> bool:
        now = self._clock.now()
        seen = self._seen.get(name)
        if seen is None or seen[0] != look:
            self._seen[name] = (look, now)
            return False
        return now - seen[1] >= self._settle

    def _taken(self, path: Path, look: Look) -> Moved | None:
        """Hand it in and move it away; None when it changed meanwhile, which begins it anew."""
        digest = _digest(path)
        name = f"{path.stem}.{digest[:12]}{path.suffix}"
        is_well = self._take(path, self._folder / REFUSED / name)
        told = path.lstat()
        if Look(told.st_size, told.st_mtime_ns, told.st_ino) != look or _digest(path) != digest:
            return None
        to = self._folder / (DONE if is_well else REFUSED) / name
        path.replace(to)
        for folder in (to.parent, self._folder):
            _sync(folder)
        return Moved(name=path.name, to=to, is_well=is_well)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
