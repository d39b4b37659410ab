"""The split that the bus trusts: what cannot have arrived, and what may have. Proven on real loopback sockets."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.channels.http import (
    HttpChannel,
    HttpSettings,
    NotSent,
    PlainHttpRefused,
    Reply,
    ReplyLost,
    Request,
    Transport,
    header,
    open_fastest,
)
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.pyreqwest_transport import PyreqwestTransport
from bus.messages import InDoubt, Unreachable
from tests.portal_kit import local_http
from tests.raw_sockets import RawServer, answer, closed_port, raw_server, read_request, reset

FAST = local_http(
    timeout=timedelta(seconds=0.6),
    connect_timeout=timedelta(seconds=0.4),
    max_reply_bytes=2_000,
    hosts=frozenset({"127.0.0.1", "portal.localhost"}),
    knocks=1,
)


@pytest.fixture(params=[PyreqwestTransport, Httpx2Transport], scope="module")
def open_transport(request: pytest.FixtureRequest) -> Callable[[HttpSettings], Transport]:
    return request.param


@pytest.fixture
def channel(open_transport) -> Iterator[HttpChannel]:
    channel = HttpChannel(FAST, open_transport=open_transport)
    yield channel
    channel.close()


def ask_for(url: str, **overrides) -> Request:
    members = {
        "operation": "DongBoHoSoMC",
        "method": "POST",
        "url": url,
        "headers": {"content-type": "application/json", "accept": "application/json"},
        "body": b'{"service": "DongBoHoSoMC"}',
    }
    return Request(**(members | overrides))


def then(*steps: Callable[[RawServer, socket.socket], object]) -> Callable[[RawServer, socket.socket], None]:
    def behave(server: RawServer, connection: socket.socket) -> None:
        for step in steps:
            step(server, connection)

    return behave


def send(body: bytes) -> Callable[[RawServer, socket.socket], object]:
    return lambda _, connection: connection.sendall(body)


def hang(_: RawServer, connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


def first_byte(_: RawServer, connection: socket.socket) -> None:
    # A reset that comes before any byte may meet the client still connecting, and then nothing was sent.
    connection.recv(1)


def do_reset(_: RawServer, connection: socket.socket) -> None:
    reset(connection)


def close(_: RawServer, connection: socket.socket) -> None:
    connection.close()


def endless(_: RawServer, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"3e8\r\n" + b"x" * 1000 + b"\r\n")


def drip(_: RawServer, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    gap = threading.Event()
    while not gap.wait(0.05):
        connection.sendall(b"x")


HALF = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"

MAYBE = {
    "reset at the first byte": then(first_byte, do_reset),
    "reset after the body": then(read_request, do_reset),
    "close without a reply": then(read_request, close),
    "half a body, then close": then(read_request, send(HALF), close),
    "half a body, then reset": then(read_request, send(HALF), do_reset),
    "half a body, then silence": then(read_request, send(HALF), hang),
    "never an answer": then(read_request, hang),
    "never even a read": then(hang),
    "no HTTP": then(read_request, send(b"220 mail.h99.example.invalid\r\n\r\n"), close),
    "an endless body": then(read_request, endless),
    "a body that drips": then(read_request, drip),
}


@pytest.mark.parametrize("behave", MAYBE.values(), ids=MAYBE.keys())
def test_once_connected_trouble_is_in_doubt(channel, behave):
    """Once a connection stood, whatever goes wrong leaves it unknown whether the request was taken."""
    with raw_server(behave) as server:
        exchange = channel.send(ask_for(server.url))

    assert isinstance(exchange.trouble, InDoubt)
    assert exchange.status is None
    assert exchange.reply_body is None


def test_refused_connection_is_unreachable(channel):
    """Where nobody listens nothing can have arrived."""
    exchange = channel.send(ask_for(f"http://127.0.0.1:{closed_port()}/x"))

    assert isinstance(exchange.trouble, Unreachable)


def test_unknown_name_is_unreachable(channel):
    """A name that does not resolve was never reached."""
    exchange = channel.send(ask_for(f"http://portal.localhost:{closed_port()}/x"))

    assert isinstance(exchange.trouble, Unreachable)


def test_full_accept_queue_is_unreachable(channel):
    """A connection that is not accepted in time carried nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        exchange = channel.send(ask_for(f"http://127.0.0.1:{address[1]}/x"))
        for filler in fillers:
            filler.close()

    assert isinstance(exchange.trouble, Unreachable)


def test_reused_connection_reset_after_the_body_is_not_sent_again():
    """A transport must not repeat a request by itself because its pooled connection broke under it."""
    channel = HttpChannel(FAST, open_transport=PyreqwestTransport)  # the other one keeps no connection
    behave = then(read_request, lambda _, c: answer(c), read_request, do_reset)
    with raw_server(behave) as server:
        first = channel.send(ask_for(server.url))
        second = channel.send(ask_for(server.url, body=b'{"second": 1}'))
    channel.close()

    assert first.status == 200
    assert isinstance(second.trouble, InDoubt)
    assert [body.partition(b"\r\n\r\n")[2] for body in server.heard] == [
        b'{"service": "DongBoHoSoMC"}',
        b'{"second": 1}',
    ]


def test_exchange_holds_the_exact_bytes_of_both_directions(channel):
    """The evidence is what was on the wire: body bytes as sent and as received."""
    body = '{"ghi_chú": "Nguyễn"}'.encode()
    with raw_server(then(read_request, lambda _, c: answer(c, body, head="retry-after: 7\r\n"))) as server:
        exchange = channel.send(ask_for(server.url, body=body))

    assert server.heard[0].partition(b"\r\n\r\n")[2] == exchange.request_body == body
    assert exchange.reply_body == body
    assert header(exchange.reply_head, "Retry-After") == "7"
    assert b"content-type: application/json\r\n" in exchange.request_head


@pytest.mark.parametrize("name", ["Authorization", "apikey", "X-API-Key", "x-lgsp-key"])
def test_secret_header_is_masked_in_the_exchange(channel, name):
    """A key that opens the partner's door is sent, and never recorded."""
    request = ask_for("", headers={name: "s3cret"}, secret_headers=frozenset({"x-lgsp-key"}))
    with raw_server(then(read_request, lambda _, c: answer(c, head="set-cookie: s3cret\r\n"))) as server:
        exchange = channel.send(ask_for(server.url, headers=request.headers, secret_headers=request.secret_headers))

    assert b"s3cret" in server.heard[0]
    assert b"s3cret" not in exchange.request_head + exchange.reply_head


def test_recorded_body_stands_in_for_a_body_with_a_password(channel):
    """A login is recorded without its password."""
    with raw_server(then(read_request, lambda _, c: answer(c))) as server:
        exchange = channel.send(ask_for(server.url, body=b"s3cret", recorded_body=b"***"))

    assert b"s3cret" in server.heard[0]
    assert exchange.request_body == b"***"


def test_redirect_is_an_answer(channel):
    """A redirect is never followed: no address but those of the settings."""
    with raw_server(
        then(read_request, lambda _, c: answer(c, b"", status="302 Found", head="location: /y\r\n"))
    ) as server:
        exchange = channel.send(ask_for(server.url))

    assert exchange.status == 302
    assert len(server.heard) == 1


def test_compressed_reply_is_kept_as_it_came(channel):
    """Nothing is decoded: what is kept is what was received."""
    with raw_server(
        then(read_request, lambda _, c: answer(c, b"\x1f\x8bxyz", head="content-encoding: gzip\r\n"))
    ) as server:
        exchange = channel.send(ask_for(server.url))

    assert exchange.reply_body == b"\x1f\x8bxyz"


def test_environment_proxy_is_ignored(open_transport, monkeypatch):
    """Addresses come from the settings alone, never from the environment."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    channel = HttpChannel(FAST, open_transport=open_transport)
    with raw_server(then(read_request, lambda _, c: answer(c))) as server:
        exchange = channel.send(ask_for(server.url))
    channel.close()

    assert exchange.status == 200


def test_plain_http_needs_leave(open_transport):
    """Plain http goes out only where the settings allow it."""
    channel = HttpChannel(local_http(allow_http=False), open_transport=open_transport)

    with pytest.raises(PlainHttpRefused):
        channel.send(ask_for("http://127.0.0.1:9/x"))


class Scripted:
    """A transport that does what it is told, in order."""

    def __init__(self, *script: Reply | Exception) -> None:
        self.script = list(script)
        self.calls = 0

    def perform(self, method, url, headers, body) -> Reply:
        self.calls += 1
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None: ...


class Still:
    """A clock that stands, and counts how long it was asked to wait."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        return datetime(2026, 7, 3, 5, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def public(host: str, port: int) -> list[str]:
    """A look-up that finds a public address for every name."""
    return ["198.41.0.4"]


YES = Reply(status=200, head=b"", body=b"{}")


def scripted(*script: Reply | Exception, knocks: int = 3) -> tuple[HttpChannel, Scripted, Still]:
    transport, clock = Scripted(*script), Still()
    settings = HttpSettings(allow_http=True, knocks=knocks, hosts=frozenset({"h99.invalid"}))
    channel = HttpChannel(settings, open_transport=lambda _: transport, clock=clock, look_up=public)
    return channel, transport, clock


def test_knocks_again_when_no_connection_was_made():
    """Within one attempt a door that did not open is knocked at again."""
    channel, transport, clock = scripted(NotSent("refused"), NotSent("refused"), YES)

    exchange = channel.send(ask_for("http://h99.invalid/"))

    assert (exchange.status, transport.calls) == (200, 3)
    assert clock.slept > 0
    assert exchange.sent_at == clock.now()


def test_knocks_end():
    """After the knocks of the settings the attempt is over; longer waits are the ledger's."""
    channel, transport, _ = scripted(*[NotSent("refused")] * 9)

    exchange = channel.send(ask_for("http://h99.invalid/"))

    assert isinstance(exchange.trouble, Unreachable)
    assert transport.calls == 3


@pytest.mark.parametrize("script", [[ReplyLost("cut")], [NotSent("refused"), ReplyLost("cut")]])
def test_lost_reply_is_never_sent_again(script):
    """A request that may have arrived is not repeated by the channel, not even between knocks."""
    channel, transport, _ = scripted(*script, YES)

    exchange = channel.send(ask_for("http://h99.invalid/"))

    assert isinstance(exchange.trouble, InDoubt)
    assert transport.calls == len(script)


def test_crash_points_stand_around_the_sending():
    """A test can stop the program just before the bytes leave and just after the answer came."""
    seen: list[str] = []
    transport = Scripted(YES)
    settings = HttpSettings(allow_http=True, hosts=frozenset({"h99.invalid"}))
    channel = HttpChannel(settings, open_transport=lambda _: transport, crash_point=seen.append, look_up=public)

    channel.send(ask_for("http://h99.invalid/"))

    assert seen == ["send.before", "send.after"]


def test_forked_child_opens_its_own_transport(monkeypatch):
    """A child never uses its parent's connections."""
    channel, _, _ = scripted(YES)
    opened: list[Scripted] = []
    channel._open = lambda _: opened.append(Scripted(YES)) or opened[-1]

    channel.send(ask_for("http://h99.invalid/"))
    monkeypatch.setattr("adapters.channels.http.os.getpid", lambda: -1)
    channel.send(ask_for("http://h99.invalid/"))

    assert len(opened) == 2


def test_forked_child_of_a_busy_parent_still_sends():
    """The fast transport's runtime does not survive a fork; the child falls back to the other one and sends."""
    channel = HttpChannel(FAST)
    behave = then(read_request, lambda _, c: answer(c))
    with raw_server(behave) as server:
        assert channel.send(ask_for(server.url)).status == 200
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads: the case under test
            child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                os._exit(0 if channel.send(ask_for(server.url)).status == 200 else 1)
            os._exit(2)
        _, status = os.waitpid(child, 0)
    channel.close()

    assert os.waitstatus_to_exitcode(status) == 0
    assert len(server.heard) == 2


def test_call_that_waits_too_long_for_its_turn_was_not_sent(open_transport):
    """With every connection busy, a call that gets none in time is unreachable: nothing of it left."""
    settings = dataclasses.replace(FAST, max_connections=1, timeout=timedelta(seconds=2))
    channel = HttpChannel(settings, open_transport=open_transport)
    with raw_server(then(read_request, hang)) as server:
        first = threading.Thread(target=channel.send, args=(ask_for(server.url),))
        first.start()
        while not server.heard:
            threading.Event().wait(0.01)
        second = channel.send(ask_for(server.url))
        first.join()
    channel.close()

    assert isinstance(second.trouble, Unreachable)
    assert len(server.heard) == 1


def test_panic_of_the_transport_is_in_doubt():
    """A panic on the Rust side is no Python `Exception`; what it had sent by then, it had sent."""

    class PanicException(BaseException):
        pass

    class Panicking:
        def __getattr__(self, name):
            return lambda *_: self

        def __enter__(self):
            raise PanicException

        def __exit__(self, *_): ...

    transport = PyreqwestTransport(FAST)
    transport._client = Panicking()
    channel = HttpChannel(FAST, open_transport=lambda _: transport)

    assert isinstance(channel.send(ask_for("http://127.0.0.1/")).trouble, InDoubt)


def test_fastest_transport_is_the_default():
    """Deliveries go out through pyreqwest where it can be had."""
    assert isinstance(open_fastest(FAST), PyreqwestTransport)


def test_second_transport_stands_in(monkeypatch):
    """Where there is no pyreqwest for a machine, httpx2 carries the deliveries."""
    monkeypatch.setitem(sys.modules, "adapters.channels.pyreqwest_transport", None)

    assert isinstance(open_fastest(FAST), Httpx2Transport)


def test_closed_channel_opens_again():
    """Closing gives the connections back; a later call opens anew, and closing twice is harmless."""
    channel, _, _ = scripted(YES, YES)

    channel.send(ask_for("http://h99.invalid/"))
    channel.close()
    channel.close()

    assert channel.send(ask_for("http://h99.invalid/")).status == 200
