"""What follows from an outcome: state, due time, cause. Pure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bus.messages import Awaiting, Delivered, InDoubt, Outcome, Refused, State, Unreachable
from bus.retry import FARTHEST, SCHEDULE, Patience, decide, wait_after
from tests.builders import NOON

PATIENCE = Patience(in_flight=timedelta(seconds=30))
LATER = NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("outcome", "state", "cause", "due_at", "blocks"),
    [
        (Delivered(receipt="r"), State.DELIVERED, "delivered", None, False),
        (Awaiting(reference="x", ask_at=LATER), State.AWAITING, "awaiting", LATER, True),
        (Refused(code="-1", reason="no"), State.REFUSED, "refused", None, True),
        (Unreachable(reason="down"), State.WAITING, "unreachable", NOON + SCHEDULE[0], True),
        (Unreachable(reason="again", retry_after=timedelta(), is_down=False), State.WAITING, "goes_again", NOON, True),
        (Unreachable(reason="x", retry_after=timedelta(seconds=-5)), State.WAITING, "unreachable", NOON, True),
        (Unreachable(reason="x", retry_after=timedelta(days=400)), State.WAITING, "unreachable", NOON + FARTHEST, True),
        (InDoubt(reason="lost"), State.IN_DOUBT, "reply_lost", NOON + timedelta(seconds=30), True),
        (InDoubt(reason="lost", then="hold"), State.IN_DOUBT, "cannot_be_asked", None, True),
        (InDoubt(reason="lost", then="go_on"), State.IN_DOUBT, "went_on_without", None, False),
    ],
)
def test_outcome_decides(outcome: Outcome, state: State, cause: str, due_at: object, blocks: bool) -> None:
    """Each outcome leads to one state, one cause and one time."""
    decision = decide(outcome, tries=1, now=NOON, chance=0.0, patience=PATIENCE)

    assert (state, cause, due_at, blocks) == (decision.state, decision.cause, decision.due_at, decision.blocks)


def test_schedule_is_the_published_one() -> None:
    """Waits grow along the published schedule, its last repeats for ever, and jitter lengthens by at most a tenth."""
    waits = [wait_after(tries, 0.0, PATIENCE) for tries in range(13)]

    assert [SCHEDULE[0], *SCHEDULE, SCHEDULE[-1], SCHEDULE[-1]] == waits
    assert SCHEDULE[3] * 1.1 >= wait_after(4, 0.999, PATIENCE) > SCHEDULE[3]
