"""Who knocks at the façade: accounts with name and password, sessions, and what is done against guessing.

A session is no row: it is a time, chance, and a keyed hash over both and the account. So every process of the doors
knows every session, a restart ends none, and another password ends all of its account (contracts/facade/NOTES.md#r10).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from typing import Final

from adapters.doors.malformed import FieldError
from adapters.doors.pace import Pace
from adapters.doors.refusals import TurnedAway
from bus.ports import Clock, Randomness

MOST_STRIKES: Final = 10
"""Wrong passwords from one address before it has to wait."""
STRIKE_S: Final = 6.0
"""After this time one wrong password is forgotten."""
MOST_ADDRESSES: Final = 10_000
_TIME, _CHANCE, _MAC = 8, 16, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One one-stop system that speaks as it spoke to the national adapter."""

    name: str
    """In the settings; what the operator reads."""
    username: str
    password: str = field(repr=False)
    source: str
    madonvi: str
    key: str = field(default="", repr=False)
    """Of a provincial exchange in front of it, which hides the login; empty: none."""
    rate: float = 0.0
    """Calls a second; 0: no limit."""


class Accounts:
    """Logs in, and knows who a session is."""

    def __init__(
        self,
        accounts: Sequence[Account],
        *,
        secret: bytes,
        life: timedelta,
        clock: Clock,
        randomness: Randomness,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        """`secret`: the same in every process of the doors, and nowhere else."""
        self._accounts = {account.username: account for account in accounts}
        self._keys = {account.username: _key_of(account, secret) for account in accounts}
        self._life = life
        self._clock = clock
        self._randomness = randomness
        self._paces = {account.username: Pace(account.rate, tick) for account in accounts}
        self._strikes = Strikes(tick)

    def log_in(self, username: str, password: str, address: str) -> str:
        """A fresh session. Raises TurnedAway."""
        self._strikes.require_none(address)
        account = self._accounts.get(username)
        # A name that nobody has is compared as well: how long it takes tells nothing.
        known = "" if account is None else account.password
        if not _same(password, known) or account is None or not known:
            self._strikes.note(address)
            raise turned_away("bad_login", "username")
        self._require_pace(account)
        return self._make(account)

    def of_session(self, session: str) -> Account:
        """Whose session this is. Raises TurnedAway when it is nobody's, or over."""
        try:
            raw = base64.urlsafe_b64decode(session.encode())
        except (ValueError, binascii.Error):
            raw = b""
        expires_at, rest = int.from_bytes(raw[:_TIME], "big"), raw[_TIME:]
        for username, key in self._keys.items():
            if len(rest) == _CHANCE + _MAC and hmac.compare_digest(_mac(key, raw[: _TIME + _CHANCE]), rest[_CHANCE:]):
                if expires_at < self._clock.now().timestamp():
                    raise turned_away("session_over", "session", self._accounts[username])
                self._require_pace(self._accounts[username])
                return self._accounts[username]
        raise turned_away("no_session", "session")

    def of_key(self, key: str, address: str) -> Account:
        """Whose key of the exchange this is. Raises TurnedAway."""
        self._strikes.require_none(address)
        found = [each for each in self._accounts.values() if each.key and _same(key, each.key)]
        if not found:
            self._strikes.note(address)
            raise turned_away("no_session", "apikey")
        self._require_pace(found[0])
        return found[0]

    def _make(self, account: Account) -> str:
        expires_at = ceil((self._clock.now() + self._life).timestamp())
        head = expires_at.to_bytes(_TIME, "big") + self._randomness.token(_CHANCE)
        return base64.urlsafe_b64encode(head + _mac(self._keys[account.username], head)).decode()

    def _require_pace(self, account: Account) -> None:
        if wait := self._paces[account.username].wait():
            raise TurnedAway("rate_limited", caller=account.name, headers={"retry-after": str(ceil(wait))})


class Strikes:
    """Wrong passwords by address. Right ones are never counted: some clients log in before every call."""

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._free_at: dict[str, float] = {}
        """When all wrong ones of an address will be forgotten."""
        self._lock = threading.Lock()

    def require_none(self, address: str) -> None:
        """Raises TurnedAway (429) while an address has too many."""
        wait = self._free_at.get(address, 0.0) - self._tick() - (MOST_STRIKES - 1) * STRIKE_S
        if wait > 0:
            raise TurnedAway("rate_limited", headers={"retry-after": str(ceil(wait))})

    def note(self, address: str) -> None:
        """One more."""
        with self._lock:
            before = self._free_at.pop(address, 0.0)
            if len(self._free_at) >= MOST_ADDRESSES:
                del self._free_at[next(iter(self._free_at))]
            self._free_at[address] = max(before, self._tick()) + STRIKE_S


def turned_away(rule: str, place: str, account: Account | None = None) -> TurnedAway:
    """A refusal of the visitor, not of what it says."""
    error = FieldError(field=place, rule=rule, detail=f"{place}: {rule}")
    return TurnedAway("unsigned", errors=[error], caller=None if account is None else account.name)


def _key_of(account: Account, secret: bytes) -> bytes:
    told = b"\0".join([b"facade session", account.username.encode(), _digest(account.password)])
    return hmac.new(secret, told, hashlib.sha256).digest()


def _mac(key: bytes, head: bytes) -> bytes:
    return hmac.new(key, head, hashlib.sha256).digest()


def _same(one: str, other: str) -> bool:
    """Compared by digest: neither content nor length shows in the time that it takes."""
    return hmac.compare_digest(_digest(one), _digest(other))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
