"""What proofs of many repairs share: a world where things went wrong in every way, and its selections and runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from bus.audit import Audit
from bus.engines.sqlite import Tx
from bus.judging import Act, How
from bus.messages import Delivery, Event
from bus.people import People
from bus.ports import CrashPoint, no_crash
from bus.runs import Runner, Runs
from bus.selections import Selections
from tests.builders import NOON, make_event, make_step
from tests.world import World

T = TypeVar("T")
MINUTE = timedelta(minutes=1)
ROOT = "person:root"
FATES = ("ok", "refuse", "lost_before", "lost_after", "unshapable")


@dataclass(slots=True)
class Fates:
    """What happens to each event, by its id; well unless told otherwise."""

    by_id: dict[str, str] = field(default_factory=dict)

    def __call__(self, delivery: Delivery) -> str:
        return self.by_id.get(delivery.event.id, "ok")


def number_of(world: World, event: Event) -> int:
    """The delivery's id."""
    return int(world.delivery_of(event)["id"])


def write(world: World, job: Callable[[Tx], T]) -> T:
    """Run a job in a transaction of its own."""
    return world.ledger.engine.write(job)


class Room:
    """Selections and runs of a world, and two operators who see every unit."""

    def __init__(self, world: World, *, crash_point: CrashPoint = no_crash) -> None:
        self.world = world
        self.selections = Selections(world.ledger, world.repairs)
        self.people = People(world.ledger, Audit(world.ledger), randomness=world.randomness)
        for name in ("an", "binh"):
            if self.people.find(name) is None:
                self.people.add(
                    name, shown=name, password="kept", roles=("operator",), units=None, actor=ROOT, reason="made"
                )
        self.runs = Runs(world.ledger, self.selections, world.repairs, crash_point=crash_point)

    def freeze(self, ids: list[int], act: Act = "replay", how: How = "", *, account: str = "an", **more: Any) -> int:
        """A frozen list; its number."""
        planned = self.selections.plan(ids, act, how, **more)
        return write(self.world, lambda tx: self.selections.freeze(tx, planned, account=account, reason="after repair"))

    def start(
        self, number: int, *, account: str = "an", four_eyes_above: int = 1_000, digest: str | None = None
    ) -> int:
        """Its run's number."""
        known = digest or self.selections.get(number).digest
        return write(
            self.world,
            lambda tx: self.runs.start(tx, number, account=account, digest=known, four_eyes_above=four_eyes_above).id,
        )

    def carry(self, owner: str = "door-1") -> int:
        """Carry one run as far as it goes, without waiting."""
        return Runner(self.runs, owner, wait=lambda _seconds: False).run_once()

    def outcomes_by_item(self, number: int) -> dict[int, str | None]:
        """What became of each delivery of a list."""
        found: dict[int, str | None] = {}
        after = 0
        while page := self.selections.page(number, after=after, limit=200):
            found |= {line.delivery: line.outcome for line in page}
            after = page[-1].n
        return found


def troubled(world: World, fates: Fates, *, dossiers: int, seed: int) -> list[Event]:
    """Some dossiers with a record and steps, each with a fate of its own; told, and tried for a while."""
    dice = random.Random(seed)
    events: list[Event] = []
    for n in range(dossiers):
        number = f"H99.09-260703-{n:04d}"
        events.append(make_event(dossier=number, at=NOON, id=f"r{n}"))
        events += [
            make_step(dossier=number, at=NOON + k * MINUTE, id=f"s{n}-{k}") for k in range(1, dice.randint(1, 4))
        ]
        if dice.random() < 0.4:
            events.append(make_event(dossier=number, at=NOON + 9 * MINUTE, id=f"n{n}", note="newer"))
    fates.by_id = {event.id: dice.choice(FATES) for event in events}
    for event in events:
        world.accept(event)
        if dice.random() < 0.5:
            world.run(2)
    for _ in range(8):  # not until nothing moves: a record whose replies are lost is asked about for ever
        world.run(4)
        world.pass_time(60)
    return events
