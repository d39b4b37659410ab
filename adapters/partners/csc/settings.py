"""What an installation says about one CSC service: nothing of this is decided in code.

Every field comes from a key of `[partners.csc]`; secrets by file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from adapters.channels.http import HttpSettings

Version = Literal["v1", "v2"]
_VERSION: Final = re.compile(r"/csc/(v[12])/?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class CscSettings:
    """One client of one service."""

    url: str
    """The address below which the methods are; it ends with `/csc/v1` or `/csc/v2` (NOTES.md#r1)."""
    client_id: str
    client_secret: str = field(repr=False)
    oauth2_url: str = ""
    """The address below which `oauth2/token` is; empty: what `info` says, on a host of the settings (NOTES.md#r3)."""
    pin: str = field(default="", repr=False)
    """Of an agency's seal: told where a credential asks for one (NOTES.md#r32)."""
    is_asynchronous: bool = False
    """Whether v2's mode A is asked for, where `info` offers it (NOTES.md#r45)."""
    redirect_uri: str = ""
    """For credentials with `oauth2code`: the address that the service knows of us (NOTES.md#r10)."""
    issuer: str = ""
    """`iss` of an account token; empty: none is sent (NOTES.md#r8)."""
    otp_tries: int = 3
    """How often a signer is asked for a one-time password (NOTES.md#r32)."""
    most_hashes: int = 10
    """Of one signHash; more go in further calls, each after an extendTransaction (NOTES.md#r35)."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """Of reads: time-outs, TLS and limits of the channel."""
    signing_timeout: timedelta = timedelta(seconds=300)
    """How long a synchronous signHash, or an authorize that a person answers in an app, may take (NOTES.md#r47)."""

    @property
    def version(self) -> Version:
        """By the address."""
        found = _VERSION.search(self.url)
        return "v2" if found is not None and found[1] == "v2" else "v1"

    def __post_init__(self) -> None:
        if _VERSION.search(self.url) is None:
            raise ValueError("url: must end with /csc/v1 or /csc/v2")
