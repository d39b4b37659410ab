"""The console's own threads: however slow a page is, the doors' and the health's are not taken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Final, TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread

from adapters.doors.console.errors import Busy

MOST_WAITING: Final = 64
"""Requests that wait for a thread: past it, "busy" at once is the kinder answer."""
HEAVY: Final = 2
"""Passwords that are hashed at once: each takes a core and 64 MB for a tenth of a second."""

T = TypeVar("T")
_END: Final = object()


class Threads:
    """So many pages at once, and apart from them so many passwords."""

    def __init__(self, threads: int, *, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._threads = threads
        self._limiters: dict[str, CapacityLimiter] = {}

    async def run(self, work: Callable[[], T], *, is_heavy: bool = False) -> T:
        """Do it in a thread. Raises Busy."""
        limiter = self._limiter("heavy", HEAVY) if is_heavy else self._limiter("pages", self._threads)
        is_full = limiter.borrowed_tokens >= limiter.total_tokens
        if is_full and limiter.statistics().tasks_waiting >= self._most_waiting:
            raise Busy
        return await to_thread.run_sync(work, limiter=limiter)

    async def each(self, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of a file, each made in a thread when the one before has left."""
        try:
            while (chunk := await self.run(lambda: next(chunks, _END))) is not _END:
                assert isinstance(chunk, bytes)
                yield chunk
        finally:
            # Whoever takes a file may go away in the middle: what it was made in is let go now, and the audit told.
            if isinstance(chunks, Generator):
                with CancelScope(shield=True):
                    await to_thread.run_sync(chunks.close)

    def _limiter(self, name: str, most: int) -> CapacityLimiter:
        # Made when first needed: it belongs to the event loop that serves.
        return self._limiters.setdefault(name, CapacityLimiter(most))
