"""submit, adopt: events from a file: one a line, or by a map of columns one a row."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.commands.options import Config, Json, Lang
from config.desk import FINDING, UNREACHABLE, USAGE, Desk

if TYPE_CHECKING:
    from adapters.doors.column_map import ColumnMap
    from config.feeding import Accept, Judged, Refused, Report
    from config.refused_rows import RefusedRows
    from config.wiring import Installation
    from signing.asymmetric import SigningKey

MOST_SHOWN = 1_000
"""Refused rows that are told here; all of them stand in the report."""

_FILE = typer.Argument(
    help="Events: NDJSON, one object a line; with --map CSV or XLSX, one a row. - reads standard input.",
    exists=True,
    dir_okay=False,
    allow_dash=True,
)
File = Annotated[str, _FILE]  # not Path: the parser then knows no dash
Map = Annotated[str | None, typer.Option("--map", metavar="NAME", help="The map of columns, [files.NAME].")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say for each row what would happen; record and send nothing.")]
ReportFile = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Where refused rows are listed; else FILE.refused.csv."),
]


def add_to(root: typer.Typer) -> None:
    """Put the commands of this module under the root."""
    root.command("submit")(submit)
    root.command("adopt")(adopt)


def submit(
    file: Annotated[str | None, _FILE] = None,
    map_name: Map = None,
    dry_run: DryRun = False,
    report_file: ReportFile = None,
    watch: Annotated[
        Path | None, typer.Option("--watch", metavar="FOLDER", help="Hand in each file that comes there.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="With --watch: only what is there; then end.")] = False,
    settle: Annotated[
        float, typer.Option("--settle", min=0, help="With --watch: seconds for which a file must not have changed.")
    ] = 10.0,
    to: Annotated[str | None, typer.Option("--to", metavar="URL", help="A door; else the ledger here.")] = None,
    caller: Annotated[str | None, typer.Option("--caller", help="Who signs, with --to.")] = None,
    secret_file: Annotated[Path | None, typer.Option("--secret-file", help="Its secret; else by the settings.")] = None,
    key_file: Annotated[Path | None, typer.Option("--key-file", help="Or its private key, PEM.")] = None,
    allow_http: Annotated[bool, typer.Option("--allow-http", help="Plain HTTP beyond this machine.")] = False,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Hand in the events of a file. What is refused is named by line or row, field and rule; exit code 1 then.

    A file without any line ends with exit code 1 too: more often than not something went wrong before.
    Safe to run again: what was taken before is a repeat.
    """
    desk = Desk(config=config, as_json=as_json, lang=lang)
    if watch is not None:
        from config.commands.watching import watch_folder

        if file is not None or to is not None or dry_run or report_file is not None:
            desk.fail(USAGE, "feed_watch_alone")
        watch_folder(desk, watch, map_name, settle=settle, is_once=once)
        return
    if file is None:
        desk.fail(USAGE, "feed_needs_file")
    with _fed(desk, file, map_name, report_file, is_rehearsed=dry_run) as fed:
        if dry_run or to is None:
            _here(desk, fed)
        else:
            _there(desk, fed, to, caller, secret_file, key_file, allow_http)
    _tell(desk, fed, "feed_dry_run" if dry_run else "feed_done")


def adopt(
    file: File,
    map_name: Map = None,
    dry_run: DryRun = False,
    report_file: ReportFile = None,
    config: Config = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Take in dossiers and steps that are on the portal already; nothing is sent."""
    desk = Desk(config=config, as_json=as_json, lang=lang)
    with _fed(desk, file, map_name, report_file, is_rehearsed=dry_run) as fed:
        _here(desk, fed, is_adopted=True)
    _tell(desk, fed, "feed_dry_run" if dry_run else "feed_adopted")


class Fed:
    """One file on its way in: its map, its report, and the list of its refused rows."""

    def __init__(self, file: Path, told: ColumnMap | None, rows: RefusedRows | None, *, is_rehearsed: bool) -> None:
        from config.feeding import Report

        self.file = file
        self.map = told
        self.rows = rows
        self.has_rows_report = False
        self.is_rehearsed = is_rehearsed
        self.judged: list[Judged] = []
        self.report: Report = Report(most=None if told is None else MOST_SHOWN, heard=self._hear)

    def _hear(self, judged: Sequence[Judged]) -> None:
        if self.rows is not None:
            self.rows.hear(judged)
        if self.is_rehearsed:
            self.judged += judged


@contextmanager
def _fed(desk: Desk, file: str, map_name: str | None, report_file: Path | None, *, is_rehearsed: bool) -> Iterator[Fed]:
    from adapters.doors.files_rows import TEXTS, WORKBOOKS
    from config.column_maps import map_named
    from config.refused_rows import SUFFIX, RefusedRows

    path, name = _path(file), file.lower()
    if map_name is None and name.endswith((".csv", ".tsv", *WORKBOOKS)):
        desk.fail(USAGE, "feed_needs_map", kinds=" ".join((*TEXTS, *WORKBOOKS)))
    told = None if map_name is None else map_named(desk.load().settings, map_name)
    beside = report_file or (None if told is None or file == "-" else path.with_name(path.name + SUFFIX))
    rows = None if beside is None else RefusedRows(beside.absolute(), desk.language)
    fed = Fed(path, told, rows, is_rehearsed=is_rehearsed)
    yield fed
    fed.has_rows_report = rows is not None and rows.end()


def _path(file: str) -> Path:
    """The file; a dash is standard input, and `./-` a file of that name."""
    from adapters.doors.files import STANDARD_INPUT

    return STANDARD_INPUT if file == "-" else Path(file).absolute()


def _here(desk: Desk, fed: Fed, *, is_adopted: bool = False) -> None:
    from config.feeding import into_ledger, lines_of

    with desk.installation() as here, _bar(desk, fed.file) as step:
        into_ledger(
            lines_of(fed.file, fed.map),
            _rehearsal(here) if fed.is_rehearsed else taker(here, is_adopted=is_adopted),
            frozenset(here.settings.orders()),
            clock=here.ports.clock,
            language=desk.language,
            step=step,
            report=fed.report,
        )


def taker(here: Installation, *, is_adopted: bool = False) -> Accept:
    """The intake of this installation."""
    return lambda events: here.intake.accept_many(events, is_adopted=is_adopted)


def _rehearsal(here: Installation) -> Accept:
    from config.rehearsal import Rehearsal

    return Rehearsal(here.reads, here.settings.speakers(), here.ports.clock).accept


def _there(
    desk: Desk,
    fed: Fed,
    to: str,
    caller: str | None,
    secret_file: Path | None,
    key_file: Path | None,
    allow_http: bool,
) -> None:
    from bus.ports import SystemClock
    from config.feeding import sendable, to_door
    from config.signed_client import DoorClosed, DoorRefused, SignedClient

    if caller is None or (secret_file and key_file):
        desk.fail(USAGE, "feed_needs_caller")
    key = _signs_with(desk, caller, secret_file, key_file)
    try:
        client = SignedClient(
            to, caller=caller, secret=key, clock=SystemClock(), allow_http=allow_http, language=desk.language
        )
    except ValueError as trouble:
        desk.fail(USAGE, "feed_bad_address", detail=trouble)
    try:
        with _bar(desk, fed.file) as step:
            to_door(sendable(fed.file, fed.map), client, language=desk.language, step=step, report=fed.report)
    except DoorClosed as trouble:
        desk.fail(UNREACHABLE, "door_closed", url=to, detail=trouble)
    except DoorRefused as trouble:
        detail = f"{trouble.problem.get('detail') or trouble} ({trouble.problem.get('reference', '–')})"
        desk.fail(FINDING, "door_refused", url=to, detail=detail)
    finally:
        client.close()


def _signs_with(desk: Desk, caller: str, secret_file: Path | None, key_file: Path | None) -> bytes | SigningKey:
    """What was given, else the secret of the settings."""
    from config.caller_keys import own_key, to_sign
    from config.settings_file import secret

    if key_file is not None:
        return own_key(key_file)
    if secret_file is not None:
        return secret(str(secret_file), "--secret-file", is_demo=True).reveal()
    settings = desk.load().settings
    if caller not in settings.callers:
        desk.fail(USAGE, "feed_no_caller", name=caller, callers=", ".join(sorted(settings.callers)) or "–")
    return to_sign(settings, caller)


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


def _tell(desk: Desk, fed: Fed, key: str) -> None:
    report = fed.report
    if not desk.as_json:
        for judged in fed.judged:
            if judged.refused is None:
                is_new = judged.result == "recorded"
                desk.say("feed_would_recorded" if is_new else "feed_would_repeated", row=judged.line)
        for refused in report.refused:
            tell_refused(desk, refused)
    if report.lines == 0:
        desk.note("feed_empty")
    shown = report.shown()
    if fed.is_rehearsed:
        shown["rows"] = [{"line": each.line, "result": each.result} for each in fed.judged]
    if fed.rows is not None and fed.has_rows_report:
        shown["report"] = str(fed.rows.path)
        desk.note("feed_report", path=fed.rows.path)
    desk.say(key, **shown)
    desk.give(shown)
    if not report.is_well:
        raise typer.Exit(FINDING)


def tell_refused(desk: Desk, refused: Refused) -> None:
    """One line for each broken rule, on the error stream."""
    for error in refused.errors or ({},):
        told = {name: error.get(name, "") for name in ("field", "rule", "detail", "column")}
        row = "feed_row_refused" if "column" in error else "feed_line_refused"
        desk.note(row, line=refused.line, id=refused.id or "–", code=refused.code, **told)
