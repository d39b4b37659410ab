"""The sync log: every delivery, the newest first, by what the address asks for; and live."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from adapters.doors.console.answers import Answer, Live, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.log_view import Choices, LogView, log_view, typed
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit
from bus.looks import PAGE
from bus.rights import Right

_CURSOR: Final = re.compile(r"([0-9]{1,18})\.([A-Za-z0-9_-]{24})")


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /log."""
    return Shown("log.html", _view(console, visit, asked))


def live(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /log/live: what happens to deliveries from now on, or from where this browser broke off."""
    told = asked.last_event_id or asked.query.get("after", "")
    after = int(told) if re.fullmatch("[0-9]{1,18}", told) else None
    return Live(console.feed.listen(visit, typed(asked.query).wanted, after))


def _view(console: Console, visit: Visit, asked: Asked) -> LogView:
    wanted, troubles = typed(asked.query), list[tuple[str, Mapping[str, str]]]()
    before = None
    if text := asked.query.get("before", ""):
        before = opened_cursor(console, visit, text)
        if before is None:
            troubles.append(("log.foreign_cursor", {}))
    # Read before the list: what moves in between is told once more by the live log, and missed by neither.
    last_move = console.looks.last_move()
    found = console.looks.deliveries(wanted.wanted, visit.units, before=before, limit=PAGE)
    return log_view(
        found,
        wanted,
        choices(console, visit),
        cursor=None if found.before is None else cursor(console, visit, found.before),
        is_first=before is None,
        last_move=last_move,
        now=visit.now,
        may_repair=visit.may(Right.REPLAY),
        troubles=tuple(troubles),
    )


def choices(console: Console, visit: Visit) -> Choices:
    """What this visitor may filter by."""
    met = {row["name"] for row in console.reads.partners()}
    return Choices(
        partner=sorted(met | set(console.partners)),
        source=console.looks.sources(),
        unit=console.looks.units(visit.units),
        cause=console.looks.causes(visit.units),
    )


def cursor(console: Console, visit: Visit, before: int) -> str:
    """Where a list goes on, for this account and nobody else."""
    return f"{before}.{console.sealing.proof('cursor', f'{visit.account}:{before}')}"


def opened_cursor(console: Console, visit: Visit, text: str) -> int | None:
    """The number in it; None where it was made for somebody else, or by nobody here."""
    found = _CURSOR.fullmatch(text)
    if found is None or not console.sealing.is_proof("cursor", f"{visit.account}:{found[1]}", found[2]):
        return None
    return int(found[1])


PAGES: Final = (
    Page("GET", "/log", "log", show, Right.LIST),
    Page("GET", "/log/live", "log_live", live, Right.LIST),
)
