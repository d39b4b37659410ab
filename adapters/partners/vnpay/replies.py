"""Pure. What VNPAY says of a payment or a refund when it is asked, or when it was told to pay back.

Nothing of an answer is looked into before its checksum is found good, and before it is known to be about what was
asked (NOTES.md#r16, #r17).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.partners.gateways.amounts import amount_of
from adapters.partners.gateways.answers import RefundSaid, object_in, texts_of
from adapters.partners.gateways.reading import words
from adapters.partners.gateways.telling import Money, Word, told
from adapters.partners.vnpay.checksum import QUERY_ANSWER, REFUND_ANSWER, answer_good_under
from adapters.partners.vnpay.codes import QUESTIONS, Question, asked_row, refund_row
from adapters.partners.vnpay.settings import VnpaySettings
from adapters.partners.vnpay.wire import HUNDREDTHS, PART, WHOLE
from bus.messages import Exchange, InDoubt
from bus.payments import PaymentStanding, RefundStanding, Told, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A believed answer, as flat texts."""

    values: Mapping[str, str]
    key_id: str

    def __getitem__(self, name: str) -> str:
        return self.values.get(f"vnp_{name}", "")


def dong(hundredths: str) -> int | None:
    """Whole đồng, or nothing: what is no multiple of 100 is no amount of ours (NOTES.md#r3)."""
    amount = amount_of(hundredths[: -len("00")]) if hundredths.endswith("00") else None
    return amount if amount is None or amount * HUNDREDTHS == int(hundredths) else None


def answer_in(
    exchange: Exchange, names: Sequence[str], standing: PaymentStanding, settings: VnpaySettings
) -> Answer | InDoubt:
    """The answer, once it is believed."""
    value = object_in(exchange)
    if isinstance(value, InDoubt):
        return value
    answer = believed(texts_of(value), names, settings)
    if answer is None:
        return InDoubt(reason="wrong_checksum", is_down=False)
    if (answer["TmnCode"], answer["TxnRef"]) != (settings.tmn_code, standing.reference):
        return InDoubt(reason="other_answer", is_down=False)
    return answer


def believed(values: Mapping[str, str], names: Sequence[str], settings: VnpaySettings) -> Answer | None:
    """Nothing where no key of ours makes this checksum."""
    key_id = answer_good_under(settings.secrets, values, names)
    return None if key_id is None else Answer(values=values, key_id=key_id)


def told_of(exchange: Exchange, standing: PaymentStanding, settings: VnpaySettings, partner: str) -> Told | InDoubt:
    """What querydr says of a payment."""
    answer = answer_in(exchange, QUERY_ANSWER, standing, settings)
    if isinstance(answer, InDoubt):
        return answer
    question, _ = QUESTIONS.get(answer["ResponseCode"], (Question.UNCLEAR, "r33"))
    code, text = f"{answer['ResponseCode']}/{answer['TransactionStatus']}", words(answer["Message"])
    if question is Question.NOT_OPENED:
        # r34: he may still open it, so the payment is open and not gone.
        verdict = Verdict.PENDING
    elif question is not Question.WORKED:
        return InDoubt(reason=f"{question}: {code}: {text}", is_down=False)
    elif answer["TransactionType"] not in ("", "01"):
        return InDoubt(reason=f"other_transaction: {answer['TransactionType']}", is_down=False)
    else:
        verdict = asked_row(answer["TransactionStatus"]).verdict
    money = Money(
        transaction=transaction_of(answer["TransactionNo"]),
        amount=dong(answer["Amount"]),
        bank=answer["BankCode"] or None,
        time=answer["PayDate"],
    )
    word = Word(partner=partner, via="query", evidence=exchange.reply_body or b"", key_id=answer.key_id)
    return told(word, standing.reference, verdict, money, code=code, reason=f"{code}: {text}")


def transaction_of(number: str) -> str | None:
    """`0` says that there is none (NOTES.md#r35)."""
    return number if number.strip("0") else None


def refund_said(
    exchange: Exchange, standing: PaymentStanding, refund: RefundStanding, settings: VnpaySettings
) -> RefundSaid | InDoubt:
    """What the answer to a refund itself says; a yes about another amount is none (NOTES.md#r36)."""
    answer = answer_in(exchange, REFUND_ANSWER, standing, settings)
    if isinstance(answer, InDoubt):
        return answer
    said = _said(answer)
    is_yes = isinstance(said, RefundSaid) and said.state != "rejected"
    if is_yes and answer["Amount"] and dong(answer["Amount"]) != refund.amount:
        return InDoubt(reason=f"other_amount: {answer['Amount']}", is_down=False)
    return said


def refund_shown(
    exchange: Exchange, standing: PaymentStanding, refund: RefundStanding, settings: VnpaySettings
) -> RefundSaid | InDoubt:
    """What querydr shows of a refund: only what can be no other refund of this payment (NOTES.md#r37)."""
    answer = answer_in(exchange, QUERY_ANSWER, standing, settings)
    if isinstance(answer, InDoubt):
        return answer
    if answer["ResponseCode"] != "00" or answer["TransactionType"] not in (WHOLE, PART):
        return InDoubt(reason="no_refund_shown", is_down=False)
    if dong(answer["Amount"]) != refund.amount or not _is_known(answer, refund):
        return InDoubt(reason="another_refund_shown", is_down=False)
    return _said(answer)


def _is_known(answer: Answer, refund: RefundStanding) -> bool:
    """By VNPAY's number where we have it; else by being the first of its payment."""
    if refund.partner_reference:
        return answer["TransactionNo"] == refund.partner_reference
    return refund.refunded_before == 0


def _said(answer: Answer) -> RefundSaid | InDoubt:
    row = refund_row(answer["ResponseCode"], answer["TransactionStatus"])
    code, text = f"{answer['ResponseCode']}/{answer['TransactionStatus']}", words(answer["Message"])
    if row.verdict == "unclear":
        return InDoubt(reason=f"{row.id}: {code}: {text}", is_down=False)
    return RefundSaid(
        state=row.verdict,
        code=code,
        reason=text or row.id,
        reference=transaction_of(answer["TransactionNo"]),
    )
