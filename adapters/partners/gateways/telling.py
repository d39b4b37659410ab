"""Pure. What a gateway told of an attempt, whatever way it came: with the transaction only where money moved."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.partners.gateways.stamps import time_of
from bus.payments import Told, Verdict, Via


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a gateway says of a transaction, each as it was told."""

    transaction: str | None
    amount: int | None
    """None: no whole đồng, which the ledger takes for another amount than is due."""
    currency: str | None = None
    """None: the protocol names none."""
    bank: str | None = None
    time: str = ""
    """`yyyyMMddHHmmss`; one that cannot be read is left out, and refuses nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """How it came, and why it is believed."""

    partner: str
    via: Via
    evidence: bytes
    key_id: str | None
    address: str = ""


def told(word: Word, reference: str, verdict: Verdict, money: Money, *, code: str, reason: str) -> Told:
    """Of what did not come to money nothing is kept but the verdict and its code; of the gateway's own call its amount
    and currency too: one that is about other money changes nothing. An answer is about what was asked."""
    is_paid = verdict is Verdict.PAID
    has_sum = is_paid or word.via == "callback"
    return Told(
        partner=word.partner,
        reference=reference,
        verdict=verdict,
        via=word.via,
        transaction=money.transaction if is_paid else None,
        amount=money.amount if has_sum else None,
        currency=money.currency if has_sum else None,
        bank=money.bank if is_paid else None,
        paid_at=time_of(money.time) if is_paid else None,
        paid_time_told=money.time or None if is_paid else None,
        code=code,
        reason=reason,
        evidence=word.evidence,
        address=word.address,
        key_id=word.key_id,
    )
