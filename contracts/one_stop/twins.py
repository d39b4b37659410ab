"""XML and JSON of one message: what has been found valid in one form is written in the other, and nothing is lost.

Pure, and driven by the shapes, so that no member is forgotten. Reading expects an element that the XSD has passed;
writing expects an object that the JSON Schema has passed. The rules are `NOTES.md#r20` to `#r29`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from lxml import etree

from contracts.check import EVENT, load_schema
from contracts.one_stop.shapes import ITEMS, KINDS, NAMESPACE, Shape, kinds, resolved, shape

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
NIL: Final = f"{{{XSI}}}nil"
NSMAP: Final = {"lt": NAMESPACE, "xsi": XSI}
TRUE: Final = ("true", "1")
LT: Final = f"{{{NAMESPACE}}}"
NO_STEP: Final = f"{LT}no_local_step"

READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "string": lambda text: text,
    "integer": int,
    "boolean": lambda text: text.strip() == "true",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A member with all that it refers to looked up once: a message is read by it many times."""

    kind: str
    members: Mapping[str, tuple[str, Node]] = field(default_factory=dict)
    """By the element's tag: the member's name, and its node."""
    item: tuple[str, Node] | None = None
    """The tag of one item of a list, and its node."""
    has_steps: bool = False
    """Whether `status` and `local_step` are one choice (`NOTES.md#r23`)."""


@lru_cache(maxsize=64)
def _node(name: str) -> Node:
    if name == "event":
        members = load_schema(EVENT)["properties"]
        own = {part: member for part, member in members.items() if part not in ("specversion", "type", "data")}
        return Node("object", _compiled_members(own))
    return _compiled("", shape(name))


def _compiled(name: str, member: Shape) -> Node:
    full = resolved(member)
    kind, _ = kinds(full)
    if kind == "array":
        return Node(kind, item=(LT + ITEMS[name], _compiled("", full["items"])))
    if kind == "object":
        return Node(kind, _compiled_members(full["properties"]), has_steps="local_step" in full["properties"])
    return Node(kind)


def _compiled_members(members: Mapping[str, Shape]) -> dict[str, tuple[str, Node]]:
    return {LT + name: (name, _compiled(name, member)) for name, member in members.items()}


DATA: Final = {LT + element: (of_type, part) for element, (of_type, part) in KINDS.items()}
DATA_OF_TYPE: Final = {of_type: (tag, part) for tag, (of_type, part) in DATA.items()}


def read(element: etree._Element, name: str) -> dict[str, Any]:
    """The object that an element of this shape stands for."""
    return _read_event(element) if name == "event" else _read_object(element, _node(name))


def write(value: Mapping[str, Any], name: str, tag: str) -> etree._Element:
    """The element under this tag that stands for an object of this shape."""
    element = etree.Element(LT + tag, nsmap=NSMAP)
    _write_object(element, value, _node(name))
    if name == "event":
        of_kind, part = DATA_OF_TYPE[value["type"]]
        _write_object(etree.SubElement(element, of_kind), value["data"], _node(part))
    return element


def _read_event(element: etree._Element) -> dict[str, Any]:
    members = _node("event").members
    event: dict[str, Any] = {"specversion": "1.0"}
    for child in element:
        tag: Any = child.tag
        if tag in DATA:
            event["type"], part = DATA[tag]
            event["data"] = _read_object(child, _node(part))
        elif tag in members:
            name, node = members[tag]
            event[name] = _read_member(child, node)
    return event


def _read_object(element: etree._Element, node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        tag: Any = child.tag  # a comment's is no text
        if tag in node.members:
            name, inner = node.members[tag]
            found[name] = _read_member(child, inner)
        elif tag == NO_STEP:
            found["local_step"] = None
    if node.has_steps:
        found.setdefault("status", None)
    return found


def _read_member(element: etree._Element, node: Node) -> Any:
    if element.attrib and element.get(NIL, "").strip() in TRUE:
        return None
    if node.item:
        tag, inner = node.item
        return [_read_member(child, inner) for child in element if child.tag == tag]
    return _read_object(element, node) if node.kind == "object" else READ[node.kind](_text(element))


def _text(element: etree._Element) -> str:
    """The whole text: a comment in the middle neither ends it nor belongs to it (`NOTES.md#r28`)."""
    return "".join(element.xpath("text()")) if len(element) else element.text or ""


def _write_object(element: etree._Element, value: Mapping[str, Any], node: Node) -> None:
    for tag, (name, inner) in node.members.items():
        if name not in value:
            continue
        if node.has_steps and value[name] is None and name in ("status", "local_step"):
            if name == "local_step":
                etree.SubElement(element, NO_STEP)
        else:
            _write_member(etree.SubElement(element, tag), value[name], inner)


def _write_member(element: etree._Element, value: Any, node: Node) -> None:
    if value is None:
        element.set(NIL, "true")
    elif node.item:
        tag, inner = node.item
        for item in value:
            _write_member(etree.SubElement(element, tag), item, inner)
    elif node.kind == "object":
        _write_object(element, value, node)
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)
