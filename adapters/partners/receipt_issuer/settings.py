"""What an installation says about one provider of receipts: nothing of this is decided in code.

Every field comes from a key of `[partners.receipt_issuer]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from adapters.channels.http import HttpSettings

Dated = Literal["issued", "paid"]

VIEW_NUMBER: Final = r"Số(?:\s|\(No\.?\)|<[^<>]{0,80}>){0,12}:(?:\s|<[^<>]{0,80}>){0,12}([0-9]{1,10})"
"""A guess: the number behind the word and its colon, tags between them (NOTES.md#r43). Without the colon a payer's
address (`Số 1 đường …`) would be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptIssuerSettings:
    """One agency's account at one provider."""

    url: str
    """The address below which PublishService.asmx, PortalService.asmx and BusinessService.asmx are."""
    account: str
    """The staff's account, in whose name receipts are issued (NOTES.md#r10)."""
    ac_pass: str = field(repr=False)
    username: str
    """The service's account."""
    password: str = field(repr=False)
    pattern: str = ""
    """Form number (mẫu số); empty, with `serial`: the only one that is registered (NOTES.md#r21)."""
    serial: str = ""
    tax_code: str = ""
    """Of the collecting agency."""
    dated: Dated = "issued"
    """Whether a receipt bears the day of issuing or of payment (NOTES.md#r32)."""
    view_number: str = VIEW_NUMBER
    """How a receipt's page shows its number: a pattern with one group."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""


def check_settings(settings: ReceiptIssuerSettings) -> None:
    """Refuse what would break a promise. Raises `ValueError`."""
    parts = urlsplit(settings.url)
    if parts.query or parts.fragment:
        raise ValueError("url: must have no query: it is the address below which the services are")
    if bool(settings.pattern) != bool(settings.serial):
        raise ValueError("pattern, serial: both or none")
    try:
        groups = re.compile(settings.view_number).groups
    except re.error as trouble:
        raise ValueError(f"view_number: {trouble}") from None
    if groups != 1:
        raise ValueError("view_number: must have one group, the number")
