"""Pure. An event's content as a form, made from the contract's own schema; and what was typed, back as content."""

from __future__ import annotations

import copy
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from adapters.channels import strict_json
from adapters.channels.strict_json import Fault
from adapters.doors.reading import MAX_EVENT_BYTES
from bus.privacy import PERSONAL, PUBLIC
from contracts.check import load_schema

LOCKED: Final = frozenset({"/origin"})
"""With another value it would be another event: its route would be another one."""
LONG: Final = 200
"""Characters from which on a text has an area of its own."""
Control = Literal["text", "area", "choice", "flag", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One member of the event's `data`."""

    place: str
    """JSON pointer within `data`."""
    label: str
    control: Control
    text: str
    """As it is shown; empty for null and for what is not there."""
    is_hidden: bool
    """Personal, and not revealed: kept as it is."""
    is_locked: bool
    is_required: bool
    choices: tuple[str, ...] = ()
    wrong: str = ""

    @property
    def name(self) -> str:
        """Of the form's field."""
        return f"at{self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectView:
    """The page."""

    delivery: int
    dossier: str
    kind: str
    cause: str
    reason_held: str
    partner: str
    fields: tuple[Field, ...]
    press: str
    opened: str
    """Proof that personal fields were opened here, with a reason; empty where they were not."""
    may_reveal: bool
    is_replacing: bool
    """A delivered record is replaced; else the old delivery ends."""
    wrong: str = ""
    """A sentence above the form."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NotJson(Exception):
    """What was typed into a list's field is no JSON that the door would take."""

    place: str
    faults: tuple[Fault, ...]


def fields_of(
    kind: str,
    data: Mapping[str, Any],
    *,
    is_opened: bool,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    language: str = "vi",
) -> tuple[Field, ...]:
    """The form. `typed` stands in place of what is kept; `wrong`: place → sentence.

    The contract names its members in Vietnamese; in English they are called by their own names.
    """
    members = _walk(_schema(kind), "", load_schema()["$defs"])
    typed, wrong = typed or {}, wrong or {}
    fields = (_field(place, schema, must, data, is_opened, typed, wrong) for place, schema, must in members)
    if language == "vi":
        return tuple(fields)
    return tuple(replace(field, label=field.place[1:].replace("/", " · ").replace("_", " ")) for field in fields)


def content_of(kind: str, data: Mapping[str, Any], typed: Mapping[str, str], *, is_opened: bool) -> dict[str, Any]:
    """The content with what was typed in it; what was not changed stays as it is, to the letter. Raises NotJson."""
    made: dict[str, Any] = copy.deepcopy(dict(data))
    for field in fields_of(kind, data, is_opened=is_opened):
        text = typed.get(field.name)
        if text is None or field.is_hidden or field.is_locked or _same(text, field.text):
            continue
        _put(made, field.place, _value(field, text))
    return made


def blamed(fields: tuple[Field, ...], pointer: str) -> str:
    """The field at which a breach is told: the nearest one; empty for the whole."""
    place = pointer.removeprefix("/data")
    fits = [field.place for field in fields if place == field.place or place.startswith(f"{field.place}/")]
    return max(fits, key=len, default="")


# -- the schema --------------------------------------------------------------------------------------------------------


def _schema(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = load_schema()["$defs"][kind.rpartition(".")[2]]
    return found


def _walk(
    schema: Mapping[str, Any], place: str, known: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    required = schema.get("required", ())
    for name, member in schema["properties"].items():
        whole = _resolved(member, known)
        here = f"{place}/{name}"
        if "object" in _types(whole):
            for inner, found, must in _walk(whole, here, known):
                yield inner, found | {"title": f"{whole['title']} · {found['title']}"}, must
        else:
            yield here, whole, name in required


def _resolved(member: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    found: Mapping[str, Any] = {}
    if "$ref" in member:
        found = known[member["$ref"].rpartition("/")[2]]
    return {**found, **member}


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    told = schema.get("type", ())
    return (told,) if isinstance(told, str) else tuple(told)


# -- one field ---------------------------------------------------------------------------------------------------------


def _field(
    place: str,
    schema: Mapping[str, Any],
    is_required: bool,
    data: Mapping[str, Any],
    is_opened: bool,
    typed: Mapping[str, str],
    wrong: Mapping[str, str],
) -> Field:
    text = _text(_get(data, place))
    is_hidden = not is_opened and _is_personal(place)
    field = Field(
        place=place,
        label=schema["title"],
        control=_control(schema, text),
        text="" if is_hidden else text,
        is_hidden=is_hidden,
        is_locked=place in LOCKED,
        is_required=is_required and "null" not in _types(schema),
        choices=tuple(one for one in schema.get("enum", ()) if one is not None),
        wrong=wrong.get(place, ""),
    )
    if field.name not in typed or field.is_hidden or field.is_locked:
        return field
    said = typed[field.name]
    return replace(field, text=said)


def _control(schema: Mapping[str, Any], text: str) -> Control:
    types = _types(schema)
    if "array" in types:
        return "json"
    if "enum" in schema:
        return "choice"
    if "boolean" in types:
        return "flag"
    return "area" if schema.get("maxLength", 0) > LONG and (len(text) > LONG // 3 or "\n" in text) else "text"


def _is_personal(place: str) -> bool:
    """Whether it tells, or may tell, about a person; of a list: whether any member of its rows does."""
    if place in PUBLIC or any(one == f"{place}/*" for one in PUBLIC):
        return False
    below = [one for one in (*PERSONAL, *PUBLIC) if one.startswith(f"{place}/*/")]
    return not below or any(one in PERSONAL for one in below)


def _get(data: Any, place: str) -> Any:
    for name in place.split("/")[1:]:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def _put(data: dict[str, Any], place: str, value: Any) -> None:
    *above, last = place.split("/")[1:]
    for name in above:
        if not isinstance(data.get(name), dict):
            data[name] = {}
        data = data[name]
    data[last] = value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return str(value)


def _same(one: str, other: str) -> bool:
    """Whether a browser that was given the one sends the other back: line ends and composition are its own."""
    return unicodedata.normalize("NFC", other.replace("\r\n", "\n").replace("\r", "\n")).strip() == one.strip()


def _value(field: Field, text: str) -> Any:
    """What was typed, as the contract has it; an emptied field is null, but where the contract wants a text."""
    if field.control == "json":
        try:
            # A form's text holds no half surrogate; one that did would be refused here, not in the encoder.
            raw = text.encode("utf-8", "surrogatepass")
            return strict_json.read(raw, max_bytes=MAX_EVENT_BYTES) if text.strip() else None
        except strict_json.NotStrictJson as trouble:
            raise NotJson(field.place, trouble.faults) from None
    if field.control == "flag":
        return {"true": True, "false": False}.get(text)
    if text.strip() == "" and not field.is_required:
        return None
    return text
