"""Questions beside the lanes: in time, by one worker alone, at the partner's pace, and few of them in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.asking import OUR_PAUSE, PAGE
from bus.circuit import Manners
from bus.claiming import FARTHEST_DUE
from bus.errors import LedgerUnavailable
from bus.messages import Delivery
from bus.payment_asking import PaymentQuestions
from bus.payments import QUESTIONS
from bus.refund_rules import RefundState
from bus.repairs import Repairs
from bus.times import to_ms
from bus.upkeep import verify
from tests.till_kit import AMOUNT, TILL, Fate, TillWorld

Make = Callable[..., TillWorld]
MINUTE = timedelta(minutes=1).total_seconds()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[TillWorld] = []

    def world(**more: Any) -> TillWorld:
        made.append(TillWorld(tmp_path, **more))
        return made[-1]

    yield world
    for each in made:
        each.close()


def opened(world: TillWorld, count: int) -> list[int]:
    """Payments of as many dossiers, each open at the gateway."""
    return [world.requested(f"P{n}", dossier=f"H99.09-260703-{n:04d}") for n in range(count)]


def due(world: TillWorld) -> list[int | None]:
    """When each attempt is asked about, in milliseconds from now."""
    now = to_ms(world.clock.now())
    rows = world.rows("SELECT ask_at FROM payment_attempts ORDER BY id")
    return [None if at is None else at - now for (at,) in rows]


# -- when ------------------------------------------------------------------------------------------------------------


def test_open_payment_is_asked_about_by_the_schedule(make: Make) -> None:
    """After 2, 5, 15 and 30 minutes, then hourly to the end of the window, at the end once more; then for 72 hours."""
    world = make()
    payment = world.requested()
    asked, start = [], world.clock.now()
    for _ in range(73 * 60):
        world.clock.sleep(MINUTE)
        if world.asker.run_once():
            asked.append(world.clock.now() - start)

    hours = [timedelta(hours=n) for n in range(1, 73)]
    assert [timedelta(minutes=m) for m in (2, 5, 15, 30)] + hours == asked
    assert len(QUESTIONS) == len(asked)
    assert ("expired", 0) == world.payment(payment)
    assert [] == list(verify(world.ledger))


def test_success_is_found_by_asking(make: Make) -> None:
    """A call back that never came is made good by the next question, and nothing is asked any more."""
    world = make()
    payment = world.requested()
    world.drawer.paid[world.reference(payment)] = AMOUNT
    world.clock.sleep(2 * MINUTE)
    asked = world.asker.run_once()

    assert (1, ("paid", 0), [None]) == (asked, world.payment(payment), due(world))
    assert [("query",)] == world.rows("SELECT via FROM payment_hearings WHERE verdict = 'paid'")


def test_last_question_before_it_expires(make: Make) -> None:
    """Paid in the last minute, its call back lost: the question at its end finds it, and it never expires."""
    world = make()
    ends = (world.clock.now() + timedelta(minutes=20)).isoformat()
    payment = world.requested(expires_at=ends)
    world.clock.sleep(15 * MINUTE)
    world.asker.run_once()
    world.drawer.paid[world.reference(payment)] = AMOUNT
    world.clock.sleep(5 * MINUTE)
    world.asker.run_once()

    assert ("paid", 0) == world.payment(payment)


def test_late_success_after_expiry(make: Make) -> None:
    """Given up, it is asked about on; money that moved all the same is taken."""
    world = make()
    payment = world.requested(expires_at=(world.clock.now() + timedelta(minutes=20)).isoformat())
    world.clock.sleep(20 * MINUTE)
    world.asker.run_once()
    expired = world.payment(payment)[0]
    world.drawer.paid[world.reference(payment)] = AMOUNT
    world.clock.sleep(60 * MINUTE)
    world.asker.run_once()

    assert ("expired", "paid") == (expired, world.payment(payment)[0])


# -- whom, and how fast ----------------------------------------------------------------------------------------------


def test_held_partner_is_not_asked(make: Make) -> None:
    """A person's hold stops questions too; released, they go on."""
    world = make()
    opened(world, 2)
    repairs = Repairs(world.ledger)
    repairs.hold(TILL, actor="person:an", reason="maintenance")
    world.clock.sleep(3 * MINUTE)
    held = world.asker.run_once()
    repairs.release(TILL, actor="person:an", reason="over")

    assert (0, 2) == (held, world.asker.run_once())


def test_unanswered_questions_open_the_circuit(make: Make) -> None:
    """A gateway that does not answer is left alone, and probed by one question; the first answer lets the rest go."""
    fate = Fate("down")
    world = make(fate=fate, manners=Manners(failures_to_open=3, probe_every=timedelta(seconds=30)))
    opened(world, 10)
    world.clock.sleep(2 * MINUTE)
    counts = [world.asker.run_once(), world.asker.run_once()]
    circuit = world.rows("SELECT circuit FROM partners WHERE name = ?", TILL)
    world.clock.sleep(31)
    probed = world.asker.run_once()
    fate.now = "ok"
    world.clock.sleep(31)
    back = world.asker.run_once()

    assert ([3, 0], [("open",)], 1) == (counts, circuit, probed)
    assert 6 == back  # the probe, then the rest as the window of the drain opens
    assert [("closed",)] == world.rows("SELECT circuit FROM partners WHERE name = ?", TILL)


def test_questions_keep_the_partners_rate(make: Make) -> None:
    """Lanes and questions share one allowance."""
    world = make(manners=Manners(rate=2.0))
    for n in range(5):
        world.clock.sleep(1)
        world.requested(f"P{n}", dossier=f"H99.09-260703-{n:04d}")
    world.clock.sleep(3 * MINUTE)
    counts = []
    for _ in range(3):
        counts.append(world.asker.run_once())
        world.clock.sleep(1)

    assert [2, 2, 1] == counts


# -- by one worker ---------------------------------------------------------------------------------------------------


def test_two_workers_do_not_ask_the_same(make: Make) -> None:
    """What one has leased another leaves alone; if it never comes back, the question is due again."""
    world = make(manners=Manners(lease=timedelta(seconds=60)))
    opened(world, 3)
    world.clock.sleep(2 * MINUTE)
    book, now = PaymentQuestions(world.ledger), world.clock.now()
    page = world.write(lambda tx: world.asker._claim(tx, TILL, book, now))
    other = world.asker_named("w2")
    while_leased = other.run_once()
    world.clock.sleep(61)

    assert (3, 0, 3) == (len(page.numbers), while_leased, other.run_once())


def test_worker_that_slept_asks_no_more(make: Make) -> None:
    """Past its lease a page is anybody's: this worker puts no further question of it."""
    world = make(manners=Manners(lease=timedelta(seconds=60)))
    opened(world, 3)
    ask = world.till.ask

    def slowly(delivery: Delivery) -> Any:
        world.clock.sleep(61)
        return ask(delivery)

    world.till.ask = slowly  # type: ignore[method-assign]
    world.clock.sleep(2 * MINUTE)

    assert 1 == world.asker.ask(TILL)


def test_stopped_asker(make: Make) -> None:
    """Told to stop, it puts no further question."""
    world = make()
    opened(world, 2)
    world.clock.sleep(2 * MINUTE)
    world.asker.stop()

    assert ((TILL,), 0) == (world.asker.partners, world.asker.ask(TILL))


# -- trouble ---------------------------------------------------------------------------------------------------------


def test_own_trouble_keeps_no_other_waiting(make: Make) -> None:
    """A question that we cannot put rests for a while; the others are asked."""
    world = make(fate=lambda delivery: "bug" if delivery.payment and delivery.payment.name == "P0" else "ok")
    opened(world, 3)
    world.clock.sleep(2 * MINUTE)
    world.asker.run_once()

    assert [OUR_PAUSE.total_seconds() * 1_000, 3 * MINUTE * 1_000, 3 * MINUTE * 1_000] == due(world)


def test_ledgers_trouble_is_nobody_elses(make: Make) -> None:
    """Where the ledger cannot be read, nothing is put off: the caller tries again."""
    world = make()
    opened(world, 1)
    world.clock.sleep(2 * MINUTE)

    class Away(PaymentQuestions):
        def load(self, number: int) -> Delivery | None:
            raise LedgerUnavailable

    with pytest.raises(LedgerUnavailable):
        world.asker._ask_one(Away(world.ledger), 1, is_probe=False)


def test_what_cannot_be_asked_with_is_not_asked_again(make: Make) -> None:
    """A payment whose body was destroyed is asked about no more."""
    world = make()
    opened(world, 1)
    world.write(lambda tx: tx.connection.execute("UPDATE bodies SET sealed = NULL WHERE id = 1"))
    world.clock.sleep(2 * MINUTE)
    world.asker.run_once()

    assert ([None], []) == (due(world), world.till.asked)


def test_refund_settled_meanwhile_is_not_asked_about(make: Make) -> None:
    """A person was faster than the next question."""
    world = make(fate=Fate("pending"))
    refund = world.ask_refund(world.paid(), 10_000)
    world.approve(refund.id)
    world.run()
    world.write(lambda tx: world.refunds.resolve(tx, refund.id, "refunded", account="chi", reason="seen"))
    world.write(lambda tx: tx.run("lease_refund_question", 1, refund.id))
    world.asker.run_once()

    assert [(None,)] == world.rows("SELECT ask_at FROM refunds")
    assert [] == [key for key in world.till.asked if key.startswith("RF")]


def test_refund_settled_while_it_was_asked_about(make: Make) -> None:
    """The person's word stands; the answer that came too late changes nothing."""
    world = make(fate=Fate("pending"))
    payment = world.paid()
    refund = world.ask_refund(payment, 10_000)
    world.approve(refund.id)
    world.run()
    ask = world.till.ask

    def overtaken(delivery: Delivery) -> Any:
        world.write(lambda tx: world.refunds.resolve(tx, refund.id, "rejected", account="chi", reason="seen"))
        return ask(delivery)

    world.till.ask = overtaken  # type: ignore[method-assign]
    world.clock.sleep(6 * MINUTE)
    world.asker.run_once()

    assert RefundState.REJECTED is world.refunds.get(refund.id).state
    assert ("paid", 0) == world.payment(payment)
    assert [] == list(verify(world.ledger))


def test_gateway_rejects_a_pending_refund(make: Make) -> None:
    """Its bank says no, days later: the amount is free again."""
    fate = Fate("pending")
    world = make(fate=fate)
    payment = world.paid()
    refund = world.ask_refund(payment, 10_000)
    world.approve(refund.id)
    world.run()
    fate.now = "refuse"
    world.clock.sleep(6 * MINUTE)
    world.asker.run_once()

    assert (RefundState.REJECTED, AMOUNT) == (world.refunds.get(refund.id).state, world.refunds.left(payment))


@pytest.mark.parametrize("table", ["payment_attempts", "refunds"])
def test_times_of_a_clock_gone_wrong(make: Make, table: str) -> None:
    """A question that a wrong clock put years away is asked now."""
    world = make(fate=Fate("pending"))
    refund = world.ask_refund(world.paid(), 10_000)
    world.approve(refund.id)
    world.run()
    opened(world, 1)
    world.clock.sleep(1)
    far = to_ms(world.clock.now()) + 2 * FARTHEST_DUE
    where = "WHERE ask_at IS NOT NULL"
    world.write(lambda tx: tx.connection.execute(f"UPDATE {table} SET ask_at = {far} {where}"))

    assert 1 == world.asker.ask(TILL)


def test_payment_held_after_it_left_is_asked_about_when_released(make: Make) -> None:
    """An opening whose answer was lost, and whose question could not be put, is never just sent again."""
    fate = Fate("lost_before")
    world = make(fate=fate)
    payment = world.requested()
    fate.now = "unmappable"
    world.clock.sleep(MINUTE)
    world.run()
    fate.now = "ok"
    released = Repairs(world.ledger).release_held(1, actor="person:an", reason="mended")
    world.run(2)

    assert ("in_doubt", 1) == (released, len(world.till.sent))
    assert "pending" == world.payment(payment)[0]


# -- ten thousand ----------------------------------------------------------------------------------------------------


def test_ten_thousand_waiting_cost_little(make: Make) -> None:
    """Who is due is read from an index, a few at a time: ten thousand that wait are never in memory."""
    world = make(fate=Fate("down"))
    world.requested()
    copy = (
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
        "INSERT INTO payment_attempts "
        "(payment, n, partner, reference, delivery, state, made_at, opened_at, ask_at, changed_at) "
        "SELECT 1, i, partner, reference || i, delivery, state, made_at, opened_at, ask_at + i, changed_at "
        "FROM payment_attempts, n WHERE id = 1"
    )
    world.write(lambda tx: tx.connection.execute(copy))
    world.clock.sleep(5 * MINUTE)
    tracemalloc.start()
    asked = world.asker.ask(TILL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with world.ledger.engine.snapshot() as tx:
        query = tx._queries["due_payment_questions"]
        plan = tx.connection.execute(f"EXPLAIN QUERY PLAN {query}", (TILL, 1 << 60, PAGE)).fetchall()

    assert 5 == asked  # the circuit opened
    assert peak < 1_000_000
    assert ["SEARCH payment_attempts USING COVERING INDEX payment_attempts_ask (partner=? AND ask_at<?)"] == [
        p[3] for p in plan
    ]
