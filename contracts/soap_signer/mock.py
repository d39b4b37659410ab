"""A SOAP signing service as a callable: strict, stateful, and able to misbehave.

Written from `NOTES.md`, the XSD and signxml; the adapter speaks through zeep and the signing room, and two that agree
are the point.

    call → `places` (which operation?) → here (may it pass?) → an operation → a signed answer
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from lxml import etree

from contracts.mock_faults import Armed
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of
from contracts.mocking import Call, Request, Response, utc_now
from contracts.one_stop import wss
from contracts.one_stop.envelopes import ENVELOPES, SOAP_11, WSA, Trouble, addressing, wrap
from contracts.one_stop.pki import CALLER, Leaf, Pki
from contracts.signing_mock import FAULTS, ON_CALLBACKS, SigningMock, switches
from contracts.signing_pki.authorities import Holder, SigningPki
from contracts.signing_transactions import Document, Transaction
from contracts.soap_signer import places
from contracts.soap_signer.places import Message, trouble
from contracts.soap_signer.wsdl import NAMESPACE, breach

SERVICE: Final = "ky-so.h99.example.invalid"
XML: Final = "text/xml; charset=utf-8"
FAULT_ACTION: Final = f"{WSA}/fault"
SERVER: Final = frozenset({"unavailable"})
"""Codes that mean *later*."""
STATES: Final = {
    "open": "PENDING", "approved": "SIGNED", "declined": "REJECTED", "expired": "EXPIRED", "failed": "FAILED",
}  # fmt: skip
CHECKED: Final = ("r2", "r3", "r4", "r6", *(f"r{n}" for n in range(60, 69)))
SWITCHES: Final = switches(
    "r80",
    Switch(
        name="answers",
        default="signed",
        read=one_of("signed", "unsigned"),
        rule="r69",
        says="whether what it says is signed",
    ),
    Switch(
        name="refuses",
        default="",
        read=one_of("", "quota", "unknown_user", "certificate_not_usable", "unavailable"),
        rule="r24",
        says="what every Sign is answered with",
    ),
    Switch(
        name="names",
        default="own",
        read=one_of("own", "other"),
        rule="r32",
        says="other: an answer names another request than the one that was asked about",
    ),
)


class SoapSigner(SigningMock):
    """An older signing service of a province."""

    partner: ClassVar[str] = "soap_signer"
    name: ClassVar[str] = "Dịch vụ ký số SOAP"
    faults_here: ClassVar[frozenset[str]] = (FAULTS - ON_CALLBACKS) | {"soap_fault", "unsigned_fault", "bad_signature"}
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")

    def __init__(
        self,
        *,
        pki: SigningPki | None = None,
        messages: Pki | None = None,
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        """`messages`: who signs messages; other keys than those that sign documents."""
        super().__init__(pki=pki, clock=clock, keep=keep, seed=seed)
        self._given = messages
        self._seen: dict[str, datetime] = {}
        """Signatures of messages, with the time until which a repeat is refused."""
        self._operations: Mapping[str, Callable[[Message, Visit], etree._Element]] = {
            "GetCertificates": self._certificates,
            "Sign": self._sign_request,
            "GetStatus": self._status,
            "Verify": self._verify,
        }

    @cached_property
    def messages(self) -> Pki:
        """Made when it is first needed: keys cost time."""
        return self._given or Pki(self._clock())

    @cached_property
    def leaf(self) -> Leaf:
        """Who signs what it answers."""
        return self.messages.issue(SERVICE)

    def forget(self) -> None:
        super().forget()
        self._seen.clear()

    # -- the partner's three steps ------------------------------------------------------------------------------------

    def recognise_here(self, request: Request) -> Call:
        return places.recognise(request)

    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        if call.place == "pki":
            return self._keys(call.request)
        visit.checked = CHECKED
        try:
            self._may_pass(call, visit)
        except Trouble as no:
            return self._no(no, call, visit)
        return None

    def answer_here(self, call: Call, visit: Visit) -> Response:
        try:
            content = self._operations[call.operation](call.payload, visit)
        except Trouble as no:
            return self._no(no, call, visit)
        action = f"{NAMESPACE}:{call.operation}Response"
        is_signed = self.switches["answers"] == "signed"
        return self._enveloped(200, content, action, call, visit, is_signed=is_signed)

    def change(self, response: Response, fault: Armed, call: Call, visit: Visit) -> Response:
        """Faults that spoil a signed answer, here where the keys are."""
        if fault.name in ("soap_fault", "unsigned_fault"):
            busy = trouble("r5", "", "the same message, later", code="unavailable")
            return self._enveloped(500, _fault(busy), FAULT_ACTION, call, visit, is_signed=fault.name == "soap_fault")
        if fault.name == "bad_signature":
            return _spoilt(response)
        return super().change(response, fault, call, visit)

    # -- may it pass? -------------------------------------------------------------------------------------------------

    def _may_pass(self, call: Call, visit: Visit) -> None:
        message: Message = call.payload
        headers, action = call.request.headers, f"{NAMESPACE}:{call.operation}"
        if call.request.method != "POST" or headers.get("content-type", "").partition(";")[0] != "text/xml":
            raise trouble("r2", "Content-Type", "POST of text/xml", code="media_type")
        if message.trouble is not None:
            raise message.trouble
        assert message.envelope is not None
        assert message.content is not None
        if headers.get("soapaction") != f'"{action}"':
            raise trouble("r3", "SOAPAction", f'"{action}"', headers.get("soapaction", ""), code="wrong_action")
        proof = wss.check(message.envelope, pki=self.messages, subjects=frozenset({CALLER}), now=visit.clock)
        self._addressed(message, action)
        if self._seen.get(proof.signature, visit.clock) > visit.clock:
            raise trouble("r67", "signature", "one that was not shown before", code="replayed")
        self._seen[proof.signature] = proof.until
        if found := breach(message.content):
            raise trouble("r4", call.operation, "the form of soap-signer.xsd", found)

    def _addressed(self, message: Message, action: str) -> None:
        assert message.envelope is not None
        header = f"./{{{SOAP_11}}}Header/{{{WSA}}}"
        told = {name: message.envelope.findtext(f"{header}{name}") for name in ("To", "Action", "MessageID")}
        if not told["To"] or not told["MessageID"] or told["Action"] != action:
            raise trouble("r68", "wsa", f"To, MessageID, and the action {action}", code="wrong_action")

    # -- operations ---------------------------------------------------------------------------------------------------

    def _certificates(self, message: Message, visit: Visit) -> etree._Element:
        visit.checked += ("r10",)
        said = _element("GetCertificatesResponse")
        for holder in self.signers.of(message.text("UserId")):
            one = _child(said, "Certificate")
            _child(one, "Serial", holder.serial)
            _child(one, "Status", self._status_of(holder, visit.clock))
            _child(one, "Value", _base64(holder.der))
            for above in holder.chain_der:
                _child(one, "Issuer", _base64(above))
        return said

    def _status_of(self, holder: Holder, now: datetime) -> str:
        number = holder.certificate.serial_number
        if any(number in each.revoked for each in self.pki.authorities.values()):
            return "REVOKED"
        return "EXPIRED" if holder.certificate.not_valid_after_utc <= now else "VALID"

    def _sign_request(self, message: Message, visit: Visit) -> etree._Element:
        visit.checked += ("r20", "r21", "r22", "r24")
        request, content = message.text("RequestId"), message.content
        assert content is not None
        digest = hashlib.sha256(etree.tostring(content, method="c14n", exclusive=True)).hexdigest()
        known = self.transactions.get(request)
        if known is not None and known.more["content"] != digest:
            raise trouble("r22", "RequestId", "another id for other content", request, code="contradicted")
        made = known or self._new(message, visit, digest)
        said = _element("SignResponse")
        _child(said, "RequestId", self._named(request))
        _child(said, "Status", STATES[made.state])
        _child(said, "ExpiresAt", _time(made.until))
        return said

    def _new(self, message: Message, visit: Visit, digest: str) -> Transaction:
        if refused := self.switches["refuses"]:
            raise trouble("r24", "Sign", "a signer who may sign", refused, code=refused)
        user, serial = message.text("UserId"), message.text("Serial").lower().lstrip("0")
        held = self.signers.of(user)
        if not held:
            raise trouble("r24", "UserId", "somebody who is known here", code="unknown_user")
        holder = next((each for each in held if each.serial == serial), None)
        if holder is None:
            raise trouble("r24", "Serial", "a certificate of this user", serial, code="unknown_certificate")
        if self._status_of(holder, visit.clock) != "VALID":
            raise trouble("r24", "Serial", "a certificate that may be used", serial, code="certificate_not_usable")
        made = self.asked_for(
            visit,
            request=message.text("RequestId"),
            handle=f"KS-{len(self.transactions) + 1:06d}",
            user=user,
            holder=holder,
            documents=_documents(message),
            description=message.text("Description"),
            content=digest,
        )
        made.until = min(made.until, datetime.fromisoformat(message.text("ExpiresAt")))
        return made

    def _status(self, message: Message, visit: Visit) -> etree._Element:
        visit.checked += ("r30", "r31")
        request = message.text("RequestId")
        found = self.asked_about(request)
        if found is None:
            raise trouble("r30", "RequestId", "one that was asked for", request, code="not_found")
        said = _element("GetStatusResponse")
        _child(said, "RequestId", self._named(request))
        _child(said, "Status", STATES[found.state])
        if found.state == "failed":
            _child(said, "Code", found.code or "failed")
            _child(said, "Message", "Không ký được")
        for document in found.values() if found.state == "approved" else ():
            one = _child(said, "Signature")
            _child(one, "DocumentId", document.id)
            _child(one, "Value", _base64(document.value or b""))
            _child(one, "Certificate", _base64(found.holder.der))
        return said

    def _named(self, request: str) -> str:
        return request if self.switches["names"] == "own" else f"{request[:60]}-X"

    def _verify(self, message: Message, visit: Visit) -> etree._Element:
        visit.checked += ("r40",)
        digest, value, der = (base64.b64decode(message.text(name)) for name in ("Digest", "Value", "Certificate"))
        said = _element("VerifyResponse")
        try:
            certificate = x509.load_der_x509_certificate(der)
            _verified(certificate, digest, value)
        except (InvalidSignature, ValueError) as wrong:
            _child(said, "Result", "INVALID")
            _child(said, "Reason", type(wrong).__name__)
            return said
        _child(said, "Result", "VALID")
        _child(said, "Subject", certificate.subject.rfc4514_string())
        return said

    # -- answers ------------------------------------------------------------------------------------------------------

    def _no(self, no: Trouble, call: Call, visit: Visit) -> Response:
        if no.code != "not_found":  # whoever asks whether a request is there breaks nothing
            visit.break_rule(
                Broken(rule=no.rule, field=no.field, expected=no.expected, found=no.found, message=no.code)
            )
        visit.error_code = no.code
        return self._enveloped(500, _fault(no), FAULT_ACTION, call, visit, is_signed=True)

    def _enveloped(
        self, status: int, content: etree._Element, action: str, call: Call, visit: Visit, *, is_signed: bool
    ) -> Response:
        message: Message = call.payload
        told = addressing(action, relates_to=message.message_id)
        envelope = wrap(content, ENVELOPES[SOAP_11], addressing=told)
        body = wss.sign(envelope, self.leaf, visit.clock) if is_signed else etree.tostring(envelope)
        return Response(status=status, body=body, content_type=XML)

    def _keys(self, request: Request) -> Response:
        """r80."""
        shown = {
            "authority.pem": lambda: self.messages.authority_pem,
            "caller.pem": lambda: self.messages.caller.certificate_pem + self.messages.caller.key_pem,
        }
        body = shown.get(request.path.removeprefix(places.PKI))
        if body is None:
            return Response(status=404, body=b'{"error":"nothing here"}')
        return Response(body=body(), content_type="application/x-pem-file")


def _spoilt(response: Response) -> Response:
    """The same answer, its signature's first byte turned round."""
    head, mark, rest = response.body.partition(b"SignatureValue>")
    given, end, tail = rest.partition(b"<")
    raw = bytearray(base64.b64decode(b"".join(given.split())))
    raw[:1] = bytes([raw[0] ^ 0xFF]) if raw else b""
    body = head + mark + base64.b64encode(bytes(raw)) + end + tail
    return Response(status=response.status, body=body, content_type=XML)


def _documents(message: Message) -> list[Document]:
    assert message.content is not None
    found: list[Document] = []
    for one in message.content.findall(f"{{{NAMESPACE}}}Document"):
        told = {name: one.findtext(f"{{{NAMESPACE}}}{name}") or "" for name in ("DocumentId", "Name", "Digest")}
        found.append(Document(id=told["DocumentId"], name=told["Name"], digest=base64.b64decode(told["Digest"])))
    if len({each.id for each in found}) != len(found):
        raise trouble("r20", "DocumentId", "each once")
    return found


def _verified(certificate: x509.Certificate, digest: bytes, value: bytes) -> None:
    key, known = certificate.public_key(), utils.Prehashed(hashes.SHA256())
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(value, digest, padding.PKCS1v15(), known)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(value, digest, ec.ECDSA(known))
    else:
        raise ValueError("key")


def _fault(no: Trouble) -> etree._Element:
    element = etree.Element(f"{{{SOAP_11}}}Fault", nsmap={"soap": SOAP_11})
    etree.SubElement(element, "faultcode").text = "soap:Server" if no.code in SERVER else "soap:Client"
    etree.SubElement(element, "faultstring").text = no.code
    problem = etree.SubElement(etree.SubElement(element, "detail"), f"{{{NAMESPACE}}}Problem", nsmap={"ks": NAMESPACE})
    _child(problem, "Code", no.code)
    _child(problem, "Message", f"{no.field}: {no.expected}"[:300])
    return element


def _element(name: str) -> etree._Element:
    return etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={"ks": NAMESPACE})


def _child(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
