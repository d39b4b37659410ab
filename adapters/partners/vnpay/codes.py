"""VNPAY's messages and codes as tables: what an unclear outcome of each message allows, and what each answer means.

Rules are cited from contracts/vnpay/NOTES.md. A code that nobody knows has a row too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from bus.payments import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One row of the contract table: what a kind comes to, and what an unclear outcome of it allows."""

    kind: str
    """Of the event; empty for a question."""
    message: str
    repeat: Literal["no_call", "read", "blind"]
    unclear: str
    source: str


CONTRACTS: Final = (
    Contract(
        kind="payment.requested",
        message="pay",
        repeat="no_call",
        unclear="nothing can be unclear: the address is signed here",
        source="r1",
    ),
    Contract(kind="", message="querydr", repeat="read", unclear="again, under a new RequestId", source="r31, r33, r38"),
    Contract(
        kind="payment.refund_requested",
        message="refund",
        repeat="blind",
        unclear="querydr where its answer can only mean this refund, else a person",
        source="r37, r39",
    ),
)

RESPONSE_CODES: Final[Mapping[str, str]] = {
    "00": "good",
    "07": "debited, and suspicious",
    "09": "card not enrolled",
    "10": "authentication failed three times",
    "11": "expired",
    "12": "card locked",
    "13": "wrong one-time password",
    "24": "cancelled",
    "51": "not enough money",
    "65": "limit of the day",
    "75": "bank under maintenance",
    "79": "wrong password too often",
    "99": "other",
}
"""r22"""

TRANSACTION_STATES: Final[Mapping[str, str]] = {
    "00": "good",
    "01": "not complete",
    "02": "error",
    "04": "reversed: debited, not successful at VNPAY",
    "05": "refund in progress",
    "06": "refund sent to the bank",
    "07": "suspected fraud",
    "09": "refund rejected",
}
"""r23"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """One row: a transaction's status and a response code → a verdict. The first row that fits decides."""

    id: str
    verdict: Verdict
    source: str
    status: str = "*"
    """TransactionStatus; `*` is any."""
    response: str = "*"
    """ResponseCode: one of them; `no` is any known one but 00 and 07; `*` is any."""


PAYMENT: Final = (
    PaymentRow(id="paid", verdict=Verdict.PAID, source="r21", status="00", response="00"),
    PaymentRow(id="suspicious", verdict=Verdict.PENDING, source="r24", status="00", response="07"),
    PaymentRow(id="debited_suspicious", verdict=Verdict.PENDING, source="r24", status="02", response="07"),
    PaymentRow(id="failed", verdict=Verdict.FAILED, source="r22, r23", status="02", response="no"),
    PaymentRow(id="not_complete", verdict=Verdict.PENDING, source="r24", status="01"),
    PaymentRow(id="reversed", verdict=Verdict.PENDING, source="r24", status="04"),
    PaymentRow(id="suspected", verdict=Verdict.PENDING, source="r24", status="07"),
    PaymentRow(id="contradiction", verdict=Verdict.UNCLEAR, source="r21, r24"),
)
"""Of a notification. The last row fits every pair: codes that contradict each other, and those nobody knows."""


def payment_row(response: str, status: str) -> PaymentRow:
    """The first row that fits."""
    return next(row for row in PAYMENT if _fits(row, response, status))


def _fits(row: PaymentRow, response: str, status: str) -> bool:
    if row.status not in ("*", status):
        return False
    if row.response == "no":
        return response in RESPONSE_CODES and response not in ("00", "07")
    return row.response in ("*", response)


def asked_row(status: str) -> PaymentRow:
    """The row of a question that worked: its ResponseCode speaks of the question alone (r33)."""
    return payment_row({"00": "00", "02": "99"}.get(status, "00"), status)


class Question(StrEnum):
    """What the answer to querydr comes to, before its state is looked at."""

    WORKED = "worked"
    NOT_OPENED = "not_opened"
    """No citizen has opened the address yet."""
    OUR_SIDE = "our_side"
    """Keys, clock or form are wrong: it would be so for every payment."""
    UNCLEAR = "unclear"


QUESTIONS: Final[Mapping[str, tuple[Question, str]]] = {
    "00": (Question.WORKED, "r33"),
    "91": (Question.NOT_OPENED, "r34"),
    "02": (Question.OUR_SIDE, "r33"),
    "03": (Question.OUR_SIDE, "r33"),
    "97": (Question.OUR_SIDE, "r33"),
    "94": (Question.UNCLEAR, "r31"),
    "99": (Question.UNCLEAR, "r33"),
}
"""ResponseCode of querydr → what it says of the question. Any other is unclear."""


Refunded = Literal["refunded", "pending", "rejected", "unclear"]
"""What an answer to a refund comes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    """One row: the two codes of a refund's own answer → what it comes to. The first row that fits decides."""

    id: str
    verdict: Refunded
    source: str
    response: Sequence[str] = ()
    """Empty: any."""
    status: Sequence[str] = ()


REFUND: Final = (
    RefundRow(id="refunded", verdict="refunded", source="r36", response=("00",), status=("00",)),
    RefundRow(id="in_progress", verdict="pending", source="r36", response=("00",), status=("05", "06")),
    RefundRow(id="rejected", verdict="rejected", source="r36", response=("00",), status=("09",)),
    RefundRow(id="not_paid", verdict="rejected", source="r36", response=("95",)),
    RefundRow(id="not_found", verdict="rejected", source="r33", response=("91",)),
    RefundRow(id="our_side", verdict="rejected", source="r33", response=("02", "03", "97")),
    RefundRow(id="under_way", verdict="unclear", source="r39", response=("94",)),
    RefundRow(id="other", verdict="unclear", source="r36"),
)
"""The last row fits every pair."""


def refund_row(response: str, status: str) -> RefundRow:
    """The first row that fits."""
    return next(
        row for row in REFUND if response in (row.response or (response,)) and status in (row.status or (status,))
    )


RSP: Final[Mapping[str, tuple[str, str]]] = {
    "recorded": ("00", "Confirm Success"),
    "repeated": ("02", "Order already confirmed"),
    "not_found": ("01", "Order not found"),
    "amount": ("04", "Invalid amount"),
    "checksum": ("97", "Invalid signature"),
    "address": ("03", "Caller not allowed"),
    "other": ("99", "Unknown error"),
}
"""What came of a notification → RspCode and its words (r25)."""
