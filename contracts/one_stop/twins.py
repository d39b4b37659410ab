"""XML and JSON of one message: what has been found valid in one form is written in the other, and nothing is lost.

Pure, and driven by the shapes, so that no member is forgotten. Reading expects an element that the XSD has passed;
writing expects an object that the JSON Schema has passed. The rules are `NOTES.md#r20` to `#r29`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lxml import etree

from contracts.check import EVENT, load_schema
from contracts.one_stop.shapes import ITEMS, KINDS, NAMESPACE, Shape, kinds, resolved, shape

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
NIL: Final = f"{{{XSI}}}nil"
NSMAP: Final = {"lt": NAMESPACE, "xsi": XSI}
TRUE: Final = ("true", "1")

PART_OF_TYPE: Final = {of_type: (name, part) for name, (of_type, part) in KINDS.items()}


def read(element: etree._Element, name: str) -> dict[str, Any]:
    """The object that an element of this shape stands for."""
    return _read_event(element) if name == "event" else _read_object(element, shape(name))


def write(value: Mapping[str, Any], name: str, tag: str) -> etree._Element:
    """The element under this tag that stands for an object of this shape."""
    element = etree.Element(f"{{{NAMESPACE}}}{tag}", nsmap=NSMAP)
    if name == "event":
        _write_event(element, value)
    else:
        _write_object(element, value, shape(name))
    return element


def _read_event(element: etree._Element) -> dict[str, Any]:
    members = load_schema(EVENT)["properties"]
    event: dict[str, Any] = {"specversion": "1.0"}
    for child, local in _children(element):
        if local in KINDS:
            event["type"], part = KINDS[local]
            event["data"] = _read_object(child, shape(part))
        else:
            event[local] = _read_member(child, local, members[local])
    return event


def _read_object(element: etree._Element, part: Shape) -> dict[str, Any]:
    members = part["properties"]
    found: dict[str, Any] = {}
    for child, local in _children(element):
        if local == "no_local_step":
            found["local_step"] = None
        else:
            found[local] = _read_member(child, local, members[local])
    if "local_step" in members:
        found.setdefault("status", None)
    return found


def _read_member(element: etree._Element, name: str, member: Shape) -> Any:
    if element.get(NIL, "").strip() in TRUE:
        return None
    full = resolved(member)
    kind, _ = kinds(full)
    if kind == "array":
        return [_read_member(child, ITEMS[name], full["items"]) for child, _ in _children(element)]
    return _read_object(element, full) if kind == "object" else READ[kind](_text(element))


READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "string": lambda text: text,
    "integer": int,
    "boolean": lambda text: text.strip() == "true",
}


def _text(element: etree._Element) -> str:
    """The whole text: a comment in the middle neither ends it nor belongs to it (`NOTES.md#r28`)."""
    return "".join(element.xpath("text()")) if len(element) else element.text or ""


def _children(element: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    for child in element:
        if isinstance(child.tag, str):
            yield child, etree.QName(child).localname


def _write_event(element: etree._Element, event: Mapping[str, Any]) -> None:
    name, part = PART_OF_TYPE[event["type"]]
    for member, about in load_schema(EVENT)["properties"].items():
        if member in event and member not in ("specversion", "type", "data"):
            _write_member(element, member, event[member], about)
    _write_object(_child(element, name), event["data"], shape(part))


def _write_object(element: etree._Element, value: Mapping[str, Any], part: Shape) -> None:
    has_steps = "local_step" in part["properties"]
    for name, member in part["properties"].items():
        if name not in value:
            continue
        if has_steps and name in ("status", "local_step") and value[name] is None:
            if name == "local_step":
                _child(element, "no_local_step")
        else:
            _write_member(element, name, value[name], member)


def _write_member(parent: etree._Element, name: str, value: Any, member: Shape) -> None:
    element, full = _child(parent, name), resolved(member)
    if value is None:
        element.set(NIL, "true")
    elif isinstance(value, list):
        for item in value:
            _write_member(element, ITEMS[name], item, full["items"])
    elif isinstance(value, Mapping):
        _write_object(element, value, full)
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)


def _child(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
