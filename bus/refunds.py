"""What persons do about refunds: ask, agree, say no, record what accounting paid back, and settle what is unclear.

Each verb is a function of an open transaction, beside the press for it, and leaves a move that binds the refund as it
then stands. Whoever asks never agrees: not under the account, and not under the name that a source gave.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal, TypeAlias

from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.ledger import Ledger
from bus.messages import REFUND_REQUESTED, Event, ForeignDossier, State
from bus.payment_follow_ups import ledger_event
from bus.payment_tasks import required
from bus.prepared import Prepared
from bus.reasons import kept, tidy
from bus.refund_desk import Money, Refund, Wanted, refund_of, too_much
from bus.refund_rules import OFFLINE, UNDER_WAY, RefundState
from bus.same_person import is_same_person
from bus.times import from_ms, to_ms

Found: TypeAlias = Literal["refunded", "rejected"]
"""What a person found at the gateway, or in the bank's books."""
LONGEST_DOCUMENT: Final = 100
MOST_OF_PAYMENT: Final = 999
"""Refunds of one payment: its keys have three digits for them."""
_WORDS: Final = {
    "wrong_currency": "a refund is in the payment's currency",
    "not_paid": "there is nothing paid that could be paid back",
    "more_than_paid": "together with other refunds that is more than was paid",
}


class Refunds:
    """Refunds of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._desk = ledger.refund_desk

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, number: int, *, tx: Tx | None = None) -> Refund:
        """One refund. Raises NotFound."""
        row = (tx or self._ledger.engine.read()).one("find_refund", number)
        if row is None:
            raise NotFound(f"no refund {number}")
        return refund_of(row)

    def left(self, payment: int, *, task: int | None = None, tx: Tx | None = None) -> int:
        """How much may still be asked for. Raises NotFound."""
        money = self._money(tx or self._ledger.engine.read(), payment, task)
        return money.most - money.taken if money.is_paid else 0

    # -- asking -------------------------------------------------------------------------------------------------

    def request(
        self,
        tx: Tx,
        payment: int,
        *,
        amount: int,
        reason: str,
        account: str,
        task: int | None = None,
        is_offline: bool = False,
    ) -> Refund:
        """Ask for a refund: of the payment's own money, or of what a task found. Raises NotFound, NotAllowedNow.

        `is_offline`: by transfer, whatever the gateway offers. So is all money that no success of ours accounts for:
        the gateway's message would name the other one.
        """
        money = self._money(tx, payment, task)
        told, at = required(reason), to_ms(self._ledger.clock.now())
        wanted = Wanted(
            name=self._desk.key(tx, payment, at),
            amount=amount,
            currency=money.currency,
            reason=told,
            requested_by=f"person:{account}",
            is_offline=is_offline or money.task is not None,
        )
        self._require(tx, money, wanted)
        event, number, bound = self._own_event(tx, money, wanted, at)
        refund = self._desk.enter(tx, money, wanted, event, number, at, f"person:{account}", bound)
        return self.get(refund, tx=tx)

    def _require(self, tx: Tx, money: Money, wanted: Wanted) -> None:
        if wanted.amount <= 0:
            raise NotAllowedNow("a refund is of one đồng at least", code="bad_amount")
        if len(tx.all("refunds_of", money.payment)) >= MOST_OF_PAYMENT:
            raise NotAllowedNow(f"payment {money.payment} has too many refunds already", code="too_many")
        if (code := too_much(money, wanted)) is not None:
            raise NotAllowedNow(_WORDS[code], code=code)

    def _money(self, tx: Tx, payment: int, task: int | None) -> Money:
        if tx.one("payment_of_refund", payment) is None:
            raise NotFound(f"no payment {payment}")
        found = None if task is None else tx.one("find_payment_task", task)
        if task is not None and (found is None or found[3] != payment):
            raise NotFound(f"payment {payment} has no task {task}")
        return self._desk.money(tx, payment, task)

    def _own_event(self, tx: Tx, money: Money, wanted: Wanted, at: int) -> tuple[Event, int, bytes]:
        """The ledger's own word that a person asked: what is delivered, and kept with its exact bytes."""
        event = _event(money, wanted, at)
        prepared = Prepared(
            event=event, sealed=self._ledger.bodies.seal_event(event), terms=frozenset(), routes=(), order="arrival"
        )
        written = self._ledger.recorder.record_instead(tx, prepared, at, at)
        assert not isinstance(written, ForeignDossier)  # it claims no number
        return event, *written

    # -- another person's word ----------------------------------------------------------------------------------

    def approve(self, tx: Tx, number: int, *, account: str, reason: str = "") -> Refund:
        """Another person's yes: it goes to the gateway, or to accounting. Raises NotFound, NotAllowedNow."""
        refund, at, actor = self._asked(tx, number), to_ms(self._ledger.clock.now()), f"person:{account}"
        if is_same_person(refund.requested_by, account, _shown(tx, account)):
            raise NotAllowedNow("whoever asks for a refund does not approve it", code="own_request")
        told = kept(tidy(reason))
        new = replace(refund, state=RefundState.APPROVED, approved_by=actor, changed_at=from_ms(at))
        self._desk.put(tx, refund, new, at, actor, cause="refund_approved", reason=told)
        if refund.is_offline:
            self._desk.move(tx, refund, State.HELD, OFFLINE, at, actor, told)
            self._desk.ask_accounting(tx, refund, at)
        else:
            self._desk.move(tx, refund, self._goes_as(refund), "refund_approved", at, actor, told)
        return self.get(number, tx=tx)

    def _goes_as(self, refund: Refund) -> State:
        """What was asked for before a restore may have been agreed to and paid since the backup: it is asked about."""
        doubt_before = self._ledger.recorder.doubt_before
        is_older = doubt_before is not None and to_ms(refund.created_at) <= doubt_before
        return State.IN_DOUBT if is_older else State.WAITING

    def reject(self, tx: Tx, number: int, *, account: str, reason: str) -> Refund:
        """A no, of anybody: who asked may take it back so too. Raises NotFound, NotAllowedNow.

        What was agreed to is taken back too, while it is held and nothing of it ever left.
        """
        refund, told = self.get(number, tx=tx), required(reason)
        row = None if refund.state is not RefundState.APPROVED else tx.one("refund_delivery", refund.delivery)
        if row is None or State(row[0]) is not State.HELD or row[4]:
            refund = self._asked(tx, number)
        return self._end(tx, refund, RefundState.REJECTED, "refund_declined", account, told)

    def _asked(self, tx: Tx, number: int) -> Refund:
        refund = self.get(number, tx=tx)
        if refund.state is not RefundState.REQUESTED:
            raise NotAllowedNow(f"refund {number} is {refund.state}: nobody is asked", code="not_asked")
        return refund

    # -- what a person found ------------------------------------------------------------------------------------

    def record_offline(self, tx: Tx, number: int, *, document: str, account: str, reason: str = "") -> Refund:
        """Accounting paid it back, by this document. Raises NotFound, NotAllowedNow: it may yet go to the gateway."""
        refund = self.get(number, tx=tx)
        if refund.state is not RefundState.APPROVED or not refund.is_offline:
            raise NotAllowedNow(f"refund {number} is not accounting's to pay back", code="not_offline")
        told = kept(tidy(reason))
        return self._end(tx, refund, RefundState.OFFLINE, "refund_offline", account, told, _document(document))

    def resolve(
        self, tx: Tx, number: int, how: Found, *, account: str, reason: str, document: str | None = None
    ) -> Refund:
        """Settle what is unclear or stays pending, as a person found it; the reason is the evidence.

        Whoever asked for it does not: a no frees its money for another refund, and a yes without a document is a word.
        Raises NotFound; NotAllowedNow: it is not under way, one's own, or a worker has it at this moment.
        """
        refund, told = self.get(number, tx=tx), required(reason)
        row = tx.one("refund_delivery", refund.delivery)
        if refund.state not in UNDER_WAY or row is None or not _may_be_there(refund, State(row[0])):
            raise NotAllowedNow(f"refund {number} is not in doubt", code="not_in_doubt")
        if (how == "rejected" or document is None) and is_same_person(
            refund.requested_by, account, _shown(tx, account)
        ):
            raise NotAllowedNow("whoever asks for a refund does not say what became of it", code="own_request")
        if row[3]:
            raise NotAllowedNow(f"refund {number} is on its way at this moment", code="on_its_way")
        state = RefundState.REFUNDED if how == "refunded" else RefundState.REJECTED
        paper = None if document is None else _document(document)
        return self._end(tx, refund, state, "refund_resolved", account, told, paper)

    def _end(
        self,
        tx: Tx,
        refund: Refund,
        state: RefundState,
        cause: str,
        account: str,
        told: str,
        document: str | None = None,
    ) -> Refund:
        at, actor = to_ms(self._ledger.clock.now()), f"person:{account}"
        new = replace(refund, state=state, document=document, changed_at=from_ms(at))
        self._desk.put(tx, refund, new, at, actor, cause=cause, reason=told)
        to = State.DELIVERED if state is RefundState.REFUNDED else State.CANCELLED
        self._desk.move(tx, refund, to, cause, at, actor, told)
        return self.get(refund.id, tx=tx)


def _event(money: Money, wanted: Wanted, at: int) -> Event:
    data = {
        "payment": money.name,
        "refund": wanted.name,
        "amount": wanted.amount,
        "currency": wanted.currency,
        "reason": wanted.reason,
        "requested_by": wanted.requested_by,
    }
    return ledger_event(REFUND_REQUESTED, f"refund.{wanted.name}", money.dossier, from_ms(at), data)


def _may_be_there(refund: Refund, state: State) -> bool:
    """Whether the gateway may have taken it, and nobody here knows what became of it."""
    return state in (State.IN_DOUBT, State.AWAITING) or (
        state is State.HELD and refund.state in (RefundState.UNCLEAR, RefundState.PENDING)
    )


def _shown(tx: Tx, account: str) -> str:
    row = tx.one("find_account", account)
    return "" if row is None else str(row[1])


def _document(document: str) -> str:
    told = required(document)
    if len(told) > LONGEST_DOCUMENT:
        raise NotAllowedNow(f"a document's number has at most {LONGEST_DOCUMENT} characters", code="bad_document")
    return told
