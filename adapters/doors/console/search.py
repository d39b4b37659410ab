"""Where is dossier N: by its number, by a person's identity number or telephone, by the words of a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.reach import Names
from adapters.doors.console.visit import Visit
from bus.audit import Act
from bus.looks import LONGEST_SEARCH, Hits
from bus.privacy import mask_name
from bus.rights import Right


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchView:
    """The page."""

    text: str
    hits: Hits | None
    """None: nothing was searched for yet."""
    names: Names
    applicants: Mapping[str, str]
    """By the dossiers' numbers, masked: enough to see why it was found."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /search. The only dossier of exactly this number is shown at once."""
    text = asked.query.get("q", "").strip()
    if len(text) > LONGEST_SEARCH:
        raise Wrong("search.too_long", field="q", most=LONGEST_SEARCH, n=len(text))
    if not text:
        return Shown("search.html", SearchView(text="", hits=None, names=console.names, applicants={}))
    hits = console.looks.search(text, visit.units)
    # The kind of search and how much it found; never the words, which may be a person's.
    subject = f"{'+'.join(hits.by) or 'nothing'}: {len(hits.dossiers)}{'' if hits.is_whole else '+'}"
    console.audit.note(actor=visit.actor, act=Act.SEARCHED, subject=subject, address=visit.address)
    if [text] == [hit.number for hit in hits.dossiers]:
        return Gone(url_for("dossier", number=text))
    opened = console.close.applicants([hit.number for hit in hits.dossiers])
    applicants = {number: mask_name(name) for number, name in opened.items()}
    return Shown("search.html", SearchView(text=text, hits=hits, names=console.names, applicants=applicants))


PAGES: Final = (Page("GET", "/search", "search", show, Right.LIST),)
