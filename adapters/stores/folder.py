"""Files in a folder: sealed under the ledger's data keys, named by their SHA-256, on disk before anybody says yes.

A file belongs to one dossier, whose drawer is a keyed hash of its number: nobody reads a number off the disk, and what
is moved into another drawer does not open there. The first one stays: the same file again keeps its time.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bus.bodies import Bodies
from bus.errors import LedgerDamaged, NotFound
from bus.ports import Clock, Randomness
from bus.times import from_ms, to_ms

FORM: Final = b"LTF1"
"""The first bytes of every file; other ones will mean another layout."""
_KEY, _COMMITMENT, _TIME = 8, 32, 8
_HEAD: Final = len(FORM) + _KEY + _COMMITMENT
_HALF: Final = ".half-"
"""How a file is called until it is whole."""
FORGOTTEN: Final = timedelta(hours=1)
"""A half one older than this was left by a process that ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One file that is on disk."""

    drawer: str
    name: str
    """SHA-256 of its content, lower-case hex."""
    size: int
    stored_at: datetime


class SealedFolder:
    """Files of many dossiers. Safe in many threads and processes."""

    def __init__(self, root: Path, bodies: Bodies, index_key: bytes, clock: Clock, randomness: Randomness) -> None:
        self._root = root
        self._bodies = bodies
        self._index_key = index_key
        self._clock = clock
        self._randomness = randomness

    def drawer_of(self, dossier: str) -> str:
        """Where a dossier's files lie."""
        return hmac.new(self._index_key, b"drawer\0" + dossier.encode(), hashlib.sha256).hexdigest()[:32]

    def put(self, dossier: str, content: bytes) -> Stored:
        """Keep a file; returns only after it is on disk. Raises OSError."""
        drawer, name = self.drawer_of(dossier), hashlib.sha256(content).hexdigest()
        place = self._root / drawer
        if not (place / name).exists():
            self._write(place, name, content)
        for folder in (place, self._root):
            _sync(folder)  # also for one that was there: who wrote it may have ended before this line
        stored_at, kept = self._read(drawer, name)
        return Stored(drawer=drawer, name=name, size=len(kept), stored_at=stored_at)

    def get(self, drawer: str, name: str) -> bytes:
        """A file's content. Raises NotFound, LedgerDamaged."""
        return self._read(drawer, name)[1]

    def sweep(self) -> int:
        """Throw away what was never finished; how many."""
        oldest = (self._clock.now() - FORGOTTEN).timestamp()
        swept = 0
        for half in self._root.glob(f"*/{_HALF}*"):
            with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                if half.stat().st_mtime < oldest:
                    half.unlink()
                    swept += 1
        return swept

    def _write(self, place: Path, name: str, content: bytes) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.mkdir(mode=0o700, exist_ok=True)
        half = place / f"{_HALF}{self._randomness.token(8).hex()}"
        sealed = self._bodies.seal(to_ms(self._clock.now()).to_bytes(_TIME, "big") + content, _context(place.name))
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(FORM + sealed.key_id.to_bytes(_KEY, "big") + sealed.commitment + sealed.blob)
                file.flush()
                os.fsync(handle)
            with contextlib.suppress(FileExistsError):  # of two at once the first stays
                os.link(half, place / name)
        finally:
            half.unlink()

    def _read(self, drawer: str, name: str) -> tuple[datetime, bytes]:
        try:
            raw = (self._root / drawer / name).read_bytes()
        except OSError:
            raise NotFound(f"no file {name}") from None
        if raw[: len(FORM)] != FORM or len(raw) < _HEAD:
            raise LedgerDamaged(f"file {name} is none that was written here")
        key = int.from_bytes(raw[len(FORM) : len(FORM) + _KEY], "big")
        body = self._bodies.open(key, raw[_HEAD:], _context(drawer), raw[_HEAD - _COMMITMENT : _HEAD])
        if hashlib.sha256(body[_TIME:]).hexdigest() != name:
            raise LedgerDamaged(f"file {name} holds another content")
        return from_ms(int.from_bytes(body[:_TIME], "big")), body[_TIME:]


def _context(drawer: str) -> bytes:
    return b"file\0" + drawer.encode()


def _sync(folder: Path) -> None:
    """A name is on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
