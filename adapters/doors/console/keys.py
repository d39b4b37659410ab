"""Certificates and keys: days left, the last working day to act, and who is responsible."""

from __future__ import annotations

from typing import Final

from adapters.doors.console.answers import Answer, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.keys_view import keys_view
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit
from bus.rights import Right


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /keys."""
    return Shown("keys.html", keys_view(console.keys(), console.calendar(), visit.now))


PAGES: Final = (Page("GET", "/keys", "keys", show, Right.LIST),)
