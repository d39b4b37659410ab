"""The control routes: what a test or a person asks a mock, and how it is told to misbehave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from contracts.mock_faults import FaultOrder, FaultRefused
from contracts.mock_log import Effect
from contracts.mocking import Mock, Request, Response

LARGEST_PAGE: Final = 10_000
"""More rows in one answer would keep the loop, and so every partner, waiting."""

Route = Callable[[Mock, Request], Response]


class ControlRefused(Exception):
    """This control request makes no sense; the message says what would."""


def control(mock: Mock, what: str, request: Request) -> Response:
    """Answer `/_control/{partner}/{what}`."""
    routes = {**ROUTES, **mock.controls_here}
    route = routes.get((request.method, what))
    if route is None:
        known = sorted({f"{method} {name}" for method, name in routes})
        return _json({"error": f"no such control; there are {', '.join(known)}"}, status=404)
    try:
        with mock.lock:
            return route(mock, request)
    except (ControlRefused, FaultRefused, msgspec.DecodeError, ValueError) as trouble:
        return _json({"error": str(trouble)}, status=422)


def _effects(mock: Mock, request: Request) -> Response:
    mock.settle_late()
    after, limit = _span(request.query)
    with_body = request.query.get("body") == "1"
    rows = mock.effects.page(after=after, limit=limit, dossier=request.query.get("dossier", ""))
    return _json([_effect_row(mock, row, with_body=with_body) for row in rows])


def _effect_row(mock: Mock, row: Effect, *, with_body: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "n": row.n,
        "at": row.at,
        "operation": row.operation,
        "dossier": row.dossier,
        "digest": row.digest,
        "repeat": row.repeat,
    }
    if with_body:
        body = mock.effects.body(row.n)
        shown["entry"] = row.entry
        shown["body"] = None if body is None else msgspec.Raw(body)
    return shown


def _requests(mock: Mock, request: Request) -> Response:
    after, limit = _span(request.query)
    return _json([visit.shown(mock.partner) for visit in mock.log.page(after=after, limit=limit)])


def _arm(mock: Mock, request: Request) -> Response:
    order = msgspec.json.decode(request.body, type=FaultOrder)
    return _json(mock.faults.arm(order).shown(), status=201)


def _faults(mock: Mock, request: Request) -> Response:
    return _json({"possible": sorted(mock.faults.possible), "faults": mock.faults.shown()})


def _disarm(mock: Mock, request: Request) -> Response:
    mock.faults.disarm()
    return _json({"active": 0})


def _reset(mock: Mock, request: Request) -> Response:
    mock.reset()
    return _json({"reset": True})


def _switches(mock: Mock, request: Request) -> Response:
    return _json(mock.switches.shown())


def _turn(mock: Mock, request: Request) -> Response:
    mock.switches.turn(msgspec.json.decode(request.body, type=dict[str, Any]))
    return _json(mock.switches.shown())


def _span(query: Mapping[str, str]) -> tuple[int, int]:
    after, limit = _number(query, "after", 0), _number(query, "limit", 1000)
    return after, min(limit, LARGEST_PAGE)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, "")
    if not value:
        return default
    if not (value.isascii() and value.isdigit()):
        raise ControlRefused(f"{name}: must be a whole number")
    return int(value)


def _json(value: object, *, status: int = 200) -> Response:
    return Response(status=status, body=msgspec.json.encode(value))


ROUTES: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", "effects"): _effects,
    ("GET", "requests"): _requests,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _arm,
    ("DELETE", "faults"): _disarm,
    ("POST", "reset"): _reset,
    ("GET", "switches"): _switches,
    ("POST", "switches"): _turn,
}
