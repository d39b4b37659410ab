"""The SOAP signing service's operations, states and problems as tables.

Rules are cited from contracts/soap_signer/NOTES.md. What nobody knows has a row too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from bus.signatures import SignatureVerdict

CERTIFICATES: Final = "GetCertificates"
SIGN: Final = "Sign"
STATUS: Final = "GetStatus"
VERIFY: Final = "Verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One row of the contract table."""

    message: str
    repeat: Literal["read", "known by its id"]
    unclear: str
    source: str


CONTRACTS: Final = (
    Contract(message=CERTIFICATES, repeat="read", unclear="again", source="r10"),
    Contract(message=SIGN, repeat="known by its id", unclear="asked by our id; again only if not found", source="r25"),
    Contract(message=STATUS, repeat="read", unclear="again", source="r30"),
    Contract(message=VERIFY, repeat="read", unclear="left out", source="r40"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """What a request's status says of it."""

    status: str
    verdict: SignatureVerdict
    source: str
    code: str = ""
    """Why it ended, in our words."""


STATES: Final = (
    StatusRow(status="PENDING", verdict=SignatureVerdict.WAITING, source="r30"),
    StatusRow(status="SIGNED", verdict=SignatureVerdict.SIGNED, source="r31"),
    StatusRow(status="REJECTED", verdict=SignatureVerdict.DECLINED, source="r30", code="declined_by_signer"),
    StatusRow(status="EXPIRED", verdict=SignatureVerdict.EXPIRED, source="r30", code="expired"),
    StatusRow(status="FAILED", verdict=SignatureVerdict.FAILED, source="r30", code="service_refused"),
    StatusRow(status="*", verdict=SignatureVerdict.UNCLEAR, source="r33"),
)
"""The last row fits every status."""


def status_row(status: str) -> StatusRow:
    """The first row that fits."""
    return next(row for row in STATES if row.status in ("*", status))


class Said(StrEnum):
    """What an answer comes to, before the adapter says what follows."""

    YES = "yes"
    NO = "no"
    """About this signer or this order: it ends."""
    NOT_THERE = "not_there"
    LATER = "later"
    """Not taken; it speaks against nobody's health."""
    DOWN = "down"
    """Not taken, and nothing else would be either."""
    UNCLEAR = "unclear"
    """Nobody knows what was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    """What a signed Problem comes to."""

    problem: str
    said: Said
    source: str
    code: str = ""
    """Why the signature ended, in our words."""
    is_alarm: bool = False


PROBLEMS: Final = (
    ProblemRow(problem="not_found", said=Said.NOT_THERE, source="r30"),
    ProblemRow(problem="unknown_user", said=Said.NO, source="r24", code="no_certificate"),
    ProblemRow(problem="unknown_certificate", said=Said.NO, source="r24", code="no_certificate"),
    ProblemRow(problem="certificate_not_usable", said=Said.NO, source="r24", code="certificate_not_usable"),
    ProblemRow(problem="quota", said=Said.NO, source="r24", code="quota_exhausted", is_alarm=True),
    ProblemRow(problem="contradicted", said=Said.NO, source="r22", code="service_refused", is_alarm=True),
    ProblemRow(problem="invalid", said=Said.NO, source="r4, r20", code="service_refused", is_alarm=True),
    ProblemRow(problem="unavailable", said=Said.LATER, source="r5"),
    ProblemRow(problem="replayed", said=Said.LATER, source="r67"),
    ProblemRow(problem="stale_signature", said=Said.DOWN, source="r65", is_alarm=True),
    ProblemRow(problem="unsigned", said=Said.DOWN, source="r60", is_alarm=True),
    ProblemRow(problem="wrong_parts", said=Said.DOWN, source="r61", is_alarm=True),
    ProblemRow(problem="bad_signature", said=Said.DOWN, source="r62", is_alarm=True),
    ProblemRow(problem="weak_algorithm", said=Said.DOWN, source="r63", is_alarm=True),
    ProblemRow(problem="duplicate_id", said=Said.DOWN, source="r64", is_alarm=True),
    ProblemRow(problem="untrusted", said=Said.DOWN, source="r66", is_alarm=True),
    ProblemRow(problem="expired_certificate", said=Said.DOWN, source="r66", is_alarm=True),
    ProblemRow(problem="foreign_subject", said=Said.DOWN, source="r66", is_alarm=True),
    ProblemRow(problem="wrong_action", said=Said.DOWN, source="r3, r68", is_alarm=True),
    ProblemRow(problem="media_type", said=Said.DOWN, source="r2", is_alarm=True),
    ProblemRow(problem="*", said=Said.UNCLEAR, source="r5", is_alarm=True),
)
"""The last row fits every code. What is not signed as it should be is never looked into (NOTES.md#r69)."""


def problem_row(problem: str) -> ProblemRow:
    """The first row that fits."""
    return next(row for row in PROBLEMS if row.problem in ("*", problem))


HTTP: Final = {403: Said.DOWN, 404: Said.DOWN, 405: Said.DOWN, 429: Said.LATER, 503: Said.LATER}
"""Who stands in front of the service speaks in HTTP, and has passed nothing on."""
