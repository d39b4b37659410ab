"""Bytes to Event: fast for what keeps the promise, exact for everything else.

A message that keeps the promise is decoded and encoded once by msgspec. Whatever is doubtful (and every refusal) takes
the exact way: the strict reader, NFC for texts, the schema's own judgement with all places named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

import msgspec

from adapters.channels import strict_json
from adapters.doors import event_shape
from adapters.doors.malformed import FieldError, Malformed, field_error
from bus.messages import Event, canonical_bytes, digest_of

__all__ = ["MAX_EVENT_BYTES", "FieldError", "Malformed", "read_event", "read_line"]

MAX_EVENT_BYTES: Final = 1_048_576
"""One event, a megabyte: the fullest real dossier we could build has a tenth of it."""

IDENTIFIERS: Final = frozenset(
    (
        *("id", "source", "subject", "correlationid", "national_number", "unit", "procedure", "local_step"),
        *("receipt_number", "tech_id", "number", "component", "replaced_by_result", "url", "code", "databases"),
        *("payment", "refund", "gateway", "return_url", "identity_number"),
        *("signature", "user", "credential", "service", "after", "of"),
    )
)
"""Members that name something: taken as they are, so they must be NFC. All other texts are brought to NFC."""

# Unicode's stream-safe limit. Past it, bringing a text to NFC takes time by the square of the run: an hour a megabyte.
MAX_MARKS: Final = 30
# Three characters whose own class says "not a mark", but which fall apart into two.
_HIDDEN_MARKS: Final = "\u0f73\u0f75\u0f81"

_ASCII: Final = bytes(range(128))
_PROGRESSED_NAME: Final = b"vn.lienthong.dossier.progressed.v1"

_PAYMENT_NAME: Final = b"vn.lienthong.payment."
_SIGNATURE_NAME: Final = b"vn.lienthong.signature."

_Known: TypeAlias = (
    event_shape.RecordedEvent
    | event_shape.ProgressedEvent
    | event_shape.PaymentRequestedEvent
    | event_shape.PaymentRefundRequestedEvent
    | event_shape.PaymentPaidAtCounterEvent
    | event_shape.SignatureRequestedEvent
)
_PaymentData: TypeAlias = (
    event_shape.PaymentRequested | event_shape.PaymentRefundRequested | event_shape.PaymentPaidAtCounter
)
_Data: TypeAlias = event_shape.Recorded | event_shape.Progressed | _PaymentData | event_shape.SignatureRequested
_Decoder: TypeAlias = msgspec.json.Decoder[_Known]

_RECORDED: Final[_Decoder] = msgspec.json.Decoder(event_shape.RecordedEvent)
_PROGRESSED: Final[_Decoder] = msgspec.json.Decoder(event_shape.ProgressedEvent)
_PAYMENTS: Final[tuple[_Decoder, ...]] = (
    msgspec.json.Decoder(event_shape.PaymentRequestedEvent),
    msgspec.json.Decoder(event_shape.PaymentRefundRequestedEvent),
    msgspec.json.Decoder(event_shape.PaymentPaidAtCounterEvent),
)
_SIGNATURE: Final[_Decoder] = msgspec.json.Decoder(event_shape.SignatureRequestedEvent)
_RECORD_FIRST: Final = (_RECORDED, _PROGRESSED, *_PAYMENTS, _SIGNATURE)
_STEP_FIRST: Final = (_PROGRESSED, _RECORDED, *_PAYMENTS, _SIGNATURE)
_PAYMENTS_FIRST: Final = (*_PAYMENTS, _RECORDED, _PROGRESSED, _SIGNATURE)
_SIGNATURE_FIRST: Final = (_SIGNATURE, _RECORDED, _PROGRESSED, *_PAYMENTS)
# The shapes' members stand in alphabetical order: unsorted encoding is the canonical form, at half the time.
_ENCODER: Final = msgspec.json.Encoder()

# The schema's own patterns; a test keeps them the same.
PATTERNS: Final = {
    "id": r"^[A-Za-z0-9._:~-]+(?![\s\S])",
    "source": r"^[A-Za-z0-9._/~-]+(?![\s\S])",
    "subject": (r"^[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]+(?![\s\S])"),
    "sequence": r"^[1-9][0-9]*(?![\s\S])",
    "traceparent": r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?![\s\S])",
}
# All of them in one look: their own anchors give way to the line ends between them, which none of them can hold.
_NAMES: Final = re.compile(
    "\n".join(pattern.removeprefix("^").removesuffix(r"(?![\s\S])") for pattern in PATTERNS.values())
)
_NO_SEQUENCE, _NO_TRACE = "1", "00-11111111111111111111111111111111-1111111111111111-00"
OWN_NUMBER: Final = re.compile(r"^[A-Za-z0-9._~-]+(?![\s\S])")
PARTNER: Final = re.compile(r"^[a-z0-9_]+(?![\s\S])")
DIGEST: Final = re.compile(r"^[0-9a-f]{64}(?![\s\S])")
HTTPS_URL: Final = re.compile(r"^https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][!-~]*)?(?![\s\S])")
FILE_URL: Final = re.compile(r"^https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][!-~]*)?(?![\s\S])")
URL: Final = re.compile(r"^https?://[^\u0000-\u0020\u007f]+(?![\s\S])")
TIME: Final = re.compile(
    r"^(?:19|2[0-9])[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])(?![\s\S])"
)

_MINUTES: Final = frozenset(f"T{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60))
_TAILS: Final = frozenset(f"{second:02}{zone}" for second in range(60) for zone in ("+07:00", "Z"))
_DAYS: Final = frozenset((date(2020, 1, 1) + timedelta(days=at)).isoformat() for at in range(7305))
"""Of the years in which dossiers are filed, due and returned; other years take the pattern."""


def read_event(raw: bytes) -> Event:
    """The event in these bytes; Malformed, with every broken rule and its place, when they break the promise."""
    if len(raw) > MAX_EVENT_BYTES:
        limit = {"limit": str(MAX_EVENT_BYTES)}
        raise Malformed("too_large", [field_error(field="", rule="too_large", reason="too_large_body", facts=limit)])
    return _read_fast(raw) or _read_exactly(raw)


def read_at_once(raw: bytes) -> Event | None:
    """The event, in microseconds, when nothing about it needs explaining; None when `read_event` must look closer."""
    return _read_fast(raw)


def read_line(line: bytes) -> Event:
    """The event in one line of NDJSON, with or without its line end."""
    return read_event(line.strip(b" \t\r\n"))


def _read_fast(raw: bytes) -> Event | None:
    shape = _decode(raw)
    if shape is None:
        return None
    body = _ENCODER.encode(shape)
    if not (_is_whole(raw, body) and _is_nfc(body) and _has_good_forms(shape)):
        return None
    return _event(shape, body)


def _is_whole(raw: bytes, body: bytes) -> bool:
    """Whether every member that came is in the body: the decoder drops the first of two of one name.

    The canonical form is the shortest there is, so an equal length proves it. Else quotes do: a dropped member takes
    at least its name's two with it, and nothing adds any, save one that was spelled \\u0022.
    """
    return len(raw) == len(body) or (raw.count(b'"') == body.count(b'"') and b"\\u0022" not in raw)


def _is_nfc(body: bytes) -> bool:
    """Whether all texts are in NFC.

    What is left without ASCII is looked at first, being a tenth of it. When that is letters alone and in NFC, so is
    the whole: of all that could combine with an ASCII letter, nothing is a letter.
    """
    if body.isascii():
        return True
    others = body.translate(None, _ASCII).decode()
    if others.isalpha() and unicodedata.is_normalized("NFC", others):
        return True
    return unicodedata.is_normalized("NFC", body.decode())


def _decode(raw: bytes) -> _Known | None:
    # The bytes tell the kind but for the oddest message (the other kind's name in a text, an escaped letter in its
    # own), and that one costs further tries.
    if raw.find(_PROGRESSED_NAME, 0, 1024) >= 0:
        order = _STEP_FIRST
    elif raw.find(_PAYMENT_NAME, 0, 1024) >= 0:
        order = _PAYMENTS_FIRST
    elif raw.find(_SIGNATURE_NAME, 0, 1024) >= 0:
        order = _SIGNATURE_FIRST
    else:
        order = _RECORD_FIRST
    for decoder in order:
        try:
            return decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return None


def _event(shape: _Known, body: bytes) -> Event:
    return Event(
        source=shape.source,
        id=shape.id,
        kind=_KINDS[type(shape)],
        dossier=shape.subject,
        occurred_at=datetime.fromisoformat(shape.time),
        sequence=int(shape.sequence) if shape.sequence else None,
        body=body,
        digest=digest_of(body),
        data=msgspec.to_builtins(shape.data),
        traceparent=shape.traceparent or None,
    )


_KINDS: Final = {
    event_shape.RecordedEvent: "dossier.recorded",
    event_shape.ProgressedEvent: "dossier.progressed",
    event_shape.PaymentRequestedEvent: "payment.requested",
    event_shape.PaymentRefundRequestedEvent: "payment.refund_requested",
    event_shape.PaymentPaidAtCounterEvent: "payment.paid_at_counter",
    event_shape.SignatureRequestedEvent: "signature.requested",
}


def _has_good_forms(shape: _Known) -> bool:
    """What the shape's types do not say: the forms of names, times and addresses, and one of two."""
    names = (
        f"{shape.id}\n{shape.source}\n{shape.subject}\n{shape.sequence or _NO_SEQUENCE}"
        f"\n{shape.traceparent or _NO_TRACE}"
    )
    return _NAMES.fullmatch(names) is not None and _are_times(shape.time) and _is_good_data(shape.data)


def _is_good_data(data: _Data) -> bool:
    if isinstance(data, event_shape.Recorded):
        return _is_good_record(data)
    if isinstance(data, event_shape.Progressed):
        return _is_good_step(data)
    if isinstance(data, event_shape.SignatureRequested):
        return _is_good_signature(data)
    return OWN_NUMBER.search(data.payment) is not None and _is_good_payment(data)


def _is_good_payment(data: _PaymentData) -> bool:
    """What each kind of payment asks beyond its name."""
    if isinstance(data, event_shape.PaymentRequested):
        return _is_good_bill(data)
    if isinstance(data, event_shape.PaymentRefundRequested):
        return OWN_NUMBER.search(data.refund) is not None
    return _are_times(data.paid_at)


def _is_good_bill(data: event_shape.PaymentRequested) -> bool:
    """The sum to the đồng, and where the payer's browser may go."""
    return (
        data.amount == sum(fee.amount for fee in data.fees)
        and _are_times(data.expires_at or None)
        and (not data.return_url or HTTPS_URL.search(data.return_url) is not None)
        and (not data.gateway or PARTNER.search(data.gateway) is not None)
    )


def _is_good_signature(data: event_shape.SignatureRequested) -> bool:
    """Names of its own, each document once, and what an earlier signature left only beside that signature."""
    return (
        OWN_NUMBER.search(data.signature) is not None
        and (not data.after or OWN_NUMBER.search(data.after) is not None)
        and (not data.service or PARTNER.search(data.service) is not None)
        and _are_times(data.expires_at or None)
        and len({each.id for each in data.documents}) == len(data.documents)
        and all(_is_good_document(each, is_after=bool(data.after)) for each in data.documents)
    )


def _is_good_document(document: event_shape.SignatureDocument, *, is_after: bool) -> bool:
    """One document: a file with its digest, or what the signature before left; and where its signature shows."""
    if document.of:
        is_given = is_after and not (document.url or document.sha256) and OWN_NUMBER.search(document.of) is not None
    else:
        url, digest = document.url or "", document.sha256 or ""
        is_given = FILE_URL.search(url) is not None and DIGEST.search(digest) is not None
    return is_given and OWN_NUMBER.search(document.id) is not None and _is_good_place(document.visible or None)


def _is_good_place(visible: event_shape.VisibleSignature | None) -> bool:
    """A page that there can be, and a box whose corners are where they are said to be."""
    if visible is None:
        return True
    box = visible.box or (0, 0, 1, 1)
    return visible.page != 0 and box[0] < box[2] and box[1] < box[3]


def _is_good_record(data: event_shape.Recorded) -> bool:
    return (
        (data.status is None) is isinstance(data.local_step, str)
        and _are_times(
            data.filed_at, data.received_at, data.due_at, data.finished_at, data.returned_at, data.refused_at or None
        )
        and _have_addresses(data.submitted)
        and _have_addresses(data.results)
        and (not data.supplements or all(_is_good_supplement(each) for each in data.supplements))
    )


def _is_good_supplement(each: event_shape.Supplement) -> bool:
    return _have_addresses(each.documents or ()) and _are_times(
        each.requested_at, each.received_at or None, each.due_before or None, each.due_after or None
    )


def _have_addresses(documents: Sequence[event_shape.Document | event_shape.Result]) -> bool:
    for each in documents:  # noqa: SIM110  # the plain loop takes half the time of all() over a generator
        if each.url is not None and URL.search(each.url) is None:
            return False
    return True


def _is_good_step(data: event_shape.Progressed) -> bool:
    return (data.status is None) is isinstance(data.local_step, str) and _are_times(data.started_at, data.due_at)


def _are_times(*texts: str | None) -> bool:
    """Whether each is RFC 3339 with a zone and a day of the calendar, or null.

    The usual forms are found in sets, by their parts: a third of the pattern's time.
    """
    for text in texts:
        if text is None or (text[10:17] in _MINUTES and text[17:] in _TAILS and text[:10] in _DAYS):
            continue
        if TIME.search(text) is None or not _is_day(text[:10]):
            return False
    return True


def _is_day(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _read_exactly(raw: bytes) -> Event:
    tree = _tree(raw)
    errors: list[FieldError] = []
    tidy = _tidied(tree, "", errors)
    event = None if errors else _read_fast(canonical_bytes(tidy))
    if event is None:
        raise _refusal(tidy, errors)
    return event


def _tree(raw: bytes) -> Any:
    try:
        return strict_json.read(raw, max_bytes=MAX_EVENT_BYTES)
    except strict_json.NotStrictJson as trouble:
        faults = [field_error(field=fault.field, rule=fault.code, reason=fault.reason) for fault in trouble.faults]
        raise Malformed(trouble.code, faults) from None


def _tidied(value: Any, place: str, errors: list[FieldError], name: str = "") -> Any:
    """The value with its texts in NFC; identifiers stay as they came, and the schema judges them."""
    if isinstance(value, dict):
        return {key: _tidied(item, f"{place}/{key}", errors, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_tidied(item, f"{place}/{at}", errors, name) for at, item in enumerate(value)]
    if not isinstance(value, str) or name in IDENTIFIERS or unicodedata.is_normalized("NFC", value):
        return value
    if marks_in_a_row(value) > MAX_MARKS:
        facts = {"limit": str(MAX_MARKS)}
        errors.append(field_error(field=place, rule="out_of_range", reason="too_many_marks", facts=facts))
        return value
    return unicodedata.normalize("NFC", value)


def marks_in_a_row(text: str) -> int:
    run = longest = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) or character in _HIDDEN_MARKS else 0
        longest = max(longest, run)
    return longest


def _refusal(tree: Any, errors: list[FieldError]) -> Malformed:
    from contracts.check import (
        RULES,
        breaches,
    )  # not before it is needed: it brings jsonschema, which the worker never asks

    found = [
        field_error(field=each.field, rule=each.rule, reason=each.reason, facts=each.facts) for each in breaches(tree)
    ]
    told = sorted([*found, *errors], key=lambda each: RULES.index(each.rule))
    # The twins agree by test; should they ever not, the answer is a refusal and never an acceptance.
    told = told or [field_error(field="", rule="out_of_range", reason="not_as_promised")]
    return Malformed(told[0].rule, told)
