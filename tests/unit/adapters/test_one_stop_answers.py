"""A one-stop system's answers, byte by byte: only what is proven to answer this very request is believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from adapters.channels.http import Request
from adapters.channels.soap import CodecTrouble, SoapCodec
from adapters.partners.one_stop import soap
from adapters.partners.one_stop.adapter import OneStop
from bus.messages import Attempt, Delivered, Exchange, InDoubt, Refused, Unreachable
from contracts.mocking import Request as Asked
from contracts.one_stop import http_signature, wss
from contracts.one_stop.envelopes import ENVELOPES, SOAP_11, SOAP_12, Trouble, addressing, fault, wrap
from contracts.one_stop.pki import Leaf
from contracts.one_stop.shapes import NAMESPACE
from contracts.one_stop.twins import write
from contracts.one_stop.xsd import WSDL
from signing.trust import Pins
from tests.one_stop_kit import (
    ACCOUNT,
    SUBJECT,
    WAYS,
    delivery,
    keys_for,
    message,
    settings_for,
    shared_pki,
    trust_of,
)
from tests.portal_kit import replied

NOW = datetime.now(UTC)
ID = message("delivery.settled")["id"]
YES: dict[str, Any] = {"id": ID, "accepted_at": "2026-07-03T03:02:31Z", "number": None}
LT = f"{{{NAMESPACE}}}"
Make = Callable[[Request], Exchange]


class At:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float) -> None:
        raise AssertionError


class Answering:
    """A channel whose other end makes its answer of the request."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.sent: list[Request] = []

    def send(self, request: Request) -> Exchange:
        self.sent.append(request)
        return self.make(request)


def heard(way: str, make: Make, *, kind: str = "delivery.settled", **settings: Any) -> Attempt:
    """What an attempt comes to when this is the answer."""
    channel = Answering(make)
    adapter = OneStop(settings_for(way, "http://127.0.0.1:9", shared_pki(), **settings), channel, clock=At())
    return adapter.deliver([delivery(kind)])[0]


# -- answers over SOAP -------------------------------------------------------------------------------------------------


@dataclass
class Soap:
    """A SOAP answer in the making; what is wrong with it is said by keyword."""

    soap: str = SOAP_11
    content: etree._Element | None = None
    action: str = f"{NAMESPACE}:ReceiveOutcomeResponse"
    relates_to: str | None = ""
    leaf: Leaf | None = None
    at: datetime = NOW
    status: int = 200
    kind: str = ""
    spoil: Callable[[bytes], bytes] = bytes
    is_signed: bool = True
    also: tuple[str, ...] = ()

    def __call__(self, request: Request) -> Exchange:
        own = etree.fromstring(request.body).findtext(f".//{{{soap.WSA}}}MessageID")
        headers = addressing(self.action, relates_to=own if self.relates_to == "" else self.relates_to)
        content = said(YES) if self.content is None else self.content
        envelope = wrap(content, ENVELOPES[self.soap], addressing=headers)
        envelope[-1].extend([etree.Element(name) for name in self.also])
        leaf = self.leaf or shared_pki().one_stop
        raw = wss.sign(envelope, leaf, self.at) if self.is_signed else etree.tostring(envelope)
        return replied(raw=self.spoil(raw), status=self.status, kind=self.kind or ENVELOPES[self.soap].content_type)


def said(value: Mapping[str, Any], operation: str = "ReceiveOutcome") -> etree._Element:
    element = etree.Element(f"{LT}{operation}Response")
    element.append(write(value, "acknowledgement", "acknowledgement"))
    return element


def no(code: str = "refused", version: str = SOAP_11) -> etree._Element:
    trouble = Trouble(code=code, rule="r52", field="procedure", expected="a procedure of this system")
    return fault(trouble, "MC-1", ENVELOPES[version])


def stranger() -> Leaf:
    """Certified by the same authority, and somebody else."""
    return shared_pki().issue("somebody.example.invalid")


FAULT = f"{soap.WSA}/fault"
BAD_PROBLEM = etree.fromstring(f'<problem xmlns="{NAMESPACE}"><code>refused</code></problem>')


def fault_with(*details: etree._Element) -> etree._Element:
    found = no()
    detail = found.find("detail")
    assert detail is not None
    detail[:] = list(details)
    return found


DOUBTED: list[tuple[str, Soap, str]] = [
    ("no signature", Soap(is_signed=False), "unsigned"),
    ("an unsigned Fault", Soap(content=no(), action=FAULT, is_signed=False, status=500), "unsigned"),
    ("another body", Soap(spoil=lambda raw: raw.replace(ID.encode(), ID[:-1].encode() + b"X")), "bad_signature"),
    ("a foreign subject", Soap(leaf=stranger()), "foreign_subject"),
    ("a signed Fault of a foreign subject", Soap(content=no(), action=FAULT, status=500, leaf=stranger()), "foreign"),
    ("an old answer", Soap(at=NOW - timedelta(minutes=11)), "stale_signature"),
    ("an answer of tomorrow", Soap(at=NOW + timedelta(minutes=6)), "stale_signature"),
    ("an answer to another request", Soap(relates_to="urn:uuid:another"), "other_request"),
    ("an answer to nobody", Soap(relates_to=None), "other_request"),
    ("the other version", Soap(soap=SOAP_12, kind="text/xml"), "other_request"),
    ("the other version's type", Soap(soap=SOAP_12), "other_type"),
    ("another operation's action", Soap(action=f"{NAMESPACE}:ReceiveDossierResponse"), "other_answer"),
    ("another operation's answer", Soap(content=said(YES, "ReceiveDossier")), "other_answer"),
    ("another message's answer", Soap(content=said(YES | {"id": "other.1"})), "other_answer"),
    ("a Fault under a yes's action", Soap(content=no(), status=500), "other_answer"),
    ("a yes under a Fault's action", Soap(action=FAULT), "other_answer"),
    ("an answer that breaks the XSD", Soap(content=said(YES | {"accepted_at": "yesterday"})), "other_answer"),
    ("two things in one Body", Soap(also=(f"{LT}more",)), "other_answer"),
    ("a request", Soap(content=etree.Element(f"{LT}ReceiveOutcome")), "other_answer"),
    ("a Fault without a problem", Soap(content=fault_with(), action=FAULT, status=500), "no_problem"),
    ("a broken problem", Soap(content=fault_with(BAD_PROBLEM), action=FAULT, status=500), "no_problem"),
    ("not XML", Soap(spoil=lambda raw: raw[:-20]), "broken"),
    ("a DTD", Soap(spoil=lambda raw: b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + raw.partition(b"?>")[2]), "broken"),
    ("HTML with a good type", Soap(spoil=lambda raw: b"\n<!DOCTYPE html><html/>"), "html"),
    ("HTML", Soap(kind="text/html"), "html"),
    ("nothing", Soap(spoil=lambda raw: b" "), "empty"),
    ("plain text", Soap(kind="text/plain"), "other_type"),
    ("MTOM", Soap(kind='multipart/related; type="text/xml"'), "other_type"),
    ("a good yes under status 500", Soap(status=500), "http_other"),
]


@pytest.mark.parametrize(("what", "make", "cause"), DOUBTED, ids=[what for what, *_ in DOUBTED])
def test_p06_soap_answer_that_proves_nothing(what, make, cause):
    """In doubt, and to be sent again; never delivered, never refused; the reason says which rule was broken."""
    outcome = heard("soap-1.1", make).outcome

    assert isinstance(outcome, InDoubt)
    assert "ask" == outcome.then
    assert cause in outcome.reason


def test_soap_yes_and_no():
    """What is proven is believed: the yes with its time, the no with its code and words."""
    yes, refused = heard("soap-1.1", Soap()), heard("soap-1.1", Soap(content=no(), action=FAULT, status=500))

    assert Delivered(receipt=YES["accepted_at"]) == yes.outcome
    assert isinstance(refused.outcome, Refused)
    assert "refused" == refused.outcome.code
    assert "MC-1" in refused.outcome.reason


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [("refused", 400, Refused), ("unavailable", 500, Unreachable), ("untrusted", 400, Unreachable)],
)
def test_soap_12_fault(code, status, outcome):
    """SOAP 1.2 has other words and another status for the same Faults."""
    make = Soap(soap=SOAP_12, content=no(code, SOAP_12), action=FAULT, status=status)

    assert outcome is type(heard("soap-1.2", make).outcome)


def test_filing_without_a_number_waits_for_a_person():
    """A yes without the number would be the same for ever (r125)."""
    value = {"id": message("dossier.filed")["id"], "accepted_at": YES["accepted_at"], "number": None}
    make = Soap(content=said(value, "ReceiveDossier"), action=f"{NAMESPACE}:ReceiveDossierResponse")

    attempt = heard("soap-1.1", make, kind="dossier.filed")

    assert isinstance(attempt.outcome, InDoubt)
    assert ("hold", {}) == (attempt.outcome.then, attempt.facts)


def test_replayed_answer_proves_nothing_for_the_next_try():
    """An answer relates to one MessageID, and each try has its own: heard again it is another's (r123)."""
    first = Soap()
    channel = Answering(first)
    adapter = OneStop(settings_for("soap-1.1", "http://127.0.0.1:9", shared_pki()), channel, clock=At())
    good = adapter.deliver([delivery()])[0]
    channel.make = lambda request: replace(good.exchanges[0])

    again = adapter.deliver([delivery()])[0]

    assert isinstance(good.outcome, Delivered)
    assert isinstance(again.outcome, InDoubt)
    assert again.outcome.reason.startswith("other_request")


class Vouching:
    """Only for what a current list vouches."""

    def __init__(self, crl: bytes | None) -> None:
        self.trust = trust_of(shared_pki(), revocation="require", crls=[crl] if crl else [])


def crl(*revoked: Leaf) -> bytes:
    """A list of the mock's authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    pki = shared_pki()
    builder = x509.CertificateRevocationListBuilder().issuer_name(pki.authority.subject)
    builder = builder.last_update(NOW - timedelta(hours=1)).next_update(NOW + timedelta(days=1))
    for leaf in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(leaf.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(NOW - timedelta(hours=2)).build())
    return builder.sign(pki._key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("list_", "cause"),
    [(lambda: crl(shared_pki().one_stop), "revoked"), (lambda: None, "revocation_unknown"), (lambda: crl(), "")],
    ids=["revoked", "nobody says", "vouched for"],
)
def test_revocation_of_their_certificate(list_, cause):
    """A revoked certificate proves nothing, nor does one that nobody vouches for where that is required."""
    keys = replace(keys_for("soap-1.1", shared_pki()), trust=Vouching(list_()).trust)

    outcome = heard("soap-1.1", Soap(), keys=keys).outcome

    assert isinstance(outcome, InDoubt if cause else Delivered)
    assert cause in getattr(outcome, "reason", "")


def test_expired_certificate_of_theirs():
    """Past its days a certificate proves nothing."""
    old = shared_pki().issue(SUBJECT.removeprefix("CN="), days=(-3, -1))

    assert "expired_certificate" in heard("soap-1.1", Soap(leaf=old)).outcome.reason


def test_pinned_key():
    """With a pinned key, the right name over another key is a foreigner's."""
    keys = replace(
        keys_for("soap-1.1", shared_pki()), trust=trust_of(shared_pki(), pins=Pins(keys=frozenset({"0" * 64})))
    )

    assert "foreign_subject" in heard("soap-1.1", Soap(), keys=keys).outcome.reason


def test_zeep_and_twins_must_agree(monkeypatch):
    """When the codec reads another thing than the contract's own twins, nothing was understood."""
    monkeypatch.setattr(SoapCodec, "reply", lambda self, operation, envelope: YES | {"number": "1"})

    assert "other_answer" == heard("soap-1.1", Soap()).outcome.reason


@pytest.mark.parametrize(
    ("method", "make"), [("reply", Soap()), ("fault", Soap(content=no(), action=FAULT, status=500))]
)
def test_codec_that_stumbles(monkeypatch, method, make):
    """Whatever zeep stumbles over, the answer was not understood."""

    def stumble(*arguments: object) -> None:
        raise CodecTrouble("KeyError")

    monkeypatch.setattr(SoapCodec, method, stumble)

    assert "other_answer" == heard("soap-1.1", make).outcome.reason


def test_codec_that_writes_another_thing_sends_nothing(monkeypatch):
    """What zeep wrote is read again by the twins before it is signed: another meaning never leaves the house."""
    write_rightly = SoapCodec.request

    def write_wrongly(self, operation, parameters):
        envelope = write_rightly(self, operation, parameters)
        next(envelope.iter(f"{LT}reason")).text = "anything"
        return envelope

    monkeypatch.setattr(SoapCodec, "request", write_wrongly)

    with pytest.raises(soap.MeaningChanged):
        heard("soap-1.1", Soap())


def test_codec_fetches_nothing(tmp_path):
    """A WSDL that refers to the network is refused; zeep never opens a connection."""
    text = WSDL.read_text(encoding="utf-8").replace("one-stop.xsd", "http://127.0.0.1:9/one-stop.xsd")
    (tmp_path / "service.wsdl").write_text(text, encoding="utf-8")

    with pytest.raises(CodecTrouble, match="not on this disk"):
        SoapCodec(tmp_path / "service.wsdl", service=soap.SERVICE, port=soap.PORTS["1.1"])


def test_codec_says_what_it_cannot_read():
    """zeep fails in many ways over what it does not expect; here they are one."""
    codec = SoapCodec(WSDL, service=soap.SERVICE, port=soap.PORTS["1.1"])
    empty = etree.fromstring(f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body/></s:Envelope>')

    for read in (lambda: codec.reply("Nothing", empty), lambda: codec.reply("ReceiveOutcome", empty)):
        with pytest.raises(CodecTrouble):
            read()
    assert "" == codec.fault(empty).code
    broken = no("refused", SOAP_12)
    etree.SubElement(broken[0], f"{{{SOAP_12}}}Subcode")
    codec = SoapCodec(WSDL, service=soap.SERVICE, port=soap.PORTS["1.2"])
    with pytest.raises(CodecTrouble):
        codec.fault(wrap(broken, ENVELOPES[SOAP_12]))


# -- answers over REST -------------------------------------------------------------------------------------------------


@dataclass
class Rest:
    """A REST answer in the making."""

    value: Any = None
    status: int = 201
    kind: str = "application/json"
    key_id: str = ACCOUNT.answer_key_id
    secret: bytes = ACCOUNT.answer_secret
    at: datetime = NOW
    raw: bytes | None = None
    said_kind: str = ""
    change: Callable[[dict[str, str]], None] = lambda headers: None
    to: str = ""
    spoil: Callable[[bytes], bytes] = bytes

    def __call__(self, request: Request) -> Exchange:
        body = json.dumps(YES if self.value is None else self.value).encode() if self.raw is None else self.raw
        asked = Asked(path="/one_stop/rest/outcomes", headers={"signature": self.to or request.headers["signature"]})
        asked = replace(asked, method="POST", body=request.body)
        head = http_signature.sign_answer(
            self.status, self.kind, body, asked, key_id=self.key_id, secret=self.secret, now=self.at
        )
        self.change(head)
        return replied(raw=self.spoil(body), status=self.status, kind=self.said_kind or self.kind, head=head)


def problem(code: str = "refused", status: int = 422, **members: Any) -> dict[str, Any]:
    """A problem as RFC 9457 has it."""
    told = {"code": code, "title": "Không", "detail": "", "reference": "MC-1", "errors": []}
    return {"type": f"urn:lienthong:problem:{code}", "status": status} | told | members


def unsigned(headers: dict[str, str]) -> None:
    del headers["Signature"]


PROBLEM = "application/problem+json"
REST_DOUBTED: list[tuple[str, Rest, str]] = [
    ("no signature", Rest(change=unsigned), "unsigned"),
    ("another body", Rest(spoil=lambda raw: raw.replace(b"null", b'"X"')), "bad_signature"),
    ("an unknown key", Rest(key_id="another"), "unknown_key"),
    ("another secret", Rest(secret=b"another-secret-of-the-one-stop-s"), "bad_signature"),
    ("an old answer", Rest(at=NOW - timedelta(minutes=11)), "stale_signature"),
    ("an answer to another request", Rest(to="sig1=:AAAA:"), "bad_signature"),
    ("another type than was signed", Rest(said_kind=PROBLEM), "bad_signature"),
    ("another message's answer", Rest(value=YES | {"id": "other.1"}), "other_answer"),
    ("a member too many", Rest(value=YES | {"more": 1}), "other_answer"),
    ("a member too few", Rest(value={"id": ID, "number": None}), "other_answer"),
    ("a number for a text", Rest(value=YES | {"number": 7}), "other_answer"),
    ("a list for a text", Rest(value=YES | {"number": [7]}), "other_answer"),
    ("a character that XML lacks", Rest(value=YES | {"number": "\x00"}), "other_answer"),
    ("a list", Rest(value=[YES]), "other_answer"),
    ("a member twice", Rest(raw=b'{"id":"1","id":"1"}'), "broken"),
    ("a problem without type", Rest(value={"status": 422}, status=422, kind=PROBLEM), "other_answer"),
    ("a problem of a type", Rest(value=problem(type="about:blank"), status=422, kind=PROBLEM), "other_answer"),
    ("a problem of a status", Rest(value=problem(status=400), status=422, kind=PROBLEM), "other_answer"),
    ("half a problem", Rest(value={"type": "x", "status": 422}, status=422, kind=PROBLEM), "other_answer"),
    ("a list of problems", Rest(value=[problem()], status=422, kind=PROBLEM), "other_answer"),
    ("their trouble", Rest(value=problem("crashed", 500), status=500, kind=PROBLEM), "their_trouble"),
    ("HTML with a good type", Rest(raw=b"\n<html/>"), "html"),
    ("nothing", Rest(raw=b" "), "empty"),
    ("plain text", Rest(kind="text/plain"), "other_type"),
    ("a good yes under status 200", Rest(status=200), "http_other"),
]


@pytest.mark.parametrize(("what", "make", "cause"), REST_DOUBTED, ids=[what for what, *_ in REST_DOUBTED])
def test_p06_rest_answer_that_proves_nothing(what, make, cause):
    """In doubt, and to be sent again; never delivered, never refused; the reason says which rule was broken."""
    outcome = heard("rest", make).outcome

    assert isinstance(outcome, InDoubt)
    assert "ask" == outcome.then
    assert cause in outcome.reason


def test_rest_yes_and_no():
    """What is proven is believed."""
    assert Delivered(receipt=YES["accepted_at"]) == heard("rest", Rest()).outcome
    assert isinstance(heard("rest", Rest(value=problem(), status=422, kind=PROBLEM)).outcome, Refused)
    busy = Rest(value=problem("unavailable", 503), status=503, kind=PROBLEM)
    assert isinstance(heard("rest", busy).outcome, Unreachable)


def test_rest_replayed_answer_proves_nothing_for_the_next_try():
    """An answer's signature covers its request's, and each try has its own (r86, r123)."""
    channel = Answering(Rest())
    adapter = OneStop(settings_for("rest", "http://127.0.0.1:9", shared_pki()), channel, clock=At())
    good = adapter.deliver([delivery()])[0]
    channel.make = lambda request: replace(good.exchanges[0])

    assert isinstance(good.outcome, Delivered)
    assert isinstance(adapter.deliver([delivery()])[0].outcome, InDoubt)


# -- trouble on the way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("trouble", [Unreachable(reason="not_sent: x"), InDoubt(reason="reply_lost: x")])
def test_trouble_of_the_channel_is_the_outcome(way, trouble):
    """Without a whole answer, what the channel says holds; the evidence names the key all the same."""
    attempt = heard(way, lambda request: replied(trouble=trouble))

    assert trouble == attempt.outcome
    assert attempt.exchanges[0].key_id
