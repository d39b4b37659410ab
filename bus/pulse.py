"""Whether the ledger can do its work at this moment, found out by doing a little of it."""

from __future__ import annotations

import concurrent.futures
from typing import Final

from bus.engines.sqlite import Tx
from bus.errors import LedgerUnavailable
from bus.ledger import Ledger, schema_version
from bus.sql import load_migrations
from bus.times import to_ms

NOT_WRITABLE: Final = "ledger_not_writable"
WAIT: Final = 3.0
"""Seconds for one small write; a ledger that takes longer is not ready, whatever comes of it in the end."""
BACKWARD_MS: Final = 5_000
"""How far the clock may stand behind the last move: processes on one machine differ by less."""


def troubles(ledger: Ledger) -> list[str]:
    """Stable codes of what is wrong; empty when the ledger can be written and read, and time goes forward."""
    now = to_ms(ledger.clock.now())
    found = [] if _can_write(ledger, now) else [NOT_WRITABLE]
    try:
        tx = ledger.engine.read()
        if schema_version(tx) < load_migrations(ledger.engine.name)[-1].version:
            found.append("schema_behind")
        last = tx.one("last_move_at")
    except Exception:  # whatever keeps it from being read keeps it from being ready
        return [*found, "ledger_not_readable"]
    if last is not None and now < last[0] - BACKWARD_MS:
        found.append("clock_behind_last_move")
    return found


def _can_write(ledger: Ledger, now: int) -> bool:
    def job(tx: Tx) -> None:
        tx.run("put_meta", "written_at", str(now))

    try:
        ledger.engine.later(job).result(timeout=WAIT)
    except (LedgerUnavailable, concurrent.futures.TimeoutError):
        return False
    return True
