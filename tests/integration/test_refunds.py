"""Refunds: never more than was paid, never by one person alone, never twice; and what is unclear stays said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.audit import Audit
from bus.errors import NotFound
from bus.payments import TaskKind
from bus.people import People
from bus.refund_rules import RefundState
from bus.repairs import Repairs
from bus.rights import ADMINISTRATOR
from bus.upkeep import doubt_everything_open, verify
from tests.builders import DOSSIER
from tests.till_kit import AMOUNT, TILL, Fate, TillWorld, code_of, refund_event

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


# -- asked, agreed to, paid back -------------------------------------------------------------------------------------


def test_refund_in_two_parts(make: Make) -> None:
    """Nothing goes before another person's yes; then it is paid back once, and the payment says how much is left."""
    world = make()
    payment = world.paid()
    first = world.ask_refund(payment, 40_000)
    world.run(3)
    before = (world.delivery(first.id), world.payment(payment), dict(world.drawer.back))
    world.approve(first.id)
    under_way = world.payment(payment)
    world.run(3)
    partly = world.payment(payment)
    world.approve(world.ask_refund(payment, 60_000).id)
    world.run(3)

    assert (("held", "needs_approval"), ("paid", 0), {}) == before
    assert (("refund_pending", 0), ("partly_refunded", 40_000)) == (under_way, partly)
    assert ("refunded", AMOUNT) == world.payment(payment)
    assert AMOUNT == world.drawer.paid_back(world.reference(payment))
    assert 0 == world.refunds.left(payment)


def test_event_asks_and_person_agrees(make: Make) -> None:
    """A source's request waits for a person too; asked again under the same name it is the same request."""
    world = make()
    payment = world.paid()
    world.accept(refund_event(amount=30_000))
    world.accept(refund_event(amount=30_000, id="again"))
    world.accept(refund_event(amount=40_000, id="another amount"))
    found = [world.refunds.get(row[0]) for row in world.rows("SELECT id FROM refunds")]
    world.approve(found[0].id)
    world.run()

    assert [("R1", 30_000, "one-stop/h99: Trần Văn Mẫu")] == [(r.name, r.amount, r.requested_by) for r in found]
    assert ("partly_refunded", 30_000) == world.payment(payment)
    assert 1 == world.tasks().count(TaskKind.REFUND_TOO_MUCH)


@pytest.mark.parametrize(("payment", "dossier"), [("P1", DOSSIER), ("unknown", DOSSIER), ("P2", DOSSIER)])
def test_event_for_what_was_not_paid(make: Make, payment: str, dossier: str) -> None:
    """Nothing paid, or not in this dossier, nothing sent: a person is asked, and the event is kept."""
    world = make()
    world.requested()
    world.paid("P2", dossier="H99.09-260703-0999")
    world.accept(refund_event(payment, dossier=dossier))
    world.run(2)

    assert {} == world.drawer.back
    assert 1 == world.tasks().count(TaskKind.REFUND_TOO_MUCH)
    assert [("refund_refused",)] == world.rows(
        "SELECT cause FROM moves m JOIN events e ON e.id = m.event WHERE e.kind = 'payment.refund_requested'"
    )


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [(AMOUNT + 1, "VND", "more_than_paid"), (0, "VND", "bad_amount")],
)
def test_person_asks_for_what_cannot_be(make: Make, amount: int, currency: str, code: str) -> None:
    """Too much is refused before anything is written."""
    world = make()
    payment = world.paid()

    assert code == code_of(lambda: world.ask_refund(payment, amount))
    assert [] == world.rows("SELECT 1 FROM refunds")


def test_refund_in_another_currency(make: Make) -> None:
    """An event that names another currency is refused, and a person looks."""
    world = make()
    world.paid()
    world.accept(refund_event(currency="USD"))

    assert [("rejected",)] == world.rows("SELECT state FROM refunds")
    assert TaskKind.REFUND_TOO_MUCH in world.tasks()


def test_what_is_asked_for_is_taken_until_it_is_rejected(make: Make) -> None:
    """Two requests together never exceed the payment, though neither is paid yet; a rejected one frees its part."""
    world = make()
    payment = world.paid()
    first = world.ask_refund(payment, 70_000)
    refused = code_of(lambda: world.ask_refund(payment, 40_000))
    world.write(lambda tx: world.refunds.reject(tx, first.id, account="an", reason="mistyped"))
    second = world.ask_refund(payment, 40_000)

    assert ("more_than_paid", RefundState.REQUESTED) == (refused, second.state)
    assert ("cancelled", "refund_declined") == world.delivery(first.id)
    assert ("paid", 0) == world.payment(payment)
    assert 60_000 == world.refunds.left(payment)


def test_unknown_numbers(make: Make) -> None:
    """What is not there is told as such."""
    world = make()
    payment = world.paid()
    for job in (
        lambda: world.ask_refund(99, 1),
        lambda: world.ask_refund(payment, 1, task=99),
        lambda: world.approve(99),
    ):
        with pytest.raises(NotFound):
            job()


# -- four eyes -------------------------------------------------------------------------------------------------------


def test_whoever_asks_does_not_agree(make: Make) -> None:
    """Not under the account, and not under the name that a source gave; once decided, nobody decides again."""
    world = make()
    payment = world.paid()
    people = People(world.ledger, Audit(world.ledger), randomness=world.randomness)
    people.add(
        "mau",
        shown="Trần  Văn Mẫu",
        password="kept",
        roles=(ADMINISTRATOR,),
        units=None,
        actor="person:root",
        reason="made",
    )
    own = world.ask_refund(payment, 10_000)
    world.accept(refund_event(amount=10_000))

    assert "own_request" == code_of(lambda: world.approve(own.id, account="an"))
    assert "own_request" == code_of(lambda: world.approve(own.id + 1, account="mau"))
    world.approve(own.id)
    assert "not_asked" == code_of(lambda: world.approve(own.id, account="chi"))
    assert "not_asked" == code_of(
        lambda: world.write(lambda tx: world.refunds.reject(tx, own.id, account="chi", reason="late"))
    )


def test_small_refunds_need_no_second_person(make: Make) -> None:
    """Up to the set amount it goes at once; parts of one payment count together."""
    world = make(approval_above=30_000)
    payment = world.paid()
    small, more = world.ask_refund(payment, 30_000), world.ask_refund(payment, 1_000)
    world.run()

    assert (RefundState.APPROVED, RefundState.REQUESTED) == (small.state, more.state)
    assert {small.key: (world.reference(payment), 30_000)} == world.drawer.back


ACTS = ("replay", "release", "cancel", "resolve")


@pytest.mark.parametrize("fate", ["ok", "refuse", "offline", "lost_before"])
def test_repairs_leave_refunds_alone(make: Make, fate: str) -> None:
    """What mends deliveries would send a refund without its second person, or twice: it is refused in every state."""
    world = make(fate=Fate(fate))
    refund = world.ask_refund(world.paid(), 10_000)
    asked = {code_of(lambda act=act: mended(world, refund.id, act)) for act in ACTS}
    world.approve(refund.id)
    world.run()

    assert {"refund_has_own_verbs"} == asked
    assert asked == {code_of(lambda act=act: mended(world, refund.id, act)) for act in ACTS}


def mended(world: TillWorld, refund: int, act: Any) -> str:
    delivery = world.refunds.get(refund).delivery or 0
    return Repairs(world.ledger)._act(delivery, act, actor="person:an", reason="again")


def test_own_trouble_with_a_refund(make: Make) -> None:
    """After a bug of ours it may have left: it is asked about, and only what is not there goes."""
    fate = Fate("bug")
    world = make(fate=fate)
    payment = world.paid()
    refund = world.ask_refund(payment, 10_000)
    world.approve(refund.id)
    world.run()
    stood = world.delivery(refund.id)
    resolve(world, refund.id, "rejected")

    assert (("in_doubt", "our_trouble"), {}) == (stood, world.drawer.back)
    assert 1 == world.tasks().count(TaskKind.REFUND_UNCLEAR)
    assert ("paid", 0) == world.payment(payment)


def test_held_refund_is_released(make: Make) -> None:
    """What could not be shaped goes once that is mended; nothing of it had left."""
    fate = Fate("unmappable")
    world = make(fate=fate)
    refund = world.ask_refund(world.paid(), 10_000)
    world.approve(refund.id)
    world.run()
    fate.now = "ok"
    released = mended(world, refund.id, "release")
    world.run()

    assert "waiting" == released
    assert RefundState.REFUNDED is world.refunds.get(refund.id).state


@pytest.mark.parametrize("there", [True, False])
def test_released_after_it_left_it_is_asked_about(make: Make, there: bool) -> None:
    """Held while its lost answer was asked for, it never just goes again: what the gateway has is not paid twice."""
    fate = Fate("lost_after" if there else "lost_before")
    world = make(fate=fate)
    refund = world.ask_refund(world.paid(), 10_000)
    world.approve(refund.id)
    world.run()
    fate.now = "unmappable"
    world.clock.sleep(60)
    world.run()
    held = world.delivery(refund.id)
    fate.now = "ok"
    released = mended(world, refund.id, "release")
    world.run(3)

    assert (("held", "too_long"), "in_doubt") == (held, released)
    assert RefundState.REFUNDED is world.refunds.get(refund.id).state
    assert (1 if there else 2) == len([key for key in world.till.sent if key.startswith("RF")])
    assert [10_000] == [amount for _, amount in world.drawer.back.values()]


def test_held_after_it_left_a_person_may_resolve_it(make: Make) -> None:
    """Where the question itself cannot be put, a person says what the books show; nobody waits for it meanwhile."""
    fate = Fate("lost_after")
    world = make(fate=fate)
    payment = world.paid()
    refund = world.ask_refund(payment, 10_000)
    world.approve(refund.id)
    world.run()
    fate.now = "unmappable"
    world.clock.sleep(60)
    world.run()
    fate.now = "ok"
    other = world.ask_refund(payment, 20_000)
    world.approve(other.id)
    world.run()
    done = resolve(world, refund.id, "refunded")

    assert RefundState.REFUNDED is done.state is world.refunds.get(other.id).state
    assert ("partly_refunded", 30_000) == world.payment(payment)


def test_taken_back_before_anything_left(make: Make) -> None:
    """Agreed to, and held with nothing sent, it may still be rejected; once it left, only what was found counts."""
    fate = Fate("unmappable")
    world = make(fate=fate)
    payment = world.paid()
    held = world.ask_refund(payment, 10_000)
    world.approve(held.id)
    world.run()
    done = world.write(lambda tx: world.refunds.reject(tx, held.id, account="an", reason="another way"))
    fate.now = "blind_before"
    sent = world.ask_refund(payment, AMOUNT)
    world.approve(sent.id)
    world.run()

    assert (RefundState.REJECTED, ("cancelled", "refund_declined")) == (done.state, world.delivery(held.id))
    assert "not_asked" == code_of(
        lambda: world.write(lambda tx: world.refunds.reject(tx, sent.id, account="an", reason="another way"))
    )


@pytest.mark.parametrize("was_paid", [True, False])
def test_asked_for_before_a_restore(make: Make, was_paid: bool) -> None:
    """Agreed to once more after a restore, it is asked about first: it may have been paid back since the backup."""
    world = make()
    payment = world.paid()
    refund = world.ask_refund(payment, AMOUNT)
    doubt_everything_open(world.ledger)
    if was_paid:
        world.drawer.pay_back(world.reference(payment), refund.key, AMOUNT)
    world.clock.sleep(1)
    world.approve(refund.id)
    stood = world.delivery(refund.id)
    world.run(3)

    assert ("in_doubt", "refund_approved") == stood
    assert (0 if was_paid else 1) == len([key for key in world.till.sent if key.startswith("RF")])
    assert ("refunded", AMOUNT) == world.payment(payment)


# -- what the gateway does -------------------------------------------------------------------------------------------


def test_gateway_says_no(make: Make) -> None:
    """A refused refund frees its amount, and keeps no other payment of the dossier waiting."""
    fate = Fate("refuse")
    world = make(fate=fate)
    payment = world.paid()
    refund = world.ask_refund(payment, AMOUNT)
    world.approve(refund.id)
    world.run()
    fate.now = "ok"
    world.approve(world.ask_refund(payment, AMOUNT).id)
    world.run()

    assert RefundState.REJECTED is world.refunds.get(refund.id).state
    assert ("refunded", AMOUNT) == world.payment(payment)


def test_pending_refund_is_asked_about(make: Make) -> None:
    """What the gateway took is not sent again, keeps nobody waiting, and is asked about until it is settled."""
    fate = Fate("pending")
    world = make(fate=fate)
    payment = world.paid()
    refund = world.ask_refund(payment, 10_000)
    world.approve(refund.id)
    world.run()
    other = world.requested("P2")
    world.clock.sleep(301)
    asked = world.asker.ask(TILL)
    still = world.refunds.get(refund.id)
    world.drawer.pay_back(world.reference(payment), refund.key, refund.amount)
    world.clock.sleep(301)
    world.asker.ask(TILL)

    assert world.payment(other)[0] in ("open", "pending")
    assert (RefundState.PENDING, "G-1") == (still.state, still.partner_reference)
    assert asked >= 1
    assert RefundState.REFUNDED is world.refunds.get(refund.id).state
    assert [refund.key] == [key for key in world.till.sent if key.startswith("RF")]
    assert ("partly_refunded", 10_000) == world.payment(payment)


def test_refund_knows_what_else_is_under_way(make: Make) -> None:
    """Asked what it paid back, a gateway may name another refund: so each knows what else was sent there."""
    world = make(fate=Fate("pending"))
    payment = world.paid()
    for amount in (10_000, 20_000, 30_000):
        world.approve(world.ask_refund(payment, amount, is_offline=amount == 20_000).id)
    last = world.ask_refund(payment, 1_000)
    found = world.ledger.refund_desk.standing_of(world.ledger.engine.read(), last.delivery or 0)

    assert found is not None
    assert (40_000, last.key) == (found.refunded_before, found.key)


@pytest.mark.parametrize("fate", ["lost_before", "lost_after"])
def test_lost_answer_is_asked_about(make: Make, fate: str) -> None:
    """After a lost reply the gateway is asked; only what it does not have goes again, under the same key."""
    fates = Fate(fate)
    world = make(fate=fates)
    payment = world.paid()
    refund = world.ask_refund(payment, 10_000)
    world.approve(refund.id)
    world.run()
    unclear = world.refunds.get(refund.id).state
    fates.now = "ok"
    world.clock.sleep(60)
    world.run(3)

    assert RefundState.UNCLEAR is unclear
    assert {refund.key: (world.reference(payment), 10_000)} == world.drawer.back
    assert RefundState.REFUNDED is world.refunds.get(refund.id).state


def test_question_that_reached_nobody_lets_nothing_go(make: Make) -> None:
    """While the gateway is away, a refund in doubt stays so: it goes again only when the gateway's books lack it."""
    fate = Fate("lost_after")
    world = make(fate=fate)
    refund = world.ask_refund(world.paid(), 10_000)
    world.approve(refund.id)
    world.run()
    fate.now = "down"
    world.clock.sleep(60)
    world.run(2)
    stood = world.delivery(refund.id)
    fate.now = "refuse"
    world.clock.sleep(60)
    world.run(3)

    assert ("in_doubt", "not_asked") == stood
    assert RefundState.REFUNDED is world.refunds.get(refund.id).state
    assert 1 == len([key for key in world.till.sent if key.startswith("RF")])


@pytest.mark.parametrize("how", ["refunded", "rejected"])
def test_blind_refund_waits_for_a_person(make: Make, how: Any) -> None:
    """Where nobody can be asked it is never sent again: a person says what the books show, with a reason."""
    world = make(fate=Fate("blind_after"))
    payment = world.paid()
    refund = world.ask_refund(payment, AMOUNT)
    world.approve(refund.id)
    for _ in range(5):
        world.run()
        world.clock.sleep(3_600)
    other = world.requested("P2")
    too_early = code_of(lambda: resolve(world, world.ask_refund(other_paid(world, other), 1).id, "refunded"))
    done = resolve(world, refund.id, how)

    assert ("not_in_doubt", ("open", 0)) == (too_early, ("open", 0))
    assert 1 == len([key for key in world.till.sent if key.startswith("RF")])
    assert 1 == world.tasks().count(TaskKind.REFUND_UNCLEAR)
    assert (how, "UNC-7") == (done.state, done.document)
    assert ("refunded" if how == "refunded" else "paid") == world.payment(payment)[0]


def other_paid(world: TillWorld, payment: int) -> int:
    world.pay(world.reference(payment))
    return payment


def resolve(world: TillWorld, refund: int, how: Any) -> Any:
    return world.write(
        lambda tx: world.refunds.resolve(tx, refund, how, account="chi", reason="statement of 4 July", document="UNC-7")
    )


def test_resolving_waits_for_the_worker(make: Make) -> None:
    """While a worker asks about it nobody says what became of it."""
    world = make(fate=Fate("lost_before"))
    refund = world.ask_refund(world.paid(), AMOUNT)
    world.approve(refund.id)
    world.run()
    world.clock.sleep(60)
    world.worker("w2").claim(TILL, 10)

    assert "on_its_way" == code_of(lambda: resolve(world, refund.id, "refunded"))


def test_person_resolves_without_a_document(make: Make) -> None:
    """Another person than the asker; the reason is the evidence, and a document is told where there is one."""
    world = make(fate=Fate("pending"))
    refund = world.ask_refund(world.paid(), AMOUNT)
    world.approve(refund.id)
    world.run()
    own = [
        code_of(
            lambda how=how: world.write(
                lambda tx: world.refunds.resolve(tx, refund.id, how, account="an", reason="told by telephone")
            )
        )
        for how in ("refunded", "rejected")
    ]
    done = world.write(
        lambda tx: world.refunds.resolve(tx, refund.id, "refunded", account="chi", reason="told by telephone")
    )
    world.clock.sleep(301)

    assert ["own_request", "own_request"] == own, "whoever asked would free its money by a word"
    assert (RefundState.REFUNDED, None) == (done.state, done.document)
    assert 0 == world.asker.ask(TILL) - len(world.rows("SELECT 1 FROM payment_attempts WHERE ask_at IS NOT NULL"))


def test_asker_waits_out_a_day(make: Make) -> None:
    """A pending refund that the gateway says nothing of stays pending, and rests between questions."""
    fate = Fate("pending")
    world = make(fate=fate)
    refund = world.ask_refund(world.paid(), 10_000)
    world.approve(refund.id)
    world.run()
    fate.now = "down"
    world.clock.sleep(301)
    world.asker.ask(TILL)
    world.drawer.taken.clear()
    fate.now = "ok"
    world.clock.sleep(timedelta(hours=2).total_seconds())
    world.asker.ask(TILL)

    assert RefundState.PENDING is world.refunds.get(refund.id).state
    assert 1 == len([key for key in world.till.sent if key.startswith("RF")])
