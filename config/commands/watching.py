"""submit --watch: a folder whose files are handed in as they come."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from config.commands.feeding import MOST_SHOWN, taker, tell_refused
from config.desk import FINDING, UNREACHABLE, USAGE, Desk

if TYPE_CHECKING:
    from adapters.doors.column_map import ColumnMap
    from config.watched_folder import Take, WatchedFolder
    from config.wiring import Installation

LINES = (".ndjson", ".jsonl")


def watch_folder(desk: Desk, folder: Path, map_name: str | None, *, settle: float, is_once: bool) -> None:
    """Until a signal says stop, or with `--once` until nothing more can be taken."""
    from config.column_maps import map_named
    from config.watched_folder import FolderTaken, WatchedFolder, held

    if not folder.is_dir():
        desk.fail(USAGE, "watch_no_folder", folder=folder)
    told = None if map_name is None else map_named(desk.load().settings, map_name)
    try:
        with held(folder), desk.installation() as here:
            take = _taker(desk, here, told)
            watched = WatchedFolder(folder, take=take, clock=here.ports.clock, settle=timedelta(seconds=settle))
            _Watch(desk, watched, pause=max(settle / 2, 0.05)).run(is_once=is_once)
    except FolderTaken:
        desk.fail(UNREACHABLE, "watch_taken", folder=folder)


class _Watch:
    """Looks and tells, and ends when it is told to."""

    def __init__(self, desk: Desk, watched: WatchedFolder, *, pause: float) -> None:
        self._desk = desk
        self._watched = watched
        self._pause = pause
        self._stop = threading.Event()
        self._troubled: dict[str, str] = {}
        self._is_well = True

    def run(self, *, is_once: bool) -> None:
        """Look, tell, wait; the file that is being handed in is finished before the end."""
        if not is_once:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: self._stop.set())
            self._desk.note("watch_ready")
        while True:
            self._look()
            if self._stop.is_set() or (is_once and not self._watched.is_settling()):
                break
            self._stop.wait(self._pause)
        if is_once and self._troubled:
            raise typer.Exit(UNREACHABLE)
        if is_once and not self._is_well:
            raise typer.Exit(FINDING)

    def _look(self) -> None:
        troubled: dict[str, str] = {}
        for each in self._watched.look():
            if isinstance(each, tuple):
                name, trouble = each
                troubled[name] = str(trouble)
                if self._troubled.get(name) != str(trouble):  # once, not at every look
                    self._desk.note("watch_unreadable", name=name, detail=trouble)
            else:
                self._is_well = self._is_well and each.is_well
                self._desk.say("watch_done" if each.is_well else "watch_refused", name=each.name, to=each.to)
                self._desk.give({"file": each.name, "to": str(each.to), "is_well": each.is_well})
            if self._stop.is_set():
                break
        self._troubled = troubled


def _taker(desk: Desk, here: Installation, told: ColumnMap | None) -> Take:
    from config import words
    from config.feeding import Judged, Refused, Report, into_ledger, lines_of
    from config.refused_rows import SUFFIX, RefusedRows

    sources = frozenset(here.settings.orders())

    def take(file: Path, moved: Path) -> bool:
        rows = RefusedRows(moved.with_name(moved.name + SUFFIX), desk.language)
        report = Report(most=MOST_SHOWN, heard=rows.hear)
        lines = lines_of(file, None if file.suffix.lower() in LINES else told)
        clock, language = here.ports.clock, desk.language
        into_ledger(lines, taker(here), sources, clock=clock, language=language, step=lambda done: None, report=report)
        if report.lines == 0:
            empty = {"rule": "missing_field", "detail": words.say("feed_empty", language)}
            rows.hear([Judged(line=0, result="refused", refused=Refused(line=0, id=None, code="", errors=(empty,)))])
        rows.end()
        if not desk.as_json:
            for refused in report.refused:
                tell_refused(desk, refused)
            desk.say("feed_done", **report.shown())
        return report.is_well

    return take
