"""A SOAP door on a real port, and callers of it: our own signer, and zeep with its plug-in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lxml import etree

from adapters.doors.server import serve
from bus.ports import no_crash
from config.doors import make_app
from config.settings_file import load
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, build, real_ports
from contracts.one_stop import xsd
from contracts.one_stop.envelopes import SOAP_11, WSA, WSU
from contracts.one_stop.pki import Leaf, Pki
from contracts.one_stop.shapes import NAMESPACE
from contracts.one_stop.twins import read, write
from signing import wsse
from signing.keys import KeyInMemory, X509Identity
from signing.trust import Trust
from tests.acceptance.desk import Place

PATH = "/soap/one-stop"


def furnish(here: Place, pki: Pki, more: str = "") -> None:
    """A caller with a certificate, and the door's own identity."""
    for name, octets in (
        ("caller.pem", pki.caller.certificate_pem),
        ("soap.pem", pki.one_stop.certificate_pem),
        ("soap.key", pki.one_stop.key_pem),
    ):
        (here.folder / name).write_bytes(octets)
        (here.folder / name).chmod(0o600)
    soap = f'[soap]\nidentity_file = "soap.key"\ncertificate_file = "soap.pem"\n{more}'
    caller = '[callers.soap]\ncertificate = "caller.pem"\nsources = ["one-stop/h99"]\n'
    here.set(r"\n\[partners", f"\n{soap}\n{caller}\n[partners")


@dataclass(slots=True, kw_only=True)
class Door:
    """A SOAP door on a port, and messages to it."""

    installation: Installation
    url: str
    pki: Pki
    points: list[str]

    def sign(self, content: Any, *, soap: str = SOAP_11, leaf: Leaf | None = None, **how: Any) -> bytes:
        return wsse.sign(envelope(content, soap), identity(leaf or self.pki.caller), now=datetime.now(UTC), **how)

    def post(
        self, raw: bytes, *, soap: str = SOAP_11, operation: str = "RecordEvent", **headers: str
    ) -> httpx2.Response:
        action = f"{NAMESPACE}:{operation}"
        usual = (
            {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{action}"'}
            if soap == SOAP_11
            else {"content-type": f'application/soap+xml; charset=utf-8; action="{action}"'}
        )
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.post(self.url + PATH, content=raw, headers=usual | told, timeout=20)

    def say(self, content: Any, *, soap: str = SOAP_11, **how: Any) -> etree._Element:
        """The verified answer's element."""
        operation = str(etree.QName(content).localname)
        return self.verified(self.post(self.sign(content, soap=soap, **how), soap=soap, operation=operation))

    def verified(self, response: httpx2.Response) -> etree._Element:
        trust = Trust(named=[identity(self.pki.one_stop).certificate_der], revocation="none")
        return wsse.verify(response.content, trust=trust, now=datetime.now(UTC)).body[0]

    def refused(self, raw: bytes, *, soap: str = SOAP_11, **headers: str) -> dict[str, Any]:
        """The problem of a signed Fault; what the operator finds under its reference, and that nothing was recorded."""
        before = self.events()
        response = self.post(raw, soap=soap, **headers)
        fault = self.verified(response)
        (problem,) = fault.iter(f"{{{NAMESPACE}}}problem")
        assert xsd.schema().validate(problem), xsd.schema().error_log
        told = read(problem, "problem")
        self.installation.ledger.engine.write(lambda tx: None)
        note = self.installation.reads.refusal(told["reference"])
        assert (f"POST {PATH}", before) == (note["route"], self.events())
        return told | {"status": response.status_code, "note": note, "fault": fault}

    def counted(self) -> dict[str, float]:
        """Refusals by code, as the metrics page shows them."""
        rows = httpx2.get(self.url + "/metrics").text.splitlines()
        found = (row.rpartition(" ") for row in rows if row.startswith("lienthong_refused_requests_total{"))
        return {name.partition('code="')[2].partition('"')[0]: float(value) for name, _, value in found}

    def events(self) -> int:
        row = self.installation.ledger.engine.read().one("count_events")
        assert row is not None
        return int(row[0])


def identity(leaf: Leaf) -> X509Identity:
    return X509Identity("test", KeyInMemory(leaf.key), leaf.certificate)


def operation(event: dict[str, Any]) -> etree._Element:
    element = etree.Element(f"{{{NAMESPACE}}}RecordEvent", nsmap={"lt": NAMESPACE})
    element.append(write(event, "event", "event"))
    return element


def events_operation(events: list[dict[str, Any]]) -> etree._Element:
    element = etree.Element(f"{{{NAMESPACE}}}RecordEvents", nsmap={"lt": NAMESPACE})
    inside = etree.SubElement(element, f"{{{NAMESPACE}}}events")
    for event in events:
        inside.append(write(event, "event", "event"))
    return element


def dossier_operation(number: str) -> etree._Element:
    element = etree.Element(f"{{{NAMESPACE}}}GetDossier", nsmap={"lt": NAMESPACE})
    etree.SubElement(element, f"{{{NAMESPACE}}}number").text = number
    return element


def members_of(event: dict[str, Any]) -> dict[str, Any]:
    """A progressed event as zeep wants it: its members, and its data under the name of its kind."""
    members = {name: value for name, value in event.items() if name not in ("specversion", "type", "data")}
    return members | {"dossier_progressed": {k: v for k, v in event["data"].items() if k != "local_step"}}


def envelope(content: Any, soap: str = SOAP_11, **addressing: str) -> etree._Element:
    root = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap, "wsu": WSU})
    header = etree.SubElement(root, f"{{{soap}}}Header")
    for name, value in addressing.items():
        etree.SubElement(header, f"{{{WSA}}}{name}").text = value
    body = etree.SubElement(root, f"{{{soap}}}Body")
    for each in content if isinstance(content, list) else [content]:
        body.append(each)
    return root


@contextmanager
def opened(folder: Path, pki: Pki) -> Iterator[Door]:
    points: list[str] = []

    def crash_point(name: str) -> None:
        points.append(name)
        no_crash(name)

    settings = load(folder / "lienthong.toml", {}).settings
    installation = build(settings, replace(real_ports(), crash_point=crash_point))
    key = InstallationKey.from_file(settings.ledger.signing_key_file)
    try:
        with serve(make_app(installation, key, make_metrics(installation))) as serving:
            yield Door(installation=installation, url=serving.url, pki=pki, points=points)
    finally:
        installation.close()


def text(element: etree._Element, name: str) -> str:
    return [each.text or "" for each in element.iter(f"{{{NAMESPACE}}}{name}")][-1]


class Plugin:
    """zeep's own, with the Timestamp that it does not write, and the door's certificate for the answer."""

    def __init__(self, here: Place, pki: Pki) -> None:
        xmlsec: Any = pytest.importorskip("xmlsec", reason="xmlsec has no wheel for this Python yet")
        self._zeep: Any = import_module("zeep.wsse.signature")
        self._security: Any = import_module("zeep.wsse.utils").get_security_header
        self._door = str(here.folder / "soap.pem")
        key = here.folder / "caller.key"
        key.write_bytes(pki.caller.key_pem)
        sha256 = {"signature_method": xmlsec.Transform.RSA_SHA256, "digest_method": xmlsec.Transform.SHA256}
        self._signature = self._zeep.BinarySignature(str(key), str(here.folder / "caller.pem"), **sha256)

    def apply(self, envelope: Any, headers: Any) -> Any:
        stamp = etree.SubElement(self._security(envelope), f"{{{WSU}}}Timestamp")
        now = datetime.now(UTC)
        etree.SubElement(stamp, f"{{{WSU}}}Created").text = now.isoformat()
        etree.SubElement(stamp, f"{{{WSU}}}Expires").text = (now + timedelta(minutes=5)).isoformat()
        return self._signature.apply(envelope, headers)

    def verify(self, envelope: Any) -> Any:
        self._zeep.verify_envelope(envelope, self._door)
        return envelope
