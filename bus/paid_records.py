"""What was paid and signed, shown at the portal: a record of the ledger's own, when the dossier's newest went without.

Every record that is claimed later carries it by itself (`Standing.payments`, `results`), so one is written only where
the newest was sent already. It stands a millisecond behind that one: whatever its source tells next is newer, and wins.
"""

from __future__ import annotations

import hashlib
from typing import Final

from bus.bodies import Bodies
from bus.engines.sqlite import Tx
from bus.errors import LedgerDamaged
from bus.messages import Event, State, canonical_bytes
from bus.payment_follow_ups import ledger_event
from bus.payment_standing import paid_beside
from bus.payments import PaymentPolicy, with_payments
from bus.ports import CrashPoint
from bus.prepared import RECORD_KIND, Prepared
from bus.recording import Recorder
from bus.routing import Route
from bus.signatures import with_results
from bus.signed_results import SignedResults
from bus.times import from_ms

WENT_OUT: Final = frozenset({State.SENDING, State.DELIVERED, State.AWAITING, State.IN_DOUBT})
"""A record in another state is sent, if ever, by a later claim."""


class PaidRecords:
    """Writes such records. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, recorder: Recorder, bodies: Bodies, policy: PaymentPolicy, crash_point: CrashPoint) -> None:
        self._recorder = recorder
        self._bodies = bodies
        self._policy = policy
        self._point = crash_point
        self.results: SignedResults | None = None
        """What was signed through us is shown the same way (`signed_results.py`)."""

    def show(self, tx: Tx, dossier: int, at: int) -> None:
        """The dossier's fees changed: tell the portal, unless its next record does. What was filed there shows none."""
        self._show(tx, dossier, at, of_born=False)

    def show_results(self, tx: Tx, dossier: int, at: int) -> None:
        """It has another signed result: likewise, and as a paper of a status where the dossier was filed there."""
        self._show(tx, dossier, at, of_born=True)

    def _show(self, tx: Tx, dossier: int, at: int, *, of_born: bool) -> None:
        portal = self._policy.portal or (None if self.results is None else self.results.portal)
        if portal is None:
            return
        row = tx.one("newest_record", dossier, portal)
        if row is None or row[4] is None or State(row[4]) not in WENT_OUT:
            return
        record, place, origin, due_at, _state = row
        is_born = origin == "portal"
        if is_born and not of_born:
            return
        event = self._made(tx, record, place, is_born=is_born)
        if event is None or tx.one("find_event", event.source, event.id) is not None:
            return
        prepared = Prepared(
            event=event,
            sealed=self._bodies.seal_event(event),
            terms=frozenset(),
            # Statuses of what was filed there go up one by one: none of them overtakes another.
            routes=(Route(kind=RECORD_KIND, partner=portal, rule="every_step" if is_born else "latest_wins"),),
            order="arrival",
        )
        self._recorder.record_own(tx, prepared, dossier, due_at, at)
        self._point("pay.after_record")

    def _made(self, tx: Tx, record: int, place: int, *, is_born: bool) -> Event | None:
        """The newest record with what was paid and signed; None where that changes nothing, or its body is gone."""
        row = tx.one("load_event", record)
        assert row is not None
        if row[9] is None:
            return None  # retention or erasure took it
        try:
            newest = self._bodies.event(row)
        except LedgerDamaged:
            return None  # `ledger verify` finds it; what was paid must not wait for that
        paid = () if is_born else paid_beside(tx, record, self._policy.portal_gateways)
        data = with_payments(newest.data, paid)
        data = with_results(data, () if self.results is None else self.results.shown(tx, record))
        if data == newest.data:
            return None
        told = hashlib.sha256(canonical_bytes([newest.source, newest.id, data])).hexdigest()[:32]
        made_at = from_ms(place + 1)
        return ledger_event(RECORD_KIND, f"record.{told}", newest.dossier, made_at, data, newest.traceparent)
