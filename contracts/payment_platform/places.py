"""What a request to the platform is: its address, operation and message. Judges nothing."""

from __future__ import annotations

from typing import Any, Final

from contracts.mocking import Call, Request
from contracts.national_portal.reading import NotReadable, read_json

HOUSE: Final = "/payment_platform/"
OPERATIONS: Final = {"init": "INIT", "query": "QUERY", "bill": "GET_BILL"}
FILE: Final = "bill-file/"
"""Where a receipt lies that was answered with its address."""


def recognise(request: Request) -> Call:
    """Which operation is this, and about which order?"""
    place = request.path.removeprefix(HOUSE)
    if place.startswith(FILE):
        reference = place.removeprefix(FILE)
        return Call(request=request, operation="file", place="file", payload=reference, dossiers=(reference,))
    if place not in OPERATIONS:
        return Call(request=request, operation="?", place="nowhere")
    message = _message(request.body)
    return Call(
        request=request,
        operation=OPERATIONS[place],
        place=place,
        payload=message,
        dossiers=_names(message),
        is_write=place == "init",
    )


def _message(body: bytes) -> dict[str, Any] | None:
    try:
        value = read_json(body)
    except (NotReadable, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _names(message: dict[str, Any] | None) -> tuple[str, ...]:
    """The reference and the dossier's number, for faults that are meant for one of them."""
    if message is None:
        return ()
    block = message.get("ThongTinBienLai")
    told = (message.get("MaThamChieu"), block.get("MaHoSo") if isinstance(block, dict) else None)
    return tuple(name for name in told if isinstance(name, str) and name)
