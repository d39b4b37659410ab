"""MySign's messages and codes as tables: what each code means, and what an unclear outcome of each message allows.

Rules are cited from contracts/mysign/NOTES.md. A code that nobody knows has a row too.
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
    repeat: Literal["read", "blind"]
    unclear: str
    source: str


CONTRACTS: Final = (
    Contract(message="login", repeat="read", unclear="again", source="r2, r5"),
    Contract(message="certificates/info", repeat="read", unclear="again", source="r10"),
    Contract(
        message="signHash",
        repeat="blind",
        unclear="never again by itself; a call back may prove it, else a person",
        source="r26, r44",
    ),
    Contract(message="requests/status", repeat="read", unclear="again", source="r30"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """What a transaction's status says of it."""

    status: str
    verdict: SignatureVerdict
    source: str
    says: str
    code: str = ""
    """Why it ended, in our words."""
    alarm: Alarm = ""


STATUS: Final = (
    StatusRow(status="1", verdict=SignatureVerdict.SIGNED, source="r31", says="signed"),
    StatusRow(status="4000", verdict=SignatureVerdict.WAITING, source="r31", says="waiting for the person"),
    StatusRow(status="6000", verdict=SignatureVerdict.WAITING, source="r31", says="agreed, being signed"),
    StatusRow(status="4001", verdict=SignatureVerdict.EXPIRED, source="r31", says="time over"),
    StatusRow(
        status="4002",
        verdict=SignatureVerdict.DECLINED,
        source="r31",
        says="refused by the person",
        code="declined_by_signer",
    ),
    StatusRow(status="4004", verdict=SignatureVerdict.FAILED, source="r31", says="failed", code="service_refused"),
    StatusRow(
        status="4005",
        verdict=SignatureVerdict.FAILED,
        source="r31, r32",
        says="quota or money used up",
        code="quota_exhausted",
        alarm="quota",
    ),
    StatusRow(
        status="13004",
        verdict=SignatureVerdict.FAILED,
        source="r31, r32",
        says="certificate expired or revoked",
        code="certificate_not_usable",
    ),
    StatusRow(status="50000", verdict=SignatureVerdict.UNCLEAR, source="r32", says="internal: asked again"),
    StatusRow(status="*", verdict=SignatureVerdict.UNCLEAR, source="r32", says="asked again"),
)
"""The last row fits every status."""


def status_row(status: str) -> StatusRow:
    """The first row that fits."""
    return next(row for row in STATUS if row.status in ("*", status))


class Said(StrEnum):
    """What an answer to a call comes to, before the adapter says what follows."""

    YES = "yes"
    NO = "no"
    """About this signer or this order: it ends."""
    TOKEN = "token"  # noqa: S105  # a verdict
    """The token is not taken any more, so nothing else was: once more with a new one."""
    LATER = "later"
    """Not taken; it speaks against nobody's health."""
    DOWN = "down"
    """Not taken, and nothing else would be either."""
    UNCLEAR = "unclear"
    """Nobody knows what was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """What an error in place of an answer comes to."""

    error: str
    said: Said
    source: str
    says: str
    code: str = ""
    """Why the signature ended, in our words."""
    alarm: Alarm = ""


ERRORS: Final = (
    ErrorRow(error="58007", said=Said.DOWN, source="r8", says="client id", alarm="credentials"),
    ErrorRow(error="58008", said=Said.NO, source="r8", says="user id", code="no_certificate"),
    ErrorRow(error="59033", said=Said.LATER, source="r8", says="bad user or password", alarm="credentials"),
    ErrorRow(error="86024", said=Said.DOWN, source="r8", says="client secret", alarm="credentials"),
    ErrorRow(error="86002", said=Said.DOWN, source="r8", says="TLS certificate revoked", alarm="credentials"),
    ErrorRow(
        error="4005",
        said=Said.NO,
        source="r31, r32",
        says="quota or money used up",
        code="quota_exhausted",
        alarm="quota",
    ),
    ErrorRow(
        error="13004",
        said=Said.NO,
        source="r31, r32",
        says="certificate expired or revoked",
        code="certificate_not_usable",
    ),
    ErrorRow(error="50000", said=Said.UNCLEAR, source="r32", says="internal"),
    ErrorRow(error="*", said=Said.UNCLEAR, source="r32", says="nobody knows it"),
)
"""The last row fits every code. An error with HTTP 500 and more is never looked into: nothing is known of the call."""


def error_row(error: str) -> ErrorRow:
    """The first row that fits."""
    return next(row for row in ERRORS if row.error in ("*", error))


HTTP: Final = {401: Said.TOKEN, 403: Said.DOWN, 404: Said.DOWN, 405: Said.DOWN, 429: Said.LATER}
"""Who stands in front of the service speaks in HTTP, and has passed nothing on (NOTES.md#r5)."""

ACCEPTED: Final = "00"
NOT_ACCEPTED: Final = "01"
"""`status_code` of what we answer to MySign's own calls (NOTES.md#r40, #r45)."""
