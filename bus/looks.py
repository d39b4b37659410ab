"""What the console looks at: lists of deliveries, searches, what needs a person. Reads only.

Everything here is bounded by what it looks at, not only by what it shows: a list with rare hits gives what it found
among so many, says how far back that was, and is asked again from there. Each question takes `units`, the limit of who
asks (None: none); nothing is filtered afterwards. `reads.py` is what the API asks; it knows no such limit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bus.engines.sqlite import Row, SqliteEngine, Tx
from bus.messages import State
from bus.rights import covers
from bus.seal import MasterKey, SearchTerms, folded_words
from bus.times import from_ms, ms, to_ms

PAGE: Final = 50
LARGEST_PAGE: Final = 200
LOOKED_PLAIN: Final = 100_000
"""Deliveries looked at for one page by what stands in their own rows: about 50 ms."""
LOOKED_EVENTS: Final = 40_000
"""The same by what stands in their events, one more row each."""
LOOKED_DOSSIERS: Final = 10_000
"""The same by their dossiers' units: those rows lie anywhere."""
LOOKED_OPEN: Final = 4_000
"""Of each state at each partner, by number alone; and of all of them together, so many rows."""
FEW_DOSSIERS: Final = 2_000
"""A unit with fewer is looked through dossier by dossier, however long ago they were."""
FEW_DELIVERIES: Final = 30_000
CHUNK: Final = 500
CLOCK_STEP: Final = timedelta(minutes=5)
"""Times grow with numbers, but for a clock that was set back: by so much, no list by time misses anything. A clock that
was set back further may hide some of that time from a list by time; a list without one shows everything."""
SAMPLED: Final = 40
"""Deliveries of each state at each partner that tell which causes a filter offers."""
COUNTED: Final = 1_000
"""Past it a count says "more than"."""
LONGEST_SEARCH: Final = 200
"""Characters: the longest number and the longest name with room to spare."""
MOST_WORDS: Final = 8
SHORTEST_NUMBER: Final = 3
LOOKED_TERMS: Final = 20_000
"""Dossiers looked at for one search: half of all people share three family names."""
MOST_UNITS: Final = 20_000
"""Units of one province, communes and their desks included, are some hundreds; whoever writes each dossier's own unit
has a table to mend."""
MOST_NAMES: Final = 500
"""Units or sources that a filter offers."""
OPEN: Final = (State.WAITING, State.AWAITING, State.IN_DOUBT, State.HELD, State.REFUSED)
INDEXED: Final = frozenset(State) - {State.SENDING, State.DELIVERED}
"""States that an index finds."""
NO_END: Final = 1 << 62

Units: TypeAlias = tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What of the log is wanted; None and () want everything."""

    partner: str | None = None
    states: tuple[State, ...] = ()
    cause: str | None = None
    kind: str | None = None
    source: str | None = None
    unit: str | None = None
    """This one and those below it."""
    dossier: str | None = None
    since: datetime | None = None
    """Accepted then or later."""
    until: datetime | None = None
    """Accepted before."""

    def fits(self, line: Line, units: Units) -> bool:
        """Whether the list shows this line: what the queries decide row by row, said once more for the live log."""
        return (
            self.partner in (None, line.partner)
            and (not self.states or line.state in self.states)
            and self.cause in (None, line.cause)
            and self.kind in (None, line.kind)
            and self.source in (None, line.source)
            and self.dossier in (None, line.dossier)
            and (self.since is None or line.accepted_at >= self.since)
            and (self.until is None or line.accepted_at < self.until)
            and (self.unit is None or covers(line.unit, (self.unit,)))
            and covers(line.unit, units)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A delivery in a list."""

    id: int
    partner: str
    state: State
    cause: str
    reason: str
    due_at: datetime | None
    tries: int
    accepted_at: datetime
    changed_at: datetime
    status: str | None
    dossier: str
    source: str
    event: str
    kind: str
    unit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of a list."""

    lines: tuple[Line, ...]
    before: int | None
    """From where the next page goes on; None: there is nothing older."""
    looked_back_to: datetime | None = None
    """Set when the page is not full although there may be more: what was accepted since then has been looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A dossier in a list."""

    number: str
    national_number: str | None
    procedure: str | None
    unit: str | None
    status: str | None
    received_at: datetime | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """What a search found."""

    dossiers: tuple[Dossier, ...]
    by: tuple[str, ...]
    """What it was taken for: `number`, `identity`, `phone`, `name`."""
    is_whole: bool
    """Whether that is all; if not, a search for more words or more of the number finds the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """A count, and whether there are more."""

    n: int
    is_more: bool = False

    def __add__(self, other: Many) -> Many:
        return Many(n=self.n + other.n, is_more=self.is_more or other.is_more)


NONE: Final = Many(n=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Dossiers by their deadline."""

    dossiers: tuple[Dossier, ...]
    count: Many


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A dossier that waits for a number of its source that did not come."""

    since: datetime
    dossier: str
    source: str
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What happened since a move."""

    last: int
    """The newest move that was looked at."""
    lines: tuple[tuple[int, Line], ...]
    """Each delivery with its newest move, in their order."""
    is_all: bool
    """Whether there was nothing beyond `last`."""


class Looks:
    """The console's questions to one ledger."""

    def __init__(self, engine: SqliteEngine, master: MasterKey) -> None:
        self._engine = engine
        self._terms = SearchTerms(master)

    # -- the log ----------------------------------------------------------------------------------------------------

    def deliveries(self, wanted: Filter, units: Units, *, before: int | None = None, limit: int = PAGE) -> Found:
        """A page of deliveries, the newest first; `before` is where the page before it said to go on."""
        tx, limit = self._engine.read(), max(1, min(limit, LARGEST_PAGE))
        first, last = self._ends(tx)
        low, high = self._between(tx, wanted, first, last)
        high = high if before is None else min(high, before)
        within = self._within(units, None if wanted.unit is None else (wanted.unit,))
        look = _Look(tx=tx, wanted=wanted, units=within, low=low, high=high, limit=limit)
        ids = self._ids(look)
        return _walk(look, ids) if ids is not None else _scan(look)

    def _ends(self, tx: Tx) -> tuple[int, int]:
        row = tx.one("look_ends")
        assert row is not None
        return (1, 0) if row[0] is None else (row[0], row[1])

    def _between(self, tx: Tx, wanted: Filter, first: int, last: int) -> tuple[int, int]:
        """The numbers that the filter's times lie between; a little wide, the rows' own times decide."""
        low, high = first, last + 1
        if wanted.since is not None:
            low = _first_at(tx, to_ms(wanted.since) - ms(CLOCK_STEP), first, last + 1)
        if wanted.until is not None:
            high = _first_at(tx, to_ms(wanted.until) + ms(CLOCK_STEP), first, last + 1)
        return low, high

    def _ids(self, look: _Look) -> _Ids | None:
        """The numbers that come into question, where an index knows them; None where everything must be looked at."""
        wanted, tx = look.wanted, look.tx
        if wanted.dossier is not None:
            lanes = [row[0] for row in tx.all("look_lanes", wanted.dossier)]
            return _joined(
                (tx.all("look_lane_ids", each, look.high, look.low, LOOKED_OPEN) for each in lanes), LOOKED_OPEN
            )
        small = self._of_units(look)
        if small is not None:
            return small
        if wanted.states and State.DELIVERED not in wanted.states:
            return self._of_states(look)
        return None

    def _of_units(self, look: _Look) -> _Ids | None:
        """Of the units asked for, and else of the visitor's, when they have few dossiers."""
        units = look.units
        if units is None:
            return None
        left, ids = FEW_DOSSIERS, set[int]()
        for unit in units:
            row = look.tx.one("look_unit_size", unit, left + 1)
            assert row is not None
            left -= row[0]
            if left < 0:
                return None
        for unit in units:
            most = FEW_DELIVERIES - len(ids)
            found = look.tx.all("look_unit_ids", unit, look.high, look.low, most + 1)
            if len(found) > most:
                return None
            ids.update(row[0] for row in found)
        return _Ids(ids=sorted(ids, reverse=True), low=None)

    def _of_states(self, look: _Look) -> _Ids:
        """Of open states, partner by partner; below where one of them was cut off, nothing is said of any."""
        tx, wanted = look.tx, look.wanted
        partners = [wanted.partner] if wanted.partner else [row[0] for row in tx.all("list_partners")]
        each = LOOKED_OPEN if look.is_narrow else look.limit + 1
        found = []
        for partner in partners:
            for state in wanted.states:
                if state is State.SENDING:
                    found.append(tx.all("look_sending_ids", partner, look.high, look.low, FEW_DELIVERIES))
                else:
                    found.append(tx.all("look_open_ids", state, partner, look.high, look.low, each))
        return _joined(found, each)

    def lines(self, ids: Iterable[int]) -> list[Line]:
        """These deliveries as lines, the newest first."""
        return _lines_of(self._engine.read(), ids, _values(Filter(), None))

    def moved_since(self, move: int, limit: int) -> Moved:
        """What moved after this move: each delivery once, as it stands now, by its last move."""
        rows = self._engine.read().all("look_moves", move, limit)
        last_of = {row[1]: row[0] for row in rows if row[1] is not None}
        lines = sorted(((last_of[line.id], line) for line in self.lines(last_of)), key=lambda pair: pair[0])
        return Moved(last=rows[-1][0] if rows else move, lines=tuple(lines), is_all=len(rows) < limit)

    def last_move(self) -> int:
        """The newest move."""
        row = self._engine.read().one("last_move_id")
        assert row is not None
        return int(row[0])

    def units(self, units: Units) -> list[str]:
        """Units that a visitor may choose from."""
        return self._every(units)[:MOST_NAMES]

    def _every(self, units: Units) -> list[str]:
        """All units that have dossiers, and that these cover."""
        return [row[0] for row in self._engine.read().all("look_units", MOST_UNITS) if covers(row[0], units)]

    def _within(self, *limits: Units) -> Units:
        """The very units that all these limits cover: a question compares them whole, however units are written."""
        told = [each for each in limits if each is not None]
        if not told:
            return None
        return tuple(unit for unit in self._every(told[0]) if all(covers(unit, each) for each in told[1:]))

    def sources(self) -> list[str]:
        """Every source."""
        return [row[0] for row in self._engine.read().all("look_sources", MOST_NAMES)]

    def causes(self, units: Units) -> list[str]:
        """Why deliveries are not over, as far as the newest of each state show it."""
        tx, ids = self._engine.read(), list[int]()
        for partner, *_ in tx.all("list_partners"):
            for state in OPEN:
                ids += [row[0] for row in tx.all("look_open_ids", state, partner, NO_END, 0, SAMPLED)]
        return sorted({line.cause for line in _lines_of(tx, ids, _values(Filter(), self._within(units)))})

    # -- search -----------------------------------------------------------------------------------------------------

    def search(self, text: str, units: Units, *, limit: int = PAGE) -> Hits:
        """Dossiers by number (its beginning is enough), identity number, telephone, or all words of a name.

        The caller has seen to it that the text is no longer than LONGEST_SEARCH.
        """
        asked, found, by, is_whole = text.strip(), dict[str, Dossier](), list[str](), True
        for name, hits, whole in self._searches(asked, _told(self._within(units)), limit):
            fresh = [each for each in hits if each.number not in found]
            found.update((each.number, each) for each in fresh)
            by += [name] if fresh and name not in by else []
            is_whole = is_whole and whole
        kept = tuple(found.values())[:limit]
        return Hits(dossiers=kept, by=tuple(by), is_whole=is_whole and len(kept) == len(found))

    def _searches(self, text: str, units: str | None, limit: int) -> Iterator[tuple[str, list[Dossier], bool]]:
        has_digit = any(mark.isdigit() for mark in text)
        if len(text) >= SHORTEST_NUMBER and has_digit:
            for query in ("look_numbers", "look_national", "look_own"):
                for spelt in dict.fromkeys((text, text.upper())):
                    rows = self._engine.read().all(query, spelt, spelt + "\U0010ffff", LOOKED_TERMS, units, limit + 1)
                    yield "number", _dossiers(rows[:limit]), len(rows) <= limit
        if has_digit:
            for name, term in (("identity", self._terms.identity_term), ("phone", self._terms.phone_term)):
                yield name, *self._by_terms([term(text)], units, limit)
        elif words := folded_words(text):
            terms = [term for word in sorted(words)[:MOST_WORDS] for term in self._terms.name_terms(word)]
            hits, whole = self._by_terms(terms, units, limit)
            yield "name", hits, whole and len(words) <= MOST_WORDS

    def _by_terms(self, terms: Sequence[bytes], units: str | None, limit: int) -> tuple[list[Dossier], bool]:
        """Dossiers that all of these find, looked for among those of the rarest one."""
        tx = self._engine.read()
        sizes = {term: tx.all("look_term_size", term, LOOKED_TERMS + 1)[0][0] for term in terms}
        rarest, *others = sorted(terms, key=lambda term: sizes[term])
        padded = [*others, *[None] * (MOST_WORDS - 1 - len(others))]
        rows = tx.all("look_terms", rarest, LOOKED_TERMS, units, limit + 1, *padded)
        return _dossiers(rows[:limit]), len(rows) <= limit and sizes[rarest] <= LOOKED_TERMS

    # -- what needs a person ----------------------------------------------------------------------------------------

    def standing(self, units: Units) -> dict[tuple[str, State], Many]:
        """How many open deliveries stand where: by partner and state."""
        tx = self._engine.read()
        if units is None:
            return {(row[0], State(row[1])): Many(n=row[2]) for row in tx.all("tallies") if State(row[1]) in OPEN}
        partners, within = [row[0] for row in tx.all("list_partners")], self._within(units)
        return {(partner, state): self._count(partner, state, within) for partner in partners for state in OPEN}

    def _count(self, partner: str, state: State, units: Units, changed_before: int | None = None) -> Many:
        told, tx = _told(units), self._engine.read()
        rows = tx.all("look_oldest", state, partner, LOOKED_OPEN, told, changed_before, COUNTED + 1)
        seen = tx.all("look_open_ids", state, partner, NO_END, 0, LOOKED_OPEN + 1)
        return Many(n=min(len(rows), COUNTED), is_more=len(rows) > COUNTED or len(seen) > LOOKED_OPEN)

    def ready_since(self, partner: str) -> datetime | None:
        """Since when the delivery that has been ready longest waits for this partner."""
        row = self._engine.read().one("oldest_ready", partner)
        return None if row is None or row[0] is None else from_ms(row[0])

    def oldest(self, state: State, units: Units, *, partner: str | None = None) -> Line | None:
        """The delivery that has stood longest among those in this state; None where there is none."""
        told, tx = _told(self._within(units)), self._engine.read()
        partners = [partner] if partner else [row[0] for row in tx.all("list_partners")]
        rows = [row for each in partners for row in tx.all("look_oldest", state, each, LOOKED_OPEN, told, None, 1)]
        return _line(min(rows)) if rows else None

    def awaiting_since(self, before: datetime, units: Units) -> Many:
        """How many deliveries were taken by their partner before this, and are not answered yet."""
        partners = [row[0] for row in self._engine.read().all("list_partners")]
        within = self._within(units)
        return sum((self._count(each, State.AWAITING, within, to_ms(before)) for each in partners), NONE)

    def due(self, since: datetime | None, until: datetime, units: Units, *, limit: int = 5) -> Due:
        """Dossiers whose deadline falls within these times and that are not at their end."""
        told, low = _told(self._within(units)), 0 if since is None else to_ms(since)
        rows = self._engine.read().all("look_due", low, to_ms(until), LOOKED_DOSSIERS, told, COUNTED + 1)
        count = Many(n=min(len(rows), COUNTED), is_more=len(rows) > COUNTED)
        return Due(dossiers=tuple(_dossiers(rows[:limit])), count=count)

    def gaps(self, before: datetime, units: Units, *, limit: int = PAGE) -> list[Gap]:
        """Dossiers that have waited behind a gap since before a time, the longest first."""
        told = _told(self._within(units))
        rows = self._engine.read().all("look_gaps", to_ms(before), LOOKED_OPEN, told, limit)
        return [Gap(since=from_ms(row[0]), dossier=row[1], source=row[2], missing=row[3]) for row in rows]


# -- looking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One page that is asked for: between `low` and `high`, `high` not included."""

    tx: Tx
    wanted: Filter
    units: Units
    low: int
    high: int
    limit: int

    @property
    def is_narrow(self) -> bool:
        """Whether rows that an index found may still not fit."""
        f = self.wanted
        return self.units is not None or any(each is not None for each in (f.cause, f.kind, f.source, f.since, f.until))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ids:
    """Numbers that come into question, the highest first."""

    ids: list[int]
    low: int | None
    """Where they were cut off; None: these are all."""


def _joined(parts: Iterable[list[Row]], each: int) -> _Ids:
    """Several lists as one. Below where one of them was cut off at so many, nothing is said of any."""
    ids, low = set[int](), None
    for part in parts:
        if len(part) == each:
            low = max(low or 0, part[-1][0])
        ids.update(row[0] for row in part)
    return _Ids(ids=sorted((one for one in ids if low is None or one >= low), reverse=True), low=low)


def _walk(look: _Look, found: _Ids) -> Found:
    """Look at the numbers that came into question, some at a time, until the page is full."""
    values, lines, ids = _values(look.wanted, look.units), list[Line](), found.ids
    for start in range(0, len(ids), CHUNK):
        if start >= LOOKED_DOSSIERS:
            return _cut_off(look, lines, ids[start - 1])
        lines += _lines_of(look.tx, ids[start : start + CHUNK], values)
        if len(lines) > look.limit:
            return Found(lines=tuple(lines[: look.limit]), before=lines[look.limit - 1].id)
    return _cut_off(look, lines, found.low) if found.low is not None else Found(lines=tuple(lines), before=None)


def _scan(look: _Look) -> Found:
    """Look at everything from the newest on, as far as a page may look."""
    low = max(look.low, look.high - _reach(look))
    rows = look.tx.all("look_back", *_values(look.wanted, look.units), look.high, low, look.limit + 1)
    lines = [_line(row) for row in rows[: look.limit]]
    if len(rows) > look.limit:
        return Found(lines=tuple(lines), before=lines[-1].id)
    return _cut_off(look, lines, low) if low > look.low else Found(lines=tuple(lines), before=None)


def _reach(look: _Look) -> int:
    if look.units is not None:
        return LOOKED_DOSSIERS
    return LOOKED_PLAIN if look.wanted.kind is None and look.wanted.source is None else LOOKED_EVENTS


def _cut_off(look: _Look, lines: list[Line], low: int) -> Found:
    """Not at the end: what is above `low`, and it, has been looked at. A page that is full need not say so."""
    if len(lines) == look.limit:
        return Found(lines=tuple(lines), before=low)
    row = look.tx.one("look_time", low)
    assert row is not None
    return Found(lines=tuple(lines), before=low, looked_back_to=from_ms(row[0]))


def _first_at(tx: Tx, at: int, first: int, end: int) -> int:
    """The number from which on deliveries were accepted at this time or later."""
    while first < end:
        middle = (first + end) // 2
        row = tx.one("look_time", middle)
        if row is not None and row[0] < at:
            first = middle + 1
        else:
            end = middle
    return first


def _values(wanted: Filter, units: Units) -> Row:
    """What the lists' queries are asked with."""
    return (
        wanted.partner,
        json.dumps(wanted.states) if wanted.states else None,
        wanted.cause,
        None if wanted.since is None else to_ms(wanted.since),
        None if wanted.until is None else to_ms(wanted.until),
        wanted.kind,
        wanted.source,
        _told(units),
    )


def _told(units: Units) -> str | None:
    return None if units is None else json.dumps(units)


def _lines_of(tx: Tx, ids: Iterable[int], values: Row) -> list[Line]:
    rows = tx.all("look_at_ids", *values, json.dumps(list(ids)))
    return [_line(row) for row in sorted(rows, reverse=True)]


def _line(row: Row) -> Line:
    return Line(
        id=row[0],
        partner=row[1],
        state=State(row[2]),
        cause=row[3],
        reason=row[4],
        due_at=None if row[5] is None else from_ms(row[5]),
        tries=row[6],
        accepted_at=from_ms(row[7]),
        changed_at=from_ms(row[8]),
        status=row[9],
        dossier=row[10],
        source=row[11],
        event=row[12],
        kind=row[13],
        unit=row[14],
    )


def _dossiers(rows: Iterable[Row]) -> list[Dossier]:
    return [
        Dossier(
            number=row[0],
            national_number=row[1],
            procedure=row[2],
            unit=row[3],
            status=row[4],
            received_at=None if row[5] is None else from_ms(row[5]),
            due_at=None if row[6] is None else from_ms(row[6]),
        )
        for row in rows
    ]
