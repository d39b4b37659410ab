"""`Retry-After` of a recorded answer: when the other side wants to be asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from adapters.channels.http import header
from bus.messages import Exchange

LONGEST_WAIT: Final = timedelta(hours=24)
"""A longer `Retry-After` is a mistake at the other side; a person would notice it too late."""


def retry_after(exchange: Exchange) -> timedelta | None:
    """`Retry-After`, in seconds or as a date; of the statuses that mean *later*."""
    value = header(exchange.reply_head, "retry-after") if exchange.status in (429, 503) else None
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=min(int(value[:9]), 10**8)), LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # a year that no clock has overflows
        return None
    return min(max(_aware(when) - (exchange.sent_at + exchange.took), timedelta(0)), LONGEST_WAIT)


def _aware(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)
