"""Pure. A dossier as it stood at a moment: what had been told of it by then, and what each partner had settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bus.messages import FILED, Event, State
from bus.prepared import RECORD_KIND, record_facts, status_of
from bus.times import from_ms

View = dict[str, Any]

FACTS: Final = ("origin", "national_number", "procedure", "unit", "received_at", "due_at")
"""What a dossier shows of its newest record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event with its number and its place among its dossier's events; without one it waits behind a gap."""

    number: int
    place: int | None
    accepted_at: int
    is_adopted: bool
    event: Event


def head_at(told: Iterable[Told]) -> View:
    """Status and facts, by the newest of these events and their newest record; times as the ledger has them."""
    head: View = dict.fromkeys(("status", "record_event", *FACTS))
    for one in sorted((one for one in told if one.place is not None), key=lambda one: (one.place, one.number)):
        head["status"] = status_of(one.event) or head["status"]
        if one.event.kind == FILED:
            head |= {"origin": "portal", "national_number": one.event.dossier}
            head |= {name: head[name] or one.event.data.get(name) for name in ("procedure", "unit")}
        if one.event.kind == RECORD_KIND:
            known = head["national_number"]
            head |= dict(zip(FACTS, record_facts(one.event), strict=True)) | {"record_event": one.number}
            head["national_number"] = head["national_number"] or known
    return head


def partner_at(partner: str, told: Sequence[Told], moves: Sequence[Mapping[str, Any]]) -> View:
    """What one partner had: by its settled deliveries, and by what was adopted as being there. Else nobody knew."""
    status = {(one.event.source, one.event.id): status_of(one.event) for one in told}
    settled = [
        (datetime.fromisoformat(move["at"]), move["kind"], status[move["source"], move["event"]])
        for move in moves
        if move["partner"] == partner and move["from_state"] != move["to_state"] == State.DELIVERED
    ]
    settled += [(from_ms(one.accepted_at), one.event.kind, status_of(one.event)) for one in told if one.is_adopted]
    settled.sort(key=lambda each: each[0])
    has_record = any(kind == RECORD_KIND for _at, kind, _said in settled)
    last = {move["delivery"]: move["to_state"] for move in moves if move["partner"] == partner}
    return {
        "partner": partner,
        "exists_there": True if has_record else None,
        "record": "shown" if has_record else "none",
        "shown_status": next((said for _at, _kind, said in reversed(settled) if said), None),
        "ready_at": None,
        "is_on_its_way": State.SENDING in last.values(),
    }
