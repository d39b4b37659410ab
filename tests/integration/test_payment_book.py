"""Payments on the real ledger: asked for, opened, paid, failed, expired, paid twice; whatever way a gateway tells."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.messages import Contradicted, Delivery, Recorded, Repeated
from bus.payment_entry import _number_of
from bus.payments import LOCAL, AttemptState, Effect, TaskKind, reference_of
from bus.times import FIRST, LAST
from bus.upkeep import backup, doubt_everything_open, put_back
from tests.builders import NOON, from_json
from tests.payment_kit import (
    AMOUNT,
    EAR,
    GATE,
    PayWorld,
    add_account,
    counter_event,
    money_event,
    payment_event,
    record_event,
    take_accounts_away,
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


# -- asked for ------------------------------------------------------------------------------------------------------


def test_asked_for(world: PayWorld) -> None:
    """Before anything is sent the payment, its first attempt and its reference are on disk, and one delivery waits."""
    assert isinstance(world.ask_for(), Recorded)
    assert ("created", "created", "waiting", "accepted") == world.payment()
    found = world.ledger.payments.find(GATE, world.reference())
    assert found is not None
    assert (1, AMOUNT, "P1", 20) == (found.n, found.amount, found.name, len(found.reference))
    assert [] == world.gate.sent
    assert world.ledger.payments.find(GATE, "nobody's") is None


def test_one_name_is_one_payment(world: PayWorld) -> None:
    """The same event again is a repeat; the same payment under another event is refused, and nothing changes."""
    first = world.ask_for()
    assert isinstance(first, Recorded)

    assert isinstance(world.ask_for(), Repeated)
    assert world.record(payment_event("P1", id="another")) == Contradicted(digest=first.digest)
    assert world.record(payment_event("P1", amount=1, id="third")) == Contradicted(digest=first.digest)
    assert [(1, 1)] == world.rows("SELECT (SELECT count(*) FROM payments), (SELECT count(*) FROM events)")


def test_references_that_would_be_the_same(fated: Any) -> None:
    """Two payments whose references would be the same get different ones: the next that is free."""
    world = fated(reference=lambda partner, number, day, n: reference_of(partner, number % 3, day, n))
    same = [name for name in (f"P{n}" for n in range(50)) if _number_of(payment_event(name)) % 3 == 2][:3]

    found = {world.open_payment(name, dossier=f"H99.09-260703-000{n}") for n, name in enumerate(same)}

    assert {f"TT260703000000000{n}01" for n in range(3)} == found


def test_the_window(fated: Any) -> None:
    """A source may say until when it may be paid; else the installation's window counts."""
    world = fated(window=timedelta(hours=2))
    world.ask_for("P1")
    world.ask_for("P2", expires_at=(NOON + timedelta(days=3)).isoformat())

    hours = [(row[0] - row[1]) // 3_600_000 for row in world.rows("SELECT expires_at, created_at FROM payments")]
    assert [2, 72] == hours


def test_nobody_takes_it(fated: Any) -> None:
    """Where no gateway takes it, it is kept, a person is asked, and the source is told: never silence."""
    world = fated(takes=False)
    assert isinstance(world.ask_for(), Recorded)
    world.run()

    assert [("not_opened", None)] == world.rows("SELECT state, gateway FROM payments")
    assert [TaskKind.NO_GATEWAY] == world.tasks()
    assert ("no_gateway", None) == (world.told("failed")["code"], world.told("failed")["gateway"])
    world.ask_for("P2")
    assert [TaskKind.NO_GATEWAY] == world.tasks(), "asked for once for all payments of a unit, procedure and day"
    assert isinstance(world.record(counter_event()), Recorded)
    assert [("paid_at_counter",), ("not_opened",)] == world.rows("SELECT state FROM payments ORDER BY id")


def test_nobody_listens(fated: Any) -> None:
    """Where nobody takes a source's outcomes nothing is told, and the payment is paid all the same."""
    world = fated("refuse", hears=False)
    world.open_payment("P0", dossier="H99.09-260703-0009")
    world.ask_for()
    world.run()

    assert [] == world.news()
    assert [("not_opened",), ("open",)] == world.rows("SELECT state FROM payments ORDER BY id")


def test_what_is_taken_over_asks_for_nothing(world: PayWorld) -> None:
    """An event of before, taken over, opens nothing: the money is elsewhere already."""
    world.ledger.record_many([(payment_event(), ())], is_adopted=True)

    assert [] == world.rows("SELECT 1 FROM payments")


def test_payer_is_found(world: PayWorld) -> None:
    """Who pays is found by name, number and telephone, as an applicant is."""
    world.ask_for()

    terms = world.ledger.bodies.terms(payment_event())
    assert len(terms) > 3
    assert len(terms) == world.rows("SELECT count(*) FROM search_terms")[0][0]


def test_account_entered_later(world: PayWorld) -> None:
    """Without an account a person is asked; entered before it goes, it goes with the payment and stays its own."""
    world.ask_for()
    assert [("beneficiary_missing",)] == world.rows("SELECT kind FROM payment_tasks")
    add_account(world)
    world.run()

    assert [("0000000000000", "999999")] == world.rows("SELECT account, account_bank FROM payments")
    take_accounts_away(world)


def test_account_in_force(world: PayWorld) -> None:
    """An account that is in force when it is asked for is the payment's from the beginning; nobody is asked."""
    add_account(world)
    world.ask_for()

    assert [("0000000000000",)] == world.rows("SELECT account FROM payments")
    assert [] == world.rows("SELECT kind FROM payment_tasks")
    take_accounts_away(world)


def test_a_trace_goes_through(world: PayWorld) -> None:
    """What is told of a payment carries the trace of the event that asked for it."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    event = payment_event()
    world.record(from_json(json.loads(event.body) | {"traceparent": trace}))
    world.run()

    assert [(trace,)] == world.rows("SELECT traceparent FROM events WHERE kind = 'payment.opened'")


# -- paid -----------------------------------------------------------------------------------------------------------


def test_paid(world: PayWorld) -> None:
    """Opened, paid, told: where to pay, then that it was paid; the receipt is asked for at the gateway."""
    reference = world.open_payment()
    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    world.pay(reference)

    heard = world.call_back(reference)

    assert (Effect.RECORDED, ()) == (heard.effect, heard.tasks)
    assert ("paid", "paid", "delivered", "paid") == world.payment()
    assert [(None,)] == world.rows("SELECT ask_at FROM payment_attempts"), "nothing is left to ask"
    world.run()
    assert ["opened", "settled"] == world.news()
    opened, settled = world.told("opened"), world.told("settled")
    assert (f"https://pay.example.invalid/{reference}", "0002", 1) == tuple(
        opened[n] for n in ("pay_url", "qr", "attempt")
    )
    said = tuple(settled[n] for n in ("amount", "transaction", "is_late", "via", "bank"))
    assert (AMOUNT, f"T-{reference}", False, "callback", "NCB") == said
    assert [[reference, "payment.settled"]] == world.till.lines("receipt")
    found = world.ledger.payments.find(GATE, reference)
    assert found is not None
    assert (AttemptState.PAID, f"T-{reference}") == (found.state, found.transaction)


def test_p14_called_back_many_times_at_once(world: PayWorld) -> None:
    """Eight threads call back, all in all four hundred times: one effect, and every word is kept."""
    reference = world.open_payment()
    world.pay(reference)
    told, effects = world.gate.word(reference, "callback"), list[Effect]()

    def many() -> None:
        for _ in range(50):
            effects.append(world.ledger.payments.hear(told).effect)

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.run()

    assert (1, 399) == (effects.count(Effect.RECORDED), effects.count(Effect.REPEATED))
    assert 400 == len(world.effects())
    assert ["opened", "settled"] == world.news()


def test_another_amount(world: PayWorld) -> None:
    """A callback with another amount changes nothing and asks a person, once; the true one pays."""
    reference = world.open_payment()
    for _ in range(2):
        heard = world.hear(reference, verdict="paid", amount=AMOUNT - 1, transaction="T9")
        assert Effect.WRONG_AMOUNT is heard.effect
    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    assert [TaskKind.WRONG_AMOUNT] == world.tasks()

    world.pay(reference)
    assert Effect.RECORDED is world.call_back(reference).effect
    assert [Effect.WRONG_AMOUNT, Effect.WRONG_AMOUNT, Effect.RECORDED] == world.effects()


@pytest.mark.parametrize(("at", "kept"), [((1, 1, 1), FIRST), ((9999, 12, 31, 23), LAST)])
def test_paid_at_no_time(world: PayWorld, at: tuple[int, ...], kept: datetime) -> None:
    """A paid time that not every zone's calendar holds stops nobody: it is told as the nearest that all hold."""
    reference = world.open_payment()
    world.pay(reference)
    told = replace(world.gate.word(reference, "callback"), paid_at=datetime(*at, tzinfo=LOCAL))  # type: ignore[misc,arg-type]

    assert Effect.RECORDED is world.ledger.payments.hear(told).effect
    world.run()
    assert ["opened", "settled"] == world.news()
    found = world.ledger.payments.find(GATE, reference)
    assert found is not None
    assert kept == found.paid_at


def test_wrong_row_holds_one_delivery(world: PayWorld) -> None:
    """What raises while a claim is made of a wrong row holds that delivery alone; the partner's others go."""
    references = [world.open_payment(), world.open_payment("P2", dossier="H99.09-260703-0999")]
    for reference in references:
        world.pay(reference)
        world.call_back(reference)
    put = "UPDATE payment_attempts SET paid_at = ? WHERE id = 1"
    ((paid_at,),) = world.rows("SELECT paid_at FROM payment_attempts WHERE id = 1")
    world.ledger.engine.write(lambda tx: tx.connection.execute(put, ("no time",)))
    world.run()
    world.ledger.engine.write(lambda tx: tx.connection.execute(put, (paid_at,)))

    held = world.rows("SELECT partner, cause, reason FROM deliveries WHERE state = 'held' ORDER BY partner")
    why = "it cannot be opened: TypeError"
    assert [(EAR, "damaged", why), (GATE, "damaged", why)] == held
    assert ["opened", "opened", "settled"] == world.news()
    assert references[1] == world.told("settled")["reference"]


def test_second_transaction(world: PayWorld) -> None:
    """A second transaction on a paid reference is a person's task with its own amount; one settled event."""
    reference = world.open_payment()
    world.pay(reference)
    world.call_back(reference)

    heard = world.call_back(reference, transaction="T2")

    assert (Effect.DOUBLE, (TaskKind.DOUBLE_PAYMENT,)) == (heard.effect, heard.tasks)
    sql = "SELECT kind, cause, amount FROM payment_tasks WHERE closed_at IS NULL AND kind <> 'beneficiary_missing'"
    assert [("double_payment", "T2", AMOUNT)] == world.rows(sql)
    world.run()
    assert ["opened", "settled"] == world.news()


def test_one_transaction_for_two_payments(world: PayWorld) -> None:
    """A transaction that paid one attempt pays no other."""
    first, second = world.open_payment("P1"), world.open_payment("P2", dossier="H99.09-260703-0009")
    world.pay(first, transaction="T1")
    world.call_back(first)
    world.pay(second, transaction="T1")

    assert Effect.CONTRADICTED is world.call_back(second).effect
    assert ("open", "open", "awaiting", "awaiting") == world.payment("P2")
    assert [TaskKind.CONTRADICTION] == world.tasks()


def test_a_success_without_names(world: PayWorld) -> None:
    """Two successes whose gateway names no transaction and no bank are two: empty texts name nothing."""
    for name, dossier in (("P1", "H99.09-260703-0008"), ("P2", "H99.09-260703-0009")):
        reference = world.open_payment(name, dossier=dossier)
        world.pay(reference)
        assert Effect.RECORDED is world.call_back(reference, transaction="", bank="").effect
    world.run()

    told = [line[2] for line in world.ear.heard() if line[1] == "payment.settled"]
    assert [(None, None)] * 2 == [(each["transaction"], each["bank"]) for each in told]


def test_failed_and_late(world: PayWorld) -> None:
    """Failed, told so; then the gateway finds it paid after all: paid, late, and told."""
    reference = world.open_payment()
    world.fail(reference)
    assert Effect.RECORDED is world.call_back(reference).effect
    assert ("failed", "failed", "cancelled", "payment_failed") == world.payment()
    assert Effect.REPEATED is world.call_back(reference).effect

    world.pay(reference)
    assert Effect.LATE is world.call_back(reference).effect
    assert ("paid", "paid", "delivered", "paid") == world.payment()
    world.run()
    assert ["opened", "failed", "settled"] == world.news()
    assert ("24", "cancelled") == (world.told("failed")["code"], world.told("failed")["reason"])
    assert world.told("settled")["is_late"]
    assert [] == world.tasks()


def test_failure_after_success(world: PayWorld) -> None:
    """A failure that is told after a success changes nothing but a person's list."""
    reference = world.open_payment()
    world.pay(reference)
    world.call_back(reference)

    assert Effect.CONTRADICTED is world.call_back(reference, verdict="failed").effect
    assert ("paid", "paid", "delivered", "paid") == world.payment()
    assert [TaskKind.CONTRADICTION] == world.tasks()


def test_unknown_reference(world: PayWorld) -> None:
    """What nobody here asked for is kept, with a task, once; the gateway hears that it is not known."""
    for _ in range(2):
        heard = world.hear("nobody", verdict="paid", amount=5)
        assert (Effect.UNKNOWN_REFERENCE, None) == (heard.effect, heard.payment)

    assert [TaskKind.UNKNOWN_REFERENCE] == world.tasks()
    assert [Effect.UNKNOWN_REFERENCE] * 2 == world.effects()


def test_a_settlement_file_tells(world: PayWorld) -> None:
    """Many words in one transaction; a success that only the settlement knew is late."""
    references = [world.open_payment(f"P{n}", dossier=f"H99.09-260703-000{n}") for n in range(3)]
    for reference in references[:2]:
        world.pay(reference)
    world.call_back(references[0])

    told = [world.gate.word(reference, "settlement") for reference in references]
    heard = world.ledger.payments.hear_many(told, actor="person:an")

    assert [Effect.REPEATED, Effect.LATE, Effect.RECORDED] == [one.effect for one in heard]
    actors = {row[0] for row in world.rows("SELECT actor FROM moves WHERE reason LIKE '%settlement%'")}
    assert {"person:an"} == actors


# -- opening --------------------------------------------------------------------------------------------------------


def test_not_opened(fated: Any) -> None:
    """The gateway says no: told with its code and words, a person sees it, and the lane goes on."""
    world = fated("refuse")
    world.open_payment("P1")
    world.open_payment("P2")

    assert ("not_opened", "not_opened", "refused", "refused") == world.payment("P1")
    assert ("open", "open", "awaiting", "awaiting") == world.payment("P2")
    assert ("95", "no such agency") == (world.told("failed")["code"], world.told("failed")["reason"])


def test_p05_answer_lost_and_nothing_there(fated: Any) -> None:
    """The answer was lost, the gateway knows nothing of it: it goes again, never under the same reference."""
    world = fated("lost_before")
    first = world.open_payment()
    assert ("unknown", "unknown", "in_doubt", "reply_lost") == world.payment()

    world.pass_time(minutes=1)

    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    second = world.reference()
    assert [first, second] == world.gate.sent
    assert ["closed", "open"] == [row[0] for row in world.rows("SELECT state FROM payment_attempts ORDER BY n")]
    assert ["opened"] == world.news()


def test_answer_lost_and_opened(fated: Any) -> None:
    """The answer was lost, but the gateway has it open: nothing is sent again, and it is asked about on."""
    world = fated("lost_after")
    reference = world.open_payment()
    world.pass_time(minutes=1)

    assert ("pending", "pending", "awaiting", "awaiting") == world.payment()
    assert [reference] == world.gate.sent
    world.pay(reference)
    world.pass_time(minutes=5)
    assert ("paid", "paid", "delivered", "paid") == world.payment()
    assert "query" == world.told("settled")["via"]


@pytest.mark.parametrize("is_paid", [True, False])
def test_answer_lost_and_over(fated: Any, is_paid: bool) -> None:
    """Asked about in its lane, it may turn out paid, or failed: then it is, and the lane goes on."""
    world = fated("lost_after")
    reference = world.open_payment("P1")
    world.ask_for("P2")
    (world.pay if is_paid else world.fail)(reference)
    world.pass_time(minutes=1)

    stands = ("paid", "paid", "delivered", "paid") if is_paid else ("failed", "failed", "refused", "refused")
    assert stands == world.payment("P1")
    assert ("open", "open", "awaiting", "awaiting") == world.payment("P2")


def test_answer_lost_and_called_back(fated: Any) -> None:
    """A callback settles what stands in doubt, and frees the lane."""
    world = fated("lost_after")
    reference = world.open_payment("P1")
    world.ask_for("P2")
    world.pay(reference)
    world.call_back(reference)
    world.run()

    assert ("paid", "paid", "delivered", "paid") == world.payment("P1")
    assert ("open", "open", "awaiting", "awaiting") == world.payment("P2")


def test_called_back_before_the_answer(fated: Any) -> None:
    """The citizen pays and the gateway calls back before it has answered the opening: paid, once."""
    world = fated("paid_first")
    world.open_payment()

    assert ("paid", "paid", "delivered", "paid") == world.payment()
    assert ["settled"] == world.news()


def test_p05_question_that_reaches_nobody(fated: Any) -> None:
    """While the gateway cannot be asked, nothing is sent again: it stays in doubt."""
    world = fated("lost_before", "down", "blind")
    world.open_payment()
    world.pass_time(minutes=1)
    assert ("unknown", "unknown", "in_doubt", "not_asked") == world.payment()
    world.pass_time(minutes=1)
    assert ("unknown", "unknown", "in_doubt", "reply_lost") == world.payment()
    world.pass_time(minutes=1)

    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    assert 2 == len(world.gate.sent)


def test_a_gateway_that_knows_nothing_for_ever(fated: Any) -> None:
    """After twenty references that a gateway took and does not know, a person looks; the lane goes on."""
    world = fated()
    world.gate.fate = lambda delivery: "ok" if delivery.is_unanswered else "lost_before"
    world.gate.till = _Forgetful(world.gate.till)
    world.ask_for("P1")
    for _ in range(25):
        world.run()
        world.pass_time(minutes=1)

    assert ("unknown", "unknown", "held", "too_many_references") == world.payment("P1")
    assert 20 == len(world.gate.sent) == len(set(world.gate.sent))


class _Forgetful:
    """Books in which nothing is ever found."""

    def __init__(self, till: Any) -> None:
        self._till = till

    def has(self, reference: str) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._till, name)


def test_not_there_in_fewer_words(fated: Any) -> None:
    """A gateway's adapter may say "not there, at once" without a word of evidence: it is the same."""
    world = fated("lost_before")
    world.open_payment()
    ask = world.gate.ask

    def bare(delivery: Delivery) -> Any:
        attempt = ask(delivery)
        attempt.facts.clear()
        return attempt

    world.gate.ask = bare  # type: ignore[method-assign]
    world.pass_time(minutes=1)

    assert ("open", "open", "awaiting", "awaiting") == world.payment()


def test_paid_with_another_amount_when_asked_in_the_lane(fated: Any) -> None:
    """The gateway's yes to another amount is no yes: nothing is delivered, a person is asked, and we ask on."""
    world = fated("lost_after", "bad_word")
    world.open_payment()
    world.pass_time(minutes=1)

    assert ("unknown", "unknown", "awaiting", "awaiting") == world.payment()
    assert [TaskKind.WRONG_AMOUNT] == world.tasks()
    assert [(1,)] == world.rows("SELECT ask_at IS NOT NULL FROM payment_attempts")


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
