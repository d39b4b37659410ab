"""The messages' members, read from the two JSON Schemas: what the XSD is made of and what turns XML into JSON and back.

Pure. `contracts/intake/event.schema.json` has the event, `v1/messages.schema.json` the rest. Nothing here knows a
signature, an envelope or a port.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from contracts.check import EVENT, load_schema

MESSAGES: Final = "one_stop/v1/messages.schema.json"
EVENT_ID: Final = "urn:lienthong:intake:event:v1"
NAMESPACE: Final = "urn:vn:lienthong:one-stop:v1"

Shape = Mapping[str, Any]

KINDS: Final = {
    "dossier_recorded": ("vn.lienthong.dossier.recorded.v1", "recorded"),
    "dossier_progressed": ("vn.lienthong.dossier.progressed.v1", "progressed"),
    "payment_requested": ("vn.lienthong.payment.requested.v1", "payment_requested"),
    "payment_refund_requested": ("vn.lienthong.payment.refund_requested.v1", "payment_refund_requested"),
    "payment_paid_at_counter": ("vn.lienthong.payment.paid_at_counter.v1", "payment_paid_at_counter"),
    "signature_requested": ("vn.lienthong.signature.requested.v1", "signature_requested"),
}
"""The element that holds an event's data says its kind: `type` and the shape of `data` (`NOTES.md#r22`)."""

ITEMS: Final = {
    "submitted": "document",
    "documents": "document",
    "enclosures": "enclosure",
    "fees": "fee",
    "results": "result",
    "supplements": "supplement",
    "databases": "database",
    "files": "file",
    "events": "event",
    "timeline": "move",
    "errors": "error",
    "box": "edge",
}
"""What one element of each list is called (`NOTES.md#r24`)."""

OPERATIONS: Final[Mapping[str, tuple[tuple[str, str], tuple[str, str]]]] = {
    "RecordEvent": (("event", "event"), ("receipt", "receipt")),
    "RecordEvents": (("events", "events"), ("results", "batch_results")),
    "GetDossier": (("number", "number"), ("dossier", "dossier")),
    "ReceiveOutcome": (("outcome", "outcome"), ("acknowledgement", "acknowledgement")),
    "ReceiveDossier": (("dossier", "filed"), ("acknowledgement", "acknowledgement")),
    "ReceiveAmendment": (("amendment", "amendment"), ("acknowledgement", "acknowledgement")),
    "ReceivePaymentResult": (("payment_result", "payment_result"), ("acknowledgement", "acknowledgement")),
    "ReceiveSignatureResult": (("signature_result", "signature_result"), ("acknowledgement", "acknowledgement")),
}
"""Each operation's one part of the request and of the answer: the element's name, and its shape's."""

DOOR: Final = ("RecordEvent", "RecordEvents", "GetDossier")
THEIRS: Final = (
    *("ReceiveOutcome", "ReceiveDossier", "ReceiveAmendment"),
    *("ReceivePaymentResult", "ReceiveSignatureResult"),
)
CHOICE: Final = "x-one-of"
"""Under this name a shape lists the members of which exactly one is given (`NOTES.md#r57`)."""
MOST_EVENTS: Final = 500


@lru_cache(maxsize=64)
def shape(name: str) -> Shape:
    """The shape of this name: the event's parts and the messages' parts have no name in common."""
    own: Shape = load_schema(MESSAGES)["$defs"]
    if name in own:
        return own[name]  # type: ignore[no-any-return]
    parts: Shape = load_schema(EVENT)["$defs"]
    return parts[name]  # type: ignore[no-any-return]


def target(member: Shape) -> str:
    """The name of the shape that a member refers to, or nothing when it stands on its own."""
    reference = str(member.get("$ref", ""))
    return reference.rpartition("/$defs/")[2] if "/$defs/" in reference and "/properties/" not in reference else ""


def resolved(member: Shape) -> Shape:
    """A member with what it refers to filled in; null beside a shape is its type's second word."""
    while "$ref" in member or "oneOf" in member:
        if "oneOf" in member:
            inner = resolved(member["oneOf"][0])
            member = {**inner, "type": [inner["type"], "null"], "of": target(member["oneOf"][0])}
        else:
            found = _found(str(member["$ref"]))
            member = {**found, **{name: value for name, value in member.items() if name != "$ref"}}
    return member


def _found(reference: str) -> Shape:
    base, _, path = reference.partition("#/")
    first, name, *rest = path.split("/")
    found: Any = load_schema(EVENT)[first] if base == EVENT_ID or first == "properties" else {name: shape(name)}
    found = found[name]
    for step in rest:
        found = found[step]
    return found  # type: ignore[no-any-return]


def kinds(member: Shape) -> tuple[str, bool]:
    """A resolved member's one type, and whether it may be null."""
    listed = member["type"] if isinstance(member["type"], list) else [member["type"]]
    return listed[0], "null" in listed
