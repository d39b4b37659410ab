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
from adapters.partners.gateways.answers import not_taken, refund_attempt
from adapters.partners.gateways.asked import attempt_of
from adapters.partners.gateways.reading import FIRST_QUESTION, Opened
from adapters.partners.gateways.stamps import stamp_of
from adapters.partners.vnpay import replies, wire
from adapters.partners.vnpay.settings import VnpaySettings
from bus.messages import PAYMENT_REQUESTED, REFUND_REQUESTED, Attempt, Awaiting, Delivery, Exchange, InDoubt
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
        question = Question(settings, clock, name, request_id)
        super().__init__(
            name=name,
            steps={PAYMENT_REQUESTED: Address(settings, clock), REFUND_REQUESTED: Refund(settings, clock)},
            asks={PAYMENT_REQUESTED: question, REFUND_REQUESTED: RefundQuestion(settings, clock, request_id)},
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


class Question:
    """querydr about a payment."""

    def __init__(self, settings: VnpaySettings, clock: Clock, name: str, request_id: Callable[[], str]) -> None:
        self._settings = settings
        self._clock = clock
        self._name = name
        self._request_id = request_id

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.standing_of(delivery)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Reads only."""
        standing = wire.standing_of(delivery)
        exchange = ask(delivery, send, self._settings, self._clock, self._request_id())
        told = replies.told_of(exchange, standing, self._settings, self._name)
        if isinstance(told, InDoubt):
            return Attempt(outcome=told, exchanges=(exchange,))
        return attempt_of(told, exchanges=(exchange,), now=self._clock.now())


class Refund:
    """Pays back. Blind: never sent again by itself (NOTES.md#r37)."""

    def __init__(self, settings: VnpaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.refund(delivery, self._settings)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Sends once."""
        standing, _ = wire.refund_of(delivery)
        body = wire.refund_body(wire.refund(delivery, self._settings), self._settings)
        exchange = call(send, self._settings, "refund", body)
        if (nothing := not_taken(exchange)) is not None:
            return Attempt(outcome=nothing, exchanges=(exchange,))
        said = replies.refund_said(exchange, standing, self._settings)
        if isinstance(said, InDoubt):
            return Attempt(outcome=said, exchanges=(exchange,))
        return refund_attempt(said, now=self._clock.now())


class RefundQuestion:
    """querydr about a refund: what it cannot tell apart, a person decides."""

    def __init__(self, settings: VnpaySettings, clock: Clock, request_id: Callable[[], str]) -> None:
        self._settings = settings
        self._clock = clock
        self._request_id = request_id

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.refund_of(delivery)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Reads only."""
        standing, refund = wire.refund_of(delivery)
        exchange = ask(delivery, send, self._settings, self._clock, self._request_id())
        said = replies.refund_shown(exchange, standing, refund, self._settings)
        if isinstance(said, InDoubt):
            return Attempt(outcome=_undecided(said, exchange), exchanges=(exchange,))
        return refund_attempt(said, now=self._clock.now())


def _undecided(doubt: InDoubt, exchange: Exchange) -> InDoubt:
    """A whole answer that does not tell never will: a person decides. No answer: the question goes again."""
    is_answered = exchange.trouble is None and exchange.status == 200 and doubt.reason != "wrong_checksum"
    return replace(doubt, then="hold") if is_answered else doubt


def ask(delivery: Delivery, send: Send, settings: VnpaySettings, clock: Clock, request_id: str) -> Exchange:
    """querydr, under a name of its own."""
    now = stamp_of(clock.now())
    message = wire.question(wire.standing_of(delivery), settings, request_id=request_id, now=now)
    return call(send, settings, "querydr", wire.question_body(message, settings))


def call(send: Send, settings: VnpaySettings, operation: str, body: bytes) -> Exchange:
    """One message of the API."""
    headers = {"content-type": "application/json; charset=utf-8"}
    sent = send(Request(operation=operation, method="POST", url=settings.api_url, headers=headers, body=body))
    return replace(sent, key_id=settings.secrets[0].key_id, algorithm=ALGORITHM)
