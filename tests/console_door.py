"""The console's door over a small world, without a port: pages of a test's own, passwords that cost nothing to hash."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
from starlette.routing import Router
from starlette.testclient import TestClient

from adapters.doors.console.door import ConsoleDoor, mount
from adapters.doors.console.frame import Console
from adapters.doors.console.gate import Gate
from adapters.doors.console.page import Page
from adapters.doors.console.pages import PAGES
from adapters.doors.console.passwords import Passwords
from adapters.doors.console.threads import Threads
from bus.ports import FileStorage, SystemRandomness, no_crash
from bus.routing import Routes
from config.console import make_console, manners_of
from config.console_settings import ConsoleSettings
from config.settings import Settings
from config.wiring import Installation, Ports
from tests.world import World

CHEAP: Final = Passwords(passes=1, memory_kib=8, lanes=1)
PASSWORD: Final = "bốn từ thật dài nhé"
HERE: Final = "http://127.0.0.1"
ACCOUNTS: Final = {
    "an": ("Nguyễn Văn An", ("operator",), None),
    "binh": ("Trần Thị Bình", ("viewer",), ("H99.11",)),
    "chi": ("Lê Chi", ("administrator",), None),
}
_CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Bench:
    """A browser at the console: it keeps cookies, follows nothing, and runs no scripts."""

    world: World
    console: Console
    door: ConsoleDoor
    client: httpx2.Client
    counted: list[str] = field(default_factory=list)
    """What the console told those who count."""

    def get(self, path: str, **how: Any) -> httpx2.Response:
        """Look at a page."""
        return self.client.get(f"/console{path}", **how)

    def post(self, path: str, form: Mapping[str, str] | Sequence[tuple[str, str]] = (), **how: Any) -> httpx2.Response:
        """Press a button, as a browser of our own page does."""
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": HERE} | how.pop("headers", {})
        return self.client.post(f"/console{path}", content=urlencode(form), headers=headers, **how)

    def csrf(self, path: str = "/account") -> str:
        """The token of a page's forms."""
        found = _CSRF.search(self.get(path).text)
        assert found, path
        return found[1]

    def sign_in(self, name: str = "an", password: str = PASSWORD, **more: str) -> httpx2.Response:
        """By the form, as a browser that comes for the first time; with `csrf` by the form that it had."""
        if "csrf" not in more:
            self.client.cookies.clear()
            more["csrf"] = self.csrf("/login")
        return self.post("/login", {"name": name, "password": password, "to": "/console/account"} | more)

    def told(self, response: httpx2.Response) -> httpx2.Response:
        """Where a form led to."""
        assert 303 == response.status_code, response.text
        return self.client.get(response.headers["location"])


@contextmanager
def bench(
    folder: Path,
    *,
    pages: tuple[Page, ...] = (),
    people: bool = True,
    base: str = HERE,
    demo_token: str | None = None,
    strict: bool = True,
    threads: Threads | None = None,
    most_live: int = 64,
    world: World | None = None,
    joined: Callable[[Console], Console] = lambda console: console,
    **settings: Any,
) -> Iterator[Bench]:
    """With these pages beside the console's own. Unless told otherwise a missing word is an error here.

    `joined`: what a test has beside the ledger, joined to the console.
    """
    world = world or World(folder)
    told = ConsoleSettings(**settings)
    console = make_console(installation_of(world, told), is_demo=demo_token is not None, strict=strict, passwords=CHEAP)
    counted: list[str] = []
    console = replace(
        joined(console), count_sign_in=counted.append, count_csp_report=lambda: counted.append("csp_report")
    )
    if people:
        add_people(console)
    gate = Gate(console.people, console.sealing, world.clock, manners_of(told, demo_token))
    door = ConsoleDoor(console, gate, threads=threads or Threads(4), most_live=most_live, pages=(*PAGES, *pages))
    router = Router(redirect_slashes=False)
    mount(router, door)
    try:
        with TestClient(router, base_url=base, follow_redirects=False, raise_server_exceptions=False) as client:
            yield Bench(world=world, console=console, door=door, client=client, counted=counted)
    finally:
        world.close()


def installation_of(world: World, console: ConsoleSettings) -> Installation:
    """As much of one as a console asks for."""
    return Installation(
        settings=Settings(console=console),
        ports=Ports(clock=world.clock, randomness=SystemRandomness(), storage=FileStorage(), crash_point=no_crash),
        ledger=world.ledger,
        routes=Routes(()),
        intake=world.intake,
        reads=world.reads,
        repairs=world.repairs,
    )


def add_people(console: Console) -> None:
    """Three, with one password."""
    kept = CHEAP.kept(PASSWORD)
    for name, (shown, roles, units) in ACCOUNTS.items():
        console.people.add(
            name, shown=shown, password=kept, roles=roles, units=units, actor="person:root", reason="for the tests"
        )


def later(made: Bench, **span: float) -> None:
    """Let time pass."""
    made.world.clock.sleep(timedelta(**span).total_seconds())
