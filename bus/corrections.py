"""Correct and resubmit: a new event that stands for one that could not be delivered as it was told.

History is never edited. The new event is the ledger's own word, for a person: it has the dossier, the time and the
place of the one that it stands for, goes to that one's partner alone, and ends its delivery in the same transaction.
Whatever the source tells later is newer, and wins by the usual rules; the source hears what becomes of it under the
name of its own event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.follow_ups import LEDGER_SOURCE
from bus.judging import Target, is_overtaken, target
from bus.lanes import leave, set_head
from bus.ledger import Ledger
from bus.messages import Decision, Event, ForeignDossier, State
from bus.moves import Move
from bus.ports import CrashPoint, no_crash
from bus.prepared import Prepared, status_of
from bus.reasons import kept
from bus.times import to_ms

KINDS: Final = frozenset({"dossier.recorded", "dossier.progressed"})
"""What a one-stop system tells. What the portal filed, and what the ledger tells, is nobody's here to correct."""
CORRECTED: Final = "corrected"
"""The cause of the move that ends the old delivery."""
CORRECTION: Final = "correction"
"""The cause of the new one's first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correctable:
    """A delivery whose event may be corrected now, and what the new one must keep."""

    of: Target
    event: Event
    source: str
    """Of the event as its source told it, however often it was corrected since."""
    unit: str | None

    def wire(self, data: Any) -> dict[str, Any]:
        """The new event as JSON with this content: a contract check judges it before it is kept."""
        old: dict[str, Any] = msgspec.json.decode(self.event.body)
        made = {name: value for name, value in old.items() if name != "sequence"}
        own = {"id": _id_of(self.of.delivery), "source": LEDGER_SOURCE, "correlationid": self.event.id, "data": data}
        return made | own


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """Where the old one stands."""

    event: int
    kind: str
    place: int
    line: int
    """Its place in the lane: a first record's may be before its time."""
    late: str
    needs_record: bool
    unit: str | None
    root: int


class Corrections:
    """Corrections of one ledger."""

    def __init__(self, ledger: Ledger, *, crash_point: CrashPoint = no_crash) -> None:
        self._ledger = ledger
        self._point = crash_point

    def of(self, delivery: int) -> Correctable:
        """What may be corrected, opened: personal data. Raises NotFound; NotAllowedNow, with what to do instead."""
        tx = self._ledger.engine.read()
        of, stand = _judged(tx, delivery)
        source = tx.one("source_of_event", stand.root)
        assert source is not None
        event = self._ledger.bodies.load_event(tx, stand.event)
        return Correctable(of=of, event=event, source=source[0], unit=stand.unit)

    def may(self, delivery: int) -> None:
        """Whether it may be corrected now. Raises NotFound; NotAllowedNow, with what to do instead."""
        _judged(self._ledger.engine.read(), delivery)

    def prepare(self, event: Event, of: Correctable) -> Prepared:
        """Make the new event ready, outside the writer's thread. Raises NotAllowedNow: not this one's, or no change."""
        old = of.event
        if (event.kind, event.dossier, event.occurred_at) != (old.kind, old.dossier, old.occurred_at) or (
            event.data.get("origin") != old.data.get("origin") or event.id != _id_of(of.of.delivery)
        ):
            raise NotAllowedNow("another dossier, time, kind or origin is another event", code="another_event")
        if event.data == old.data:
            raise NotAllowedNow("nothing was changed", code="nothing_changed")
        return self._ledger.prepared_for(event, of.source)

    def correct(self, tx: Tx, delivery: int, prepared: Prepared, *, actor: str, reason: str) -> int:
        """End the old delivery and enter the new one, in a transaction of the caller's; the new one's number.

        Raises NotFound, NotAllowedNow.
        """
        of, stand = _judged(tx, delivery)
        at, reason = to_ms(self._ledger.clock.now()), kept(reason)
        written = self._ledger.recorder.record_instead(tx, prepared, stand.place, at)
        if isinstance(written, ForeignDossier):
            raise NotAllowedNow(f"it names a dossier of {written.owner}", code="foreign_number")
        number, binds = written
        tx.run("add_correction", number, stand.event, stand.root, delivery)
        self._point("correct.after_event")
        if of.state is not State.DELIVERED:
            self._leave(tx, of, at, actor, reason)
        new = self._enter(tx, of, stand, prepared, number, at, binds, actor, reason)
        self._point("correct.after_delivery")
        return new

    def _leave(self, tx: Tx, of: Target, at: int, actor: str, reason: str) -> None:
        leave(
            tx,
            self._ledger.moves,
            lane=of.lane,
            delivery=of.delivery,
            was=of.state,
            cause=CORRECTED,
            now=at,
            partner=of.partner,
            actor=actor,
            reason=reason,
        )

    def _enter(
        self,
        tx: Tx,
        of: Target,
        stand: _Stand,
        prepared: Prepared,
        number: int,
        at: int,
        binds: bytes,
        actor: str,
        reason: str,
    ) -> int:
        event = prepared.event
        decision = Decision(state=State.WAITING, due_at=None, cause=CORRECTION)
        decision = self._ledger.recorder.doubted(of.rule, to_ms(event.occurred_at), decision, at)
        due_at = None if decision.due_at is None else to_ms(decision.due_at)
        line = (number, of.partner, of.lane, of.rule, stand.late, int(stand.needs_record), stand.line)
        stands = (decision.state, decision.cause, decision.reason, due_at, int(decision.blocks))
        new = tx.insert("add_delivery", *line, *stands, status_of(event), at, at)
        move = Move(
            lane=of.lane,
            at=at,
            delivery=new,
            event=number,
            to_state=decision.state,
            cause=decision.cause,
            reason=reason,
            actor=actor,
            binds=binds,
        )
        self._ledger.moves.add(tx, move, of.partner)
        set_head(tx, of.lane, at)
        return new


def _judged(tx: Tx, delivery: int) -> tuple[Target, _Stand]:
    """The delivery, where its event may be corrected now. Raises NotFound, NotAllowedNow."""
    of = target(tx, delivery)
    row = tx.one("correctable", delivery)
    if row is None or row[1] not in KINDS:
        raise NotFound(f"delivery {delivery} has no event that could be corrected here")
    _require_settled(of)
    if is_overtaken(tx, of) or (not of.is_step and row[7] is not None and row[7] > row[2]):
        raise NotAllowedNow(f"delivery {delivery} is overtaken: correct the newest instead", code="overtaken")
    if of.is_step and row[10]:
        # Between two of one time there is no place left: the correction would come after its successor.
        raise NotAllowedNow(
            f"delivery {delivery}: another step of the same time waits behind it; let its source correct it",
            code="same_time",
        )
    stand = _Stand(
        event=row[0],
        kind=row[1],
        place=row[2],
        line=row[4],
        late=row[5],
        needs_record=bool(row[6]),
        unit=row[8],
        root=row[9],
    )
    return of, stand


def _require_settled(of: Target) -> None:
    """What may have arrived is resolved first: a correction of a step that is there would stand beside it."""
    if of.state is State.IN_DOUBT or (of.is_unanswered and of.state is not State.DELIVERED):
        raise NotAllowedNow(f"delivery {of.delivery} may have arrived: resolve it first", code="may_have_arrived")
    if of.state in (State.HELD, State.REFUSED) or (of.state is State.DELIVERED and not of.is_step):
        return
    raise NotAllowedNow(
        f"delivery {of.delivery} is {of.state}: only what is held or refused, or the newest record, is corrected",
        code="not_correctable",
    )


def _id_of(delivery: int) -> str:
    """One delivery is corrected once; what comes of it may be corrected again under its own."""
    return f"correction-{delivery}"
