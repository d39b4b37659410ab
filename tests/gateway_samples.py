"""What is said between us and KeyPay or VNPAY, as samples: made by adapters and mocks, kept with the contract.

python -m tests.gateway_samples writes them anew; a test says when one is stale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from adapters.channels.http import Request
from adapters.partners.gateways.adapter import GatewayAdapter
from adapters.partners.keypay.adapter import Keypay
from adapters.partners.keypay.callbacks import KeypayCallbacks
from adapters.partners.vnpay.adapter import Vnpay
from adapters.partners.vnpay.callbacks import VnpayCallbacks
from bus.messages import Exchange
from bus.payments import Effect, Heard
from contracts.gateway_mock import GatewayMock, PayOrder
from contracts.keypay.mock import KeyPay
from contracts.mocking import Request as Asked
from contracts.vnpay.mock import VnPay
from tests.builders import make_exchange
from tests.gateway_kit import (
    CONTRACTS,
    MADE_AT,
    REFUND,
    Still,
    keypay_settings,
    raw_call,
    refunding,
    requested,
    vnpay_settings,
)

HOST = "gateway.example.invalid"
URL = f"https://{HOST}"
JSON_HEAD = b"content-type: application/json; charset=utf-8\r\n"


class Wire:
    """A channel that leads straight to the mock, and keeps what both said."""

    def __init__(self, mock: GatewayMock) -> None:
        self.mock = mock
        self.said: list[tuple[bytes, bytes]] = []

    def send(self, request: Request) -> Exchange:
        path = request.url.removeprefix(URL)
        answer = self.mock(Asked(path=path, headers=dict(request.headers) | {"host": HOST}, body=request.body))
        self.said.append((request.body, answer.body))
        return make_exchange(status=answer.status, reply_head=JSON_HEAD, reply_body=answer.body)

    def close(self) -> None:
        """Nothing is open."""


def samples() -> Iterator[tuple[str, str]]:
    """File → text."""
    yield from _keypay("pay")
    yield from _keypay("pay_later")
    yield from _vnpay()


def _keypay(flow: str) -> Iterator[tuple[str, str]]:
    clock, later = Still(MADE_AT), flow == "pay_later"
    mock = KeyPay(clock=clock.now)
    mock.switches.turn({"flow": flow, "refunds": "pending", "pay_host": URL})
    settings = keypay_settings(URL, flow=flow, pay_hosts=frozenset({HOST}))
    if later:
        settings = replace(settings, commands={**settings.commands, "create": "PAYLATER"})
    wire = Wire(mock)
    _walk(mock, wire, Keypay(settings, wire, clock=clock))
    end = ".pay-later" if later else ""
    names = ("create", "detail", "refund", "refund-detail")
    for name, (asked, answered) in zip(names[: 2 if later else 4], wire.said, strict=False):
        yield f"keypay/samples/{name}{end}.json", _pretty(asked)
        yield f"keypay/samples/{name}-answer{end}.json", _pretty(answered)
    yield f"keypay/samples/callback{end}.json", _pretty(_call_back(mock))
    taken = KeypayCallbacks(settings).reply(raw_call(), _recorded())
    yield f"keypay/samples/acknowledgement{end}.json", _pretty(taken.body)


def _vnpay() -> Iterator[tuple[str, str]]:
    clock = Still(MADE_AT)
    mock = VnPay(clock=clock.now)
    mock.switches.turn({"refunds": "pending"})
    settings, wire = vnpay_settings(URL), Wire(mock)
    numbers = iter(f"{n:032x}" for n in range(1, 9))
    adapter = Vnpay(settings, wire, clock=clock, request_id=lambda: next(numbers))
    url = adapter.deliver([requested()])[0].facts["pay_url"]
    yield "vnpay/samples/pay-address.txt", f"{url}\n"
    mock(Asked(method="GET", path="/vnpay/paymentv2/vpcpay.html", query=_query(url)))
    _walk(mock, wire, adapter, is_open=True)
    for name, (asked, answered) in zip(("querydr", "refund", "querydr-refund"), wire.said, strict=True):
        yield f"vnpay/samples/{name}.json", _pretty(asked)
        yield f"vnpay/samples/{name}-answer.json", _pretty(answered)
    order = mock.orders.newest()
    assert order is not None
    fields = mock.signed(mock.notice(order, "paid", order.paid, "", clock.now()))
    yield (
        "vnpay/samples/ipn-address.txt",
        f"{mock.outgoing(order.reference, f'{URL}/callbacks/vnpay/ipn', fields).url}\n",
    )
    yield "vnpay/samples/ipn-answer.json", _pretty(VnpayCallbacks(settings).reply(raw_call(), _recorded()).body)


def _walk(mock: GatewayMock, wire: Wire, adapter: GatewayAdapter, *, is_open: bool = False) -> None:
    if not is_open:
        adapter.deliver([requested()])
    mock.pay(PayOrder(callbacks=0, transaction="GD260703000001"))
    adapter.ask(requested())
    refund = adapter.deliver([refunding()])[0].facts["refund"]
    adapter.ask(refunding(replace(REFUND, partner_reference=refund["reference"])))


def _call_back(mock: GatewayMock) -> bytes:
    order = mock.orders.newest()
    assert order is not None
    return json.dumps(mock.signed(mock.notice(order, "paid", order.paid, "", MADE_AT))).encode()


def _recorded() -> Heard:
    return Heard(effect=Effect.RECORDED, payment=1, attempt=1, state=None)


def _query(url: str) -> Mapping[str, str]:
    return dict(parse_qsl(url.partition("?")[2]))


def _pretty(body: bytes) -> str:
    value: Any = json.loads(body)
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def main() -> None:
    """Write them anew."""
    for name, text in samples():
        (CONTRACTS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
