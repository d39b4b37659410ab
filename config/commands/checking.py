"""check, doctor: every mistake found before start."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.commands.options import Config, Json, Lang
from config.desk import FINDING, Desk, quiet

if TYPE_CHECKING:
    from config.checks import Answer

Online = Annotated[bool, typer.Option("--online", help="Also names, TLS and logins of the partners.")]


def add_to(root: typer.Typer) -> None:
    """Put the commands of this module under the root."""
    root.command("check")(check)
    root.command("doctor")(doctor)


def check(
    online: Online = False,
    what_if: Annotated[
        list[Path] | None,
        typer.Option("--what-if", metavar="TABLE.csv", help="List the open dossiers that this table would touch."),
    ] = None,
    partner: Annotated[str, typer.Option("--partner", help="Whose tables, for --what-if.")] = "national_portal",
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Prove that settings, keys and mappings are whole. Exit code 1 when there is a finding."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    quiet()
    if what_if:
        _what_if(desk, partner, what_if)
        return
    from config import checks

    settings = desk.load().settings
    answers = checks.offline(settings)
    if online and all(answer.is_well for answer in answers):
        answers += checks.online(settings)
    _tell(desk, answers)


def doctor(online: Online = False, config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """The same as check, and the machine: Python, SQLite, disk, clock, file modes."""
    from bus.ports import SystemClock
    from config import checks

    desk = Desk(config=config, as_json=as_json, lang=lang)
    quiet()
    settings = desk.load().settings
    answers = checks.offline(settings)
    is_whole = all(answer.is_well for answer in answers)
    if is_whole:
        answers += checks.environment(settings, SystemClock().now())
    if online and is_whole:
        answers += checks.online(settings)
    _tell(desk, answers)


def _tell(desk: Desk, answers: Iterable[Answer]) -> None:
    told = list(answers)
    findings = [answer for answer in told if not answer.is_well]
    for answer in told:
        desk.say("check_well" if answer.is_well else "check_finding", what=answer.what, detail=answer.detail)
    desk.say("check_findings" if findings else "check_all_well", count=len(findings))
    desk.give(
        {
            "is_well": not findings,
            "answers": [{"what": a.what, "is_well": a.is_well, "detail": a.detail} for a in told],
        }
    )
    if findings:
        raise typer.Exit(FINDING)


def _what_if(desk: Desk, partner: str, files: list[Path]) -> None:
    from config.commands.tables import compared
    from config.mappings import touched
    from config.partner_tables import in_force

    with desk.installation() as here:
        old = in_force(here.reads, partner)
        _changes, new = compared(desk, here, partner, files)
        found = list(touched(old, new, here.reads.open_dossiers()))
    for one in found:
        desk.say("what_if_line", dossier=one.dossier, partner=partner, what=one.what, old=one.old, new=one.new)
    count = len({one.dossier for one in found})
    desk.say("what_if_count" if found else "what_if_none", count=count)
    rows = [{"dossier": one.dossier, "what": one.what, "old": one.old, "new": one.new} for one in found]
    desk.give({"touched": count, "changes": rows})
    if found:
        raise typer.Exit(FINDING)
