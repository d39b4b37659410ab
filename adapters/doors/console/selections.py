"""Many deliveries at once: choose an act, freeze the list, see the dry run, start the run."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.log_view import Typed, typed
from adapters.doors.console.page import Page
from adapters.doors.console.pressing import earlier, key_for, press, reason_of
from adapters.doors.console.selections_view import ACTS, ChoiceView, SelectionView, counts
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.looks import LARGEST_PAGE
from bus.presses import Pressed
from bus.rights import Right
from bus.runs import USUAL
from bus.selections import MOST, Selection

PAGE: Final = 50
LONGEST_LOOK_S: Final = 4.0
"""How long the rows of a filter are gathered; past it the filter is too wide to be a choice."""
TARGET: Final = "selection new"


def choose(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /selections/new: ticked rows as `id`, or all that a filter of the log finds."""
    view = _choice(console, visit, asked)
    return Shown("selection_new.html", view, 422 if view.wrong else 200)


def freeze(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /selections: the list as it stands now, with the dry run."""
    if first := earlier(console, visit, asked, "freeze", TARGET):
        return _gone(first)
    try:
        return _gone(_freeze(console, visit, asked))
    except Wrong as wrong:
        return Shown("selection_new.html", _choice(console, visit, asked, wrong), wrong.status)


def _freeze(console: Console, visit: Visit, asked: Asked) -> Pressed:
    name = asked.form.get("act", "")
    if name not in ACTS:
        raise Wrong("selections.no_act", field="act")
    reason, (act, how) = reason_of(asked), ACTS[name]
    ids, chosen = _ids(asked), _filter(asked)
    if not ids and _typed(asked).troubles:
        raise Wrong("selections.wrong_filter")
    if not ids:
        ids = _found(console, visit, chosen)
    try:
        planned = console.selections.plan(ids, act, how, units=visit.units)
    except NotAllowedNow as refusal:
        raise Wrong(f"selections.no_{refusal.code}", status=409, most=MOST) from None

    def do(tx: Tx) -> dict[str, Any]:
        number = console.selections.freeze(tx, planned, account=visit.account, reason=reason, made_of=chosen)
        console.audit.add(
            tx,
            actor=visit.actor,
            act=Noted.REPAIRED,
            subject=f"selection {number} {name} {len(planned.items)}",
            reason=reason,
            address=visit.address,
        )
        return {"selection": number, "left_out": planned.left_out}

    return press(console, visit, asked, "freeze", TARGET, do)


def _gone(done: Pressed) -> Gone:
    said = "selections.said_left_out" if done.result["left_out"] else "selections.said_frozen"
    return Gone(url_for("selection", id=done.result["selection"]), said, {"n": done.result["left_out"]})


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /selections/{id}."""
    of = selection_in_reach(console, visit, asked.path["id"])
    return Shown("selection.html", _view(console, visit, asked, of))


def run(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /selections/{id}/run: start it, or ask another person."""
    of = selection_in_reach(console, visit, asked.path["id"])
    try:
        rate = _rate(asked)

        def do(tx: Tx) -> dict[str, Any]:
            started = console.runs.start(
                tx,
                of.id,
                account=visit.account,
                digest=asked.form.get("digest", ""),
                four_eyes_above=console.facts.four_eyes_above,
                rate=rate,
            )
            console.audit.add(
                tx,
                actor=visit.actor,
                act=Noted.REPAIRED,
                subject=f"run {started.id} of selection {of.id}",
                reason=of.reason,
                address=visit.address,
            )
            return {"run": started.id, "state": started.state}

        done = press(console, visit, asked, "run", f"selection {of.id}", do)
    except Wrong as wrong:
        return Shown("selection.html", _view(console, visit, asked, of, wrong), wrong.status)
    said = "runs.said_asked" if done.result["state"] == "asked" else "runs.said_started"
    return Gone(url_for("run", id=done.result["run"]), said)


def selection_in_reach(console: Console, visit: Visit, text: str) -> Selection:
    """The list, where this person may see all of it. Raises Wrong."""
    try:
        of = console.selections.get(int(text) if text.isdecimal() and len(text) <= 18 else 0)
    except NotFound:
        raise Wrong("selections.not_found", status=404) from None
    if not of.is_open_to(visit.units):
        raise Wrong("selections.not_found", status=404)
    return of


def _view(console: Console, visit: Visit, asked: Asked, of: Selection, wrong: Wrong | None = None) -> SelectionView:
    text = asked.query.get("after", "")
    after = int(text) if text.isdecimal() and len(text) <= 9 else 0
    lines = console.selections.page(of.id, after=after, limit=PAGE)
    last = lines[-1].n if lines else of.count
    started, before = console.runs.of_selection(of.id), console.runs.on_ones_own(visit.account)
    return SelectionView(
        of=of,
        name=f"{of.act}_{of.how}" if of.how else of.act,
        would=counts(console.selections.summary(of.id)),
        lines=tuple(lines),
        after=last if last < of.count else None,
        run=started,
        press=key_for(console, visit, "run", f"selection {of.id}"),
        before=before,
        needs_approval=of.count + before > console.facts.four_eyes_above,
        four_eyes_above=console.facts.four_eyes_above,
        may_run=started is None,
        wrong=wrong.key if wrong else "",
        facts=wrong.facts if wrong else {},
    )


def _choice(console: Console, visit: Visit, asked: Asked, wrong: Wrong | None = None) -> ChoiceView:
    ids, chosen = _ids(asked), _filter(asked)
    count, has_more = len(ids), False
    if not ids and _typed(asked).troubles:
        # What is left of a filter that was not understood is wider than what was meant.
        chosen, wrong = {}, wrong or Wrong("selections.wrong_filter")
    if not ids:
        found = console.looks.deliveries(typed(chosen).wanted, visit.units, before=None, limit=LARGEST_PAGE)
        count, has_more = len(found.lines), found.before is not None
    return ChoiceView(
        ids=tuple(ids),
        filter=chosen,
        count=count,
        has_more=has_more,
        acts=tuple(name for name in ACTS if name != "release"),
        press=key_for(console, visit, "freeze", TARGET),
        chosen=asked.form.get("act", ""),
        reason=asked.form.get("reason", ""),
        wrong=wrong.key if wrong else "",
        facts=wrong.facts if wrong else {},
    )


def _ids(asked: Asked) -> list[int]:
    """Ticked rows; what is no number was not ticked on a page of ours."""
    told = (*asked.many("id"), *asked.form.get("ids", "").split())
    found = [text for text in told if text.isdecimal() and len(text) <= 18]
    return sorted({int(text) for text in found})


def _filter(asked: Asked) -> dict[str, str]:
    return dict(_typed(asked).values)


def _typed(asked: Asked) -> Typed:
    return typed({**asked.query, **asked.form})


def _found(console: Console, visit: Visit, chosen: Mapping[str, str]) -> list[int]:
    """Every delivery that the filter finds. Raises Wrong where that are too many, or where it takes too long."""
    wanted = typed(chosen)
    if wanted.is_all:
        raise Wrong("selections.no_filter")
    ids: list[int] = []
    before: int | None = None
    until = time.monotonic() + LONGEST_LOOK_S
    while True:
        found = console.looks.deliveries(wanted.wanted, visit.units, before=before, limit=LARGEST_PAGE)
        ids += [line.id for line in found.lines]
        before = found.before
        if before is None:
            return ids
        if len(ids) > MOST or time.monotonic() > until:
            raise Wrong("selections.no_too_many", most=MOST)


def _rate(asked: Asked) -> float:
    try:
        rate = float(asked.form.get("rate", "") or USUAL)
    except ValueError:
        raise Wrong("selections.no_rate", field="rate") from None
    if not math.isfinite(rate):
        raise Wrong("selections.no_rate", field="rate")
    return rate


PAGES: Final = (
    Page("GET", "/selections/new", "selection_new", choose, Right.REPLAY),
    Page("POST", "/selections", "freeze", freeze, Right.REPLAY),
    Page("GET", "/selections/{id}", "selection", show, Right.LIST),
    Page("POST", "/selections/{id}/run", "selection_run", run, Right.REPLAY),
)
