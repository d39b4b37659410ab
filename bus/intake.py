"""One event in; Recorded, Repeated or Contradicted out."""

from __future__ import annotations

from bus.engines.sqlite import Teller
from bus.ledger import Ledger
from bus.messages import Acceptance, Event
from bus.ports import CrashPoint, no_crash
from bus.prepared import Nonce
from bus.routing import Routes
from bus.unnamed import Unnamed


class Intake:
    """Where every door hands its events in."""

    def __init__(self, ledger: Ledger, routes: Routes, *, crash_point: CrashPoint = no_crash) -> None:
        self._ledger = ledger
        self._routes = routes
        self._point = crash_point

    def accept(self, event: Event, *, nonce: Nonce | None = None) -> Acceptance:
        """Take an event in; returns only after it is on disk. Raises NonceSeen, LedgerUnavailable."""
        self._point("intake.before_record")
        acceptance = self._ledger.record(event, self._routes.routes_for(event), nonce=nonce)
        self._point("intake.after_record")
        return acceptance

    def accept_later(self, event: Event, teller: Teller, token: object, *, nonce: Nonce | None = None) -> None:
        """The same for a door that may not wait in its thread: `teller` hears, and a repeated nonce is a value."""
        self._point("intake.before_record")
        self._ledger.record_later(event, self._routes.routes_for(event), teller, token, nonce=nonce)

    def accept_many(
        self, events: list[Event], *, is_adopted: bool = False, nonce: Nonce | None = None
    ) -> list[Acceptance]:
        """Many events in one transaction, each judged on its own. Adopted ones are at the partner already."""
        self._point("intake.before_record")
        pairs = [(event, self._routes.routes_for(event)) for event in events]
        accepted = self._ledger.record_many(pairs, is_adopted=is_adopted, nonce=nonce)
        self._point("intake.after_record")
        return accepted

    def accept_unnamed(self, messages: list[Unnamed]) -> list[tuple[str, Acceptance]]:
        """Events of one call to which their source gave no id, in one transaction: the name of each, and its answer."""
        self._point("intake.before_record")
        taken = self._ledger.record_unnamed([(one, self._routes.routes_for(one.event)) for one in messages])
        self._point("intake.after_record")
        return taken
