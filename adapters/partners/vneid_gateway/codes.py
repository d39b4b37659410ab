"""The gateway's messages and codes as tables: what each code means, and what an unclear outcome of a message allows.

Rules are cited from contracts/vneid_gateway/NOTES.md. **Success is 01 here, and 00 is an error** (#r2). A code that
nobody knows has a row too.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    Contract(message="auth/token, auth/refresh", repeat="read", unclear="again", source="r10, r11"),
    Contract(message="certificates/list", repeat="read", unclear="again", source="r20"),
    Contract(
        message="signings/hash",
        repeat="blind",
        unclear="never again by itself; a call back may prove it, else a person",
        source="r31, r45",
    ),
    Contract(message="signings/polling", repeat="read", unclear="again", source="r32"),
)

SUCCESS: Final = "01"
NOT_FOUND: Final = "03"


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
class CodeRow:
    """What a status code comes to."""

    status: str
    said: Said
    source: str
    says: str
    code: str = ""
    """Why the signature ended, in our words."""
    alarm: Alarm = ""


CODES: Final = (
    CodeRow(status="00", said=Said.TOKEN, source="r3, r11", says="token missing or expired"),
    CodeRow(status="01", said=Said.YES, source="r2", says="success"),
    CodeRow(status="02", said=Said.NO, source="r3", says="validation", code="service_refused"),
    CodeRow(status="03", said=Said.NO, source="r3, r22", says="not found", code="no_certificate"),
    CodeRow(status="20", said=Said.DOWN, source="r3, r9", says="HMAC header missing", alarm="credentials"),
    CodeRow(status="21", said=Said.LATER, source="r3", says="rate limit"),
    CodeRow(status="22", said=Said.DOWN, source="r7, r9", says="bad timestamp", alarm="clock"),
    CodeRow(status="23", said=Said.DOWN, source="r7, r9", says="timestamp expired", alarm="clock"),
    CodeRow(status="24", said=Said.UNCLEAR, source="r8", says="nonce repeated"),
    CodeRow(status="25", said=Said.DOWN, source="r3, r9", says="unknown partner", alarm="credentials"),
    CodeRow(status="26", said=Said.DOWN, source="r3, r9", says="bad HMAC", alarm="credentials"),
    CodeRow(status="27", said=Said.DOWN, source="r3, r9", says="HMAC internal"),
    CodeRow(status="99", said=Said.UNCLEAR, source="r9", says="system"),
    CodeRow(status="*", said=Said.UNCLEAR, source="r9", says="nobody knows it"),
)
"""Of every answer's envelope. The last row fits every code."""


def code_row(status: str) -> CodeRow:
    """The first row that fits."""
    return next(row for row in CODES if row.status in ("*", status))


HTTP: Final = {403: Said.DOWN, 404: Said.DOWN, 405: Said.DOWN}
"""Who stands in front of the gateway speaks in HTTP alone, and has passed nothing on. Only of an answer without a code:
401, 429 and 500 of the gateway itself carry one (NOTES.md#r3)."""
BARE: Final = {**HTTP, 401: Said.TOKEN, 429: Said.LATER}


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRow:
    """What `statusCode` (polling) or `status` (call back) says of a signing."""

    status: str
    verdict: SignatureVerdict
    source: str
    says: str
    error: str = "*"
    code: str = ""


CONSENT_EXPIRED: Final = "errorcode4005"
"""The time to agree is over. At MySign 4005 is another thing: the quota."""
SIGNING: Final = (
    SigningRow(status="0", verdict=SignatureVerdict.SIGNED, source="r32", says="signed"),
    SigningRow(
        status="1", error=CONSENT_EXPIRED, verdict=SignatureVerdict.EXPIRED, source="r32", says="time to agree over"
    ),
    SigningRow(status="1", verdict=SignatureVerdict.FAILED, source="r32", says="failed", code="service_refused"),
    SigningRow(status="2", verdict=SignatureVerdict.WAITING, source="r32", says="processing"),
    SigningRow(
        status="3",
        verdict=SignatureVerdict.DECLINED,
        source="r32",
        says="refused by the citizen",
        code="declined_by_signer",
    ),
    SigningRow(status="*", verdict=SignatureVerdict.UNCLEAR, source="r34", says="asked again"),
)
"""The first row that fits decides; the last fits all."""


def signing_row(status: str, error: str) -> SigningRow:
    """By both; the error's case is nobody's promise."""
    low = error.lower()
    return next(row for row in SIGNING if row.status in ("*", status) and row.error in ("*", low))


RESULT: Final = "SIGNHASH_WEBHOOK_RESULT"
"""The one kind of call back that is heard (NOTES.md#r42)."""
ACKNOWLEDGED: Final[Mapping[str, str]] = {
    "SIGNHASH_WEBHOOK_TRANSCODE": "transcode",
    "CERT_REGISTER_WEBHOOK_TRANSCODE": "registration",
    "CERT_REGISTER_WEBHOOK_RESULT": "registration",
}
"""Kinds that are answered and change nothing, by what they are counted as (NOTES.md#r42, #r44); any other: `other`."""
