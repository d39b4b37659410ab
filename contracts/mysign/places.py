"""What a request to MySign is: its message, whose token it carries; and what an answer looks like. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.mocking import Call, Request, Response
from contracts.national_portal.reading import NotReadable, read_json

LOGIN: Final = "login"
CERTIFICATES: Final = "certificates/info"
SIGN: Final = "signHash"
STATUS: Final = "requests/status"
PATHS: Final = {
    "/mysign/vtss/service/ras/v1/login": LOGIN,
    "/mysign/vtss/service/certificates/info": CERTIFICATES,
    "/mysign/vtss/service/signHash": SIGN,
    "/mysign/vtss/service/requests/status": STATUS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A client of MySign, and what that client issued to MySign. Everybody knows the mock's."""

    client_id: str = "h99-mock"
    secret: str = "mock-mysign-secret-of-lien-thong"  # noqa: S105  # the mock's, which everybody knows
    profile: str = "adss:ras:profile:001"
    their_id: str = "viettel-mock"
    their_secret: str = "mock-mysign-issued-secret-of-lien-thong"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A body as it was read, or why it was not."""

    fields: Mapping[str, Any]
    trouble: str = ""


def recognise(request: Request) -> Call:
    """Which message is this, and about which transaction?"""
    operation = PATHS.get(request.path)
    if operation is None:
        return Call(request=request, operation="?", place="nowhere")
    message = _read(request.body)
    handle = message.fields.get("transactionId")
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


def yes(value: object) -> Response:
    """A good answer."""
    return Response(body=json.dumps(value, ensure_ascii=False).encode())


def error(code: str, words: str, *, status: int = 400) -> Response:
    """NOTES.md#r7."""
    told = {"error": code, "error_description": words}
    return Response(status=status, body=json.dumps(told, ensure_ascii=False).encode())
