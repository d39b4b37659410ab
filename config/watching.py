"""The numbers of one installation, for whoever watches it: behind the doors, or beside a worker that stands alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from adapters.doors.health import Readiness, told_ready
from adapters.doors.metrics import Metrics, PartnerStats, Stats
from adapters.doors.problems import STATUS
from adapters.doors.soap_codes import FAULTS
from adapters.doors.watched import Answer
from bus.messages import Attempt, Decision, Delivery
from bus.times import from_ms
from config import fitness
from config.key_life import notes, seconds_left
from config.signing_key import InstallationKey
from config.wiring import Installation

MOST_GAPS: Final = 1_000
"""Counted on the metrics page up to here: past it the exact number helps nobody."""


def make_metrics(installation: Installation) -> Metrics:
    """Metrics whose labels can take the values of this installation and no others."""
    settings = installation.settings
    return Metrics(
        CollectorRegistry(),
        sources=settings.sources(),
        kinds=installation.routes.kinds,
        # Gateways and issuers stand in no route: without their names nobody is warned of one of them.
        partners=installation.partner_names,
        codes={*STATUS, *FAULTS},
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
        keys_s=seconds_left(installation.settings, now),
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


def readiness(installation: Installation, key: InstallationKey) -> Readiness:
    """Whether this process can do its work, and what will soon keep it from that."""
    settings, clock = installation.settings, installation.ports.clock

    def soon() -> list[str]:
        try:
            return notes(settings, clock.now())
        except OSError:  # without the time there is no "soon"; `no_clock` says why
            return []

    return Readiness(
        installation.ledger,
        key,
        notes=soon,
        further=lambda: fitness.troubles(settings, clock, installation.doubts),
    )


def pages(installation: Installation, key: InstallationKey, metrics: Metrics) -> Mapping[str, Callable[[], Answer]]:
    """What a worker that stands alone shows."""
    ready = readiness(installation, key)

    def numbers() -> Answer:
        body, kind = metrics.page()
        return 200, body, kind

    def readyz() -> Answer:
        reasons = ready()
        told = json.dumps(told_ready(reasons, ready.notes()))
        return 503 if reasons else 200, told.encode(), "application/json"

    return {
        "/metrics": numbers,
        "/readyz": readyz,
        "/livez": lambda: (200, b'{"alive":true}', "application/json"),
    }
