"""Every page of the console: one list, from which routes, navigation, rights matrix and reference page are made."""

from __future__ import annotations

from typing import Final

from adapters.doors.console import account, audit_page, first_run, login, rooms, users
from adapters.doors.console.page import Page

PAGES: Final[tuple[Page, ...]] = (
    *login.PAGES,
    *first_run.PAGES,
    *account.PAGES,
    *audit_page.PAGES,
    *users.PAGES,
    *rooms.PAGES,
)
