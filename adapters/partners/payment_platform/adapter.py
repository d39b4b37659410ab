"""The platform as the bus sees it: INIT delivers, QUERY asks.

What each operation allows after an unclear outcome stands in `codes.CONTRACTS`: an opening is asked about, and never
sent a second time by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from adapters.channels.http import Channel
from adapters.partners.gateways.adapter import GatewayAdapter, Send, Step
from adapters.partners.gateways.asked import attempt_of
from adapters.partners.gateways.offline import OfflineRefund
from adapters.partners.gateways.reading import Opened, Opening, outcome_of
from adapters.partners.payment_platform import replies, wire
from adapters.partners.payment_platform.checksum import ALGORITHM
from adapters.partners.payment_platform.settings import PlatformSettings, check_settings
from bus.messages import (
    PAYMENT_REFUNDED,
    PAYMENT_REQUESTED,
    PAYMENT_SETTLED,
    REFUND_REQUESTED,
    Attempt,
    Delivery,
    Exchange,
    InDoubt,
)
from bus.ports import Clock, CrashPoint, no_crash

NAME: Final = "payment_platform"


class PaymentPlatform(GatewayAdapter):
    """One province at the platform, used by many threads."""

    def __init__(
        self,
        settings: PlatformSettings,
        channel: Channel,
        *,
        clock: Clock,
        bills: Step | None = None,
        name: str = NAME,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        """`bills` fetches receipts, where the platform writes them."""
        check_settings(settings)
        receipts: Mapping[str, Step] = {} if bills is None else {PAYMENT_SETTLED: bills, PAYMENT_REFUNDED: bills}
        super().__init__(
            name=name,
            steps={PAYMENT_REQUESTED: Init(settings, clock), REFUND_REQUESTED: OfflineRefund(), **receipts},
            asks={PAYMENT_REQUESTED: Query(settings, clock, name), **receipts},
            channel=channel,
            clock=clock,
            timeout=settings.http.timeout,
            crash_point=crash_point,
        )


class Init:
    """Opens an attempt."""

    def __init__(self, settings: PlatformSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.opening(delivery, self._settings)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Sends once; who gets no clear answer asks."""
        settings, standing = self._settings, wire.standing_of(delivery)
        exchange = _send(send, "INIT", settings.init_url, wire.opening(delivery, settings), settings)
        if exchange.trouble is not None:
            return Attempt(outcome=exchange.trouble, exchanges=(exchange,))
        answer = replies.opened(exchange, standing.reference, settings)
        outcome = outcome_of(
            answer.verdict,
            reason=answer.reason,
            code=answer.code,
            reference=standing.reference,
            now=self._clock.now(),
            exchange=exchange,
        )
        is_open = answer.verdict is Opening.OPENED
        facts = Opened(pay_url=answer.pay_url, until=standing.expires_at).facts() if is_open else {}
        return Attempt(outcome=outcome, exchanges=(exchange,), facts=facts)


class Query:
    """Asks what became of an attempt. Reads only."""

    def __init__(self, settings: PlatformSettings, clock: Clock, name: str) -> None:
        self._settings = settings
        self._clock = clock
        self._name = name

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        wire.question(delivery, self._settings)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """A question that was not answered leaves everything open: not-there is only what the platform says itself."""
        settings, message = self._settings, wire.question(delivery, self._settings)
        exchange = _send(send, "QUERY", settings.query_url, message, settings)
        if exchange.trouble is not None:
            return Attempt(outcome=InDoubt(reason=exchange.trouble.reason), exchanges=(exchange,))
        told = replies.told_of(exchange, message["MaThamChieu"], message["MaDoiTac"], settings, self._name)
        return attempt_of(told, exchanges=(exchange,), now=self._clock.now())


def _send(send: Send, operation: str, url: str, message: Mapping[str, object], settings: PlatformSettings) -> Exchange:
    exchange = send(wire.request(operation, url, message, settings))
    return replace(exchange, key_id=settings.signing.key_id, algorithm=ALGORITHM)
