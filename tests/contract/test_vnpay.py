"""VNPAY's adapter against its strict mock on a real port: a citizen's browser opens, we ask and pay back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from adapters.channels.http import HttpChannel
from adapters.partners.gateways.answers import RefundSaid
from adapters.partners.vnpay import replies
from adapters.partners.vnpay.adapter import Vnpay
from bus.errors import Unmappable
from bus.messages import Awaiting, Delivered, InDoubt, Refused, Unreachable
from bus.payments import Verdict
from contracts.vnpay.places import ANSWERED, message_hash
from tests.builders import make_exchange
from tests.gateway_kit import (
    AMOUNT,
    HASTY,
    MADE_AT,
    REFERENCE,
    REFUND,
    VNPAY,
    make_standing,
    refunding,
    requested,
    vnpay_settings,
    vnpay_world,
)

LOST = ("half_body", "html_200", "http_500", "wrong_content_type", "reset", "lose_request")


@pytest.fixture
def world():
    with vnpay_world() as made:
        yield made


@pytest.fixture
def opened(world):
    """An order that a citizen opened."""
    world.open(world.deliver(requested()).facts["pay_url"])
    return world


@pytest.fixture
def paid(opened):
    """An order that was paid."""
    opened.pay(result="paid", callbacks=0)
    return opened


def refunds(world):
    return [effect for effect in world.mock.effects if effect.operation == "refund"]


# -- the address ----------------------------------------------------------------------------------------------------


def test_address(world):
    """The address is signed here, without a call; the mock takes it, and shows its page over the exact amount."""
    attempt = world.deliver(requested())
    reply = world.open(attempt.facts["pay_url"])

    outcome = Awaiting(reference=REFERENCE, ask_at=MADE_AT + timedelta(minutes=2), lane_goes_on=True)
    assert (outcome, ()) == (attempt.outcome, attempt.exchanges)
    assert (303, f"/vnpay/pay/{REFERENCE}") == (reply.status, reply.headers["Location"])
    assert MADE_AT + timedelta(hours=24) == attempt.facts["opened_until"]
    assert [AMOUNT] == [order.amount for order in world.mock.orders]
    assert [] == [broken for visit in world.mock.log.page() for broken in visit.broken]


def test_address_is_the_same_each_time(world):
    """Made anew it is the same to the letter, at whatever hour, and opened twice it is one order."""
    first = world.deliver(requested()).facts["pay_url"]
    world.clock.at += timedelta(hours=3)
    second = world.deliver(requested()).facts["pay_url"]
    world.open(first)
    world.open(second)

    assert first == second
    assert 1 == len(world.mock.effects)


def test_hour_has_twenty_four(world):
    """14:30:05 in Vietnam is written 143005, not 023005."""
    told = parse_qs(urlsplit(world.deliver(requested()).facts["pay_url"]).query)

    assert ["20260703143005"] == told["vnp_CreateDate"]
    assert ["7500000"] == told["vnp_Amount"]


@pytest.mark.parametrize("name", ["vnp_Amount", "vnp_TxnRef", "vnp_TmnCode", "vnp_CurrCode", "vnp_ReturnUrl"])
def test_changed_address_opens_nothing(world, name):
    """A parameter changed by whoever carries the address makes it worthless."""
    url = world.deliver(requested()).facts["pay_url"]
    head, tail = url.split(f"{name}=")
    changed = f"{head}{name}=1{tail[1:]}"

    assert (changed != url, 400) == (True, world.open(changed).status)
    assert 0 == len(world.mock.effects)


def test_address_past_its_time(world):
    """After its time the page takes no payment."""
    url = world.deliver(requested()).facts["pay_url"]
    world.clock.at += timedelta(hours=25)

    assert 400 == world.open(url).status


# -- the question ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "verdict", "outcome"),
    [
        ("paid", Verdict.PAID, Delivered),
        ("failed", Verdict.FAILED, Refused),
        ("pending", Verdict.PENDING, Awaiting),
    ],
)
def test_question(opened, result, verdict, outcome):
    """What became of an order is told with amount, transaction, bank and time."""
    opened.pay(result=result, callbacks=0)
    attempt = opened.ask(requested())

    told = attempt.facts["told"]
    moved = result == "paid"
    assert (verdict, AMOUNT if moved else None, None, "query", "vnpay-1") == (
        told.verdict, told.amount, told.currency, told.via, told.key_id,
    )  # fmt: skip
    assert isinstance(attempt.outcome, outcome)
    assert (MADE_AT, "NCB", True) == (told.paid_at, told.bank, bool(told.transaction)) if moved else not told.bank
    assert [] == opened.broken()


def test_address_that_nobody_opened(world):
    """VNPAY knows nothing of it, and the citizen may still open it: the payment stays open, none is begun anew."""
    attempt = world.ask(requested())

    assert ("91/", Verdict.PENDING) == (attempt.facts["told"].code, attempt.facts["told"].verdict)
    assert isinstance(attempt.outcome, Awaiting)


def test_question_names_the_time_of_the_address(opened):
    """Asked with an hour of twelve, VNPAY finds nothing: so the time is the attempt's, for ever."""
    trap = requested(make_standing(made_at=MADE_AT - timedelta(hours=12)))

    assert "91/" == opened.ask(trap).facts["told"].code
    assert "00/01" == opened.ask(requested()).facts["told"].code


def test_each_question_has_a_name(opened):
    """No RequestId is used twice in a day."""
    for _ in range(3):
        opened.ask(requested())

    assert ["00/01"] * 3 == [attempt.facts["told"].code for attempt in opened.tried[1:]]


@pytest.mark.parametrize("fault", [*LOST, "rate_limited"])
def test_unanswered_question_proves_nothing(opened, fault):
    """A question that was not answered leaves everything open."""
    opened.arm(fault, operation="querydr")
    attempt = opened.ask(requested())

    assert isinstance(attempt.outcome, InDoubt)
    assert "told" not in attempt.facts


def test_slow_answer_proves_nothing(opened):
    """Who waits no longer has not been told."""
    opened.arm("slow", operation="querydr", seconds=20)
    channel = HttpChannel(HASTY)
    attempt = Vnpay(vnpay_settings(opened.url, http=HASTY), channel, clock=opened.clock).ask(requested())
    channel.close()

    assert isinstance(attempt.outcome, InDoubt)
    assert {} == attempt.facts


def test_answer_under_another_secret(paid):
    """An answer whose checksum no secret of ours makes is not looked into; a refused question neither."""
    paid.mock.account = replace(paid.mock.account, secret="another-secret-altogether")
    with capture_logs() as lines:
        outcome = paid.ask(requested(partner="vnpay")).outcome

    assert InDoubt(reason="wrong_checksum", is_down=False) == outcome
    told = {"partner": "vnpay", "operation": "querydr", "cause": "wrong_checksum"}
    assert [told] == [{name: line[name] for name in told} for line in lines if line["event"] == "answer_not_believed"]


def test_another_amount_is_told_as_it_is(opened):
    """What was booked is told as booked; the ledger compares."""
    opened.pay(result="paid", amount=AMOUNT - 1, callbacks=0)

    assert AMOUNT - 1 == opened.ask(requested()).facts["told"].amount


# -- refunds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "outcome", "booked"), [("refunded", Delivered, 1), ("pending", Awaiting, 1), ("rejected", Refused, 0)]
)
def test_refund(paid, how, outcome, booked):
    """A refund is done, under way or rejected, as VNPAY says, and its number is kept."""
    paid.mock.switches.turn({"refunds": how})
    attempt = paid.deliver(refunding())

    assert isinstance(attempt.outcome, outcome)
    assert {"state": how, "reference": "RF26070300001"} == attempt.facts["refund"]
    assert booked == len(refunds(paid))
    assert [] == paid.broken()


def test_refund_of_a_part(paid):
    """A part is told as a part."""
    assert isinstance(paid.deliver(refunding(replace(REFUND, amount=1_000))).outcome, Delivered)
    assert ["1000"] == [effect.entry["amount"] for effect in refunds(paid)]


@pytest.mark.parametrize(("end", "outcome"), [("refunded", Delivered), ("rejected", Refused), ("pending", Awaiting)])
def test_pending_refund_is_asked_about(paid, end, outcome):
    """A refund under way is asked about by its number until it ends."""
    paid.mock.switches.turn({"refunds": "pending", "pending_refunds": end})
    number = paid.deliver(refunding()).facts["refund"]["reference"]
    attempt = paid.ask(refunding(replace(REFUND, partner_reference=number)))

    assert isinstance(attempt.outcome, outcome)
    assert {"state": end, "reference": number} == attempt.facts["refund"]


def test_lost_refund_that_was_taken(paid):
    """Its answer lost, the first refund of a payment is known again by its amount, and is not sent twice."""
    paid.arm("lose_reply_after_effect", operation="refund")
    first = paid.deliver(refunding())
    asked = paid.ask(refunding())

    assert ("ask", 1) == (first.outcome.then, len(refunds(paid)))
    assert isinstance(asked.outcome, Delivered)
    assert "refunded" == asked.facts["refund"]["state"]


@pytest.mark.parametrize("fault", LOST)
def test_lost_refund_that_cannot_be_told_apart(paid, fault):
    """Where something was paid back before, or nothing of it is shown, a person decides; it is never sent again."""
    paid.arm(fault, operation="refund")
    lost = replace(REFUND, amount=1_000, refunded_before=1_000)
    first = paid.deliver(refunding(lost))
    asked = paid.ask(refunding(lost))

    assert isinstance(first.outcome, InDoubt)
    assert "hold" == asked.outcome.then
    assert {} == asked.facts


def test_refund_that_is_shown_is_another(paid):
    """A refund of another amount, or under another number, says nothing of ours."""
    paid.deliver(refunding(replace(REFUND, amount=1_000)))

    assert "hold" == paid.ask(refunding(replace(REFUND, amount=2_000))).outcome.then
    assert "hold" == paid.ask(refunding(replace(REFUND, amount=1_000, partner_reference="RF1"))).outcome.then


@pytest.mark.parametrize(("status", "state"), [("00", "refunded"), ("05", "pending"), ("09", "rejected")])
def test_answer_to_a_refund_of_another_amount(status, state):
    """A yes over another amount than was ordered is no yes, however well it is signed; a no needs no amount (r36)."""

    def said(amount):
        answer = {"vnp_ResponseCode": "00", "vnp_TransactionStatus": status, "vnp_Amount": amount}
        answer |= {"vnp_TmnCode": VNPAY.tmn_code, "vnp_TxnRef": REFERENCE}
        answer["vnp_SecureHash"] = message_hash(ANSWERED["refund"], answer, VNPAY.secret)
        exchange = make_exchange(status=200, reply_body=json.dumps(answer).encode())
        return replies.refund_said(exchange, make_standing(), replace(REFUND, amount=1_000), vnpay_settings())

    assert state == said("100000").state == said("").state
    assert isinstance(said("100"), RefundSaid if state == "rejected" else InDoubt)


def test_unanswered_question_about_a_refund(paid):
    """No answer, or one that nobody signed: the question goes again, and nobody needs to look yet."""
    paid.arm("http_500", operation="querydr")

    assert "ask" == paid.ask(refunding()).outcome.then


def test_same_refund_twice(paid):
    """Sent a second time under its name VNPAY takes nothing: nothing is known, it is asked about."""
    paid.deliver(refunding())
    again = paid.deliver(refunding())

    assert "94/" in again.outcome.reason
    assert ("ask", 1) == (again.outcome.then, len(refunds(paid)))


def test_refund_of_what_was_not_paid(opened):
    """VNPAY pays back nothing that was not paid there: rejected, with its code."""
    attempt = opened.deliver(refunding())

    assert "95/" == attempt.outcome.code
    assert "rejected" == attempt.facts["refund"]["state"]


def test_refund_that_was_not_taken(paid):
    """429 took nothing: the same refund goes again."""
    paid.arm("rate_limited", operation="refund")

    assert isinstance(paid.deliver(refunding()).outcome, Unreachable)


# -- our side -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delivery", "field"),
    [
        (requested(make_standing(currency="USD")), "vnp_CurrCode"),
        (replace(requested(), payment=None), "/data/payment"),
        (replace(refunding(), payment=make_standing()), "/data/refund"),
    ],
)
def test_what_cannot_be_shaped_is_not_sent(world, delivery, field):
    """What lacks a payment or a refund, or is in another currency, is held before anything is sent."""
    with pytest.raises(Unmappable, match=field):
        world.deliver(delivery)
    with pytest.raises(Unmappable, match=field):
        world.adapter.check(delivery)
    assert 0 == len(world.mock.log.page())


@pytest.mark.parametrize("dossier", ["H99/09 (bản sao)", "Đơn|1", "H99\u0301&x=1", "+%20", "x" * 300])
def test_odd_number_of_a_dossier(world, dossier):
    """Whatever a source calls its dossier, the address is one that VNPAY takes, and says nothing else than that."""
    delivery = requested()
    url = world.deliver(replace(delivery, event=replace(delivery.event, dossier=dossier))).facts["pay_url"]

    assert 303 == world.open(url).status


def test_address_names_nobody(world):
    """No personal data stands in an address that browsers and proxies keep."""
    url = world.deliver(requested()).facts["pay_url"]

    assert "Thanh+toan+ho+so+H99.09-260703-0123" in url
    assert not [word for word in ("Nguy", "099000000001", "0900000001") if word in url]
