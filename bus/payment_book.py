"""The ledger's book of payments: what gateways tell, what is known of an attempt, and payments whose time is over.

However a gateway tells (by its own call, asked for, in a settlement file, by a person), it goes through `hear`: one
transaction holds the raw word, sealed, the attempt, the payment, its delivery, a person's task and what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bus.bodies import HEARING, Bodies
from bus.circuit import Manners
from bus.claiming import Claimed, open_claimed
from bus.engines.sqlite import SqliteEngine, Tx
from bus.errors import LedgerDamaged
from bus.messages import Attempt, Decision, Delivery, State
from bus.moves import Move, MoveWriter
from bus.payment_follow_ups import PaymentNews
from bus.payment_hands import PaymentHands
from bus.payment_hearing import OVER, Hearer, attempt_named, attempt_numbered, expire
from bus.payment_standing import standing_of
from bus.payments import AttemptFacts, Heard, PaymentPolicy, Told
from bus.ports import Clock, CrashPoint
from bus.seal import Sealed
from bus.settling import Settlement, Settler, prepare
from bus.times import ms, to_ms

EXPIRY_PATIENCE: Final = timedelta(hours=1)
"""How long past its time a payment waits for the last answer of a gateway that does not give any."""
MOST_AT_ONCE: Final = 100
"""Payments that end in one transaction: nobody else writes meanwhile."""
ASKED: Final = "asked"
"""The cause of the move that binds a question asked beside the lanes."""


class PaymentBook:
    """Payments of one ledger. Threads may share it."""

    def __init__(
        self,
        engine: SqliteEngine,
        moves: MoveWriter,
        bodies: Bodies,
        settler: Settler,
        hearer: Hearer,
        news: PaymentNews,
        policy: PaymentPolicy,
        hands: PaymentHands,
        manners: Callable[[str], Manners],
        *,
        clock: Clock,
        crash_point: CrashPoint,
    ) -> None:
        self._engine = engine
        self._moves = moves
        self._bodies = bodies
        self._settler = settler
        self._hearer = hearer
        self.news = news
        self.policy = policy
        self._hands = hands
        self._clock = clock
        self._manners = manners
        self._point = crash_point

    # -- hearing ------------------------------------------------------------------------------------------------

    def hear(self, told: Told, *, actor: str | None = None) -> Heard:
        """What a gateway tells of one attempt, on disk when this returns. Raises LedgerUnavailable."""
        return self.hear_many([told], actor=actor)[0]

    def hear_many(self, told: Sequence[Told], *, actor: str | None = None) -> list[Heard]:
        """Many, in order, in one transaction. `actor`: who told, where it was not the gateway."""
        work = [(one, self._bodies.seal(one.evidence, HEARING)) for one in told]
        self._point("hear.before")
        heard = self._engine.write(lambda tx: self.hear_in(tx, work, actor))
        self._point("hear.after")
        return heard

    def sealed(self, told: Told) -> tuple[Told, Sealed]:
        """For `hear_in`: sealing costs time, and is done before the writer is asked."""
        return told, self._bodies.seal(told.evidence, HEARING)

    def hear_in(self, tx: Tx, work: Sequence[tuple[Told, Sealed]], actor: str | None = None) -> list[Heard]:
        """The same, in a transaction of the caller's."""
        at = to_ms(self._clock.now())
        return [self._hearer.hear(tx, told, sealed, at, actor or told.partner) for told, sealed in work]

    def find(self, partner: str, reference: str) -> AttemptFacts | None:
        """What is known of an attempt; None where nobody here gave that reference."""
        of = attempt_named(self._engine.read(), partner, reference)
        return None if of is None else of.facts()

    # -- a person's ---------------------------------------------------------------------------------------------

    def ask_now(self, tx: Tx, payment: int, *, account: str, reason: str) -> int:
        """Have every attempt that may still be paid asked about at once. Raises NotFound, NotAllowedNow."""
        return self._hands.ask_now(tx, payment, account=account, reason=reason)

    def try_again(self, tx: Tx, payment: int, *, account: str, reason: str) -> str:
        """Send a fresh attempt; its reference. Raises NotFound, NotAllowedNow."""
        return self._hands.try_again(tx, payment, account=account, reason=reason)

    # -- asked about --------------------------------------------------------------------------------------------

    def load(self, attempt: int) -> Delivery | None:
        """An attempt's delivery, to ask the gateway about; None where there is nothing that could be asked with."""
        tx = self._engine.read()
        of = attempt_numbered(tx, attempt)
        row = None if of.delivery is None else tx.one("load_claimed", of.delivery)
        if row is None or row[18] is None:
            return None
        payment = standing_of(tx, attempt)
        claimed = Claimed(row=row, fence=-1, is_probe=False, until=0, payment=payment)
        try:
            delivery = open_claimed(claimed, self._bodies, is_shadow=False)
        except LedgerDamaged:
            return None
        tries = delivery.tries + of.asked
        return replace(delivery, state=State.AWAITING, is_unanswered=True, tries=tries, leased_until=None)

    def answered(self, delivery: Delivery, attempt: Attempt, *, worker: str, started_at: datetime) -> str | None:
        """What a question came to: the call, what it told, and when to ask again.

        How the partner's circuit changed, as with a settled attempt.
        """
        now = self._clock.now()
        decision = Decision(state=delivery.state, due_at=None, cause=ASKED, blocks=False)
        work = Settlement(
            delivery=delivery,
            attempt=attempt,
            decision=decision,
            worker=worker,
            started_at=started_at,
            settled_at=now,
            sealed=prepare(self._bodies, attempt.exchanges),
            take_next=False,
        )
        told: Told | None = attempt.facts.get("told")
        heard = None if told is None else self.sealed(told)
        manners = self._manners(delivery.partner)
        return self._engine.write(lambda tx: self._answered(tx, work, heard, manners, to_ms(now)))

    def _answered(
        self, tx: Tx, work: Settlement, heard: tuple[Told, Sealed] | None, manners: Manners, at: int
    ) -> str | None:
        delivery = work.delivery
        assert delivery.payment is not None
        binds = self._settler.write_attempt(tx, work)
        stands = tx.one("delivery_stands", delivery.id)
        assert stands is not None
        state = State(stands[0])
        move = Move(
            lane=delivery.lane,
            at=at,
            delivery=delivery.id,
            from_state=state,
            to_state=state,
            cause=ASKED,
            actor=work.worker,
            binds=binds,
        )
        self._moves.add(tx, move)
        if heard is not None:
            self._hearer.hear(tx, *heard, at, work.worker)
        of = attempt_numbered(tx, delivery.payment.attempt)
        tx.run("note_asked", at, None if of.state in OVER else of.ask_next(at, more=1), of.id)
        self._point("pay.after_asked")
        return self._settler.health(tx, work, manners, at)

    # -- time over ----------------------------------------------------------------------------------------------

    def expire_due(self, now: datetime) -> int:
        """End payments whose time is over and whose gateway was asked once more. How many; they are asked about on."""
        at = to_ms(now)

        def job(tx: Tx) -> int:
            due = tx.all("due_expiries", at, at - ms(EXPIRY_PATIENCE), MOST_AT_ONCE)
            for (payment,) in due:
                self._expire(tx, payment, at)
            return len(due)

        if not self._engine.read().all("due_expiries", at, at - ms(EXPIRY_PATIENCE), 1):
            return 0
        return self._engine.write(job)

    def _expire(self, tx: Tx, payment: int, at: int) -> None:
        expire(tx, self._moves, self.news, payment, at)
        self._point("pay.after_expiry")
