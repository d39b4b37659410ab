"""Tokens that end: the portal's sessions (`NOTES.md` section 2) and the LGSP's bearer tokens."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

MOST_ALIVE: Final = 10_000
"""A client that logs in before every call must not fill the memory: the oldest go first."""


@dataclass(slots=True)
class Token:
    """One token: when it ends, and how often it was shown."""

    ends_at: datetime
    calls: int = 0


class Tokens:
    """Opaque texts, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._alive: dict[str, Token] = {}
        self.clear()

    def issue(self, now: datetime, lifetime_s: float) -> str:
        """A new token; those issued before stay alive (r26)."""
        name = str(UUID(int=self._chance.getrandbits(128), version=4))
        self._alive[name] = Token(now + timedelta(seconds=lifetime_s))
        if len(self._alive) > MOST_ALIVE:
            del self._alive[next(iter(self._alive))]
        return name

    def admits(self, name: object, now: datetime, *, most_calls: int = 0) -> bool:
        """Whether this token is good for one more call, and counts it. `most_calls` 0 = no such end."""
        token = self._alive.get(name) if isinstance(name, str) else None
        if token is None:
            return False
        if now >= token.ends_at or (most_calls and token.calls >= most_calls):
            self.drop(str(name))
            return False
        token.calls += 1
        return True

    def drop(self, name: str) -> None:
        """End a token before its time."""
        self._alive.pop(name, None)

    def clear(self) -> None:
        """Nobody ever logged in."""
        self._alive.clear()
        self._chance = random.Random(self._seed)  # noqa: S311  # invented tokens of a mock; repeatable on purpose
