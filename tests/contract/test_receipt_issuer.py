"""The issuer's adapter against its mock on a port: whatever is lost, a payment has one receipt of each kind."""

from __future__ import annotations

import itertools
import logging
import unicodedata
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.channels.http import HttpChannel
from adapters.partners.receipt_issuer.adapter import receipt_issuer
from adapters.partners.receipt_issuer.settings import check_settings
from adapters.partners.receipt_issuer.wire import facts_of, invoices_xml, receipts_of
from bus.errors import Unmappable
from bus.messages import Delivered, InDoubt, Refused, Unreachable
from bus.ports import SystemClock
from contracts.mock_faults import FaultOrder
from contracts.receipt_issuer.mock import ACCOUNT, ReceiptIssuer
from contracts.receipt_issuer.places import ADJUST, CANCEL, PUBLISH, UNMARK, VIEW
from contracts.serve import serve
from tests.receipt_kit import FEES, REFERENCE, TOO_SLOW, carry, issuer_with, refunded, settings_for, settled, standing
from tests.world import SimClock

LOST = (
    {"fault": "lose_reply_after_effect"},
    {"fault": "lose_request"},
    {"fault": "reset"},
    {"fault": "reset", "after_effect": True},
    {"fault": "half_body"},
    {"fault": "html_200", "after_effect": True},
    {"fault": "http_500", "after_effect": True},
    {"fault": "wrong_content_type"},
    {"fault": "soap_fault"},
    {"fault": "late_effect", "delay": 0.05},
)
"""Ways in which the answer to a write is lost: before its effect, after it, and with the effect still to come."""
KEYS = (f"phi-{REFERENCE}", f"lephi-{REFERENCE}")
ONE = standing(fees=FEES[1:])


@pytest.fixture(scope="module")
def town():
    """One mock and one adapter for all: each test begins with empty books."""
    with issuer_with() as found:
        yield found


@pytest.fixture
def issuer(town):
    mock, adapter = town
    mock.reset()
    return mock, adapter


def issued(mock: ReceiptIssuer) -> Counter[str]:
    return Counter(effect.entry["key"] for effect in mock.effects if effect.operation in (PUBLISH, ADJUST))


def calls(mock: ReceiptIssuer) -> list[str]:
    return [visit.operation for visit in mock.log.page()]


# -- the plain walk ----------------------------------------------------------------------------------------------------


def test_one_receipt_for_each_kind(issuer):
    """Phí and lệ phí get a receipt each, with number and page; no rule of the contract is broken."""
    mock, adapter = issuer
    outcome, attempts = carry(adapter, settled())

    assert Delivered(receipt="0000001, 0000002") == outcome
    assert [PUBLISH, VIEW, PUBLISH, VIEW] == calls(mock)
    facts = attempts[-1].facts["receipts"]
    assert [("fee", KEYS[0], "0000001"), ("charge", KEYS[1], "0000002")] == [
        (fact["kind"], fact["key"], fact["number"]) for fact in facts
    ]
    assert all("Nguyễn Văn A" in fact["body"].decode() for fact in facts)
    assert [] == [broken for visit in mock.log.page() for broken in visit.broken]


def test_kinds_that_cost_nothing_have_no_receipt(issuer):
    """A fee of 0 đồng is on no receipt."""
    mock, adapter = issuer
    fees = ({**FEES[0], "amount": 0}, FEES[1])

    assert isinstance(carry(adapter, settled(payment=standing(fees=fees)))[0], Delivered)
    assert {KEYS[1]: 1} == issued(mock)


@pytest.mark.parametrize("amount", [1, 999, 1_005, 20_000, 1_050_000, 999_999_999_999, 10**12])
def test_every_amount(issuer, amount):
    """From one đồng to 10^12 the sums and the words are what the issuer takes."""
    mock, adapter = issuer
    paid = standing(fees=({**FEES[1], "amount": amount},))

    assert isinstance(carry(adapter, settled(payment=paid))[0], Delivered)
    assert [str(amount)] == [effect.entry["amount"] for effect in mock.effects]


@pytest.mark.parametrize(
    "name",
    [
        "<b>&amp;</b> \"Lê\" 'O' ]]>",
        "</CusName></Invoice><key>phi-x</key>",
        unicodedata.normalize("NFD", "Nguyễn Thị Ước"),
        "  Trần \n\t Văn  ",
        "😀 𠀀",
        "Ư" * 200,
    ],
)
def test_names_are_only_text(issuer, name):
    """Markup, letters that came apart, blanks, signs beyond the first plane: a receipt says the name and no more."""
    mock, adapter = issuer
    paid = standing(payer={"name": name, "address": name, "email": f"{'x' * 60}@example.invalid"})

    assert isinstance(carry(adapter, settled(payment=paid))[0], Delivered)
    assert unicodedata.normalize("NFC", " ".join(name.split())) == mock.books.receipts[KEYS[0]].receipt.payer


@pytest.mark.parametrize(
    ("payer", "fee", "why"),
    [
        ({"name": "Ư" * 201}, "Phí", "CusName: too_long"),
        ({"name": "A", "address": "x" * 301}, "Phí", "CusAddress: too_long"),
        ({"name": "A"}, "x" * 201, "ProdName: too_long"),
        ({"name": "A\x00B"}, "Phí", "CusName: not_in_xml"),
        ({"name": "A\uffffB"}, "Phí", "CusName: not_in_xml"),
        ({"name": "A\ud800B"}, "Phí", "CusName: not_in_xml"),
    ],
)
def test_p07_what_a_receipt_cannot_say_is_held(issuer, payer, fee, why):
    """Too long, or no XML: held with the field named before anything is sent; a receipt is never cut."""
    mock, adapter = issuer
    paid = standing(payer=payer, fees=({**FEES[0], "name": fee},))

    with pytest.raises(Unmappable, match=why):
        adapter.deliver([settled(payment=paid)])
    assert [] == calls(mock)


@pytest.mark.parametrize(("dated", "day"), [("issued", "05/07/2026"), ("paid", "03/07/2026")])
def test_day_of_a_receipt(dated, day):
    """A receipt bears the day of issuing, or of payment, as Vietnam counts days: 17:30 UTC is the next one."""
    settings = settings_for("http://127.0.0.1:9", dated=dated)
    delivery = settled(payment=ONE)
    facts = facts_of(delivery, settings, datetime(2026, 7, 4, 17, 30, tzinfo=UTC))

    assert f"<ArisingDate>{day}</ArisingDate>" in invoices_xml(receipts_of(delivery)[0], facts, settings)


def test_many_fees_of_one_kind(issuer):
    """Fees of one kind are rows of one receipt; what repeats their names is shortened as the field does it."""
    mock, adapter = issuer
    fees = tuple({**FEES[0], "name": f"Phí số {n} {'x' * 180}"} for n in range(5))

    assert isinstance(carry(adapter, settled(payment=standing(fees=fees)))[0], Delivered)
    assert 5 == len(mock.books.receipts[KEYS[0]].receipt.products)


# -- lost answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: "+".join(str(part) for part in lost.values()))
@pytest.mark.parametrize("which", KEYS)
def test_p05_lost_publish_is_looked_up_and_never_doubled(issuer, lost, which):
    """Whatever happens to the answer of a publish, each kind ends up with one receipt, and a look-up stood between."""
    mock, adapter = issuer
    mock.faults.arm(FaultOrder(operation=PUBLISH, dossier=which, count=1, **lost))

    outcome, attempts = carry(adapter, settled())

    assert isinstance(outcome, Delivered)
    assert {KEYS[0]: 1, KEYS[1]: 1} == issued(mock)
    assert set(KEYS) == {fact["key"] for attempt in attempts for fact in attempt.facts.get("receipts", ())}
    tried = [n for n, operation in enumerate(calls(mock)) if operation == PUBLISH]
    assert all(VIEW in calls(mock)[first:then] for first, then in itertools.pairwise(tried))


@pytest.mark.parametrize("fault", ["lose_request", "reset", "half_body", "html_200", "http_500", "wrong_content_type"])
def test_p02_lost_view_publishes_nothing_again(issuer, fault):
    """The page may be lost too: the receipt is there, its number known, and only the page is fetched again."""
    mock, adapter = issuer
    mock.faults.arm(FaultOrder(fault=fault, operation=VIEW, count=2))

    outcome, attempts = carry(adapter, settled())

    assert isinstance(outcome, Delivered)
    assert {KEYS[0]: 1, KEYS[1]: 1} == issued(mock)
    assert 2 == calls(mock).count(PUBLISH)
    assert "0000001" == attempts[0].facts["receipts"][0]["number"]


def test_slow_answer_is_a_lost_one(issuer):
    """An answer that comes after our patience is looked up like any other."""
    mock, adapter = issuer
    mock.faults.arm(FaultOrder(fault="slow", operation=PUBLISH, count=1, seconds=TOO_SLOW))

    assert isinstance(carry(adapter, settled(payment=ONE))[0], Delivered)
    assert {KEYS[1]: 1} == issued(mock)


@pytest.mark.parametrize("lost", LOST[:8], ids=lambda lost: "+".join(str(part) for part in lost.values()))
@pytest.mark.parametrize("operation", [UNMARK, CANCEL])
def test_p02_lost_cancel_is_repeated(issuer, lost, operation):
    """Cancelling is repeated until it is known to be done, and takes effect once for each receipt."""
    mock, adapter = issuer
    carry(adapter, settled())
    mock.faults.arm(FaultOrder(operation=operation, count=1, **lost))

    outcome, attempts = carry(adapter, refunded(50_000))

    assert isinstance(outcome, Delivered)
    assert 2 == sum(effect.operation == CANCEL for effect in mock.effects)
    assert {"cancelled"} == {fact["state"] for fact in attempts[-1].facts["receipts"]}


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: "+".join(str(part) for part in lost.values()))
def test_p02_lost_adjustment_is_looked_up(issuer, lost):
    """A part that was given back adjusts the receipt once."""
    mock, adapter = issuer
    carry(adapter, settled(payment=ONE))
    mock.faults.arm(FaultOrder(operation=ADJUST, count=1, **lost))

    outcome, _ = carry(adapter, refunded(10_000, payment=ONE))

    assert isinstance(outcome, Delivered)
    assert {KEYS[1]: 1, f"{KEYS[1]}-g10000": 1} == issued(mock)
    assert 20_000 == mock.books.left(KEYS[1])


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("point", [f"{name}.{when}" for name in (PUBLISH, VIEW) for when in ("before", "after")])
@pytest.mark.parametrize("nth", [1, 2])
def test_p02_crash_anywhere_doubles_nothing(issuer, town, point, nth):
    """A worker that goes away at any step leaves what another one finishes: asked first, never issued twice."""
    mock, adapter = issuer
    met = Counter[str]()

    def crash(name: str) -> None:
        met[name] += 1
        if name == point and met[name] == nth:
            raise Died

    with serve(mock) as url:
        settings = settings_for(url)
        channel = HttpChannel(settings.http)
        dying = receipt_issuer(settings, channel, clock=SystemClock(), crash_point=crash)
        with pytest.raises(Died):
            dying.deliver([settled()])
        channel.close()

    outcome, _ = carry(adapter, settled(crashes=1, is_unanswered=True))

    assert isinstance(outcome, Delivered)
    assert {KEYS[0]: 1, KEYS[1]: 1} == issued(mock)


# -- noes --------------------------------------------------------------------------------------------------------------


def test_key_with_another_amount_waits_for_a_person(issuer):
    """A key that is there for another amount is not taken for ours: nothing is issued, and a person looks."""
    mock, adapter = issuer
    carry(adapter, settled(payment=ONE))
    other = standing(fees=({**FEES[1], "amount": 70_000},))

    outcome, _ = carry(adapter, settled(payment=other))

    assert isinstance(outcome, InDoubt)
    assert "hold" == outcome.then
    assert {KEYS[1]: 1} == issued(mock)


def test_page_of_another_amount_is_not_believed(issuer):
    """The same where the page does not name what was paid."""
    mock, adapter = issuer
    mock.switches.turn({"page_shows": "other_amount"})

    outcome, _ = carry(adapter, settled(payment=ONE))

    assert isinstance(outcome, InDoubt)
    assert "hold" == outcome.then


def test_number_that_no_page_shows(issuer):
    """Where the answer was lost and the page shows no number, the receipt is known by its key alone."""
    mock, adapter = issuer
    mock.switches.turn({"page_shows": "no_number"})
    mock.faults.arm(FaultOrder(fault="lose_reply_after_effect", operation=PUBLISH, count=1))

    outcome, attempts = carry(adapter, settled(payment=ONE))

    assert Delivered(receipt=KEYS[1]) == outcome
    assert "" == attempts[-1].facts["receipts"][0]["number"]


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"ac_pass": "wrong"}, {"serial": "X-1"}])
def test_what_is_of_the_way_is_no_refusal(issuer, town, changes):
    """Wrong accounts and forms say that nothing else would be taken either: it waits until somebody mends it."""
    mock, _ = issuer
    with serve(mock) as url:
        settings = settings_for(url, **changes)
        channel = HttpChannel(settings.http)
        outcome = receipt_issuer(settings, channel, clock=SystemClock()).deliver([settled(payment=ONE)])[0].outcome
        channel.close()

    assert isinstance(outcome, Unreachable)
    assert outcome.is_down
    assert 0 == len(mock.effects)


def test_refusal_is_final(issuer):
    """A no to the receipt itself is refused with its code."""
    mock, adapter = issuer
    mock.faults.arm(FaultOrder(fault="refuse_record", operation=PUBLISH, count=9))

    outcome, attempts = carry(adapter, settled(payment=ONE))

    assert isinstance(outcome, Refused)
    assert ("ERR:3", 1) == (outcome.code, len(attempts))


def test_later_is_honoured(issuer):
    """A rate limit with its time is no sign of trouble."""
    mock, adapter = issuer
    mock.faults.arm(FaultOrder(fault="rate_limited", operation=PUBLISH, count=1, retry_after=7))

    outcome = adapter.deliver([settled(payment=ONE)])[0].outcome

    assert isinstance(outcome, Unreachable)
    assert (timedelta(seconds=7), False) == (outcome.retry_after, outcome.is_down)


# -- refunds -----------------------------------------------------------------------------------------------------------


def test_whole_refund_cancels_every_receipt(issuer):
    """What was given back whole has no receipt any more: unmarked, cancelled, each once."""
    mock, adapter = issuer
    carry(adapter, settled())
    outcome, _ = carry(adapter, refunded(50_000))

    assert isinstance(outcome, Delivered)
    assert ["cancelled", "cancelled"] == [kept.standing for kept in mock.books.receipts.values()]


def test_parts_adjust_until_nothing_is_left(issuer):
    """Parts adjust the one receipt down, each under a name of its own, the last part too."""
    mock, adapter = issuer
    carry(adapter, settled(payment=ONE))
    carry(adapter, refunded(10_000, total=10_000, payment=ONE))
    carry(adapter, refunded(10_000, total=10_000, payment=ONE, tries=1))

    assert 20_000 == mock.books.left(KEYS[1])
    assert isinstance(carry(adapter, refunded(20_000, total=30_000, payment=ONE))[0], Delivered)
    assert 0 == mock.books.left(KEYS[1])


def test_part_of_two_receipts_is_for_a_person(issuer):
    """Nobody says of which of two receipts a part was given back: it is held before anything is sent."""
    mock, adapter = issuer

    with pytest.raises(Unmappable, match="refund_not_split"):
        adapter.deliver([refunded(10_000)])
    assert [] == calls(mock)


def test_last_part_of_two_receipts_cancels_both(issuer):
    """Once nothing is left of a payment with two receipts, both are cancelled."""
    mock, adapter = issuer
    carry(adapter, settled())

    assert isinstance(carry(adapter, refunded(40_000, total=50_000))[0], Delivered)
    assert 2 == sum(effect.operation == CANCEL for effect in mock.effects)


def test_refund_of_what_was_never_receipted(issuer):
    """Without a receipt there is nothing to take back; one that must be there and is not is refused."""
    _, adapter = issuer
    known = replace(ONE, receipts={"charge": "0000009"})

    assert isinstance(carry(adapter, refunded(30_000, payment=ONE))[0], Delivered)
    assert isinstance(carry(adapter, refunded(30_000, payment=known))[0], Refused)
    assert isinstance(carry(adapter, refunded(1_000, payment=ONE))[0], Refused)


# -- what is kept, and manners -----------------------------------------------------------------------------------------


def test_passwords_stand_nowhere(issuer, caplog):
    """No kept exchange, in either direction, and no log line holds a password; the account's name may stand."""
    _, adapter = issuer
    with caplog.at_level(logging.DEBUG):
        _, first = carry(adapter, settled())
        _, second = carry(adapter, refunded(50_000))
    kept = b"".join(
        part
        for attempt in (*first, *second)
        for each in attempt.exchanges
        for part in (each.request_head, each.request_body, each.reply_head, each.reply_body or b"")
    )

    assert 8 <= kept.count(b"***")
    assert ACCOUNT.account.encode() in kept
    for secret in (ACCOUNT.ac_pass, ACCOUNT.password, "mock-staff-"):
        assert secret.encode() not in kept
        assert secret not in caplog.text
        assert secret not in repr(settings_for("http://127.0.0.1:9"))


def test_reply_that_repeats_a_password_is_kept_without_it():
    """Where their answer says our password back, the exchange has stars in its place."""
    from adapters.partners.receipt_issuer.speaking import Services
    from tests.builders import make_exchange

    services = Services(settings_for("http://127.0.0.1:9"))
    echo = make_exchange(reply_body=f"wrong: {ACCOUNT.password}; mock-staff-&amp;-&lt;pass&gt;".encode())

    assert b"wrong: ***; ***" == services.kept(echo).reply_body


def test_no_call_outlives_its_lease(issuer):
    """An attempt of several calls ends before its lease does: the rest goes again, looked up first."""
    mock, _ = issuer
    clock = SimClock(datetime.now(UTC))
    with serve(mock) as url:
        settings = settings_for(url)
        channel = HttpChannel(settings.http)

        def slow(name: str) -> None:
            if name == f"{PUBLISH}.after":
                clock.sleep(9)

        adapter = receipt_issuer(settings, channel, clock=clock, crash_point=slow)
        attempt = adapter.deliver([settled(leased_until=clock.now() + timedelta(seconds=10))])[0]
        channel.close()

    assert [PUBLISH] == [each.operation for each in attempt.exchanges]
    assert isinstance(attempt.outcome, Unreachable)
    assert "0000001" == attempt.facts["receipts"][0]["number"]


def test_shadow_sends_nothing(issuer):
    """A shadow shapes and checks, and nothing leaves."""
    mock, adapter = issuer

    assert isinstance(adapter.deliver([settled(is_shadow=True)])[0].outcome, Unreachable)
    assert [] == calls(mock)


@pytest.mark.parametrize("payment", [None, standing(asked={}), standing(amount=1)])
def test_what_cannot_be_receipted_is_held(issuer, payment):
    """Without a payment, or with fees that are not its amount, nothing is sent."""
    mock, adapter = issuer
    delivery = replace(settled(), payment=payment)

    with pytest.raises(Unmappable):
        adapter.check(delivery)
    with pytest.raises(Unmappable):
        adapter.deliver([delivery])
    assert [] == calls(mock)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"url": "https://x.example.invalid/a?b=1"}, "url"),
        ({"serial": ""}, "pattern"),
        ({"view_number": "("}, "view_number"),
        ({"view_number": "Số"}, "one group"),
    ],
)
def test_settings_that_break_a_promise(changes, why):
    """Settings are refused when they are made, not when the first receipt is due."""
    with pytest.raises(ValueError, match=why):
        check_settings(replace(settings_for("http://127.0.0.1:9"), **changes))
