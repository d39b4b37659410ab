"""The live log: one reader of the ledger for a process feeds every browser that listens.

A browser is told at most MOST_ROWS rows every TICK_S, and how many more there were: five hundred events a second do not
freeze a page. One that reads slowly is skipped ahead in the same way; nobody is waited for. Whoever listens sees what
the list would show him (filter, units, right), and no longer than his session holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

import structlog
from anyio import CapacityLimiter, to_thread

from adapters.doors.console.log_view import Row, rows_of
from adapters.doors.console.visit import Visit
from bus.errors import LedgerTrouble
from bus.looks import Filter, Line, Moved

log = structlog.get_logger("console")

TICK_S: Final = 0.5
MOST_ROWS: Final = 20
"""Told at once: more than a person reads in a tick, and little to draw."""
MOST_MOVES: Final = 5_000
"""Read at once; behind by more, the next reading follows at once."""
MOST_GONE: Final = 20_000
"""Deliveries that left a filter, told at once by their numbers alone; past it, it is told that there was more."""
MOST_BEHIND: Final = 20_000
"""Moves that a browser which comes back is told of; past it, it is told that there was more."""
CHECK: Final = timedelta(seconds=10)
"""How long a session that was ended may go on seeing."""
WAIT_S: Final = 1.0
"""For news, before session and silence are looked at again."""
STILL_S: Final = 15.0
"""After so long without news a sign of life goes out: a browser that went away is noticed by it."""

T = TypeVar("T")
Told = tuple[str, str, str]
"""Event, html, id."""


class Looking(Protocol):
    """What the feed asks of `bus.looks.Looks`."""

    def last_move(self) -> int: ...
    def moved_since(self, move: int, limit: int) -> Moved: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a browser is told at once."""

    rows: tuple[Row, ...]
    """The newest first."""
    more: int
    """How many more there were that are not shown."""
    is_more: bool
    """Whether there were even more, which nobody counted."""
    last: int
    """The newest move this tells of."""
    gone: tuple[int, ...] = ()
    """Deliveries that moved and do not fit the filter as they stand now: where they are shown, that is told."""

    @property
    def is_only_gone(self) -> bool:
        """Whether there are no rows to be told of."""
        return not (self.rows or self.more or self.is_more)


class Listener:
    """One browser: what it has not been told yet, never more than a batch."""

    def __init__(self, visit: Visit, wanted: Filter, after: int) -> None:
        self.visit = visit
        self.wanted = wanted
        is_passing = bool(wanted.states) or wanted.cause is not None
        self._lasting = replace(wanted, states=(), cause=None) if is_passing else None
        """What of the filter no move changes; None where that is all of it."""
        self.after = after
        """The newest move it knows of, or will by its next batch."""
        self.is_away = False
        """Whether the ledger cannot be read now."""
        self._rows: dict[int, Line] = {}
        self._gone: set[int] = set()
        self._more = 0
        self._is_more = False
        self.news = asyncio.Event()

    def tell(self, moved: Moved) -> None:
        """Note what of this it may see and has not seen."""
        for move, line in moved.lines:
            if move <= self.after:
                continue
            if self.wanted.fits(line, self.visit.units):
                self._add(line)
            elif self._lasting is not None and self._lasting.fits(line, self.visit.units):
                self._leave(line.id)
        self.after = max(self.after, moved.last)

    def join(self, missed: Listener, *, is_cut: bool) -> None:
        """Put what was missed before what has come since; `is_cut`: it was more than is told of."""
        since, gone = self._rows, self._gone
        self._rows, self._gone, self._more = missed._rows, missed._gone, self._more + missed._more
        for line in since.values():
            self._add(line)
        for delivery in gone:
            self._leave(delivery)
        self._is_more = self._is_more or missed._is_more or is_cut
        if self._rows or self._gone or self._is_more:
            self.news.set()

    def away(self) -> None:
        """The ledger cannot be read."""
        self.is_away = True
        self.news.set()

    def _add(self, line: Line) -> None:
        if self._rows.pop(line.id, None) is not None:
            self._more += 1
        self._rows[line.id] = line
        self._gone.discard(line.id)
        if len(self._rows) > MOST_ROWS:
            del self._rows[next(iter(self._rows))]
            self._more += 1
        self.news.set()

    def _leave(self, delivery: int) -> None:
        if self._rows.pop(delivery, None) is not None:
            self._more += 1
        if len(self._gone) < MOST_GONE:
            self._gone.add(delivery)
        else:
            self._is_more = True
        self.news.set()

    def take(self) -> Batch:
        """All of it."""
        self.news.clear()
        newest = list(reversed(self._rows.values()))
        gone = tuple(sorted(self._gone))
        batch = Batch(rows=rows_of(newest), more=self._more, is_more=self._is_more, last=self.after, gone=gone)
        self._rows, self._gone, self._more, self._is_more = {}, set(), 0, False
        return batch


class Feed:
    """Reads what moves while anybody listens, and passes it on. One for a process; it lives in the doors' loop."""

    def __init__(
        self,
        looks: Looking,
        *,
        is_still: Callable[[Visit], bool],
        render: Callable[[str, Any, Visit], str],
        now: Callable[[], float] = monotonic,
        tick_s: float = TICK_S,
    ) -> None:
        """`is_still`: whether a visit's session and rights hold; `now`: seconds that only grow."""
        self._looks = looks
        self._is_still = is_still
        self._render = render
        self._now = now
        self._tick_s = tick_s
        self._listeners: set[Listener] = set()
        self._position = 0
        self._task: asyncio.Task[None] | None = None
        self._threads: CapacityLimiter | None = None

    @property
    def listeners(self) -> int:
        """How many browsers listen."""
        return len(self._listeners)

    async def listen(self, visit: Visit, wanted: Filter, after: int | None) -> AsyncIterator[Told]:
        """What this browser is told, until it goes away or its session ends."""
        position = await self._started()
        listener = Listener(visit, wanted, position if after is None else after)
        self._listeners.add(listener)
        try:
            yield "hello", "", str(listener.after)
            await self._catch_up(listener, position if after is None else after, position)
            async for told in self._told(listener):
                yield told
        finally:
            self._listeners.discard(listener)

    async def _told(self, listener: Listener) -> AsyncIterator[Told]:
        checked = said = self._now()
        while True:
            if self._now() - checked >= CHECK.total_seconds():
                if not await self._run(partial(self._is_still, listener.visit)):
                    yield "ended", "", ""
                    return
                checked = self._now()
            if await self._is_news(listener):
                for told in await self._news(listener):
                    yield told
                said = self._now()
                await asyncio.sleep(self._tick_s)
            elif self._task is None or self._task.done():
                return  # the reader failed: the browser comes again by itself, and it begins anew
            elif self._now() - said >= STILL_S:
                yield "still", "", ""
                said = self._now()

    async def _is_news(self, listener: Listener) -> bool:
        try:
            async with asyncio.timeout(WAIT_S):
                await listener.news.wait()
        except TimeoutError:
            return False
        return True

    async def _news(self, listener: Listener) -> tuple[Told, ...]:
        if listener.is_away:
            listener.is_away = False
            listener.news.clear()
            return (("away", "", ""),)
        batch = listener.take()
        # Without its place, unless it is all: who breaks off between the two is told both again.
        left = ("gone", " ".join(map(str, batch.gone)), str(batch.last) if batch.is_only_gone else "")
        if batch.is_only_gone:
            return (left,)
        html = await self._run(partial(self._render, "_partials/live_rows.html", batch, listener.visit))
        rows = ("rows", f"{len(batch.rows)} {batch.more} {int(batch.is_more)}\n{html}", str(batch.last))
        return (left, rows) if batch.gone else (rows,)

    async def _catch_up(self, listener: Listener, after: int, position: int) -> None:
        """What a browser missed that comes back: from where it broke off to where the feed stood when it came."""
        at = max(after, position - MOST_BEHIND)
        missed = Listener(listener.visit, listener.wanted, at)
        is_cut = at > after
        while at < position:
            moved = await self._run(partial(self._looks.moved_since, at, min(MOST_MOVES, position - at)))
            missed.tell(moved)
            at = moved.last
        listener.join(missed, is_cut=is_cut)

    # -- the one reader ---------------------------------------------------------------------------------------------

    async def _started(self) -> int:
        """Where the feed stands; it begins with the first who listens."""
        if self._threads is None:
            self._threads = CapacityLimiter(2)
        if self._task is None or self._task.done():
            position = await self._run(self._looks.last_move)
            if self._task is None or self._task.done():
                self._position = position
                self._task = asyncio.create_task(self._read())
        return self._position

    async def _read(self) -> None:
        while self._listeners:
            pause = self._tick_s
            try:
                if not await self._read_once():
                    pause = 0
            except LedgerTrouble as trouble:
                log.error("ledger_unavailable", cause=type(trouble).__name__)
                for listener in self._listeners:
                    listener.away()
                pause = 10 * self._tick_s
            await asyncio.sleep(pause)

    async def _read_once(self) -> bool:
        moved = await self._run(partial(self._looks.moved_since, self._position, MOST_MOVES))
        self._position = moved.last
        for listener in self._listeners:
            listener.tell(moved)
        return moved.is_all

    async def _run(self, work: Callable[[], T]) -> T:
        assert self._threads is not None
        return await to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)
