"""What a worker's attempt at a payment's delivery came to, within its settlement.

The answer of one call is one more hearing. Opened: its page and its QR are kept, sealed, and told to the source. Said
no: told to the source too. Not known: asked about in the lane, and only when the gateway knows nothing of it does it go
again, under a fresh reference and in this same transaction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec

from bus.bodies import HEARING, OFFER, Bodies
from bus.engines.sqlite import Tx
from bus.messages import PAYMENT_REQUESTED, Attempt, Decision, Delivery, Refused, State, Unreachable
from bus.moves import MoveWriter
from bus.payment_deliveries import FRESH, decided
from bus.payment_entry import PaymentEntry
from bus.payment_evidence import note
from bus.payment_follow_ups import PaymentNews, read_payment
from bus.payment_hearing import Hearer, Opened, attempt_numbered
from bus.payment_tasks import open_task
from bus.payments import AttemptState, PaymentState, TaskKind, Told, Verdict
from bus.ports import CrashPoint
from bus.receipts import Receipts
from bus.refund_desk import RefundDesk
from bus.times import from_ms, to_ms

MOST_ATTEMPTS: Final = 20
"""A gateway that knows none of so many references is not asked for another without a person."""
TOO_MANY: Final = "too_many_references"
UNASKED: Final = "not_asked"
"""The cause of what stays in doubt because the question itself could not be asked."""
_UNOPENED: Final = frozenset({AttemptState.CREATED, AttemptState.UNKNOWN})


class MoneySettling:
    """Settles deliveries that carry payments, refunds and receipts. One for a ledger; it remembers nothing."""

    def __init__(
        self,
        moves: MoveWriter,
        bodies: Bodies,
        hearer: Hearer,
        entry: PaymentEntry,
        news: PaymentNews,
        refunds: RefundDesk,
        receipts: Receipts,
        crash_point: CrashPoint,
    ) -> None:
        self._moves = moves
        self._bodies = bodies
        self._hearer = hearer
        self._entry = entry
        self._news = news
        self._refunds = refunds
        self._receipts = receipts
        self._point = crash_point

    def decided(
        self, tx: Tx, delivery: Delivery, attempt: Attempt, decision: Decision, at: int, worker: str
    ) -> Decision:
        """Where the delivery stands after this attempt, with all that follows for its payment written."""
        if delivery.payment is None:
            return decision
        if delivery.payment.refund is not None:
            return self._refunds.decided(delivery, attempt, decision)
        if delivery.event.kind != PAYMENT_REQUESTED:
            return decision
        number = delivery.payment.attempt
        if decision.is_tried:
            told = attempt.facts.get("told")
            if told is not None:
                self.hear(tx, told, at, worker)
            decision = self._tried(tx, attempt_numbered(tx, number), delivery, attempt, decision, at, worker)
            self._point("pay.after_answer")
        of = attempt_numbered(tx, number)
        if decision.cause in (FRESH, TOO_MANY):
            return decision
        decision = decided(decision, of.state, of.payment_state)
        if decision.state is State.AWAITING and of.ask_at is None:
            tx.run("set_ask_at", of.ask_next(at), of.id)
        return decision

    def settled(self, tx: Tx, delivery: Delivery, attempt: Attempt, decision: Decision, at: int, worker: str) -> None:
        """It stands there: what follows for its refund, and what was learned of receipts."""
        if delivery.payment is None:
            return
        if delivery.payment.refund is not None:
            self._refunds.settled(tx, delivery.id, decision, attempt, at, worker)
        self._receipts.settled(tx, delivery, attempt, at, worker)

    def hear(self, tx: Tx, told: Told, at: int, worker: str) -> None:
        """What an answer tells, sealed here: an answer that tells of money is rare beside the rest."""
        self._hearer.hear(tx, told, self._bodies.seal(told.evidence, HEARING), at, worker)

    def _tried(
        self, tx: Tx, of: Opened, delivery: Delivery, attempt: Attempt, decision: Decision, at: int, worker: str
    ) -> Decision:
        if decision.state is State.WAITING and delivery.is_unanswered:
            return self._not_there(tx, of, attempt, decision, at, worker)
        if of.state not in _UNOPENED:
            if delivery.is_unanswered and of.lacks_address and decision.state is State.AWAITING:
                self._ask_for_address(tx, of, at, worker)
            return decision
        if decision.state is State.AWAITING:
            self._open(tx, of, attempt.facts, at, worker)
        elif decision.state is State.REFUSED:
            self._refuse(tx, of, attempt, at, worker)
        elif decision.state is State.IN_DOUBT and of.state is AttemptState.CREATED:
            self._set(tx, of, AttemptState.UNKNOWN, PaymentState.UNKNOWN, "", at)
            note(tx, self._moves, of.payment, "unknown", at, worker)
        return decision

    def _ask_for_address(self, tx: Tx, of: Opened, at: int, worker: str) -> None:
        """The gateway has it open, and its answer never came: without a person the citizen waits until it is over."""
        task, cause = TaskKind.ADDRESS_UNKNOWN, f"attempt {of.id}"
        open_task(
            tx, self._moves, task, at, payment=of.payment, attempt=of.id, cause=cause, partner=of.partner, actor=worker
        )

    # -- opened, or not -----------------------------------------------------------------------------------------

    def _open(self, tx: Tx, of: Opened, facts: Any, at: int, worker: str) -> None:
        offer = {"pay_url": facts.get("pay_url"), "qr": facts.get("qr")}
        sealed = self._bodies.seal(msgspec.json.encode(offer), OFFER)
        body = tx.insert("add_body", sealed.key_id, sealed.blob)
        until = facts.get("opened_until")
        until_ms = None if until is None else to_ms(until)
        tx.run("set_attempt_open", at, until_ms, body, sealed.commitment, at, of.id)
        tx.run("set_payment", PaymentState.OPEN, at, of.payment)
        tx.run("set_ask_at", of._replace(opened_at=at).ask_next(at), of.id)
        note(tx, self._moves, of.payment, "opened", at, worker)
        self._news.opened(tx, of.payment, of.facts(), offer, at)

    def _refuse(self, tx: Tx, of: Opened, attempt: Attempt, at: int, worker: str) -> None:
        said = attempt.outcome
        code, reason = (said.code, said.reason) if isinstance(said, Refused) else ("", "")
        self._set(tx, of, AttemptState.NOT_OPENED, PaymentState.NOT_OPENED, code, at)
        note(tx, self._moves, of.payment, "not_opened", at, worker)
        self._news.failed(tx, of.payment, of.partner, of.reference, code, reason, at)

    def _set(self, tx: Tx, of: Opened, attempt: AttemptState, payment: PaymentState, code: str, at: int) -> None:
        tx.run("set_attempt", attempt, code, at, of.id)
        tx.run("set_payment", payment, at, of.payment)

    # -- not there ----------------------------------------------------------------------------------------------

    def _not_there(self, tx: Tx, of: Opened, attempt: Attempt, decision: Decision, at: int, worker: str) -> Decision:
        """Only a gateway that was asked and knows nothing of it lets it go again, and never under the same name."""
        if not of.state.is_open:
            return decision
        if not _says_not_there(attempt):
            return replace(decision, state=State.IN_DOUBT, cause=UNASKED)
        if of.n >= MOST_ATTEMPTS:
            return Decision(state=State.HELD, due_at=None, cause=TOO_MANY, reason=decision.reason, blocks=False)
        tx.run("set_attempt", AttemptState.CLOSED, "not_there", at, of.id)
        tx.run("set_ask_at", of.ask_next(at), of.id)
        row = read_payment(tx, of.payment)
        now = from_ms(at)
        self._entry.attempt(tx, of.payment, of.partner, of.n + 1, row.reference_number, of.delivery, now, at)
        tx.run("set_payment", PaymentState.CREATED, at, of.payment)
        note(tx, self._moves, of.payment, "fresh_reference", at, worker)
        self._point("pay.after_fresh_reference")
        return replace(decision, due_at=now, cause=FRESH)


def _says_not_there(attempt: Attempt) -> bool:
    told = attempt.facts.get("told")
    if told is not None:
        return bool(told.verdict is Verdict.NOT_THERE)
    said = attempt.outcome
    is_at_once = isinstance(said, Unreachable) and said.retry_after is not None and not said.retry_after
    return is_at_once and isinstance(said, Unreachable) and not said.is_down
