"""What tests of the siblings KeyPay and VNPAY share: payments on their way, settings, adapters over real ports."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapters.channels.http import HttpChannel
from adapters.partners.gateways.adapter import GatewayAdapter
from adapters.partners.gateways.calls import RawCall
from adapters.partners.gateways.secrets import Secret
from adapters.partners.keypay.adapter import Keypay
from adapters.partners.keypay.settings import KeypaySettings
from adapters.partners.vnpay.adapter import Vnpay
from adapters.partners.vnpay.settings import VnpaySettings
from bus.messages import Attempt, Delivery
from bus.payments import (
    AttemptFacts,
    AttemptState,
    Beneficiary,
    PaymentStanding,
    PaymentState,
    RefundStanding,
)
from bus.ports import Clock, SystemClock
from contracts.gateway_mock import GatewayMock, PayOrder
from contracts.keypay.mock import KeyPay
from contracts.keypay.places import Account as KeypayAccount
from contracts.mock_faults import FaultOrder
from contracts.serve import serve
from contracts.vnpay.mock import VnPay
from contracts.vnpay.places import Account as VnpayAccount
from tests.builders import DOSSIER, LOCAL, event_json, from_json, make_delivery
from tests.portal_kit import local_http

CONTRACTS = Path(__file__).parents[1] / "contracts"
REFERENCE = "TT260703000000070101"
MADE_AT = datetime(2026, 7, 3, 14, 30, 5, tzinfo=LOCAL)
"""An afternoon: with an hour of twelve it would be 02:30:05."""
AMOUNT = 75_000
PAYMENT = "H99.09-260703-0123.P1"
ACCOUNT = Beneficiary(account="0000000000000", bank="999999", name="UBND XA MAU")
REFUND = RefundStanding(
    refund=1, name=f"{PAYMENT}.R1", amount=AMOUNT, key="RF2607040000000001", made_at=MADE_AT + timedelta(hours=20)
)
FEE = {"kind": "charge", "code": "XD01", "name": "Lệ phí cấp phép", "amount": AMOUNT}
PATIENT = timedelta(seconds=30)
"""For one call: long enough for a machine that does much else."""
HASTY = local_http(timeout=timedelta(seconds=0.5), connect_timeout=timedelta(seconds=0.5))
KEYPAY, VNPAY = KeypayAccount(), VnpayAccount()


def vectors(partner: str) -> dict[str, dict[str, str]]:
    """The contract's test vectors by name."""
    rows = json.loads((CONTRACTS / partner / "samples" / "vectors.json").read_text(encoding="utf-8"))
    return {row["id"]: row for row in rows}


def make_standing(**overrides: Any) -> PaymentStanding:
    """An attempt that was just written down."""
    members: dict[str, Any] = {
        "payment": 1,
        "name": PAYMENT,
        "attempt": 1,
        "n": 1,
        "reference": REFERENCE,
        "made_at": MADE_AT,
        "amount": AMOUNT,
        "currency": "VND",
        "expires_at": MADE_AT + timedelta(hours=24),
        "beneficiary": ACCOUNT,
    }
    return PaymentStanding(**(members | overrides))


def requested(standing: PaymentStanding | None = None, **overrides: Any) -> Delivery:
    """A payment that was asked for, on its way to its gateway."""
    standing = standing or make_standing()
    data = {
        "payment": standing.name,
        "amount": standing.amount,
        "currency": "VND",
        "unit": "000.00.09.H99",
        "procedure": "1.013225",
        "procedure_name": "Cấp giấy phép xây dựng nhà ở riêng lẻ",
        "fees": [FEE | {"amount": standing.amount}],
        "payer": {"name": "Nguyễn Thị Ví Dụ", "identity_number": "099000000001", "address": "Thôn Mẫu"},
    }
    return _delivery("payment.requested", data, standing, **overrides)


def refunding(refund: RefundStanding = REFUND, standing: PaymentStanding | None = None, **overrides: Any) -> Delivery:
    """A refund on its way."""
    standing = replace(standing or make_standing(), refund=refund)
    data = {"payment": standing.name, "refund": refund.name, "amount": refund.amount, "currency": "VND"}
    return _delivery("payment.refund_requested", data, standing, **overrides)


def _delivery(kind: str, data: Mapping[str, Any], standing: PaymentStanding, **overrides: Any) -> Delivery:
    wire = event_json(kind, dossier=DOSSIER, id=f"{standing.name}:{kind}", envelope={"data": dict(data)})
    return make_delivery(from_json(wire), payment=standing, batch_kind=kind, **overrides)


def make_facts(**overrides: Any) -> AttemptFacts:
    """What the ledger knows of the attempt."""
    members: dict[str, Any] = {
        "payment": 1,
        "attempt": 1,
        "n": 1,
        "partner": "keypay",
        "reference": REFERENCE,
        "dossier": DOSSIER,
        "name": PAYMENT,
        "amount": AMOUNT,
        "currency": "VND",
        "state": AttemptState.OPEN,
        "payment_state": PaymentState.OPEN,
        "made_at": MADE_AT,
        "expires_at": MADE_AT + timedelta(hours=24),
    }
    return AttemptFacts(**(members | overrides))


def raw_call(*, body: bytes = b"", query: str = "", method: str = "POST", path: str = "result") -> RawCall:
    """A call as the door hands it on."""
    return RawCall(
        method=method,
        path=path,
        query=query,
        headers={"content-type": "application/json"},
        body=body,
        address="127.0.0.1",
        at=MADE_AT.astimezone(UTC),
    )


def keypay_settings(url: str = "http://127.0.0.1:1", **overrides: Any) -> KeypaySettings:
    """A client of the mock."""
    members: dict[str, Any] = {
        "addresses": {
            "create": f"{url}/keypay/create",
            "detail": f"{url}/keypay/detail",
            "refund": f"{url}/keypay/refund",
            "refund_detail": f"{url}/keypay/refund/detail",
        },
        "commands": {"create": "PAY", "detail": "DETAIL", "refund": "REFUND", "refund_detail": "REFUND_DETAIL"},
        "client_id": KEYPAY.client_id,
        "key_1": Secret(key_id="key-1", value=KEYPAY.key_1.encode()),
        "keys_2": (Secret(key_id="key-2", value=KEYPAY.key_2.encode()),),
        "return_to": "https://callbacks.h99.example.invalid/callbacks/keypay/return/{}".format,
        "pay_hosts": frozenset({"127.0.0.1"}),
        "http": local_http(timeout=PATIENT, connect_timeout=PATIENT),
    }
    return KeypaySettings(**(members | overrides))


def vnpay_settings(url: str = "http://127.0.0.1:1", **overrides: Any) -> VnpaySettings:
    """A merchant of the mock."""
    members: dict[str, Any] = {
        "pay_url": f"{url}/vnpay/paymentv2/vpcpay.html",
        "api_url": f"{url}/vnpay/merchant_webapi/api/transaction",
        "tmn_code": VNPAY.tmn_code,
        "secrets": (Secret(key_id="vnpay-1", value=VNPAY.secret.encode()),),
        "return_to": "https://callbacks.h99.example.invalid/callbacks/vnpay/return/{}".format,
        "ip": "10.0.0.15",
        "http": local_http(timeout=PATIENT, connect_timeout=PATIENT),
    }
    return VnpaySettings(**(members | overrides))


class Still:
    """A clock that stands where it was put."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        SystemClock().sleep(seconds)


@dataclass
class World:
    """A gateway's mock on a real port, and the adapter that calls it."""

    mock: GatewayMock
    adapter: GatewayAdapter
    url: str
    clock: Clock
    tried: list[Attempt] = field(default_factory=list)

    def deliver(self, delivery: Delivery) -> Attempt:
        return self._kept(self.adapter.deliver([delivery])[0])

    def ask(self, delivery: Delivery) -> Attempt:
        return self._kept(self.adapter.ask(delivery))

    def _kept(self, attempt: Attempt) -> Attempt:
        self.tried.append(attempt)
        return attempt

    def arm(self, fault: str, **more: Any) -> None:
        self.mock.faults.arm(FaultOrder(fault=fault, **({"count": 1} | more)))

    def pay(self, **wanted: Any) -> None:
        """A person pays (or not) at the gateway."""
        with self.mock.lock:
            self.mock.pay(PayOrder(**wanted))

    def open(self, url: str) -> http.client.HTTPResponse:
        """As a browser does, without following."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        reply = connection.getresponse()
        reply.read()
        connection.close()
        return reply

    def broken(self) -> list[str]:
        """Rules that the last call broke."""
        return [row.rule for row in self.mock.log.newest(1)[0].broken]


@contextmanager
def keypay_world(**overrides: Any) -> Iterator[World]:
    """KeyPay, at an afternoon."""
    clock = Still(MADE_AT)
    mock = KeyPay(clock=clock.now)
    with serve(mock) as url:
        settings = keypay_settings(url, **overrides)
        if settings.flow == "pay_later":
            mock.switches.turn({"flow": "pay_later"})
            settings = replace(settings, commands={**settings.commands, "create": "PAYLATER"})
        channel = HttpChannel(settings.http)
        yield World(mock=mock, adapter=Keypay(settings, channel, clock=clock), url=url, clock=clock)
        channel.close()


@contextmanager
def vnpay_world(**overrides: Any) -> Iterator[World]:
    """VNPAY, at an afternoon."""
    clock = Still(MADE_AT)
    mock = VnPay(clock=clock.now)
    with serve(mock) as url:
        settings = vnpay_settings(url, **overrides)
        channel = HttpChannel(settings.http)
        yield World(mock=mock, adapter=Vnpay(settings, channel, clock=clock), url=url, clock=clock)
        channel.close()
