"""Who saw or did what: the newest first, by person, act, dossier and time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final

from adapters.doors.console.answers import Answer, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.audit_view import PERSON, audit_page
from adapters.doors.console.frame import Console
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit
from bus.audit import Act, Found
from bus.rights import Right

SIZE: Final = 50
LOCAL: Final = timezone(timedelta(hours=7))
FILTERS: Final = ("who", "act", "dossier", "since", "until")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /audit. Looking is noted like any other look."""
    filters = {name: asked.query.get(name, "").strip() for name in FILTERS}
    before, is_lost = _before(console, visit, asked.query.get("cursor", ""))
    found = find(console, visit, filters, before=before, limit=SIZE)
    told = " ".join(name for name in FILTERS if filters[name])
    console.audit.note(
        actor=visit.actor,
        act=Act.AUDIT_SEEN,
        dossier=filters["dossier"][:64] or None,
        subject=told,
        address=visit.address,
    )
    page = audit_page(
        found,
        filters,
        next_cursor=_cursor(console, visit, found.next),
        is_limited=visit.units is not None,
        is_cursor_lost=is_lost,
    )
    return Shown("audit.html", page)


def find(console: Console, visit: Visit, filters: dict[str, str], *, before: int | None, limit: int) -> Found:
    """The rows that these filters ask for, as far as the visitor may see them. Raises Wrong."""
    since, until = day_of(filters["since"], "since"), day_of(filters["until"], "until")
    if since is not None and until is not None and until < since:
        raise Wrong("audit.wrong_range", field="since")
    who = filters["who"]
    return console.audit.find(
        actor=None if not who else who if ":" in who or who == STRANGER else f"{PERSON}{who}",
        act=_act(filters["act"]),
        dossier=filters["dossier"] or None,
        since=since,
        until=None if until is None else until + timedelta(days=1),
        units=visit.units,
        before=before,
        limit=limit,
    )


STRANGER: Final = "stranger"
"""Who tried to sign in under a name that nobody has."""


def day_of(text: str, field: str) -> datetime | None:
    """The beginning of a day, here. Raises Wrong."""
    if not text:
        return None
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        day = datetime.fromisoformat(text).replace(tzinfo=LOCAL)
    except ValueError:
        raise Wrong("audit.wrong_day", field=field, text=text[:40]) from None
    if not 1970 < day.year < 9000:
        raise Wrong("audit.wrong_day", field=field, text=text[:40])
    return day


def _act(text: str) -> Act | None:
    if not text:
        return None
    try:
        return Act(text)
    except ValueError:
        raise Wrong("audit.wrong_act", field="act", text=text[:40]) from None


# -- cursors ---------------------------------------------------------------------------------------------------------


def _cursor(console: Console, visit: Visit, before: int | None) -> str:
    """Where the next page begins, for this account only: a cursor that was sent on is another one's place."""
    if before is None:
        return ""
    return f"{before}.{console.sealing.proof('audit cursor', f'{visit.account} {before}')}"


def _before(console: Console, visit: Visit, cursor: str) -> tuple[int | None, bool]:
    """The row before which this page lies, and whether the cursor was none of ours."""
    if not cursor:
        return None, False
    number, _, proof = cursor.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None, True
    if not console.sealing.is_proof("audit cursor", f"{visit.account} {int(number)}", proof):
        return None, True
    return int(number), False


PAGES: Final = (Page("GET", "/audit", "audit", show, Right.AUDIT),)
