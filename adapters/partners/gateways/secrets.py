"""Shared secrets of a gateway, several at a time while one follows the other; and the one comparison of checksums."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

MIN_SECRET: Final = 16
"""Bytes. A shorter one can be tried through: the checksum of a known message is all that it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One secret under the name that the ledger keeps of it."""

    key_id: str
    value: bytes = field(repr=False)


def same_digest(sent: str, ours: str) -> bool:
    """Whether two hexadecimal checksums are one: in either case of letters, in a time that tells nothing."""
    try:
        return hmac.compare_digest(sent.encode("ascii").lower(), ours.encode("ascii").lower())
    except UnicodeEncodeError:
        return False


def matched(secrets: Sequence[Secret], sent: str, checksum: Callable[[bytes], str]) -> str | None:
    """The name of the secret under which `sent` is right; all are tried, so that the time tells nothing of which."""
    found: str | None = None
    for secret in secrets:
        if same_digest(sent, checksum(secret.value)) and found is None:
            found = secret.key_id
    return found
