"""Every page of the console, generated from the list of pages: whatever is added there is looked at here.

In both languages, light and dark, at a desk, at 200 %, on a telephone, and at 320 CSS pixels (WCAG 1.4.10); without
scripts; by axe-core; and nothing that the browser complains of. `make soak` looks at every example of every page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from adapters.doors.console.page import Page as Route
from tests.browser.places import READABLE, place, places
from tests.console_kit import DESK, NARROW, PHONE, ZOOMED, Seat, Seats, axe, overflow, shot
from tests.console_world import ConsoleWorld

if TYPE_CHECKING:
    from playwright.sync_api import Page

each_page = pytest.mark.parametrize("route", READABLE, ids=lambda route: route.name)
LANGUAGES = ("vi", "en")


@pytest.fixture
def looked_at(console_world: ConsoleWorld) -> Iterator[ConsoleWorld]:
    """Looking changes nothing: whatever a test here opens, the ledger's rows stay what they were."""
    before = console_world.marks()
    yield console_world
    assert before == {**console_world.marks(), "sessions": before["sessions"]}


def is_page(world: ConsoleWorld, path: str) -> bool:
    """Whether a browser shows this as a page; else it is a file, bytes, a stream, or a way on."""
    answer = world.look(path)
    assert answer.status_code in (200, 303), f"{path}: {answer.status_code}"
    return answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")


def account_for(route: Route) -> str | None:
    """Who looks: somebody with every right, or a stranger where only strangers have business."""
    return None if route.is_open else "everything"


@each_page
def test_page(route: Route, looked_at: ConsoleWorld, seat: Seats) -> None:
    """Loads with 200, one h1, its language; fits every width; axe finds nothing, light or dark; nobody complains.

    A page that runs no script shows the same facts: scripts only improve.
    """
    path = place(route, looked_at)
    if not is_page(looked_at, path):
        return
    here = seat.shared(account_for(route), "vi")
    look(here, path, "vi", route.name)
    plain = seat.shared(account_for(route), "vi", java_script_enabled=False)
    assert set() == facts(plain.open(path)) - facts(here.page)
    glance(seat.shared(account_for(route), "en"), path, "en")


@pytest.mark.soak
@each_page
def test_every_example_of_a_page(route: Route, looked_at: ConsoleWorld, seat: Seats) -> None:
    """The same in full for each example of a page, hostile texts and a megabyte of words among them."""
    for n, path in enumerate(places(route, looked_at)):
        if is_page(looked_at, path):
            for language in LANGUAGES:
                look(seat.shared(account_for(route), language), path, language, f"{route.name}-{n}-{language}")


def look(here: Seat, path: str, language: str, name: str) -> None:
    """Everything that is asked of a page in this language, and pictures of it."""
    glance(here, path, language, name)
    shot(here.page, name)
    here.page.emulate_media(color_scheme="dark")
    assert [] == axe(here.page)
    shot(here.page, f"{name}-dark")
    here.page.emulate_media(color_scheme="light")


def glance(here: Seat, path: str, language: str, name: str | None = None) -> None:
    """What takes no second colour and no picture."""
    page = here.page
    page.set_viewport_size(DESK)
    here.open(path)

    assert language == page.get_attribute("html", "lang")
    assert 1 == page.locator("h1").count()
    assert "" != page.locator("h1").inner_text().strip()
    assert page.title().strip()
    assert [] == axe(page)
    assert {} == misfits(page, name)


def misfits(page: Page, name: str | None) -> dict[str, list[str]]:
    """By width: what makes the page scroll sideways."""
    found = {}
    for width, size in {"desk": DESK, "zoomed": ZOOMED, "phone": PHONE, "narrow": NARROW}.items():
        page.set_viewport_size(size)
        if wide := overflow(page):
            found[width] = wide
        if name and width == "phone":
            shot(page, f"{name}-phone")
    page.set_viewport_size(DESK)
    return found


def facts(page: Page) -> set[str]:
    """Words and numbers that stand in the page's main part; times that pass by are none."""
    text = page.locator("main").inner_text()
    passing = r"(chưa đến |\d+ ?)(một |1 )?(giây|phút)|\d\d:\d\d:\d\d"
    return set(re.findall(r"[\w./-]{3,}", re.sub(passing, "", text)))
