"""Pure. A whole JSON answer as flat texts, or why nothing is known of what was asked or done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from adapters.channels.retry_after import retry_after
from adapters.partners.gateways.reading import OF_HTTP, Shape, shape_of, text_in
from bus.messages import Attempt, Awaiting, Delivered, Exchange, InDoubt, Outcome, Refused, Unreachable

RefundState = Literal["refunded", "pending", "rejected"]
LATER: Final = 429
REFUND_ASKED_AFTER: Final = timedelta(minutes=15)
"""A bank pays back in hours or days; who waits for it is accounting, not a citizen at a screen."""


def object_in(exchange: Exchange) -> Mapping[str, Any] | InDoubt:
    """The object of an answer with status 200. A question that was not answered leaves open what it asked about."""
    if exchange.trouble is not None:
        return InDoubt(reason=exchange.trouble.reason)
    status = exchange.status or 0
    if status != 200:
        return InDoubt(reason=f"http_{status}", is_down=status >= 500 or status in OF_HTTP)
    shape, value = shape_of(exchange)
    return value if shape is Shape.OBJECT else InDoubt(reason=f"answer_{shape}")


def not_taken(exchange: Exchange) -> Unreachable | None:
    """Whether an operation that must not be done twice was surely not taken; of an answer only 429 says so."""
    if isinstance(exchange.trouble, Unreachable):
        return exchange.trouble
    if exchange.status == LATER:
        return Unreachable(reason="http_429", retry_after=retry_after(exchange), is_down=False)
    return None


def texts_of(value: Mapping[str, Any]) -> dict[str, str]:
    """Texts, and numbers as their digits; what is neither is left out."""
    return {name: text_in(value, name) for name, found in value.items() if isinstance(found, str | int)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSaid:
    """What an answer said of a refund."""

    state: RefundState
    code: str = ""
    reason: str = ""
    reference: str | None = None
    """The gateway's own number of it."""


def refund_attempt(said: RefundSaid, exchange: Exchange, *, now: datetime) -> Attempt:
    """As one of the five, with the fact that the ledger keeps."""
    outcome: Outcome
    match said.state:
        case "refunded":
            outcome = Delivered(receipt=said.reference)
        case "pending":
            outcome = Awaiting(reference=said.reference or "", ask_at=now + REFUND_ASKED_AFTER)
        case "rejected":
            outcome = Refused(code=said.code, reason=said.reason)
    return Attempt(
        outcome=outcome,
        exchanges=(exchange,),
        facts={"refund": {"state": said.state, "reference": said.reference}},
    )
