"""What did we say: a delivery with its attempts, and one call's exact bytes, both ways."""

from __future__ import annotations

from typing import Any, Final

from adapters.doors.console.answers import Answer, Bytes, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.delivery_view import delivery_view
from adapters.doors.console.dossier import reason_typed
from adapters.doors.console.exchange_view import (
    DIRECTIONS,
    FORMS,
    Direction,
    ExchangeView,
    exchange_view,
    part_of,
    without_secrets,
)
from adapters.doors.console.frame import Console
from adapters.doors.console.masking import Known, Masker, known_of
from adapters.doors.console.page import Page
from adapters.doors.console.reach import delivery_in_reach, name_of, whole
from adapters.doors.console.shown_bytes import Form
from adapters.doors.console.visit import Visit
from bus.audit import Act
from bus.close_reads import Call, Place
from bus.errors import NotFound
from bus.rights import Right

MOST_KNOWN: Final = 20
"""Events of a dossier whose personal values are looked for in a call's bytes: the newest, and its own."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /deliveries/{id}."""
    number, place = delivery_in_reach(console, visit, asked)
    before = whole(asked, "before")
    console.audit.note(
        actor=visit.actor, act=Act.DELIVERY_SEEN, dossier=place.dossier, delivery=number, address=visit.address
    )
    unit_name = name_of(console.names.unit, place.unit)
    told = Masker(known_here(console, place)).told(console.close.delivery(number, before=before))
    view = delivery_view(told, unit=place.unit, unit_name=unit_name)
    return Shown("delivery.html", view)


def exchange(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /deliveries/{id}/exchanges/{n}: masked, whoever looks."""
    number, place, call, direction = _called(console, visit, asked)
    _note(console, visit, number, place, f"exchange {call.facts['id']} {direction}")
    return Shown("exchange.html", _view(console, number, place, call, direction, _form(asked), is_opened=False))


def opened(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /deliveries/{id}/exchanges/{n}: with the personal in it, for a reason; or its bytes as a file."""
    number, place, call, direction = _called(console, visit, asked)
    if not visit.may(Right.BODIES):
        raise Wrong("exchange.no_bodies", status=403)
    reason = reason_typed(asked)
    if call.is_shared and visit.units is not None:
        raise Wrong("exchange.shared", status=403)
    is_file = asked.form.get("as") == "file"
    subject = (
        f"exchange {call.facts['id']} {direction}{' file' if is_file else ''}{' shared' if call.is_shared else ''}"
    )
    _note(console, visit, number, place, subject, act=Act.REVEALED, reason=reason)
    if is_file:
        return _file(call, direction)
    return Shown("exchange.html", _view(console, number, place, call, direction, _form(asked), is_opened=True))


def _file(call: Call, direction: Direction) -> Bytes:
    _head, body = part_of(call, direction)
    if body is None:
        raise Wrong("exchange.nothing", status=404)
    octets, is_exact = without_secrets(body)
    name = f"exchange-{call.facts['id']}-{direction}{'' if is_exact else '-without-secrets'}.bin"
    return Bytes(octets, "application/octet-stream", name)


def _called(console: Console, visit: Visit, asked: Asked) -> tuple[int, Place, Call, Direction]:
    number, place = delivery_in_reach(console, visit, asked)
    text = asked.path["n"]
    given = asked.form.get("part") or asked.query.get("part") or "request"
    direction: Direction | None = next((each for each in DIRECTIONS if each == given), None)
    if direction is None or not text.isdecimal() or len(text) > 18:
        raise Wrong("exchange.not_found", status=404, number=text[:40])
    try:
        call = console.close.call(number, int(text))
    except NotFound:
        raise Wrong("exchange.not_found", status=404, number=text[:40]) from None
    return number, place, call, direction


def _form(asked: Asked) -> Form:
    given = asked.form.get("form") or asked.query.get("form")
    return next((form for form in FORMS if form == given), "formatted")


def _note(
    console: Console,
    visit: Visit,
    number: int,
    place: Place,
    subject: str,
    *,
    act: Act = Act.EXCHANGE_SEEN,
    reason: str = "",
) -> None:
    console.audit.note(
        actor=visit.actor,
        act=act,
        dossier=place.dossier,
        delivery=number,
        subject=subject,
        reason=reason,
        address=visit.address,
    )


def _view(
    console: Console, number: int, place: Place, call: Call, direction: Direction, form: Form, *, is_opened: bool
) -> ExchangeView:
    return exchange_view(
        call,
        delivery=number,
        dossier=place.dossier,
        partner=console.reads.delivery_head(number)["partner"],
        direction=direction,
        form=form,
        known=known_here(console, place, call.facts["operation"]),
        is_opened=is_opened,
    )


def known_here(console: Console, place: Place, operation: str = "") -> Known:
    """The personal and the public values of the dossier's events, to be found in the bytes; and what tables call it."""
    dossier: dict[str, Any] = console.close.dossier(place.dossier)
    numbers = {event["number"] for event in dossier["events"][-MOST_KNOWN:]} | {place.event}
    names = {
        operation,
        name_of(console.names.procedure, dossier["procedure"]) or "",
        name_of(console.names.unit, dossier["unit"]) or "",
    }
    contents = console.close.contents(sorted(numbers)).values()
    return known_of((data for data in contents if data is not None), names)


PAGES: Final = (
    Page("GET", "/deliveries/{id}", "delivery", show, Right.LIST),
    Page("GET", "/deliveries/{id}/exchanges/{n}", "exchange", exchange, Right.BODIES, is_body=True),
    Page("POST", "/deliveries/{id}/exchanges/{n}", "exchange_opened", opened, Right.REVEAL, is_body=True),
)
