"""Pure. What MySign says: to a login, of certificates, to an order to sign, of a transaction that was asked about.

A value is never believed here: the ledger verifies each over the digest that was sent (NOTES.md#r33, #r44).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from adapters.partners.gateways.reading import Shape, shape_of, text_in, words
from adapters.partners.mysign.codes import HTTP, Said, error_row, status_row
from adapters.partners.signers.alarms import Alarm
from adapters.partners.signers.choosing import Offered
from bus.messages import Exchange
from bus.signatures import DocumentValue, SignatureTold, SignatureVerdict, Via

ERROR_NAMES: Final = ("error", "error_code", "code", "status")
"""NOTES.md#r7"""
LIST: Final = "[]"
"""In place of a member: the answer is a list (NOTES.md#r10)."""
TOKEN: Final = "access_token"  # noqa: S105  # a member's name
HANDLE: Final = "transactionId"
STATUS: Final = "status"
"""Members without which an answer is none."""
WORD_NAMES: Final = ("error_description", "message", "description")
UNREADABLE_LIFE: Final = timedelta(minutes=5)
"""Of a token whose answer does not say how long it lives (NOTES.md#r3)."""
EARLY: Final = 30.0
"""Seconds before its end at which a token is renewed: a call must not meet its end on the way."""
MOST_VALUES: Final = 100
USABLE: Final = ("enabled", "valid")
"""Of a key, and of a certificate (NOTES.md#r12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, as the tables see it."""

    said: Said
    value: Any = None
    """Of a yes: the whole of it."""
    code: str = ""
    """Why the signature ended, in our words."""
    reason: str = ""
    alarm: Alarm = ""


def read(exchange: Exchange, wants: str) -> Answer:
    """By the tables. Of an exchange without trouble; `wants` is the member that makes it an answer, whatever else
    stands beside it: a transaction that is named was taken."""
    status = exchange.status or 0
    if (at_front := HTTP.get(status)) is not None:
        return Answer(said=at_front, reason=f"http_{status}")
    if status >= 500:
        return Answer(said=Said.UNCLEAR, reason=f"http_{status}")
    shape, value = shape_of(exchange)
    if wants == LIST and status == 200 and isinstance(value, list):
        return Answer(said=Said.YES, value=value)
    if shape is not Shape.OBJECT:
        return Answer(said=Said.UNCLEAR, reason=f"answer_{shape} http_{status}")
    if status == 200 and text_in(value, wants):
        return Answer(said=Said.YES, value=value)
    return _error(value)


def _error(value: Mapping[str, Any]) -> Answer:
    error = next((found for name in ERROR_NAMES if (found := text_in(value, name))), "")
    row = error_row(error)
    said = words(next((found for name in WORD_NAMES if (found := text_in(value, name))), ""))
    reason = ": ".join(part for part in (error, said) if part) or "an error without a code"
    return Answer(said=row.said, code=row.code, reason=reason, alarm=row.alarm)


def token_of(answer: Answer) -> tuple[str, float] | None:
    """A login's token, and for how many seconds it is used: `expires_in` is a text there (NOTES.md#r3)."""
    value: Mapping[str, Any] = answer.value if isinstance(answer.value, dict) else {}
    token, told = text_in(value, TOKEN), text_in(value, "expires_in")
    if not token or not token.isascii() or not token.isprintable():
        return None
    lives = float(told) if told.isascii() and told.isdigit() and len(told) < 9 else UNREADABLE_LIFE.total_seconds()
    return token, max(lives - EARLY, lives / 2)


def listed(answer: Answer) -> list[Offered]:
    """What can be read of a list of certificates; an entry without its certificate is none (NOTES.md#r10)."""
    rows = answer.value if isinstance(answer.value, list) else []
    return [one for row in rows[:MOST_VALUES] if isinstance(row, dict) and (one := _listed(row)) is not None]


def _listed(row: Mapping[str, Any]) -> Offered | None:
    cert, key, name = _part(row, "cert"), _part(row, "key"), text_in(row, "credential_id")
    told = cert.get("certificates")
    ders = [bytes_of(each) for each in told] if isinstance(told, list) else []
    if not name or not ders or not ders[0]:
        return None
    states = (text_in(key, "status").lower(), text_in(cert, "status").lower())
    return Offered(
        id=name,
        certificate=ders[0],
        chain=tuple(each for each in ders[1:] if each),
        most=_most(row.get("multisign")),
        is_usable=all(state in ("", good) for state, good in zip(states, USABLE, strict=True)),
    )


def _most(told: object) -> int | None:
    """`multisign`: a number, or a boolean of which only *false* says something (NOTES.md#r13)."""
    if told is False or told in ("false", "0"):
        return 1
    if isinstance(told, str) and told.isascii() and told.isdigit() and len(told) < 6:
        told = int(told)
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 1 else None


def handle_of(answer: Answer) -> str:
    """`transactionId` of an order that was taken, or nothing."""
    found = text_in(answer.value, HANDLE) if isinstance(answer.value, dict) else ""
    return found if 0 < len(found) <= 200 and found.isascii() and found.isprintable() else ""


def told_of(fields: Mapping[str, Any], *, partner: str, via: Via, handle: str | None, evidence: bytes) -> SignatureTold:
    """What an answer says of a transaction (NOTES.md#r31). No place of a value is believed (#r33)."""
    return told_as(
        text_in(fields, STATUS),
        values_of(fields.get("signatures")),
        partner=partner,
        via=via,
        handle=handle,
        evidence=evidence,
        said=words(text_in(fields, "message") or text_in(fields, "description")),
    )


def alarm_of(fields: Mapping[str, Any]) -> Alarm:
    """What an operator must know of it."""
    return status_row(text_in(fields, STATUS)).alarm


def told_as(
    status: str,
    values: tuple[DocumentValue, ...],
    *,
    partner: str,
    via: Via,
    handle: str | None,
    evidence: bytes,
    said: str = "",
    address: str = "",
) -> SignatureTold:
    """A status and values, whoever told them."""
    row = status_row(status)
    is_signed = row.verdict is SignatureVerdict.SIGNED
    # Signed without one value is no news of anything: it is asked about again.
    verdict = SignatureVerdict.UNCLEAR if is_signed and not values else row.verdict
    return SignatureTold(
        partner=partner,
        verdict=verdict,
        via=via,
        handle=handle,
        values=values if is_signed else (),
        code=row.code,
        reason=": ".join(part for part in (status[:20], said or row.says) if part),
        evidence=evidence,
        address=address,
    )


def values_of(told: object) -> tuple[DocumentValue, ...]:
    """Values as texts, or as objects that name their document (NOTES.md#r33, #r43); what is no Base64 is no value."""
    rows: Sequence[object] = told if isinstance(told, list) else ()
    found = []
    for row in rows[:MOST_VALUES]:
        named = text_in(row, "document_id") if isinstance(row, dict) else ""
        value = bytes_of(row.get("signature") if isinstance(row, dict) else row)
        if value:
            found.append(DocumentValue(document_id=named or None, value=value))
    return tuple(found)


def bytes_of(told: object) -> bytes:
    """Base64, with the line breaks that some put into it; empty where it is none."""
    if not isinstance(told, str):
        return b""
    try:
        return b64decode("".join(told.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
