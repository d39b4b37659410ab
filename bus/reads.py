"""What the ledger tells: to the API, the command line and the pages. Reads only; every list is a bounded page.

Rows come as plain mappings, ready for JSON: times are ISO 8601 in UTC, digests lower-case hex.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bus.as_of import Told, head_at, partner_at
from bus.circuit import Circuit
from bus.claiming import read_partner
from bus.engines.sqlite import Row, Tx
from bus.errors import NotFound
from bus.ledger import Ledger
from bus.messages import Event, State
from bus.times import from_ms, to_ms

MAX_PAGE: Final = 500
"""Rows of one page: more would hold a reading connection while a slow caller takes them."""
_DELIVERY: Final = (
    "id", "partner", "state", "cause", "reason", "due_at", "tries", "accepted_at", "changed_at", "status", "rule",
    "dossier", "source", "event", "kind",
)  # fmt: skip
_TIMES: Final = frozenset(
    {"due_at", "accepted_at", "changed_at", "occurred_at", "at", "received_at", "first_seen_at", "opened_at",
     "probe_at", "last_success_at", "started_at", "sent_at", "imported_at", "gap_since"}
)  # fmt: skip

View = dict[str, Any]


class Reads:
    """Questions to one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def _tx(self) -> Tx:
        return self._ledger.engine.read()

    # -- events and dossiers ------------------------------------------------------------------------------------

    def sources_with(self, event_id: str) -> list[str]:
        """Which sources have an event of this id."""
        return [row[0] for row in self._tx().all("sources_of_event_id", event_id)]

    def event(self, source: str, event_id: str) -> View:
        """One event and where it went. Raises NotFound."""
        tx = self._tx()
        row = tx.one("read_event", event_id, source)
        if row is None:
            raise NotFound(f"no event {event_id} of {source}")
        names = ("number", "source", "id", "kind", "dossier", "sequence", "occurred_at", "accepted_at", "digest")
        view = view_of(names, row[:9]) | {"digest": row[8].hex(), "is_adopted": bool(row[9]), "receipt_key": row[10]}
        return view | {"deliveries": self._deliveries_of(tx, row[0])}

    def event_content(self, source: str, event_id: str) -> Event:
        """The event itself, opened: personal data. Raises NotFound."""
        tx = self._tx()
        row = tx.one("find_event", source, event_id)
        if row is None:
            raise NotFound(f"no event {event_id} of {source}")
        return self._ledger.bodies.load_event(tx, row[0])

    def _deliveries_of(self, tx: Tx, event: int) -> list[View]:
        names = (
            "id", "partner", "state", "cause", "reason", "due_at", "tries", "accepted_at", "changed_at", "status",
            "rule", "place", "mapping", "blocks",
        )  # fmt: skip
        return [view_of(names, row) for row in tx.all("deliveries_of_event", event)]

    def dossier(self, number: str) -> View:
        """One dossier: what is known of it, at each partner, its events and its timeline. Raises NotFound."""
        view, key = self.dossier_head(number)
        tx = self._tx()
        view["events"] = [self._event_line(event) for event in tx.all("events_of_dossier", key)]
        view["timeline"] = [view_of(_MOVE, move) for move in tx.all("moves_of_dossier", key)]
        return view

    def dossier_head(self, number: str) -> tuple[View, int]:
        """What is known of a dossier and at each partner, and its key among the rows. Raises NotFound."""
        tx = self._tx()
        row = tx.one("read_dossier", number)
        if row is None:
            raise NotFound(f"no dossier {number}")
        names = (
            "_id", "number", "source", "origin", "national_number", "procedure", "unit", "received_at", "due_at",
            "status", "first_seen_at", "record_event",
        )  # fmt: skip
        view = {name: value for name, value in view_of(names, row).items() if not name.startswith("_")}
        view["partners"] = [self._lane(lane) for lane in tx.all("lanes_of_dossier", row[0])]
        return view, row[0]

    def dossier_at(self, number: str, moment: datetime) -> View:
        """The dossier as it stood at a moment: what had been told and settled by then, and each delivery's state.

        What a look-up found without settling anything is no move, and is not known of the past.
        """
        view = self.dossier(number)
        moves = [move for move in view["timeline"] if datetime.fromisoformat(move["at"]) <= moment]
        told = self._told_by(number, to_ms(moment))
        head = head_at(told)
        filed_as = self._tx().one("filed_as", number, to_ms(moment))
        if filed_as is not None:
            head |= {"origin": "portal", "national_number": filed_as[0]}
        numbers = {one.number for one in told}
        return view | {
            "at": moment.isoformat(),
            **view_of(tuple(head), tuple(head.values())),
            "partners": [partner_at(lane["partner"], told, moves) for lane in view["partners"]],
            "events": [event for event in view["events"] if event["number"] in numbers],
            "timeline": moves,
            "states": {move["delivery"]: move["to_state"] for move in moves},
        }

    def _told_by(self, number: str, at: int) -> list[Told]:
        tx = self._tx()
        row = tx.one("read_dossier", number)
        assert row is not None
        return [
            Told(
                number=event[0],
                place=event[9],
                accepted_at=event[6],
                is_adopted=bool(event[8]),
                event=self._ledger.bodies.load_event(tx, event[0]),
            )
            for event in tx.all("events_of_dossier", row[0])
            if event[6] <= at
        ]

    def _lane(self, row: Row) -> View:
        exists = None if row[1] is None else bool(row[1])
        return {
            "partner": row[0],
            "exists_there": exists,
            "record": row[2],
            "shown_status": row[3],
            "ready_at": _time(row[6]),
            "is_on_its_way": row[7] is not None,
        }

    def _event_line(self, row: Row) -> View:
        names = ("number", "source", "id", "kind", "sequence", "occurred_at", "accepted_at")
        return view_of(names, row[:7]) | {"digest": row[7].hex(), "is_adopted": bool(row[8])}

    # -- deliveries ---------------------------------------------------------------------------------------------

    def deliveries(
        self,
        *,
        state: State | None = None,
        partner: str | None = None,
        sources: Iterable[str] | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[View]:
        """A page of deliveries, by id; `after` is the last id of the page before. `sources`: of their events only."""
        limit = max(1, min(limit, MAX_PAGE))
        told = None if sources is None else json.dumps(sorted(sources))
        tx = self._tx()
        if state is None:
            rows = tx.all("list_deliveries_any", after, partner, told, limit)
        else:
            partners = [partner] if partner else [row[0] for row in tx.all("list_partners")]
            query = "list_deliveries" if state in (State.SENDING, State.DELIVERED) else "list_deliveries_open"
            rows = [row for name in partners for row in tx.all(query, state, name, after, told, limit)]
            rows = sorted(rows)[:limit]
        return [view_of(_DELIVERY, row) for row in rows]

    def delivery(self, number: int, *, with_bodies: bool = False) -> View:
        """One delivery with its attempts and moves; the exact bytes when asked for. Raises NotFound."""
        view = self.delivery_head(number)
        tx = self._tx()
        view["attempts"] = [
            self.attempt(attempt, with_bodies=with_bodies) for attempt in tx.all("attempts_of_delivery", number)
        ]
        names = ("id", "at", "from_state", "to_state", "cause", "reason", "actor")
        view["moves"] = [view_of(names, move) for move in tx.all("moves_of_delivery", number)]
        return view

    def delivery_head(self, number: int) -> View:
        """One delivery's own facts. Raises NotFound."""
        row = self._tx().one("read_delivery", number)
        if row is None:
            raise NotFound(f"no delivery {number}")
        return view_of(_DELIVERY, row[:15]) | {"mapping": row[16]}

    def attempt(self, row: Row, *, with_bodies: bool = False) -> View:
        """An attempt's row with its exchanges."""
        view = view_of(("id", "n", "worker", "started_at", "outcome", "code", "reason"), row[:7])
        view["exchanges"] = [self._exchange(number, with_bodies) for number in json.loads(row[7])]
        return view

    def exchange(self, number: int) -> tuple[View, int, bytes | None]:
        """One call, its data key and its sealed bytes; None where those were destroyed."""
        row = self._tx().one("read_exchange", number)
        assert row is not None
        names = ("id", "operation", "method", "url", "status", "sent_at", "took_us", "trouble", "key_id", "algorithm")
        return view_of(names, row[:10]), row[10], row[11]

    def _exchange(self, number: int, with_bodies: bool) -> View:
        view, data_key, sealed = self.exchange(number)
        if with_bodies and sealed is not None:
            head, body, reply_head, reply = self._ledger.bodies.open_exchange(data_key, sealed)
            view |= {
                "request_head": _text(head),
                "request_body": _text(body),
                "reply_head": _text(reply_head),
                "reply_body": None if reply is None else _text(reply),
            }
        return view

    def outcomes(self, source: str, *, after: int = 0, limit: int = 100) -> list[View]:
        """What became of a source's events, in the order it became known; `n` is the cursor."""
        names = ("n", "at", "state", "cause", "reason", "delivery", "partner", "id", "kind", "dossier")
        limit = max(1, min(limit, MAX_PAGE))
        return [view_of(names, row) for row in self._tx().all("list_outcomes", after, source, limit)]

    def source_standing(self, source: str) -> View:
        """The last event taken from a source."""
        row = self._tx().one("source_standing", source)
        if row is None:
            return {"source": source, "last_id": None, "last_sequence": None, "last_accepted_at": None}
        return {"source": source, "last_id": row[0], "last_sequence": row[1], "last_accepted_at": _time(row[2])}

    # -- partners and numbers -----------------------------------------------------------------------------------

    def tallies(self) -> dict[str, dict[str, int]]:
        """How many deliveries stand in each state, by partner."""
        found: dict[str, dict[str, int]] = {}
        for partner, state, count in self._tx().all("tallies"):
            found.setdefault(partner, {})[state] = count
        return found

    def oldest_waiting(self, partner: str) -> datetime | None:
        """When the oldest delivery that still waits was accepted."""
        row = self._tx().one("oldest_waiting", partner)
        return None if row is None or row[0] is None else from_ms(row[0])

    def partners(self) -> list[View]:
        """Every partner that was met: hold, circuit, last success, how many wait."""
        tx, tallies = self._tx(), self.tallies()
        names = (
            "name", "is_held", "hold_reason", "circuit", "failures", "opened_at", "probe_at", "window",
            "last_success_at",
        )  # fmt: skip
        return [
            view_of(names, row) | {"is_held": bool(row[1]), "deliveries": tallies.get(row[0], {})}
            for row in tx.all("list_partners")
        ]

    def circuit(self, partner: str) -> Circuit:
        """A partner's circuit."""
        return read_partner(self._tx(), partner).circuit

    def gaps(self, *, before: datetime, limit: int = 100) -> list[View]:
        """Numbered sources that have waited behind a gap since before a time."""
        names = ("_dossier", "dossier", "source", "missing", "gap_since")
        rows = self._tx().all("find_gaps", to_ms(before), limit)
        return [{k: v for k, v in view_of(names, row).items() if k[0] != "_"} for row in rows]

    def receipt_keys(self) -> list[str]:
        """Every key that ever signed receipts here, the first one first."""
        return [row[0] for row in self._tx().all("all_receipt_keys")]

    # -- tables, refusals, the whole day ------------------------------------------------------------------------

    def table(self, name: str) -> str | None:
        """The text of a table in force."""
        row = self._tx().one("table_in_force", name)
        return None if row is None else str(row[2])

    def tables(self) -> list[View]:
        """Every table in force."""
        return [
            view_of(("name", "version", "digest", "imported_at", "actor", "reason"), row)
            for row in self._tx().all("tables_in_force")
        ]

    def tables_version(self) -> int:
        """Grows with every change of any table."""
        row = self._tx().one("newest_table_version")
        return int(row[0]) if row and row[0] else 0

    def refusal(self, reference: str) -> View:
        """What was refused at a door, by its reference. Raises NotFound."""
        row = self._tx().one("read_refusal", reference.strip().upper())
        if row is None:
            raise NotFound(f"no refusal {reference}")
        return refusal_view(row)

    def refusals(self, *, since: datetime | None = None, caller: str | None = None, limit: int = 100) -> list[View]:
        """What was refused at the doors, the newest first."""
        at = None if since is None else to_ms(since)
        return [refusal_view(row) for row in self._tx().all("list_refusals", at, caller, min(limit, MAX_PAGE))]

    def found_by(self, terms: Sequence[bytes], limit: int = 50) -> list[str]:
        """Dossier numbers that every one of these keyed hashes finds."""
        tx = self._tx()
        sets = [{row[0] for row in tx.all("dossiers_by_term", term, 10_000)} for term in terms]
        return sorted(set.intersection(*sets))[:limit] if sets else []

    def open_dossiers(self) -> list[View]:
        """Dossiers that are not at their end."""
        names = ("number", "procedure", "unit", "received_at", "source", "status")
        return [view_of(names, row) for row in self._tx().all("open_dossiers")]

    def whole_account(self) -> list[Mapping[str, Any]]:
        """Every event beside its delivery, in the order of acceptance: for the account of a demo's day."""
        names = (
            "number", "source", "id", "kind", "dossier", "occurred_at", "event_place", "is_adopted", "delivery",
            "partner", "state", "cause", "place", "rule", "status", "tries", "blocks", "reason",
        )  # fmt: skip
        return [view_of(names, row) for row in self._tx().all("all_events_with_deliveries")]


_MOVE: Final = (
    "id", "at", "delivery", "from_state", "to_state", "cause", "reason", "actor", "partner", "event", "kind", "source",
)  # fmt: skip


def view_of(names: Sequence[str], row: Row) -> View:
    """A row under its columns' names, times as text."""
    return {name: _time(value) if name in _TIMES else value for name, value in zip(names, row, strict=True)}


def _time(value: int | None) -> str | None:
    return None if value is None else from_ms(value).isoformat(timespec="milliseconds")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="backslashreplace")


def refusal_view(row: Row) -> View:
    """A refusal's row, its notes apart."""
    view = view_of(("reference", "at", "route", "caller", "code", "status", "rules", "base"), row)
    told = json.loads(row[6])
    return view | {
        "rules": [each for each in told if "rule" in each],
        "digests": [each for each in told if "marks" in each],
        "why": next((each["why"] for each in told if "why" in each), None),
    }
