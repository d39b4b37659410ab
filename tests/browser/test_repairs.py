"""Repairs as people make them: by pressing, twice, in two tabs, by two persons, after the session has ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bus.messages import State
from bus.runs import Runner
from config.demo_settings import PORTAL
from config.running import runs_of
from tests.builders import LOCAL, from_json, step_json
from tests.console_kit import Seats
from tests.console_world import STEP, ConsoleWorld, FaultOrder, event_json

if TYPE_CHECKING:
    from playwright.sync_api import Page

WHY = "Cổng báo đã mở lại; theo phiếu trao đổi số 41 ngày 03/7"
UNMAPPED = "1.990100"
NEVER_MAPPED = "1.990177"
"""No test adds this row: what waits for it stays held, whichever test ran before."""


@pytest.fixture
def made(console_world: ConsoleWorld) -> Maker:
    """Makes deliveries in a state of its own dossiers, so that no test meets another's."""
    return Maker(console_world)


class Maker:
    """Deliveries to press at."""

    count = 0

    def __init__(self, world: ConsoleWorld) -> None:
        self.world = world

    def dossier(self) -> str:
        Maker.count += 1
        return f"H99.09-260703-7{Maker.count:03d}"

    def held(self, procedure: str = UNMAPPED) -> int:
        """A record whose procedure no table has."""
        return self._last(self._record(procedure=procedure))

    def in_doubt(self) -> int:
        """A step whose answer was lost."""
        dossier = self._record()
        self.world.portal.faults.arm(
            FaultOrder(fault="lose_reply_after_effect", operation=STEP, dossier=dossier, count=1)
        )
        self.world.accept(from_json(step_json(dossier=dossier, at=self.world.clock.now().astimezone(LOCAL))))
        self._carry()
        return self._last(dossier)

    def state(self, delivery: int) -> str:
        return str(self.world.installation.reads.delivery(delivery)["state"])

    def moves(self, delivery: int) -> list[str]:
        """Causes of this delivery's moves that a person made."""
        moves = self.world.installation.reads.delivery(delivery)["moves"]
        return [move["cause"] for move in moves if move["actor"].startswith("person:")]

    def _record(self, **facts: str) -> str:
        dossier = self.dossier()
        self.world.accept(from_json(event_json(dossier=dossier, at=self.world.clock.now().astimezone(LOCAL), **facts)))
        self._carry()
        return dossier

    def _carry(self) -> None:
        worker = self.world.dispatcher(f"t{Maker.count}")
        while worker.run_once():
            pass

    def _last(self, dossier: str) -> int:
        moves = self.world.installation.reads.dossier(dossier)["timeline"]
        return int([move["delivery"] for move in moves if move["partner"] == PORTAL][-1])


def press(page: Page, act: str, *, why: str = WHY) -> None:
    """Give a reason in this act's form, and press its button."""
    form = page.locator(f"form.repair[action$='/{act}']").first
    form.locator("textarea[name=reason]").fill(why)
    form.locator("button").click()


def test_replay_and_what_is_said(made: Maker, seat: Seats) -> None:
    """A held delivery is sent again with a reason; the page that follows says so, with the reason among its moves."""
    delivery = made.held()
    here = seat("operator")
    page = here.open(f"/deliveries/{delivery}/repair")
    press(page, "replay" if page.locator("form[action$='/replay']").count() else "release")
    page.wait_for_url(re.compile(rf"/deliveries/{delivery}(\?|$)"))

    assert State.WAITING == made.state(delivery)
    assert WHY in page.inner_text("main")
    assert page.locator(".note.good").count() == 1


def test_without_a_reason_nothing_happens(made: Maker, seat: Seats) -> None:
    """A reason of blanks is refused in words, beside its field, and nothing is done."""
    delivery = made.held()
    here = seat("operator")
    page = here.open(f"/deliveries/{delivery}/repair")
    press(page, "cancel", why="   ")
    page.wait_for_load_state()
    here.troubles[:] = [each for each in here.troubles if "status of 4" not in each]

    assert State.HELD == made.state(delivery)
    assert page.locator("form[action$='/cancel'] textarea").count() == 1


def test_a_double_click_is_one_action(made: Maker, seat: Seats) -> None:
    """Two clicks on one button, however quick, are one move."""
    delivery = made.held()
    page = seat("operator").open(f"/deliveries/{delivery}/repair")
    form = page.locator("form.repair[action$='/cancel']")
    form.locator("textarea[name=reason]").fill(WHY)
    form.locator("button").dblclick()
    page.wait_for_url(re.compile(rf"/deliveries/{delivery}(\?|$)"))

    assert State.CANCELLED == made.state(delivery)
    assert ["cancelled"] == made.moves(delivery)


def test_back_and_again_is_the_same_action(made: Maker, seat: Seats) -> None:
    """The browser's way back to the form, and its button again: the first action is shown, no second is made."""
    delivery = made.held()
    page = seat("operator").open(f"/deliveries/{delivery}/repair")
    press(page, "cancel")
    page.wait_for_url(re.compile(rf"/deliveries/{delivery}(\?|$)"))
    page.go_back()
    if page.locator("form.repair[action$='/cancel']").count():
        press(page, "cancel")
        page.wait_for_url(re.compile(rf"/deliveries/{delivery}(\?|$)"))

    assert ["cancelled"] == made.moves(delivery)


def test_two_tabs(made: Maker, seat: Seats) -> None:
    """The form open in two tabs: what the second asks is judged by what stands now, and told in words."""
    delivery = made.held()
    here = seat("operator")
    first, second = here.page, here.new_page()
    for page in (first, second):
        here.open(f"/deliveries/{delivery}/repair", page=page)
    press(first, "cancel")
    first.wait_for_url(re.compile(rf"/deliveries/{delivery}(\?|$)"))
    press(second, "cancel", why="Cùng lý do, ở thẻ khác")
    second.wait_for_load_state()
    here.troubles[:] = [each for each in here.troubles if "status of 4" not in each]

    assert ["cancelled"] == made.moves(delivery)
    assert second.locator("main .note").count() >= 1


def test_two_persons_at_once(made: Maker, seat: Seats) -> None:
    """Two operators with the same form: one move, and the later one reads what stands."""
    delivery = made.in_doubt()
    pages = [seat(name).open(f"/deliveries/{delivery}/repair") for name in ("operator", "supervisor")]
    for page in pages:
        form = page.locator("form.repair[action$='/resolve']").first
        form.locator("textarea[name=reason]").fill(WHY)
    for page in pages:
        page.locator("form.repair[action$='/resolve']").first.locator("button").click()
        page.wait_for_load_state()
    for each in seat.made:
        each.troubles[:] = [trouble for trouble in each.troubles if "status of 4" not in trouble]

    assert 1 == len(made.moves(delivery))
    assert State.IN_DOUBT != made.state(delivery)


def test_who_may_not_finds_no_button(made: Maker, seat: Seats) -> None:
    """A viewer reads the delivery, finds no repair on it, and is told so where the address is typed."""
    delivery = made.held()
    here = seat("viewer")
    page = here.open(f"/deliveries/{delivery}")

    assert 0 == page.locator("form.repair, a[href$='/repair']").count()
    here.open(f"/deliveries/{delivery}/repair", status=403)
    here.troubles[:] = [each for each in here.troubles if "status of 403" not in each]


def test_another_unit_is_not_there(console_world: ConsoleWorld, made: Maker, seat: Seats) -> None:
    """Who is limited to a unit finds another unit's dossier nowhere: its address answers as if it were not there."""
    here = seat("unit")
    here.open(f"/deliveries/{made.held()}")
    other = next(row for row in console_world.deliveries(State.DELIVERED) if row["dossier"].startswith("H99.20"))
    here.open(f"/deliveries/{other['id']}", status=404)
    here.open(f"/dossiers/{other['dossier']}", status=404)
    here.troubles[:] = [each for each in here.troubles if "status of 404" not in each]


# -- many at once, and a table's missing row --------------------------------------------------------------------------


def test_many_need_a_second_person(console_world: ConsoleWorld, made: Maker, seat: Seats) -> None:
    """More than the threshold: frozen with its dry run, asked by one, allowed by another in another browser."""
    ids = [row["id"] for row in console_world.deliveries(State.DELIVERED)][:22]
    asking, allowing = seat("operator"), seat("supervisor")
    page = asking.open("/selections/new?" + "&".join(f"id={number}" for number in ids))
    form = page.locator("main form.repair")
    form.locator("input[name=act]").first.check()
    form.locator("textarea[name=reason]").fill(WHY)
    form.locator("button").click()
    page.wait_for_url(re.compile(r"/selections/\d+"))
    page.locator("form[action$='/run'] button").click()
    page.wait_for_url(re.compile(r"/runs/\d+"))
    run = int(re.findall(r"/runs/(\d+)", page.url)[0])
    own = page.locator("form.repair[action$='/decision']").count()
    other = allowing.open(f"/runs/{run}")
    form = other.locator("form.repair[action$='/decision']").first
    form.locator("textarea[name=reason]").fill("Đã xem danh sách, đồng ý")
    form.locator("button").click()
    other.wait_for_load_state()
    carrier = Runner(runs_of(console_world.installation), "t", wait=lambda seconds: False)
    while carrier.run_once():
        pass

    assert 0 == own
    assert "done" == runs_of(console_world.installation).get(run).state
    assert len(ids) == sum(runs_of(console_world.installation).outcomes(run).values())


def test_map_and_release(made: Maker, seat: Seats) -> None:
    """A missing row is filled in once; what changes is shown before it holds, and what waited for it goes on."""
    delivery = made.held()
    page = seat("everything").open("/mapping")
    page.locator("tr", has_text=UNMAPPED).locator("a[href*='/mapping/row']").click()
    for field in page.locator("main form.repair input:not([type=hidden])[required]").all():
        if not field.input_value():
            field.fill(UNMAPPED if "code" in (field.get_attribute("name") or "") else "Thủ tục mẫu")
    for choice in page.locator("main form.repair select").all():
        if not choice.input_value():
            choice.select_option(index=1)
    page.locator("main form.repair button").click()
    page.locator("main textarea[name=reason]").fill("Thủ tục mới theo quyết định mẫu số 12")
    page.locator("main form.repair button").click()
    page.wait_for_url(re.compile(r"/mapping(\?|$)|/runs/"))

    assert made.state(delivery) == State.WAITING
    assert UNMAPPED not in page.locator("main").inner_text() or "/runs/" in page.url


# -- the log while it moves --------------------------------------------------------------------------------------------


def test_live_log_counts_and_still_hears_a_click(console_world: ConsoleWorld, made: Maker, seat: Seats) -> None:
    """While hundreds of events come in, the page tells how many came, stays short, and pauses when told to."""
    here = seat("operator")
    page = here.open("/log")
    page.wait_for_function("() => document.getElementById('live-told').textContent.trim() !== ''")
    at = console_world.clock.now().astimezone(LOCAL)
    dossiers = [made.dossier() for _ in range(300)]
    for dossier in dossiers:
        console_world.accept(from_json(event_json(dossier=dossier, at=at)))
    page.wait_for_function(
        "n => [...document.getElementById('live-told').textContent.replace(/[.,]/g, '').matchAll(/[0-9]+/g)]"
        ".reduce((sum, found) => sum + Number(found[0]), 0) >= n",
        arg=len(dossiers),
    )
    page.click("#live-pause")

    assert "true" == page.get_attribute("#live-pause", "aria-pressed")
    assert page.locator("#log-rows tbody tr").count() <= 100
    assert dossiers[-1] in page.locator("#log-rows tbody").inner_text()


def test_what_leaves_the_filter_says_so(console_world: ConsoleWorld, made: Maker, seat: Seats) -> None:
    """A held delivery that somebody else cancels is marked on the page of held ones, wherever the keyboard is."""
    first, second = made.held(NEVER_MAPPED), made.held(NEVER_MAPPED)
    page = seat().open("/log?state=held")
    page.wait_for_function("() => document.getElementById('live-told').textContent.trim() !== ''")
    page.locator(f"tr[data-id='{second}'] input").check()
    page.locator(f"tr[data-id='{first}'] a.plain").focus()
    for delivery in (first, second):
        console_world.installation.repairs.cancel(delivery, actor="person:second", reason=WHY)
    words = page.locator("[data-live]").get_attribute("data-gone")

    for delivery in (first, second):
        page.wait_for_selector(f"tr[data-id='{delivery}'].gone")
        assert words == page.locator(f"tr[data-id='{delivery}'] .why").inner_text()
    assert page.locator(f"tr[data-id='{first}'] a.plain").evaluate("a => a === document.activeElement")
    assert not page.locator(f"tr[data-id='{second}'] input").is_checked()


def test_the_row_with_the_keyboard_is_told_too(console_world: ConsoleWorld, made: Maker, seat: Seats) -> None:
    """The row in which the keyboard stands shows the new state, and the keyboard stays where it was."""
    delivery = made.held(NEVER_MAPPED)
    page = seat().open("/log")
    page.wait_for_function("() => document.getElementById('live-told').textContent.trim() !== ''")
    link = page.locator(f"tr[data-id='{delivery}'] a.plain")
    link.focus()
    console_world.installation.repairs.cancel(delivery, actor="person:second", reason=WHY)

    page.wait_for_selector(f"tr[data-id='{delivery}'] .s-cancelled")
    assert link.evaluate("a => a === document.activeElement")
