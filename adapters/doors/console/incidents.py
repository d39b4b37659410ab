"""Incidents: many failures of one cause are one line, with its beginning, its count and its end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from adapters.doors.console.answers import Answer, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit
from bus.incidents import Incident
from bus.rights import Right

PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentsView:
    """The page."""

    open_now: tuple[Incident, ...]
    past: tuple[Incident, ...]
    older: str | None
    is_first: bool


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /incidents: what goes on first, then what is over, the newest first."""
    told = asked.query.get("before", "")
    before = int(told) if re.fullmatch("[0-9]{1,18}", told) else None
    found = console.incidents.recent(before=before, limit=PAGE)
    older = url_for("incidents", before=str(found[-1].id)) if len(found) == PAGE else None
    return Shown(
        "incidents.html",
        IncidentsView(
            open_now=tuple(console.incidents.open_now()) if before is None else (),
            past=tuple(one for one in found if one.ended_at is not None),
            older=older,
            is_first=before is None,
        ),
    )


PAGES: Final = (Page("GET", "/incidents", "incidents", show, Right.LIST),)
