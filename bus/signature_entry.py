"""What a one-stop system wants signed, as it is taken in: in the transaction that records the event.

The request id is durable before anything is sent. Where no service signs, or the signature before it was not made, the
source is told so at once: never silence. What is signed further waits, blocked, until the one before it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bus.bodies import Bodies
from bus.engines.sqlite import Tx
from bus.lanes import BUS
from bus.messages import SIGNATURE_REQUESTED, Event, State
from bus.moves import MoveWriter
from bus.ports import CrashPoint
from bus.prepared import Prepared
from bus.routing import Route
from bus.signature_ends import BEFORE_DECLINED, SignatureEnds
from bus.signature_evidence import note
from bus.signature_standing import DEFAULT_LEVEL, SignatureRow, read_signature, told_until
from bus.signatures import (
    DESK,
    ENDED_WITHOUT,
    LONGEST_WINDOW,
    UNSENT,
    ServiceChoice,
    SignaturePolicy,
    SignatureState,
)
from bus.times import from_ms, ms

if TYPE_CHECKING:
    from bus.recording import DossierRow, Recorder

NOTED: Final = "signature_noted"
"""The cause of the move of an event that goes to no service: to a desk, to nobody, or not yet."""
UNBLOCKED: Final = "signature_unblocked"
"""The cause of the move by which a delivery is made for what waited."""
NO_SERVICE: Final = "no_service"


class SignatureEntry:
    """Takes in what sources want signed. One for a ledger; it keeps nothing between transactions."""

    def __init__(
        self,
        recorder: Recorder,
        moves: MoveWriter,
        bodies: Bodies,
        policy: SignaturePolicy,
        ends: SignatureEnds,
        crash_point: CrashPoint,
    ) -> None:
        self._recorder = recorder
        self._moves = moves
        self._bodies = bodies
        self._policy = policy
        self._ends = ends
        self._point = crash_point

    def asked_before(self, tx: Tx, event: Event) -> bytes | None:
        """The digest of the event that asked for this signature before: one name is one signature, for ever."""
        if event.kind != SIGNATURE_REQUESTED:
            return None
        known = tx.one("find_signature", event.source, event.data["signature"])
        return None if known is None else known[2]

    def enter(
        self, tx: Tx, prepared: Prepared, number: int, place: int | None, dossier: DossierRow, at: int, bound: bytes
    ) -> None:
        """The event is written; now what it asks for, its delivery, and the moves that bind both."""
        event, data = prepared.event, prepared.event.data
        before = self._before(tx, event, dossier.id)
        choice = self.choice(data, at)
        state, code = self._first(tx, choice, data.get("after"), before)
        routes = (_route(choice.service),) if choice is not None and state is SignatureState.CREATED else ()
        self._recorder.deliver_to_all(tx, replace(prepared, routes=routes), number, place, dossier, at, bound, NOTED)
        signature = self._write(tx, event, dossier.id, number, before, choice, state, code, at)
        self._point("sign.after_signature")
        if routes:
            found = tx.one("delivery_to", number, routes[0].partner)
            assert found is not None
            self._carried_by(tx, signature, found[0], at)
        row = read_signature(tx, signature)
        if state is SignatureState.DECLINED:
            self._ends.ended(tx, row, state, code, _REASONS[code], at, event.source, code)
            return
        note(tx, self._moves, signature, "requested", at, event.source)
        if row.expires_at <= at:
            # Nobody is asked to sign what is over; its request id stands, should it be signed from before a restore.
            self._ends.give_up(tx, row, SignatureState.EXPIRED, "expired", "", at, BUS)

    def _before(self, tx: Tx, event: Event, dossier: int) -> SignatureRow | None:
        """The one whose documents it signs further; None where none of this dossier has that name."""
        name = event.data.get("after")
        known = None if name is None else tx.one("find_signature", event.source, name)
        return None if known is None or known[1] != dossier else read_signature(tx, known[0])

    def asked_by(self, tx: Tx, row: SignatureRow) -> Mapping[str, Any]:
        """The data of the event that asked for it."""
        return self._bodies.load_event(tx, row.event).data

    def choice(self, data: Mapping[str, Any], at: int) -> ServiceChoice | None:
        """Which service signs it, and to which level its documents are brought: its source's wish, or the table's."""
        choice = self._policy.service_for(
            data.get("unit"), data.get("procedure"), data["signer"]["role"], from_ms(at), data.get("service")
        )
        return choice if choice is None or "level" not in data else replace(choice, level=data["level"])

    def _first(
        self, tx: Tx, choice: ServiceChoice | None, after: str | None, before: SignatureRow | None
    ) -> tuple[SignatureState, str]:
        """Where it begins, and why there where it ends at once."""
        if choice is None:
            return SignatureState.DECLINED, NO_SERVICE
        if after is not None and (before is None or before.state in ENDED_WITHOUT):
            return SignatureState.DECLINED, BEFORE_DECLINED
        if before is not None and before.state is not SignatureState.MADE:
            return SignatureState.BLOCKED, ""
        return (SignatureState.AT_DESK if choice.service == DESK else SignatureState.CREATED), ""

    def _write(
        self,
        tx: Tx,
        event: Event,
        dossier: int,
        number: int,
        before: SignatureRow | None,
        choice: ServiceChoice | None,
        state: SignatureState,
        code: str,
        at: int,
    ) -> int:
        data = event.data
        signature = tx.insert(
            "add_signature",
            event.source,
            data["signature"],
            dossier,
            number,
            None if before is None else before.id,
            None if choice is None else choice.service,
            data["signer"]["role"],
            data.get("level", DEFAULT_LEVEL) if choice is None else choice.level,
            data.get("unit"),
            data.get("procedure"),
            state,
            self._policy.request(event.source, data["signature"], 1),
            code,
            until_first(data, state, at),
            at,
            at,
        )
        for n, one in enumerate(data["documents"], 1):
            is_result = int(one.get("result", True))
            tx.run("add_signature_document", signature, n, one["id"], one["form"], is_result, one.get("of"))
        return signature

    def _carried_by(self, tx: Tx, signature: int, delivery: int, at: int) -> None:
        tx.run("set_signature_delivery", delivery, signature)
        stands = tx.one("delivery_stands", delivery)
        assert stands is not None
        if State(stands[0]) is State.IN_DOUBT:
            # After a restore: it may have been sent in the time that was lost, under this very id.
            tx.run("set_signature", SignatureState.UNKNOWN, "", at, signature)
        self._point("sign.after_delivery")

    # -- what waited --------------------------------------------------------------------------------------------

    def release(self, tx: Tx, made: SignatureRow, at: int) -> None:
        """It is made: those that sign its documents further go to their services, in the same transaction."""
        for (number,) in tx.all("signatures_after", made.id):
            row = read_signature(tx, number)
            data = self.asked_by(tx, row)
            state = SignatureState.AT_DESK if row.service == DESK else SignatureState.CREATED
            tx.run("set_signature_until", until_first(data, state, at), number)
            self.send(tx, row, state, at, UNBLOCKED, BUS, "")
            note(tx, self._moves, number, "unblocked", at, BUS)
            if until_first(data, state, at) <= at:
                self._ends.give_up(tx, read_signature(tx, number), SignatureState.EXPIRED, "expired", "", at, BUS)
            self._point("sign.after_unblocked")

    def send(
        self, tx: Tx, row: SignatureRow, state: SignatureState, at: int, cause: str, actor: str, reason: str
    ) -> None:
        """A delivery of its event to its service, where it has one; nothing else of it changes."""
        tx.run("set_signature", state, "", at, row.id)
        if state is SignatureState.CREATED:
            assert row.service is not None
            told = {"cause": cause, "actor": actor, "reason": reason}
            delivery = self._recorder.deliver_later(tx, row.event, _route(row.service), row.due_at, at, **told)
            self._carried_by(tx, row.id, delivery, at)


def until_first(data: Mapping[str, Any], state: SignatureState, at: int) -> int:
    """Until when it is worth sending, or may be signed on a desk: as its source says, within what anybody watches."""
    told = told_until(data)
    usual = UNSENT if state is SignatureState.CREATED else LONGEST_WINDOW
    return at + ms(usual) if told is None else min(told, at + ms(LONGEST_WINDOW))


_REASONS: Final = {
    NO_SERVICE: "no service signs for this unit, procedure and role",
    BEFORE_DECLINED: "the signature whose documents it signs further was not made, or is not known for this dossier",
}


def _route(partner: str) -> Route:
    return Route(kind=SIGNATURE_REQUESTED, partner=partner, rule="every_step", late="send")
