"""One token for many threads: the first that needs it fetches it, the others wait for that one and share what came.

A failure is shared too: when the password is wrong, thirty-two threads must not try it thirty-two times.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final

from bus.messages import Exchange

TOKENS: Final = re.compile(rb'("(?:session|access_token|refresh_token|id_token)"\s*:\s*")[^"]*(")')


@dataclass(frozen=True, slots=True)
class Token:
    """What opens the door, and until when by our own count of time."""

    value: str
    until: float


class SharedToken:
    """`fetch` gives a token and how many seconds it lives, or raises."""

    def __init__(self, fetch: Callable[[], tuple[str, float]], *, tick: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._tick = tick  # monotonic: a jump of the wall clock must not log everybody out
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._flight: Future[Token] | None = None

    def current(self) -> str:
        """The token to use now."""
        token = self._token
        if token is not None and self._tick() < token.until:
            return token.value
        with self._lock:
            token = self._token
            if token is not None and self._tick() < token.until:
                return token.value
            flight, is_leading = self._flight, self._flight is None
            if flight is None:
                flight = self._flight = Future()
        return self._lead(flight) if is_leading else flight.result().value

    def forget(self, value: str) -> None:
        """This one was refused. A fresh one that another thread already has stays."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None

    def _lead(self, flight: Future[Token]) -> str:
        started = self._tick()
        try:
            value, lives = self._fetch()
        except BaseException as failure:
            self._land(None)
            flight.set_exception(failure)
            raise
        token = Token(value, started + lives)
        self._land(token)
        flight.set_result(token)
        return value

    def _land(self, token: Token | None) -> None:
        with self._lock:
            self._token, self._flight = token, None


def without_tokens(exchange: Exchange) -> Exchange:
    """The exchange of a login as it may be kept: a token in its reply is masked."""
    if not exchange.reply_body:
        return exchange
    return replace(exchange, reply_body=TOKENS.sub(rb"\1***\2", exchange.reply_body))
