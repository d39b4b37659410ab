"""Times as the ledger keeps them: integers, milliseconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
FIRST: Final = datetime(1, 1, 2, tzinfo=UTC)
LAST: Final = datetime(9999, 12, 30, tzinfo=UTC)
"""One day within what a calendar holds: they can be told in every zone."""


def to_ms(moment: datetime) -> int:
    """Whole milliseconds, cut downward; exact for every year."""
    return (moment - _EPOCH) // _MS


_FIRST_MS: Final = to_ms(FIRST)
_LAST_MS: Final = to_ms(LAST)


def from_ms(value: int) -> datetime:
    """The moment, in UTC; never outside FIRST and LAST: one impossible row must not keep all others from being read."""
    return _EPOCH + timedelta(milliseconds=min(max(value, _FIRST_MS), _LAST_MS))


def ms(duration: timedelta) -> int:
    """A duration in whole milliseconds."""
    return duration // _MS
