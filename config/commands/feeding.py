"""submit, adopt: events from a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.commands.options import Config, Json, Lang
from config.desk import FINDING, UNREACHABLE, USAGE, Desk

if TYPE_CHECKING:
    from config.feeding import Report

File = Annotated[
    str,  # not Path: the parser then knows no dash
    typer.Argument(
        help="Events, one JSON object a line (NDJSON); - reads standard input.",
        exists=True,
        dir_okay=False,
        allow_dash=True,
    ),
]


def add_to(root: typer.Typer) -> None:
    """Put the commands of this module under the root."""
    root.command("submit")(submit)
    root.command("adopt")(adopt)


def submit(
    file: File,
    to: Annotated[str | None, typer.Option("--to", metavar="URL", help="A door; else the ledger here.")] = None,
    caller: Annotated[str | None, typer.Option("--caller", help="Who signs, with --to.")] = None,
    secret_file: Annotated[Path | None, typer.Option("--secret-file", help="Its secret; else by the settings.")] = None,
    allow_http: Annotated[bool, typer.Option("--allow-http", help="Plain HTTP beyond this machine.")] = False,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Hand in the events of a file. Lines that are refused are named with field and rule; exit code 1 then.

    A file without any line ends with exit code 1 too: more often than not something went wrong before.
    Safe to run again: what was taken before is a repeat.
    """
    desk = Desk(config=config, as_json=as_json, lang=lang)
    report = (
        _here(desk, _path(file), is_adopted=False)
        if to is None
        else _there(desk, _path(file), to, caller, secret_file, allow_http)
    )
    _tell(desk, report, "feed_done")


def adopt(file: File, config: Config = None, as_json: Json = False, lang: Lang = None) -> None:
    """Take in dossiers and steps that are on the portal already; nothing is sent."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    _tell(desk, _here(desk, _path(file), is_adopted=True), "feed_adopted")


def _path(file: str) -> Path:
    """The file; a dash is standard input, and `./-` a file of that name."""
    from adapters.doors.files import STANDARD_INPUT

    return STANDARD_INPUT if file == "-" else Path(file).absolute()


def _here(desk: Desk, file: Path, *, is_adopted: bool) -> Report:
    from config.feeding import into_ledger

    with desk.installation() as here, _bar(desk, file) as step:
        sources = frozenset(here.settings.orders())
        clock, language = here.ports.clock, desk.language
        return into_ledger(file, here.intake, sources, clock=clock, is_adopted=is_adopted, language=language, step=step)


def _there(desk: Desk, file: Path, to: str, caller: str | None, secret_file: Path | None, allow_http: bool) -> Report:
    from bus.ports import SystemClock
    from config.feeding import to_door
    from config.signed_client import DoorClosed, DoorRefused, SignedClient

    if caller is None:
        desk.fail(USAGE, "feed_needs_caller")
    key = _secret(desk, caller, secret_file)
    try:
        client = SignedClient(
            to, caller=caller, secret=key, clock=SystemClock(), allow_http=allow_http, language=desk.language
        )
    except ValueError as trouble:
        desk.fail(USAGE, "feed_bad_address", detail=trouble)
    try:
        with _bar(desk, file) as step:
            return to_door(file, client, step=step)
    except DoorClosed as trouble:
        desk.fail(UNREACHABLE, "door_closed", url=to, detail=trouble)
    except DoorRefused as trouble:
        detail = f"{trouble.problem.get('detail') or trouble} ({trouble.problem.get('reference', '–')})"
        desk.fail(FINDING, "door_refused", url=to, detail=detail)
    finally:
        client.close()


def _secret(desk: Desk, caller: str, secret_file: Path | None) -> bytes:
    from config.settings_file import secret

    if secret_file is not None:
        return secret(str(secret_file), "--secret-file", is_demo=True).reveal()
    callers = desk.load().settings.callers
    if caller not in callers:
        desk.fail(USAGE, "feed_no_caller", name=caller, callers=", ".join(sorted(callers)) or "–")
    return secret(callers[caller].secret_file, f"callers.{caller}.secret_file", is_demo=True).reveal()


@contextmanager
def _bar(desk: Desk, file: Path) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, by bytes; nothing elsewhere, nor where nobody knows how much will come."""
    if desk.as_json or not file.is_file() or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    with Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(file.name, total=file.stat().st_size)
        yield lambda done: progress.update(task, completed=done)


def _tell(desk: Desk, report: Report, key: str) -> None:
    if not desk.as_json:
        for refused in report.refused:
            for error in refused.errors or ({},):
                told = {name: error.get(name, "") for name in ("field", "rule", "detail")}
                desk.note("feed_line_refused", line=refused.line, id=refused.id or "–", code=refused.code, **told)
    if report.lines == 0:
        desk.note("feed_empty")
    shown = report.shown()
    desk.say(key, **shown)
    desk.give(shown)
    if not report.is_well:
        raise typer.Exit(FINDING)
