"""What a process needs besides the ledger and the key of receipts: the right time, and the settings' private keys.

A key in memory would go on signing for as long as its process lives, and the next start would fail: so a file that is
gone is said at once, in `/readyz`, and whoever signs with it stops (`WatchedIdentity`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from bus.errors import LedgerUnavailable
from bus.ports import Clock
from config.settings import Settings

WRONG_CLOCK: Final = "clock_before_this_version"
KEY_GONE: Final = "key_gone"
REVOCATION_STALE: Final = "revocation_stale"
EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Older than this program: a clock that has lost its time begins in 1970, and every signature is from the future."""
SEEN_FOR_S: Final = 1.0
"""How long a key's file counts as there once it was seen."""


def troubles(settings: Settings, clock: Clock, doubts: Sequence[Callable[[datetime], bool]] = ()) -> list[str]:
    """Stable codes of what is amiss; empty when nothing is. `doubts`: see `wiring.Installation`."""
    now = _now(clock)
    found = [WRONG_CLOCK] if now is not None and now < EARLIEST else []
    if now is not None and any(is_stale(now) for is_stale in doubts):
        found.append(REVOCATION_STALE)
    if any(not os.access(path, os.R_OK) for _, path in own_keys(settings)):
        found.append(KEY_GONE)
    return found


def _now(clock: Clock) -> datetime | None:
    try:
        return clock.now()
    except Exception:  # a clock that tells nothing is found by whoever needs the time
        return None


def own_keys(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Files of private keys that we sign or show ourselves with, by their settings; that of receipts minds itself."""
    yield from _within(settings, "")


def _within(value: object, where: str) -> Iterator[tuple[str, Path]]:
    members: dict[str, object] = {}
    if isinstance(value, Struct):
        members = {name: getattr(value, name) for name in value.__struct_fields__}
    elif isinstance(value, dict):
        members = value
    for name, item in members.items():
        if isinstance(item, str) and item and name in ("identity_file", "signing_key_file", "signing_pkcs12_file"):
            if where != "ledger.":
                yield f"{where}{name}", Path(item)
        else:
            yield from _within(item, where if name == "one_stops" else f"{where}{name}.")


class KeyGone(LedgerUnavailable):
    """The file of a signing key was taken away; nothing is signed with it until there is another."""

    # To callers it is as if the ledger were away: nothing is recorded, and another try later.


class Signs(Protocol):
    """`signing.keys.X509Identity` is one."""

    @property
    def certificate_der(self) -> bytes: ...

    @property
    def algorithms(self) -> Sequence[str]: ...

    def sign(self, message: bytes, algorithm: str) -> bytes: ...


class WatchedIdentity:
    """An identity that signs for as long as its file is there."""

    def __init__(self, identity: Signs, file: Path, *, tick: Callable[[], float] = time.monotonic) -> None:
        self._identity = identity
        self._file = file
        self._tick = tick
        self._seen_at = tick()

    @property
    def certificate_der(self) -> bytes:
        return self._identity.certificate_der

    @property
    def algorithms(self) -> Sequence[str]:
        return self._identity.algorithms

    def sign(self, message: bytes, algorithm: str) -> bytes:
        """A signature. Raises KeyGone."""
        self.require()
        return self._identity.sign(message, algorithm)

    def require(self) -> None:
        """Raises KeyGone."""
        now = self._tick()
        if now - self._seen_at < SEEN_FOR_S:
            return
        if not self._file.exists():
            raise KeyGone(f"{self._file.name} is gone: this key signs no more")
        self._seen_at = now
