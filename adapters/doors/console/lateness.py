"""Trễ do ai?: whose hands overdue dossiers were in, per unit and month, down to the single dossier."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapters.doors.console.answers import Answer, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.lateness_view import (
    SORTS,
    Chosen,
    LateDossiersView,
    late_dossier,
    lateness_view,
    month_text,
)
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit
from bus.late_book import AsOf
from bus.lateness import month_of
from bus.rights import Right, covers
from bus.times import to_ms

if TYPE_CHECKING:
    from bus.late_book import LateBook

LONGEST: Final = 36
"""Months that one page sums."""
USUAL: Final = 12
PAGE: Final = 50
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_AFTER: Final = re.compile(r"(\d{1,18})\.(\d{1,18})\.([A-Za-z0-9_-]{24})")


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /lateness."""
    chosen = chosen_months(visit, asked)
    book = _book(console)
    rows = [] if book is None else book.months(chosen.first, chosen.last, visit.units)
    as_of = AsOf(complete_at=None, share=0.0) if book is None else book.as_of()
    view = lateness_view(
        rows,
        chosen,
        lambda unit: _named(console, visit, unit),
        complete_at=as_of.complete_at,
        share=as_of.share,
        has_book=book is not None,
    )
    return Shown("lateness.html", view)


def dossiers(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /lateness/dossiers: of one unit and month, the longest late first."""
    month, unit = _month(asked, "month", month_of(to_ms(visit.now))), asked.query.get("unit", "")
    if not covers(unit or None, visit.units):
        raise Wrong("lateness.no_unit", status=404, unit=unit[:60])
    sync = {"yes": True, "no": False}.get(asked.query.get("sync", ""))
    after, is_foreign = _after(console, visit, asked.query.get("after", ""))
    book = _book(console)
    found = [] if book is None else book.dossiers(month, unit, only_sync=sync, after=after, limit=PAGE)
    here = {"month": month_text(month, iso=True), "unit": unit}
    cursor = None
    if len(found) == PAGE:
        place = f"{found[-1].whole}.{found[-1].id}"
        cursor = f"{place}.{console.sealing.proof('late', f'{visit.account}:{place}')}"
    told = None if sync is None else asked.query["sync"]
    return Shown(
        "late_dossiers.html",
        LateDossiersView(
            month=month_text(month),
            unit=unit,
            unit_name=_named(console, visit, unit),
            sync=sync,
            dossiers=tuple(late_dossier(row) for row in found),
            older=None if cursor is None else url_for("late_dossiers", **here, sync=told, after=cursor),
            back=url_for("lateness"),
            sync_address=url_for("late_dossiers", **here, sync="yes"),
            all_address=url_for("late_dossiers", **here),
            is_foreign=is_foreign,
        ),
    )


def _book(console: Console) -> LateBook | None:
    """The one partner's by whose view dossiers are late."""
    return next(iter(console.late.values()), None)


def _named(console: Console, visit: Visit, unit: str) -> str:
    if not unit:
        return console.words.say(visit.language, "lateness.without_unit")
    return console.names.unit(unit) or unit


def chosen_months(visit: Visit, asked: Asked) -> Chosen:
    """What the address asks for; the export of the page reads it too. Raises Wrong."""
    now = month_of(to_ms(visit.now))
    last = _month(asked, "to", now)
    first = _month(asked, "from", last - USUAL + 1)
    if first > last:
        raise Wrong("lateness.wrong_months", field="from")
    if last - first >= LONGEST:
        raise Wrong("lateness.many_months", field="from", most=LONGEST)
    sort = asked.query.get("sort", "month")
    return Chosen(first=first, last=last, unit=asked.query.get("unit", ""), sort=sort if sort in SORTS else "month")


def _month(asked: Asked, name: str, otherwise: int) -> int:
    text = asked.query.get(name, "")
    if not text:
        return otherwise
    found = _MONTH.fullmatch(text)
    if found is None or not (1970 <= int(found[1]) <= 9000 and 1 <= int(found[2]) <= 12):
        raise Wrong("lateness.wrong_month", field=name, text=text[:20])
    return int(found[1]) * 12 + int(found[2]) - 1


def _after(console: Console, visit: Visit, text: str) -> tuple[tuple[int, int] | None, bool]:
    """Where the list goes on; and whether the address was made for somebody else, or by nobody here."""
    if not text:
        return None, False
    found = _AFTER.fullmatch(text)
    if found is None or not console.sealing.is_proof("late", f"{visit.account}:{found[1]}.{found[2]}", found[3]):
        return None, True
    return (int(found[1]), int(found[2])), False


PAGES: Final = (
    Page("GET", "/lateness", "lateness", show, Right.LIST),
    Page("GET", "/lateness/dossiers", "late_dossiers", dossiers, Right.LIST),
)
