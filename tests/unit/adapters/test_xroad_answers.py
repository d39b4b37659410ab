"""X-Road answers coming in: only the answer to this very request is read, and only one reading of it is possible."""

from __future__ import annotations

import itertools
import re

import pytest

from adapters.doors.facade_answers import _said
from adapters.partners.national_portal.codes import OWN_SERVER_REFUSED, THEIR_SERVER_REFUSED, Operation, Verdict
from adapters.partners.national_portal.replies import Answer, read
from adapters.partners.national_portal.xroad_answers import words_of
from tests.xroad_kit import (
    NAMESPACE,
    YES,
    answer_to,
    asked,
    envelope,
    fault,
    header_of,
    heard,
    request_hash,
    wrapper_of,
    xroad_settings,
)

ASKED = asked(xroad_issue=True)
HEADER = header_of(ASKED)
FIELDS = re.findall(r"<xrd:(\w+)[ >].*?</xrd:\1>", HEADER)


def judged(raw: bytes, operation: Operation = Operation.CREATE, request: bytes = ASKED, **how) -> Answer:
    return read(heard(raw, request, **how), operation, xroad_settings())


def row_of(raw: bytes, **how) -> str:
    answer = judged(raw, **how)
    assert (answer.verdict is Verdict.YES) is (answer.row == "yes")
    return answer.row


# -- the answer to this request ---------------------------------------------------------------------------------------


def test_honest_answer_is_a_yes():
    """Header repeated, wrapper with Response, error_code zero."""
    assert ["client", "service", "id", "userId", "issue", "protocolVersion"] == FIELDS
    assert Verdict.YES is judged(answer_to(ASKED)).verdict


@pytest.mark.parametrize("field", FIELDS)
def test_field_that_is_missing(field):
    """An answer that lacks one of our fields answers another request (r210)."""
    without = re.sub(rf"<xrd:{field}[ >].*?</xrd:{field}>", "", HEADER)

    assert "other_answer" == row_of(answer_to(ASKED, header=without))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("change", ["x", " ", "\n"])
def test_field_with_another_value(field, change):
    """The very same values, to the letter (r210)."""
    last = re.search(rf"<xrd:{field}[ >].*?([^<>]+)(</[^<>]+>)?</xrd:{field}>", HEADER)
    changed = HEADER[: last.end(1)] + change + HEADER[last.end(1) :]

    assert "other_answer" == row_of(answer_to(ASKED, header=changed))


@pytest.mark.parametrize("field", FIELDS)
def test_field_twice(field):
    """Of a field that stands twice nobody knows which counts, even when both are equal."""
    one = re.search(rf"<xrd:{field}[ >].*?</xrd:{field}>", HEADER)[0]

    assert "broken" == row_of(answer_to(ASKED, header=HEADER + one))


def test_other_type_of_identifier():
    """The object's type is part of the value."""
    assert "other_answer" == row_of(answer_to(ASKED, header=HEADER.replace("SUBSYSTEM", "MEMBER", 1)))


def test_no_header():
    """An answer without a header is nobody's."""
    assert "other_answer" == row_of(answer_to(ASKED, header=""))


def test_sequence_prefixes_and_further_fields_are_not_judged():
    """X-Road gives prefixes no meaning; the sequence is not judged, nor what stands there besides (r210)."""
    fields = re.findall(r"<xrd:\w+[ >].*?</xrd:\w+>", HEADER)
    turned = "".join(reversed([*fields, "<xrd:representedParty>x</xrd:representedParty>", "<x xmlns='urn:y'>1</x>"]))
    renamed = answer_to(ASKED).replace(b"xrd:", b"q:").replace(b"xmlns:xrd", b"xmlns:q").replace(b"soap:", b"S:")

    assert "yes" == row_of(answer_to(ASKED, header=turned))
    assert "yes" == row_of(renamed.replace(b"xmlns:soap", b"xmlns:S"))


@pytest.mark.parametrize(("value", "row"), [("1", "broken"), ("0", "yes")])
def test_header_that_must_be_understood(value, row):
    """SOAP 1.1: who does not understand such a header must not read the message."""
    strange = f'<x xmlns="urn:y" soap:mustUnderstand="{value}">1</x>'

    assert row == row_of(answer_to(ASKED, header=HEADER + strange))


@pytest.mark.parametrize("name", ["DongBoHoSoMC", "TraCuuHoSoResponse", "dongBoHoSoMCResponse", "DongBoHoSoMCresponse"])
def test_another_services_answer(name):
    """The wrapper names the service that was asked (r206)."""
    assert "other_answer" == row_of(answer_to(ASKED, name=name))


def test_wrapper_of_another_namespace():
    """The same name elsewhere is another element."""
    assert "other_answer" == row_of(answer_to(ASKED).replace(NAMESPACE.encode(), b"urn:x"))


@pytest.mark.parametrize("algorithm", ["xmlenc#sha256", "xmldsig-more#sha384", "xmlenc#sha512"])
def test_hash_of_the_request(algorithm):
    """The hash of what we sent is a yes; of anything else it is another request's answer (r211)."""
    uri = f"http://www.w3.org/2001/04/{algorithm}"
    ours, other = request_hash(ASKED, uri), request_hash(ASKED + b" ", uri)
    spaced = re.sub(r">(.{20})", r">\n   \1\n   ", ours, count=1)

    assert "yes" == row_of(answer_to(ASKED, header=HEADER + ours))
    assert "yes" == row_of(answer_to(ASKED, header=HEADER + spaced))
    assert "other_answer" == row_of(answer_to(ASKED, header=HEADER + other))
    assert "other_answer" == row_of(answer_to(ASKED, header=HEADER + re.sub(r">.+<", ">à?<", ours)))


def test_hash_by_an_unknown_algorithm():
    """That is for the security server to judge, which has (r211)."""
    strange = '<xrd:requestHash algorithmId="http://www.w3.org/2001/04/xmldsig-more#gost34311">x</xrd:requestHash>'

    assert "yes" == row_of(answer_to(ASKED, header=HEADER + strange))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (answer_to(ASKED), ("0", "Thành công")),
        (answer_to(ASKED, "<error_code>-1</error_code><message>Trường x</message><result/>"), ("-1", "Trường x")),
        (answer_to(ASKED, "<error_code>-1</error_code>"), ("-1", "")),
        (answer_to(ASKED, "<message>x</message>"), None),
        (fault("Server"), None),
        (b"<html/>", None),
        (b"<x", None),
    ],
)
def test_words_that_are_passed_on(raw, words):
    """Our own façade tells its caller what the portal said, over X-Road as over REST."""
    said = _said(raw.decode())

    assert words == words_of(raw)
    assert words == ((said.code, said.message) if said else None)


# -- Faults -----------------------------------------------------------------------------------------------------------


def test_p05_faults_by_code():
    """Only what a security server refused to pass on is not taken; every other code is in doubt (r214, r215)."""
    known = {*OWN_SERVER_REFUSED, *THEIR_SERVER_REFUSED}
    sides = ("client", "server", "server.clientproxy", "server.serverproxy", "signer", "")
    reasons = {code.rpartition(".")[2] for code in known} | {
        *("networkerror", "ioerror", "internalerror", "loggingfailed", "httperror", "outdatedglobalconf", "x", ""),
        *("servicefailed", "servicefailed.missingbody", "servicefailed.accessdenied", "accessdenied.servicefailed"),
    }
    for side, reason in itertools.product(sides, reasons):
        code = ".".join(part for part in (side, reason) if part)
        if not code:
            continue
        for operation in (Operation.CREATE, Operation.STEP, Operation.LOOKUP):
            found = judged(fault(code), operation).verdict
            assert (Verdict.DOWN if code in known else Verdict.UNCLEAR) is found, code


@pytest.mark.parametrize("status", [200, 202, 400, 401, 404, 429, 500, 503])
def test_fault_is_a_fault_whatever_http_says(status):
    """A security server sends its Faults with 200, SOAP 1.1 wants 500; a status makes no Fault a "not taken" (r212)."""
    assert "fault" == row_of(fault("Server"), status=status)
    assert "fault_their_server" == row_of(fault("Server.ServerProxy.AccessDenied"), status=status)


@pytest.mark.parametrize(
    "code",
    [
        "Server.ServerProxy.AccessDenied",
        "server.serverproxy.access_denied",
        "SOAP-ENV:Server.ServerProxy.AccessDenied",
        "  Server.ServerProxy.AccessDenied\n",
    ],
)
def test_fault_code_in_its_spellings(code):
    """Older and newer servers write the same code (r213); the words tell it to a person."""
    found = judged(fault(code, "Request is not allowed"))

    assert "fault_their_server" == found.row
    assert code.strip().rpartition(":")[2] in found.reason
    assert "Request is not allowed" in found.reason


@pytest.mark.parametrize("code", ["Client.MissingHeaderField", "Server.ServerProxy.AccessDenied"])
@pytest.mark.parametrize("detail", ["", "7", "<error>7</error>", "<x><faultDetail>7</faultDetail></x>"])
def test_providers_fault_with_a_security_servers_code(code, detail):
    """Any service may write such a code; only a security server's own Fault, known by its detail, proves anything."""
    assert "fault" == row_of(fault(code, detail=detail))
    assert "fault" != row_of(fault(code, detail='<faultDetail xmlns="">7</faultDetail>'))


def test_fault_with_a_header():
    """With our header it is ours; with another one it is an answer to somebody else, and proves nothing (r212)."""
    denied = "Server.ServerProxy.AccessDenied"

    assert "fault_their_server" == row_of(fault(denied, header=HEADER))
    assert "other_answer" == row_of(fault(denied, header=header_of(asked(xroad_issue=True))))


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<faultstring>x</faultstring>",
        "<faultcode></faultcode>",
        "<faultcode>Server.ServerProxy.AccessDenied</faultcode><faultcode>Server</faultcode>",
        "<faultcode>Server.ServerProxy.AccessDenied<!-- --></faultcode>",
        "<faultcode><x>Server.ServerProxy.AccessDenied</x></faultcode>",
        "<soap:faultcode>Server.ServerProxy.AccessDenied</soap:faultcode>",
    ],
)
def test_fault_that_cannot_be_read(inside):
    """Without one code that has one reading a Fault says nothing."""
    assert "broken" == row_of(envelope("", f"<soap:Fault>{inside}</soap:Fault>"))


# -- members ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "row"),
    [
        (YES, "yes"),
        ("<error_code>00</error_code>", "yes"),
        (f'<np:error_code xmlns:np="{NAMESPACE}">0</np:error_code>', "yes"),
        ("<!-- told --><error_code> 0\n</error_code>", "yes"),
        ("<error_code><![CDATA[0]]></error_code>", "yes"),
        ("<error_code>-1</error_code><message>Trường x</message>", "refused"),
        ("<error_code>-3</error_code><message>Hồ sơ đã tồn tại</message>", "exists"),
        ("<error_code>E9</error_code>", "refused"),
        ("", "no_code"),
        ("<message>Thành công</message>", "no_code"),
        ("<error_code/>", "no_code"),
        ("<Error_Code>0</Error_Code>", "no_code"),
        ('<error_code xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>', "no_code"),
        ('<error_code xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="1">0</error_code>', "no_code"),
        ("<error_code><item>0</item></error_code>", "no_code"),
        ("<error_code><x>0</x></error_code>", "no_code"),
        ("<error_code>0</error_code><error_code>0</error_code>", "broken"),
        ("<error_code>0</error_code><error_code>-1</error_code>", "broken"),
        (f'<error_code>0</error_code><np:error_code xmlns:np="{NAMESPACE}">-1</np:error_code>', "broken"),
        ('<x:error_code xmlns:x="urn:x">0</x:error_code>', "broken"),
        ("<error_code>0<!-- -->1</error_code>", "broken"),
        ("<error_code>0</error_code> no", "broken"),
        ("no <error_code>0</error_code>", "broken"),
        ("<error_code>0</error_code><result>x</result>", "broken"),
        ("<error_code>0</error_code><result><item>1</item>x</result>", "broken"),
        ("<error_code>0</error_code><result><a/><a/></result>", "broken"),
    ],
)
def test_members(members, row):
    """One reading, or none: members once each, of no namespace or the provider's, text in leaves only (r150, r207)."""
    assert row == row_of(answer_to(ASKED, members))


@pytest.mark.parametrize(
    ("members", "result"),
    [
        ("", None),
        ("<result/>", []),
        ("<result>\n  </result>", []),
        ("<result><item><MAHOSO>a</MAHOSO></item></result>", [{"MAHOSO": "a"}]),
        ("<result><item>a</item><item/></result>", ["a", ""]),
        (
            "<result><item><MAHOSO>a</MAHOSO><TIENDO/></item><item><TIENDO><item><A>1</A></item></TIENDO></item></result>",
            [{"MAHOSO": "a", "TIENDO": []}, {"TIENDO": [{"A": "1"}]}],
        ),
        ("<result><data><item>a</item></data></result>", {"data": ["a"]}),
        ('<result xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>', None),
    ],
)
def test_result(members, result):
    """An array that is empty is an array; one that is absent or nil says nothing."""
    found = judged(answer_to(ASKED, f"<error_code>0</error_code>{members}"), Operation.LOOKUP)

    assert result == found.body.result


# -- what is no answer ------------------------------------------------------------------------------------------------

FINE = answer_to(ASKED)
XXE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
BOMB = b'<!DOCTYPE x [<!ENTITY a "0"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>'
BODY = FINE.partition(b"?>")[2]


@pytest.mark.parametrize(
    ("raw", "row"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"<!doctype html><title>x</title>", "html"),
        (b"\n<html><body/></html>", "html"),
        (b"ok", "broken"),
        (FINE[:-1], "broken"),
        (FINE + b"<x/>", "broken"),
        (FINE + FINE, "broken"),
        (XXE + BODY, "broken"),
        (BOMB + BODY.replace(b">0<", b">&c;<"), "broken"),
        (BODY.replace(b">0<", b">&e;<"), "broken"),
        (b'<?xml-stylesheet href="x"?>' + BODY, "broken"),
        (FINE.decode().encode("utf-16"), "broken"),
        (b'<?xml version="1.0" encoding="UTF-7"?>' + BODY, "broken"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + BODY, "broken"),
        (b'<?xml version="1.1"?>' + BODY, "broken"),
        (FINE.replace(b">0<", b">0\0<"), "broken"),
        (FINE.replace("ành".encode(), b"\xe0nh"), "broken"),
        (FINE.replace(b"envelope/", b"envelope"), "broken"),
        (FINE.replace(b"schemas.xmlsoap.org/soap/envelope/", b"www.w3.org/2003/05/soap-envelope"), "broken"),
        (re.sub(rb"(<soap:Body>.*</soap:Body>)", rb"\1\1", FINE, flags=re.DOTALL), "broken"),
        (re.sub(rb"(<soap:Header>.*</soap:Header>)", rb"\1\1", FINE, flags=re.DOTALL), "broken"),
        (re.sub(rb"(<soap:Header>.*</soap:Header>)(.*)(</soap:E)", rb"\2\1\3", FINE, flags=re.DOTALL), "broken"),
        (re.sub(rb"<soap:Body>.*</soap:Body>", rb"<soap:Body/>", FINE, flags=re.DOTALL), "broken"),
        (FINE.replace(b"</soap:Body>", b"<x/></soap:Body>"), "broken"),
        (FINE.replace(b"<soap:Body>", b"x<soap:Body>"), "broken"),
        (FINE.replace(b"<message>", b"<d>" * 30 + b"</d>" * 30 + b"<message>"), "broken"),
        (FINE.replace(b"<message>", b"<result>" + b"<item/>" * 120_000 + b"</result><message>"), "broken"),
        (b"\xef\xbb\xbf" + FINE, "yes"),
        (b"\n" + BODY, "yes"),
    ],
)
def test_p06_only_one_envelope_in_utf8_is_an_answer(raw, row):
    """Whatever else it is, it is neither a yes nor a no; nothing is fetched, expanded or repaired."""
    assert row == row_of(raw)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("text/xml", "yes"),
        ("Text/XML; Charset=UTF-8", "yes"),
        ('text/xml; charset="utf-8"; action=""', "yes"),
        ("text/xml; charset=utf-16", "other_type"),
        ("text/xml; charset=iso-8859-1", "other_type"),
        ("application/soap+xml", "other_type"),
        ("application/json", "other_type"),
        ("multipart/related; type=text/xml", "other_type"),
        ("text/html; charset=utf-8", "html"),
        ("", "other_type"),
    ],
)
def test_type_of_an_answer(kind, row):
    """SOAP 1.1 is text/xml, and UTF-8 unless it says otherwise (r201, r217)."""
    assert row == row_of(FINE, kind=kind)


@pytest.mark.parametrize(
    ("status", "row"), [(200, "yes"), (202, "http_other"), (204, "http_other"), (500, "http_other")]
)
def test_status_of_an_answer(status, row):
    """A yes needs 200 or 201, as over REST."""
    assert row == row_of(FINE, status=status)


def test_request_is_compared_with_the_answer_to_itself_only():
    """Two requests of one record differ by their id, so each takes its own answer and not the other's."""
    first, second = asked(), asked()

    assert wrapper_of(first) == wrapper_of(second)
    for request, other in ((first, second), (second, first)):
        assert "yes" == row_of(answer_to(request), request=request)
        assert "other_answer" == row_of(answer_to(other), request=request)
