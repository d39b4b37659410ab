"""A caller of our own door: signs each request anew, and knocks again while the door cannot take it.

Knocking again is safe whatever became of the first try: an event's id repeats, and a repeat gets its first answer.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from adapters.channels.http import HttpSettings, NotSent, Reply, ReplyLost, Transport, open_fastest
from bus.ports import Clock
from signing.asymmetric import SigningKey
from signing.http import sign_request

EVENT: Final = "application/json"
LINES: Final = "application/x-ndjson"
LIFE: Final = timedelta(seconds=120)


class DoorClosed(Exception):
    """The door could not take it now: no connection, no answer, or 503 until patience ran out."""


class DoorRefused(Exception):
    """The door turned the whole request away; `problem` is what it said."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        super().__init__(f"HTTP {status}: {problem.get('code', '?')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knocking:
    """How patient a caller is."""

    attempts: int = 8
    first_s: float = 0.2
    longest_s: float = 10.0


class SignedClient:
    """One caller at one door; many threads may use it."""

    def __init__(
        self,
        url: str,
        *,
        caller: str,
        secret: bytes | SigningKey,
        clock: Clock,
        knocking: Knocking = Knocking(),
        timeout: timedelta = timedelta(seconds=60),
        allow_http: bool = False,
        language: str = "vi",
        open_transport: Callable[[HttpSettings], Transport] = open_fastest,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(f"{url} is no address of a door")
        if parts.scheme == "http" and not (allow_http or _is_loopback(parts.hostname)):
            raise ValueError(f"{url} is not https")
        self._base = url.rstrip("/")
        self._caller = caller
        self._secret = secret
        self._clock = clock
        self._language = language
        self._knocking = knocking
        self._transport = open_transport(HttpSettings(timeout=timeout, allow_http=True, max_reply_bytes=50_000_000))

    def close(self) -> None:
        """Let go of the connections."""
        self._transport.close()

    def post_event(self, line: bytes) -> Reply:
        """One event; whatever the door answered. Raises DoorClosed."""
        return self._knock("POST", "/v1/events", line, EVENT)

    def post_lines(self, lines: bytes) -> list[dict[str, Any]]:
        """Many events, a line each; the answers, a line each. Raises DoorClosed, DoorRefused."""
        reply = self._knock("POST", "/v1/events/batch", lines, LINES)
        if reply.status != 200:
            raise DoorRefused(reply.status, _problem(reply))
        return [json.loads(line) for line in reply.body.splitlines()]

    def get(self, path: str, query: str = "") -> Reply:
        """A question. Raises DoorClosed."""
        return self._knock("GET", path, b"", None, query)

    def _knock(self, method: str, path: str, body: bytes, kind: str | None, query: str = "") -> Reply:
        patience = self._knocking
        knock = Retrying(
            retry=retry_if_exception_type(DoorClosed),
            stop=stop_after_attempt(patience.attempts),
            wait=wait_exponential_jitter(multiplier=patience.first_s, max=patience.longest_s, jitter=patience.first_s),
            sleep=self._clock.sleep,
            reraise=True,
        )
        return knock(self._send, method, path, body, kind, query)

    def _send(self, method: str, path: str, body: bytes, kind: str | None, query: str) -> Reply:
        """Signed anew at each try: the same signed bytes again would be a replay."""
        now = self._clock.now()
        base = urlsplit(self._base).path
        headers = sign_request(
            method,
            quote(base + path, safe="/%"),
            query,
            kind,
            body,
            key_id=self._caller,
            secret=self._secret,
            created=now,
            expires=now + LIFE,
            nonce=secrets.token_urlsafe(16),
        )
        url = f"{self._base}{quote(path, safe='/%')}{'?' if query else ''}{query}"
        try:
            reply = self._transport.perform(method, url, headers | {"accept-language": self._language}, body)
        except (NotSent, ReplyLost) as failure:
            raise DoorClosed(str(failure)) from None
        if reply.status in (429, 503):
            raise DoorClosed(f"HTTP {reply.status}: {_problem(reply).get('code', '?')}")
        return reply


def _problem(reply: Reply) -> dict[str, Any]:
    try:
        found = json.loads(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
