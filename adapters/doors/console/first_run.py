"""The first administrator, made by whoever can read the code beside the ledger. No default password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.passwords import require_good, same
from adapters.doors.console.visit import Visit
from bus.errors import AccountRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRunForm:
    """The form; the passwords are typed anew each time."""

    name: str = ""
    shown: str = ""
    wrong: str = ""
    field: str = ""
    file: str = ""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /first-run."""
    if console.people.is_anybody_here():
        return Gone(url_for("login"))
    return Shown("first_run.html", FirstRunForm(file=console.first_run.path.name))


def press(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /first-run."""
    if console.people.is_anybody_here():
        return Gone(url_for("login"), "common.first_run_over")
    form = {name: asked.form.get(name, "") for name in ("code", "name", "shown", "password", "again")}
    try:
        _make(console, visit, form)
    except Wrong as wrong:
        return _again(console, visit, form, wrong)
    return Gone(url_for("login"), "common.first_run_done", {"name": form["name"].strip().lower()})


def _make(console: Console, visit: Visit, form: dict[str, str]) -> None:
    """Raises Wrong."""
    name, shown = form["name"].strip().lower(), form["shown"].strip()
    if not shown:
        raise Wrong("common.first_run_shown", field="shown")
    require_good(form["password"], name)
    if not same(form["password"], form["again"]):
        raise Wrong("common.passwords_differ", field="again")
    # A code has 120 bits: nobody guesses it. But each try is a hash's work and a line, so they are paced like any.
    if wait := console.people.tries.begin("first-run", visit.address):
        raise Wrong("common.login_wait", status=429, seconds=-(-wait // 1000))
    kept = console.passwords.kept(form["password"])
    try:
        console.first_run.complete(
            form["code"], name, shown=shown, password=kept, language=visit.language, address=visit.address
        )
    except AccountRefused as refusal:
        raise _of_refusal(refusal) from refusal


def _of_refusal(refusal: AccountRefused) -> Wrong:
    if refusal.rule == "wrong_code":
        return Wrong("common.first_run_code", field="code")
    return Wrong("common.first_run_name", field="name")


def _again(console: Console, visit: Visit, form: dict[str, str], wrong: Wrong) -> Shown:
    said = console.words.say(visit.language, wrong.key, **wrong.facts)
    view = FirstRunForm(
        name=form["name"], shown=form["shown"], wrong=said, field=wrong.field or "", file=console.first_run.path.name
    )
    return Shown("first_run.html", view, wrong.status)


PAGES: Final = (
    Page("GET", "/first-run", "first-run", show, None, is_open=True),
    Page("POST", "/first-run", "first-run", press, None, is_open=True, is_heavy=True),
)
