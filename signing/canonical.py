"""Exclusive XML canonicalisation (W3C xml-exc-c14n): an element in, the exact bytes that are signed out.

Always without a PrefixList: what an element means then hangs on nothing that stands outside of it. `Template` makes the
same bytes without building a tree, for messages of a known shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lxml import etree

from signing import xml
from signing.errors import XmlRefused

EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"

_ESCAPED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}
_TO_ESCAPE: Final = re.compile(r"[&<>\r]")
_IMPOSSIBLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLACE: Final = re.compile(r"\{([A-Za-z0-9_.]+)\}")


def exclusive(element: etree._Element, *, with_comments: bool = False) -> bytes:
    """This element with all below it, in its one canonical form. XmlRefused where the standard gives none."""
    try:
        return etree.tostring(element, method="c14n", exclusive=True, with_comments=with_comments)
    except etree.C14NError as trouble:  # a namespace that is a relative address
        raise XmlRefused(f"has no canonical form: {trouble}") from trouble


def text(value: str) -> str:
    """A text node in canonical form; ValueError for what no XML may hold."""
    if _IMPOSSIBLE.search(value):
        raise ValueError("the text holds a character that XML does not have")
    if _TO_ESCAPE.search(value):
        return _TO_ESCAPE.sub(lambda found: _ESCAPED[found[0]], value)
    return value


class Template:
    """Canonical bytes with places for texts: `<a xmlns="urn:a"><b>{name}</b></a>`, filled without a parser."""

    def __init__(self, sample: bytes) -> None:
        root = xml.read(sample)
        if any(_PLACE.search(str(value)) for each in root.iter(etree.Element) for value in each.attrib.values()):
            raise ValueError("a place in an attribute would want another escaping")
        shape = exclusive(root).decode()
        self.names = tuple(_PLACE.findall(shape))
        self._form = _PLACE.sub("%s", shape.replace("%", "%%"))

    def fill(self, values: Mapping[str, str]) -> bytes:
        """The canonical bytes with these values in their places."""
        return (self._form % tuple([text(values[name]) for name in self.names])).encode()
