"""Our signing room and the mock's other code agree: each takes what the other signs, and refuses what was changed."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from lxml import etree

from contracts.mocking import Request, Response
from contracts.one_stop.envelopes import SOAP_11, SOAP_12, WSA
from contracts.one_stop.pki import Pki
from signing import wsse
from signing.errors import NotVerified
from signing.http import sign_request
from signing.http_answers import Asked, verify_answer
from signing.keys import KeyInMemory, X509Identity
from tests.contract.one_stop_calls import OUTCOME, SECRET, START, Caller, acknowledged, problem

BOTH = pytest.mark.parametrize("soap", [SOAP_11, SOAP_12], ids=["soap11", "soap12"])
PATH = "/one_stop/rest/outcomes"
ANSWERS = {"one-stop-h99": b"mock-secret-of-the-one-stop-32-b"}


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(START)


@pytest.fixture
def caller(pki: Pki) -> Caller:
    return Caller(pki)


@pytest.fixture
def identity(pki: Pki) -> X509Identity:
    return X509Identity("lienthong", KeyInMemory(pki.caller.key), pki.caller.certificate)


def trust_anybody(*given: object) -> SimpleNamespace:
    return SimpleNamespace(subject="whoever the certificate names")


@BOTH
@pytest.mark.parametrize("algorithm", ["rsa-sha256", "rsa-sha512"])
def test_soap(caller, identity, soap, algorithm):
    """What we sign the mock takes; what it answers we verify, and it relates to what we sent."""
    envelope = caller.envelope("ReceiveOutcome", OUTCOME, soap=soap)
    asked = next(envelope.iter(f"{{{WSA}}}MessageID")).text

    answer = caller.post(wsse.sign(envelope, identity, now=caller.now, algorithm=algorithm), soap=soap)

    told = wsse.verify(answer.body, trust=trust_anybody, now=caller.now)
    assert OUTCOME["id"] == acknowledged(answer)["id"]
    assert asked == told.addressing["RelatesTo"]


@BOTH
def test_soap_spoilt(caller, identity, soap):
    """A changed message, and a changed answer, are refused on both sides."""
    sent = wsse.sign(caller.envelope("ReceiveOutcome", OUTCOME, soap=soap), identity, now=caller.now)

    refused = caller.post(sent.replace(b"delivered", b"refused"), soap=soap)
    answer = caller.post(sent, soap=soap)
    forged = answer.body.replace(OUTCOME["id"].encode(), b"h99.outcome.9")

    assert "bad_signature" == problem(refused)["code"]
    with pytest.raises(NotVerified):
        wsse.verify(forged, trust=trust_anybody, now=caller.now)


@BOTH
def test_faults_are_verified(caller, identity, soap):
    """A signed Fault is verified like any answer; an unsigned one, and one with a bad signature, are not."""
    envelope = caller.envelope("ReceiveOutcome", OUTCOME, soap=soap)
    bodies = []
    for fault in ("soap_fault", "unsigned_fault", "bad_signature"):
        caller.arm(fault)
        bodies.append(caller.post(wsse.sign(envelope, identity, now=caller.now), soap=soap).body)

    body = wsse.verify(bodies[0], trust=trust_anybody, now=caller.now).body
    assert "Fault" == etree.QName(body[0]).localname
    for spoilt in bodies[1:]:
        with pytest.raises(NotVerified):
            wsse.verify(spoilt, trust=trust_anybody, now=caller.now)


def send(caller: Caller) -> tuple[Response, Asked]:
    body = json.dumps(OUTCOME, ensure_ascii=False).encode()
    signed = sign_request(
        "POST",
        PATH,
        "",
        "application/json",
        body,
        key_id="lienthong",
        secret=SECRET,
        created=caller.now,
        expires=caller.now + timedelta(seconds=300),
        nonce=f"n-{len(caller.mock.log.newest(99))}",
        idempotency_key=OUTCOME["id"],
    )
    headers = {"content-type": "application/json", **{name.lower(): value for name, value in signed.items()}}
    answer = caller.mock(Request(path=PATH, headers=headers, body=body))
    return answer, Asked(method="POST", path=PATH, query="", signature=headers["signature"])


def verified(caller: Caller, answer: Response, asked: Asked) -> bool:
    headers = {**answer.headers, "content-type": answer.content_type}
    try:
        verify_answer(answer.status, headers, answer.body, asked=asked, keys=ANSWERS, now=caller.now)
    except NotVerified:
        return False
    return True


def test_rest(caller):
    """The same over REST; an answer to one request proves nothing for another."""
    (first, asked), (second, asked_again) = send(caller), send(caller)

    assert [201, 201] == [first.status, second.status]
    assert verified(caller, first, asked)
    assert verified(caller, second, asked_again)
    assert not verified(caller, first, asked_again)


@pytest.mark.parametrize(("fault", "good"), [("soap_fault", True), ("unsigned_fault", False), ("bad_signature", False)])
def test_rest_faults(caller, fault, good):
    """A signed problem is verified; an unsigned one, and an answer with a bad signature, are not."""
    caller.arm(fault)

    assert good == verified(caller, *send(caller))
