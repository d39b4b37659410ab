"""S13, forgery: nothing changes by GET, by a foreign page, or by a form that does not carry its session's proof.

Every route is taken from the console's own list, so that a new one is tried without a word here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import httpx2
import pytest

from adapters.doors.console.dressing import CSP
from adapters.doors.console.links import PREFIX
from adapters.doors.console.page import Page as Route
from adapters.doors.console.pages import PAGES
from tests.browser.foreign import Foreign, foreign_site
from tests.browser.places import READABLE, place
from tests.console_kit import Seat, Seats
from tests.console_world import ConsoleWorld

FORMS = tuple(page for page in PAGES if page.method == "POST")
FORM = {"content-type": "application/x-www-form-urlencoded"}
FILLED = {
    "reason": "Theo yêu cầu của lãnh đạo phòng",
    "number": "H99.09-260703-0811",
    "how": "arrived",
    "account": "viewer",
    "name": "viewer",
    "password": "nhịp cầu qua sông Thử",
    "confirm": "yes",
    "digest": "0",
}


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Foreign]:
    with foreign_site() as site:
        yield site


@pytest.fixture
def unchanged(console_world: ConsoleWorld) -> Iterator[ConsoleWorld]:
    """The ledger's rows before and after: equal, or somebody got in."""
    for account in ("everything", "second"):
        console_world.session_of(account)
    before = console_world.marks()
    yield console_world
    assert before == console_world.marks()


def filled(route: Route) -> str:
    """The address of a form, with something in each place."""
    return PREFIX + re.sub(r"\{[^}]+\}", "1", route.path)


def post(
    world: ConsoleWorld,
    path: str,
    fields: dict[str, str] | None = None,
    *,
    account: str | None = "everything",
    **more: str,
) -> httpx2.Response:
    """A form; `more` are headers."""
    headers = FORM | {name.replace("_", "-"): value for name, value in more.items()}
    body = urlencode(FILLED if fields is None else fields)
    return world.ask("POST", path, account, content=body.encode(), headers=headers)


def own_proof(world: ConsoleWorld, account: str) -> dict[str, str]:
    """A form as this account's session would send it."""
    page = world.ask("GET", f"{PREFIX}/payments", account).text
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page[:2000]
    return FILLED | {"csrf": found[1]}


# -- without a browser: what a program can send ------------------------------------------------------------------------

Attack = Callable[[ConsoleWorld, str], httpx2.Response]
ATTACKS: dict[str, Attack] = {
    "nobody signed in": lambda world, path: post(world, path, account=None),
    "no proof": lambda world, path: post(world, path),
    "empty proof": lambda world, path: post(world, path, FILLED | {"csrf": ""}),
    "another session's proof": lambda world, path: post(world, path, own_proof(world, "second")),
    "foreign origin, own proof": lambda world, path: post(
        world, path, own_proof(world, "everything"), origin="http://elsewhere.example.invalid"
    ),
    "origin null, own proof": lambda world, path: post(world, path, own_proof(world, "everything"), origin="null"),
    "another port of this host": lambda world, path: post(
        world, path, own_proof(world, "everything"), origin="http://127.0.0.1:1", sec_fetch_site="same-site"
    ),
    "proof in the address": lambda world, path: post(
        world, f"{path}?csrf={own_proof(world, 'everything')['csrf']}", FILLED
    ),
    "a form as text": lambda world, path: post(world, path, content_type="text/plain"),
    "a form as JSON": lambda world, path: post(world, path, content_type="application/json"),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_form_that_proves_nothing(attack: Attack, unchanged: ConsoleWorld) -> None:
    """No form route does anything without its session's own proof, from its own origin."""
    statuses = {route.path: attack(unchanged, filled(route)).status_code for route in FORMS}

    assert {path: status for path, status in statuses.items() if status not in (401, 403, 415)} == {}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods(method: str, unchanged: ConsoleWorld) -> None:
    """A form's address takes POST and nothing else, whatever header or field asks for another method."""
    readable = {re.sub(r"\{[^}]+\}", "1", page.path) for page in READABLE}
    more = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST", "X-HTTP-Method": "POST"}
    for route in FORMS:
        if re.sub(r"\{[^}]+\}", "1", route.path) in readable and method in ("GET", "HEAD"):
            continue
        answer = unchanged.ask(method, f"{filled(route)}?_method=POST", headers=more)
        assert answer.status_code in (400, 404, 405), f"{method} {route.path}: {answer.status_code}"


def test_reading_changes_nothing(unchanged: ConsoleWorld) -> None:
    """Every page can be read, by GET with the fields of a form in its address, and nothing follows from it."""
    for route in READABLE:
        answer = unchanged.look(place(route, unchanged), params=FILLED)
        assert answer.status_code < 500, f"{route.path}: {answer.status_code}"


def test_headers_of_every_page(console_world: ConsoleWorld) -> None:
    """Each answer forbids frames, foreign scripts, guessing of types, and being kept."""
    assert "unsafe" not in CSP
    for route in READABLE:
        answer = console_world.look(place(route, console_world))
        told = {name: answer.headers.get(name, "") for name in _WANTED}
        policy = told.pop("content-security-policy")

        assert {"x-frame-options": "DENY", "x-content-type-options": "nosniff", "cache-control": "no-store"} == told
        assert policy == CSP or policy == "default-src 'none'; sandbox", route.path


_WANTED = ("content-security-policy", "x-frame-options", "x-content-type-options", "cache-control")


# -- with a browser: what a foreign page can do ------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["another port, with cookies", "another site"])
def test_foreign_page_sends_a_form(host: str, unchanged: ConsoleWorld, seat: Seats, elsewhere: Foreign) -> None:
    """A page of another origin makes the browser of somebody signed in send our forms, and nothing comes of it."""
    here = seat("everything")
    # Another site's forms carry no cookie at all: a few of them tell as much.
    for n, route in enumerate(FORMS if host == "127.0.0.1" else FORMS[::8]):
        address = elsewhere.form(f"form-{host}-{n}", unchanged.url + filled(route), FILLED, host=host)
        with here.page.expect_response(lambda answer: answer.request.method == "POST") as sent:
            here.page.goto(address)
        assert sent.value.status in (401, 403), f"{route.path}: {sent.value.status}"
    _forgive(here, "40[13]")


def test_foreign_page_reads_nothing(console_world: ConsoleWorld, seat: Seats, elsewhere: Foreign) -> None:
    """A script of another origin cannot read a page, and cannot send what a form would not."""
    here = seat("everything")
    tries = [
        elsewhere.fetch("read", f"{console_world.console}/"),
        elsewhere.fetch("send", f"{console_world.console}/logout", method="POST", headers={"x-own": "1"}),
    ]
    for address in tries:
        here.page.goto(address)
        here.page.wait_for_function("document.title !== 'foreign'")
        assert "closed" == here.page.title()
    _forgive(here, "CORS|ERR_FAILED|failed:")


def test_no_frame_around_it(console_world: ConsoleWorld, seat: Seats, elsewhere: Foreign) -> None:
    """A foreign page cannot lay our pages under its own."""
    here, before = seat("everything"), console_world.csp_reports()
    here.page.goto(elsewhere.put("frame", f'<iframe src="{console_world.console}/"></iframe>'))
    here.page.wait_for_load_state("networkidle")
    (frame,) = [frame for frame in here.page.frames if frame != here.page.main_frame]

    assert 0 == frame.locator("main").count()
    # The browser tells us that somebody tried, which is what the report is for.
    end = time.monotonic() + 60
    while console_world.csp_reports() == before and time.monotonic() < end:
        here.page.wait_for_timeout(50)
    seat.reports = 1
    _forgive(here, "frame|refused|ERR_BLOCKED_BY_RESPONSE")


def test_session_is_new_after_sign_in(console_world: ConsoleWorld, seat: Seats) -> None:
    """A token that somebody planted before sign-in opens nothing afterwards; the new one is out of scripts' reach."""
    here = seat(None)
    planted = "planted-by-somebody-else-00000000000000000000"
    here.context.add_cookies([{"name": "lienthong", "value": planted, "domain": "127.0.0.1", "path": "/"}])
    here.account = "viewer"
    here.sign_in_by_form()
    (cookie,) = [cookie for cookie in here.context.cookies() if cookie["name"] == "lienthong"]

    assert planted != cookie["value"]
    assert (True, "Lax", "/") == (cookie["httpOnly"], cookie["sameSite"], cookie["path"])
    assert "lienthong=" not in here.page.evaluate("document.cookie")
    answer = console_world.ask("GET", f"{PREFIX}/payments", None, cookies=f"lienthong={planted}")
    assert "/login" in answer.headers["location"]


def _forgive(here: Seat, expected: str) -> None:
    """Browsers complain of what they refused: of nothing else."""
    left = [trouble for trouble in here.troubles if not re.search(expected, trouble, re.IGNORECASE)]
    here.troubles[:] = left
