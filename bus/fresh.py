"""The usual event, written together with its neighbours: a new dossier's first, or a step that joins an orderly lane.

One look tells all there is to decide. Their rows get their numbers beforehand (an open transaction is the only writer),
are held back, and go out table by table, many in one statement. Whatever is not usual is left to `recording.py`, whose
first statement writes what is held back here; a test holds the two against each other, table by table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bus.engines.sqlite import Row, Tx
from bus.lanes import deadline_of
from bus.messages import AMENDED, FILED, PAYMENT_KINDS, SIGNATURE_KINDS, State
from bus.moves import Move, MoveWriter
from bus.ports import CrashPoint
from bus.prepared import RECORD_KIND, Prepared, event_row_digest, record_facts, status_of
from bus.routing import Route
from bus.times import to_ms

UNUSUAL: Final = PAYMENT_KINDS | SIGNATURE_KINDS | {FILED, AMENDED}
"""Kinds that do more than to stand in a line."""
NO_NONCE: Final = ("", "")
NO_RECORD: Final[tuple[None, ...]] = (None,) * 8
TABLES: Final = (
    *("remember_nonce", "add_partner", "put_body", "put_event", "put_dossier", "update_dossier_status"),
    *("put_lane", "put_delivery", "set_head"),
)
"""The statements by which rows go out, in this order."""


class _Lane:
    """A lane as this transaction leaves it: orderly, so that a step may join it."""

    __slots__ = ("head_place", "id", "record_state", "row", "step_place")

    def __init__(self, id: int, head_place: int | None, step_place: int | None, record_state: str) -> None:
        self.id = id
        self.head_place = head_place
        """None while nothing open is in it."""
        self.step_place = step_place
        self.record_state = record_state
        self.row: list[Any] | None = None
        """Of a new lane: its row, whose last two columns are its head and when that may be claimed."""

    def welcomes(self, route: Route, place: int) -> bool:
        """Whether a step at this place simply stands behind the head, or becomes it in an empty lane."""
        is_late = self.step_place is not None and place < self.step_place and route.late == "hold"
        return not is_late and (self.head_place is None or self.head_place <= place)


class _Dossier:
    """A dossier as this transaction leaves it."""

    __slots__ = ("id", "lanes", "owner", "status_place")

    def __init__(self, id: int, owner: str, status_place: int | None) -> None:
        self.id = id
        self.owner = owner
        self.status_place = status_place
        self.lanes: dict[str, _Lane] = {}


class Fresh:
    """What one transaction holds back. It ends with the first statement that is not its own; another may follow."""

    def __init__(self, moves: MoveWriter, ids: Row) -> None:
        self._moves = moves
        self._last: list[int] = list(ids)
        """The highest numbers of bodies, events, dossiers, lanes and deliveries."""
        self._dossiers: dict[str, _Dossier] = {}
        self._keys: set[tuple[str, str]] = set()
        self._nonces: set[tuple[str, str]] = set()
        self._terms: list[tuple[bytes, int]] = []
        self._rows: dict[str, list[Sequence[Any]]] = {name: [] for name in TABLES}

    @classmethod
    def of(cls, tx: Tx, moves: MoveWriter) -> Fresh:
        """The one of this transaction."""
        fresh: Fresh | None = tx.memory.get("fresh")
        if fresh is None:
            tx.write_out()
            ids = tx.glance("last_ids")
            assert ids is not None
            fresh = tx.memory["fresh"] = cls(moves, ids)
            tx.unwritten = fresh.write
        return fresh

    def write(self, tx: Tx) -> None:
        """All rows that are held back."""
        del tx.memory["fresh"]
        for name, rows in self._rows.items():
            if rows:
                tx.many(name, rows)
        tx.many("add_search_term", sorted(self._terms))  # neighbours in the index are found faster

    def take(self, tx: Tx, prepared: Prepared, at: int, point: CrashPoint) -> int | None:
        """Take the event and give its number; None when it is not usual, and then nothing was noted of it."""
        if prepared.order != "arrival" or prepared.is_adopted or prepared.event.kind in UNUSUAL:
            return None
        nonce = NO_NONCE if prepared.nonce is None else (prepared.nonce.key_id, prepared.nonce.nonce)
        key, place = (prepared.event.source, prepared.event.id), to_ms(prepared.event.occurred_at)
        if key in self._keys or nonce in self._nonces:
            return None
        partner = prepared.routes[0].partner if prepared.routes else None
        found = tx.glance("look_around", *nonce, *key, prepared.event.dossier, partner)
        assert found is not None
        if found[0] or found[1]:
            return None
        if self._is_claim(tx, prepared.claimed):
            return None
        dossier = self._dossiers.get(prepared.event.dossier)
        if dossier is None and found[2] is not None:
            dossier = _known(found, prepared.routes)
        if dossier is not None and not _is_usual_step(prepared, dossier, place):
            return None
        self._note_keys(prepared, nonce, key)
        number = self._next(1)
        if dossier is None:
            dossier = self._add_dossier(prepared, number, place, at)
        elif dossier.status_place is None or place >= dossier.status_place:
            dossier.status_place = place
            self._rows["update_dossier_status"].append((status_of(prepared.event), place, dossier.id))
        self._dossiers[prepared.event.dossier] = dossier
        self._add_event(prepared, number, dossier.id, place, at)
        point("record.after_event")
        self._deliver(tx, prepared, dossier, number, place, at)
        point("record.after_deliveries")
        return number

    def _is_claim(self, tx: Tx, claimed: str | None) -> bool:
        """Whether it names, as its dossier's national number, another dossier that is here: that may be another's."""
        return claimed is not None and (claimed in self._dossiers or tx.glance("find_dossier", claimed) is not None)

    def _next(self, which: int) -> int:
        self._last[which] += 1
        return self._last[which]

    def _note_keys(self, prepared: Prepared, nonce: tuple[str, str], key: tuple[str, str]) -> None:
        self._keys.add(key)
        if prepared.nonce is not None:
            self._nonces.add(nonce)
            self._rows["remember_nonce"].append((*nonce, to_ms(prepared.nonce.expires_at)))

    def _add_dossier(self, prepared: Prepared, number: int, place: int, at: int) -> _Dossier:
        event, id = prepared.event, self._next(2)
        record: tuple[Any, ...] = NO_RECORD
        if event.kind == RECORD_KIND:
            record = (*record_facts(event), number, place)
            self._terms += [(term, id) for term in prepared.terms]
        self._rows["put_dossier"].append((id, event.dossier, event.source, at, status_of(event), place, *record))
        dossier = _Dossier(id, event.source, place)
        for route in prepared.routes:
            self._rows["add_partner"].append((route.partner,))
            lane = dossier.lanes[route.partner] = _Lane(self._next(3), None, None, "none")
            top = place if route.rule == "latest_wins" else None
            lane.row = [lane.id, id, route.partner, deadline_of(record[5]), top, None, None]
            self._rows["put_lane"].append(lane.row)
        return dossier

    def _add_event(self, prepared: Prepared, number: int, dossier: int, place: int, at: int) -> None:
        event, sealed, body = prepared.event, prepared.sealed, self._next(0)
        self._rows["put_body"].append((body, sealed.key_id, sealed.blob))
        key = (number, event.source, event.id, event.kind, dossier, place, place, at)
        self._rows["put_event"].append(
            (*key, event.digest, sealed.commitment, body, event.traceparent, prepared.receipt_number)
        )

    def _deliver(self, tx: Tx, prepared: Prepared, dossier: _Dossier, number: int, place: int, at: int) -> None:
        event = prepared.event
        binds: bytes | None = event_row_digest(number, event, None, at, prepared.sealed.commitment)
        if not prepared.routes:
            move = Move(
                lane=None, at=at, delivery=None, event=number, cause="no_route", actor=event.source, binds=binds
            )
            self._moves.add(tx, move)
        for route in prepared.routes:
            lane = dossier.lanes[route.partner]
            move = Move(
                lane=lane.id,
                at=at,
                delivery=self._add_delivery(prepared, route, lane, number, place, at),
                event=number if binds else None,
                to_state=State.WAITING,
                cause="accepted",
                actor=event.source,
                binds=binds,
            )
            self._moves.add(tx, move, route.partner)
            binds = None

    def _add_delivery(self, prepared: Prepared, route: Route, lane: _Lane, number: int, place: int, at: int) -> int:
        delivery, cause = self._next(4), "accepted"
        if lane.head_place is None:
            lane.head_place = place
            waits = route.needs_record and lane.record_state == "none"
            head = (delivery, None if waits else at)
            if lane.row is None:
                self._rows["set_head"].append((*head, lane.id))
            else:
                lane.row[5:] = head
            cause = "no_record" if waits else cause
        kept = (delivery, number, route.partner, lane.id, route.rule, route.late, int(route.needs_record), place, cause)
        self._rows["put_delivery"].append((*kept, status_of(prepared.event), at, at))
        return delivery


def _known(found: Row, routes: Sequence[Route]) -> _Dossier:
    """From what the look found: the dossier, and the first route's lane when that is orderly."""
    lane, lease_until, record_state, step_place, head_place, has_open, owner = found[4:]
    dossier = _Dossier(found[2], owner, found[3])
    is_empty = lease_until is None and not has_open
    if lane is not None and (head_place is not None or is_empty):
        dossier.lanes[routes[0].partner] = _Lane(lane, head_place, step_place, record_state)
    return dossier


def _is_usual_step(prepared: Prepared, dossier: _Dossier, place: int) -> bool:
    """Whether all that an earlier event of its dossier asks of it is to stand behind."""
    if prepared.event.kind == RECORD_KIND or not prepared.may_speak_of(dossier.owner):
        return False
    for route in prepared.routes:
        lane = dossier.lanes.get(route.partner)
        if lane is None or route.rule != "every_step" or not lane.welcomes(route, place):
            return False
    return True
