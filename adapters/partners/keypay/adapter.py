"""KeyPay as the bus sees it: create, detail, refund, refund detail.

What each message allows after an unclear outcome stands in `codes.CONTRACTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from adapters.channels.http import Channel, Request
from adapters.partners.gateways.adapter import GatewayAdapter, Send
from adapters.partners.gateways.answers import RefundSaid
from adapters.partners.gateways.reading import Opening, outcome_of
from adapters.partners.gateways.steps import BlindRefund, Question, RefundQuestion
from adapters.partners.keypay import replies, wire
from adapters.partners.keypay.settings import KeypaySettings, Message
from bus.messages import PAYMENT_REQUESTED, REFUND_REQUESTED, Attempt, Delivery, Exchange, InDoubt
from bus.payments import Told
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
        calls = Calls(settings, name)
        refund = BlindRefund(
            shape=lambda delivery: wire.refund(delivery, settings), send=calls.refund, unclear="hold", clock=clock
        )
        super().__init__(
            name=name,
            steps={PAYMENT_REQUESTED: Create(settings, clock), REFUND_REQUESTED: refund},
            asks={
                PAYMENT_REQUESTED: Question(shape=wire.standing_of, ask=calls.detail, clock=clock),
                REFUND_REQUESTED: RefundQuestion(shape=wire.refund_of, ask=calls.refund_detail, clock=clock),
            },
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


class Calls:
    """What else is sent to KeyPay, and what its answers say."""

    def __init__(self, settings: KeypaySettings, name: str) -> None:
        self._settings = settings
        self._name = name

    def detail(self, delivery: Delivery, send: Send) -> tuple[Exchange, Told | InDoubt]:
        """Asks about a payment."""
        standing = wire.standing_of(delivery)
        asked = wire.detail(standing, self._settings)
        exchange = call(send, self._settings, "detail", asked)
        return exchange, replies.told_of(exchange, standing, asked, self._settings, self._name)

    def refund(self, delivery: Delivery, send: Send) -> tuple[Exchange, RefundSaid | InDoubt]:
        """Pays back."""
        _, wanted = wire.refund_of(delivery)
        asked = wire.refund(delivery, self._settings)
        exchange = call(send, self._settings, "refund", asked)
        return exchange, replies.refund_said(exchange, "refund", wanted.amount, asked, self._settings)

    def refund_detail(self, delivery: Delivery, send: Send) -> tuple[Exchange, RefundSaid | InDoubt] | InDoubt:
        """Asks about a refund, where its code is known (NOTES.md#r51, #r52)."""
        _, wanted = wire.refund_of(delivery)
        if not wanted.partner_reference:
            return BLIND
        asked = wire.refund_detail(wanted.partner_reference, self._settings)
        exchange = call(send, self._settings, "refund_detail", asked)
        said = replies.refund_said(exchange, "refund_detail", wanted.amount, asked, self._settings)
        if isinstance(said, InDoubt):
            return exchange, said
        return exchange, replace(said, reference=said.reference or wanted.partner_reference)


def call(send: Send, settings: KeypaySettings, message: Message, values: Mapping[str, Any]) -> Exchange:
    """One message."""
    body = wire.signed_body(message, values, settings)
    headers = {"content-type": "application/json; charset=utf-8"}
    url = settings.addresses[message]
    sent = send(Request(operation=message, method="POST", url=url, headers=headers, body=body))
    return replace(sent, key_id=settings.key_1.key_id, algorithm=ALGORITHM)
