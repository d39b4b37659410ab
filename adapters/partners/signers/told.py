"""Pure. What a service said, as an attempt: the verdict as an outcome, its words as a fact for the ledger to judge."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from bus.messages import Attempt, Awaiting, Exchange, InDoubt, Outcome, Refused, Unreachable
from bus.signatures import SignatureTold, SignatureVerdict

FIRST_QUESTION: Final = timedelta(seconds=5)
"""After asking the signer; the schedule of bus/signatures.py goes on from there."""


def attempt_of(
    told: SignatureTold,
    *,
    exchanges: tuple[Exchange, ...],
    now: datetime,
    handle: str | None = None,
    until: datetime | None = None,
) -> Attempt:
    """`handle` and `until`: what the answer to a submission says; the ledger keeps them."""
    facts: dict[str, Any] = {"told": told}
    if handle is not None:
        facts["handle"] = handle
    if until is not None:
        facts["until"] = until
    return Attempt(outcome=outcome_of(told, now), exchanges=exchanges, facts=facts)


def outcome_of(told: SignatureTold, now: datetime) -> Outcome:
    """Signed is awaited too: values are judged by the ledger, and there is a document only once it is put together."""
    reason = told.reason or told.code or told.verdict.value
    match told.verdict:
        case SignatureVerdict.SIGNED | SignatureVerdict.WAITING:
            return Awaiting(reference=told.handle or told.request or "", ask_at=now + FIRST_QUESTION, lane_goes_on=True)
        case SignatureVerdict.DECLINED | SignatureVerdict.EXPIRED | SignatureVerdict.FAILED:
            return Refused(code=told.code or told.verdict.value, reason=reason)
        case SignatureVerdict.NOT_THERE:
            return Unreachable(reason=reason, retry_after=timedelta(0), is_down=False)
        case SignatureVerdict.UNCLEAR:
            return InDoubt(reason=reason, is_down=False)
