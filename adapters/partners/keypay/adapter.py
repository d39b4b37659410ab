"""KeyPay as the bus sees it: create, detail, refund, refund detail.

What each message allows after an unclear outcome stands in `codes.CONTRACTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from adapters.channels.http import Channel, Request
from adapters.partners.gateways.adapter import GatewayAdapter, Send
from adapters.partners.gateways.answers import not_taken, refund_attempt
from adapters.partners.gateways.asked import attempt_of
from adapters.partners.gateways.reading import Opening, outcome_of
from adapters.partners.keypay import replies, wire
from adapters.partners.keypay.settings import KeypaySettings, Message
from bus.messages import PAYMENT_REQUESTED, REFUND_REQUESTED, Attempt, Delivery, Exchange, InDoubt
from bus.ports import Clock, CrashPoint, no_crash

ALGORITHM: Final = "hmac-sha256"
BLIND: Final = InDoubt(reason="blind: its code was in the answer that was lost", then="hold", is_down=False)


class Keypay(GatewayAdapter):
    """One client of KeyPay, used by many threads."""

    def __init__(
        self,
        settings: KeypaySettings,
        channel: Channel,
        *,
        clock: Clock,
        name: str = "keypay",
        crash_point: CrashPoint = no_crash,
    ) -> None:
        super().__init__(
            name=name,
            steps={PAYMENT_REQUESTED: Create(settings, clock), REFUND_REQUESTED: Refund(settings, clock)},
            asks={PAYMENT_REQUESTED: Detail(settings, clock, name), REFUND_REQUESTED: RefundDetail(settings, clock)},
            channel=channel,
            clock=clock,
            timeout=settings.http.timeout,
            crash_point=crash_point,
        )


class Create:
    """Opens a payment."""

    def __init__(self, settings: KeypaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.create(delivery, self._settings)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Sends once; what is unclear is asked about first (NOTES.md#r28)."""
        standing = wire.standing_of(delivery)
        exchange = call(send, self._settings, "create", wire.create(delivery, self._settings))
        if exchange.trouble is not None:
            return Attempt(outcome=exchange.trouble, exchanges=(exchange,))
        made = replies.created(exchange, standing, wire.qr_of(standing, self._settings), self._settings)
        verdict: Opening = made.row.verdict
        outcome = outcome_of(
            verdict,
            reason=made.reason,
            code=made.code,
            reference=standing.reference,
            now=self._clock.now(),
            exchange=exchange,
        )
        facts = made.opened.facts() if verdict is Opening.OPENED else {}
        return Attempt(outcome=outcome, exchanges=(exchange,), facts=facts)


class Detail:
    """Asks about a payment."""

    def __init__(self, settings: KeypaySettings, clock: Clock, name: str) -> None:
        self._settings = settings
        self._clock = clock
        self._name = name

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.standing_of(delivery)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Reads only."""
        standing = wire.standing_of(delivery)
        asked = wire.detail(standing, self._settings)
        exchange = call(send, self._settings, "detail", asked)
        told = replies.told_of(exchange, standing, asked, self._settings, self._name)
        if isinstance(told, InDoubt):
            return Attempt(outcome=told, exchanges=(exchange,))
        return attempt_of(told, exchanges=(exchange,), now=self._clock.now())


class Refund:
    """Pays back. Blind: never sent again by itself (NOTES.md#r52)."""

    def __init__(self, settings: KeypaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.refund(delivery, self._settings)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Sends once."""
        _, wanted = wire.refund_of(delivery)
        asked = wire.refund(delivery, self._settings)
        exchange = call(send, self._settings, "refund", asked)
        if (nothing := not_taken(exchange)) is not None:
            return Attempt(outcome=nothing, exchanges=(exchange,))
        said = replies.refund_said(exchange, "refund", wanted.amount, asked, self._settings)
        if isinstance(said, InDoubt):
            return Attempt(outcome=replace(said, then="hold"), exchanges=(exchange,))
        return refund_attempt(said, now=self._clock.now())


class RefundDetail:
    """Asks about a refund whose code is known (NOTES.md#r51)."""

    def __init__(self, settings: KeypaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.refund_of(delivery)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Reads only."""
        _, wanted = wire.refund_of(delivery)
        if not wanted.partner_reference:
            return Attempt(outcome=BLIND)
        asked = wire.refund_detail(wanted.partner_reference, self._settings)
        exchange = call(send, self._settings, "refund_detail", asked)
        said = replies.refund_said(exchange, "refund_detail", wanted.amount, asked, self._settings)
        if isinstance(said, InDoubt):
            return Attempt(outcome=said, exchanges=(exchange,))
        reference = said.reference or wanted.partner_reference
        return refund_attempt(replace(said, reference=reference), now=self._clock.now())


def call(send: Send, settings: KeypaySettings, message: Message, values: Mapping[str, Any]) -> Exchange:
    """One message."""
    body = wire.signed_body(message, values, settings)
    headers = {"content-type": "application/json; charset=utf-8"}
    url = settings.addresses[message]
    sent = send(Request(operation=message, method="POST", url=url, headers=headers, body=body))
    return replace(sent, key_id=settings.key_1.key_id, algorithm=ALGORITHM)
