"""What an installation says about one one-stop system: nothing of this is decided in code.

Every field comes from a key of `[partners.one_stop]`; `config/partner_one_stop.py` reads them, secrets by file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol
from urllib.parse import urlsplit

from adapters.channels.http import HttpSettings
from signing.asymmetric import SigningKey
from signing.http import Key
from signing.wsse import TrustIn

SoapVersion = Literal["1.1", "1.2"]


class SigningIdentity(Protocol):
    """Who signs our SOAP messages: `signing.keys.X509Identity` is one."""

    @property
    def certificate_der(self) -> bytes: ...

    @property
    def algorithms(self) -> Sequence[str]: ...

    @property
    def key_id(self) -> str: ...

    def sign(self, message: bytes, algorithm: str) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapKeys:
    """WS-Security: our certificate, and whose answers are believed."""

    identity: SigningIdentity
    trust: TrustIn = field(repr=False)
    """`signing.trust.Trust`, or `adapters.channels.pki.RevocationSource` around one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestKeys:
    """RFC 9421: our key and theirs, each under its name."""

    key_id: str
    secret: bytes | SigningKey = field(repr=False)
    their_key_id: str
    their_key: Key = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneStopSettings:
    """One installation's way to one one-stop system."""

    url: str
    """SOAP: the service's address, told in wsa:To. REST: that below which `outcomes`, `payments` and the rest are."""
    keys: SoapKeys | RestKeys
    """Which of them says which protocol is spoken."""
    soap_version: SoapVersion = "1.1"
    max_skew: timedelta = timedelta(minutes=5)
    """How far their clock and ours may differ (NOTES.md#r65, #r82)."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""


def check_settings(settings: OneStopSettings) -> None:
    """Refuse what would break a promise. Raises `ValueError`."""
    parts = urlsplit(settings.url)
    if parts.query or parts.fragment:
        raise ValueError("url: must have no query; what is signed would not be what is called")
