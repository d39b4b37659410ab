"""Pure. What the gateway says: to a login, of certificates, to an order to sign, of a signing that was asked about.

A value is never believed here: the ledger verifies each over the digest that was sent (NOTES.md#r33, #r45).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.channels.http import header
from adapters.partners.gateways.reading import Shape, shape_of, text_in, words
from adapters.partners.signers.alarms import Alarm
from adapters.partners.signers.choosing import Offered
from adapters.partners.vneid_gateway.codes import BARE, Said, code_row, signing_row
from bus.messages import Exchange
from bus.signatures import DocumentValue, SignatureTold, SignatureVerdict, Via

CODE_NAMES: Final = ("code", "statusCode", "status")
"""NOTES.md#r2"""
WORD_NAMES: Final = ("message", "description", "errorDescription")
GOOD: Final = "1"
"""`status` of a certificate and of a key (NOTES.md#r21)."""
TOKEN_LIFE: Final = 1800.0
REFRESH_LIFE: Final = 604_800.0
"""What the document names, where an answer does not (NOTES.md#r10)."""
EARLY: Final = 30.0
"""Seconds before its end at which a token is renewed: a call must not meet its end on the way."""
MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, as the tables see it."""

    said: Said
    data: Mapping[str, Any]
    status: str = ""
    """The envelope's code."""
    code: str = ""
    """Why the signature ended, in our words."""
    reason: str = ""
    alarm: Alarm = ""


def read(exchange: Exchange, request_id: str) -> Answer:
    """By the tables. Of an exchange without trouble; `request_id` is what we sent (NOTES.md#r4)."""
    http = exchange.status or 0
    echoed = header(exchange.reply_head, "x-request-id")
    if echoed is not None and echoed.strip() != request_id:
        return Answer(said=Said.UNCLEAR, data={}, reason="other_answer")
    shape, value = shape_of(exchange)
    status = _code(value) if shape is Shape.OBJECT else ""
    if not status:
        return Answer(said=BARE.get(http, Said.UNCLEAR), data={}, reason=f"answer_{shape} http_{http}")
    row = code_row(status)
    # A yes inside of an error of HTTP is two answers, and neither is believed.
    said = Said.UNCLEAR if row.said is Said.YES and http != 200 else row.said
    words_told = words(next((found for name in WORD_NAMES if (found := text_in(value, name))), ""))
    data = value.get("data")
    return Answer(
        said=said,
        data=data if isinstance(data, dict) else {},
        status=status,
        code=row.code,
        reason=f"{status}: {words_told or row.says}",
        alarm=row.alarm,
    )


def _code(value: Mapping[str, Any]) -> str:
    """The envelope's code; one digit is written with two. `data` has a `statusCode` of its own (NOTES.md#r32)."""
    found = next((told for name in CODE_NAMES if (told := text_in(value, name))), "")
    return found.zfill(2) if found.isascii() and found.isdigit() else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What opens the gateway, and for how many seconds each is used."""

    access: str
    lives: float
    refresh: str
    refresh_lives: float


def tokens_of(answer: Answer) -> Tokens | None:
    """Of an answer to a login or to a refresh (NOTES.md#r10)."""
    access, refresh = text_in(answer.data, "accessToken"), text_in(answer.data, "refreshToken")
    if answer.said is not Said.YES or not access or not access.isascii() or not access.isprintable():
        return None
    return Tokens(
        access=access,
        lives=_seconds(answer.data, "expireInSeconds", TOKEN_LIFE),
        refresh=refresh,
        refresh_lives=_seconds(answer.data, "refreshTokenExpireInSeconds", REFRESH_LIFE),
    )


def _seconds(data: Mapping[str, Any], name: str, usual: float) -> float:
    told = text_in(data, name)
    lives = float(told) if told.isascii() and told.isdigit() and len(told) < 9 else usual
    return max(lives - EARLY, lives / 2)


def listed(answer: Answer) -> list[Offered]:
    """What can be read of a list of certificates; an entry without its certificate is none (NOTES.md#r20)."""
    rows = answer.data.get("credentialInfos")
    found = rows[:MOST] if isinstance(rows, list) else []
    return [one for row in found if isinstance(row, dict) and (one := _listed(row)) is not None]


def _listed(row: Mapping[str, Any]) -> Offered | None:
    cert, key, name = _part(row, "cert"), _part(row, "key"), text_in(row, "credentialID")
    told = cert.get("certificates")
    ders = [bytes_of(each) for each in told] if isinstance(told, list) else []
    if not name or not ders or not ders[0]:
        return None
    return Offered(
        id=name,
        certificate=ders[0],
        chain=tuple(each for each in ders[1:] if each),
        is_usable=all(text_in(part, "status") in ("", GOOD) for part in (cert, key)),
    )


def handle_of(answer: Answer) -> str:
    """`handle` of an order that was taken, or nothing."""
    found = text_in(answer.data, "handle")
    return found if 0 < len(found) <= 200 and found.isascii() and found.isprintable() else ""


def lives_of(answer: Answer) -> int | None:
    """For how many seconds the citizen may agree (NOTES.md#r30)."""
    told = text_in(answer.data, "expiresIn")
    return int(told) if told.isascii() and told.isdigit() and 0 < len(told) < 7 else None


def told_as(
    fields: Mapping[str, Any],
    *,
    status_in: str,
    partner: str,
    via: Via,
    handle: str | None,
    evidence: bytes,
    address: str = "",
) -> SignatureTold:
    """What polling or a call back says of a signing: values by their place, as the contract says (NOTES.md#r32)."""
    status, error = text_in(fields, status_in), text_in(fields, "errorCode")
    row, values = signing_row(status, error), values_of(fields.get("signatures"))
    is_signed = row.verdict is SignatureVerdict.SIGNED
    # Signed without one value is no news of anything: it is asked about again.
    verdict = SignatureVerdict.UNCLEAR if is_signed and not values else row.verdict
    said = words(text_in(fields, "description") or text_in(fields, "message")) or row.says
    return SignatureTold(
        partner=partner,
        verdict=verdict,
        via=via,
        handle=handle,
        values=values if is_signed else (),
        code=row.code,
        reason=": ".join(part for part in (status[:20], error[:40], said) if part),
        evidence=evidence,
        address=address,
    )


def values_of(told: object) -> tuple[DocumentValue, ...]:
    """By place, from 1; what is no Base64 is no value, and moves no other (NOTES.md#r33)."""
    rows: Sequence[object] = told if isinstance(told, list) else ()
    return tuple(DocumentValue(n=n, value=value) for n, row in enumerate(rows[:MOST], 1) if (value := bytes_of(row)))


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
