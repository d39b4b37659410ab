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
from bus.times import FIRST, LAST, from_ms, to_ms
from tests.builders import NOON, from_json
from tests.payment_kit import (
    AMOUNT,
    EAR,
    GATE,
    PayWorld,
    add_account,
    counter_event,
    payment_event,
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


@pytest.mark.parametrize("before", [timedelta(0), timedelta(days=2000)])
def test_over_before_it_was_asked_for(world: PayWorld, before: timedelta) -> None:
    """Whose time is over is recorded, sent to no gateway, and told to be over at once; a person may try again."""
    world.ask_for(expires_at=(NOON - before).isoformat())
    world.run()

    assert ("expired", "expired", "cancelled", "payment_expired") == world.payment()
    assert ([], ["expired"]) == (world.gate.sent, world.news())
    world.ledger.engine.write(lambda tx: world.ledger.payments.try_again(tx, 1, account="lan", reason="mở lại"))
    world.run()
    assert (["expired", "opened"], 1) == (world.news(), len(world.gate.sent))


def test_a_time_far_ahead(world: PayWorld) -> None:
    """Nobody watches for years: what a source asks for beyond thirty days is thirty days."""
    world.ask_for(expires_at="9999-12-31T00:00:00+00:00")

    assert [(30,)] == world.rows("SELECT (expires_at - created_at) / 86400000 FROM payments")


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


def test_failed_with_another_amount(world: PayWorld) -> None:
    """A failure over other money ends nothing; its task has no money to pay back, and takes no other task's place."""
    reference = world.open_payment()
    for verdict in ("failed", "failed", "paid"):
        heard = world.hear(reference, verdict=verdict, amount=1, currency="VND", transaction="T9")
        assert Effect.WRONG_AMOUNT is heard.effect

    assert ("open", "open", "awaiting", "awaiting") == world.payment()
    assert ["opened"] == world.news()
    assert [("failed T9", None, "callback: failed 1 VND"), ("T9", 1, "callback: paid")] == world.rows(
        "SELECT cause, amount, detail FROM payment_tasks WHERE kind = 'wrong_amount' ORDER BY id"
    )


@pytest.mark.parametrize("at", [(1, 1, 1), (9999, 12, 31, 23), (2035, 1, 1), (2026, 7, 4, 13), (2026, 7, 2, 11)])
def test_paid_at_no_time(world: PayWorld, at: tuple[int, ...]) -> None:
    """A paid time more than a day after now, or before the attempt was made, is none: our clock's counts."""
    reference = world.open_payment()
    world.pay(reference)
    told = replace(world.gate.word(reference, "callback"), paid_at=datetime(*at, tzinfo=LOCAL))  # type: ignore[misc,arg-type]

    assert Effect.RECORDED is world.ledger.payments.hear(told).effect
    world.run()
    assert ["opened", "settled"] == world.news()
    found = world.ledger.payments.find(GATE, reference)
    assert found is not None
    assert NOON == found.paid_at


def test_times_of_wrong_rows() -> None:
    """An impossible time in a row is read as the nearest that every zone's calendar holds."""
    assert (FIRST, LAST) == (from_ms(-(10**14)), from_ms(10**15))


@pytest.mark.parametrize("hours", [-23, 23])
def test_paid_at_is_kept(world: PayWorld, hours: int) -> None:
    """A gateway's clock may differ from ours by a day."""
    reference, paid_at = world.open_payment(), NOON + timedelta(hours=hours)
    world.pay(reference)
    world.call_back(reference, paid_at=paid_at)

    assert [(to_ms(paid_at),)] == world.rows("SELECT paid_at FROM payments")


def test_names_that_nobody_could_be_told(world: PayWorld) -> None:
    """A transaction or bank with what no screen shows is paid and told, written out: two such names stay two."""
    reference = world.open_payment()
    world.pay(reference)
    for odd in ("G\x00\u202e", "G\x1b"):
        world.call_back(reference, transaction=odd, bank="\u202eBCN" + 70 * "x")
    world.run()

    told = world.told("settled")
    assert "G\\u0000\\u202e" == told["transaction"]
    assert (64, "\\u202eBCNx") == (len(told["bank"]), told["bank"][:10])
    assert [TaskKind.DOUBLE_PAYMENT] == world.tasks()


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
    """The answer was lost, but the gateway has it open: nothing is sent again, it is asked about on, and a person is
    told that nobody knows where to pay."""
    world = fated("lost_after")
    reference = world.open_payment()
    world.pass_time(minutes=1)

    assert ("pending", "pending", "awaiting", "awaiting") == world.payment()
    assert [TaskKind.ADDRESS_UNKNOWN] == world.tasks()
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
