"""The correction's page: what of an event may be changed, by whom, and what of a person it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from bus.audit import Act
from tests.builders import NOON, SOURCE, make_event, make_step
from tests.console_door import Bench
from tests.repair_kit import MINUTE, Fates, number_of
from tests.repair_pages import REASON, fields, refused, repair_bench, words


@pytest.fixture
def fates() -> Fates:
    return Fates()


@pytest.fixture
def here(tmp_path: Path, fates: Fates) -> Iterator[Bench]:
    """A signed-in operator; beside her a supervisor, and one who is limited to a unit."""
    with repair_bench(tmp_path, fates) as made:
        yield made


def correct_form(page: str) -> dict[str, str]:
    """The form as a browser would send it: what it shows in its fields."""
    form = page.split('class="repair"', 1)[1].split("</form>", 1)[0]
    found = fields(page, 'class="repair"')
    found |= {
        name: unescape(value)
        for name, value in re.findall(r'<input id="[^"]+" name="([^"]+)"[^>]* value="([^"]*)"', form)
    }
    found |= {
        name: unescape(text)
        for name, text in re.findall(r'(?s)<textarea id="[^"]+" name="([^"]+)"[^>]*>\n(.*?)</textarea>', form)
    }
    for name, options in re.findall(r'(?s)<select id="[^"]+" name="([^"]+)"[^>]*>(.*?)</select>', form):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found | {"reason": REASON}


def test_correct_and_resubmit(here: Bench, fates: Fates) -> None:
    """A field is corrected; what was not touched or not shown stays to the letter; a double press makes one event."""
    (number,) = refused(here, fates)
    page = here.get(f"/deliveries/{number}/correct").text
    form = correct_form(page) | {"at/unit": "000.00.10.H99"}
    first, second = (here.post(f"/deliveries/{number}/correct", form) for _ in range(2))
    told = here.world.reads.event_content("lienthong", f"correction-{number}")
    original = here.world.reads.event_content(SOURCE, "r0")

    assert [303, 303] == [first.status_code, second.status_code]
    assert first.headers["location"].partition("?")[0] == second.headers["location"].partition("?")[0]
    assert dict(original.data) | {"unit": "000.00.10.H99"} == dict(told.data)
    assert "Nguyễn Thị Ví Dụ" not in page
    assert "Mã đơn vị xử lý" in words(page)
    here.world.settle_down()
    assert {"superseded", "delivered"} == {
        row["state"] for row in here.world.reads.deliveries(limit=10) if row["dossier"] == "H99.09-260703-0000"
    }


def test_nothing_is_corrected_without_a_change(here: Bench, fates: Fates) -> None:
    """The untouched form is the event itself: it is said that nothing was changed."""
    (number,) = refused(here, fates)
    here.sign_in("an")
    opened = open_form(here, number)
    answer = here.post(f"/deliveries/{number}/correct", correct_form(opened))

    assert (409, "refused") == (answer.status_code, here.world.reads.delivery(number)["state"])
    assert "Chưa có gì được sửa" in words(answer.text)


def open_form(made: Bench, number: int) -> str:
    """The form with its personal fields."""
    page = made.get(f"/deliveries/{number}/correct").text
    reveal = fields(page, 'id="reveal-title"')
    return str(made.post(f"/deliveries/{number}/correct/reveal", reveal).text)


def test_personal_fields_are_opened_for_a_reason(here: Bench, fates: Fates) -> None:
    """With the right and a reason they are shown and can be corrected; it is recorded that they were."""
    (number,) = refused(here, fates)
    page = open_form(here, number)
    answer = here.post(f"/deliveries/{number}/correct", correct_form(page) | {"at/applicant/name": "Nguyễn Thị Mẫu"})

    assert "Nguyễn Thị Ví Dụ" in page
    assert 303 == answer.status_code
    told = here.world.reads.event_content("lienthong", f"correction-{number}")
    assert "Nguyễn Thị Mẫu" == told.data["applicant"]["name"]
    assert [REASON] == [entry.reason for entry in here.console.audit.find(act=Act.REVEALED).entries]


def test_made_up_proof_opens_nothing(here: Bench, fates: Fates) -> None:
    """Personal fields that were not opened here, with a reason, are neither shown again nor changed."""
    (number,) = refused(here, fates)
    form = correct_form(here.get(f"/deliveries/{number}/correct").text)
    form |= {"opened": "made-up", "at/applicant/name": "Ai đó", "at/due_at": "soon"}
    answer = here.post(f"/deliveries/{number}/correct", form)

    assert 422 == answer.status_code
    assert "Nguyễn Thị Ví Dụ" not in answer.text
    assert "giữ nguyên, không hiển thị" in words(answer.text)


def test_each_page_that_goes_out_opened_is_recorded(here: Bench, fates: Fates) -> None:
    """A form that comes back shows the personal fields again: that is a look too, for the reason they were opened."""
    (number,) = refused(here, fates)
    form = correct_form(open_form(here, number)) | {"at/due_at": "soon"}
    answers = [here.post(f"/deliveries/{number}/correct", form | more) for more in ({}, {"reason": ""})]

    assert [422, 422] == [answer.status_code for answer in answers]
    assert all("Nguyễn Thị Ví Dụ" in answer.text for answer in answers)
    assert [REASON] * 3 == [entry.reason for entry in here.console.audit.find(act=Act.REVEALED).entries]


def test_opened_form_closes_after_half_an_hour(here: Bench, fates: Fates) -> None:
    """Then nothing is shown any more, and nothing is sent without what was typed into the opened fields."""
    (number,) = refused(here, fates)
    form = correct_form(open_form(here, number)) | {"at/applicant/name": "Nguyễn Thị Mẫu", "at/unit": "000.00.10.H99"}
    here.world.clock.time += timedelta(minutes=29)
    in_time = here.post(f"/deliveries/{number}/correct", form | {"reason": ""})
    here.world.clock.time += timedelta(minutes=2)
    late = here.post(f"/deliveries/{number}/correct", form)

    assert "Nguyễn Thị Ví Dụ" in in_time.text or "Nguyễn Thị Mẫu" in in_time.text
    assert (422, "refused") == (late.status_code, here.world.reads.delivery(number)["state"])
    assert "quá 30 phút" in words(late.text)
    assert not {"Nguyễn Thị Ví Dụ", "Nguyễn Thị Mẫu"} & set(correct_form(late.text).values())
    assert 2 == len(here.console.audit.find(act=Act.REVEALED).entries)


def test_what_breaks_the_contract_is_told_at_its_field(here: Bench, fates: Fates) -> None:
    """The same checks as at the door; each breach stands at its field, and everything typed is still there."""
    (number,) = refused(here, fates)
    page = open_form(here, number)
    form = correct_form(page) | {"at/due_at": "soon", "at/fees": '[{"code": 1}]', "at/status": "", "at/note": "gõ dở"}
    answer = here.post(f"/deliveries/{number}/correct", form)
    shown = answer.text
    no_json = here.post(f"/deliveries/{number}/correct", correct_form(shown) | {"at/fees": "["})

    assert (422, 422) == (answer.status_code, no_json.status_code)
    assert "phải là thời điểm" in words(shown.split('name="at/due_at"')[0].rsplit("<main", 1)[-1].join(("<main>", "")))
    assert {"soon", "gõ dở"} <= set(correct_form(shown).values())
    assert "không phải là JSON" in words(no_json.text)
    assert "refused" == here.world.reads.delivery(number)["state"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ('["\\ud800"]', "nửa cặp thay thế"),
        ('[{"code": "x", "code": "y"}]', "/0/code xuất hiện nhiều lần"),
        ("[1e999]", "số nguyên"),
        ("[NaN]", "không phải là JSON"),
        ("[" * 40 + "]" * 40, "lồng sâu"),
    ],
)
def test_list_is_read_as_the_door_reads(here: Bench, fates: Fates, typed: str, told: str) -> None:
    """What the door would not take is not taken here either: half a character, a member twice, no whole number."""
    (number,) = refused(here, fates)
    page = open_form(here, number)
    answer = here.post(f"/deliveries/{number}/correct", correct_form(page) | {"at/fees": typed})

    assert (422, "refused") == (answer.status_code, here.world.reads.delivery(number)["state"])
    assert told in words(answer.text)
    assert typed == correct_form(answer.text)["at/fees"]


@pytest.mark.parametrize("unit", ["H99.13", "H99.120", ""])
def test_correction_does_not_give_a_dossier_away(here: Bench, fates: Fates, unit: str) -> None:
    """Who is limited to a unit moves a dossier within it, and to no other: that is refused at the field."""
    (number,) = refused(here, fates, unit="H99.12.01")
    here.sign_in("giang")
    form = correct_form(here.get(f"/deliveries/{number}/correct").text)
    away = here.post(f"/deliveries/{number}/correct", form | {"at/unit": unit})
    assert (422, "refused") == (away.status_code, here.world.reads.delivery(number)["state"])
    assert "ngoài phạm vi tài khoản" in words(away.text)

    within = here.post(f"/deliveries/{number}/correct", correct_form(away.text) | {"at/unit": "H99.12.02"})
    assert 200 == here.told(within).status_code


def test_hidden_marks_of_a_field_are_shown_beside_it(here: Bench, fates: Fates) -> None:
    """A mark that nobody can see stays in the field, and is told beside it as a code."""
    (number,) = refused(here, fates, unit_name="Sở\u202eThử")
    page = here.get(f"/deliveries/{number}/correct").text

    assert "Sở⟨U+202E⟩Thử" in words(page)
    assert "Sở\u202eThử" == correct_form(page)["at/unit_name"]


def test_what_cannot_be_corrected_says_what_to_do(here: Bench, fates: Fates) -> None:
    """A step in doubt is resolved first; a delivered step is not corrected at all."""
    step = make_step(at=NOON + MINUTE, id="s")
    fates.by_id = {"s": "lost_after"}
    here.world.accept(make_event(at=NOON), step)
    here.world.settle_down(hours=1)
    answer = here.get(f"/deliveries/{number_of(here.world, step)}/correct")

    assert 409 == answer.status_code
    assert "Hãy xác định trước" in words(answer.text)
