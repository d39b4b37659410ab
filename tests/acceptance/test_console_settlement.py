"""Settlement at the console: runs, differences by class, the dry run, and repairs that another person approves."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bus.intake import Intake
from bus.reads import Reads
from bus.repairs import Repairs
from bus.routing import Routes
from config.console_settings import ConsoleSettings
from config.running import Running
from tests.console_door import CHEAP, PASSWORD, Bench, bench, installation_of
from tests.settlement_kit import BOOK, DAY, WHO, FileRow, Till, platform_text
from tests.world import World

PEOPLE = {"hai": ("Phạm Thị Hai", ("supervisor",), None), "ba": ("Lê Văn Ba", ("supervisor",), None)}


class Desk:
    """A console over a till, and who sits at it."""

    def __init__(self, till: Till, at: Bench, running: Running) -> None:
        self.till = till
        self.at = at
        self.running = running

    def text(self, path: str, status: int = 200) -> str:
        answer = self.at.get(path)
        assert status == answer.status_code, answer.text[-1_500:]
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))

    def form(self, page: str, action: str, nth: int = 0) -> dict[str, str]:
        """The hidden fields of a page's form."""
        shown = self.at.get(page).text
        forms = re.findall(rf'<form[^>]*action="/console{re.escape(action)}".*?</form>', shown, re.DOTALL)
        assert len(forms) > nth, f"{page} has no form for {action}"
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', forms[nth])
        return {name: html.unescape(value) for name, value in hidden}

    def press(self, page: str, action: str, nth: int = 0, **fields: str) -> Any:
        """Fill it in, and press its button."""
        return self.at.post(action, self.form(page, action, nth) | {"reason": "đã đối chiếu sao kê"} | fields)


@pytest.fixture
def desk(tmp_path: Any) -> Iterator[Desk]:
    """Supervisors at a till; nobody signed in yet."""
    till = Till(tmp_path)
    world = SimpleNamespace(
        ledger=till.ledger,
        clock=till.clock,
        intake=Intake(till.ledger, Routes(())),
        reads=Reads(till.ledger),
        repairs=Repairs(till.ledger),
        close=till.close,
    )
    with bench(tmp_path, world=cast(World, world)) as at:
        kept = CHEAP.kept(PASSWORD)
        for name, (shown, roles, units) in PEOPLE.items():
            at.console.people.add(
                name, shown=shown, password=kept, roles=roles, units=units, actor="person:chi", reason="tests"
            )
        running = Running(installation_of(cast(World, world), ConsoleSettings()))
        at.sign_in("hai")
        yield Desk(till, at, running)


PLACE = "/payments/settlement"


def a_day(till: Till) -> int:
    """Three missed callbacks, one other amount, one that agrees."""
    missed, other, same = [till.ask(n) for n in (1, 2, 3)], till.paid(4), till.paid(5)
    rows = [*(till.row(one) for one in missed), till.row(other, amount=1), till.row(same)]
    return till.compare(rows).run.id


def test_no_day_yet_says_how_one_comes_in(desk):
    """An empty list says what being empty means."""
    assert "lienthong reconcile" in desk.text(PLACE)


def test_runs_and_their_differences_are_shown_by_class(desk):
    """The list, one day with its classes and sums, the filter in the address, and each payment's page."""
    run = a_day(desk.till)
    assert "03/07/2026" in desk.text(PLACE)
    text = desk.text(f"{PLACE}/{run}")

    assert "Mất lời báo của cổng 3 3 0" in text
    assert "Khác số tiền 1 1 49.999" in text
    assert "tin lời cổng: khoản thu thành đã nộp" in text
    only = desk.text(f"{PLACE}/{run}?class=amount_difference&open=1").partition("Chênh lệch (số tiền")[2]
    assert ("P4" in only, "P1" in only) == (True, False)
    assert 'href="/console/payments/1"' in desk.at.get(f"{PLACE}/{run}").text


def test_a_repair_waits_for_another_person_and_is_then_done_once(desk):
    """Asked by one, approved by another, carried out beside the doors; pressing again changes nothing."""
    run, place = a_day(desk.till), f"{PLACE}/1"
    first = desk.form(place, place)
    told = first | {"reason": "đã đối chiếu sao kê"}
    for _ in range(2):
        assert 303 == desk.at.post(place, told).status_code
    assert [("asked", 4)] == desk.till.all("SELECT state, count FROM settlement_repairs")
    assert (0, "open") == (
        desk.running.look(),
        desk.till.one("SELECT state FROM payments")[0].replace("created", "open"),
    )
    assert [("decline",)] == [
        (name,) for name in ("approve", "decline") if f'value="{name}"' in desk.at.get(place).text
    ]

    desk.at.sign_in("ba")
    assert 303 == desk.press(place, f"{place}/decision", 0).status_code
    assert 4 == desk.running.look()
    assert [("paid", 5)] == desk.till.all("SELECT state, count(*) FROM payments GROUP BY state")
    text = desk.text(place)
    assert "đã nộp, ghi nhận muộn" in text
    assert "đã mở một việc: khác số tiền" in text
    assert [("repaired",), ("approved",)] == desk.till.all(
        "SELECT act FROM audit WHERE act IN ('repaired', 'approved') ORDER BY id"
    )
    assert 0 == sum(one.open for one in desk.till.settlements.counts(run))


def test_one_class_alone_is_repaired(desk):
    """What is filtered is what the dry run shows, and what is repaired."""
    a_day(desk.till)
    place = f"{PLACE}/1?class=missed_callback"
    assert 303 == desk.press(place, f"{PLACE}/1").status_code

    assert [("missed_callback", 3)] == desk.till.all("SELECT classes, count FROM settlement_repairs")


def test_declining_and_mistakes_are_told(desk):
    """No reason, one's own wish, a form of yesterday's list, a verb that is none: said in words, nothing changed."""
    a_day(desk.till)
    place = f"{PLACE}/1"
    stale = desk.form(place, place) | {"reason": "đã xem"}
    assert 400 <= desk.press(place, place, reason=" ").status_code < 500
    assert 303 == desk.press(place, place).status_code
    form = desk.form(place, f"{place}/decision")
    assert "decline" == form["verb"]
    own = desk.at.post(f"{place}/decision", form | {"verb": "approve", "reason": "của tôi"})
    assert own.status_code in (403, 409)
    assert 400 <= desk.at.post(f"{place}/decision", form | {"verb": "x", "reason": "gì đó"}).status_code < 500
    assert 409 == desk.at.post(f"{place}/decision", form | {"repair": "99", "reason": "gì đó"}).status_code
    assert 303 == desk.press(place, f"{place}/decision").status_code
    assert [("declined",)] == desk.till.all("SELECT state FROM settlement_repairs")
    desk.till.compare([], name="day.txt")
    assert desk.at.post(place, stale).status_code == 409
    assert "đã bị thay" in desk.text(place)


def test_a_bad_file_shows_its_findings(desk):
    """Line, rule, field and what stands there; nothing is offered to repair."""
    content = platform_text([FileRow(reference="TT1")]).replace(b"|VCB|", b"|V|CB|")
    desk.till.settlements.compare(BOOK, DAY, desk.till.file(content), actor=WHO)
    text = desk.text(f"{PLACE}/1")

    assert "không nhận" in text
    assert "mã băm không khớp" in text
    assert "thừa hoặc thiếu thành phần" in text
    assert "Đề nghị duyệt" not in text


def test_who_sees_some_units_sees_no_file_of_all(desk):
    """A file holds every unit's payments."""
    a_day(desk.till)
    desk.at.sign_in("binh")
    assert "mọi đơn vị" in desk.text(PLACE, 403)
    for path in (f"{PLACE}/1", "/exports/settlement.csv?run=1"):
        assert 403 == desk.at.get(path).status_code


def test_what_is_not_there_is_told(desk):
    """Runs that nobody made, numbers that are none."""
    for path in (f"{PLACE}/9", f"{PLACE}/x", "/exports/settlement.csv", "/exports/settlement.csv?run=9"):
        assert 404 == desk.at.get(path).status_code


def test_differences_are_taken_away_as_a_file(desk):
    """Each with both amounts and what became of it."""
    a_day(desk.till)
    lines = desk.at.get("/exports/settlement.csv?run=1").text.splitlines()

    assert 5 == len(lines)
    assert any("amount_difference" in line and "50000" in line for line in lines)
