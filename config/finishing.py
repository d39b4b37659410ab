"""Finishes signatures: a thread beside the worker's loop that assembles, stamps and verifies what was signed.

Every worker has one, and the lease of a job lets one of them do it. A document of many pages takes seconds, a stamp or
an authority's word as long as its host does: no delivery waits behind them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import structlog

from bus.errors import LedgerDamaged, LedgerTrouble, LedgerUnavailable, NotFound, StaleFence
from bus.signatures import FinishOutcome, SignatureState
from config.signing_trust import assembler_of, is_anybody_believed
from config.wiring import Installation

if TYPE_CHECKING:
    from adapters.documents.assembling import Assembler
    from bus.signatures import FinishJob

log = structlog.get_logger("finishing")

LOOK_EVERY: Final = 0.5
"""Seconds between two looks: somebody stands at a counter and waits for the result that was just approved."""
MISSING: Final = "document_missing"
"""The store has lost it, or it is not what was put there."""
FAILED_HERE: Final = "finishing_failed"
LONGEST_STOP: Final = 20.0
"""Seconds that a document under way may take at the end; what is cut off is done again by the next worker."""


class Finishing:
    """The thread. What goes wrong in it is logged, and its job is somebody's again when the lease is over."""

    def __init__(self, installation: Installation, name: str, *, every: float = LOOK_EVERY) -> None:
        """`name` is the worker's."""
        self._installation = installation
        self._every = every
        self._stop = threading.Event()
        self._made: Assembler | None = None
        self._thread = threading.Thread(target=self._run, name=f"finishing-{name}", daemon=True)

    def start(self) -> None:
        """Begin to look for what is signed; an installation that believes nobody finishes nothing."""
        if is_anybody_believed(self._installation.settings.signing):
            self._thread.start()

    def stop(self) -> None:
        """End after the signature under way."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(LONGEST_STOP)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            while self.look() and not self._stop.is_set():
                pass

    def look(self) -> bool:
        """Take one signature as far as it goes; whether there was one."""
        book, clock = self._installation.ledger.signatures, self._installation.ports.clock
        try:
            jobs = book.finishing(clock.now(), 1)
        except LedgerTrouble as trouble:
            log.error("ledger_unavailable", cause=type(trouble).__name__)
            return False
        for job in jobs:
            self._guarded(job)
        return bool(jobs)

    def _guarded(self, job: FinishJob) -> None:
        try:
            self._finish(job)
        except StaleFence:
            log.warning("finish_lease_lost", signature=job.signature)
        except LedgerUnavailable as trouble:
            log.error("ledger_unavailable", cause=type(trouble).__name__)
        except Exception as trouble:
            # A full disk, a lost file, a bug: the value is in the ledger, nobody is asked to sign again.
            log.exception("finishing_failed", signature=job.signature)
            self._put_off(job, MISSING if isinstance(trouble, NotFound | LedgerDamaged) else FAILED_HERE)

    def _put_off(self, job: FinishJob, code: str) -> None:
        """Later again, and in the end for a person: what goes wrong for ever must not be tried for ever in silence."""
        is_stamped = job.state is not SignatureState.TIME_STAMP_PENDING
        outcome = FinishOutcome(to="indeterminate" if is_stamped else "time_stamp_pending", code=code)
        try:
            self._installation.ledger.signatures.finished(job, outcome)
        except (LedgerTrouble, StaleFence) as trouble:
            log.error("ledger_unavailable", cause=type(trouble).__name__)

    def _finish(self, job: FinishJob) -> None:
        ports = self._installation.ports
        outcome = self._assembler().finish(job, ports.clock.now())
        state = self._installation.ledger.signatures.finished(job, outcome)
        tries = job.tries + 1
        if outcome.to == "failed":
            log.error("signature_not_good", signature=job.signature, state=state.value, code=outcome.code, tries=tries)
        else:
            log.info("signature_finished", signature=job.signature, state=state.value, code=outcome.code, tries=tries)

    def _assembler(self) -> Assembler:
        """Made with the first job: most workers of most installations never sign anything."""
        if self._made is None:
            self._made = assembler_of(self._installation, self._installation.settings.signing)
        return self._made
