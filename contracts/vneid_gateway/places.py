"""What a request to the gateway is: its message and its headers; the HMAC of both sides, by `hmac` alone. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.mocking import Call, Request, Response
from contracts.national_portal.reading import NotReadable, read_json

TOKEN: Final = "auth/token"  # noqa: S105  # a message's name
REFRESH: Final = "auth/refresh"
LIST: Final = "certificates/list"
SIGN: Final = "signings/hash"
POLL: Final = "signings/polling"
BASE: Final = "/vneid_gateway/api/v1/"
MESSAGES: Final = (TOKEN, REFRESH, LIST, SIGN, POLL)
WORDS: Final = {
    "00": "Token missing or expired",
    "01": "Success",
    "02": "Validation failed",
    "03": "Not found",
    "20": "HMAC header missing",
    "21": "Rate limit exceeded",
    "22": "Invalid timestamp",
    "23": "Timestamp expired",
    "24": "Nonce already used",
    "25": "Unknown partner",
    "26": "Invalid HMAC",
    "27": "HMAC internal error",
    "77": "A code that nobody knows",
    "99": "System error",
}
HTTP: Final = {"00": 401, "21": 429, "99": 500}
"""All others come with 200 (NOTES.md#r3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A signing partner of the gateway, and its secrets. Everybody knows the mock's."""

    username: str = "h99-mock"
    password: str = "mock-vneid-password-of-lien-thong"  # noqa: S105  # the mock's, which everybody knows
    partner_code: str = "H99MOCK"
    originator_code: str = "H99MOCK"
    secret: str = "mock-vneid-secret-of-lien-thong"  # noqa: S105
    webhook_secret: str = "mock-vneid-webhook-secret-of-lien-thong"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A body as it was read, or why it was not."""

    fields: Mapping[str, Any]
    trouble: str = ""


def recognise(request: Request) -> Call:
    """Which message is this, and about which signing?"""
    operation = request.path.removeprefix(BASE)
    if operation not in MESSAGES or operation == request.path:
        return Call(request=request, operation="?", place="nowhere")
    message = _read(request.body)
    handle = message.fields.get("handle")
    about = (handle,) if isinstance(handle, str) else ()
    return Call(
        request=request,
        operation=operation,
        place="api",
        payload=message,
        dossiers=about,
        is_write=operation == SIGN,
    )


def _read(body: bytes) -> Message:
    try:
        value = read_json(body)
    except (NotReadable, ValueError) as trouble:
        return Message(fields={}, trouble=str(trouble)[:200])
    return Message(fields=value) if isinstance(value, dict) else Message(fields={}, trouble="no object")


def partner_signature(request: Request, secret: str) -> str:
    """What a call's `X-Signature` must be (NOTES.md#r6)."""
    stamp, nonce = request.headers.get("x-timestamp", ""), request.headers.get("x-nonce", "")
    parts = (request.method, request.path, stamp, nonce, hashlib.sha256(request.body).hexdigest())
    return hmac.new(secret.encode(), "\n".join(parts).encode(), "sha256").hexdigest()


def webhook_signature(body: bytes, secret: str, *, encoding: str = "hex") -> str:
    """`X-Webhook-Signature` (NOTES.md#r40)."""
    made = hmac.new(secret.encode(), body, "sha256")
    return "sha256=" + (made.hexdigest() if encoding == "hex" else b64encode(made.digest()).decode())


def answer(code: str, data: Mapping[str, Any] | None, request_id: str, *, name: str = "code") -> Response:
    """The envelope (NOTES.md#r2), with the caller's id echoed (#r4)."""
    told = {name: code, "message": WORDS[code], **({} if data is None else {"data": data})}
    headers = {"X-Request-Id": request_id} if request_id else {}
    body = json.dumps(told, ensure_ascii=False).encode()
    return Response(status=HTTP.get(code, 200), headers=headers, body=body)
