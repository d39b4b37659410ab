"""SOAP 1.1 and 1.2 envelopes as the one-stop system reads and writes them, and the problem that a Fault carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from lxml import etree

from contracts.check import Breach
from contracts.one_stop.shapes import NAMESPACE
from contracts.one_stop.twins import NSMAP, write

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
WSA: Final = "http://www.w3.org/2005/08/addressing"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
ANONYMOUS: Final = f"{WSA}/anonymous"
XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
LARGEST: Final = 10 * 1024 * 1024
DEEPEST: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What differs between the two versions."""

    namespace: str
    is_11: bool
    content_type: str
    sender: str
    receiver: str


ENVELOPES: Final = {
    SOAP_11: Version(
        namespace=SOAP_11, is_11=True, content_type="text/xml", sender="soap:Client", receiver="soap:Server"
    ),
    SOAP_12: Version(
        namespace=SOAP_12,
        is_11=False,
        content_type="application/soap+xml",
        sender="soap:Sender",
        receiver="soap:Receiver",
    ),
}

TITLES: Final = {
    "unknown_operation": "Không có nghiệp vụ này",
    "media_type": "Kiểu nội dung không được nhận",
    "malformed_xml": "Không đọc được XML",
    "malformed_json": "Không đọc được JSON",
    "must_understand": "Có phần đầu bắt buộc mà bên nhận không hiểu",
    "wrong_action": "SOAPAction không khớp nghiệp vụ",
    "wrong_address": "Tin không gửi cho hệ thống này",
    "unsigned": "Tin chưa được ký",
    "wrong_parts": "Chữ ký không phủ đúng các phần bắt buộc",
    "weak_algorithm": "Thuật toán ký không được nhận",
    "duplicate_id": "Một Id đứng hai lần",
    "stale_signature": "Chữ ký quá hạn hoặc sai giờ",
    "untrusted": "Chứng thư không được tin cậy",
    "expired_certificate": "Chứng thư ngoài thời hạn",
    "foreign_subject": "Chứng thư của người khác",
    "bad_signature": "Chữ ký không đúng",
    "replayed": "Tin đã được gửi một lần",
    "invalid": "Nội dung trái hợp đồng",
    "key_mismatch": "Idempotency-Key khác mã tin",
    "contradicted": "Mã này đã dùng cho nội dung khác",
    "not_found": "Không có hồ sơ này",
    "refused": "Hệ thống một cửa từ chối",
    "unavailable": "Hệ thống đang bận, xin gửi lại sau",
}
SERVER: Final = frozenset({"unavailable"})
"""Codes that mean "later": Server, Receiver, 503. All others mean that the same message will be refused again."""
STATUS: Final = {
    "media_type": 415,
    "unsigned": 401,
    "wrong_parts": 401,
    "weak_algorithm": 401,
    "duplicate_id": 401,
    "stale_signature": 401,
    "untrusted": 401,
    "expired_certificate": 401,
    "foreign_subject": 403,
    "bad_signature": 401,
    "replayed": 401,
    "contradicted": 422,
    "invalid": 422,
    "key_mismatch": 422,
    "not_found": 422,
    "refused": 422,
    "unavailable": 503,
}
"""REST status of each code; 400 where none stands."""


class Trouble(Exception):
    """A message that is refused: the code for its sender, and the rule for whoever reads the log."""

    def __init__(
        self,
        *,
        code: str,
        rule: str,
        field: str,
        expected: str,
        found: str = "",
        errors: tuple[Breach, ...] = (),
    ) -> None:
        super().__init__(f"{code}: {expected}")
        self.code, self.rule, self.field = code, rule, field
        self.expected, self.found, self.errors = expected, found, errors

    def problem(self, reference: str) -> dict[str, Any]:
        """As the sender is told."""
        rows = [{"field": each.field, "rule": each.rule} for each in self.errors]
        detail = f"{self.field}: {self.expected}"[:2000] if self.field else self.expected
        return {
            "code": self.code,
            "title": TITLES[self.code],
            "detail": detail,
            "reference": reference,
            "errors": rows,
        }


def parse(body: bytes) -> etree._Element:
    """The document, or Trouble (`NOTES.md#r7`)."""
    wrong = _wrong_bytes(body)
    if wrong:
        raise _malformed(wrong)
    # huge_tree off: libxml2's own limits hold. Comments stay: a reader that drops them joins what a signer kept apart.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as trouble:
        raise _malformed(str(trouble.msg)[:200]) from None
    if root.getroottree().docinfo.encoding not in (None, "UTF-8", "utf-8"):
        raise _malformed("an encoding that is not UTF-8")
    if next(root.iter(etree.PI), None) is not None or next(root.iter(etree.Entity), None) is not None:
        raise _malformed("a processing instruction or an entity")
    if _depth(root) > DEEPEST:
        raise _malformed(f"deeper than {DEEPEST}")
    return root


def _wrong_bytes(body: bytes) -> str:
    if len(body) > LARGEST:
        return f"larger than {LARGEST} bytes"
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "not UTF-8"
    return "a document type" if "<!DOCTYPE" in text else ""


def _depth(root: etree._Element) -> int:
    deepest = depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _malformed(found: str) -> Trouble:
    return Trouble(code="malformed_xml", rule="r7", field="body", expected="one XML document in UTF-8", found=found)


def wrap(content: etree._Element, version: Version, *, addressing: dict[str, str] | None = None) -> etree._Element:
    """An envelope around this content, with these addressing headers."""
    soap = version.namespace
    envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap, "wsu": WSU, **NSMAP})
    if addressing:
        header = etree.SubElement(envelope, f"{{{soap}}}Header", nsmap={"wsa": WSA})
        for name, value in addressing.items():
            etree.SubElement(header, f"{{{WSA}}}{name}").text = value
    etree.SubElement(envelope, f"{{{soap}}}Body").append(content)
    return envelope


def addressing(action: str, *, to: str = ANONYMOUS, relates_to: str | None = None) -> dict[str, str]:
    """Addressing headers of one message."""
    headers = {"Action": action, "MessageID": f"urn:uuid:{uuid4()}", "To": to}
    return headers | ({"RelatesTo": relates_to} if relates_to else {})


def answer(operation: str, part: etree._Element) -> etree._Element:
    """The element that wraps an operation's answer."""
    element = etree.Element(f"{{{NAMESPACE}}}{operation}Response", nsmap={"lt": NAMESPACE})
    element.append(part)
    return element


def fault(trouble: Trouble, reference: str, version: Version) -> etree._Element:
    """A Fault with the problem in its detail (`NOTES.md#r53`)."""
    soap, problem = version.namespace, write(trouble.problem(reference), "problem", "problem")
    code = version.receiver if trouble.code in SERVER else version.sender
    if trouble.code == "must_understand":
        code = "soap:MustUnderstand"
    element = etree.Element(f"{{{soap}}}Fault", nsmap={"soap": soap})
    title = TITLES[trouble.code]
    if version.is_11:
        etree.SubElement(element, "faultcode").text = code
        etree.SubElement(element, "faultstring", {XML_LANG: "vi"}).text = title
        etree.SubElement(element, "detail").append(problem)
        return element
    etree.SubElement(etree.SubElement(element, f"{{{soap}}}Code"), f"{{{soap}}}Value").text = code
    text = etree.SubElement(etree.SubElement(element, f"{{{soap}}}Reason"), f"{{{soap}}}Text", {XML_LANG: "vi"})
    text.text = title
    etree.SubElement(element, f"{{{soap}}}Detail").append(problem)
    return element


def fault_status(trouble: Trouble, version: Version) -> int:
    """The HTTP status of a Fault: SOAP 1.1 knows one, SOAP 1.2 tells the sides apart."""
    return 500 if version.is_11 or trouble.code in SERVER else 400
