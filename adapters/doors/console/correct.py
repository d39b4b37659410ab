"""Correct and resubmit: a held or refused event as a form, checked as the door checks, sent as a new event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from adapters.channels.strict_json import Fault
from adapters.doors import words
from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.correct_view import CorrectView, NotJson, blamed, content_of, fields_of
from adapters.doors.console.delivery import known_here
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.masking import Masker
from adapters.doors.console.page import Page
from adapters.doors.console.pressing import earlier, key_for, press, reason_of
from adapters.doors.console.reach import delivery_in_reach
from adapters.doors.console.sealing import Unsealable
from adapters.doors.console.visit import Visit
from adapters.doors.malformed import Malformed
from adapters.doors.reading import MAX_EVENT_BYTES, read_event
from bus.audit import Act as Noted
from bus.corrections import Correctable
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.messages import Event, State
from bus.presses import Pressed
from bus.rights import Right, covers

PURPOSE: Final = "correct"
OPEN_FOR: Final = timedelta(minutes=30)
"""How long a form stays opened; time enough to type, and no key for the day."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /deliveries/{id}/correct."""
    of = _of(console, visit, asked)
    console.audit.note(
        actor=visit.actor,
        act=Noted.DELIVERY_SEEN,
        dossier=of.event.dossier,
        delivery=of.of.delivery,
        subject="correct",
        address=visit.address,
    )
    return Shown("correct.html", _view(console, visit, asked, of))


def opened(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /deliveries/{id}/correct/reveal: the form with its personal fields, for a reason."""
    of = _of(console, visit, asked)
    reason = reason_of(asked)
    number = of.of.delivery
    _note_revealed(console, visit, of, reason)
    proof = console.sealing.sealed(PURPOSE, [visit.session, visit.account, number, reason], visit.now)
    return Shown("correct.html", _view(console, visit, asked, of, proof=proof, is_fresh=True))


def _note_revealed(console: Console, visit: Visit, of: Correctable, reason: str) -> None:
    """Each page that goes out opened is a look, with the reason for which it was opened."""
    console.audit.note(
        actor=visit.actor,
        act=Noted.REVEALED,
        dossier=of.event.dossier,
        delivery=of.of.delivery,
        subject="correct",
        reason=reason,
        address=visit.address,
    )


def put(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /deliveries/{id}/correct."""
    number, _place = delivery_in_reach(console, visit, asked)
    if first := earlier(console, visit, asked, PURPOSE, f"delivery {number}"):
        return _gone(number, first)
    of, wrong = _of(console, visit, asked), dict[str, str]()
    try:
        reason = reason_of(asked)
        event = _event(console, visit, asked, of, wrong)
        prepared = console.corrections.prepare(event, of)

        def do(tx: Tx) -> dict[str, Any]:
            new = console.corrections.correct(tx, number, prepared, actor=visit.actor, reason=reason)
            console.audit.add(
                tx,
                actor=visit.actor,
                act=Noted.REPAIRED,
                dossier=of.event.dossier,
                delivery=number,
                subject=f"correct → {new}",
                reason=reason,
                address=visit.address,
            )
            return {"delivery": new}

        done = press(console, visit, asked, PURPOSE, f"delivery {number}", do)
    except NotAllowedNow as refusal:
        return _wrong(console, visit, asked, of, Wrong(f"repairs.no_{refusal.code}", status=409), wrong)
    except Wrong as trouble:
        return _wrong(console, visit, asked, of, trouble, wrong)
    return _gone(number, done)


def _gone(number: int, done: Pressed) -> Gone:
    return Gone(url_for("delivery", id=done.result["delivery"]), "correct.said_done", {"id": number})


def _event(console: Console, visit: Visit, asked: Asked, of: Correctable, wrong: dict[str, str]) -> Event:
    """The new event, judged as the door judges. Raises Wrong; `wrong` then says what at which field."""
    is_opened = _opened_for(console, visit, asked, of) is not None
    if asked.form.get("opened") and not is_opened:
        # Sent all the same, it would be without what was typed into the opened fields.
        raise Wrong("correct.no_longer_open")
    try:
        data = content_of(of.event.kind, of.event.data, asked.form, is_opened=is_opened)
    except NotJson as trouble:
        wrong[trouble.place] = "; ".join(_told(console, visit, fault) for fault in trouble.faults)
        raise Wrong("correct.wrong") from None
    if _leaves_reach(visit, of, data):
        wrong["/unit"] = console.words.say(visit.language, "correct.foreign_unit")
        raise Wrong("correct.wrong")
    try:
        return read_event(json.dumps(of.wire(data), ensure_ascii=False).encode())
    except Malformed as trouble:
        fields = fields_of(of.event.kind, of.event.data, is_opened=is_opened)
        for error in trouble.errors:
            place = blamed(fields, error.field)
            below = error.field.removeprefix(f"/data{place}")
            told = f"{below} {error.say(visit.language)}".strip()
            wrong[place] = f"{wrong[place]}; {told}" if place in wrong else told
        raise Wrong("correct.wrong") from None


def _told(console: Console, visit: Visit, fault: Fault) -> str:
    """What is wrong with a list's text, in the door's own words where it is JSON at all."""
    if fault.reason == "malformed_json":
        return console.words.say(visit.language, "correct.not_json")
    told = words.reason(fault.reason, visit.language, {"limit": str(MAX_EVENT_BYTES)})
    return f"{fault.field} {told}".strip()


def _leaves_reach(visit: Visit, of: Correctable, data: Mapping[str, Any]) -> bool:
    """Whether the correction gives the dossier to a unit that this person does not cover."""
    unit = data.get("unit")
    return unit != of.event.data.get("unit") and not covers(unit, visit.units)


def _of(console: Console, visit: Visit, asked: Asked) -> Correctable:
    """What is to be corrected. Raises Wrong."""
    number, _place = delivery_in_reach(console, visit, asked)
    try:
        return console.corrections.of(number)
    except NotAllowedNow as refusal:
        raise Wrong(f"repairs.no_{refusal.code}", status=409) from None
    except NotFound:
        raise Wrong("repairs.no_not_correctable", status=409) from None


def _wrong(
    console: Console, visit: Visit, asked: Asked, of: Correctable, trouble: Wrong, wrong: dict[str, str]
) -> Answer:
    """The form again, with what was typed, and what is wrong at its field."""
    reason = _opened_for(console, visit, asked, of)
    if reason is not None:
        _note_revealed(console, visit, of, reason)
    proof = asked.form.get("opened", "") if reason is not None else ""
    told = console.words.say(visit.language, trouble.key, **trouble.facts)
    if "" in wrong:
        told = f"{told} ({wrong['']})"
    view = _view(console, visit, asked, of, proof=proof, told=told, wrong=wrong)
    return Shown("correct.html", view, trouble.status)


def _view(
    console: Console,
    visit: Visit,
    asked: Asked,
    of: Correctable,
    *,
    proof: str = "",
    told: str = "",
    wrong: dict[str, str] | None = None,
    is_fresh: bool = False,
) -> CorrectView:
    number = of.of.delivery
    head = console.reads.delivery_head(number)
    typed = {} if is_fresh else asked.form
    return CorrectView(
        delivery=number,
        dossier=of.event.dossier,
        kind=of.event.kind,
        cause=head["cause"],
        reason_held=Masker(known_here(console, console.close.place(number))).told(head)["reason"],
        partner=of.of.partner,
        fields=fields_of(
            of.event.kind, of.event.data, is_opened=bool(proof), typed=typed, wrong=wrong, language=visit.language
        ),
        press=key_for(console, visit, PURPOSE, f"delivery {number}"),
        opened=proof,
        may_reveal=visit.may(Right.REVEAL) and not proof,
        is_replacing=of.of.state is State.DELIVERED,
        wrong=told,
        reason="" if is_fresh else asked.form.get("reason", ""),
    )


def _opened_for(console: Console, visit: Visit, asked: Asked, of: Correctable) -> str | None:
    """For which reason this person opened the personal fields of this very event, in this session, not long ago."""
    given = asked.form.get("opened", "")
    if not given or not visit.may(Right.REVEAL):
        return None
    try:
        *who, reason = console.sealing.opened(PURPOSE, given, visit.now, OPEN_FOR)
    except Unsealable:
        return None
    return str(reason) if who == [visit.session, visit.account, of.of.delivery] else None


PAGES: Final = (
    Page("GET", "/deliveries/{id}/correct", "correct", show, Right.REPLAY),
    Page("POST", "/deliveries/{id}/correct", "correct_put", put, Right.REPLAY),
    Page("POST", "/deliveries/{id}/correct/reveal", "correct_reveal", opened, Right.REVEAL, is_body=True),
)
