"""Refunds within the ledger's transactions: asked for by an event, carried by a delivery, settled with it.

A refund takes its amount out of what was paid when it is asked for, and gives it free again only when it is rejected;
so whatever is asked, agreed to and paid back at once, together it is never more than was paid. Its delivery stands in
the lane of the attempt that was paid, and lets that lane go on while a person, or the gateway, takes time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from bus.bindings import bind
from bus.engines.sqlite import Row, Tx
from bus.lanes import set_head
from bus.messages import Attempt, Decision, Delivery, Event, State, Unreachable
from bus.moves import Move, MoveWriter
from bus.payment_evidence import note
from bus.payment_tasks import open_task
from bus.payments import LOCAL, PaymentState, RefundStanding, TaskKind
from bus.ports import CrashPoint
from bus.reasons import kept, tidy
from bus.refund_rules import (
    DONE,
    MONEY_TASKS,
    NEEDS_APPROVAL,
    OFFLINE,
    REFUNDABLE,
    RefundState,
    is_same_money,
    payment_state,
    state_after,
    transaction_named,
    wants_second_person,
)
from bus.times import from_ms, to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One refund as it stands."""

    id: int
    payment: int
    name: str
    event: int
    delivery: int | None
    """None where it was refused at once."""
    attempt: int | None
    """Of whose money it is paid back; None where there was none."""
    task: int | None
    """Set where it pays back what that attempt's own success does not account for."""
    amount: int
    reason: str
    state: RefundState
    key: str
    """The gateway knows it by this, for ever."""
    requested_by: str
    approved_by: str | None
    partner_reference: str | None
    document: str | None
    is_offline: bool
    created_at: datetime
    changed_at: datetime
    partner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for."""

    name: str
    amount: int
    currency: str
    reason: str
    requested_by: str
    is_offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a refund would be paid out of."""

    payment: int
    state: PaymentState
    currency: str
    dossier: str
    name: str
    attempt: int | None
    task: int | None
    is_paid: bool
    """Whether there is anything that may be paid back."""
    most: int
    taken: int
    """What of it is paid back, or asked for."""
    partner: str
    lane: int | None


Told: TypeAlias = Callable[[Tx, Refund, int, int], None]
"""Hears, in the transaction, that a refund was paid back: the refund, what of the payment's own money was paid back by
now, and when (milliseconds)."""


def told_to_nobody(tx: Tx, refund: Refund, total: int, at: int) -> None:
    """Where nothing follows from a refund."""


class RefundDesk:
    """Enters, carries and settles refunds. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, moves: MoveWriter, *, approval_above: int, crash_point: CrashPoint) -> None:
        self._moves = moves
        self._above = approval_above
        self._point = crash_point
        self.tell: Told = told_to_nobody

    # -- asking for one -----------------------------------------------------------------------------------------

    def from_event(self, tx: Tx, payment: int | None, event: Event, number: int, at: int, bound: bytes) -> None:
        """A source asks for a refund: its row, its delivery and the move that binds the event; or a task instead."""
        data = event.data
        name = str(data["refund"])
        wanted = Wanted(
            name=name,
            amount=data["amount"],
            currency=data["currency"],
            reason=kept(tidy(data["reason"])),
            requested_by=f"{event.source}: {kept(data['requested_by'])}",
        )
        money = None if payment is None else self.money(tx, payment)
        if money is None or money.dossier != event.dossier:
            detail = f"{data['payment']} / {name}: {event.dossier} has no such payment"
            self._ask(tx, TaskKind.REFUND_TOO_MUCH, at, None, None, f"event {number}", wanted.amount, detail)
            self._no_delivery(tx, number, at, event.source, bound, "refund_refused")
            return
        known = tx.one("find_refund_named", money.payment, name)
        if known is None:
            self.enter(tx, money, wanted, event, number, at, event.source, bound)
            return
        is_same = known[1] == wanted.amount
        if not is_same:
            detail, cause = f"{name}: another amount", f"event {number}"
            self._ask(tx, TaskKind.REFUND_TOO_MUCH, at, money.payment, money.attempt, cause, wanted.amount, detail)
        self._no_delivery(tx, number, at, event.source, bound, "refund_repeated" if is_same else "refund_refused")

    def enter(
        self, tx: Tx, money: Money, wanted: Wanted, event: Event, number: int, at: int, actor: str, bound: bytes
    ) -> int:
        """Write it, if there is so much to pay back; its number."""
        if too_much(money, wanted) is not None:
            refund = self._add(tx, money, wanted, RefundState.REJECTED, number, None, at)
            bind(tx, self._moves, "refund", refund, cause="refund_refused", at=at, actor=actor, reason=wanted.reason)
            detail = f"{wanted.amount} of {money.most - money.taken}"
            cause = f"refund {refund}"
            self._ask(tx, TaskKind.REFUND_TOO_MUCH, at, money.payment, money.attempt, cause, wanted.amount, detail)
            self._no_delivery(tx, number, at, actor, bound, "refund_refused")
            return refund
        is_asked = wants_second_person(wanted.amount, money.taken, self._above)
        state = RefundState.REQUESTED if is_asked else RefundState.APPROVED
        delivery = self._deliver(tx, money, wanted, event, number, at, actor, bound, is_asked=is_asked)
        self._point("refund.after_delivery")
        refund = self._add(tx, money, wanted, state, number, delivery, at)
        bind(tx, self._moves, "refund", refund, cause="refund_requested", at=at, actor=actor, reason=wanted.reason)
        self._point("refund.after_row")
        if not is_asked:
            self.follow(tx, self.get(tx, refund), at, actor)
            if wanted.is_offline:
                self.ask_accounting(tx, self.get(tx, refund), at)
        return refund

    def money(self, tx: Tx, payment: int, task: int | None = None) -> Money:
        """What may be paid back of a payment's own success, or of what a task found."""
        row = tx.one("payment_of_refund", payment)
        assert row is not None
        attempt, found = row[6], None
        if task is not None:
            found = tx.one("find_payment_task", task)
            assert found is not None
            # Paid at the counter too: what can be given back here is the gateway's.
            attempt, found = (attempt, None) if found[4] is None else (found[4], found)
        paid = None if attempt is None else tx.one("paid_attempt", attempt)
        asked = _asked(paid, found)
        is_own = paid is not None and paid[2] == "paid" and asked in ("", paid[4])
        return self._money(tx, row, paid, None if is_own else found, asked)

    def _money(self, tx: Tx, row: Row, paid: Row | None, found: Row | None, asked: str) -> Money:
        """`found`: a task whose money no success accounts for, and which is limited by what was told of it.

        `asked`: the transaction that it came by. What was paid back of it counts, whatever it was asked for as: a task
        may have been first, and the success by the same transaction later.
        """
        attempt = None if paid is None else int(paid[0])
        task = None if found is None else int(found[0])
        taken = sum(
            amount
            for of, cause, transaction, amount in tx.all("refunds_taken", row[0])
            if is_same_money(attempt, asked, of, transaction_named(of, cause, transaction))
        )
        if found is not None:
            is_paid, most = TaskKind(found[2]) in MONEY_TASKS and paid is not None, found[7] or 0
        elif paid is not None and attempt != row[6]:
            is_paid, most = paid[2] == "paid", paid[3]
        else:
            is_paid = paid is not None and row[2] in REFUNDABLE
            most = 0 if paid is None else paid[3]
        return Money(
            payment=row[0],
            state=PaymentState(row[2]),
            currency=row[4],
            dossier=row[7],
            name=row[1],
            attempt=attempt,
            task=task,
            is_paid=is_paid,
            most=most,
            taken=taken,
            partner="" if paid is None else paid[1],
            lane=None if paid is None else paid[5],
        )

    def _deliver(
        self,
        tx: Tx,
        money: Money,
        wanted: Wanted,
        event: Event,
        number: int,
        at: int,
        actor: str,
        bound: bytes,
        *,
        is_asked: bool,
    ) -> int:
        state, cause, blocks = State.WAITING, "accepted", 1
        if is_asked or wanted.is_offline:
            state, cause, blocks = State.HELD, NEEDS_APPROVAL if is_asked else OFFLINE, 0
        place = to_ms(event.occurred_at)
        line = (number, money.partner, money.lane, "every_step", "send", 0, place)
        delivery = tx.insert("add_delivery", *line, state, cause, "", None, blocks, None, at, at)
        move = Move(
            lane=money.lane,
            at=at,
            delivery=delivery,
            event=number,
            to_state=state,
            cause=cause,
            actor=actor,
            binds=bound,
        )
        self._moves.add(tx, move, money.partner)
        assert money.lane is not None
        set_head(tx, money.lane, at)
        return delivery

    def _add(
        self, tx: Tx, money: Money, wanted: Wanted, state: RefundState, event: int, delivery: int | None, at: int
    ) -> int:
        return tx.insert(
            "add_refund",
            money.payment,
            wanted.name,
            event,
            delivery,
            money.attempt,
            money.task,
            wanted.amount,
            wanted.reason,
            state,
            self.key(tx, money.payment, at),
            wanted.requested_by,
            None,
            int(wanted.is_offline),
            money.partner,
            at,
            at,
        )

    def key(self, tx: Tx, payment: int, at: int) -> str:
        """What the gateway will know the next refund of a payment by: 27 letters and digits, made once."""
        count = tx.one("count_refunds", payment)
        assert count is not None
        return f"RF{from_ms(at).astimezone(LOCAL):%y%m%d%H%M%S}{payment:010d}{count[0] + 1:03d}"

    def _no_delivery(self, tx: Tx, number: int, at: int, actor: str, bound: bytes, cause: str) -> None:
        move = Move(lane=None, at=at, delivery=None, event=number, cause=cause, actor=actor, binds=bound)
        self._moves.add(tx, move)

    def _ask(
        self,
        tx: Tx,
        kind: TaskKind,
        at: int,
        payment: int | None,
        attempt: int | None,
        cause: str,
        amount: int,
        detail: str,
    ) -> None:
        open_task(
            tx,
            self._moves,
            kind,
            at,
            payment=payment,
            attempt=attempt,
            cause=cause,
            amount=amount,
            detail=detail,
        )

    # -- on its way ---------------------------------------------------------------------------------------------

    def get(self, tx: Tx, number: int) -> Refund:
        """A refund that is there."""
        row = tx.one("find_refund", number)
        assert row is not None
        return refund_of(row)

    def standing_of(self, tx: Tx, delivery: int) -> RefundStanding | None:
        """What a gateway's adapter needs to know of the refund that a delivery carries; None where it carries none."""
        found = tx.one("refund_of_delivery", delivery)
        if found is None:
            return None
        refund = self.get(tx, found[0])
        # What is under way counts: asked what it paid back, a gateway may name another refund of the same amount.
        before = tx.one("refunds_beside", refund.attempt, refund.id)
        assert before is not None
        return RefundStanding(
            refund=refund.id,
            name=refund.name,
            amount=refund.amount,
            key=refund.key,
            made_at=refund.created_at,
            partner_reference=refund.partner_reference,
            refunded_before=before[0],
        )

    def decided(self, delivery: Delivery, attempt: Attempt, decision: Decision) -> Decision:
        """A refund that waits for accounting, for the gateway's books or for a person keeps nobody else waiting.

        A question that did not even reach the gateway is no word of its books: only what they do not hold goes again.
        """
        outcome = attempt.outcome
        if delivery.is_unanswered and isinstance(outcome, Unreachable) and outcome.is_down:
            return replace(decision, state=State.IN_DOUBT, cause="not_asked")
        is_over_here = decision.state in (State.AWAITING, State.REFUSED, State.HELD)
        is_a_persons = decision.state is State.IN_DOUBT and decision.due_at is None
        return replace(decision, blocks=False) if is_over_here or is_a_persons else decision

    def settled(self, tx: Tx, delivery: int, decision: Decision, attempt: Attempt, at: int, worker: str) -> None:
        """The delivery that carries a refund came to this."""
        found = tx.one("refund_of_delivery", delivery)
        assert found is not None
        was = self.get(tx, found[0])
        told = attempt.facts.get("refund") or {}
        new = replace(
            was,
            state=state_after(decision.state, was.state),
            partner_reference=told.get("reference") or was.partner_reference,
            is_offline=was.is_offline or decision.cause == OFFLINE,
        )
        ask_at = to_ms(decision.due_at) if new.state is RefundState.PENDING and decision.due_at is not None else None
        self.put(tx, was, new, at, worker, ask_at=ask_at)
        if decision.cause == OFFLINE:
            self.ask_accounting(tx, new, at)
        if new.state is RefundState.UNCLEAR and decision.due_at is None:
            self._about(tx, TaskKind.REFUND_UNCLEAR, new, at)

    def put(
        self,
        tx: Tx,
        was: Refund,
        new: Refund,
        at: int,
        actor: str,
        *,
        cause: str = "",
        reason: str = "",
        ask_at: int | None = None,
    ) -> None:
        """Change a refund; what follows for its payment, and who is told."""
        is_changed = new != was
        new = replace(new, changed_at=from_ms(at)) if is_changed else was
        facts = (new.state, new.approved_by, new.partner_reference, new.document, int(new.is_offline))
        tx.run("set_refund", *facts, ask_at, to_ms(new.changed_at), was.id)
        if not is_changed:
            return
        bind(tx, self._moves, "refund", was.id, cause=cause or _cause_of(new.state), at=at, actor=actor, reason=reason)
        self.follow(tx, new, at, actor)
        self._point("refund.after_payment")
        if new.state in DONE and was.state not in DONE:
            row = tx.one("payment_of_refund", new.payment)
            assert row is not None
            if is_own(new, row[6]):
                self.tell(tx, new, row[5], at)

    def follow(self, tx: Tx, refund: Refund, at: int, actor: str) -> None:
        """Where the payment stands for its refunds; what was paid beyond it changes nothing for it."""
        row = tx.one("payment_of_refund", refund.payment)
        assert row is not None
        if not is_own(refund, row[6]):
            return
        done, under_way = tx.one("refunds_done", refund.attempt), tx.one("refunds_under_way", refund.attempt)
        assert done is not None
        assert under_way is not None
        state = payment_state(row[3], done[0], is_under_way=under_way[0] > 0)
        if state is PaymentState.REFUNDED and tx.one("was_paid_at_counter", refund.payment) is not None:
            state = PaymentState.PAID_AT_COUNTER  # what was given back had been paid twice
        tx.run("set_payment_refunded", state, done[0], at, refund.payment)
        note(tx, self._moves, refund.payment, "refunds", at, actor)

    def ask_accounting(self, tx: Tx, refund: Refund, at: int) -> None:
        """Somebody pays it back by transfer, and says so with a document."""
        self._about(tx, TaskKind.OFFLINE_REFUND, refund, at)

    def _about(self, tx: Tx, kind: TaskKind, refund: Refund, at: int) -> None:
        self._ask(tx, kind, at, refund.payment, refund.attempt, f"refund {refund.id}", refund.amount, refund.name)

    def move(self, tx: Tx, refund: Refund, to: State, cause: str, at: int, actor: str, reason: str) -> None:
        """Its delivery, moved by a person's word on the refund."""
        row = tx.one("refund_delivery", refund.delivery)
        assert row is not None
        was, lane, partner = State(row[0]), row[1], row[2]
        blocks = int(to in (State.WAITING, State.IN_DOUBT))
        tx.run("move_delivery", to, cause, reason, at if blocks else None, blocks, at, refund.delivery)
        move = Move(
            lane=lane,
            at=at,
            delivery=refund.delivery,
            from_state=was,
            to_state=to,
            cause=cause,
            reason=reason,
            actor=actor,
        )
        self._moves.add(tx, move, partner)
        set_head(tx, lane, at)


def _asked(paid: Row | None, found: Row | None) -> str:
    """The transaction of the money that is asked for."""
    cause = None if found is None else found[5]
    return "" if paid is None else transaction_named(paid[0], cause, paid[4])


def is_own(refund: Refund, paid_attempt: int | None) -> bool:
    """Whether it gives back what the payment's counting attempt paid. Money beyond it changes nothing for the payment:
    its total stays, its receipts stand, and there is nothing to tell of it."""
    return refund.task is None and refund.attempt == paid_attempt


def too_much(money: Money, wanted: Wanted) -> str | None:
    """Why this cannot be paid back; None where it can."""
    if wanted.currency != money.currency:
        return "wrong_currency"
    if not money.is_paid:
        return "not_paid"
    return "more_than_paid" if wanted.amount + money.taken > money.most else None


def _cause_of(state: RefundState) -> str:
    if state is RefundState.PENDING:
        cause = "refund_pending"
    elif state is RefundState.UNCLEAR:
        cause = "refund_unclear"
    elif state is RefundState.APPROVED:
        cause = "refund_held"  # accounting is asked, for the gateway has no message for it
    else:
        cause = "refund_done" if state in DONE else "refund_rejected"
    return cause


def refund_of(row: Row) -> Refund:
    """The noun of a row."""
    return Refund(
        id=row[0],
        payment=row[1],
        name=row[2],
        event=row[3],
        delivery=row[4],
        attempt=row[5],
        task=row[6],
        amount=row[7],
        reason=row[8],
        state=RefundState(row[9]),
        key=row[10],
        requested_by=row[11],
        approved_by=row[12],
        partner_reference=row[13],
        document=row[14],
        is_offline=bool(row[15]),
        created_at=from_ms(row[16]),
        changed_at=from_ms(row[17]),
        partner=row[18],
    )
