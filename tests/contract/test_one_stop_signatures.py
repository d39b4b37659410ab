"""The one-stop system's mock and signatures: whatever is missing, moved, changed, weak, old or foreign is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from contracts.mocking import Request
from contracts.one_stop import wss
from contracts.one_stop.envelopes import WSA, WSU
from contracts.one_stop.pki import CALLER, Leaf, Pki
from contracts.one_stop.shapes import NAMESPACE
from contracts.one_stop.wss import DS, EXCLUSIVE, WSSE
from tests.contract.one_stop_calls import (
    LT,
    OUTCOME,
    START,
    Caller,
    acknowledged,
    problem,
    rest_headers,
)

ID = f"{{{WSU}}}Id"


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(START)


@pytest.fixture
def caller(pki: Pki) -> Caller:
    return Caller(pki)


# The signature over SOAP.

Spoil = Callable[[etree._Element], object]


def _security(root: etree._Element) -> etree._Element:
    return next(root.iter(f"{{{WSSE}}}Security"))


def _remove(root: etree._Element, name: str) -> None:
    found = next(root.iter(name))
    found.getparent().remove(found)


def _wrap_body(root: etree._Element) -> None:
    """The signed Body goes into a header, and another takes its place: the classic wrapping attack."""
    body = root[-1]
    holder = etree.SubElement(root[0], "{urn:other}Holder")
    holder.append(body)
    forged = etree.SubElement(root, body.tag)
    forged.append(etree.fromstring(etree.tostring(body[0])))
    next(forged.iter(f"{LT}state")).text = "refused"


def _same_id(root: etree._Element) -> None:
    forged = etree.SubElement(root[0], "{urn:other}Holder")
    forged.set("Id", root[-1].get(ID))


def _another_transform(root: etree._Element) -> None:
    next(root.iter(f"{{{DS}}}Transform")).set("Algorithm", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")


def _second_transform(root: etree._Element) -> None:
    etree.SubElement(next(root.iter(f"{{{DS}}}Transforms")), f"{{{DS}}}Transform", Algorithm=EXCLUSIVE)


def _sha1(root: etree._Element) -> None:
    way = next(root.iter(f"{{{DS}}}SignatureMethod"))
    way.set("Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1")


def _move_stamp(root: etree._Element) -> None:
    stamp = next(root.iter(f"{{{WSU}}}Timestamp"))
    root[0].append(stamp)


def _text(name: str, value: str) -> Spoil:
    return lambda root: setattr(next(root.iter(name)), "text", value)


@pytest.mark.parametrize(
    ("spoil", "code", "rule"),
    [
        (lambda root: _remove(root, f"{{{WSSE}}}Security"), "unsigned", "r60"),
        (lambda root: _remove(root, f"{{{DS}}}Signature"), "unsigned", "r60"),
        (lambda root: _remove(root, f"{{{DS}}}KeyInfo"), "unsigned", "r60"),
        (lambda root: _remove(root, f"{{{WSSE}}}BinarySecurityToken"), "unsigned", "r60"),
        (lambda root: _remove(root, f"{{{WSU}}}Timestamp"), "unsigned", "r60"),
        (_text(f"{{{WSSE}}}BinarySecurityToken", "bm8="), "unsigned", "r60"),
        (lambda root: root[0].append(etree.fromstring(etree.tostring(_security(root)))), "duplicate_id", "r64"),
        (lambda root: etree.SubElement(root[0], f"{{{WSSE}}}Security"), "wrong_parts", "r61"),
        (lambda root: etree.SubElement(root[-1][0], f"{{{DS}}}Signature"), "wrong_parts", "r61"),
        (lambda root: etree.SubElement(root[0], f"{{{WSA}}}ReplyTo"), "wrong_parts", "r61"),
        (lambda root: _remove(root, f"{{{DS}}}Reference"), "bad_signature", "r62"),
        (_wrap_body, "wrong_parts", "r61"),
        (_move_stamp, "unsigned", "r60"),
        (_same_id, "duplicate_id", "r64"),
        (_another_transform, "weak_algorithm", "r63"),
        (_second_transform, "wrong_parts", "r61"),
        (_sha1, "weak_algorithm", "r63"),
        (_text(f"{LT}state", "refused"), "bad_signature", "r62"),
        (_text(f"{{{WSU}}}Expires", "2026-07-03T03:09:00Z"), "bad_signature", "r62"),
        (_text(f"{{{WSA}}}To", "https://elsewhere.example.invalid/"), "bad_signature", "r62"),
        (_text(f"{{{DS}}}SignatureValue", base64.b64encode(b"x" * 256).decode()), "bad_signature", "r62"),
    ],
)
def test_spoilt_signature(caller, spoil, code, rule):
    """Whatever is missing, moved, doubled, changed or weak in a signature is refused; nothing is stored."""
    root = etree.fromstring(caller.signed(caller.envelope("ReceiveOutcome", OUTCOME)))
    spoil(root)

    answer = caller.post(etree.tostring(root))

    assert (code, [rule]) == (problem(answer)["code"], caller.broken())
    assert [] == caller.effects()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Action": f"{NAMESPACE}:ReceiveDossier"}, "wrong_action"),
        ({"MessageID": ""}, "wrong_action"),
        ({"To": ""}, "wrong_address"),
    ],
)
def test_addressing(caller, headers, code):
    """A call without an id, for another action, or for nobody is refused, however well it is signed (r68)."""
    root = caller.envelope("ReceiveOutcome", OUTCOME)
    for name, value in headers.items():
        next(root.iter(f"{{{WSA}}}{name}")).text = value

    answer = caller.post(caller.signed(root))

    assert (code, ["r68"]) == (problem(answer)["code"], caller.broken())


def test_address_by_switch(caller):
    """A message for another address is refused where the address is known (r68)."""
    caller.mock.switches.turn({"address": "https://elsewhere.example.invalid/"})

    assert "wrong_address" == problem(caller.soap("ReceiveOutcome", OUTCOME))["code"]


def test_replay(caller):
    """The very same bytes twice are refused, for as long as they would be good (r67)."""
    sent = caller.signed(caller.envelope("ReceiveOutcome", OUTCOME))

    first, again = caller.post(sent), caller.post(sent)
    caller.pass_time(minutes=9)
    later = caller.post(sent)
    caller.pass_time(minutes=2)
    too_late = caller.post(sent)

    assert OUTCOME["id"] == acknowledged(first)["id"]
    assert ["replayed", "replayed", "stale_signature"] == [problem(each)["code"] for each in (again, later, too_late)]


@pytest.mark.parametrize("minutes", [-6, 11])
def test_times(caller, minutes):
    """A message from the future, or an old one, is refused (r65)."""
    sent = caller.signed(caller.envelope("ReceiveOutcome", OUTCOME))
    caller.pass_time(minutes=minutes)

    assert ("stale_signature", ["r65"]) == (problem(caller.post(sent))["code"], caller.broken())


@pytest.mark.parametrize("expires", ["2026-07-03T03:20:00Z", "2026-07-03T03:05:00", "soon", "2026-07-03T03:00:00Z"])
def test_forms_of_times(caller, monkeypatch, expires):
    """A life of more than ten minutes, no zone, no time, or an end before the beginning: refused (r65)."""
    make = wss._stamp

    def stamp(*given):
        made = make(*given)
        made[1].text = expires
        return made

    monkeypatch.setattr(wss, "_stamp", stamp)
    sent = caller.signed(caller.envelope("ReceiveOutcome", OUTCOME))

    assert ("stale_signature", ["r65"]) == (problem(caller.post(sent))["code"], caller.broken())


def test_clock_skew(caller):
    """A clock that is out refuses good messages, and signs with its own time."""
    caller.arm("clock_skew", seconds=900)

    answer = caller.soap("ReceiveOutcome", OUTCOME)

    assert "stale_signature" == problem(answer)["code"]
    created = etree.fromstring(answer.body).findtext(f".//{{{WSU}}}Created")
    assert (START + timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%M:%S") == created[:19]


def _weak(pki: Pki) -> Leaf:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, CALLER)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(START).not_valid_after(START + timedelta(days=1))
    return Leaf(builder.sign(key, hashes.SHA256()), key)


@pytest.mark.parametrize(
    ("leaf", "code", "rule"),
    [
        (lambda pki: Pki(START).caller, "untrusted", "r66"),
        (lambda pki: pki.issue("somebody.h99.example.invalid"), "foreign_subject", "r66"),
        (lambda pki: pki.issue(CALLER, days=(-9, -1)), "expired_certificate", "r66"),
        (lambda pki: pki.issue(CALLER, days=(1, 9)), "expired_certificate", "r66"),
        (_weak, "weak_algorithm", "r63"),
    ],
    ids=["other_authority", "other_subject", "expired", "not_yet", "weak"],
)
def test_certificates(caller, leaf, code, rule):
    """A certificate of nobody, of somebody else, out of its days or too weak proves nothing."""
    root = caller.envelope("ReceiveOutcome", OUTCOME)

    answer = caller.post(caller.signed(root, leaf(caller.pki)))

    assert (code, [rule]) == (problem(answer)["code"], caller.broken())


# The signature over REST.


def _spoil(**headers: str | None) -> Callable[[dict[str, str]], None]:
    def change(sent: dict[str, str]) -> None:
        for name, value in headers.items():
            sent.pop(name.replace("_", "-"), None)
            if value is not None:
                sent[name.replace("_", "-")] = value

    return change


AT = int(START.timestamp())


@pytest.mark.parametrize(
    ("more", "code", "rule", "status"),
    [
        ({"change": _spoil(signature=None)}, "unsigned", "r80", 401),
        ({"change": _spoil(signature="sig2=:AAAA:")}, "bad_signature", "r80", 401),
        ({"change": _spoil(signature_input='sig1=("@method")')}, "bad_signature", "r80", 401),
        ({"change": _spoil(idempotency_key="other")}, "bad_signature", "r80", 401),
        ({"change": _spoil(content_type="text/plain")}, "media_type", "r5", 415),
        ({"change": _spoil(content_encoding="gzip")}, "media_type", "r5", 415),
        ({"secret": b"another secret of sixteen bytes"}, "bad_signature", "r80", 401),
        ({"covered": ("@method", "@path", "content-digest")}, "wrong_parts", "r80", 401),
        ({"parameters": f';created={AT};expires={AT + 300};nonce="n";keyid="who"'}, "untrusted", "r81", 401),
        ({"parameters": f';created={AT};expires={AT + 300};keyid="lienthong"'}, "bad_signature", "r81", 401),
        (
            {"parameters": f';created={AT};expires={AT + 300};nonce="n";keyid="lienthong";alg="hmac-sha1"'},
            "weak_algorithm",
            "r81",
            401,
        ),
        (
            {"parameters": f';created={AT - 301};expires={AT};nonce="n";keyid="lienthong"'},
            "stale_signature",
            "r82",
            401,
        ),
        (
            {"parameters": f';created={AT};expires={AT + 301};nonce="n";keyid="lienthong"'},
            "stale_signature",
            "r82",
            401,
        ),
    ],
)
def test_rest_signature(caller, more, code, rule, status):
    """Whatever is missing, foreign, weak or out of time in an HTTP signature is refused; nothing is stored."""
    answer = caller.rest("ReceiveOutcome", OUTCOME, **more)

    assert (status, code, [rule]) == (answer.status, problem(answer)["code"], caller.broken())
    assert [] == caller.effects()


def test_rest_content_digest(caller):
    """A body that is not the one that was signed is refused (r84)."""
    path = "/one_stop/rest/outcomes"
    headers = rest_headers(path, json.dumps(OUTCOME).encode(), OUTCOME["id"], caller.now)
    forged = json.dumps(OUTCOME | {"state": "refused"}).encode()

    answer = caller.mock(Request(path=path, headers=headers, body=forged))

    assert ("bad_signature", ["r84"]) == (problem(answer)["code"], caller.broken())


def test_rest_replay(caller):
    """A nonce is good once (r83)."""
    path, body = "/one_stop/rest/outcomes", json.dumps(OUTCOME).encode()
    request = Request(path=path, headers=rest_headers(path, body, OUTCOME["id"], caller.now), body=body)

    caller.mock(request)

    assert ("replayed", 401) == (problem(answer := caller.mock(request))["code"], answer.status)


@pytest.mark.parametrize(
    ("value", "code", "rule", "status"),
    [
        (b"{", "malformed_json", "r88", 400),
        (b'{"id":"a","id":"b"}', "malformed_json", "r88", 400),
        (OUTCOME | {"state": "done"}, "invalid", "r88", 422),
        (OUTCOME | {"more": 1}, "invalid", "r88", 422),
        ([], "invalid", "r88", 422),
    ],
)
def test_rest_content(caller, value, code, rule, status):
    """A body that is not JSON, or not the message, is refused with the places (r88)."""
    answer = caller.rest("ReceiveOutcome", value)

    assert (status, code, [rule]) == (answer.status, problem(answer)["code"], caller.broken())


def test_rest_key_and_query(caller):
    """The key is the message's id (r85), and there is no query (r87)."""
    path, body = "/one_stop/rest/outcomes", json.dumps(OUTCOME).encode()
    other = Request(path=path, headers=rest_headers(path, body, "other", caller.now), body=body)
    asked = Request(path=path, query={"a": "1"}, headers=rest_headers(path, body, "x", caller.now), body=body)

    assert ["key_mismatch", "malformed_json"] == [problem(caller.mock(each))["code"] for each in (other, asked)]
