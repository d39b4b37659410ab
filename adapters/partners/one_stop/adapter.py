"""The one-stop system as the bus sees it: `deliver` and `ask`.

What each operation allows after an unclear outcome stands in `codes.CONTRACTS`: all of them are known by their id, so
the same message goes again, newly signed, and nothing is stored twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from adapters.channels.http import Channel
from adapters.channels.retry_after import retry_after
from adapters.partners.one_stop import wire
from adapters.partners.one_stop.calls import Call, Side
from adapters.partners.one_stop.codes import Proof, Protocol
from adapters.partners.one_stop.replies import Answer, judge
from adapters.partners.one_stop.settings import OneStopSettings, RestKeys, check_settings
from bus.messages import Attempt, Delivery, Exchange, Unreachable
from bus.ports import Clock, CrashPoint, no_crash

log = structlog.get_logger("one_stop")

AGAIN: Final = Unreachable(
    reason="idempotent: goes again under its id, newly signed", retry_after=timedelta(0), is_down=False
)
NO_TIME: Final = Unreachable(
    reason="no_time: the lease would end before the answer", retry_after=timedelta(0), is_down=False
)
SHADOW: Final = Unreachable(reason="shadow", is_down=False)


class OneStop:
    """One one-stop system, used by many threads."""

    def __init__(
        self,
        settings: OneStopSettings,
        channel: Channel,
        *,
        clock: Clock,
        name: str = "one_stop",
        crash_point: CrashPoint = no_crash,
    ) -> None:
        """`name` is the partner's in the settings; `clock` is the worker's, by which leases end and signatures hold."""
        check_settings(settings)
        self._settings = settings
        self._channel = channel
        self._clock = clock
        self._name = name
        self._point = crash_point
        self._protocol: Protocol = "rest" if isinstance(settings.keys, RestKeys) else "soap"
        self._side = _side(settings)

    def check(self, delivery: Delivery) -> None:
        """Shape it and send nothing. Raises `Unmappable`."""
        wire.message_of(delivery.event, delivery.standing)

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        """Send each; one attempt for each, in the same order. Raises before anything is sent, if at all."""
        self._point("shape.before")
        messages = [wire.message_of(delivery.event, delivery.standing) for delivery in batch]
        self._point("shape.after")
        return [self._hand_over(delivery, message) for delivery, message in zip(batch, messages, strict=True)]

    def ask(self, delivery: Delivery) -> Attempt:
        """Nothing can be asked and nothing needs to be: the id makes sending again safe (NOTES.md#r47)."""
        return Attempt(outcome=AGAIN)

    def _hand_over(self, delivery: Delivery, message: wire.Message) -> Attempt:
        if delivery.is_shadow:
            return Attempt(outcome=SHADOW)
        if not self._has_time(delivery.leased_until):
            return Attempt(outcome=NO_TIME)
        trace = delivery.event.traceparent
        call = self._side.call(message, {"traceparent": trace} if trace else {}, self._clock.now())
        sent = self._channel.send(call.request)
        exchange = replace(sent, key_id=call.key_id, algorithm=call.algorithm)
        if exchange.trouble is not None:
            return Attempt(outcome=exchange.trouble, exchanges=(exchange,))
        answer = self._read(exchange, call)
        self._point("read.after")
        return Attempt(outcome=wire.outcome_of(answer), exchanges=(exchange,), facts=wire.learned(answer, message))

    def _read(self, exchange: Exchange, call: Call) -> Answer:
        body = self._side.open(exchange, call, self._clock.now())
        if body.proof in (Proof.WRONG, Proof.OTHER_REQUEST):
            log.warning("answer_not_believed", partner=self._name, operation=exchange.operation, cause=body.text)
        return judge(self._protocol, exchange.status or 0, body, retry_after(exchange))

    def _has_time(self, until: datetime | None) -> bool:
        """No call starts that could outlive its lease: somebody else may be sending the message by then."""
        return until is None or self._clock.now() + self._settings.http.timeout <= until


def _side(settings: OneStopSettings) -> Side:
    """Each protocol is loaded where it is spoken."""
    if isinstance(settings.keys, RestKeys):
        from adapters.partners.one_stop.rest import RestSide

        return RestSide(settings, settings.keys)
    from adapters.partners.one_stop.soap import SoapSide

    return SoapSide(settings, settings.keys)
