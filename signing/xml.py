"""The product's one hardened XML parser: bytes from a stranger in, a tree without surprises out.

No DTD, so no entity, no attribute from nowhere and no fetch; no processing instruction, no XInclude; UTF-8 only;
bounded in size, depth and number of nodes. Comments stay in the tree: whoever signs or verifies has to see them.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from lxml import etree

from signing.errors import XmlRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one document may be. Each bound keeps one message's memory under 300 MB."""

    size: int = 10 * 1024 * 1024
    depth: int = 64
    tags: int = 100_000
    """Every `<` counts, also that of an end tag: libxml2 needs some 120 bytes for the shortest element."""
    attributes: int = 100_000
    """Every `=` counts, also those in text: an attribute needs some 200 bytes."""


LIMITS: Final = Limits()

_BOM: Final = b"\xef\xbb\xbf"
_DECLARED: Final = re.compile(
    rb"<\?xml\s+version\s*=\s*[\"']([^\"']*)[\"']"
    rb"(?:\s+encoding\s*=\s*[\"']([^\"']*)[\"'])?"
    rb"(?:\s+standalone\s*=\s*[\"'](?:yes|no)[\"'])?\s*\?>"
)
_PROLOG: Final = re.compile(rb"(?:\s+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_ENCODINGS: Final = frozenset({b"", b"utf-8", b"utf8", b"us-ascii"})

_INSTRUCTION: Final = etree.XPath("boolean(//processing-instruction())")
_XI: Final = {"xi": "http://www.w3.org/2001/XInclude"}
_INCLUSION: Final = etree.XPath("boolean(//xi:*)", namespaces=_XI)


class _Parsers(threading.local):
    """One parser for each thread: a shared one would let a single thread in at a time."""

    def __init__(self) -> None:
        self.strict = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            attribute_defaults=False,
            huge_tree=False,
            recover=False,
            remove_comments=False,
            remove_pis=False,
        )


_parsers: Final = _Parsers()


def read(data: bytes, *, limits: Limits = LIMITS) -> etree._Element:
    """The root of this document; XmlRefused with a stable code for whatever else it is."""
    _check_bytes(data, limits)
    text = data.removeprefix(_BOM)
    _check_prolog(text)
    try:
        root = etree.fromstring(text, _parsers.strict)
    except etree.XMLSyntaxError as trouble:
        raise XmlRefused(f"not well-formed: {trouble.msg}") from trouble
    if not _is_plain(text, limits):
        _check_tree(root, limits)
    return root


def _check_bytes(data: bytes, limits: Limits) -> None:
    if len(data) > limits.size:
        raise XmlRefused(f"larger than {limits.size} bytes", code="xml_too_large")
    # A short message cannot hold so many, and most are short.
    is_long = len(data) > min(2 * limits.tags, limits.attributes)
    if is_long and (data.count(b"<") > 2 * limits.tags or data.count(b"=") > limits.attributes):
        raise XmlRefused("more elements or attributes than any message of ours", code="xml_too_large")
    if b"\0" in data:  # also every UTF-16 and UTF-32
        raise XmlRefused("holds a NUL, or is not UTF-8", code="xml_encoding")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as trouble:
        raise XmlRefused("not UTF-8", code="xml_encoding") from trouble


def _check_prolog(text: bytes) -> None:
    """What stands before the root, looked at before libxml2 does: a DTD is not even parsed."""
    if _is_declared(text):
        told = _DECLARED.match(text)
        if told is None or told[1] != b"1.0":
            raise XmlRefused("the XML declaration is not one of version 1.0")
        if (told[2] or b"").lower() not in _ENCODINGS:
            raise XmlRefused("declares an encoding that is not UTF-8", code="xml_encoding")
    # Anywhere later a DOCTYPE is not well-formed, so that text and CDATA may say the word.
    if text.startswith(b"<!DOCTYPE", _end_of(_PROLOG, text)):
        raise XmlRefused("has a DTD", code="xml_dtd")


def _is_declared(text: bytes) -> bool:
    return text[:6].rstrip() == b"<?xml"  # and not `<?xml-stylesheet`


def _end_of(pattern: re.Pattern[bytes], text: bytes) -> int:
    found = pattern.match(text)
    assert found is not None  # it matches nothing, too
    return found.end()


def _is_plain(text: bytes, limits: Limits) -> bool:
    """Whether no tree of this text can be refused: asked of the bytes, for a message is short and mostly so.

    A tree that is too deep has so many tags; an instruction has its question marks, as the declaration has; and the
    name of an inclusion stands there, unless it is written in references.
    """
    marks = 2 if _is_declared(text) else 0
    is_flat = text.count(b"<") <= 2 * limits.depth
    return is_flat and text.count(b"?") == marks and b"&" not in text and b"XInclude" not in text


def _check_tree(root: etree._Element, limits: Limits) -> None:
    if not _strange(limits.depth)(root):
        return
    if _INSTRUCTION(root):
        raise XmlRefused("has a processing instruction", code="xml_instruction")
    if _INCLUSION(root):
        raise XmlRefused("asks for an inclusion", code="xml_inclusion")
    raise XmlRefused(f"deeper than {limits.depth} elements", code="xml_too_large")


@lru_cache(maxsize=8)
def _strange(depth: int) -> etree.XPath:
    """Whether there is anything of that: asked once and in C, for a message has many elements."""
    deeper = "/*" * (depth + 1)
    return etree.XPath(f"boolean(//processing-instruction() | //xi:* | {deeper})", namespaces=_XI)
