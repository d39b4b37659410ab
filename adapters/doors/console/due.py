"""Dossiers by their deadline: all that are overdue, or soon will be."""

from __future__ import annotations

import re
from typing import Final

from adapters.doors.console.answers import Answer, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.due_view import LATEST, DueView, When, rows_of, soon_of
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit
from bus.dues import Place
from bus.rights import Right

_AFTER: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([A-Za-z0-9_-]{24})")


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /due: `?when=soon`, and else what is overdue."""
    when: When = "soon" if asked.query.get("when") == "soon" else "overdue"
    soon = soon_of(console.calendar(), visit.now)
    since, until = (visit.now, soon.until) if when == "soon" else (visit.now - LATEST, visit.now)
    text = asked.query.get("after", "")
    after = _opened(console, visit, when, text)
    found = console.dues.page(since, until, visit.units, after=after)
    cursor = None if found.after is None else _cursor(console, visit, when, found.after)
    rows = rows_of(
        found.dossiers,
        console.names.unit,
        console.names.procedure,
        lambda due_at: console.names.left(due_at, visit.now),
    )
    view = DueView(
        when=when,
        soon=soon,
        rows=rows,
        made_at=visit.now,
        older=None if cursor is None else url_for("due", when=when, after=cursor),
        looked_to=found.looked_to,
        is_first=after is None,
        is_foreign=bool(text) and after is None,
    )
    return Shown("due.html", view)


def _cursor(console: Console, visit: Visit, when: When, after: Place) -> str:
    """Where the list goes on, for this account and nobody else."""
    place = f"{after[0]}.{after[1]}"
    return f"{place}.{console.sealing.proof('due', f'{visit.account}:{when}:{place}')}"


def _opened(console: Console, visit: Visit, when: When, text: str) -> Place | None:
    """The place in it; None where it was made for somebody else, or by nobody here."""
    found = _AFTER.fullmatch(text)
    if found is None:
        return None
    place = f"{found[1]}.{found[2]}"
    if not console.sealing.is_proof("due", f"{visit.account}:{when}:{place}", found[3]):
        return None
    return int(found[1]), int(found[2])


PAGES: Final = (Page("GET", "/due", "due", show, Right.LIST),)
