"""What is paid: the list of payments, what waits for a person first, and what it all comes to, exact to the đồng."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.doors.console.answers import Answer, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.log import cursor, opened_cursor
from adapters.doors.console.page import Page
from adapters.doors.console.payments_view import Choices, Waiting, payments_view, typed
from adapters.doors.console.visit import Visit
from bus.looks import LARGEST_PAGE, PAGE
from bus.payment_looks import Wanted
from bus.rights import Right

FIRST: Final = 10
"""Payments in review above the list; the tasks' page has them all."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /payments."""
    told, troubles, before = typed(asked.query), list[tuple[str, Mapping[str, str]]](), None
    if text := asked.query.get("before", ""):
        before = opened_cursor(console, visit, text)
        if before is None:
            troubles.append(("log.foreign_cursor", {}))
    looks, units, is_first = console.payment_looks, visit.units, before is None
    found = looks.payments(told.wanted, units, before=before, limit=PAGE)
    first = looks.payments(Wanted(is_in_review=True), units, limit=FIRST).lines if is_first and told.is_all else ()
    return Shown(
        "payments.html",
        payments_view(
            found,
            first,
            looks.sums(told.wanted, units),
            waiting(console, visit),
            told,
            Choices(gateways=sorted({*looks.gateways()}), units=looks.units(units)),
            cursor=None if found.before is None else cursor(console, visit, found.before),
            is_first=is_first,
            has_gateways=bool(console.gateways) or bool(found.lines),
            now=visit.now,
            troubles=tuple(troubles),
        ),
    )


def waiting(console: Console, visit: Visit) -> Waiting:
    """What of payments waits for a person; of what belongs to these units."""
    close, units = console.payment_close, visit.units
    requested, unclear = (len(close.refunds(units, state, limit=LARGEST_PAGE)[0]) for state in ("requested", "unclear"))
    accounts = len(console.beneficiaries.asked()) if units is None else 0
    return Waiting(tasks=close.count_tasks(units), requested=requested, unclear=unclear, accounts=accounts)


PAGES: Final = (Page("GET", "/payments", "payments", show, Right.LIST),)
