"""Pure. A signature as the gateway's messages. Rules: contracts/vneid_gateway/NOTES.md."""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from adapters.channels.http import MASK, Request
from adapters.partners.vneid_gateway import checksum
from adapters.partners.vneid_gateway.settings import VneidSettings
from bus.errors import Unmappable
from bus.messages import canonical_bytes
from bus.ports import Randomness
from bus.signatures import SignatureStanding

TOKEN: Final = "auth/token"  # noqa: S105  # a message's name
REFRESH: Final = "auth/refresh"
LIST: Final = "certificates/list"
SIGN: Final = "signings/hash"
POLL: Final = "signings/polling"
BASE: Final = "/api/v1/"
LONGEST_NAME: Final = 255
SECRETS: Final = frozenset({"password", "refreshToken"})
"""Members that no exchange keeps."""
HASHED_HEADER: Final = frozenset({"x-signature"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What makes one call this call: never twice the same (NOTES.md#r8)."""

    at: datetime
    nonce: str
    request_id: str


def token(settings: VneidSettings) -> dict[str, Any]:
    """NOTES.md#r10."""
    return {"username": settings.username, "password": settings.password}


def refresh(refresh_token: str) -> dict[str, Any]:
    """NOTES.md#r11."""
    return {"refreshToken": refresh_token}


def certificates(user: str) -> dict[str, Any]:
    """NOTES.md#r20."""
    return {"citizenPid": user}


def sign(settings: VneidSettings, standing: SignatureStanding, credential: str) -> dict[str, Any]:
    """NOTES.md#r30: the values come back in this order (#r32). Raises Unmappable."""
    return {
        "credentialID": credential,
        "originatorCode": settings.originator_code,
        "documents": [
            {"documentName": document_name(each.name), "digestValue": digest_value(each.digest, each.n)}
            for each in standing.documents
        ],
    }


def poll(handle: str) -> dict[str, Any]:
    """NOTES.md#r32."""
    return {"handle": handle}


def document_name(name: str) -> str:
    """As the citizen reads it in the app: whole letters, nothing that no screen shows (NOTES.md#r35)."""
    shown = "".join(letter for letter in unicodedata.normalize("NFC", name) if letter.isprintable())
    return shown.strip()[:LONGEST_NAME] or "tài liệu"


def digest_value(digest: bytes | None, n: int) -> str:
    """Standard Base64. Raises Unmappable."""
    if digest is None:
        raise Unmappable(field=f"/data/documents/{n - 1}", rule="missing", instead="a document that was prepared")
    return b64encode(digest).decode("ascii")


def request(
    settings: VneidSettings, message: str, fields: Mapping[str, Any], stamp: Stamp, *, bearer: str = ""
) -> Request:
    """One call, with its headers (NOTES.md#r4, #r5)."""
    url, body = settings.url.rstrip("/") + BASE + message, _encoded(fields)
    headers = {
        "content-type": "application/json; charset=utf-8",
        "accept": "application/json",
        "x-request-id": stamp.request_id,
    }
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    return Request(
        operation=message,
        method="POST",
        url=url,
        headers=headers | _signed(settings, urlsplit(url).path, body, stamp),
        body=body,
        recorded_body=_encoded({name: MASK if name in SECRETS else value for name, value in fields.items()}),
        secret_headers=HASHED_HEADER,
    )


def _signed(settings: VneidSettings, path: str, body: bytes, stamp: Stamp) -> dict[str, str]:
    if settings.secret is None:
        return {}
    parts = checksum.Parts(
        method="POST",
        path=path,
        timestamp=str(int(stamp.at.timestamp())),
        nonce=stamp.nonce,
        body=body,
        partner_code=settings.partner_code,
        request_id=stamp.request_id,
    )
    return {
        "x-partner-code": settings.partner_code,
        "x-timestamp": parts.timestamp,
        "x-nonce": stamp.nonce,
        "x-signature": checksum.signature(
            settings.string_to_sign, parts, settings.secret.value, settings.signature_encoding
        ),
    }


def uuid_of(randomness: Randomness) -> str:
    """A name that was never used: of a call, or as its nonce (NOTES.md#r8)."""
    return str(UUID(bytes=randomness.token(16), version=4))


def _encoded(fields: Mapping[str, Any]) -> bytes:
    return canonical_bytes(fields)
