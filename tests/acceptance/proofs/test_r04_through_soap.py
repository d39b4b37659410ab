"""R4 through the SOAP path: twelve kinds of lost, garbled or wrongly signed answer at 30 % together.

What is due arrives, once and in order, and nobody is asked to help: every message is known by its id. An adapter that
believes what is not proven is found by the very same judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.partners.one_stop.adapter import OneStop as Adapter
from bus.messages import Attempt, Delivered, Delivery, Exchange
from contracts.mock_faults import FaultOrder
from tests.acceptance.proofs.one_stop_world import OneStopWorld, lives, one_stop_world

KINDS = (
    "lose_reply_after_effect",
    "lose_request",
    "half_body",
    "reset",
    "http_500",
    "html_200",
    "wrong_content_type",
    "slow",
    "soap_fault",
    "unsigned_fault",
    "bad_signature",
    "rate_limited",
)
SHARE = 0.3
HASTY = timedelta(seconds=0.5)
"""An answer that comes later by chance is one more that is lost: the proof takes it as it comes."""


def arm(world: OneStopWorld, seed: int) -> None:
    """Each kind at its share of the thirty percent, drawn from the seed."""
    rate = 1 - (1 - SHARE) ** (1 / len(KINDS))
    for n, kind in enumerate(KINDS):
        world.mock.faults.arm(FaultOrder(fault=kind, rate=rate, seed=seed * 100 + n, seconds=0.7))


def walk(folder: Path, *, dossiers: int, events: int, seed: int = 1, way: str, **variant: type[Adapter]) -> None:
    """Tell a story while answers are lost, settle, and judge."""
    told = lives(dossiers, events)
    with one_stop_world(folder, way=way, seed=seed, timeout=HASTY, **variant) as world:
        arm(world, seed)
        for start in range(0, len(told), len(told) // 4):
            world.accept(*told[start : start + len(told) // 4])
            world.settle(hours=1)
        world.settle()
        world.judge(told, f"seed {seed} over {way}")
        struck = {fault["fault"]: fault["struck"] for fault in world.mock.faults.shown()}
        print(f"R4 over {way}, seed {seed}: {len(told)} messages, {struck}")
        # Which of them strike in a short story hangs on the order of threads; the enemy test meets each of them alone.
        assert len(KINDS) // 2 <= len([kind for kind, times in struck.items() if times])


def test_p02_lost_answers_over_soap(home: Path) -> None:
    """Three answers in ten lost, garbled or wrongly signed: 0/0/0, and everything delivered without a person."""
    walk(home / "world", dossiers=16, events=5, way="soap-1.2")


@pytest.mark.soak
@pytest.mark.parametrize("way", ["soap-1.1", "soap-1.2", "rest"])
def test_p02_lost_answers_over_soap_in_full(home: Path, way: str) -> None:
    """Five thousand messages over each protocol."""
    walk(home / "world", dossiers=500, events=10, seed=21, way=way)


class Believing(Adapter):
    """Takes any whole answer for a yes."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [self._green(attempt) for attempt in super().deliver(batch)]

    def _green(self, attempt: Attempt) -> Attempt:
        whole: list[Exchange] = [each for each in attempt.exchanges if each.trouble is None]
        return Attempt(outcome=Delivered(), exchanges=attempt.exchanges) if whole else attempt


def test_p06_adapter_that_believes_everything_is_found(home: Path) -> None:
    """The judge of these proofs finds an adapter that does not verify."""
    with pytest.raises(AssertionError, match="false"):
        walk(home / "world", dossiers=16, events=5, way="soap-1.1", adapter=Believing)
