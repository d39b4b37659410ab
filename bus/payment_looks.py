"""The console's questions about payments: the list, its sums, and what needs a person. Reads only, bounded.

As in `looks.py`: a list with rare hits gives what it found among so many, says how far back that was, and is asked
again from there; each question takes `units`, the limit of who asks (None: none). Nothing is filtered afterwards. One
payment seen closely is `payment_close.py`. Amounts are whole đồng; sums are made by the database in integers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bus.engines.sqlite import Row, Tx
from bus.ledger import Ledger
from bus.looks import COUNTED, LARGEST_PAGE, PAGE, Many, Units
from bus.payments import PaymentState
from bus.rights import covers
from bus.times import from_ms, to_ms

LOOKED: Final = 40_000
"""Payments looked at for one page where no index helps."""
LOOKED_SUMS: Final = 200_000
"""Payments that sums are made of: a large province's month. More would take a page's patience; it says so."""
LOOKED_EACH: Final = 4_000
"""Of each state, or each unit, by number alone."""
LOOKED_IDS: Final = 10_000
CHUNK: Final = 500
MOST_UNITS: Final = 20_000
FEW_UNITS: Final = 50
"""So many units are looked through one by one."""
LONGEST_SEARCH: Final = 200
SHORTEST_PREFIX: Final = 3
MOST_FOUND: Final = 1_000
WAITING_REFUNDS: Final = ("requested", "unclear")
"""Refunds that wait for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of the payments is wanted; None, () and "" want everything."""

    states: tuple[PaymentState, ...] = ()
    gateway: str | None = None
    unit: str | None = None
    """This one and those below it."""
    since: datetime | None = None
    """Asked for then or later."""
    until: datetime | None = None
    is_in_review: bool = False
    """Only those that somebody has to decide about."""
    text: str = ""
    """A dossier's number or its beginning, a payment's own number, a reference or its beginning, a transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A payment in a list."""

    id: int
    source: str
    name: str
    dossier: str
    amount: int
    currency: str
    unit: str | None
    procedure: str | None
    gateway: str | None
    state: PaymentState
    created_at: datetime
    changed_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    refunded: int
    tasks: int
    """Open ones: it is in review."""
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of the list."""

    lines: tuple[Line, ...]
    before: int | None
    """From where the next page goes on; None: there is nothing older."""
    looked_back_to: datetime | None = None
    """Set when the page is not full although there may be more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What the payments of one state come to."""

    state: PaymentState
    count: int
    amount: int
    refunded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What a filter's payments come to, state by state; exact to the đồng for all that was looked at."""

    rows: tuple[Sum, ...]
    looked_back_to: datetime | None = None
    """Set when older ones were not counted."""

    @property
    def count(self) -> int:
        return sum(row.count for row in self.rows)

    @property
    def amount(self) -> int:
        return sum(row.amount for row in self.rows)

    @property
    def paid(self) -> int:
        """What came in through gateways, before refunds."""
        return sum(row.amount for row in self.rows if row.state.is_paid)

    @property
    def refunded(self) -> int:
        return sum(row.refunded for row in self.rows)


class PaymentLooks:
    """Lists of one ledger's payments."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def payments(self, wanted: Wanted, units: Units, *, before: int | None = None, limit: int = PAGE) -> Found:
        """A page, the newest first; `before` is where the page before it said to go on."""
        look = self._look(wanted, units, before, max(1, min(limit, LARGEST_PAGE)))
        ids = _candidates(look)
        return _scan(look) if ids is None else _walk(look, ids)

    def sums(self, wanted: Wanted, units: Units) -> Sums:
        """What the filter's payments come to."""
        look = self._look(wanted, units, None, 1)
        ids = _named(look)
        if ids is not None:
            rows = look.tx.all("paid_sums_at_ids", *look.values, json.dumps(ids))
            return Sums(rows=_sums(rows))
        low = max(look.low, look.high - LOOKED_SUMS)
        rows = look.tx.all("paid_sums_back", *look.values, look.high, low)
        return Sums(rows=_sums(rows), looked_back_to=_time(look.tx, low) if low > look.low else None)

    def in_review(self, units: Units) -> Many:
        """How many payments somebody has to decide about."""
        tx = self._ledger.engine.read()
        ids = [row[0] for row in tx.all("paid_ids_in_review", LOOKED_EACH)]
        values = _values(Wanted(), self._within(tx, units))
        found = len(tx.all("paid_at_ids", *values, json.dumps(ids)))
        return Many(n=min(found, COUNTED), is_more=found > COUNTED)

    def within(self, units: Units) -> str | None:
        """A limit as these queries take it."""
        told = self._within(self._ledger.engine.read(), units)
        return None if told is None else json.dumps(told)

    def units(self, units: Units) -> list[str]:
        """Units that a visitor may choose from."""
        return self._every(self._ledger.engine.read(), units)[:COUNTED]

    def gateways(self) -> list[str]:
        """Every gateway that was ever tried."""
        return [row[0] for row in self._ledger.engine.read().all("paid_gateways")]

    def named(self, text: str, units: Units) -> list[Line]:
        """Payments by their own number, a reference, a transaction, or their number in this ledger; exactly."""
        look = self._look(Wanted(text=text), units, None, LARGEST_PAGE)
        lines = _lines(look.tx, look.values, _searched(look.tx, text, is_exact=True))
        own = int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
        return lines or ([] if own is None else _lines(look.tx, look.values, [own]))

    # -- what is asked for, made narrow -------------------------------------------------------------------------------

    def _look(self, wanted: Wanted, units: Units, before: int | None, limit: int) -> _Look:
        tx = self._ledger.engine.read()
        row = tx.one("paid_ends")
        assert row is not None
        low, high = (1, 1) if row[0] is None else (row[0], row[1] + 1)
        within = self._within(tx, units, None if wanted.unit is None else (wanted.unit,))
        high = high if before is None else min(high, before)
        return _Look(tx=tx, wanted=wanted, units=within, low=low, high=high, limit=limit)

    def _within(self, tx: Tx, *limits: Units) -> Units:
        """The very units that all these limits cover: a question compares them whole, however units are written."""
        told = [each for each in limits if each is not None]
        if not told:
            return None
        return tuple(unit for unit in self._every(tx, told[0]) if all(covers(unit, each) for each in told[1:]))

    def _every(self, tx: Tx, units: Units) -> list[str]:
        return [row[0] for row in tx.all("paid_units", MOST_UNITS) if covers(row[0], units)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One page that is asked for: between `low` and `high`, `high` not included."""

    tx: Tx
    wanted: Wanted
    units: Units
    low: int
    high: int
    limit: int

    @property
    def values(self) -> Row:
        return _values(self.wanted, self.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ids:
    """Numbers that come into question, the highest first; `low`: where they were cut off."""

    ids: list[int]
    low: int | None = None


def _values(wanted: Wanted, units: Units) -> Row:
    return (
        json.dumps(wanted.states) if wanted.states else None,
        wanted.gateway,
        None if units is None else json.dumps(units),
        None if wanted.since is None else to_ms(wanted.since),
        None if wanted.until is None else to_ms(wanted.until),
    )


def _candidates(look: _Look) -> _Ids | None:
    """The numbers that come into question, where an index knows them; None where all must be looked at."""
    ids = _named(look)
    if ids is not None:
        return _Ids(ids=sorted((one for one in ids if one < look.high), reverse=True))
    if look.units is not None and len(look.units) <= FEW_UNITS:
        return _joined(look, "paid_ids_of_unit", look.units)
    if look.wanted.states:
        return _joined(look, "paid_ids_of_state", look.wanted.states)
    return None


def _named(look: _Look) -> list[int] | None:
    """Those that a search or an open task names; None where neither is asked for."""
    found: set[int] | None = None
    if look.wanted.text:
        found = set(_searched(look.tx, look.wanted.text))
    if look.wanted.is_in_review:
        open_ones = {row[0] for row in look.tx.all("paid_ids_in_review", LOOKED_EACH)}
        found = open_ones if found is None else found & open_ones
    return None if found is None else sorted(found)


def _searched(tx: Tx, text: str, *, is_exact: bool = False) -> Sequence[int]:
    """By everything that a payment may be called."""
    found: list[Row] = []
    is_short = is_exact or len(text) < SHORTEST_PREFIX
    for spelt in dict.fromkeys((text, text.upper())):
        end = spelt + ("\0" if is_short else "\U0010ffff")
        if not is_exact:
            found += tx.all("paid_ids_of_dossier", spelt, end, MOST_FOUND)
        for (gateway,) in tx.all("paid_gateways"):
            found += tx.all("paid_ids_of_reference", gateway, spelt, end, MOST_FOUND)
            found += tx.all("paid_ids_of_transaction", gateway, spelt)
        for (source,) in tx.all("paid_sources"):
            found += tx.all("paid_ids_of_name", source, spelt)
    return [row[0] for row in found]


def _joined(look: _Look, query: str, names: Iterable[str]) -> _Ids:
    """Several lists as one. Below where one of them was cut off, nothing is said of any."""
    ids, low = set[int](), None
    for name in names:
        rows = look.tx.all(query, name, look.high, look.low, LOOKED_EACH)
        if len(rows) == LOOKED_EACH:
            low = max(low or 0, rows[-1][0])
        ids.update(row[0] for row in rows)
    return _Ids(ids=sorted((one for one in ids if low is None or one >= low), reverse=True), low=low)


# -- looking ---------------------------------------------------------------------------------------------------------


def _walk(look: _Look, found: _Ids) -> Found:
    """Look at the numbers that came into question, some at a time, until the page is full."""
    lines = list[Line]()
    for start in range(0, len(found.ids), CHUNK):
        if start >= LOOKED_IDS:
            return _cut_off(look, lines, found.ids[start - 1])
        lines += _lines(look.tx, look.values, found.ids[start : start + CHUNK])
        if len(lines) > look.limit:
            return Found(lines=tuple(lines[: look.limit]), before=lines[look.limit - 1].id)
    return Found(lines=tuple(lines), before=None) if found.low is None else _cut_off(look, lines, found.low)


def _scan(look: _Look) -> Found:
    """Look at everything from the newest on, as far as a page may look."""
    low = max(look.low, look.high - LOOKED)
    rows = look.tx.all("paid_back", *look.values, look.high, low, look.limit + 1)
    lines = [line_of(row) for row in rows[: look.limit]]
    if len(rows) > look.limit:
        return Found(lines=tuple(lines), before=lines[-1].id)
    return _cut_off(look, lines, low) if low > look.low else Found(lines=tuple(lines), before=None)


def _cut_off(look: _Look, lines: Sequence[Line], low: int) -> Found:
    """What is above `low`, and it, has been looked at."""
    return Found(lines=tuple(lines), before=low, looked_back_to=_time(look.tx, low))


def _time(tx: Tx, number: int) -> datetime:
    row = tx.one("paid_time", number)
    assert row is not None
    return from_ms(row[0])


def _lines(tx: Tx, values: Row, ids: Sequence[int]) -> list[Line]:
    rows = tx.all("paid_at_ids", *values, json.dumps(sorted(set(ids))))
    return [line_of(row) for row in sorted(rows, reverse=True)]


def line_of(row: Row) -> Line:
    """A payment's row as these queries give it."""
    return Line(
        id=row[0],
        source=row[1],
        name=row[2],
        dossier=row[3],
        amount=row[4],
        currency=row[5],
        unit=row[6],
        procedure=row[7],
        gateway=row[8],
        state=PaymentState(row[9]),
        created_at=from_ms(row[10]),
        changed_at=from_ms(row[11]),
        expires_at=from_ms(row[12]),
        paid_at=None if row[13] is None else from_ms(row[13]),
        refunded=row[14],
        tasks=row[15],
        attempts=row[16] or 0,
    )


def _sums(rows: Iterable[Row]) -> tuple[Sum, ...]:
    order = {state: place for place, state in enumerate(PaymentState)}
    found = [Sum(state=PaymentState(row[0]), count=row[1], amount=row[2], refunded=row[3]) for row in rows]
    return tuple(sorted(found, key=lambda one: order[one.state]))
