"""One dossier as a caller may see it: its own events and moves; the facts, where the newest record is its own."""

from __future__ import annotations

from typing import Any

from adapters.doors.auth import Visitor
from bus.errors import NotFound
from bus.follow_ups import LEDGER_SOURCE
from bus.prepared import RECORD_KIND
from bus.privacy import mask_text
from bus.reads import Reads, View


def dossier_for(reads: Reads, visitor: Visitor, number: str) -> View:
    """Raises NotFound, also for a dossier of which only others spoke: a caller must not learn what others have."""
    view = reads.dossier(number)
    events = [event for event in view["events"] if visitor.may_use(event["source"])]
    if not events:
        raise NotFound(f"no dossier {number}")
    timeline = [move for move in view["timeline"] if visitor.may_use(move["source"])]
    facts = _facts_for(visitor, view)
    shown: View = without_free_words(facts | {"number": number, "events": events, "timeline": timeline})
    return shown


def _facts_for(visitor: Visitor, view: View) -> View:
    """What is known of a dossier, for whom its newest record belongs to (without one: for whom it came from first).

    A record of ours (of what was paid, of a correction) holds what all have told, so it is for whom they all are.
    Everybody else gets none: whoever guesses a number may send a step of that name, and must not learn of the dossier.
    """
    sources = {event["number"]: event["source"] for event in view["events"]}
    told_by = sources.get(view["record_event"], view["source"])
    tellers = {told_by} if told_by != LEDGER_SOURCE else _who_told_records(view)
    if not all(visitor.may_use(source) for source in tellers):
        return {}
    hidden = {"record_event"} if visitor.may_use(view["source"]) else {"record_event", "source"}
    return {name: value for name, value in view.items() if name not in hidden}


def _who_told_records(view: View) -> set[str]:
    found = {event["source"] for event in view["events"] if event["kind"] == RECORD_KIND}
    return found - {LEDGER_SOURCE} or {view["source"]}


def without_free_words(value: Any) -> Any:
    """Reasons are words of partners and of persons: what looks like a number or an address of somebody is masked."""
    if isinstance(value, dict):
        return {
            name: mask_text(item) if name == "reason" and isinstance(item, str) else without_free_words(item)
            for name, item in value.items()
        }
    return [without_free_words(item) for item in value] if isinstance(value, list) else value
