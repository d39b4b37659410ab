"""Pure. What an attempt leads to: the next state, when it is due, and because of what.

Longer waits than the few knocks inside one attempt live here and in the ledger's due times, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from bus.messages import Awaiting, Decision, Delivered, InDoubt, Outcome, Refused, State, Unreachable

SCHEDULE: Final = tuple(timedelta(seconds=s) for s in (2, 5, 15, 30, 60, 120, 300, 600, 900, 1_800))
"""Waits after the first, second … attempt that found the partner not there; the last one repeats for ever."""
JITTER: Final = 0.1
"""Each wait is lengthened by up to this share, so that what failed together does not come back together."""
FARTHEST: Final = timedelta(hours=24)
"""No partner's `Retry-After` sends a delivery further away than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, for one partner. The published schedule is its default."""

    schedule: Sequence[timedelta] = SCHEDULE
    jitter: float = JITTER
    in_flight: timedelta = timedelta(seconds=30)
    """How long a request may still land after its reply was lost: asking waits it out."""


PUBLISHED: Final = Patience()


def decide(outcome: Outcome, *, tries: int, now: datetime, chance: float, patience: Patience) -> Decision:
    """The next state. `tries` counts attempts made, this one too; `chance` in [0, 1) spreads the waits."""
    match outcome:
        case Delivered():
            return Decision(state=State.DELIVERED, due_at=None, cause="delivered", blocks=False)
        case Awaiting(lane_goes_on=True):
            return Decision(state=State.AWAITING, due_at=None, cause="awaiting", blocks=False)
        case Awaiting(ask_at=ask_at):
            return Decision(state=State.AWAITING, due_at=ask_at, cause="awaiting")
        case Refused(code=code, reason=reason):
            return Decision(state=State.REFUSED, due_at=None, cause="refused", reason=f"{code}: {reason}")
        case Unreachable():
            return _later(outcome, tries, now, chance, patience)
        case InDoubt():
            return _unclear(outcome, now, chance, patience)
        case _:
            assert_never(outcome)


def _later(outcome: Unreachable, tries: int, now: datetime, chance: float, patience: Patience) -> Decision:
    wait = outcome.retry_after
    if wait is None:
        wait = wait_after(tries, chance, patience)
    due_at = now + min(max(wait, timedelta()), FARTHEST)
    cause = "unreachable" if outcome.is_down else "goes_again"
    return Decision(state=State.WAITING, due_at=due_at, cause=cause, reason=outcome.reason)


def wait_after(tries: int, chance: float, patience: Patience) -> timedelta:
    """The schedule's wait after this many attempts, with its jitter."""
    step = patience.schedule[min(max(tries, 1), len(patience.schedule)) - 1]
    return step * (1 + patience.jitter * chance)


def _unclear(outcome: InDoubt, now: datetime, chance: float, patience: Patience) -> Decision:
    if outcome.then == "ask":
        due_at = now + patience.in_flight * (1 + patience.jitter * chance)
        return Decision(state=State.IN_DOUBT, due_at=due_at, cause="reply_lost", reason=outcome.reason)
    return Decision(
        state=State.IN_DOUBT,
        due_at=None,
        cause="cannot_be_asked" if outcome.then == "hold" else "went_on_without",
        reason=outcome.reason,
        blocks=outcome.then == "hold",
    )
