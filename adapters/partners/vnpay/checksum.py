"""Pure. `vnp_SecureHash`: over the parameters of an address, and over the members of a message (NOTES.md#r10, #r13).

What comes in is hashed as it was received: it is cut at `&` and `=` and never decoded and encoded anew (r11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote_plus

from adapters.partners.gateways.hmacs import hmac_hex
from adapters.partners.gateways.secrets import Secret, matched

HASH: Final = "vnp_SecureHash"
NOT_HASHED: Final = frozenset({HASH, "vnp_SecureHashType"})

QUERY: Final = (
    "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef", "vnp_TransactionDate",
    "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo",
)  # fmt: skip
"""r13"""
REFUND: Final = (
    "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TransactionType", "vnp_TxnRef", "vnp_Amount",
    "vnp_TransactionNo", "vnp_TransactionDate", "vnp_CreateBy", "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo",
)  # fmt: skip
"""r15"""
REFUND_ANSWER: Final = (
    "vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode", "vnp_TxnRef", "vnp_Amount",
    "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo", "vnp_TransactionType", "vnp_TransactionStatus",
    "vnp_OrderInfo",
)  # fmt: skip
"""r15"""
QUERY_ANSWER: Final = (*REFUND_ANSWER, "vnp_PromotionCode", "vnp_PromotionAmount")
"""r14"""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


class NotOneMessage(ValueError):
    """Two readers could read two messages in this: a parameter twice, or a name written with `%`."""

    def __init__(self, field: str) -> None:
        self.field = field[:100]
        super().__init__(self.field)


def query_of(parameters: Mapping[str, str]) -> str:
    """Parameters with a value, sorted by name, form-url-encoded: what is hashed, and what is called."""
    filled = sorted((name, value) for name, value in parameters.items() if value and name not in NOT_HASHED)
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in filled)


def signed(parameters: Mapping[str, str], key: bytes) -> str:
    """The query with its hash at the end."""
    query = query_of(parameters)
    return f"{query}&{HASH}={hmac_hex(query, key, 'sha512')}"


def raw_parameters(query: str) -> dict[str, str]:
    """Name → value as received, still encoded. Raises NotOneMessage."""
    found: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if not part:
            continue
        if name in found or not _NAME.fullmatch(name):
            raise NotOneMessage(name)
        found[name] = value
    return found


def received_text(raw: Mapping[str, str]) -> str:
    """What is hashed of a notification: the received texts, sorted by name, those without a value left out."""
    return "&".join(f"{name}={raw[name]}" for name in sorted(raw) if raw[name] and name not in NOT_HASHED)


def good_under(keys: Sequence[Secret], raw: Mapping[str, str]) -> str | None:
    """The name of the key under which a notification is right."""
    text = received_text(raw)
    return matched(keys, raw.get(HASH, ""), lambda key: hmac_hex(text, key, "sha512"))


def joined(values: Mapping[str, str], names: Sequence[str]) -> str:
    """What is hashed of a message of the API: values joined by `|`; a missing one is empty (r14)."""
    return "|".join(values.get(name, "") for name in names)


def message_hash(values: Mapping[str, str], names: Sequence[str], key: bytes) -> str:
    """Lower-case hex."""
    return hmac_hex(joined(values, names), key, "sha512")


def answer_good_under(keys: Sequence[Secret], values: Mapping[str, str], names: Sequence[str]) -> str | None:
    """The name of the key under which an answer is right."""
    return matched(keys, values.get(HASH, ""), lambda key: message_hash(values, names, key))
