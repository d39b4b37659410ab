"""What a person does to a payment: ask the gateway now, or try again under a fresh reference.

Each is a function of an open transaction, beside the press for it; its move stands in the dossier's timeline with the
person's name and reason. What a gateway has open, or was paid, is never tried a second time: it is asked about.
"""

from __future__ import annotations

from typing import Final

from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.lanes import set_head
from bus.messages import State
from bus.moves import Move, MoveWriter
from bus.payment_entry import TRIED_AGAIN, PaymentEntry
from bus.payment_evidence import note
from bus.payment_follow_ups import read_payment
from bus.payment_hearing import OVER, Opened, attempt_numbered
from bus.payment_tasks import required
from bus.payments import AttemptState, PaymentPolicy, PaymentState
from bus.ports import Clock, CrashPoint
from bus.times import from_ms, ms, to_ms

CLOSED_PAYMENTS: Final = frozenset({PaymentState.PAID_AT_COUNTER})


class PaymentHands:
    """Verbs of one ledger's payments for persons."""

    def __init__(
        self, moves: MoveWriter, entry: PaymentEntry, policy: PaymentPolicy, clock: Clock, crash_point: CrashPoint
    ) -> None:
        self._moves = moves
        self._entry = entry
        self._policy = policy
        self._clock = clock
        self._point = crash_point

    def ask_now(self, tx: Tx, payment: int, *, account: str, reason: str) -> int:
        """Every attempt that may still be paid is asked about at once; how many. Raises NotFound, NotAllowedNow."""
        told, at = required(reason), to_ms(self._clock.now())
        open_ones = [one for one in _attempts(tx, payment) if one.state not in OVER]
        if not open_ones:
            raise NotAllowedNow(f"payment {payment} has no attempt that could still be paid", code="nothing_to_ask")
        for one in open_ones:
            tx.run("set_ask_at", at, one.id)
        note(tx, self._moves, payment, f"ask_now: {told}", at, f"person:{account}")
        return len(open_ones)

    def try_again(self, tx: Tx, payment: int, *, account: str, reason: str) -> str:
        """A fresh attempt, sent under a reference of its own; that reference. Raises NotFound, NotAllowedNow."""
        told, at, actor = required(reason), to_ms(self._clock.now()), f"person:{account}"
        attempts = _attempts(tx, payment)
        if not attempts:
            return self._first(tx, payment, at, actor, told)
        last = attempts[-1]
        stands = tx.one("delivery_stands", last.delivery)
        assert stands is not None
        if last.payment_state.is_paid or last.payment_state in CLOSED_PAYMENTS:
            raise NotAllowedNow(f"payment {payment} was paid", code="paid")
        if (last.state.is_open and not last.lacks_address) or stands[3]:
            raise NotAllowedNow(f"payment {payment} is open at its gateway: ask there first", code="under_way")
        if last.lacks_address:
            # Nobody can have been sent there by us; it is asked about on, should it be paid all the same.
            tx.run("set_attempt", AttemptState.CLOSED, "no_address", at, last.id)
        expires_at = max(last.expires_at, at + ms(self._policy.window))
        tx.run("renew_payment", expires_at, at, payment)
        number = read_payment(tx, payment).reference_number
        self._entry.attempt(tx, payment, last.partner, last.n + 1, number, last.delivery, from_ms(at), at)
        note(tx, self._moves, payment, f"{TRIED_AGAIN}: {told}", at, actor)
        self._send(tx, last, State(stands[0]), stands[1], at, actor, told)
        self._point("pay.after_fresh_reference")
        return _attempts(tx, payment)[-1].reference

    def _first(self, tx: Tx, payment: int, at: int, actor: str, reason: str) -> str:
        """Nobody took it when it was asked for; by now the table may name a gateway."""
        if PaymentState(read_payment(tx, payment).state) in CLOSED_PAYMENTS:
            raise NotAllowedNow(f"payment {payment} was paid", code="paid")
        if not self._entry.enter_later(tx, payment, at, actor, reason):
            raise NotAllowedNow(f"no gateway takes payment {payment}", code="no_gateway")
        return _attempts(tx, payment)[-1].reference

    def _send(self, tx: Tx, of: Opened, was: State, lane: int, at: int, actor: str, reason: str) -> None:
        tx.run("stop_waiting_answer", of.delivery)
        tx.run("move_delivery", State.WAITING, TRIED_AGAIN, reason, at, 1, at, of.delivery)
        move = Move(
            lane=lane,
            at=at,
            delivery=of.delivery,
            from_state=was,
            to_state=State.WAITING,
            cause=TRIED_AGAIN,
            reason=reason,
            actor=actor,
        )
        self._moves.add(tx, move, of.partner)
        set_head(tx, lane, at)


def _attempts(tx: Tx, payment: int) -> list[Opened]:
    if tx.one("read_payment", payment) is None:
        raise NotFound(f"no payment {payment}")
    return [attempt_numbered(tx, row[0]) for row in tx.all("attempts_of", payment)]
