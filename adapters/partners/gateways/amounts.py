"""Pure. Money on the way to and from a gateway: whole đồng, and nothing else is ever money."""

from __future__ import annotations

import re
from typing import Final

CURRENCY: Final = "VND"
MOST: Final = 1_000_000_000_000
"""Past it a sum is a mistake: the events' own limit."""
_DIGITS: Final = re.compile(r"[1-9][0-9]{0,14}")


def amount_of(value: object) -> int | None:
    """A positive whole number, as a number or as its digits; nothing for all else: 0, -1, "3e4", "30.000", 030000."""
    if isinstance(value, str):
        value = int(value) if _DIGITS.fullmatch(value) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
        return None
    return value
