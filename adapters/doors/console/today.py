"""What needs me: the first page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from adapters.doors.console.answers import Answer, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.due_view import LATEST, soon_of
from adapters.doors.console.frame import Console
from adapters.doors.console.page import Page
from adapters.doors.console.partners_view import forecast_look
from adapters.doors.console.payments import waiting
from adapters.doors.console.today_view import (
    AWAITING_LONG,
    GAP_LONG,
    RATE,
    Need,
    PartnerLook,
    TodayView,
    awaiting_need,
    due_need,
    gaps_need,
    money_need,
    partner_look,
    state_need,
)
from adapters.doors.console.visit import Visit
from bus.looks import NONE, Many
from bus.messages import State
from bus.rights import Right

GAPS: Final = 50


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /."""
    standing = console.looks.standing(visit.units)
    return Shown(
        "today.html",
        TodayView(
            needs=tuple(_needs(console, visit, standing)),
            partners=tuple(_partners(console, visit, standing)),
            charts=() if visit.units is not None else console.charts.of(visit.now, _all(standing, State.WAITING).n),
            made_at=visit.now,
            is_limited=visit.units is not None,
            counted_since=console.pace.counted_since(),
        ),
    )


def _needs(console: Console, visit: Visit, standing: dict[tuple[str, State], Many]) -> Iterator[Need]:
    looks, units, now = console.looks, visit.units, visit.now
    for state in (State.REFUSED, State.HELD, State.IN_DOUBT):
        count = _all(standing, state)
        yield state_need(state, count, looks.oldest(state, units) if count.n else None)
    late = looks.awaiting_since(now - AWAITING_LONG, units)
    yield awaiting_need(late, looks.oldest(State.AWAITING, units) if late.n else None)
    yield gaps_need(looks.gaps(now - GAP_LONG, units, limit=GAPS), limit=GAPS)
    money = waiting(console, visit)
    yield money_need(money.tasks, money.requested + money.unclear)
    soon = soon_of(console.calendar(), now)
    yield due_need("overdue", looks.due(now - LATEST, now, units), "bad")
    yield due_need("due_soon", looks.due(now, soon.until, units), "warn", is_by_days=not soon.is_working)


def _all(standing: dict[tuple[str, State], Many], state: State) -> Many:
    return sum((count for (_, each), count in standing.items() if each is state), NONE)


def _partners(console: Console, visit: Visit, standing: dict[tuple[str, State], Many]) -> Iterator[PartnerLook]:
    counts = console.pace.minutes(visit.now - RATE, visit.now)
    for partner in console.reads.partners():
        name = partner["name"]
        yield partner_look(
            partner,
            waiting=Many(n=partner["deliveries"].get(State.WAITING, 0)),
            ready_since=console.looks.ready_since(name),
            oldest_waiting=console.reads.oldest_waiting(name),
            counts=counts,
            now=visit.now,
            is_limited=visit.units is not None,
            forecast=forecast_look(console.partner_looks.forecast(name, visit.now), visit.now),
            blocked=console.partner_looks.blocked(name),
        )


PAGES: Final = (Page("GET", "/", "today", show, Right.LIST),)
