"""What a request to SmartCA is: its address and its message. Judges nothing."""

from __future__ import annotations

import re
from typing import Any, Final

from contracts.mocking import Call, Request
from contracts.national_portal.reading import NotReadable, read_json

HOUSE: Final = "/smartca"
STATUS: Final = re.compile(r"/v1/signatures/sign/([^/]{1,200})/status")
OPERATIONS: Final = {"/v1/credentials/get_certificate": "get_certificate", "/v1/signatures/sign": "sign"}


def recognise(request: Request) -> Call:
    """Which operation is this, and about which transaction?"""
    place = request.path.removeprefix(HOUSE)
    if asked := STATUS.fullmatch(place):
        name, message = asked[1], _message(request.body)
        return Call(request=request, operation="status", place="status", payload=(name, message), dossiers=(name,))
    operation = OPERATIONS.get(place)
    if operation is None:
        return Call(request=request, operation="?", place="nowhere")
    message = _message(request.body)
    name = message.get("transaction_id") if message else None
    return Call(
        request=request,
        operation=operation,
        place=operation,
        payload=message,
        dossiers=(name,) if isinstance(name, str) else (),
        is_write=operation == "sign",
    )


def _message(body: bytes) -> dict[str, Any] | None:
    try:
        value = read_json(body)
    except (NotReadable, ValueError):
        return None
    return value if isinstance(value, dict) else None
