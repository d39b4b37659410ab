"""KeyPay's messages and codes as tables: what an unclear outcome of each message allows, and what each answer means.

Rules are cited from contracts/keypay/NOTES.md. A code that nobody knows has a row too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from adapters.partners.gateways.reading import Opening, Row, Shape
from bus.payments import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One row of the contract table: what a kind comes to, and what an unclear outcome of it allows."""

    kind: str
    """Of the event; empty for a question."""
    message: str
    repeat: Literal["asked", "read", "blind"]
    unclear: str
    source: str


CONTRACTS: Final = (
    Contract(
        kind="payment.requested",
        message="create",
        repeat="asked",
        unclear="detail; *not there* makes a new attempt under a new reference",
        source="r26, r28",
    ),
    Contract(kind="", message="detail", repeat="read", unclear="again", source="r40"),
    Contract(
        kind="payment.refund_requested",
        message="refund",
        repeat="blind",
        unclear="refund detail where the code is known, else a person",
        source="r52",
    ),
    Contract(kind="", message="refund_detail", repeat="read", unclear="again", source="r51"),
)

YES: Final = "0"
NOT_FOUND: Final = "2"
THERE_ALREADY: Final = "4"
NOT_NOW: Final = "9"

CREATE: Final = (
    Row(id="too_many", verdict=Opening.LATER, source="r28", http=(429, 429), shape=None),
    Row(id="in_front", verdict=Opening.DOWN, source="r28", http=(401, 405), shape=None),
    Row(id="opened", verdict=Opening.OPENED, source="r4, r25", code="opened"),
    Row(id="elsewhere", verdict=Opening.HOLD, source="r27", code="elsewhere"),
    Row(id="no_address", verdict=Opening.UNCLEAR, source="r25", code="no_address"),
    Row(id="there_already", verdict=Opening.UNCLEAR, source="r26", code="there_already"),
    Row(id="not_now", verdict=Opening.LATER, source="r5", code="not_now"),
    Row(id="refused", verdict=Opening.REFUSED, source="r5", code="no"),
    Row(id="no_code", verdict=Opening.UNCLEAR, source="r4", code="none"),
    Row(id="empty", verdict=Opening.UNCLEAR, source="r28", http=(100, 599), shape=Shape.EMPTY),
    Row(id="html", verdict=Opening.UNCLEAR, source="r28", http=(100, 599), shape=Shape.HTML),
    Row(id="broken", verdict=Opening.UNCLEAR, source="r28", http=(100, 599), shape=Shape.BROKEN),
    Row(id="other_type", verdict=Opening.UNCLEAR, source="r28", http=(100, 599), shape=Shape.OTHER_TYPE),
    Row(id="http_other", verdict=Opening.UNCLEAR, source="r28", http=(100, 599), shape=None),
)
"""The answer to a create. The first row that fits decides."""


def create_code(error: str, *, has_address: bool, is_allowed: bool) -> str:
    """The class of a create's answer, as the table names it."""
    if error == YES:
        return ("opened" if is_allowed else "elsewhere") if has_address else "no_address"
    named = {"": "none", THERE_ALREADY: "there_already", NOT_NOW: "not_now"}
    return named.get(error, "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """One row: a `status` in one flow → a verdict. The first row that fits decides."""

    flow: Literal["pay", "pay_later"]
    verdict: Verdict
    source: str
    status: str = "*"


CALLBACK: Final = (
    StatusRow(flow="pay", status="0", verdict=Verdict.PAID, source="r31"),
    StatusRow(flow="pay", verdict=Verdict.FAILED, source="r31"),
    StatusRow(flow="pay_later", status="0", verdict=Verdict.PAID, source="r31"),
    StatusRow(flow="pay_later", status="1", verdict=Verdict.FAILED, source="r31"),
    StatusRow(flow="pay_later", verdict=Verdict.UNCLEAR, source="r31"),
)
"""Of a callback."""

DETAIL: Final = (
    StatusRow(flow="pay", status="0", verdict=Verdict.PAID, source="r41"),
    StatusRow(flow="pay", status="1", verdict=Verdict.PENDING, source="r41"),
    StatusRow(flow="pay", status="2", verdict=Verdict.FAILED, source="r41"),
    StatusRow(flow="pay", verdict=Verdict.UNCLEAR, source="r41"),
    StatusRow(flow="pay_later", status="2", verdict=Verdict.PAID, source="r41"),
    StatusRow(flow="pay_later", status="1", verdict=Verdict.PENDING, source="r41"),
    StatusRow(flow="pay_later", status="3", verdict=Verdict.FAILED, source="r41"),
    StatusRow(flow="pay_later", verdict=Verdict.UNCLEAR, source="r41"),
)
"""Of the answer to a detail."""


def status_row(rows: Sequence[StatusRow], flow: str, status: str) -> StatusRow:
    """The first row that fits; the last one of each flow fits every status."""
    return next(row for row in rows if row.flow == flow and row.status in ("*", status))


Refunded = Literal["refunded", "pending", "rejected", "unclear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    """One row: `error` and `status` of a refund's answer → what it comes to. The first row that fits decides."""

    id: str
    verdict: Refunded
    source: str
    error: str = "*"
    status: str = "*"


REFUND: Final = (
    RefundRow(id="refunded", verdict="refunded", source="r50", error=YES, status="0"),
    RefundRow(id="pending", verdict="pending", source="r50", error=YES, status="1"),
    RefundRow(id="rejected", verdict="rejected", source="r50", error=YES, status="2"),
    RefundRow(id="wrong_checksum", verdict="rejected", source="r5", error="1"),
    RefundRow(id="not_found", verdict="rejected", source="r5", error=NOT_FOUND),
    RefundRow(id="malformed", verdict="rejected", source="r5", error="3"),
    RefundRow(id="too_much", verdict="rejected", source="r53", error="5"),
    RefundRow(id="under_way", verdict="unclear", source="r53", error="6"),
    RefundRow(id="other", verdict="unclear", source="r5"),
)
"""The last row fits every pair: a code that nobody knows proves nothing of money."""


def refund_row(error: str, status: str) -> RefundRow:
    """The first row that fits."""
    return next(row for row in REFUND if row.error in ("*", error) and row.status in ("*", status))


ACKNOWLEDGED: Final[Mapping[str, tuple[int | str, int | str]]] = {"pay": (0, -1), "pay_later": ("0", "-1")}
"""Flow → yes and no of `return_code` (r32)."""
