"""Forms of the console: only our own pages' forms change anything, and nothing typed is lost when a session ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from adapters.doors.console.answers import Answer, Gone
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit
from bus.rights import Right
from tests.console_door import HERE, Bench, bench, later

TYPED = 'Gõ dở: "<script>alert(1)</script>" &amp; dòng\nhai'


class Pressed:
    """A page with a button; it keeps what was pressed."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []

    def press(self, console: Console, visit: Visit, asked: Asked) -> Answer:
        self.forms.append({name: value for name, value in asked.form.items() if name != "csrf"})
        return Gone("/console/account")


@pytest.fixture(scope="module")
def button() -> Pressed:
    return Pressed()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, button: Pressed) -> Iterator[Bench]:
    page = Page("POST", "/deliveries/{id:int}/act", "act", button.press, Right.REPLAY)
    with bench(tmp_path_factory.mktemp("console"), pages=(page,)) as made:
        yield made


@pytest.fixture
def pressed(button: Pressed) -> Pressed:
    button.forms.clear()
    return button


@pytest.fixture
def here(house: Bench) -> Bench:
    """A browser that comes for the first time."""
    house.client.cookies.clear()
    return house


def form(made: Bench, **fields: str) -> dict[str, str]:
    return {"csrf": made.csrf(), "reason": TYPED} | fields


def test_form_of_ours(here: Bench, pressed: Pressed) -> None:
    """A form with its session's token, sent from our own page, is taken."""
    here.sign_in()
    answer = here.post("/deliveries/7/act", form(here))

    assert 303 == answer.status_code
    assert [{"reason": TYPED}] == pressed.forms


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example.invalid"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:81"},
        {"origin": "https://127.0.0.1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": HERE, "sec-fetch-site": "cross-site"},
    ],
    ids=str,
)
def test_foreign_origin_changes_nothing(here: Bench, pressed: Pressed, headers: dict[str, str]) -> None:
    """A browser that says that another site sent the form is refused, whatever token the form carries."""
    here.sign_in()
    answer = here.post("/deliveries/7/act", form(here), headers=headers)

    assert 403 == answer.status_code
    assert "trang khác" in answer.text
    assert [] == pressed.forms


@pytest.mark.parametrize("token", ["", "x", "A" * 24], ids=["none", "short", "made up"])
def test_form_without_proof_changes_nothing(here: Bench, pressed: Pressed, token: str) -> None:
    """Without the session's own token nothing happens, even where the browser names our own page."""
    here.sign_in()
    answer = here.post("/deliveries/7/act", form(here, csrf=token))

    assert 403 == answer.status_code
    assert [] == pressed.forms


def test_token_of_another_session(here: Bench, pressed: Pressed) -> None:
    """A token is its session's alone: that of an earlier sign-in, or of another account, proves nothing."""
    here.sign_in()
    old = here.csrf()
    here.sign_in()

    assert old != here.csrf()
    assert 403 == here.post("/deliveries/7/act", form(here, csrf=old)).status_code
    assert [] == pressed.forms


def test_token_of_a_browser_where_somebody_signed_in(here: Bench, pressed: Pressed) -> None:
    """What binds a sign-in form to a browser is no proof once somebody has signed in: a neighbour may have set it."""
    before = here.csrf("/login")
    planted = here.client.cookies["lienthong_before"]
    here.sign_in()
    here.client.cookies.set("lienthong_before", planted)

    assert 403 == here.post("/deliveries/7/act", form(here, csrf=before)).status_code
    assert [] == pressed.forms


def test_browser_that_names_no_origin(here: Bench, pressed: Pressed) -> None:
    """Where neither Origin nor Sec-Fetch-Site comes, the token alone is proof: no foreign page can read it."""
    here.sign_in()
    body = {"csrf": here.csrf(), "reason": "ok"}
    answer = here.client.post("/console/deliveries/7/act", data=body)

    assert 303 == answer.status_code
    assert [{"reason": "ok"}] == pressed.forms


def test_without_the_right(here: Bench, pressed: Pressed) -> None:
    """A form whose page the account may not use is refused after who it is, and does nothing."""
    here.sign_in("binh")
    answer = here.post("/deliveries/7/act", form(here))

    assert 403 == answer.status_code
    assert "không có quyền" in answer.text
    assert [] == pressed.forms


def test_get_is_no_press(here: Bench, pressed: Pressed) -> None:
    """An address that takes forms does nothing when it is only opened, and is told as a page."""
    here.sign_in()
    answer = here.get("/deliveries/7/act")

    assert answer.status_code in (404, 405)
    assert "<main" in answer.text
    assert [] == pressed.forms


# -- a session that ended in mid-form ----------------------------------------------------------------------------------


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, name
    return unescape(found[1])


def typed(html: str) -> list[str]:
    return [unescape(text) for text in re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", html, re.DOTALL)]


def again(here: Bench, html: str, name: str = "an") -> str:
    """Sign in by the form that was shown in place of the page."""
    csrf, kept = hidden(html, "csrf"), hidden(html, "carried")
    return here.sign_in(name, csrf=csrf, carried=kept, to=hidden(html, "to")).text


def test_nothing_typed_is_lost(here: Bench, pressed: Pressed) -> None:
    """What was typed when the session ended is there after sign-in, and is sent only when it is pressed again."""
    here.sign_in()
    body = form(here, choice="one", press="a-key")
    later(here, hours=2)
    shown = here.post("/deliveries/7/act?from=log", body)
    assert 401 == shown.status_code
    assert TYPED not in unescape(shown.text)
    resumed = again(here, shown.text)

    assert [] == pressed.forms
    assert [TYPED] == typed(resumed)
    assert "<script>alert" not in resumed
    action = hidden_action(resumed)
    assert "/console/deliveries/7/act?from=log" == action
    fields = {name: hidden(resumed, name) for name in ("csrf", "choice", "press")} | {"reason": typed(resumed)[0]}
    assert 303 == here.post(action.removeprefix("/console"), fields).status_code
    assert [{"choice": "one", "press": "a-key", "reason": TYPED}] == pressed.forms


def hidden_action(html: str) -> str:
    found = re.search(r'<form method="post" action="([^"]+)" class="card"', html)
    assert found
    return unescape(found[1])


def test_wrong_password_keeps_what_was_typed(here: Bench, pressed: Pressed) -> None:
    """A slip of the finger at sign-in does not lose the form that goes along."""
    here.sign_in()
    body = form(here)
    later(here, hours=2)
    shown = here.post("/deliveries/7/act", body)
    slipped = here.sign_in(password="sai rồi", csrf=hidden(shown.text, "csrf"), carried=hidden(shown.text, "carried"))
    resumed = again(here, slipped.text)

    assert [TYPED] == typed(resumed)
    assert [] == pressed.forms


def test_what_was_typed_is_its_writers(here: Bench, pressed: Pressed) -> None:
    """Who signs in with another account at that screen does not see what the first one typed."""
    here.sign_in()
    body = form(here)
    later(here, hours=2)
    shown = here.post("/deliveries/7/act", body)
    gone = here.sign_in("chi", csrf=hidden(shown.text, "csrf"), carried=hidden(shown.text, "carried"))

    assert 303 == gone.status_code
    assert "tài khoản khác" in here.told(gone).text
    assert [] == pressed.forms


def test_foreign_form_is_not_carried(here: Bench, pressed: Pressed) -> None:
    """What a foreign page sends to somebody whose session ended is refused, not offered after sign-in."""
    here.sign_in()
    later(here, hours=2)
    foreign = here.post("/deliveries/7/act", {"reason": "foreign"}, headers={"origin": "http://evil.example.invalid"})
    unproven = here.client.post("/console/deliveries/7/act", data={"reason": "who knows from where"})

    assert 403 == foreign.status_code
    assert 401 == unproven.status_code
    assert "carried" not in foreign.text + unproven.text
    assert [] == pressed.forms


def test_carried_text_that_nobody_sealed(here: Bench) -> None:
    """A carried form that was made up or is too old is left out, and the sign-in goes on."""
    for carried in ("made up", "QUFB" * 40, "ế"):
        gone = here.sign_in(carried=carried)
        assert 303 == gone.status_code


def test_secrets_are_not_carried(here: Bench) -> None:
    """A password that was typed into a form of an ended session is typed again."""
    here.sign_in()
    body = {"csrf": here.csrf(), "password_now": "kín lắm", "password": "mật khẩu mới dài", "password_again": "x"}
    later(here, hours=2)
    resumed = again(here, here.post("/account/password", body).text)

    assert "kín lắm" not in resumed
    assert "mật khẩu mới dài" not in resumed
    assert "không được giữ lại" in resumed


def test_large_form_is_carried(here: Bench, pressed: Pressed) -> None:
    """A form of nearly the largest size goes through sign-in too, although it is larger when sealed."""
    here.sign_in()
    body = form(here, reason="ế" * 100_000)
    later(here, hours=2)
    resumed = again(here, here.post("/deliveries/7/act", body).text)

    assert ["ế" * 100_000] == typed(resumed)
