"""Our contract with a one-stop system: every event has an XML twin, every sample keeps the schema it is meant for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier

from contracts.check import EVENT, breaches, load_schema
from contracts.one_stop import make_xsd, xsd
from contracts.one_stop.envelopes import Trouble, parse
from contracts.one_stop.gate import json_breaches
from contracts.one_stop.shapes import DOOR, MESSAGES, NAMESPACE, OPERATIONS, THEIRS
from contracts.one_stop.twins import read, write
from contracts.one_stop.wss import BASE64, DS, WSSE, WSU, X509V3
from tests.contract.one_stop_calls import LT, SAMPLES, START

INTAKE = SAMPLES.parents[1] / "intake" / "samples"
GOOD = sorted([*INTAKE.glob("dossier.*.json"), *INTAKE.glob("payment.*.json"), *INTAKE.glob("signature.*.json")])
BAD = sorted(INTAKE.glob("bad-*.json"))
TWIN_OF = {"malformed_json": "malformed_xml", "malformed_json-bom": None}
"""XML has its own ways of being no document, and allows a byte-order mark."""
MESSAGE_SAMPLES = sorted(path for path in SAMPLES.glob("[RG]*.xml") if "bad-" not in path.name)
ENVELOPE_SAMPLES = sorted(SAMPLES.glob("*signed-*.xml"))
WSDL_NAMES = {"w": "http://schemas.xmlsoap.org/wsdl/"}


def test_schema_is_fresh():
    """The XSD is what the JSON Schemas make of it today."""
    assert make_xsd.Maker().page() == xsd.FILE.read_text(encoding="utf-8")


def test_shapes_have_one_name():
    """No part of the event and no part of the messages share a name: a name means one shape."""
    assert set() == load_schema(EVENT)["$defs"].keys() & load_schema(MESSAGES)["$defs"].keys()


def test_wsdl_has_every_operation():
    """The WSDL offers each operation in both versions of SOAP, under the action of the notes."""
    wsdl = etree.parse(xsd.WSDL)
    for port, names in (("Door", DOOR), ("OneStop", THEIRS)):
        offered = wsdl.xpath(f"//w:portType[@name='{port}']/w:operation/@name", namespaces=WSDL_NAMES)
        assert list(names) == offered
        for version in ("11", "12"):
            binding = wsdl.find(f"w:binding[@name='{port}{version}']", WSDL_NAMES)
            actions = [each[0].get("soapAction") for each in binding.findall("w:operation", WSDL_NAMES)]
            assert [f"{NAMESPACE}:{name}" for name in names] == actions


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_event_has_a_twin(path):
    """A good event has one XML form, which the XSD passes, and which gives the very event back."""
    event = json.loads(path.read_text(encoding="utf-8"))
    sent = (SAMPLES / f"RecordEvent.{path.stem}.xml").read_bytes()

    message = parse(sent)

    assert () == xsd.breaches(message)
    assert event == read(message[0], "event")
    assert _canonical(message[0]) == _canonical(write(event, "event", "event"))


def _canonical(element: etree._Element) -> bytes:
    plain = etree.fromstring(etree.tostring(element), etree.XMLParser(remove_blank_text=True))
    return etree.tostring(plain, method="c14n", exclusive=True)


def rule_of(name: str) -> str:
    """Which rule a bad sample breaks, and no other."""
    return name.removeprefix("RecordEvent.").removeprefix("bad-").partition(".")[0].partition("-")[0]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_event_has_a_bad_twin(path):
    """What breaks a rule as JSON breaks the same rule as XML."""
    name = path.stem.removeprefix("bad-")
    twin = TWIN_OF.get(name, name)
    if twin is None:
        assert () == xsd.breaches(parse((SAMPLES / "RecordEvent.byte-order-mark.xml").read_bytes()))
        return

    broken = rules_broken((SAMPLES / f"RecordEvent.bad-{twin}.xml").read_bytes())

    expected = {"too_deep": "malformed_xml", "not_utf8": "malformed_xml"}.get(rule_of(twin), rule_of(twin))
    assert [expected] == broken


def rules_broken(sent: bytes) -> list[str]:
    """What a door would find: the document, the XSD, then the JSON twin."""
    try:
        message = parse(sent)
    except Trouble as trouble:
        return [trouble.code]
    found = xsd.breaches(message) or breaches(read(message[0], "event"))
    return [breach.rule for breach in found]


def test_document_type_is_refused():
    """A document type is refused before anything in it is looked at."""
    assert ["malformed_xml"] == rules_broken((SAMPLES / "RecordEvent.bad-document-type.xml").read_bytes())


@pytest.mark.parametrize("path", MESSAGE_SAMPLES, ids=lambda path: path.stem)
def test_message_samples(path):
    """Each sample of a message keeps the XSD, and is named after its operation."""
    message = parse(path.read_bytes())

    assert etree.QName(message).localname == path.name.partition(".")[0]
    assert () == xsd.breaches(message)


def test_every_operation_has_samples():
    """Each operation has a sample of its request and of its answer."""
    there = {path.name.partition(".")[0] for path in MESSAGE_SAMPLES}

    assert {name + end for name in OPERATIONS for end in ("", "Response")} == there


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_rest_samples(path):
    """Each JSON sample keeps the schema of its name."""
    assert () == json_breaches(json.loads(path.read_text(encoding="utf-8")), path.name.partition(".")[0])


@pytest.mark.parametrize(
    ("xml", "shape", "plain"),
    [
        ("ReceiveOutcome.held.xml", "outcome", "outcome.held.json"),
        ("ReceiveDossier.xml", "filed", "filed.json"),
        ("ReceiveAmendment.supplement.xml", "amendment", "amendment.supplement.json"),
        ("ReceiveDossierResponse.xml", "acknowledgement", "acknowledgement.filed.json"),
        *(
            (f"ReceivePaymentResult.{kind}.xml", "payment_result", f"payment_result.{kind}.json")
            for kind in ("opened", "settled", "failed", "expired", "refunded")
        ),
        ("ReceivePaymentResultResponse.xml", "acknowledgement", "acknowledgement.payment.json"),
        *(
            (f"ReceiveSignatureResult.{kind}.xml", "signature_result", f"signature_result.{kind}.json")
            for kind in ("made", "declined", "expired")
        ),
        ("ReceiveSignatureResultResponse.xml", "acknowledgement", "acknowledgement.signature.json"),
    ],
)
def test_both_protocols_say_the_same(xml, shape, plain):
    """The SOAP sample and the REST sample of one message are one content."""
    message = parse((SAMPLES / xml).read_bytes())

    assert json.loads((SAMPLES / plain).read_text(encoding="utf-8")) == read(message[0], shape)


@pytest.mark.parametrize("path", ENVELOPE_SAMPLES, ids=lambda path: path.stem)
def test_envelope_samples(path):
    """What stands in each envelope keeps the XSD: a message, or the problem of a Fault."""
    envelope = parse(path.read_bytes())
    inside = envelope.find(f"{{{etree.QName(envelope).namespace}}}Body")[0]
    told = next(inside.iter(f"{LT}problem"), inside)

    assert () == xsd.breaches(told)
    assert ("fault" in path.name) == (etree.QName(inside).localname == "Fault")


@pytest.mark.parametrize(
    "path", [path for path in ENVELOPE_SAMPLES if path.name.startswith("signed")], ids=lambda path: path.stem
)
def test_signed_samples(path):
    """Each signed sample is verified by signxml under the certificate in it, which the sample authority signed."""
    envelope = parse(path.read_bytes())
    token = next(envelope.iter(f"{{{WSSE}}}BinarySecurityToken"))
    certificate = x509.load_der_x509_certificate(base64.b64decode(token.text))
    authority = x509.load_pem_x509_certificate((SAMPLES / "authority.pem").read_bytes())
    config = SignatureConfiguration(location=".//", expect_references=False, verification_time=START)

    results = XMLVerifier().verify(envelope, x509_cert=certificate, expect_config=config)

    certificate.verify_directly_issued_by(authority)
    assert (X509V3, BASE64) == (token.get("ValueType"), token.get("EncodingType"))
    names = {etree.QName(each.signed_xml).localname for each in results}
    assert {"Body", "Timestamp", "Action", "MessageID", "To"} <= names


def test_no_key_is_kept():
    """No sample and no file of the contract holds a private key."""
    texts = [path.read_bytes() for path in SAMPLES.parent.rglob("*") if path.is_file()]

    assert not any(b"PRIVATE" + b" KEY" in text for text in texts)


def test_samples_are_of_one_clock():
    """Signed samples were made at the time that the tests begin with."""
    created = {
        next(parse(path.read_bytes()).iter(f"{{{WSU}}}Created")).text
        for path in ENVELOPE_SAMPLES
        if path.name.startswith("signed")
    }

    assert {START.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"} == created


# What the XSD says beyond the samples.


def changed(old: str, new: str) -> list[str]:
    """The progressed event with one text replaced; the rules it breaks then."""
    text = (SAMPLES / "RecordEvent.dossier.progressed.xml").read_text(encoding="utf-8")
    assert old in text
    return rules_broken(text.replace(old, new, 1).encode())


@pytest.mark.parametrize(
    ("time", "is_good"),
    [
        ("2028-02-29T00:00:00Z", True),
        ("2000-02-29T23:59:59.123456789+23:59", True),
        ("2400-02-29T00:00:00-12:00", True),
        ("2026-02-29T00:00:00Z", False),
        ("1900-02-29T00:00:00Z", False),
        ("2100-02-29T00:00:00Z", False),
        ("2026-04-31T00:00:00Z", False),
        ("2026-12-31T24:00:00Z", False),
        ("2026-12-31T23:59:60Z", False),
        ("3000-01-01T00:00:00Z", False),
        ("2026-07-03 10:02:11Z", False),
        (" 2026-07-03T10:02:11Z", False),
        ("2026-07-03T10:02:11.1234567890Z", False),
    ],
)
def test_calendar(time, is_good):
    """The pattern of a time knows the calendar: it passes what the JSON contract passes, and nothing else."""
    event = json.loads((INTAKE / "dossier.progressed.json").read_text(encoding="utf-8"))
    as_json = [breach.rule for breach in breaches(event | {"time": time})]

    broken = changed(f"<lt:time>{event['time']}<", f"<lt:time>{time}<")

    assert as_json == broken
    assert is_good == (broken == [])


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("<lt:sequence>2</lt:sequence>", "<lt:sequence>0</lt:sequence>", "out_of_range"),
        ("<lt:sequence>2</lt:sequence>", '<lt:sequence other="1">2</lt:sequence>', "unknown_field"),
        ("<lt:sequence>2</lt:sequence>", "<lt:sequence><lt:id>2</lt:id></lt:sequence>", "wrong_type"),
        ("<lt:subject>", "<lt:subject>&#xA0;", "out_of_range"),
        ("<lt:subject>", "<lt:subject>&#x200B;", "out_of_range"),
        ("<lt:dossier_progressed>", "<lt:dossier_progressed>text", "wrong_type"),
    ],
)
def test_limits(old, new, rule):
    """Limits of the JSON contract that no sample shows hold in XML too."""
    assert rule in changed(old, new)


def test_traceparent_of_zeroes():
    """A trace id of zeroes is none, though XSD cannot look ahead."""
    text = (SAMPLES / "RecordEvent.dossier.progressed.full.xml").read_text(encoding="utf-8")
    trace = re.search(r"<lt:traceparent>00-([0-9a-f]{32})-", text)

    assert ["out_of_range"] == rules_broken(text.replace(trace[1], "0" * 32).encode())


def test_comment_inside_a_value():
    """A comment neither ends a value nor belongs to it (r28)."""
    text = (SAMPLES / "RecordEvent.dossier.progressed.xml").read_text(encoding="utf-8")
    name = "Trần Văn Mẫu"

    event = read(parse(text.replace(name, "Trần <!-- x -->Văn<![CDATA[ Mẫu]]>").encode())[0], "event")

    assert name == event["data"]["officer"]["name"]


def test_absent_null_and_empty():
    """Absent, null and empty stay three things on the way through XML (r21)."""
    event = json.loads((INTAKE / "dossier.recorded.json").read_text(encoding="utf-8"))
    digests = set()
    for enclosures in ("absent", None, []):
        told = {**event["data"], "enclosures": enclosures}
        if enclosures == "absent":
            del told["enclosures"]
        there = event | {"data": told}
        back = read(etree.fromstring(etree.tostring(write(there, "event", "event"))), "event")
        assert there == back
        digests.add(hashlib.sha256(json.dumps(back, sort_keys=True).encode()).hexdigest())

    assert 3 == len(digests)


def test_a_list_too_long():
    """One item more than a list takes is told of the list."""
    event = json.loads((INTAKE / "dossier.recorded.json").read_text(encoding="utf-8"))
    event["data"]["databases"] = ["7"] * 21
    message = etree.Element(f"{LT}RecordEvent")
    message.append(write(event, "event", "event"))

    assert [("/data/databases", "out_of_range")] == [(each.field, each.rule) for each in xsd.breaches(message)]


def test_place_in_a_batch():
    """A breach in a batch names the event by its number (r31)."""
    message = parse((SAMPLES / "RecordEvents.xml").read_bytes())
    second = message[0][1]
    second.find(f"{LT}dossier_progressed/{LT}status").text = "done"

    assert [("/1/data/status", "enum")] == [(each.field, each.rule) for each in xsd.breaches(message)]


def test_rest_request_sample_is_of_its_time():
    """The signed samples live five minutes, no longer than the contract allows."""
    stamp = next(parse((SAMPLES / "signed-request-11.xml").read_bytes()).iter(f"{{{WSU}}}Timestamp"))
    expires = stamp.findtext(f"{{{WSU}}}Expires")

    assert (START + timedelta(minutes=5)).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z" == expires


def test_signature_uses_no_weak_algorithm():
    """No sample shows an algorithm that the contract refuses."""
    for path in ENVELOPE_SAMPLES:
        told = {each.get("Algorithm") for each in parse(path.read_bytes()).iter(f"{{{DS}}}*") if each.get("Algorithm")}
        assert not [each for each in told if "sha1" in each or "REC-xml-c14n" in each]


def test_paths_stay_inside():
    """The schema that the WSDL includes is the one beside it."""
    assert 'schemaLocation="one-stop.xsd"' in Path(xsd.WSDL).read_text(encoding="utf-8")
