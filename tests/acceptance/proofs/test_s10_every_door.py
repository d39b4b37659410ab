"""S10 at the doors and in the settings: no address that a caller, a certificate or an event names is ever called.

The trap is a server on another address of this machine; it must never see a connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from adapters.channels.addresses import host_of
from adapters.partners.national_portal.calls import hosts_of
from adapters.partners.national_portal.settings import NationalPortalSettings
from contracts.one_stop.envelopes import SOAP_11, SOAP_12, WSA
from contracts.one_stop.pki import Pki
from signing import wsse
from tests.acceptance.desk import Place, place
from tests.acceptance.proofs.test_s10_addresses import trap
from tests.acceptance.soap_kit import Door, envelope, furnish, identity, opened, operation
from tests.acceptance.test_facade import KEY, Town, a_town, record
from tests.builders import event_json
from tests.message_pki import Holder, made
from tests.raw_sockets import RawServer

ADDRESSES = ("ReplyTo", "FaultTo", "From")


@pytest.fixture
def elsewhere() -> Iterator[RawServer]:
    with trap() as server:
        yield server


def caller_that_names(url: str) -> Holder:
    """A certificate that says: my list, my answers and my authority are there."""
    uri = x509.UniformResourceIdentifier(url)
    point = x509.DistributionPoint([uri], None, None, None)
    kinds = (x509.AuthorityInformationAccessOID.OCSP, x509.AuthorityInformationAccessOID.CA_ISSUERS)
    access = x509.AuthorityInformationAccess([x509.AccessDescription(kind, uri) for kind in kinds])
    told = ((x509.CRLDistributionPoints([point]), False), (access, False))
    return made("caller", days=(-3_000, 30_000), extensions=told)


def message(url: str, leaf: Any, soap: str) -> bytes:
    """An event whose file is there, signed, with WS-Addressing that wants every answer sent there."""
    event = event_json()
    event["data"]["submitted"][0]["url"] = url
    root = envelope(operation(event), soap)
    for name in ADDRESSES:
        element = etree.SubElement(root[0], f"{{{WSA}}}{name}")
        etree.SubElement(element, f"{{{WSA}}}Address").text = url
    return wsse.sign(root, identity(leaf), now=datetime.now(UTC))


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_soap_message_that_names_an_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], elsewhere: RawServer, soap: str
) -> None:
    """Neither ReplyTo, FaultTo and From nor the addresses in a certificate nor a file's is called, in a yes or a no."""
    pki, leaf = Pki(datetime.now(UTC)), caller_that_names(elsewhere.url)
    with place(tmp_path, capsys) as here:
        furnish(here, pki)
        (here.folder / "caller.pem").write_bytes(leaf.certificate.public_bytes(Encoding.PEM))
        with opened(here.folder, pki) as door:
            good = message(elsewhere.url, leaf, soap)
            stranger = message(elsewhere.url, caller_that_names(elsewhere.url), soap)
            answers = [door.post(raw, soap=soap) for raw in (good, stranger, good[:-1])]
            told = [door.verified(answer).tag for answer in answers]
        carried(here, door)

    assert ["RecordEventResponse", "Fault", "Fault"] == [etree.QName(tag).localname for tag in told]
    assert 0 == elsewhere.connections


def carried(here: Place, door: Door) -> None:
    """Delivered to the mock, if it was taken."""
    if door.points:
        here.deliver()


def test_facade_call_that_names_an_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], elsewhere: RawServer
) -> None:
    """`providerurl`, `dstcode`, a file's address and a parameter that looks like one are words to us."""
    there = elsewhere.url
    with a_town(tmp_path, capsys) as town:
        town.work()
        session = town.login()["session"]
        told = record()
        told["TaiLieuNop"][0]["DuongDanTaiTepTin"] = there
        assert 0 == _forwarded(town, session, there, service="DongBoHoSoMC", isUpdating="False", data=[told])
        assert 0 == _forwarded(town, session, there, service="LayThuTuc", maTTHC=there)
        assert 1 == len(town.effects(1))
        query = {"maTTHC": there, "providerurl": there}
        assert 200 == httpx2.get(f"{town.url}/facade/LayThuTuc", params=query, headers={"apikey": KEY}).status_code
    assert 0 == elsewhere.connections


def _forwarded(town: Town, session: str, there: str, **told: Any) -> Any:
    path = "/VXPAdapter/RestService/forward/mapi/integration"
    body = {"session": session, "madonvi": "000.00.00.H99", **told}
    answer = town.post(path, body, headers={"dstcode": there}, params={"providerurl": there, "dstcode": there})
    return answer.json()["error_code"]


WORDS = {"provider_url"}
"""Sent to the adapter as a word of the query; we never call it (contracts/national_portal/NOTES.md#r7)."""


@pytest.mark.parametrize("name", [each.name for each in fields(NationalPortalSettings) if each.name.endswith("url")])
def test_every_address_of_the_portals_settings(name: str) -> None:
    """Each address that a setting names is on the list of hosts that may be called, or is never called at all."""
    variant = name.partition("_")[0]
    told: dict[str, Any] = {"adapter_url": "https://adapter.example.invalid", "xroad_client": "VN/GOV/000.00.00.H99/x"}
    base = NationalPortalSettings(variant=variant if variant in ("facade", "xroad") else "adapter", **told)
    url = f"https://{name.replace('_', '-')}.example.invalid/x"
    hosts = hosts_of(replace(base, **{name: url}))

    assert (host_of(url) in hosts) is (name not in WORDS)
