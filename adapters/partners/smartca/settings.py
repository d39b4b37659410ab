"""What an installation says about SmartCA: nothing of this is decided in code.

Every field comes from a key of `[partners.smartca]`; `config/partner_signers.py` reads them, the password by file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, TypeAlias

from adapters.channels.http import HttpSettings

StatusId: TypeAlias = Literal["transaction_id", "tran_code"]
Meaning: TypeAlias = Literal["declined", "expired", "failed", "not_there"]
LIFE: Final = timedelta(minutes=5)
"""Of a transaction (NOTES.md#r26)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartCaSettings:
    """One service provider's way to SmartCA."""

    url: str
    """The address below which all of SmartCA's stand (NOTES.md#r1)."""
    sp_id: str
    sp_password: str = field(repr=False)
    status_id: StatusId = "transaction_id"
    """Which id the status question is put with (NOTES.md#r30)."""
    messages: Mapping[str, Meaning] = field(default_factory=dict)
    """Further messages of a status, by what they mean (NOTES.md#r33, #r34)."""
    life: timedelta = LIFE
    is_called_back: bool = False
    """Whether SmartCA was told our address: it is asked less often then (NOTES.md#r35)."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""
