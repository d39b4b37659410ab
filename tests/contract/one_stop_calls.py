"""Calls to the one-stop system's mock as Liên Thông would make them: signed by signxml, or by `hmac`, on a clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from lxml import etree

from contracts.mock_faults import FaultOrder
from contracts.mocking import Request, Response
from contracts.one_stop import wss
from contracts.one_stop.envelopes import ENVELOPES, SOAP_11, addressing, wrap
from contracts.one_stop.mock import OneStop
from contracts.one_stop.pki import Leaf, Pki
from contracts.one_stop.shapes import NAMESPACE, OPERATIONS
from contracts.one_stop.twins import NSMAP, read, write

SAMPLES = Path(__file__).parents[2] / "contracts" / "one_stop" / "samples"
START = datetime(2026, 7, 3, 3, 2, 12, tzinfo=UTC)
ADDRESS = "https://one-stop.h99.example.invalid/lienthong"
PATHS = {
    "ReceiveOutcome": "outcomes",
    "ReceiveDossier": "dossiers",
    "ReceiveAmendment": "amendments",
    "ReceivePaymentResult": "payments",
    "ReceiveSignatureResult": "signatures",
}
LT = f"{{{NAMESPACE}}}"
SECRET = b"mock-secret-of-lienthong-32-bytes"
COVERED = ("@method", "@path", "@query", "content-type", "content-digest", "idempotency-key")


def sample(name: str) -> dict[str, Any]:
    """A JSON sample."""
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
    return found


OUTCOME = sample("outcome.delivered.json")
FILED = sample("filed.json")
AMENDED = sample("amendment.supplement.json")
SETTLED = sample("payment_result.settled.json")
MADE = sample("signature_result.made.json")


def content(operation: str, value: Mapping[str, Any]) -> etree._Element:
    """The operation's element around the XML twin of this message."""
    tag, shape = OPERATIONS[operation][0]
    element = etree.Element(f"{LT}{operation}", nsmap=NSMAP)
    element.append(write(value, shape, tag))
    return element


def headers_11(operation: str) -> dict[str, str]:
    """HTTP headers of a SOAP 1.1 call."""
    return {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{NAMESPACE}:{operation}"'}


def headers_of(operation: str, soap: str) -> dict[str, str]:
    """HTTP headers of a call of this version."""
    if soap == SOAP_11:
        return headers_11(operation)
    return {"content-type": f'application/soap+xml; charset=utf-8; action="{NAMESPACE}:{operation}"'}


class Caller:
    """The mock, its clock, and calls to it in both protocols."""

    def __init__(self, pki: Pki) -> None:
        self.now = START
        self.pki = pki
        self.mock = OneStop(pki=pki, clock=lambda: self.now)

    def pass_time(self, **length: float) -> None:
        self.now += timedelta(**length)

    def arm(self, fault: str, **more: Any) -> None:
        self.mock.faults.arm(FaultOrder(fault=fault, **more))

    def envelope(self, operation: str, value: Mapping[str, Any], *, soap: str = SOAP_11) -> etree._Element:
        """Not signed yet."""
        headers = addressing(f"{NAMESPACE}:{operation}", to=ADDRESS)
        return wrap(content(operation, value), ENVELOPES[soap], addressing=headers)

    def signed(self, envelope: etree._Element, leaf: Leaf | None = None) -> bytes:
        return wss.sign(envelope, leaf or self.pki.caller, self.now)

    def post(self, body: bytes, *, operation: str = "ReceiveOutcome", soap: str = SOAP_11, **headers: str) -> Response:
        """A SOAP call with this body."""
        told = {**headers_of(operation, soap), **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.mock(Request(path="/one_stop/soap", headers=told, body=body))

    def soap(self, operation: str, value: Mapping[str, Any], *, soap: str = SOAP_11) -> Response:
        """A signed SOAP call."""
        body = self.signed(self.envelope(operation, value, soap=soap))
        return self.post(body, operation=operation, soap=soap)

    def rest(
        self,
        operation: str,
        value: Any,
        *,
        change: Callable[[dict[str, str]], None] = lambda headers: None,
        secret: bytes = SECRET,
        covered: tuple[str, ...] = COVERED,
        parameters: str = "",
    ) -> Response:
        """A signed REST call; `change` spoils the headers after they were signed."""
        path = f"/one_stop/rest/{PATHS[operation]}"
        body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        key = value["id"] if isinstance(value, dict) and "id" in value else "none"
        headers = rest_headers(path, body, str(key), self.now, secret=secret, covered=covered, parameters=parameters)
        change(headers)
        return self.mock(Request(path=path, headers=headers, body=body))

    def effects(self) -> list[tuple[str, str]]:
        return [(row.operation, row.dossier) for row in self.mock.effects]

    def broken(self) -> list[str]:
        """Rules that the last call broke."""
        return [row.rule for row in self.mock.log.newest(1)[0].broken]


def rest_headers(
    path: str,
    body: bytes,
    key: str,
    now: datetime,
    *,
    secret: bytes = SECRET,
    covered: tuple[str, ...] = COVERED,
    parameters: str = "",
) -> dict[str, str]:
    """The headers of a REST call, signed as RFC 9421 says."""
    headers = {
        "content-type": "application/json",
        "content-digest": f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:",
        "idempotency-key": key,
    }
    at = int(now.timestamp())
    told = parameters or f';created={at};expires={at + 300};nonce="{uuid4()}";keyid="lienthong";alg="hmac-sha256"'
    text = "(" + " ".join(f'"{name}"' for name in covered) + ")" + told
    values = {"@method": "POST", "@path": path, "@query": "?", **headers}
    base = "\n".join([f'"{name}": {values[name]}' for name in covered] + [f'"@signature-params": {text}'])
    mac = base64.b64encode(hmac.new(secret, base.encode(), "sha256").digest()).decode()
    return {**headers, "signature-input": f"sig1={text}", "signature": f"sig1=:{mac}:"}


def body_of(response: Response) -> etree._Element:
    """What stands in the Body of an answer."""
    envelope = etree.fromstring(response.body)
    soap = etree.QName(envelope).namespace
    return envelope.find(f"{{{soap}}}Body")[0]


def acknowledged(response: Response) -> dict[str, Any]:
    """The acknowledgement in a SOAP answer."""
    return read(body_of(response)[0], "acknowledgement")


def problem(response: Response) -> dict[str, Any]:
    """The problem of a refusal, of either protocol."""
    if response.content_type == "application/problem+json":
        found: dict[str, Any] = json.loads(response.body)
        return found
    return read(next(body_of(response).iter(f"{LT}problem")), "problem")
