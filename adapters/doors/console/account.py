"""One's own account: password, sessions, language, light or dark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.doors.console.answers import Answer, Cookie, Gone, Shown, SignedOut, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import is_ours, url_for
from adapters.doors.console.page import Page
from adapters.doors.console.passwords import require_good, same
from adapters.doors.console.visit import LANGUAGES, THEMES, Visit
from bus.sessions import Session

KEPT: Final = timedelta(days=365)
"""How long a browser keeps a choice of language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """What the page shows."""

    name: str
    shown: str
    roles: tuple[str, ...]
    units: tuple[str, ...] | None
    has_password: bool
    sessions: tuple[Session, ...]
    this: int
    wrong: str = ""
    field: str = ""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /account."""
    return Shown("account.html", _page(console, visit))


def _page(console: Console, visit: Visit, wrong: str = "", field: str = "") -> AccountPage:
    found = console.people.account(visit.account)
    return AccountPage(
        name=found.name,
        shown=found.shown,
        roles=found.roles,
        units=found.units,
        has_password=found.password is not None,
        sessions=tuple(console.people.sessions(visit.account)),
        this=visit.session,
        wrong=wrong,
        field=field,
    )


def change_password(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /account/password: every other session ends."""
    form = {name: asked.form.get(name, "") for name in ("password_now", "password", "password_again")}
    try:
        _change(console, visit, form)
    except Wrong as wrong:
        said = console.words.say(visit.language, wrong.key, **wrong.facts)
        return Shown("account.html", _page(console, visit, said, wrong.field or "password"), wrong.status)
    return Gone(url_for("account"), "common.password_changed")


def _change(console: Console, visit: Visit, form: dict[str, str]) -> None:
    """Raises Wrong."""
    # Counted like a sign-in: an unlocked screen is no licence to guess.
    if wait := console.people.tries.begin(visit.account, visit.address):
        raise Wrong("common.login_wait", field="password_now", status=429, seconds=-(-wait // 1000))
    if not console.passwords.fits(console.people.account(visit.account).password, form["password_now"]):
        raise Wrong("common.password_not_yours", field="password_now")
    require_good(form["password"], visit.account)
    if not same(form["password"], form["password_again"]):
        raise Wrong("common.passwords_differ", field="password_again")
    console.people.set_password(
        visit.account,
        console.passwords.kept(form["password"]),
        actor=visit.actor,
        reason="own password",
        keep=visit.session,
        address=visit.address,
    )


def end_session(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /account/sessions: one of one's own, or all but this one."""
    told = asked.form.get("session", "")
    if told == "others":
        console.people.revoke_all(
            visit.account, actor=visit.actor, reason="own sessions", keep=visit.session, address=visit.address
        )
        return Gone(url_for("account"), "common.sessions_ended")
    if not (told.isascii() and told.isdigit() and len(told) < 19):
        raise Wrong("common.no_session", status=404)
    console.people.sign_out(visit.account, int(told), address=visit.address)
    if int(told) == visit.session:
        return SignedOut(url_for("login"), "common.signed_out")
    return Gone(url_for("account"), "common.session_ended_one")


def prefer(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /preferences: the language, or light and dark; strangers choose too."""
    to = asked.form.get("to", "")
    cookies = [
        Cookie(f"lienthong_{name}", chosen, KEPT)
        for name, known in (("language", LANGUAGES), ("theme", THEMES))
        if (chosen := asked.form.get(name, "")) in known
    ]
    if not cookies:
        raise Wrong("common.wrong_choice", status=400)
    return Gone(to if is_ours(to) else url_for("start"), cookies=tuple(cookies))


PAGES: Final = (
    Page("GET", "/account", "account", show, None),
    Page("POST", "/account/password", "account-password", change_password, None, is_heavy=True),
    Page("POST", "/account/sessions", "account-sessions", end_session, None),
    Page("POST", "/preferences", "preferences", prefer, None, is_open=True),
)
