"""One hearing, in a transaction: what a gateway told becomes a change of an attempt, its payment and its delivery.

What it comes to is the pure rule of `payments.py`; here it is carried out, and bound.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bus.engines.sqlite import Row, Tx
from bus.lanes import BUS
from bus.moves import MoveWriter
from bus.paid_records import PaidRecords
from bus.payment_deliveries import end
from bus.payment_evidence import note, note_hearing
from bus.payment_follow_ups import PaymentNews
from bus.payment_tasks import open_task
from bus.payment_words import kept_words
from bus.payments import (
    AttemptFacts,
    AttemptState,
    Effect,
    Heard,
    Known,
    PaymentState,
    Step,
    TaskKind,
    Told,
    Verdict,
    hear,
    next_question,
)
from bus.ports import CrashPoint
from bus.seal import Sealed
from bus.times import from_ms, to_ms

OVER: Final = frozenset({AttemptState.PAID, AttemptState.FAILED, AttemptState.NOT_OPENED})
"""Nothing more is asked about these; a settlement file may still speak of them."""
ASKED: Final = frozenset({"answer", "query"})
MISFITS: Final = frozenset({TaskKind.WRONG_AMOUNT, TaskKind.WRONG_CURRENCY})
OLD_NEWS: Final = frozenset({Effect.REPEATED, Effect.NOTHING})
"""What we asked for and knew already is in the question's own exchange, bound by its attempt: no hearing beside it."""


class Opened(NamedTuple):
    """An attempt with its payment: `attempts_known` and the unit, column by column."""

    id: int
    payment: int
    n: int
    partner: str
    reference: str
    delivery: int | None
    state: AttemptState
    made_at: int
    opened_at: int | None
    transaction: str | None
    paid_at: int | None
    ask_at: int | None
    asked: int
    payment_state: PaymentState
    amount: int
    currency: str
    expires_at: int
    paid_attempt: int | None
    source: str
    name: str
    event: int
    dossier: int
    number: str
    """The dossier's."""
    last: int
    """Of the payment's newest attempt."""
    unit: str | None

    @property
    def lacks_address(self) -> bool:
        """Whether the gateway has it, and where it may be paid never came: its answer was lost."""
        return self.state is AttemptState.PENDING and self.opened_at is None

    def facts(self) -> AttemptFacts:
        """For whoever reads a gateway's words about it."""
        return AttemptFacts(
            payment=self.payment,
            attempt=self.id,
            n=self.n,
            partner=self.partner,
            reference=self.reference,
            dossier=self.number,
            name=self.name,
            amount=self.amount,
            currency=self.currency,
            state=self.state,
            payment_state=self.payment_state,
            made_at=from_ms(self.made_at),
            expires_at=from_ms(self.expires_at),
            transaction=self.transaction,
            paid_at=None if self.paid_at is None else from_ms(self.paid_at),
            unit=self.unit,
        )

    def ask_next(self, at: int, *, more: int = 0) -> int | None:
        """When to ask about it next, `more` questions from now: by the schedule, and at the end of its time."""
        opened_at = from_ms(self.made_at if self.opened_at is None else self.opened_at)
        planned = next_question(opened_at, self.asked + more, from_ms(at))
        if at < self.expires_at and (planned is None or self.expires_at < to_ms(planned)):
            return self.expires_at
        return None if planned is None else to_ms(planned)


def opened_of(row: Row) -> Opened:
    """From a row of `attempts_known`."""
    made = Opened._make(row)
    return made._replace(state=AttemptState(made.state), payment_state=PaymentState(made.payment_state))


def attempt_named(tx: Tx, partner: str, reference: str) -> Opened | None:
    """An attempt by its reference."""
    row = tx.one("attempt_by_reference", partner, reference)
    return None if row is None else opened_of(row)


def attempt_numbered(tx: Tx, attempt: int) -> Opened:
    """An attempt that is there."""
    row = tx.one("attempt_by_id", attempt)
    assert row is not None
    return opened_of(row)


class Hearer:
    """Carries out what was told. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, moves: MoveWriter, news: PaymentNews, records: PaidRecords, crash_point: CrashPoint) -> None:
        self._moves = moves
        self._news = news
        self._records = records
        self._point = crash_point

    def hear(self, tx: Tx, told: Told, sealed: Sealed, at: int, actor: str) -> Heard:
        """One hearing; its evidence is sealed beforehand."""
        of = attempt_named(tx, told.partner, told.reference)
        now = from_ms(at)
        told = kept_words(told, now if of is None else from_ms(of.made_at), now)
        if of is None:
            return self._unknown(tx, told, sealed, at, actor)
        step = hear(_known(tx, of, told), told)
        if told.via not in ASKED or step.effect not in OLD_NEWS:
            self._write_hearing(tx, told, sealed, of, step.effect, at, actor)
        is_changed = self._write_attempt(tx, of, told, step, at)
        is_changed |= self._write_payment(tx, of, told, step, at)
        self._plan_question(tx, of, told, step, at)
        self._point("hear.after_attempt")
        for task in step.tasks:
            self._ask_person(tx, task, of, told, at, actor)
        if is_changed:
            note(tx, self._moves, of.payment, f"{told.via} {step.effect}", at, actor)
        if step.ends is not None:
            self._end(tx, of, told, step, at, actor)
        return Heard(effect=step.effect, payment=of.payment, attempt=of.id, state=step.attempt, tasks=step.tasks)

    # -- what was told ------------------------------------------------------------------------------------------

    def _unknown(self, tx: Tx, told: Told, sealed: Sealed, at: int, actor: str) -> Heard:
        effect, task = Effect.UNKNOWN_REFERENCE, TaskKind.UNKNOWN_REFERENCE
        self._write_hearing(tx, told, sealed, None, effect, at, actor)
        cause = f"{told.partner} {told.reference}"
        open_task(
            tx, self._moves, task, at, cause=cause, partner=told.partner, amount=told.amount, detail=told.verdict,
            actor=actor,
        )  # fmt: skip
        return Heard(effect=effect, payment=None, attempt=None, state=None, tasks=(task,))

    def _write_hearing(
        self, tx: Tx, told: Told, sealed: Sealed, of: Opened | None, effect: Effect, at: int, actor: str
    ) -> None:
        body = tx.insert("add_body", sealed.key_id, sealed.blob)
        row = (
            at,
            told.partner,
            told.reference,
            None if of is None else of.id,
            told.via,
            told.verdict,
            effect,
            told.transaction,
            told.amount,
            told.currency,
            told.code,
            told.address,
            told.key_id,
            sealed.commitment,
        )
        number = tx.insert("add_hearing", *row, body)
        delivery = None if of is None else of.delivery
        note_hearing(tx, self._moves, delivery, (number, *row), f"{told.via} {told.verdict}: {effect}", at, actor)

    def _ask_person(self, tx: Tx, task: TaskKind, of: Opened, told: Told, at: int, actor: str) -> None:
        """Once for a transaction; where none is named, once for what was told of the attempt.

        A word that is no success brought no money: its task has no amount that could be paid back, and takes no other's
        place.
        """
        cause, is_money = told.transaction or f"attempt {of.id}", told.verdict is Verdict.PAID
        if task in MISFITS and not is_money:
            cause = f"{told.verdict} {cause}"
        open_task(
            tx,
            self._moves,
            task,
            at,
            payment=of.payment,
            attempt=of.id,
            cause=cause,
            partner=of.partner,
            amount=told.amount if is_money else None,
            detail=f"{told.via}: {told.verdict}" + ("" if is_money else _said_amount(told)),
            actor=actor,
        )

    # -- what changes -------------------------------------------------------------------------------------------

    def _write_attempt(self, tx: Tx, of: Opened, told: Told, step: Step, at: int) -> bool:
        if step.attempt is not of.state:
            tx.run("set_attempt", step.attempt, told.code, at, of.id)
        if step.is_learned:
            facts = (told.transaction, told.amount, told.bank, _paid_at(told, at), told.paid_time_told)
            tx.run("set_attempt_told", *facts, of.id)
        return step.is_learned or step.attempt is not of.state

    def _write_payment(self, tx: Tx, of: Opened, told: Told, step: Step, at: int) -> bool:
        if step.ends == "paid":
            tx.run("set_paid", of.id, _paid_at(told, at), at, of.payment)
            self._close_others(tx, of, at)
        elif step.payment is not of.payment_state:
            tx.run("set_payment", step.payment, at, of.payment)
        return step.payment is not of.payment_state

    def _close_others(self, tx: Tx, of: Opened, at: int) -> None:
        """They are asked about on: one of them may be paid too."""
        for attempt, state, *_rest in tx.all("attempts_of", of.payment):
            if attempt != of.id and AttemptState(state).is_open:
                tx.run("set_attempt", AttemptState.CLOSED, "", at, attempt)

    def _plan_question(self, tx: Tx, of: Opened, told: Told, step: Step, at: int) -> None:
        is_hint = told.verdict is Verdict.PENDING and told.via == "callback"
        if is_hint and step.attempt is not AttemptState.PAID:
            # A gateway that knows no more than this, or whose word alone is not proof, is asked at once: also about an
            # attempt that has failed, where a late success comes as such a hint.
            tx.run("set_ask_at", at, of.id)
        elif step.attempt in OVER:
            tx.run("set_ask_at", None, of.id)
        elif of.ask_at is None and step.attempt is not of.state:
            tx.run("set_ask_at", of.ask_next(at), of.id)

    # -- what follows -------------------------------------------------------------------------------------------

    def _end(self, tx: Tx, of: Opened, told: Told, step: Step, at: int, actor: str) -> None:
        assert step.ends is not None
        end(tx, self._moves, of.delivery, step.ends, at, actor)
        if step.ends == "paid":
            if not self._news.settled(tx, of.payment, of.facts(), told, at, is_late=step.is_late):
                self._ask_person(tx, TaskKind.RECEIPT_MISSING, of, told, at, actor)
            self._records.show(tx, of.dossier, at)
        else:
            self._news.failed(tx, of.payment, of.partner, of.reference, told.code, told.reason, at)
        self._point("hear.after_follow_ups")


def expire(tx: Tx, moves: MoveWriter, news: PaymentNews, payment: int, at: int) -> None:
    """Its time is over: told to its source; what may have been paid before is asked about on."""
    attempts = tx.all("attempts_of", payment)
    for attempt, state, *_rest in attempts:
        if AttemptState(state).is_open:
            tx.run("set_attempt", AttemptState.EXPIRED, "", at, attempt)
            tx.run("set_ask_at", attempt_numbered(tx, attempt).ask_next(at), attempt)
    tx.run("set_payment", PaymentState.EXPIRED, at, payment)
    note(tx, moves, payment, "expired", at, BUS)
    end(tx, moves, attempts[-1][2], "payment_expired", at, BUS)
    news.expired(tx, payment, at)


def _known(tx: Tx, of: Opened, told: Told) -> Known:
    transaction = told.transaction
    is_elsewhere = transaction is not None and (
        tx.one("is_transaction_elsewhere", of.partner, transaction, of.id) is not None
    )
    return Known(
        attempt=of.state,
        payment=of.payment_state,
        amount=of.amount,
        currency=of.currency,
        transaction=of.transaction,
        is_newest=of.n == of.last,
        is_elsewhere=is_elsewhere,
    )


def _said_amount(told: Told) -> str:
    return "" if told.amount is None else f" {told.amount} {told.currency or ''}".rstrip()


def _paid_at(told: Told, at: int) -> int:
    return at if told.paid_at is None else to_ms(told.paid_at)
