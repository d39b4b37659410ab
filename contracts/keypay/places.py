"""What a request to KeyPay is: its address, message and order; and KeyPay's own checksums, by `hmac` alone."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.mocking import Call, Request
from contracts.national_portal.reading import NotReadable, read_json

PATHS: Final = {
    "/keypay/create": "create",
    "/keypay/detail": "detail",
    "/keypay/refund": "refund",
    "/keypay/refund/detail": "refund_detail",
}
HASHED: Final = {
    "create": "addition_fee|client_id|command|trans_amount|transaction_id|version",
    "callback": "addition_fee|client_id|command|trans_amount|transaction_id|version",
    "detail": "client_id|command|transaction_id",
    "refund": "amount|client_id|command|reason|transaction_id",
    "refund_detail": "client_id|command|transaction_refund_code",
}
"""r11 to r15"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A client of KeyPay, and its two keys. Everybody knows the mock's."""

    client_id: str = "DEMO_CLIENT"
    key_1: str = "mock-keypay-key-one-0123456789"
    key_2: str = "mock-keypay-key-two-0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A body as it was read, or why it was not."""

    fields: Mapping[str, Any]
    trouble: str = ""


def check_sum(message: str, fields: Mapping[str, Any], key: str) -> str:
    """Lower-case hex."""
    text = "|".join(str(fields.get(name, "")) for name in HASHED[message].split("|"))
    return hmac.new(key.encode(), text.encode(), "sha256").hexdigest()


def recognise(request: Request) -> Call:
    """Which message is this, and about which order?"""
    operation = PATHS.get(request.path)
    if operation is None:
        return Call(request=request, operation="?", place="nowhere")
    message = _read(request.body)
    reference = message.fields.get("transaction_id")
    return Call(
        request=request,
        operation=operation,
        place="api",
        payload=message,
        dossiers=(reference,) if isinstance(reference, str) else (),
        is_write=operation in ("create", "refund"),
    )


def _read(body: bytes) -> Message:
    try:
        value = read_json(body)
    except (NotReadable, ValueError) as trouble:
        return Message(fields={}, trouble=str(trouble)[:200])
    return Message(fields=value) if isinstance(value, dict) else Message(fields={}, trouble="no object")
