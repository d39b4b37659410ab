"""Pure. What an X-Road answer says: bytes in, the same `Body` out as from a JSON answer, judged by the same table.

An answer is only read when it is the answer to this very request: it repeats the request's header (NOTES.md#r210), and
its hash of the request, where it tells one, is ours (r211). A Fault is a Fault, whatever HTTP says of it (r212).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree

from adapters.channels.http import header
from adapters.partners.national_portal.codes import Shape
from adapters.partners.national_portal.replies import Body, object_body
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.xroad import ITEM, OBJECT_TYPE, SOAP, XROAD
from bus.messages import Exchange
from signing.errors import XmlRefused
from signing.xml import Limits, read

CONTENT_TYPE: Final = "text/xml"
LIMITS: Final = Limits(size=10 * 1024 * 1024, depth=16, tags=50_000, attributes=50_000)
"""No answer of the contract comes near; a tree takes a hundred times its bytes."""
HASHES: Final = {
    "http://www.w3.org/2001/04/xmlenc#sha256": hashlib.sha256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashlib.sha384,
    "http://www.w3.org/2001/04/xmlenc#sha512": hashlib.sha512,
}
REQUEST_HASH: Final = f"{{{XROAD}}}requestHash"

_HTML: Final = re.compile(rb"\s*<(?:!doctype\s+)?html", re.IGNORECASE)
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_MUST_UNDERSTAND: Final = f"{{{SOAP}}}mustUnderstand"
_SPACE: Final = " \t\r\n"

Field = tuple[str, str, tuple[tuple[Any, str], ...]]
"""A field of the header: its object type, its text, its parts."""


class _Unreadable(Exception):
    """No answer of the contract; the message says why, for whoever debugs."""


def open_body(exchange: Exchange, settings: NationalPortalSettings) -> Body:
    """The answer's shape and, where it is one of the contract, what stands in it."""
    raw = exchange.reply_body or b""
    if not raw.strip():
        return Body(shape=Shape.EMPTY)
    told = header(exchange.reply_head, "content-type") or ""
    kind = told.partition(";")[0].strip().lower()
    if "html" in kind or _HTML.match(raw):
        return Body(shape=Shape.HTML)
    charset = _CHARSET.search(told)
    if kind != CONTENT_TYPE or (charset and charset[1].lower() != "utf-8"):
        return Body(shape=Shape.OTHER_TYPE)
    try:
        return _read(raw, exchange.request_body, settings)
    except (_Unreadable, XmlRefused):
        return Body(shape=Shape.BROKEN)


def words_of(raw: bytes) -> tuple[str, str] | None:
    """Code and words of an answer as it was kept, for whoever passes them on; None where it has none."""
    try:
        _, content = _parts(read(raw, limits=LIMITS))
        told = {etree.QName(child).localname: _text(child) for child in _elements(content) if len(child) == 0}
    except (_Unreadable, XmlRefused):
        return None
    return (told["error_code"], told.get("message", "")) if "error_code" in told else None


def _read(raw: bytes, request: bytes, settings: NationalPortalSettings) -> Body:
    fields, content = _parts(read(raw, limits=LIMITS))
    asked, question = _parts(read(request))
    is_fault = content.tag == f"{{{SOAP}}}Fault"
    if not (is_fault and not fields) and not _is_answer_to(fields, asked, request):
        return Body(shape=Shape.OTHER_ANSWER)
    if is_fault:
        return _fault(content)
    if str(content.tag) != f"{question.tag!s}Response":
        return Body(shape=Shape.OTHER_ANSWER)
    namespaces = ("", settings.xroad_namespace)
    return object_body(_members(content, namespaces, lists=frozenset({"result", settings.lookup_entries_field})))


# -- envelope and header -----------------------------------------------------------------------------------------------


def _parts(root: etree._Element) -> tuple[dict[str, Field], etree._Element]:
    """The header's fields, and the one element of the Body."""
    if root.tag != f"{{{SOAP}}}Envelope":
        raise _Unreadable("no SOAP 1.1 envelope")
    children = _elements(root)
    names = [child.tag for child in children]
    if names not in ([f"{{{SOAP}}}Body"], [f"{{{SOAP}}}Header", f"{{{SOAP}}}Body"]):
        raise _Unreadable("not one Header at most, and then one Body")
    inside = _elements(children[-1])
    if len(inside) != 1:
        raise _Unreadable("not one element in the Body")
    return _fields(children[0]) if len(children) == 2 else {}, inside[0]


def _fields(header: etree._Element) -> dict[str, Field]:
    """X-Road's fields, by name; of one that stands twice nobody knows which counts."""
    fields: dict[str, Field] = {}
    for element in _elements(header):
        name = str(element.tag)
        if not name.startswith(f"{{{XROAD}}}"):
            if element.get(_MUST_UNDERSTAND) == "1":
                raise _Unreadable("a header that must be understood, and is not")
            continue
        if name in fields:
            raise _Unreadable("a field of the header twice")
        parts = tuple((part.tag, _text(part)) for part in _elements(element, is_leaf_fine=True))
        told = element.get(OBJECT_TYPE) or element.get("algorithmId") or ""
        fields[name] = (told, "" if parts else _text(element), parts)
    return fields


def _is_answer_to(fields: Mapping[str, Field], asked: Mapping[str, Field], request: bytes) -> bool:
    """Whether every field that we sent came back as we sent it, and the request's hash is ours (r210, r211)."""
    if any(fields.get(name) != field for name, field in asked.items()):
        return False
    algorithm, value, _ = fields.get(REQUEST_HASH, ("", "", ()))
    if algorithm not in HASHES:
        return True  # none told, or by an algorithm that only the security server knows: it has judged it
    try:
        told = base64.b64decode("".join(value.split()).encode(), validate=True)
    except binascii.Error:
        return False
    return told == HASHES[algorithm](request).digest()


def _fault(content: etree._Element) -> Body:
    """r212: what the Fault says in words, and its code in one spelling where it is a security server's own (r213)."""
    texts: dict[str, str] = {}
    for element in _elements(content):
        name = str(element.tag)
        if name in texts:
            raise _Unreadable("a member of the Fault twice")
        texts[name] = "" if name == "detail" else _text(element).strip(_SPACE)
    code = texts.get("faultcode", "").rpartition(":")[2]
    if not code:
        raise _Unreadable("a Fault without a code")
    is_own = any(etree.QName(part).localname == "faultDetail" for part in content.iterfind("detail/*"))
    text = f"{code}: {texts.get('faultstring', '')}"
    return Body(shape=Shape.FAULT, fault=fault_code(code) if is_own else "", text=text)


def fault_code(code: str) -> str:
    """Newer security servers write the same codes in small letters with underscores (r213)."""
    return code.casefold().replace("_", "")


# -- members -----------------------------------------------------------------------------------------------------------


def _members(element: etree._Element, namespaces: tuple[str, ...], lists: frozenset[str]) -> dict[str, Any]:
    """An element as the object that it would be in JSON; none twice (r150)."""
    members: dict[str, Any] = {}
    for child in _elements(element):
        name = etree.QName(child)
        if (name.namespace or "") not in namespaces or name.localname in members:
            raise _Unreadable("a member of another namespace, or one twice")
        members[name.localname] = _value(child, name.localname, namespaces, lists)
    return members


def _value(element: etree._Element, name: str, namespaces: tuple[str, ...], lists: frozenset[str]) -> Any:
    if element.get(_NIL) in ("true", "1"):
        return None
    children = _elements(element, is_leaf_fine=name not in lists)
    if not children and name not in lists:
        return _text(element)
    if all(etree.QName(child).localname == ITEM for child in children):
        return [_value(child, ITEM, namespaces, lists) for child in children]
    return _members(element, namespaces, lists)


def _elements(element: etree._Element, *, is_leaf_fine: bool = False) -> list[etree._Element]:
    """The elements in an element. Text beside them, or instead of them, is none of the contract's forms."""
    children = [child for child in element if isinstance(child.tag, str)]
    if is_leaf_fine and not children:
        return children
    around = [element.text, *(child.tail for child in element)]
    if any(text and text.strip(_SPACE) for text in around):
        raise _Unreadable("text beside elements")
    return children


def _text(element: etree._Element) -> str:
    """The text of a leaf. A comment within it would make two texts of one, and two readers might read two."""
    if len(element):
        raise _Unreadable("more than text in a leaf")
    return element.text or ""
