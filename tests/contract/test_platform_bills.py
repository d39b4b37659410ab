"""GET_BILL: the platform's document is asked for beside the payment, and fetched from listed hosts only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.channels.http import HttpChannel, Request, head_bytes
from adapters.partners.payment_platform.adapter import PaymentPlatform
from adapters.partners.payment_platform.bills import FETCH, WAITS, Bills, wait_until_next
from bus.errors import NotOurs, Unmappable
from bus.messages import Attempt, Delivered, Delivery, Exchange, InDoubt, Unreachable
from bus.payments import PaymentStanding
from contracts.gateway_orders import Order, stamp
from contracts.mock_faults import FaultOrder
from contracts.payment_platform.mock import PDF
from contracts.payment_platform.mock import PaymentPlatform as Mock
from contracts.serve import serve
from tests.builders import make_exchange
from tests.platform_kit import platform_settings
from tests.receipt_kit import PAID_AT, REFERENCE, refunded, settled, standing
from tests.world import SimClock

DOCUMENT = PDF.replace(b"%s", REFERENCE.encode())
ANYWHERE = "https://receipts.example.invalid/b/1?token=abc"


def paid() -> PaymentStanding:
    return standing(asked={**standing().asked, "unit": "H99.11.16"})


def delivery(**members: Any) -> Delivery:
    return settled(payment=paid(), partner="payment_platform-receipts", **members)


def bill(answers: Callable[[Request], Exchange], clock: SimClock | None = None, **settings: Any) -> Attempt:
    """One asking, with these answers in place of a port."""
    bills = Bills(platform_settings(**settings), clock or SimClock(PAID_AT))
    return bills.run(delivery(), answers)


def says(body: bytes, *, status: int = 200, kind: str = "application/json") -> Callable[[Request], Exchange]:
    """The first call is answered so; a document's address with a document."""

    def answer(request: Request) -> Exchange:
        is_first = request.operation == "GET_BILL"
        told, of, head = (body, status, kind) if is_first else (DOCUMENT, 200, "application/pdf")
        return make_exchange(
            operation=request.operation,
            url=request.url,
            status=of,
            reply_head=head_bytes({"content-type": head}),
            reply_body=told,
            request_head=head_bytes(dict(request.headers)),
        )

    return answer


# -- over a port -------------------------------------------------------------------------------------------------------


@pytest.fixture
def town() -> Iterator[tuple[Mock, PaymentPlatform, SimClock]]:
    """The platform with one paid order, and the adapter that asks for its receipt."""
    clock = SimClock(PAID_AT)
    mock = Mock(clock=clock.now)
    opened = {"MaDoiTac": "TINHDEMO", "ThoiGianGD": stamp(paid().made_at)}
    order = Order(
        reference=REFERENCE,
        amount=50_000,
        currency="VND",
        description="",
        created_at=paid().made_at,
        asked_with=opened,
    )
    mock.orders.add(order)
    mock.orders.book(order, at=PAID_AT)
    with serve(mock) as url:
        settings = platform_settings(url)
        channel = HttpChannel(settings.http)
        yield mock, PaymentPlatform(settings, channel, clock=clock, bills=Bills(settings, clock)), clock
        channel.close()


def calls(mock: Mock) -> list[str]:
    return [visit.operation for visit in mock.log.page()]


@pytest.mark.parametrize("form", ["pdf", "json"])
def test_document_comes_as_bytes_or_as_an_address(town, form):
    """The answer is the document, or where it lies: either way its bytes are the receipt, and no rule is broken."""
    mock, adapter, _ = town
    mock.switches.turn({"bill": form})

    attempt = adapter.deliver([delivery()])[0]

    assert isinstance(attempt.outcome, Delivered)
    fact = attempt.facts["receipts"][0]
    assert ("whole", REFERENCE, DOCUMENT, "application/pdf") == (
        fact["kind"],
        fact["key"],
        fact["body"],
        fact["media_type"],
    )
    assert ["GET_BILL"] + ["file"] * (form == "json") == calls(mock)
    assert [] == [broken for visit in mock.log.page() for broken in visit.broken]


def test_late_document_is_waited_for(town):
    """Not there twice, then there: asked again after one minute and five; nothing but GET_BILL is ever called."""
    mock, adapter, clock = town
    mock.switches.turn({"bill_late": 2})
    waits = []
    while not isinstance((outcome := adapter.deliver([delivery()])[0].outcome), Delivered):
        assert isinstance(outcome, Unreachable)
        assert not outcome.is_down
        waits.append(outcome.retry_after)
        clock.sleep(outcome.retry_after.total_seconds())

    assert [timedelta(minutes=1), timedelta(minutes=5)] == waits
    assert {"GET_BILL"} == set(calls(mock))


@pytest.mark.parametrize("fault", ["lose_request", "reset", "half_body", "lose_reply_after_effect"])
def test_lost_answer_is_only_asked_again(town, fault):
    """A lost answer leaves nothing in doubt, for nothing was changed."""
    mock, adapter, _ = town
    mock.faults.arm(FaultOrder(fault="reset" if fault == "lose_reply_after_effect" else fault, operation="GET_BILL"))

    assert isinstance(adapter.deliver([delivery()])[0].outcome, Unreachable)
    assert isinstance(adapter.ask(delivery(is_unanswered=True)).outcome, Delivered)


# -- when nothing comes ------------------------------------------------------------------------------------------------


def test_after_a_day_a_person_is_asked():
    """The waits are 1, 5, 30 minutes and then hourly for a day; then a task, and the lane goes on."""
    steps, elapsed = [], timedelta()
    while (wait := wait_until_next(elapsed)) is not None:
        steps.append(wait)
        elapsed += wait
    assert [timedelta(minutes=n) for n in (1, 5, 30)] + [timedelta(hours=1)] * 24 == steps

    attempt = bill(says(b"{}", status=404), SimClock(PAID_AT + WAITS[-1]))

    assert isinstance(attempt.outcome, InDoubt)
    assert ("go_on", False) == (attempt.outcome.then, attempt.outcome.is_down)
    assert {"receipt_missing": True} == dict(attempt.facts)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 200, "application/json"),
        (b"{}", 200, "application/json"),
        (b'{"UrlBienLai": ""}', 200, "application/json"),
        (b'{"UrlBienLai": 7}', 200, "application/json"),
        (b'{"UrlBienLai": "https://127.0.0.1/x", "UrlBienLai": "https://127.0.0.1/y"}', 200, "application/json"),
        (b'{"UrlBienLai": "https://127.0.0.1/x"}', 404, "application/json"),
        (b"<!doctype html><title>Bao tri</title>", 200, "text/html"),
        (b"not a pdf", 200, "application/pdf"),
        (b"%PDF-1.4", 404, "application/pdf"),
        (b"%PD", 200, "application/pdf"),
    ],
)
def test_what_is_no_receipt_is_none(body, status, kind):
    """Neither type nor status alone makes a receipt: without the first bytes of a PDF it is not there yet."""
    attempt = bill(says(body, status=status, kind=kind))

    assert isinstance(attempt.outcome, Unreachable)
    assert attempt.outcome.reason.startswith("not_yet")
    assert {} == attempt.facts


def test_first_bytes_decide_whatever_the_type_says():
    """A PDF that is called JSON is a PDF."""
    assert isinstance(bill(says(DOCUMENT, kind="application/json")).outcome, Delivered)


# -- where a document may lie ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://receipts.example.invalid/b/1",
        "https://other.example.invalid/b/1",
        "https://receipts.example.invalid.evil.invalid/b/1",
        "https://receipts.example.invalid@evil.invalid/b/1",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "//receipts.example.invalid/x",
        "https://receipts.example.invalid:8443/b/1",
        "javascript:alert(1)",
    ],
)
def test_s10_address_of_nobody_is_not_called(url):
    """Only https, and only hosts of the settings: any other address is not called, and the receipt waits."""
    called: list[str] = []

    def answer(request: Request) -> Exchange:
        called.append(request.operation)
        return says(f'{{"UrlBienLai": "{url}"}}'.encode())(request)

    settings = platform_settings()
    http = replace(settings.http, allow_http=False)
    attempt = bill(answer, bill_hosts=frozenset({"receipts.example.invalid:443"}), http=http)

    assert ["GET_BILL"] == called
    assert isinstance(attempt.outcome, Unreachable)


def test_s14_what_the_address_hides_is_kept_nowhere():
    """The query of the address may be a key: it is sent, and kept in no exchange's address; no token goes along."""
    sent: list[Request] = []

    def answer(request: Request) -> Exchange:
        sent.append(request)
        return says(f'{{"UrlBienLai": "{ANYWHERE}"}}'.encode())(request)

    attempt = bill(answer, bill_hosts=frozenset({"receipts.example.invalid"}), access_token="t0ken-t0ken-t0ken")

    assert ["GET_BILL", FETCH] == [request.operation for request in sent]
    assert ANYWHERE == sent[1].url
    assert ["authorization" in request.headers for request in sent] == [True, False]
    assert all("token" not in exchange.url for exchange in attempt.exchanges)


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_document_that_is_elsewhere_is_not_followed(status):
    """A redirect is not followed, and what is no document is not there yet."""

    def answer(request: Request) -> Exchange:
        found = says(f'{{"UrlBienLai": "{ANYWHERE}"}}'.encode())(request)
        return found if request.operation == "GET_BILL" else replace(found, status=status)

    attempt = bill(answer, bill_hosts=frozenset({"receipts.example.invalid"}))

    assert isinstance(attempt.outcome, Unreachable)
    assert 2 == len(attempt.exchanges)


def test_platform_that_is_down_is_no_missing_receipt():
    """What is down is waited for as any partner is, however long: only its own "not yet" runs out."""
    late = SimClock(PAID_AT + WAITS[-1])

    outcome = bill(says(b"", status=503), late).outcome

    assert isinstance(outcome, Unreachable)
    assert outcome.is_down


@pytest.mark.parametrize("lost", ["GET_BILL", FETCH])
def test_document_that_never_comes_whole_ends_with_a_person(lost):
    """A document that is too large, or whose host is gone, is no sign of a platform down: after a day a task."""

    def answer(request: Request) -> Exchange:
        found = says(f'{{"UrlBienLai": "{ANYWHERE}"}}'.encode())(request)
        is_address = request.operation == FETCH
        trouble = Unreachable(reason="not_sent: no route") if is_address else InDoubt(reason="reply_lost: too large")
        return replace(found, status=None, reply_body=None, trouble=trouble) if request.operation == lost else found

    hosts = frozenset({"receipts.example.invalid"})
    early, late = bill(answer, bill_hosts=hosts), bill(answer, SimClock(PAID_AT + WAITS[-1]), bill_hosts=hosts)

    assert isinstance(early.outcome, Unreachable)
    assert (WAITS[0], False) == (early.outcome.retry_after, early.outcome.is_down)
    assert {"receipt_missing": True} == dict(late.facts)


def test_refund_of_the_platforms_own_receipt_is_not_ours(town):
    """The platform takes its receipts back itself; without a payment nothing is asked."""
    mock, adapter, _ = town
    with pytest.raises(NotOurs):
        adapter.deliver([refunded(50_000, payment=paid())])
    with pytest.raises(Unmappable):
        adapter.deliver([replace(delivery(), payment=None)])
    assert [] == calls(mock)
