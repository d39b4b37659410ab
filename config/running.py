"""Carries on the runs of frozen selections: a thread beside the doors, where they were pressed.

Doors and not workers: what is pressed at a console goes on while a worker is stopped for maintenance, and the worker
learns of it as of any move. Every process with doors has such a thread; the lease lets one of them carry a run, and
the next goes on when that one is killed.
"""

from __future__ import annotations

import threading
from typing import Final

import structlog

from bus.errors import LedgerTrouble
from bus.runs import Runner, Runs
from bus.selections import Selections
from config.settling_days import settlement_repairs_of
from config.wiring import Installation
from config.worker_process import worker_name

log = structlog.get_logger("running")

LOOK_EVERY: Final = 1.0
"""Seconds between two looks for a run: a cheap read, and nobody waits longer for the first item."""


def selections_of(installation: Installation) -> Selections:
    """The frozen lists of an installation."""
    return Selections(installation.ledger, installation.repairs)


def runs_of(installation: Installation) -> Runs:
    """Its runs."""
    point = installation.ports.crash_point
    return Runs(installation.ledger, selections_of(installation), installation.repairs, crash_point=point)


class Running:
    """The thread. What goes wrong in it is logged and tried again at the next look."""

    def __init__(self, installation: Installation, *, every: float = LOOK_EVERY) -> None:
        self._every = every
        self._stop = threading.Event()
        self._settlements = settlement_repairs_of(installation)
        self._runner = Runner(runs_of(installation), worker_name(), wait=self._stop.wait)
        self._thread = threading.Thread(target=self._run, name="running", daemon=True)

    def start(self) -> None:
        """Begin to look for runs."""
        self._thread.start()

    def stop(self) -> None:
        """End after the item under way; the run is given back, for another process or the next start."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.look()

    def look(self) -> int:
        """Carry one run as far as it goes, and repairs of settlements; how many items."""
        try:
            return self._runner.run_once() + self._settlements.carry_all(goes_on=lambda: not self._stop.is_set())
        except LedgerTrouble as trouble:
            log.error("ledger_unavailable", cause=type(trouble).__name__)
        except Exception:
            log.exception("running_failed")
        return 0
