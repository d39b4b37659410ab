"""X-Road messages going out: identifiers, header, wrapper, and what XML cannot carry."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from adapters.partners.national_portal.calls import Calls
from adapters.partners.national_portal.codes import OPERATIONS, Operation
from adapters.partners.national_portal.xroad import Envelopes, check_text, member_of, service_of
from bus.errors import Unmappable
from signing.xml import read
from tests.xroad_kit import CLIENT, NAMESPACE, SOAP, asked, xroad_settings

XRD = "{http://x-road.eu/xsd/xroad.xsd}"
ID = "{http://x-road.eu/xsd/identifiers}"


def header(request: bytes) -> list[etree._Element]:
    return list(read(request).find(f"{{{SOAP}}}Header"))


def content(request: bytes) -> etree._Element:
    return read(request).find(f"{{{SOAP}}}Body")[0]


def test_header_has_the_protocols_fields_in_its_order():
    """client, service, id, userId, protocolVersion; issue between when it is wanted (r202)."""
    plain = [field.tag.removeprefix(XRD) for field in header(asked())]
    telling = [field.tag.removeprefix(XRD) for field in header(asked(xroad_issue=True))]

    assert ["client", "service", "id", "userId", "protocolVersion"] == plain
    assert ["client", "service", "id", "userId", "issue", "protocolVersion"] == telling


def test_identifiers_have_their_types_and_parts():
    """A subsystem calls, a service is called; each part under its name (r204)."""
    client, service, *_ = header(asked(Operation.STEP))

    assert "SUBSYSTEM" == client.get(f"{ID}objectType")
    assert [
        ("xRoadInstance", "VN"),
        ("memberClass", "GOV"),
        ("memberCode", "000.00.00.H99"),
        ("subsystemCode", "one-stop"),
    ] == parts(client)
    assert "SERVICE" == service.get(f"{ID}objectType")
    assert [
        ("xRoadInstance", "VN"),
        ("memberClass", "GOV"),
        ("memberCode", "000.00.00.G22"),
        ("subsystemCode", "vpcpdvcprovider"),
        ("serviceCode", "CapNhatTienDoHoSoMC"),
        ("serviceVersion", "v1"),
    ] == parts(service)


def parts(element: etree._Element) -> list[tuple[str, str]]:
    return [(part.tag.removeprefix(ID), part.text) for part in element]


def test_member_without_subsystem():
    """A member may call for itself, and be called; a version may be missing."""
    request = asked(
        xroad_client="VN/GOV/000.00.00.H99",
        xroad_service_provider="VN/GOV/000.00.00.G22",
        xroad_services={"create": "TaoHoSo"},
    )
    client, service, *_ = header(request)

    assert ("MEMBER", 3) == (client.get(f"{ID}objectType"), len(client))
    assert ["xRoadInstance", "memberClass", "memberCode", "serviceCode"] == [name for name, _ in parts(service)]


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each is not Operation.LOGIN])
def test_wrapper_is_named_as_the_service(operation):
    """The one element in the Body has the service's code as its name, in the provider's namespace (r206)."""
    code = OPERATIONS[operation].service

    assert f"{{{NAMESPACE}}}{code}" == content(asked(operation)).tag
    other = asked(operation, xroad_services={operation.value: "X-1.y/v3"}, xroad_namespace="urn:x")
    assert "{urn:x}X-1.y" == content(other).tag
    assert "v3" == parts(header(other)[1])[-1][1]


def test_every_message_is_new():
    """Each call has an id of its own, a UUID in its canonical form (r205)."""
    ids = {header(asked())[2].text for _ in range(20)}

    assert 20 == len(ids)
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in ids)


def test_user_is_nobody():
    """userId is the country and the organisation; a setting names another (r205)."""
    assert "VN000.00.00.H99" == header(asked())[3].text
    assert "VN-gw" == header(asked(xroad_user_id="VN-gw"))[3].text


def test_body_of_a_write():
    """The envelope's members but for session and service; an array holds items, kinds are written as text (r207)."""
    calls = Calls(xroad_settings())
    record = {
        "MaHoSo": "a",
        "SoLuong": 2,
        "TrangThaiBoSung": True,
        "X": False,
        "Rong": [],
        "DS": [{"A": "1"}, {"A": ""}],
    }
    element = content(calls.write(Operation.UPDATE, [record, {"MaHoSo": "b"}], "s-1").body)

    assert [("madonvi", "000.00.00.H99"), ("isUpdating", "True")] == [(each.tag, each.text) for each in element[:2]]
    first, second = element.find("data")
    assert ("a", "2", "true", "false") == tuple(
        first.findtext(name) for name in ("MaHoSo", "SoLuong", "TrangThaiBoSung", "X")
    )
    assert 0 == len(first.find("Rong"))
    assert ["1", ""] == [item.findtext("A") for item in first.find("DS")]
    assert ("item", "b") == (second.tag, second.findtext("MaHoSo"))


def test_status_is_one_object():
    """What is one object in JSON is one element here, without items."""
    request = Calls(xroad_settings()).write(Operation.STATUS, [{"MaHoSo": "G17", "TaiLieuXuLy": []}], "")

    assert ["madonvi", "type", "data"] == [each.tag for each in content(request.body)]
    assert "G17" == content(request.body).findtext("data/MaHoSo")


def test_issue_names_one_dossier_or_none():
    """A call about several dossiers names none."""
    calls = Calls(xroad_settings(xroad_issue=True))
    rows = [{"MaHoSo": "a"}, {"MaHoSo": "b"}]

    assert b"xrd:issue" not in calls.write(Operation.STEP, rows, "").body
    assert b"<xrd:issue>a</xrd:issue>" in calls.write(Operation.STEP, rows[:1] * 2, "").body
    assert b"<xrd:issue>n</xrd:issue>" in calls.lookup("n", "").body
    assert b"<xrd:issue>a</xrd:issue>" in calls.write(Operation.STATUS, rows[:1], "").body


@pytest.mark.parametrize("text", ["a\r\nb\rc\nd\te", "<&>]]>'\"", "  a  ", "ờ\u00a0\U0001f600", "\ud7ff\ue000\ufffd"])
def test_text_comes_through_as_it_is(text):
    """What XML can carry it carries to the letter: line ends, blanks, signs of its own."""
    body = Calls(xroad_settings()).write(Operation.CREATE, [{"GhiChu": text}], "").body

    assert text == content(body).findtext("data/item/GhiChu")


@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_what_xml_cannot_carry_is_found_before_sending(sign):
    """The field is named with its place, the value never."""
    with pytest.raises(Unmappable) as trouble:
        check_text({"A": "ok", "B": [{"C": "x"}, {"C": f"x{sign}"}]})

    assert ("B[1].C", "not_in_xml") == (trouble.value.field, trouble.value.rule)


def test_one_address_and_no_login():
    """Every service goes to the security server, with SOAP's headers and none of the adapter's; there is no login."""
    calls = Calls(xroad_settings(dstcode="VN:GOV:x:y", provider_url="http://b.example.invalid"))
    request = calls.lookup("n", "")

    assert ("POST", "http://127.0.0.1:9/") == (request.method, request.url)
    assert {"accept": "text/xml", "content-type": "text/xml; charset=utf-8", "soapaction": '""'} == request.headers
    assert (False, True, False) == (calls.has_login, calls.has_lookup, calls.has_reads)


@pytest.mark.parametrize(
    "text", ["", "VN", "VN/GOV", "VN/GOV/", "VN//a", "VN/GOV/a/b/c", "VN/GOV/a_b", "VN/GOV/à", "VN/GOV/a b", "VN:GOV:a"]
)
def test_identifier_of_another_form(text):
    """Three or four parts of the characters that X-Road knows; the setting is named (r204)."""
    with pytest.raises(ValueError, match="xroad_client: "):
        member_of(text, "xroad_client")


@pytest.mark.parametrize("text", ["", "/v1", "1a/v1", "a_b", "a/", "a/v 1", "a/v1/x", "(a)/v1", "a:b"])
def test_service_that_cannot_name_an_element(text):
    """A service's code is an element's name as well (r206)."""
    with pytest.raises(ValueError, match="xroad_services: "):
        service_of(text, "xroad_services")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("xroad_client", "VN"),
        ("xroad_service_provider", "G22"),
        ("xroad_services", {"login": "x/v1"}),
        ("xroad_services", {"create": "?"}),
        ("xroad_protocol_version", "3.1"),
        ("xroad_protocol_version", "4"),
        ("xroad_user_id", "a\nb"),
        ("xroad_namespace", ""),
        ("xroad_namespace", "urn:à"),
    ],
)
def test_settings_that_no_server_takes(key, value):
    """They are found when the adapter is made, by name."""
    with pytest.raises(ValueError, match=f"{key}: "):
        Envelopes(xroad_settings(**{key: value}))


def test_minor_versions_are_compatible():
    """Every 4.x may be said (r202)."""
    assert "4.1" == header(asked(xroad_protocol_version="4.1"))[4].text
    assert CLIENT == "/".join(text for _, text in parts(header(asked())[0]))
