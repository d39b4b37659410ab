"""Times as a person types them."""

from __future__ import annotations

from datetime import datetime

from config.desk import USAGE, Desk


def moment(desk: Desk, option: str, text: str | None) -> datetime:
    """A time with its zone, or the end of the command: without a zone it would be a guess."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        desk.fail(USAGE, "time_unreadable", option=option, text=text or "")
    if found.tzinfo is None:
        desk.fail(USAGE, "time_unreadable", option=option, text=text)
    return found
