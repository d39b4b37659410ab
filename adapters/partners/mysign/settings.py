"""What an installation says about MySign: nothing of this is decided in code.

Every field comes from a key of `[partners.mysign]`; secrets by file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from adapters.channels.http import HttpSettings
from adapters.partners.gateways.secrets import Secret

PROFILE: Final = "adss:ras:profile:001"
TOKEN_LIFE: Final = timedelta(hours=1)
"""Of the tokens that we give to MySign: its two calls follow each other within seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MysignSettings:
    """One client of MySign."""

    url: str
    """The address below which all of MySign's stand (NOTES.md#r1)."""
    client_id: str
    client_secret: str = field(repr=False)
    profile_id: str = PROFILE
    their_id: str = ""
    """The client id that we issued to MySign for its calls to us; empty: it does not call (NOTES.md#r40)."""
    their_secrets: tuple[Secret, ...] = ()
    """The secret that we issued with it, and former ones, while one follows the other."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""

    @property
    def is_called_back(self) -> bool:
        """Whether results are asked to be called back (NOTES.md#r24)."""
        return bool(self.their_id)
