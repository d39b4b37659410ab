"""Pure. Times as gateways write them: `yyyyMMddHHmmss`, Vietnam's time, 24 hours."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from bus.calendar import VIETNAM

_STAMP: Final = re.compile(r"[0-9]{14}")
YEARS: Final = range(2000, 2101)
"""What is outside is no time of a payment: some systems write year 1 where they know none, and no calendar has it in
both zones."""


def stamp_of(at: datetime) -> str:
    """As a gateway wants it. Twelve hours in place of twenty-four make an afternoon collide with a night."""
    return at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")


def time_of(stamp: object) -> datetime | None:
    """The time that it tells, or none: what a gateway states as a time is never a reason to refuse its message."""
    if not isinstance(stamp, str) or not _STAMP.fullmatch(stamp):
        return None
    try:
        # By hand: `strptime` takes one digit where two are meant.
        parts = [int(stamp[:4]), *(int(stamp[at : at + 2]) for at in range(4, 14, 2))]
        told = datetime(*parts, tzinfo=VIETNAM)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    return told if told.year in YEARS else None
