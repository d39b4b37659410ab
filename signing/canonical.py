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
    _check_characters(value)
    return _escaped(value)


def _check_characters(value: str) -> None:
    # What can be printed is a character of XML, and asking so first is twenty times as fast.
    if not value.isprintable() and _IMPOSSIBLE.search(value):
        raise ValueError("the text holds a character that XML does not have")


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")


class Template:
    """Canonical bytes with places for texts: `<a xmlns="urn:a"><b>{name}</b></a>`, filled without a parser."""

    def __init__(self, sample: bytes) -> None:
        root = xml.read(sample)
        if any(_PLACE.search(str(value)) for each in root.iter(etree.Element) for value in each.attrib.values()):
            raise ValueError("a place in an attribute would want another escaping")
        shape = exclusive(root).decode()
        self.names = tuple(_PLACE.findall(shape))
        self._form = _PLACE.sub("%s", shape.replace("%", "%%"))
        self._bare = shape.encode()

    def fill(self, values: Mapping[str, str]) -> bytes:
        """The canonical bytes with these values in their places."""
        texts = [values[name] for name in self.names]
        _check_characters("".join(texts))
        # All texts are escaped in one go; a NUL between them, for no text can hold one any more.
        return (self._form % tuple(_escaped("\0".join(texts)).split("\0"))).encode() if texts else self._bare
