"""What Prometheus sees: counters of what this process did, and gauges read from the ledger when they are asked for.

Labels are bounded: each has a list of values that is known at the start, and anything else is `other`. A dossier's
number, an event's id or a person's name can therefore never become a label, whatever a caller hands in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bus.errors import LedgerTrouble
from bus.messages import State
from bus.payments import Effect

OTHER: Final = "other"
OUTCOMES: Final = ("Delivered", "Awaiting", "Refused", "Unreachable", "InDoubt")
RESULTS: Final = ("recorded", "repeated", "contradicted", "refused")
CALLBACKS: Final = (
    *(effect.value for effect in Effect),
    "checksum", "merchant", "form", "unavailable", "forbidden_source", "rate_limited", "too_large", "media_type",
)  # fmt: skip
"""What a gateway's call came to: heard with an effect, or refused under a rule."""
SIGN_INS: Final = ("opened", "denied", "waiting", "refused")
CIRCUITS: Final = {"closed": 0.0, "open": 1.0}

ATTEMPT_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds: a loopback mock answers in the first two, the portal in tenths to tens of seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerStats:
    """How one partner stands, as the ledger tells it at the time of asking."""

    states: Mapping[str, int] = field(default_factory=dict)
    """How many deliveries are in each open state (`waiting`, `held`, …)."""
    oldest_waiting_s: float = 0.0
    """Age of the oldest delivery that waits; 0 when none does."""
    last_success_s: float | None = None
    """Seconds since the partner last took something; None when it never has."""
    circuit: str = "closed"
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What the gauges are made of, read in one go."""

    partners: Mapping[str, PartnerStats] = field(default_factory=dict)
    gaps: int = 0
    """Dossiers that wait behind a missing number."""
    checkpoint_s: float | None = None
    """Age of the last signed checkpoint; None when there is none."""
    keys_s: Mapping[str, float] = field(default_factory=dict)
    """Seconds until each key or certificate ends, by its name in the settings."""


class Metrics:
    """Everything at `/metrics`. One for a process, on a registry of its own."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        sources: Iterable[str],
        kinds: Iterable[str],
        partners: Iterable[str],
        codes: Iterable[str],
        stats: Callable[[], Stats],
    ) -> None:
        """`sources`, `kinds`, `partners` and `codes` (of refusals) are all values that their labels may take."""
        self._registry = registry
        self._sources, self._kinds, self._codes = frozenset(sources), frozenset(kinds), frozenset(codes)
        self._partners = frozenset(partners)
        self._events = _counter(registry, "events", "Events taken in, by what became of them.", "source kind result")
        self._deliveries = _counter(registry, "deliveries", "Deliveries settled, by new state.", "partner state")
        self._attempts = _counter(registry, "attempts", "Attempts made, by outcome.", "partner outcome")
        self._refused = _counter(registry, "refused_requests", "Requests refused at the doors, by code.", "code")
        self._callbacks = _counter(
            registry, "callbacks", "Calls of payment gateways, by what they came to.", "partner result"
        )
        self._sign_ins = _counter(
            registry, "console_sign_ins", "Tries to sign in at the console, by what came of them.", "result"
        )
        self._csp_reports = _counter(
            registry, "console_csp_reports", "Reports of browsers that a page of the console broke its policy.", ""
        )
        self._seconds = Histogram(
            "lienthong_attempt_seconds",
            "How long an attempt took, from connecting to the last byte of the answer.",
            ["partner"],
            buckets=ATTEMPT_SECONDS,
            registry=registry,
        )
        registry.register(_LedgerGauges(stats, self._partner))

    def event_taken(self, *, source: str, kind: str, result: str) -> None:
        """An event was recorded, repeated or contradicted."""
        self._events.labels(
            _bounded(source, self._sources), _bounded(kind, self._kinds), _bounded(result, RESULTS)
        ).inc()

    def delivery_settled(self, *, partner: str, state: str) -> None:
        """A delivery has a new state."""
        self._deliveries.labels(self._partner(partner), _bounded(state, STATES)).inc()

    def attempt_made(self, *, partner: str, outcome: str, seconds: float) -> None:
        """An attempt came to its outcome."""
        name = self._partner(partner)
        self._attempts.labels(name, _bounded(outcome, OUTCOMES)).inc()
        self._seconds.labels(name).observe(seconds)

    def request_refused(self, *, code: str) -> None:
        """A request was refused at a door."""
        self._refused.labels(_bounded(code, self._codes)).inc()

    def callback_taken(self, *, partner: str, result: str) -> None:
        """A payment gateway called, and was heard or refused."""
        self._callbacks.labels(self._partner(partner), _bounded(result, CALLBACKS)).inc()

    def sign_in_tried(self, result: str) -> None:
        """Somebody tried to sign in: a session was opened, name or password were wrong (denied), it has to wait, or the
        provider's answer was refused."""
        self._sign_ins.labels(_bounded(result, SIGN_INS)).inc()

    def csp_reported(self) -> None:
        """A browser said that a page tried what it may not."""
        self._csp_reports.inc()

    def page(self) -> tuple[bytes, str]:
        """The body of `/metrics` and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def _partner(self, name: str) -> str:
        return _bounded(name, self._partners)


STATES: Final = tuple(state.value for state in State)
OPEN_STATES: Final = tuple(state.value for state in State if state.is_open)


class _LedgerGauges(Collector):
    """Asks the ledger at each scrape, so that the numbers are true after a restart and for all processes together."""

    def __init__(self, stats: Callable[[], Stats], partner: Callable[[str], str]) -> None:
        self._stats = stats
        self._partner = partner

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing beforehand: registering must not read the ledger."""
        yield from ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = _gauge("ledger_up", "Whether the ledger could be read for this page.")
        try:
            stats = self._stats()
        except LedgerTrouble:
            # The counters are still worth showing, and an alert rests on this 0.
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from self._of_partners(stats.partners)
        yield from _of_installation(stats)

    def _of_partners(self, partners: Mapping[str, PartnerStats]) -> Iterator[GaugeMetricFamily]:
        known = {self._partner(name): stats for name, stats in sorted(partners.items())}
        for state in OPEN_STATES:
            gauge = _gauge(state, f"Deliveries that are {state.replace('_', ' ')} now.", "partner")
            for name, stats in known.items():
                gauge.add_metric([name], stats.states.get(state, 0))
            yield gauge
        oldest = _gauge("oldest_waiting_seconds", "Age of the oldest delivery that waits.", "partner")
        fresh = _gauge("freshness_seconds", "Time since the partner last took something.", "partner")
        circuit = _gauge("circuit", "The partner's circuit: 0 closed, 1 open.", "partner")
        stopped = _gauge("partner_held", "Whether a person has stopped sending to the partner.", "partner")
        for name, stats in known.items():
            oldest.add_metric([name], stats.oldest_waiting_s)
            if stats.last_success_s is not None:
                fresh.add_metric([name], stats.last_success_s)
            circuit.add_metric([name], CIRCUITS.get(stats.circuit, 1.0))
            stopped.add_metric([name], float(stats.is_held))
        yield from (oldest, fresh, circuit, stopped)


def _of_installation(stats: Stats) -> Iterator[GaugeMetricFamily]:
    gaps = _gauge("gaps", "Dossiers that wait behind a missing number.")
    gaps.add_metric([], stats.gaps)
    yield gaps
    if stats.checkpoint_s is not None:
        checkpoint = _gauge("checkpoint_age_seconds", "Time since the chains were last signed.")
        checkpoint.add_metric([], stats.checkpoint_s)
        yield checkpoint
    keys = _gauge("key_seconds_left", "Time until a key or certificate ends.", "key")
    for name, left in sorted(stats.keys_s.items()):
        keys.add_metric([name], left)
    yield keys


def _bounded(value: str, allowed: Iterable[str]) -> str:
    return value if value in allowed else OTHER


def _counter(registry: CollectorRegistry, name: str, words: str, labels: str) -> Counter:
    return Counter(f"lienthong_{name}_total", words, labels.split(), registry=registry)


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"lienthong_{name}", words, labels=labels)
