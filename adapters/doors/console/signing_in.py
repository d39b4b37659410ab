"""Signing in with a password: counted first, checked second, noted always.

Whoever guesses learns nothing of which names there are: a name that nobody has waits as long, costs as much work, and
hears the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from adapters.doors.console.frame import uncounted
from adapters.doors.console.passwords import Passwords, composed
from bus.errors import AccountRefused, NotFound
from bus.people import People
from bus.sessions import Opened

log = structlog.get_logger("console")

LONG_WAIT_MS: Final = 30_000
"""From here on a wait is told in the log: a person's slips do not come this far."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Too many failures: nothing was looked at. Ask again after so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Denied:
    """Name or password is wrong, or the account is disabled: which of them is not told."""


Result: TypeAlias = Opened | Wait | Denied


def sign_in(
    people: People,
    passwords: Passwords,
    name: str,
    password: str,
    *,
    address: str,
    agent: str,
    count: Callable[[str], None] = uncounted,
) -> Result:
    """Try a name and a password. Raises LedgerUnavailable: who cannot be noted does not come in."""
    name = composed(name).strip().lower()
    wait = people.tries.begin(name, address)
    if wait > 0:
        if wait > LONG_WAIT_MS:
            log.warning("sign_in_locked", peer=address, wait_s=-(-wait // 1000))
        count("waiting")
        return Wait(-(-wait // 1000))
    account = people.find(name)
    kept = None if account is None else account.password
    if not passwords.fits(kept, password) or account is None or kept is None:
        return _denied(people, name, address, count)
    try:
        opened = people.sign_in(name, address=address, agent=agent)
    except (AccountRefused, NotFound):
        return _denied(people, name, address, count)
    if passwords.is_outdated(kept):
        people.rehashed(name, kept, passwords.kept(password))
    log.info("signed_in", account=name, peer=address, session=opened.id, by="password")
    count("opened")
    return opened


def _denied(people: People, name: str, address: str, count: Callable[[str], None]) -> Denied:
    people.sign_in_failed(name, address=address)
    # Without the name: what was typed there may be a password. The audit page has it where there is such an account.
    log.warning("sign_in_failed", peer=address)
    count("denied")
    return Denied()
