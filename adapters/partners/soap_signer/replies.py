"""Pure. What a signed answer of the SOAP signing service says, and which values it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.partners.signers.choosing import Offered
from adapters.partners.soap_signer.codes import HTTP, Said, StatusRow, problem_row, status_row
from bus.privacy import mask_text
from bus.signatures import DocumentValue

LONGEST_TEXT = 200
USABLE = "VALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an answer is, and what it says where it is proven."""

    said: Said
    values: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    code: str = ""
    is_alarm: bool = False
    retry_after: timedelta | None = None


def unproven(status: int, reason: str, retry_after: timedelta | None = None) -> Answer:
    """Nothing in it is looked at; of who stands in front, HTTP says something (NOTES.md#r69)."""
    return Answer(said=HTTP.get(status, Said.UNCLEAR), reason=f"{reason} (http_{status})", retry_after=retry_after)


def problem_of(code: str, text: str, retry_after: timedelta | None = None) -> Answer:
    """A signed no."""
    row = problem_row(code)
    return Answer(
        said=row.said,
        reason=": ".join(part for part in (code, mask_text(text[:LONGEST_TEXT])) if part),
        code=row.code,
        is_alarm=row.is_alarm,
        retry_after=retry_after,
    )


def offered_of(values: Sequence[Mapping[str, Any]]) -> list[Offered]:
    """An answer to GetCertificates (NOTES.md#r10)."""
    return [
        Offered(
            id=str(each.get("Serial") or ""),
            certificate=each["Value"],
            chain=tuple(part for part in each.get("Issuer") or () if part),
            is_usable=each.get("Status") == USABLE,
        )
        for each in values
        if each.get("Value")
    ]


def state_of(values: Mapping[str, Any], request: str) -> StatusRow | None:
    """Of an answer to Sign or GetStatus; None where it is of another request (NOTES.md#r32)."""
    return status_row(str(values.get("Status") or "")) if values.get("RequestId") == request else None


def signatures_of(values: Mapping[str, Any]) -> tuple[DocumentValue, ...]:
    """By the documents' names (NOTES.md#r31)."""
    return tuple(
        DocumentValue(
            document_id=str(each.get("DocumentId") or ""),
            value=each["Value"],
            certificate=each.get("Certificate") or None,
        )
        for each in values.get("Signature") or ()
        if each.get("Value")
    )
