"""The mock's own reading of JSON: strict about repeated members, and exact about canonical form.

It shares nothing with the reader of our doors or of our adapter: two that agree are the point.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

import msgspec

COLON_APART: Final = re.compile(rb'"\s+:')
LARGEST_EXACT: Final = 2**53 - 1
"""A whole number beyond it has no one form in RFC 8785."""

DEEPEST: Final = 32
"""No message of the contract is half as deep."""

_canonical: Final = msgspec.json.Encoder(order="sorted")
_decode: Final = msgspec.json.Decoder().decode


class NotReadable(ValueError):
    """This body is not JSON as the contract means it; the message says why."""


def read_json(body: bytes) -> Any:
    """The value in a body, or `NotReadable`: not JSON, not UTF-8, too deep, or a member twice (`NOTES.md#r12`)."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as trouble:
        raise NotReadable(str(trouble)) from None
    # Each member leaves one `":` in the bytes, texts may leave more: only when they differ is the slow look needed.
    if body.count(b'":') + len(COLON_APART.findall(body)) != _members(value):
        json.loads(body, object_pairs_hook=_once)
    return value


def _members(value: Any) -> int:
    """How many members all objects of a value have; counted level by level, so that depth is seen too."""
    count, depth, level = 0, 0, [value]
    while level:
        depth += 1
        if depth > DEEPEST:
            raise NotReadable(f"nested deeper than {DEEPEST}")
        below: list[Any] = []
        for part in level:
            if type(part) is dict:
                count += len(part)
                below += [inner for inner in part.values() if type(inner) in (dict, list)]
            elif type(part) is list:
                below += part
        level = below
    return count


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotReadable("a member stands twice in one object")
    return members


def canonical(record: dict[str, Any]) -> bytes:
    """The RFC 8785 form of a checked record: ASCII member names, whole numbers."""
    return _canonical.encode(record)


def digest(body: bytes) -> str:
    """SHA-256, lower-case hex."""
    return hashlib.sha256(body).hexdigest()


def is_exact(value: Any) -> bool:
    """Whether a value of no known field has one canonical form here: ASCII names, whole numbers of 53 bits."""
    if isinstance(value, dict):
        return all(name.isascii() and is_exact(part) for name, part in value.items())
    if isinstance(value, list):
        return all(is_exact(part) for part in value)
    if isinstance(value, float):
        return False
    return not isinstance(value, int) or abs(value) <= LARGEST_EXACT
