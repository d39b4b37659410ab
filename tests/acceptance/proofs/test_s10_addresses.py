"""S10: no request goes where it should not, whatever a name server, a redirect, an answer or an event says.

The trap is a server on another address of this machine that must never see a connection.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.channels.addresses import PIN_FOR, networks_of
from adapters.channels.http import HttpChannel, HttpSettings, Request, open_fastest
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.pyreqwest_transport import PyreqwestTransport
from bus.messages import Exchange, Unreachable
from tests.acceptance.proofs.portal_world import portal_world
from tests.builders import event_json
from tests.portal_kit import local_http
from tests.raw_sockets import RawServer, answer, raw_server, read_request
from tests.unit.adapters.test_addresses import Names, Time

NAME = "portal.h99.example.invalid"
ELSEWHERE = "127.0.0.2"


def answered(server: RawServer, connection: socket.socket) -> None:
    while True:
        read_request(server, connection)
        answer(connection, b"{}")


def redirected(to: str, status: str):
    def behave(server: RawServer, connection: socket.socket) -> None:
        read_request(server, connection)
        answer(connection, b"", status=status, head=f"location: {to}\r\n")

    return behave


@contextmanager
def trap(port: int = 0) -> Iterator[RawServer]:
    with raw_server(answered, at=(ELSEWHERE, port)) as server:
        yield server


def call(channel: HttpChannel, url: str) -> Exchange:
    return channel.send(Request(operation="DongBoHoSoMC", method="POST", url=url, headers={}, body=b"{}"))


@pytest.fixture(params=[PyreqwestTransport, Httpx2Transport])
def open_transport(request: pytest.FixtureRequest):
    return request.param


def to_name(port: int, **more) -> HttpSettings:
    """Settings that name one host, which may stand at one address of this machine."""
    one = networks_of(["127.0.0.1"])
    return local_http(**({"hosts": frozenset({f"{NAME}:{port}"}), "networks": one, "knocks": 1} | more))


def test_name_that_moves_into_the_machine_is_not_followed(open_transport) -> None:
    """A name that is well when it is judged and leads elsewhere the second time: the judged address is called."""
    time, names = Time(), Names(["127.0.0.1"], [ELSEWHERE])
    with raw_server(answered) as server, trap(server.port) as other:
        url = f"http://{NAME}:{server.port}/x"
        channel = HttpChannel(to_name(server.port), open_transport=open_transport, look_up=names, tick=time)
        first, second = call(channel, url), call(channel, url)
        time.now = PIN_FOR
        third = call(channel, url)
        channel.close()

    assert (200, 200) == (first.status, second.status)
    assert isinstance(third.trouble, Unreachable)
    assert third.trouble.reason.startswith("address_refused: ")
    assert (2, 2) == (names.asked, len(server.heard))
    assert f"host: {NAME}:{server.port}".encode() in server.heard[0].lower()
    assert 0 == other.connections


def test_name_that_moves_within_leave_is_followed(open_transport) -> None:
    """A partner that moves to another address of its network is called there; the old connections are let go."""
    time, names = Time(), Names(["127.0.0.1"], [ELSEWHERE], ["127.0.0.1"])
    with raw_server(answered) as server, trap(server.port) as other:
        url, settings = f"http://{NAME}:{server.port}/x", to_name(server.port, networks=networks_of(["127.0.0.0/30"]))
        channel = HttpChannel(settings, open_transport=open_transport, look_up=names, tick=time)
        statuses = []
        for _ in range(3):
            statuses.append(call(channel, url).status)
            time.now += PIN_FOR
        channel.close()

    assert [200, 200, 200] == statuses
    assert (2, 1) == (len(server.heard), len(other.heard))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("is_listed", [False, True])
def test_redirect_is_never_followed(open_transport, status: str, is_listed: bool) -> None:
    """Not to another host, and not even to one that may be called: a redirect is an answer, and no yes."""
    with trap() as other, raw_server(redirected(other.url, status)) as server:
        hosts = frozenset({"127.0.0.1", ELSEWHERE} if is_listed else {"127.0.0.1"})
        channel = HttpChannel(local_http(hosts=hosts), open_transport=open_transport)
        exchange = call(channel, server.url)
        channel.close()

    assert int(status[:3]) == exchange.status
    assert 0 == other.connections


@pytest.mark.parametrize(
    "settings",
    [
        local_http(hosts=frozenset()),
        local_http(hosts=frozenset({"127.0.0.1:1"})),
        local_http(hosts=frozenset({ELSEWHERE, NAME}), networks=()),
        local_http(hosts=frozenset({ELSEWHERE}), networks=networks_of(["10.0.0.0/8", "127.0.0.1"])),
    ],
    ids=["no host at all", "another host and port", "no network", "another network"],
)
def test_address_that_no_setting_names_is_not_called(open_transport, settings: HttpSettings) -> None:
    """Neither an unlisted host nor a listed one at a private address without leave gets a connection."""
    with trap() as other:
        channel = HttpChannel(settings, open_transport=open_transport, look_up=lambda *_: [ELSEWHERE])
        found = [call(channel, url) for url in (other.url, f"http://{NAME}:{other.port}/x")]
        channel.close()

    assert all(isinstance(exchange.trouble, Unreachable) for exchange in found)
    assert all(exchange.trouble.reason.startswith("address_refused: ") for exchange in found)
    assert 0 == other.connections


def test_second_address_of_a_name_is_tried(open_transport) -> None:
    """Where nobody opens at the first address of a name, the knock goes to the next one."""
    with trap() as other:
        settings = to_name(other.port, networks=networks_of(["127.0.0.0/30"]), knocks=2)
        channel = HttpChannel(settings, open_transport=open_transport, look_up=lambda *_: ["127.0.0.3", ELSEWHERE])
        exchange = call(channel, f"http://{NAME}:{other.port}/x")
        channel.close()

    assert 200 == exchange.status


def test_addresses_in_events_are_never_called(home: Path) -> None:
    """Addresses of files travel upward as words: neither they nor a backend's address are called by us."""
    with trap() as other, portal_world(home / "w", provider_url=other.url) as world:
        record = event_json()
        record["data"]["submitted"][0]["url"] = other.url
        world.accept(record)
        world.settle()

        assert "delivered" == world.state(record)
    assert 0 == other.connections


def test_default_channel_calls_nobody() -> None:
    """A channel that was told no host has none."""
    with trap() as other:
        channel = HttpChannel(HttpSettings(allow_http=True), open_transport=open_fastest)
        exchange = call(channel, other.url)
        channel.close()

    assert isinstance(exchange.trouble, Unreachable)
    assert 0 == other.connections
