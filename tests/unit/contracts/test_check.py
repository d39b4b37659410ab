"""Where a payload breaks a schema: one breach a place, the most telling first."""

from __future__ import annotations

import unicodedata

import jsonschema_rs
import pytest
from hypothesis import given, settings

from contracts import check, field_table
from contracts.check import MAX_BREACHES, breaches, is_time, load_schema, pointer
from tests.unit.adapters.event_mutations import mutated


def test_pointers_are_escaped_and_bounded():
    """Pointers are RFC 6901; a stranger's long names are cut."""
    assert "/a~1b/~0/3" == pointer(["a/b", "~", 3])
    assert 201 == len(pointer(["x" * 1000]))


def test_one_breach_a_place():
    """A value of the wrong type is not also told that it is not in the list."""
    found = [each for each in breaches({"type": 1}) if each.field == "/type"]

    assert ["wrong_type"] == [each.rule for each in found]


def test_breaches_are_bounded_and_ordered():
    """At most fifty, the most telling first, however many there are."""
    found = breaches({f"x{at:03}": 1 for at in range(500)})

    assert MAX_BREACHES == len(found)
    assert {"unknown_field"} == {each.rule for each in found}


def test_facts_come_from_the_schema():
    """What a sentence needs to know is the schema's limit, never the value that was sent."""
    found = {each.field: each for each in breaches({"specversion": "2", "id": "x" * 200})}

    assert {"allowed": "1.0"} == found["/specversion"].facts
    assert {"limit": "128"} == found["/id"].facts


@pytest.mark.parametrize(
    ("text", "known"), [("2024-02-29T00:00:00Z", True), ("2023-02-29T00:00:00Z", False), ("2024-02-29", False)]
)
def test_is_time(text, known):
    """The calendar has this day, and the time its zone."""
    assert known == is_time(text)


def test_a_schema_is_loaded_once():
    """The same question reads no file again."""
    assert load_schema(check.EVENT) is load_schema(check.EVENT)


def test_the_page_names_every_member():
    """The table for people has a row for every member of every part."""
    text = field_table.page()

    for part in (load_schema(), *load_schema()["$defs"].values()):
        for name in part.get("properties", {}):
            assert f"| `{name}` |" in text


OTHER = jsonschema_rs.Draft202012Validator(
    load_schema(),
    validate_formats=True,
    formats={"nfc": lambda text: unicodedata.is_normalized("NFC", text), "date-time": is_time},
)


@settings(max_examples=150, deadline=None)
@given(mutated())
def test_another_validator_agrees(event):
    """The schema means the same to a validator of another make, with another engine for patterns.

    But for sums, what stands once in a list, and boxes: JSON Schema has no word for them, and `x-sum`, `x-unique` and
    `x-box` are ours.
    """
    ours = {"not_the_sum", "not_unique", "bad_box"}
    assert OTHER.is_valid(event) == all(each.reason in ours for each in breaches(event))
