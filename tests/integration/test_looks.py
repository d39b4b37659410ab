"""The console's lists against a plain reading of every row: whatever is asked, nothing twice and nothing missed."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus import looks
from bus.looks import OPEN, Filter, Found, Line, Looks, Many
from bus.messages import State
from bus.rights import covers
from bus.times import from_ms, to_ms
from tests.world import MASTER, World

START = datetime(2026, 7, 1, tzinfo=UTC)
PARTNERS = ("books", "portal", "sms")
UNITS = (None, "H99.11", "H99.11.16", "H99.110", "H99.12", "000.00.09.H99")
KINDS = ("dossier.recorded", "dossier.progressed")
SOURCES = ("one-stop/h99", "ledger")
CAUSES = ("accepted", "no_row", "refused", "delivered")


class Shelf:
    """A ledger whose rows are written by hand, so that every state, unit and clock is on it."""

    def __init__(self, folder: Path) -> None:
        world = World(folder)
        world.close()
        self.path = world.path
        self.chance = random.Random(4)
        self.rows: list[Line] = []
        self._ids = count(1)
        self._at = START
        self._write(self._dossiers)

    def open(self) -> World:
        return World(self.path.parent)

    def _write(self, work: object, *values: object) -> None:
        connection = sqlite3.connect(self.path, timeout=30)
        with connection:
            work(connection, *values)  # type: ignore[operator]
        connection.close()

    def _dossiers(self, to: sqlite3.Connection) -> None:
        for partner in PARTNERS:
            to.execute("INSERT INTO partners (name) VALUES (?)", (partner,))
        for n in range(1, 41):
            unit = UNITS[n % len(UNITS)]
            to.execute(
                "INSERT INTO dossiers (id, number, source, unit, first_seen_at) VALUES (?, ?, ?, ?, 0)",
                (n, f"H99.{n:04d}", SOURCES[0], unit),
            )
            for m, partner in enumerate(PARTNERS):
                to.execute(
                    "INSERT INTO lanes (id, dossier, partner, deadline) VALUES (?, ?, ?, 0)", (3 * n + m, n, partner)
                )

    def grow(self, many: int) -> None:
        """New deliveries come in, the clock going on, and sometimes a little back."""
        self._write(self._grow, many)

    def _grow(self, to: sqlite3.Connection, many: int) -> None:
        for _ in range(many):
            self._one(to, next(self._ids))

    def _one(self, to: sqlite3.Connection, number: int) -> None:
        chance = self.chance
        back = chance.random() < 0.1
        self._at += timedelta(seconds=chance.uniform(-290, -1) if back else chance.uniform(0, 400))
        dossier, partner = chance.randrange(1, 41), chance.choice(PARTNERS)
        kind, source, state = chance.choice(KINDS), chance.choice(SOURCES), chance.choice(list(State))
        lane, at, cause = 3 * dossier + PARTNERS.index(partner), to_ms(self._at), chance.choice(CAUSES)
        to.execute(
            "INSERT INTO events (id, source, event_id, kind, dossier, occurred_at, accepted_at, digest, commitment, "
            "body) VALUES (?, ?, ?, ?, ?, 0, ?, x'', x'', 1)",
            (number, source, f"e{number}", kind, dossier, at),
        )
        to.execute(
            "INSERT INTO deliveries (id, event, partner, lane, rule, late, needs_record, state, cause, blocks, "
            "accepted_at, changed_at) VALUES (?, ?, ?, ?, 'every_step', 'hold', 0, ?, ?, 0, ?, ?)",
            (number, number, partner, lane, state, cause, at, at + 60_000),
        )
        if state is State.SENDING:
            # One call of a lane is on its way at a time.
            to.execute(
                "UPDATE deliveries SET state = 'delivered' WHERE lane = ? AND state = 'sending' AND id < ?",
                (lane, number),
            )
            to.execute("UPDATE lanes SET lease_until = 1, head = ? WHERE id = ?", (number, lane))
            self.rows = [
                line if line.state is not State.SENDING or lane != _lane_of(line) else _with(line, State.DELIVERED)
                for line in self.rows
            ]
        self.rows.append(
            Line(
                id=number,
                partner=partner,
                state=state,
                cause=cause,
                reason="",
                due_at=None,
                tries=0,
                accepted_at=from_ms(at),
                changed_at=from_ms(at + 60_000),
                status=None,
                dossier=f"H99.{dossier:04d}",
                source=source,
                event=f"e{number}",
                kind=kind,
                unit=UNITS[dossier % len(UNITS)],
            )  # fmt: skip
        )


def _lane_of(line: Line) -> int:
    return 3 * int(line.dossier[-4:]) + PARTNERS.index(line.partner)


def _with(line: Line, state: State) -> Line:
    from dataclasses import replace

    return replace(line, state=state)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    made = Shelf(tmp_path_factory.mktemp("shelf"))
    made.grow(300)
    return made


@pytest.fixture(scope="module")
def asked(shelf: Shelf) -> Iterator[Looks]:
    world = shelf.open()
    yield Looks(world.ledger.engine, MASTER)
    world.close()


def maybe(*values: object) -> st.SearchStrategy[object]:
    return st.none() | st.sampled_from(values)


TIMES = st.none() | st.integers(-2_000, 60_000).map(lambda s: START + timedelta(seconds=s))
FILTERS = st.builds(
    Filter,
    partner=maybe(*PARTNERS, "nobody"),
    states=st.lists(st.sampled_from(list(State)), max_size=3, unique=True).map(tuple),
    cause=maybe(*CAUSES),
    kind=maybe(*KINDS),
    source=maybe(*SOURCES),
    unit=maybe("H99.11", "H99.11.16", "H99", "H99.12", "H98"),
    dossier=maybe("H99.0001", "H99.0002", "H99.0011", "none"),
    since=TIMES,
    until=TIMES,
)
LIMITS = st.none() | st.lists(st.sampled_from(("H99.11", "H99.12", "000.00.09.H99", "H99.13")), max_size=3).map(tuple)
BUDGETS = st.fixed_dictionaries(
    {
        "LOOKED_PLAIN": st.integers(1, 400),
        "LOOKED_EVENTS": st.integers(1, 60),
        "LOOKED_DOSSIERS": st.integers(1, 60),
        "LOOKED_OPEN": st.integers(1, 30),
        "FEW_DOSSIERS": st.integers(0, 60),
        "FEW_DELIVERIES": st.sampled_from((5, 50, 500)),
        "CHUNK": st.integers(1, 60),
    }
)


@settings(max_examples=300, deadline=None)
@given(wanted=FILTERS, units=LIMITS, limit=st.integers(1, 60), budgets=BUDGETS, rush=st.booleans())
def test_pages_are_the_rows_that_fit(shelf, asked, wanted, units, limit, budgets, rush):
    """Page by page, whatever the filter, the limits and the bounds, while new rows come in: every row that fits, once."""
    expected = [line for line in reversed(shelf.rows) if wanted.fits(line, units)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in budgets.items():
            patch.setattr(looks, name, max(value, 100) if name == "FEW_DELIVERIES" and wanted.states else value)
        pages: list[Found] = [asked.deliveries(wanted, units, limit=limit)]
        while pages[-1].before is not None:
            if rush and len(shelf.rows) < 600 and not wanted.states:
                shelf.grow(1)
            pages.append(asked.deliveries(wanted, units, before=pages[-1].before, limit=limit))

    found = [line.id for page in pages for line in page.lines]
    assert [line.id for line in expected] == found
    for page in pages:
        is_whole = len(page.lines) == limit or page.before is None
        assert is_whole == (page.looked_back_to is None)
