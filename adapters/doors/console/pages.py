"""Every page of the console: one list, from which routes, navigation, rights matrix and reference page are made."""

from __future__ import annotations

from typing import Final

from adapters.doors.console import account, first_run, login, rooms
from adapters.doors.console.page import Page

PAGES: Final[tuple[Page, ...]] = (
    *login.PAGES,
    *first_run.PAGES,
    *account.PAGES,
    *rooms.PAGES,
)
