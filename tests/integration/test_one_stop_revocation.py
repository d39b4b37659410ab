"""Whether a one-stop system's certificate still holds: asked where the settings say; with no answer, not believed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.channels.http import HttpChannel
from adapters.partners.one_stop.adapter import OneStop as Adapter
from bus.messages import Delivered, InDoubt, Outcome
from config import partner_one_stop
from config.settings import OneStopKeys
from config.wiring import real_ports
from contracts.one_stop.mock import OneStop
from contracts.one_stop.pki import Leaf
from contracts.serve import serve
from tests.one_stop_kit import SUBJECT, delivery, shared_pki
from tests.raw_sockets import RawServer, closed_port, raw_server, read_request


def crl(*revoked: Leaf) -> bytes:
    """The authority's list."""
    pki, now = shared_pki(), datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(pki.authority.subject)
    builder = builder.last_update(now - timedelta(hours=1)).next_update(now + timedelta(days=1))
    for leaf in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(leaf.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(now - timedelta(hours=2)).build())
    return builder.sign(pki._key, hashes.SHA256()).public_bytes(Encoding.DER)


@contextmanager
def handing_out(body: bytes | None) -> Iterator[str]:
    """A server with this list; with none, nobody is there."""
    if body is None:
        yield f"http://127.0.0.1:{closed_port()}/authority.crl"
        return

    def hand_out(server: RawServer, connection: socket.socket) -> None:
        read_request(server, connection)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/pkix-crl\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with raw_server(hand_out) as server:
        yield server.url


def told(folder: Path, crl_url: str) -> Outcome:
    """What a delivery comes to, with everything made from the settings as a worker makes it."""
    pki = shared_pki()
    for name, content in (
        ("key", pki.caller.key_pem),
        ("pem", pki.caller.certificate_pem),
        ("roots", pki.authority_pem),
    ):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    with serve(OneStop(pki=pki)) as url:
        tree = {
            "url": f"{url}/one_stop/soap",
            "allow_http": True,
            "private_networks": ["127.0.0.0/8"],
            "signing_key_file": str(folder / "key"),
            "signing_certificate_file": str(folder / "pem"),
            "trust_roots_file": str(folder / "roots"),
            "pinned_subjects": [SUBJECT],
            "crl_urls": [crl_url],
        }
        settings, source = partner_one_stop.read("one_stop", msgspec.convert(tree, OneStopKeys), real_ports())
        assert source is not None
        channel = HttpChannel(settings.http)
        outcome = Adapter(settings, channel, clock=real_ports().clock).deliver([delivery()])[0].outcome
        channel.close()
    return outcome


@pytest.mark.parametrize(
    ("list_", "cause"),
    [(lambda: crl(), None), (lambda: crl(shared_pki().one_stop), "revoked"), (lambda: None, "revocation_unknown")],
    ids=["vouched for", "revoked", "nobody there"],
)
def test_revocation_is_asked_for_by_the_settings(tmp_path: Path, list_, cause) -> None:
    """A list at an address of the settings vouches for the answer's certificate; a revoked one proves nothing, and
    neither does any where the list cannot be had: it fails closed, and the message goes again."""
    with handing_out(list_()) as url:
        outcome = told(tmp_path, url)

    if cause is None:
        assert isinstance(outcome, Delivered)
    else:
        assert isinstance(outcome, InDoubt)
        assert f"wrong_signature: {cause}" in outcome.reason
