"""Keyed checksums of gateways: HMAC over a text, in hex. Which text it is, each gateway's `checksum.py` says."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Algorithm = Literal["sha256", "sha512"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret shared with a gateway, under the name by which the ledger tells which one matched."""

    key_id: str
    key: bytes = field(repr=False)


def hmac_hex(text: str, key: bytes, algorithm: Algorithm) -> str:
    """Lower-case hex."""
    return hmac.new(key, text.encode(), algorithm).hexdigest()


def matching(text: str, told: str, secrets: Iterable[Secret], algorithm: Algorithm) -> Secret | None:
    """The secret under which `told` is this text's checksum: while one is changed for the next, either may be.

    In constant time, whichever the case of the hex digits.
    """
    found = None
    for secret in secrets:
        if hmac.compare_digest(hmac_hex(text, secret.key, algorithm).encode(), told.lower().encode()):
            found = found or secret
    return found
