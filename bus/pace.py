"""How fast it goes: deliveries that come into a state and go out of it, by partner, state and minute.

Counted in the transaction that writes the moves (`moves.py`), so that charts and forecasts never scan them and never
disagree with them. Minutes older than two days are rolled up to hours (a duty of the worker's minding).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bus.engines.sqlite import Row, SqliteEngine, Tx
from bus.messages import State
from bus.times import from_ms, to_ms

ACCEPTED: Final = "accepted"
"""Of a partner: its new deliveries. Of `EVENTS`: events taken in."""
EVENTS: Final = ""
"""Stands for the partner where events are counted, whatever they lead to."""
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
MINUTES_KEPT: Final = timedelta(hours=48)
"""How long single minutes are kept: two days are what an operator looks back on closely."""
HOURS_A_ROUND: Final = 200
"""Hours rolled up in one round at most, each in a transaction of its own: no round holds the writer up."""


class Flow:
    """The changes of state of one transaction, counted: what its tallies and its pace are made of."""

    __slots__ = ("_changes", "_events")

    def __init__(self) -> None:
        self._changes: dict[tuple[int, str, State | None, State], int] = {}
        self._events: dict[int, int] = {}

    def note_event(self, at: int) -> None:
        """An event was taken in."""
        minute = at // MINUTE
        self._events[minute] = self._events.get(minute, 0) + 1

    def note_change(self, at: int, partner: str, was: State | None, now: State) -> None:
        """A delivery is new (`was` is None) or changed its state."""
        key = (at // MINUTE, partner, was, now)
        self._changes[key] = self._changes.get(key, 0) + 1

    def tallies(self) -> list[Row]:
        """How many more, or fewer, deliveries stand in a state: partner, state, difference."""
        found: Counter[tuple[str, State]] = Counter()
        for (_, partner, was, now), n in self._changes.items():
            found[partner, now] += n
            if was is not None:
                found[partner, was] -= n
        return [(*key, n) for key, n in found.items() if n]

    def rows(self) -> list[Row]:
        """Of the pace: minute, partner, state, came, went."""
        came: Counter[tuple[int, str, str]] = Counter()
        went: Counter[tuple[int, str, str]] = Counter()
        for minute, n in self._events.items():
            came[minute, EVENTS, ACCEPTED] = n
        for (minute, partner, was, now), n in self._changes.items():
            if was is None:
                came[minute, partner, ACCEPTED] += n
            elif was is not State.SENDING:
                went[minute, partner, was] += n
            if now is not State.SENDING:
                came[minute, partner, now] += n
        return [(*key, came[key], went[key]) for key in {**came, **went}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What came into a state and went out of it within one minute or hour."""

    at: datetime
    """When it begins."""
    partner: str
    state: str
    came: int
    went: int


class Pace:
    """What was counted. `since` is included, `until` is not; what has begun counts as whole."""

    def __init__(self, engine: SqliteEngine) -> None:
        self._engine = engine

    def counted_since(self) -> datetime:
        """When counting began: of the time before it nothing is known here, which is not the same as nothing."""
        row = self._engine.read().one("pace_since")
        assert row is not None
        return from_ms(row[0])

    def minutes(self, since: datetime, until: datetime, partner: str | None = None, *, step: int = 1) -> list[Count]:
        """By `step` minutes, as far back as minutes are kept; where nothing moved there is no entry."""
        first, last = to_ms(since) // MINUTE // step * step, -(-to_ms(until) // MINUTE)
        return _counts(self._engine.read().all("pace_minutes", first, last, partner, step), MINUTE)

    def hours(self, since: datetime, until: datetime, partner: str | None = None) -> list[Count]:
        """Hour by hour, for all times."""
        first, last = to_ms(since) // HOUR, -(-to_ms(until) // HOUR)
        return _counts(self._engine.read().all("pace_in_hours", first, last, partner), HOUR)

    def roll_up(self, now: datetime) -> int:
        """Make hours of the minutes that are old; how many hours that was. Raises LedgerUnavailable."""
        before = (to_ms(now) - to_ms(now) % HOUR) // HOUR - MINUTES_KEPT // timedelta(hours=1)
        for done in range(HOURS_A_ROUND):
            oldest = self._engine.read().one("oldest_pace_minute")
            if oldest is None or oldest[0] is None or oldest[0] // 60 >= before:
                return done
            self._engine.write(lambda tx, hour=oldest[0] // 60: _roll(tx, hour))  # type: ignore[misc]
        return HOURS_A_ROUND


def _counts(rows: Sequence[Row], size: int) -> list[Count]:
    return [Count(at=from_ms(row[0] * size), partner=row[1], state=row[2], came=row[3], went=row[4]) for row in rows]


def _roll(tx: Tx, hour: int) -> None:
    """One hour, in one transaction: what is counted twice or lost would never be found again."""
    tx.run("roll_pace_up", hour)
    tx.run("forget_pace_minutes", hour)


def total(counts: Iterable[Count], states: Sequence[str]) -> int:
    """How many came into any of these states."""
    return sum(count.came for count in counts if count.state in states)
