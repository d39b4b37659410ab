"""Repairs as people make them: by pressing, twice, in two tabs, by two persons, after the session has ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bus.messages import State
from config.demo_settings import PORTAL
from tests.builders import LOCAL, from_json, step_json
from tests.console_kit import Seats
from tests.console_world import STEP, ConsoleWorld, FaultOrder, event_json

if TYPE_CHECKING:
    from playwright.sync_api import Page

WHY = "Cổng báo đã mở lại; theo phiếu trao đổi số 41 ngày 03/7"
UNMAPPED = "1.990100"


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

    def held(self) -> int:
        """A record whose procedure no table has."""
        return self._last(self._record(procedure=UNMAPPED))

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
