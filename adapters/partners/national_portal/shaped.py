"""Pure. A delivery with what will be sent for it, and what an answer to it teaches for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.partners.national_portal.codes import Operation, Verdict
from adapters.partners.national_portal.speaking import Heard
from bus.messages import Attempt, Delivery, Exchange, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A delivery with what will be sent for it."""

    delivery: Delivery
    operation: Operation
    body: dict[str, Any]
    facts: dict[str, Any]
    exchanges: tuple[Exchange, ...] = ()

    def attempt(self, outcome: Outcome, exchanges: tuple[Exchange, ...], **facts: Any) -> Attempt:
        return Attempt(outcome=outcome, exchanges=self.exchanges + exchanges, facts=self.facts | facts)


def learned(operation: Operation, heard: Heard) -> dict[str, bool]:
    """What the portal's answer to a record says about its books, for good."""
    if operation is Operation.STEP:
        return {}
    if operation is Operation.STATUS:
        # It was filed there: only a no speaks against that. Steps wait for this word.
        return {} if heard.verdict in (Verdict.REFUSED, Verdict.MISSING) else {"exists": True}
    if heard.verdict is Verdict.YES:
        return {"exists": True}
    return {"exists": False} if heard.verdict is Verdict.MISSING else {}
