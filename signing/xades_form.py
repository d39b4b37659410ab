"""Pure. The names of XAdES (EN 319 132-1), and the canonical form of a part that stands inside a document.

Inclusive C14N writes into a part what its ancestors say of namespaces and of `xml:` attributes, so that a signature is
one of this document and of no other around the same part. Exclusive C14N leaves that out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Final

from lxml import etree

from signing import xml
from signing.canonical import EXCLUSIVE, exclusive
from signing.errors import DocumentRefused, XmlRefused

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
XADES_141: Final = "http://uri.etsi.org/01903/v1.4.1#"
SIGNATURE: Final = f"{{{DS}}}Signature"

INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
INCLUSIVE_11: Final = "http://www.w3.org/2006/12/xml-c14n11"
CANONICAL: Final = frozenset({INCLUSIVE, INCLUSIVE_11, EXCLUSIVE})
ENVELOPED: Final = f"{DS}enveloped-signature"
PROPERTIES_TYPE: Final = "http://uri.etsi.org/01903#SignedProperties"
COUNTERSIGNED_TYPE: Final = "http://uri.etsi.org/01903#CountersignedSignature"

NAMES: Final = {"ds": DS, "xades": XADES}
ID_NAMES: Final = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")
MOST_SIGNATURES: Final = 10
"""Each costs a canonical form of the whole document."""

_XML_NS: Final = "{http://www.w3.org/XML/1998/namespace}"
_ALL: Final = etree.XPath("//ds:Signature", namespaces=NAMES)
_CUT: Final = etree.XPath(
    """boolean(//comment()[
      (not(../*) and ../text()[normalize-space()]) or
      (preceding-sibling::node()[not(self::comment())][1][self::text()] and
       following-sibling::node()[not(self::comment())][1][self::text()] and
       (preceding-sibling::node()[not(self::comment())][1][normalize-space()] or
        following-sibling::node()[not(self::comment())][1][normalize-space()]))])"""
)
_IDENTIFIED: Final = etree.XPath("//*[@Id or @ID or @id or @xml:id]")
_REFUSED: Final = {"xml_too_large": "document_too_large"}


def read(data: bytes, *, most_bytes: int) -> etree._Element:
    """The root of an XML document. Raises DocumentRefused."""
    if not data.strip():
        raise DocumentRefused("document_empty", "it has nothing in it")
    if len(data) > most_bytes:
        raise DocumentRefused("document_too_large", f"more than {most_bytes} bytes")
    try:
        root = xml.read(data)
    except XmlRefused as trouble:
        raise DocumentRefused(_REFUSED.get(trouble.code, "document_not_xml"), str(trouble)) from trouble
    if len(signatures(root)) > MOST_SIGNATURES:
        raise DocumentRefused("document_too_many_objects", f"more than {MOST_SIGNATURES} signatures")
    return root


def signatures(root: etree._Element) -> list[etree._Element]:
    """All of them, in the document's order: what is countersigned stands before what countersigns it."""
    return list(_ALL(root))


def is_cut(root: etree._Element) -> bool:
    """Whether a comment stands in a text: nobody signs comments, and many readers see what is before it alone."""
    return bool(_CUT(root))


def identified(root: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    """Every name of an element by which a reference could mean it."""
    for element in _IDENTIFIED(root):
        for name in ID_NAMES:
            if (told := element.get(name)) is not None:
                yield told, element


def path(*names: str) -> str:
    """A way down for `find`: `ds:Object/xades:QualifyingProperties` and so on."""
    return "/".join(_tag(name) for name in names)


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{NAMES[prefix]}}}{local}"


# -- canonical forms ---------------------------------------------------------------------------------------------------


def canonical(element: etree._Element, method: str = INCLUSIVE) -> bytes:
    """This element with all below it, as it stands in its document. XmlRefused where there is no such form."""
    if method == EXCLUSIVE:
        return exclusive(_alone(element))
    inherited = _inherited(element)
    if inherited and method == INCLUSIVE_11:
        # The two versions differ in what a part inherits of `xml:base` and `xml:id`: nobody signs such a part.
        raise XmlRefused("has no canonical form of version 1.1 here: an ancestor has an xml: attribute")
    part = _alone(element)
    for name, value in inherited.items():
        part.set(name, value)
    return whole(part)


def whole(root: etree._Element) -> bytes:
    """A document in canonical form, without comments."""
    try:
        return etree.tostring(root, method="c14n", exclusive=False, with_comments=False)
    except etree.C14NError as trouble:  # a namespace that is a relative address
        raise XmlRefused(f"has no canonical form: {trouble}") from trouble


def _alone(element: etree._Element) -> etree._Element:
    """The element as a document of its own: written out, it has every namespace that is known where it stood."""
    return xml.read(etree.tostring(element, encoding="utf-8", with_tail=False))


def _inherited(element: etree._Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            if str(name).startswith(_XML_NS) and element.get(name) is None:
                found.setdefault(str(name), str(value))
    return found


def without(signature: etree._Element) -> etree._Element:
    """A copy of the root of its document, the signature taken out and nothing else: the text behind it stays."""
    places = []
    at = signature
    while (parent := at.getparent()) is not None:
        places.append(parent.index(at))
        at = parent
    root = copy.deepcopy(at)
    found = root
    for place in reversed(places):
        found = found[place]
    _take_out(found)
    return root


def _take_out(element: etree._Element) -> None:
    parent, before, tail = element.getparent(), element.getprevious(), element.tail
    assert parent is not None
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail
    parent.remove(element)
