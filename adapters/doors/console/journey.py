"""The journey sheet (phiếu hành trình hồ sơ) of one dossier: a page to be printed."""

from __future__ import annotations

from typing import Final

from adapters.doors.console.answers import Answer, Gone, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.journey_view import journey_view
from adapters.doors.console.links import url_for
from adapters.doors.console.masking import Masker, known_of
from adapters.doors.console.page import Page
from adapters.doors.console.reach import dossier_in_reach, left_of, name_of
from adapters.doors.console.visit import Visit
from bus.audit import Act
from bus.rights import Right


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /journey/{number}: the office's; `?for=citizen` the one that may be given away."""
    number = dossier_in_reach(console, visit, asked.path["number"])
    is_for_citizen = asked.query.get("for") == "citizen"
    if number != asked.path["number"]:
        return Gone(url_for("journey", number=number, **({"for": "citizen"} if is_for_citizen else {})))
    subject = "citizen" if is_for_citizen else "office"
    console.audit.note(actor=visit.actor, act=Act.JOURNEY_SEEN, dossier=number, subject=subject, address=visit.address)
    dossier = console.close.dossier(number)
    contents = console.close.contents(event["number"] for event in dossier["events"])
    known = known_of(data for data in contents.values() if data is not None)
    dossier["timeline"] = Masker(known).told(dossier["timeline"])
    view = journey_view(
        dossier,
        contents,
        now=visit.now,
        made_by=visit.person,
        is_for_citizen=is_for_citizen,
        procedure=name_of(console.names.procedure, dossier["procedure"]),
        unit=name_of(console.names.unit, dossier["unit"]),
        left=left_of(console, dossier, visit.now),
    )
    return Shown("journey.html", view)


PAGES: Final = (Page("GET", "/journey/{number:path}", "journey", show, Right.LIST),)
