"""VNPAY as the bus sees it: an address for the citizen, a question, a refund.

What each message allows after an unclear outcome stands in `codes.CONTRACTS`. Opening is no call at all: the address is
signed here, so it cannot fail, and nothing is at VNPAY until a citizen opens it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from adapters.channels.http import Channel, Request
from adapters.partners.gateways.adapter import GatewayAdapter, Send
from adapters.partners.gateways.answers import RefundSaid
from adapters.partners.gateways.reading import FIRST_QUESTION, Opened
from adapters.partners.gateways.stamps import stamp_of
from adapters.partners.gateways.steps import BlindRefund, Question, RefundQuestion
from adapters.partners.vnpay import replies, wire
from adapters.partners.vnpay.settings import VnpaySettings
from bus.messages import PAYMENT_REQUESTED, REFUND_REQUESTED, Attempt, Awaiting, Delivery, Exchange, InDoubt
from bus.payments import Told
from bus.ports import Clock, CrashPoint, no_crash

ALGORITHM: Final = "hmac-sha512"


class Vnpay(GatewayAdapter):
    """One merchant of VNPAY, used by many threads."""

    def __init__(
        self,
        settings: VnpaySettings,
        channel: Channel,
        *,
        clock: Clock,
        name: str = "vnpay",
        crash_point: CrashPoint = no_crash,
        request_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        """`request_id` names a question, once for ever (NOTES.md#r38)."""
        calls = Calls(settings, clock, name, request_id)
        refund = BlindRefund(
            shape=lambda delivery: wire.refund(delivery, settings), send=calls.refund, unclear="ask", clock=clock
        )
        super().__init__(
            name=name,
            steps={PAYMENT_REQUESTED: Address(settings, clock), REFUND_REQUESTED: refund},
            asks={
                PAYMENT_REQUESTED: Question(shape=wire.standing_of, ask=calls.payment, clock=clock),
                REFUND_REQUESTED: RefundQuestion(shape=wire.refund_of, ask=calls.refund_shown, clock=clock),
            },
            channel=channel,
            clock=clock,
            timeout=settings.http.timeout,
            crash_point=crash_point,
        )


class Address:
    """The address that a citizen pays at."""

    def __init__(self, settings: VnpaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.pay_address(delivery, self._settings)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """No call (NOTES.md#r1)."""
        standing = wire.standing_of(delivery)
        opened = Opened(pay_url=wire.pay_address(delivery, self._settings), until=standing.expires_at)
        ask_at = self._clock.now() + FIRST_QUESTION
        outcome = Awaiting(reference=standing.reference, ask_at=ask_at, lane_goes_on=True)
        return Attempt(outcome=outcome, facts=opened.facts())


class Calls:
    """What is sent to VNPAY's API, and what its answers say."""

    def __init__(self, settings: VnpaySettings, clock: Clock, name: str, request_id: Callable[[], str]) -> None:
        self._settings = settings
        self._clock = clock
        self._name = name
        self._request_id = request_id

    def payment(self, delivery: Delivery, send: Send) -> tuple[Exchange, Told | InDoubt]:
        """querydr about a payment."""
        exchange = self._querydr(delivery, send)
        return exchange, replies.told_of(exchange, wire.standing_of(delivery), self._settings, self._name)

    def refund(self, delivery: Delivery, send: Send) -> tuple[Exchange, RefundSaid | InDoubt]:
        """A refund."""
        standing, refund = wire.refund_of(delivery)
        body = wire.refund_body(wire.refund(delivery, self._settings), self._settings)
        exchange = self._call(send, "refund", body)
        return exchange, replies.refund_said(exchange, standing, refund, self._settings)

    def refund_shown(self, delivery: Delivery, send: Send) -> tuple[Exchange, RefundSaid | InDoubt]:
        """querydr about a refund: what it cannot tell apart, a person decides (NOTES.md#r37)."""
        standing, refund = wire.refund_of(delivery)
        exchange = self._querydr(delivery, send)
        said = replies.refund_shown(exchange, standing, refund, self._settings)
        return exchange, _undecided(said, exchange) if isinstance(said, InDoubt) else said

    def _querydr(self, delivery: Delivery, send: Send) -> Exchange:
        standing, now = wire.standing_of(delivery), stamp_of(self._clock.now())
        message = wire.question(standing, self._settings, request_id=self._request_id(), now=now)
        return self._call(send, "querydr", wire.question_body(message, self._settings))

    def _call(self, send: Send, operation: str, body: bytes) -> Exchange:
        headers = {"content-type": "application/json; charset=utf-8"}
        url = self._settings.api_url
        sent = send(Request(operation=operation, method="POST", url=url, headers=headers, body=body))
        return replace(sent, key_id=self._settings.secrets[0].key_id, algorithm=ALGORITHM)


def _undecided(doubt: InDoubt, exchange: Exchange) -> InDoubt:
    """A whole answer that does not tell never will: a person decides. No answer: the question goes again."""
    is_answered = exchange.trouble is None and exchange.status == 200 and doubt.reason != "wrong_checksum"
    return replace(doubt, then="hold") if is_answered else doubt
