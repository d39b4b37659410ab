"""Pure. The tokens that we give to MySign for its calls to us (contracts/mysign/NOTES.md#r40, #r45).

A token is its own proof: until when it holds, and a checksum under the secret that we issued. So every process of the
doors knows it, none keeps it, and one that was given before a restart holds after it.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from adapters.partners.gateways.secrets import Secret

_TOKEN: Final = re.compile(r"([0-9]{10})\.([A-Za-z0-9_-]{43})")
_PURPOSE: Final = "lienthong call back token"
"""So that no other checksum under this secret is ever a token."""


def knows(secrets: Sequence[Secret], told: str) -> Secret | None:
    """The issued secret that was shown; all are compared, in a time that tells nothing."""
    found: Secret | None = None
    shown = told.encode("utf-8", "surrogateescape")
    for secret in secrets:
        if hmac.compare_digest(secret.value, shown) and found is None:
            found = secret
    return found


def token(secret: Secret, partner: str, until: datetime) -> str:
    """Good until then, for this partner's calls."""
    ends = f"{int(until.timestamp()):010d}"
    return f"{ends}.{_checksum(secret, partner, ends)}"


def is_good(secrets: Sequence[Secret], partner: str, told: str, now: datetime) -> bool:
    """Whether we gave it, and its time is not over."""
    found = _TOKEN.fullmatch(told)
    if found is None:
        return False
    ends, checksum = found[1], found[2]
    is_ours = False
    for secret in secrets:
        is_ours |= hmac.compare_digest(_checksum(secret, partner, ends), checksum)
    return is_ours and now.timestamp() < int(ends)


def _checksum(secret: Secret, partner: str, ends: str) -> str:
    text = f"{_PURPOSE}\0{partner}\0{ends}".encode()
    return urlsafe_b64encode(hmac.digest(secret.value, text, "sha256")).decode("ascii").rstrip("=")
