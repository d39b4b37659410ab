"""What only a clock can say of an event. The reader has none: it judges the same bytes the same way on every day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.doors.malformed import Malformed, field_error
from bus.messages import Event

MOST_AHEAD: Final = timedelta(hours=24)
"""Wider than any clock is wrong by itself, or by its zone; narrower than a wrong day, month or year."""


def too_far_ahead(event: Event, now: datetime) -> Malformed | None:
    """What is wrong with a time that is yet to come (contracts/intake/NOTES.md#r28).

    One event of a wrong year would be the newest of its dossier for years: every later record would be superseded.
    """
    if event.occurred_at - now <= MOST_AHEAD:
        return None
    facts = {"limit": f"{MOST_AHEAD // timedelta(hours=1)}", "now": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    error = field_error(field="/time", rule="out_of_range", reason="too_far_ahead", facts=facts)
    return Malformed("out_of_range", [error])
