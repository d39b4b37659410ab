"""Times as the ledger keeps them: integers, milliseconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds, cut downward; exact for every year."""
    return (moment - _EPOCH) // _MS


def from_ms(value: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + timedelta(milliseconds=value)


def ms(duration: timedelta) -> int:
    """A duration in whole milliseconds."""
    return duration // _MS
