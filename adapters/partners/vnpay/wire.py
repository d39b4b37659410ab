"""Pure. A payment as VNPAY's address for the citizen, and our question and refund as its messages.

What is sent is fixed by the attempt: its reference and the time when it was written down. So whatever is made anew is
the same again, and a question names what was opened (NOTES.md#r32).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from adapters.partners.gateways import standings
from adapters.partners.gateways.amounts import CURRENCY
from adapters.partners.gateways.plain import without_marks
from adapters.partners.gateways.stamps import stamp_of
from adapters.partners.vnpay.checksum import HASH, QUERY, REFUND, message_hash, signed
from adapters.partners.vnpay.settings import VnpaySettings
from bus.messages import Delivery, canonical_bytes
from bus.payments import PaymentStanding, RefundStanding

VERSION: Final = "2.1.0"
HUNDREDTHS: Final = 100
"""VNPAY counts in hundredths of a đồng (NOTES.md#r3)."""
LONGEST_INFO: Final = 255
_ODD: Final = re.compile(r"[^A-Za-z0-9 .,:_/-]")
WHOLE: Final = "02"
PART: Final = "03"


def standing_of(delivery: Delivery) -> PaymentStanding:
    """The attempt that a delivery is about. Raises Unmappable."""
    return standings.standing_of(delivery, "vnp_CurrCode")


def refund_of(delivery: Delivery) -> tuple[PaymentStanding, RefundStanding]:
    """The same of a refund. Raises Unmappable."""
    return standings.refund_of(delivery, "vnp_CurrCode")


def pay_address(delivery: Delivery, settings: VnpaySettings) -> str:
    """Where the citizen pays. Raises Unmappable."""
    standing = standing_of(delivery)
    return f"{settings.pay_url}?{signed(pay_parameters(delivery, standing, settings), settings.secrets[0].value)}"


def pay_parameters(delivery: Delivery, standing: PaymentStanding, settings: VnpaySettings) -> dict[str, str]:
    """NOTES.md#r2"""
    return {
        "vnp_Version": VERSION,
        "vnp_Command": "pay",
        "vnp_TmnCode": settings.tmn_code,
        "vnp_Amount": str(standing.amount * HUNDREDTHS),
        "vnp_BankCode": settings.bank_code,
        "vnp_CreateDate": stamp_of(standing.made_at),
        "vnp_ExpireDate": stamp_of(standing.expires_at),
        "vnp_CurrCode": CURRENCY,
        "vnp_IpAddr": settings.ip,
        "vnp_Locale": settings.locale,
        "vnp_OrderInfo": info(f"Thanh toan ho so {delivery.event.dossier}"),
        "vnp_OrderType": settings.order_type,
        "vnp_ReturnUrl": settings.return_to(standing.reference),
        "vnp_TxnRef": standing.reference,
    }


def question(standing: PaymentStanding, settings: VnpaySettings, *, request_id: str, now: str) -> dict[str, str]:
    """querydr (NOTES.md#r13)."""
    return {
        "vnp_RequestId": request_id,
        "vnp_Version": VERSION,
        "vnp_Command": "querydr",
        "vnp_TmnCode": settings.tmn_code,
        "vnp_TxnRef": standing.reference,
        "vnp_TransactionDate": stamp_of(standing.made_at),
        "vnp_CreateDate": now,
        "vnp_IpAddr": settings.ip,
        "vnp_OrderInfo": info(f"Truy van {standing.reference}"),
    }


def refund(delivery: Delivery, settings: VnpaySettings) -> dict[str, str]:
    """The same message however often it is made (NOTES.md#r38). Raises Unmappable."""
    standing, wanted = refund_of(delivery)
    return {
        "vnp_RequestId": wanted.key,
        "vnp_Version": VERSION,
        "vnp_Command": "refund",
        "vnp_TmnCode": settings.tmn_code,
        "vnp_TransactionType": WHOLE if wanted.amount == standing.amount else PART,
        "vnp_TxnRef": standing.reference,
        "vnp_Amount": str(wanted.amount * HUNDREDTHS),
        "vnp_TransactionNo": standing.transaction or "0",
        "vnp_TransactionDate": stamp_of(standing.made_at),
        "vnp_CreateBy": settings.created_by,
        "vnp_CreateDate": stamp_of(wanted.made_at),
        "vnp_IpAddr": settings.ip,
        "vnp_OrderInfo": info(f"Hoan tien ho so {delivery.event.dossier}"),
    }


def signed_body(message: Mapping[str, str], names: Sequence[str], settings: VnpaySettings) -> bytes:
    """The message with its hash, as JSON."""
    return canonical_bytes({**message, HASH: message_hash(message, names, settings.secrets[0].value)})


def question_body(message: Mapping[str, str], settings: VnpaySettings) -> bytes:
    """A question as it goes out."""
    return signed_body(message, QUERY, settings)


def refund_body(message: Mapping[str, str], settings: VnpaySettings) -> bytes:
    """A refund as it goes out."""
    return signed_body(message, REFUND, settings)


def info(text: str) -> str:
    """`vnp_OrderInfo`: no diacritics, and no `|`, which would make two messages one text (NOTES.md#r6)."""
    return _ODD.sub(" ", without_marks(text, longest=LONGEST_INFO)).strip()
