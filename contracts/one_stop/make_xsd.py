"""The XSD, made of the two JSON Schemas, so that no limit is written down twice. Run to write it anew:

    python -m contracts.one_stop.make_xsd > contracts/one_stop/v1/one-stop.xsd

A test keeps the file and this page the same. What XSD 1.0 cannot say is in `NOTES.md#r30`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from contracts.check import EVENT, load_schema
from contracts.one_stop.shapes import (
    CHOICE,
    ITEMS,
    KINDS,
    MOST_EVENTS,
    NAMESPACE,
    OPERATIONS,
    Shape,
    kinds,
    resolved,
    shape,
    target,
)

HEAD: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!-- Made of contracts/intake/event.schema.json and v1/messages.schema.json by contracts/one_stop/make_xsd.py.
     Do not edit. The rules stand in contracts/one_stop/NOTES.md. -->
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:lt="{NAMESPACE}" targetNamespace="{NAMESPACE}"
           elementFormDefault="qualified" attributeFormDefault="unqualified" version="1.0">
"""

PARTS: Final = (
    "recorded",
    "progressed",
    "applicant",
    "identity",
    "document",
    "enclosure",
    "fee",
    "result",
    "supplement",
    "officer",
    "payment_requested",
    "payment_fee",
    "payer",
    "payment_refund_requested",
    "payment_paid_at_counter",
    "signature_requested",
    "signer",
    "signature_document",
    "visible_signature",
    "outcome",
    "file",
    "filed",
    "amendment",
    "payment_result",
    "payment_opened",
    "payment_settled",
    "payment_failed",
    "payment_expired",
    "payment_refunded",
    "signature_result",
    "signature_made",
    "signed_document",
    "signature_declined",
    "signature_expired",
    "acknowledgement",
    "receipt",
    "batch_result",
    "kept_event",
    "move",
    "dossier",
    "breach",
    "problem",
)

EVENT_SAYS: Final = "One event of a dossier, member for member that of contracts/intake/event.schema.json."

LEAP: Final = "(19|2[0-9])(0[48]|[2468][048]|[13579][26])|2[048]00"
DAY: Final = (
    "(19|2[0-9])[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|02-(0[1-9]|1[0-9]|2[0-8]))|({LEAP})-02-29"
)
HOUR: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
NOT_BLANK: Final = (
    r"[^\t\n\r &#x7F;-&#xA0;&#x1680;&#x2000;-&#x200F;&#x2028;-&#x202F;&#x205F;-&#x2064;&#x3000;&#xFEFF;]+"
)

PATTERNS: Final = {
    "^[A-Za-z0-9._:~-]+": ("EventId", (r"[A-Za-z0-9._:~\-]+",)),
    "^[A-Za-z0-9._/~-]+": ("Source", (r"[A-Za-z0-9._/~\-]+",)),
    "^[^\\u0000-\\u0020\\u007f-": ("Number", (NOT_BLANK,)),
    "^(?:19|2[0-9])": ("Time", (f"({DAY})T{HOUR}:[0-5][0-9](\\.[0-9]{{1,9}})?(Z|[+\\-]{HOUR})",)),
    "^[1-9][0-9]*": ("Sequence", ("[1-9][0-9]*",)),
    "^00-(?!0{32})": (
        "Traceparent",
        (
            "00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
            "00-[0-9a-f]*[1-9a-f][0-9a-f]*-[0-9a-f]*[1-9a-f][0-9a-f]*-[0-9a-f]{2}",
        ),
    ),
    "^[A-Za-z0-9._~-]+": ("OwnNumber", (r"[A-Za-z0-9._~\-]+",)),
    "^https://[A-Za-z0-9.-]+": ("HttpsUrl", (r"https://[A-Za-z0-9.\-]+(:[0-9]{1,5})?([/?#][!-~]*)?",)),
    "^https?://[A-Za-z0-9.-]+": ("FileUrl", (r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?([/?#][!-~]*)?",)),
    "^https?://": ("Url", (r"https?://[^\t\n\r &#x7F;]+",)),
    "^[0-9a-f]{64}": ("Digest", ("[0-9a-f]{64}",)),
    "^[a-z0-9_.-]+": ("Cause", (r"[a-z0-9_.\-]+",)),
    "^[a-z0-9_]+": ("Word", ("[a-z0-9_]+",)),
}
"""How each pattern's beginning in JSON Schema is said in XSD: under which name, and in which steps, all of which hold.
XSD's patterns are anchored, and look nowhere ahead."""


_FROM_THE_END: Final = "-1|[1-9][0-9]*"
"""A page: from 1, or the last (`NOTES.md#r25`)."""


class Maker:
    """Collects named simple types while the complex ones are written."""

    def __init__(self) -> None:
        self._simple: dict[str, str] = {}
        self._by_body: dict[str, str] = {}

    def page(self) -> str:
        """The whole schema."""
        elements = "".join(self._operation(name) for name in OPERATIONS)
        problem = '<xs:element name="problem" type="lt:Problem"/>\n'
        event = self._event()
        complex_types = "".join(self._complex(name) for name in PARTS)
        simple = "".join(self._simple[name] for name in sorted(self._simple))
        return _indented(HEAD, elements + problem + event + complex_types + simple) + "</xs:schema>\n"

    # Operations: one element in, one element out.

    def _operation(self, name: str) -> str:
        (asked, of), (answer, answer_of) = OPERATIONS[name]
        return self._wrapper(name, asked, of) + self._wrapper(f"{name}Response", answer, answer_of)

    def _wrapper(self, name: str, part: str, of: str) -> str:
        if of == "events":
            inner = _list_of("event", "lt:Event", MOST_EVENTS, at_least=1)
            body = f'<xs:element name="{part}">\n{inner}</xs:element>\n'
        elif of == "batch_results":
            inner = _list_of("result", "lt:BatchResult", MOST_EVENTS, at_least=1)
            body = f'<xs:element name="{part}">\n{inner}</xs:element>\n'
        elif of == "number":
            body = f'<xs:element name="{part}" type="lt:{self._simple_type("Envelope", part, _subject())}"/>\n'
        else:
            body = f'<xs:element name="{part}" type="lt:{_camel(of)}"/>\n'
        content = f"<xs:complexType>\n<xs:sequence>\n{body}</xs:sequence>\n</xs:complexType>\n"
        return f'<xs:element name="{name}">\n{content}</xs:element>\n'

    def _event(self) -> str:
        envelope = load_schema(EVENT)
        members = [name for name in envelope["properties"] if name not in ("specversion", "type", "data")]
        rows = "".join(
            self._member("Envelope", name, envelope["properties"][name], name in envelope["required"])
            for name in members
        )
        data = "".join(f'<xs:element name="{name}" type="lt:{_camel(part)}"/>\n' for name, (_, part) in KINDS.items())
        says = _documented({"title": envelope["title"], "description": EVENT_SAYS})
        return _complex_type("Event", says, f"{rows}<xs:choice>\n{data}</xs:choice>\n")

    # Shapes.

    def _complex(self, name: str) -> str:
        part = shape(name)
        one_of = part.get(CHOICE, ())
        rows = []
        for member, value in part["properties"].items():
            if member == "local_step" or member in one_of:
                continue
            if member == "status" and "local_step" in part["properties"]:
                rows.append(self._one_of_two(_camel(name), part))
            else:
                rows.append(self._member(_camel(name), member, value, member in part["required"]))
        rows += [self._one_of(_camel(name), part)] if one_of else []
        return _complex_type(_camel(name), _documented(part), "".join(rows))

    def _one_of(self, owner: str, part: Shape) -> str:
        """Exactly one of the members that the shape lists (`NOTES.md#r57`)."""
        rows = "".join(self._member(owner, name, part["properties"][name], is_required=True) for name in part[CHOICE])
        return f"<xs:choice>\n{rows}</xs:choice>\n"

    def _one_of_two(self, owner: str, part: Shape) -> str:
        """Exactly one of `status` and `local_step` (`NOTES.md#r23`)."""
        status = self._simple_type(owner, "status", resolved(part["properties"]["status"]))
        step = self._simple_type(owner, "local_step", resolved(part["properties"]["local_step"]))
        return (
            "<xs:choice>\n<xs:sequence>\n"
            f'<xs:element name="status" type="lt:{status}"/>\n'
            '<xs:element name="no_local_step" minOccurs="0">\n<xs:complexType/>\n</xs:element>\n'
            f'</xs:sequence>\n<xs:element name="local_step" type="lt:{step}"/>\n</xs:choice>\n'
        )

    def _member(self, owner: str, name: str, member: Shape, is_required: bool) -> str:
        full = resolved(member)
        kind, may_be_null = kinds(full)
        attributes = ("" if is_required else ' minOccurs="0"') + (' nillable="true"' if may_be_null else "")
        says = _documented(full)
        if kind == "array":
            return f'<xs:element name="{name}"{attributes}>\n{says}{self._list(owner, name, full)}</xs:element>\n'
        of = full.get("of") or target(member)
        own = _camel(of) if kind == "object" else self._simple_type(owner, name, full)
        return f'<xs:element name="{name}" type="lt:{own}"{attributes}>\n{says}</xs:element>\n'

    def _list(self, owner: str, name: str, full: Shape) -> str:
        items = full["items"]
        if of := target(items):
            return _list_of(ITEMS[name], f"lt:{_camel(of)}", full["maxItems"], at_least=full.get("minItems", 0))
        own = self._simple_type(owner, ITEMS[name], resolved(items))
        return _list_of(ITEMS[name], f"lt:{own}", full["maxItems"], at_least=full.get("minItems", 0))

    # Simple types: told apart by what they allow, not by who uses them.

    def _simple_type(self, owner: str, name: str, full: Shape) -> str:
        kind, _ = kinds(full)
        base, facets, wanted, steps = _facets(kind, full, f"{owner}{_camel(name)}")
        known = self._by_body.get(base + facets)
        if known:
            return known
        said = wanted if wanted not in self._simple else f"{owner}{_camel(name)}"
        self._by_body[base + facets] = said
        if steps:
            self._simple[f"{said}Form"] = _simple(f"{said}Form", base, facets)
            self._simple[said] = _simple(said, f"lt:{said}Form", "".join(_pattern(step) for step in steps))
        else:
            self._simple[said] = _simple(said, base, facets)
        return said


def _facets(kind: str, full: Shape, enumeration: str) -> tuple[str, str, str, tuple[str, ...]]:
    """Base, facets, the name that suits, and further patterns that must hold too."""
    if kind == "boolean":
        return "xs:boolean", _pattern("true|false"), "TrueOrFalse", ()
    if kind == "integer":
        if full["minimum"] < 0:
            return "xs:integer", _pattern(_FROM_THE_END) + _span(full), enumeration, ()
        return "xs:integer", _pattern("0|[1-9][0-9]*") + _span(full), f"Whole{full['minimum']}To{full['maximum']}", ()
    if "enum" in full:
        rows = (f"<xs:enumeration value={quoteattr(value)}/>\n" for value in full["enum"] if value is not None)
        return "xs:string", "".join(rows), enumeration, ()
    return _text(full)


def _span(full: Shape) -> str:
    return f'<xs:minInclusive value="{full["minimum"]}"/>\n<xs:maxInclusive value="{full["maximum"]}"/>\n'


def _text(full: Shape) -> tuple[str, str, str, tuple[str, ...]]:
    lengths = "".join(f'<xs:{facet} value="{full[facet]}"/>\n' for facet in ("minLength", "maxLength") if facet in full)
    if "pattern" in full:
        name, steps = next(row for begins, row in PATTERNS.items() if full["pattern"].startswith(begins))
        return "xs:string", lengths + _pattern(steps[0]), name, steps[1:]
    least = "NotEmpty" if full.get("minLength") else "Text"
    return "xs:string", lengths, f"{least}{full['maxLength']}", ()


def _simple(name: str, base: str, facets: str) -> str:
    body = f'<xs:restriction base="{base}">\n{facets}</xs:restriction>\n'
    return f'<xs:simpleType name="{name}">\n{body}</xs:simpleType>\n'


def _pattern(text: str) -> str:
    return f'<xs:pattern value="{text}"/>\n'


def _complex_type(name: str, says: str, rows: str) -> str:
    return f'<xs:complexType name="{name}">\n{says}<xs:sequence>\n{rows}</xs:sequence>\n</xs:complexType>\n'


def _list_of(item: str, of: str, most: int, *, at_least: int = 0) -> str:
    row = f'<xs:element name="{item}" type="{of}" minOccurs="{at_least}" maxOccurs="{most}"/>\n'
    return f"<xs:complexType>\n<xs:sequence>\n{row}</xs:sequence>\n</xs:complexType>\n"


def _documented(full: Shape) -> str:
    title, text = escape(full["title"]), escape(full["description"])
    return (
        "<xs:annotation>\n"
        f'<xs:documentation xml:lang="vi">{title}</xs:documentation>\n'
        f'<xs:documentation xml:lang="en">{text}</xs:documentation>\n'
        "</xs:annotation>\n"
    )


def _subject() -> Shape:
    return resolved(load_schema(EVENT)["properties"]["subject"])


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _indented(head: str, body: str) -> str:
    return head + "\n".join(_lines(body.splitlines())) + "\n"


def _lines(lines: Iterable[str]) -> Iterator[str]:
    depth = 1
    for line in lines:
        if line.startswith("</"):
            depth -= 1
        yield "  " * depth + line
        if not line.startswith("</") and not line.endswith("/>") and "</" not in line:
            depth += 1


if __name__ == "__main__":
    sys.stdout.write(Maker().page())
