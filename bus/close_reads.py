"""One thing seen closely, for the console: a dossier, a delivery, a call's exact bytes, a page of refusals.

Every list is bounded, the newest first come first, and where something is left out the answer says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bus.engines.sqlite import Row, Tx
from bus.errors import NotFound
from bus.ledger import Ledger
from bus.messages import Event
from bus.reads import Reads, View, refusal_view, view_of
from bus.times import to_ms

NEWEST: Final = 2**62
"""Before which every row lies."""
MOST_MOVES: Final = 500
"""Moves of one page: a dossier of a year's daily steps fits, and paper has forty to a side."""
MOST_EVENTS: Final = 200
MOST_APPLICANTS: Final = 50
"""Records opened for one page."""
MOST_ATTEMPTS: Final = 30
"""Attempts of one page, each with its calls: a morning of trying every ten minutes."""
MOST_REFUSALS: Final = 200

_EVENT: Final = ("number", "source", "id", "kind", "sequence", "occurred_at", "accepted_at")
_MOVE: Final = (
    "id", "at", "delivery", "from_state", "to_state", "cause", "reason", "actor", "partner", "event", "kind", "source",
    "status",
)  # fmt: skip
_DELIVERY_MOVE: Final = ("id", "at", "from_state", "to_state", "cause", "reason", "actor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a delivery belongs."""

    event: int
    dossier: str
    unit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a delivery, with its exact bytes."""

    facts: View
    """As in a delivery's attempts: operation, method, url, status, times, trouble, key_id, algorithm."""
    attempt: int
    """Which attempt made it."""
    is_shared: bool
    """Whether it spoke of other dossiers too."""
    request_head: bytes | None
    """None for all four: retention or erasure took them."""
    request_body: bytes | None
    reply_head: bytes | None
    reply_body: bytes | None
    """None as well where no answer came."""
    is_destroyed: bool


class CloseReads:
    """Close looks at one ledger. Threads may share one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._reads = Reads(ledger)

    def _tx(self) -> Tx:
        return self._ledger.engine.read()

    # -- a dossier ----------------------------------------------------------------------------------------------

    def dossier(self, number: str, *, before: int | None = None) -> View:
        """As `Reads.dossier`, bounded: the newest events, and the newest moves before one. Raises NotFound.

        `next` is the move to ask before for what is older; None where there is nothing older.
        """
        tx = self._tx()
        view, key = self._reads.dossier_head(number)
        events = tx.all("newest_events_of_dossier", key, MOST_EVENTS + 1)
        moves = tx.all("newest_moves_of_dossier", key, NEWEST if before is None else before, MOST_MOVES + 1)
        shown = moves[:MOST_MOVES]
        return view | {
            "events": [_event(row) for row in reversed(events[:MOST_EVENTS])],
            "has_older_events": len(events) > MOST_EVENTS,
            "timeline": [view_of(_MOVE, row) for row in reversed(shown)],
            "next": shown[-1][0] if len(moves) > MOST_MOVES else None,
        }

    def own_number(self, national_number: str) -> str | None:
        """The dossier that goes by this national number."""
        row = self._tx().one("dossier_named", national_number)
        return None if row is None else str(row[0])

    def contents(self, events: Iterable[int]) -> dict[int, Mapping[str, Any] | None]:
        """The `data` of events, opened: personal data. None where the body was destroyed."""
        return {number: None if event is None else event.data for number, event in self._events(events)}

    def _events(self, numbers: Iterable[int]) -> Iterable[tuple[int, Event | None]]:
        tx = self._tx()
        for number in numbers:
            row = tx.one("load_event", number)
            if row is None or row[9] is None:
                yield number, None
            else:
                yield number, self._ledger.bodies.event(row)

    def applicants(self, numbers: Sequence[str]) -> dict[str, str]:
        """The applicants' names of these dossiers, opened: personal data. Of at most so many; one that is destroyed, or
        lies behind too many steps, is left out."""
        told = json.dumps(list(numbers[:MOST_APPLICANTS]))
        records = {row[1]: row[0] for row in self._tx().all("newest_records", told, MOST_EVENTS) if row[1] is not None}
        found = {}
        for event, data in self.contents(sorted(records)).items():
            name = ((data or {}).get("applicant") or {}).get("name")
            if isinstance(name, str):
                found[records[event]] = name
        return found

    # -- a delivery ---------------------------------------------------------------------------------------------

    def place(self, delivery: int) -> Place:
        """Whose it is. Raises NotFound."""
        row = self._tx().one("delivery_place", delivery)
        if row is None:
            raise NotFound(f"no delivery {delivery}")
        return Place(event=row[0], dossier=row[1], unit=row[2])

    def delivery(self, number: int, *, before: int | None = None) -> View:
        """As `Reads.delivery`, bounded: the newest attempts (before one), the newest moves. Raises NotFound."""
        tx = self._tx()
        view = self._reads.delivery_head(number)
        attempts = tx.all(
            "newest_attempts_of_delivery", number, NEWEST if before is None else before, MOST_ATTEMPTS + 1
        )
        shown = attempts[:MOST_ATTEMPTS]
        moves = tx.all("newest_moves_of_delivery", number, MOST_MOVES)
        return view | {
            "attempts": [self._reads.attempt(row) for row in reversed(shown)],
            "next": shown[-1][0] if len(attempts) > MOST_ATTEMPTS else None,
            "moves": [view_of(_DELIVERY_MOVE, row) for row in reversed(moves)],
        }

    def call(self, delivery: int, exchange: int) -> Call:
        """One call of this delivery, with its bytes. Raises NotFound: also where it is another delivery's."""
        tx = self._tx()
        made = tx.one("attempt_with", delivery, exchange)
        place = tx.one("delivery_place", delivery)
        if made is None or place is None:
            raise NotFound(f"no exchange {exchange} of delivery {delivery}")
        facts, data_key, sealed = self._reads.exchange(exchange)
        parts: Sequence[bytes | None] = (None,) * 4
        if sealed is not None:
            parts = self._ledger.bodies.open_exchange(data_key, sealed)
        return Call(
            facts=facts,
            attempt=made[1],
            is_shared=tx.one("is_shared", made[0], place[3], exchange) is not None,
            request_head=parts[0],
            request_body=parts[1],
            reply_head=parts[2],
            reply_body=parts[3],
            is_destroyed=sealed is None,
        )

    # -- refused at the doors -----------------------------------------------------------------------------------

    def refusals(
        self,
        *,
        before: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        caller: str | None = None,
        code: str | None = None,
        route: str | None = None,
        limit: int = 50,
    ) -> tuple[list[View], int | None]:
        """A page, the newest first, and what to ask before for the next; at most so many thousand are kept in all."""
        times = [None if at is None else to_ms(at) for at in (since, until)]
        limit = max(1, min(limit, MOST_REFUSALS))
        start = NEWEST if before is None else before
        rows = self._tx().all("refusals_before", start, *times, caller, code, route, limit + 1)
        shown = rows[:limit]
        return [refusal_view(row[:8]) for row in shown], shown[-1][8] if len(rows) > limit else None


def _event(row: Row) -> View:
    return view_of(_EVENT, row[:7]) | {"digest": row[7].hex(), "is_adopted": bool(row[8]), "place": row[9]}


__all__ = ["Call", "CloseReads", "Place"]
