"""users add|passwd|grant|list|disable|enable|sessions|sign-out: who may use the console, from the machine itself.

A password is typed at a prompt that does not show it, or read from a file: as an argument it would stand in the list of
processes and in the shell's history.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from config.commands.options import LARGEST, AsPerson, Config, Json, Lang, Reason
from config.desk import USAGE, Desk, actor

if TYPE_CHECKING:
    from bus.accounts import Account
    from bus.people import People
    from config.wiring import Installation

LARGEST_FILE: Final = 10_000
NO_PASSWORD: Final = {
    "users.password_short": "users_password_short",
    "users.password_long": "users_password_long",
    "users.password_known": "users_password_known",
}
"""What the console's page says of a password, as the command says it."""
Name = Annotated[str, typer.Argument(help="The account's name.", metavar="NAME")]
Roles = Annotated[
    list[str], typer.Option("--role", metavar="ROLE", help="A role; may be given several times.", show_default=False)
]
Units = Annotated[
    list[str] | None,
    typer.Option("--unit", metavar="CODE", help="Only this unit and those below it; may be given several times."),
]
EveryUnit = Annotated[bool, typer.Option("--every-unit", help="Dossiers of every unit, and those without one.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="Its first line; else you are asked for it.")
]


def group() -> typer.Typer:
    """`lienthong users …`."""
    found = typer.Typer(help="Accounts of the console: who may sign in, and what they may do.", no_args_is_help=True)
    found.command("add")(add)
    found.command("passwd")(passwd)
    found.command("grant")(grant)
    found.command("list")(list_)
    found.command("disable")(disable)
    found.command("enable")(enable)
    found.command("sessions")(sessions)
    found.command("sign-out")(sign_out)
    return found


def add(
    name: Name,
    reason: Reason,
    role: Roles,
    shown: Annotated[str | None, typer.Option("--shown", help="The person's name, as pages show it.")] = None,
    unit: Units = None,
    every_unit: EveryUnit = False,
    password_file: PasswordFile = None,
    language: Annotated[Literal["vi", "en"], typer.Option("--language", help="In which the person reads.")] = "vi",
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Make an account. Roles that every installation has: viewer, operator, supervisor, configurer, auditor and
    administrator."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    units = _units(desk, unit, every_unit)
    kept = _kept(desk, name, password_file)
    with desk.installation() as here:
        account = _people(here).add(
            name,
            shown=shown or name,
            password=kept,
            roles=role,
            units=units,
            language=language,
            actor=actor(as_person),
            reason=reason,
        )
    _changed("account_added", as_person, name)
    _tell(desk, "users_added", account)


def passwd(
    name: Name,
    reason: Reason,
    password_file: PasswordFile = None,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Give an account a new password; all its sessions end."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    kept = _kept(desk, name, password_file)
    with desk.installation() as here:
        account = _people(here).set_password(name, kept, actor=actor(as_person), reason=reason)
    _changed("password_changed", as_person, name)
    _tell(desk, "users_passwd", account)


def grant(
    name: Name,
    reason: Reason,
    role: Roles,
    unit: Units = None,
    every_unit: EveryUnit = False,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Give an account exactly these roles and units, in place of what it has."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    units = _units(desk, unit, every_unit)
    with desk.installation() as here:
        account = _people(here).grant(name, roles=role, units=units, actor=actor(as_person), reason=reason)
    _changed("account_granted", as_person, name)
    _tell(desk, "users_granted", account)


def list_(
    after: Annotated[str, typer.Option("--after", help="The last name of the page before.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=200)] = 100,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """A page of accounts, by name."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        rows = [_told(account) for account in _people(here).accounts(after=after, limit=limit)]
    names = ("name", "shown", "roles", "units", "signs_in", "disabled_at")
    cells = [[*(_cell(row[name]) for name in names[:-1]), row["disabled_at"]] for row in rows]
    desk.table(names, cells, empty="users_none")
    if len(rows) == limit:
        desk.say("more_after", after=rows[-1]["name"])
    desk.give(rows)


def disable(
    name: Name,
    reason: Reason,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Take an account out of use; its sessions end at once."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        account = _people(here).disable(name, actor=actor(as_person), reason=reason)
    _changed("account_disabled", as_person, name)
    _tell(desk, "users_disabled", account)


def enable(
    name: Name,
    reason: Reason,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Put an account in use again, with the password and the roles that it had."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        account = _people(here).enable(name, actor=actor(as_person), reason=reason)
    _changed("account_enabled", as_person, name)
    _tell(desk, "users_enabled", account)


def sessions(name: Name, config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """Where an account is signed in."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        people = _people(here)
        people.account(name)
        found = people.sessions(name)
    names = ("id", "opened_at", "seen_at", "expires_at", "peer", "agent")
    rows = [
        (one.id, one.opened_at.isoformat(), one.seen_at.isoformat(), one.expires_at.isoformat(), one.address, one.agent)
        for one in found
    ]
    desk.table(names, rows, empty="users_no_sessions")
    desk.give([dict(zip(names, row, strict=True)) for row in rows])


def sign_out(
    name: Name,
    reason: Reason,
    session: Annotated[
        int | None, typer.Option("--session", metavar="ID", help="Only this one; else all of them.", max=LARGEST)
    ] = None,
    as_person: AsPerson = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """End an account's sessions; who used them signs in anew."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with desk.installation() as here:
        people, count = _people(here), 1
        if session is None:
            count = people.revoke_all(name, actor=actor(as_person), reason=reason)
        else:
            people.revoke(name, session, actor=actor(as_person), reason=reason)
    _changed("session_revoked", as_person, name)
    desk.say("users_signed_out", name=name, count=count)
    desk.give({"name": name, "ended": count})


# -- shared ----------------------------------------------------------------------------------------------------------


def _people(here: Installation) -> People:
    from bus.audit import Audit
    from bus.people import People

    return People(here.ledger, Audit(here.ledger), randomness=here.ports.randomness)


def _units(desk: Desk, units: list[str] | None, every_unit: bool) -> list[str] | None:
    if every_unit == bool(units):
        desk.fail(USAGE, "users_need_units")
    return None if every_unit else units


def _kept(desk: Desk, name: str, file: Path | None) -> str:
    """What the ledger keeps of the password that was typed, or that stands in the file."""
    from adapters.doors.console.answers import Wrong
    from adapters.doors.console.passwords import Passwords, require_good

    password = _asked(desk) if file is None else _read(desk, file)
    try:
        require_good(password, name)
    except Wrong as wrong:
        desk.fail(USAGE, NO_PASSWORD[wrong.key], **wrong.facts)
    return Passwords().kept(password)


def _asked(desk: Desk) -> str:
    import getpass

    if not sys.stdin.isatty():
        desk.fail(USAGE, "users_need_password_file")
    from config import words

    password = getpass.getpass(words.say("users_password_prompt", desk.language) + " ")
    if password != getpass.getpass(words.say("users_password_again", desk.language) + " "):
        desk.fail(USAGE, "users_passwords_differ")
    return password


def _read(desk: Desk, file: Path) -> str:
    with file.open("rb") as opened:
        octets = opened.read(LARGEST_FILE)
    try:
        return octets.decode("utf-8").split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        desk.fail(USAGE, "users_password_no_text", path=file)


def _changed(action: str, as_person: str | None, name: str) -> None:
    import structlog

    log = structlog.get_logger("desk")
    log.info("account_changed", action=action, actor=actor(as_person), account=name, peer="desk")


def _told(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "shown": account.shown,
        "roles": list(account.roles),
        "units": None if account.units is None else list(account.units),
        "language": account.language,
        "signs_in": "provider" if account.password is None else "password",
        "made_at": account.made_at.isoformat(),
        "disabled_at": None if account.disabled_at is None else account.disabled_at.isoformat(),
    }


def _cell(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(value) or "–"
    return "*" if value is None else value


def _tell(desk: Desk, key: str, account: Account) -> None:
    told = _told(account)
    desk.say(key, **{name: _cell(value) for name, value in told.items()})
    desk.give(told)
