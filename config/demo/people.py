"""People and offices' words for the demo. Every person is invented and can be seen to be: each bears a marker name,
identity numbers begin with 099, phones with 0900000, addresses for mail end in `example.invalid`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, Final

MAX_OFFICER: Final = 50
"""The national portal takes no longer officer's name (`contracts/national_portal/NOTES.md`)."""

TEXTS: Final = frozenset(
    {
        "name",
        "address",
        "summary",
        "note",
        "content",
        "position",
        "department",
        "requested_by",
        "received_note",
        "return_note",
    }
)
"""Members of an event's data that are text for people, and so may come in either Unicode form."""


@cache
def words() -> Mapping[str, Any]:
    """The word lists, read once."""
    loaded: dict[str, Any] = json.loads((files(__package__) / "words.json").read_text(encoding="utf-8"))
    return loaded


def person(rng: Random) -> str:
    """A name that no real person bears: family, perhaps a middle name, and a marker."""
    lists = words()
    if rng.random() < 0.03:
        return str(rng.choice(lists["edge_case_names"]))
    family = rng.choices(lists["family_names"], lists["family_name_weights"])[0]
    middle = rng.choice(lists[rng.choice(("middle_names_male", "middle_names_female"))])
    given = rng.choice(lists[rng.choice(("given_names_male", "given_names_female"))])
    marker = rng.choice(lists["marker_given_names"])
    return f"{family} {middle} {given} {marker}" if rng.random() < 0.5 else f"{family} {middle} {marker}"


def applicant(rng: Random, commune: str) -> dict[str, Any]:
    """The owner of a dossier, as events carry it."""
    is_citizen = rng.random() < 0.86
    known = rng.random() < 0.94
    return {
        "kind": "citizen" if is_citizen else rng.choice(("enterprise", "organisation")),
        "name": person(rng) if is_citizen else rng.choice(words()["organisation_names"]),
        "identity": _identity(rng, is_citizen) if known else None,
        "phone": f"0900000{rng.randrange(1_000):03d}" if rng.random() < 0.95 else None,
        "email": f"cong.dan.{rng.randrange(10_000):04d}@example.invalid" if rng.random() < 0.4 else None,
        "address": address(rng, commune),
        "verified_by_vneid": is_citizen and rng.random() < 0.8,
    }


def officer(rng: Random, department: str) -> dict[str, Any]:
    """An invented officer of a department, with a name that the portal can take."""
    name = person(rng)
    if len(name) > MAX_OFFICER or rng.random() < 0.1:
        name = rng.choice(words()["generic_officers"])
    return {"name": name, "position": rng.choice(words()["positions"]), "department": department}


def address(rng: Random, commune: str) -> str:
    """Somewhere in an invented commune."""
    lists = words()
    pattern: str = rng.choice(lists["address_patterns"])
    return pattern.format(
        number=rng.randrange(1, 300),
        sheet=rng.randrange(1, 90),
        street_kind=rng.choice(lists["street_kinds"]),
        street_word=rng.choice(lists["street_words"]),
        hamlet_kind=rng.choice(lists["hamlet_kinds"]),
        hamlet_word=rng.choice(lists["hamlet_words"]),
        commune=commune,
        province=lists["province"]["name"],
    )


def phrase(rng: Random, group: str, key: str) -> str:
    """One of the phrases of a group, for a key or for `any`."""
    table = words()[group]
    return str(rng.choice(table.get(key) or table["any"]))


def in_nfd(value: Any, name: str | None = None) -> Any:
    """The same data as a machine that decomposes letters would send it: texts in NFD, identifiers untouched."""
    if isinstance(value, dict):
        return {member: in_nfd(inner, member) for member, inner in value.items()}
    if isinstance(value, list):
        return [in_nfd(inner, name) for inner in value]
    return unicodedata.normalize("NFD", value) if isinstance(value, str) and name in TEXTS else value


def _identity(rng: Random, is_citizen: bool) -> dict[str, str]:
    if not is_citizen:
        return {"kind": "tax_code", "number": f"099{rng.randrange(10_000_000):07d}"}
    if rng.random() < 0.03:
        return {"kind": "cmnd", "number": f"099{rng.randrange(1_000_000):06d}"}
    return {"kind": "cccd", "number": f"099{rng.randrange(1_000_000_000):09d}"}
