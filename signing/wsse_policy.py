"""What the strict profile of WS-Security leaves to a partner's agreement, and whom its signer and verifier need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeAlias

from signing.envelope import WSA, WSA_2004

LIFE: Final = timedelta(minutes=5)
MAX_LIFE: Final = timedelta(minutes=10)
MAX_SKEW: Final = timedelta(minutes=5)


class Identity(Protocol):
    """Who signs: `keys.X509Identity` is one."""

    @property
    def certificate_der(self) -> bytes: ...

    @property
    def algorithms(self) -> Sequence[str]: ...

    def sign(self, message: bytes, algorithm: str) -> bytes: ...


class Trusted(Protocol):
    """What trust found out about a certificate."""

    @property
    def subject(self) -> str: ...


TrustIn: TypeAlias = Callable[[bytes, Sequence[bytes], datetime], Trusted]
"""(leaf, further certificates, now) → who that is; raises NotVerified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WssPolicy:
    """What is agreed with a partner beyond the profile."""

    max_skew: timedelta = MAX_SKEW
    """How far the partner's clock and ours may differ."""
    max_life: timedelta = MAX_LIFE
    """How long a message may be good for, and so how long it must be remembered."""
    signed_headers: frozenset[str] = frozenset({WSA, WSA_2004})
    """Namespaces of headers that are understood here, and must be signed when they are there."""
    allow_prefix_list: bool = True
    """Whether canonicalisation may name prefixes whose declarations are signed too, as Java's senders do by default."""


STRICT: Final = WssPolicy()
