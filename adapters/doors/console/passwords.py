"""Passwords: what one may be, how it is kept, and the same work for a name that nobody has.

Argon2id, as RFC 9106 recommends it where memory is scarce. A string that was made under other parameters is made anew
at the next sign-in, when the password is at hand.
"""

from __future__ import annotations

import hmac
import threading
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from adapters.doors.console.answers import Wrong

SHORTEST: Final = 12
"""Characters; a phrase of four words has more."""
LONGEST: Final = 200
PASSES: Final = 3
MEMORY_KIB: Final = 65_536
"""64 MiB for each try: what makes guessing dear on a graphics card."""
LANES: Final = 4
AT_ONCE: Final = 4
"""Hashes made at the same time; more would take the memory that deliveries need. Others wait their turn."""

_COMMONEST: Final = """
    123456789012 1234567890123 12345678901234 123456123456 123123123123 111111111111 000000000000 qwertyuiop123
    qwertyuiop12 qwertyuiopas qwerty123456 1qaz2wsx3edc 1q2w3e4r5t6y password1234 password12345 password123456
    passwordpassword administrator administrator1 admin1234567 adminadmin12 adminadminadmin lienthong1234 lienthong12345
    lienthong123456 matkhau12345 matkhau123456 matkhaumatkhau motcua123456 dichvucong123 hanhchinhcong abcdefghijkl
    abcd12345678 abc123456789 iloveyou1234 anhyeuem1234 anhyeuem123456 vietnam12345 vietnam123456 hanoi1234567
    welcome12345 changeme1234 letmein12345 p@ssw0rd1234 correcthorsebatterystaple"""
COMMONEST: Final = frozenset(_COMMONEST.split())
"""The first that anybody tries, of twelve characters and more."""


class Passwords:
    """Makes and checks argon2 strings. Threads share one; so many hash at once."""

    def __init__(self, *, passes: int = PASSES, memory_kib: int = MEMORY_KIB, lanes: int = LANES) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes, type=Type.ID)
        self._room = threading.BoundedSemaphore(AT_ONCE)
        # As much work as any other, and nobody's: put together, not worked out, or each start would cost half a second.
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${'A' * 22}${'A' * 43}"

    def kept(self, password: str) -> str:
        """What the ledger keeps of a password."""
        with self._room:
            return self._hasher.hash(composed(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the password. Where there is none (no such account, or one of a provider's) as much is done."""
        with self._room:
            try:
                is_right = self._hasher.verify(kept or self._nobody, composed(password)[: 2 * LONGEST])
            except (VerificationError, InvalidHashError):
                return False
        return is_right and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether it was made under other parameters."""
        return self._hasher.check_needs_rehash(kept)


def composed(password: str) -> str:
    """One keyboard sends ế as one letter, another as three: both mean the same."""
    return unicodedata.normalize("NFC", password)


def same(one: str, other: str) -> bool:
    """Whether somebody typed the same twice."""
    return hmac.compare_digest(composed(one).encode(), composed(other).encode())


def require_good(password: str, name: str) -> None:
    """Raises Wrong where nobody should have this password. What is only long is good: no rules about signs in it."""
    told = composed(password)
    if len(told) < SHORTEST:
        raise Wrong("users.password_short", field="password", least=SHORTEST)
    if len(told) > LONGEST:
        raise Wrong("users.password_long", field="password", most=LONGEST)
    plain = told.casefold()
    if name.casefold() in plain.replace(" ", "") or plain in COMMONEST or len(set(plain)) < 4:
        raise Wrong("users.password_known", field="password")
