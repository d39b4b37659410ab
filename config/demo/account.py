"""The ledger's account of a day as the judge's entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from bus.messages import KIND_PREFIX, State
from config.demo.books import Entry, Finding
from config.demo.wire import PROGRESSED, RECORDED

Key = tuple[str, str]
"""Source and id."""
KINDS: Final = (RECORDED, PROGRESSED)
Wire = Mapping[str, Any]
"""An event in our own wire form, texts in NFC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What the callers were told yes to, beside the ledger's events."""

    wires: Mapping[Key, Wire]
    """By the ledger's key what its source said."""
    lost: tuple[Finding, ...] = ()
    """Told yes, and not in the ledger."""
    doubled: tuple[Finding, ...] = ()
    """In the ledger once more than it was told."""
    out_of_order: tuple[Finding, ...] = ()
    """All of a dossier is there, and not in the order in which it was told."""


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


def matched(
    account: Iterable[Mapping[str, Any]],
    taken: Mapping[Key, Wire],
    *,
    unnamed: Mapping[str, Mapping[str, Sequence[Wire]]],
) -> Matched:
    """Each event that was told yes is there, once.

    Where a source gave no ids (`unnamed`: by source and dossier what it told that was new), a dossier's first is the
    ledger's first of it, and so on: nothing but the order is taken from the ledger. That it also says what was told in
    that place is seen at the partner, whose books are compared with what was told.
    """
    rows: dict[Key, Mapping[str, Any]] = {(row["source"], row["id"]): row for row in account}
    found = Matched(
        wires=dict(taken), lost=tuple(_finding("not_recorded", wire) for key, wire in taken.items() if key not in rows)
    )
    lines: dict[Key, tuple[list[Mapping[str, Any]], Sequence[Wire]]] = {
        (source, dossier): ([], line) for source, dossiers in unnamed.items() for dossier, line in dossiers.items()
    }
    for row in sorted(rows.values(), key=lambda row: row["number"]):
        if row["source"] in unnamed:
            lines.setdefault((row["source"], row["dossier"]), ([], ()))[0].append(row)
    for here, told in lines.values():
        found = _with_line(found, here, told)
    return found


def _with_line(found: Matched, here: Sequence[Mapping[str, Any]], told: Sequence[Wire]) -> Matched:
    """One dossier more: its records with its records, its steps with its steps, each in their order."""
    pairs = [pair for kind in KINDS for pair in zip_longest(_of(here, kind), _wires_of(told, kind))]
    both = [(row, wire) for row, wire in pairs if row is not None and wire is not None]
    lost = [_finding("not_recorded", wire) for row, wire in pairs if row is None and wire is not None]
    doubled = [_finding_of("recorded_twice", row) for row, wire in pairs if wire is None and row is not None]
    # Of a kind the order is as it is paired; between the kinds, what was told last must have been recorded last too.
    is_swapped = len(both) == len(pairs) and [wire for _, wire in sorted(both, key=_number)] != list(told)
    return Matched(
        wires={**found.wires, **{(row["source"], row["id"]): wire for row, wire in both}},
        lost=(*found.lost, *lost),
        doubled=(*found.doubled, *doubled),
        out_of_order=(*found.out_of_order, *([_finding_of("recorded_out_of_order", here[0])] if is_swapped else [])),
    )


def _number(pair: tuple[Mapping[str, Any], Wire]) -> int:
    return int(pair[0]["number"])


def _of(here: Iterable[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [row for row in here if row["kind"] == kind]


def _wires_of(told: Iterable[Wire], kind: str) -> list[Wire]:
    return [wire for wire in told if wire["type"] == f"{KIND_PREFIX}{kind}.v1"]


def _finding(what: str, wire: Wire) -> Finding:
    return Finding(what=what, dossier=wire["subject"], source=wire["source"], event=wire["id"])


def _finding_of(what: str, row: Mapping[str, Any]) -> Finding:
    return Finding(what=what, dossier=row["dossier"], source=row["source"], event=row["id"])


def known_of(account: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Dossiers that were adopted: in the partner's books before we came."""
    return frozenset(row["dossier"] for row in account if row["is_adopted"])


def states_of(entries: Iterable[Entry], wires: Mapping[Key, Wire] | None = None) -> dict[Key, State]:
    """Where each event's delivery stands, for `day.unmet`; by the day's own ids where `wires` tell them."""
    told = wires or {}
    return {
        (entry.source, told.get((entry.source, entry.id), {"id": entry.id})["id"]): entry.state for entry in entries
    }


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
