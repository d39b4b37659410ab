"""The one-stop system's adapter against its mock on a real port: every protocol and version, the same rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from bus.messages import Delivered
from tests.contract.conformance import MessageConformance
from tests.one_stop_kit import TOO_SLOW, event, one_stop_with


class OneStopConformance(MessageConformance):
    messages = (
        *(event("dossier.filed"), event("dossier.amended"), event("delivery.settled")),
        *(event("payment.settled"), event("signature.made")),
    )
    too_slow = TOO_SLOW
    way: ClassVar[str]
    algorithm: ClassVar[str] = "rsa-sha256"

    @contextmanager
    def running(self) -> Iterator[None]:
        with one_stop_with(self.way) as (self.mock, self.adapter):
            yield

    def test_own_number_of_a_filed_dossier_is_learned(self):
        """The one-stop system's own number comes back with the filing, the same each time, and with nothing else."""
        self.carry_all()
        self.carry_all()

        facts = [attempt.facts for attempt in self.carrier.attempts]
        assert [{"number": "000.00.14.H99-260702-0001"}, {}, {}, {}, {}] * 2 == facts

    def test_evidence_names_key_and_algorithm(self):
        """Each exchange says by which key its request was signed, and how."""
        self.carry_all()

        exchanges = [each for attempt in self.carrier.attempts for each in attempt.exchanges]
        assert {self.algorithm} == {each.algorithm for each in exchanges}
        assert all(each.key_id for each in exchanges)

    def test_each_try_says_the_same_under_a_signature_of_its_own(self):
        """A message that goes twice is word for word the same; what makes its signature fresh is not."""
        self.arm("lose_request")

        assert isinstance(self.carrier.carry(self.messages[2]), Delivered)

        first, second = [each for attempt in self.carrier.attempts for each in attempt.exchanges]
        assert self.said(first) == self.said(second)
        assert self.fresh(first) != self.fresh(second)


class TestSoap11(OneStopConformance):
    """WS-Security over SOAP 1.1."""

    way = "soap-1.1"

    def said(self, exchange) -> bytes:
        _, opened, rest = exchange.request_body.partition(b"<ns0:ReceiveOutcome ")
        return opened + rest

    def fresh(self, exchange) -> bytes:
        return exchange.request_body.partition(b"MessageID")[2].partition(b"MessageID")[0]


class TestSoap12(TestSoap11):
    """The same over SOAP 1.2."""

    way = "soap-1.2"


class TestRest(OneStopConformance):
    """RFC 9421 over REST."""

    way = "rest"
    algorithm = "hmac-sha256"

    def said(self, exchange) -> bytes:
        return exchange.request_body

    def fresh(self, exchange) -> bytes:
        return exchange.request_head.partition(b"nonce=")[2]
