"""What follows from what a gateway tells: the whole table, cell by cell, and what the nouns of payments promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest

from bus.payments import (
    NO_PAYMENTS,
    OPEN_ATTEMPTS,
    OPEN_PAYMENTS,
    PAID_PAYMENTS,
    QUESTIONS,
    AttemptState,
    Effect,
    Known,
    PaidFee,
    PaymentState,
    Step,
    TaskKind,
    Told,
    Verdict,
    Via,
    hear,
    next_question,
    reference_of,
    with_payments,
)

A, P, V, T = AttemptState, PaymentState, Verdict, TaskKind
AMOUNT = 30_000
WAYS: tuple[Via, ...] = get_args(Via)
STANDS: dict[AttemptState, PaymentState] = {
    A.CREATED: P.CREATED,
    A.UNKNOWN: P.UNKNOWN,
    A.OPEN: P.OPEN,
    A.PENDING: P.PENDING,
    A.PAID: P.PAID,
    A.FAILED: P.FAILED,
    A.EXPIRED: P.EXPIRED,
    A.NOT_OPENED: P.NOT_OPENED,
    A.CLOSED: P.PAID_AT_COUNTER,
}
"""How attempts stand in payments of one attempt."""
IS_OPEN = (A.CREATED, A.UNKNOWN, A.OPEN, A.PENDING)
IS_OVER = (A.FAILED, A.EXPIRED, A.NOT_OPENED)


def known(attempt: AttemptState = A.OPEN, payment: PaymentState | None = None, **more: Any) -> Known:
    stands = STANDS[attempt] if payment is None else payment
    if attempt is A.PAID:
        more = {"transaction": "T1"} | more
    return Known(attempt=attempt, payment=stands, amount=AMOUNT, currency="VND", **more)


def told(verdict: Verdict = V.PAID, via: Via = "callback", **more: Any) -> Told:
    said: dict[str, Any] = {"amount": AMOUNT, "currency": "VND", "transaction": "T1"} if verdict is V.PAID else {}
    return Told(partner="gate", reference="R1", verdict=verdict, via=via, **(said | more))


def paid(effect: Effect, *tasks: TaskKind, late: bool = False) -> Step:
    return Step(effect=effect, attempt=A.PAID, payment=P.PAID, tasks=tasks, ends="paid", is_late=late, is_learned=True)


def stays(of: Known, effect: Effect, *tasks: TaskKind, learned: bool = False) -> Step:
    return Step(effect=effect, attempt=of.attempt, payment=of.payment, tasks=tasks, is_learned=learned)


def expected(of: Known, verdict: Verdict, via: Via) -> Step:
    """The table, in words of its own."""
    state = of.attempt
    match verdict, state:
        case V.PAID, A.PAID:
            return stays(of, Effect.REPEATED)
        case V.PAID, A.CLOSED:
            return Step(
                effect=Effect.LATE, attempt=A.PAID, payment=of.payment, tasks=(T.PAID_TWICE,), is_late=True,
                is_learned=True,
            )  # fmt: skip
        case V.PAID, _ if state in IS_OVER or via == "settlement":
            return paid(Effect.LATE, late=True)
        case V.PAID, _:
            return paid(Effect.RECORDED)
        case V.FAILED, A.PAID:
            return stays(of, Effect.CONTRADICTED, T.CONTRADICTION)
        case V.FAILED, A.FAILED | A.NOT_OPENED:
            return stays(of, Effect.REPEATED)
        case V.FAILED, _ if state in IS_OPEN:
            return Step(effect=Effect.RECORDED, attempt=A.FAILED, payment=P.FAILED, ends="payment_failed")
        case V.PENDING, A.PENDING:
            return stays(of, Effect.REPEATED)
        case V.PENDING, _ if state in IS_OPEN:
            return Step(effect=Effect.RECORDED, attempt=A.PENDING, payment=P.PENDING)
        case V.NOT_THERE, A.PAID:
            return stays(of, Effect.CONTRADICTED, T.MISSING_THERE)
        case _:
            return stays(of, Effect.NOTHING)


@pytest.mark.parametrize(("state", "verdict", "via"), [*product(A, V, WAYS)])
def test_p14_every_cell(state: AttemptState, verdict: Verdict, via: Via) -> None:
    """Each state of an attempt, each verdict, each way it comes: one effect, whatever the order."""
    of = known(state)

    assert expected(of, verdict, via) == hear(of, told(verdict, via))


@pytest.mark.parametrize(("verdict", "via"), [*product(V, WAYS)])
def test_p14_what_no_word_may_do(verdict: Verdict, via: Via) -> None:
    """Whatever is told: a success is never undone, and a payment is never paid by a word that is no success."""
    for state, payment in product(A, P):
        step = hear(known(state, payment), told(verdict, via))

        assert state is not A.PAID or step.attempt is A.PAID
        assert not payment.is_paid or step.payment is payment
        assert verdict is V.PAID or step.payment is not P.PAID or payment is P.PAID
        assert (step.ends == "paid") == (step.payment is P.PAID and payment is not P.PAID)
        assert step.ends is None or step.effect in (Effect.RECORDED, Effect.LATE)


@pytest.mark.parametrize("state", A)
@pytest.mark.parametrize(
    ("wrong", "effect", "task"),
    [
        ({"amount": AMOUNT - 1}, Effect.WRONG_AMOUNT, T.WRONG_AMOUNT),
        ({"amount": AMOUNT + 1}, Effect.WRONG_AMOUNT, T.WRONG_AMOUNT),
        ({"amount": None}, Effect.WRONG_AMOUNT, T.WRONG_AMOUNT),
        ({"currency": "USD"}, Effect.WRONG_CURRENCY, T.WRONG_CURRENCY),
        ({"currency": "USD", "amount": 1}, Effect.WRONG_CURRENCY, T.WRONG_CURRENCY),
    ],
)
def test_p14_another_amount_changes_nothing(
    state: AttemptState, wrong: dict[str, Any], effect: Effect, task: TaskKind
) -> None:
    """An amount or a currency that is not what is due changes nothing, in no state: a person looks."""
    of = known(state)

    assert stays(of, effect, task) == hear(of, told(**wrong))


@pytest.mark.parametrize("state", A)
@pytest.mark.parametrize("verdict", [V.FAILED, V.PENDING])
@pytest.mark.parametrize(
    ("wrong", "effect", "task"),
    [
        ({"amount": 1}, Effect.WRONG_AMOUNT, T.WRONG_AMOUNT),
        ({"amount": 0, "currency": "VND"}, Effect.WRONG_AMOUNT, T.WRONG_AMOUNT),
        ({"amount": AMOUNT, "currency": "USD"}, Effect.WRONG_CURRENCY, T.WRONG_CURRENCY),
    ],
)
def test_p14_what_is_no_success_over_another_amount(
    state: AttemptState, verdict: Verdict, wrong: dict[str, Any], effect: Effect, task: TaskKind
) -> None:
    """A failure or a delay that names other money than is due is none of this payment: a person looks."""
    of = known(state)

    assert stays(of, effect, task) == hear(of, told(verdict, **wrong))
    assert hear(of, told(verdict)) == hear(of, told(verdict, amount=AMOUNT, currency="VND"))


def test_no_currency_is_the_contracts() -> None:
    """A gateway whose messages name no currency means ours."""
    assert paid(Effect.RECORDED) == hear(known(), told(currency=None))


def test_second_transaction_on_one_reference() -> None:
    """Another transaction on a paid reference is money that came twice: the first counts, the other goes back."""
    of = known(A.PAID)

    assert stays(of, Effect.DOUBLE, T.DOUBLE_PAYMENT) == hear(of, told(transaction="T2"))


def test_transaction_learned_later() -> None:
    """A success that came without its transaction learns it from the next word, and is the same success."""
    of = known(A.PAID, transaction=None)

    assert stays(of, Effect.REPEATED, learned=True) == hear(of, told())
    assert stays(known(A.PAID), Effect.REPEATED) == hear(known(A.PAID), told(transaction=None))


@pytest.mark.parametrize("state", [A.OPEN, A.EXPIRED, A.PAID])
def test_transaction_of_another_attempt(state: AttemptState) -> None:
    """One transaction pays one attempt: named for a second one it pays nothing, and a person looks."""
    of = known(state, transaction="T1" if state is A.PAID else None, is_elsewhere=True)

    assert stays(of, Effect.CONTRADICTED, T.CONTRADICTION) == hear(of, told(transaction="T9"))


@pytest.mark.parametrize(("state", "payment"), [*product((A.OPEN, A.CLOSED, A.EXPIRED), sorted(PAID_PAYMENTS))])
def test_second_attempt_paid(state: AttemptState, payment: PaymentState) -> None:
    """A second attempt that is paid is written down as paid, counts for nothing, and asks for a refund."""
    step = hear(known(state, payment), told())

    assert (Effect.DOUBLE, A.PAID, payment, (T.DOUBLE_PAYMENT,), None) == (
        step.effect,
        step.attempt,
        step.payment,
        step.tasks,
        step.ends,
    )


def test_success_of_an_attempt_that_was_given_up() -> None:
    """The older attempt is paid while a newer one is open: it pays, and a person keeps the other from being paid."""
    of = known(A.CLOSED, P.OPEN, is_newest=False)

    assert paid(Effect.LATE, T.LATE_SUCCESS, late=True) == hear(of, told())


@pytest.mark.parametrize("verdict", [V.FAILED, V.PENDING])
def test_an_older_attempt_does_not_decide(verdict: Verdict) -> None:
    """What becomes of an older attempt is its own: the payment goes on with the newer one."""
    step = hear(known(A.OPEN, P.CREATED, is_newest=False), told(verdict))

    assert (P.CREATED, None) == (step.payment, step.ends)
    assert step.attempt is not A.OPEN


def test_open_and_paid_are_told_by_the_state() -> None:
    """Which states are open and which are paid is said in one place."""
    assert {state for state in P if state.is_open} == OPEN_PAYMENTS
    assert {state for state in P if state.is_paid} == PAID_PAYMENTS
    assert {state for state in A if state.is_open} == OPEN_ATTEMPTS == set(IS_OPEN)


# -- when to ask ----------------------------------------------------------------------------------------------------

OPENED = datetime(2026, 7, 3, 5, 0, tzinfo=UTC)


def test_questions() -> None:
    """Asked after 2, 5, 15 and 30 minutes, then hourly, for 72 hours."""
    at, asked, minutes = OPENED, 0, []
    while (due := next_question(OPENED, asked, at)) is not None:
        minutes.append((due - OPENED) // timedelta(minutes=1))
        at, asked = due, asked + 1

    assert [2, 5, 15, 30, *range(60, 72 * 60 + 1, 60)] == minutes
    assert len(minutes) == len(QUESTIONS)


def test_a_pause_is_not_made_up() -> None:
    """A house that stood still for ten hours asks once for all questions it missed, and a clock set back asks less."""
    assert OPENED + timedelta(hours=11) == next_question(OPENED, 1, OPENED + timedelta(hours=10))
    assert OPENED + timedelta(minutes=30) == next_question(OPENED, 3, OPENED - timedelta(hours=1))


def test_reference() -> None:
    """Twenty letters and digits, the day being the citizen's."""
    late = datetime(2026, 1, 14, 18, 0, tzinfo=UTC)

    assert "TT260115000000000701" == reference_of("gate", 7, late, 1)
    assert "TT260115999999999902" == reference_of("gate", 9_999_999_999, late, 2)


def test_an_installation_without_payments() -> None:
    """Where nothing is configured nobody takes a payment, and nobody is told."""
    assert NO_PAYMENTS.gateway_for("H99", "1.0", ["fee"], OPENED, None) is None
    assert NO_PAYMENTS.taker("one-stop/h99") is None


# -- paid fees in a record ------------------------------------------------------------------------------------------


def fee(**changes: Any) -> dict[str, Any]:
    made = {"code": "L1", "name": "Lệ phí", "kind": "charge", "amount": 100, "currency": "VND", "state": "unpaid"}
    return made | changes


def one(**changes: Any) -> PaidFee:
    made: dict[str, Any] = {"kind": "charge", "code": "L1", "name": "Lệ phí", "amount": 100}
    return PaidFee(**(made | changes))


def test_a_record_without_payments_is_as_it_was() -> None:
    """Nothing paid, nothing changed; and what comes back is the caller's own."""
    data = {"fees": [fee()], "paid_online": "none"}

    assert data == with_payments(data, [])
    assert data is not with_payments(data, [])


@pytest.mark.parametrize(("through", "shown"), [("portal", "portal"), ("province", "province")])
def test_a_paid_fee(through: str, shown: str) -> None:
    """The fee is paid, once, and where it was paid is told; the record that came in stays as it is."""
    data: dict[str, Any] = {"fees": [fee(), fee()], "paid_online": "none", "unit": "H99"}

    made = with_payments(data, [one(through=through)])

    assert ["paid", "unpaid"] == [each["state"] for each in made["fees"]]
    assert (shown, "H99") == (made["paid_online"], made["unit"])
    assert ["unpaid", "unpaid"] == [each["state"] for each in data["fees"]]


def test_two_ways() -> None:
    """Of two payments one through the portal: the record says the portal."""
    data = {"fees": [fee(), fee(code="L2")]}
    made = with_payments(data, [one(), one(code="L2", through="portal")])

    assert ["paid", "paid"] == [each["state"] for each in made["fees"]]
    assert "portal" == made["paid_online"]


@pytest.mark.parametrize(
    ("told_state", "ours", "shown"),
    [
        ("unpaid", "paid", "paid"),
        ("unpaid", "refunded", "refunded"),
        ("paid", "refunded", "refunded"),
        ("paid", "paid", "paid"),
        ("refunded", "paid", "refunded"),
        ("waived", "paid", "waived"),
    ],
)
def test_whose_word_is_later(told_state: str, ours: str, shown: str) -> None:
    """The source's word stays where it is later than ours."""
    made = with_payments({"fees": [fee(state=told_state)], "paid_online": None}, [one(state=ours)])

    assert shown == made["fees"][0]["state"]
    assert (None if ours == "refunded" else "province") == made["paid_online"]


@pytest.mark.parametrize(("other", "shown"), [("unpaid", "none"), ("paid", "portal")])
def test_what_was_shown_is_taken_back(other: str, shown: str) -> None:
    """A record that showed a payment shows none once it is paid back, unless another fee of it is still paid."""
    first = with_payments({"fees": [fee(), fee(code="L2", state=other)]}, [one(through="portal")])

    then = with_payments(first, [one(state="refunded", through="portal")])

    assert ("refunded", shown) == (then["fees"][0]["state"], then["paid_online"])


def test_a_fee_that_the_record_does_not_name() -> None:
    """It is added; but not beside one of its own code with another amount, which would be a second fee."""
    assert [fee(state="paid")] == with_payments({}, [one()])["fees"]
    assert [fee(amount=99)] == with_payments({"fees": [fee(amount=99)]}, [one()])["fees"]
