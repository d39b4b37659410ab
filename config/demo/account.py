"""The ledger's account of a day as the judge's entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bus.messages import State
from config.demo.books import Entry

Key = tuple[str, str]
"""Source and id."""


def entries_of(
    account: Iterable[Mapping[str, Any]],
    partner: str,
    wanted_of: Callable[[str, str], Mapping[str, Any]],
    *,
    late: frozenset[Key] = frozenset(),
) -> list[Entry]:
    """One partner's deliveries in `Reads.whole_account()`.

    `wanted_of(source, id)` gives what the partner must show (`portal_view.expected`), `late` the steps that were sent
    after their successors on purpose. Adopted events were never ours to send, and are left out.
    """
    return [
        _entry(row, wanted_of(row["source"], row["id"]), is_late=(row["source"], row["id"]) in late)
        for row in account
        if row["partner"] == partner and not row["is_adopted"]
    ]


def known_of(account: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Dossiers that were adopted: in the partner's books before we came."""
    return frozenset(row["dossier"] for row in account if row["is_adopted"])


def states_of(entries: Iterable[Entry]) -> dict[Key, State]:
    """Where each event's delivery stands, for `day.unmet`."""
    return {(entry.source, entry.id): entry.state for entry in entries}


def _entry(row: Mapping[str, Any], wanted: Mapping[str, Any], *, is_late: bool) -> Entry:
    return Entry(
        source=row["source"],
        id=row["id"],
        kind=row["kind"],
        dossier=row["dossier"],
        event=row["number"],
        place=row["event_place"],
        stands_at=row["place"],
        state=State(row["state"]),
        delivery=row["delivery"],
        cause=row["cause"],
        reason=row["reason"],
        tries=row["tries"],
        blocks=bool(row["blocks"]),
        is_late=is_late,
        wanted=wanted,
    )
