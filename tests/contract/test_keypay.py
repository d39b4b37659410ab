"""KeyPay's adapter against its strict mock on a real port: open, ask, pay back; the judge is the mock's effect list."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.channels.http import HttpChannel
from adapters.partners.keypay.adapter import Keypay
from adapters.partners.keypay.settings import VietQr
from bus.errors import Unmappable
from bus.messages import Awaiting, Delivered, InDoubt, Refused, Unreachable
from bus.payments import Verdict
from contracts import vietqr
from tests.gateway_kit import (
    ACCOUNT,
    AMOUNT,
    HASTY,
    MADE_AT,
    REFERENCE,
    REFUND,
    keypay_settings,
    keypay_world,
    make_standing,
    refunding,
    requested,
)

LOST = ("lose_reply_after_effect", "half_body", "html_200", "http_500", "wrong_content_type", "reset", "lose_request")


@pytest.fixture
def world():
    with keypay_world() as made:
        yield made


@pytest.fixture
def opened(world):
    """An order that is open."""
    world.deliver(requested())
    return world


def test_open(world):
    """An opened payment awaits its result, its lane goes on, the citizen has an address, and no rule was broken."""
    attempt = world.deliver(requested())

    assert Awaiting(reference=REFERENCE, ask_at=MADE_AT + timedelta(minutes=2), lane_goes_on=True) == attempt.outcome
    assert {"pay_url": f"{world.url}/keypay/pay/{REFERENCE}", "qr": None, "opened_until": None} == attempt.facts
    assert ["create"] == [effect.operation for effect in world.mock.effects]
    assert [] == [broken for visit in world.mock.log.page() for broken in visit.broken]
    assert ("key-1", "hmac-sha256") == (attempt.exchanges[0].key_id, attempt.exchanges[0].algorithm)


def test_open_in_pay_later():
    """PayLater gives an address and the text of a code, which a bank's app can read: it pays this very order."""
    with keypay_world(flow="pay_later") as world:
        facts = world.deliver(requested()).facts
        scanned = vietqr.scan(facts["qr"])

    assert facts["pay_url"] == f"{world.url}/keypay/pay/{REFERENCE}"
    assert (AMOUNT, REFERENCE, ACCOUNT.account) == (scanned.amount, scanned.purpose, scanned.account)


@pytest.mark.parametrize(("account", "shown"), [("", ACCOUNT.account), ("VA0001", "VA0001")])
def test_a_code_of_our_own(account, shown):
    """Where the settings name a bank, a code over the exact amount is shown, to their account or the beneficiary's."""
    with keypay_world(vietqr=VietQr(bank_bin="999999", account=account)) as world:
        scanned = vietqr.scan(world.deliver(requested()).facts["qr"])

    assert ("999999", shown, AMOUNT, REFERENCE) == (
        scanned.bank_bin, scanned.account, scanned.amount, scanned.purpose,
    )  # fmt: skip


@pytest.mark.parametrize("host", ["https://evil.example.invalid", "javascript:alert(1)//127.0.0.1", "ftp://127.0.0.1"])
def test_citizen_is_sent_nowhere_else(world, host):
    """An address on a host that nobody listed, or of another scheme, is shown to nobody: a person looks."""
    world.mock.switches.turn({"pay_host": host})
    attempt = world.deliver(requested())

    assert isinstance(attempt.outcome, InDoubt)
    assert "hold" == attempt.outcome.then
    assert {} == attempt.facts


@pytest.mark.parametrize("fault", LOST)
def test_unclear_opening_is_asked_about(world, fault):
    """A lost or garbled answer leaves a doubt; asking says whether the order is there; nothing is opened twice."""
    world.arm(fault)
    delivery = requested()

    assert isinstance(world.deliver(delivery).outcome, InDoubt)
    attempt = world.ask(delivery)
    is_there = REFERENCE in {order.reference for order in world.mock.orders}
    assert (Verdict.PENDING if is_there else Verdict.NOT_THERE) == attempt.facts["told"].verdict
    assert isinstance(attempt.outcome, Awaiting if is_there else Unreachable)
    assert is_there == len(world.mock.effects)


def test_same_reference_is_not_opened_twice(opened):
    """A create that goes again under its reference opens nothing: what is there is found by asking."""
    again = opened.deliver(requested())

    assert isinstance(again.outcome, InDoubt)
    assert 1 == len(opened.mock.effects)


def test_refused_opening(world):
    """A no is final, with KeyPay's code and words."""
    world.mock.account = replace(world.mock.account, key_1="another-key-altogether")

    assert Refused(code="1", reason="refused: 1: Sai check_sum") == world.deliver(requested()).outcome


def test_busy_gateway(world):
    """429 is a *later* that speaks against nobody's health."""
    world.arm("rate_limited", retry_after=7)

    later = world.deliver(requested()).outcome
    assert (timedelta(seconds=7), False) == (later.retry_after, later.is_down)


def test_nobody_there():
    """Where nobody listens nothing was sent, and the same goes again later."""
    with keypay_world() as world:
        pass

    assert isinstance(world.deliver(requested()).outcome, Unreachable)


@pytest.mark.parametrize(
    ("result", "verdict", "outcome"),
    [
        ("paid", Verdict.PAID, Delivered),
        ("failed", Verdict.FAILED, Refused),
        ("pending", Verdict.PENDING, Awaiting),
    ],
)
@pytest.mark.parametrize("flow", ["pay", "pay_later"])
def test_question(flow, result, verdict, outcome):
    """What became of an order is told with amount, transaction, bank and time, in both flows."""
    with keypay_world(flow=flow) as world:
        world.deliver(requested())
        world.pay(result=result, callbacks=0)
        attempt = world.ask(requested())

    told = attempt.facts["told"]
    moved = result == "paid"
    assert (verdict, AMOUNT if moved else None, "VND" if moved else None, "query", "key-2") == (
        told.verdict, told.amount, told.currency, told.via, told.key_id,
    )  # fmt: skip
    assert isinstance(attempt.outcome, outcome)
    assert (MADE_AT, "VCB", True) == (told.paid_at, told.bank, bool(told.transaction)) if moved else not told.bank


def test_question_about_no_order(world):
    """An order that KeyPay has never seen is *not there*: a fresh attempt may be opened, and only then."""
    attempt = world.ask(requested())

    assert Verdict.NOT_THERE is attempt.facts["told"].verdict
    assert (
        Unreachable(reason="2/: Khong tim thay giao dich", retry_after=timedelta(0), is_down=False) == attempt.outcome
    )


def test_another_amount_is_told_as_it_is(opened):
    """What was booked is told as booked; the ledger compares."""
    opened.pay(result="paid", amount=AMOUNT - 1, callbacks=0)

    assert AMOUNT - 1 == opened.ask(requested()).facts["told"].amount


@pytest.mark.parametrize("fault", [*LOST[1:], "rate_limited"])
def test_unanswered_question_proves_nothing(opened, fault):
    """A question that was not answered leaves everything open; *not there* is only what KeyPay says itself."""
    opened.arm(fault, operation="detail")
    attempt = opened.ask(requested())

    assert isinstance(attempt.outcome, InDoubt)
    assert "told" not in attempt.facts


def test_slow_answer_proves_nothing(opened):
    """Who waits no longer has not been told."""
    opened.arm("slow", operation="detail", seconds=20)
    channel = HttpChannel(HASTY)
    attempt = Keypay(keypay_settings(opened.url, http=HASTY), channel, clock=opened.clock).ask(requested())
    channel.close()

    assert isinstance(attempt.outcome, InDoubt)
    assert {} == attempt.facts


def test_answer_under_another_key(opened):
    """An answer whose checksum no key of ours makes is not looked into."""
    opened.pay(result="paid", callbacks=0)
    opened.mock.account = replace(opened.mock.account, key_2="another-key-altogether")

    assert InDoubt(reason="wrong_checksum", is_down=False) == opened.ask(requested()).outcome


def test_answers_without_checksums():
    """Where KeyPay's answers carry none, a setting says so."""
    with keypay_world(signed_answers=False) as world:
        world.deliver(requested())
        world.mock.account = replace(world.mock.account, key_2="another-key-altogether")

        assert Verdict.PENDING is world.ask(requested()).facts["told"].verdict


# -- refunds --------------------------------------------------------------------------------------------------------


@pytest.fixture
def paid(opened):
    """An order that was paid."""
    opened.pay(result="paid", callbacks=0)
    return opened


@pytest.mark.parametrize(
    ("how", "outcome", "booked"), [("refunded", Delivered, 1), ("pending", Awaiting, 1), ("rejected", Refused, 0)]
)
def test_refund(paid, how, outcome, booked):
    """A refund is done, under way or rejected, as KeyPay says, and its code is kept."""
    paid.mock.switches.turn({"refunds": how})
    attempt = paid.deliver(refunding())

    assert isinstance(attempt.outcome, outcome)
    assert (how, "RF260703000001") == (attempt.facts["refund"]["state"], attempt.facts["refund"]["reference"])
    assert booked == len([effect for effect in paid.mock.effects if effect.operation == "refund"])


@pytest.mark.parametrize(("end", "outcome"), [("refunded", Delivered), ("rejected", Refused), ("pending", Awaiting)])
def test_pending_refund_is_asked_about(paid, end, outcome):
    """A refund whose code is known is asked about until it ends."""
    paid.mock.switches.turn({"refunds": "pending", "pending_refunds": end})
    code = paid.deliver(refunding()).facts["refund"]["reference"]
    attempt = paid.ask(refunding(replace(REFUND, partner_reference=code)))

    assert isinstance(attempt.outcome, outcome)
    assert {"state": end, "reference": code} == attempt.facts["refund"]


@pytest.mark.parametrize("fault", LOST)
def test_lost_refund_is_blind(paid, fault):
    """A refund whose answer was lost waits for a person, and is never sent again by itself; asking calls nobody."""
    paid.arm(fault, operation="refund")
    attempt = paid.deliver(refunding())
    asked = paid.ask(refunding())

    assert isinstance(attempt.outcome, InDoubt)
    assert "hold" == attempt.outcome.then
    assert ("hold", ()) == (asked.outcome.then, asked.exchanges)
    assert len([effect for effect in paid.mock.effects if effect.operation == "refund"]) <= 1


def test_refund_that_was_not_taken(paid):
    """429 and a closed door took nothing: the same refund goes again."""
    paid.arm("rate_limited", operation="refund")

    assert isinstance(paid.deliver(refunding()).outcome, Unreachable)


@pytest.mark.parametrize("amount", [AMOUNT + 1, 10**12])
def test_refund_of_more_than_was_paid(paid, amount):
    """More than was paid is rejected there too, whatever was asked here."""
    attempt = paid.deliver(refunding(replace(REFUND, amount=amount)))

    assert "5/" == attempt.outcome.code
    assert "rejected" == attempt.facts["refund"]["state"]


def test_second_refund_under_way(paid):
    """While one is under way KeyPay takes no other: nothing is known of ours, a person decides."""
    paid.mock.switches.turn({"refunds": "pending"})
    paid.deliver(refunding(replace(REFUND, amount=1_000)))

    assert "hold" == paid.deliver(refunding(replace(REFUND, amount=2_000))).outcome.then


# -- our side -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delivery", "field"),
    [
        (requested(make_standing(beneficiary=None)), "TKThuHuong"),
        (requested(make_standing(currency="USD")), "currency_code"),
        (replace(requested(), payment=None), "/data/payment"),
        (replace(refunding(), payment=make_standing()), "/data/refund"),
    ],
)
def test_what_cannot_be_shaped_is_not_sent(world, delivery, field):
    """What lacks an account, a payment or a refund, or is in another currency, is held before anything is sent."""
    with pytest.raises(Unmappable, match=field):
        world.deliver(delivery)
    with pytest.raises(Unmappable, match=field):
        world.adapter.check(delivery)
    assert 0 == len(world.mock.log.page())


def test_shadow_sends_nothing(world):
    """A shadow is shaped and not sent."""
    assert "shadow" == world.deliver(requested(is_shadow=True)).outcome.reason
    assert 0 == len(world.mock.log.page())


def test_only_the_block_names_the_payer(world):
    """No personal data stands in the description or the reason; the block alone names the payer."""
    world.deliver(requested())
    asked = next(iter(world.mock.orders)).asked_with

    assert "Thanh toan ho so H99.09-260703-0123" == asked["description"]
    assert "Nguyễn Thị Ví Dụ" == asked["bill_info"]["HoTenNguoiNop"]
