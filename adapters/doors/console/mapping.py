"""Needs mapping: what is held because a table has no row for it; add the row, see the difference, release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.mapping_view import Line, MappingView, Mistake, Proposal, RowView, Shape, prefilled
from adapters.doors.console.page import Page
from adapters.doors.console.pressing import earlier, key_for, press, reason_of
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow
from bus.presses import Pressed
from bus.repairs import TABLES_KNOWN
from bus.rights import Right
from bus.selections import MOST, Planned
from bus.unmapped import Wanted

LONGEST_CELL: Final = 2_000
AT_ONCE: Final = 200
"""Deliveries released in the transaction of the table: more would hold up what comes in at the doors."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /mapping."""
    lines = tuple(
        Line(
            wanted=one,
            can_be_mapped=not one.is_masked and console.tables.shape(one.partner, one.table) is not None,
        )
        for one in console.unmapped.wanted(visit.units)
    )
    total = sum(line.wanted.count for line in lines)
    is_limited = visit.units is not None
    may_map = visit.may(Right.CONFIGURE) and not is_limited
    return Shown("mapping.html", MappingView(lines=lines, total=total, may_map=may_map, is_limited=is_limited))


def row(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /mapping/row: the form for one row."""
    _require_every_unit(visit)
    wanted, shape = _wanted(console, visit, asked.query)
    return Shown("mapping_row.html", RowView(wanted=wanted, shape=shape, values=prefilled(shape, wanted)))


def put(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /mapping/row: first the dry run, then, with its key, the row itself."""
    _require_every_unit(visit)
    if first := earlier(console, visit, asked, "map", _target(asked.form)):
        return _gone(first)
    wanted, shape = _wanted(console, visit, asked.form)
    values = {column.name: asked.form.get(f"cell-{column.name}", "").strip() for column in shape.columns}
    proposal = console.tables.with_row(shape, values)
    ids = console.unmapped.waiting_for(wanted, visit.units, MOST) if visit.may(Right.REPLAY) else []
    view = _row_view(console, visit, wanted, shape, values, proposal, len(ids), asked)
    if proposal.mistakes or max(map(len, values.values())) > LONGEST_CELL:
        return Shown("mapping_row.html", view, 422)
    if not asked.form.get("press"):
        return Shown("mapping_check.html", view)
    try:
        return _map(console, visit, asked, view, proposal, ids)
    except Wrong as wrong:
        again = _row_view(console, visit, wanted, shape, values, proposal, len(ids), asked, wrong)
        return Shown("mapping_check.html", again, wrong.status)


def _require_every_unit(visit: Visit) -> None:
    """A table is the whole province's: a row changes what every unit sends. Raises Wrong."""
    if visit.units is not None:
        raise Wrong("mapping.every_unit", status=403)


def _map(console: Console, visit: Visit, asked: Asked, view: RowView, proposal: Proposal, ids: list[int]) -> Answer:
    reason, planned = reason_of(asked), _planned(console, visit, view, ids)

    def do(tx: Tx) -> dict[str, Any]:
        texts, base = [(proposal.name, proposal.text)], {proposal.name: asked.form.get("base", "")}
        console.repairs.import_tables_in(tx, texts, actor=visit.actor, reason=reason, instead=base)
        subject = f"{proposal.name} {view.wanted.row}"
        console.audit.add(
            tx, actor=visit.actor, act=Noted.CONFIGURED, subject=subject, reason=reason, address=visit.address
        )
        if planned is not None:
            made_of = _names(view.wanted)
            return {
                "selection": console.selections.freeze(
                    tx, planned, account=visit.account, reason=reason, made_of=made_of
                )
            }
        return {"freed": sum(_released(console, visit, tx, one, reason) for one in ids)}

    return _gone(press(console, visit, asked, "map", _target(asked.form), do))


def _gone(done: Pressed) -> Gone:
    if "selection" in done.result:
        return Gone(url_for("selection", id=done.result["selection"]), "mapping.said_selected")
    return Gone(url_for("mapping"), "mapping.said_mapped", {"n": done.result["freed"]})


def _planned(console: Console, visit: Visit, view: RowView, ids: list[int]) -> Planned | None:
    """So many that another person has a word in it are released by a run."""
    if not view.is_many:
        return None
    try:
        return console.selections.plan(ids, "release", units=visit.units)
    except NotAllowedNow as refusal:
        raise Wrong(f"repairs.no_{refusal.code}", status=409) from None


def _released(console: Console, visit: Visit, tx: Tx, delivery: int, reason: str) -> bool:
    """Whether it goes now; what somebody else moved meanwhile is left alone."""
    try:
        console.repairs.act(tx, delivery, "release", actor=visit.actor, reason=reason, in_ms=TABLES_KNOWN)
    except NotAllowedNow:
        return False
    return True


def _row_view(
    console: Console,
    visit: Visit,
    wanted: Wanted,
    shape: Shape,
    values: dict[str, str],
    proposal: Proposal,
    frees: int,
    asked: Asked,
    wrong: Wrong | None = None,
) -> RowView:
    columns = {column.name for column in shape.columns}
    mistakes = {one.column if one.column in columns else "": one for one in proposal.mistakes}
    mistakes |= {
        name: Mistake(column=name, rule="too_long", value="")
        for name, text in values.items()
        if len(text) > LONGEST_CELL
    }
    return RowView(
        wanted=wanted,
        shape=shape,
        values=values,
        mistakes=mistakes,
        proposal=proposal,
        frees=frees,
        press=key_for(console, visit, "map", _target(_names(wanted))),
        may_release=visit.may(Right.REPLAY),
        is_many=frees > min(console.facts.four_eyes_above, AT_ONCE),
        reason=asked.form.get("reason", ""),
        wrong=wrong.key if wrong else "",
        facts=wrong.facts if wrong else {},
    )


def _target(said: Mapping[str, str]) -> str:
    return f"table {said.get('partner', '')} {said.get('table', '')} {said.get('row', '')}"


def _names(wanted: Wanted) -> dict[str, str]:
    return {"partner": wanted.partner, "table": wanted.table, "row": wanted.row}


def _wanted(console: Console, visit: Visit, said: Mapping[str, str]) -> tuple[Wanted, Shape]:
    """The row that is wanted, and its table. Raises Wrong where nothing waits for it any more."""
    named = (said.get("partner", ""), said.get("table", ""), said.get("row", ""))
    for one in console.unmapped.wanted(visit.units):
        shape = console.tables.shape(one.partner, one.table)
        if (one.partner, one.table, one.row) == named and shape is not None and not one.is_masked:
            return one, shape
    raise Wrong("mapping.not_wanted", status=404)


PAGES: Final = (
    Page("GET", "/mapping", "mapping", show, Right.LIST),
    Page("GET", "/mapping/row", "mapping_row", row, Right.CONFIGURE),
    Page("POST", "/mapping/row", "mapping_put", put, Right.CONFIGURE),
)
