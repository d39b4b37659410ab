"""S9: a peer that cannot prove who it is gets no byte of ours, by either transport, and nothing weaker is tried.

On real TLS ports with an invented authority. Each bad port is shown to answer a caller that does not mind, so that a
refusal is ours and not the port's.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.channels.http import HttpChannel, HttpSettings, Request, Transport, open_fastest
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.pyreqwest_transport import PyreqwestTransport
from bus.messages import Exchange, InDoubt, Unreachable
from tests.pki import Authority, Leaf, self_signed
from tests.portal_kit import local_http
from tests.raw_sockets import RawServer, answer, raw_server, read_request

NAME = "portal.h99.example.invalid"
OURS = Authority()
ANOTHER = Authority("Another authority")
BODY = b'{"service": "DongBoHoSoMC"}'
Open = Callable[[HttpSettings], Transport]


def answered(server: RawServer, connection: socket.socket) -> None:
    read_request(server, connection)
    answer(connection, b"[]")


@pytest.fixture(params=["pyreqwest", "httpx2", "own authority"])
def way(request: pytest.FixtureRequest, tmp_path, monkeypatch) -> tuple[Open, bytes | None]:
    """Each transport with the machine's store (a file of ours), and the one that a partner's own authority gets."""
    store = tmp_path / "store.pem"
    store.write_bytes(ANOTHER.pem if request.param == "own authority" else OURS.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return {
        "pyreqwest": (PyreqwestTransport, None),
        "httpx2": (Httpx2Transport, None),
        "own authority": (open_fastest, OURS.pem),
    }[request.param]


def send(way: tuple[Open, bytes | None], port: int, **more) -> Exchange:
    """One call to the name of the certificate, which is this machine; a refusal must not depend on patience."""
    settings = local_http(
        allow_http=False, hosts=frozenset({NAME}), roots_pem=way[1], timeout=timedelta(seconds=9), **more
    )
    channel = HttpChannel(settings, open_transport=way[0], look_up=lambda *_: ["127.0.0.1"])
    url = f"https://{NAME}:{port}/x"
    exchange = channel.send(Request(operation="DongBoHoSoMC", method="POST", url=url, headers={}, body=BODY))
    channel.close()
    return exchange


def old(version: ssl.TLSVersion) -> ssl.SSLContext:
    """A port that speaks an old version and no other, and in earnest: the library's own guard is lowered."""
    context = OURS.issue(NAME).server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version, context.maximum_version = version, version
    return context


BAD: dict[str, Callable[[], ssl.SSLContext]] = {
    "wrong name": lambda: OURS.issue("else.h99.example.invalid", "127.0.0.1").server(),
    "expired": lambda: OURS.issue(NAME, days=(-9, -1)).server(),
    "not valid yet": lambda: OURS.issue(NAME, days=(1, 9)).server(),
    "self-signed": lambda: self_signed(NAME).server(),
    "unknown authority": lambda: Authority("Nobody").issue(NAME).server(),
    "TLS 1.0": lambda: old(ssl.TLSVersion.TLSv1),
    "TLS 1.1": lambda: old(ssl.TLSVersion.TLSv1_1),
}


def careless(port: int) -> bytes:
    """What a caller gets that checks nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as shaken,
    ):
        shaken.sendall(b"POST /careless HTTP/1.1\r\nhost: x\r\n\r\n")
        return shaken.recv(15)


@pytest.mark.parametrize("case", BAD)
def test_p06_bad_tls_gets_no_byte(way, case: str) -> None:
    """A peer that cannot prove itself gets no request, is unreachable, and is offered nothing weaker."""
    with raw_server(answered, BAD[case]()) as server:
        exchange = send(way, server.port, knocks=1)
        tried, heard = server.connections, list(server.heard)
        assert careless(server.port) == b"HTTP/1.1 200 OK"

    assert isinstance(exchange.trouble, Unreachable), exchange.trouble
    assert exchange.trouble.reason.startswith("not_sent: ")
    assert [] == heard
    assert 1 == tried


def test_good_tls_is_answered(way) -> None:
    """The control: the same name with a certificate that is well is spoken to, at the address that was looked up."""
    with raw_server(answered, OURS.issue(NAME).server()) as server:
        exchange = send(way, server.port)

    assert (200, b"[]") == (exchange.status, exchange.reply_body)
    assert f"host: {NAME}:{server.port}".encode() in server.heard[0].lower()


def test_own_authority_is_the_only_one(tmp_path, monkeypatch) -> None:
    """With `ca_file` an authority that the whole machine trusts cannot vouch for the partner; without it, it can."""
    store = tmp_path / "store.pem"
    store.write_bytes(ANOTHER.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    found = []
    for roots in (OURS.pem, None):
        with raw_server(answered, ANOTHER.issue(NAME).server()) as server:
            exchange = send((open_fastest, roots), server.port)
            found.append((type(exchange.trouble), len(server.heard)))

    assert [(Unreachable, 0), (type(None), 1)] == found


def test_fast_transport_does_not_pretend() -> None:
    """The transport that would trust a partner's authority beside all others refuses to be opened for it."""
    with pytest.raises(ValueError, match="alone"):
        PyreqwestTransport(HttpSettings(roots_pem=OURS.pem))


@pytest.mark.parametrize("identity", ["of a rogue authority", "none"])
def test_partner_that_wants_our_certificate(way, identity: str) -> None:
    """With the wrong certificate, or none, the partner reads nothing of ours; with the right one it answers."""
    clients = Authority("Authority for clients")
    shown: dict[str, Leaf] = {"of a rogue authority": Authority("Rogue").issue("h99.example.invalid")}
    ours = clients.issue("h99.example.invalid")
    found = []
    for leaf in (shown.get(identity), ours):
        with raw_server(answered, OURS.issue(NAME).server(clients=clients.pem)) as server:
            exchange = send(way, server.port, identity_pem=leaf.pem if leaf else None)
            found.append((exchange.status, len(server.heard)))
            # TLS 1.3 tells the caller only after it has spoken: never a yes, and never "certainly not sent" by guess.
            assert exchange.trouble is None or isinstance(exchange.trouble, Unreachable | InDoubt)

    assert [(None, 0), (200, 1)] == found


def test_plain_http_is_no_way_back(way) -> None:
    """A port that speaks no TLS gets none of the request, though the same port would have answered plain HTTP."""
    with raw_server(answered) as server:
        exchange = send(way, server.port, knocks=1)

    assert isinstance(exchange.trouble, Unreachable)
    assert not any(b"DongBoHoSoMC" in request for request in server.heard)
