"""Dossiers by their deadline: page by page everything once, within units, and never a look without an end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from bus import dues
from bus.dues import Dues
from bus.sql import load_queries
from tests.builders import NOON, make_event
from tests.world import World

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Fourteen dossiers, due one a day from yesterday on, two and two at one moment; every other one of unit H99.11."""
    made = World(tmp_path_factory.mktemp("dues"))
    for n in range(14):
        unit = "H99.11.02" if n % 2 else "H99.12"
        due_at = (NOON + (n // 2 - 1) * DAY).isoformat()
        made.accept(make_event(dossier=f"H99.11-{n:02d}", at=NOON, unit=unit, due_at=due_at, status="processing"))
    yield made
    made.close()


def numbers(found: dues.DuePage) -> list[str]:
    return [one.number for one in found.dossiers]


def every(asked: Dues, units: tuple[str, ...] | None, limit: int) -> list[str]:
    after, found = None, []
    while True:
        page = asked.page(NOON - 10 * DAY, NOON + 10 * DAY, units, after=after, limit=limit)
        found += numbers(page)
        if page.after is None:
            return found
        after = page.after


@pytest.mark.parametrize("limit", [1, 3, 14, 50])
def test_pages_show_everything_once(world, limit):
    """The nearest deadline comes first, two at one moment keep their order, and no page repeats or leaves out."""
    asked = Dues(world.ledger.engine)

    assert [f"H99.11-{n:02d}" for n in range(14)] == every(asked, None, limit)
    assert [f"H99.11-{n:02d}" for n in range(1, 14, 2)] == every(asked, ("H99.11",), limit)
    assert [] == every(asked, ("H99.13",), limit)


def test_times_are_its_ends(world):
    """From the first time on, before the second; a place before the first time begins there."""
    asked = Dues(world.ledger.engine)

    assert ["H99.11-02", "H99.11-03"] == numbers(asked.page(NOON, NOON + DAY, None))
    assert ["H99.11-02", "H99.11-03"] == numbers(asked.page(NOON, NOON + DAY, None, after=(5, 5)))
    assert [NOON, NOON] == [one.due_at for one in asked.page(NOON, NOON + DAY, None).dossiers]


def test_a_look_ends(world, monkeypatch):
    """Where hits are rare a page ends after so many rows, says how far it looked, and goes on from there."""
    monkeypatch.setattr(dues, "LOOKED", 4)
    monkeypatch.setattr(dues, "CHUNK", 2)
    asked = Dues(world.ledger.engine)
    page = asked.page(NOON - DAY, NOON + 10 * DAY, ("H99.13",))

    assert ((), NOON) == (page.dossiers, page.looked_to)
    assert [f"H99.11-{n:02d}" for n in range(1, 14, 2)] == every(asked, ("H99.11",), 50)


def test_an_index_finds_them(world):
    """At ten million dossiers a sort would outlast the page: the list is read off the index of deadlines."""
    query = load_queries("sqlite")["due_dossiers"]
    with closing(sqlite3.connect(world.path)) as reading:
        told = " ".join(row[3] for row in reading.execute(f"EXPLAIN QUERY PLAN {query}", (0, 10**15, -1, 50)))

    assert "USING INDEX dossiers_due" in told
    assert "TEMP B-TREE" not in told
