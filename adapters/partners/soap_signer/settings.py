"""What an installation says about one SOAP signing service: nothing of this is decided in code.

Every field comes from a key of `[partners.soap_signer]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlsplit

from adapters.channels.http import HttpSettings
from signing.wsse import TrustIn


class SigningIdentity(Protocol):
    """Who signs our messages: `signing.keys.X509Identity` is one."""

    @property
    def certificate_der(self) -> bytes: ...

    @property
    def algorithms(self) -> Sequence[str]: ...

    @property
    def key_id(self) -> str: ...

    def sign(self, message: bytes, algorithm: str) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapSignerSettings:
    """One installation's way to one service."""

    url: str
    """The service's address, told in wsa:To."""
    identity: SigningIdentity
    trust: TrustIn = field(repr=False)
    """Whose answers are believed."""
    asks_verify: bool = False
    """Whether its Verify is asked for a second opinion (NOTES.md#r40)."""
    max_skew: timedelta = timedelta(minutes=5)
    """How far their clock and ours may differ (NOTES.md#r65)."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""


def check_settings(settings: SoapSignerSettings) -> None:
    """Refuse what would break a promise. Raises `ValueError`."""
    parts = urlsplit(settings.url)
    if parts.query or parts.fragment:
        raise ValueError("url: must have no query: wsa:To would say another address than it is")
