"""Runs: how far each is; pause, resume, stop; and the second pair of eyes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.pressing import key_for, press, reason_of
from adapters.doors.console.selections_view import RunLine, RunsView, RunView, counts, ends_at, verbs_of
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.engines.sqlite import Tx
from bus.errors import NotFound
from bus.rights import Right
from bus.runs import Run
from bus.selections import Selection

PAGE: Final = 50
APPROVING: Final = frozenset({"approve", "decline"})


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /runs."""
    text = asked.query.get("before", "")
    before = int(text) if text.isdecimal() and len(text) <= 18 else 1 << 62
    found = console.runs.newest(before=before, limit=PAGE)
    older = found[-1].id if len(found) == PAGE else None
    return Shown("runs.html", RunsView(lines=_lines(console, visit, found), older=older))


def approvals(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /approvals: what waits for another person's yes."""
    found = console.runs.asked()
    return Shown("approvals.html", RunsView(lines=_lines(console, visit, found), older=None))


def _lines(console: Console, visit: Visit, found: Iterable[Run]) -> tuple[RunLine, ...]:
    pairs = ((one, console.selections.get(one.selection)) for one in found)
    return tuple(RunLine(run=one, of=of, name=_name(of)) for one, of in pairs if of.is_open_to(visit.units))


def one(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /runs/{id}."""
    run, of = _in_reach(console, visit, asked)
    return Shown("run.html", _view(console, visit, run, of))


def change(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /runs/{id}: pause, resume or stop it."""
    return _changed(console, visit, asked, frozenset({"pause", "resume", "stop"}))


def decide(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /runs/{id}/decision: the second person's yes or no."""
    return _changed(console, visit, asked, APPROVING)


def _changed(console: Console, visit: Visit, asked: Asked, verbs: frozenset[str]) -> Answer:
    run, of = _in_reach(console, visit, asked)
    verb = asked.form.get("verb", "")
    if verb not in verbs:
        raise Wrong("runs.no_verb")
    try:
        reason = reason_of(asked)

        def do(tx: Tx) -> dict[str, Any]:
            changed = _carried(console, visit, tx, run, verb, asked.form.get("digest", ""), reason)
            console.audit.add(
                tx,
                actor=visit.actor,
                act=Noted.APPROVED if verb in APPROVING else Noted.REPAIRED,
                subject=f"run {run.id} {verb}",
                reason=reason,
                address=visit.address,
            )
            return {"state": changed.state}

        press(console, visit, asked, verb, f"run {run.id}", do)
    except Wrong as wrong:
        return Shown(
            "run.html", _view(console, visit, run, of, wrong, verb, asked.form.get("reason", "")), wrong.status
        )
    return Gone(url_for("run", id=run.id), f"runs.said_{verb}")


def _carried(console: Console, visit: Visit, tx: Tx, run: Run, verb: str, digest: str, reason: str) -> Run:
    runs, who = console.runs, visit.account
    match verb:
        case "pause":
            return runs.pause(tx, run.id, account=who, reason=reason)
        case "resume":
            return runs.resume(tx, run.id, account=who, reason=reason)
        case "stop":
            return runs.stop(tx, run.id, account=who, reason=reason)
        case _:
            is_yes = verb == "approve"
            return runs.decide(tx, run.id, account=who, digest=digest, is_yes=is_yes, reason=reason)


def _in_reach(console: Console, visit: Visit, asked: Asked) -> tuple[Run, Selection]:
    """The run, where this person may see all of its list. Raises Wrong."""
    text = asked.path["id"]
    try:
        run = console.runs.get(int(text) if text.isdecimal() and len(text) <= 18 else 0)
    except NotFound:
        raise Wrong("runs.not_found", status=404) from None
    of = console.selections.get(run.selection)
    if not of.is_open_to(visit.units):
        raise Wrong("runs.not_found", status=404)
    return run, of


def _view(
    console: Console,
    visit: Visit,
    run: Run,
    of: Selection,
    wrong: Wrong | None = None,
    verb: str = "",
    reason: str = "",
) -> RunView:
    run = console.runs.get(run.id)
    is_own = visit.account in (run.asked_by, of.account)
    verbs = verbs_of(run, may_replay=visit.may(Right.REPLAY), may_approve=visit.may(Right.APPROVE), is_own=is_own)
    return RunView(
        run=run,
        of=of,
        name=_name(of),
        outcomes=counts(console.runs.outcomes(run.id)),
        would=counts(console.selections.summary(of.id)),
        press={each: key_for(console, visit, each, f"run {run.id}") for each in verbs},
        is_own=is_own,
        ends_at=ends_at(run, of.count, visit.now),
        wrong=wrong.key if wrong else "",
        facts=wrong.facts if wrong else {},
        verb=verb,
        reason=reason,
    )


def _name(of: Selection) -> str:
    return f"{of.act}_{of.how}" if of.how else of.act


PAGES: Final = (
    Page("GET", "/runs", "runs", show, Right.LIST),
    Page("GET", "/runs/{id}", "run", one, Right.LIST),
    Page("POST", "/runs/{id}", "run_change", change, Right.REPLAY),
    Page("POST", "/runs/{id}/decision", "run_decide", decide, Right.APPROVE),
    Page("GET", "/approvals", "approvals", approvals, Right.APPROVE),
)
