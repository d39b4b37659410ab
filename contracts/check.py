"""Load a schema once; say whether a payload keeps the promise, and where it does not.

`jsonschema` is loaded by the first question, not by importing this module: the worker never asks, and the door asks
only after its fast reader has refused a message.
"""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

EVENT: Final = "intake/event.schema.json"

RULES: Final = ("unknown_field", "missing_field", "wrong_type", "enum", "out_of_range", "not_nfc")
"""Rules that a parsed message can break, the most telling first: the first one names the problem."""

# A hostile megabyte breaks a rule in every second byte; nobody reads past the first screen of it.
MAX_BREACHES: Final = 50
# Our longest list takes 200: the 201st item proves the breach, and the rest would only cost time.
MAX_ITEMS: Final = 201


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One place where a payload breaks the promise."""

    field: str
    """JSON pointer."""
    rule: str
    reason: str
    """A finer code than the rule, for the sentence: `too_long`, `no_zone`, `one_of_two` …"""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the sentence needs to know, from the schema only: never a value that was sent."""


@lru_cache(maxsize=16)
def load_schema(name: str = EVENT) -> dict[str, Any]:
    """The schema at this path inside `contracts/`."""
    loaded: dict[str, Any] = json.loads(files("contracts").joinpath(name).read_text(encoding="utf-8"))
    return loaded


def breaches(payload: object, schema: str = EVENT) -> tuple[Breach, ...]:
    """Where this payload breaks the schema; empty when it keeps it. One breach a place, the most telling first."""
    found: dict[str, Breach] = {}
    errors = _validator(schema).iter_errors(_bounded(payload))
    for breach in (each for error in islice(errors, 20 * MAX_BREACHES) for each in _explain(error)):
        known = found.get(breach.field)
        if known is None or RULES.index(breach.rule) < RULES.index(known.rule):
            found[breach.field] = breach
    ordered = sorted(found.values(), key=lambda breach: (RULES.index(breach.rule), breach.field))
    return tuple(ordered[:MAX_BREACHES])


def pointer(path: Iterator[str | int] | tuple[str | int, ...] | list[str | int]) -> str:
    """RFC 6901. Very long names are cut: they come from a stranger and go to logs and screens."""
    return "".join("/" + str(step)[:200].replace("~", "~0").replace("/", "~1") for step in path)


def is_time(text: str) -> bool:
    """Whether the calendar knows this day; the schema's pattern has looked at the form."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


@lru_cache(maxsize=16)
def _validator(schema: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.validators import extend

    checker = FormatChecker(formats=())
    checker.checks("date-time")(lambda value: not isinstance(value, str) or is_time(value))
    checker.checks("nfc")(lambda value: not isinstance(value, str) or unicodedata.is_normalized("NFC", value))
    ours = {"x-sum": _sums, "x-unique": _once_each, "x-box": _has_corners}
    with_ours = extend(Draft202012Validator, ours)  # type: ignore[no-untyped-call]
    made: Draft202012Validator = with_ours(load_schema(schema), format_checker=checker)
    return made


def is_sum(total: object, items: object) -> bool:
    """Whether a total is its items' amounts together; what is no number, or no list, is told as that."""
    if type(total) is not int or not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return True
    amounts = [item.get("amount") for item in items]
    return not all(type(amount) is int for amount in amounts) or total == sum(amounts)


def _sums(_: Any, rule: Mapping[str, str], instance: Any, __: Any) -> Iterator[Any]:
    """The keyword `x-sum`: a member of this object is the sum of the amounts in one of its lists."""
    from jsonschema import ValidationError

    if isinstance(instance, dict) and not is_sum(instance.get(rule["total"]), instance.get(rule["of"])):
        yield ValidationError("not the sum")


def _once_each(_: Any, rule: Mapping[str, str], instance: Any, __: Any) -> Iterator[Any]:
    """The keyword `x-unique`: no two objects in one of this object's lists say the same in one member."""
    from jsonschema import ValidationError

    items = instance.get(rule["list"]) if isinstance(instance, dict) else None
    seen: set[str] = set()
    for at, item in enumerate(items if isinstance(items, list) else ()):
        name = item.get(rule["by"]) if isinstance(item, dict) else None
        if isinstance(name, str) and name in seen:
            yield ValidationError("not the first", path=(rule["list"], at, rule["by"]))
        seen.add(name if isinstance(name, str) else "")


def _has_corners(_: Any, __: bool, instance: Any, ___: Any) -> Iterator[Any]:
    """The keyword `x-box`: left is less than right, and bottom less than top."""
    from jsonschema import ValidationError

    is_box = isinstance(instance, list) and len(instance) == 4 and all(type(edge) is int for edge in instance)
    if is_box and not (instance[0] < instance[2] and instance[1] < instance[3]):
        yield ValidationError("no box")


def _bounded(payload: object) -> object:
    if isinstance(payload, dict):
        return {name: _bounded(value) for name, value in payload.items()}
    if isinstance(payload, list):
        return [_bounded(value) for value in payload[:MAX_ITEMS]]
    return payload


def _explain(error: Any) -> Iterator[Breach]:
    """`error` is a jsonschema.ValidationError, whose members are typed too loosely to be of use."""
    where = list(error.absolute_path)
    if "x-reason" in error.schema:
        yield from _one_of_two(error, where)
    elif error.validator in _OWN:
        yield Breach(field=pointer(where), rule="out_of_range", reason=_OWN[error.validator])
    elif error.validator == "additionalProperties":
        extra = [name for name in error.instance if name not in error.schema["properties"]]
        for name in sorted(extra)[:MAX_BREACHES]:
            yield Breach(field=pointer([*where, name]), rule="unknown_field", reason="unknown_field")
    elif error.validator == "x-sum":
        rule = error.validator_value
        yield Breach(
            field=pointer([*where, rule["total"]]), rule="out_of_range", reason="not_the_sum", facts={"of": rule["of"]}
        )
    elif error.validator == "required":
        for name in _missing(error):
            yield Breach(field=pointer([*where, name]), rule="missing_field", reason="missing_field")
    else:
        yield _judge(error, pointer(where))


def _missing(error: Any) -> list[str]:
    return [name for name in error.validator_value if name not in error.instance]


def _one_of_two(error: Any, where: list[str | int]) -> Iterator[Breach]:
    """None of the two given is a missing member, both given is one too many; another type is told elsewhere."""
    reason = error.schema["x-reason"]
    if error.validator == "required":
        yield Breach(field=pointer([*where, *_missing(error)]), rule="missing_field", reason=reason)
    elif error.instance is None:
        yield Breach(field=pointer(where), rule="missing_field", reason=reason)
    elif isinstance(error.instance, str):
        yield Breach(field=pointer(where), rule="out_of_range", reason=reason)


_OWN: Final = {"x-unique": "not_unique", "x-box": "bad_box"}
"""Keywords that are ours, each with its reason; `x-sum` names what its sum is of besides."""
_LIMITS: Final = {
    "maxLength": "too_long",
    "minLength": "too_short",
    "maximum": "too_large",
    "minimum": "too_small",
    "maxItems": "too_many",
    "minItems": "too_few",
}


def _judge(error: Any, where: str) -> Breach:
    rule = str(error.validator)
    if rule == "type":
        kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        return Breach(field=where, rule="wrong_type", reason="wrong_type", facts={"expected": " | ".join(kinds)})
    if rule in {"enum", "const"}:
        return Breach(field=where, rule="enum", reason="enum", facts={"allowed": _listed(error)})
    if rule in _LIMITS:
        facts = {"limit": str(error.validator_value)}
        return Breach(field=where, rule="out_of_range", reason=_LIMITS[rule], facts=facts)
    if rule == "format" and error.validator_value == "nfc":
        return Breach(field=where, rule="not_nfc", reason="not_nfc")
    return Breach(field=where, rule="out_of_range", reason=_form(error))


_LOOKS_LIKE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def _form(error: Any) -> str:
    """Why a text does not have its form: times say whether the zone is missing or the day impossible."""
    if error.schema.get("format") != "date-time":
        return "bad_form"
    seen = _LOOKS_LIKE_TIME.fullmatch(error.instance)
    if seen is None:
        return "bad_time"
    return "impossible_date" if seen[2] else "no_zone"


def _listed(error: Any) -> str:
    values = error.validator_value if error.validator == "enum" else [error.validator_value]
    return ", ".join(json.dumps(value, ensure_ascii=False).strip('"') for value in values)
