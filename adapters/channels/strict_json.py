"""The one strict JSON reader: what it returns, everybody reads the same way.

UTF-8 without a byte-order mark, no member twice, no NaN, whole numbers only and within ±2^53, at most 32 levels deep,
no half surrogates. Everything else is refused with a stable code and the place.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53
"""Past it, JavaScript and spreadsheets round silently."""

# Every quote starts a match that cannot fail, so that a hostile megabyte of quotes is still read once.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One place where the text is not strict JSON."""

    field: str
    """JSON pointer; empty for the whole."""
    code: str
    reason: str


class NotStrictJson(ValueError):
    """This is not strict JSON; `faults` says where and why. Send UTF-8, each member once, whole numbers."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.field or '/'}: {fault.reason}" for fault in faults))

    @property
    def code(self) -> str:
        """The first fault's code."""
        return self.faults[0].code


def read(raw: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Any:
    """The value, or NotStrictJson."""
    if len(raw) > max_bytes:
        raise _whole("too_large", "too_large")
    text = _text(raw)
    if _depth(raw, max_depth) > max_depth:
        raise _whole("too_deep", "too_deep")
    reader = _Reader()
    try:
        value = reader.decode(text)
    except (ValueError, RecursionError):
        raise _whole("malformed_json", "malformed_json") from None
    if reader.is_suspect or "\\u" in text:
        faults = _faults(value)
        if faults:
            raise NotStrictJson(*faults[:50])
    return value


def _whole(code: str, reason: str) -> NotStrictJson:
    return NotStrictJson(Fault(field="", code=code, reason=reason))


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _whole("not_utf8", "not_utf8") from None
    if text.startswith("\ufeff"):
        raise _whole("malformed_json", "byte_order_mark")
    return text


def _depth(raw: bytes, enough: int) -> int:
    """How deep the brackets go; stops counting past `enough`. Runs before the parser, which recurses."""
    if raw.count(b"{") + raw.count(b"[") <= enough:
        return 0
    depth = deepest = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", raw)):
        depth += 1 if bracket[0] in b"{[" else -1
        deepest = max(deepest, depth)
        if deepest > enough:
            break
    return deepest


class _Twice(dict[str, Any]):
    """An object with a member that came more than once."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _BadNumber:
    """Stands where a number was that we do not take, until its place is known."""

    code: str
    reason: str


class _Reader:
    """The standard library's parser, noting what it would let pass."""

    def __init__(self) -> None:
        self.is_suspect = False
        self.decode = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=lambda _: self._bad("wrong_type", "not_whole"),
            parse_constant=self._constant,
        ).decode

    def _bad(self, code: str, reason: str) -> _BadNumber:
        self.is_suspect = True
        return _BadNumber(code, reason)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        self.is_suspect = True
        twice = _Twice(value)
        seen: set[str] = set()
        twice.names = tuple({name: None for name, _ in pairs if name in seen or seen.add(name)})  # type: ignore[func-returns-value]
        return twice

    def _integer(self, digits: str) -> int | _BadNumber:
        if len(digits) > 17 or abs(value := int(digits)) > MAX_INTEGER:
            return self._bad("out_of_range", "too_large_number")
        return value

    def _constant(self, name: str) -> None:
        raise ValueError(name)


def _faults(value: Any, place: str = "") -> list[Fault]:
    if isinstance(value, _BadNumber):
        return [Fault(field=place, code=value.code, reason=value.reason)]
    if isinstance(value, str):
        return [] if _is_text(value) else [Fault(field=place, code="malformed_json", reason="half_surrogate")]
    if isinstance(value, list):
        return [fault for at, item in enumerate(value) for fault in _faults(item, f"{place}/{at}")]
    return _object_faults(value, place) if isinstance(value, dict) else []


def _object_faults(value: dict[str, Any], place: str) -> list[Fault]:
    names = value.names if isinstance(value, _Twice) else ()
    found = [Fault(field=_member(place, name), code="duplicate_member", reason="duplicate_member") for name in names]
    for name, item in value.items():
        if not _is_text(name):
            found.append(Fault(field=place, code="malformed_json", reason="half_surrogate"))
        else:
            found += _faults(item, _member(place, name))
    return found


def _member(place: str, name: str) -> str:
    name = name if _is_text(name) else "?"
    return f"{place}/{name[:200].replace('~', '~0').replace('/', '~1')}"


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
