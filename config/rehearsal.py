"""What would become of events, by what the ledger and the file itself say so far; nothing is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from bus.errors import NotFound
from bus.messages import Acceptance, Contradicted, Event, ForeignDossier, Recorded, Repeated
from bus.ports import Clock
from bus.reads import Reads

Named: TypeAlias = Literal["subject", "national_number"]
_KEY: Final = 16
"""Bytes of a name's digest: a file of a million rows is remembered in some 150 MB."""


class Rehearsal:
    """Takes events as the intake would, and keeps in mind what it would have taken."""

    def __init__(self, reads: Reads, speakers: Mapping[str, frozenset[str]], clock: Clock) -> None:
        self._reads = reads
        self._speakers = speakers
        self._clock = clock
        self._taken: dict[bytes, bytes] = {}
        self._owners: dict[str, str] = {}

    def accept(self, events: list[Event]) -> list[Acceptance]:
        """What each would come to, in order."""
        now = self._clock.now()
        return [self._judged(event, now) for event in events]

    def _judged(self, event: Event, now: datetime) -> Acceptance:
        name = hashlib.sha256(f"{event.source}\n{event.id}".encode()).digest()[:_KEY]
        known = self._taken.get(name) or self._known(event)
        if known is not None:
            if known != event.digest:
                return Contradicted(digest=known)
            return Repeated(event=0, accepted_at=now, digest=known)
        if foreign := self._foreign(event, event.data.get("national_number"), "national_number"):
            return foreign
        if foreign := self._foreign(event, event.dossier, "subject"):
            return foreign
        self._taken[name] = event.digest
        self._owners.setdefault(event.dossier, event.source)
        return Recorded(event=0, accepted_at=now, digest=event.digest)

    def _foreign(self, event: Event, number: str | None, by: Named) -> ForeignDossier | None:
        if number is None or (by == "national_number" and number == event.dossier):
            return None
        story = self._story(number)
        owner = story["source"] if story else self._owners.get(number, event.source)
        if owner == event.source or owner in self._speakers.get(event.source, frozenset()):
            return None
        return ForeignDossier(owner=owner, by=by)

    def _known(self, event: Event) -> bytes | None:
        try:
            return bytes.fromhex(self._reads.event(event.source, event.id)["digest"])
        except NotFound:
            return None

    def _story(self, number: str) -> Mapping[str, Any] | None:
        try:
            return self._reads.dossier(number)
        except NotFound:
            return None
