"""The pace counted once more, from the moves themselves: what `bus/pace.py` has to say, line by line."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

Key = tuple[int, str, str]


def of_moves(path: Path) -> dict[Key, tuple[int, int]]:
    """(minute, partner, state) → came, went; in plain Python, one move after another."""
    came: Counter[Key] = Counter()
    went: Counter[Key] = Counter()
    with sqlite3.connect(path) as db:
        rows = db.execute(
            "SELECT m.at / 60000, d.partner, m.from_state, m.to_state, m.event, m.delivery "
            "FROM moves m LEFT JOIN deliveries d ON d.id = m.delivery"
        ).fetchall()
    db.close()
    for minute, partner, was, now, event, delivery in rows:
        if event is not None:
            came[minute, "", "accepted"] += 1
        if delivery is None or now is None or was == now:
            continue
        if was is None:
            came[minute, partner, "accepted"] += 1
        elif was != "sending":
            went[minute, partner, was] += 1
        if now != "sending":
            came[minute, partner, now] += 1
    return {key: (came[key], went[key]) for key in {*came, *went}}


def of_pace(path: Path) -> dict[Key, tuple[int, int]]:
    """What the ledger counted."""
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT minute, partner, state, came, went FROM pace").fetchall()
    db.close()
    return {(minute, partner, state): (came, went) for minute, partner, state, came, went in rows}
