"""The one-stop system's mock misbehaving by name, and on a real port with a client of other people's code."""

from __future__ import annotations

import http.client
import json
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from lxml import etree

from contracts.mock_faults import FaultRefused
from contracts.mocking import Response
from contracts.one_stop import wss, xsd
from contracts.one_stop.envelopes import ANONYMOUS, SOAP_11, SOAP_12, WSA, WSU, Trouble
from contracts.one_stop.pki import ONE_STOP, Leaf, Pki
from contracts.one_stop.shapes import NAMESPACE
from contracts.one_stop.wss import BASE64, DS, WSSE, X509V3
from contracts.serve import serve
from tests.contract.one_stop_calls import (
    LT,
    OUTCOME,
    START,
    Caller,
    acknowledged,
    headers_of,
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


def call(caller: Caller, protocol: str) -> Response:
    answer: Response = getattr(caller, protocol)("ReceiveOutcome", OUTCOME)
    return answer


def is_signed(caller: Caller, protocol: str, answer: Response) -> bool:
    if protocol == "rest":
        return "Signature" in answer.headers
    try:
        wss.check(etree.fromstring(answer.body), pki=caller.pki, subjects=frozenset({ONE_STOP}), now=caller.now)
    except Trouble:
        return False
    return True


def looks(caller: Caller, protocol: str, answer: Response) -> dict[str, Any]:
    """What a client would see of an answer."""
    if answer.ending in ("nothing", "reset"):
        return {"ending": answer.ending}
    return {"ending": answer.ending, "status": answer.status, "kind": answer.content_type.partition(";")[0]}


HTML, JSON = "text/html", "application/json"
FAULTS: dict[str, tuple[dict[str, Any], int, int]] = {
    "lose_reply_after_effect": ({"ending": "nothing"}, 1, 1),
    "lose_request": ({"ending": "nothing"}, 0, 1),
    "late_effect": ({"ending": "nothing"}, 0, 1),
    "slow": ({"ending": "whole"}, 1, 1),
    "half_body": ({"ending": "half"}, 1, 1),
    "reset": ({"ending": "reset"}, 0, 1),
    "http_500": ({"ending": "whole", "status": 500, "kind": JSON}, 0, 1),
    "html_200": ({"ending": "whole", "status": 200, "kind": HTML}, 0, 1),
    "rate_limited": ({"ending": "whole", "status": 429, "kind": JSON}, 0, 1),
    "wrong_content_type": ({"ending": "whole", "kind": HTML}, 1, 1),
    "soap_fault": ({"ending": "whole"}, 1, 1),
    "unsigned_fault": ({"ending": "whole"}, 1, 1),
    "bad_signature": ({"ending": "whole"}, 1, 1),
    "refuse_record": ({"ending": "whole"}, 0, 1),
    "clock_skew": ({"ending": "whole"}, 0, 1),
}
"""What the client sees, the effects there are then, and those that there are after the same message was sent again."""


def test_every_fault_is_tried(caller):
    """The table above has every fault that can happen here, and the rest cannot be armed."""
    assert FAULTS.keys() == caller.mock.faults.possible
    with pytest.raises(FaultRefused, match="one_stop"):
        caller.arm("expired_session")


@pytest.mark.parametrize("protocol", ["soap", "rest"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault(caller, protocol, fault):
    """Each fault looks as it is named, and the same message sent again leaves exactly one effect."""
    seen, first, then = FAULTS[fault]
    caller.arm(fault)

    answer = call(caller, protocol)

    assert seen.items() <= looks(caller, protocol, answer).items()
    assert first == len(caller.mock.effects)
    caller.pass_time(seconds=5)
    again = call(caller, protocol)
    assert (200, 201)[protocol == "rest"] == again.status
    assert then == len(caller.mock.effects)


@pytest.mark.parametrize("protocol", ["soap", "rest"])
@pytest.mark.parametrize("fault", ["http_500", "html_200", "rate_limited", "reset", "lose_request"])
def test_instead_of_an_answer_after_the_effect(caller, protocol, fault):
    """Faults that replace an answer can be told to come after the effect: it stays."""
    caller.arm(fault, after_effect=True)

    call(caller, protocol)

    assert 1 == len(caller.mock.effects)


@pytest.mark.parametrize("protocol", ["soap", "rest"])
@pytest.mark.parametrize(("fault", "signed"), [("soap_fault", True), ("unsigned_fault", False)])
def test_faults_after_the_effect(caller, protocol, fault, signed):
    """A Fault that says *later* though the message was taken, signed or not: the same in both protocols."""
    caller.arm(fault)

    answer = call(caller, protocol)

    assert ("unavailable", signed) == (problem(answer)["code"], is_signed(caller, protocol, answer))
    assert (500, 503)[protocol == "rest"] == answer.status


def test_bad_signature(caller):
    """The answer is whole and its signature is not: signxml refuses it, and the HMAC is another."""
    good = call(caller, "soap")
    assert is_signed(caller, "soap", good)
    caller.arm("bad_signature", count=2)

    soap, rest = call(caller, "soap"), call(caller, "rest")

    assert OUTCOME["id"] == acknowledged(soap)["id"]
    assert not is_signed(caller, "soap", soap)
    caller.mock.faults.disarm()
    assert len(rest.headers["Signature"]) == len(call(caller, "rest").headers["Signature"])


def test_bad_signature_of_an_unsigned_answer(caller):
    """Where nothing is signed there is nothing to spoil."""
    caller.mock.switches.turn({"answers": "unsigned"})
    caller.arm("bad_signature", count=2)

    assert OUTCOME["id"] == acknowledged(call(caller, "soap"))["id"]
    assert 201 == call(caller, "rest").status


def test_refuse_record(caller):
    """A business refusal is a signed no, under its rule."""
    caller.arm("refuse_record")

    answer = call(caller, "soap")

    assert ("refused", ["r52"], True) == (problem(answer)["code"], caller.broken(), is_signed(caller, "soap", answer))


def test_fault_for_one_dossier(caller):
    """A fault can be meant for one dossier, whose number is read before anything is judged."""
    caller.arm("http_500", dossier="H99.09-260703-9999")

    assert 200 == call(caller, "soap").status
    caller.arm("http_500", dossier=OUTCOME["dossier"])
    assert 500 == call(caller, "soap").status


# On a real port.


def exchange(url: str, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> tuple[int, Any, bytes]:
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        line.request(method, path, body, headers)
        reply = line.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        line.close()


def sign_with_xmlsec(envelope: etree._Element, leaf: Leaf) -> bytes:
    """A signed message by xmlsec1's library: neither our code nor the mock's."""
    xmlsec = pytest.importorskip("xmlsec", reason="xmlsec has no wheel for this Python yet")
    soap = etree.QName(envelope).namespace
    header, body = envelope.find(f"{{{soap}}}Header"), envelope.find(f"{{{soap}}}Body")
    security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU, "ds": DS})
    token = etree.SubElement(security, f"{{{WSSE}}}BinarySecurityToken", ValueType=X509V3, EncodingType=BASE64)
    token.set(ID, "token")
    token.text = "".join(leaf.certificate_pem.decode().split("\n")[1:-2])
    stamp = etree.SubElement(security, f"{{{WSU}}}Timestamp")
    etree.SubElement(stamp, f"{{{WSU}}}Created").text = "2026-07-03T03:02:12Z"
    etree.SubElement(stamp, f"{{{WSU}}}Expires").text = "2026-07-03T03:07:12Z"
    template, context = xmlsec.template, xmlsec.SignatureContext()
    exclusive = xmlsec.Transform.EXCL_C14N
    signature = template.create(security, exclusive, xmlsec.Transform.RSA_SHA256, ns="ds")
    security.append(signature)
    for number, part in enumerate([body, stamp, *(each for each in header if WSA in each.tag)]):
        part.set(ID, f"part-{number}")
        context.register_id(part, "Id", WSU)
        reference = template.add_reference(signature, xmlsec.Transform.SHA256, uri=f"#part-{number}")
        template.add_transform(reference, exclusive)
    info = template.ensure_key_info(signature)
    pointer = etree.SubElement(etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference"), f"{{{WSSE}}}Reference")
    pointer.set("URI", "#token")
    pointer.set("ValueType", X509V3)
    context.key = xmlsec.Key.from_memory(leaf.key_pem, xmlsec.KeyFormat.PEM)
    context.sign(signature)
    return etree.tostring(envelope)


@pytest.mark.parametrize(("port", "soap"), [("OneStopSoap11", SOAP_11), ("OneStopSoap12", SOAP_12)])
def test_zeep_and_xmlsec_are_understood(caller, port, soap):
    """A message written by zeep from our WSDL and signed by xmlsec is taken, and its answer is read and verified."""
    zeep = import_module("zeep")
    client = zeep.Client(str(xsd.WSDL), service_name="OneStopService", port_name=port)
    envelope = client.create_message(client.service, "ReceiveOutcome", outcome=OUTCOME)
    header = envelope.find(f"{{{soap}}}Header")
    if header is None:
        header = etree.Element(f"{{{soap}}}Header")
        envelope.insert(0, header)
    told = {"Action": f"{NAMESPACE}:ReceiveOutcome", "MessageID": f"urn:uuid:{uuid4()}", "To": ANONYMOUS}
    for name, value in told.items():
        etree.SubElement(header, f"{{{WSA}}}{name}").text = value
    sent = sign_with_xmlsec(envelope, caller.pki.caller)

    with serve(caller.mock) as url:
        status, headers, body = exchange(url, "/one_stop/soap", sent, headers_of("ReceiveOutcome", soap))

    operation = client.service._binding.get("ReceiveOutcome")
    reply = SimpleNamespace(status_code=status, content=body, headers=headers, encoding="utf-8")
    read = client.service._binding.process_reply(client, operation, reply)
    assert (200, OUTCOME["id"], None) == (status, read.id, read.number)
    verify_with_xmlsec(body, caller.pki.one_stop)


def verify_with_xmlsec(body: bytes, leaf: Leaf) -> None:
    import xmlsec

    envelope = etree.fromstring(body)
    signature = next(envelope.iter(f"{{{DS}}}Signature"))
    context = xmlsec.SignatureContext()
    for part in envelope.iter():
        if part.get(ID):
            context.register_id(part, "Id", WSU)
    context.key = xmlsec.Key.from_memory(leaf.certificate_pem, xmlsec.KeyFormat.CERT_PEM)
    context.verify(signature)


def test_rest_on_a_port(caller):
    """The same message over REST on the wire: 201, and an answer signed for this very request."""
    body = json.dumps(OUTCOME, ensure_ascii=False).encode()
    headers = rest_headers("/one_stop/rest/outcomes", body, OUTCOME["id"], caller.now)

    with serve(caller.mock) as url:
        status, told, answer = exchange(url, "/one_stop/rest/outcomes", body, headers)

    covered = told["Signature-Input"]
    assert (201, OUTCOME["id"]) == (status, json.loads(answer)["id"])
    assert (
        '("@status" "content-type" "content-digest" "@method";req "@path";req "@query";req "signature";req)' in covered
    )


def test_page_and_notes(caller):
    """The page of all mocks shows this one: who called, and which rule of the notes was broken."""
    with serve([caller.mock]) as url:
        exchange(url, "/one_stop/soap", b"<no/>", headers_of("ReceiveOutcome", SOAP_11))
        page = exchange(url, "/", b"", {}, "GET")[2].decode()
        notes = exchange(url, "/notes/one_stop", b"", {}, "GET")[2].decode()
        effects = json.loads(exchange(url, "/_control/one_stop/effects", b"", {}, "GET")[2])

    assert 'href="/notes/one_stop#r6"' in page
    assert 'id="r61"' in notes
    assert [] == effects


def test_problem_is_our_element(caller):
    """A Fault on the wire carries one problem in our namespace, readable without knowing SOAP's version."""
    with serve(caller.mock) as url:
        body = exchange(url, "/one_stop/soap", b"<no/>", headers_of("ReceiveOutcome", SOAP_11))[2]

    told = list(etree.fromstring(body).iter(f"{LT}problem"))
    assert ["unknown_operation"] == [each.findtext(f"{LT}code") for each in told]
