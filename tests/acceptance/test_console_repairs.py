"""The repairs' pages: what is offered, what each form does once, what is refused and what is kept that was typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from bus.audit import Act
from bus.errors import Unmappable
from bus.runs import Runner
from tests.builders import DOSSIER, NOON, make_event, make_step
from tests.console_door import Bench
from tests.repair_kit import MINUTE, Fates, number_of
from tests.repair_pages import REASON, fields, refused, repair_bench, words
from tests.world import PARTNER


@pytest.fixture
def fates() -> Fates:
    return Fates()


@pytest.fixture
def here(tmp_path: Path, fates: Fates) -> Iterator[Bench]:
    """A signed-in operator; beside her a supervisor, and one who is limited to a unit."""
    with repair_bench(tmp_path, fates) as made:
        yield made


# -- one delivery ----------------------------------------------------------------------------------------------------


def test_replay_is_offered_with_its_consequence_and_done_once(here: Bench, fates: Fates) -> None:
    """The page says what pressing comes to; the press is one move and one audit row; a reload shows its result."""
    (number,) = refused(here, fates)
    page = here.get(f"/deliveries/{number}/repair").text
    form = fields(page, 'id="replay"')
    first = here.post(f"/deliveries/{number}/replay", form)
    second = here.post(f"/deliveries/{number}/replay", form)

    assert "được gửi lại khi đến lượt" in words(page)
    assert "đang chờ gửi" in words(here.told(first).text)
    assert "chỉ có tác dụng một lần" in words(here.told(second).text)
    moves = here.world.reads.delivery(number)["moves"]
    assert [("replayed", "person:an", REASON)] == [(m["cause"], m["actor"], m["reason"]) for m in moves[-1:]]
    assert 1 == sum(move["cause"] == "replayed" for move in moves)
    noted = here.console.audit.find(act=Act.REPAIRED).entries
    assert [("person:an", number, "replay", REASON)] == [(e.actor, e.delivery, e.subject, e.reason) for e in noted]


@pytest.mark.parametrize(
    ("reason", "wrong"), [("", "Chưa có lý do"), ("x" * 501, "dài quá 500"), ("a\u202eb", "ký tự điều khiển")]
)
def test_reason_is_asked_for_and_what_was_typed_is_kept(here: Bench, fates: Fates, reason: str, wrong: str) -> None:
    """Without a good reason nothing happens; the page says why, and the words are still in their field."""
    (number,) = refused(here, fates)
    form = fields(here.get(f"/deliveries/{number}/repair").text, 'id="cancel"')
    answer = here.post(f"/deliveries/{number}/cancel", form | {"reason": reason})

    assert (422, "refused") == (answer.status_code, here.world.reads.delivery(number)["state"])
    assert wrong in words(answer.text)
    assert reason in unescape(answer.text)


def test_somebody_was_faster(here: Bench, fates: Fates) -> None:
    """What is not possible any more is refused with its reason, and the page shows what is possible now."""
    (number,) = refused(here, fates)
    form = fields(here.get(f"/deliveries/{number}/repair").text, 'id="replay"')
    here.world.repairs.replay(number, actor="person:duc", reason="mine")
    answer = here.post(f"/deliveries/{number}/replay", form)

    assert 409 == answer.status_code
    assert "không gửi lại được" in words(answer.text)
    assert 'id="cancel"' in answer.text


def test_key_of_another_form(here: Bench, fates: Fates) -> None:
    """A key is good for its own delivery and act; one that is too old is said to be so. Nothing happens."""
    one, two = refused(here, fates, 2)
    form = fields(here.get(f"/deliveries/{one}/repair").text, 'id="replay"')
    foreign = here.post(f"/deliveries/{two}/replay", form)
    other = here.post(f"/deliveries/{one}/cancel", form)
    late_form = fields(here.get(f"/deliveries/{one}/repair").text, 'id="replay"')
    here.world.clock.time += timedelta(hours=13)
    here.sign_in("an")
    late = here.post(f"/deliveries/{one}/replay", late_form | {"csrf": here.csrf()})

    assert [409, 409, 409] == [each.status_code for each in (foreign, other, late)]
    assert ["refused"] * 2 == [here.world.reads.delivery(each)["state"] for each in (one, two)]


def test_another_units_delivery_is_not_there(here: Bench, fates: Fates) -> None:
    """Who is limited to other units neither sees the page nor can press its form."""
    (number,) = refused(here, fates, unit="H99.11")
    form = fields(here.get(f"/deliveries/{number}/repair").text, 'id="replay"')
    here.sign_in("giang")
    answers = [
        here.get(f"/deliveries/{number}/repair"),
        here.post(f"/deliveries/{number}/replay", form | {"csrf": here.csrf()}),
        here.get(f"/deliveries/{number}/correct"),
    ]

    assert [404] * 3 == [answer.status_code for answer in answers]
    assert "refused" == here.world.reads.delivery(number)["state"]


def test_step_in_doubt_is_resolved(here: Bench, fates: Fates) -> None:
    """For one in doubt the page offers what may have been found there, and not to cancel or replay it."""
    step = make_step(at=NOON + MINUTE, id="s")
    fates.by_id = {"s": "lost_after"}
    here.world.accept(make_event(at=NOON), step)
    here.world.settle_down(hours=1)
    number = number_of(here.world, step)
    page = here.get(f"/deliveries/{number}/repair").text
    unknown = here.post(f"/deliveries/{number}/resolve", fields(page, 'id="resolve_arrived"') | {"how": "?"})
    done = here.post(f"/deliveries/{number}/resolve", fields(page, 'id="resolve_arrived"'))

    assert ["resolve_arrived", "resolve_send_again", "resolve_go_on", "correct"] == re.findall(
        r'<section class="card" id="(\w+)"', page
    )
    assert (422, 303, "delivered") == (unknown.status_code, done.status_code, here.world.state_of(step))


def test_late_step_is_released_into_superseded(here: Bench) -> None:
    """Where releasing sends nothing the page says so before the button."""
    late = make_step(at=NOON + MINUTE)
    here.world.accept(make_event(at=NOON), make_step(at=NOON + 2 * MINUTE))
    here.world.settle_down()
    here.world.accept(late)
    number = number_of(here.world, late)
    page = here.get(f"/deliveries/{number}/repair").text
    here.post(f"/deliveries/{number}/release", fields(page, 'id="release"'))

    assert "Không gửi gì đi" in words(page)
    assert 'id="replay"' not in page
    assert "superseded" == here.world.state_of(late)


# -- one dossier -----------------------------------------------------------------------------------------------------


def test_resync_and_skip_gap(here: Bench) -> None:
    """A dossier's newest record goes once more; missing numbers are given up; each once, each with its reason."""
    step = make_step(at=NOON + MINUTE, id="s3", source="numbered/h99", sequence=3)
    here.world.accept(make_event(), step)
    here.world.settle_down()
    page = here.get(f"/repair?number={DOSSIER}").text
    resync = fields(page, 'id="resync"')
    skip = fields(page, 'id="gaps"')
    answers = [here.post("/resync", resync), here.post("/resync", resync), here.post("/skip-gap", skip)]
    here.world.settle_down()

    assert [303] * 3 == [answer.status_code for answer in answers]
    assert [False, True] == [e.repeat for e in here.world.books.effects if e.kind == "record"]
    assert "delivered" == here.world.state_of(step)
    assert "Không nguồn nào thiếu" in words(here.get(f"/repair?number={DOSSIER}").text)


def test_resync_without_a_record_or_a_reason(here: Bench) -> None:
    """A partner that has no record of it, and a form without a reason, are told; nothing is sent."""
    here.world.accept(make_event())
    here.world.settle_down()
    form = fields(here.get(f"/repair?number={DOSSIER}").text, 'id="resync"')
    other = here.console.presses
    bare = here.post("/resync", form | {"reason": " "})
    foreign = here.post("/resync", form | {"partner": "nobody"})

    assert (422, 409) == (bare.status_code, foreign.status_code)
    assert other is here.console.presses
    assert 1 == len(here.world.books.effects)
    assert 404 == here.get("/repair?number=none").status_code


# -- many ------------------------------------------------------------------------------------------------------------


def frozen(made: Bench, ids: list[int], act: str = "replay") -> str:
    """Choose, freeze; the list's address."""
    page = made.get("/selections/new?" + "&".join(f"id={one}" for one in ids)).text
    answer = made.post("/selections", fields(page, 'id="act"') | {"act": act})
    assert 303 == answer.status_code, words(answer.text)
    return str(answer.headers["location"]).partition("?")[0].removeprefix("/console")


def carry(made: Bench) -> int:
    return Runner(made.console.runs, "door", wait=lambda _seconds: False).run_once()


def test_many_from_ticks_to_the_end(here: Bench, fates: Fates) -> None:
    """Ticked, frozen with a dry run, started once however often it is pressed, carried, and shown item by item."""
    ids = refused(here, fates, 3)
    address = frozen(here, ids)
    page = here.get(address).text
    form = fields(page, 'id="run"') | {"rate": "50"}
    first, second = here.post(f"{address}/run", form), here.post(f"{address}/run", form)
    third = here.post(f"{address}/run", fields(page, 'id="run"'))
    run = "/runs/1"

    assert "Nếu chạy, các lượt sẽ thành" in words(page)
    assert [303] * 3 == [answer.status_code for answer in (first, second, third)]
    assert 1 == len(here.console.runs.newest())
    assert "0 / 3 đang chạy" in words(here.get(run).text)
    assert 3 == carry(here)
    assert "3 / 3 đã xong" in words(here.get(run).text)
    assert "Đợt xử lý 1" in words(here.get("/runs").text)
    here.world.settle_down()
    assert 3 == words(here.get(address).text).count("đã đến")


@pytest.mark.parametrize("rate", ["nan", "-inf", "1e999", "nhanh"])
def test_rate_that_is_no_number_starts_nothing(here: Bench, fates: Fates, rate: str) -> None:
    """What Python would call a number is none for a person: it is refused at the field, and nothing runs."""
    address = frozen(here, refused(here, fates))
    answer = here.post(f"{address}/run", fields(here.get(address).text, 'id="run"') | {"rate": rate})

    assert (422, []) == (answer.status_code, here.console.runs.newest())
    assert "không phải là số" in words(answer.text)


def test_many_by_the_filter_of_the_log(here: Bench, fates: Fates) -> None:
    """All that a filter finds is frozen; a filter that is none, an act that is none, and an empty find are refused."""
    refused(here, fates, 3)
    page = here.get("/selections/new?state=refused").text
    form = fields(page, 'id="act"')
    no_act = here.post("/selections", form)
    good = here.post("/selections", form | {"act": "cancel"})
    everything = here.post("/selections", {k: v for k, v in form.items() if k != "state"} | {"act": "cancel"})
    again = here.post("/selections", form | {"act": "cancel"})
    fresh = fields(here.get("/selections/new?state=held").text, 'id="act"')
    nothing = here.post("/selections", fresh | {"act": "cancel"})

    assert "hiện có 3" in words(page)
    assert [422, 303, 303, 303, 409] == [a.status_code for a in (no_act, good, everything, again, nothing)]
    assert {"state": "refused"} == dict(here.console.selections.get(1).made_of)
    assert 1 == len(here.console.selections.newest())
    empty = fields(here.get("/selections/new?state=refused").text, 'id="act"')
    assert 422 == here.post("/selections", {"csrf": empty["csrf"], "reason": REASON, "act": "cancel"}).status_code
    assert "Chưa chọn gì" in words(here.get("/selections/new").text)


@pytest.mark.parametrize(
    "part", [{"state": "refusd"}, {"until": "xx"}, {"cause": "x" * 201}, {"since": "2026-07-04", "until": "2026-07-03"}]
)
def test_filter_that_cannot_be_read_chooses_nothing(here: Bench, fates: Fates, part: dict[str, str]) -> None:
    """What is left of it would be wider than what was meant: neither shown as a choice nor frozen."""
    ids = refused(here, fates, 3)
    page = here.get("/selections/new", params={"partner": PARTNER, **part})
    good = fields(here.get(f"/selections/new?partner={PARTNER}").text, 'id="act"')
    answer = here.post("/selections", good | part | {"act": "cancel"})

    assert [422, 422] == [page.status_code, answer.status_code]
    assert all("không đọc được" in words(each.text) for each in (page, answer))
    assert 'id="act"' not in page.text
    assert [] == here.console.selections.newest()
    ticked = here.get("/selections/new", params={"id": str(ids[0]), **part})
    assert "1 lượt chuyển được đánh dấu" in words(ticked.text)


def test_list_of_another_unit_is_not_there(here: Bench, fates: Fates) -> None:
    """Who may not see every unit of a list sees neither it nor its run; and freezes only what is hers."""
    foreign = refused(here, fates, 2, unit="H99.11")
    address = frozen(here, foreign)
    here.post(f"{address}/run", fields(here.get(address).text, 'id="run"'))
    here.sign_in("giang")
    page = here.get("/selections/new?" + "&".join(f"id={one}" for one in foreign)).text
    answer = here.post("/selections", fields(page, 'id="act"') | {"act": "replay"})

    assert [404] * 3 == [here.get(path).status_code for path in (address, "/runs/1", "/selections/x")]
    assert "Chưa có đợt" in words(here.get("/runs").text)
    assert 409 == answer.status_code


def test_pause_resume_stop(here: Bench, fates: Fates) -> None:
    """A run is paused, goes on and is stopped by forms; each wants a reason; what is not possible is said."""
    address = frozen(here, refused(here, fates, 3))
    here.post(f"{address}/run", fields(here.get(address).text, 'id="run"'))
    page = here.get("/runs/1").text
    bare = here.post("/runs/1", fields(page, 'id="verb-pause"') | {"reason": ""})
    nothing = here.post("/runs/1", fields(page, 'id="verb-pause"') | {"verb": "?"})
    here.post("/runs/1", fields(page, 'id="verb-pause"'))
    assert ("paused", 0) == (here.console.runs.get(1).state, carry(here))
    stale = here.post("/runs/1", fields(page, 'id="verb-pause"') | {"verb": "resume"})
    here.post("/runs/1", fields(here.get("/runs/1").text, 'id="verb-resume"'))
    assert "running" == here.console.runs.get(1).state
    here.post("/runs/1", fields(here.get("/runs/1").text, 'id="verb-stop"'))

    assert ("stopped", [422, 422, 409]) == (
        here.console.runs.get(1).state,
        [answer.status_code for answer in (bare, nothing, stale)],
    )
    assert 404 == here.get("/runs/2").status_code


def test_second_pair_of_eyes(here: Bench, fates: Fates) -> None:
    """Above the threshold a run waits; the asker finds no button and cannot press; another account approves, once."""
    address = frozen(here, refused(here, fates, 21))
    answer = here.post(f"{address}/run", fields(here.get(address).text, 'id="run"'))
    assert "yêu cầu phê duyệt" in words(here.told(answer).text)
    assert 0 == carry(here)
    assert "verb-approve" not in here.get("/runs/1").text
    assert 403 == here.post("/runs/1/decision", {"csrf": here.csrf(), "verb": "approve"}).status_code

    here.sign_in("duc")
    assert "Đợt xử lý 1" in words(here.get("/approvals").text)
    form = fields(here.get("/runs/1").text, 'id="verb-approve"')
    wrong = here.post("/runs/1/decision", form | {"digest": "0" * 64})
    approved = [here.post("/runs/1/decision", form).status_code for _ in range(2)]

    assert (409, [303, 303]) == (wrong.status_code, approved)
    assert ("running", "duc", 21) == (
        here.console.runs.get(1).state,
        here.console.runs.get(1).decided_by,
        carry(here),
    )
    assert 1 == len(here.console.audit.find(act=Act.APPROVED).entries)
    assert "Không có đợt nào chờ" in words(here.get("/approvals").text)


def test_halves_of_a_large_list_wait_too(here: Bench, fates: Fates) -> None:
    """The page of the second half says that it needs another person, and why; pressing asks for him."""
    ids = refused(here, fates, 21)
    first, second = frozen(here, ids[:11]), frozen(here, ids[11:])
    here.post(f"{first}/run", fields(here.get(first).text, 'id="run"'))
    page = here.get(second).text
    answer = here.post(f"{second}/run", fields(page, 'id="run"'))

    assert "10 lượt này cùng 11 lượt bạn tự cho chạy trong một giờ qua là nhiều hơn 20" in words(page)
    assert "yêu cầu phê duyệt" in words(here.told(answer).text)
    assert ["asked", "running"] == [run.state for run in here.console.runs.newest()]


def test_supervisor_does_not_approve_his_own(here: Bench, fates: Fates) -> None:
    """Who chose the list or asked for its run is told so, under any session, and a press by hand is refused."""
    ids = refused(here, fates, 21)
    here.sign_in("duc")
    address = frozen(here, ids)
    here.post(f"{address}/run", fields(here.get(address).text, 'id="run"'))
    here.sign_in("duc")
    page = here.get("/runs/1").text
    stop = fields(page, 'id="verb-stop"')
    forged = here.post("/runs/1/decision", stop | {"verb": "approve"})

    assert "verb-approve" not in page
    assert "nhờ một người khác" in words(page)
    assert (409, "asked") == (forged.status_code, here.console.runs.get(1).state)


def test_run_of_a_disabled_account_pauses_and_another_resumes_it(here: Bench, fates: Fates) -> None:
    """Nobody's hands go on after his account was closed: the page says why it stands, and who let it go on."""
    address = frozen(here, refused(here, fates, 2))
    here.post(f"{address}/run", fields(here.get(address).text, 'id="run"'))
    here.console.people.disable("an", actor="person:root", reason="left")
    carry(here)
    here.sign_in("duc")
    page = here.get("/runs/1").text
    resumed = here.post("/runs/1", fields(page, 'id="verb-resume"'))

    assert "Đợt tự tạm dừng: tài khoản an đã bị khóa" in words(page)
    assert 303 == resumed.status_code
    assert 2 == carry(here)
    after = words(here.get("/runs/1").text)
    assert "Người cho chạy tiếp duc" in after
    assert "Đợt tự tạm dừng" not in after


def test_request_of_a_disabled_account_is_not_approved(here: Bench, fates: Fates) -> None:
    """The second person is told what became of the first one; nothing runs."""
    address = frozen(here, refused(here, fates, 21))
    here.post(f"{address}/run", fields(here.get(address).text, 'id="run"'))
    here.console.people.disable("an", actor="person:root", reason="left")
    here.sign_in("duc")
    answer = here.post("/runs/1/decision", fields(here.get("/runs/1").text, 'id="verb-approve"'))

    assert (409, "asked") == (answer.status_code, here.console.runs.get(1).state)
    assert "không phê duyệt được nữa" in words(answer.text)


# -- mapping ---------------------------------------------------------------------------------------------------------


def test_mapping_lists_what_is_wanted(here: Bench) -> None:
    """Held ones stand by table and missing row; a table that is none of this partner's is mended at its source."""

    def missing(batch: object) -> list[object]:
        raise Unmappable(field="MaTTHC", rule="no_row", value="9.99", table="procedures")

    here.world.adapter.deliver = missing  # type: ignore[assignment,method-assign]
    here.world.accept(make_event(id="a"), make_event(id="b", dossier="H99.09-260703-0002"))
    here.world.settle_down(hours=1)
    page = words(here.get("/mapping").text)

    assert "(2 lượt)" in page
    assert "9.99" in page
    assert "sửa ở nguồn" in page
    assert 403 == here.get("/mapping/row?table=procedures&row=9.99").status_code
    assert PARTNER in page
