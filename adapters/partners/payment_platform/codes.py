"""The platform's operations and answers as tables: what each is, what an unclear one allows, what an answer means.

Rules are cited from contracts/payment_platform/NOTES.md. A code that nobody knows has a row too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from adapters.partners.gateways.reading import Opening, Row, Shape
from bus.payments import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One row of the contract table."""

    operation: str
    kind: str
    """Of the event that it is for."""
    nature: Literal["queryable", "read", "none"]
    unclear: str
    source: str


CONTRACTS: Final = (
    Contract(
        operation="INIT",
        kind="payment.requested",
        nature="queryable",
        unclear="QUERY; only a no or not-there opens a fresh attempt, under a fresh reference",
        source="r12, r17, r57",
    ),
    Contract(
        operation="QUERY",
        kind="payment.requested",
        nature="read",
        unclear="ask again: +2, +5, +15, +30 min, then hourly to 72 h",
        source="r56",
    ),
    Contract(
        operation="GET_BILL", kind="payment.settled", nature="read", unclear="ask again; nothing waits", source="r73"
    ),
    Contract(
        operation="(refund)",
        kind="payment.refund_requested",
        nature="none",
        unclear="there is no message: held with offline_refund, a person records it",
        source="r90",
    ),
)

TAKEN: Final = "00"
"""`MaLoi`: yes (NOTES.md#r22, #r44, #r46, #r52)."""
NOT_TAKEN: Final = "99"
"""`MaLoi` of our acknowledgement: any trouble (NOTES.md#r46)."""


class Said(StrEnum):
    """What an answer to an opening says, as `replies.py` reads it."""

    YES = "yes"
    """00, our reference, and an address that may be shown."""
    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    """Not https, or not a listed host."""
    OTHER_ORDER = "other_order"
    CONTRADICTED = "contradicted"
    """Two codes that do not go together."""
    NO = "no"
    """Another `MaLoi`."""
    NOTHING = "nothing"
    """No `MaLoi`."""


def _http(first: int, last: int, verdict: Opening, source: str, *, later: bool | None = None) -> Row:
    name = f"http_{first}" if first == last else f"http_{first}_{last}"
    return Row(id=name, verdict=verdict, source=source, http=(first, last), shape=None, retry_after=later)


OPENINGS: Final = (
    Row(id="opened", verdict=Opening.OPENED, source="r20, r21, r22", code=Said.YES),
    Row(id="no_address", verdict=Opening.HOLD, source="r22, r23", code=Said.NO_ADDRESS),
    Row(id="bad_address", verdict=Opening.HOLD, source="r23", code=Said.BAD_ADDRESS),
    Row(id="other_order", verdict=Opening.UNCLEAR, source="r24", code=Said.OTHER_ORDER),
    Row(id="contradicted", verdict=Opening.UNCLEAR, source="r25", code=Said.CONTRADICTED),
    Row(id="refused", verdict=Opening.REFUSED, source="r22: any code that nobody knows is a no", code=Said.NO),
    Row(id="no_code", verdict=Opening.UNCLEAR, source="r22: neither yes nor no", code=Said.NOTHING),
    Row(id="empty", verdict=Opening.UNCLEAR, source="r25", shape=Shape.EMPTY),
    Row(id="html", verdict=Opening.UNCLEAR, source="r25", shape=Shape.HTML),
    Row(id="broken", verdict=Opening.UNCLEAR, source="r25", shape=Shape.BROKEN),
    Row(id="other_json", verdict=Opening.UNCLEAR, source="r25", shape=Shape.OTHER_JSON),
    Row(id="other_type", verdict=Opening.UNCLEAR, source="r25", shape=Shape.OTHER_TYPE),
    # Who stands in front of the platform speaks in HTTP, and has passed nothing on.
    Row(id="http_400_refused", verdict=Opening.REFUSED, source="r22", http=(400, 400), code=Said.NO),
    Row(id="http_422_refused", verdict=Opening.REFUSED, source="r22", http=(422, 422), code=Said.NO),
    _http(401, 401, Opening.DOWN, "r25"),
    _http(403, 405, Opening.DOWN, "r25"),
    _http(413, 415, Opening.REFUSED, "RFC 9110: refused for its size or form"),
    _http(429, 429, Opening.LATER, "r25; RFC 6585"),
    _http(503, 503, Opening.DOWN, "r25: with Retry-After it means not taken", later=True),
    Row(id="http_other", verdict=Opening.UNCLEAR, source="r25", http=(100, 599), shape=None),
)
"""INIT. The first row that fits decides; the last one fits every answer."""


class Stand(StrEnum):
    """What an answer to a question says, as `replies.py` reads it."""

    PAID = "1"
    PENDING = "3"
    FAILED = "4"
    OTHER = "other"
    """A `TrangThaiGD` that nobody has seen, or none."""
    NOT_THERE = "not_there"
    """`MaLoi` is one of `not_there_codes`."""
    NO_ANSWER = "no_answer"
    """Another `MaLoi`: the question did not work."""
    OTHER_ORDER = "other_order"
    BAD_CHECKSUM = "bad_checksum"
    NO_AMOUNT = "no_amount"
    """Paid, and what was paid cannot be read."""


STATES: Final = (
    Row(id="paid", verdict=Verdict.PAID, source="r53", code=Stand.PAID),
    Row(id="pending", verdict=Verdict.PENDING, source="r53", code=Stand.PENDING),
    Row(id="failed", verdict=Verdict.FAILED, source="r53", code=Stand.FAILED),
    Row(id="not_there", verdict=Verdict.NOT_THERE, source="r55", code=Stand.NOT_THERE),
    Row(id="no_answer", verdict=Verdict.UNCLEAR, source="r52: the question did not work", code=Stand.NO_ANSWER),
    Row(id="other_state", verdict=Verdict.UNCLEAR, source="r53", code=Stand.OTHER),
    Row(id="other_order", verdict=Verdict.UNCLEAR, source="r24", code=Stand.OTHER_ORDER),
    Row(id="bad_checksum", verdict=Verdict.UNCLEAR, source="r54", code=Stand.BAD_CHECKSUM),
    Row(id="no_amount", verdict=Verdict.UNCLEAR, source="r49", code=Stand.NO_AMOUNT),
    Row(id="other_answer", verdict=Verdict.UNCLEAR, source="r25", http=(100, 599), shape=None),
)
"""QUERY. Whatever HTTP says beside 200, nothing is known; in doubt nobody opens a second attempt."""
