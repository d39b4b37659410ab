"""A ledger with much behind it, made by SQL: rows as the product would have left them, in the same schema.

Every event of the history was delivered at its first try: an event with its body, a delivery, an attempt, an exchange
with its body, and three moves. Bodies are short random bytes (nobody opens them again) and the chains' links are
random: what is measured touches rows and indexes, not their content. Ids are random, as a source's own are, so that a
new one falls anywhere in the index.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

EACH: Final = 5
"""Events of one dossier."""
BASE_MS: Final = 1_782_000_000_000
"""When the history begins: a few days before the benchmarks' own events."""

COUNT: Final = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < :n) "
ROWS: Final = (
    # what, how many of it for each event, statement
    (
        "dossiers",
        """INSERT INTO dossiers (id, number, source, origin, procedure, unit, received_at, status,
          status_place, first_seen_at)
        SELECT i, printf('H99.40-260703-%06d', i - 1), 'one-stop/h99', 'one_stop', '1.013225', '000.00.09.H99', :base,
          'processing', :base, :base FROM c""",
    ),
    ("terms", "INSERT INTO search_terms (term, dossier) SELECT randomblob(16), i FROM c"),
    ("bodies", "INSERT INTO bodies (id, data_key, sealed) SELECT i, :key, randomblob(64) FROM c"),
    (
        "events",
        """INSERT INTO events (id, source, event_id, kind, dossier, place, occurred_at, accepted_at, digest,
          commitment, body)
        SELECT i, 'one-stop/h99', lower(hex(randomblob(16))), 'dossier.progressed', (i - 1) % :dossiers + 1,
          :base + i, :base + i, :base + i, randomblob(32), randomblob(32), i FROM c""",
    ),
    (
        "lanes",
        """INSERT INTO lanes (id, dossier, partner, deadline, exists_there, record_state, step_place, shown_status,
          fence)
        SELECT i, i, 'sink', 1 << 62, 1, 'shown', :base, 'processing', 5 FROM c""",
    ),
    (
        "deliveries",
        """INSERT INTO deliveries (id, event, partner, lane, rule, late, needs_record, place, state, cause, tries,
          blocks, status, accepted_at, changed_at)
        SELECT i, i, 'sink', (i - 1) % :dossiers + 1, 'every_step', 'hold', 0, :base + i, 'delivered', 'delivered', 1,
          0, 'processing', :base + i, :base + i FROM c""",
    ),
    (
        "exchanges",
        """INSERT INTO exchanges (id, operation, method, url, status, sent_at, took_us, commitment, body)
        SELECT i, 'Event', 'POST', 'http://127.0.0.1:9/events', 200, :base + i, 5000, randomblob(32), :n + i FROM c""",
    ),
    (
        "attempts",
        """INSERT INTO attempts (id, delivery, n, worker, started_at, outcome, exchanges)
        SELECT i, i, 1, 'bench', :base + i, 'Delivered', '[' || i || ']' FROM c""",
    ),
    (
        "moves",
        """INSERT INTO moves (partition, n, at, delivery, event, from_state, to_state, cause, actor, binds, prev, hash)
        SELECT (i / 3) % 16, i, :base + i, (i - 1) / 3 + 1, iif(i % 3 = 1, (i - 1) / 3 + 1, NULL),
          iif(i % 3 = 1, NULL, iif(i % 3 = 2, 'waiting', 'sending')),
          iif(i % 3 = 1, 'waiting', iif(i % 3 = 2, 'sending', 'delivered')),
          iif(i % 3 = 1, 'accepted', iif(i % 3 = 2, 'claimed', 'delivered')), 'bench',
          iif(i % 3 = 2, NULL, randomblob(32)), randomblob(32), randomblob(32) FROM c""",
    ),
)


def build(ledger: Path, events: int) -> int:
    """Fill a migrated, empty ledger that nobody has open; how many rows it has then."""
    dossiers = max(1, events // EACH)
    sizes = {"dossiers": dossiers, "lanes": dossiers, "terms": 3 * dossiers, "bodies": 2 * events, "moves": 3 * events}
    connection = sqlite3.connect(ledger, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")  # nothing of it is worth keeping if the machine stops now
        connection.execute("PRAGMA cache_size = -400000")
        key = connection.execute("SELECT max(id) FROM data_keys").fetchone()[0]
        connection.execute("DELETE FROM search_terms")
        connection.execute("BEGIN")
        indexes = without_indexes(connection)
        for name, statement in ROWS:
            told = {"n": sizes.get(name, events), "base": BASE_MS, "key": key, "dossiers": dossiers}
            if name == "exchanges":
                told["n"] = events
            connection.execute(_numbered(statement), told)
        for each in indexes:
            connection.execute(each)
        _heads(connection, events)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return sum(sizes.get(name, events) for name, _ in ROWS)
    finally:
        connection.close()


def without_indexes(connection: sqlite3.Connection) -> list[str]:
    """Take the indexes away; the statements that make them again. Sorting at the end takes a third of the time."""
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    return [sql for _, sql in found]


def _numbered(statement: str) -> str:
    """The statement over the numbers 1 to n."""
    head, _, select = statement.partition("SELECT")
    return f"{head} {COUNT} SELECT {select}"


def _heads(connection: sqlite3.Connection, events: int) -> None:
    for partition in range(16):
        last = connection.execute("SELECT max(n), hash FROM moves WHERE partition = ?", (partition,)).fetchone()
        if last[0] is not None:
            connection.execute(
                "INSERT OR REPLACE INTO chain_heads VALUES (?, ?, ?, randomblob(32))", (partition, *last)
            )
    connection.execute("INSERT OR IGNORE INTO partners (name) VALUES ('sink')")
    connection.execute("INSERT OR REPLACE INTO tallies VALUES ('sink', 'delivered', ?)", (events,))
