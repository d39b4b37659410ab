"""From when on an earlier step is late: from when a later one may be at the partner, and not from when it was tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.upkeep import doubt_everything_open
from tests.builders import DOSSIER, NOON, make_event, make_step
from tests.integration.test_worker import MINUTE
from tests.world import PARTNER, World

RECORD = make_event(at=NOON)
EARLY, LATER = (make_step(at=NOON + n * MINUTE) for n in (1, 2))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.accept(RECORD)
    made.run()
    made.accept(LATER)
    yield made
    made.close()


def test_step_that_reached_nobody_makes_none_late(world: World) -> None:
    """A later step found the partner away, so nothing of it is there: the earlier one goes before it."""
    world.adapter.fate = lambda _d: "down"
    world.run()
    assert ("waiting", "unreachable") == (world.state_of(LATER), world.delivery_of(LATER)["cause"])
    world.adapter.fate = lambda _d: "ok"
    world.accept(EARLY)
    world.settle_down()

    assert [EARLY.id, LATER.id] == world.steps_at_partner(DOSSIER)


@pytest.mark.parametrize("fate", ["ok", "lost_after", "refuse"])
def test_step_that_reached_them_makes_earlier_ones_late(world: World, fate: str) -> None:
    """Taken, refused, or nobody knows: what comes before it is held for a person."""
    world.adapter.fate = lambda _d: fate
    world.run()
    world.accept(EARLY)

    assert ("held", "late_step") == (world.state_of(EARLY), world.delivery_of(EARLY)["cause"])


def test_step_on_its_way_makes_earlier_ones_late(world: World) -> None:
    """While a later step is being sent, nobody can know that it does not arrive."""
    world.dispatcher.claim(PARTNER, 1)
    world.accept(EARLY)

    assert ("held", "late_step") == (world.state_of(EARLY), world.delivery_of(EARLY)["cause"])


def test_step_that_its_worker_left_makes_earlier_ones_late(world: World) -> None:
    """A worker that went away may have sent it: from the end of its lease that stands in the ledger for good."""
    world.dispatcher.claim(PARTNER, 1)
    world.pass_time(61)
    world.dispatcher.claim(PARTNER, 0)
    world.accept(EARLY)

    assert ("held", "late_step") == (world.state_of(EARLY), world.delivery_of(EARLY)["cause"])


def test_step_on_its_way_when_the_backup_was_made(world: World) -> None:
    """A restore frees every lane: the step that was on its way then makes earlier ones late all the same."""
    world.dispatcher.claim(PARTNER, 1)
    doubt_everything_open(world.ledger)
    world.ledger.recorder.doubt_before = None
    world.accept(EARLY)

    assert ("held", "late_step") == (world.state_of(EARLY), world.delivery_of(EARLY)["cause"])
