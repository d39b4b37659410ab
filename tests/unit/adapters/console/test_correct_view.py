"""The correction's form: made of the contract, and what was not touched comes back to the letter."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.doors.console.correct_view import NotJson, blamed, content_of, fields_of
from contracts.check import load_schema
from tests.builders import PROGRESSED, RECORDED, make_event, make_step

RECORD: dict[str, Any] = dict(make_event().data)
STEP: dict[str, Any] = dict(make_step().data)


def typed(kind: str, data: dict[str, Any], *, is_opened: bool = True) -> dict[str, str]:
    """What comes back of an untouched form: a browser's line ends, which the frame makes one character each."""
    fields = fields_of(kind, data, is_opened=is_opened)
    return {field.name: field.text.replace("\r\n", "\n") for field in fields if not field.is_hidden}


@pytest.mark.parametrize("is_opened", [True, False])
@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (RECORDED, RECORD),
        (PROGRESSED, STEP),
        (RECORDED, RECORD | {"note": "  một\r\nhai  ", "applicant": RECORD["applicant"] | {"identity": None}}),
        (RECORDED, {name: value for name, value in RECORD.items() if name not in ("note", "fees")}),
    ],
)
def test_untouched_form_is_the_same_content(kind: str, data: dict[str, Any], is_opened: bool) -> None:
    """Nothing is trimmed, filled in, or brought to another form where nobody changed it."""
    assert data == content_of(kind, data, typed(kind, data, is_opened=is_opened), is_opened=is_opened)
    assert data == content_of(kind, data, {}, is_opened=is_opened)


def test_every_member_of_the_contract_has_its_field() -> None:
    """No member is forgotten; each has the contract's own title, in English its own name."""
    fields = fields_of(RECORDED, RECORD, is_opened=True)
    top = {field.place.split("/")[1] for field in fields}

    assert set(load_schema()["$defs"]["recorded"]["properties"]) == top
    assert "Mã đơn vị xử lý" in {field.label for field in fields}
    assert "Chủ hồ sơ · Giấy tờ định danh · Số định danh" in {field.label for field in fields}
    english = {field.label for field in fields_of(RECORDED, RECORD, is_opened=True, language="en")}
    assert {"unit", "applicant · identity · number"} <= english


def test_personal_members_are_hidden_and_kept() -> None:
    """Whatever tells about a person, and every list in which something does, is not shown and cannot be overwritten."""
    fields = {field.place: field for field in fields_of(RECORDED, RECORD, is_opened=False)}
    hidden = {place for place, field in fields.items() if field.is_hidden}
    said = {fields[place].name: "x" for place in hidden}

    assert {"/applicant/name", "/applicant/identity/number", "/summary", "/submitted", "/supplements"} <= hidden
    assert not hidden & {"/unit", "/status", "/fees", "/due_at", "/applicant/kind", "/databases"}
    assert {""} == {fields[place].text for place in hidden}
    assert RECORD == content_of(RECORDED, RECORD, said, is_opened=False)


def test_what_was_typed_becomes_content() -> None:
    """Texts, choices, flags and lists; an emptied field is null where the contract has a null, and else empty."""
    said = {
        "at/unit": "000.00.10.H99",
        "at/status": "processing",
        "at/applicant/verified_by_vneid": "false",
        "at/applicant/phone": "",
        "at/note": "",
        "at/applicant/name": "",
        "at/fees": "[]",
        "at/results": "",
        "at/summary": "một\ndòng",
        "at/origin": "portal",
        "at/nothing": "x",
    }
    made = content_of(RECORDED, RECORD | {"note": "x"}, said, is_opened=True)

    assert (
        RECORD
        | {
            "unit": "000.00.10.H99",
            "status": "processing",
            "applicant": RECORD["applicant"] | {"verified_by_vneid": False, "phone": None, "name": ""},
            "note": "",
            "fees": [],
            "results": None,
            "summary": "một\ndòng",
        }
        == made
    )


def test_member_of_what_was_not_there() -> None:
    """A member of an object that is null, or missing, makes the object."""
    bare = RECORD | {"applicant": RECORD["applicant"] | {"identity": None}}
    made = content_of(RECORDED, bare, {"at/applicant/identity/number": "099000000002"}, is_opened=True)

    assert {"number": "099000000002"} == made["applicant"]["identity"]
    assert None is bare["applicant"]["identity"]


@pytest.mark.parametrize("text", ["[", "{", "[" * 5000])
def test_list_that_is_no_json(text: str) -> None:
    """A list's field that cannot be read names its place."""
    with pytest.raises(NotJson) as trouble:
        content_of(RECORDED, RECORD, {"at/fees": text}, is_opened=True)

    assert "/fees" == trouble.value.place


def test_typed_and_wrong_stand_at_their_fields() -> None:
    """A form that comes back has what was typed and what is wrong with it; what is hidden or locked stays so."""
    said = {"at/due_at": "soon", "at/origin": "portal", "at/summary": "gõ dở"}
    fields = {
        field.place: field
        for field in fields_of(RECORDED, RECORD, is_opened=False, typed=said, wrong={"/due_at": "no time"})
    }

    assert ("soon", "no time") == (fields["/due_at"].text, fields["/due_at"].wrong)
    assert ("one_stop", True) == (fields["/origin"].text, fields["/origin"].is_locked)
    assert ("", True) == (fields["/summary"].text, fields["/summary"].is_hidden)


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("/data/due_at", "/due_at"),
        ("/data/fees/0/code", "/fees"),
        ("/data/applicant/identity/number", "/applicant/identity/number"),
        ("/data/unit_name", "/unit_name"),
        ("/data/applicant", ""),
        ("/time", ""),
        ("", ""),
    ],
)
def test_breach_is_told_at_the_nearest_field(pointer: str, place: str) -> None:
    """At the very member, at the list it stands in, or above the form."""
    assert place == blamed(fields_of(RECORDED, RECORD, is_opened=True), pointer)
