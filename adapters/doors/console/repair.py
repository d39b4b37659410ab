"""One delivery's or one dossier's repairs: what is possible now, what each comes to, and the forms that do it."""

from __future__ import annotations

from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.delivery import known_here
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.masking import Masker
from adapters.doors.console.page import Page
from adapters.doors.console.pressing import key_for, press, reason_of
from adapters.doors.console.reach import delivery_in_reach, dossier_in_reach
from adapters.doors.console.repair_view import (
    CHOICES,
    DossierRepairView,
    Gap,
    Offer,
    Partner,
    RepairView,
    Typed,
    name_of,
)
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.close_reads import Place
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.judging import Act, How, Resolution
from bus.messages import State
from bus.rights import Right

NOTHING: Final = Typed()
HOWS: Final[dict[str, Resolution]] = {"arrived": "arrived", "send_again": "send_again", "go_on": "go_on"}
MOST_GAPS: Final = 20


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /deliveries/{id}/repair."""
    number, place = delivery_in_reach(console, visit, asked)
    console.audit.note(
        actor=visit.actor,
        act=Noted.DELIVERY_SEEN,
        dossier=place.dossier,
        delivery=number,
        subject="repair",
        address=visit.address,
    )
    return Shown("repair.html", _view(console, visit, number, place, NOTHING))


def replay(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /deliveries/{id}/replay."""
    return _act(console, visit, asked, "replay", "")


def release(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /deliveries/{id}/release: a held one."""
    return _act(console, visit, asked, "release", "")


def cancel(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /deliveries/{id}/cancel."""
    return _act(console, visit, asked, "cancel", "")


def resolve(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /deliveries/{id}/resolve: as it was found at the partner."""
    how = HOWS.get(asked.form.get("how", ""))
    if how is None:
        raise Wrong("repairs.no_how", field="how")
    return _act(console, visit, asked, "resolve", how)


def _act(console: Console, visit: Visit, asked: Asked, act: Act, how: How) -> Answer:
    number, place = delivery_in_reach(console, visit, asked)
    name = name_of(act, how)
    try:
        reason = reason_of(asked)

        def do(tx: Tx) -> dict[str, Any]:
            state = console.repairs.act(tx, number, act, how, actor=visit.actor, reason=reason)
            console.audit.add(
                tx,
                actor=visit.actor,
                act=Noted.REPAIRED,
                dossier=place.dossier,
                delivery=number,
                subject=name,
                reason=reason,
                address=visit.address,
            )
            return {"state": state.value}

        done = press(console, visit, asked, name, f"delivery {number}", do)
    except Wrong as wrong:
        typed = Typed(name=name, reason=asked.form.get("reason", ""), wrong=wrong.key, facts=wrong.facts)
        return Shown("repair.html", _view(console, visit, number, place, typed), wrong.status)
    said = "repairs.said_repeat" if done.is_repeat else f"repairs.said_{done.result['state']}"
    return Gone(url_for("delivery", id=number), said, {"id": number})


def _view(console: Console, visit: Visit, number: int, place: Place, typed: Typed) -> RepairView:
    head = console.reads.delivery_head(number)
    offers: list[Offer] = []
    why_not: list[tuple[str, str]] = []
    for act, how in CHOICES:
        name = name_of(act, how)
        try:
            becomes = console.repairs.would(number, act, how)
        except NotAllowedNow as refusal:
            why_not.append((name, refusal.code))
            continue
        if offers and (act == "replay" or offers[0].act == "resolve" != act):
            continue  # to release a held one is to replay it; to cancel one in doubt is to go on without it
        told = _told(console, visit, head) if act == "resolve" else ""
        key = key_for(console, visit, name, f"delivery {number}")
        offers.append(Offer(name=name, act=act, how=how, becomes=becomes, press=key, told=told))
    code = _why_not_correct(console, number)
    return RepairView(
        id=number,
        dossier=place.dossier,
        partner=head["partner"],
        state=State(head["state"]),
        cause=head["cause"],
        reason=Masker(known_here(console, place)).told(head)["reason"],
        kind=head["kind"],
        status=head["status"],
        offers=tuple(offers),
        why_not=tuple(why_not),
        may_correct=not code,
        why_not_correct=code,
        typed=typed,
    )


def _told(console: Console, visit: Visit, head: dict[str, Any]) -> str:
    """What doubling or losing this step means, by the partner's table."""
    return "" if head["status"] is None else console.tables.unclear(head["partner"], head["status"], visit.language)


def _why_not_correct(console: Console, number: int) -> str:
    try:
        console.corrections.may(number)
    except NotAllowedNow as refusal:
        return refusal.code
    except NotFound:
        return "not_correctable"
    return ""


# -- a dossier -------------------------------------------------------------------------------------------------------


def show_dossier(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /repair?number=: a dossier's present truth once more, and numbers that never came."""
    number = dossier_in_reach(console, visit, asked.query.get("number", ""))
    console.audit.note(
        actor=visit.actor, act=Noted.DOSSIER_SEEN, dossier=number, subject="repair", address=visit.address
    )
    return Shown("repair_dossier.html", _dossier_view(console, visit, number, NOTHING))


def resync(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /resync: the newest record of a dossier to one partner, once more."""
    number = dossier_in_reach(console, visit, asked.form.get("number", ""))
    partner = asked.form.get("partner", "")

    def do(tx: Tx, reason: str) -> dict[str, Any]:
        return {"delivery": console.repairs.resync_in(tx, number, partner, actor=visit.actor, reason=reason)}

    return _on_dossier(console, visit, asked, number, f"resync {partner}", do)


def skip_gap(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /skip-gap: go on without a numbered source's missing events."""
    number = dossier_in_reach(console, visit, asked.form.get("number", ""))
    source = asked.form.get("source", "")

    def do(tx: Tx, reason: str) -> dict[str, Any]:
        return {"skipped": console.repairs.skip_gap_in(tx, source, number, actor=visit.actor, reason=reason)}

    return _on_dossier(console, visit, asked, number, f"skip_gap {source}", do)


def _on_dossier(console: Console, visit: Visit, asked: Asked, number: str, subject: str, do: Any) -> Answer:
    act = subject.partition(" ")[0]
    try:
        reason = reason_of(asked)

        def job(tx: Tx) -> dict[str, Any]:
            result: dict[str, Any] = do(tx, reason)
            console.audit.add(
                tx,
                actor=visit.actor,
                act=Noted.REPAIRED,
                dossier=number,
                subject=subject,
                reason=reason,
                address=visit.address,
            )
            return result

        done = press(console, visit, asked, act, f"dossier {number} {subject}", job)
    except NotFound:
        typed = Typed(name=act, reason=asked.form.get("reason", ""), wrong="repairs.no_record", facts={})
        return Shown("repair_dossier.html", _dossier_view(console, visit, number, typed), 409)
    except Wrong as wrong:
        typed = Typed(name=act, reason=asked.form.get("reason", ""), wrong=wrong.key, facts=wrong.facts)
        return Shown("repair_dossier.html", _dossier_view(console, visit, number, typed), wrong.status)
    said = "repairs.said_repeat" if done.is_repeat else f"repairs.said_{act}"
    return Gone(url_for("dossier", number=number), said, {"id": number, "n": done.result.get("skipped", 0)})


def _dossier_view(console: Console, visit: Visit, number: str, typed: Typed) -> DossierRepairView:
    head, _key = console.reads.dossier_head(number)
    partners = [
        Partner(name=name, press=key_for(console, visit, "resync", f"dossier {number} resync {name}"))
        for name in console.repairs.with_record(number)
    ]
    gaps = [
        Gap(
            source=source,
            missing=missing,
            since=since,
            press=key_for(console, visit, "skip_gap", f"dossier {number} skip_gap {source}"),
        )
        for source, missing, since in console.repairs.gaps_of(number)[:MOST_GAPS]
    ]
    born = head["origin"] == "portal"
    return DossierRepairView(number=number, partners=partners, gaps=gaps, is_born_there=born, typed=typed)


PAGES: Final = (
    Page("GET", "/deliveries/{id}/repair", "repair", show, Right.REPLAY),
    Page("POST", "/deliveries/{id}/replay", "replay", replay, Right.REPLAY),
    Page("POST", "/deliveries/{id}/release", "release", release, Right.REPLAY),
    Page("POST", "/deliveries/{id}/cancel", "cancel", cancel, Right.REPLAY),
    Page("POST", "/deliveries/{id}/resolve", "resolve", resolve, Right.REPLAY),
    Page("GET", "/repair", "repair_dossier", show_dossier, Right.REPLAY),
    Page("POST", "/resync", "resync", resync, Right.REPLAY),
    Page("POST", "/skip-gap", "skip_gap", skip_gap, Right.REPLAY),
)
