"""Signing in and out. What was typed when a session ended comes along, sealed, and is sent only when pressed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.doors.console.answers import Answer, Gone, Shown, SignedIn, SignedOut
from adapters.doors.console.asked import Asked
from adapters.doors.console.carried import NAME
from adapters.doors.console.frame import Console
from adapters.doors.console.links import is_ours, url_for
from adapters.doors.console.page import Page
from adapters.doors.console.signing_in import Denied, Wait, sign_in
from adapters.doors.console.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The form."""

    to: str
    name: str = ""
    wrong: str = ""
    seconds: int = 0
    carried: str = ""
    """What was typed, sealed; it goes through this form untouched."""
    why: str = ""
    """Why the form is shown where nobody asked for it: `ended`, or `lost` where nothing could be kept."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /login."""
    to = way_on(asked.query.get("next", ""))
    if not visit.is_stranger:
        return Gone(to)
    if not console.people.is_anybody_here():
        return Gone(url_for("first-run"))
    return Shown("login.html", Login(to=to))


def press(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /login."""
    name, to = asked.form.get("name", ""), way_on(asked.form.get("to", ""))
    carried = asked.form.get(NAME, "")
    result = sign_in(
        console.people,
        console.passwords,
        name,
        asked.form.get("password", ""),
        address=visit.address,
        agent=asked.agent,
        count=console.count_sign_in,
    )
    match result:
        case Wait():
            form = Login(to=to, name=name, carried=carried, wrong="common.login_wait", seconds=result.seconds)
            return Shown("login.html", form, 429)
        case Denied():
            return Shown("login.html", Login(to=to, name=name, carried=carried, wrong="common.login_denied"), 403)
    return SignedIn(result.token, to, account=result.account, carried=carried)


def leave(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /logout."""
    console.people.sign_out(visit.account, visit.session, address=visit.address)
    return SignedOut(url_for("login"), "common.signed_out")


def way_on(address: str) -> str:
    """Where to go after sign-in: a page of ours, never anything else, and never in a circle."""
    is_circle = address.partition("?")[0] in (url_for("login"), url_for("first-run"))
    return address if is_ours(address) and not is_circle else url_for("start")


PAGES: Final = (
    Page("GET", "/login", "login", show, None, is_open=True),
    Page("POST", "/login", "login", press, None, is_open=True, is_heavy=True),
    Page("POST", "/logout", "logout", leave, None),
)
