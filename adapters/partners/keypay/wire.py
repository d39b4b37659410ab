"""Pure. A payment as KeyPay's create, and our questions and refunds as its messages.

All values are texts, as they are hashed: what is hashed and what is sent cannot differ (NOTES.md#r23).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.partners.gateways import standings
from adapters.partners.gateways.amounts import CURRENCY
from adapters.partners.gateways.bill_block import block_of
from adapters.partners.gateways.plain import without_marks
from adapters.partners.gateways.vietqr import Transfer, payload
from adapters.partners.keypay.checksum import DETAIL, ORDER, REFUND, REFUND_DETAIL, check_sum
from adapters.partners.keypay.settings import KeypaySettings, Message
from bus.errors import Unmappable
from bus.messages import Delivery, canonical_bytes
from bus.payments import PaymentStanding, RefundStanding

VERSION: Final = "3.0"
HASHED: Final[Mapping[Message, Sequence[str]]] = {
    "create": ORDER,
    "detail": DETAIL,
    "refund": REFUND,
    "refund_detail": REFUND_DETAIL,
}
LONGEST_REASON: Final = 200


def standing_of(delivery: Delivery) -> PaymentStanding:
    """The attempt that a delivery is about. Raises Unmappable."""
    return standings.standing_of(delivery, "currency_code")


def refund_of(delivery: Delivery) -> tuple[PaymentStanding, RefundStanding]:
    """The same of a refund. Raises Unmappable."""
    return standings.refund_of(delivery, "currency_code")


def order_values(reference: str, amount: int, settings: KeypaySettings) -> dict[str, str]:
    """The six values of a create and of its callback, from what we know ourselves (NOTES.md#r11, #r12)."""
    return {
        "addition_fee": str(settings.addition_fee),
        "client_id": settings.client_id,
        "command": settings.commands["create"],
        "trans_amount": str(amount),
        "transaction_id": reference,
        "version": VERSION,
    }


def create(delivery: Delivery, settings: KeypaySettings) -> dict[str, Any]:
    """NOTES.md#r20. Raises Unmappable."""
    standing = standing_of(delivery)
    qr_of(standing, settings)
    later = {"bill_id": standing.reference} if settings.flow == "pay_later" else {}
    return {
        **order_values(standing.reference, standing.amount, settings),
        "description": without_marks(f"Thanh toan ho so {delivery.event.dossier}"),
        "locale": "vn",
        "country_code": "vi",
        "currency_code": CURRENCY,
        "environment": settings.environment,
        "bill_info": block_of(delivery, settings.bill),
        "return_url": settings.return_to(standing.reference),
        **later,
    }


def detail(standing: PaymentStanding, settings: KeypaySettings) -> dict[str, str]:
    """NOTES.md#r40"""
    return {
        "client_id": settings.client_id,
        "command": settings.commands["detail"],
        "transaction_id": standing.reference,
    }


def refund(delivery: Delivery, settings: KeypaySettings) -> dict[str, str]:
    """NOTES.md#r50. Raises Unmappable."""
    standing, wanted = refund_of(delivery)
    # Our own words: what a person wrote may name somebody, and a `|` in it would make two messages one text (r54).
    reason = without_marks(f"Hoan phi ho so {delivery.event.dossier}", longest=LONGEST_REASON)
    return {
        "amount": str(wanted.amount),
        "client_id": settings.client_id,
        "command": settings.commands["refund"],
        "reason": reason,
        "transaction_id": standing.reference,
    }


def refund_detail(code: str, settings: KeypaySettings) -> dict[str, str]:
    """NOTES.md#r51"""
    return {
        "client_id": settings.client_id,
        "command": settings.commands["refund_detail"],
        "transaction_refund_code": code,
    }


def signed_body(message: Message, values: Mapping[str, Any], settings: KeypaySettings) -> bytes:
    """The message with its checksum, as JSON."""
    return canonical_bytes({**values, "check_sum": check_sum(values, HASHED[message], settings.key_1.value)})


def qr_of(standing: PaymentStanding, settings: KeypaySettings) -> str | None:
    """A code of our own, where the settings want one. Raises Unmappable."""
    wanted, beneficiary = settings.vietqr, standing.beneficiary
    if wanted is None:
        return None
    account = wanted.account or (beneficiary.account if beneficiary else "")
    try:
        return payload(
            Transfer(bank_bin=wanted.bank_bin, account=account, amount=standing.amount, purpose=standing.reference)
        )
    except ValueError as trouble:
        raise Unmappable(field="vietqr", rule="bad_format", instead=str(trouble)) from None
