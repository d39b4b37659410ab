"""Recording an event and its deliveries: what happens inside the one transaction of `accept`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bus.bodies import Bodies
from bus.engines.sqlite import Row, Tx
from bus.errors import LedgerDamaged, NonceSeen
from bus.follow_ups import LEDGER_SOURCE
from bus.fresh import Fresh
from bus.lanes import BUS, Entry, deadline_of, enter, leave, put_before_steps, set_head, supersede_waiting
from bus.messages import (
    FILED,
    PAYMENT_KINDS,
    PAYMENT_REQUESTED,
    SIGNATURE_KINDS,
    Acceptance,
    Contradicted,
    Decision,
    Event,
    ForeignDossier,
    Recorded,
    Repeated,
    State,
)
from bus.moves import Move, MoveWriter
from bus.ports import CrashPoint
from bus.prepared import RECORD_KIND, Prepared, event_row_digest, ms_of, record_facts, status_of
from bus.routing import Route
from bus.times import from_ms, to_ms

if TYPE_CHECKING:
    from bus.payment_entry import PaymentEntry
    from bus.signature_entry import SignatureEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierRow:
    """A dossier as the transaction finds it."""

    id: int
    owner: str
    """The source that spoke of it first."""
    due_at: int | None
    record_place: int | None
    status_place: int | None
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    id: int
    record_state: str
    top_record: int | None
    step_place: int | None
    head_place: int | None
    is_new: bool = False

    def keeps_its_head(self, place: int | None) -> bool:
        """Whether a delivery at this place stands behind the head, so that nothing changes for who claims."""
        return self.head_place is not None and place is not None and self.head_place <= place


class Recorder:
    """Writes events. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, moves: MoveWriter, bodies: Bodies, crash_point: CrashPoint) -> None:
        self._moves = moves
        self._bodies = bodies
        self._point = crash_point
        self.payments: PaymentEntry | None = None
        """What sources tell of payments is taken in by this (`payment_entry.py`)."""
        self.signatures: SignatureEntry | None = None
        """What sources want signed is taken in by this (`signature_entry.py`)."""
        self.doubt_before: int | None = None
        """Set after a restore: steps of before it may have gone out without our knowing (milliseconds)."""

    def record(self, tx: Tx, prepared: Prepared, now: datetime) -> Acceptance | NonceSeen:
        """One event in. A nonce that was here before is given back as a value: nothing was written for it."""
        event, at = prepared.event, to_ms(now)
        if event.source == LEDGER_SOURCE:
            # An outcome told under a name that somebody took beforehand could never be written, nor its move.
            return ForeignDossier(owner=LEDGER_SOURCE)
        if self.doubt_before is None:
            number = Fresh.of(tx, self._moves).take(tx, prepared, at, self._point)
            if number is not None:
                return _recorded(prepared, number, at)
        nonce = prepared.nonce
        if nonce and not tx.run("remember_nonce", nonce.key_id, nonce.nonce, to_ms(nonce.expires_at)):
            return NonceSeen()
        known = tx.one("find_event", event.source, event.id)
        if known:
            return _compare(known, event)
        if foreign := _foreign_claim(tx, prepared):
            return foreign
        dossier = self._dossier(tx, event, at)
        # Judged in the transaction: of two sources that come at once, one is the first.
        if not prepared.may_speak_of(dossier.owner):
            return ForeignDossier(owner=dossier.owner)
        sequence = event.sequence if prepared.order == "sequence" else None
        if sequence is not None:
            twin = tx.one("find_sequence_twin", dossier.id, event.source, sequence)
            if twin:
                return Contradicted(digest=twin[0])
        if (asked_before := self._asked_before(tx, event)) is not None:
            return Contradicted(digest=asked_before)
        place: int | None
        if prepared.order == "acceptance":
            # Never behind what was taken before it, even where a clock went back or another source runs ahead.
            place = max(at, dossier.status_place or at)
        else:
            place = self._place(tx, event, sequence, dossier.id, at, is_adopted=prepared.is_adopted)
        number = self._write_event(tx, prepared, dossier.id, sequence, place, at)
        self._point("record.after_event")
        if place is not None:
            self._note_dossier(tx, prepared, number, place, dossier)
        binds = event_row_digest(number, event, sequence, at, prepared.sealed.commitment)
        if event.kind in PAYMENT_KINDS and self.payments is not None and not prepared.is_adopted:
            self.payments.enter(tx, prepared, number, place, dossier, at, binds)
        elif event.kind in SIGNATURE_KINDS and self.signatures is not None and not prepared.is_adopted:
            self.signatures.enter(tx, prepared, number, place, dossier, at, binds)
        else:
            self.deliver_to_all(tx, prepared, number, place, dossier, at, binds)
        self._point("record.after_deliveries")
        if sequence is not None and place is not None:
            if prepared.is_adopted:
                self._place_passed(tx, event.source, dossier.id, sequence, at)
            self._release_followers(tx, event.source, dossier.id, at)
        return _recorded(prepared, number, at)

    def _asked_before(self, tx: Tx, event: Event) -> bytes | None:
        """The digest of another event that asked for the same payment or signature."""
        for entry in (self.payments, self.signatures):
            known = None if entry is None else entry.asked_before(tx, event)
            if known is not None:
                return known
        return None

    def record_own(self, tx: Tx, prepared: Prepared, dossier: int, due_at: int | None, at: int) -> int:
        """An event that the ledger itself tells of a dossier: nothing that is known of the dossier changes by it.

        Its number.
        """
        place = to_ms(prepared.event.occurred_at)
        number = self._write_event(tx, prepared, dossier, None, place, at)
        self._point("tell.after_event")
        binds = event_row_digest(number, prepared.event, None, at, prepared.sealed.commitment)
        of = DossierRow(id=dossier, owner=LEDGER_SOURCE, due_at=due_at, record_place=None, status_place=None)
        self.deliver_to_all(tx, prepared, number, place, of, at, binds)
        return number

    def deliver_later(
        self, tx: Tx, number: int, route: Route, due_at: int | None, at: int, *, cause: str, actor: str, reason: str
    ) -> int:
        """One more partner for an event that was taken in long ago; the delivery."""
        event = self._bodies.load_event(tx, number)
        row = tx.one("find_dossier", event.dossier)
        assert row is not None
        of = DossierRow(id=row[0], owner=row[4], due_at=due_at, record_place=None, status_place=None)
        place = to_ms(event.occurred_at)
        delivery, lane, decision = self._add_delivery(tx, route, event, number, place, of, at)
        move = Move(
            lane=lane,
            at=at,
            delivery=delivery,
            to_state=decision.state,
            cause=cause,
            reason=reason,
            actor=actor,
        )
        self._moves.add(tx, move, route.partner)
        return delivery

    def told_before(self, tx: Tx, number: int) -> Event | None:
        """An event that was taken in; None where its body was destroyed, or cannot be opened any more."""
        row = tx.one("load_event", number)
        assert row is not None
        try:
            return None if row[9] is None else self._bodies.event(row)
        except LedgerDamaged:
            return None

    def record_instead(self, tx: Tx, prepared: Prepared, place: int, at: int) -> tuple[int, bytes] | ForeignDossier:
        """An event that stands for an earlier one of its dossier, at that one's place; its number, and what binds it.

        It takes no number of a numbered source, for that source knows nothing of it; and it goes nowhere by itself.
        """
        if foreign := _foreign_claim(tx, prepared):
            return foreign
        dossier = self._dossier(tx, prepared.event, at)
        number = self._write_event(tx, prepared, dossier.id, None, place, at)
        self._note_dossier(tx, prepared, number, place, dossier)
        return number, event_row_digest(number, prepared.event, None, at, prepared.sealed.commitment)

    # -- the event ----------------------------------------------------------------------------------------------

    def _dossier(self, tx: Tx, event: Event, at: int) -> DossierRow:
        row = tx.one("find_dossier", event.dossier)
        if row:
            return DossierRow(id=row[0], owner=row[4], due_at=row[1], record_place=row[2], status_place=row[3])
        new = tx.insert("add_dossier", event.dossier, event.source, at)
        return DossierRow(id=new, owner=event.source, due_at=None, record_place=None, status_place=None, is_new=True)

    def _place(
        self, tx: Tx, event: Event, sequence: int | None, dossier: int, at: int, *, is_adopted: bool
    ) -> int | None:
        """Where it stands in the dossier's order; None while a number before it is missing.

        What is adopted is on the portal already: the numbers before it are not waited for, and the next one follows it.
        """
        own = to_ms(event.occurred_at)
        if sequence is None:
            return own
        row = tx.one("find_sequence", dossier, event.source)
        expected, last, gap_since = row or (1, None, None)
        if sequence > expected and not is_adopted:
            tx.run("put_sequence", dossier, event.source, expected, last or 0, gap_since or at)
            return None
        if sequence < expected:
            return own  # its number was skipped by a person: it comes late, and the route's rule decides
        place = own if not last else max(own, last + 1)
        tx.run("put_sequence", dossier, event.source, sequence + 1, place, gap_since)
        return place

    def _write_event(
        self, tx: Tx, prepared: Prepared, dossier: int, sequence: int | None, place: int | None, at: int
    ) -> int:
        event, sealed = prepared.event, prepared.sealed
        body = tx.insert("add_body", sealed.key_id, sealed.blob)
        return tx.insert(
            "add_event",
            event.source,
            event.id,
            event.kind,
            dossier,
            sequence,
            place,
            to_ms(event.occurred_at),
            at,
            event.digest,
            sealed.commitment,
            body,
            event.traceparent,
            int(prepared.is_adopted),
            prepared.receipt_number,
        )

    def _note_dossier(self, tx: Tx, prepared: Prepared, number: int, place: int, dossier: DossierRow) -> None:
        """Keep what the dossier's newest record and newest status say."""
        event = prepared.event
        status = status_of(event)
        if status is not None and (dossier.status_place is None or place >= dossier.status_place):
            tx.run("update_dossier_status", status, place, dossier.id)
        if event.kind == PAYMENT_REQUESTED:
            tx.many("add_search_term", [(term, dossier.id) for term in prepared.terms])
        if event.kind == FILED:
            tx.run("note_filed", event.data.get("procedure"), event.data.get("unit"), dossier.id)
            tx.many("add_search_term", [(term, dossier.id) for term in prepared.terms])
        if event.kind == RECORD_KIND and (dossier.record_place is None or place >= dossier.record_place):
            note_record(tx, event, number, place, dossier.id, has_lanes=not dossier.is_new)
            tx.many("add_search_term", [(term, dossier.id) for term in prepared.terms])

    # -- its deliveries -----------------------------------------------------------------------------------------

    def deliver_to_all(
        self,
        tx: Tx,
        prepared: Prepared,
        number: int,
        place: int | None,
        dossier: DossierRow,
        at: int,
        bound: bytes,
        cause: str = "no_route",
    ) -> None:
        """A delivery for each route, and the move that binds the event; `cause`: that one's where there is no route."""
        event = prepared.event
        binds: bytes | None = bound
        if prepared.is_adopted or not prepared.routes:
            cause = "adopted" if prepared.is_adopted else cause
            self._moves.add(
                tx, Move(lane=None, at=at, delivery=None, event=number, cause=cause, actor=event.source, binds=binds)
            )
            for route in prepared.routes:
                there = to_ms(event.occurred_at) if place is None else place
                self._adopt(tx, route, event, number, there, dossier, at)
            return
        for route in prepared.routes:
            delivery, lane, decision = self._add_delivery(tx, route, event, number, place, dossier, at)
            self._moves.add(
                tx,
                Move(
                    lane=lane,
                    at=at,
                    delivery=delivery,
                    event=number if binds else None,
                    to_state=decision.state,
                    cause=decision.cause,
                    actor=event.source,
                    binds=binds,
                ),
                route.partner,
            )
            binds = None

    def _add_delivery(
        self, tx: Tx, route: Route, event: Event, number: int, place: int | None, dossier: DossierRow, at: int
    ) -> tuple[int, int, Decision]:
        lane = self._lane(tx, route, event, dossier)
        if place is None:
            decision = Decision(state=State.WAITING, due_at=None, cause="gap", blocks=False)
        else:
            entry = _entry(route, lane.id, number, place)
            place, decision = enter(tx, self._moves, entry, lane.top_record, lane.step_place, at, route.partner)
            if route.rule == "latest_wins" and lane.record_state == "none" and decision.blocks and not lane.is_new:
                place = put_before_steps(tx, lane.id, place)
            decision = self.doubted(route.rule, to_ms(event.occurred_at), decision, at)
        delivery = tx.insert(
            "add_delivery",
            number,
            route.partner,
            lane.id,
            route.rule,
            route.late,
            int(route.needs_record),
            place,
            decision.state,
            decision.cause,
            decision.reason,
            None if decision.due_at is None else to_ms(decision.due_at),
            int(decision.blocks),
            status_of(event),
            at,
            at,
        )
        # A record may have superseded the head; a step that stands behind the head changes nothing for who claims.
        if decision.blocks and not (route.rule == "every_step" and lane.keeps_its_head(place)):
            set_head(tx, lane.id, at)
        return delivery, lane.id, decision

    def doubted(self, rule: str, occurred_at: int, decision: Decision, at: int) -> Decision:
        """After a restore, a step of before it may be at the partner already: it is asked about, never just sent."""
        if self.doubt_before is None or occurred_at >= self.doubt_before:
            return decision
        if rule != "every_step" or decision.state is not State.WAITING:
            return decision
        return Decision(state=State.IN_DOUBT, due_at=from_ms(at), cause="restore_gap")

    def _lane(self, tx: Tx, route: Route, event: Event, dossier: DossierRow) -> _Lane:
        row = None if dossier.is_new else tx.one("find_lane", dossier.id, route.partner)
        if row:
            return _Lane(id=row[0], record_state=row[1], top_record=row[2], step_place=row[3], head_place=row[4])
        tx.run("add_partner", route.partner)
        due_at = dossier.due_at if event.kind != RECORD_KIND else ms_of(event, "due_at")
        new = tx.insert("add_lane", dossier.id, route.partner, deadline_of(due_at))
        return _Lane(id=new, record_state="none", top_record=None, step_place=None, head_place=None, is_new=True)

    def _adopt(self, tx: Tx, route: Route, event: Event, number: int, place: int, dossier: DossierRow, at: int) -> None:
        """What is on the portal already: the lane's facts are set, and nothing is sent."""
        lane = self._lane(tx, route, event, dossier)
        if route.rule == "latest_wins":
            if lane.top_record is None or place >= lane.top_record:
                # What still waits is older than what the portal has: sent now, it would set the portal back.
                supersede_waiting(
                    tx, self._moves, lane=lane.id, place=place, event=number, now=at, partner=route.partner
                )
                tx.run("set_top_record", place, lane.id)
                tx.run("set_record_shown", number, place, status_of(event), lane.id)
                set_head(tx, lane.id, at)  # a step that waited for the dossier's record may go now
        else:
            tx.run("adopt_step", status_of(event), place, place, lane.id)
            if event.kind == RECORD_KIND and tx.run("record_is_there", lane.id):
                set_head(tx, lane.id, at)  # a step that waited for the dossier's record may go now

    # -- numbered sources ---------------------------------------------------------------------------------------

    def _release_followers(self, tx: Tx, source: str, dossier: int, at: int) -> None:
        """A gap was filled: place what waited behind it, as far as the numbers go on."""
        row = tx.one("find_sequence", dossier, source)
        assert row is not None
        expected, last, gap_since = row
        if gap_since is None:
            return
        while found := tx.one("find_behind_gap", dossier, source, expected):
            number, occurred_at, kind = found
            last = max(occurred_at, last + 1)
            tx.run("place_event", last, number)
            self._enter_line(tx, number, last, occurred_at, kind, dossier, at)
            expected += 1
        still = tx.one("any_behind_gap", dossier, source)
        tx.run("put_sequence", dossier, source, expected, last, at if still and still[0] else None)

    def _place_passed(self, tx: Tx, source: str, dossier: int, adopted: int, at: int) -> None:
        """What waited behind a gap before an adopted number comes late: the portal is past it, and the rule decides."""
        for number, occurred_at, kind in tx.all("find_passed", dossier, source, adopted):
            tx.run("place_event", occurred_at, number)
            self._enter_line(tx, number, occurred_at, occurred_at, kind, dossier, at)

    def skip_gap(self, tx: Tx, source: str, dossier: int, actor: str, reason: str, at: int) -> int:
        """A person gives up the missing numbers: go on with the lowest that is here. How many were skipped."""
        row = tx.one("find_sequence", dossier, source)
        lowest = tx.one("any_behind_gap", dossier, source)
        if row is None or lowest is None or lowest[0] is None:
            return 0
        expected, last, gap_since = row
        tx.run("put_sequence", dossier, source, lowest[0], last, gap_since or at)
        self._moves.add(tx, Move(lane=None, at=at, delivery=None, cause="gap_skipped", actor=actor, reason=reason))
        self._release_followers(tx, source, dossier, at)
        return int(lowest[0] - expected)

    def _enter_line(self, tx: Tx, number: int, place: int, occurred_at: int, kind: str, dossier: int, at: int) -> None:
        if kind == RECORD_KIND:
            self._note_follower(tx, number, place, dossier)
        for delivery, lane, rule, needs_record, partner, status, late in tx.all("find_unplaced", number):
            tx.run("follow_dossier_status", status, place, dossier, place)
            row = tx.one("find_lane", dossier, partner)
            assert row is not None
            entry = Entry(
                lane=lane, event=number, place=place, route_rule=rule, late=late, needs_record=bool(needs_record)
            )
            there, decision = enter(tx, self._moves, entry, row[2], row[3], at, partner)
            if rule == "latest_wins" and row[1] == "none" and decision.blocks:
                there = put_before_steps(tx, lane, there)
            decision = self.doubted(rule, occurred_at, decision, at)
            if decision.state is State.SUPERSEDED:
                tx.run("set_place", there, delivery)
                leave(
                    tx,
                    self._moves,
                    lane=lane,
                    delivery=delivery,
                    was=State.WAITING,
                    cause="overtaken",
                    now=at,
                    partner=partner,
                )
            else:
                self._place_delivery(tx, delivery, lane, there, decision, partner, at)
            set_head(tx, lane, at)

    def _place_delivery(
        self, tx: Tx, delivery: int, lane: int, place: int, decision: Decision, partner: str, at: int
    ) -> None:
        due_at = None if decision.due_at is None else to_ms(decision.due_at)
        tx.run("enter_line", place, decision.state, decision.cause, due_at, int(decision.blocks), at, delivery)
        self._moves.add(
            tx,
            Move(
                lane=lane,
                at=at,
                delivery=delivery,
                from_state=State.WAITING,
                to_state=decision.state,
                cause="gap_filled" if decision.state is State.WAITING else decision.cause,
                actor=BUS,
            ),
            partner,
        )

    def _note_follower(self, tx: Tx, number: int, place: int, dossier: int) -> None:
        """A record that waited behind a gap becomes the dossier's newest only now; its facts stand in its body."""
        row = tx.one("dossier_record_place", dossier)
        if row is None or row[0] is None or place >= row[0]:
            event = self._bodies.load_event(tx, number)
            note_record(tx, event, number, place, dossier)
            tx.many("add_search_term", [(term, dossier) for term in self._bodies.terms(event)])


def _foreign_claim(tx: Tx, prepared: Prepared) -> ForeignDossier | None:
    """By its number at the portal a dossier reaches a citizen there: who may not speak of it may not name it so."""
    if prepared.claimed is None:
        return None
    row = tx.one("find_dossier", prepared.claimed)
    if row is None or prepared.may_speak_of(row[4]):
        return None
    return ForeignDossier(owner=row[4], by="national_number")


def _recorded(prepared: Prepared, number: int, at: int) -> Recorded:
    key = None if prepared.receipt_key is None else prepared.receipt_key.key_id
    return Recorded(event=number, accepted_at=from_ms(at), digest=prepared.event.digest, receipt_key=key)


def _compare(known: Row, event: Event) -> Acceptance:
    digest = known[2]
    return repeated(known) if digest == event.digest else Contradicted(digest=digest)


def repeated(known: Row) -> Repeated:
    """The first answer of an event that `find_event` found."""
    number, accepted_at, digest, key = known
    return Repeated(event=number, accepted_at=from_ms(accepted_at), digest=digest, receipt_key=key)


def _entry(route: Route, lane: int, number: int, place: int) -> Entry:
    return Entry(
        lane=lane,
        event=number,
        place=place,
        route_rule=route.rule,
        late=route.late,
        needs_record=route.needs_record,
    )


def note_record(tx: Tx, event: Event, number: int, place: int, dossier: int, *, has_lanes: bool = True) -> None:
    """The dossier's facts, from its newest record."""
    facts = record_facts(event)
    tx.run("update_dossier_record", *facts, number, place, dossier)
    if has_lanes:
        tx.run("set_lane_deadline", deadline_of(facts[-1]), dossier)
