"""The X-Road side of the portal's mock against its notes: samples, schemas, description, and every rule broken once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zeep
from lxml import etree

from contracts.mocking import Request, Response
from contracts.national_portal import fields
from contracts.national_portal.mock import Portal
from contracts.national_portal.xroad_gate import FOLDER, schema
from contracts.national_portal.xroad_messages import ARRAYS, BOOLEAN, PATH, SERVICES, SOAP, WHOLE, XROAD
from contracts.serve import serve
from tests.contract.national_portal_calls import Caller

SAMPLES = FOLDER / "samples"
HEADERS = {"content-type": "text/xml; charset=utf-8", "soapaction": '""'}
NUMBER = "H99.14-240315-0001"
BORN = "G17.99-260702-000123"
WALK = {
    "DongBoHoSoMC.create": "DongBoHoSoMCResponse.accepted",
    "DongBoHoSoMC.create-again": "DongBoHoSoMCResponse.exists",
    "DongBoHoSoMC.update": "DongBoHoSoMCResponse.updated",
    "DongBoHoSoMC.refused": "DongBoHoSoMCResponse.refused",
    "CapNhatTienDoHoSoMC": "CapNhatTienDoHoSoMCResponse.accepted",
    "TraCuuHoSo.there": "TraCuuHoSoResponse.there",
    "TraCuuHoSo.not-there": "TraCuuHoSoResponse.not-there",
    "DongBoTrangThaiHoSo": "DongBoTrangThaiHoSoResponse.accepted",
    "CapNhatTienDoHoSoMC.unknown": "CapNhatTienDoHoSoMCResponse.unknown",
    "DongBoTrangThaiHoSo.refused": "DongBoTrangThaiHoSoResponse.refused",
    "DongBoTrangThaiHoSo.unknown": "DongBoTrangThaiHoSoResponse.unknown",
    "bad.unknown-service": "Fault.unknown-service",
    "bad.unknown-member": "Fault.unknown-member",
    "bad.missing-header-field": "Fault.missing-header-field",
    "bad.breaks-the-schema": "Fault.breaks-the-schema",
}
"""Requests in their order, and what is answered to each."""
ALONE = {"Fault.provider", "Fault.service-failed", "Fault.access-denied"}


def read(name: str) -> bytes:
    return (SAMPLES / f"{name}.xml").read_bytes()


def ask(portal: Portal, body: bytes, **headers: str) -> Response:
    return portal(Request(path=PATH, headers=HEADERS | headers, body=body))


def plain(body: bytes) -> bytes:
    """An envelope without the blanks between its elements."""
    return etree.tostring(
        etree.fromstring(body, etree.XMLParser(remove_blank_text=True)), method="c14n", exclusive=True
    )


def settled() -> Portal:
    """A mock whose answers do not take turns."""
    portal = Portal()
    portal.switches.turn({"code_encoding": "number", "success_words": "long"})
    portal.books.file({"MaHoSo": BORN})
    return portal


# -- samples and schemas -----------------------------------------------------------------------------------------------


def test_mock_answers_like_its_samples():
    """Each sample of a request gets the very answer of its sample, hash of the request and all."""
    portal = settled()

    for request, answer in WALK.items():
        assert plain(read(answer)) == plain(ask(portal, read(request)).body), request
    assert {*WALK, *WALK.values(), *ALONE} == {path.stem for path in SAMPLES.glob("*.xml")}


@pytest.mark.parametrize("name", sorted({*WALK, *WALK.values()} - {name for name in WALK if name.startswith("bad.")}))
def test_samples_keep_the_schemas(name):
    """Header and Body of every sample that is no mistake are as X-Road's schema and ours have them."""
    root = etree.fromstring(read(name))
    told = root.find(f"{{{SOAP}}}Header")

    for field in () if told is None else told:
        schema("xroad").assertValid(field)
    content = root.find(f"{{{SOAP}}}Body")[0]
    if not content.tag.endswith("}Fault"):
        schema("national-portal").assertValid(content)


def test_samples_name_nobody():
    """Identity numbers and phones are of the invented ranges."""
    texts = "".join(path.read_text(encoding="utf-8") for path in SAMPLES.glob("*.xml"))

    assert all(number.startswith("099") for number in re.findall(r"<SoDinhDanh>(\d+)<", texts))
    assert all(phone.startswith("0900000") for phone in re.findall(r"<SoDienThoai>(\d+)<", texts))


def test_schema_has_the_fields_of_the_notes():
    """Its elements are the members that the mock knows, in the same order and of the same kinds."""
    xs = "{http://www.w3.org/2001/XMLSchema}"
    types = {each.get("name"): each for each in etree.parse(FOLDER / "national-portal.xsd").iter(f"{xs}complexType")}
    wanted = {"Record": fields.RECORD, "Step": fields.STEP, "Status": fields.TOLD["reduced"]}
    wanted |= {"Document": fields.DOCUMENT, "Fee": fields.FEE, "Enclosure": fields.ENCLOSURE, "Result": fields.RESULT}
    wanted |= {"Supplement": fields.SUPPLEMENT, "Identity": fields.IDENTITY, "Database": fields.DATABASE}
    for name, table in wanted.items():
        elements = list(types[name].iter(f"{xs}element"))
        assert list(table) == [each.get("name") for each in elements], name
        for each in elements:
            kind = (
                "xs:integer"
                if each.get("name") in WHOLE
                else "xs:boolean"
                if each.get("name") in BOOLEAN
                else "xs:string"
            )
            assert (each.get("type") == kind) is (each.get("name") not in ARRAYS)


# -- the description ---------------------------------------------------------------------------------------------------


def test_description_is_what_the_protocol_wants():
    """Document/literal wrapped, one part a message, the header's fields but for requestHash, an empty action."""
    wsdl = etree.parse(FOLDER / "national-portal.wsdl")
    names = {"w": "http://schemas.xmlsoap.org/wsdl/", "s": "http://schemas.xmlsoap.org/wsdl/soap/"}
    operations = wsdl.xpath("//w:portType/w:operation/@name", namespaces=names)

    assert SERVICES == set(operations)
    assert {""} == set(wsdl.xpath("//s:operation/@soapAction", namespaces=names))
    assert ["document"] == wsdl.xpath("//s:binding/@style", namespaces=names)
    for name in operations:
        for message in (name, f"{name}Response"):
            parts = wsdl.xpath(f"//w:message[@name='{message}']/w:part/@element", namespaces=names)
            assert [f"np:{message}"] == parts
    told = wsdl.xpath("//w:message[@name='requestHeader']/w:part/@element", namespaces=names)
    assert [f"xrd:{each}" for each in ("client", "service", "id", "userId", "issue", "protocolVersion")] == told


def test_another_soap_client_is_understood():
    """zeep reads the description, fills header and Body from it, and is answered."""
    with serve(Portal()) as url:
        client = zeep.Client(str(FOLDER / "national-portal.wsdl"))
        identifier = {"xRoadInstance": "VN", "memberClass": "GOV", "memberCode": "000.00.00.H99"}
        service = identifier | {"memberCode": "000.00.00.G22", "subsystemCode": "vpcpdvcprovider"}
        told = {
            "client": identifier | {"subsystemCode": "one-stop", "objectType": "SUBSYSTEM"},
            "service": service | {"serviceCode": "TraCuuHoSo", "serviceVersion": "v1", "objectType": "SERVICE"},
            "id": "zeep-1",
            "userId": "VN000.00.00.H99",
            "issue": NUMBER,
            "protocolVersion": "4.0",
        }
        bound = client.create_service("{urn:vn:lienthong:national-portal:v1}NationalPortalSoap11", f"{url}{PATH}")
        answer = bound.TraCuuHoSo(madonvi="000.00.00.H99", mahoso=NUMBER, _soapheaders=told)
        client.transport.session.close()

    assert ("0", "zeep-1") == (str(int(answer.body.error_code)), answer.header.id)


# -- every rule, broken once -------------------------------------------------------------------------------------------

Change = Callable[[bytes], bytes]
REQUEST = read("DongBoHoSoMC.create")


def drop(name: str) -> Change:
    return lambda body: re.sub(
        rb"<xrd:%s[ >].*?</xrd:%s>" % ((name.encode(),) * 2), b"", body, count=1, flags=re.DOTALL
    )


def swap(old: str, new: str) -> Change:
    def change(body: bytes) -> bytes:
        assert old.encode() in body
        return body.replace(old.encode(), new.encode(), 1)

    return change


BROKEN: list[tuple[str, str, Change]] = [
    *(("r202", "Client.MissingHeaderField", drop(name)) for name in ("client", "service", "id", "protocolVersion")),
    ("r202", "Client.DuplicateHeaderField", swap("</soap:Header>", "<xrd:id>2</xrd:id></soap:Header>")),
    ("r202", "Client.InvalidProtocolVersion", swap(">4.0<", ">3.1<")),
    ("r202", "Client.InvalidProtocolVersion", swap(">4.0<", ">4.0 <")),
    ("r202", "Client.InvalidSoap", lambda body: re.sub(rb"<xrd:id>.*?<", b"<xrd:id><", body)),
    ("r202", "Client.InvalidSoap", swap("</soap:Header>", "<xrd:strange/></soap:Header>")),
    ("r204", "Client.InvalidSoap", swap(">VN<", ">V_N<")),
    ("r204", "Client.InvalidSoap", swap(">VN<", "><")),
    ("r204", "Client.InvalidSoap", swap('"SUBSYSTEM"', '"MEMBER"')),
    ("r204", "Client.InvalidSoap", swap('"SERVICE"', '"SUBSYSTEM"')),
    ("r204", "Client.InvalidSoap", swap(' id:objectType="SERVICE"', "")),
    ("r204", "Client.InvalidSoap", swap("<id:memberClass>GOV</id:memberClass>", "")),
    ("r211", "Client.InvalidSoap", swap("</soap:Header>", '<xrd:requestHash algorithmId="x"/></soap:Header>')),
    ("r209", "Server.ClientProxy.UnknownMember", swap(">one-stop<", ">else<")),
    ("r209", "Server.ClientProxy.UnknownMember", swap(">000.00.00.G22<", ">000.00.00.G23<")),
    ("r209", "Server.ServerProxy.UnknownService", swap(">v1<", ">v2<")),
    ("r209", "Server.ServerProxy.UnknownService", swap("<id:serviceVersion>v1</id:serviceVersion>", "")),
    ("r209", "Server.ServerProxy.UnknownService", swap(">DongBoHoSoMC</id:", ">LayThuTuc</id:")),
    ("r206", "Client.InvalidBody", swap(">DongBoHoSoMC</id:", ">TraCuuHoSo</id:")),
    ("r207", "soap:Client", swap('xmlns:np="urn:vn:lienthong:national-portal:v1"', 'xmlns:np="urn:x"')),
    ("r207", "soap:Client", swap("<madonvi>000.00.00.H99</madonvi>", "")),
    ("r207", "soap:Client", swap("<isUpdating>False", "<isUpdating>false")),
    ("r207", "soap:Client", swap("<MaHoSo>", "<Strange>1</Strange><MaHoSo>")),
    ("r207", "soap:Client", swap("<MaHoSo>", "<MaHoSo>1</MaHoSo><MaHoSo>")),
    ("r207", "soap:Client", swap("<data>", "<session>s</session><data>")),
    ("r201", "Client.InvalidXml", lambda body: body[:-5]),
    ("r201", "Client.InvalidXml", lambda body: b"<!DOCTYPE x>" + body.partition(b"?>")[2]),
    ("r201", "Client.InvalidXml", lambda body: body.decode().encode("utf-16")),
    ("r201", "Client.InvalidXml", lambda body: body.replace(b"envelope/", b"envelope")),
    ("r201", "Client.InvalidXml", swap("</soap:Body>", "<x/></soap:Body>")),
    ("r201", "Client.InvalidXml", lambda body: re.sub(rb"<soap:Header>.*</soap:Header>", b"", body, flags=re.DOTALL)),
    ("r201", "Client.InvalidXml", lambda body: b" " * 11_000_000 + body),
]


def faultcode(reply: Response) -> str:
    return etree.fromstring(reply.body).findtext(f".//{{{SOAP}}}Fault/faultcode")


@pytest.mark.parametrize(("rule", "code", "change"), BROKEN)
def test_message_that_breaks_a_rule(rule, code, change):
    """It is refused by a Fault, noted under its rule, and changes no books."""
    portal = Portal()
    reply = ask(portal, change(REQUEST))

    assert (200, code) == (reply.status, faultcode(reply))
    assert [rule] == [broken.rule for broken in portal.log.page()[-1].broken]
    assert [] == list(portal.effects)


@pytest.mark.parametrize(
    ("headers", "method", "rule", "code"),
    [
        ({"content-type": "application/soap+xml"}, "POST", "r201", "Client.InvalidContentType"),
        ({"content-type": "text/xml; charset=utf-16"}, "POST", "r201", "Client.InvalidContentType"),
        ({"soapaction": "DongBoHoSoMC"}, "POST", "r203", "soap:Client"),
        ({}, "GET", "r200", "Client.InvalidHttpMethod"),
    ],
)
def test_request_that_breaks_a_rule_of_the_way(headers, method, rule, code):
    """Type, action and method are looked at as well."""
    portal = Portal()
    reply = portal(Request(method=method, path=PATH, headers=HEADERS | headers, body=REQUEST))

    assert code == faultcode(reply)
    assert [rule] == [broken.rule for broken in portal.log.page()[-1].broken]


def test_action_is_needed():
    """SOAP 1.1 wants the header, if only empty."""
    assert "soap:Client" == faultcode(Portal()(Request(path=PATH, headers={"content-type": "text/xml"}, body=REQUEST)))


def test_noted_and_taken():
    """An id that came before, and a user without a country, are written down and let pass (r205)."""
    portal = Portal()
    for body in (REQUEST, REQUEST, swap(">VN000.00.00.H99<", ">nobody<")(read("TraCuuHoSo.there"))):
        ask(portal, body)

    noted = [[(broken.rule, broken.field, broken.refused) for broken in visit.broken] for visit in portal.log.page()]
    assert [] == noted[0]
    assert ("r205", "id", False) in noted[1]
    assert [("r205", "userId", False)] == noted[2]


def test_unit_of_another_is_the_portals_own_no():
    """What the portal itself refuses is an ordinary answer with a code, not a Fault (r218)."""
    portal = settled()
    reply = ask(portal, swap("<madonvi>000.00.00.H99<", "<madonvi>000.00.00.H98<")(REQUEST))
    root = etree.fromstring(reply.body)

    assert "-1" == root.findtext(".//error_code")
    assert ["r31"] == [broken.rule for broken in portal.log.page()[-1].broken]


def test_comments_and_prefixes_say_nothing():
    """The same message under other prefixes, with comments between, is taken."""
    portal = settled()
    body = REQUEST.replace(b"xrd:", b"q:").replace(b"xmlns:xrd", b"xmlns:q").replace(b"<data>", b"<!-- x --><data>")

    assert "0" == etree.fromstring(ask(portal, body).body).findtext(".//error_code")
    assert [NUMBER] == [effect.dossier for effect in portal.effects]


def test_answer_repeats_the_header():
    """In the same sequence, with the same values, and the request's hash behind (r210, r211)."""
    told = etree.fromstring(ask(settled(), REQUEST).body).find(f"{{{SOAP}}}Header")
    asked = etree.fromstring(REQUEST).find(f"{{{SOAP}}}Header")

    *fields_told, hashed = [plain(etree.tostring(each)) for each in told]
    assert [plain(etree.tostring(each)) for each in asked] == fields_told
    assert f"{{{XROAD}}}requestHash" == told[-1].tag
    assert b"sha512" in hashed


def test_faults_of_soap_to_a_caller_of_rest():
    """An exchange built on X-Road may send a Fault to REST as well: no JSON then."""
    caller = Caller()
    for name in ("soap_fault", "unsigned_fault"):
        caller.arm(name)
        reply = caller.call("TraCuuHoSo", mahoso=NUMBER)
        assert b"<faultcode>" in reply.body
        assert reply.content_type.startswith("text/xml")


def test_mock_serves_threads():
    """Each thread has a compiled schema of its own."""
    seen: list[int] = []
    start = threading.Barrier(4)

    def one(_: int) -> None:
        start.wait(10)
        seen.append(id(schema("xroad")))
        assert "0" == etree.fromstring(ask(settled(), REQUEST).body).findtext(".//error_code")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    assert 4 == len(set(seen))


def test_folder_holds_description_and_schemas():
    """What an integrator takes along is in one place."""
    assert {"national-portal.wsdl", "national-portal.xsd", "xroad.xsd", "identifiers.xsd", "samples"} == {
        path.name for path in Path(FOLDER).iterdir()
    }
