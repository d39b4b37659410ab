"""S9 and S10 for signing: who cannot prove itself hears nothing, and no address that anybody names is followed.

The same bad ports as in `test_s09_tls.py`, the same trap as in `test_s10_addresses.py`: a server on another address of
this machine, where nobody may ever connect.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from adapters.channels.http import HttpChannel
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.pki import pki_settings
from adapters.channels.timestamps import NoStamp, StampAuthorities, stamp_settings
from adapters.documents.evidence import EvidenceSource
from adapters.partners.mysign.adapter import mysign
from adapters.partners.signers.adapter import SigningService
from adapters.partners.smartca.adapter import smartca
from adapters.partners.smartca.settings import SmartCaSettings
from adapters.partners.vneid_gateway.adapter import vneid_gateway
from bus.messages import Unreachable
from bus.ports import SystemClock, SystemRandomness
from tests.acceptance.proofs.test_s09_tls import BAD, NAME, OURS, answered
from tests.acceptance.proofs.test_s10_addresses import trap
from tests.acceptance.proofs.test_s10_every_door import caller_that_names
from tests.portal_kit import local_http
from tests.raw_sockets import RawServer, raw_server, read_request
from tests.signer_services import Desk, mysign_settings, signing_delivery, vneid_settings
from tests.signing_town import signing_town

CASES = ("wrong name", "expired", "self-signed", "unknown authority")
DIGEST = hashlib.sha256(b"a document").digest()
LOCAL = (ip_network("127.0.0.1/32"),)


@pytest.fixture
def our_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts our authority."""
    (tmp_path / "store.pem").write_bytes(OURS.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "store.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


@pytest.fixture
def elsewhere() -> Iterator[RawServer]:
    with trap() as server:
        yield server


def service_at(name: str, url: str, port: int) -> tuple[SigningService, HttpChannel]:
    """A service's own adapter, and its channel."""
    http = local_http(allow_http=False, hosts=frozenset({f"{NAME}:{port}"}), knocks=1, timeout=timedelta(seconds=9))
    channel, clock, desk = HttpChannel(http, look_up=lambda *_: ["127.0.0.1"]), SystemClock(), Desk()
    if name == "smartca":
        told = SmartCaSettings(url=url, sp_id="h99", sp_password="guessed", http=http)
        return smartca(told, channel, desk=desk, clock=clock), channel
    if name == "mysign":
        return mysign(mysign_settings(url, http=http), channel, desk=desk, clock=clock), channel
    told_too = vneid_settings(url, http=http)
    return vneid_gateway(told_too, channel, desk=desk, clock=clock, randomness=SystemRandomness()), channel


def stamps(url: str, host: str) -> tuple[StampAuthorities, HttpChannel]:
    """A time-stamp authority of the settings."""
    settings = stamp_settings(frozenset({host}), LOCAL, timeout=timedelta(seconds=9))
    channel = HttpChannel(settings, open_transport=Httpx2Transport, look_up=lambda *_: ["127.0.0.1"])
    return StampAuthorities(channel, [url], clock=SystemClock(), randomness=SystemRandomness()), channel


@pytest.mark.usefixtures("our_store")
@pytest.mark.parametrize("service", ["smartca", "mysign", "vneid_gateway"])
@pytest.mark.parametrize("case", [*CASES, "good"])
def test_p15_service_that_cannot_prove_itself(service: str, case: str) -> None:
    """It hears no byte, not the password nor whose signature is wanted; it is unreachable, and nothing was sent."""
    context = OURS.issue(NAME).server() if case == "good" else BAD[case]()
    with raw_server(answered, context) as server:
        adapter, channel = service_at(service, f"https://{NAME}:{server.port}", server.port)
        (attempt,) = adapter.deliver([signing_delivery()])
        channel.close()
        heard = list(server.heard)

    if case == "good":
        assert heard, "the control: a service that proves itself is spoken to"
        return
    assert [] == heard
    assert isinstance(attempt.outcome, Unreachable)
    assert "not_sent: " in attempt.outcome.reason


@pytest.mark.usefixtures("our_store")
@pytest.mark.parametrize("case", [*CASES, "good"])
def test_time_stamp_authority_that_cannot_prove_itself(case: str) -> None:
    """No digest goes to it, and there is no stamp."""
    context = OURS.issue(NAME).server() if case == "good" else BAD[case]()
    with raw_server(answered, context) as server:
        asked, channel = stamps(f"https://{NAME}:{server.port}/tsa", f"{NAME}:{server.port}")
        with pytest.raises(NoStamp):
            asked(DIGEST)
        channel.close()
        heard = list(server.heard)

    assert (case == "good") == bool(heard)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_time_stamp_authority_that_sends_us_on(status: int, elsewhere: RawServer) -> None:
    """A redirect is no stamp, and is not followed."""

    def sends_on(server: RawServer, connection: socket.socket) -> None:
        read_request(server, connection)
        head = (
            f"HTTP/1.1 {status} On\r\nLocation: {elsewhere.url}/tsa\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(head.encode())

    with raw_server(sends_on) as server:
        asked, channel = stamps(f"http://127.0.0.1:{server.port}/tsa", f"127.0.0.1:{server.port}")
        with pytest.raises(NoStamp):
            asked(DIGEST)
        channel.close()

    assert 1 == len(server.heard)
    assert 0 == elsewhere.connections


def test_addresses_in_a_certificate_are_not_called(elsewhere: RawServer) -> None:
    """Where a certificate names its list, its answers and its authority outside of the settings' hosts, nobody is
    called: there is no evidence, and a document without evidence is not good."""
    channel = HttpChannel(pki_settings(frozenset({"pki.example.invalid"}), LOCAL), open_transport=Httpx2Transport)
    leaf = caller_that_names(elsewhere.url)
    source, wanted, now = EvidenceSource(channel), [(leaf.der, leaf.der)], SystemClock().now()
    found = (source.answers(wanted, now), source.lists(wanted, now))
    channel.close()

    assert ((), ()) == found
    assert 0 == elsewhere.connections


def test_p15_document_at_another_address(tmp_path: Path, elsewhere: RawServer) -> None:
    """A document whose address is outside of `documents.hosts` is not fetched, nobody is asked to sign, and the source
    is told why: not by name, by number, nor with our own host as its user."""
    host = elsewhere.url.removeprefix("http://")
    port = host.rpartition(":")[2]
    with signing_town(tmp_path, is_told=True) as town:
        for n, url in enumerate((f"http://{host}/a", f"http://127.0.0.1@{host}/a", f"http://localhost:{port}/a")):
            document = town.document(f"D{n}") | {"url": url}
            town.ask_for(f"S{n}", dossier=f"H99.09-260703-{n:04d}", documents=[document], service="smartca")
        town.carry()
        found = [(town.state(f"S{n}"), town.news(f"S{n}"), town.code(f"S{n}")) for n in range(3)]

        assert 0 == town.prompts()
    assert [("failed", ["signature.declined"])] * 3 == [each[:2] for each in found], found
    assert all(code.startswith("document_") for _, _, code in found), found
    assert 0 == elsewhere.connections
