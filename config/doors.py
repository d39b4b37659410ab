"""The doors of one installation: the application with everything it needs, and the numbers on its metrics page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from adapters.doors.api import Caller, create_app
from adapters.doors.health import Readiness
from adapters.doors.metrics import Metrics, PartnerStats, Stats
from adapters.doors.problems import STATUS
from bus.messages import Attempt, Decision, Delivery
from bus.times import from_ms
from config.signing_key import InstallationKey, retired_keys
from config.wiring import Installation, secrets_of_callers

NO_CONSOLE: Final = (
    "Bảng điều khiển chưa có trong phiên bản này. Dùng: lienthong deliveries list, lienthong dossier show SỐ-HỒ-SƠ.\n"
    "The console is not part of this version. Use: lienthong deliveries list, lienthong dossier show NUMBER.\n"
)
MOST_GAPS: Final = 1_000
"""Counted on the metrics page up to here: past it the exact number helps nobody."""


def make_metrics(installation: Installation) -> Metrics:
    """Metrics whose labels can take the values of this installation and no others."""
    settings = installation.settings
    return Metrics(
        CollectorRegistry(),
        sources=settings.orders(),
        kinds=installation.routes.kinds,
        partners=installation.routes.partners,
        codes=STATUS,
        stats=lambda: stats_of(installation),
    )


def watch_with(metrics: Metrics) -> Callable[[Delivery, Attempt, Decision, datetime], None]:
    """What a worker in the same process tells the metrics."""

    def watch(delivery: Delivery, attempt: Attempt, decision: Decision, started_at: datetime) -> None:
        seconds = sum((exchange.took for exchange in attempt.exchanges), start=timedelta())
        metrics.delivery_settled(partner=delivery.partner, state=decision.state.value)
        metrics.attempt_made(
            partner=delivery.partner, outcome=type(attempt.outcome).__name__, seconds=seconds.total_seconds()
        )

    return watch


def stats_of(installation: Installation) -> Stats:
    """The gauges' numbers, from the ledger. Raises LedgerTrouble."""
    reads, now = installation.reads, installation.ports.clock.now()
    alarm = timedelta(seconds=installation.settings.worker.gap_alarm_s)
    last = installation.ledger.engine.read().one("last_checkpoint")
    return Stats(
        partners={view["name"]: _of_partner(installation, view, now) for view in reads.partners()},
        gaps=len(reads.gaps(before=now - alarm, limit=MOST_GAPS)),
        checkpoint_s=None if last is None else (now - from_ms(last[1])).total_seconds(),
    )


def _of_partner(installation: Installation, view: dict[str, object], now: datetime) -> PartnerStats:
    name = str(view["name"])
    oldest, success = installation.reads.oldest_waiting(name), view["last_success_at"]
    states = view["deliveries"]
    assert isinstance(states, dict)
    return PartnerStats(
        states=states,
        oldest_waiting_s=0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()),
        last_success_s=None if success is None else (now - datetime.fromisoformat(str(success))).total_seconds(),
        circuit=str(view["circuit"]),
        is_held=bool(view["is_held"]),
    )


def make_app(
    installation: Installation,
    key: InstallationKey,
    metrics: Metrics,
    *,
    on_accepted: Callable[[], None] = lambda: None,
    demo_token: str | None = None,
) -> FastAPI:
    """The application. Raises SettingsRefused when a caller's secret cannot be used."""
    settings, ports = installation.settings, installation.ports
    secrets = secrets_of_callers(settings, is_demo=demo_token is not None)
    callers = {
        name: Caller(name=name, secret=secrets[name], sources=frozenset(caller.sources), order=caller.order)
        for name, caller in settings.callers.items()
    }
    app = create_app(
        intake=installation.intake,
        ledger=installation.ledger,
        reads=installation.reads,
        repairs=installation.repairs,
        callers=callers,
        identity=key,
        retired=retired_keys(settings.ledger),
        clock=ports.clock,
        randomness=ports.randomness,
        metrics=metrics,
        ready=Readiness(installation.ledger, key),
        on_accepted=on_accepted,
        demo_token=demo_token,
        crash_point=ports.crash_point,
    )
    app.router.add_route("/console/", _no_console, methods=["GET"])
    return app


async def _no_console(request: Request) -> Response:
    return Response(NO_CONSOLE, 404, media_type="text/plain; charset=utf-8")
