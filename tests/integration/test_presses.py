"""A form's key: good for one form of one person, and for one act however often it is pressed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, PressRefused, PressTooOld
from bus.presses import AHEAD, LIFE, Form, Presses
from tests.world import PARTNER, SeededRandomness, World

FORM = Form(account="an", act="hold", target=f"partner {PARTNER}")


class Counter:
    """An act that can be counted: it holds the partner, and notes a move each time."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, tx: Tx) -> dict[str, Any]:
        self.world.repairs.set_hold(tx, PARTNER, True, actor="person:an", reason="maintenance")
        return {"held": True}

    @property
    def count(self) -> int:
        rows = self.world.ledger.engine.read().all("all_moves")
        return sum("partner_held" in row for row in rows)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def presses(world: World) -> Presses:
    return Presses(world.ledger, SeededRandomness(7))


def test_second_press_gets_the_first_result(world: World, presses: Presses) -> None:
    """A double click is one act; who presses again is shown what the first press did, and that nothing was done now."""
    act, key = Counter(world), presses.key(FORM)

    first, second = presses.press(key, FORM, act), presses.press(key, FORM, act)

    assert ({"held": True}, False) == (first.result, first.is_repeat)
    assert ({"held": True}, True) == (second.result, second.is_repeat)
    assert 1 == act.count


def test_presses_at_once_are_one_act(world: World, presses: Presses) -> None:
    """Threads that press the same key at the same moment lead to one act."""
    act, key = Counter(world), presses.key(FORM)
    start = threading.Barrier(8)
    told: list[bool] = []

    def press() -> None:
        start.wait()
        told.append(presses.press(key, FORM, act).is_repeat)

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (1, 1, 7) == (act.count, told.count(False), told.count(True))


def test_another_process_knows_the_press(world: World, presses: Presses) -> None:
    """The key is made from the master key and kept in the ledger: after a restart it is the same single act."""
    act, key = Counter(world), presses.key(FORM)
    presses.press(key, FORM, act)
    world.close()
    world.open()

    again = Presses(world.ledger, SeededRandomness(8)).press(key, FORM, act)

    assert ({"held": True}, True, 1) == (again.result, again.is_repeat, act.count)


@pytest.mark.parametrize("other", [{"account": "binh"}, {"act": "release"}, {"target": "partner another"}])
def test_key_is_good_for_its_own_form_only(world: World, presses: Presses, other: dict[str, Any]) -> None:
    """Another account, act or target has no use for a key, pressed or not."""
    act, key = Counter(world), presses.key(FORM)
    with pytest.raises(PressRefused):
        presses.press(key, replace(FORM, **other), act)
    presses.press(key, FORM, act)

    with pytest.raises(PressRefused):
        presses.press(key, replace(FORM, **other), act)
    assert 1 == act.count


@pytest.mark.parametrize("key", ["", "A", "not a key", "é", "AAAA", "A" * 4000])
def test_what_is_no_key_is_refused(world: World, presses: Presses, key: str) -> None:
    """A made-up key does nothing."""
    act = Counter(world)

    with pytest.raises(PressRefused):
        presses.press(key, FORM, act)
    assert 0 == act.count


def test_form_that_stood_open_too_long(world: World, presses: Presses) -> None:
    """Half a day after it was rendered a form does nothing; a press that was made in time is still remembered then."""
    act, late, pressed = Counter(world), presses.key(FORM), presses.key(FORM)
    presses.press(pressed, FORM, act)
    world.clock.time += LIFE + timedelta(seconds=1)

    with pytest.raises(PressTooOld):
        presses.press(late, FORM, act)
    assert presses.press(pressed, FORM, act).is_repeat
    assert 1 == act.count


def test_key_from_the_future(world: World, presses: Presses) -> None:
    """A key made by a clock that runs ahead by more than two processes' clocks may differ is not taken."""
    act, key = Counter(world), presses.key(FORM)
    world.clock.time -= AHEAD + timedelta(seconds=1)

    with pytest.raises(PressTooOld):
        presses.press(key, FORM, act)


def test_what_fails_leaves_no_key(world: World, presses: Presses) -> None:
    """Either the act and its key are both there, or neither: after an error the same form can be pressed again."""
    act, key = Counter(world), presses.key(FORM)

    def fails(tx: Tx) -> dict[str, Any]:
        act(tx)
        raise NotAllowedNow("not now")

    with pytest.raises(NotAllowedNow):
        presses.press(key, FORM, fails)
    assert 0 == act.count
    assert not presses.press(key, FORM, act).is_repeat
    assert 1 == act.count


def test_old_presses_are_forgotten(world: World, presses: Presses) -> None:
    """Pressed keys are kept for longer than they live, and then no more: the table does not grow for ever."""
    act = Counter(world)
    presses.press(presses.key(FORM), FORM, act)
    world.clock.time += timedelta(hours=49)
    presses.press(presses.key(FORM), FORM, act)

    with world.ledger.engine.snapshot() as tx:
        assert 1 == len(tx.all("all_presses"))


def test_earlier_press_is_known_without_pressing(world: World, presses: Presses) -> None:
    """What a key's first press came to can be asked; before it there is nothing, and a foreign key is refused."""
    act, key = Counter(world), presses.key(FORM)
    before = presses.earlier(key, FORM)
    presses.press(key, FORM, act)
    after = presses.earlier(key, FORM)

    assert None is before
    assert after is not None
    assert ({"held": True}, True) == (after.result, after.is_repeat)
    with pytest.raises(PressRefused):
        presses.earlier(key, replace(FORM, act="release"))
