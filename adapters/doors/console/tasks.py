"""What a person must decide about payments: open tasks, the oldest first; one of them, and its end with a reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.masking import Masker
from adapters.doors.console.page import Page
from adapters.doors.console.payment import masker_of, words_masked
from adapters.doors.console.payments import waiting
from adapters.doors.console.payments_view import Waiting
from adapters.doors.console.pressing import key_for, press, reason_of
from adapters.doors.console.repair_view import Typed
from adapters.doors.console.visit import Visit
from bus.audit import Act as Noted
from bus.engines.sqlite import Tx
from bus.errors import NotFound
from bus.looks import NO_END
from bus.payment_tasks import Task
from bus.payments import TaskKind
from bus.rights import Right, covers

NOTHING: Final = Typed()


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksView:
    """The page."""

    tasks: tuple[Task, ...]
    is_open: bool
    """Those that wait, or those that were decided."""
    kind: str
    next: str | None
    waiting: Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """One of them."""

    task: Task
    press: str
    typed: Typed


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /payments/tasks."""
    is_open = asked.query.get("state") != "closed"
    kind = next((each for each in TaskKind if each == asked.query.get("kind")), None)
    from_there = _number(asked.query.get("from", ""))
    if is_open:
        tasks, more = console.payment_close.open_tasks(visit.units, kind=kind, after=from_there)
    else:
        tasks, more = console.payment_close.closed_tasks(visit.units, kind=kind, before=from_there or NO_END)
    filters = {"state": None if is_open else "closed", "kind": kind and str(kind)}
    view = TasksView(
        tasks=tuple(tasks),
        is_open=is_open,
        kind=str(kind or ""),
        next=None if more is None else url_for("payment_tasks", **{**filters, "from": more}),
        waiting=waiting(console, visit),
    )
    return Shown("payment_tasks.html", view)


def one(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /payments/tasks/{id}."""
    return Shown("payment_task.html", _view(console, visit, _in_reach(console, visit, asked), NOTHING))


def close(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /payments/tasks/{id}/close: decided, with what was found as the reason."""
    task = _in_reach(console, visit, asked)
    try:
        reason = reason_of(asked)

        def do(tx: Tx) -> dict[str, Any]:
            console.payment_tasks.close(tx, task.id, account=visit.account, reason=reason)
            console.audit.add(
                tx,
                actor=visit.actor,
                act=Noted.REPAIRED,
                dossier=task.dossier,
                subject=f"payment task {task.id} close",
                reason=reason,
                address=visit.address,
            )
            return {}

        press(console, visit, asked, "close_task", f"payment task {task.id}", do)
    except Wrong as wrong:
        typed = Typed(name="close", reason=asked.form.get("reason", ""), wrong=wrong.key, facts=wrong.facts)
        return Shown("payment_task.html", _view(console, visit, task, typed), wrong.status)
    return Gone(url_for("payment_tasks"), "payments.said_closed", {"id": task.id})


def _view(console: Console, visit: Visit, task: Task, typed: Typed) -> TaskView:
    masker = Masker() if task.payment is None else masker_of(console, task.payment)
    task = words_masked(task, masker)
    return TaskView(task=task, press=key_for(console, visit, "close_task", f"payment task {task.id}"), typed=typed)


def _in_reach(console: Console, visit: Visit, asked: Asked) -> Task:
    """The task, where this visitor's units cover its payment; one without a payment is every unit's. Raises Wrong."""
    text = asked.path["id"]
    try:
        task = console.payment_close.task(_number(text))
    except NotFound:
        raise Wrong("payments.no_task", status=404, number=text[:40]) from None
    if not covers(task.unit, visit.units):
        raise Wrong("payments.no_task", status=404, number=text[:40])
    return task


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


PAGES: Final = (
    Page("GET", "/payments/tasks", "payment_tasks", show, Right.LIST),
    Page("GET", "/payments/tasks/{id}", "payment_task", one, Right.LIST),
    Page("POST", "/payments/tasks/{id}/close", "payment_task_close", close, Right.REPLAY),
)
