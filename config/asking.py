"""Asks gateways what became of payments and refunds: threads beside the worker's loop, one for each gateway.

One thread each, so that a gateway that answers slowly keeps no other waiting; every worker has them, and the lease of a
question lets one of them put it.
"""

from __future__ import annotations

import threading
from typing import Final

import structlog

from bus.errors import LedgerTrouble
from config.wiring import Installation

log = structlog.get_logger("asking")

LOOK_EVERY: Final = 1.0
"""Seconds between two looks for a question: a cheap read, and the first one is due after minutes."""
LONGEST_STOP: Final = 5.0
"""Seconds that a question under way may take at the end: its answer may be lost, for it is asked again."""


class Asking:
    """The threads. What goes wrong in one is logged and tried again at the next look."""

    def __init__(self, installation: Installation, name: str, *, every: float = LOOK_EVERY) -> None:
        """`name` is the worker's, as moves will show it."""
        self._every = every
        self._stop = threading.Event()
        self._asker = installation.asker(name)
        self._threads = [
            threading.Thread(target=self._run, args=(partner,), name=f"asking-{partner}", daemon=True)
            for partner in self._asker.partners
        ]

    def start(self) -> None:
        """Begin to look for questions."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the question under way; what was leased is due again when the lease is over."""
        self._stop.set()
        self._asker.stop()
        for thread in self._threads:
            thread.join(LONGEST_STOP)

    def _run(self, partner: str) -> None:
        while not self._stop.wait(self._every):
            self.look(partner)

    def look(self, partner: str) -> int:
        """Ask one gateway all that is due, and end what is over; how many questions."""
        try:
            count = self._asker.ask(partner)
            self._asker.end()
        except LedgerTrouble as trouble:
            log.error("ledger_unavailable", cause=type(trouble).__name__)
        except Exception:
            log.exception("asking_failed", partner=partner)
        else:
            return count
        return 0
