"""What a worker minds once a minute besides delivering: checkpoints, gaps, and nonces that nobody can use any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from bus import upkeep
from bus.claiming import FARTHEST_DUE
from bus.errors import LedgerTrouble
from bus.pace import Pace
from bus.reads import Reads
from bus.times import to_ms
from config.documents import forget_unnamed
from config.key_life import KeyAlarm
from config.noticing import Noticing
from config.signing_key import InstallationKey
from config.wiring import Installation

log = structlog.get_logger("minding")

AT_LEAST: Final = timedelta(hours=1)
"""A ledger in which nothing moves is still signed this often, so that a silent day can be shown to be one."""
FORGET_EVERY: Final = timedelta(days=1)
"""It reads every document's row and every name in the store."""


class Minding:
    """A thread beside the worker's loop; what goes wrong in it is logged and tried again at the next round."""

    def __init__(self, installation: Installation, key: InstallationKey | None) -> None:
        self._ledger = installation.ledger
        self._reads = Reads(installation.ledger)
        self._clock = installation.ports.clock
        self._key = key
        self._every = installation.settings.ledger.checkpoint_every_s
        self._gap_alarm = timedelta(seconds=installation.settings.worker.gap_alarm_s)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="minding", daemon=True)
        self._told: set[tuple[str, str]] = set()
        self._alarm = KeyAlarm(installation.settings)
        self._minded = installation.minded
        self._noticing = self._made_noticing(installation)
        self._signed: tuple[datetime, object] | None = None
        self._forget = partial(forget_unnamed, installation)
        self._forgot_at = self._clock.now()

    def _made_noticing(self, installation: Installation) -> Noticing | None:
        return Noticing(installation)

    def start(self) -> None:
        """Begin; the first round comes after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round under way, and sign what has happened since the last one."""
        self._stop.set()
        self._thread.join()
        self._guarded(self.sign)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            for duty in self.duties():
                self._guarded(duty)

    def duties(self) -> list[Callable[[], None]]:
        """What is done in one round."""
        own = [self.sign, self.warn_of_gaps, self.warn_of_keys, self.forget_nonces, self.roll_up, self.forget_documents]
        own += self.of_partners()
        return own if self._noticing is None else [*own, *self._noticing.duties()]

    def _guarded(self, duty: Callable[[], None]) -> None:
        try:
            duty()
        except LedgerTrouble as trouble:
            log.error("ledger_unavailable", cause=type(trouble).__name__)
        except Exception:
            # Checkpoints and gap alarms must not end for good because one round of them failed.
            log.exception("minding_failed")

    def sign(self) -> None:
        """A checkpoint over all chains, when they have moved or an hour has passed."""
        if self._key is None:
            return
        now, heads = self._clock.now(), self._ledger.engine.read().all("all_chain_heads")
        if self._signed is not None and heads == self._signed[1] and now - self._signed[0] < AT_LEAST:
            return
        upkeep.checkpoint(self._ledger, self._key.sign, self._key.key_id)
        self._signed = (now, heads)
        log.info("checkpoint_signed", moves=sum(row[1] for row in heads), key=self._key.key_id)

    def warn_of_gaps(self) -> None:
        """Once for each dossier of a numbered source that has waited too long for a missing event."""
        now = self._clock.now()
        gaps = self._reads.gaps(before=now - self._gap_alarm)
        for gap in gaps:
            place = (gap["source"], gap["dossier"])
            if place not in self._told:
                waited = now - datetime.fromisoformat(gap["gap_since"])
                log.warning(
                    "gap_waiting",
                    source=gap["source"],
                    dossier=gap["dossier"],
                    expected=gap["missing"],
                    waiting_s=int(waited.total_seconds()),
                )
        self._told = {(gap["source"], gap["dossier"]) for gap in gaps}

    def warn_of_keys(self) -> None:
        """Before a certificate ends, and when it has."""
        self._alarm.look(self._clock.now())

    def of_partners(self) -> list[Callable[[], None]]:
        """What partners want looked after; each on its own, so that one that fails keeps no other from it."""
        return [lambda duty=duty: duty(self._clock.now()) for duty in self._minded]  # type: ignore[misc]

    def forget_nonces(self) -> None:
        """Their signatures are long past their time, even for a clock that goes wrong by a day."""
        before = to_ms(self._clock.now()) - FARTHEST_DUE
        self._ledger.engine.write(lambda tx: tx.run("forget_nonces", before))

    def forget_documents(self) -> None:
        """Once a day: files of the store whose row was never written, because whoever put them ended before."""
        now = self._clock.now()
        if now - self._forgot_at < FORGET_EVERY:
            return
        self._forgot_at = now
        if forgotten := self._forget():
            log.warning("documents_forgotten", count=forgotten)

    def roll_up(self) -> None:
        """Minutes of the pace that are two days old become hours."""
        Pace(self._ledger.engine).roll_up(self._clock.now())


class DoorMinding(Minding):
    """Beside doors without a worker: what these doors have in their own memory. The rest is the worker's."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(installation, None)

    def _made_noticing(self, installation: Installation) -> Noticing | None:
        return None

    def duties(self) -> list[Callable[[], None]]:
        """Lists of revoked certificates, before they end."""
        return self.of_partners()
