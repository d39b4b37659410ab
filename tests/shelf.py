"""A ledger whose rows are written by hand, so that every state, unit and clock is on it; and a plain list of them."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from bus.looks import Line
from bus.messages import State
from bus.seal import SearchTerms
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
        self._at = self._latest = START
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

    def _dossier(self, to: sqlite3.Connection, number: int, at: int) -> None:
        """One of which nothing is sent: it has a deadline, a name that many have, and waits behind a gap."""
        to.execute(
            "INSERT INTO dossiers (id, number, source, unit, due_at, status, first_seen_at) "
            "VALUES (?, ?, ?, ?, ?, 'processing', 0)",
            (number, f"H99.X{number}", SOURCES[0], UNITS[number % len(UNITS)], at),
        )
        terms = SearchTerms(MASTER).name_terms("Nguyễn Văn")
        to.executemany("INSERT INTO search_terms (term, dossier) VALUES (?, ?)", [(term, number) for term in terms])
        to.execute("INSERT INTO sequences VALUES (?, ?, 1, 0, ?)", (number, SOURCES[0], at))

    def grow(self, many: int) -> None:
        """New deliveries come in, the clock going on, and sometimes a little back."""
        self._write(self._grow, many)

    def _grow(self, to: sqlite3.Connection, many: int) -> None:
        for _ in range(many):
            self._one(to, next(self._ids))

    def _one(self, to: sqlite3.Connection, number: int) -> None:
        chance = self.chance
        back = chance.random() < 0.1
        # Never further behind the latest time there was than a list by time forgives.
        at_least = self._latest - timedelta(seconds=290)
        self._at = max(
            at_least, self._at + timedelta(seconds=chance.uniform(-290, -1) if back else chance.uniform(0, 400))
        )
        self._latest = max(self._latest, self._at)
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
        if number % 4 == 0:
            self._dossier(to, 1_000 + number, at)
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
            )
        )


def _lane_of(line: Line) -> int:
    return 3 * int(line.dossier[-4:]) + PARTNERS.index(line.partner)


def _with(line: Line, state: State) -> Line:
    return replace(line, state=state)
