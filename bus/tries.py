"""Tries to sign in, counted in the ledger for all processes together: waits grow with each that fails.

A try is counted as failed before the password is looked at, and taken back when it was right: so a hundred guesses at
once are a hundred, whichever process hears them. What was typed is kept as a keyed hash: people type passwords into
the field of the name.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from typing import Final

from bus.engines.sqlite import Tx
from bus.ledger import Ledger
from bus.sessions import KEPT as REMEMBERED
from bus.times import ms, to_ms

DAY_MS: Final = 86_400_000
"""After which failures are forgotten."""
FREE_OF_ACCOUNT: Final = 4
"""Failures of an account before anybody has to wait: fingers slip."""
FREE_OF_ADDRESS: Final = 30
"""An office of many people has one address."""
LONGEST_MS: Final = 900_000
"""A quarter of an hour: a hundred guesses a day, and a person who was locked out by another comes in by lunch."""
MANY: Final = 1_000_000
KEPT: Final = 20_000
"""Rows; strangers who make up names and addresses push out what failed least, never what failed often."""


class Tries:
    """Admits or delays tries. Threads and processes share what it counts."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._key = hmac.digest(ledger.master.index_key, b"login tries", hashlib.sha256)

    def begin(self, name: str, address: str) -> int:
        """Ask to try: 0, and the try is counted; or the milliseconds to wait, and nothing is."""
        now = to_ms(self._ledger.clock.now())

        def job(tx: Tx) -> int:
            counters = self._counters(tx, name, address, now)
            rows = [(who, free, _row(tx, who, now)) for who, free in counters]
            wait = max(_wait(failures, free, at, now) for _who, free, (failures, at) in rows)
            if wait > 0:
                return wait
            for who, _free, (failures, _at) in rows:
                tx.run("put_tries", who, failures + 1, now)
            tx.run("trim_tries", KEPT)
            return 0

        return self._ledger.engine.write(job)

    def forgive(self, tx: Tx, name: str, address: str, now: int) -> None:
        """It was right: the account's failures are forgotten; of the address's only this one, for it may be shared."""
        (account, _), *places = self._counters(tx, name, address, now)
        tx.run("forgive_tries", MANY, account)
        for place, _ in places:
            tx.run("forgive_tries", 1, place)

    def forget(self, tx: Tx, name: str) -> None:
        """The account has a new password: guesses at the old one are nothing."""
        tx.run("forgive_tries", MANY, self._who("account", name))

    def count_stranger(self, tx: Tx, day: int, is_known: bool) -> int:
        """How many tries under names that nobody has there were on this day, with this one if it is one."""
        who = self._who("strangers", str(day))
        failures = (tx.one("find_tries", who) or (0,))[0] + (not is_known)
        tx.run("put_tries", who, failures, day * DAY_MS)
        return int(failures)

    def _counters(self, tx: Tx, name: str, address: str, now: int) -> list[tuple[bytes, int]]:
        """Of the account, and of the address. Where the account was signed in from before it is counted by itself: a
        stranger who fails on purpose, elsewhere or behind the same proxy, does not lock its owner out."""
        if tx.one("was_here_from", name, address, now - ms(REMEMBERED)) is not None:
            return [(self._who("here", name, address), FREE_OF_ACCOUNT)]
        return [
            (self._who("account", name), FREE_OF_ACCOUNT),
            (self._who("address", place_of(address)), FREE_OF_ADDRESS),
        ]

    def _who(self, *parts: str) -> bytes:
        told = "\n".join(parts).encode(errors="surrogatepass")
        return hmac.digest(self._key, told, hashlib.sha256)[:16]


def place_of(address: str) -> str:
    """What counts as one address: of version 6 a whole network, since everybody has as many as he likes."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def _row(tx: Tx, who: bytes, now: int) -> tuple[int, int]:
    row = tx.one("find_tries", who)
    return (0, 0) if row is None or now - row[1] >= DAY_MS else (row[0], row[1])


def _wait(failures: int, free: int, at: int, now: int) -> int:
    """How long still: a second after the last free failure, twice as long after each further one."""
    if failures < free:
        return 0
    return at + min(1000 << min(failures - free, 20), LONGEST_MS) - now
