"""The one place where timeouts, TLS and limits are set: `send()` takes a request and gives an `Exchange`.

What went wrong is sorted once, here, by the only question that matters to the bus: can anything have arrived?

    AddressRefused  not a host of the settings, or an address in none of their networks: `Unreachable`
    NotSent         no connection was made (refused, no route, no name, TLS failed): `Unreachable`
    ReplyLost       everything else, a panic of the transport included: `InDoubt`

Nothing is followed, decoded or retried behind our back: no redirects, no proxy from the environment, no compression.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from urllib.parse import urlsplit

from adapters.channels.addresses import (
    AddressRefused,
    LookUp,
    NameUnknown,
    Network,
    Origin,
    Pin,
    PinnedHost,
    look_up,
    origin_of,
)
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
    max_reply_bytes: int = 2_000_000
    """A longer reply is not read on; its outcome is in doubt. JSON of empty lists takes fifty times its size."""
    max_connections: int | None = None
    """Calls in flight at once; a call that waits longer than `connect_timeout` for its turn was not sent."""
    idle_timeout: timedelta = timedelta(seconds=4)
    """Servers close idle connections (often after 5 s); one closed as we write would leave a step in doubt."""
    allow_http: bool = False
    """Whether plain HTTP may be spoken: only on the government network, where the security server is the trust."""
    hosts: frozenset[str] = frozenset()
    """The only hosts that are called, as `host:port` or `host` (any port): those of the settings."""
    networks: tuple[Network, ...] = ()
    """Networks beside the public ones in which those hosts may stand."""
    pin: Pin | None = None
    """Set by the channel for each transport that it opens: where the connections of one host go."""
    roots_pem: bytes | None = None
    """The only authorities that may vouch for the partner; without them the machine's own store decides."""
    identity_pem: bytes | None = field(default=None, repr=False)
    """Our certificate with its key, for mutual TLS."""
    knocks: int = 2
    """How often one call tries to connect before it says `Unreachable`. One call lasts no longer than `timeout` and,
    for each knock, twice `connect_timeout` (to look the name up, to connect): a lease should have room for that."""


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


@dataclass(slots=True, kw_only=True)
class Line:
    """One host as this process speaks to it."""

    pin: PinnedHost
    address: str = ""
    transport: Transport | None = None
    retired: Transport | None = None
    """To the address before: its last calls end long before the next change, and then it is closed."""

    def close(self) -> None:
        for transport in (self.transport, self.retired):
            if transport is not None:
                transport.close()


class HttpChannel:
    """A channel shared by many threads, with a transport for each host; opened at the first call, so after any fork."""

    def __init__(
        self,
        settings: HttpSettings,
        *,
        open_transport: Callable[[HttpSettings], Transport] | None = None,
        clock: Clock | None = None,
        crash_point: CrashPoint = no_crash,
        look_up: LookUp = look_up,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        if open_transport is None and settings.roots_pem is None:
            # Loaded by whoever makes the channel, and not by a thread of a pool at its first call: when the thread that
            # loaded pyreqwest 0.15 ends, the process dies with signal 11.
            with suppress(ImportError):
                import adapters.channels.pyreqwest_transport  # noqa: F401
        self._settings = settings
        self._open = open_transport or open_fastest
        self._clock = clock or SystemClock()
        self._crash_point = crash_point
        self._look_up = look_up
        self._tick = tick
        self._lock = threading.Lock()
        self._opened: tuple[int, dict[Origin, Line]] = (0, {})

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
        except AddressRefused as refusal:
            trouble = Unreachable(reason=f"address_refused: {refusal}")
        except NotSent as failure:
            trouble = Unreachable(reason=f"not_sent: {failure}")
        except ReplyLost as failure:
            trouble = InDoubt(reason=f"reply_lost: {failure}")
        else:
            self._crash_point("send.after")
        return _exchange(request, reply, trouble, sent_at, timedelta(seconds=time.perf_counter() - started))

    def close(self) -> None:
        with self._lock:
            (pid, lines), self._opened = self._opened, (0, {})
        if pid == os.getpid():
            for line in lines.values():
                line.close()

    def _perform(self, request: Request) -> Reply:
        line = self._line(request.url)
        try:
            return self._try(line, request)
        except NotSent:
            if self._settings.knocks < 2:
                raise
        return self._knock_again(line, request)

    def _try(self, line: Line, request: Request) -> Reply:
        try:
            address = line.pin.address()
        except NameUnknown as failure:
            raise NotSent(str(failure)) from None
        try:
            return self._transport(line, address, request.url).perform(
                request.method, request.url, request.headers, request.body
            )
        except NotSent:
            line.pin.failed(address)
            raise

    def _knock_again(self, line: Line, request: Request) -> Reply:
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
        return knock(self._try, line, request)

    def _line(self, url: str) -> Line:
        """The line to an address's host. Raises AddressRefused."""
        origin = origin_of(url)
        pid, lines = self._opened
        if pid == os.getpid() and (line := lines.get(origin)) is not None:
            return line
        if not origin.is_in(self._settings.hosts):
            raise AddressRefused(f"{origin.host}:{origin.port} is no host of the settings")
        with self._lock:
            # A forked child must not use its parent's connections, nor the runtime threads that it did not inherit.
            if self._opened[0] != os.getpid():
                self._opened = (os.getpid(), {})
            line = self._opened[1].get(origin)
            if line is None:
                patience = self._settings.connect_timeout
                pin = PinnedHost(
                    origin, self._settings.networks, patience=patience, look_up=self._look_up, tick=self._tick
                )
                line = self._opened[1][origin] = Line(pin=pin)
            return line

    def _transport(self, line: Line, address: str, url: str) -> Transport:
        """The transport to this address: another one than before, where the name has moved."""
        transport = line.transport
        if transport is not None and line.address == address:
            return transport
        with self._lock:
            if line.transport is not None and line.address == address:
                return line.transport
            if line.retired is not None:
                line.retired.close()
            pinned = replace(self._settings, pin=Pin(host=origin_of(url).host, address=address))
            line.retired, line.transport, line.address = line.transport, self._open(pinned), address
            return line.transport


def open_fastest(settings: HttpSettings) -> Transport:
    """pyreqwest, whose cost per call decides whether REST delivery is fast; httpx2 where it cannot be had.

    That is a partner with authorities of its own, which pyreqwest can only trust beside the machine's; a machine
    without its wheel; and a child forked by a process that had used it: its runtime does not survive a fork, and says
    so. A worker forks first and calls afterwards.
    """
    if settings.roots_pem is None:
        with suppress(ImportError, RuntimeError):
            from adapters.channels.pyreqwest_transport import PyreqwestTransport

            return PyreqwestTransport(settings)
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
