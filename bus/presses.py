"""A form is pressed once: its key and what it does are written in one transaction, or neither is.

A key is made when a form is rendered: sixteen random bytes, when, and an HMAC over them, the account, what the form
does and what it does it to. So a key is good for exactly that form of that person, in every process that has the master
key, also after signing in anew (what was typed when a session ended is sent under its own key, so that it happens once
even if it had happened already), and costs nothing until it is pressed. It lives half a day: a form that stood open for
longer shows what is no longer so. Whoever presses again (a double click, a reload, another door) gets the first press's
result.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec

from bus.engines.sqlite import Tx
from bus.errors import PressRefused, PressTooOld
from bus.ledger import Ledger
from bus.ports import Randomness
from bus.times import ms, to_ms

LIFE: Final = timedelta(hours=12)
"""How old a form may be: a working day's tab, not yesterday's."""
KEPT: Final = timedelta(hours=48)
"""How long a pressed key is remembered: longer than it lives, for clocks that go back too."""
AHEAD: Final = timedelta(minutes=5)
"""How far two processes' clocks may stand apart."""
_RANDOM: Final = 16
_STAMP: Final = 8
_MAC: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Which form a key belongs to."""

    account: str
    act: str
    """What pressing does: `replay`, `hold`, `run` …"""
    target: str
    """What it is done to: `delivery 7`, `partner national_portal` …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """What came of a press."""

    result: Mapping[str, Any]
    is_repeat: bool
    """Whether this is the first press's result: nothing was done now."""


class Presses:
    """Makes keys for forms, and takes presses. Threads and processes may have one each."""

    def __init__(self, ledger: Ledger, randomness: Randomness) -> None:
        self._ledger = ledger
        self._randomness = randomness
        self._key = hmac.digest(ledger.master.index_key, b"press", hashlib.sha256)

    def key(self, form: Form) -> str:
        """A fresh key for a form that is rendered now."""
        made = self._randomness.token(_RANDOM) + self._now().to_bytes(_STAMP, "big")
        return base64.urlsafe_b64encode(made + self._mac(made, form)).decode().rstrip("=")

    def press(self, key: str, form: Form, do: Callable[[Tx], Mapping[str, Any]]) -> Pressed:
        """Do it, once: `do` runs in the transaction that writes the key; its result must be fit for JSON.

        `do` is run again when the transaction is, so it changes nothing but the ledger. What it raises leaves no key
        behind. Raises PressRefused, PressTooOld, and whatever `do` raises.
        """
        made = self._opened(key, form)
        name, at = made[:_RANDOM].hex(), self._now()
        is_late = not -ms(AHEAD) <= at - int.from_bytes(made[_RANDOM:], "big") <= ms(LIFE)

        def job(tx: Tx) -> Pressed:
            known = tx.one("find_press", name)
            if known is not None:
                return Pressed(result=msgspec.json.decode(known[3]), is_repeat=True)
            if is_late:
                raise PressTooOld
            result = dict(do(tx))
            body = msgspec.json.encode(result).decode()
            tx.run("add_press", name, form.account, form.act, form.target, at, body)
            tx.run("forget_presses", at - ms(KEPT))
            return Pressed(result=result, is_repeat=False)

        return self._ledger.engine.write(job)

    def earlier(self, key: str, form: Form) -> Pressed | None:
        """What an earlier press of this key came to; None where there was none. Raises PressRefused.

        For who would else have to look at what is no longer so before the press is even asked for.
        """
        name = self._opened(key, form)[:_RANDOM].hex()
        known = self._ledger.engine.read().one("find_press", name)
        return None if known is None else Pressed(result=msgspec.json.decode(known[3]), is_repeat=True)

    def _opened(self, key: str, form: Form) -> bytes:
        try:
            whole = base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise PressRefused from None
        made, mac = whole[: _RANDOM + _STAMP], whole[_RANDOM + _STAMP :]
        if not hmac.compare_digest(mac, self._mac(made, form)):
            raise PressRefused
        return made

    def _mac(self, made: bytes, form: Form) -> bytes:
        # As a JSON list: no two forms are written alike, whatever their names hold.
        said = msgspec.json.encode([made.hex(), form.account, form.act, form.target])
        return hmac.digest(self._key, said, hashlib.sha256)[:_MAC]

    def _now(self) -> int:
        return to_ms(self._ledger.clock.now())
