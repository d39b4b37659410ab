"""R4: eight kinds of lost or garbled answer, thirty percent together; who can be asked is asked before anything goes
again, and who cannot is shown to a person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders import make_event, make_step
from tests.proofs.kit import (
    CLASSES,
    MINUTE,
    NOON,
    Maker,
    SeededFate,
    Source,
    fresh,
    judged,
    open_events,
    resent_unasked,
    resolve_by_books,
)
from tests.proofs.test_r01_crash_points import nobody_looks
from tests.world import World

EIGHT = {
    "lose_reply_after_effect": "lost_after",
    "lose_request": "lost_before",
    "half_body": "garbled_after",
    "reset": "lost_after",
    "http_500": "lost_before",
    "html_200": "garbled_before",
    "wrong_content_type": "garbled_after",
    "unsigned_fault": "garbled_before",
}
"""The mock's faults, and what each comes to here: taken or not, and no answer that can be believed."""


def many(dossiers: int, steps: int = 9) -> list:
    """So many dossiers, each with its record and steps, told side by side."""
    numbers = [f"H99.09-260703-{n:05d}" for n in range(dossiers)]
    rows = [[make_event(dossier=number, at=NOON) for number in numbers]]
    rows += [[make_step(dossier=number, at=NOON + n * MINUTE) for number in numbers] for n in range(1, steps + 1)]
    return [event for row in rows for event in row]


def lost_answers(
    maker: Maker,
    folder: Path,
    step_class: str,
    *,
    dossiers: int,
    seed: int,
    batch: int = 1,
    look: Callable[[World], None] = nobody_looks,
) -> int:
    """Deliver all of it while three answers in ten are lost; judges, and gives the number of unclear outcomes."""
    kinds = [*EIGHT.values()] if batch == 1 else [*EIGHT.values(), "skipped", "skipped"]
    fate = SeededFate(seed, share=0.3, kinds=kinds)
    world = maker(fresh(folder, f"{step_class}-{seed}"), fate=fate, step_class=step_class, batch=batch, seed=seed)
    source = Source(many(dossiers))
    source.tell(world)
    world.settle_down(hours=200)
    judged(world, source.events, seed=seed)
    look(world)
    assert [] == resent_unasked(world.adapter.calls), f"seed {seed}"
    if step_class == "blind":
        resolve_by_books(world)
        judged(world, source.events, seed=seed)
        look(world)
    assert [] == open_events(world, source.events), f"seed {seed}"
    unclear = sum(fate != "ok" for what, _event, fate in world.adapter.calls if what == "sent")
    world.close()
    return unclear


@pytest.mark.parametrize("step_class", CLASSES)
def test_p05_lost_and_garbled_answers(folder: Path, step_class: str) -> None:
    """A thousand events, three answers in ten lost or garbled: 0/0/0, and asked before sent again in every case."""
    assert 200 < lost_answers(World, folder, step_class, dossiers=100, seed=4)


def test_p06_batches_name_what_they_took(folder: Path) -> None:
    """In batches a yes counts only for the records it names: one that was skipped is asked about and goes again."""
    assert 20 < lost_answers(World, folder, "queryable", dossiers=12, seed=5, batch=10)


@pytest.mark.soak
@pytest.mark.parametrize("step_class", CLASSES)
@pytest.mark.parametrize("seed", range(3))
def test_p05_ten_thousand_lost_answers(folder: Path, step_class: str, seed: int) -> None:
    """The same with ten thousand events."""
    assert 2_000 < lost_answers(World, folder, step_class, dossiers=1_000, seed=seed)
