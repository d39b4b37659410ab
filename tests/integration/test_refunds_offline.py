"""Refunds beside the gateway's message: by transfer, of money beyond the payment; and rows changed behind our back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.payments import TaskKind, Told, Verdict
from bus.refund_rules import RefundState
from bus.upkeep import verify
from tests.till_kit import AMOUNT, TILL, Fate, TillWorld, code_of, money_event

Make = Callable[..., TillWorld]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[TillWorld] = []

    def world(**more: Any) -> TillWorld:
        made.append(TillWorld(tmp_path, **more))
        return made[-1]

    yield world
    for each in made:
        assert [] == list(verify(each.ledger))
        each.close()


# -- by accounting ---------------------------------------------------------------------------------------------------


def test_offline_refund(make: Make) -> None:
    """A gateway without the message: accounting is asked, pays by transfer, and names the document."""
    world = make(fate=Fate("offline"))
    payment = world.paid()
    refund = world.ask_refund(payment, AMOUNT)
    not_yet = code_of(lambda: paid_offline(world, refund.id))
    world.approve(refund.id)
    world.run(3)
    held = world.delivery(refund.id)
    done = paid_offline(world, refund.id)

    assert ("not_offline", ("held", "offline_refund")) == (not_yet, held)
    assert (RefundState.OFFLINE, "UNC-2026-17") == (done.state, done.document)
    assert ("refunded", AMOUNT) == world.payment(payment)
    assert ("cancelled", "refund_offline") == world.delivery(refund.id)
    assert 1 == world.tasks().count(TaskKind.OFFLINE_REFUND)
    assert "not_offline" == code_of(lambda: paid_offline(world, refund.id))


def paid_offline(world: TillWorld, refund: int, document: str = "UNC-2026-17") -> Any:
    return world.write(lambda tx: world.refunds.record_offline(tx, refund, document=document, account="an"))


@pytest.mark.parametrize("above", [0, AMOUNT])
def test_wanted_offline_it_never_reaches_the_gateway(make: Make, above: int) -> None:
    """A person may choose the transfer; with or without a second person, nothing is sent."""
    world = make(approval_above=above)
    refund = world.ask_refund(world.paid(), AMOUNT, is_offline=True)
    if above == 0:
        world.approve(refund.id)
    world.run(3)

    assert (("held", "offline_refund"), {}) == (world.delivery(refund.id), world.drawer.back)
    assert 1 == world.tasks().count(TaskKind.OFFLINE_REFUND)
    assert "bad_document" == code_of(lambda: paid_offline(world, refund.id, "x" * 101))
    assert "bad_reason" == code_of(lambda: paid_offline(world, refund.id, " "))


# -- money beyond the payment ----------------------------------------------------------------------------------------


def task_of(world: TillWorld, kind: TaskKind) -> int:
    return int(world.rows("SELECT id FROM payment_tasks WHERE kind = ?", kind)[0][0])


def test_paid_at_the_counter_then_online(make: Make) -> None:
    """Late money goes back from its task; the fee stays paid at the counter, and nothing else may be refunded."""
    world = make()
    payment = world.requested()
    paid = {"payment": "P1", "amount": AMOUNT, "currency": "VND", "paid_at": "2026-07-03T12:00:00+07:00"}
    world.accept(money_event("payment.paid_at_counter", "c", paid, "H99.09-260703-0123"))
    world.pay(world.reference(payment))
    refused = code_of(lambda: world.ask_refund(payment, 1))
    refund = world.ask_refund(payment, AMOUNT, task=task_of(world, TaskKind.PAID_TWICE))
    world.approve(refund.id)
    world.run()

    assert "not_paid" == refused
    assert AMOUNT == world.drawer.paid_back(world.reference(payment))
    assert ("paid_at_counter", 0) == world.payment(payment)


def test_paid_online_then_at_the_counter(make: Make) -> None:
    """The gateway's money goes back, and the fee is then one that was paid at the counter."""
    world = make()
    payment = world.paid()
    paid = {"payment": "P1", "amount": AMOUNT, "currency": "VND", "paid_at": "2026-07-03T12:00:00+07:00"}
    world.accept(money_event("payment.paid_at_counter", "c", paid, "H99.09-260703-0123"))
    refund = world.ask_refund(payment, AMOUNT, task=task_of(world, TaskKind.PAID_TWICE))
    world.approve(refund.id)
    world.run()

    assert ("paid_at_counter", AMOUNT) == world.payment(payment)
    assert "not_paid" == code_of(lambda: world.ask_refund(payment, 1))


def test_second_transaction_on_one_reference(make: Make) -> None:
    """Money that no success accounts for goes back by transfer, limited by what was told of it; the fee stays paid."""
    world = make()
    payment = world.paid()
    world.pay(world.reference(payment), transaction="T-second")
    task = task_of(world, TaskKind.DOUBLE_PAYMENT)
    refund = world.ask_refund(payment, AMOUNT, task=task)
    too_much = code_of(lambda: world.ask_refund(payment, 1, task=task))
    world.approve(refund.id)
    world.run(2)
    paid_offline(world, refund.id)

    assert ("more_than_paid", {}) == (too_much, world.drawer.back)
    assert ("paid", 0) == world.payment(payment)
    assert AMOUNT == world.refunds.left(payment)


def test_wrong_amount_goes_back_by_transfer(make: Make) -> None:
    """A citizen who paid another amount gets just that back, from the task that tells of it."""
    world = make()
    payment = world.requested()
    told = Told(
        partner=TILL,
        reference=world.reference(payment),
        verdict=Verdict.PAID,
        via="callback",
        transaction="T-wrong",
        amount=3_000,
        currency="VND",
    )
    world.ledger.payments.hear(told)
    task = task_of(world, TaskKind.WRONG_AMOUNT)
    refund = world.ask_refund(payment, 3_000, task=task)

    assert (True, 0) == (refund.is_offline, world.refunds.left(payment, task=task))
    assert 0 == world.refunds.left(payment)


@pytest.mark.parametrize("named", ["T-one", None])
@pytest.mark.parametrize("is_before", [True, False])
def test_one_transaction_goes_back_once(make: Make, named: str | None, is_before: bool) -> None:
    """A wrong amount that is told right later is one money: what its task gave back is no longer the payment's."""
    world = make()
    payment = world.requested()
    reference = world.reference(payment)
    wrong = Told(
        partner=TILL, reference=reference, verdict=Verdict.PAID, via="callback", transaction=named, amount=60_000
    )
    world.ledger.payments.hear(wrong)
    task = task_of(world, TaskKind.WRONG_AMOUNT)
    if is_before:
        world.approve(world.ask_refund(payment, 60_000, task=task).id)
    world.pay(reference, transaction="T-one")
    if not is_before:
        world.approve(world.ask_refund(payment, 60_000, task=task).id)

    assert (40_000, 40_000) == (world.refunds.left(payment), world.refunds.left(payment, task=task))
    assert "more_than_paid" == code_of(lambda: world.ask_refund(payment, 40_001))


def test_two_tasks_of_one_transaction(make: Make) -> None:
    """A second transaction that is told with two amounts is one money too; a third one is another."""
    world = make()
    payment = world.paid()
    for transaction, amount in (("T-second", 60_000), ("T-second", AMOUNT), ("T-third", AMOUNT)):
        world.pay(world.reference(payment), amount, transaction=transaction)
    world.ask_refund(payment, 60_000, task=task_of(world, TaskKind.WRONG_AMOUNT))
    second, third = (row[0] for row in world.rows("SELECT id FROM payment_tasks WHERE kind = 'double_payment'"))

    assert (40_000, AMOUNT) == (world.refunds.left(payment, task=second), world.refunds.left(payment, task=third))
    assert AMOUNT == world.refunds.left(payment)


def test_task_without_money(make: Make) -> None:
    """A task that tells of no money pays nothing back."""
    world = make()
    payment = world.requested()
    told = Told(
        partner=TILL,
        reference=world.reference(payment),
        verdict=Verdict.PAID,
        via="callback",
        transaction="T-usd",
        amount=AMOUNT,
        currency="USD",
    )
    world.ledger.payments.hear(told)

    assert "not_paid" == code_of(lambda: world.ask_refund(payment, 1, task=task_of(world, TaskKind.WRONG_CURRENCY)))


def test_too_many_refunds(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment has a bounded number of refunds: their keys have three digits for it."""
    monkeypatch.setattr("bus.refunds.MOST_OF_PAYMENT", 1)
    world = make()
    payment = world.paid()
    world.ask_refund(payment, 1)

    assert "too_many" == code_of(lambda: world.ask_refund(payment, 1))


# -- evidence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE refunds SET amount = 1",
        "UPDATE refunds SET approved_by = 'person:chi'",
        "DELETE FROM refunds",
        "UPDATE payment_tasks SET kind = 'late_success'",
    ],
)
def test_changed_behind_the_ledgers_back(tmp_path: Path, harm: str) -> None:
    """Whoever changes a refund or a task in the file itself is found."""
    world = TillWorld(tmp_path, fate=Fate("offline"))
    world.approve(world.ask_refund(world.paid(), 10_000).id)
    world.run()
    well = list(verify(world.ledger))
    world.write(lambda tx: tx.connection.execute(harm))

    assert [] == well
    assert {"refund", "payment_task"} & {found.table for found in verify(world.ledger)}
    world.close()
