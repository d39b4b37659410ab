"""The adapter of the national platform against its strict mock, over a real port: openings, questions, lost answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.channels.http import HttpSettings
from bus.errors import Unmappable
from bus.messages import Awaiting, Delivered, InDoubt, Refused, Unreachable
from bus.payments import Verdict
from contracts.mock_control import control
from contracts.mocking import Request
from tests.gateway_kit import ACCOUNT, AMOUNT, FEE, REFERENCE, World, make_standing, refunding, requested
from tests.platform_kit import HASTY, platform_world

LOST = ("lose_reply_after_effect", "half_body", "html_200", "http_500", "wrong_content_type", "slow", "reset",
        "lose_request")  # fmt: skip
NOT_STORED = ("reset", "lose_request", "html_200", "http_500")
"""Faults that come instead of an answer: nothing is stored, unless they say otherwise."""


def seconds_of(fault: str) -> dict[str, float]:
    return {"seconds": 60.0} if fault == "slow" else {}


def patience(fault: str) -> dict[str, HttpSettings]:
    return {"http": HASTY} if fault == "slow" else {}


def references(world: World) -> list[str]:
    return [order.reference for order in world.mock.orders]


# -- the plain walk ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["direct", "wrapped", "wrapped_object"])
def test_opened(form):
    """An opening breaks no rule of the platform, and gives an address in each form of the answer."""
    with platform_world() as world:
        world.mock.switches.turn({"answer": form})
        attempt = world.deliver(requested())

        assert isinstance(attempt.outcome, Awaiting)
        assert attempt.outcome.lane_goes_on
        assert attempt.facts["pay_url"].endswith(f"/payment_platform/pay/{REFERENCE}")
        assert [] == world.broken()
        assert [REFERENCE] == references(world)
        assert ("current", "sha256-secret-last") == (attempt.exchanges[0].key_id, attempt.exchanges[0].algorithm)


def test_what_the_platform_has_of_it():
    """Amount, dossier, beneficiary and each fee arrive as they are; marks are taken off where ASCII is wanted."""
    standing = make_standing(amount=95_000)
    fees = [FEE, {"kind": "fee", "code": "P1", "name": "Phí thẩm định", "amount": 20_000}]
    delivery = requested(standing)
    event = replace(delivery.event, data={**delivery.event.data, "fees": fees})
    with platform_world() as world:
        world.deliver(replace(delivery, event=event))
        order = world.mock.orders.newest()

        assert order is not None
        assert [] == world.broken()
        block = order.asked_with["ThongTinBienLai"]
        assert (95_000, "20260703143005") == (order.amount, order.asked_with["ThoiGianGD"])
        assert (ACCOUNT.account, ACCOUNT.name) == (block["TKThuHuong"], block["TenTKThuHuong"])
        assert [("1", "20000"), ("2", "75000")] == [(row["LoaiPhiLePhi"], row["SoTien"]) for row in block["PhiLePhi"]]
        assert order.asked_with["ThongTinGiaoDich"].isascii()


def test_both_kinds_have_a_row():
    """Where only a charge is due, a fee of 0 stands beside it."""
    with platform_world() as world:
        world.deliver(requested())
        order = world.mock.orders.newest()

        assert order is not None
        rows = order.asked_with["ThongTinBienLai"]["PhiLePhi"]
        assert [("1", "0"), ("2", str(AMOUNT))] == [(row["LoaiPhiLePhi"], row["SoTien"]) for row in rows]


@pytest.mark.parametrize(
    ("result", "verdict", "outcome"),
    [("paid", Verdict.PAID, Delivered), ("failed", Verdict.FAILED, Refused), ("pending", Verdict.PENDING, Awaiting)],
)
def test_asked(result, verdict, outcome):
    """A question tells where the payment stands; its money is told as the platform booked it."""
    with platform_world() as world:
        world.deliver(requested())
        world.pay(result=result, callbacks=0)
        attempt = world.ask(requested())

        assert isinstance(attempt.outcome, outcome)
        assert verdict is attempt.facts["told"].verdict
        assert (AMOUNT if result == "paid" else None) == attempt.facts["told"].amount
        assert [] == world.broken()


def test_unpaid_is_pending():
    """Nobody has paid yet: asked again later, and no second attempt."""
    with platform_world() as world:
        world.deliver(requested())

        assert isinstance(world.ask(requested()).outcome, Awaiting)


@pytest.mark.parametrize(("then", "outcome"), [("paid", Delivered), ("failed", Refused)])
def test_pending_then_decided(then, outcome):
    """The bank's late answer is learned by asking, without any call back."""
    with platform_world() as world:
        world.mock.switches.turn({"pending_then": then})
        world.deliver(requested())
        world.pay(result="pending")

        assert isinstance(world.ask(requested()).outcome, Awaiting)
        assert isinstance(world.ask(requested()).outcome, outcome)


def test_unknown_there():
    """A reference that the platform does not know: said so, and only then may a fresh attempt be opened."""
    with platform_world() as world:
        attempt = world.ask(requested())

        assert isinstance(attempt.outcome, Unreachable)
        assert (timedelta(0), False) == (attempt.outcome.retry_after, attempt.outcome.is_down)
        assert Verdict.NOT_THERE is attempt.facts["told"].verdict


def test_unknown_there_by_default():
    """Until the province knows how the platform says it, no answer means "not there"."""
    with platform_world(not_there_codes=frozenset()) as world:
        assert isinstance(world.ask(requested()).outcome, InDoubt)


def test_refused():
    """A no is a no, with the platform's code and words."""
    with platform_world() as world:
        world.mock.switches.turn({"init_code": "07"})
        attempt = world.deliver(requested())

        assert isinstance(attempt.outcome, Refused)
        assert "07" == attempt.outcome.code
        assert {} == attempt.facts


@pytest.mark.parametrize("url", ["plain_http", "other_host", "none"])
def test_addresses_that_nobody_is_sent_to(url):
    """A foreign host, plain HTTP, no address: held for a person, and no citizen sees it."""
    with platform_world(pay_hosts=frozenset({"127.0.0.1"})) as world:
        world.mock.switches.turn({"pay_url": url})
        attempt = world.deliver(requested())

        assert isinstance(attempt.outcome, InDoubt)
        assert "hold" == attempt.outcome.then
        assert {} == attempt.facts


@pytest.mark.parametrize(("hash_", "checks", "outcome"), [
    ("right", "confirm", Delivered), ("wrong", "confirm", InDoubt), ("none", "confirm", InDoubt),
    ("wrong", "unchecked", Delivered),
])  # fmt: skip
def test_checksum_of_an_answer(hash_, checks, outcome):
    """Where the setting says so, an answer to a question must be hashed as a call back is."""
    with platform_world(query_checksum=checks) as world:
        world.mock.switches.turn({"query_hash": hash_})
        world.deliver(requested())
        world.pay(callbacks=0)

        assert isinstance(world.ask(requested()).outcome, outcome)


def test_refunds_are_offline():
    """There is no message for a refund: held with its rule, and nothing is sent."""
    with platform_world() as world:
        with pytest.raises(Unmappable, match="offline_refund"):
            world.adapter.check(refunding())
        with pytest.raises(Unmappable, match="offline_refund"):
            world.deliver(refunding())

        assert [] == list(world.mock.log.newest(5))


def test_nobody_to_be_paid():
    """Without a beneficiary nothing is opened: the field is named."""
    with platform_world() as world, pytest.raises(Unmappable, match="TKThuHuong"):
        world.deliver(requested(make_standing(beneficiary=None)))


def test_shadow_sends_nothing():
    """Shape it, and leave it."""
    with platform_world() as world:
        attempt = world.deliver(replace(requested(), is_shadow=True))

        assert isinstance(attempt.outcome, Unreachable)
        assert 0 == len(world.mock.orders)


def test_no_call_outlives_its_lease():
    """Where the lease would end before the answer, nothing goes out."""
    with platform_world() as world:
        delivery = replace(requested(), leased_until=world.clock.now() + timedelta(seconds=1))

        assert isinstance(world.deliver(delivery).outcome, Unreachable)
        assert 0 == len(world.mock.orders)


# -- lost answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "is_stored"), [*((fault, True) for fault in LOST), *((fault, False) for fault in NOT_STORED)]
)
def test_lost_answer_is_asked_about(fault, is_stored):
    """Whatever becomes of the answer to an opening, it is in doubt and never a no; asking tells what is true."""
    with platform_world(**patience(fault)) as world:
        more = {"after_effect": True} if fault in NOT_STORED and is_stored else {}
        world.arm(fault, **more, **seconds_of(fault))
        first = world.deliver(requested())
        asked = world.ask(requested())

        assert isinstance(first.outcome, InDoubt)
        assert "ask" == first.outcome.then
        assert isinstance(asked.outcome, Awaiting if is_stored else Unreachable)
        assert ([REFERENCE] if is_stored else []) == references(world)


@pytest.mark.parametrize("fault", LOST[1:])
def test_lost_question_proves_nothing(fault):
    """A question without a readable answer is no "not there": no fresh attempt may follow from it."""
    with platform_world(**patience(fault)) as world:
        world.deliver(requested())
        world.arm(fault, operation="QUERY", **seconds_of(fault))
        attempt = world.ask(requested())

        assert isinstance(attempt.outcome, InDoubt)
        assert attempt.facts.get("told") is None or Verdict.UNCLEAR is attempt.facts["told"].verdict


def test_nobody_there():
    """No connection: nothing was opened, and a question without one tells nothing either."""
    with platform_world(init_url="http://127.0.0.1:9/x", query_url="http://127.0.0.1:9/x") as world:
        assert isinstance(world.deliver(requested()).outcome, Unreachable)
        assert isinstance(world.ask(requested()).outcome, InDoubt)


def test_rate_limited():
    """429 says that nothing was taken, and when to come again."""
    with platform_world() as world:
        world.arm("rate_limited", retry_after=7)
        attempt = world.deliver(requested())

        assert isinstance(attempt.outcome, Unreachable)
        assert timedelta(seconds=7) == attempt.outcome.retry_after


@pytest.mark.parametrize("switch", [{"answer": "contradicted"}, {"other_reference": True}])
def test_answers_that_fight(switch):
    """Two codes that contradict each other, or another order's answer: the platform is asked."""
    with platform_world() as world:
        world.mock.switches.turn(switch)

        assert isinstance(world.deliver(requested()).outcome, InDoubt)
        assert isinstance(world.ask(requested()).outcome, Awaiting)


# -- the mock is strict -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("member", "value", "rule"),
    [
        ("LoaiBanTin", "QUERY", "r10"), ("PhienBan", "1.0.5", "r10"), ("MaDoiTac", "KHAC", "r5"),
        ("MaThamChieu", "a b", "r12"), ("SoTien", "75.000", "r13"), ("SoTien", "0", "r13"),
        ("MaTienTe", "USD", "r10"), ("ThongTinGiaoDich", "Lệ phí", "r14"), ("ThoiGianGD", "20260703023005x", "r15"),
        ("Ip", "::1", "r16"), ("MaXacThuc", "0" * 64, "r11"), ("ThongTinBienLai", {}, "r30"),
        ("NgonNgu", "en-US", "r10"),
    ],
)  # fmt: skip
def test_mock_refuses(member, value, rule):
    """Each rule of an opening that is broken is named, and nothing is stored."""
    from adapters.partners.payment_platform import wire
    from contracts.payment_platform.checksums import INIT, checksum
    from contracts.payment_platform.mock import SECRET
    from tests.platform_kit import platform_settings

    message = wire.opening(requested(), platform_settings()) | {member: value}
    if member != "MaXacThuc":
        message["MaXacThuc"] = checksum(message, INIT, SECRET)
    with platform_world() as world:
        import json

        reply = world.mock(
            Request(
                path="/payment_platform/init",
                headers={"content-type": "application/json"},
                body=json.dumps(message).encode(),
            )
        )

        assert rule in world.broken()
        assert "01" == json.loads(reply.body)["MaLoi"]
        assert 0 == len(world.mock.orders)


def test_same_reference_twice():
    """The platform's mock takes a reference once: who opens twice is told."""
    with platform_world() as world:
        world.deliver(requested())

        assert isinstance(world.deliver(requested()).outcome, Refused)
        assert ["r12"] == world.broken()


@pytest.mark.parametrize("kind", ["good", "bad_trailer", "extra_row", "missing_row", "double_row", "cut"])
def test_settlement_by_control(kind):
    """The day's file comes as it should, or wrong in one way."""
    with platform_world() as world:
        world.deliver(requested())
        world.pay(callbacks=0)
        world.mock.switches.turn({"settlement": kind})
        reply = control(
            world.mock, "settlement", Request(method="GET", path="/", query={"day": "20260703", "raw": "1"})
        )
        lines = reply.body.decode().split("\r\n")

        rows = {"missing_row": 0, "extra_row": 2, "double_row": 2}.get(kind, 1)
        assert lines[0].startswith("H|1|TINHDEMO|20260703|DS|")
        assert kind == "cut" or f"T|{rows}|" in reply.body.decode()
        assert (kind == "missing_row") is (REFERENCE not in reply.body.decode())


def test_pay_page():
    """A person sees what is to be paid, in Vietnamese, presses once, and the result is on the page."""
    import http.client
    from urllib.parse import urlsplit

    with platform_world() as world:
        page = urlsplit(world.deliver(requested()).facts["pay_url"])
        connection = http.client.HTTPConnection(page.hostname or "", page.port, timeout=20)

        def call(method: str, body: str = "") -> tuple[int, str]:
            connection.request(
                method, page.path, body=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
            )
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

        status, shown = call("GET")
        assert 200 == status
        assert "75.000 đồng" in shown
        assert "Thanh toán" in shown
        assert 303 == call("POST", "result=paid&tell=no")[0]
        assert "Giao dịch thành công" in call("GET")[1]
        assert isinstance(world.ask(requested()).outcome, Delivered)
        call("POST", "result=failed")
        assert "Giao dịch thành công" in call("GET")[1]
        connection.close()
