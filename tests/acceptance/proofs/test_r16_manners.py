"""R16: retry manners, counted at the counterparty: what is published is what is measured.

The real adapter on a real port, in a time that jumps: hours of an outage pass in seconds, and every call that the mock
saw is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from bus.circuit import Manners
from bus.retry import JITTER, SCHEDULE
from contracts.mock_faults import FaultOrder
from tests.acceptance.proofs.portal_world import PortalWorld, portal_world
from tests.acceptance.proofs.story import judged, life, lives

SLACK = timedelta(seconds=1)
PATIENT = timedelta(seconds=20)
"""Nothing here waits a call out: a time-out would be the machine's, and not the portal's."""


def close_the_way(world: PortalWorld) -> None:
    """The exchange in front of the portal lets nobody through: certainly not taken, no time named."""
    world.portal.switches.turn({"outer_auth": "key"})


def open_the_way(world: PortalWorld) -> None:
    world.portal.switches.turn({"outer_auth": "none"})


def waits(times: Sequence[datetime]) -> list[timedelta]:
    """Between one try and the next; calls at one moment are one try."""
    moments = sorted(set(times))
    return [later - earlier for earlier, later in pairwise(moments)]


def test_p09_published_schedule_is_measured(home: Path) -> None:
    """One delivery to a partner that is not there: the mock counts the very waits that are published, jitter added."""
    with portal_world(home / "world", timeout=PATIENT) as world:
        close_the_way(world)
        world.accept(*life(0, 1))
        world.settle(hours=4)
        measured = waits([call.at for call in world.portal.calls])
        planned = [*SCHEDULE, *[SCHEDULE[-1]] * (len(measured) - len(SCHEDULE))]

        assert len(measured) > len(SCHEDULE)
        for wait, published in zip(measured, planned, strict=True):
            assert published <= wait <= published * (1 + JITTER) + SLACK, (measured, planned)


def test_p09_retry_after_is_honoured(home: Path) -> None:
    """A partner that names a time is left alone until then, and asked soon after."""
    with portal_world(home / "world", timeout=PATIENT) as world:
        world.portal.faults.arm(FaultOrder(fault="rate_limited", count=3, retry_after=90))
        world.accept(*life(0, 1))
        world.settle(hours=1)
        measured = waits([call.at for call in world.portal.calls])

        assert 3 == len(measured)
        assert all(timedelta(seconds=90) <= wait <= timedelta(seconds=90) + SLACK for wait in measured), measured
        judged(world.reads, world.portal, life(0, 1)).must_be_clean("retry after")


@pytest.mark.parametrize("kind", ["record", "step"])
def test_p09_business_refusals_are_never_retried(home: Path, kind: str) -> None:
    """What the portal refused is not sent again in two days, and what stands behind it waits."""
    told = life(0, 4, records=0.0)
    service = "DongBoHoSoMC" if kind == "record" else "CapNhatTienDoHoSoMC"
    with portal_world(home / "world", timeout=PATIENT) as world:
        world.portal.faults.arm(FaultOrder(fault="refuse_record", rate=1.0, operation=service))
        world.accept(*told)
        world.settle(hours=48)
        writes = [call for call in world.portal.calls if call.operation == service]

        assert 1 == len(writes)
        assert "refused" == world.state(told[0] if kind == "record" else told[1])
        assert [] == [call for call in world.portal.calls if told[-1]["id"] in call.marks]


def test_p09_outage_costs_probes_only(home: Path) -> None:
    """Six hours down, forty dossiers: at most a probe in five seconds, attempts within the schedule, then all heals."""
    told = [wire for one in lives(40, 3) for wire in one]
    with portal_world(home / "world", timeout=PATIENT) as world:
        began = world.clock.now()
        close_the_way(world)
        world.accept(*told)
        world.settle(hours=6)
        tries = sorted(call.at for call in world.portal.calls)
        opened = began + timedelta(seconds=1)
        probes = [at for at in tries if at > opened]
        lasted = world.clock.now() - began

        assert len(tries) <= 1.1 * len(told_heads(told)) * tries_in(lasted)
        assert all(wait >= Manners().probe_every for wait in waits(probes)), waits(probes)[:10]
        assert len(probes) == len(set(probes)), "one call a probe"
        assert len(probes) <= lasted / Manners().probe_every + 1
        assert world.reads.partners()[0]["circuit"] == "open"

        open_the_way(world)
        world.settle()
        done = judged(world.reads, world.portal, told).must_be_clean("after the outage")
        assert {"delivered", "superseded"} >= set(done.states)


def told_heads(told: Sequence[dict[str, object]]) -> set[object]:
    """One delivery of each dossier is tried; what stands behind it is not."""
    return {wire["subject"] for wire in told}


def tries_in(span: timedelta) -> int:
    """How often the published schedule tries one delivery in that time."""
    count, passed = 1, timedelta()
    while True:
        passed += SCHEDULE[min(count, len(SCHEDULE)) - 1]
        if passed > span:
            return count
        count += 1


def test_p09_outage_from_the_middle_heals(home: Path) -> None:
    """A portal that goes down under load is left in peace, and what was under way is delivered once it is back."""
    told = [wire for one in lives(30, 4) for wire in one]
    with portal_world(home / "world", timeout=PATIENT) as world:
        world.accept(*told[: len(told) // 2])
        world.settle(hours=1)
        close_the_way(world)
        world.accept(*told[len(told) // 2 :])
        world.settle(hours=2)
        open_the_way(world)
        world.settle()

        done = judged(world.reads, world.portal, told).must_be_clean("healed")
        assert {"delivered", "superseded"} >= set(done.states)
