"""Many deliveries at once: a frozen list, and what a person's act would make of each.

What is shown, approved and run is the same list: ids with the state, the time and the move each stood at, under one
digest. Those of one lane stand in its order, so that acting on one changes nothing for what was said of the next, and
the dry run is what then happens, unless somebody else changes something: then that item is left alone, and it is said.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from bus.engines.sqlite import Row, Tx
from bus.errors import NotAllowedNow, NotFound
from bus.judging import Act, How, judge, target
from bus.ledger import Ledger
from bus.messages import State, canonical_bytes
from bus.reasons import kept
from bus.repairs import Repairs
from bus.rights import covers
from bus.times import from_ms, to_ms

MOST: Final = 50_000
"""Items of one list: a day's outage of a province. It is frozen in seconds, and a person can still read its summary."""
NO: Final = "no:"
"""Begins what stands in place of a state where nothing would be done; after it comes the reason's code."""
LARGEST_PAGE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What a delivery stands at. The move tells two changes apart that fell into one millisecond."""

    delivery: int
    state: State
    changed_at: int
    move: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A list that is not frozen yet."""

    act: Act
    how: How
    items: tuple[tuple[Stand, str], ...]
    """Each with what would become of it: a state, or `no:` and why not."""
    units: tuple[str, ...] | None
    left_out: int
    """Asked for, and not there or not this person's."""

    @property
    def digest(self) -> str:
        """Over what is to be done, and to what."""
        return digest_of(self.act, self.how, [stand for stand, _would in self.items])

    @property
    def summary(self) -> dict[str, int]:
        """How many would come to what."""
        return dict(Counter(would for _stand, would in self.items).most_common())


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A frozen list's head."""

    id: int
    act: Act
    how: How
    account: str
    reason: str
    made_of: Mapping[str, Any]
    units: tuple[str, ...] | None
    made_at: datetime
    count: int
    digest: str

    def is_open_to(self, units: Sequence[str] | None) -> bool:
        """Whether who is limited to these units may see it: every unit that it was made for is his."""
        if units is None:
            return True
        return self.units is not None and all(covers(unit, units) for unit in self.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a frozen list as a page shows it."""

    n: int
    delivery: int
    stood: State
    would: str
    dossier: str
    partner: str
    state: State
    status: str | None
    kind: str
    outcome: str | None
    """What its run made of it."""
    done_at: datetime | None


class Selections:
    """Frozen lists of one ledger."""

    def __init__(self, ledger: Ledger, repairs: Repairs) -> None:
        self._ledger = ledger
        self._repairs = repairs

    def plan(self, ids: Iterable[int], act: Act, how: How = "", *, units: tuple[str, ...] | None = None) -> Planned:
        """The dry run, over the ledger as it is at one moment; nothing is written, and no writer waits.

        Raises NotAllowedNow: empty, or more than `MOST`.
        """
        wanted = sorted(set(ids))
        if len(wanted) > MOST:
            raise NotAllowedNow(f"{len(wanted)} deliveries: at most {MOST} at once", code="too_many")
        found: list[tuple[tuple[Any, ...], Stand, str]] = []
        with self._ledger.engine.snapshot() as tx:
            for delivery in wanted:
                row = tx.one("item_stands", delivery)
                if row is not None and covers(row[3], units):
                    found.append((_in_line(row), _stand(delivery, row), would(tx, delivery, act, how)))
        if not found:
            raise NotAllowedNow("the selection is empty", code="empty")
        found.sort(key=lambda one: one[0])
        items = tuple((stand, said) for _order, stand, said in found)
        return Planned(act=act, how=how, items=items, units=units, left_out=len(wanted) - len(items))

    def freeze(
        self, tx: Tx, planned: Planned, *, account: str, reason: str, made_of: Mapping[str, Any] | None = None
    ) -> int:
        """Keep the list, in a transaction of the caller's; its number."""
        count, digest, now = len(planned.items), planned.digest, to_ms(self._ledger.clock.now())
        units = None if planned.units is None else msgspec.json.encode(planned.units).decode()
        head = (planned.act, planned.how, account, kept(reason), msgspec.json.encode(made_of or {}).decode(), units)
        number = tx.insert("add_selection", *head, now, count, digest)
        rows = [
            (number, n, stand.delivery, stand.state, stand.changed_at, stand.move, said)
            for n, (stand, said) in enumerate(planned.items, start=1)
        ]
        tx.many("add_selection_item", rows)
        told = f"{number} {digest[:12]} {planned.act} {count}: {kept(reason)}"
        self._repairs.note(tx, "selection_frozen", told, actor=f"person:{account}")
        return number

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, number: int, *, tx: Tx | None = None) -> Selection:
        """A list's head. Raises NotFound."""
        row = (tx or self._ledger.engine.read()).one("find_selection", number)
        if row is None:
            raise NotFound(f"no selection {number}")
        return _selection(row)

    def newest(self, *, before: int = 1 << 62, limit: int = 50) -> list[Selection]:
        """The newest lists."""
        rows = self._ledger.engine.read().all("newest_selections", before, min(limit, LARGEST_PAGE))
        return [_selection(row) for row in rows]

    def page(self, number: int, *, after: int = 0, limit: int = 50) -> list[Line]:
        """A page of a list, with what each stands at now."""
        rows = self._ledger.engine.read().all("selection_page", number, after, min(limit, LARGEST_PAGE))
        return [_line(row) for row in rows]

    def summary(self, number: int) -> dict[str, int]:
        """What the dry run said when it was frozen: how many would come to what."""
        return dict(self._ledger.engine.read().all("selection_would", number))

    def is_whole(self, tx: Tx, of: Selection) -> bool:
        """Whether its items are those that its digest was made of."""
        rows = tx.all("selection_items", of.id)
        stands = [Stand(delivery=row[1], state=State(row[2]), changed_at=row[3], move=row[4]) for row in rows]
        return len(stands) == of.count and digest_of(of.act, of.how, stands) == of.digest

    def item(self, tx: Tx, number: int, n: int) -> Stand | None:
        """One of it, as it stood; None past its end."""
        row = tx.one("selection_item", number, n)
        return None if row is None else Stand(delivery=row[0], state=State(row[1]), changed_at=row[2], move=row[3])


def would(tx: Tx, delivery: int, act: Act, how: How) -> str:
    """What an act would make of a delivery that is there: a state, or `no:` and why not."""
    try:
        return judge(tx, target(tx, delivery), act, how).state.value
    except NotAllowedNow as refusal:
        return f"{NO}{refusal.code}"


def stands(tx: Tx, delivery: int) -> tuple[Stand, str | None]:
    """What a delivery that is there stands at, and whose unit it is."""
    row = tx.one("item_stands", delivery)
    assert row is not None
    return _stand(delivery, row), row[3]


def digest_of(act: str, how: str, items: Iterable[Stand]) -> str:
    """Over what is to be done, and to what, as it stood."""
    listed = [[one.delivery, one.state.value, one.changed_at, one.move] for one in items]
    return hashlib.sha256(canonical_bytes([act, how, listed])).hexdigest()


def _stand(delivery: int, row: Row) -> Stand:
    return Stand(delivery=delivery, state=State(row[0]), changed_at=row[1], move=row[2])


def _in_line(row: Row) -> tuple[Any, ...]:
    """By lane, then as events stand in it; what waits behind a gap comes last, for nothing can be said of its place."""
    return (row[4], row[5] is None, row[5] or 0, row[6])


def _selection(row: Row) -> Selection:
    return Selection(
        id=row[0],
        act=row[1],
        how=row[2],
        account=row[3],
        reason=row[4],
        made_of=msgspec.json.decode(row[5]),
        units=None if row[6] is None else tuple(msgspec.json.decode(row[6])),
        made_at=from_ms(row[7]),
        count=row[8],
        digest=row[9],
    )


def _line(row: Row) -> Line:
    return Line(
        n=row[0],
        delivery=row[1],
        stood=State(row[2]),
        would=row[3],
        dossier=row[4],
        partner=row[5],
        state=State(row[6]),
        status=row[7],
        kind=row[8],
        outcome=row[9],
        done_at=None if row[10] is None else from_ms(row[10]),
    )
