"""What the bus asks of the world: time, chance and storage. Nothing else in the bus reaches outside.

The network's port is the adapters' channel. A simulated world hands in its own ports; `crash_point` is how a test
stops the program at a named line.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote


class Clock(Protocol):
    """Wall time, and the right to wait for it."""

    def now(self) -> datetime:
        """The time, in UTC, with its zone."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


class Randomness(Protocol):
    """Chance: for keys, salts and nonces, and for jitter."""

    def token(self, size: int) -> bytes:
        """`size` unpredictable bytes."""
        ...

    def between(self, low: float, high: float) -> float:
        """A number in [low, high), for jitter only."""
        ...


class Storage(Protocol):
    """Where the ledger's file is opened."""

    def connect(self, path: str, *, read_only: bool = False) -> sqlite3.Connection:
        """A fresh connection in autocommit mode; the engine sets the pragmas and owns the transactions."""
        ...


CrashPoint = Callable[[str], None]
"""Called with the name of the line about to run (`crash_points.py` lists them); the real world does nothing there."""


def no_crash(name: str) -> None:
    """The real world's crash point."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SystemRandomness:
    """The machine's randomness."""

    def token(self, size: int) -> bytes:
        return os.urandom(size)

    def between(self, low: float, high: float) -> float:
        return random.uniform(low, high)  # noqa: S311  # jitter, not a secret


class FileStorage:
    """SQLite files on a disk."""

    def connect(self, path: str, *, read_only: bool = False) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        # Quoted: a folder called `a#b` would else be cut off at the mark, and the ledger made somewhere else.
        return sqlite3.connect(
            f"file:{quote(path)}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
