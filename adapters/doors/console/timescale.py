"""Pure. Where an instant stands on a line: to scale within what belongs together, and long nothing folded away.

A dossier's life is seconds of work and days of waiting. On one scale the work would be a dot; so gaps that are ten
times longer than the next shorter one are folded, each with its length in words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import log
from typing import Final

LONGER: Final = 10.0
"""How many times longer than the next shorter gap the gaps are that are folded."""
A_FOLD: Final = 0.07
"""The share of the line that each fold adds to what folds have together; among them a longer one is wider."""
MOST_FOLDED: Final = 0.6
"""The share of the line that folds may take together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A stretch in which nothing happened, drawn short."""

    x: float
    width: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Instants to places. Instants between two known ones stand between their places."""

    times: tuple[float, ...]
    places: tuple[float, ...]
    folds: tuple[Fold, ...]

    def place(self, at: datetime) -> float:
        """Where this instant stands; what lies outside stands at the edge."""
        moment = at.timestamp()
        after = bisect_right(self.times, moment)
        if after == 0:
            return self.places[0]
        if after == len(self.times):
            return self.places[-1]
        start, end = self.times[after - 1], self.times[after]
        share = (moment - start) / (end - start)
        return self.places[after - 1] + share * (self.places[after] - self.places[after - 1])


def scale_of(instants: Iterable[datetime], *, left: float, width: float) -> Scale:
    """A scale over these instants; at least one."""
    times = sorted({at.timestamp() for at in instants})
    if len(times) == 1:
        return Scale(times=(times[0],), places=(left,), folds=())
    gaps = [after - before for before, after in pairwise(times)]
    limit = fold_limit(gaps)
    folded = {gap for gap in gaps if gap > limit}
    weight = sum(log(gap) for gap in gaps if gap in folded)
    room = width * min(A_FOLD * sum(gap in folded for gap in gaps), MOST_FOLDED)
    open_seconds = sum(gap for gap in gaps if gap <= limit)
    per_second = (width - room) / open_seconds if open_seconds else 0.0
    places, folds, x = [left], [], left
    for gap in gaps:
        if gap > limit:
            fold = room * log(gap) / weight
            folds.append(Fold(x=x, width=fold, seconds=gap))
            x += fold
        else:
            x += gap * per_second
        places.append(x)
    return Scale(times=tuple(times), places=tuple(places), folds=tuple(folds))


def fold_limit(gaps: Iterable[float]) -> float:
    """The longest gap that is drawn to scale. A gap under a second counts as one: such noise tells nothing."""
    ordered = sorted(max(gap, 1.0) for gap in gaps)
    jumps = [(after / before, before) for before, after in pairwise(ordered)]
    ratio, before = max(jumps, key=lambda jump: jump[0], default=(1.0, ordered[-1]))
    return before if ratio >= LONGER else ordered[-1]
