"""Card data that a gateway sends along is left out of what is kept, in whatever form it comes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.doors.callbacks import CallbackDoor
from adapters.partners.gateways.adapter import GatewayAdapter
from adapters.partners.gateways.asked import attempt_of
from adapters.partners.gateways.cards import without_cards
from bus.messages import Attempt
from bus.payments import Told, Verdict
from tests.builders import NOON
from tests.gateway_kit import REFERENCE, requested
from tests.platform_kit import platform_world
from tests.world import SimClock

PAN = "9704000000000018"
WRAPPED = json.dumps({"error_code": "00", "message": json.dumps({"MaLoi": "00", "SoThe": PAN})})
HOSTILE = [
    {"MaLoi": "00", "sothe": PAN},
    {"MaLoi": "00", "SO_THE": PAN},
    {"MaLoi": "00", "Số thẻ": PAN},
    {"MaLoi": "00", "ｔｏｋｅｎ": PAN},
    {"MaLoi": "00", "extra": {"SoThe": PAN}},
    {"MaLoi": "00", "extra": [[{"cardNumber": {"raw": [PAN]}}]]},
    {"MaLoi": "00", "token": [PAN]},
    {"MaLoi": "00", "message": "\ufeff " + json.dumps({"SoThe": PAN})},
    {"MaLoi": "00", "message": json.dumps(json.dumps({"SoThe": PAN}))},
    {"MaLoi": "00", "vnp_CardNumber": PAN},
]
BYTES = [
    WRAPPED.encode(),
    b'{"MaLoi":"00","So\\u0054he":"%s"}' % PAN.encode(),
    b'{"MaLoi":"00","SoThe":"%s","SoThe":null}' % PAN.encode(),
    b'{"MaLoi":"00","SoThe":"%s","x":"\\ud800"}' % PAN.encode(),
    b'{"MaLoi":"00","SoThe" : "%s","x":' % PAN.encode(),
    b'{"MaLoi":"00","SoThe":%s' % PAN.encode(),
    b'{"MaLoi":"00","SoThe":"97\\"%s' % PAN.encode(),
    b'{"MaLoi":"00","SoThe":"%s","x":' % PAN.encode() + b"[" * 5_000 + b"]" * 5_000 + b"}",
    b'\xef\xbb\xbf{"MaLoi":"00","SoThe":"%s"}' % PAN.encode(),
    b"MaLoi=00&So%%54he=%s&x=1" % PAN.encode(),
    json.dumps({"MaLoi": "00", "SoThe": PAN}).encode("utf-16"),
]


@pytest.mark.parametrize("told", [*(json.dumps(each, ensure_ascii=False).encode() for each in HOSTILE), *BYTES])
def test_hostile_forms(told: bytes):
    """Other letters, deeper, wrapped, twice, broken off, as a form: the number is gone, the code stands."""
    kept = without_cards(told)

    assert PAN not in kept.decode() + kept.decode().replace("\\", "")
    assert "00" in kept.decode()
    assert "MaLoi" in kept.decode() or "error_code" in kept.decode()


@pytest.mark.parametrize(
    "told",
    [
        b"", b" {}", b'{"a" : 1.10, "a":2}', b"<a href='?x=1&token=2'>", b'{"MaGiaoDich":"%s"' % PAN.encode(),
        b"vnp_CardType=ATM&vnp_TxnRef=1", b"%PDF-1.4 =\n&token=\xff", '{"MoTa":"thẻ: token"}'.encode(), b"null",
    ],
)  # fmt: skip
def test_all_else_is_kept_as_it_came(told: bytes):
    """What holds no card's member stays the very bytes: a checksum can be made over them again."""
    assert told == without_cards(told)


class Silent:
    """No channel: nobody is called."""

    def send(self, request: object) -> object:
        raise AssertionError


def test_answers_are_kept_without():
    """What a gateway answers to a question is kept without card data, in the exchange and as evidence."""
    with platform_world() as world:
        world.deliver(requested())
        asked = world.ask(requested())
    body = b'{"MaLoi":"00","extra":{"sothe":"%s"}}' % PAN.encode()
    exchange = replace(asked.exchanges[0], reply_body=body)
    told = Told(partner="p", reference=REFERENCE, verdict=Verdict.PENDING, via="query", evidence=body)

    class Step:
        def check(self, delivery: object) -> None:
            """Nothing to shape."""

        def run(self, delivery: object, send: object) -> Attempt:
            return attempt_of(told, exchanges=(exchange,), now=NOON)

    delivery = requested()
    adapter = GatewayAdapter(
        name="p", steps={}, asks={delivery.event.kind: Step()}, channel=Silent(), clock=SimClock(),
        timeout=timedelta(seconds=1),
    )  # fmt: skip
    kept = adapter.ask(delivery)

    assert b'{"MaLoi": "00", "extra": {}}' == kept.exchanges[0].reply_body == kept.facts["told"].evidence


def test_calls_are_kept_without():
    """Whatever gateway calls: what its reading gives as evidence reaches the ledger without card data."""
    body = b'{"transaction_id":"1","extra":{"sothe":"%s"}}' % PAN.encode()
    told = Told(partner="p", reference=REFERENCE, verdict=Verdict.PENDING, via="callback", evidence=body)
    heard: list[Told] = []

    class World:
        """Reads, and hears."""

        def read(self, call: object, find: object) -> Told:
            return told

        def find(self, partner: str, reference: str) -> None: ...

        def hear(self, one: Told) -> None:
            heard.append(one)

    world = World()
    door = CallbackDoor(gateways={}, book=world, desk=None, metrics=None, bodies=None, clock=None)
    door._take("p", world, None)

    assert [b'{"transaction_id": "1", "extra": {}}'] == [one.evidence for one in heard]
