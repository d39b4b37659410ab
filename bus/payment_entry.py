"""What a one-stop system tells of payments, as it is taken in: asked for, paid at the counter, to be paid back.

All of it happens in the transaction that records the event. The first attempt and its reference are durable before
anything is sent; where nobody takes a payment, a person is asked and the source is told: never silence.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bus.beneficiaries import beneficiary_for
from bus.engines.sqlite import Row, Tx
from bus.messages import PAID_AT_COUNTER, PAYMENT_REQUESTED, Event
from bus.moves import MoveWriter
from bus.payment_deliveries import end
from bus.payment_evidence import note
from bus.payment_follow_ups import PaymentNews, read_payment
from bus.payment_hearing import expire
from bus.payment_tasks import open_task
from bus.payments import (
    LOCAL,
    LONGEST_WINDOW,
    AttemptState,
    Beneficiary,
    GatewayChoice,
    PaymentPolicy,
    PaymentState,
    TaskKind,
)
from bus.ports import CrashPoint
from bus.prepared import Prepared
from bus.routing import Route
from bus.times import from_ms, ms, to_ms

if TYPE_CHECKING:
    from bus.recording import DossierRow, Recorder
    from bus.refund_desk import RefundDesk

NUMBERS: Final = 10**10
"""Ten digits stand in a reference."""
TRIED_AGAIN: Final = "tried_again"
"""The cause of the move by which a payment's delivery goes again."""
NOTED: Final = "payment_noted"
"""The cause of the move of an event that changes a payment here and goes to nobody."""


class PaymentEntry:
    """Takes in what sources tell of payments. One for a ledger; it keeps nothing between transactions."""

    def __init__(
        self,
        recorder: Recorder,
        moves: MoveWriter,
        policy: PaymentPolicy,
        news: PaymentNews,
        refunds: RefundDesk,
        crash_point: CrashPoint,
    ) -> None:
        self._recorder = recorder
        self._moves = moves
        self._policy = policy
        self._news = news
        self._refunds = refunds
        self._point = crash_point

    def asked_before(self, tx: Tx, event: Event) -> bytes | None:
        """The digest of the event that asked for this payment before: one name is one payment, for ever."""
        if event.kind != PAYMENT_REQUESTED:
            return None
        known = tx.one("find_payment", event.source, event.data["payment"])
        return None if known is None else known[6]

    def enter(
        self, tx: Tx, prepared: Prepared, number: int, place: int | None, dossier: DossierRow, at: int, bound: bytes
    ) -> None:
        """The event is written; now what it does, its deliveries, and the moves that bind both."""
        event = prepared.event
        if event.kind == PAYMENT_REQUESTED:
            self._asked_for(tx, prepared, number, place, dossier, at, bound)
            return
        known = tx.one("find_payment", event.source, event.data["payment"])
        if event.kind != PAID_AT_COUNTER:
            self._refunds.from_event(tx, None if known is None else known[0], event, number, at, bound)
            return
        self._recorder.deliver_to_all(tx, replace(prepared, routes=()), number, place, dossier, at, bound, NOTED)
        if known is None or known[5] != dossier.id:
            self._unknown(tx, event, at)
        else:
            self._at_counter(tx, event, known, number, at)

    def _unknown(self, tx: Tx, event: Event, at: int) -> None:
        """It speaks of a payment that nobody asked for, or not for this dossier: kept, and a person looks."""
        name = event.data["payment"]
        open_task(tx, self._moves, TaskKind.UNKNOWN_REFERENCE, at, cause=f"{event.source} {event.id}", detail=name)

    # -- asked for ----------------------------------------------------------------------------------------------

    def _asked_for(
        self, tx: Tx, prepared: Prepared, number: int, place: int | None, dossier: DossierRow, at: int, bound: bytes
    ) -> None:
        event, data = prepared.event, prepared.event.data
        kinds = sorted({fee["kind"] for fee in data["fees"]})
        unit, procedure = data.get("unit"), data.get("procedure")
        choice = self._policy.gateway_for(unit, procedure, kinds, from_ms(at), data.get("gateway"))
        account = None if choice is None else beneficiary_for(tx, unit, procedure, kinds, at)
        routes = () if choice is None else (_route(choice.partner),)
        self._recorder.deliver_to_all(tx, replace(prepared, routes=routes), number, place, dossier, at, bound, NOTED)
        payment = self._write(tx, event, dossier.id, number, kinds, choice, account, at)
        self._point("pay.after_payment")
        if choice is not None:
            found = tx.one("delivery_of_event", number)
            assert found is not None
            self.attempt(tx, payment, choice.partner, 1, _number_of(event), found[0], event.occurred_at, at)
            self._point("pay.after_reference")
        note(tx, self._moves, payment, "requested", at, event.source)
        if choice is None:
            self._nobody_takes_it(tx, payment, event, at)
            return
        if account is None:
            self._table_lacks(tx, TaskKind.BENEFICIARY_MISSING, event, at, choice.partner)
        if self._until(event, at) <= at:
            # Nobody is sent to pay what is over; its reference stands, should it be paid from before a restore.
            expire(tx, self._moves, self._news, payment, at)

    def _write(
        self,
        tx: Tx,
        event: Event,
        dossier: int,
        number: int,
        kinds: list[str],
        choice: GatewayChoice | None,
        account: Beneficiary | None,
        at: int,
    ) -> int:
        data = event.data
        return tx.insert(
            "add_payment",
            event.source,
            data["payment"],
            dossier,
            number,
            data["amount"],
            data["currency"],
            data.get("unit"),
            data.get("procedure"),
            " ".join(kinds),
            json.dumps([_fee(fee) for fee in data["fees"]], ensure_ascii=False),
            _number_of(event),
            None if choice is None else choice.partner,
            "none" if choice is None else choice.receipts,
            None if choice is None else choice.issuer,
            None if account is None else account.account,
            None if account is None else account.bank,
            None if account is None else account.name,
            PaymentState.NOT_OPENED if choice is None else PaymentState.CREATED,
            self._until(event, at),
            at,
            at,
        )

    def _until(self, event: Event, at: int) -> int:
        """Until when it may be paid; what is asked for further ahead than anybody watches is cut."""
        told = event.data.get("expires_at")
        return at + ms(self._policy.window) if told is None else min(_ms(told), at + ms(LONGEST_WINDOW))

    def attempt(
        self, tx: Tx, payment: int, partner: str, n: int, number: int, delivery: int | None, day: datetime, at: int
    ) -> None:
        """One more try, under a reference that nobody at this gateway ever had."""
        reference = self._policy.reference(partner, number, day, n)
        while tx.one("is_reference_taken", partner, reference):
            number = (number + 1) % NUMBERS
            reference = self._policy.reference(partner, number, day, n)
        tx.run("add_payment_attempt", payment, n, partner, reference, delivery, at, at)

    def enter_later(self, tx: Tx, payment: int, at: int, actor: str, reason: str) -> bool:
        """A payment that nobody took goes to the gateway that takes it by now; False where there is still none."""
        row = read_payment(tx, payment)
        kinds = row.kinds.split()
        choice = self._policy.gateway_for(row.unit, row.procedure, kinds, from_ms(at), None)
        if choice is None:
            return False
        route, told = _route(choice.partner), {"cause": TRIED_AGAIN, "actor": actor, "reason": reason}
        delivery = self._recorder.deliver_later(tx, row.event, route, row.due_at, at, **told)
        account = beneficiary_for(tx, row.unit, row.procedure, kinds, at)
        facts = (None, None, None) if account is None else (account.account, account.bank, account.name)
        expires_at = max(row.expires_at, at + ms(self._policy.window))
        tx.run("set_gateway", choice.partner, choice.receipts, choice.issuer, *facts, expires_at, at, payment)
        self.attempt(tx, payment, choice.partner, 1, row.reference_number, delivery, from_ms(at), at)
        note(tx, self._moves, payment, f"{TRIED_AGAIN}: {reason}", at, actor)
        return True

    def _table_lacks(self, tx: Tx, kind: TaskKind, event: Event, at: int, partner: str = "") -> None:
        """A row of a table is missing: asked for once a day for all payments of that unit and procedure together."""
        of = f"{event.data.get('unit')} / {event.data.get('procedure')}"
        cause = f"{of} {from_ms(at).astimezone(LOCAL):%Y-%m-%d}"
        open_task(tx, self._moves, kind, at, cause=cause, partner=partner, detail=of)

    def _nobody_takes_it(self, tx: Tx, payment: int, event: Event, at: int) -> None:
        self._table_lacks(tx, TaskKind.NO_GATEWAY, event, at)
        reason = "no gateway takes payments of this unit and procedure"
        self._news.failed(tx, payment, None, None, "no_gateway", reason, at)

    # -- paid at the counter ------------------------------------------------------------------------------------

    def _at_counter(self, tx: Tx, event: Event, known: Row, number: int, at: int) -> None:
        payment, state, amount, currency = known[0], PaymentState(known[1]), known[2], known[3]
        data = event.data
        wrong = _wrong(data, amount, currency)
        if wrong is not None:
            open_task(tx, self._moves, wrong, at, payment=payment, cause=f"counter {number}", amount=data["amount"])
        elif state.is_paid or (state is PaymentState.PAID_AT_COUNTER and self._is_another(tx, event, known[5], number)):
            task = TaskKind.PAID_TWICE
            open_task(tx, self._moves, task, at, payment=payment, cause=f"counter {number}", amount=amount)
        elif state is not PaymentState.PAID_AT_COUNTER:
            self._close(tx, payment, event.source, at)

    def _is_another(self, tx: Tx, event: Event, dossier: int, number: int) -> bool:
        """Whether money came to the counter once more: another receipt or time than was told of this payment before."""
        words = tx.all("told_at_counter", dossier, event.source, number)
        before = [self._recorder.told_before(tx, word) for (word,) in words]
        return _counted(event.data) not in [_counted(one.data) for one in before if one is not None]

    def _close(self, tx: Tx, payment: int, actor: str, at: int) -> None:
        """What is open at a gateway stays asked about: it may still be paid there, and then it was paid twice."""
        tx.run("set_payment", PaymentState.PAID_AT_COUNTER, at, payment)
        attempts = tx.all("attempts_of", payment)
        for attempt, state, *_rest in attempts:
            if AttemptState(state).is_open:
                tx.run("set_attempt", AttemptState.CLOSED, "", at, attempt)
        note(tx, self._moves, payment, "paid_at_counter", at, actor)
        if attempts:
            end(tx, self._moves, attempts[-1][2], "paid_at_counter", at, actor)


def _route(partner: str) -> Route:
    return Route(kind=PAYMENT_REQUESTED, partner=partner, rule="every_step", late="send")


def _fee(fee: dict[str, Any]) -> dict[str, Any]:
    return {name: fee[name] for name in ("kind", "code", "name", "amount")}


def _ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def _wrong(data: Any, amount: int, currency: str) -> TaskKind | None:
    if data["currency"] != currency:
        return TaskKind.WRONG_CURRENCY
    return None if data["amount"] == amount else TaskKind.WRONG_AMOUNT


def _counted(data: Any) -> tuple[object, ...]:
    return data["payment"], data["amount"], data.get("receipt_number"), _ms(data["paid_at"])


def _number_of(event: Event) -> int:
    """Of the payment's own name: taken in again after a restore it has the same reference, no second order."""
    told = hashlib.sha256(f"{event.source}\0{event.data['payment']}".encode()).digest()
    return int.from_bytes(told[:8]) % NUMBERS
