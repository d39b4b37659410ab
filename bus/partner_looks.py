"""What a partner's page asks: its backlog and when that is gone, how long calls take, what it refused. All bounded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bus.circuit import WINDOW_END
from bus.claiming import read_partner
from bus.engines.sqlite import Tx
from bus.forecast import Backlog, Forecast, forecast
from bus.ledger import Ledger
from bus.messages import State
from bus.outages import Outage, outages_of
from bus.pace import Pace
from bus.reasons import code_in
from bus.times import from_ms, to_ms

LOOKED_BACK: Final = timedelta(minutes=5)
"""Over which a backlog's pace is counted: long enough to be steady, and a burst is forgotten soon after it has come."""
CALLS: Final = timedelta(minutes=60)
"""Of which calls are shown."""
SAMPLED: Final = 2_000
"""Attempts that are looked at for it: where there were more, so many spread evenly over the hour."""
LOOKED_WAITING: Final = 2_000
"""Of those that wait, so many of the oldest are asked whether anything will move them."""
REFUSED: Final = 500
"""The newest refused deliveries, by whose codes they are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """How long calls took that began in one minute; milliseconds."""

    at: datetime
    calls: int
    """Of those that were looked at."""
    p50: int
    p95: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code of a partner's refusals."""

    code: str
    count: int
    newest: int
    """A delivery that it stands at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """How a backlog may go."""

    rate: float
    """Deliveries a second; 0: no limit."""
    window: int | None
    """Calls at once while a drain begins; None: no limit."""

    most: int = WINDOW_END


class PartnerLooks:
    """Questions about partners. Threads may share one."""

    def __init__(self, ledger: Ledger, pace: Pace) -> None:
        self._ledger = ledger
        self._pace = pace

    def forecast(self, partner: str, now: datetime) -> Forecast:
        """When its backlog is gone, or why nobody can say."""
        tx = self._ledger.engine.read()
        known = read_partner(tx, partner)
        begin, end = self._counted(tx, partner, now)
        counts = [one for one in self._pace.minutes(begin, end, partner) if one.state == State.WAITING and one.at < end]
        # What waits because the partner could not take it comes back to the backlog: it left, and came again.
        backlog = Backlog(
            waiting=_tally(tx, partner, State.WAITING),
            came=sum(one.came for one in counts),
            went=sum(one.went for one in counts),
            over=end - begin,
            rate=self._ledger.manners(partner).rate,
            is_down=known.circuit.is_open,
            is_held=known.is_held,
            blocked=self.blocked(partner),
        )
        return forecast(backlog, now)

    def blocked(self, partner: str) -> int:
        """How many wait that nothing here will move: behind one that a person must judge, behind a gap, or before
        their dossier's record. Of the oldest so many; they are the ones that have stood for long."""
        row = self._ledger.engine.read().one("count_blocked", partner, LOOKED_WAITING)
        return 0 if row is None else int(row[0])

    def _counted(self, tx: Tx, partner: str, now: datetime) -> tuple[datetime, datetime]:
        """The whole minutes that tell its pace: the last ones, since it was last down, and since counting began."""
        end = now.replace(second=0, microsecond=0)
        begin = max(end - LOOKED_BACK, self._pace.counted_since())
        last = outages_of(tx, partner, 1)
        if last and last[0].closed_at is not None:
            begin = max(begin, last[0].closed_at)
        over = begin - begin.replace(second=0, microsecond=0)
        whole = begin if not over else begin - over + timedelta(minutes=1)
        return min(whole, end), end

    def drain(self, partner: str) -> Drain:
        """How its backlog may go."""
        window = read_partner(self._ledger.engine.read(), partner).circuit.window
        return Drain(rate=self._ledger.manners(partner).rate, window=window)

    def outages(self, partner: str, limit: int = 10) -> Sequence[Outage]:
        """When it was down, the newest first."""
        return outages_of(self._ledger.engine.read(), partner, limit)

    def codes(self, partner: str) -> list[Code]:
        """What its refusals that wait for a person say, the commonest first."""
        rows = self._ledger.engine.read().all("newest_refused", partner, REFUSED)
        coded = [(number, code_in(f"{head}:")) for number, head in rows]
        counts = Counter(code for _, code in coded)
        newest = {code: number for number, code in reversed(coded)}
        return [Code(code=code, count=count, newest=newest[code]) for code, count in counts.most_common(20)]

    def calls(self, partner: str, now: datetime) -> list[Minute]:
        """How long its calls took, minute by minute, the newest first."""
        tx, since = self._ledger.engine.read(), to_ms(now - CALLS)
        row = tx.one("last_attempt")
        assert row is not None
        first, last = _first_since(tx, since, row[0]), row[0]
        step = max(1, -(-(last - first + 1) // SAMPLED))
        numbers = json.dumps(list(range(last, first - 1, -step)))
        minutes: dict[int, list[int]] = {}
        for at, took in tx.all("calls_of_attempts", numbers, partner, since):
            minutes.setdefault(at // 60_000, []).append(took // 1_000)
        return [_minute(at, sorted(took)) for at, took in sorted(minutes.items(), reverse=True)]


def _minute(at: int, took: Sequence[int]) -> Minute:
    return Minute(at=from_ms(at * 60_000), calls=len(took), p50=_nth(took, 0.5), p95=_nth(took, 0.95))


def _nth(sizes: Sequence[int], share: float) -> int:
    """The smallest that is not less than this share of them."""
    return sizes[max(0, -(-int(len(sizes) * share * 100) // 100) - 1)]


def _tally(tx: Tx, partner: str, state: State) -> int:
    return next((row[2] for row in tx.all("tallies") if row[:2] == (partner, state)), 0)


def _first_since(tx: Tx, since: int, last: int) -> int:
    """The number from which attempts are younger than a time: found by halving, for times have no index here."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        row = tx.one("attempt_from", middle)
        if row is None or row[1] >= since:
            high = middle
        else:
            low = row[0] + 1
    return low
