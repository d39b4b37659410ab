"""Payments that end: their time over, at the counter, by another attempt; shown at the portal; after a restore."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.messages import Delivery, Recorded
from bus.payments import Effect, TaskKind
from bus.upkeep import backup, doubt_everything_open, put_back
from tests.builders import NOON
from tests.payment_kit import (
    AMOUNT,
    PayWorld,
    counter_event,
    money_event,
    record_event,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PayWorld]:
    made = PayWorld(tmp_path)
    yield made
    made.judged()
    made.close()


@pytest.fixture
def fated(tmp_path: Path) -> Iterator[Any]:
    """A world whose gateway does this at the first call, the second …, and then all is well."""
    made: list[PayWorld] = []

    def make(*fates: str, **options: Any) -> PayWorld:
        left = list(fates)
        made.append(PayWorld(tmp_path, fate=lambda delivery: left.pop(0) if left else "ok", **options))
        return made[0]

    yield make
    made[0].judged()
    made[0].close()


# -- asked about, and over ------------------------------------------------------------------------------------------


def test_a_callback_that_is_no_proof(world: PayWorld) -> None:
    """A gateway's word that says no more than "look" has it asked at once; a success by question settles it."""
    reference = world.open_payment()
    world.pass_time(minutes=3)
    world.pay(reference)

    world.hear(reference, verdict="pending", code="confirm_first")
    assert ("pending", "pending", "awaiting", "awaiting") == world.payment()
    world.pass_time(seconds=1)

    assert ("paid", "paid", "delivered", "paid") == world.payment()


def test_time_over(world: PayWorld) -> None:
    """At the end of its time it is asked about once more, then it is over and told; a late success still counts."""
    reference = world.open_payment()
    world.live_on(23)
    assert "open" == world.payment()[0] or "pending" == world.payment()[0]
    world.live_on(2)
    assert ("expired", "expired", "cancelled", "payment_expired") == world.payment()
    asked = len(world.gate.asked)
    world.pay(reference)
    world.live_on(2)

    assert len(world.gate.asked) > asked
    assert ("paid", "paid", "delivered", "paid") == world.payment()
    assert ["opened", "expired", "settled"] == world.news()
    assert world.told("settled")["is_late"]


def test_asked_at_the_very_end(fated: Any) -> None:
    """A time that ends between two questions has one of its own, and only the attempt that was open is over by it."""
    world = fated("lost_before")
    world.open_payment(expires_at=(NOON + timedelta(minutes=10)).isoformat())
    for _ in range(12):
        world.pass_time(minutes=1)

    assert ("expired", "expired", "cancelled", "payment_expired") == world.payment()
    assert ["closed", "expired"] == [row[0] for row in world.rows("SELECT state FROM payment_attempts ORDER BY n")]
    asked = world.rows("SELECT asked_at - made_at FROM payment_attempts WHERE n = 2")
    assert [(9 * 60_000,)] == asked, "ten minutes after it was asked for, nine after this attempt was made"


def test_questions_end(world: PayWorld) -> None:
    """After 72 hours nobody asks any more; a word that comes then still counts."""
    reference = world.open_payment()
    world.live_on(75)
    asked = len(world.gate.asked)
    world.live_on(10)

    assert asked == len(world.gate.asked)
    world.pay(reference)
    assert Effect.LATE is world.call_back(reference).effect


def test_time_over_at_a_gateway_that_is_away(fated: Any) -> None:
    """While a gateway cannot be asked its payments are not over for one hour more, and then they are."""
    world = fated("ok", *["down"] * 200)
    world.open_payment()
    world.clock.sleep(24 * 3600 + 1)
    assert 0 == world.ledger.payments.expire_due(world.clock.now())
    world.clock.sleep(3600)

    assert 1 == world.ledger.payments.expire_due(world.clock.now())
    assert 0 == world.ledger.payments.expire_due(world.clock.now())
    world.run()
    assert ["opened", "expired"] == world.news()


def test_time_over_before_it_was_sent(fated: Any) -> None:
    """What never reached its gateway ends with its time, and is not sent afterwards."""
    world = fated(*["down"] * 500)
    world.ask_for()
    world.live_on(26)

    assert ("expired", "expired", "cancelled", "payment_expired") == world.payment()
    sent = len(world.gate.sent)
    world.live_on(3)
    assert sent == len(world.gate.sent)


def test_time_over_while_it_is_sent(fated: Any) -> None:
    """Over while the opening is on its way: the answer opens nothing here, and it is asked about on."""
    world = fated()
    deliver = world.gate.deliver

    def slow(batch: Any) -> Any:
        world.clock.sleep(25 * 3600)
        world.ledger.payments.expire_due(world.clock.now())
        return deliver(batch)

    world.gate.deliver = slow  # type: ignore[method-assign]
    world.open_payment()

    assert ("expired", "expired", "cancelled", "payment_expired") == world.payment()
    assert [(1,)] == world.rows("SELECT ask_at IS NOT NULL FROM payment_attempts")


def test_what_cannot_be_asked_with(world: PayWorld) -> None:
    """A delivery whose body was destroyed or damaged is not asked about: there is nothing to ask with."""
    world.open_payment()
    load, write = world.ledger.payments.load, world.ledger.engine.write
    delivery = load(1)
    assert delivery is not None
    assert delivery.payment is not None
    assert world.reference() == delivery.payment.reference
    sql = "SELECT b.id, b.sealed FROM bodies b JOIN events e ON e.body = b.id WHERE e.kind = 'payment.requested'"
    body, sealed = world.rows(sql)[0]
    for broken in (b"\0" * len(sealed), None):
        write(lambda tx, v=broken: tx.connection.execute("UPDATE bodies SET sealed = ? WHERE id = ?", (v, body)))
        assert load(1) is None
    write(lambda tx: tx.connection.execute("UPDATE bodies SET sealed = ? WHERE id = ?", (sealed, body)))


# -- at the counter -------------------------------------------------------------------------------------------------


def test_paid_at_the_counter(world: PayWorld) -> None:
    """Paid at the counter, it is closed at the gateway's side of ours; paid online after all, it was paid twice."""
    reference = world.open_payment()
    world.record(counter_event())
    assert ("paid_at_counter", "closed", "cancelled", "paid_at_counter") == world.payment()
    world.record(counter_event(id="again"))
    assert [] == world.tasks()

    world.pay(reference)
    world.pass_time(hours=1)
    assert ("paid_at_counter", "paid", "cancelled", "paid_at_counter") == world.payment()
    assert [TaskKind.PAID_TWICE] == world.tasks()
    assert ["opened"] == world.news()


def test_paid_at_the_counter_before_it_goes(world: PayWorld) -> None:
    """What waits to be opened is not opened any more."""
    world.ask_for()
    world.record(counter_event())
    world.run()

    assert ("paid_at_counter", "closed", "cancelled", "paid_at_counter") == world.payment()
    assert [] == world.gate.sent


def test_paid_at_the_counter_while_it_goes(fated: Any) -> None:
    """Paid there while the opening is on its way: no page is told to anybody."""
    world = fated()
    deliver = world.gate.deliver

    def meanwhile(batch: Any) -> Any:
        world.record(counter_event())
        return deliver(batch)

    world.gate.deliver = meanwhile  # type: ignore[method-assign]
    world.open_payment()

    assert ("paid_at_counter", "closed", "cancelled", "paid_at_counter") == world.payment()
    assert [] == world.news()
    ends = "SELECT from_state FROM moves WHERE cause = 'paid_at_counter' AND reason = ''"
    assert [("sending",)] == world.rows(ends), "its worker moves it, nobody else"


def test_paid_at_the_counter_while_it_is_asked_about(fated: Any) -> None:
    """Paid there while the gateway is asked in the lane, which knows nothing of it: it does not go again."""
    world = fated("lost_before")
    world.open_payment()
    ask = world.gate.ask

    def meanwhile(delivery: Delivery) -> Any:
        world.record(counter_event())
        return ask(delivery)

    world.gate.ask = meanwhile  # type: ignore[method-assign]
    world.pass_time(minutes=1)

    assert ("paid_at_counter", "closed", "cancelled", "paid_at_counter") == world.payment()
    assert 1 == len(world.gate.sent)


@pytest.mark.parametrize(
    ("changes", "task"),
    [
        ({"amount": AMOUNT - 1}, TaskKind.WRONG_AMOUNT),
        ({"currency": "USD"}, TaskKind.WRONG_CURRENCY),
        ({"payment": "P9"}, TaskKind.UNKNOWN_REFERENCE),
    ],
)
def test_counter_word_that_does_not_fit(world: PayWorld, changes: dict[str, Any], task: TaskKind) -> None:
    """Another amount or currency, or a payment that nobody asked for: kept, and a person looks."""
    world.open_payment()

    assert isinstance(world.record(counter_event(**changes)), Recorded)
    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    assert [task] == world.tasks()


def test_another_dossiers_counter_word(world: PayWorld) -> None:
    """Money that was taken at the counter for another dossier pays nothing of this one: a person looks."""
    world.open_payment()
    other = money_event("payment.paid_at_counter", "other", dict(counter_event().data), "H99.09-260703-0999")

    assert isinstance(world.record(other), Recorded)
    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    assert [TaskKind.UNKNOWN_REFERENCE] == world.tasks()


@pytest.mark.parametrize("more", [{"receipt_number": "R2"}, {"paid_at": "2026-07-21T08:00:00+07:00"}])
def test_paid_at_the_counter_twice(world: PayWorld, more: dict[str, Any]) -> None:
    """Another receipt or another time is money a second time; the same told again is not, nor is another payment's."""
    world.open_payment()
    world.record(counter_event(receipt_number="R1"))
    world.record(counter_event(id="again", receipt_number="R1"))
    assert [] == world.tasks()

    world.record(counter_event(id="more", **({"receipt_number": "R1"} | more)))
    world.record(counter_event(id="more again", **({"receipt_number": "R1"} | more)))
    assert ("paid_at_counter", "closed", "cancelled", "paid_at_counter") == world.payment()
    assert [TaskKind.PAID_TWICE] == world.tasks()


@pytest.mark.parametrize("body", [b"\0", None])
def test_counter_word_that_nobody_can_read_again(world: PayWorld, body: bytes | None) -> None:
    """Where the first word was destroyed or damaged, whether the next is the same is a person's to say."""
    world.open_payment()
    world.record(counter_event())
    ((first, sealed),) = world.rows(
        "SELECT b.id, b.sealed FROM bodies b JOIN events e ON e.body = b.id WHERE e.event_id = 'counter-P1'"
    )
    put = "UPDATE bodies SET sealed = ? WHERE id = ?"
    world.ledger.engine.write(lambda tx: tx.connection.execute(put, (body, first)))

    assert isinstance(world.record(counter_event(id="again")), Recorded)
    assert [TaskKind.PAID_TWICE] == world.tasks()
    world.ledger.engine.write(lambda tx: tx.connection.execute(put, (sealed, first)))


def test_at_the_counter_after_online(world: PayWorld) -> None:
    """Paid online and then at the counter: paid twice, and the payment stays the gateway's."""
    reference = world.open_payment()
    world.pay(reference)
    world.call_back(reference)
    world.record(counter_event())

    assert ("paid", "paid", "delivered", "paid") == world.payment()
    assert [TaskKind.PAID_TWICE] == world.tasks()


# -- more than one attempt ------------------------------------------------------------------------------------------


def test_p14_two_attempts_paid(fated: Any) -> None:
    """The first attempt is paid late, then the second too: the first success counts, the other is to go back."""
    world = fated("lost_before")
    first = world.open_payment()
    world.pass_time(minutes=1)
    second = world.reference()
    world.till.note("opened", first, AMOUNT)
    world.pay(first)

    heard = world.call_back(first)
    assert (Effect.LATE, (TaskKind.LATE_SUCCESS,)) == (heard.effect, heard.tasks)
    assert ("paid", "closed", "delivered", "paid") == world.payment()
    world.pay(second)
    assert Effect.DOUBLE is world.call_back(second).effect

    assert [TaskKind.LATE_SUCCESS, TaskKind.DOUBLE_PAYMENT] == world.tasks()
    world.run()
    assert ["opened", "settled"] == world.news()
    assert world.reference(n=1) == world.told("settled")["reference"]


# -- shown at the portal --------------------------------------------------------------------------------------------


def sent_fees(world: PayWorld) -> list[tuple[str, str, Any, list[str]]]:
    """Kind, the fee's state and the way in the record, and what the claim carried beside it."""
    return [
        (kind, data["fees"][0]["state"], data["paid_online"], beside) for _, kind, data, beside in world.portal.heard()
    ]


def test_shown_at_the_portal(world: PayWorld) -> None:
    """A record that went out unpaid is followed by one of the ledger's own; the source's next one wins."""
    world.record(record_event())
    reference = world.open_payment()
    world.pay(reference)
    world.call_back(reference)
    world.run()
    assert ["unpaid", "paid"] == [fee for _, fee, _, _ in sent_fees(world)]
    assert ("dossier.recorded", "paid", "province", ["paid"]) == sent_fees(world)[1]

    world.record(record_event(at=NOON + timedelta(seconds=1)))
    world.run()
    assert ("dossier.recorded", "unpaid", "none", ["paid"]) == sent_fees(world)[2]


def test_a_record_that_has_not_gone_carries_it(world: PayWorld) -> None:
    """A record that still waits is sent with what was paid meanwhile: no other is written."""
    reference = world.open_payment()
    world.record(record_event())
    world.pay(reference)
    world.call_back(reference)
    world.run()

    assert [("dossier.recorded", "unpaid", "none", ["paid"])] == sent_fees(world)


@pytest.mark.parametrize("changes", [{"origin": "portal"}, {"fees": [], "is_shown": True}])
def test_no_record_of_our_own(world: PayWorld, changes: dict[str, Any]) -> None:
    """A dossier born on the portal has no record there to replace; one without fees gets ours."""
    is_shown = changes.pop("is_shown", False)
    world.record(record_event(**changes))
    reference = world.open_payment()
    world.pay(reference)
    world.call_back(reference)
    world.run()

    assert (2 if is_shown else 1) == len(world.portal.heard())


def test_nothing_to_show(world: PayWorld) -> None:
    """A record that says so already is not said again, and one whose body is gone is left alone."""
    world.record(record_event(fees=[{**record_event().data["fees"][0], "state": "paid"}], paid_online="province"))
    reference = world.open_payment()
    world.pay(reference)
    world.call_back(reference)
    world.run()
    assert 1 == len(world.portal.heard())

    show = world.ledger.payments._hearer._records.show
    world.ledger.engine.write(lambda tx: show(tx, 1, 0))
    assert 1 == world.rows("SELECT count(*) FROM events WHERE kind = 'dossier.recorded'")[0][0]


def test_shown_once(world: PayWorld) -> None:
    """What would be told in the same words is not told again; nor what cannot be read."""
    world.record(record_event())
    reference = world.open_payment()
    world.pay(reference)
    world.call_back(reference)
    show, count = world.ledger.payments._hearer._records.show, "SELECT count(*) FROM events WHERE source = 'lienthong'"
    before = world.rows(count)
    world.ledger.engine.write(lambda tx: show(tx, 1, 0))
    assert before == world.rows(count)

    body, sealed = world.rows("SELECT b.id, b.sealed FROM bodies b JOIN events e ON e.body = b.id WHERE e.id = 1")[0]
    write = world.ledger.engine.write
    for broken in (b"\0" * len(sealed), None):
        write(lambda tx, v=broken: tx.connection.execute("UPDATE bodies SET sealed = ? WHERE id = ?", (v, body)))
        write(lambda tx: show(tx, 1, 0))
    write(lambda tx: tx.connection.execute("UPDATE bodies SET sealed = ? WHERE id = ?", (sealed, body)))
    assert before == world.rows(count)


def test_no_portal(fated: Any) -> None:
    """Where no portal is shown records, none is written."""
    world = fated(portal=None)
    world.record(record_event())
    reference = world.open_payment()
    world.pay(reference)
    world.call_back(reference)
    world.run()

    assert [] == world.rows("SELECT 1 FROM events WHERE source = 'lienthong' AND kind = 'dossier.recorded'")


# -- a restore ------------------------------------------------------------------------------------------------------


def test_taken_in_again_after_a_restore(world: PayWorld, tmp_path: Path) -> None:
    """A payment that the backup does not know is told again by its source: it gets the same reference, is asked about
    before anything is sent, and is found paid at the gateway: no second order."""
    backup(world.ledger, tmp_path / "backup.db")
    reference = world.open_payment()
    world.pay(reference)
    world.close()
    put_back(tmp_path / "backup.db", world.path)
    for name in ("ear", "portal"):
        (tmp_path / name).write_text("")
    world.clock.sleep(60)
    world.ledger = world.opened()
    doubt_everything_open(world.ledger)
    world.work_anew()
    world.ask_for()
    assert ("created", "created", "in_doubt", "restore_gap") == world.payment()
    world.run()

    assert reference == world.reference()
    assert [reference] == world.gate.sent
    assert ("paid", "paid", "delivered", "paid") == world.payment()
