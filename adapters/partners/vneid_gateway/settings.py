"""What an installation says about the VNeID gateway: nothing of this is decided in code.

Every field comes from a key of `[partners.vneid_gateway]`; secrets by file.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from typing import Final, Literal

from adapters.channels.http import HttpSettings
from adapters.partners.gateways.secrets import Secret

STRING_TO_SIGN: Final = "{method}\n{path}\n{timestamp}\n{nonce}\n{body_sha256}"
"""An assumption: the gateway's document does not say (NOTES.md#r6)."""
PARTS: Final = frozenset({"method", "path", "timestamp", "nonce", "body_sha256", "body", "partner_code", "request_id"})
NEEDED: Final = frozenset({"timestamp", "nonce"})
"""Without these in it, what was once signed could be sent again."""
Encoding = Literal["hex", "base64"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VneidSettings:
    """One signing partner of the gateway."""

    url: str
    """The address below which `/api/v1/…` stands (NOTES.md#r1)."""
    username: str
    password: str = field(repr=False)
    originator_code: str
    """`originatorCode`: who asks for signatures (NOTES.md#r30)."""
    partner_code: str = ""
    """`X-Partner-Code`; empty: calls carry no HMAC (NOTES.md#r5)."""
    secret: Secret | None = None
    """For the HMAC of our calls."""
    webhook_secrets: tuple[Secret, ...] = ()
    """For the HMAC of the gateway's calls; each is believed, while one follows the other. None: it does not call."""
    string_to_sign: str = STRING_TO_SIGN
    signature_encoding: Encoding = "hex"
    http: HttpSettings = field(default_factory=HttpSettings)
    """Time-outs, TLS and limits of the channel."""


def check_settings(settings: VneidSettings) -> None:
    """Refuse what could not be sent or would protect nothing. Raises `ValueError`."""
    try:
        parts = [part for part in string.Formatter().parse(settings.string_to_sign) if part[1] is not None]
    except ValueError as trouble:
        raise ValueError(f"string_to_sign: {trouble}") from None
    told = {name or "" for _, name, _, _ in parts}
    if not told <= PARTS or any(form or turn for _, _, form, turn in parts):
        raise ValueError(f"string_to_sign: may name {', '.join(sorted(PARTS))}, each as it is")
    if not told >= NEEDED or not told & {"body", "body_sha256"}:
        raise ValueError("string_to_sign: must have {timestamp}, {nonce} and {body_sha256} or {body}")
    if bool(settings.partner_code) != (settings.secret is not None):
        raise ValueError("partner_code, secret_file: both or none")
