"""Pure. What SmartCA says: of certificates, of an order to sign, of a transaction that was asked about, in its webhook.

A value is never believed here: the ledger verifies each over the digest that was sent (NOTES.md#r32, #r41).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.partners.gateways.reading import Shape, shape_of, text_in, words
from adapters.partners.signers.alarms import Alarm
from adapters.partners.signers.choosing import Offered
from adapters.partners.smartca.codes import (
    HTTP,
    MEANINGS,
    NOT_THERE,
    Said,
    StatusRow,
    answer_row,
    status_row,
)
from adapters.partners.smartca.settings import SmartCaSettings
from adapters.partners.smartca.wire import place_in
from bus.messages import Exchange
from bus.signatures import DocumentValue, SignatureVerdict

MOST_VALUES: Final = 100
LONGEST_HANDLE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, as the tables see it."""

    said: Said
    message: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    """Why the signature ended, in our words."""
    reason: str = ""
    alarm: Alarm = ""


def read(exchange: Exchange, settings: SmartCaSettings) -> Answer:
    """By the tables. Of an exchange without trouble; where HTTP and envelope differ the worse one counts (#r2)."""
    status = exchange.status or 0
    shape, value = shape_of(exchange)
    if status >= 500:
        return Answer(said=Said.UNCLEAR, reason=f"http_{status}")
    if shape is not Shape.OBJECT or not text_in(value, "status_code"):
        said = HTTP.get(status, Said.UNCLEAR)
        return Answer(
            said=said, reason=f"http_{status}" if said is not Said.UNCLEAR else f"answer_{shape} http_{status}"
        )
    code, message = text_in(value, "status_code"), text_in(value, "message")
    reason = ": ".join(part for part in (code, words(message)) if part)
    if code != "200" and _is_not_there(message, settings):
        return Answer(said=Said.NOT_THERE, message=message, code="service_refused", reason=reason)
    row = answer_row(code, message)
    said = row.said if status == 200 or row.said is not Said.YES else Said.UNCLEAR
    return Answer(said=said, message=message, data=_part(value, "data"), code=row.code, reason=reason, alarm=row.alarm)


def _is_not_there(message: str, settings: SmartCaSettings) -> bool:
    return message in NOT_THERE or settings.messages.get(message) == "not_there"


# -- certificates ------------------------------------------------------------------------------------------------------


def listed(answer: Answer) -> list[Offered]:
    """What can be read of the list; an entry without its certificate or serial number is none (NOTES.md#r11)."""
    rows = answer.data.get("user_certificates")
    found = rows[:MOST_VALUES] if isinstance(rows, list) else []
    return [one for row in found if isinstance(row, dict) and (one := _listed(row)) is not None]


def _listed(row: Mapping[str, Any]) -> Offered | None:
    der, serial, above = bytes_of(row.get("cert_data")), text_in(row, "serial_number"), _part(row, "chain_data")
    if not der or not serial:
        return None
    chain = tuple(each for name in ("ca_cert", "root_cert") if (each := bytes_of(above.get(name))))
    return Offered(id=serial, certificate=der, chain=chain)


# -- transactions ------------------------------------------------------------------------------------------------------


def handle_of(answer: Answer) -> str:
    """`tran_code` of an order that was taken, or nothing."""
    found = text_in(answer.data, "tran_code")
    return found if 0 < len(found) <= LONGEST_HANDLE and found.isascii() and found.isprintable() else ""


def is_about(answer: Answer, request: str) -> bool:
    """Whether the answer is about what was asked: one that names another transaction is nobody's."""
    return text_in(answer.data, "transaction_id") in ("", request)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a transaction stands, as SmartCA says it."""

    verdict: SignatureVerdict
    code: str
    reason: str
    values: tuple[DocumentValue, ...] = ()
    alarm: Alarm = ""


def state_of(message: str, told: Mapping[str, Any], settings: SmartCaSettings, *, member: str) -> State:
    """By the table. `told` has the values under `member`."""
    meaning = settings.messages.get(message, "")
    row: StatusRow = MEANINGS.get(meaning) or status_row(message, text_in(told, "tranStatus"))
    is_signed = row.verdict is SignatureVerdict.SIGNED
    values = values_of(told.get(member)) if is_signed else ()
    verdict = SignatureVerdict.UNCLEAR if is_signed and not values else row.verdict
    return State(verdict=verdict, code=row.code, reason=words(message), values=values, alarm=row.alarm)


def values_of(told: object) -> tuple[DocumentValue, ...]:
    """Values with the documents that they say they are of: by name, and never by their order (NOTES.md#r36)."""
    rows: Sequence[Any] = told[:MOST_VALUES] if isinstance(told, list) else ()
    return tuple(_value(row) for row in rows if isinstance(row, dict))


def _value(row: Mapping[str, Any]) -> DocumentValue:
    name = text_in(row, "doc_id")
    return DocumentValue(n=place_in(name), document_id=name or None, value=bytes_of(row.get("signature_value")))


def bytes_of(told: object) -> bytes:
    """Of Base64, line breaks dropped (NOTES.md#r11); nothing for what is none."""
    if not isinstance(told, str):
        return b""
    try:
        return b64decode("".join(told.split()), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
