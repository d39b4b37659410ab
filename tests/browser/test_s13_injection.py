"""S13, injection: what partners, sources and visitors say is text on every page, whatever it looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from adapters.doors.console.page import Page as Route
from tests.browser.places import READABLE, place, places
from tests.browser.test_pages import account_for, is_page
from tests.console_kit import Seats
from tests.console_world import BIDI, HOSTILE, SCRIPT, ConsoleWorld

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUNNING = """
() => [
  ...[...document.querySelectorAll('script')].filter(e => !e.src && e.type !== 'application/json'),
  ...document.querySelectorAll('[onerror], [onload], [onclick], [onmouseover], iframe, object, embed, base'),
  ...[...document.querySelectorAll('[href], [src], [action], [formaction]')].filter(e =>
    ['href', 'src', 'action', 'formaction'].some(a => /^\\s*(javascript|vbscript|data:text)/i.test(
      e.getAttribute(a) || ''))),
  ...document.querySelectorAll('main img:not([src^="/console/static/"])'),
].map(e => e.outerHTML.slice(0, 200))
"""
"""What a browser would run, follow or fetch and is not ours."""
COMMANDS = """
() => (document.documentElement.innerText.match(/[\\u202a-\\u202e\\u2066-\\u2069\\ufeff\\u0000]/g) || []).length
"""
"""Characters that turn the reading direction or cannot be seen."""
ODD = ("", "%00", "%FF", "-1", "99999999999999999999", "2026-99-99", "../../etc/passwd", "%27%22--", "x" * 300)
FIELDS = (
    "q", "at", "for", "after", "before", "cursor", "state", "partner", "kind", "unit", "cause", "from", "to", "since",
    "until", "month", "page", "next", "part", "form", "said", "account", "act", "code", "caller", "procedure",
)  # fmt: skip


def is_only_text(page: Page) -> None:
    """Nothing on this page runs, turns text around, or works out what a template would."""
    assert [] == page.evaluate(RUNNING)
    assert 0 == page.evaluate(COMMANDS)


@pytest.mark.parametrize("route", READABLE, ids=lambda route: route.name)
def test_hostile_texts_are_text(route: Route, console_world: ConsoleWorld, seat: Seats) -> None:
    """On each example of each page, those with hostile words and a megabyte of them included."""
    here = seat.shared(account_for(route), "vi")
    for path in places(route, console_world):
        if is_page(console_world, path):
            is_only_text(here.open(path))


def test_hostile_words_are_shown(console_world: ConsoleWorld, seat: Seats) -> None:
    """They are not swallowed either: an operator reads what the partner said, letter by letter."""
    here = seat.shared("everything", "vi")
    seen = []
    for route in READABLE:
        if route.name in ("dossier", "delivery", "refusal"):
            seen += [here.open(path).inner_text("main") for path in places(route, console_world)]

    assert any(SCRIPT in text for text in seen)


@pytest.mark.parametrize("route", READABLE, ids=lambda route: route.name)
def test_hostile_questions(route: Route, console_world: ConsoleWorld, seat: Seats) -> None:
    """Hostile words in an address, under every name that any page reads: a page answers, in words, and runs nothing."""
    path = place(route, console_world)
    if not is_page(console_world, path):
        return
    here = seat.shared(account_for(route), "vi")
    mark = "&" if "?" in path else "?"
    for query in ("&".join(f"{name}={quote(value)}" for name in FIELDS) for value in (HOSTILE, BIDI)):
        answer = here.page.goto(here.address(f"{path}{mark}{query}"))
        here.troubles[:] = [each for each in here.troubles if "the server responded with a status of 4" not in each]
        assert answer is not None
        assert answer.status in (200, 400, 404, 422), f"{answer.status} {path} {query[:60]}"
        assert 1 == here.page.locator("h1").count()
        is_only_text(here.page)


def odd(console_world: ConsoleWorld, route: Route, asked: str) -> None:
    path = place(route, console_world)
    answer = console_world.look(f"{path}{'&' if '?' in path else '?'}{asked}", account_for(route))

    assert answer.status_code in (200, 303, 400, 404, 422), f"{answer.status_code} {path} {asked[:60]}"


@pytest.mark.parametrize("value", ODD)
def test_odd_questions(value: str, console_world: ConsoleWorld) -> None:
    """What no form would send, in every field of every page: a page says what is wrong, never a bug of ours."""
    for route in READABLE:
        odd(console_world, route, "&".join(f"{field}={value}" for field in FIELDS))


@pytest.mark.soak
@pytest.mark.parametrize("field", FIELDS)
def test_one_odd_field(field: str, console_world: ConsoleWorld) -> None:
    """The same with each field by itself, so that no other's refusal hides it."""
    for route in READABLE:
        for value in (*ODD, "x" * 10_000):
            odd(console_world, route, f"{field}={value}")
