"""Pure. What may be kept of an exchange: all of it, byte for byte, but the values of secrets, which read `***`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from bus.messages import Attempt, Exchange
from bus.signatures import SignatureTold

MASK: Final = b"***"
SECRETS: Final = (
    "sp_password", "password", "passwd", "client_secret", "clientsecret", "client_assertion", "secret", "pin", "otp",
    "totp", "sad", "access_token", "accesstoken", "refresh_token", "refreshtoken", "account_token", "code_verifier",
    "passphrase",
)  # fmt: skip
"""Names of members, fields and elements, in any case of letters (contracts/smartca/NOTES.md#r4 and its siblings)."""
_NAMES: Final = "|".join(SECRETS).encode()
_JSON: Final = re.compile(rb'("(?:' + _NAMES + rb')"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^\s,}\]"{\[]+)', re.IGNORECASE)
_FORM: Final = re.compile(rb"((?:^|&|\?)(?:" + _NAMES + rb")=)[^&\s]*", re.IGNORECASE)
_XML: Final = re.compile(rb"(<(?:[\w.-]+:)?(?:" + _NAMES + rb")(?:\s[^<>]*)?>)[^<]*(</)", re.IGNORECASE)


def without_secrets(told: bytes) -> bytes:
    """The same bytes; each secret's value is masked where it stands."""
    if told.lstrip()[:1] == b"<":
        return _XML.sub(rb"\1" + MASK + rb"\2", told)
    masked = _JSON.sub(rb'\1"' + MASK + rb'"', told)
    return _FORM.sub(rb"\1" + MASK, masked)


def kept(attempt: Attempt) -> Attempt:
    """The attempt as the ledger may keep it."""
    exchanges = tuple(_clean(exchange) for exchange in attempt.exchanges)
    told = attempt.facts.get("told")
    if not isinstance(told, SignatureTold):
        return replace(attempt, exchanges=exchanges)
    facts = {**attempt.facts, "told": replace(told, evidence=without_secrets(told.evidence))}
    return replace(attempt, exchanges=exchanges, facts=facts)


def _clean(exchange: Exchange) -> Exchange:
    reply = exchange.reply_body
    return replace(
        exchange,
        request_body=without_secrets(exchange.request_body),
        reply_body=None if reply is None else without_secrets(reply),
    )
