"""Pure. A callback's JSON body as flat fields, or what is wrong with it; the same strictness for every gateway."""

from __future__ import annotations

from typing import Any, Final

from adapters.channels.strict_json import NotStrictJson, read
from adapters.partners.gateways.calls import RawCall, Wrong

MOST_DEPTH: Final = 8
"""The deepest that was seen has two levels."""
_RULES: Final = {"too_deep": "too_deep", "duplicate_member": "duplicate_member", "not_utf8": "not_utf8"}


def fields_of(call: RawCall, *, most_bytes: int) -> dict[str, Any] | Wrong:
    """The object's members, texts untouched: a checksum is made over what was sent, not over what it means."""
    try:
        told = read(call.body, max_bytes=most_bytes, max_depth=MOST_DEPTH)
    except NotStrictJson as trouble:
        code = trouble.code
        return Wrong(code=code, rule=_RULES.get(code, code), field=trouble.faults[0].field)
    if not isinstance(told, dict):
        return Wrong(code="wrong_type", rule="not_an_object")
    return told


def text_of(fields: dict[str, Any], name: str) -> str | Wrong:
    """A member that must be a text, or a whole number as its digits."""
    if name not in fields or fields[name] is None:
        return Wrong(code="missing_field", rule="missing_field", field=name)
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return Wrong(code="wrong_type", rule="wrong_type", field=name)
    return str(value)
