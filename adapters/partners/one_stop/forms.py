"""Pure. Whether a message keeps the contract, in its one form as XML and by the rules that an XSD cannot say.

Over REST the message travels as JSON, and is held to the same form: what has no twin is no message of this contract
(NOTES.md#r121).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lxml import etree

from adapters.partners.one_stop.codes import Contract
from bus.errors import Unmappable
from contracts.check import pointer
from contracts.one_stop import twins, xsd
from contracts.one_stop.shapes import NAMESPACE, Shape, resolved, shape

LT: Final = f"{{{NAMESPACE}}}"
Where = tuple[str | int, ...]


def check(value: Mapping[str, Any], contract: Contract) -> None:
    """Raises Unmappable with the first place that the one-stop system could not take."""
    for where, text in _texts(value, ()):
        if not _is_xml(text):
            raise Unmappable(field=pointer(where), rule="bad_character")
    element = _written(value, contract.shape, contract.part, contract.operation)
    if element is None:
        raise Unmappable(field="/data", rule="wrong_type")
    for breach in xsd.breaches(element):
        raise Unmappable(field=breach.field, rule=breach.reason)
    if (other := _difference(value, twins.read(element[0], contract.shape), ())) is not None:
        raise Unmappable(field=pointer(other), rule="unknown_field")
    for where in _not_composed(value, shape(contract.shape), ()):
        raise Unmappable(field=pointer(where), rule="not_nfc")


def acknowledgement(value: object, contract: Contract) -> dict[str, Any] | None:
    """A yes of this operation in JSON, when the contract allows it."""
    return _kept(value, "acknowledgement", f"{contract.operation}Response")


def problem(value: object) -> dict[str, Any] | None:
    """A no in JSON, when the contract allows it."""
    return _kept(value, "problem", "")


def keeps(element: etree._Element) -> bool:
    """Whether the XSD takes this element."""
    return not xsd.breaches(element)


def _kept(value: object, name: str, around: str) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not all(_is_xml(text) for _, text in _texts(value, ())):
        return None
    element = _written(value, name, name, around)
    if element is None or not keeps(element):
        return None
    read = twins.read(element[0] if around else element, name)
    return value if read == value else None


def _written(value: Mapping[str, Any], name: str, part: str, around: str) -> etree._Element | None:
    """The XML twin; None for what is so unlike its shape that there is none."""
    try:
        element = twins.write(value, name, part)
    except (AttributeError, TypeError, KeyError, ValueError):
        return None
    if not around:
        return element
    outer = etree.Element(f"{LT}{around}", nsmap=twins.NSMAP)
    outer.append(element)
    return outer


def _difference(value: Any, other: Any, where: Where) -> Where | None:
    """The first place where these two are not one: a member that the form does not know, a number for a text."""
    if isinstance(value, dict) and isinstance(other, dict):
        for name in (*value, *(each for each in other if each not in value)):
            missing = object()
            found = _difference(value.get(name, missing), other.get(name, missing), (*where, name))
            if found is not None:
                return found
        return None
    if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
        pairs = enumerate(zip(value, other, strict=True))
        found_in = (_difference(ours, theirs, (*where, at)) for at, (ours, theirs) in pairs)
        return next((found for found in found_in if found is not None), None)
    return None if type(value) is type(other) and value == other else where


def _texts(value: Any, where: Where) -> Iterator[tuple[Where, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, (*where, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, (*where, at))


def _is_xml(text: str) -> bool:
    """Whether XML 1.0 has all of these characters (NOTES.md#r27)."""
    if text.isprintable():
        return True
    return all(_is_character(ord(each)) for each in text)


def _is_character(code: int) -> bool:
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _not_composed(value: Any, member: Shape, where: Where) -> Iterator[Where]:
    """What names something must be in NFC (NOTES.md#r29, #r30)."""
    full = resolved(member)
    if isinstance(value, str):
        if full.get("format") == "nfc" and not unicodedata.is_normalized("NFC", value):
            yield where
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _not_composed(item, full["properties"][name], (*where, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _not_composed(item, full["items"], (*where, at))
