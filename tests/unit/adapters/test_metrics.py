"""Metrics tell how things stand, with labels that cannot grow and cannot name a dossier."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from adapters.doors.metrics import Metrics, PartnerStats, Stats
from bus.errors import LedgerUnavailable

DOSSIER = "H99.09-260703-0123"
STATS = Stats(
    partners={
        "national_portal": PartnerStats(
            states={"waiting": 7, "in_doubt": 1, "held": 2, "delivered": 900},
            oldest_waiting_s=61.5,
            last_success_s=3.0,
            circuit="open",
            is_held=True,
        ),
        "sms_gateway": PartnerStats(),
    },
    gaps=4,
    checkpoint_s=120.0,
    keys_s={"portal-client": 86_400.0},
)


def make_metrics(stats=lambda: STATS) -> Metrics:
    return Metrics(
        CollectorRegistry(),
        sources=["one-stop/h99"],
        kinds=["dossier.recorded"],
        partners=["national_portal", "sms_gateway"],
        codes=["enum", "bad_signature"],
        stats=stats,
    )


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Name and label values in their own order → value, as a scraper reads the page."""
    body, _ = metrics.page()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_counters_count():
    """Each verb raises its counter by one, under its labels."""
    metrics = make_metrics()
    metrics.event_taken(source="one-stop/h99", kind="dossier.recorded", result="repeated")
    metrics.delivery_settled(partner="national_portal", state="delivered")
    metrics.attempt_made(partner="national_portal", outcome="InDoubt", seconds=0.3)
    metrics.request_refused(code="enum")
    metrics.request_refused(code="enum")

    seen = samples(metrics)

    assert 1 == seen["lienthong_events_total", "dossier.recorded", "one-stop/h99", "repeated"]
    assert 1 == seen["lienthong_deliveries_total", "delivered", "national_portal"]
    assert 1 == seen["lienthong_attempts_total", "InDoubt", "national_portal"]
    assert 0 == seen["lienthong_attempt_seconds_bucket", "0.25", "national_portal"]
    assert 1 == seen["lienthong_attempt_seconds_bucket", "0.5", "national_portal"]
    assert 2 == seen["lienthong_refused_requests_total", "enum"]


def test_gauges_are_read_when_asked():
    """Waiting, doubt, held, age, freshness, circuit: as the ledger says at this moment."""
    seen = samples(make_metrics())

    assert 1 == seen[("lienthong_ledger_up",)]
    assert 7 == seen["lienthong_waiting", "national_portal"]
    assert 1 == seen["lienthong_in_doubt", "national_portal"]
    assert 2 == seen["lienthong_held", "national_portal"]
    assert 0 == seen["lienthong_refused", "sms_gateway"]
    assert 61.5 == seen["lienthong_oldest_waiting_seconds", "national_portal"]
    assert 3 == seen["lienthong_freshness_seconds", "national_portal"]
    assert 1 == seen["lienthong_circuit", "national_portal"]
    assert 0 == seen["lienthong_circuit", "sms_gateway"]
    assert 1 == seen["lienthong_partner_held", "national_portal"]
    assert 4 == seen[("lienthong_gaps",)]
    assert 120 == seen[("lienthong_checkpoint_age_seconds",)]
    assert 86_400 == seen["lienthong_key_seconds_left", "portal-client"]


def test_what_never_was_is_absent():
    """No freshness before a first success, no age of a checkpoint before the first: absent, not nought."""
    seen = samples(make_metrics(lambda: Stats(partners={"national_portal": PartnerStats()})))

    assert ("lienthong_freshness_seconds", "national_portal") not in seen
    assert ("lienthong_checkpoint_age_seconds",) not in seen


def test_final_states_are_no_gauge():
    """What is done is counted, not gauged: a gauge of it would grow for ever."""
    assert not any(name == "lienthong_delivered" for name, *_ in samples(make_metrics()))


def test_unreadable_ledger_is_told():
    """The page still answers, with the counters and a nought that an alert can rest on."""

    def broken() -> Stats:
        raise LedgerUnavailable

    metrics = make_metrics(broken)
    metrics.request_refused(code="enum")

    seen = samples(metrics)

    assert 0 == seen[("lienthong_ledger_up",)]
    assert 1 == seen["lienthong_refused_requests_total", "enum"]
    assert ("lienthong_gaps",) not in seen


def test_making_metrics_does_not_ask_the_ledger():
    """Constructing is not reading."""

    def never() -> Stats:
        pytest.fail("the ledger was asked")

    assert make_metrics(never) is not None


def test_labels_are_bounded():
    """A thousand strange values make one more series for each name: `other`."""
    metrics = make_metrics(lambda: Stats(partners={f"p{n}": PartnerStats() for n in range(100)}))
    for n in range(1000):
        value = f"{DOSSIER}-{n}"
        metrics.event_taken(source=value, kind=value, result=value)
        metrics.delivery_settled(partner=value, state=value)
        metrics.attempt_made(partner=value, outcome=value, seconds=n)
        metrics.request_refused(code=value)
        metrics.sign_in_tried(value)

    seen = samples(metrics)

    assert DOSSIER not in str(seen)
    assert 1000 == seen["lienthong_events_total", "other", "other", "other"]
    assert 1000 == seen["lienthong_attempts_total", "other", "other"]
    assert 1000 == seen["lienthong_console_sign_ins_total", "other"]
    assert 60 > len(seen)


def test_every_label_is_one_of_the_few():
    """Only these label names exist; none of them can hold an identifier of a dossier, an event or a person."""
    body, content_type = make_metrics().page()
    names = {
        label
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        for label in sample.labels
    }

    assert names <= {"source", "kind", "result", "partner", "state", "outcome", "code", "le", "key"}
    assert content_type.startswith("text/plain")
