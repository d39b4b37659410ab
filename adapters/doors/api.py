"""The HTTP door: every route of the public surface on one application.

Reading a request, in this order: its size, its signature, its media type, its content, its source. What is turned away
anywhere on that way becomes a problem (RFC 9457) with a reference.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from adapters.doors import openapi
from adapters.doors.acceptances import Acceptances, CountsEvents
from adapters.doors.auth import Caller, Gate
from adapters.doors.batch import BatchDoor
from adapters.doors.body import READ_S, BodyReader
from adapters.doors.events import EventDoor
from adapters.doors.guard import MOST_AT_ONCE, Guard
from adapters.doors.health import HealthDoor, ShowsMetrics
from adapters.doors.malformed import Malformed
from adapters.doors.questions import QuestionDoor
from adapters.doors.receipts import KeyRing, Signer
from adapters.doors.refusals import CountsRefusals, Desk, TurnedAway
from bus.errors import LedgerUnavailable, NotFound
from bus.intake import Intake
from bus.ledger import Ledger
from bus.ports import Clock, CrashPoint, Randomness, no_crash
from bus.reads import Reads
from bus.refusals import Refusals
from bus.repairs import Repairs

__all__ = ["Caller", "create_app"]

log = structlog.get_logger("doors")


class DoorMetrics(CountsEvents, CountsRefusals, ShowsMetrics, Protocol):
    """What the doors need of `metrics.Metrics`."""


def create_app(
    *,
    intake: Intake,
    ledger: Ledger,
    reads: Reads,
    repairs: Repairs,
    callers: Mapping[str, Caller],
    identity: Signer,
    retired: Sequence[Signer] = (),
    clock: Clock,
    randomness: Randomness,
    metrics: DoorMetrics,
    ready: Callable[[], list[str]],
    on_accepted: Callable[[], None] = lambda: None,
    demo_token: str | None = None,
    crash_point: CrashPoint = no_crash,
    refusals: Refusals | None = None,
    tick: Callable[[], float] = time.monotonic,
    read_s: float = READ_S,
    most_at_once: int = MOST_AT_ONCE,
) -> FastAPI:
    """The doors of one installation. `on_accepted` wakes the worker; `ready` says why not (see health.Readiness).

    `identity` signs receipts; of those that did before, `retired` repeats them.
    """
    keys = KeyRing(identity, retired)
    desk = Desk(refusals or Refusals(ledger), randomness, metrics)
    gate = Gate(callers, clock=clock, demo_token=demo_token, tick=tick)
    bodies = BodyReader(seconds=read_s)
    acceptances = Acceptances(ledger, metrics, on_accepted, clock=clock)
    events = EventDoor(
        intake=intake,
        acceptances=acceptances,
        gate=gate,
        bodies=bodies,
        keys=keys,
        crash_point=crash_point,
    )
    batch = BatchDoor(
        intake=intake,
        ledger=ledger,
        acceptances=acceptances,
        gate=gate,
        bodies=bodies,
        desk=desk,
        crash_point=crash_point,
    )
    questions = QuestionDoor(
        ledger=ledger,
        reads=reads,
        repairs=repairs,
        gate=gate,
        bodies=bodies,
        keys=keys,
        on_replayed=on_accepted,
    )
    app = _bare(desk, most_at_once)
    _add_routes(app, desk, events, batch, questions, HealthDoor(ready, metrics))
    return app


def _bare(desk: Desk, most_at_once: int) -> FastAPI:
    # No pages for people: they would load scripts from elsewhere. No telemetry: it would record what exceptions say.
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.desk = desk
    app.add_middleware(Guard, desk=desk, most_at_once=most_at_once)

    def turn_away(request: Request, trouble: Exception) -> Response:
        return desk.turn_away(request, _as_refusal(trouble))

    for kind in (TurnedAway, Malformed, LedgerUnavailable, NotFound, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, turn_away)
    return app


def _as_refusal(trouble: Exception) -> TurnedAway | Malformed:
    match trouble:
        case TurnedAway() | Malformed():
            return trouble
        case LedgerUnavailable():
            log.error("ledger_unavailable", cause=str(trouble))
            return TurnedAway("unavailable")
        case HTTPException(status_code=405):
            # The catalogue has one code for "nothing here": no such address, or none that takes this method.
            return TurnedAway("not_found", status=405, headers=dict(trouble.headers or {}))
        case RequestValidationError():
            return TurnedAway("wrong_type")
        case _:
            return TurnedAway("not_found")


def _add_routes(
    app: FastAPI, desk: Desk, events: EventDoor, batch: BatchDoor, questions: QuestionDoor, health: HealthDoor
) -> None:
    routes: list[tuple[str, str, Callable[..., Any]]] = [
        ("POST", "/v1/events", events.post),
        ("POST", "/v1/events/batch", batch.post),
        ("GET", "/v1/events/{id}", questions.get_event),
        ("GET", "/v1/dossiers/{number:path}", questions.get_dossier),
        ("GET", "/v1/deliveries", questions.get_deliveries),
        ("GET", "/v1/outcomes", questions.get_outcomes),
        ("GET", "/v1/sources/me", questions.get_sources),
        ("POST", "/v1/deliveries/{id}/replay", questions.post_replay),
        ("GET", "/livez", health.get_livez),
        ("GET", "/readyz", health.get_readyz),
        ("GET", "/metrics", health.get_metrics),
        ("GET", "/openapi.json", _get_openapi),
    ]
    for method, path, endpoint in routes:
        # Plain routes: the documented form is written by hand (openapi.py), and nothing is parsed before the signature.
        app.router.add_route(path, endpoint, methods=[method])
        desk.know_route(endpoint, path)


async def _get_openapi(request: Request) -> Response:
    """GET /openapi.json: this page."""
    return Response(openapi.as_bytes(), 200, media_type="application/json")
