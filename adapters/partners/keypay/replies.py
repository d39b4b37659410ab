"""Pure. What KeyPay says: to a create, of a payment that was asked about, of a refund.

An answer to a question is believed under key 2, over the values that were asked with (NOTES.md#r16): one to another
question has another text. Its state and amount are covered by TLS alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.partners.gateways.amounts import amount_of
from adapters.partners.gateways.answers import RefundSaid, object_in
from adapters.partners.gateways.pages import is_page_of
from adapters.partners.gateways.reading import Opened, Row, find_row, shape_of, text_in, words
from adapters.partners.gateways.telling import Money, Word, told
from adapters.partners.gateways.vietqr import reads_as
from adapters.partners.keypay.checksum import good_under
from adapters.partners.keypay.codes import CREATE, DETAIL, NOT_FOUND, YES, create_code, refund_row, status_row
from adapters.partners.keypay.settings import KeypaySettings, Message
from adapters.partners.keypay.wire import HASHED
from bus.messages import Exchange, InDoubt
from bus.payments import PaymentStanding, Told, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What an answer to a create comes to."""

    row: Row
    code: str
    reason: str
    opened: Opened


def created(exchange: Exchange, standing: PaymentStanding, qr: str | None, settings: KeypaySettings) -> Created:
    """By the table. Of an exchange without trouble; `qr` is a code of our own, where one is shown."""
    shape, value = shape_of(exchange)
    answer: Mapping[str, Any] = value if isinstance(value, dict) else {}
    data = data_in(answer)
    url = text_in(answer, "payment_url") or text_in(data, "url_pay")
    error = text_in(answer, "error")
    code = create_code(
        error,
        has_address=bool(url),
        is_allowed=is_page_of(url, settings.pay_hosts, allow_http=settings.http.allow_http),
    )
    row = find_row(CREATE, exchange.status or 0, shape, code)
    theirs = text_in(data, "qrcode_static")
    shown = qr or (theirs if reads_as(theirs, amount=standing.amount) else None)
    named = f"{row.id} {exchange.status}" if row.id == "http_other" else row.id
    said = words(text_in(answer, "msg"))
    reason = ": ".join(part for part in (named, error, said) if part)
    return Created(row=row, code=error, reason=reason, opened=Opened(pay_url=url or None, qr=shown))


def data_in(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members of `data`; those of the answer itself where it has none."""
    data = answer.get("data")
    return data if isinstance(data, dict) else answer


def answer_to(
    exchange: Exchange, message: Message, asked: Mapping[str, str], settings: KeypaySettings
) -> tuple[Mapping[str, Any], str | None] | InDoubt:
    """A believed answer, with the name of the key that made it so; None where answers carry no checksum."""
    value = object_in(exchange)
    if isinstance(value, InDoubt):
        return value
    if not settings.signed_answers:
        return value, None
    key_id = good_under(settings.keys_2, text_in(value, "check_sum"), asked, HASHED[message])
    return InDoubt(reason="wrong_checksum", is_down=False) if key_id is None else (value, key_id)


def told_of(
    exchange: Exchange, standing: PaymentStanding, asked: Mapping[str, str], settings: KeypaySettings, partner: str
) -> Told | InDoubt:
    """What detail says of a payment. `error` speaks of the question, `status` of the payment (NOTES.md#r43)."""
    answer = answer_to(exchange, "detail", asked, settings)
    if isinstance(answer, InDoubt):
        return answer
    value, key_id = answer
    data, error, text = data_in(value), text_in(value, "error"), words(text_in(value, "msg"))
    status = text_in(data, "status")
    if text_in(data, "transaction_id") not in ("", standing.reference):
        return InDoubt(reason="other_answer", is_down=False)
    if error == NOT_FOUND:
        verdict = Verdict.NOT_THERE
    elif error != YES:
        return InDoubt(reason=f"question_refused: {error}: {text}", is_down=False)
    else:
        verdict = status_row(DETAIL, settings.flow, status).verdict
    word = Word(partner=partner, via="query", evidence=exchange.reply_body or b"", key_id=key_id)
    code = f"{error}/{status}"
    return told(word, standing.reference, verdict, money_in(data), code=code, reason=f"{code}: {text}")


def money_in(fields: Mapping[str, Any]) -> Money:
    """What a call back or an answer says of the money (NOTES.md#r30, #r40)."""
    return Money(
        transaction=text_in(fields, "transaction_code") or None,
        amount=amount_of(fields.get("trans_amount")),
        currency=text_in(fields, "currency_code") or None,
        bank=text_in(fields, "bank_code") or None,
        time=text_in(fields, "pay_date"),
    )


def refund_said(
    exchange: Exchange, message: Message, amount: int, asked: Mapping[str, str], settings: KeypaySettings
) -> RefundSaid | InDoubt:
    """What a refund's own answer says, or the one to a question about it."""
    answer = answer_to(exchange, message, asked, settings)
    if isinstance(answer, InDoubt):
        return answer
    value, _ = answer
    data, error, text = data_in(value), text_in(value, "error"), words(text_in(value, "msg"))
    row = refund_row(error, text_in(data, "status"))
    code = f"{error}/{text_in(data, 'status')}"
    if row.verdict == "unclear":
        return InDoubt(reason=f"{row.id}: {code}: {text}", is_down=False)
    if error == YES and text_in(data, "amount_refund") not in ("", str(amount)):
        return InDoubt(reason=f"other_amount: {code}", is_down=False)
    return RefundSaid(
        state=row.verdict,
        code=code,
        reason=text or row.id,
        reference=text_in(data, "transaction_refund_code") or None,
    )
