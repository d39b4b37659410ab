"""What an installation says about KeyPay: nothing of this is decided in code.

Every field comes from a key of `[partners.keypay]`; `config/payment_settings.py` has them, secrets by file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from adapters.channels.http import HttpSettings
from adapters.partners.gateways.bill_block import USUAL, BlockForm
from adapters.partners.gateways.secrets import Secret

Flow = Literal["pay", "pay_later"]
Message = Literal["create", "detail", "refund", "refund_detail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VietQr:
    """Which account a code of our own names."""

    bank_bin: str
    """The bank's six digits."""
    account: str = ""
    """Empty: the beneficiary's (NOTES.md#r63)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeypaySettings:
    """One client of KeyPay."""

    addresses: Mapping[Message, str]
    """Where each message goes (NOTES.md#r1)."""
    commands: Mapping[Message, str]
    """What each message calls itself (NOTES.md#r22)."""
    client_id: str
    key_1: Secret
    """For what we send."""
    keys_2: tuple[Secret, ...]
    """For what KeyPay sends; each is believed, while one follows the other."""
    return_to: Callable[[str], str]
    """The address of our page for the citizen who comes back, by reference."""
    pay_hosts: frozenset[str]
    """Where a citizen may be sent (NOTES.md#r27)."""
    flow: Flow = "pay"
    environment: Literal["1", "2"] = "1"
    """Web, or app."""
    addition_fee: int = 0
    """Đồng: what KeyPay takes from the citizen on top; both sides sign it."""
    confirm_callbacks: bool = True
    """Whether only the answer to our own question makes a payment paid (NOTES.md#r18)."""
    signed_answers: bool = True
    """Whether answers carry a checksum (NOTES.md#r16)."""
    bill: BlockForm = USUAL
    """How `bill_info` is written (NOTES.md#r24)."""
    vietqr: VietQr | None = None
    """Show a code of our own beside KeyPay's page."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""
