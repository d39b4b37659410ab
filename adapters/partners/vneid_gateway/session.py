"""Our token at the gateway: one for all threads, renewed shortly before its end (NOTES.md#r11)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.channels.http import Channel
from adapters.channels.retry_after import retry_after
from adapters.channels.tokens import SharedToken
from adapters.partners.signers.alarms import tell
from adapters.partners.vneid_gateway import wire
from adapters.partners.vneid_gateway.codes import Said
from adapters.partners.vneid_gateway.replies import Answer, Tokens, read, tokens_of
from adapters.partners.vneid_gateway.settings import VneidSettings
from adapters.partners.vneid_gateway.wire import Stamp
from bus.messages import Exchange, Outcome, Refused, Unreachable
from bus.ports import Clock, Randomness

REFUSED_PAUSE: Final = 30.0
"""Seconds for which a refused login is not tried again: probes with a wrong password would lock the account."""


class LoginFailed(Exception):
    """No token, so nothing of the call went out."""

    def __init__(self, trouble: Unreachable, *exchanges: Exchange) -> None:
        self.trouble = trouble
        self.exchanges = exchanges
        """None when nobody was called, because the last refusal is fresh."""
        super().__init__(trouble.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A refresh token, and until when by our own count of time."""

    value: str
    until: float


class Talk:
    """Calls of one partner: each with a stamp of its own."""

    def __init__(self, settings: VneidSettings, channel: Channel, *, clock: Clock, randomness: Randomness) -> None:
        self._settings = settings
        self._channel = channel
        self._clock = clock
        self._randomness = randomness

    def call(self, message: str, fields: Mapping[str, Any], *, bearer: str = "") -> tuple[Exchange, Answer | None]:
        """One call, and its answer where one came."""
        stamp = Stamp(at=self._clock.now(), nonce=self._new_id(), request_id=self._new_id())
        exchange = self._channel.send(wire.request(self._settings, message, fields, stamp, bearer=bearer))
        return exchange, None if exchange.trouble is not None else read(exchange, stamp.request_id)

    def _new_id(self) -> str:
        return wire.uuid_of(self._randomness)


class Session:
    """The token of one partner, shared by all threads."""

    def __init__(
        self, settings: VneidSettings, talk: Talk, *, name: str, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._talk = talk
        self._name = name
        self._tick = tick
        self._token = SharedToken(self._renew, tick=tick)
        self._refresh: Kept | None = None
        self._refused: tuple[float, Unreachable] | None = None

    def current(self) -> str:
        """The token to use now. Raises LoginFailed."""
        return self._token.current()

    def forget(self, token: str) -> None:
        """It was refused."""
        self._token.forget(token)

    def _renew(self) -> tuple[str, float]:
        """By the refresh token while it lives, else by a login. One thread at a time is here."""
        kept, self._refresh = self._refresh, None
        if kept is not None and self._tick() < kept.until:
            _, answer = self._talk.call(wire.REFRESH, wire.refresh(kept.value))
            tokens = None if answer is None else tokens_of(answer)
            if tokens is not None:
                return self._taken(tokens)
        return self._log_in()

    def _log_in(self) -> tuple[str, float]:
        if self._refused is not None and self._tick() < self._refused[0]:
            raise LoginFailed(self._refused[1])
        exchange, answer = self._talk.call(wire.TOKEN, wire.token(self._settings))
        if answer is None:
            # A login whose answer was lost did nothing that matters.
            reason = exchange.trouble.reason if exchange.trouble is not None else ""
            raise LoginFailed(Unreachable(reason=f"login_failed: {reason}"), exchange)
        tokens = tokens_of(answer)
        if tokens is None:
            raise LoginFailed(self._no_token(answer, exchange), exchange)
        self._refused = None
        return self._taken(tokens)

    def _no_token(self, answer: Answer, exchange: Exchange) -> Unreachable:
        """Our own trouble, and never one signature's: all wait, and drain by themselves once it is mended."""
        trouble = Unreachable(reason=f"login_failed: {answer.reason}", retry_after=retry_after(exchange))
        if answer.said in (Said.NO, Said.TOKEN):
            self._refused = (self._tick() + REFUSED_PAUSE, trouble)
            tell("credentials", partner=self._name, code=answer.reason)
        else:
            tell(answer.alarm, partner=self._name, code=answer.reason)
        return trouble

    def _taken(self, tokens: Tokens) -> tuple[str, float]:
        if tokens.refresh:
            self._refresh = Kept(value=tokens.refresh, until=self._tick() + tokens.refresh_lives)
        return tokens.access, tokens.lives


def not_begun(answer: Answer, exchange: Exchange, what: str) -> Outcome:
    """What an answer other than yes comes to, before anybody was asked to sign: at the worst it goes again."""
    if answer.said is Said.NO:
        return Refused(code=answer.code, reason=answer.reason)
    reason = f"{what}: {answer.reason}"
    is_down = answer.said in (Said.DOWN, Said.UNCLEAR)
    return Unreachable(reason=reason, retry_after=retry_after(exchange), is_down=is_down)
