"""Pure. `check_sum` of every message: which values, in which order, under which of the two keys (NOTES.md#r10).

Key 1 is for what we send, key 2 for what KeyPay sends. Values are joined as they stand in the message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from adapters.partners.gateways.hmacs import hmac_hex
from adapters.partners.gateways.secrets import Secret, matched

ORDER: Final = ("addition_fee", "client_id", "command", "trans_amount", "transaction_id", "version")
"""Of a create, and of a callback (r11, r12)."""
DETAIL: Final = ("client_id", "command", "transaction_id")
"""r13"""
REFUND: Final = ("amount", "client_id", "command", "reason", "transaction_id")
"""r14"""
REFUND_DETAIL: Final = ("client_id", "command", "transaction_refund_code")
"""r15"""


def text_of(values: Mapping[str, str], names: Sequence[str]) -> str:
    """What is hashed."""
    return "|".join(values[name] for name in names)


def check_sum(values: Mapping[str, str], names: Sequence[str], key: bytes) -> str:
    """Lower-case hex."""
    return hmac_hex(text_of(values, names), key, "sha256")


def good_under(keys: Sequence[Secret], sent: str, values: Mapping[str, str], names: Sequence[str]) -> str | None:
    """The name of the key under which `sent` is right for these values; while one follows the other, either may be."""
    return matched(keys, sent, lambda key: check_sum(values, names, key))
