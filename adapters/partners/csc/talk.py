"""The calls of one attempt, in order; and what all attempts share: the token, and what the service says of itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

import structlog

from adapters.channels.http import MASK, Channel, Request
from adapters.channels.tokens import SharedToken, without_tokens
from adapters.partners.csc import oauth
from adapters.partners.csc.codes import INFO, TOKEN, Said
from adapters.partners.csc.replies import Answer, Granted, Info, answer_of, granted, info_of
from adapters.partners.csc.settings import CscSettings
from adapters.partners.signers.kept import without_secrets
from bus.messages import Exchange, InDoubt, Unreachable, canonical_bytes

log = structlog.get_logger("csc")

INFO_LIFE: Final = 3600.0
"""Seconds for which what a service says of itself is believed."""
EARLY: Final = 30.0
"""Seconds before its end from which a token is not used any more: it must outlive the call."""
REFUSED_PAUSE: Final = 30.0
"""Seconds for which a refused client is not tried again: some services lock one that keeps knocking."""
SECRET_FIELDS: Final = frozenset({"client_secret", "code", "code_verifier", "refresh_token", "token"})


class NoToken(Exception):
    """No token, so nothing else was sent."""

    def __init__(self, answer: Answer, exchange: Exchange | None) -> None:
        super().__init__(answer.reason)
        self.answer = answer
        self.exchange = exchange


def lost(trouble: Unreachable | InDoubt | None) -> Answer:
    """What came instead of an answer: nothing was sent, or nobody knows."""
    if isinstance(trouble, Unreachable):
        return Answer(said=Said.DOWN, reason=trouble.reason, retry_after=trouble.retry_after)
    return Answer(said=Said.UNCLEAR, reason=trouble.reason if trouble else "")


class Line:
    """The way to one service; safe to share between threads."""

    def __init__(
        self,
        settings: CscSettings,
        channel: Channel,
        slow: Channel,
        *,
        name: str,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        """`slow`: the channel for calls that a person's answer, or an HSM's, is waited for in."""
        self.settings = settings
        self._channel = channel
        self._slow = slow
        self.name = name
        self._tick = tick
        self._token = SharedToken(self._fetch, tick=tick)
        self._info: tuple[float, Info] | None = None
        self._refused: tuple[float, Answer] | None = None

    # -- what the service says of itself ------------------------------------------------------------------------------

    def info(self, talk: Talk) -> Info | Answer:
        """Read once an hour; it asks for no token (NOTES.md#r2)."""
        known = self._info
        if known is not None and self._tick() < known[0]:
            return known[1]
        answer = talk.sent(self.post(INFO, {"lang": "vi-VN"}), INFO)
        if answer.said is not Said.YES:
            return answer
        found = info_of(answer.values)
        self._info = (self._tick() + INFO_LIFE, found)
        return found

    @property
    def known_info(self) -> Info:
        """What it said of itself; nothing offered where nobody asked yet."""
        return self._info[1] if self._info else Info(methods=frozenset())

    @property
    def oauth2_url(self) -> str:
        """Where tokens are given: the settings say so, or else the service."""
        told, scheme = self.known_info.oauth2, self.settings.url.partition("://")[0]
        if not told.startswith(f"{scheme}://"):
            told = ""  # a service that sends us over an open line is not followed there
        return (self.settings.oauth2_url or told or self.settings.url.rpartition("/")[0]).rstrip("/")

    # -- tokens -------------------------------------------------------------------------------------------------------

    def bearer(self) -> str:
        """The token to use now. Raises NoToken."""
        return self._token.current()

    def forget(self, value: str) -> None:
        """It was refused."""
        log.info("session_expired", partner=self.name)
        self._token.forget(value)

    def ask_token(self, form: Mapping[str, str]) -> tuple[Granted | Answer, Exchange]:
        """One call to `oauth2/token`; the exchange is without secrets."""
        sent = self._channel.send(self._form(form))
        exchange = replace(without_tokens(sent), reply_body=_plain(sent.reply_body))
        if sent.trouble is not None:
            return lost(sent.trouble), exchange
        answer = answer_of(sent)
        found = granted(answer.values) if answer.said is Said.YES else None
        if found is None:
            return replace(answer, said=answer.said if answer.said is not Said.YES else Said.UNCLEAR), exchange
        return found, exchange

    def _fetch(self) -> tuple[str, float]:
        refused = self._refused
        if refused is not None and self._tick() < refused[0]:
            raise NoToken(refused[1], None)
        found, exchange = self.ask_token(oauth.client_form(self.settings))
        if isinstance(found, Granted):
            self._refused = None
            log.info("session_opened", partner=self.name)
            return found.value, max(found.life - EARLY, 0.0)
        if found.is_alarm:
            log.error("login_refused", partner=self.name, code=found.reason)
            self._refused = (self._tick() + REFUSED_PAUSE, found)
        raise NoToken(found, exchange)

    # -- requests -----------------------------------------------------------------------------------------------------

    def post(self, method: str, body: Mapping[str, Any], token: str = "") -> Request:
        """A method's call; what is kept of it has no secret in it."""
        whole = canonical_bytes(body)
        headers = {"content-type": "application/json", "accept": "application/json"}
        return Request(
            operation=method,
            method="POST",
            url=f"{self.settings.url.rstrip('/')}/{method}",
            headers={**headers, **({"authorization": f"Bearer {token}"} if token else {})},
            body=whole,
            recorded_body=without_secrets(whole),
        )

    def send(self, request: Request, *, is_slow: bool) -> Exchange:
        """Once."""
        return (self._slow if is_slow else self._channel).send(request)

    def _form(self, form: Mapping[str, str]) -> Request:
        hidden = {name: MASK if name in SECRET_FIELDS else value for name, value in form.items()}
        return Request(
            operation=TOKEN,
            method="POST",
            url=f"{self.oauth2_url}/{TOKEN}",
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            body=urlencode(form).encode(),
            recorded_body=urlencode(hidden, safe="*").encode(),
        )


@dataclass(slots=True, kw_only=True)
class Talk:
    """The calls of one attempt."""

    line: Line
    exchanges: list[Exchange] = field(default_factory=list)
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """What somebody typed for this attempt: kept nowhere, whatever an answer repeats."""

    def call(self, method: str, body: Mapping[str, Any], *, is_slow: bool = False, token: str = "") -> Answer:
        """One method, under the shared token or this one; a refused shared token is replaced once, because nothing
        was done under it (NOTES.md#r4)."""
        if token:
            return self.sent(self.line.post(method, body, token), method, is_slow=is_slow)
        answer, used = self._once(method, body, is_slow=is_slow)
        if answer.said is Said.TOKEN and used:
            self.line.forget(used)
            answer, _ = self._once(method, body, is_slow=is_slow)
        return replace(answer, said=Said.DOWN) if answer.said is Said.TOKEN else answer

    def sent(self, request: Request, method: str, *, is_slow: bool = False) -> Answer:
        """The answer to this request, its exchange kept."""
        exchange = self.line.send(request, is_slow=is_slow)
        answer = lost(exchange.trouble) if exchange.trouble is not None else answer_of(exchange)
        answer = replace(answer, reason=self._without(answer.reason))
        body = _plain(exchange.reply_body)
        kept = None if body is None else self._without(body.decode("utf-8", "surrogateescape"))
        told = None if kept is None else kept.encode("utf-8", "surrogateescape")
        self.exchanges.append(replace(exchange, reply_body=told))
        if answer.is_alarm:
            log.warning("signing_service_refused", partner=self.line.name, operation=method, code=answer.reason)
        return answer

    def _without(self, text: str) -> str:
        for each in self.hidden:
            text = text.replace(each, MASK)
        return text

    def _once(self, method: str, body: Mapping[str, Any], *, is_slow: bool) -> tuple[Answer, str]:
        try:
            token = self.line.bearer()
        except NoToken as trouble:
            if trouble.exchange is not None:
                self.exchanges.append(trouble.exchange)
            # Without a token nothing was done, whatever the server of tokens did: never unclear.
            return replace(trouble.answer, said=_nothing_done(trouble.answer.said)), ""
        return self.sent(self.line.post(method, body, token), method, is_slow=is_slow), token


def _nothing_done(said: Said) -> Said:
    return Said.LATER if said is Said.LATER else Said.DOWN


def _plain(body: bytes | None) -> bytes | None:
    return None if body is None else without_secrets(body)
