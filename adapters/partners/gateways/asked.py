"""Pure. What a gateway said when it was asked, as an attempt: the verdict as an outcome, its words as a fact."""

from __future__ import annotations

from datetime import datetime, timedelta

from adapters.partners.gateways.reading import FIRST_QUESTION
from bus.messages import Attempt, Awaiting, Delivered, Exchange, InDoubt, Outcome, Refused, Unreachable
from bus.payments import Told, Verdict


def attempt_of(told: Told, *, exchanges: tuple[Exchange, ...], now: datetime) -> Attempt:
    """`told` travels along: the ledger judges amount and currency in its own transaction."""
    return Attempt(outcome=outcome_of(told, now), exchanges=exchanges, facts={"told": told})


def outcome_of(told: Told, now: datetime) -> Outcome:
    """Not there: a fresh attempt may be opened, and only then."""
    reason = told.reason or told.verdict.value
    match told.verdict:
        case Verdict.PAID:
            return Delivered(receipt=told.transaction)
        case Verdict.PENDING:
            return Awaiting(reference=told.reference, ask_at=now + FIRST_QUESTION, lane_goes_on=True)
        case Verdict.FAILED:
            return Refused(code=told.code, reason=reason)
        case Verdict.NOT_THERE:
            return Unreachable(reason=reason, retry_after=timedelta(0), is_down=False)
        case Verdict.UNCLEAR:
            return InDoubt(reason=reason, is_down=False)
