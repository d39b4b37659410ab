"""How each partner is, and what a person may do about it: hold, release, open and close its circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.partners_view import ACTS, PartnersView, PartnerView, Press, forecast_look, partner_view
from adapters.doors.console.pressing import key_for, press, reason_of
from adapters.doors.console.today_view import RATE, PartnerLook, partner_look
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.engines.sqlite import Tx
from bus.looks import Many
from bus.messages import State
from bus.rights import Right

RECENT: Final = 10
"""Incidents and outages beside a partner; the rest stands on their own pages."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /partners."""
    looks = [_look(console, visit, row) for row in _rows(console)]
    return Shown("partners.html", PartnersView(partners=tuple(looks), is_limited=visit.units is not None))


def one(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /partners/{name}."""
    return Shown("partner.html", _view(console, visit, asked.path["name"]))


def _rows(console: Console) -> list[dict[str, Any]]:
    """Every partner of the settings or of the ledger; one that was never met stands as that."""
    met = {row["name"]: row for row in console.reads.partners()}
    return [met.get(name, _unmet(name)) for name in sorted({*met, *console.partners})]


def _unmet(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "is_held": False,
        "hold_reason": "",
        "circuit": "closed",
        "failures": 0,
        "opened_at": None,
        "probe_at": None,
        "window": None,
        "last_success_at": None,
        "deliveries": {},
    }


def _look(console: Console, visit: Visit, row: dict[str, Any]) -> PartnerLook:
    name = row["name"]
    return partner_look(
        row,
        waiting=Many(n=row["deliveries"].get(State.WAITING, 0)),
        ready_since=console.looks.ready_since(name),
        oldest_waiting=console.reads.oldest_waiting(name),
        counts=console.pace.minutes(visit.now - RATE, visit.now, name),
        now=visit.now,
        is_limited=visit.units is not None,
        forecast=forecast_look(console.partner_looks.forecast(name, visit.now), visit.now),
        blocked=console.partner_looks.blocked(name),
    )


def _row(console: Console, name: str) -> dict[str, Any]:
    row = next((row for row in _rows(console) if row["name"] == name), None)
    if row is None:
        raise Wrong("partners.no_partner", status=404, name=name[:60])
    return row


def _view(console: Console, visit: Visit, name: str, typed: Press | None = None) -> PartnerView:
    row, looks = _row(console, name), console.partner_looks
    is_limited = visit.units is not None
    acts = ACTS if visit.may(Right.REPLAY) and not is_limited else ()
    return partner_view(
        row,
        _look(console, visit, row),
        drain=looks.drain(name),
        calls=() if is_limited else tuple(looks.calls(name, visit.now)),
        codes=() if is_limited else tuple(looks.codes(name)),
        outages=tuple(looks.outages(name, RECENT)),
        incidents=tuple(console.incidents.recent(subject=name, limit=RECENT)),
        keys={act: key_for(console, visit, act, f"partner {name}") for act in acts},
        typed=typed,
    )


# -- what a person does ------------------------------------------------------------------------------------------------


def hold(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /partners/{name}/hold: accept, and send nothing."""

    def do(tx: Tx, name: str, reason: str) -> None:
        console.repairs.set_hold(tx, name, True, actor=visit.actor, reason=reason)

    return _press(console, visit, asked, "hold", do)


def release(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /partners/{name}/release: send again, one call at a time at first."""

    def do(tx: Tx, name: str, reason: str) -> None:
        console.repairs.set_hold(tx, name, False, actor=visit.actor, reason=reason)
        console.circuits.drain(tx, name)

    return _press(console, visit, asked, "release", do)


def open_(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /partners/{name}/open: treat it as down."""

    def do(tx: Tx, name: str, reason: str) -> None:
        console.circuits.open(tx, name, actor=visit.actor, reason=reason)

    return _press(console, visit, asked, "open", do)


def close(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /partners/{name}/close: do not wait for the probe."""

    def do(tx: Tx, name: str, reason: str) -> None:
        console.circuits.close(tx, name, actor=visit.actor, reason=reason)

    return _press(console, visit, asked, "close", do)


def _press(console: Console, visit: Visit, asked: Asked, act: str, do: Callable[[Tx, str, str], None]) -> Answer:
    name = _row(console, asked.path["name"])["name"]
    if visit.units is not None:
        raise Wrong("partners.every_unit", status=403)
    try:
        reason = reason_of(asked)

        def job(tx: Tx) -> dict[str, Any]:
            do(tx, name, reason)
            console.audit.add(
                tx,
                actor=visit.actor,
                act=Noted.REPAIRED,
                subject=f"{act} {name}",
                reason=reason,
                address=visit.address,
            )
            return {}

        pressed = press(console, visit, asked, act, f"partner {name}", job)
    except Wrong as wrong:
        typed = Press(act=act, reason=asked.form.get("reason", "")[:2_000], wrong=wrong.key, facts=wrong.facts)
        return Shown("partner.html", _view(console, visit, name, typed), wrong.status)
    said = "partners.pressed_again" if pressed.is_repeat else f"partners.done_{act}"
    return Gone(url_for("partner", name=name), said, {"name": name})


PAGES: Final = (
    Page("GET", "/partners", "partners", show, Right.LIST),
    Page("GET", "/partners/{name}", "partner", one, Right.LIST),
    Page("POST", "/partners/{name}/hold", "partner_hold", hold, Right.REPLAY),
    Page("POST", "/partners/{name}/release", "partner_release", release, Right.REPLAY),
    Page("POST", "/partners/{name}/open", "partner_open", open_, Right.REPLAY),
    Page("POST", "/partners/{name}/close", "partner_close", close, Right.REPLAY),
)
