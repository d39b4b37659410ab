"""Steps that are the same at every gateway that is asked and pays back: what differs is handed in as functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import structlog

from adapters.partners.gateways.adapter import Send
from adapters.partners.gateways.answers import RefundSaid, not_taken, refund_attempt
from adapters.partners.gateways.asked import attempt_of
from bus.messages import Attempt, Delivery, Exchange, InDoubt
from bus.payments import Told
from bus.ports import Clock

log = structlog.get_logger("gateways")

NOT_BELIEVED: Final = frozenset({"wrong_checksum", "other_answer"})
"""Why an answer is not looked into: somebody may stand between us and the gateway, or a secret is out of date."""
Check: TypeAlias = Callable[[Delivery], object]
"""Shapes it and sends nothing. Raises `Unmappable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Asks about a payment. Reads only; what was not answered stays open."""

    shape: Check
    ask: Callable[[Delivery, Send], tuple[Exchange, Told | InDoubt]]
    clock: Clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        self.shape(delivery)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """One call."""
        exchange, told = self.ask(delivery, send)
        if isinstance(told, InDoubt):
            note(told, delivery.partner, exchange)
            return Attempt(outcome=told, exchanges=(exchange,))
        return attempt_of(told, exchanges=(exchange,), now=self.clock.now())


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindRefund:
    """Pays back. It is sent once, and after an unclear answer never again by itself."""

    shape: Check
    send: Callable[[Delivery, Send], tuple[Exchange, RefundSaid | InDoubt]]
    unclear: Literal["ask", "hold"]
    """What the contract allows then: a question that may tell, or a person alone."""
    clock: Clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        self.shape(delivery)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """One call."""
        exchange, said = self.send(delivery, send)
        if (nothing := not_taken(exchange)) is not None:
            return Attempt(outcome=nothing, exchanges=(exchange,))
        if isinstance(said, InDoubt):
            note(said, delivery.partner, exchange)
            return Attempt(outcome=replace(said, then=self.unclear), exchanges=(exchange,))
        return refund_attempt(said, exchange, now=self.clock.now())


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundQuestion:
    """Asks about a refund. Reads only."""

    shape: Check
    ask: Callable[[Delivery, Send], tuple[Exchange, RefundSaid | InDoubt] | InDoubt]
    """A doubt alone: there is nothing that it could be asked by, and nobody is called."""
    clock: Clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`."""
        self.shape(delivery)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """One call, or none."""
        asked = self.ask(delivery, send)
        if isinstance(asked, InDoubt):
            return Attempt(outcome=asked)
        exchange, said = asked
        if isinstance(said, InDoubt):
            note(said, delivery.partner, exchange)
            return Attempt(outcome=said, exchanges=(exchange,))
        return refund_attempt(said, exchange, now=self.clock.now())


def note(doubt: InDoubt, partner: str, exchange: Exchange) -> None:
    """A line for who watches, where an answer was not believed."""
    if doubt.reason in NOT_BELIEVED:
        log.warning("answer_not_believed", partner=partner, operation=exchange.operation, cause=doubt.reason)
