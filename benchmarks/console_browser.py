"""F10 in a real browser: the first page with nothing cached, and a page that follows five hundred events a second."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from adapters.doors.reading import read_event
from benchmarks.console_history import Sizes
from benchmarks.console_pages import number_of
from benchmarks.events import step_json
from benchmarks.spread import percentile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from benchmarks.console import Served

PAGES: Final = {"today": "/", "log": "/log", "search": "/search?q=nguyen+van", "dossier": f"/dossiers/{number_of(7)}"}
LOADS: Final = 10
RATE: Final = 500
EVENTS_S: Final = 15
"""How long the live page is watched."""
BURST: Final = 25
WATCH: Final = """() => {
  window.stalls = []; window.keys = [];
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    window.stalls.push(now - last);
    last = now;
    setTimeout(tick, 0);
  };
  new PerformanceObserver(list => list.getEntries().forEach(e => window.keys.push(e.processingStart - e.startTime)))
    .observe({type: 'event', durationThreshold: 16, buffered: true});
  window.longTasks = [];
  new PerformanceObserver(list => list.getEntries().forEach(e => window.longTasks.push(e.duration)))
    .observe({type: 'longtask'});
  tick();
}"""
READ: Final = """() => ({stall: Math.max(...window.stalls), tasks: window.longTasks, keys: window.keys,
  rows: document.querySelectorAll('#log-rows tbody tr').length,
  told: document.getElementById('live-told').textContent})"""


def measure(served: Served, size: Sizes) -> dict[str, Any]:
    """Milliseconds; nothing where there is no browser on this machine."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        return {}
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            return {"loads": _loads(browser, served), "live": _live(browser, served, size)}
        finally:
            browser.close()


@contextmanager
def _context(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser that has never been here, signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="vi-VN")
    host = urlsplit(served.url).hostname or ""
    context.add_cookies([{"name": "lienthong", "value": served.cookies["everything"], "domain": host, "path": "/"}])
    try:
        yield context
    finally:
        context.close()


def _loads(browser: Browser, served: Served) -> dict[str, dict[str, float]]:
    """From the address to the end of loading, nothing cached."""
    found: dict[str, dict[str, float]] = {}
    for name, path in PAGES.items():
        took = []
        for _ in range(LOADS):
            with _context(browser, served) as context:
                page = context.new_page()
                page.goto(f"{served.url}/console{path}", wait_until="load")
                took.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
        found[name] = {"p50_ms": round(percentile(took, 0.5)), "max_ms": round(max(took))}
    return found


def _live(browser: Browser, served: Served, size: Sizes) -> dict[str, Any]:
    """The longest time in which the page's own thread did nothing else, and what a key waited for."""
    with _context(browser, served) as context:
        page = context.new_page()
        page.goto(f"{served.url}/console/log", wait_until="load")
        page.click("main summary")
        page.evaluate(WATCH)
        with _rain(served, size) as accepted:
            until = time.monotonic() + EVENTS_S
            while time.monotonic() < until:
                page.type("#f-dossier", "x", delay=0)
                page.wait_for_timeout(200)
        told = page.evaluate(READ)
    return {
        "accepted_a_second": round(accepted[0] / EVENTS_S),
        "longest_stall_ms": round(told["stall"], 1),
        "long_tasks": len(told["tasks"]),
        "longest_key_ms": round(max(told["keys"], default=0.0), 1),
        "rows": told["rows"],
        "told": told["told"],
    }


@contextmanager
def _rain(served: Served, size: Sizes) -> Iterator[list[int]]:
    """Five hundred events a second come in, while the block runs."""
    chance = int(time.time())
    events = [read_event(step_json(number_of((chance + n) % size.dossiers), n)) for n in range(RATE * EVENTS_S + BURST)]
    accepted, stop = [0], threading.Event()

    def fall() -> None:
        began = time.monotonic()
        for at in range(0, len(events), BURST):
            served.installation.intake.accept_many(events[at : at + BURST])
            accepted[0] += BURST
            if stop.wait(max(0.0, began + accepted[0] / RATE - time.monotonic())):
                return

    thread = threading.Thread(target=fall)
    thread.start()
    try:
        yield accepted
    finally:
        stop.set()
        thread.join()
