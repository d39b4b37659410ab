"""What a person does to a signature: cancel it, ask for it anew, ask now, give a one-time code.

Each is a function of an open transaction, beside the press for it; its move stands in the dossier's timeline with the
person's name and reason. What may be on somebody's phone is asked for a second time only by a person, and under a fresh
request id: what is told of the earlier one is known by its own, and changes nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from bus.bodies import ONE_TIME, Bodies
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.lanes import set_head
from bus.messages import State
from bus.moves import Move, MoveWriter
from bus.payment_tasks import required
from bus.ports import Clock, CrashPoint
from bus.signature_ends import SignatureEnds
from bus.signature_entry import SignatureEntry, until_first
from bus.signature_evidence import note
from bus.signature_standing import SignatureRow, find_signature, read_signature
from bus.signatures import DESK, ENDED_WITHOUT, ServiceChoice, SignaturePolicy, SignatureState
from bus.times import to_ms

SIGNED_AGAIN: Final = "signed_again"
"""The cause of the move by which a signature's delivery goes again."""
CANCELLED: Final = "cancelled"
ASKABLE: Final = frozenset({SignatureState.UNKNOWN, SignatureState.WAITING_USER, SignatureState.EXPIRED})
TAKES_CODES: Final = frozenset(
    {SignatureState.CREATED, SignatureState.PREPARED, SignatureState.UNKNOWN, SignatureState.WAITING_USER}
)
LONGEST_SECRET: Final = 4_096
"""Characters. An activation token is a signed document of its own."""


class SignatureHands:
    """Verbs of one ledger's signatures for persons."""

    def __init__(
        self,
        moves: MoveWriter,
        bodies: Bodies,
        entry: SignatureEntry,
        ends: SignatureEnds,
        policy: SignaturePolicy,
        clock: Clock,
        crash_point: CrashPoint,
    ) -> None:
        self._moves = moves
        self._bodies = bodies
        self._entry = entry
        self._ends = ends
        self._policy = policy
        self._clock = clock
        self._point = crash_point

    def cancel(self, tx: Tx, signature: int, *, account: str, reason: str) -> None:
        """Nobody is to sign it any more; what is signed all the same is an alarm. Raises NotFound, NotAllowedNow."""
        told, row, at = required(reason), _there(tx, signature), to_ms(self._clock.now())
        if not row.state.is_open or row.state is SignatureState.SIGNED_RAW:
            raise NotAllowedNow(f"signature {signature} is {row.state}", code="signature_over")
        to, said = SignatureState.CANCELLED, f"{CANCELLED}: {told}"
        self._ends.give_up(tx, row, to, CANCELLED, told, at, f"person:{account}", said)

    def ask_now(self, tx: Tx, signature: int, *, account: str, reason: str) -> None:
        """The service is asked at once; of one whose values are here, finishing is tried. Raises as `cancel`."""
        told, row, at = required(reason), _there(tx, signature), to_ms(self._clock.now())
        if row.state.is_finishing:
            tx.run("set_finish_at", at, signature)
        elif row.state in ASKABLE and row.delivery is not None:
            tx.run("set_signature_ask_at", at, signature)
        else:
            raise NotAllowedNow(f"signature {signature} is {row.state}: nobody to ask", code="nothing_to_ask")
        note(tx, self._moves, signature, f"ask_now: {told}", at, f"person:{account}")

    def give_one_time(
        self, tx: Tx, signature: int, *, account: str, reason: str, one_time: str | None, sad: str | None
    ) -> None:
        """A code for the next attempt alone: sealed, taken once, destroyed. Raises as `cancel`."""
        told, row, at = required(reason), _there(tx, signature), to_ms(self._clock.now())
        secrets = {name: text for name, text in (("one_time", one_time), ("sad", sad)) if text}
        if not secrets or any(len(text) > LONGEST_SECRET for text in secrets.values()):
            raise NotAllowedNow("give a code, of the length that the service sent", code="bad_code")
        if row.state not in TAKES_CODES or row.delivery is None:
            raise NotAllowedNow(f"signature {signature} is {row.state}: it takes no code", code="nothing_to_ask")
        sealed = self._bodies.seal(msgspec.json.encode(secrets), ONE_TIME)
        tx.run("put_one_time", tx.insert("add_body", sealed.key_id, sealed.blob), signature)
        if row.one_time is not None:
            tx.run("destroy_body", row.one_time)
        if row.state in ASKABLE:
            tx.run("set_signature_ask_at", at, signature)
        note(tx, self._moves, signature, f"one_time: {told}", at, f"person:{account}")

    # -- anew ---------------------------------------------------------------------------------------------------

    def try_again(self, tx: Tx, signature: int, *, account: str, reason: str) -> str:
        """The next try, under a request id that nobody had; that id. Raises as `cancel`."""
        told, row, at = required(reason), _there(tx, signature), to_ms(self._clock.now())
        if row.state is SignatureState.MADE:
            raise NotAllowedNow(f"signature {signature} is made", code="signature_made")
        if row.state not in ENDED_WITHOUT | {SignatureState.UNKNOWN} or _is_taken(tx, row):
            raise NotAllowedNow(f"signature {signature} is {row.state}: cancel it first", code="under_way")
        data = self._entry.asked_by(tx, row)
        choice = self._entry.choice(data, at)
        if choice is None:
            raise NotAllowedNow(f"no service signs for signature {signature}", code="no_service")
        state = self._state(tx, row, choice)
        request = self._policy.request(row.source, row.name, row.n + 1)
        known = tx.one("delivery_to", row.event, choice.service)
        tx.run("add_signature_try", at, signature)
        tx.run("forget_signed_documents", signature)
        until = until_first(data, state, at)
        if until <= at:
            until = until_first({}, state, at)  # a person knows that its source's time is over
        tx.run(
            "renew_signature", row.n + 1, choice.service, choice.level, request, state,
            None if known is None else known[0], until, at, signature,
        )  # fmt: skip
        if row.one_time is not None:
            tx.run("destroy_body", row.one_time)
        self._send(tx, read_signature(tx, signature), at, f"person:{account}", told)
        note(tx, self._moves, signature, f"{SIGNED_AGAIN}: {told}", at, f"person:{account}")
        self._point("sign.after_try_again")
        return request

    def _state(self, tx: Tx, row: SignatureRow, choice: ServiceChoice) -> SignatureState:
        before = None if row.after is None else read_signature(tx, row.after)
        if before is not None and before.state in ENDED_WITHOUT:
            raise NotAllowedNow(f"signature {before.name}, before this one, was not made", code="not_made_before")
        if before is not None and before.state is not SignatureState.MADE:
            return SignatureState.BLOCKED
        return SignatureState.AT_DESK if choice.service == DESK else SignatureState.CREATED

    def _send(self, tx: Tx, row: SignatureRow, at: int, actor: str, reason: str) -> None:
        if row.state is not SignatureState.CREATED:
            return
        if row.delivery is None:
            self._entry.send(tx, row, row.state, at, SIGNED_AGAIN, actor, reason)
            return
        stands = tx.one("delivery_stands", row.delivery)
        assert stands is not None
        tx.run("stop_waiting_answer", row.delivery)
        tx.run("move_delivery", State.WAITING, SIGNED_AGAIN, reason, at, 1, at, row.delivery)
        move = Move(
            lane=stands[1],
            at=at,
            delivery=row.delivery,
            from_state=State(stands[0]),
            to_state=State.WAITING,
            cause=SIGNED_AGAIN,
            reason=reason,
            actor=actor,
        )
        self._moves.add(tx, move, stands[2])
        set_head(tx, stands[1], at)


def _there(tx: Tx, signature: int) -> SignatureRow:
    row = find_signature(tx, signature)
    if row is None:
        raise NotFound(f"no signature {signature}")
    return row


def _is_taken(tx: Tx, row: SignatureRow) -> bool:
    stands = None if row.delivery is None else tx.one("delivery_stands", row.delivery)
    return stands is not None and bool(stands[3])
