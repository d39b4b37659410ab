"""Pure. When a backlog will be gone: from what came and what went in the last minutes. It promises nothing it cannot.

Only a backlog that shrinks, at a partner that answers, over enough minutes, has an hour at which it is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["none", "at", "growing", "standing", "down", "held", "blocked", "too_early", "too_far"]
"""none: nothing waits. at: gone by a time. growing, standing: more comes than goes, or nothing goes. down, held: nobody
can know. blocked: all of it waits for a person or for its source. too_early: it has only begun to go. too_far: beyond
what the last minutes can tell."""

FEWEST: Final = 3
"""Minutes that must have been seen before anything is said."""
FARTHEST: Final = timedelta(hours=48)
"""A rate of minutes tells nothing of the day after tomorrow."""
STEP: Final = timedelta(minutes=5)
"""An hour is said to five minutes, upward: more would look exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits at one partner, and how it went in the last minutes."""

    waiting: int
    came: int
    """New ones within `over`."""
    went: int
    """Those that left the backlog within `over`, whatever became of them."""
    over: timedelta
    """How many minutes were counted: up to the last whole one, since sending began to be possible."""
    rate: float = 0.0
    """Deliveries a second that the partner allows; 0: no limit."""
    is_down: bool = False
    is_held: bool = False
    blocked: int = 0
    """Of those that wait: how many wait for a person or for their source, and so go at no pace at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When the backlog is gone, or why nobody can say."""

    kind: Kind
    at: datetime | None = None


def forecast(backlog: Backlog, now: datetime) -> Forecast:
    """What can be said of it now."""
    if backlog.waiting <= 0:
        return Forecast(kind="none")
    if backlog.is_held:
        return Forecast(kind="held")
    if backlog.is_down:
        return Forecast(kind="down")
    going = backlog.waiting - backlog.blocked
    if going <= 0:
        return Forecast(kind="blocked")
    if backlog.over < timedelta(minutes=FEWEST):
        return Forecast(kind="too_early")
    seconds = backlog.over.total_seconds()
    leaving = backlog.went / seconds
    if backlog.rate > 0:
        leaving = min(leaving, backlog.rate)
    shrinking = leaving - backlog.came / seconds
    if shrinking <= 0:
        return Forecast(kind="standing" if backlog.went == 0 else "growing")
    if going / shrinking > FARTHEST.total_seconds():
        return Forecast(kind="too_far")
    return Forecast(kind="at", at=_rounded(now + timedelta(seconds=going / shrinking)))


def _rounded(moment: datetime) -> datetime:
    """The next full five minutes."""
    over = timedelta(minutes=moment.minute % 5, seconds=moment.second, microseconds=moment.microsecond)
    return moment if not over else moment - over + STEP
