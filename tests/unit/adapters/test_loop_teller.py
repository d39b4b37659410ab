"""From the writer's thread to the loop that waits: a commit's answers in one call."""

from __future__ import annotations

import asyncio

import pytest

from adapters.doors.events import LoopTeller
from bus.errors import LedgerUnavailable


def test_each_waiter_gets_its_own():
    """Results and failures reach the futures that were the tokens; one whose caller has gone is passed over."""

    async def told() -> list[asyncio.Future[str]]:
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[str]] = [loop.create_future() for _ in range(3)]
        waiting[1].cancel()
        answers = [(waiting[0], "one", None), (waiting[1], "two", None), (waiting[2], None, LedgerUnavailable("full"))]
        await asyncio.to_thread(LoopTeller(loop), answers)
        await asyncio.wait(waiting, timeout=5)
        return waiting

    well, gone, failed = asyncio.run(told())

    assert "one" == well.result()
    assert gone.cancelled()
    with pytest.raises(LedgerUnavailable):
        failed.result()


def test_a_closed_loop_has_nobody_to_tell():
    """A door that was closed meanwhile does not take the writer's thread with it."""
    loop = asyncio.new_event_loop()
    loop.close()

    assert None is LoopTeller(loop)([(None, "late", None)])
