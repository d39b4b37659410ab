"""R1, R3 and R17 for outcomes: whatever happens, the told outcomes are the moves into told states, each once, in order.

The ledger holds an outcome exactly when it holds its move, at every moment; and when all is calm again the one-stop
system has heard each outcome once, those of one dossier in their order.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from bus.crash_points import TELLING
from bus.follow_ups import FollowUps, Taker
from bus.ports import no_crash
from tests.ears import EAR, TELL, Ears, listening, outcomes, untold
from tests.proofs.kit import CLASSES, SeededFate
from tests.proofs.test_r01_crash_points import POINTS, crash_and_recover, hits_of
from tests.proofs.test_r03_every_call_fails_once import crashes, walk
from tests.proofs.test_r17_state_machine import ARRIVAL, NUMBERED, ROOMY, Bus
from tests.world import World

HARD_OF_HEARING = ("lost_before", "lost_after")


class Telling(World):
    """A world with a one-stop system that is told its outcomes; it is judged when it is closed."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, follow_ups=TELL, **options)
        self.ears = Ears(SeededFate(5, kinds=HARD_OF_HEARING), folder / "heard")
        self._is_judged = options.get("crash_point", no_crash) is no_crash
        listening(self, self.ears)

    def close(self) -> None:
        try:
            if self._is_judged:
                self.settle_down(hours=48)
                assert [] == untold(self)
                assert [] == misheard(self)
        finally:
            super().close()


def misheard(world: Telling) -> list[str]:
    """Dossiers whose outcomes were not heard each once, in their order."""
    told, heard = defaultdict(list), defaultdict(list)
    of = {one["id"]: one["dossier"] for one in outcomes(world)}
    for id, dossier in of.items():
        told[dossier].append(id)
    for id in world.ears.heard:
        heard[of[id]].append(id)
    return [dossier for dossier in told if told[dossier] != heard[dossier]]


@pytest.mark.parametrize("point", [*POINTS, *TELLING])
def test_p02_crash_loses_and_doubles_no_outcome(folder: Path, point: str) -> None:
    """A process that ends at any named line leaves each move into a told state with its outcome, heard once."""
    crash_and_recover(Telling, folder, "queryable", point, seed=1)


def test_every_line_of_telling_is_reached(folder: Path) -> None:
    """The counter behind the walk: with a one-stop system that listens every named line is reached."""
    assert {*POINTS, *TELLING} == set(hits_of(Telling, folder, "queryable", seed=1))


def test_p01_outcome_when_a_database_call_fails(folder: Path) -> None:
    """Whichever call to the database fails: an outcome is there exactly when its move is."""
    assert 5 < walk(Telling, folder, "idempotent", "database", "before", stride=97)
    assert 5 < walk(Telling, folder, "queryable", "database", "twice", stride=97)


def test_p02_outcome_when_a_call_is_the_last(folder: Path) -> None:
    """The same when the process ends in that call."""
    assert 5 < crashes(Telling, folder, "idempotent", stride=97)


@pytest.mark.soak
@pytest.mark.parametrize("step_class", CLASSES)
def test_p01_outcome_whichever_call_fails(folder: Path, step_class: str) -> None:
    """Both for every fifth call."""
    assert 100 < walk(Telling, folder, step_class, "database", "after", stride=5)
    assert 100 < crashes(Telling, folder, step_class, stride=5)


# -- a broken one ---------------------------------------------------------------------------------------------------


class TellsAfterwards(Telling):
    """An outcome is written with the transaction after that of its move."""

    def open(self) -> None:
        super().open()
        writer: Any = self.ledger.moves.follow.__self__  # type: ignore[union-attr]
        tell, owed = writer._tell, list[tuple[Any, ...]]()

        def later(tx: Any, *one: Any) -> None:
            for each in owed:
                tell(tx, *each)
            owed[:] = [one]

        writer._tell = later


def test_telling_afterwards_is_caught(folder: Path) -> None:
    """The proof that the sound ledger passes fails where an outcome has a transaction of its own."""
    with pytest.raises(AssertionError, match="outcomes"):
        crash_and_recover(TellsAfterwards, folder, "queryable", "writer.after_commit", seed=1)


# -- random lives ---------------------------------------------------------------------------------------------------


class TellingBus(Bus):
    """R17's random lives with a one-stop system that is told both sources' outcomes."""

    step_class = "queryable"

    def make_world(self, **options: Any) -> World:
        both = FollowUps(outcomes={source: Taker(partner=EAR) for source in (ARRIVAL, NUMBERED)})
        self.ears = Ears(SeededFate(7, kinds=HARD_OF_HEARING))
        world = World(follow_ups=both, **options)
        listening(world, self.ears)
        return world

    @invariant()
    def outcomes_are_the_moves(self) -> None:
        """After every step: one outcome for each move into a told state, in their order."""
        assert [] == untold(self.world, ARRIVAL)
        assert [] == untold(self.world, NUMBERED)


def test_p02_outcomes_against_moves() -> None:
    """Random lives of a ledger: the outcomes are the moves into told states, exactly once each, in order."""
    run_state_machine_as_test(TellingBus, settings=settings(ROOMY, max_examples=15, stateful_step_count=30))


@pytest.mark.soak
def test_p02_outcomes_against_many_moves() -> None:
    """The same with thirty thousand steps."""
    run_state_machine_as_test(TellingBus, settings=settings(ROOMY, max_examples=300, stateful_step_count=100))
