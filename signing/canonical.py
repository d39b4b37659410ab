"""Exclusive XML canonicalisation (W3C xml-exc-c14n): an element in, the exact bytes that are signed out.

What is signed here has no PrefixList: what an element means then hangs on nothing that stands outside of it. `Template`
makes the same bytes without building a tree, for messages of a known shape.
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


DEFAULT: Final = "#default"


def exclusive(element: etree._Element, *, prefixes: tuple[str, ...] = (), with_comments: bool = False) -> bytes:
    """This element with all below it, in its one canonical form. XmlRefused where the standard gives none.

    `prefixes` are those of a PrefixList, where the default namespace is called `#default`; the element was parsed, for
    lxml passes over a prefix that no parser met.
    """
    if DEFAULT in prefixes:
        _make_default_known()
    try:
        return etree.tostring(
            element, method="c14n", exclusive=True, with_comments=with_comments, inclusive_ns_prefixes=prefixes
        )
    except etree.C14NError as trouble:  # a namespace that is a relative address
        raise XmlRefused(f"has no canonical form: {trouble}") from trouble


def _make_default_known() -> None:
    """No parser ever meets a prefix of that name: this one is told to look for it."""
    parser = etree.XMLPullParser(("start",), tag=DEFAULT)
    parser.feed(b"<a/>")
    parser.close()


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

    def fill(self, values: Mapping[str, str]) -> bytes:
        """The canonical bytes with these values in their places."""
        texts = tuple(map(values.__getitem__, self.names))
        together = "".join(texts)
        # Most texts have nothing to escape, and asking that of all together is several times as fast.
        if not together.isprintable() or "&" in together or "<" in together or ">" in together:
            _check_characters(together)
            # Escaped in one go; a NUL between them, for no text can hold one any more.
            texts = tuple(_escaped("\0".join(texts)).split("\0"))
        return (self._form % texts).encode()
