"""What several rounds came to: median, minimum, maximum."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Spread: TypeAlias = dict[str, float]


def spread(values: Sequence[float], digits: int = 3) -> Spread:
    """Median, minimum and maximum of the rounds."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def spreads(rounds: Sequence[Mapping[str, Any]], *names: str, digits: int = 3) -> dict[str, Spread]:
    """The spread of some numbers that every round has."""
    return {name: spread([float(each[name]) for each in rounds], digits) for name in names}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies; of few values, the next higher one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
