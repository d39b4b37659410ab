"""How the mocks misbehave while the day is fed: data for `POST /_control/<partner>/faults`.

Records lose their replies freely: they can be asked after, or sent again as an update. A few steps lose theirs: they
are blind, stay in doubt and are settled by a person. All other trouble befalls records only, or is an answer that the
contract takes for "not taken" (`rate_limited`, `expired_session`), so that the number of steps in doubt stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from config.demo.portal_view import RECORD, STEP
from config.demo.told import OUTCOME as TOLD

STEPS_IN_DOUBT: Final = 6
"""As many steps at most lose their reply."""

PORTAL_PLAN: Final[tuple[dict[str, Any], ...]] = (
    {"fault": "lose_reply_after_effect", "operation": RECORD, "rate": 0.03},
    {"fault": "lose_reply_after_effect", "operation": STEP, "rate": 0.004, "count": STEPS_IN_DOUBT},
    {"fault": "lose_request", "operation": RECORD, "rate": 0.005, "count": 12},
    {"fault": "reset", "operation": RECORD, "rate": 0.005, "count": 6},
    {"fault": "html_200", "operation": RECORD, "rate": 0.005, "count": 6},
    {"fault": "http_500", "operation": RECORD, "rate": 0.005, "count": 6},
    {"fault": "half_body", "operation": RECORD, "rate": 0.005, "count": 6},
    {"fault": "expired_session", "rate": 0.001, "count": 4},
    {"fault": "rate_limited", "rate": 0.001, "count": 6, "retry_after": 1},
    {"fault": "slow", "rate": 0.001, "count": 8, "seconds": 1.0},
)


ONE_STOP_PLAN: Final[tuple[dict[str, Any], ...]] = (
    {"fault": "lose_reply_after_effect", "operation": TOLD, "count": 1},
    {"fault": "lose_reply_after_effect", "operation": TOLD, "rate": 0.02, "count": 8},
    {"fault": "unsigned_fault", "operation": TOLD, "rate": 0.005, "count": 3},
    {"fault": "bad_signature", "operation": TOLD, "rate": 0.005, "count": 3},
)
"""The one-stop system knows every message by its id: whatever is unclear goes again, and is told once."""


def plan_faults(seed: int, plan: Sequence[Mapping[str, Any]] = PORTAL_PLAN) -> list[dict[str, Any]]:
    """The day's faults, ready to be posted one by one; each draws from a seed of its own."""
    rng = Random(seed)  # noqa: S311  # a transcript to be told again, not a secret
    return [{**fault, "seed": rng.getrandbits(31)} for fault in plan]
