"""Where is dossier N: its page, as it stands or as it stood, and its personal data for a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.dossier_view import MOST_CONTENTS, DossierView, dossier_view
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.masking import Masker, known_of
from adapters.doors.console.page import Page
from adapters.doors.console.reach import LOCAL, dossier_in_reach, left_of, moment_typed, name_of, whole
from adapters.doors.console.visit import Visit
from bus.audit import Act
from bus.reasons import LONGEST, fault_in
from bus.rights import Right, covers
from bus.signature_close import SignatureSeen

MOST_SIGNED: Final = 10
"""Signatures on a dossier's page; the list of signatures has the rest."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /dossiers/{number}."""
    number = dossier_in_reach(console, visit, asked.path["number"])
    if number != asked.path["number"]:
        return Gone(url_for("dossier", number=number))
    at, before = moment_typed(asked, visit), whole(asked, "before")
    console.audit.note(actor=visit.actor, act=Act.DOSSIER_SEEN, dossier=number, address=visit.address)
    return Shown("dossier.html", seen(console, visit, number, at=at, before=before))


def reveal(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /reveal: the page once more, opened, as the answer to this very form; nothing of it has an address."""
    number = dossier_in_reach(console, visit, asked.form.get("number", ""))
    reason = reason_typed(asked)
    console.audit.note(
        actor=visit.actor, act=Act.REVEALED, dossier=number, subject="dossier", reason=reason, address=visit.address
    )
    return Shown("dossier.html", seen(console, visit, number, is_opened=True))


def reason_typed(asked: Asked) -> str:
    """Why somebody wants to see what is masked. Raises Wrong."""
    reason = asked.form.get("reason", "").strip()
    fault = fault_in(reason)
    if fault is not None:
        raise Wrong(f"dossier.reason_{fault}", field="reason", most=LONGEST)
    return reason


def seen(
    console: Console,
    visit: Visit,
    number: str,
    *,
    at: datetime | None = None,
    before: int | None = None,
    is_opened: bool = False,
) -> DossierView:
    """What the page shows. Whoever calls this has noted who sees it."""
    dossier = console.close.dossier(number, before=before) if at is None else _then(console, number, at)
    contents = console.close.contents([event["number"] for event in dossier["events"]][-MOST_CONTENTS:])
    if not is_opened:
        known = known_of(data for data in contents.values() if data is not None)
        dossier["timeline"] = Masker(known).told(dossier["timeline"])
    typed = (at or visit.now).astimezone(LOCAL)
    return dossier_view(
        dossier,
        contents,
        now=visit.now,
        at=at,
        at_typed=(f"{typed:%Y-%m-%d}", f"{typed:%H:%M:%S}"),
        procedure=name_of(console.names.procedure, dossier["procedure"]),
        unit=name_of(console.names.unit, dossier["unit"]),
        left=left_of(console, dossier, at or visit.now),
        is_opened=is_opened,
        signatures=[] if at is not None else _signed(console, visit, number),
    )


def _signed(console: Console, visit: Visit, number: str) -> list[SignatureSeen]:
    """Its newest signatures, of the units that this visitor may see."""
    lines = [line for line in console.signature_looks.of_dossier(number) if covers(line.unit, visit.units)]
    return [console.signature_close.signature(line.id) for line in lines[:MOST_SIGNED]]


def _then(console: Console, number: str, at: datetime) -> dict[str, Any]:
    """As it stood, as long as the page of now."""
    from bus.close_reads import MOST_EVENTS, MOST_MOVES

    past = console.reads.dossier_at(number, at)
    status = {move["delivery"]: move["status"] for move in console.close.dossier(number)["timeline"]}
    return past | {
        "events": past["events"][-MOST_EVENTS:],
        "timeline": [move | {"status": status.get(move["delivery"])} for move in past["timeline"][-MOST_MOVES:]],
        "has_older_events": len(past["events"]) > MOST_EVENTS,
    }


PAGES: Final = (
    Page("GET", "/dossiers/{number:path}", "dossier", show, Right.LIST),
    Page("POST", "/reveal", "reveal", reveal, Right.REVEAL, is_body=True),
)
