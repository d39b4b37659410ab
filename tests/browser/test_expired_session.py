"""A session that ends while somebody types, in a real browser: nothing typed is lost, and nothing is done unpressed."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.doors.console.links import PREFIX, url_for
from bus.messages import State
from tests.console_kit import Seats
from tests.console_world import PASSWORD, ConsoleWorld

REASON = 'Đơn vị đã bổ sung mã thủ tục; gửi lại "ngay" <b>nhé</b>'


def newcomer(world: ConsoleWorld, name: str) -> str:
    """An operator of this test's own: whose sessions end does not sit at another test's seat."""
    kept = world.people.account("operator").password
    assert kept
    world.people.add(
        name, shown="Ca trực", password=kept, roles=["operator"], units=None, actor="person:root", reason="a test"
    )
    return name


def moves_of(world: ConsoleWorld, delivery: int, name: str) -> list[dict[str, Any]]:
    moves = world.installation.reads.delivery(delivery)["moves"]
    return [move for move in moves if move["actor"] == f"person:{name}"]


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_session_ends_while_somebody_types(console_world: ConsoleWorld, seat: Seats, scripts: bool) -> None:
    """The operator presses, is asked to sign in, sees the words again, and only a further press sends them."""
    name = newcomer(console_world, f"ca-truc-{scripts}".lower())
    delivery = int(console_world.deliveries(State.HELD)[0]["id"])
    here = seat(None, java_script_enabled=scripts)
    here.account = name
    here.sign_in_by_form()
    page = here.open(url_for("repair", id=delivery).removeprefix(PREFIX))
    form = page.locator("main form.repair").last
    consequence = form.locator(".consequence").inner_text()
    form.locator("textarea[name=reason]").fill(REASON)
    console_world.people.revoke_all(name, actor="person:root", reason="the day is over")
    form.locator("button").click()
    page.wait_for_selector("input[name=password]")
    assert REASON not in page.content()
    assert [] == moves_of(console_world, delivery, name)

    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_selector("textarea[name=reason]")
    assert REASON == page.input_value("textarea[name=reason]")
    assert consequence == page.inner_text("main .consequence"), "told again before the button"
    assert [] == moves_of(console_world, delivery, name)

    page.click("main form.card button[type=submit]")
    page.wait_for_selector("main")
    page.wait_for_url(lambda url: "/login" not in url)
    assert [REASON] == [move["reason"] for move in moves_of(console_world, delivery, name)]
    # The browser noted that it met 401 on the way: that is what was tested.
    here.troubles[:] = [line for line in here.troubles if "401" not in line]
