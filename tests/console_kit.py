"""The console in a real browser: Debian's Chromium by Playwright, people who have signed in, and every trouble noted.

    def test_log(seat: Seats) -> None:
        page = seat("operator").open("/log")
        assert axe(page) == []

A seat is one person at one browser. When the test ends, a dialog, a line on the browser's console, a script's error, a
CSP report, a request that failed or that left this machine is a failure, unless the test has taken it out with
`seat.troubles.clear()`.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:  # every test session reads this file: what is heavy comes with the first who needs it
    from playwright.sync_api import BrowserContext, Page

    from tests.console_world import ConsoleWorld

VENDOR: Final = Path(__file__).parent / "vendor"
SCREENSHOTS: Final = Path("var") / "screenshots"
PROGRAMS: Final = ("chromium", "chromium-browser")
FLAGS: Final = (
    "--no-sandbox",  # tests run as root in containers; what is shown is our own
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--font-render-hinting=none",
    # Nothing leaves this machine, whoever asks for it.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
DESK: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}
ZOOMED: Final = {"width": 640, "height": 400}
"""A desk at 200 %: half as many CSS pixels."""
NARROW: Final = {"width": 320, "height": 640}
"""What WCAG 1.4.10 asks for: a desk at 400 %."""
NOTED: Final = """
document.addEventListener('securitypolicyviolation', e =>
  console.error('CSP: ' + e.effectiveDirective + ' ' + e.blockedURI + ' ' + e.sourceFile + ':' + e.lineNumber));
"""


class Chromium:
    """One browser for all tests of a process.

    Playwright's own event loop counts as running between its calls, so that nobody else could run one in this thread:
    it sleeps while no test has a seat.
    """

    def __init__(self, program: str) -> None:
        from playwright.sync_api import sync_playwright

        self._play = sync_playwright().start()
        self.browser = self._play.chromium.launch(executable_path=program, args=list(FLAGS))
        self._loop = asyncio._get_running_loop()
        self.kept: dict[tuple[Any, ...], Seat] = {}
        """Seats that tests share."""
        self.sleep()

    def wake(self) -> None:
        """Playwright may be called from here on."""
        asyncio._set_running_loop(self._loop)

    def sleep(self) -> None:
        """And from here on not."""
        asyncio._set_running_loop(None)

    def close(self) -> None:
        self.wake()
        self.browser.close()
        self._play.stop()
        self.sleep()


@dataclass
class Seat:
    """One person at one browser, on one page."""

    world: ConsoleWorld
    context: BrowserContext
    account: str
    troubles: list[str] = field(default_factory=list)
    _page: Page | None = None

    @property
    def page(self) -> Page:
        """The page that is open."""
        if self._page is None:
            self._page = self.new_page()
        return self._page

    def new_page(self) -> Page:
        """One more tab."""
        page = self.context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        page.on("dialog", self._close_dialog)
        page.on("request", lambda asked: self._stay_here(asked.url))
        page.on("requestfailed", lambda asked: self._note_failed(asked.url, asked.failure))
        return page

    def open(self, path: str = "/", *, status: int = 200, page: Page | None = None) -> Page:
        """Go to an address below `/console`."""
        page = page or self.page
        answer = page.goto(self.address(path))
        assert answer is not None
        assert status == answer.status, f"{path}: {answer.status}"
        return page

    def address(self, path: str) -> str:
        """The whole of it."""
        return f"{self.world.console}{path}"

    def sign_in_by_form(self, *, password: str | None = None, page: Page | None = None) -> None:
        """As people do."""
        from tests.console_world import PASSWORD

        page = page or self.page
        if "/login" not in page.url:
            page.goto(self.address("/login"))
        page.fill("input[name=name]", self.account)
        page.fill("input[name=password]", password or PASSWORD)
        page.click("main form button[type=submit]")
        page.wait_for_url(re.compile(r"/console(?!/login)"))

    # -- what must not happen ------------------------------------------------------------------------------------

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.troubles.append(f"{kind}: {text}")

    def _close_dialog(self, dialog: Any) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _stay_here(self, url: str) -> None:
        if not url.startswith((self.world.url, "data:", "blob:", "about:", "http://127.0.0.1:", "http://localhost:")):
            self.troubles.append(f"left this machine: {url}")

    def _note_failed(self, url: str, failure: str | None) -> None:
        # A download and a page that one leaves end a request; that is no trouble.
        if failure != "net::ERR_ABORTED":
            self.troubles.append(f"failed: {url} {failure}")


@dataclass
class Seats:
    """Makes seats: `seat("operator", language="en")`. More options are Playwright's own."""

    world: ConsoleWorld
    chromium: Chromium
    made: list[Seat] = field(default_factory=list)
    sat_at: list[Seat] = field(default_factory=list)
    """Shared ones."""
    reports: int = 0
    """CSP reports that the test is about."""

    def __call__(self, account: str | None = "everything", *, language: str = "vi", **options: Any) -> Seat:
        """A seat of this account, signed in; None for a stranger."""
        told: dict[str, Any] = {"viewport": DESK, "locale": language, "timezone_id": "Asia/Ho_Chi_Minh"} | options
        if account is not None:
            told["storage_state"] = {"cookies": self._cookies(account, language), "origins": []}
        context = self.chromium.browser.new_context(**told)
        if told.get("java_script_enabled", True):
            context.add_init_script(NOTED)
        made = Seat(world=self.world, context=context, account=account or "")
        self.made.append(made)
        return made

    def shared(self, account: str | None, language: str = "vi", **options: Any) -> Seat:
        """A seat that later tests sit at too: a context costs a quarter of a second. Its page is left as it is."""
        key = (self.world.url, account, language, repr(sorted(options.items())))
        kept = self.chromium.kept
        if key not in kept:
            kept[key] = self(account, language=language, **options)
            self.made.remove(kept[key])
        if kept[key] not in self.sat_at:
            self.sat_at.append(kept[key])
        return kept[key]

    def _cookies(self, account: str, language: str) -> list[dict[str, Any]]:
        pairs = {**self.world.session_of(account), "lienthong_language": language}
        return [
            {"name": name, "value": value, "domain": "127.0.0.1", "path": "/", "expires": -1, "httpOnly": True,
             "secure": False, "sameSite": "Lax"}
            for name, value in pairs.items()
        ]  # fmt: skip

    def close(self) -> list[str]:
        """Every seat is left; what was wrong at them."""
        troubles = [trouble for seat in (*self.made, *self.sat_at) for trouble in seat.troubles]
        for seat in self.made:
            seat.context.close()
        for seat in self.sat_at:
            seat.troubles.clear()
        return troubles


# -- what is judged on a page -----------------------------------------------------------------------------------------


def axe(page: Page, **options: Any) -> list[str]:
    """What axe-core finds wrong, a line each; nothing where all is well."""
    page.evaluate(_axe_source())
    told = {"runOnly": {"type": "tag", "values": list(TAGS)}, "resultTypes": ["violations"]} | options
    found = page.evaluate("told => axe.run(document, told)", told)
    return [
        f"{rule['id']}: {rule['help']}: {node['target']} {node['html'][:160]} {node['failureSummary'][:300]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@cache
def _axe_source() -> str:
    return (VENDOR / "axe-4.14.1.min.js").read_text(encoding="utf-8")


def overflow(page: Page) -> list[str]:
    """What makes the page wider than its window; nothing where it fits. What scrolls in a box of its own may."""
    found: list[str] = page.evaluate(_TOO_WIDE)
    return found


_TOO_WIDE: Final = """
() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const out = [];
  for (const e of document.body.querySelectorAll('*')) {
    const box = e.getBoundingClientRect();
    if (box.right > width + 1 && box.width > 0) {
      let inside = false;
      for (let p = e.parentElement; p; p = p.parentElement)
        if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(p).overflowX)) { inside = true; break; }
      if (!inside) out.push(e.tagName + '.' + e.className + ' ' + Math.round(box.right) + ' > ' + width + ': '
        + e.textContent.trim().slice(0, 60));
    }
  }
  return out.length ? out : ['scrollWidth ' + document.documentElement.scrollWidth + ' > ' + width];
}
"""


def shot(page: Page, name: str, *, whole: bool = True) -> Path:
    """A picture of the page, kept for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=whole, animations="disabled")
    return path


# -- fixtures ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", name="console_world")
def the_console_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleWorld]:
    """The world of `console_world.py`, once for each process. What a test changes in it is its own dossiers."""
    from tests.console_world import console_world

    with console_world(tmp_path_factory.mktemp("console")) as world:
        yield world


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The browser; skipped where there is none, and a failure in CI."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("needs chromium, not found on this machine")
    made = Chromium(program)
    yield made
    made.close()


@pytest.fixture
def seat(console_world: ConsoleWorld, chromium: Chromium) -> Iterator[Seats]:
    """Seats at the console of this process's world; nothing may go wrong at any of them."""
    yield from seats_at(console_world, chromium)


def seats_at(world: ConsoleWorld, chromium: Chromium) -> Iterator[Seats]:
    """Seats at this world."""
    before = world.csp_reports()
    chromium.wake()
    seats = Seats(world, chromium)
    try:
        yield seats
        troubles = seats.close()
    finally:
        chromium.sleep()
    assert troubles == [], troubles
    assert world.csp_reports() - before == seats.reports
