"""One login for all threads (NOTES.md#r20 to #r28): the session is shared, renewed by time and when it is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from adapters.channels.http import Channel
from adapters.channels.outer_auth import OuterHeaders
from adapters.channels.tokens import SharedToken, without_tokens
from adapters.partners.national_portal.calls import Calls
from adapters.partners.national_portal.codes import Operation, Verdict
from adapters.partners.national_portal.replies import read
from adapters.partners.national_portal.settings import NationalPortalSettings
from bus.messages import Exchange, Unreachable

log = structlog.get_logger("national_portal")

PARTNER: Final = "national_portal"
REFUSED_PAUSE: Final = 30.0
"""Seconds for which a refused login is not tried again: probes with a wrong password would lock the account."""


class LoginFailed(Exception):
    """No session, so nothing was sent.

    It is `Unreachable`, and never silent. A wrong password is our own trouble, but to hold each delivery for it would
    park the whole queue for a person to release one by one; so the circuit opens, one alarm tells the operator
    (`login_refused`), and everything drains by itself once the password is right.
    """

    def __init__(self, trouble: Unreachable, exchange: Exchange | None) -> None:
        self.trouble = trouble
        self.exchange = exchange
        """None when nobody was called, because the last refusal is fresh."""
        super().__init__(trouble.reason)


class Session(Protocol):
    """What stands in the `session` member of each call."""

    def current(self) -> str:
        """The session to use now. Raises `LoginFailed` or `OuterRefused`."""
        ...

    def forget(self, value: str) -> None:
        """The portal did not take this one."""
        ...


class NoSession:
    """A façade keeps the session to itself."""

    def current(self) -> str:
        return ""

    def forget(self, value: str) -> None:
        """There is nothing to forget."""


class LoginSession:
    """The session of one user at one adapter."""

    def __init__(
        self,
        settings: NationalPortalSettings,
        channel: Channel,
        calls: Calls,
        outer: OuterHeaders,
        *,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._channel = channel
        self._calls = calls
        self._outer = outer
        self._tick = tick
        self._token = SharedToken(self._log_in, tick=tick)
        self._refused: tuple[float, Unreachable] | None = None

    def current(self) -> str:
        return self._token.current()

    def forget(self, value: str) -> None:
        log.info("session_expired", partner=PARTNER)
        self._token.forget(value)

    def _log_in(self) -> tuple[str, float]:
        refused = self._refused
        if refused is not None and self._tick() < refused[0]:
            raise LoginFailed(refused[1], None)
        session = self._ask_for_session()
        self._refused = None
        return session

    def _ask_for_session(self) -> tuple[str, float]:
        headers = self._outer.headers()
        exchange = self._channel.send(self._calls.login(headers))
        if exchange.trouble is not None:
            # A login whose reply was lost did nothing that matters: a new one leaves older sessions alive (r26).
            raise LoginFailed(Unreachable(reason=f"login_failed: {exchange.trouble.reason}"), exchange)
        if exchange.status == 401:
            self._outer.forget(headers)
        answer = read(exchange, Operation.LOGIN, self._settings)
        if answer.verdict is Verdict.YES and answer.body.session:
            log.info("session_opened", partner=PARTNER)
            return answer.body.session, self._settings.session_ttl.total_seconds()
        if answer.verdict in (Verdict.REFUSED, Verdict.YES):
            trouble = Unreachable(reason=f"login_refused: {answer.code} {answer.text}".strip())
            log.error("login_refused", partner=PARTNER, code=answer.code)
            self._refused = (self._tick() + REFUSED_PAUSE, trouble)
        else:
            trouble = Unreachable(reason=f"login_failed: {answer.reason}", retry_after=answer.retry_after)
        raise LoginFailed(trouble, without_tokens(exchange))
