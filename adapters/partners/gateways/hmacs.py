"""Keyed checksums: HMAC over a text, in lower-case hex. Which text it is, each gateway's `checksum.py` says."""

from __future__ import annotations

import hmac
from typing import Literal

Algorithm = Literal["sha256", "sha512"]


def hmac_hex(text: str, key: bytes, algorithm: Algorithm) -> str:
    """Surrogates are what could not be decoded: they give some checksum, and never a right one."""
    return hmac.new(key, text.encode("utf-8", "surrogateescape"), algorithm).hexdigest()
