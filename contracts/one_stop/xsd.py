"""Whether a message keeps the XSD, and where it does not, in the words of the JSON contract.

The schema is compiled once for each thread: libxml2 keeps the errors of a run with the schema.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lxml import etree

from contracts.check import EVENT, MAX_BREACHES, RULES, Breach, load_schema, pointer
from contracts.one_stop.shapes import ITEMS, KINDS, OPERATIONS, Shape, kinds, resolved, shape

FILE: Final = Path(__file__).with_name("v1") / "one-stop.xsd"
WSDL: Final = FILE.with_name("one-stop.wsdl")
ORDER: Final = ("duplicate_member", *RULES)
"""Rules that a message can break, the most telling first; JSON's readers tell a member twice before any of these."""

EXPECTED: Final = re.compile(r"\}(\w+)")
FACETS: Final = {
    "SCHEMAV_CVC_ENUMERATION_VALID": ("enum", "enum"),
    "SCHEMAV_CVC_MAXLENGTH_VALID": ("out_of_range", "too_long"),
    "SCHEMAV_CVC_MINLENGTH_VALID": ("out_of_range", "too_short"),
    "SCHEMAV_CVC_MAXINCLUSIVE_VALID": ("out_of_range", "too_large"),
    "SCHEMAV_CVC_MININCLUSIVE_VALID": ("out_of_range", "too_small"),
    "SCHEMAV_CVC_PATTERN_VALID": ("out_of_range", "bad_form"),
}
VAGUE: Final = "vague"
"""libxml2 says of one bad value that its form, its limit and its type are wrong: the finer reason counts."""
FOREIGN: Final = ("SCHEMAV_CVC_COMPLEX_TYPE_3_2_1", "SCHEMAV_CVC_TYPE_3_1_1", "SCHEMAV_CVC_ELT_1")
"""An attribute, or an operation, that the schema does not know."""
_local: Final = threading.local()
_one_at_a_time: Final = threading.Lock()
"""libxml2 makes its built-in types with the first schema, without a lock: two at once break them for the process."""


def schema() -> etree.XMLSchema:
    """This thread's compiled schema."""
    if not hasattr(_local, "schema"):
        with _one_at_a_time:
            _local.schema = etree.XMLSchema(etree.parse(FILE))
    return _local.schema  # type: ignore[no-any-return]


def breaches(message: etree._Element) -> tuple[Breach, ...]:
    """Where an operation's element breaks the XSD; empty when it keeps it. One breach a place, as for JSON."""
    judge = schema()
    if judge.validate(message):
        return ()
    # A tree of its own: paths in errors must begin at the message, not at an envelope around it.
    alone = etree.ElementTree(etree.fromstring(etree.tostring(message, with_tail=False), _parser()))
    judge.validate(alone)
    found: dict[str, Breach] = {}
    for error in judge.error_log:
        breach = _explain(error, alone)
        known = found.get(breach.field)
        if known is None or (known.reason == VAGUE and breach.reason != VAGUE):
            found[breach.field] = breach
    firm = (replace(each, reason="wrong_type") if each.reason == VAGUE else each for each in found.values())
    ordered = sorted(firm, key=lambda breach: (ORDER.index(breach.rule), breach.field))
    return tuple(ordered[:MAX_BREACHES])


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def _explain(error: Any, tree: Any) -> Breach:
    element = _place(error.path, tree)
    where = [step for step, _ in _steps(element)]
    if error.type_name == "SCHEMAV_ELEMENT_CONTENT":
        return _content(error.message, element, where)
    if error.type_name in FACETS:
        rule, reason = FACETS[error.type_name]
        if reason == "bad_form" and _kind(element) in ("integer", "boolean"):
            rule, reason = "wrong_type", VAGUE
        return Breach(field=pointer(where), rule=rule, reason=reason)
    if error.type_name in FOREIGN:
        return Breach(field=pointer(where), rule="unknown_field", reason="unknown_field")
    reason = VAGUE if "DATATYPE" in error.type_name else "wrong_type"
    return Breach(field=pointer(where), rule="wrong_type", reason=reason)


def _content(message: str, element: etree._Element, where: list[str | int]) -> Breach:
    """A child too many, or one too few: libxml2 stops at the first, and says what it had expected."""
    expected = EXPECTED.findall(message.partition("Expected is")[2])
    if "Missing child element(s)" in message:
        return _missing(element, where, expected)
    name = etree.QName(element).localname
    before = [etree.QName(each).localname for each in element.itersiblings(preceding=True) if isinstance(each.tag, str)]
    parent = element.getparent()
    if _is_list(parent):
        return Breach(field=pointer(where[:-1]), rule="out_of_range", reason="too_many")
    if name in before:
        return Breach(field=pointer(where), rule="duplicate_member", reason="duplicate_member")
    if {name, *before} >= {"status", "local_step"} or name == "no_local_step":
        return Breach(field=pointer(where), rule="out_of_range", reason="one_of_two")
    if {name, *before} >= {"url", "of"}:
        return Breach(field=pointer([*where[:-1], "url"]), rule="out_of_range", reason="one_source")
    if name in _members(parent) and expected:
        return _missing(parent, where[:-1], expected)
    return Breach(field=pointer(where), rule="unknown_field", reason="unknown_field")


def _missing(parent: etree._Element | None, where: list[str | int], expected: list[str]) -> Breach:
    """libxml2 lists what could have come, optional members first; the required one is the one that is missed."""
    part = None if parent is None else _shape_of(parent)
    if part is not None and kinds(part)[0] == "array":
        return Breach(field=pointer(where), rule="out_of_range", reason="too_few")
    required = (part or {}).get("required", ())
    name = next((each for each in expected if each in required), expected[0] if expected else "")
    return Breach(field=pointer([*where, name]), rule="missing_field", reason="missing_field")


def _place(path: str, tree: Any) -> etree._Element:
    """The element of an error's path. Its prefixes are the sender's, and may be declared anywhere."""
    names = {prefix: uri for each in tree.iter(etree.Element) for prefix, uri in each.nsmap.items() if prefix}
    try:
        return tree.xpath(path, namespaces=names)[0]  # type: ignore[no-any-return]
    except (etree.XPathError, IndexError):
        return tree.getroot()  # type: ignore[no-any-return]


def _steps(element: etree._Element) -> Iterator[tuple[str | int, etree._Element]]:
    """From the message down: a member's name, or a place in a list. The wrapping elements are no members."""
    line = [element, *element.iterancestors()][::-1]
    skipped = 2 if len(line) > 1 else 1
    for parent, child in zip(line[skipped - 1 :], line[skipped:], strict=False):
        if _is_list(parent):
            yield parent.index(child), child
        elif (name := etree.QName(child).localname) in KINDS:
            yield "data", child
        else:
            yield name, child


def _is_list(element: etree._Element | None) -> bool:
    if element is None:
        return False
    name = etree.QName(element).localname
    parent = element.getparent()
    return name in ITEMS and parent is not None


def _members(element: etree._Element | None) -> frozenset[str]:
    """What may stand in this element, by its shape."""
    part = None if element is None else _shape_of(element)
    if part is None:
        return frozenset()
    names = frozenset(part.get("properties", ()))
    return names | KINDS.keys() - {"data", "type", "specversion"} if "data" in names else names


def _kind(element: etree._Element) -> str:
    part = _shape_of(element)
    return kinds(part)[0] if part and "type" in part else ""


def _shape_of(element: etree._Element) -> Shape | None:
    """The resolved shape of an element, found by walking down from its operation."""
    line = [element, *element.iterancestors()][::-1]
    root = etree.QName(line[0]).localname
    if root == "problem":
        return _walk(resolved(shape("problem")), line[1:])
    asked, answered = OPERATIONS.get(root.removesuffix("Response"), (("", ""), ("", "")))
    of = (answered if root.endswith("Response") else asked)[1]
    if of in ("events", "batch_results") and len(line) > 2:
        return _walk(load_schema(EVENT) if of == "events" else shape("batch_result"), line[3:])
    if len(line) < 2 or of in ("", "number", "events", "batch_results"):
        return None
    return _walk(load_schema(EVENT) if of == "event" else resolved(shape(of)), line[2:])


def _walk(part: Shape, line: list[etree._Element]) -> Shape | None:
    for element in line:
        name = etree.QName(element).localname
        if name in KINDS and "data" in part.get("properties", ()):
            part = resolved(shape(KINDS[name][1]))
        elif name in part.get("properties", ()):
            part = resolved(part["properties"][name])
        elif "items" in part:
            part = resolved(part["items"])
        else:
            return None
    return part
