"""One attempt may be many calls; none starts that could outlive the lease."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.channels.http import Request
from adapters.partners.national_portal.adapter import NationalPortal
from bus.messages import Attempt, Delivered, Delivery, Exchange, InDoubt, Unreachable
from tests.builders import NOON
from tests.portal_kit import (
    ENDED,
    EXISTS,
    NOT_THERE,
    THERE,
    YES,
    ScriptedChannel,
    h99_tables,
    local_http,
    make_settings,
    record_delivery,
    step_delivery,
)
from tests.world import SimClock

TIMEOUT = timedelta(seconds=10)


class SlowChannel(ScriptedChannel):
    """Every call takes as long as a call may take."""

    def __init__(self, clock: SimClock, *script: Exchange) -> None:
        super().__init__(*script)
        self._clock = clock

    def send(self, request: Request) -> Exchange:
        self._clock.sleep(TIMEOUT.total_seconds())
        return super().send(request)


def slow_portal(*script: Exchange) -> tuple[NationalPortal, SlowChannel]:
    clock = SimClock()
    channel = SlowChannel(clock, *script)
    settings = make_settings(http=local_http(timeout=TIMEOUT))
    return NationalPortal(settings, channel, h99_tables(), clock=clock), channel


def record(exists: bool | None, calls: float) -> Delivery:
    return record_delivery(exists, leased_until=NOON + calls * TIMEOUT)


@pytest.mark.parametrize(
    ("delivery", "script", "calls"),
    [
        (record(True, 1.9), (YES,), []),
        (record(True, 0.9), (YES,), []),
        (record(None, 2.9), (NOT_THERE, YES), ["lookup"]),
        (record(True, 3.9), (ENDED, YES), ["update"]),
        (record(False, 2.9), (EXISTS, YES), ["create"]),
    ],
    ids=["after login", "at once", "after look-up", "after session", "create that is an update"],
)
def test_no_call_outlives_the_lease(delivery: Delivery, script: tuple[Exchange, ...], calls: list[str]):
    """Where the next call could end after the lease, the attempt ends before it: not sent, due at once, nobody down."""
    adapter, channel = slow_portal(*script)
    (attempt,) = adapter.deliver([delivery])

    assert calls == channel.services
    assert isinstance(attempt.outcome, Unreachable)
    assert "no_time" in attempt.outcome.reason
    assert (timedelta(0), False) == (attempt.outcome.retry_after, attempt.outcome.is_down)
    assert channel._clock.now() <= (delivery.leased_until or NOON) + TIMEOUT


@pytest.mark.parametrize(
    ("delivery", "script"),
    [
        (record(True, 2), (YES,)),
        (record(None, 3), (THERE, YES)),
        (record(True, 4), (ENDED, YES)),
        (record(False, 3), (EXISTS, YES)),
    ],
)
def test_whole_attempt_that_fits(delivery: Delivery, script: tuple[Exchange, ...]):
    """An attempt whose every call ends with the lease or before it goes through."""
    adapter, _channel = slow_portal(*script)
    (attempt,) = adapter.deliver([delivery])

    assert isinstance(attempt.outcome, Delivered)


def test_question_without_time_stays_open():
    """A look-up that could outlive the lease is not asked: the record stays in doubt, and nobody counts as down."""
    adapter, channel = slow_portal(NOT_THERE)
    attempt: Attempt = adapter.ask(record(False, 1.5))

    assert [] == channel.services
    assert isinstance(attempt.outcome, InDoubt)
    assert not attempt.outcome.is_down


def test_without_a_lease_nobody_minds():
    """A delivery outside a claim has no lease to outlive."""
    adapter, channel = slow_portal(YES)
    adapter.deliver([step_delivery()])

    assert ["step"] == channel.services
