"""What one event and a batch of them have in common: may it come in, and what is told when it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from adapters.doors.auth import Visitor
from adapters.doors.malformed import Malformed, field_error
from adapters.doors.refusals import TurnedAway
from adapters.doors.times import too_far_ahead
from bus.ledger import Ledger
from bus.messages import Acceptance, Contradicted, Event, ForeignDossier, Recorded, Repeated
from bus.ports import Clock

log = structlog.get_logger("doors")
NAMED_BY: Final = {"subject": "/subject", "national_number": "/data/national_number"}
"""Where an event names a dossier."""


class CountsEvents(Protocol):
    """What the doors' metrics must offer here."""

    def event_taken(self, *, source: str, kind: str, result: str) -> None:
        """One more event with this result."""
        ...


class Acceptances:
    """Judges events before they go to the intake, and tells of them after."""

    def __init__(self, ledger: Ledger, metrics: CountsEvents, on_recorded: Callable[[], None], *, clock: Clock) -> None:
        """`on_recorded` wakes the worker: something is to be delivered."""
        self._ledger = ledger
        self._metrics = metrics
        self._on_recorded = on_recorded
        self._clock = clock

    def require_own(self, visitor: Visitor, event: Event) -> None:
        """The visitor may speak for this source, and numbers its events where that was agreed.

        Raises TurnedAway (forbidden_source), Malformed (missing_field).
        """
        if not visitor.may_use(event.source):
            error = field_error(field="/source", rule="forbidden_source", reason="forbidden_source")
            raise TurnedAway("forbidden_source", errors=[error])
        if event.sequence is None and self._ledger.order_of(event.source) == "sequence":
            error = field_error(field="/sequence", rule="missing_field", reason="missing_field")
            raise Malformed("missing_field", [error])

    def require_happened(self, event: Event) -> None:
        """Its time is not far ahead of the clock here. Raises Malformed (out_of_range)."""
        if trouble := too_far_ahead(event, self._clock.now()):
            raise trouble

    def tell(self, event: Event, acceptance: Acceptance) -> str:
        """Log and count it; `recorded`, `repeated`, `contradicted` or `refused`."""
        source, id, dossier, kind = event.source, event.id, event.dossier, event.kind
        match acceptance:
            case Recorded():
                log.info("event_recorded", source=source, id=id, dossier=dossier, kind=kind)
                result = "recorded"
                self._on_recorded()
            case Repeated():
                log.info("event_repeated", source=source, id=id, dossier=dossier, kind=kind)
                result = "repeated"
            case Contradicted():
                log.warning("event_contradicted", source=source, id=id, dossier=dossier, kind=kind)
                result = "contradicted"
            case ForeignDossier(owner=owner):
                log.warning("event_of_foreign_dossier", source=source, id=id, dossier=dossier, kind=kind, owner=owner)
                result = "refused"
        self._metrics.event_taken(source=source, kind=kind, result=result)
        return result


def turned_down(acceptance: Contradicted | ForeignDossier) -> TurnedAway:
    """What the ledger did not take: the same id with another content, or a dossier that another source spoke of first.

    Whose dossier it is stands in the log only: a caller must not learn what others have.
    """
    code, field, reason = "contradicted", "/id", "contradicted"
    if isinstance(acceptance, ForeignDossier):
        code, field, reason = "forbidden_source", NAMED_BY[acceptance.by], "foreign_dossier"
    return TurnedAway(code, errors=[field_error(field=field, rule=code, reason=reason)])


def tell_batch(caller: str, results: Sequence[str]) -> None:
    """One line in the log for a batch, whichever door took it."""
    count = Counter(results)
    log.info(
        "batch_taken",
        caller=caller,
        lines=len(results),
        recorded=count["recorded"],
        repeated=count["repeated"],
        contradicted=count["contradicted"],
        refused=count["refused"],
    )


def replayed() -> TurnedAway:
    """The very same signed request."""
    return TurnedAway("replayed")
