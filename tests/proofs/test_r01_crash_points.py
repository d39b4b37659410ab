"""R1: a hard exit at every named line loses nothing, doubles nothing, and puts nothing out of order.

A child process lives a short day and is ended, without a word, the nth time a named line is reached. Then the ledger is
opened again, the source tells what nobody had answered, and the partner's books are compared with what was told.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.crash_points import ALL
from tests.proofs.kit import (
    CLASSES,
    DIED,
    Counting,
    Dying,
    FileBooks,
    Maker,
    SeededFate,
    Source,
    day,
    fresh,
    in_child,
    judged,
    live,
    open_events,
    recover,
    resent_unasked,
    resolve_by_books,
    time_of_death,
)
from tests.world import SimClock, World

POINTS = [name for name in ALL if not name.startswith("door.")]
"""Those of the door are walked at the door."""


def hits_of(maker: Maker, folder: Path, step_class: str, seed: int) -> Counter[str]:
    """How often each line is reached on a day on which nobody dies."""
    count = Counting()
    world = maker(fresh(folder, "count"), fate=SeededFate(seed), step_class=step_class, crash_point=count, seed=seed)
    live(world, Source(day()))
    world.close()
    shutil.rmtree(folder / "count")
    return count.hits


def nobody_looks(world: World) -> None:
    """The console stays shut: R23 opens it (`test_r23_operator_truth.py`)."""


def crash_and_recover(
    maker: Maker,
    folder: Path,
    step_class: str,
    point: str,
    seed: int,
    look: Callable[[World], None] = nobody_looks,
) -> int:
    """One death at one line. Judges what came of it; how many steps an operator had to look up."""
    hits = hits_of(maker, folder, step_class, seed)[point]
    assert hits, f"{point} is never reached ({step_class}, seed {seed})"
    nth = random.Random(f"{seed}:{point}").randint(1, hits)
    home, story = fresh(folder, "life"), f"{step_class}, {point} no. {nth}, seed {seed}"

    def life() -> None:
        clock = SimClock()
        dying = Dying(point, nth, clock, home / "clock")
        books = FileBooks(home / "books")
        world = maker(
            home, fate=SeededFate(seed), step_class=step_class, crash_point=dying, clock=clock, books=books, seed=seed
        )
        live(world, Source(day(), home / "answered"))

    assert DIED == in_child(life), story
    source, books = Source(day(), home / "answered"), FileBooks(home / "books")
    clock = time_of_death(home / "clock")
    world = maker(
        home, fate=SeededFate(seed + 1), step_class=step_class, clock=clock, books=books, seed=seed + 1_000_000
    )
    try:
        return _judge(world, source, step_class, story, look)
    finally:
        world.close()
        books.close()
        shutil.rmtree(home)


def _judge(world: World, source: Source, step_class: str, story: str, look: Callable[[World], None]) -> int:
    look(world)
    recover(world, source)
    judged(world, source.events, seed=story)
    look(world)
    assert [] == resent_unasked(world.adapter.calls), story
    if step_class != "blind":
        assert [] == open_events(world, source.events), story
        return 0
    resolved = resolve_by_books(world)
    judged(world, source.events, seed=story)
    look(world)
    assert [] == open_events(world, source.events), story
    return resolved


@pytest.mark.parametrize("step_class", CLASSES)
@pytest.mark.parametrize("point", POINTS)
def test_p02_crash_at_a_named_line(folder: Path, point: str, step_class: str) -> None:
    """A process that ends at any named line loses and doubles nothing; a blind step it left is visible, not resent."""
    crash_and_recover(World, folder, step_class, point, seed=1)


@pytest.mark.parametrize("step_class", CLASSES)
def test_every_line_is_reached(folder: Path, step_class: str) -> None:
    """The counter behind the walk: each of at least 24 named lines is reached in every class, and no unnamed one."""
    hits = hits_of(World, folder, step_class, seed=1)

    assert 24 <= len(POINTS)
    assert set(POINTS) == set(hits)


@pytest.mark.soak
@pytest.mark.parametrize("step_class", CLASSES)
@pytest.mark.parametrize("point", POINTS)
def test_p02_crash_at_a_named_line_with_fifty_seeds(folder: Path, point: str, step_class: str) -> None:
    """The same with fifty seeds for each line and class: the first fifty on whose day the line is reached."""
    # On a rare lucky day no reply is lost, and nobody asks.
    reached = (seed for seed in itertools.count(2) if hits_of(World, folder, step_class, seed)[point])
    for seed in itertools.islice(reached, 50):
        crash_and_recover(World, folder, step_class, point, seed)
