"""Who is signed in: a token that is shown once and kept as its digest, until it ends, is ended, or is not used.

Each use asks the ledger, so that a session that is ended here is ended in every process at once.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bus.engines.sqlite import Row, Tx
from bus.errors import LedgerUnavailable
from bus.ledger import Ledger
from bus.ports import Randomness
from bus.times import from_ms, ms, to_ms

TOKEN_BYTES: Final = 32
MOST: Final = 20
"""Sessions of one account at once: a person with more has forgotten some; the oldest ends."""
LONGEST_AGENT: Final = 200
TOUCH_EVERY: Final = timedelta(minutes=1)
"""Looking must not cost a write each time; a minute more or less of idleness is nobody's harm."""
KEPT: Final = timedelta(days=90)
"""How long a session that ended is remembered: an address it was opened from counts as known so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """How long a session holds."""

    idle: timedelta = timedelta(hours=1)
    """Without any use."""
    longest: timedelta = timedelta(hours=12)
    """However much it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session that has just begun. The token is told this once."""

    id: int
    account: str
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Opened(id={self.id}, account={self.account!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One that holds, as its owner and an administrator see it."""

    id: int
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A session that was found by its token, and the row of its account."""

    id: int
    opened_at: int
    seen_at: int
    expires_at: int
    account: Row


class Sessions:
    """Opens, finds and ends sessions, inside the transactions of `People`."""

    def __init__(self, ledger: Ledger, randomness: Randomness, rules: SessionRules) -> None:
        self._ledger = ledger
        self._randomness = randomness
        self.rules = rules

    def open(self, tx: Tx, account: str, *, address: str, agent: str, now: int) -> Opened:
        """Begin one; the account's oldest ends where it has too many."""
        token = base64.urlsafe_b64encode(self._randomness.token(TOKEN_BYTES)).rstrip(b"=").decode()
        expires_at = now + min(ms(self.rules.idle), ms(self.rules.longest))
        number = tx.insert("add_session", digest_of(token), account, now, expires_at, address, agent[:LONGEST_AGENT])
        tx.run("end_oldest_sessions", now, account, MOST)
        tx.run("forget_sessions", now - ms(KEPT))
        return Opened(id=number, account=account, token=token, expires_at=from_ms(expires_at))

    def find(self, digest: bytes, now: int, *, is_used: bool = True) -> Held | None:
        """The session of the token with this digest, if it holds. Where a person uses it its end moves on, if that can
        be written now: who only looks is not turned away meanwhile. Raises LedgerUnavailable."""
        row = self._ledger.engine.read().one("find_session", digest, now)
        if row is None:
            return None
        held = Held(id=row[0], opened_at=row[1], seen_at=row[2], expires_at=row[3], account=row[4:])
        if is_used and now - held.seen_at >= ms(TOUCH_EVERY) and not self._touch(held, now):
            return None  # ended between the question and the write
        return held

    def _touch(self, held: Held, now: int) -> bool:
        expires_at = min(now + ms(self.rules.idle), held.opened_at + ms(self.rules.longest))
        try:
            return bool(self._ledger.engine.write(lambda tx: tx.run("touch_session", now, expires_at, held.id)))
        except LedgerUnavailable:
            return True

    def of(self, account: str) -> list[Session]:
        """Those of an account that hold, the newest first."""
        now = to_ms(self._ledger.clock.now())
        return [
            Session(
                id=row[0],
                opened_at=from_ms(row[1]),
                seen_at=from_ms(row[2]),
                expires_at=from_ms(row[3]),
                address=row[4],
                agent=row[5],
            )
            for row in self._ledger.engine.read().all("sessions_of", account, now)
        ]


def digest_of(token: str) -> bytes:
    """What is kept of a token. It is random and long, so a plain digest tells nothing."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
