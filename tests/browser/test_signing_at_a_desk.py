"""The page's script and the agent, in a real browser: polite when the agent is absent or silent, and never fooled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from contracts.vgca.agent import DeskAgent, serve_agent
from tests.console_kit import Chromium
from tests.desk_kit import DeskWorld, desk_world
from tests.raw_sockets import closed_port
from tests.signing_kit import signer

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = """<!doctype html><html lang="vi"><title>Ký</title><main>
<section data-desk-sign data-agent="{agent}" data-operation="{operation}" data-place="{place}" data-dossier="H99"
  data-next="/next" data-patience="{patience}" data-connecting="Đang kết nối" data-waiting="Chờ ký"
  data-absent="Không thấy chương trình ký" data-silent="Chương trình ký không trả lời" data-refused="Chưa ký được:"
  data-done="Đã ký"><button data-desk-start hidden>Ký</button><p data-desk-told role="status"></p></section></main>
<script src="/desk_sign.js"></script></html>"""
PATIENCE_MS = 20_000
_numbers = count(1)


class Pages:
    """Serves the page of the moment, under the console's own policy."""

    html = ""
    agent = ""

    async def page(self, request: Request) -> Response:
        policy = f"default-src 'none'; script-src 'self'; connect-src 'self' {self.agent}"
        return HTMLResponse(self.html, headers={"content-security-policy": policy})

    async def script(self, request: Request) -> Response:
        text = files("adapters.doors.console").joinpath("static/desk_sign.js").read_bytes()
        return Response(text, media_type="text/javascript")

    async def next(self, request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>Xem lại</title><p id=there>Xem lại</p>")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DeskWorld, Pages]]:
    """A desk whose doors serve a page too."""
    with desk_world(tmp_path_factory.mktemp("desk")) as made:
        pages = Pages()
        for path, take in (("/page", pages.page), ("/desk_sign.js", pages.script), ("/next", pages.next)):
            made.app.router.add_route(path, take)
        yield made, pages


@contextmanager
def shown(
    town: tuple[DeskWorld, Pages], chromium: Chromium, agent: str, *, patience: int = 0
) -> Iterator[tuple[DeskWorld, Page]]:
    """The page of a signature of one's own, its button pressed."""
    made, pages = town
    desk = replace(made, signature=next(_numbers))
    desk.asked()
    offer = desk.open()
    pages.agent = agent
    pages.html = PAGE.format(agent=agent, operation=offer.operation, place=offer.place, patience=patience or "")
    chromium.wake()
    context = chromium.browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{made.url}/page")
        page.get_by_role("button", name="Ký").click()
        yield desk, page
    finally:
        context.close()
        chromium.sleep()


def told(page: Page, state: str) -> str:
    """What the page says once it is there; its button can be pressed again."""
    page.wait_for_selector(f'[data-state="{state}"]')
    page.wait_for_selector("[data-desk-start]:not([disabled])")
    return page.locator("[data-desk-told]").inner_text()


def test_an_official_signs_in_his_browser(town, chromium):
    """The button, the agent, the upload: and the page goes on to where the ledger's own word stands."""
    with serve_agent(DeskAgent(holder=signer("official"))) as agent, shown(town, chromium, agent) as (desk, page):
        page.wait_for_selector("#there")

        assert ("signed_raw", ["taken"]) == (desk.state(), desk.verdicts())


@pytest.mark.parametrize(
    ("mood", "words", "verdict"),
    [("cancelled", "Chưa ký được: Người dùng huỷ bỏ", ""), ("changed", "Chưa ký được: Đây không phải", "changed")],
)
def test_what_did_not_work_is_said(town, chromium, mood, words, verdict):
    """The agent's words, and ours through it, are shown as text; the button is there again."""
    agent = DeskAgent(holder=signer("official"), mood=mood)
    with serve_agent(agent) as url, shown(town, chromium, url) as (desk, page):
        assert told(page, "refused").startswith(words)
        assert ("at_desk", [verdict]) == (desk.state(), desk.verdicts())


def test_no_agent_on_this_computer(town, chromium):
    """Nobody listens: said at once, with what to do, and nothing of the signature changes."""
    with shown(town, chromium, f"ws://127.0.0.1:{closed_port()}") as (desk, page):
        assert "Không thấy chương trình ký" == told(page, "absent")
        assert ("at_desk", [""]) == (desk.state(), desk.verdicts())


def test_an_agent_that_says_nothing(town, chromium):
    """Silence has an end: said in words, and one may begin anew."""
    agent = DeskAgent(holder=signer("official"), mood="silent")
    with serve_agent(agent) as url, shown(town, chromium, url, patience=200) as (desk, page):
        assert "Chương trình ký không trả lời" == told(page, "silent")
        assert "at_desk" == desk.state()
        agent.released.set()


def test_words_of_a_stranger_are_text(town, chromium):
    """What a program on this computer says is never a part of the page."""
    agent = DeskAgent(holder=None)
    agent.answer = lambda operation, asked: {"Status": 1, "Message": "<img src=x onerror=alert(1)>"}  # type: ignore[method-assign]
    with serve_agent(agent) as url, shown(town, chromium, url) as (_, page):
        assert "Chưa ký được: <img src=x onerror=alert(1)>" == told(page, "refused")
        assert 0 == page.locator("img").count()
