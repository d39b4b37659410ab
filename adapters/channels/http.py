"""The one place where timeouts, TLS and limits are set: `send()` takes a request and gives an `Exchange`.

What went wrong is sorted once, here, by the only question that matters to the bus: can anything have arrived?

    NotSent     no connection was made (refused, no route, no name, TLS failed): `Unreachable`
    ReplyLost   everything else, a panic of the transport included: `InDoubt`

Nothing is followed, decoded or retried behind our back: no redirects, no proxy from the environment, no compression.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from urllib.parse import urlsplit

from bus.messages import Exchange, InDoubt, Unreachable
from bus.ports import Clock, CrashPoint, SystemClock, no_crash

SECRET_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "apikey", "x-api-key", "cookie", "set-cookie"}
)
MASK: Final = "***"
AGENT: Final = "lienthong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call, ready to go out. Its address comes from the settings, never from a message."""

    operation: str
    """The partner's name of what is called, e.g. `DongBoHoSoMC`."""
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    recorded_body: bytes | None = None
    """What the exchange keeps in place of `body`: a login's body without its password."""
    secret_headers: frozenset[str] = frozenset()
    """Lower-case names of further headers whose value is never recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How one partner is reached."""

    timeout: timedelta = timedelta(seconds=10)
    """How long one call may take, from connecting to the last byte of the reply."""
    connect_timeout: timedelta = timedelta(seconds=3)
    """How long until a connection stands, TLS included. Shorter than `timeout`: past that, nobody knows what left."""
    max_reply_bytes: int = 10_000_000
    """A longer reply is not read on; its outcome is in doubt."""
    max_connections: int | None = None
    """Calls in flight at once; a call that waits longer than `connect_timeout` for its turn was not sent."""
    idle_timeout: timedelta = timedelta(seconds=4)
    """Servers close idle connections (often after 5 s); one closed as we write would leave a step in doubt."""
    allow_http: bool = False
    """Whether plain HTTP may be spoken: only on the government network, where the security server is the trust."""
    roots_pem: bytes | None = None
    """Certificates of further authorities to trust, beside the machine's own."""
    identity_pem: bytes | None = field(default=None, repr=False)
    """Our certificate with its key, for mutual TLS."""
    knocks: int = 2
    """How often one attempt tries to connect before it says `Unreachable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer."""

    status: int
    head: bytes
    body: bytes


class NotSent(Exception):
    """No connection was made: nothing can have arrived."""


class ReplyLost(Exception):
    """Something may have arrived, and no whole answer came back."""


class PlainHttpRefused(ValueError):
    """The address is not https; set `allow_http = true` for this partner if its network is the protection."""


class Transport(Protocol):
    """One HTTP client behind the seam. Raises `NotSent` or `ReplyLost`, and nothing else of its library's own."""

    def perform(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply: ...

    def close(self) -> None: ...


class Channel(Protocol):
    """What an adapter sends through."""

    def send(self, request: Request) -> Exchange: ...


class HttpChannel:
    """A channel over one transport, shared by many threads; opened at the first call, so after any fork."""

    def __init__(
        self,
        settings: HttpSettings,
        *,
        open_transport: Callable[[HttpSettings], Transport] | None = None,
        clock: Clock | None = None,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        self._settings = settings
        self._open = open_transport or open_fastest
        self._clock = clock or SystemClock()
        self._crash_point = crash_point
        self._lock = threading.Lock()
        self._opened: tuple[int, Transport] | None = None

    def send(self, request: Request) -> Exchange:
        """Send once (knocking a few times while nobody opens), and say what came: a reply, or the trouble."""
        if not (self._settings.allow_http or request.url.startswith("https://")):
            raise PlainHttpRefused(f"{_origin(request.url)} is not https")
        sent_at, started = self._clock.now(), time.perf_counter()
        reply: Reply | None = None
        trouble: Unreachable | InDoubt | None = None
        self._crash_point("send.before")
        try:
            reply = self._perform(request)
        except NotSent as failure:
            trouble = Unreachable(reason=f"not_sent: {failure}")
        except ReplyLost as failure:
            trouble = InDoubt(reason=f"reply_lost: {failure}")
        else:
            self._crash_point("send.after")
        return _exchange(request, reply, trouble, sent_at, timedelta(seconds=time.perf_counter() - started))

    def close(self) -> None:
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None and opened[0] == os.getpid():
            opened[1].close()

    def _perform(self, request: Request) -> Reply:
        transport = self._transport()
        try:
            return transport.perform(request.method, request.url, request.headers, request.body)
        except NotSent:
            if self._settings.knocks < 2:
                raise
        return self._knock_again(transport, request)

    def _knock_again(self, transport: Transport, request: Request) -> Reply:
        # Loaded at the first closed door: tenacity brings asyncio along, and a worker's first delivery should not wait.
        import tenacity

        knock = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NotSent),
            stop=tenacity.stop_after_attempt(self._settings.knocks - 1)
            | tenacity.stop_after_delay(self._settings.timeout),
            wait=tenacity.wait_exponential_jitter(multiplier=0.05, max=1, jitter=0.05),
            sleep=self._clock.sleep,
            reraise=True,
        )
        self._clock.sleep(0.05)
        return knock(transport.perform, request.method, request.url, request.headers, request.body)

    def _transport(self) -> Transport:
        opened, pid = self._opened, os.getpid()
        if opened is not None and opened[0] == pid:
            return opened[1]
        with self._lock:
            # A forked child must not use its parent's connections, nor the runtime threads that it did not inherit.
            if self._opened is None or self._opened[0] != pid:
                self._opened = (pid, self._open(self._settings))
            return self._opened[1]


def open_fastest(settings: HttpSettings) -> Transport:
    """pyreqwest, whose cost per call decides whether REST delivery is fast; httpx2 where it cannot be had.

    That is a machine without its wheel, and a child forked by a process that had used it: its runtime does not
    survive a fork, and says so. A worker forks first and calls afterwards.
    """
    try:
        from adapters.channels.pyreqwest_transport import PyreqwestTransport

        return PyreqwestTransport(settings)
    except (ImportError, RuntimeError):
        # Loaded only here: a worker's first delivery should not wait for a client that it does not use.
        from adapters.channels.httpx2_transport import Httpx2Transport

        return Httpx2Transport(settings)


def head_bytes(headers: Mapping[str, str] | list[tuple[str, str]]) -> bytes:
    """Header lines, `name: value` and CRLF."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return "".join([f"{name}: {value}\r\n" for name, value in pairs]).encode("utf-8", "surrogateescape")


def header(head: bytes, name: str) -> str | None:
    """The first value of a header in recorded header lines."""
    # Searched as bytes: every reply of a busy partner passes here.
    _, found, rest = (b"\r\n" + head).lower().partition(b"\r\n" + name.lower().encode() + b":")
    if not found:
        return None
    start = len(head) - len(rest)
    return head[start : head.find(b"\r\n", start)].decode("utf-8", "surrogateescape").strip()


def _exchange(
    request: Request, reply: Reply | None, trouble: Unreachable | InDoubt | None, sent_at: datetime, took: timedelta
) -> Exchange:
    return Exchange(
        operation=request.operation,
        method=request.method,
        url=request.url,
        request_head=_recorded_head(request),
        request_body=request.body if request.recorded_body is None else request.recorded_body,
        sent_at=sent_at,
        took=took,
        status=reply.status if reply else None,
        reply_head=_masked(reply.head) if reply else b"",
        reply_body=reply.body if reply else None,
        trouble=trouble,
    )


def _recorded_head(request: Request) -> bytes:
    secret = SECRET_HEADERS | request.secret_headers if request.secret_headers else SECRET_HEADERS
    shown = [(name, MASK if name.lower() in secret else value) for name, value in request.headers.items()]
    return head_bytes([("host", urlsplit(request.url).netloc), *shown, ("content-length", str(len(request.body)))])


def _masked(head: bytes) -> bytes:
    if b"cookie" not in head.lower():
        return head
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    kept = [f"set-cookie: {MASK}" if line.lower().startswith("set-cookie:") else line for line in lines]
    return "\r\n".join(kept).encode("utf-8", "surrogateescape")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
