"""Our promise as a table for people: every member with its type, limit, whether it is required, and what it feeds.

Run to write the page anew; a test keeps page and schema the same.

    python -m contracts.field_table > docs/reference/event-fields.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from contracts.check import EVENT, load_schema

HEAD: Final = """\
# The event's members

Generated from `contracts/intake/event.schema.json` by `python -m contracts.field_table`; do not edit. The rules behind
it are numbered in `contracts/intake/NOTES.md`. *Feeds* names the national portal's field that the member ends in
(`DongBoHoSoMC` for records, `CapNhatTienDoHoSoMC` for steps, `DongBoTrangThaiHoSo` for both where the
dossier was filed on the portal); a dash means that none takes it.

Required members must be sent; where the type says *or null*, null says that nothing is known. Optional members may be
left out. No other member is taken.
"""

PARTS: Final = ("recorded", "applicant", "identity", "document", "enclosure", "fee", "result", "supplement")
STEP_PARTS: Final = ("progressed", "officer")
PAYMENT_PARTS: Final = (
    "payment_requested",
    "payment_fee",
    "payer",
    "payment_refund_requested",
    "payment_paid_at_counter",
)

SIGNATURE_PARTS: Final = ("signature_requested", "signer", "signature_document", "visible_signature")


def page(schema: Mapping[str, Any] | None = None) -> str:
    """The whole page."""
    schema = schema or load_schema(EVENT)
    parts = [("The envelope (CloudEvents)", schema)]
    parts += [
        (f"`{name}`: {schema['$defs'][name]['title']}", schema["$defs"][name])
        for name in (*PARTS, *STEP_PARTS, *PAYMENT_PARTS, *SIGNATURE_PARTS)
    ]
    return HEAD + "".join(_section(title, part, schema) for title, part in parts)


def _section(title: str, part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    rows = [_row(name, member, name in part["required"], schema) for name, member in part["properties"].items()]
    head = "| member | tên gọi | type | limit | required | feeds |\n| --- | --- | --- | --- | --- | --- |\n"
    return f"\n## {title}\n\n{part['description']}\n\n{head}" + "".join(rows)


def _row(name: str, member: Mapping[str, Any], is_required: bool, schema: Mapping[str, Any]) -> str:
    resolved = {**_resolved(member, schema), **member}
    feeds = "<br>".join(f"`{field}`" for field in member.get("x-feeds", ())) or "–"
    cells = (
        f"`{name}`",
        member["title"],
        _type(resolved, member),
        "; ".join(_limits(resolved)) or "–",
        "yes" if is_required else "",
        feeds,
    )
    return "| " + " | ".join(cells) + " |\n"


def _resolved(member: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    target: Mapping[str, Any] = schema["$defs"][_target(member)] if "$ref" in member else {}
    return target


def _target(member: Mapping[str, Any]) -> str:
    return str(member["$ref"]).rpartition("/")[2]


def _type(resolved: Mapping[str, Any], member: Mapping[str, Any]) -> str:
    kinds = resolved["type"] if isinstance(resolved["type"], list) else [resolved["type"]]
    null = " or null" if "null" in kinds else ""
    if kinds[0] == "array":
        items = resolved["items"]
        return f"list of {f'`{_target(items)}`' if '$ref' in items else 'codes'}{null}"
    if kinds[0] == "object":
        return (f"`{_target(member)}`" if "$ref" in member else "object") + null
    if resolved.get("format") == "date-time":
        return f"time{null}"
    if resolved.get("format") == "nfc":
        return f"identifier{null}"
    return ("text" if kinds[0] == "string" else f"{kinds[0]}") + null


def _limits(member: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in member:
        yield ", ".join(f"`{value}`" for value in member["enum"] if value is not None)
    if "maxLength" in member:
        yield f"{member.get('minLength', 0)}–{member['maxLength']} characters"
    if "maximum" in member:
        yield f"{member['minimum']}–{member['maximum']}"
    if "maxItems" in member:
        yield f"at most {member['maxItems']}"
    if isinstance(member.get("items"), dict) and "maxLength" in member["items"]:
        yield f"each {member['items']['minLength']}–{member['items']['maxLength']} characters"
    if "pattern" in member and member.get("format") != "date-time":
        yield "its form: see the schema"


if __name__ == "__main__":
    sys.stdout.write(page())
