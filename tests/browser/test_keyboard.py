"""Every page by keyboard alone: each control is reached, in the order in which it stands, and one sees where one is."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from adapters.doors.console.page import Page as Route
from tests.browser.places import READABLE, place
from tests.browser.test_pages import account_for, is_page
from tests.console_kit import DESK, Seats
from tests.console_world import ConsoleWorld

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOST = 70
"""Controls of one page that are tabbed through; the rest of a long list repeats its first rows."""

CONTROLS = """
() => {
  const wanted = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]';
  window.__controls = [...document.querySelectorAll(wanted)].filter(e =>
    !e.disabled && e.tabIndex >= 0 && e.checkVisibility({checkVisibilityCSS: true}) &&
    !e.closest('[inert]') &&
    !(e.closest('details:not([open])') && !(e.tagName === 'SUMMARY' && e.parentElement === e.closest('details'))));
  // Of a group of radio buttons Tab reaches one.
  const seen = new Set();
  window.__controls = window.__controls.filter(e => {
    if (e.type !== 'radio') return true;
    const key = (e.form ? [...document.forms].indexOf(e.form) : '') + e.name;
    const chosen = document.querySelector(`input[type=radio][name="${CSS.escape(e.name)}"]:checked`);
    if (chosen && chosen.form === e.form) return chosen === e;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  return {count: window.__controls.length, odd: window.__controls.filter(e => e.tabIndex > 0).length};
}
"""
FOCUSED = """
() => {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return null;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  return {
    n: window.__controls.indexOf(e),
    what: e.outerHTML.slice(0, 120),
    scrolls: e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1,
    visible: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none',
    inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}
"""


@pytest.mark.parametrize("route", READABLE, ids=lambda route: route.name)
def test_tab_goes_through_the_page(route: Route, console_world: ConsoleWorld, seat: Seats) -> None:
    """Tab reaches every control once, in the page's order, visibly, inside the window, and leaves at the end."""
    path = place(route, console_world)
    if not is_page(console_world, path):
        return
    here = seat.shared(account_for(route), "vi")
    here.page.set_viewport_size(DESK)
    page = here.open(path)
    told = page.evaluate(CONTROLS)
    steps = walk(page, min(told["count"], MOST))

    assert 0 == told["odd"], "a tabindex above 0 tears the order"
    # A field for a date is several stops.
    order = [n for n, _ in groupby(step["n"] for step in steps if step["n"] >= 0)]
    assert list(range(min(told["count"], MOST))) == order[:MOST]
    # The parts of a date's field show themselves; the field does it for the first of them.
    seen = {step["n"] for step in steps if step["visible"]}
    assert [] == [step["what"] for step in steps if step["n"] not in seen]
    assert [] == [step["what"] for step in steps if not step["inside"]]
    assert [] == [step["what"] for step in steps if step["n"] < 0 and not step["scrolls"]]


def walk(page: Page, controls: int) -> list[dict[str, Any]]:
    """What Tab comes to, until it leaves the page or has been at so many controls."""
    steps: list[dict[str, Any]] = []
    page.evaluate(
        "() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex') }"
    )
    while len({step["n"] for step in steps if step["n"] >= 0}) < controls and len(steps) < controls + 40:
        page.keyboard.press("Tab")
        step = page.evaluate(FOCUSED)
        if step is None:
            break
        steps.append(step)
    return steps


def test_first_comes_the_way_past_the_navigation(console_world: ConsoleWorld, seat: Seats) -> None:
    """The first Tab shows a link that leads to the page's own content."""
    page = seat.shared("everything", "vi").open("/payments")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("() => document.querySelector('main').contains(document.querySelector(location.hash))")
