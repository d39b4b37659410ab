"""Rows for reports, as a stream: what was accepted and what moved in a time. No bodies and no personal data.

Dossier numbers stay; reasons do not, because people write names into them, and of people who acted it only says that it
was a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from bus.engines.sqlite import Row
from bus.ledger import Ledger
from bus.times import from_ms, to_ms

_PLACE: Final = ("partner", "dossier", "source", "event", "kind")
DELIVERY_COLUMNS: Final = ("delivery", *_PLACE, "status", "state", "cause", "tries", "accepted_at", "changed_at")
MOVE_COLUMNS: Final = ("move", "at", "delivery", *_PLACE, "from_state", "to_state", "cause", "actor")
_TIMES: Final = frozenset({"at", "accepted_at", "changed_at"})


def export(ledger: Ledger, since: datetime, until: datetime, partner: str | None = None) -> Iterator[dict[str, Any]]:
    """Deliveries accepted, then moves made, from `since` on and before `until`; row by row from one snapshot."""
    span = (to_ms(since), to_ms(until), partner)
    with ledger.engine.snapshot() as tx:
        for row in tx.each("export_deliveries", *span):
            yield {"row": "delivery"} | _view(DELIVERY_COLUMNS, row)
        for row in tx.each("export_moves", *span):
            yield {"row": "move"} | _view(MOVE_COLUMNS, (*row[:11], role_of(row[11])))


def role_of(actor: str) -> str:
    """Who acted, as exports tell it: of people only that it was one."""
    return "person" if actor.startswith("person:") else actor


def _view(names: tuple[str, ...], row: Row) -> dict[str, Any]:
    return {name: _told(name, value) for name, value in zip(names, row, strict=True)}


def _told(name: str, value: Any) -> Any:
    return from_ms(value).isoformat(timespec="milliseconds") if name in _TIMES else value
