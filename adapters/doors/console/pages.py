"""Every page of the console: one list, from which routes, navigation, rights matrix and reference page are made."""

from __future__ import annotations

from typing import Final

from adapters.doors.console import (
    account,
    audit_page,
    delivery,
    dossier,
    exports,
    first_run,
    journey,
    login,
    refused,
    rooms,
    users,
)
from adapters.doors.console.page import Page

PAGES: Final[tuple[Page, ...]] = (
    *login.PAGES,
    *first_run.PAGES,
    *account.PAGES,
    *audit_page.PAGES,
    *users.PAGES,
    *dossier.PAGES,
    *delivery.PAGES,
    *journey.PAGES,
    *refused.PAGES,
    *exports.PAGES,
    *rooms.PAGES,
)
