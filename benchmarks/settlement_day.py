"""A day of payments for the settlement: rows of the ledger, the gateway's file and the one-stop system's, with a known
number of differences of every class between them, and whatever looks like one and is none.

Every order has a fate; its number decides which, so that a million of them need no memory.
"""

from __future__ import annotations

import csv
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from bus.payments import LOCAL
from bus.settlement import CLASSES
from bus.times import to_ms

DAY: Final = date(2026, 1, 15)
PARTNER: Final = "payment_platform"
TAKER: Final = "one_stop"
SOURCE: Final = "one-stop/h99"
MERCHANT: Final = "TINHDEMO"
CLASS_FATES: Final = tuple(kind.value for kind in CLASSES)
INNOCENT: Final = (
    "failed_both",  # failed here and there
    "pending_both",  # still open here, pending there
    "second_try",  # one row of the reference failed, the next one paid
    "past_midnight",  # paid here after midnight, and in the file of the day before
    "counter",  # paid at the counter, failed at the gateway
    "refunded",  # paid, and paid back since
    "unlisted_open",  # open here, and in no file
)
"""Fates that are no differences."""
FATES: Final = (*CLASS_FATES, *INNOCENT)
EACH_DOSSIER: Final = 10
"""Payments of one dossier: as many rows as the comparison looks at, and not more."""
SPREAD: Final = 6_364_136_223
"""Numbers in references are a hash here: in the order of the day they stand anywhere in the index."""
DAY_MS: Final = 86_400_000
MIDNIGHT: Final = datetime(DAY.year, DAY.month, DAY.day, tzinfo=LOCAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large a day is."""

    orders: int
    each: int
    """Differences of each class."""

    def fate(self, n: int) -> str:
        """What happens to an order; most are paid and told everywhere."""
        stride = max(1, self.orders // (self.each * len(FATES)))
        index, is_later = divmod(n - 1, stride)
        if is_later or index >= self.each * len(FATES):
            return "matched"
        return FATES[index % len(FATES)]

    @property
    def expected(self) -> dict[str, int]:
        """How many of each class are to be found."""
        return dict.fromkeys(CLASS_FATES, self.each)


# -- one order ------------------------------------------------------------------------------------------------------


def reference(n: int) -> str:
    """Ours."""
    return f"TT260115{n * SPREAD % 10**10:010d}01"


def transaction(n: int) -> str:
    """The gateway's."""
    return f"GD260115{n:09d}"


def amount(n: int) -> int:
    """Whole đồng."""
    return 10_000 + n % 90 * 1_000


def paid_at(n: int, fate: str) -> datetime:
    """Spread over the day."""
    if fate == "past_midnight":
        return MIDNIGHT + timedelta(days=1, seconds=n % 600)
    return MIDNIGHT + timedelta(seconds=n * 7 % 86_400)


_OPEN: Final = {"missed_callback", "pending_both", "unlisted_open"}
_GONE: Final = {"orphan", "one_stop_orphan"}
"""Orders that the ledger never heard of."""


def states_of(fate: str) -> tuple[str, str]:
    """Of payment and attempt, here."""
    if fate in _OPEN:
        return ("open", "open")
    if fate == "failed_both":
        return ("failed", "failed")
    if fate == "counter":
        return ("paid_at_counter", "closed")
    return ("refunded" if fate == "refunded" else "paid", "paid")


def told_rows(n: int, fate: str) -> list[tuple[str, str, datetime, int, str]]:
    """The gateway's rows of an order: reference, transaction, time, amount, state."""
    usual = (reference(n), transaction(n), paid_at(n, fate), amount(n), "1")
    name, key, at, due, _ = usual
    match fate:
        case "missing_there" | "unlisted_open" | "one_stop_orphan":
            return []
        case "amount_difference":
            return [(name, key, at, due + 1_000, "1")]
        case "contradiction" | "failed_both" | "counter":
            return [(name, key, at, due, "4")]
        case "pending_both":
            return [(name, key, at, due, "3")]
        case "double_payment":
            return [usual, (name, f"{key}B", at, due, "1")]
        case "second_try":
            return [(name, f"{key}A", at, due, "4"), usual]
        case "other_transaction":
            return [(name, f"{key}X", at, due, "1")]
        case "other_reference":
            return [(f"{name[:-1]}9X", key, at, due, "1")]
        case _:
            return [usual]


def listed_row(n: int, fate: str) -> tuple[str, str, int, str] | None:
    """The one-stop system's row of an order: source, its number, amount, state."""
    state = states_of(fate)[0]
    is_paid = state in ("paid", "refunded", "paid_at_counter")
    match fate:
        case "one_stop_not_told" | "orphan":
            return None
        case "one_stop_amount":
            return (SOURCE, name(n), amount(n) - 500, "paid")
        case "one_stop_state":
            return (SOURCE, name(n), amount(n), "unpaid")
        case "one_stop_orphan":
            return (SOURCE, f"X{n}", amount(n), "paid")
        case _:
            return (SOURCE, name(n), amount(n), "paid" if is_paid else "unpaid")


def name(n: int) -> str:
    """The source's own number of the payment."""
    return f"HP-{n:08d}"


def expected_keys(plan: Plan) -> set[tuple[str, str]]:
    """Class and reference (or number) of every difference."""
    found = set()
    for n in range(1, plan.orders + 1):
        fate = plan.fate(n)
        if fate in CLASS_FATES:
            told = {"other_reference": f"{reference(n)[:-1]}9X", "one_stop_orphan": f"X{n}"}.get(fate, reference(n))
            found.add((fate, told))
    return found


# -- files ----------------------------------------------------------------------------------------------------------


def write_platform(path: Path, plan: Plan, *, day: date = DAY, merchant: str = MERCHANT) -> Path:
    """The gateway's file in the project's layout."""
    rows = total = 0
    for told in _all_rows(plan):
        rows, total = rows + 1, total + told[3]
    digest = hashlib.sha256()
    with path.open("wb", buffering=1 << 20) as file:
        for line in _lines(plan, rows, total, day, merchant):
            digest.update(line)
            file.write(line)
        file.write(f"T|{rows}|{digest.hexdigest()}\r\n".encode())
    return path


def _all_rows(plan: Plan) -> Iterator[tuple[str, str, datetime, int, str]]:
    for n in range(1, plan.orders + 1):
        yield from told_rows(n, plan.fate(n))


def _lines(plan: Plan, rows: int, total: int, day: date, merchant: str) -> Iterator[bytes]:
    yield f"H|1|{merchant}|{day:%Y%m%d}|DS|{rows}|{total}\r\n".encode()
    for at, (ref, key, when, due, state) in enumerate(_all_rows(plan), 1):
        yield f"D|{at}|{ref}|{key}|VCB|{when:%Y%m%d%H%M%S}|{due}|VND|{state}|\r\n".encode()


def write_one_stop(path: Path, plan: Plan) -> Path:
    """The one-stop system's file."""
    with path.open("w", encoding="utf-8", newline="", buffering=1 << 20) as file:
        out = csv.writer(file)
        out.writerow(("source", "payment", "amount", "state"))
        for n in range(1, plan.orders + 1):
            if (row := listed_row(n, plan.fate(n))) is not None:
                out.writerow(row)
    return path


# -- the ledger -----------------------------------------------------------------------------------------------------

INSERTS: Final = {
    "dossiers": "INSERT INTO dossiers (id, number, source, unit, first_seen_at) VALUES (?, ?, ?, '000.00.24.H99', ?)",
    "lanes": "INSERT INTO lanes (id, dossier, partner, deadline) VALUES (?, ?, ?, 1 << 62)",
    "payments": """INSERT INTO payments (id, source, name, dossier, event, amount, currency, unit, gateway, state,
      expires_at, paid_attempt, paid_at, created_at, changed_at)
      VALUES (?, ?, ?, ?, 0, ?, 'VND', '000.00.24.H99', ?, ?, ?, ?, ?, ?, ?)""",
    "attempts": """INSERT INTO payment_attempts (id, payment, n, partner, reference, state, made_at, opened_at,
      transaction_id, amount, bank, paid_at, changed_at) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, 'VCB', ?, ?)""",
    "events": """INSERT INTO events (id, source, event_id, kind, dossier, occurred_at, accepted_at, digest,
      commitment, body)
      VALUES (?, 'lienthong', ?, 'payment.settled', ?, ?, ?, x'', x'', 0)""",
    "deliveries": """INSERT INTO deliveries (id, event, partner, lane, rule, late, needs_record, place, state,
      cause, blocks, accepted_at, changed_at)
      VALUES (?, ?, ?, ?, 'every_step', 'send', 0, ?, ?, 'delivered', ?, ?, ?)""",
    "news": "INSERT INTO payment_news (event, payment) VALUES (?, ?)",
}


def fill(ledger: Path, plan: Plan, *, first_event: int = 1_000_000_000) -> None:
    """Payments, attempts and what was told of them, in a migrated ledger that nobody has open."""
    connection = sqlite3.connect(ledger, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")  # nothing of it is worth keeping if the machine stops now
        connection.execute("PRAGMA cache_size = -131072")
        connection.execute("BEGIN")
        for table, rows in _rows(plan, first_event):
            connection.executemany(INSERTS[table], rows)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _rows(plan: Plan, first_event: int) -> Iterator[tuple[str, Iterable[tuple[Any, ...]]]]:
    """Some orders at a time, each looked at once; numbers of rows are those of the orders."""
    made = to_ms(MIDNIGHT)
    dossiers = range(1, plan.orders // EACH_DOSSIER + 2)
    yield "dossiers", ((n, f"H99.24-260115-{n:06d}", SOURCE, made) for n in dossiers)
    yield "lanes", ((n, n, TAKER) for n in dossiers)
    for first in range(1, plan.orders + 1, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, plan.orders + 1))
        orders = [_Order.of(n, fate, made) for n in numbers if (fate := plan.fate(n)) not in _GONE]
        paid = [one for one in orders if one.at is not None]
        yield "payments", (one.payment(made) for one in orders)
        yield "attempts", (one.attempt(made) for one in orders)
        yield "events", ((first_event + o.n, f"s{o.n}", o.dossier, o.at, o.at) for o in paid)
        yield "news", ((first_event + o.n, o.n) for o in paid)
        yield "deliveries", (one.delivery(first_event + one.n) for one in paid)


AT_ONCE: Final = 20_000


class _Order(NamedTuple):
    """One order's facts, as its rows need them."""

    n: int
    fate: str
    states: tuple[str, str]
    at: int | None
    """When it was paid, by our books."""
    dossier: int

    @classmethod
    def of(cls, n: int, fate: str, made: int) -> _Order:
        states = states_of(fate)
        late = DAY_MS + n % 600 * 1000 if fate == "past_midnight" else n * 7 % 86_400 * 1000
        return cls(n, fate, states, made + late if states[1] == "paid" else None, n // EACH_DOSSIER + 1)

    def payment(self, made: int) -> tuple[Any, ...]:
        row = (self.n, SOURCE, name(self.n), self.dossier, amount(self.n), PARTNER, self.states[0], made + 2 * DAY_MS)
        return (*row, None if self.at is None else self.n, self.at, made, made)

    def attempt(self, made: int) -> tuple[Any, ...]:
        told = (None, None) if self.at is None else (transaction(self.n), amount(self.n))
        return (self.n, self.n, PARTNER, reference(self.n), self.states[1], made, made, *told, self.at, made)

    def delivery(self, number: int) -> tuple[Any, ...]:
        is_told = self.fate != "one_stop_not_told"
        state = "delivered" if is_told else "waiting"
        return (number, number, TAKER, self.dossier, self.at, state, 0 if is_told else 1, self.at, self.at)
