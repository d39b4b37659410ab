"""The thread beside the doors that carries runs on: it looks again after trouble, and gives a run back at its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.errors import LedgerUnavailable
from config.console_settings import ConsoleSettings
from config.running import Running
from tests.builders import make_event
from tests.console_door import installation_of
from tests.repair_kit import Fates, Room, number_of
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, fate=Fates({f"r{n}": "refuse" for n in range(3)}))
    made.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}", id=f"r{n}") for n in range(3)])
    made.settle_down(hours=1)
    yield made
    made.close()


def started(world: World) -> Room:
    """A run of everything that was refused."""
    room = Room(world)
    ids = [number_of(world, make_event(dossier=f"H99.09-260703-{n:04d}", id=f"r{n}")) for n in range(3)]
    room.start(room.freeze(ids))
    return room


def test_thread_carries_a_run_to_its_end(world: World) -> None:
    """What is pressed is carried out without anybody's doing; stopped, the thread is gone."""
    room = started(world)
    running = Running(installation_of(world, ConsoleSettings()), every=0.01)
    running.start()
    end = time.monotonic() + 60
    while room.runs.get(1).state != "done":
        assert time.monotonic() < end, "the run does not end"
        time.sleep(0.01)
    running.stop()

    assert {"waiting": 3} == room.runs.outcomes(1)


@pytest.mark.parametrize("trouble", [LedgerUnavailable("locked"), ValueError("a bug of ours")])
def test_trouble_is_logged_and_tried_again(world: World, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    """One failed look ends nothing: the next one carries the run."""
    room = started(world)
    running = Running(installation_of(world, ConsoleSettings()))

    def fails() -> Any:
        raise trouble

    with monkeypatch.context() as broken:
        broken.setattr(running._runner, "run_once", fails)
        assert 0 == running.look()
    running._runner._wait = lambda _seconds: False

    assert (3, "done") == (running.look(), room.runs.get(1).state)
