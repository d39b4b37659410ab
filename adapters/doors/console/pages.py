"""Every page of the console: one list, from which routes, navigation, rights matrix and reference page are made."""

from __future__ import annotations

from typing import Final

from adapters.doors.console import (
    account,
    audit_page,
    correct,
    delivery,
    dossier,
    due,
    exports,
    first_run,
    incidents,
    journey,
    keys,
    lateness,
    log,
    login,
    mapping,
    partners,
    refused,
    repair,
    rooms,
    runs,
    search,
    selections,
    sso,
    today,
    users,
)
from adapters.doors.console.page import Page

PAGES: Final[tuple[Page, ...]] = (
    *login.PAGES,
    *first_run.PAGES,
    *sso.PAGES,
    *account.PAGES,
    *audit_page.PAGES,
    *users.PAGES,
    *today.PAGES,
    *due.PAGES,
    *log.PAGES,
    *search.PAGES,
    *dossier.PAGES,
    *delivery.PAGES,
    *journey.PAGES,
    *refused.PAGES,
    *exports.PAGES,
    *repair.PAGES,
    *correct.PAGES,
    *selections.PAGES,
    *runs.PAGES,
    *mapping.PAGES,
    *partners.PAGES,
    *incidents.PAGES,
    *keys.PAGES,
    *lateness.PAGES,
    *rooms.PAGES,
)
