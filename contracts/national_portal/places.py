"""Where a call arrived, and what it says: the adapter's addresses and the façade's, read into one shape.

Judges nothing; the mock does. A façade call is given the envelope that the portal itself would have seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from contracts.mock_log import Broken
from contracts.mocking import Call, Request
from contracts.national_portal.books import STEP, SYNC, TELL
from contracts.national_portal.reading import NotReadable, read_json

FACADE: Final = "/national_portal/facade/"
TOKEN: Final = "/national_portal/lgsp/token"  # noqa: S105  # an address
DOORS: Final = {
    f"/national_portal/{context}/RestService/forward/mapi/{door}": door
    for context in ("XrdAdapter", "VXPAdapter")
    for door in ("login", "share", "integration")
}
WRITES: Final = frozenset((SYNC, STEP, TELL))
FACADE_WRITES: Final[Mapping[str, tuple[str, str | None]]] = {
    "ThemHoSo": (SYNC, "False"),
    "CapNhatHoSo": (SYNC, "True"),
    SYNC: (SYNC, None),
    STEP: (STEP, None),
    f"{TELL}KM": (TELL, None),
}
"""The façade's addresses for writes (r131, r132, r309): the portal's service, and `isUpdating` where it is said so."""


def recognise(request: Request) -> Call:
    """Which operation, about which dossiers."""
    if door := DOORS.get(request.path):
        return _adapter_call(request, door)
    if request.path.startswith(FACADE):
        return _facade_call(request, request.path.removeprefix(FACADE))
    if request.path == TOKEN:
        return Call(request=request, operation="token", place="token")
    return Call(request=request, operation="?", place="nowhere")


def _adapter_call(request: Request, door: str) -> Call:
    payload, trouble = _read(request.body)
    if trouble is None and type(payload) is not dict:
        trouble = _unreadable("an object", type(payload).__name__)
    if trouble:
        return Call(request=request, operation="login" if door == "login" else "?", place=door, trouble=trouble)
    operation = "login" if door == "login" else str(payload.get("service", "?"))
    return Call(
        request=request,
        operation=operation,
        place=door,
        payload=payload,
        dossiers=dossiers_of(payload),
        is_write=operation in WRITES,
    )


def _facade_call(request: Request, name: str) -> Call:
    service, updating = FACADE_WRITES.get(name, (name, None))
    payload: dict[str, Any] = {"service": service}
    trouble = None
    if request.method == "POST":
        body, trouble = _read(request.body)
        if name in FACADE_WRITES:
            payload["data"] = body
        elif isinstance(body, dict):
            payload |= body
    else:
        payload |= request.query
    if service == SYNC:
        payload["isUpdating"] = updating if updating is not None else request.query.get("isUpdating")
    return Call(
        request=request,
        operation=service,
        place="facade",
        payload=payload,
        dossiers=dossiers_of(payload),
        is_write=service in WRITES,
        trouble=trouble,
    )


def dossiers_of(payload: dict[str, Any]) -> tuple[str, ...]:
    """The numbers that a call is about, as far as they can be read."""
    data = payload.get("data")
    if isinstance(data, list):
        numbers = [row.get("MaHoSo") for row in data if isinstance(row, dict)]
        return tuple(number for number in numbers if isinstance(number, str))
    if isinstance(data, dict):
        data = data.get("MaHoSo")
        return (data,) if isinstance(data, str) else ()
    number = payload.get("mahoso")
    return (number,) if isinstance(number, str) else ()


def _read(body: bytes) -> tuple[Any, Broken | None]:
    try:
        return read_json(body), None
    except NotReadable as trouble:
        return None, _unreadable("JSON in UTF-8, no member twice", str(trouble))


def _unreadable(expected: str, found: str) -> Broken:
    return Broken(rule="r12", field="body", expected=expected, found=found, message="Dữ liệu không đọc được")
