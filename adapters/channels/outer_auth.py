"""The province's own exchange (LGSP) may want to know who calls, before any partner does.

A layer of its own: it knows nothing of the partner's session (national_portal/NOTES.md#r27).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlencode

import msgspec

from adapters.channels.http import Channel, Request
from adapters.channels.tokens import SharedToken, without_tokens
from bus.messages import Exchange, Unreachable

EARLY: Final = 30.0
"""Seconds before its end at which a token is renewed: a call must not meet its end on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHeader:
    """One fixed header opens the exchange."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """OAuth2 client credentials: a bearer token, fetched and kept until shortly before its end."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    secret_in: str = "header"  # noqa: S105  # "header" (HTTP Basic) or "body"


OuterAuth: TypeAlias = KeyHeader | ClientCredentials


class OuterRefused(Exception):
    """The exchange gave no token: nothing of ours reached the partner."""

    def __init__(self, trouble: Unreachable, exchange: Exchange) -> None:
        self.trouble = trouble
        self.exchange = exchange
        super().__init__(trouble.reason)


class OuterHeaders(Protocol):
    """What each call carries for the exchange in front of the partner."""

    secret_names: frozenset[str]

    def headers(self) -> Mapping[str, str]:
        """The headers of one call. Raises `OuterRefused`."""
        ...

    def forget(self, headers: Mapping[str, str]) -> None:
        """The exchange did not take these: get fresh ones."""
        ...


class NoHeaders:
    """Nothing stands in front, or a fixed key does."""

    def __init__(self, key: KeyHeader | None = None) -> None:
        self._headers = {key.name: key.value} if key else {}
        self.secret_names = frozenset({key.name.lower()} if key else ())

    def headers(self) -> Mapping[str, str]:
        return self._headers

    def forget(self, headers: Mapping[str, str]) -> None:
        """A fixed key does not change."""


class BearerToken:
    """OAuth2 client credentials, one token for all threads."""

    secret_names = frozenset({"authorization"})

    def __init__(
        self, credentials: ClientCredentials, channel: Channel, *, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._request = _token_request(credentials)
        self._channel = channel
        self._token = SharedToken(self._fetch, tick=tick)

    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self._token.current()}"}

    def forget(self, headers: Mapping[str, str]) -> None:
        self._token.forget(headers["authorization"].removeprefix("Bearer "))

    def _fetch(self) -> tuple[str, float]:
        exchange = self._channel.send(self._request)
        if exchange.trouble is not None:
            raise OuterRefused(Unreachable(reason=f"outer_auth: {exchange.trouble.reason}"), exchange)
        try:
            reply = msgspec.json.decode(exchange.reply_body or b"", type=_TokenReply)
        except msgspec.DecodeError:
            reply = _TokenReply("")
        if exchange.status != 200 or not reply.access_token:
            reason = f"outer_auth: no token, HTTP {exchange.status}"
            raise OuterRefused(Unreachable(reason=reason), without_tokens(exchange))
        return reply.access_token, max(reply.expires_in - EARLY, reply.expires_in / 2)


class _TokenReply(msgspec.Struct):
    access_token: str
    expires_in: float = 300.0


def outer_headers(
    auth: OuterAuth | None, channel: Channel, *, tick: Callable[[], float] = time.monotonic
) -> OuterHeaders:
    """The headers for what the settings say stands in front; `channel` is the one for low-rate calls."""
    match auth:
        case ClientCredentials():
            return BearerToken(auth, channel, tick=tick)
        case _:
            return NoHeaders(auth)


def _token_request(credentials: ClientCredentials) -> Request:
    form = {"grant_type": "client_credentials"} | ({"scope": credentials.scope} if credentials.scope else {})
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    recorded = urlencode(form).encode()
    if credentials.secret_in == "body":  # noqa: S105
        form |= {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
    else:
        pair = f"{credentials.client_id}:{credentials.client_secret}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return Request(
        operation="token",
        method="POST",
        url=credentials.token_url,
        headers=headers,
        body=urlencode(form).encode(),
        recorded_body=recorded,
    )
