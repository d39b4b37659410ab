"""Pure. Certificates and keys: which ends when, and what is the last working day to act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, TypeAlias

from bus.calendar import VIETNAM, Calendar, CalendarUnknown

Standing: TypeAlias = Literal["ended", "urgent", "soon", "well", "endless", "unreadable", "stale"]
MARKS: Final = {
    "ended": "bad",
    "unreadable": "bad",
    "urgent": "bad",
    "stale": "bad",
    "soon": "warn",
    "well": "good",
    "endless": "info",
}
ORDER: Final = ("ended", "unreadable", "stale", "urgent", "soon", "well", "endless")
URGENT: Final = timedelta(days=14)
SOON: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFact:
    """What the settings and the file of one key tell. Never anything of a secret."""

    setting: str
    use: str
    """What it is for, as a key of the words: `signs`, `tls`, `authority`, `secret` …"""
    ends_at: datetime | None
    """None where it has no end of its own, as a shared secret."""
    key_id: str = ""
    who: str = ""
    trouble: str = ""
    """Why it cannot be read, or should not be used as it lies there."""
    is_stale: bool = False
    """Of lists of revoked certificates: the last ones have run out, and nobody who needs them is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """One key on the page."""

    fact: KeyFact
    standing: Standing
    mark: str
    days: int | None
    """Left; negative when it has ended."""
    act_by: date | None
    """The last working day on which somebody can still act; None where it has no end or the calendar does not reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysView:
    """The page."""

    lines: tuple[KeyLine, ...]
    calendar_ends: date | None
    calendar_doubts: int
    """Days of the calendar from today on that nobody has checked against the announcement."""
    made_at: datetime

    @property
    def ending(self) -> tuple[KeyLine, ...]:
        """Those with an end, or with something wrong."""
        return tuple(line for line in self.lines if line.standing != "endless")

    @property
    def endless(self) -> tuple[KeyLine, ...]:
        """Those that hold until somebody replaces them."""
        return tuple(line for line in self.lines if line.standing == "endless")

    @property
    def needs_act(self) -> int:
        """How many should be looked at now."""
        return sum(line.mark in ("bad", "warn") for line in self.lines)


def keys_view(facts: Sequence[KeyFact], calendar: Calendar | None, now: datetime) -> KeysView:
    """The most urgent first."""
    lines = sorted((_line(fact, calendar, now) for fact in facts), key=_order)
    today = now.astimezone(VIETNAM).date()
    special = {} if calendar is None else calendar.special
    return KeysView(
        lines=tuple(lines),
        calendar_ends=None if calendar is None else calendar.ends_on,
        calendar_doubts=sum(day >= today and one.source_kind != "province" for day, one in special.items()),
        made_at=now,
    )


def _line(fact: KeyFact, calendar: Calendar | None, now: datetime) -> KeyLine:
    standing = _standing(fact, now)
    days = None if fact.ends_at is None else (fact.ends_at - now) // timedelta(days=1)
    return KeyLine(fact=fact, standing=standing, mark=MARKS[standing], days=days, act_by=_act_by(fact, calendar, now))


def _standing(fact: KeyFact, now: datetime) -> Standing:
    if fact.trouble:
        return "unreadable"
    if fact.use == "revocation":
        return "stale" if fact.is_stale else "well"
    if fact.ends_at is None:
        return "endless"
    left = fact.ends_at - now
    if left <= timedelta():
        return "ended"
    if left <= URGENT:
        return "urgent"
    return "soon" if left <= SOON else "well"


def _act_by(fact: KeyFact, calendar: Calendar | None, now: datetime) -> date | None:
    if fact.ends_at is None or calendar is None or fact.ends_at <= now:
        return None
    try:
        return calendar.last_working_day(fact.ends_at.astimezone(VIETNAM).date())
    except CalendarUnknown:
        return None


def _order(line: KeyLine) -> tuple[int, float, str]:
    ends = float("inf") if line.fact.ends_at is None else line.fact.ends_at.timestamp()
    return ORDER.index(line.standing), ends, line.fact.setting
