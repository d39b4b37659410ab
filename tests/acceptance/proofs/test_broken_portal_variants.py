"""Tests of the tests: adapters that are broken on purpose go through the very same proofs, and each is found.

A mock that de-duplicates or reorders is noticed as well: `tests/contract/test_national_portal_mock.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.partners.national_portal.adapter import NationalPortal
from bus.messages import Attempt, Delivered, Delivery, InDoubt
from contracts.mock_faults import FaultOrder
from tests.acceptance.proofs import test_r04_lost_answers as r04
from tests.acceptance.proofs.portal_world import portal_world
from tests.acceptance.proofs.story import Judged, judged, lives


class TakesHtmlForYes(NationalPortal):
    """Status 200 is good enough for it."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [_green(attempt) for attempt in super().deliver(batch)]


def _green(attempt: Attempt) -> Attempt:
    if isinstance(attempt.outcome, InDoubt) and attempt.exchanges[-1].status == 200:
        return Attempt(outcome=Delivered(), exchanges=attempt.exchanges, facts=attempt.facts)
    return attempt


class SendsStepsAgain(NationalPortal):
    """A lost reply is a failed delivery to it."""

    def _policy(self, delivery: Delivery) -> str:
        return "send_again"


class CreatesWithoutAsking(NationalPortal):
    """It never asks about a create: the portal will say if it is there."""

    def ask(self, delivery: Delivery) -> Attempt:
        if delivery.event.kind == "dossier.recorded" and not delivery.standing.exists:
            from bus.messages import Unreachable

            return Attempt(outcome=Unreachable(reason="again", is_down=False), facts={"exists": False})
        return super().ask(delivery)


class KeepsNoOrder(NationalPortal):
    """It says yes at once and sends from a bag, whichever comes to hand."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self._bag: list[Delivery] = []
        self._chance = random.Random(5)

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        steps = [one for one in batch if one.event.kind != "dossier.recorded"]
        if not steps:
            return super().deliver(batch)
        self._bag += steps
        if len(self._bag) > 20:
            super().deliver([self._bag.pop(self._chance.randrange(len(self._bag)))])
        return [Attempt(outcome=Delivered()) for _ in batch]

    def empty(self) -> None:
        """The end of its day."""
        while self._bag:
            super().deliver([self._bag.pop(self._chance.randrange(len(self._bag)))])


@pytest.mark.parametrize(
    ("variant", "found"),
    [
        (TakesHtmlForYes, "lost|false_green|as call"),
        (SendsStepsAgain, "as call"),
        (CreatesWithoutAsking, "as call"),
    ],
)
def test_r4_finds(home: Path, variant: type[NationalPortal], found: str) -> None:
    """The proof of lost answers fails for each of these adapters, and says what it found."""
    with pytest.raises(AssertionError, match=found):
        r04.walk(home / "world", dossiers=40, events=6, adapter=variant)


def test_doubled_steps_are_found_by_the_list_alone(home: Path) -> None:
    """A step sent again after a lost reply is doubled in the mock's list, whatever the ledger thinks of it."""
    verdict = day(home, adapter=SendsStepsAgain, arm=lambda world: _lose_step_replies(world))

    assert verdict.findings.doubled
    assert verdict.verdict.doubled


def _lose_step_replies(world: Any) -> None:
    world.portal.faults.arm(FaultOrder(fault="lose_reply_after_effect", count=5, operation="CapNhatTienDoHoSoMC"))


def test_html_taken_for_yes_is_found_by_the_list_alone(home: Path) -> None:
    """A maintenance page taken for a yes is a delivery that the mock's list does not have."""
    verdict = day(
        home,
        adapter=TakesHtmlForYes,
        arm=lambda world: world.portal.faults.arm(FaultOrder(fault="html_200", rate=0.2, seed=3)),
    )

    assert verdict.findings.false_green
    assert verdict.verdict.lost


def test_lost_order_is_found_by_the_list_alone(home: Path) -> None:
    """Steps sent as they come to hand stand in the mock's list out of their order."""
    verdict = day(home, adapter=KeepsNoOrder, at_end=lambda world: world.adapter.empty())

    assert verdict.findings.out_of_order
    assert verdict.verdict.out_of_order


def test_order_kept_is_found_in_order(home: Path) -> None:
    """The same day with the adapter as it is: nothing is found."""
    day(home).must_be_clean("the adapter as it is")


def test_batch_yes_taken_for_each_is_found(home: Path) -> None:
    """Where the portal skips a bad record of an array and says yes to the call, that yes counts for no record of it."""
    believed = skipping(
        home / "believed", together=10, batch={"create": 10, "update": 10}, batch_answer={"create": "atomic"}
    )
    assert believed.findings.false_green
    assert believed.verdict.lost

    single = skipping(home / "single", together=10, batch={"create": 10, "update": 10}, batch_answer={})
    single.must_be_clean("one by one, as the contract table has it")
    assert single.states["refused"]


@pytest.mark.parametrize("fault", ["skip_record_say_yes"])
def test_partner_that_says_yes_and_keeps_nothing_is_found(home: Path, fault: str) -> None:
    """A partner that lies is found by comparing the accounts: no client can see it in the reply."""
    verdict = day(home, arm=lambda world: world.portal.faults.arm(FaultOrder(fault=fault, count=3)))

    assert 3 == len(verdict.findings.false_green)


def skipping(folder: Path, **settings: Any) -> Judged:
    """Creates in arrays at a portal that skips a refused record and says yes to the call (NOTES.md#r110)."""
    told = [wire for life in lives(20, 1) for wire in life]
    with portal_world(folder, **settings) as world:
        world.portal.switches.turn({"bad_record": "skipped_success_reported"})
        world.portal.faults.arm(FaultOrder(fault="refuse_record", count=2))
        world.accept(*told)
        world.settle()
        return judged(world.reads, world.portal, told)


def day(
    home: Path,
    *,
    adapter: type[NationalPortal] = NationalPortal,
    arm: Callable[[Any], object] = lambda world: None,
    at_end: Callable[[Any], object] = lambda world: None,
) -> Judged:
    """A short day through an adapter, judged."""
    told = [wire for life in lives(20, 8) for wire in life]
    with portal_world(home / "day", adapter=adapter) as world:
        arm(world)
        world.accept(*told)
        world.settle()
        at_end(world)
        return judged(world.reads, world.portal, told)
