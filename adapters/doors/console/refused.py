"""Refused at the doors: what, when, by which rule, and how to answer who calls about it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from adapters.doors import words as doors_words
from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.reach import LOCAL, whole
from adapters.doors.console.refused_view import RefusedView, Told, reference_of, refusal_page, refused_view
from adapters.doors.console.visit import Visit
from adapters.doors.problems import STATUS, is_reference
from bus.audit import Act
from bus.errors import NotFound
from bus.rights import Right

FILTERS: Final = ("since", "until", "caller", "code", "reference")


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /refused: the newest first."""
    see_all(visit)
    typed = asked.query.get("reference", "").strip()
    if typed:
        return Gone(url_for("refusal", reference=typed[:40]))
    return Shown("refused.html", page_of(console, asked))


def page_of(console: Console, asked: Asked) -> RefusedView:
    """A page of the list, as the address filters it. Raises Wrong."""
    since, until = day(asked, "since"), day(asked, "until", is_end=True)
    if since is not None and until is not None and since >= until:
        raise Wrong("refused.wrong_range", field="since")
    filters = {name: asked.query.get(name, "").strip() for name in FILTERS}
    rows, following = console.close.refusals(
        before=whole(asked, "before"),
        since=since,
        until=until,
        caller=filters["caller"] or None,
        code=filters["code"] or None,
    )
    return refused_view(rows, following, filters, sorted(STATUS))


def one(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /refused/{reference}: typed in any way that can be read out."""
    see_all(visit)
    typed = asked.path["reference"]
    reference = reference_of(typed)
    if reference is None:
        raise Wrong("refused.no_reference", status=404, reference=typed[:40])
    if reference != typed:
        return Gone(url_for("refusal", reference=reference))
    try:
        row = console.reads.refusal(reference)
    except NotFound:
        key = "refused.gone" if is_reference(reference) else "refused.misheard"
        raise Wrong(key, status=404, reference=reference) from None
    console.audit.note(actor=visit.actor, act=Act.REFUSAL_SEEN, subject=reference, address=visit.address)
    languages = ("vi", "en") if visit.language == "vi" else ("en", "vi")
    return Shown("refusal.html", refusal_page(row, [told(row["code"], language) for language in languages]))


def see_all(visit: Visit) -> None:
    """A refused request belongs to no unit: who is limited to some sees none of them. Raises Wrong."""
    if visit.units is not None:
        raise Wrong("refused.every_unit", status=403)


def told(code: str, language: str) -> Told:
    """A problem's or a Fault's words; of a code that no catalogue has, the code."""
    known = doors_words.catalogue(language)
    entry = known["problems"].get(code) or known.get("faults", {}).get(code) or {"title": code, "detail": ""}
    return Told(language=language, title=str(entry["title"]), detail=str(entry["detail"]))


def day(asked: Asked, name: str, *, is_end: bool = False) -> datetime | None:
    """A day of the query as its beginning, or as its end; here, not in UTC. Raises Wrong."""
    text = asked.query.get(name, "").strip()
    if not text:
        return None
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError
        begin = datetime.fromisoformat(text).replace(tzinfo=LOCAL)
        moment = begin + timedelta(days=1) if is_end else begin
    except (ValueError, OverflowError):
        raise Wrong("refused.wrong_day", field=name, text=text[:40]) from None
    if not 1970 <= moment.year <= 9000:
        raise Wrong("refused.wrong_day", field=name, text=text[:40])
    return moment


PAGES: Final = (
    Page("GET", "/refused", "refused", show, Right.LIST),
    Page("GET", "/refused/{reference}", "refusal", one, Right.LIST),
)
