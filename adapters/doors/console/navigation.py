"""Pure. The way through the console: which pages stand in the navigation, in what groups, for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.doors.console.links import url_for
from adapters.doors.console.visit import Visit

GROUPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("work", ("today", "log", "search", "runs", "approvals")),
    ("partners", ("partners", "incidents", "mapping", "payments", "signatures", "keys")),
    ("look_back", ("refused", "lateness", "audit", "exports")),
    ("house", ("users",)),
)
"""By the names of pages; a page that is not in the list of pages is not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One page's line."""

    name: str
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Pages that belong together."""

    name: str
    items: tuple[Item, ...]


def navigation(visit: Visit) -> tuple[Group, ...]:
    """What this visitor's rights leave of it; groups without a page are left out."""
    if visit.is_stranger:
        return ()
    groups = (Group(name=name, items=_items(visit, names)) for name, names in GROUPS)
    return tuple(group for group in groups if group.items)


def _items(visit: Visit, names: tuple[str, ...]) -> tuple[Item, ...]:
    from adapters.doors.console.pages import PAGES

    pages = {page.name: page for page in PAGES if page.method == "GET" and "{" not in page.path}
    return tuple(
        Item(name=name, address=url_for(name), is_current=_is_at(visit.page, name))
        for name in names
        if name in pages and ((right := pages[name].right) is None or visit.may(right))
    )


BELOW: Final = {
    "dossier": "search",
    "delivery": "search",
    "exchange": "search",
    "journey": "search",
    "partner": "partners",
    "late_dossiers": "lateness",
    "due": "today",
    "refusal": "refused",
    "user": "users",
    "run": "runs",
    "selection": "runs",
    "selection_new": "runs",
    "repair": "search",
    "repair_dossier": "search",
    "correct": "search",
    "mapping_row": "mapping",
    "mapping_put": "mapping",
    "payment": "payments",
    "payment_repair": "payments",
    "hearing": "payments",
    "payment_tasks": "payments",
    "payment_task": "payments",
    "refunds": "payments",
    "beneficiaries": "payments",
    "settlement": "payments",
    "settlement_run": "payments",
    "settlement_repair": "payments",
    "settlement_decide": "payments",
    "signature": "signatures",
    "signature_hearing": "signatures",
}
"""Pages that stand below one of the navigation."""


def _is_at(page: str, name: str) -> bool:
    return page == name or BELOW.get(page) == name
