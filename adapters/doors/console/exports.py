"""Exports: what a visitor may see, as a file, row by row, with what was taken away recorded.

They say no more than the pages do. As `lienthong ledger export` they leave out reasons, and of people who acted they
say only that it was a person; who may read the audit finds both there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import structlog

from adapters.doors.console.answers import Answer, Shown, Stream, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.export_files import FORMS, Cell, Form, chunks_of
from adapters.doors.console.export_progress import Ending, Progress
from adapters.doors.console.export_rows import EXPORTS, Export, Rows
from adapters.doors.console.frame import Console
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit
from bus.audit import Act
from bus.errors import LedgerUnavailable
from bus.rights import Right

log = structlog.get_logger("console")

MOST_ROWS: Final = 200_000
"""Rows of one file: a month of a large province. A spreadsheet opens that; what is more belongs into several files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportsView:
    """The page on which one chooses."""

    running: tuple[Progress, ...]
    """This account's, in this process; the newest first."""
    exports: tuple[str, ...]
    forms: tuple[Form, ...]
    most: int


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /exports: what may be taken away, and how much of it."""
    mine = tuple(name for name, export in EXPORTS.items() if visit.may(export.right) and not export.needs)
    running = console.exporting.of(visit.account)
    view = ExportsView(running=running, exports=mine, forms=tuple(FORMS), most=MOST_ROWS)
    return Shown("_partials/exporting.html" if asked.is_htmx else "exports.html", view)


class _Counted:
    """Rows on their way out: counted, ended at the limit, and told by a last row that they were."""

    def __init__(self, rows: Iterable[tuple[Cell, ...]], columns: int, told: str, most: int) -> None:
        self._rows = iter(rows)
        self._columns = columns
        self._told = told
        self._most = most
        self.n = 0
        self.is_cut = False

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for row in islice(self._rows, self._most):
            self.n += 1
            yield row
        if next(self._rows, None) is not None:
            self.is_cut = True
            yield (self._told, *[None] * (self._columns - 1))


def export(name: str) -> Callable[[Console, Visit, Asked], Answer]:
    """The page of one kind of export."""
    what = EXPORTS[name]

    def page(console: Console, visit: Visit, asked: Asked) -> Answer:
        form = next((each for each in FORMS if each == asked.path["form"]), None)
        if form is None:
            raise Wrong("exports.wrong_form", status=404, form=asked.path["form"][:20])
        rows = what.rows(console, visit, asked)
        title = console.words.say(visit.language, f"exports.name_{name}")
        stem = f"{name}-{visit.now:%Y%m%d-%H%M%S}"
        console.audit.note(
            actor=visit.actor,
            act=Act.EXPORTED,
            dossier=rows.dossier,
            subject=f"{name}.{form} {rows.told}".strip(),
            address=visit.address,
        )
        chunks = _noted(console, visit, name, form, title, what, rows)
        return Stream(chunks, FORMS[form], f"{stem}.{form}")

    return page


def _noted(
    console: Console, visit: Visit, name: str, form: Form, title: str, what: Export, rows: Rows
) -> Iterator[bytes]:
    """The file's parts; at its end, or where the caller went away, count and digest are noted too."""
    heads = [console.words.say(visit.language, f"exports.col_{column}") for column in what.columns]
    told = console.words.say(visit.language, "exports.cut", most=MOST_ROWS)
    counted = _Counted(rows.rows, len(what.columns), told, MOST_ROWS)
    digest = hashlib.sha256()
    chunks = chunks_of(form, title, what.columns, heads, counted)
    number = console.exporting.begin(visit.account, name, form, visit.now)
    ending: Ending = "stopped"
    try:
        for chunk in chunks:
            digest.update(chunk)
            console.exporting.tell(visit.account, number, counted.n)
            yield chunk
        ending = "cut" if counted.is_cut else "whole"
    finally:
        chunks.close()
        console.exporting.tell(visit.account, number, counted.n, ending)
        _note_end(console, visit, rows, f"{name}.{form} {ending}: rows {counted.n}, sha256 {digest.hexdigest()}")


def _note_end(console: Console, visit: Visit, rows: Rows, subject: str) -> None:
    try:
        console.audit.note(
            actor=visit.actor, act=Act.EXPORTED, dossier=rows.dossier, subject=subject, address=visit.address
        )
    except LedgerUnavailable as trouble:  # that it was begun is recorded, and the rows are gone out
        log.error("export_end_not_noted", actor=visit.actor, cause=str(trouble))


PAGES: Final = (
    Page("GET", "/exports", "exports", show, Right.LIST),
    *(
        Page("GET", f"/exports/{name}.{{form}}", f"export_{name}", export(name), each.right)
        for name, each in EXPORTS.items()
    ),
)
