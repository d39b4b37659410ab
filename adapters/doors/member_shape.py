"""Pure. Members of an event by JSON pointer, as `event_shape` knows them: what they are, and how a tree is filled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from msgspec import inspect

from adapters.doors import event_shape
from adapters.doors.cells import Reads
from adapters.doors.reading import IDENTIFIERS

KINDS: Final[Mapping[str, type[event_shape.Shape]]] = {
    "dossier.recorded": event_shape.RecordedEvent,
    "dossier.progressed": event_shape.ProgressedEvent,
    "payment.requested": event_shape.PaymentRequestedEvent,
    "payment.refund_requested": event_shape.PaymentRefundRequestedEvent,
    "payment.paid_at_counter": event_shape.PaymentPaidAtCounterEvent,
    "signature.requested": event_shape.SignatureRequestedEvent,
}

_LONGEST_TIME: Final = 35


@lru_cache(maxsize=len(KINDS))
def shape_of(kind: str) -> inspect.StructType:
    """The whole event of this kind."""
    told = inspect.type_info(KINDS[kind])
    assert isinstance(told, inspect.StructType)
    return told


def reads(kind: str, pointer: str) -> Reads | None:
    """What a cell for this member must be; None when the kind has no such member, or it is none that a cell fills."""
    place = _found(kind, pointer)
    return None if place is None else _reads(place, pointer)


def is_member(kind: str, pointer: str) -> bool:
    """Whether the kind has such a member."""
    return _found(kind, pointer) is not None


def _found(kind: str, pointer: str) -> inspect.Type | None:
    place: inspect.Type = shape_of(kind)
    for part in _parts(pointer):
        inner = _inner(place, part)
        if inner is None:
            return None
        place = inner[0]
    return place


def _reads(place: inspect.Type, pointer: str) -> Reads | None:
    name = next(part for part in reversed(_parts(pointer)) if not part.isdigit())
    match place:
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return "integer"
        case inspect.StrType(max_length=length) if length == _LONGEST_TIME:
            return "time"
        case inspect.StrType():
            return "phone" if name in ("phone", "fax") else "identifier" if name in IDENTIFIERS else "text"
        case inspect.LiteralType():
            return "text"
        case _:
            return None


def group_of(kind: str, pointer: str) -> str:
    """The shortest part of a pointer that need not be there at all: an identity, one fee. Empty when there is none."""
    place: inspect.Type = shape_of(kind)
    parts = _parts(pointer)
    for at, part in enumerate(parts[:-1], 1):
        inner = _inner(place, part)
        if inner is None:
            return ""
        place, is_free = inner
        if is_free and not isinstance(place, inspect.ListType):
            return "/" + "/".join(parts[:at])
    return ""


def bare(shape: inspect.StructType) -> dict[str, Any]:
    """An object with nothing said: what may be null is null, lists are empty, and what must be said is missing."""
    made: dict[str, Any] = {}
    for field in shape.fields:
        if not field.required:
            continue
        match field.type:
            case inspect.UnionType():
                made[field.encode_name] = None
            case inspect.ListType():
                made[field.encode_name] = []
            case inspect.StructType() as inner:
                made[field.encode_name] = bare(inner)
            case inspect.LiteralType(values=(only,)):
                made[field.encode_name] = only
            case _:
                pass
    return made


def put(tree: dict[str, Any], kind: str, pointer: str, value: Any) -> None:
    """Set one member; objects and list items on the way come into being. Lists are kept by number until `listed`."""
    *way, last = _parts(pointer)
    place: Any = tree
    shape: inspect.Type = shape_of(kind)
    for part in way:
        inner = _inner(shape, part)
        assert inner is not None
        shape = inner[0]
        key: str | int = int(part) if part.isdigit() else part
        if not place.get(key):
            place[key] = bare(shape) if isinstance(shape, inspect.StructType) else {}
        place = place[key]
    place[int(last) if last.isdigit() else last] = value


def listed(value: Any) -> Any:
    """The tree with its lists as lists."""
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, int) for key in value):
        return [listed(value[key]) for key in sorted(value)]
    return {key: listed(item) for key, item in value.items()}


def _inner(place: inspect.Type, part: str) -> tuple[inspect.Type, bool] | None:
    """What stands under this part of a pointer, and whether it may be left out."""
    if isinstance(place, inspect.ListType):
        return (_open(place.item_type), True) if part.isdigit() and len(part) <= 3 else None
    if isinstance(place, inspect.StructType):
        for field in place.fields:
            if field.encode_name == part:
                return _open(field.type), not field.required or isinstance(field.type, inspect.UnionType)
    return None


def _open(told: inspect.Type) -> inspect.Type:
    if isinstance(told, inspect.UnionType):
        return next(each for each in told.types if not isinstance(each, inspect.NoneType))
    return told


def _parts(pointer: str) -> list[str]:
    return pointer.removeprefix("/").split("/")
