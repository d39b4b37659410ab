"""SmartCA's messages and codes as tables: what each means, and what an unclear outcome of each message allows.

Rules are cited from contracts/smartca/NOTES.md. A code that nobody knows has a row too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from adapters.partners.signers.alarms import Alarm
from bus.signatures import SignatureVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One row of the contract table: what an unclear outcome of a message allows."""

    message: str
    repeat: Literal["read", "queryable"]
    unclear: str
    source: str


CONTRACTS: Final = (
    Contract(message="get_certificate", repeat="read", unclear="again", source="r15"),
    Contract(
        message="sign",
        repeat="queryable",
        unclear="status by our own id; only a service that says it does not know it is sent it again, under that id",
        source="r22, r34",
    ),
    Contract(message="status", repeat="read", unclear="again", source="r35"),
)


class Said(StrEnum):
    """What an answer comes to, before the adapter says what follows."""

    YES = "yes"
    NO = "no"
    NOT_THERE = "not_there"
    """Of a status question: they do not have it."""
    LATER = "later"
    """Not taken; it speaks against nobody's health."""
    DOWN = "down"
    """Not taken, and nothing else would be either."""
    UNCLEAR = "unclear"
    """Nobody knows what was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """What `status_code` and message say of a call. The first row that fits decides; `*` fits all."""

    status_code: str
    message: str
    said: Said
    source: str
    code: str = ""
    """Why the signature ended, in our words."""
    alarm: Alarm = ""


QUOTA: Final = "SERVICE_PACK_EXEED_OR_INVALID"
ANSWERS: Final = (
    AnswerRow(status_code="*", message=QUOTA, said=Said.NO, source="r28", code="quota_exhausted", alarm="quota"),
    AnswerRow(status_code="200", message="*", said=Said.YES, source="r11, r24, r31"),
    AnswerRow(status_code="400", message="*", said=Said.NO, source="r20, r22", code="service_refused"),
    AnswerRow(status_code="401", message="*", said=Said.DOWN, source="r3", alarm="credentials"),
    AnswerRow(status_code="403", message="*", said=Said.NO, source="r28", code="certificate_not_usable"),
    AnswerRow(status_code="500", message="*", said=Said.UNCLEAR, source="r24"),
    AnswerRow(status_code="*", message="*", said=Said.UNCLEAR, source="r24: nobody knows it"),
)


def answer_row(status_code: str, message: str) -> AnswerRow:
    """The first row that fits; the last one fits every answer."""
    return next(row for row in ANSWERS if row.status_code in ("*", status_code) and row.message in ("*", message))


HTTP: Final = {401: Said.DOWN, 403: Said.DOWN, 404: Said.DOWN, 405: Said.DOWN, 429: Said.LATER}
"""Who stands in front of the service speaks in HTTP, and has passed nothing on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """What a message says of a transaction."""

    message: str
    verdict: SignatureVerdict
    source: str
    code: str = ""
    alarm: Alarm = ""


STATUS: Final = (
    StatusRow(message="SUCCESS", verdict=SignatureVerdict.SIGNED, source="r31"),
    StatusRow(message="sig_wait_for_user_confirm", verdict=SignatureVerdict.WAITING, source="r31"),
    StatusRow(message="sig_rejected", verdict=SignatureVerdict.DECLINED, source="r33", code="declined_by_signer"),
    StatusRow(message="4002", verdict=SignatureVerdict.DECLINED, source="r33", code="declined_by_signer"),
    StatusRow(message="sig_expired", verdict=SignatureVerdict.EXPIRED, source="r33"),
    StatusRow(message="4001", verdict=SignatureVerdict.EXPIRED, source="r33"),
    StatusRow(message="sig_failed", verdict=SignatureVerdict.FAILED, source="r33", code="service_refused"),
    StatusRow(message="4003", verdict=SignatureVerdict.FAILED, source="r33", code="service_refused"),
    StatusRow(message="4004", verdict=SignatureVerdict.FAILED, source="r33", code="service_refused"),
    StatusRow(message=QUOTA, verdict=SignatureVerdict.FAILED, source="r28", code="quota_exhausted", alarm="quota"),
    StatusRow(message="*", verdict=SignatureVerdict.UNCLEAR, source="r33: a message that nobody knows ends nothing"),
)
MEANINGS: Final = {
    "declined": StatusRow(
        message="", verdict=SignatureVerdict.DECLINED, source="r33: a setting", code="declined_by_signer"
    ),
    "expired": StatusRow(message="", verdict=SignatureVerdict.EXPIRED, source="r33: a setting"),
    "failed": StatusRow(message="", verdict=SignatureVerdict.FAILED, source="r33: a setting", code="service_refused"),
}
NOT_THERE: Final = frozenset({"TRANSACTION_NOT_FOUND"})
"""NOTES.md#r34; a setting adds more."""


def status_row(message: str, tran_status: str = "") -> StatusRow:
    """By the message; by `tranStatus` of the older flavour where the message says nothing known."""
    row = next(row for row in STATUS if row.message in ("*", message))
    is_known = row.message != "*"
    return row if is_known or not tran_status else next(row for row in STATUS if row.message in ("*", tran_status))
