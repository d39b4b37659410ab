"""Fees paid through KeyPay and VNPAY, from the request to the one-stop system's book; and what is no payment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bus.payments import AttemptState
from contracts.gateway_mock import PayOrder
from contracts.gateway_orders import Order
from contracts.mock_control import control
from contracts.mock_faults import FaultOrder
from contracts.mocking import Request
from tests.acceptance.gateway_town import AMOUNT, PLACES, Town, pay_back, town, until

BOTH = pytest.mark.parametrize("gateway", PLACES)
NO = {"keypay": {"return_code": -1, "return_msg": "Fail"}, "vnpay": {"RspCode": "97", "Message": "Invalid signature"}}
OVER_ANOTHER = {
    "keypay": [{"trans_amount": "74999"}, {"currency_code": "USD"}],
    "vnpay": [{"vnp_Amount": "7499900"}, {"vnp_Amount": "7500001"}, {"vnp_CurrCode": "USD"}],
}
"""Rightly signed over something else: nothing changes, and a person is asked."""
OF_ANOTHER = {
    "keypay": [{"client_id": "OTHER"}, {"addition_fee": "1000"}, {"command": "PAYLATER"}, {"transaction_id": "T" * 20}],
    "vnpay": [{"vnp_TmnCode": "OTHERTMN"}, {"vnp_TxnRef": "T" * 20}],
}
"""Rightly signed, and of another merchant or order: nothing changes."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One town for all: each test has payments of its own."""
    with town(tmp_path_factory.mktemp("town")) as made:
        yield made


def money_of(here: Town, order: Order) -> list[dict[str, object]]:
    """What the one-stop system was told of this order's money."""
    return [told for told in here.told("settled") if told["reference"] == order.reference]


def unchanged(here: Town, gateway: str, order: Order) -> bool:
    """Whether the ledger still waits for this payment."""
    return (AttemptState.OPEN, "open") == (here.facts(gateway, order).state, here.state(gateway, order))


# -- paid -----------------------------------------------------------------------------------------------------------


@BOTH
def test_paid(here: Town, gateway: str) -> None:
    """A payment that is paid is told once to who asked for it, exact to the đồng, whatever way the word came."""
    order = here.open(gateway)
    here.pay(order, gateway, callbacks=2)
    here.work()

    told = money_of(here, order)
    assert ["paid"] == [here.state(gateway, order)]
    assert [(AMOUNT, "VND", gateway, order.bookings[0].transaction)] == [
        (each["amount"], each["currency"], each["gateway"], each["transaction"]) for each in told
    ]
    assert {"keypay": "query", "vnpay": "callback"}[gateway] == told[0]["via"]


@BOTH
def test_failed(here: Town, gateway: str) -> None:
    """A payment that the citizen gave up is told as failed; a success after it counts, and is told as late."""
    order = here.open(gateway)
    here.pay(order, gateway, result="failed")
    here.work()
    failed = here.state(gateway, order)
    here.pay(order, gateway)
    here.work()

    assert ["failed", "paid"] == [failed, here.state(gateway, order)]
    assert [True] == [each["is_late"] for each in money_of(here, order)]


@BOTH
def test_result_that_was_never_told(here: Town, gateway: str) -> None:
    """Money that was taken and told of by nobody is found by asking: once, and never with a second order."""
    order = here.open(gateway)
    here.pay(order, gateway, callbacks=0)
    payment, ledger = here.facts(gateway, order).payment, here.here.ledger
    ledger.engine.write(
        lambda tx: ledger.payments.ask_now(tx, payment, account="an", reason="the citizen says he paid")
    )
    here.work()

    assert ["query"] == [told["via"] for told in money_of(here, order)]
    assert [(1,)] == here.rows("SELECT count(*) FROM payment_attempts WHERE payment = ?", payment)


def test_called_eight_times_at_once(here: Town) -> None:
    """Eight callers of one result at the same moment: recorded once, told once, a repeat to the rest."""
    order = here.open("vnpay")
    said = here.pay(order, "vnpay", callbacks=8, concurrent=True)
    here.work()

    assert ["00"] + ["02"] * 7 == sorted(each["RspCode"] for each in said)
    assert 1 == len(money_of(here, order))


def test_called_before_the_opening_was_answered(here: Town) -> None:
    """A result that comes while its create is unanswered finds the attempt: it stood before anything went out."""
    mock = here.mocks["keypay"]
    mock.pay(PayOrder(before_answer=True))
    order = here.open("keypay")

    assert {"return_code": 0, "return_msg": "Success"} == json.loads(mock.calls.done[-1].answer)
    assert "paid" == here.state("keypay", order)
    assert 1 == len(money_of(here, order))


@pytest.mark.parametrize(("fault", "attempts"), [("lose_reply_after_effect", 1), ("lose_request", 2)])
def test_opening_that_was_lost(here: Town, fault: str, attempts: int) -> None:
    """A create whose answer was lost is asked about; one that never arrived is opened anew: one order, paid once."""
    mock = here.mocks["keypay"]
    orders, name = len(mock.orders), here.ask_for("keypay")
    mock.faults.arm(FaultOrder(fault=fault, count=1, operation="create"))

    def is_open() -> bool:
        here.work()
        return here.rows("SELECT state FROM payments WHERE name = ?", name) in ([("open",)], [("pending",)])

    until(is_open)
    order = mock.orders.newest()
    assert order is not None
    here.pay(order, "keypay")
    here.work()

    payment = here.facts("keypay", order).payment
    assert orders + 1 == len(mock.orders)
    assert [(attempts,)] == here.rows("SELECT count(*) FROM payment_attempts WHERE payment = ?", payment)
    assert ("paid", 1) == (here.state("keypay", order), len(money_of(here, order)))


def test_address_for_the_way_back(here: Town) -> None:
    """The citizen comes back to a page of ours that says what the ledger knows, whatever his browser adds."""
    order = here.open("vnpay")
    path = order.return_url.partition(":8400")[2]
    status, page = here.call("GET", f"{here.doors}{path}?vnp_ResponseCode=00&vnp_TransactionStatus=00")

    assert 200 == status
    assert order.reference.encode() in page
    assert unchanged(here, "vnpay", order)


@BOTH
@pytest.mark.parametrize("how", ["refunded", "rejected"])
def test_refund(here: Town, gateway: str, how: str) -> None:
    """What two people decided is paid back once, and told; what the gateway rejects leaves the payment paid."""
    mock = here.mocks[gateway]
    mock.switches.turn({"refunds": how})
    order = here.open(gateway)
    here.pay(order, gateway)
    here.work()
    pay_back(here.here, here.facts(gateway, order).payment, AMOUNT)
    here.work()
    mock.switches.turn({"refunds": "refunded"})

    assert {"refunded": "refunded", "rejected": "paid"}[how] == here.state(gateway, order)
    assert {"refunded": AMOUNT, "rejected": 0}[how] == order.refunded


def test_lost_refund_is_not_sent_again(here: Town) -> None:
    """A refund whose answer was lost waits for a person; the money goes back once, however long the bus runs."""
    order = here.open("keypay")
    here.pay(order, "keypay")
    here.work()
    payment = here.facts("keypay", order).payment
    here.mocks["keypay"].faults.arm(FaultOrder(fault="lose_reply_after_effect", count=1, operation="refund"))
    number = pay_back(here.here, payment, AMOUNT)
    for _ in range(3):
        here.work()
        here.here.ports.clock.sleep(0.2)

    assert AMOUNT == order.refunded
    assert [("unclear",)] == here.rows("SELECT state FROM refunds WHERE id = ?", number)
    assert ["refund_unclear"] == here.tasks(payment)


# -- and everything that is no payment ------------------------------------------------------------------------------


@BOTH
def test_p14_every_field_changed(here: Town, gateway: str) -> None:
    """Each field of a call back changed on its way: the gateway's own no, a note at the door, and nothing paid by it.

    Of KeyPay only what its checksum covers; what it does not cover changes nothing, because it is asked about.
    """
    order = here.open(gateway)
    mock = here.mocks[gateway]
    booking = mock.orders.book(order, at=here.here.ports.clock.now())
    order.bookings.clear()  # the money never moved: whoever believes the call back pays for it
    fields = mock.notice(order, "paid", booking, "", booking.at)
    signed = mock.signed(fields)
    names = list(signed) if gateway == "vnpay" else [*[*signed][:6], "check_sum"]
    before = len(here.refused())
    for name in names:
        forged = signed | {name: f"{signed[name]}1"}
        call = mock.outgoing(order.reference, here.at(gateway), forged)
        status, answer = here.call(call.method, call.url, call.body)

        assert (200, NO[gateway]) == (status, json.loads(answer)), name
        assert unchanged(here, gateway, order), name
    notes = here.refused()[before:]
    assert len(names) == len(notes)
    assert {"bad_signature", "key_mismatch"} >= {code for code, _ in notes}


def test_status_of_keypay_changed(here: Town) -> None:
    """An unpaid result sent again as a paid one has KeyPay's own checksum: it makes us ask, and nothing else."""
    order = here.open("keypay")
    mock = here.mocks["keypay"]
    unpaid = mock.signed(mock.notice(order, "failed", None, "", here.here.ports.clock.now()))
    call = mock.outgoing(order.reference, here.at("keypay"), unpaid | {"status": 0})
    status, _ = here.call(call.method, call.url, call.body)
    here.work()

    assert 200 == status
    assert 1 == order.asked
    assert [] == money_of(here, order)


@BOTH
def test_p14_right_checksum_over_another_amount(here: Town, gateway: str) -> None:
    """Signed by the gateway itself over another amount or currency: its no, an open task, and nothing changed."""
    for tamper in OVER_ANOTHER[gateway]:
        order = here.open(gateway)
        said = here.pay(order, gateway, tamper=tamper, resign=True)

        assert said[0] in (NO["keypay"], {"RspCode": "04", "Message": "Invalid amount"}) or "99" == said[0]["RspCode"]
        assert unchanged(here, gateway, order)
        task = "wrong_currency" if "USD" in tamper.values() else "wrong_amount"
        assert [task] == here.tasks(here.facts(gateway, order).payment)


@BOTH
def test_p14_right_checksum_of_another(here: Town, gateway: str) -> None:
    """Signed by the gateway itself for another merchant, fee or order: its no, and nothing changed."""
    order = here.open(gateway)
    for tamper in OF_ANOTHER[gateway]:
        said = here.pay(order, gateway, tamper=tamper, resign=True)

        assert said[0].get("return_code") == -1 or said[0].get("RspCode") in ("01", "99")
        assert unchanged(here, gateway, order)


@BOTH
def test_replayed_for_ever(here: Town, gateway: str) -> None:
    """An old result of a payment that was paid, and paid back since, changes nothing, in whatever order they come."""
    order = here.open(gateway)
    here.pay(order, gateway)
    here.work()
    pay_back(here.here, here.facts(gateway, order).payment, AMOUNT)
    here.work()
    said = here.pay(order, gateway, callbacks=3, earlier="failed", reordered=True)
    here.work()

    assert all(each in ({"return_code": 0, "return_msg": "Success"}, RSP_AGAIN, RSP_TAKEN) for each in said)
    assert "refunded" == here.state(gateway, order)
    assert 1 == len(money_of(here, order))


RSP_AGAIN = {"RspCode": "02", "Message": "Order already confirmed"}
RSP_TAKEN = {"RspCode": "00", "Message": "Confirm Success"}


@pytest.mark.parametrize(
    ("gateway", "method", "query", "body", "kind", "status"),
    [
        ("keypay", "POST", "", b"{" + b" " * 70_000 + b"}", "application/json", 413),
        ("keypay", "POST", "", b"{}", "text/plain", 415),
        ("keypay", "POST", "", b"[[[[[[[[[[[[", "application/json", 200),
        ("keypay", "GET", "", b"", "", 405),
        ("vnpay", "GET", "vnp_OrderInfo=" + "x" * 9_000, b"", "", 413),
        ("vnpay", "GET", "vnp_TxnRef=1&vnp_TxnRef=2", b"", "", 200),
        ("vnpay", "GET", "%00=%ff&vnp_SecureHash=%", b"", "", 200),
        ("vnpay", "POST", "vnp_TxnRef=1", b"", "", 405),
        ("vnpay", "HEAD", "vnp_TxnRef=1", b"", "", 405),
    ],
)
def test_no_message_at_all(
    here: Town, gateway: str, method: str, query: str, body: bytes, kind: str, status: int
) -> None:
    """Too large, of another type or method, or unreadable: a clear no, a note for the operator, nothing heard."""
    before = here.rows("SELECT count(*) FROM payment_hearings")
    url = here.at(gateway) + (f"?{query}" if query else "")

    assert status == here.call(method, url, body, kind)[0]
    assert before == here.rows("SELECT count(*) FROM payment_hearings")


def test_many_callers_of_many_orders(here: Town) -> None:
    """Results of twenty orders from twenty callers, good and forged, in any order: each is judged by its own order."""
    mock = here.mocks["vnpay"]
    orders = [here.open("vnpay") for _ in range(10)]
    calls = []
    for order in orders:
        with mock.lock:
            booking = mock.orders.book(order, at=here.here.ports.clock.now())
        good = mock.signed(mock.notice(order, "paid", booking, "", booking.at))
        calls += [good, good, good | {"vnp_TxnRef": orders[0].reference, "vnp_BankCode": "X"}]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda told: here.call("GET", f"{here.at('vnpay')}?{urlencode(told)}"), calls))
    here.work()

    said = sorted(json.loads(answer)["RspCode"] for _, answer in answers)
    assert ["00"] * 10 + ["02"] * 10 + ["97"] * 10 == said
    assert [1] * 10 == [len(money_of(here, order)) for order in orders]


def test_addresses_of_callers(tmp_path: Path) -> None:
    """Who calls from elsewhere than the settings say is told so in the gateway's own words, and is not heard."""
    with town(tmp_path, more='callback_networks = ["192.0.2.0/24"]\n') as here:
        order = here.open("vnpay")
        said = here.pay(order, "vnpay")

        assert [{"RspCode": "03", "Message": "Caller not allowed"}] == said
        assert unchanged(here, "vnpay", order)
        assert ["forbidden_source"] == [code for code, _ in here.refused()]


def test_code_that_a_bank_app_scans(tmp_path: Path) -> None:
    """PayLater's citizen scans a VietQR: the bank's app reads the exact amount, and what it pays arrives here once."""
    settings = 'flow = "pay_later"\ncommands = {create = "PAYLATER"}\nvietqr = {bank_bin = "999999"}\n'
    with town(tmp_path, keypay=settings) as here:
        mock = here.mocks["keypay"]
        mock.switches.turn({"flow": "pay_later"})
        order = here.open("keypay")
        scan = Request(path="/_control/keypay/scan", body=json.dumps({"qr": here.newest_offer()["qr"]}).encode())
        paid = json.loads(control(mock, "scan", scan).body)
        assert mock.calls.wait()
        here.work()

        assert {"bank": "999999", "account": "0000000000000", "amount": AMOUNT} == paid
        assert {"return_code": "0", "return_msg": "Success"} == json.loads(mock.calls.done[-1].answer)
        assert ("paid", 1) == (here.state("keypay", order), len(money_of(here, order)))
