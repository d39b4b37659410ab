"""The live log's feed: whoever listens is told of everything he may see, once; and never more than he can read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.doors.console import live
from adapters.doors.console.live import MOST_ROWS, Batch, Feed, Listener
from adapters.doors.console.visit import Visit
from bus.errors import LedgerUnavailable
from bus.looks import Filter, Line, Moved
from bus.messages import State
from bus.rights import Right
from tests.builders import NOON

VISIT = Visit(
    account="an",
    person="An",
    rights=frozenset(Right),
    units=None,
    language="vi",
    now=NOON,
    address="",
    session=1,
    csrf="",
)
TICK = 0.005


def line_of(number: int, **facts: Any) -> Line:
    known = {
        "id": number,
        "partner": "books",
        "state": State.DELIVERED,
        "cause": "delivered",
        "reason": "",
        "due_at": None,
        "tries": 1,
        "accepted_at": NOON,
        "changed_at": NOON + timedelta(seconds=number),
        "status": None,
        "dossier": "H99-1",
        "source": "s",
        "event": f"e{number}",
        "kind": "dossier.progressed",
        "unit": "H99.11",
    }
    return Line(**known | facts)


@dataclass
class Book:
    """Moves in memory, read as the ledger's are."""

    moves: list[Line] = field(default_factory=list)
    away: int = 0
    """So many readings fail."""
    broken: bool = False

    def last_move(self) -> int:
        return len(self.moves)

    def moved_since(self, move: int, limit: int) -> Moved:
        if self.away:
            self.away -= 1
            raise LedgerUnavailable("gone")
        if self.broken:
            self.broken = False
            raise RuntimeError("a bug")
        part = self.moves[move : move + limit]
        last_of = {line.id: move + n for n, line in enumerate(part, start=1)}
        newest = {line.id: line for line in part}
        lines = sorted((last_of[line.id], line) for line in newest.values())
        return Moved(last=move + len(part), lines=tuple(lines), is_all=len(part) < limit)


def feed_of(book: Book, **how: Any) -> Feed:
    told: dict[str, Any] = {"is_still": lambda visit: True, "render": rendered, "tick_s": TICK} | how
    return Feed(book, **told)


def rendered(template: str, batch: Batch, visit: Visit) -> str:
    return " ".join(str(row.line.id) for row in batch.rows)


@dataclass
class Ear:
    """What one browser heard."""

    shown: list[int] = field(default_factory=list)
    more: int = 0
    is_more: bool = False
    last: str = ""
    names: list[str] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)

    def hear(self, name: str, data: str, place: str) -> None:
        self.names.append(name)
        self.last = place or self.last
        if name == "gone":
            self.gone += [int(part) for part in data.split()]
        if name == "rows":
            head, _, ids = data.partition("\n")
            shown, more, is_more = (int(part) for part in head.split())
            numbers = [int(part) for part in ids.split()]
            assert shown == len(numbers) <= MOST_ROWS
            self.shown += reversed(numbers)
            self.more += more
            self.is_more |= bool(is_more)

    @property
    def heard(self) -> int:
        return len(self.shown) + self.more


async def listen(events: AsyncIterator[Any], ear: Ear, until: Callable[[], bool]) -> Ear:
    """Hear until it is enough; a stream that ends by itself ends it too."""
    async with asyncio.timeout(60), aclosing(events):  # type: ignore[type-var]
        async for told in events:
            ear.hear(*told)
            if until():
                break
    return ear


def test_everything_is_told_once():
    """What moves while somebody listens is shown in its order, each once; what moved before is not told."""

    async def scene() -> Ear:
        book = Book([line_of(n) for n in range(1, 6)])
        feed, ear = feed_of(book), Ear()
        hearing = asyncio.create_task(listen(feed.listen(VISIT, Filter(), None), ear, lambda: ear.heard >= 40))
        while feed.listeners == 0:
            await asyncio.sleep(TICK)
        for n in range(6, 46):
            book.moves.append(line_of(n))
            await asyncio.sleep(0)
        await hearing
        assert 0 == feed.listeners
        return ear

    ear = asyncio.run(scene())
    assert "hello" == ear.names[0]
    assert ear.shown == sorted(set(ear.shown))
    assert set(ear.shown) <= set(range(6, 46))
    assert 40 == ear.heard


def test_who_comes_back_misses_nothing():
    """A browser that broke off goes on where it was: what came between is told, joined to what comes now."""

    async def scene() -> Ear:
        book = Book([line_of(n) for n in range(1, 16)])
        feed, ear = feed_of(book), Ear()
        hearing = asyncio.create_task(listen(feed.listen(VISIT, Filter(), 10), ear, lambda: ear.heard >= 7))
        while feed.listeners == 0:
            await asyncio.sleep(TICK)
        book.moves += [line_of(16), line_of(17)]
        return await hearing

    ear = asyncio.run(scene())
    assert [11, 12, 13, 14, 15, 16, 17] == ear.shown
    assert "17" == ear.last


def test_a_page_that_is_ahead_of_the_feed_hears_nothing_twice():
    """A page that was made after the feed's last reading is not told what it shows already."""

    async def scene() -> Ear:
        book = Book([line_of(n) for n in range(1, 4)])
        feed, first, ear = feed_of(book, tick_s=0.05), Ear(), Ear()
        other = asyncio.create_task(listen(feed.listen(VISIT, Filter(), None), first, lambda: 9 in first.shown))
        while feed.listeners == 0:
            await asyncio.sleep(TICK)
        book.moves += [line_of(n) for n in range(4, 9)]
        hearing = asyncio.create_task(listen(feed.listen(VISIT, Filter(), 8), ear, lambda: ear.heard >= 1))
        while feed.listeners == 1:
            await asyncio.sleep(TICK)
        book.moves.append(line_of(9))
        await asyncio.gather(other, hearing)
        return ear

    assert [9] == asyncio.run(scene()).shown


def test_much_at_once_is_counted():
    """Of a flood the newest are shown, and the rest is counted: nothing is lost without being said."""

    async def scene() -> Ear:
        book = Book()
        feed, ear = feed_of(book), Ear()
        hearing = asyncio.create_task(listen(feed.listen(VISIT, Filter(), None), ear, lambda: ear.heard >= 900))
        while feed.listeners == 0:
            await asyncio.sleep(TICK)
        book.moves += [line_of(n) for n in range(1, 901)]
        return await hearing

    ear = asyncio.run(scene())
    assert 900 == ear.heard
    assert 900 == ear.shown[-1]
    assert len(ear.shown) < 900


def test_long_away_is_said(monkeypatch):
    """Who was away for longer than is told of hears the newest, and that there was more."""
    monkeypatch.setattr(live, "MOST_BEHIND", 10)
    monkeypatch.setattr(live, "MOST_MOVES", 3)

    async def scene() -> Ear:
        feed, ear = feed_of(Book([line_of(n) for n in range(1, 101)])), Ear()
        return await listen(feed.listen(VISIT, Filter(), 5), ear, lambda: ear.heard > 0)

    ear = asyncio.run(scene())
    assert list(range(91, 101)) == ear.shown
    assert ear.is_more


def test_the_same_delivery_again_is_one_row():
    """A delivery that moves several times between two looks is one row, as it stands now; the rest is counted."""

    async def scene() -> Ear:
        book = Book()
        feed, ear = feed_of(book, tick_s=0.05), Ear()
        hearing = asyncio.create_task(listen(feed.listen(VISIT, Filter(), 0), ear, lambda: ear.heard >= 2))
        while feed.listeners == 0:
            await asyncio.sleep(TICK)
        book.moves += [line_of(1), line_of(2), line_of(1), line_of(1)]
        return await hearing

    assert [2, 1] == asyncio.run(scene()).shown


def test_filter_and_units_hold():
    """A listener hears what the list would show him: by his filter, and of his units."""

    async def scene() -> tuple[Ear, Ear]:
        book = Book()
        feed, his, hers = feed_of(book), Ear(), Ear()
        limited = replace(VISIT, units=("H99.12",))
        both = asyncio.gather(
            listen(feed.listen(VISIT, Filter(states=(State.REFUSED,)), 0), his, lambda: 4 in his.shown),
            listen(feed.listen(limited, Filter(), 0), hers, lambda: 4 in hers.shown),
        )
        while feed.listeners < 2:
            await asyncio.sleep(TICK)
        book.moves += [
            line_of(1),
            line_of(2, state=State.REFUSED),
            line_of(3, unit="H99.12.01"),
            line_of(4, state=State.REFUSED, unit="H99.12"),
        ]
        await both
        return his, hers

    his, hers = asyncio.run(scene())
    assert ([2, 4], [3, 4]) == (his.shown, hers.shown)


HELD = Filter(states=(State.HELD,))


def test_what_leaves_a_filter_is_told():
    """Who follows one state hears which deliveries are no longer in it; never of other units', nor without a filter."""

    async def scene() -> tuple[Ear, Ear]:
        book = Book([line_of(n, state=State.HELD) for n in (1, 2)])
        feed, held, all_of_it = feed_of(book), Ear(), Ear()
        limited = replace(VISIT, units=("H99.11",))
        both = asyncio.gather(
            listen(feed.listen(limited, HELD, 2), held, lambda: 5 in held.shown),
            listen(feed.listen(VISIT, Filter(), 2), all_of_it, lambda: 5 in all_of_it.shown),
        )
        while feed.listeners < 2:
            await asyncio.sleep(TICK)
        book.moves += [line_of(1), line_of(3, unit="H99.12"), line_of(4)]
        while not held.gone:
            await asyncio.sleep(TICK)
        book.moves.append(line_of(5, state=State.HELD))
        await both
        return held, all_of_it

    held, all_of_it = asyncio.run(scene())
    assert ([1, 4], [5], "6") == (held.gone, held.shown, held.last)
    assert ([], 4) == (all_of_it.gone, all_of_it.heard)


def test_the_last_word_on_a_delivery_is_what_is_told():
    """What comes into a filter and leaves it before it is told is told as gone; the other way round as come."""
    listener = Listener(VISIT, HELD, 0)
    listener.tell(moved(line_of(1, state=State.HELD), line_of(2)))
    listener.tell(moved(line_of(1), line_of(2, state=State.HELD), first=3))
    batch = listener.take()

    assert ([2], (1,), 1) == ([row.line.id for row in batch.rows], batch.gone, batch.more)
    assert (0, ()) == (len(listener.take().rows), listener.take().gone)


def test_who_comes_back_hears_what_left_meanwhile():
    """What left the filter while a browser was away is told when it is back, unless it has come in again since."""
    missed, listener = Listener(VISIT, Filter(cause="no_row"), 0), Listener(VISIT, Filter(cause="no_row"), 4)
    missed.tell(moved(line_of(1), line_of(2), line_of(3, cause="no_row")))
    listener.tell(moved(line_of(2, cause="no_row"), line_of(3), first=5))
    listener.join(missed, is_cut=False)
    batch = listener.take()

    assert ([2], (1, 3)) == ([row.line.id for row in batch.rows], batch.gone)


def test_more_that_left_than_is_told_is_said(monkeypatch):
    """Past so many that left, it is said that there was more."""
    monkeypatch.setattr(live, "MOST_GONE", 2)
    listener = Listener(VISIT, HELD, 0)
    listener.tell(moved(*(line_of(n) for n in (1, 2, 3))))
    batch = listener.take()

    assert ((1, 2), True, False) == (batch.gone, batch.is_more, batch.is_only_gone)


def moved(*lines: Line, first: int = 1) -> Moved:
    return Moved(last=first + len(lines) - 1, lines=tuple(enumerate(lines, start=first)), is_all=True)


def test_slow_ears_hold_nobody_up():
    """Who does not read is skipped ahead: his queue stays a batch, and others hear on."""

    async def scene() -> tuple[Ear, Ear]:
        book = Book()
        feed, quick, slow = feed_of(book), Ear(), Ear()
        events = feed.listen(VISIT, Filter(), 0)
        slow.hear(*await anext(events))
        hearing = asyncio.create_task(listen(feed.listen(VISIT, Filter(), 0), quick, lambda: quick.heard >= 100))
        while feed.listeners < 2:
            await asyncio.sleep(TICK)
        for n in range(1, 101):
            book.moves.append(line_of(n))
            await asyncio.sleep(TICK / 10)
        await hearing
        await listen(events, slow, lambda: slow.heard >= 100)
        return quick, slow

    quick, slow = asyncio.run(scene())
    assert 100 == quick.heard == slow.heard
    assert 100 == slow.shown[-1]


def test_ends_with_the_session(monkeypatch):
    """A session that was ended, or lost its right, hears that it is over, and no more."""
    monkeypatch.setattr(live, "CHECK", timedelta(0))
    monkeypatch.setattr(live, "WAIT_S", TICK)
    asked = []

    def is_still(visit: Visit) -> bool:
        asked.append(visit.account)
        return len(asked) < 3

    async def scene() -> Ear:
        ear = Ear()
        return await listen(feed_of(Book(), is_still=is_still).listen(VISIT, Filter(), None), ear, lambda: False)

    ear = asyncio.run(scene())
    assert ("hello", "ended") == (ear.names[0], ear.names[-1])
    assert ["an"] * 3 == asked


def test_silence_is_broken_by_a_sign_of_life(monkeypatch):
    """Where nothing moves a sign of life goes out now and then, so that a browser that left is noticed."""
    monkeypatch.setattr(live, "STILL_S", 0)
    monkeypatch.setattr(live, "WAIT_S", TICK)

    async def scene() -> Ear:
        ear = Ear()
        return await listen(feed_of(Book()).listen(VISIT, Filter(), None), ear, lambda: ear.names.count("still") > 1)

    assert ["hello", "still", "still"] == asyncio.run(scene()).names


def test_a_ledger_that_cannot_be_read_is_told():
    """While the ledger is away listeners are told so, and hear on when it is back; nothing is lost."""

    async def scene() -> Ear:
        book = Book()
        feed, ear = feed_of(book), Ear()
        hearing = asyncio.create_task(listen(feed.listen(VISIT, Filter(), None), ear, lambda: ear.heard >= 3))
        while feed.listeners == 0:
            await asyncio.sleep(TICK)
        book.away = 2
        while book.away:
            await asyncio.sleep(TICK)
        book.moves += [line_of(n) for n in (1, 2, 3)]
        return await hearing

    ear = asyncio.run(scene())
    assert "away" in ear.names
    assert [1, 2, 3] == ear.shown


def test_a_reader_that_failed_ends_its_streams(monkeypatch):
    """A bug in the reader ends the streams, whose browsers come back by themselves; then it reads again."""
    monkeypatch.setattr(live, "WAIT_S", TICK)

    async def scene() -> tuple[Ear, Ear]:
        book = Book()
        feed, ear, again = feed_of(book), Ear(), Ear()
        hearing = asyncio.create_task(listen(feed.listen(VISIT, Filter(), None), ear, lambda: False))
        while feed.listeners == 0:
            await asyncio.sleep(TICK)
        book.broken = True
        await hearing
        with pytest.raises(RuntimeError, match="a bug"):
            await feed._task  # type: ignore[misc]
        book.moves.append(line_of(1))
        return ear, await listen(feed.listen(VISIT, Filter(), 0), again, lambda: again.heard > 0)

    ear, again = asyncio.run(scene())
    assert ["hello"] == ear.names
    assert [1] == again.shown


def test_nobody_listens_nobody_reads():
    """When the last one leaves, the reading ends; the next one begins it where the ledger stands then."""

    async def scene() -> Ear:
        book = Book()
        feed, ear = feed_of(book), Ear()
        events = feed.listen(VISIT, Filter(), None)
        await anext(events)
        await events.aclose()  # type: ignore[attr-defined]
        async with asyncio.timeout(60):
            while not feed._task.done():  # type: ignore[union-attr]
                await asyncio.sleep(TICK)
        book.moves += [line_of(1), line_of(2)]
        hearing = asyncio.create_task(listen(feed.listen(VISIT, Filter(), None), ear, lambda: ear.heard > 0))
        while feed.listeners == 0:
            await asyncio.sleep(TICK)
        book.moves.append(line_of(3))
        return await hearing

    assert [3] == asyncio.run(scene()).shown
