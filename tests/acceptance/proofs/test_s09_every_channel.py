"""S9 for whom the worker calls beside the portal: a one-stop system over SOAP and REST, and lists of revocation.

The same bad ports as in `test_s09_tls.py`; here the whole adapter speaks, with its signing, and nothing of it arrives.
"""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from adapters.channels.http import HttpChannel
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.pki import RevocationSource, pki_settings
from adapters.partners.one_stop.adapter import OneStop
from bus.messages import Unreachable
from bus.ports import SystemClock
from signing.errors import RevocationUnknown
from signing.trust import Pins, Trust
from tests.acceptance.proofs.test_s09_tls import BAD, NAME, OURS, answered
from tests.message_pki import Holder, made
from tests.one_stop_kit import delivery, settings_for, shared_pki
from tests.portal_kit import local_http
from tests.raw_sockets import raw_server

CASES = ("wrong name", "expired", "self-signed", "unknown authority")


@pytest.fixture(autouse=True)
def our_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts our authority."""
    (tmp_path / "store.pem").write_bytes(OURS.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "store.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


@pytest.mark.parametrize("way", ["soap-1.1", "rest"])
@pytest.mark.parametrize("case", [*CASES, "good"])
def test_one_stop_system_that_cannot_prove_itself(way: str, case: str) -> None:
    """It hears no byte of an outcome, signed or not, and is unreachable: the message certainly did not arrive."""
    context = OURS.issue(NAME).server() if case == "good" else BAD[case]()
    with raw_server(answered, context) as server:
        http = local_http(allow_http=False, hosts=frozenset({f"{NAME}:{server.port}"}), knocks=1)
        settings = settings_for(way, f"https://{NAME}:{server.port}", shared_pki(), http=http)
        channel = HttpChannel(http, look_up=lambda *_: ["127.0.0.1"])
        (attempt,) = OneStop(settings, channel, clock=SystemClock(), name="one_stop").deliver([delivery()])
        channel.close()
        heard = list(server.heard)

    if case == "good":
        assert 1 == len(heard)
        return
    assert [] == heard
    assert isinstance(attempt.outcome, Unreachable)
    assert attempt.outcome.reason.startswith("not_sent")


@pytest.mark.parametrize("case", CASES)
def test_authority_that_cannot_prove_itself(case: str) -> None:
    """A list of revocation at such a port is not fetched, and what it should vouch for is not believed."""
    now = datetime.now(UTC)
    root = made("Root", ca=True, uses=("key_cert_sign", "crl_sign"), days=(-3_000, 30_000))
    leaf: Holder = root.issue("partner", days=(-3_000, 30_000), ca=False)
    trust = Trust(roots=[root.der], pins=Pins(subjects=frozenset({leaf.subject})), revocation="require")
    with raw_server(answered, BAD[case]()) as server:
        settings = pki_settings(frozenset({f"{NAME}:{server.port}"}), (ip_network("127.0.0.0/8"),))
        channel = HttpChannel(settings, open_transport=Httpx2Transport, look_up=lambda *_: ["127.0.0.1"])
        source = RevocationSource(trust, channel, lists=[f"https://{NAME}:{server.port}/list"])
        with pytest.raises(RevocationUnknown):
            source(leaf.der, [], now)
        channel.close()
        heard = list(server.heard)

    assert [] == heard
    assert source.is_stale(now)
