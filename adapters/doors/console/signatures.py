"""What waits to be signed: whose time is over first, what needs somebody, and the list of all signatures."""

from __future__ import annotations

from typing import Final

from adapters.doors.console.answers import Answer, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.log import cursor, opened_cursor
from adapters.doors.console.page import Page
from adapters.doors.console.signatures_view import SignaturesView, signatures_view, typed
from adapters.doors.console.visit import Visit
from bus.looks import PAGE
from bus.rights import Right


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /signatures."""
    return Shown("signatures.html", seen(console, visit, asked))


def seen(console: Console, visit: Visit, asked: Asked) -> SignaturesView:
    """The page."""
    told, before, troubles = typed(asked.query), None, []
    if text := asked.query.get("before", ""):
        before = opened_cursor(console, visit, text)
        if before is None:
            troubles.append("log.foreign_cursor")
    looks, units, is_first = console.signature_looks, visit.units, before is None and told.is_all
    found = looks.signatures(told.wanted, units, before=before, limit=PAGE)
    return signatures_view(
        found,
        waiting=looks.waiting(units) if is_first else (),
        stuck=looks.stuck(units) if is_first else (),
        told=told,
        services=looks.services(),
        units=looks.units(units),
        cursor=None if found.before is None else cursor(console, visit, found.before),
        has_signers=bool(console.signers),
        troubles=troubles,
        now=visit.now,
    )


PAGES: Final = (Page("GET", "/signatures", "signatures", show, Right.LIST),)
