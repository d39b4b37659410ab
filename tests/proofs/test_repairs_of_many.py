"""Repairs of many: the dry run is what happens; whoever dies, each item is done once; order and effects hold."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.crash_points import CORRECTING, RUNNING
from bus.follow_ups import NOTHING
from bus.judging import Act, How
from bus.runs import LEASE
from bus.upkeep import verify
from tests.builders import NOON, from_json, make_event, make_step
from tests.ears import TELL
from tests.memory import own_folder
from tests.proofs.kit import (
    DIED,
    Counting,
    Dying,
    FileBooks,
    fresh,
    in_child,
    resolve_by_books,
    time_of_death,
)
from tests.repair_kit import MINUTE, Fates, Room, number_of, troubled, write
from tests.world import SimClock, World, account

ACTS: list[tuple[Act, How]] = [
    ("replay", ""), ("release", ""), ("cancel", ""),
    ("resolve", "arrived"), ("resolve", "send_again"), ("resolve", "go_on"),
]  # fmt: skip
MOVED = 4
"""Where a move's row names its delivery."""
WRITER = ("writer.before_begin", "writer.after_begin", "writer.before_commit", "writer.after_commit")


# -- the dry run -----------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    act=st.sampled_from(ACTS),
    share=st.floats(0.3, 1.0),
    is_told=st.booleans(),
)
def test_dry_run_is_what_happens(
    tmp_path_factory: pytest.TempPathFactory, seed: int, act: tuple[Act, How], share: float, is_told: bool
) -> None:
    """For any world in trouble, any act and any choice: each item comes to exactly what the dry run said of it."""
    with own_folder(tmp_path_factory.mktemp("world")) as folder:
        fates, dice = Fates(), random.Random(seed)
        world = World(folder, fate=fates, follow_ups=TELL if is_told else NOTHING)
        compare(world, fates, dice, act, share)
        world.close()


def compare(world: World, fates: Fates, dice: random.Random, act: tuple[Act, How], share: float) -> None:
    """What was said of each beside what became of it; and what the partner has in the end."""
    events = troubled(world, fates, dossiers=3, seed=dice.randrange(10_000))
    room = Room(world)
    ids = [number_of(world, event) for event in events if dice.random() < share] or [1]
    dice.shuffle(ids)
    planned = room.selections.plan(ids, *act)
    said = {stand.delivery: would for stand, would in planned.items}
    number = write(world, lambda tx: room.selections.freeze(tx, planned, account="an", reason="why"))
    run = room.start(number)
    room.carry()

    assert said == room.outcomes_by_item(number)
    assert planned.summary == room.runs.outcomes(run) == room.selections.summary(number)
    fates.by_id.clear()
    world.settle_down(hours=48)
    if act[1] != "arrived":  # what a person says is at the partner need not be there
        assert () == account(world, events).out_of_order
    assert [] == list(verify(world.ledger))


# -- whoever dies ----------------------------------------------------------------------------------------------------


def prepare(home: Path) -> None:
    """A ledger with six refused dossiers, each with a step behind it, and a run that is to begin."""
    fates = Fates({f"r{n}": "refuse" for n in range(6)})
    books = FileBooks(home / "books")
    world = World(home, fate=fates, books=books)
    world.accept(*events())
    world.settle_down(hours=1)
    room = Room(world)
    ids = [number_of(world, make_event(dossier=f"H99.09-260703-{n:04d}", id=f"r{n}")) for n in range(6)]
    room.start(room.freeze(ids))
    world.close()
    books.close()
    (home / "ids").write_text(json.dumps(ids))


def events() -> list[Any]:
    """What the source told."""
    return [
        event
        for n in range(6)
        for event in (
            make_event(dossier=f"H99.09-260703-{n:04d}", id=f"r{n}"),
            make_step(dossier=f"H99.09-260703-{n:04d}", at=NOON + MINUTE, id=f"s{n}"),
        )
    ]


def carry(home: Path, point: Any, clock: SimClock) -> None:
    """One process's life: it carries the run."""
    world = World(home, crash_point=point, clock=clock)
    Room(world, crash_point=point).carry()
    world.close()


def counted(folder: Path) -> Counter[str]:
    """How often each line is reached in a life in which nobody dies."""
    home = fresh(folder, "count")
    prepare(home)
    count = Counting()
    carry(home, count, SimClock())
    shutil.rmtree(home)
    return count.hits


def places(folder: Path) -> list[tuple[str, int]]:
    """Every line of the run, every time it is reached: between every two items, and inside each."""
    hits = counted(folder)
    assert set(RUNNING) <= set(hits)
    return [(name, nth) for name in (*RUNNING, *WRITER[2:]) for nth in range(1, hits[name] + 1)]


def test_p02_run_survives_a_kill_between_any_two_items(folder: Path) -> None:
    """Ended at any line, any number of times: another process goes on, each item's move is made once, none is lost."""
    for name, nth in places(folder):
        home, story = fresh(folder, "life"), f"{name} no. {nth}"
        prepare(home)

        def life(home: Path = home, name: str = name, nth: int = nth) -> None:
            clock = SimClock()
            carry(home, Dying(name, nth, clock, home / "clock"), clock)

        assert DIED == in_child(life), story
        clock = time_of_death(home / "clock")
        clock.time += LEASE + MINUTE
        judge_after(home, clock, story)
        shutil.rmtree(home)


def judge_after(home: Path, clock: SimClock, story: str) -> None:
    """Another process carries on; then everything is delivered, once, in order."""
    books = FileBooks(home / "books")
    world = World(home, clock=clock, books=books)
    room = Room(world)
    room.carry("door-2")
    ids = json.loads((home / "ids").read_text())
    moves = Counter(move[MOVED] for move in world.ledger.engine.read().all("all_moves") if "replayed" in move)

    assert dict.fromkeys(ids, 1) == moves, story
    assert ("done", 6) == (room.runs.get(1).state, room.runs.get(1).done), story
    assert {"waiting": 6} == room.runs.outcomes(1), story
    world.settle_down(hours=2)
    assert account(world, events()).is_clean, story
    assert 12 == len(books.effects), story
    assert [] == list(verify(world.ledger)), story
    world.close()
    books.close()


@pytest.mark.parametrize("point", [*CORRECTING, *WRITER[2:]])
def test_p02_correction_is_there_with_its_move_or_not_at_all(folder: Path, point: str) -> None:
    """Ended at any line of a correction: the old delivery's end and the new event are both there, or neither."""
    home = fresh(folder, "life")
    fates = Fates({"r": "refuse"})
    books = FileBooks(home / "books")
    world = World(home, fate=fates, books=books)
    record = make_event(id="r", note="wrong")
    world.accept(record)
    world.settle_down(hours=1)
    old = number_of(world, record)
    world.close()
    books.close()

    def life() -> None:
        from bus.corrections import Corrections

        clock = SimClock()
        dying = Dying(point, 1, clock, home / "clock")
        world = World(home, clock=clock)
        desk = Corrections(world.ledger, crash_point=dying)
        world.ledger.engine._crash_point = dying
        of = desk.of(old)
        prepared = desk.prepare(from_json(of.wire({**of.event.data, "note": "right"})), of)
        write(world, lambda tx: desk.correct(tx, old, prepared, actor="person:an", reason="why"))

    assert DIED == in_child(life)
    books = FileBooks(home / "books")
    world = World(home, clock=time_of_death(home / "clock"), books=books)
    is_there = point == "writer.after_commit"
    told = [event["id"] for event in world.reads.dossier(record.dossier)["events"]]

    assert (["r", f"correction-{old}"] if is_there else ["r"]) == told
    assert ("superseded" if is_there else "refused") == world.state_of(record)
    assert [] == list(verify(world.ledger, bodies=True))
    world.close()
    books.close()


# -- beside workers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_run_beside_workers(folder: Path, seed: int) -> None:
    """Runs carried on while workers deliver and more comes in: nothing lost, doubled or out of order there."""
    fates, dice = Fates(), random.Random(seed)
    world = World(folder, fate=fates)
    told = troubled(world, fates, dossiers=12, seed=seed)
    fates.by_id = {event.id: dice.choice(("ok", "ok", "lost_before", "lost_after", "refuse")) for event in told}
    room = Room(world)
    for turn, act in enumerate([("replay", ""), ("replay", ""), ("cancel", "")]):
        stands = [number_of(world, event) for event in told if dice.random() < 0.8]
        room.start(room.freeze(stands, *act) if act[0] == "replay" else room.freeze(stands[:3], *act))  # type: ignore[arg-type]
        lease = room.runs.take(f"door-{turn}")
        assert lease is not None
        while room.runs.step(lease):
            if dice.random() < 0.5:
                world.run()
            if dice.random() < 0.2:
                number = f"H99.09-260703-{dice.randrange(12):04d}"
                more = make_step(dossier=number, at=NOON + (20 + len(told)) * MINUTE, id=f"more{len(told)}")
                world.accept(more)
                told.append(more)
        for _ in range(4):
            world.run(6)
            world.pass_time(60)
    fates.by_id.clear()
    world.settle_down(hours=12)
    resolve_by_books(world)
    refused = [number_of(world, event) for event in told if world.state_of(event) in ("refused", "held")]
    if refused:
        room.start(room.freeze(refused))
        room.carry()
    world.settle_down(hours=48)

    assert account(world, told).is_clean
    assert [] == list(verify(world.ledger, bodies=True))
    world.close()
