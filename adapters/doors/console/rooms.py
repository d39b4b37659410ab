"""Rooms that stand ready: what this installation has no partner for says so, and shows nothing made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.doors.console.answers import Answer, Shown
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit
from bus.rights import Right


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A page that waits for its partners."""

    name: str


def signatures(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /signatures."""
    return Shown("room.html", Room(name="signatures"))


PAGES: Final = (Page("GET", "/signatures", "signatures", signatures, Right.LIST),)
