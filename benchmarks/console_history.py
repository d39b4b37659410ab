"""A ledger as a province has it after two months, made by SQL in the product's own schema: for the console's figures.

For ten million attempts: eight million deliveries of seven million events to three partners,
    a million dossiers of 220
units, a few thousand deliveries open, three moves for each delivery. Bodies are real and few: many rows point to the
same sealed one, because a page opens one or two and lists open none. Chains are random: nobody verifies them here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.doors.reading import read_event
from benchmarks.events import record_json, step_json
from benchmarks.history import without_indexes
from benchmarks.installations import opened
from bus.bodies import Bodies
from bus.messages import Event, Exchange
from bus.seal import MasterKey, SearchTerms

DAYS: Final = 60
END: Final = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
"""The moment at which the history ends, and the console's clock begins."""
BLOCK: Final = 20_000
"""Dossiers that are under way at the same time."""
SOURCE: Final = "one-stop/h99"
FAMILY: Final = ("nguyễn", "nguyễn", "nguyễn", "nguyễn", "trần", "trần", "lê", "phạm", "hoàng", "đặng")
MIDDLE: Final = ("văn", "thị", "hữu", "đức", "minh", "ngọc", "thanh", "quốc", "xuân", "kim")
GIVEN: Final = tuple(f"{first}{last}" for first in ("a", "ho", "li", "tha", "mi", "que", "tu", "vi") for last in
                     ("n", "ng", "nh", "m", "i", "o", "c", "t"))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Of one history."""

    attempts: int

    @property
    def deliveries(self) -> int:
        return self.attempts * 4 // 5 // 8 * 8

    @property
    def events(self) -> int:
        return self.deliveries * 7 // 8

    @property
    def dossiers(self) -> int:
        return self.events // 7

    @property
    def block(self) -> int:
        return min(BLOCK, self.dossiers)


def name_of(dossier: int) -> str:
    """The applicant's: a few family names that many share."""
    return f"{FAMILY[dossier % 10]} {MIDDLE[dossier // 10 % 10]} {GIVEN[dossier * 7919 % len(GIVEN)]}"


def identity_of(dossier: int) -> str:
    return f"099{dossier:09d}"


def phone_of(dossier: int) -> str:
    return f"0900{dossier:07d}"


_COUNT: Final = "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < :n - 1) "
_DOSSIERS: Final = """INSERT INTO dossiers (id, number, source, origin, national_number, procedure, unit,
    received_at, due_at,
  record_event, record_place, status, status_place, first_seen_at)
SELECT i + 1, printf('H99.%02d-%06d-%04d', i % 20, i / 10000, i % 10000), 'one-stop/h99', 'one_stop',
  iif(i % 10, NULL, printf('G99.%08d', i)), printf('1.%06d', i * 31 % 900),
  CASE WHEN i % :rare = 7 THEN 'H99.99' WHEN i % 11 = 0 THEN printf('H99.%02d', i % 20)
    ELSE printf('H99.%02d.%02d', (i * 7 % 20) * (i * 13 % 20) / 20, i * 17 % 10) END,
  :base + i * :span / :dossiers, :base + i * :span / :dossiers + 864000000 * (1 + i % 3), 1, 1,
  CASE WHEN i > :dossiers - :block / 2 THEN 'processing' WHEN i % 500 = 3 THEN 'processing' ELSE 'returned' END, 1,
  :base + i * :span / :dossiers FROM c"""
_EVENTS: Final = """INSERT INTO events (id, source, event_id, kind, dossier, place, occurred_at, accepted_at, digest,
  commitment, body)
SELECT i + 1, iif(i % 50, 'one-stop/h99', 'one-stop/h99.02'), lower(hex(randomblob(16))),
  iif(i / :block % 7, 'dossier.progressed', 'dossier.recorded'),
  i / (7 * :block) * :block + iif(i / :block % 7, i * 7919 % :block, i % :block) + 1,
  :base + i * :span / :events, :base + i * :span / :events, :base + i * :span / :events,
  iif(i / :block % 7, :step_digest, :record_digest), iif(i / :block % 7, :step_commitment, :record_commitment),
  iif(i / :block % 7, 2, 1) FROM c"""
_LANES: Final = """INSERT INTO lanes (id, dossier, partner, deadline, exists_there, record_state, step_place,
    shown_status, fence)
SELECT 3 * (d.id - 1) + p.n, d.id, p.name, d.due_at, 1, 'shown', 1, 'processing', 5
FROM dossiers d CROSS JOIN (SELECT 1 AS n, 'national_portal' AS name UNION ALL SELECT 2,
    'ministry_registry' UNION ALL SELECT 3, 'sms_gateway') p"""
_DELIVERIES: Final = """INSERT INTO deliveries (id, event, partner, lane, rule, late, needs_record, place,
    state, cause, reason, tries,
  blocks, status, mapping, accepted_at, changed_at)
SELECT i + 1, e.id, p.name, 3 * (e.dossier - 1) + p.n, iif(e.kind = 'dossier.recorded', 'latest_wins', 'every_step'),
  'hold', 0, e.place, s.state, s.cause, iif(s.state IN ('refused', 'held'), 'said so', ''), 1 + (i % 4 = 3), 0,
  'processing', 'v1', e.accepted_at, e.accepted_at + 900
FROM c CROSS JOIN events e ON e.id = i / 8 * 7 + min(i % 8, 6) + 1
  CROSS JOIN (SELECT 1 AS n, 'national_portal' AS name UNION ALL SELECT 2, 'ministry_registry' UNION ALL
    SELECT 3, 'sms_gateway') p
    ON p.n = CASE i % 8 WHEN 7 THEN 2 WHEN 5 THEN 3 ELSE 1 END
  CROSS JOIN (SELECT 1 AS k, 'waiting' AS state, 'accepted' AS cause UNION ALL SELECT 2, 'refused', 'refused'
    UNION ALL SELECT 3, 'held', 'unmappable' UNION ALL SELECT 4, 'in_doubt', 'no_reply' UNION ALL SELECT 5,
    'awaiting', 'taken'
    UNION ALL SELECT 6, 'sending', 'claimed' UNION ALL SELECT 7, 'superseded', 'overtaken' UNION ALL SELECT 8,
    'cancelled', 'by_person'
    UNION ALL SELECT 9, 'delivered', 'delivered') s
    ON s.k = CASE WHEN i >= :deliveries - :waiting THEN 1 WHEN i >= :deliveries - :waiting - 64 THEN 6
      WHEN i > :recent AND i * 7919 % 1000 < 1 THEN 2 WHEN i > :recent AND i * 7919 % 1500 = 2 THEN 3
      WHEN i > :recent AND i * 7919 % 4000 = 3 THEN 4 WHEN i > :recent AND i * 7919 % 1000 = 5 THEN 5
      WHEN e.kind = 'dossier.recorded' AND i % 30 = 1 THEN 7 WHEN i * 7919 % 2000 = 4 THEN 8 ELSE 9 END"""
_LEASES: Final = """UPDATE lanes SET lease_until = :end + 60000, owner = 'w1', head = found.id
FROM (SELECT id, lane FROM deliveries WHERE id > :deliveries - :waiting - 64 AND state = 'sending') found
WHERE found.lane = lanes.id"""
_EXCHANGES: Final = """INSERT INTO exchanges (id, operation, method, url, status, sent_at, took_us, commitment, body)
SELECT i + 1, 'DongBoTrangThaiHoSo', 'POST', 'http://127.0.0.1:9/events', 200, :base + i * :span / :n,
    5000 + i % 90000, :exchange_commitment, 3 FROM c"""
_ATTEMPTS: Final = """INSERT INTO attempts (id, delivery, n, worker, started_at, outcome, exchanges)
SELECT i + 1, iif(i < :deliveries, i + 1, (i - :deliveries) * 4 + 4), 1 + (i >= :deliveries), 'w1',
    :base + i % :deliveries * :span / :deliveries, 'Delivered', '[' || (i + 1) || ']' FROM c"""
_MOVES: Final = """INSERT INTO moves (partition, n, at, delivery, event, from_state, to_state, cause, actor,
    binds, prev, hash)
SELECT d.id % 16, d.id, d.accepted_at + 300 * s.k, d.id, iif(s.k = 0, d.event, NULL),
  CASE s.k WHEN 0 THEN NULL WHEN 1 THEN 'waiting' ELSE 'sending' END,
  CASE s.k WHEN 0 THEN 'waiting' WHEN 1 THEN 'sending' ELSE d.state END,
  CASE s.k WHEN 0 THEN 'accepted' WHEN 1 THEN 'claimed' ELSE d.cause END, 'w1',
  iif(s.k = 1, NULL, randomblob(32)), randomblob(32), randomblob(32)
FROM deliveries d CROSS JOIN (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2) s
WHERE s.k = 0 OR (d.state <> 'waiting' AND (s.k = 1 OR d.state <> 'sending'))"""
_TALLIES: Final = (
    "INSERT INTO tallies (partner, state, n) SELECT partner, state, count(*) FROM deliveries GROUP BY partner, state"
)
_PACE: Final = """INSERT INTO {table} ({unit}, partner, state, came, went)
SELECT accepted_at / {size}, partner, step, sum(came), sum(went) FROM (
  SELECT accepted_at, partner, 'accepted' AS step, 1 AS came, 0 AS went, state FROM deliveries WHERE id > :pace
  UNION ALL SELECT accepted_at, partner, 'waiting', 1, state <> 'waiting', state FROM deliveries WHERE id > :pace
  UNION ALL SELECT accepted_at, partner, state, 1, 0, state
    FROM deliveries WHERE id > :pace AND state NOT IN ('waiting', 'sending')
  UNION ALL SELECT accepted_at, '', 'accepted', 1, 0, '' FROM events WHERE accepted_at > :paced_at)
WHERE accepted_at {when} :minutes_from GROUP BY 1, 2, 3"""


def build(place: Path, attempts: int, tell: Callable[[str], None] = lambda _: None) -> int:
    """Fill the migrated, empty ledger of an installation that nobody has open; how many rows it has then."""
    size = Sizes(attempts=attempts)
    with opened(place) as installation:
        ledger, told = installation.ledger, _told(size)
        bodies = _bodies(ledger.bodies, told)
        master = ledger.master
    connection = sqlite3.connect(place / "ledger.db", isolation_level=None)
    try:
        _fill(connection, size, told, bodies, master, tell)
        return sum(
            connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0]  # our own names
            for table in ("dossiers", "events", "lanes", "deliveries", "exchanges", "attempts", "moves")
        )
    finally:
        connection.close()


def _told(size: Sizes) -> dict[str, Any]:
    end, span = int(END.timestamp() * 1000), DAYS * 86_400_000
    return {
        "base": end - span, "span": span, "end": end, "dossiers": size.dossiers, "events": size.events,
        "deliveries": size.deliveries, "block": size.block, "rare": max(size.dossiers // 50, 10),
        "waiting": max(size.deliveries // 4_000, 20), "recent": size.deliveries * 9 // 10,
        "pace": size.deliveries * (DAYS - 8) // DAYS, "paced_at": end - 8 * 86_400_000,
        "minutes_from": end - 48 * 3_600_000,
    }  # fmt: skip


def _bodies(bodies: Bodies, told: dict[str, Any]) -> list[tuple[int, int, bytes]]:
    """The three that all rows point to; what their rows bind goes into `told`."""
    rows = []
    record, step = read_event(record_json("H99.40-260703-0001")), read_event(step_json("H99.40-260703-0001", 1))
    for number, (name, event) in enumerate((("record", record), ("step", step)), start=1):
        sealed = bodies.seal_event(event)
        told |= {f"{name}_digest": event.digest, f"{name}_commitment": sealed.commitment}
        rows.append((number, sealed.key_id, sealed.blob))
    sealed = bodies.seal_exchange(_exchange(step))
    told["exchange_commitment"] = sealed.commitment
    return [*rows, (3, sealed.key_id, sealed.blob)]


def _exchange(event: Event) -> Exchange:
    return Exchange(
        operation="DongBoTrangThaiHoSo", method="POST", url="http://127.0.0.1:9/events",
        request_head=b"content-type: application/json\r\n", request_body=event.body, sent_at=END,
        took=timedelta(milliseconds=5), status=200, reply_head=b"content-type: application/json\r\n",
        reply_body=b'{"taken":true}',
    )  # fmt: skip


def _fill(
    to: sqlite3.Connection,
    size: Sizes,
    told: dict[str, Any],
    bodies: list[tuple[int, int, bytes]],
    master: MasterKey,
    tell: Callable[[str], None],
) -> None:
    to.execute("PRAGMA synchronous = OFF")  # nothing of it is worth keeping if the machine stops now
    to.execute("PRAGMA journal_mode = OFF")
    to.execute("PRAGMA cache_size = -1000000")
    to.execute("PRAGMA temp_store_directory = ''")
    to.execute("BEGIN")
    indexes = without_indexes(to)
    to.executemany("INSERT INTO bodies (id, data_key, sealed) VALUES (?, ?, ?)", bodies)
    for name in ("national_portal", "ministry_registry", "sms_gateway"):
        to.execute("INSERT OR IGNORE INTO partners (name, last_success_at) VALUES (?, ?)", (name, told["end"] - 900))
    for name, statement, n in _steps(size):
        tell(name)
        to.execute((_COUNT if "FROM c" in statement else "") + statement, told | {"n": n})
    tell("terms")
    to.executemany(
        "INSERT OR IGNORE INTO search_terms (term, dossier) VALUES (?, ?)", _terms(size, SearchTerms(master))
    )
    for each in indexes:
        tell(each)
        to.execute(each)
    tell("pace")
    for values in (
        {"table": "pace", "unit": "minute", "size": 60_000, "when": ">="},
        {"table": "pace_hours", "unit": "hour", "size": 3_600_000, "when": "<"},
    ):
        to.execute(_PACE.format(**values), told)
    to.execute("UPDATE schema_versions SET applied_at = ? WHERE version = 4", (told["paced_at"],))
    to.execute("COMMIT")
    to.execute("PRAGMA journal_mode = WAL")


def _steps(size: Sizes) -> list[tuple[str, str, int]]:
    n = size.deliveries
    return [
        ("dossiers", _DOSSIERS, size.dossiers),
        ("events", _EVENTS, size.events),
        ("lanes", _LANES, 0),
        ("deliveries", _DELIVERIES, n),
        ("leases", _LEASES, 0),
        ("exchanges", _EXCHANGES, n + n // 4),
        ("attempts", _ATTEMPTS, n + n // 4),
        ("moves", _MOVES, 0),
        ("tallies", _TALLIES, 0),
    ]


def _terms(size: Sizes, terms: SearchTerms) -> Iterator[tuple[bytes, int]]:
    rows = []
    for dossier in range(1, size.dossiers + 1):
        own = {terms.identity_term(identity_of(dossier)), terms.phone_term(phone_of(dossier))}
        rows += [(term, dossier) for term in own | terms.name_terms(name_of(dossier))]
    rows.sort()
    yield from rows
