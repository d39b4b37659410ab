"""What an installation says about VNPAY: nothing of this is decided in code.

Every field comes from a key of `[partners.vnpay]`; `config/payment_settings.py` has them, secrets by file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from adapters.channels.http import HttpSettings
from adapters.partners.gateways.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class VnpaySettings:
    """One merchant of VNPAY."""

    pay_url: str
    """The page that the citizen's browser opens (NOTES.md#r1)."""
    api_url: str
    """Questions and refunds (NOTES.md#r30)."""
    tmn_code: str
    """The merchant, eight characters."""
    secrets: tuple[Secret, ...]
    """The first one signs; each is believed, while one follows the other."""
    return_to: Callable[[str], str]
    """The address of our page for the citizen who comes back, by reference."""
    ip: str
    """`vnp_IpAddr`: the citizen's is not known when the address is made, so it is the server's."""
    locale: Literal["vn", "en"] = "vn"
    order_type: str = "other"
    bank_code: str = ""
    """Empty: VNPAY shows its list."""
    created_by: str = "lienthong"
    """`vnp_CreateBy` of a refund: the system; who asked for it stands in the ledger."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""
