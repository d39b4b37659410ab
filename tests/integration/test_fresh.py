"""Events that are written together leave the very rows that they leave one by one."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.follow_ups import NOTHING
from bus.fresh import Fresh
from bus.messages import Event
from bus.prepared import Nonce
from bus.routing import Route
from tests.builders import NOON, make_event, make_step
from tests.ears import TELL, Ears, listening
from tests.world import PARTNER, RECORD_ROUTE, STEP_ROUTE, World

OTHER = "archive"
"""A second partner, to which nobody delivers."""
ROUTES: dict[str, tuple[Route, ...]] = {
    "usual": (RECORD_ROUTE, STEP_ROUTE),
    "needs record": (RECORD_ROUTE, replace(STEP_ROUTE, needs_record=True)),
    "late may go": (RECORD_ROUTE, replace(STEP_ROUTE, late="send")),
    "two partners": tuple(replace(each, partner=to) for to in (PARTNER, OTHER) for each in (RECORD_ROUTE, STEP_ROUTE)),
    "steps to two": (RECORD_ROUTE, STEP_ROUTE, replace(STEP_ROUTE, partner=OTHER)),
    "steps nowhere": (RECORD_ROUTE,),
    "records nowhere": (STEP_ROUTE,),
    "outcomes told": (RECORD_ROUTE, STEP_ROUTE),
}


def an_event(chance: random.Random, known: list[Event]) -> Event:
    """A record or step of one of a few dossiers, at about noon; sometimes one again, or its contradiction."""
    if known and chance.random() < 0.1:
        before = chance.choice(known)
        return before if chance.random() < 0.5 else make_event(id=before.id, summary="another", dossier=before.dossier)
    make = make_event if chance.random() < 0.3 else make_step
    at = NOON + timedelta(minutes=chance.randrange(60))
    dossier = f"H99.09-260703-{chance.randrange(30):04d}"
    event = make(dossier=dossier, at=at, status=chance.choice(["accepted", "processing", "done"]))
    known.append(event)
    return event


def live(world: World, seed: int) -> None:
    """A small life: groups of events, single ones with nonces, deliveries between them."""
    chance, known, nonces = random.Random(seed), list[Event](), 0
    for _ in range(30):
        what = chance.random()
        if what < 0.5:
            world.intake.accept_many([an_event(chance, known) for _ in range(chance.randrange(1, 14))])
        elif what < 0.7:
            nonces += 1
            nonce = Nonce(key_id="caller", nonce=str(nonces), expires_at=NOON + timedelta(hours=1))
            world.intake.accept(an_event(chance, known), nonce=nonce)
        elif what < 0.9:
            world.run(chance.randrange(1, 4))
        else:
            world.pass_time(chance.randrange(1, 400))


def fates(seed: int) -> Callable[..., str]:
    """What happens to deliveries, from a seed."""
    chance = random.Random(seed)
    return lambda _delivery: chance.choice(["ok", "ok", "ok", "lost_after", "refuse", "busy"])


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table, row by row."""
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        found = {name: db.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in tables}
    db.close()
    return found


@pytest.mark.parametrize("routes", ROUTES)
def test_written_together_or_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, routes: str) -> None:
    """The same life gives the same rows in every table, whether usual events are held back together or not."""
    counted, take = Counter[bool](), Fresh.take

    def counting(self: Fresh, *how: Any) -> int | None:
        number = take(self, *how)
        counted[number is not None] += 1
        return number

    for seed in range(2):
        found = {}
        for way, taking in (("together", counting), ("alone", lambda *_how: None)):
            monkeypatch.setattr(Fresh, "take", taking)
            folder = tmp_path / f"{seed} {way}"
            folder.mkdir()
            follow_ups = TELL if routes == "outcomes told" else NOTHING
            world = World(folder, routes=ROUTES[routes], fate=fates(seed), seed=seed, follow_ups=follow_ups)
            if follow_ups is TELL:
                listening(world, Ears())
            live(world, seed)
            world.close()
            found[way] = rows(world.path)
        for table in found["alone"]:
            assert found["alone"][table] == found["together"][table], (seed, table)
    assert counted[True] > 30
    assert counted[False] > 20
