"""A one-stop system that is told outcomes: it knows our ids, keeps what it hears, and can be hard of hearing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from bus.dispatch import PartnerWork
from bus.follow_ups import LEDGER_SOURCE, FollowUps, Taker
from bus.messages import Attempt, Delivered, Delivery, InDoubt, Outcome, Refused, Unreachable
from tests.builders import SOURCE
from tests.world import World

EAR: Final = "one_stop"
TELL: Final = FollowUps(outcomes={SOURCE: Taker(partner=EAR)})
"""All outcomes of the usual source."""


class Ears:
    """An adapter and its books in one. `fate` says ok, lost_before, lost_after, refuse or raise."""

    def __init__(self, fate: Callable[[Delivery], str] = lambda _delivery: "ok", file: Path | None = None) -> None:
        self.fate = fate
        self._file = file
        self.heard: list[str] = [] if file is None or not file.exists() else file.read_text().split()
        """Ids in the order in which they came; one that came again stands here once, as the contract says."""

    def check(self, delivery: Delivery) -> None:
        """Every outcome can be shaped."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [Attempt(outcome=self._heard(delivery)) for delivery in batch]

    def ask(self, delivery: Delivery) -> Attempt:
        if delivery.event.id in self.heard:
            return Attempt(outcome=Delivered())
        return Attempt(outcome=Unreachable(reason="not there", retry_after=timedelta(), is_down=False))

    def _heard(self, delivery: Delivery) -> Outcome:
        fate = self.fate(delivery)
        if fate == "raise":
            raise RuntimeError("a bug of ours")
        if fate == "refuse":
            return Refused(code="unknown", reason="no")
        if fate != "lost_before" and delivery.event.id not in self.heard:
            self.heard.append(delivery.event.id)
            if self._file is not None:
                with self._file.open("a") as file:
                    file.write(f"{delivery.event.id}\n")
        return Delivered() if fate == "ok" else InDoubt(reason="reply lost", is_down=False)


def listening(world: World, ears: Ears, *names: str) -> None:
    """Let it hear, under these names or its usual one."""
    for name in names or (EAR,):
        world.others[name] = PartnerWork(adapter=ears)
        world.partners[name] = world.others[name]


def outcomes(world: World) -> list[dict[str, Any]]:
    """What the ledger says of outcomes, oldest first: each event's data with its id, as a one-stop system reads it."""
    tx = world.ledger.engine.read()
    rows = tx._connection.execute("SELECT id FROM events WHERE source = ? ORDER BY id", (LEDGER_SOURCE,)).fetchall()
    events = [world.ledger.bodies.load_event(tx, row[0]) for row in rows]
    return [{"id": event.id, **event.data} for event in events]


def told_moves(world: World, source: str = SOURCE) -> list[Mapping[str, Any]]:
    """The source's feed, less what is only in doubt: what it has to be told, oldest first."""
    found: list[Mapping[str, Any]] = []
    while page := world.reads.outcomes(source, after=found[-1]["n"] if found else 0, limit=500):
        found += page
    return [move for move in found if move["state"] != "in_doubt"]


def untold(world: World, source: str = SOURCE) -> list[str]:
    """Where the outcomes are not the moves, one for one and in their order; empty when all is well."""
    told, moves = [one for one in outcomes(world) if one["source"] == source], told_moves(world, source)
    wrong = [] if len(told) == len(moves) else [f"{len(moves)} moves, {len(told)} outcomes"]
    for one, move in zip(told, moves, strict=False):
        same = ("state", "cause", "partner", "kind", "dossier", "reason")
        is_same = one["event"] == move["id"] and all(one[name] == move[name] for name in same)
        if not (is_same and one["id"].startswith(f"outcome.{move['n']}.") and one["at"] >= move["at"]):
            wrong.append(f"{json.dumps(one)} is not {json.dumps(move)}")
    ids = [one["id"] for one in told]
    return wrong if len(set(ids)) == len(ids) else [*wrong, "an id stands twice"]
