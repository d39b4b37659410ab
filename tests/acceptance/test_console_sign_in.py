"""Signing in at the console, the first administrator, and one's own account."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from tests.console_door import PASSWORD, Bench, bench, later


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture
def door(house: Bench) -> Bench:
    """A browser that comes for the first time, to a console where others were before."""
    house.client.cookies.clear()
    return house


def cookies(response) -> dict[str, str]:
    return {told.partition("=")[0]: told.partition("=")[2] for told in response.headers.get_list("set-cookie")}


# -- in and out --------------------------------------------------------------------------------------------------------


def test_who_has_not_signed_in_is_led_to_it(door: Bench) -> None:
    """A page asks who is there first, and sign-in leads back to the very page, filters included."""
    asked = door.get("/payments?partner=a&state=held")
    shown = door.client.get(asked.headers["location"])
    to = unescape(re.findall(r'name="to" value="([^"]*)"', shown.text)[-1])

    assert 303 == asked.status_code
    assert "/console/payments?partner=a&state=held" == to
    assert to == door.sign_in(to=to).headers["location"]


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example.invalid/console/",
        "//evil.example.invalid",
        "/console\\@evil.example.invalid",
        "/consolefoo",
        "/v1/events",
        "/console/../metrics",
        "/console/\r\nset-cookie: a=b",
        "javascript:alert(1)",
        "/console/login?next=/console/login",
        "",
    ],
)
def test_sign_in_leads_to_pages_of_ours_alone(door: Bench, to: str) -> None:
    """Whatever an address asks for, sign-in leads to a page of the console."""
    assert "/console/" == door.sign_in(to=to).headers["location"]


def test_part_of_a_page_after_the_end(door: Bench) -> None:
    """A page that renews a part of itself is not led away when its session ends: beside it somebody may be typing."""
    assert 401 == door.get("/payments", headers={"hx-request": "true"}).status_code


def test_cookie_of_plain_http(door: Bench) -> None:
    """The session's cookie is no script's, goes to no other site's forms, and ends with the browser."""
    told = cookies(door.sign_in())["lienthong"]

    assert {"HttpOnly", "Path=/", "SameSite=lax"} == {part.strip() for part in told.split(";")[1:]}


def test_cookie_of_https(tmp_path: Path) -> None:
    """Behind https the cookie belongs to this very host and is sent by https alone."""
    url = "https://lienthong.h99.example.invalid"
    with bench(tmp_path, base=url, public_url=url) as here:
        form = {"csrf": here.csrf("/login"), "name": "an", "password": PASSWORD, "to": ""}
        told = cookies(here.post("/login", form, headers={"origin": url}))
        shown = here.get("/account")

    assert "Secure" in told["__Host-lienthong"]
    assert "Domain" not in told["__Host-lienthong"]
    assert 200 == shown.status_code
    assert "max-age" in shown.headers["strict-transport-security"]


def test_each_sign_in_is_a_new_session(door: Bench) -> None:
    """A session's token is never one that was there before somebody signed in."""
    planted = "A" * 43
    door.client.cookies.set("lienthong", planted)
    csrf = door.csrf("/login")
    first = cookies(door.post("/login", {"csrf": csrf, "name": "an", "password": PASSWORD}))["lienthong"]
    second = cookies(door.sign_in())["lienthong"]

    assert not first.startswith(planted)
    assert first.split(";")[0] != second.split(";")[0]


def test_wrong_password_and_unknown_account(here: Bench) -> None:
    """Who guesses hears the same of a wrong password and of an account that nobody has."""
    wrong, unknown = here.sign_in(password="sai mất rồi"), here.sign_in("khong-co")

    assert (403, 403) == (wrong.status_code, unknown.status_code)
    assert "Tên đăng nhập hoặc mật khẩu không đúng" in wrong.text
    assert "Tên đăng nhập hoặc mật khẩu không đúng" in unknown.text
    assert "lienthong" not in cookies(wrong)


def test_guessing_is_slowed_down(here: Bench) -> None:
    """After some wrong tries the next has to wait and says how long; the right password has to wait as well."""
    for _ in range(5):
        here.sign_in(password="sai mất rồi")
    waiting = here.sign_in()

    assert 429 == waiting.status_code
    assert re.search(r"sau \d+ giây", waiting.text)
    later(here, hours=1)
    assert 303 == here.sign_in().status_code


def test_sign_in_form_needs_proof(door: Bench) -> None:
    """Nobody is signed in by another site's form: into whose account would he type?"""
    form = {"csrf": "made-up", "name": "an", "password": PASSWORD}

    assert 403 == door.post("/login", form).status_code
    assert 403 == door.post("/login", form, headers={"origin": "http://evil.example.invalid"}).status_code


def test_signing_out(door: Bench) -> None:
    """Signing out ends the session itself, not only this browser's cookie."""
    door.sign_in()
    token = door.client.cookies["lienthong"]
    out = door.post("/logout", {"csrf": door.csrf()})
    door.client.cookies.set("lienthong", token)

    assert 303 == out.status_code
    assert "cache" in out.headers["clear-site-data"]
    assert 303 == door.get("/account").status_code


@pytest.mark.parametrize(("span", "is_there"), [({"minutes": 29}, True), ({"minutes": 31}, False)])
def test_idle_session_ends(door: Bench, span: dict[str, float], is_there: bool) -> None:
    """A session that nobody uses ends after the settings' idle time."""
    door.sign_in()
    later(door, **span)

    assert is_there == (200 == door.get("/account").status_code)


def test_page_left_open_keeps_no_session_alive(door: Bench) -> None:
    """What a page asks by itself (the live log coming back, a part that renews itself) is nobody's use of the session:
    it ends as if nothing had been asked; what a person opens keeps it."""
    door.sign_in()
    for _ in range(4):
        later(door, minutes=10)
        kept = door.get("/account").status_code
    for _ in range(2):
        later(door, minutes=10)
        renewed = door.get("/account", headers={"hx-request": "true"}).status_code
        assert 200 == door.client.head("/console/log/live").status_code
    later(door, minutes=11)

    assert (200, 200) == (kept, renewed)
    assert 303 == door.get("/account").status_code


def test_session_in_use_ends_too(door: Bench) -> None:
    """However much it is used, a session ends after the settings' longest time."""
    door.sign_in()
    for _ in range(24):
        later(door, minutes=29)
        door.get("/account")
    later(door, minutes=29)

    assert 303 == door.get("/account").status_code


def test_host_that_is_not_ours(tmp_path: Path) -> None:
    """Without a public address the console answers this machine's own names: a stranger's name that leads here gets
    a page that says what to set."""
    with bench(tmp_path, base="http://evil.example.invalid") as here:
        answer = here.get("/login")

    assert 421 == answer.status_code
    assert "public_url" in answer.text
    assert "password" not in answer.text


# -- the demo's token --------------------------------------------------------------------------------------------------


def test_demo_token_opens_pages(tmp_path: Path) -> None:
    """In the demo its token reads every page; it presses no button, and elsewhere it is nothing."""
    bearer = {"authorization": "Bearer the-token"}
    with bench(tmp_path, demo_token="the-token") as here:
        read = here.get("/payments", headers=bearer)
        wrong = here.get("/payments", headers={"authorization": "Bearer another"})
        pressed = here.post("/account/sessions", {"session": "others", "csrf": ""}, headers=bearer)
    (tmp_path / "other").mkdir()
    with bench(tmp_path / "other") as here:
        elsewhere = here.get("/payments", headers=bearer)

    assert 200 == read.status_code
    assert (303, 401, 303) == (wrong.status_code, pressed.status_code, elsewhere.status_code)


# -- the first administrator -------------------------------------------------------------------------------------------


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, people=False) as made:
        made.console.first_run.prepare()
        yield made


def first(made: Bench, **more: str) -> dict[str, str]:
    code = made.console.first_run.path.read_text().strip()
    form = {"code": code, "name": "Hoa", "shown": "Phạm Thị Hoa", "password": PASSWORD, "again": PASSWORD}
    return {"csrf": made.csrf("/first-run")} | form | more


def test_first_administrator(empty: Bench) -> None:
    """With no account every page leads to making the first one; its maker signs in and may hand out rights."""
    assert "/console/first-run" == empty.get("/payments").headers["location"]
    assert "/console/first-run" == empty.get("/login").headers["location"]
    made = empty.post("/first-run", first(empty))

    assert "Đã tạo tài khoản hoa" in unescape(empty.told(made).text)
    assert 303 == empty.sign_in("hoa").status_code
    assert "quản trị" in empty.get("/account").text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"code": "sai"}, "Mã không đúng"),
        ({"name": "Hoa Phạm"}, "Tên đăng nhập không hợp lệ"),
        ({"shown": "  "}, "họ và tên hiển thị"),
        ({"password": "ngắn", "again": "ngắn"}, "12"),
        ({"again": "khác hẳn với lần đầu"}, "không giống nhau"),
    ],
    ids=["code", "name", "shown", "short", "again"],
)
def test_first_administrator_refused(empty: Bench, more: dict[str, str], said: str) -> None:
    """What is wrong is said beside its field, what was typed stays but for secrets, and no account is made."""
    form = first(empty, **more)
    answer = empty.post("/first-run", form)

    assert 422 == answer.status_code
    assert said in unescape(answer.text)
    assert "Phạm Thị Hoa" in answer.text or "shown" in more
    assert PASSWORD not in answer.text
    assert not empty.console.people.is_anybody_here()


def test_first_run_is_over(door: Bench) -> None:
    """Once there is an account the page makes no other, whatever code is sent."""
    assert "/console/login" == door.get("/first-run").headers["location"]
    form = {"csrf": door.csrf("/login"), "code": "x", "name": "evil", "shown": "E", "password": PASSWORD}
    answer = door.post("/first-run", form)

    assert answer.headers["location"].startswith("/console/login")
    assert door.console.people.find("evil") is None


# -- one's own account -------------------------------------------------------------------------------------------------

NEW = "một cụm khác cũng dài"


def test_change_of_ones_password(here: Bench) -> None:
    """A new password counts at once, other sessions end, this one stays."""
    here.sign_in()
    other = here.client.cookies["lienthong"]
    here.sign_in()
    form = {"csrf": here.csrf(), "password_now": PASSWORD, "password": NEW, "password_again": NEW}
    changed = here.post("/account/password", form)
    stays = here.get("/account").status_code
    here.client.cookies.clear()
    here.client.cookies.set("lienthong", other)

    assert 303 == changed.status_code
    assert 200 == stays
    assert 303 == here.get("/account").status_code
    assert (403, 303) == (here.sign_in().status_code, here.sign_in(password=NEW).status_code)


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"password_now": "sai mất rồi", "password": NEW, "password_again": NEW}, 422, "hiện tại không đúng"),
        ({"password_now": PASSWORD, "password": "ngắn", "password_again": "ngắn"}, 422, "12"),
        ({"password_now": PASSWORD, "password": NEW, "password_again": "x"}, 422, "không giống nhau"),
    ],
    ids=["now", "short", "again"],
)
def test_change_of_password_refused(here: Bench, form: dict[str, str], status: int, said: str) -> None:
    """What is wrong with a new password is said, and the old one stays."""
    here.sign_in()
    answer = here.post("/account/password", {"csrf": here.csrf()} | form)

    assert status == answer.status_code
    assert said in unescape(answer.text)
    assert 303 == here.sign_in().status_code


def test_guessing_at_an_open_screen(here: Bench) -> None:
    """The page for one's password is no place to guess it: tries are counted as at sign-in."""
    here.sign_in()
    form = {"csrf": here.csrf(), "password_now": "sai mất rồi", "password": NEW, "password_again": NEW}
    told = [here.post("/account/password", form).status_code for _ in range(6)]

    assert 429 == told[-1]


def test_ones_sessions(here: Bench) -> None:
    """One sees where one is signed in, ends one of them or all others, and nobody else's."""
    here.sign_in("chi")
    foreign = here.console.people.sessions("chi")[0].id
    for _ in range(3):
        here.sign_in()
    ids = [session.id for session in here.console.people.sessions("an")]
    csrf = here.csrf()
    here.post("/account/sessions", {"csrf": csrf, "session": str(foreign)})
    here.post("/account/sessions", {"csrf": csrf, "session": str(ids[-1])})

    assert 2 == len(here.console.people.sessions("an"))
    assert 1 == len(here.console.people.sessions("chi"))
    here.post("/account/sessions", {"csrf": csrf, "session": "others"})
    assert 1 == len(here.console.people.sessions("an"))
    assert 404 == here.post("/account/sessions", {"csrf": csrf, "session": "9" * 30}).status_code
    assert 200 == here.get("/account").status_code
    own = here.console.people.sessions("an")[0].id
    assert 303 == here.post("/account/sessions", {"csrf": csrf, "session": str(own)}).status_code
    assert 303 == here.get("/account").status_code


# -- language and light ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("en-GB,en;q=0.9", "en"), ("vi", "vi"), ("fr", "vi"), (None, "vi"), ("en;q=0.2, vi;q=0.1", "en")],
)
def test_language_that_a_browser_asks_for(door: Bench, accepted: str | None, language: str) -> None:
    """A stranger is spoken to in the language that the browser prefers; Vietnamese unless English is wanted more."""
    shown = door.get("/login", headers={"accept-language": accepted} if accepted else {})

    assert f'<html lang="{language}"' in shown.text
    assert language == shown.headers["content-language"]


def test_chosen_language_and_light_stay(door: Bench) -> None:
    """A choice of language and of light or dark holds for this browser, through sign-in, and leads back to the page."""
    csrf = door.csrf("/login")
    gone = door.post("/preferences", {"csrf": csrf, "language": "en", "theme": "dark", "to": "/console/login?next=x"})
    kept = dict(door.client.cookies)
    door.post("/login", {"csrf": csrf, "name": "an", "password": PASSWORD})
    page = door.get("/account").text

    assert "/console/login?next=x" == gone.headers["location"]
    assert ("en", "dark") == (kept["lienthong_language"], kept["lienthong_theme"])
    assert '<html lang="en" data-theme="dark">' in page
    assert "My account" in page


def test_choices_that_there_are_not(door: Bench) -> None:
    """A language that is not there is refused in words; a place that is not ours is not gone to."""
    csrf = door.csrf("/login")
    elsewhere = door.post("/preferences", {"csrf": csrf, "language": "en", "to": "https://evil.example.invalid/"})

    assert 400 == door.post("/preferences", {"csrf": csrf, "language": "xx"}).status_code
    assert "/console/" == elsewhere.headers["location"]


def test_account_speaks_its_own_language(here: Bench) -> None:
    """Where nothing was chosen at this browser, the account's language counts before the browser's wish."""
    here.console.people.set_shown("an", shown="An", language="en", actor="person:chi", reason="asked for it")
    here.sign_in()

    assert '<html lang="en"' in here.get("/account", headers={"accept-language": "vi"}).text
