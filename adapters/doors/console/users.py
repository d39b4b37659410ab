"""Accounts: who they are, what they may do, where they are signed in; every change asks for a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.passwords import require_good
from adapters.doors.console.users_view import Typed, user_page, users_page
from adapters.doors.console.visit import Visit
from bus.accounts import Language
from bus.errors import AccountRefused, NotFound
from bus.rights import Right, covers, rights_of

log = structlog.get_logger("console")

SIZE: Final = 50
FIELDS: Final = {
    "bad_name": "name",
    "name_taken": "name",
    "bad_shown_name": "shown",
    "no_such_role": "roles",
    "last_administrator": "roles",
    "bad_unit": "units",
    "bad_reason": "reason",
    "no_password_here": "password",
}
"""At which field of a form the ledger's refusal is told."""
SHORT: Final = 128
"""Characters of a name in an address: what is longer is nobody's."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /users."""
    return _list(console, asked)


def add(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /users: a new account."""
    typed = _typed(asked)

    def change() -> Answer:
        password = asked.form.get("password", "")
        require_good(password, typed.name)
        console.people.add(
            typed.name,
            shown=typed.shown,
            password=console.passwords.kept(password),
            roles=typed.roles,
            units=_units(typed),
            language=_language(typed),
            actor=visit.actor,
            reason=typed.reason,
            address=visit.address,
        )
        _logged("account_added", visit, typed.name)
        return Gone(url_for("user", name=typed.name), "users.said_added", {"name": typed.name})

    return _done(change, lambda wrong: _list(console, asked, typed, "add", _told(console, visit, wrong), wrong))


def set_role(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /roles: what a role allows; a new name makes a new role."""
    typed = _typed(asked)

    def change() -> Answer:
        rights = [Right(one) for one in typed.rights]
        if typed.role in console.people.account(visit.account).roles and not visit.rights.issuperset(rights):
            raise Wrong("users.own_gain", field="rights")
        console.people.set_role(typed.role, rights, actor=visit.actor, reason=typed.reason, address=visit.address)
        _logged("role_changed", visit, typed.role)
        return Gone(url_for("users"), "users.said_role", {"role": typed.role})

    return _done(change, lambda wrong: _list(console, asked, typed, "role", _told(console, visit, wrong), wrong))


def drop_role(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /roles/drop: do without a role that nobody has."""
    typed = _typed(asked)

    def change() -> Answer:
        try:
            console.people.drop_role(typed.role, actor=visit.actor, reason=typed.reason, address=visit.address)
        except NotFound:
            raise AccountRefused("no_such_role", f"no role {typed.role}") from None
        _logged("role_changed", visit, typed.role)
        return Gone(url_for("users"), "users.said_role_dropped", {"role": typed.role})

    return _done(change, lambda wrong: _list(console, asked, typed, "role", _told(console, visit, wrong), wrong))


def _list(
    console: Console,
    asked: Asked,
    typed: Typed | None = None,
    form: str = "",
    told: str = "",
    wrong: Wrong | None = None,
) -> Answer:
    accounts = console.people.accounts(after=asked.query.get("after", "")[:SHORT], limit=SIZE + 1)
    page = users_page(
        accounts,
        console.people.roles(),
        size=SIZE,
        typed=typed,
        form=form,
        field=wrong.field or "" if wrong else "",
        wrong=told,
    )
    return Shown("users.html", page, wrong.status if wrong else 200)


# -- one account -----------------------------------------------------------------------------------------------------


def one(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /users/{name}."""
    return _one(console, visit, asked)


def grant(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /users/{name}/grant: roles and units."""
    typed, name = _typed(asked), _name(asked)

    def change() -> Answer:
        if name == visit.account:
            _require_no_gain(console, visit, typed)
        console.people.grant(
            name,
            roles=typed.roles,
            units=_units(typed),
            actor=visit.actor,
            reason=typed.reason,
            address=visit.address,
        )
        _logged("account_granted", visit, name)
        return Gone(url_for("user", name=name), "users.said_granted", {"name": name})

    return _done(change, lambda wrong: _one(console, visit, asked, typed, "grant", wrong))


def _require_no_gain(console: Console, visit: Visit, typed: Typed) -> None:
    """Nobody gives himself what he does not have: who hands out rights would else need nobody. Raises Wrong."""
    units = _units(typed)
    is_wider = visit.units is not None and (units is None or not all(covers(unit, visit.units) for unit in units))
    if is_wider or not visit.rights.issuperset(rights_of(typed.roles, console.people.roles())):
        raise Wrong("users.own_gain", field="roles")


def describe(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /users/{name}/describe: shown name and language."""
    typed, name = _typed(asked), _name(asked)

    def change() -> Answer:
        console.people.set_shown(
            name,
            shown=typed.shown,
            language=_language(typed),
            actor=visit.actor,
            reason=typed.reason,
            address=visit.address,
        )
        _logged("account_described", visit, name)
        return Gone(url_for("user", name=name), "users.said_described", {"name": name})

    return _done(change, lambda wrong: _one(console, visit, asked, typed, "describe", wrong))


def new_password(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /users/{name}/password: all its sessions end."""
    typed, name = _typed(asked), _name(asked)

    def change() -> Answer:
        password = asked.form.get("password", "")
        require_good(password, name)
        kept = console.passwords.kept(password)
        console.people.set_password(
            name, kept, actor=visit.actor, reason=typed.reason, keep=visit.session, address=visit.address
        )
        _logged("password_changed", visit, name)
        return Gone(url_for("user", name=name), "users.said_password", {"name": name})

    return _done(change, lambda wrong: _one(console, visit, asked, typed, "password", wrong))


def disable(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /users/{name}/disable: its sessions end at once."""
    typed, name = _typed(asked), _name(asked)

    def change() -> Answer:
        console.people.disable(name, actor=visit.actor, reason=typed.reason, address=visit.address)
        _logged("account_disabled", visit, name)
        return Gone(url_for("user", name=name), "users.said_disabled", {"name": name})

    return _done(change, lambda wrong: _one(console, visit, asked, typed, "disable", wrong))


def enable(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /users/{name}/enable."""
    typed, name = _typed(asked), _name(asked)

    def change() -> Answer:
        console.people.enable(name, actor=visit.actor, reason=typed.reason, address=visit.address)
        _logged("account_enabled", visit, name)
        return Gone(url_for("user", name=name), "users.said_enabled", {"name": name})

    return _done(change, lambda wrong: _one(console, visit, asked, typed, "enable", wrong))


def revoke(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /users/{name}/revoke: one session, or all."""
    typed, name = _typed(asked), _name(asked)
    which = asked.form.get("session", "")

    def change() -> Answer:
        if which == "all":
            console.people.revoke_all(name, actor=visit.actor, reason=typed.reason, address=visit.address)
        else:
            _revoke_one(console, visit, name, which, typed.reason)
        _logged("session_revoked", visit, name)
        return Gone(url_for("user", name=name), "users.said_revoked", {"name": name})

    return _done(change, lambda wrong: _one(console, visit, asked, typed, "revoke", wrong))


def _revoke_one(console: Console, visit: Visit, name: str, which: str, reason: str) -> None:
    if not (which.isascii() and which.isdigit() and len(which) < 19):
        raise Wrong("users.no_session", field="session")
    try:
        console.people.revoke(name, int(which), actor=visit.actor, reason=reason, address=visit.address)
    except NotFound:
        raise Wrong("users.no_session", field="session") from None


def _one(
    console: Console, visit: Visit, asked: Asked, typed: Typed | None = None, form: str = "", wrong: Wrong | None = None
) -> Answer:
    account = console.people.account(_name(asked))
    page = user_page(
        account,
        console.people.roles(),
        console.people.sessions(account.name),
        reader=visit.account,
        session=visit.session,
        typed=typed,
        form=form,
        field=wrong.field or "" if wrong else "",
        wrong=_told(console, visit, wrong) if wrong else "",
    )
    return Shown("user.html", page, wrong.status if wrong else 200)


# -- shared ----------------------------------------------------------------------------------------------------------


def _done(change: Callable[[], Answer], again: Callable[[Wrong], Answer]) -> Answer:
    """What the change came to; where it was refused the page once more, with everything that was typed."""
    try:
        return change()
    except AccountRefused as refused:
        return again(Wrong(f"users.wrong_{refused.rule}", field=FIELDS.get(refused.rule)))
    except Wrong as wrong:
        return again(wrong)


def _told(console: Console, visit: Visit, wrong: Wrong) -> str:
    return console.words.say(visit.language, wrong.key, **wrong.facts)


def _name(asked: Asked) -> str:
    return asked.path["name"][:SHORT]


def _typed(asked: Asked) -> Typed:
    form = asked.form
    known = {right.value for right in Right}
    return Typed(
        name=form.get("name", "").strip().lower(),
        shown=form.get("shown", ""),
        roles=asked.many("roles"),
        scope="every" if form.get("scope") == "every" else "units",
        units=form.get("units", ""),
        language="en" if form.get("language") == "en" else "vi",
        rights=tuple(one for one in asked.many("rights") if one in known),
        role=form.get("role", "").strip().lower(),
        reason=form.get("reason", ""),
    )


def _units(typed: Typed) -> tuple[str, ...] | None:
    if typed.scope == "every":
        return None
    return tuple(part for part in typed.units.replace(",", " ").replace(";", " ").split() if part)


def _language(typed: Typed) -> Language:
    return "en" if typed.language == "en" else "vi"


def _logged(action: str, visit: Visit, about: str) -> None:
    log.info("account_changed", action=action, actor=visit.actor, account=about, peer=visit.address)


PAGES: Final = (
    Page("GET", "/users", "users", show, Right.ADMINISTER),
    Page("POST", "/users", "users-add", add, Right.ADMINISTER, is_heavy=True),
    Page("POST", "/roles", "roles-set", set_role, Right.ADMINISTER),
    Page("POST", "/roles/drop", "roles-drop", drop_role, Right.ADMINISTER),
    Page("GET", "/users/{name}", "user", one, Right.ADMINISTER),
    Page("POST", "/users/{name}/grant", "user-grant", grant, Right.ADMINISTER),
    Page("POST", "/users/{name}/describe", "user-describe", describe, Right.ADMINISTER),
    Page("POST", "/users/{name}/password", "user-password", new_password, Right.ADMINISTER, is_heavy=True),
    Page("POST", "/users/{name}/disable", "user-disable", disable, Right.ADMINISTER),
    Page("POST", "/users/{name}/enable", "user-enable", enable, Right.ADMINISTER),
    Page("POST", "/users/{name}/revoke", "user-revoke", revoke, Right.ADMINISTER),
)
