"""The rights of the console, made from the list of pages: a page that is added is in these tests by being there."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

import httpx2
import pytest

from adapters.doors.console.gate import CSRF
from adapters.doors.console.page import Page
from adapters.doors.console.pages import PAGES
from bus.rights import Right
from tests.builders import DOSSIER, make_event, make_step
from tests.console_door import Bench, bench

WHO: Final = {"actor": "person:root", "reason": "for the tests"}
UNIT: Final = "H99.09"
PLACES: Final = {"name": "an", "number": DOSSIER, "id": "1", "n": "1", "what": "deliveries", "form": "csv"}
"""What stands in the addresses of pages; for a place that is not here any number will do."""
FORM: Final = {
    "reason": "asked for by letter 12",
    "press": "x",
    "number": DOSSIER,
    "delivery": "1",
    "partner": "books",
    "name": "an",
    "shown": "An",
    "password": "bốn từ thật dài nhé",
    "roles": "administrator",
    "rights": "administer",
    "role": "viewer",
    "scope": "every",
    "session": "all",
    "how": "send_again",
    "to": "/console/",
}
"""Well formed for any of the forms: were it taken, something would change."""
NOTES: Final = frozenset({"audit", "moves", "chain_heads", "sessions", "meta", "presses", "sqlite_stat1"})
"""Where a look may leave a trace: who looked and the chain that binds it, when the session was used, press keys."""
CLOSED: Final = tuple(page for page in PAGES if not page.is_open)
MORE: Final = {"exchange_opened": Right.BODIES}
"""Pages that want a second right beside their own."""


def address(page: Page) -> str:
    return re.sub(r"\{([a-z_]+)(?::[a-z]+)?\}", lambda place: PLACES.get(place[1], "1"), page.path)


def name_of(page: Page) -> str:
    return f"{page.method} {page.name}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A console with a dossier of one unit, and for each right an account that has nothing else."""
    with bench(tmp_path_factory.mktemp("matrix"), strict=False, most_live=0) as found:
        found.world.accept(make_event(unit=UNIT), make_step())
        found.world.settle_down()
        people = found.console.people
        for right in Right:
            people.set_role(f"only-{right.value}", [right], **WHO)
            _add(found, f"has-{right.value}", [f"only-{right.value}"], None)
        every = [f"only-{right.value}" for right in Right]
        _add(found, "has-everything", every, None)
        _add(found, "sees-elsewhere", every, ("H99.10",))
        _add(found, "sees-here", every, (UNIT,))
        yield found


@pytest.fixture(scope="module")
def tokens(made: Bench) -> dict[Right, str]:
    """Of sessions that nobody ends, of accounts of their own: they are asked with what is refused."""
    for right in Right:
        _add(made, f"refused-{right.value}", [f"only-{right.value}"], None)
    return {right: _token(made, f"refused-{right.value}") for right in Right}


@pytest.fixture(scope="module")
def gone(made: Bench) -> str:
    """The token of a session whose account was disabled."""
    _add(made, "gone", [f"only-{right.value}" for right in Right], None)
    token = _token(made, "gone")
    made.console.people.disable("gone", **WHO)
    return token


def _add(found: Bench, name: str, roles: list[str], units: tuple[str, ...] | None) -> None:
    found.console.people.add(name, shown=name, password="kept", roles=roles, units=units, **WHO)


@contextmanager
def nothing_written(found: Bench) -> Iterator[None]:
    """That nobody commits anything to the ledger meanwhile."""
    with closing(sqlite3.connect(found.world.path)) as db:
        (before,) = db.execute("PRAGMA data_version").fetchone()
        yield
        assert (before,) == db.execute("PRAGMA data_version").fetchone()


def ask(found: Bench, page: Page, account: str) -> httpx2.Response:
    """Look at the page, or press its button, in a session that has just begun: the button may end it."""
    found.client.cookies.clear()
    return ask_with(found, page, _token(found, account))


def _token(found: Bench, account: str) -> str:
    return found.console.people.sign_in(account, address="192.0.2.1", agent="a browser").token


def ask_with(found: Bench, page: Page, token: str) -> httpx2.Response:
    if token:
        found.client.cookies.set("lienthong", token)
    if page.method == "GET":
        return found.get(address(page))
    return found.post(address(page), FORM | {CSRF: found.console.sealing.proof(CSRF, token)})


def kept(found: Bench, *, but: frozenset[str] = frozenset()) -> dict[str, str]:
    """A digest of each table."""
    with closing(sqlite3.connect(found.world.path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: _digest(db, name) for name in names if name not in but}


def _digest(db: sqlite3.Connection, table: str) -> str:
    rows: list[Any] = db.execute(f"SELECT * FROM {table}").fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def is_shown_to_strangers(answer: httpx2.Response) -> bool:
    """Whether the answer is the way to the sign-in, and nothing else."""
    goes_to_login = 303 == answer.status_code and answer.headers["location"].startswith("/console/login")
    return goes_to_login or 401 == answer.status_code


def test_writing_is_noticed(made: Bench) -> None:
    """What watches for writing in these tests sees a page that is only noted."""
    (page,) = [page for page in PAGES if page.name == "audit"]
    token = _token(made, "has-audit")
    with pytest.raises(AssertionError), nothing_written(made):
        ask_with(made, page, token)


@pytest.mark.parametrize("page", CLOSED, ids=name_of)
def test_each_right_alone(made: Bench, tokens: dict[Right, str], page: Page) -> None:
    """A page is open exactly to who has its right; who has any other is refused, and nothing at all is written."""
    for right in Right:
        if page.right in (None, right) and page.name not in MORE:
            answer = ask(made, page, f"has-{right.value}")
            assert 403 != answer.status_code, (page, right, answer.text)
            assert not is_shown_to_strangers(answer) or page.name == "logout", (page, right)
            assert answer.status_code in (*range(200, 500), 503), (page, right, answer.text)
            continue
        made.client.cookies.clear()
        with nothing_written(made):
            answer = ask_with(made, page, tokens[right])
        assert 403 == answer.status_code, (page, right)


@pytest.mark.parametrize("page", [page for page in CLOSED if page.name in MORE], ids=name_of)
def test_two_rights_together(made: Bench, page: Page) -> None:
    """A page that wants a second right is open to who has both."""
    wanted = [right for right in (page.right, MORE[page.name]) if right is not None]
    name = f"both-{page.name}"
    _add(made, name, [f"only-{right.value}" for right in wanted], None)
    answer = ask(made, page, name)

    assert answer.status_code in (200, 303, 404, 422), answer.text


@pytest.mark.parametrize("page", CLOSED, ids=name_of)
@pytest.mark.parametrize("who", ["nobody", "made-up token", "disabled account"])
def test_without_a_session(made: Bench, gone: str, page: Page, who: str) -> None:
    """A stranger, a made-up token, and a session of an account that was disabled meanwhile are shown the way to the
    sign-in, and nothing is written."""
    made.client.cookies.clear()
    with nothing_written(made):
        answer = ask_with(made, page, {"nobody": "", "made-up token": "made-up", "disabled account": gone}[who])

    assert is_shown_to_strangers(answer) or 403 == answer.status_code, (page, answer.status_code)
    assert DOSSIER not in answer.text


@pytest.mark.parametrize("page", [page for page in CLOSED if page.method == "GET"], ids=name_of)
def test_looking_changes_nothing(made: Bench, page: Page) -> None:
    """Opening a page leaves nothing but the note that somebody looked (S13)."""
    before = kept(made, but=NOTES)
    answer = ask(made, page, "has-everything")

    assert answer.status_code in (200, 303, 404, 422, 503), answer.text
    assert before == kept(made, but=NOTES)


@pytest.mark.parametrize("page", [page for page in CLOSED if page.method == "GET"], ids=name_of)
def test_units_limit_every_page(made: Bench, page: Page) -> None:
    """Who is limited to other units is shown nothing of this dossier; his pages answer as if it were not there."""
    answer = ask(made, page, "sees-elsewhere")

    if "{number" in page.path or "{id}" in page.path:
        assert answer.status_code in (303, 403, 404, 503), (page, answer.status_code)
    else:
        assert DOSSIER not in answer.text, page


def test_units_do_not_hide_ones_own(made: Bench) -> None:
    """The dossier that others are not shown is there for who sees its unit."""
    shown = [page for page in CLOSED if page.method == "GET" and "{number" in page.path]

    assert shown
    for page in shown:
        assert 200 == ask(made, page, "sees-here").status_code


def test_every_right_opens_something() -> None:
    """No right is without a page, and every form asks for one, but those about oneself."""
    assert set(Right) - {Right.BODIES} <= {page.right for page in PAGES}
    assert {"logout", "account-password", "account-sessions"} == {
        page.name for page in CLOSED if page.method == "POST" and page.right is None
    }
