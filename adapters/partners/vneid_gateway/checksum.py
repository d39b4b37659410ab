"""Pure. Both HMACs: ours over each call, the gateway's over the raw body of its own (vneid_gateway/NOTES.md#r5).

What ours is over is an assumption that a setting changes (#r6). The gateway's comes in hex or in Base64 (#r40).
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.partners.gateways.secrets import Secret
from adapters.partners.vneid_gateway.settings import Encoding

PREFIX: Final = "sha256="
"""In front of a call back's HMAC (NOTES.md#r40)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a string to sign may be made of."""

    method: str
    path: str
    timestamp: str
    nonce: str
    body: bytes
    partner_code: str = ""
    request_id: str = ""


def string_to_sign(form: str, parts: Parts) -> bytes:
    """The text under our HMAC, by the form that the settings name."""
    text = form.format(
        method=parts.method,
        path=parts.path,
        timestamp=parts.timestamp,
        nonce=parts.nonce,
        body_sha256=hashlib.sha256(parts.body).hexdigest(),
        body=parts.body.decode("utf-8", "surrogateescape"),
        partner_code=parts.partner_code,
        request_id=parts.request_id,
    )
    return text.encode("utf-8", "surrogateescape")


def signature(form: str, parts: Parts, key: bytes, encoding: Encoding) -> str:
    """`X-Signature`."""
    digest = hmac.digest(key, string_to_sign(form, parts), "sha256")
    return digest.hex() if encoding == "hex" else b64encode(digest).decode("ascii")


def good_under(secrets: Sequence[Secret], told: str, body: bytes) -> str | None:
    """The name of the secret under which a call back's HMAC is right; all are tried."""
    digest = _digest_in(told)
    found: str | None = None
    for secret in secrets:
        if hmac.compare_digest(hmac.digest(secret.value, body, "sha256"), digest) and found is None:
            found = secret.key_id
    return found


def _digest_in(told: str) -> bytes:
    """The 32 bytes that it names, in hex of either case or in Base64; no bytes where it names none."""
    text = told.removeprefix(PREFIX)
    if text == told:
        return b""
    try:
        return bytes.fromhex(text) if len(text) == 64 else b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
