"""Settlement differences: a gateway's file of a day beside the ledger and the one-stop system, and their repair."""

from __future__ import annotations

import re
from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.pressing import earlier, key_for, press, reason_of
from adapters.doors.console.settlement_view import (
    RepairLine,
    RunView,
    SettlementRoom,
    SettlementView,
    class_named,
    line_of,
    would_of,
)
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.rights import Right
from bus.settlement import CLASSES, DifferenceClass, Plan, Repair, Run

PAGE: Final = 30
ROWS: Final = 100
VERBS: Final = ("approve", "decline")


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /payments/settlement: the runs, the newest first."""
    room = _room(console, visit)
    text = asked.query.get("before", "")
    runs = room.settlements.newest(before=int(text) if _is_number(text) else 1 << 62, limit=PAGE)
    lines = tuple(line_of(run, room.settlements.counts(run.id), room.repairs.of_run(run.id)) for run in runs)
    return Shown("settlement.html", SettlementView(lines=lines, older=runs[-1].id if len(runs) == PAGE else None))


def one(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /payments/settlement/{id}: what differs, and the dry run of what is shown."""
    return Shown("settlement_run.html", _view(console, visit, _run(console, visit, asked), asked.query))


def repair(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/settlement/{id}: repair what was shown, or ask another person."""
    room, run = _room(console, visit), _run(console, visit, asked)
    kind = class_named(asked.form.get("class", ""))
    target, digest = _target(run, kind), asked.form.get("digest", "")
    if first := earlier(console, visit, asked, "settle", target):
        return _gone(run, kind, first.result["state"])
    try:
        reason = reason_of(asked)

        def do(tx: Tx) -> dict[str, Any]:
            wish = room.repairs.ask(
                tx,
                run.id,
                CLASSES if kind is None else (kind,),
                digest=digest,
                actor=visit.actor,
                reason=reason,
                four_eyes_above=room.four_eyes_above,
            )
            _note(console, visit, tx, Noted.REPAIRED, f"{target} {digest[:12]}", reason)
            return {"state": wish.state}

        done = press(console, visit, asked, "settle", target, do)
    except Wrong as wrong:
        view = _view(console, visit, run, asked.form, wrong=wrong)
        return Shown("settlement_run.html", view, wrong.status)
    return _gone(run, kind, done.result["state"])


def decide(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/settlement/{id}/decision: the second person's yes or no."""
    room, run = _room(console, visit), _run(console, visit, asked)
    verb, text = asked.form.get("verb", ""), asked.form.get("repair", "")
    try:
        if verb not in VERBS or not _is_number(text):
            raise Wrong("runs.no_verb")
        reason, number = reason_of(asked), int(text)

        def do(tx: Tx) -> dict[str, Any]:
            digest = asked.form.get("digest", "")
            said = {"actor": visit.actor, "digest": digest, "is_yes": verb == "approve", "reason": reason}
            wish = room.repairs.decide(tx, number, **said)  # type: ignore[arg-type]
            _note(console, visit, tx, Noted.APPROVED, f"settlement repair {number} {verb}", reason)
            return {"state": wish.state}

        press(console, visit, asked, verb, f"settlement repair {text}", do)
    except NotFound:
        raise Wrong("settlement.not_found", status=404) from None
    except Wrong as wrong:
        return Shown("settlement_run.html", _view(console, visit, run, {}, wrong=wrong), wrong.status)
    return Gone(url_for("settlement_run", id=run.id), f"settlement.said_{verb}")


# -- shared ---------------------------------------------------------------------------------------------------------


def _room(console: Console, visit: Visit) -> SettlementRoom:
    """A file holds every unit's payments: only who sees all of them sees it. Raises Wrong."""
    if visit.units is not None:
        raise Wrong("settlement.every_unit", status=403)
    return console.settlement


def _run(console: Console, visit: Visit, asked: Asked) -> Run:
    """Raises Wrong."""
    text = asked.path["id"]
    try:
        return _room(console, visit).settlements.get(int(text) if _is_number(text) else 0)
    except NotFound:
        raise Wrong("settlement.not_found", status=404) from None


def _view(console: Console, visit: Visit, run: Run, said: Any, *, wrong: Wrong | None = None) -> RunView:
    room = console.settlement
    kind, only_open = class_named(said.get("class", "")), said.get("open", "") == "1"
    after = int(said["after"]) if _is_number(said.get("after", "")) else 0
    rows = room.settlements.differences(run.id, kind=kind, is_open=only_open, after=after, limit=ROWS)
    plan = _plan(room, run, kind)
    may_repair = visit.may(Right.REPLAY)
    return RunView(
        run=run,
        counts=tuple(room.settlements.counts(run.id)),
        findings=tuple(room.settlements.findings(run.id, limit=ROWS)),
        rows=tuple(rows),
        after=rows[-1].id if len(rows) == ROWS else None,
        kind="" if kind is None else kind.value,
        only_open=only_open,
        would=would_of(plan),
        plan_digest="" if plan is None else plan.digest,
        press=key_for(console, visit, "settle", _target(run, kind)) if may_repair and plan is not None else "",
        may_repair=may_repair,
        needs_approval=plan is not None and room.repairs.wants_second_person(plan, room.four_eyes_above),
        four_eyes_above=room.four_eyes_above,
        repairs=tuple(_repair_line(console, visit, each) for each in room.repairs.of_run(run.id)),
        reason=said.get("reason", ""),
        wrong=wrong.key if wrong else "",
        facts=wrong.facts if wrong else {},
    )


def _plan(room: SettlementRoom, run: Run, kind: DifferenceClass | None) -> Plan | None:
    """The dry run of what is shown; None where nothing is open."""
    try:
        return room.repairs.plan(run.id, CLASSES if kind is None else (kind,))
    except NotAllowedNow:
        return None


def _repair_line(console: Console, visit: Visit, of: Repair) -> RepairLine:
    is_own = of.actor == visit.actor
    verbs = [
        verb
        for verb in VERBS
        if of.state == "asked" and visit.may(Right.APPROVE) and not (is_own and verb == "approve")
    ]
    press = {verb: key_for(console, visit, verb, f"settlement repair {of.id}") for verb in verbs}
    return RepairLine(of=of, is_own=is_own, press=press)


def _target(run: Run, kind: DifferenceClass | None) -> str:
    return f"settlement {run.id} {'' if kind is None else kind.value}".strip()


def _gone(run: Run, kind: DifferenceClass | None, state: str) -> Gone:
    facts = {} if kind is None else {"class": kind.value}
    return Gone(url_for("settlement_run", id=run.id, **facts), f"settlement.said_{state}")


def _note(console: Console, visit: Visit, tx: Tx, act: Noted, subject: str, reason: str) -> None:
    console.audit.add(tx, actor=visit.actor, act=act, subject=subject, reason=reason, address=visit.address)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,18}", text) is not None


PAGES: Final = (
    Page("GET", "/payments/settlement", "settlement", show, Right.LIST),
    Page("GET", "/payments/settlement/{id}", "settlement_run", one, Right.LIST),
    Page("POST", "/payments/settlement/{id}", "settlement_repair", repair, Right.REPLAY),
    Page("POST", "/payments/settlement/{id}/decision", "settlement_decide", decide, Right.APPROVE),
)
