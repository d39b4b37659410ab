"""The first page's charts: worked out once a minute for all who look, since a week of minutes is much to add up."""

from __future__ import annotations

from datetime import datetime, timedelta

from adapters.doors.console.today_view import DAY, STEP, WEEK, Chart, chart
from bus.pace import Pace


class Charts:
    """Draws from the pace. One for a process; threads that meet at a full minute work it out twice, and agree."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._made: tuple[datetime, tuple[Chart, ...]] | None = None

    def of(self, now: datetime, waiting: int) -> tuple[Chart, ...]:
        """The last day and the last week, as they were at some moment of this minute."""
        minute, made = now.replace(second=0, microsecond=0), self._made
        if made is None or made[0] != minute:
            made = self._made = (minute, (self._day(now, waiting), self._week(now, waiting)))
        return made[1]

    def _day(self, now: datetime, waiting: int) -> Chart:
        since = max(self._pace.counted_since(), now - DAY)
        counts = self._pace.minutes(since, now + timedelta(minutes=1), step=STEP)
        return chart("day", counts, since=since, now=now, step=timedelta(minutes=STEP), waiting_now=waiting)

    def _week(self, now: datetime, waiting: int) -> Chart:
        since = max(self._pace.counted_since(), now - WEEK)
        counts = self._pace.hours(since, now + timedelta(hours=1))
        return chart("week", counts, since=since, now=now, step=timedelta(hours=1), waiting_now=waiting)
