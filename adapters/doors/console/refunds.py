"""Refunds: what waits for another person's yes, what is unclear, and all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from adapters.doors.console.answers import Answer, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import url_for
from adapters.doors.console.page import Page
from adapters.doors.console.payment import asker_masked
from adapters.doors.console.payments import waiting
from adapters.doors.console.payments_view import Waiting
from adapters.doors.console.visit import Visit
from bus.looks import NO_END
from bus.payment_close import Refund
from bus.refund_rules import RefundState
from bus.rights import Right

EVERY: Final = "all"
STATES: Final = (*map(str, RefundState), EVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundsView:
    """The page."""

    refunds: tuple[Refund, ...]
    state: str
    total: int
    """Đồng of those on this page."""
    threshold: int
    next: str | None
    waiting: Waiting


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /payments/refunds: those that wait for an approval, unless others are asked for."""
    state = next((each for each in STATES if each == asked.query.get("state")), str(RefundState.REQUESTED))
    text = asked.query.get("from", "")
    from_there = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0
    if state == EVERY:
        refunds, more = console.payment_close.every_refund(visit.units, before=from_there or NO_END)
    else:
        refunds, more = console.payment_close.refunds(visit.units, state, after=from_there)
    view = RefundsView(
        refunds=tuple(map(asker_masked, refunds)),
        state=state,
        total=sum(one.amount for one in refunds),
        threshold=console.refund_approval_above,
        next=None if more is None else url_for("refunds", state=state, **{"from": more}),
        waiting=waiting(console, visit),
    )
    return Shown("refunds.html", view)


PAGES: Final = (Page("GET", "/payments/refunds", "refunds", show, Right.LIST),)
