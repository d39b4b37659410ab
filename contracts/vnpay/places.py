"""What a request to VNPAY is: its address, message and order; and VNPAY's own checksums, by `hmac` alone."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from contracts.mocking import Call, Request
from contracts.national_portal.reading import NotReadable, read_json

PAGE: Final = "/vnpay/paymentv2/vpcpay.html"
API: Final = "/vnpay/merchant_webapi/api/transaction"
HASH: Final = "vnp_SecureHash"

ASKED: Final = {
    "querydr": "RequestId|Version|Command|TmnCode|TxnRef|TransactionDate|CreateDate|IpAddr|OrderInfo",
    "refund": "RequestId|Version|Command|TmnCode|TransactionType|TxnRef|Amount|TransactionNo|TransactionDate|CreateBy"
    "|CreateDate|IpAddr|OrderInfo",
}
"""r13, r15"""
_ANSWER: Final = (
    "ResponseId|Command|ResponseCode|Message|TmnCode|TxnRef|Amount|BankCode|PayDate|TransactionNo|TransactionType"
    "|TransactionStatus|OrderInfo"
)
ANSWERED: Final = {"querydr": f"{_ANSWER}|PromotionCode|PromotionAmount", "refund": _ANSWER}
"""r14, r15"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A merchant of VNPAY, and its secret. Everybody knows the mock's."""

    tmn_code: str = "DEMOTMN1"
    secret: str = "mock-vnpay-secret-of-lien-thong"  # noqa: S105  # the mock's, which everybody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A body as it was read, or why it was not."""

    fields: Mapping[str, Any]
    trouble: str = ""


def query_hash(parameters: Mapping[str, str], secret: str) -> str:
    """As VNPAY's own pages make it: decoded, sorted, encoded again (r10)."""
    filled = sorted((n, v) for n, v in parameters.items() if v and n not in (HASH, "vnp_SecureHashType"))
    return hmac.new(secret.encode(), urlencode(filled).encode(), "sha512").hexdigest()


def message_hash(names: str, fields: Mapping[str, Any], secret: str) -> str:
    """Over values joined by `|` (r13)."""
    text = "|".join(str(fields.get(f"vnp_{name}", "")) for name in names.split("|"))
    return hmac.new(secret.encode(), text.encode(), "sha512").hexdigest()


def recognise(request: Request) -> Call:
    """Which message is this, and about which order?"""
    if request.path == PAGE:
        return _call(request, "pay", "browser", Message(fields=dict(request.query)), is_write=True)
    if request.path != API:
        return Call(request=request, operation="?", place="nowhere")
    message = _read(request.body)
    command = message.fields.get("vnp_Command")
    operation = command if command in ASKED else "?"
    return _call(request, operation, "api", message, is_write=operation == "refund")


def _call(request: Request, operation: str, place: str, message: Message, *, is_write: bool) -> Call:
    reference = message.fields.get("vnp_TxnRef")
    about = (reference,) if isinstance(reference, str) else ()
    return Call(request=request, operation=operation, place=place, payload=message, dossiers=about, is_write=is_write)


def _read(body: bytes) -> Message:
    try:
        value = read_json(body)
    except (NotReadable, ValueError) as trouble:
        return Message(fields={}, trouble=str(trouble)[:200])
    return Message(fields=value) if isinstance(value, dict) else Message(fields={}, trouble="no object")
