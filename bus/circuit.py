"""Pure. A partner's circuit, its allowance, and how a drain begins.

closed ──failures in a row──▶ open ──probe answered──▶ closed, with a window that opens call by call
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from bus.times import ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a partner wants to be treated. Settings; times are durations, rates are calls a second."""

    failures_to_open: int = 5
    """Attempts in a row that found the partner down, after which the circuit opens."""
    probe_every: timedelta = timedelta(seconds=5)
    """While it is open, one delivery is tried in each such time."""
    rate: float = 0.0
    """Deliveries a second over all processes; 0 means no limit."""
    in_flight: timedelta = timedelta(seconds=30)
    """How long a request may still land after its reply was lost: asking waits it out."""
    lease: timedelta = timedelta(seconds=60)
    """How long a worker may hold a lane before another takes it: longer than any attempt."""
    drain: str = "age"
    """Order of a backlog: `age` (longest ready first) or `deadline` (nearest due date first)."""
    fresh_share: float = 0.25
    """The share of each claim that goes to what became ready last, so that a backlog does not delay today."""
    fresh_for: timedelta = timedelta(seconds=30)
    """What counts as fresh."""


MARK_GONE_WRONG: Final = 60_000
"""Milliseconds: the clocks of an installation's processes differ by far less."""
WINDOW_END: Final = 64
"""A drain's window this wide is no window any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What the ledger keeps of a partner's health. Times in milliseconds."""

    is_open: bool = False
    failures: int = 0
    opened_at: int | None = None
    probe_at: int | None = None
    window: int | None = None
    last_success_at: int | None = None


def after_success(circuit: Circuit, now: int) -> Circuit:
    """The partner answered. An open circuit closes, and its drain begins with one call at a time."""
    if circuit.is_open:
        return Circuit(window=1, last_success_at=now)
    window = circuit.window
    if window is not None:
        window = None if window + 1 >= WINDOW_END else window + 1
    return replace(circuit, failures=0, window=window, last_success_at=now)


def after_failure(circuit: Circuit, manners: Manners, now: int) -> Circuit:
    """The partner was not there. Enough of that opens the circuit; in a drain, one is enough."""
    failures = circuit.failures + 1
    if not circuit.is_open and failures < manners.failures_to_open and circuit.window is None:
        return replace(circuit, failures=failures)
    return replace(
        circuit,
        is_open=True,
        failures=failures,
        opened_at=circuit.opened_at if circuit.is_open else now,
        probe_at=now + ms(manners.probe_every),
        window=None,
    )


def allowance(tokens: float, tokens_at: int, rate: float, now: int) -> float:
    """A token bucket of one second's worth, and of one delivery at least: how many may go now."""
    # A clock that was set back gives nothing until it has passed its old mark, and never a flood. A mark further ahead
    # was written by a clock gone wrong: waiting for it might take years.
    most = max(rate, 1.0)
    if tokens_at - now > MARK_GONE_WRONG:
        return most
    # All the time that passed counts: of a rate below one a second, no single second brings a whole delivery.
    return min(tokens + max(0, now - tokens_at) / 1_000 * rate, most)
