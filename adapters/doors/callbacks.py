"""What payment gateways tell of their own accord: heard by the book of payments. The frame is `called.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, Protocol

import structlog
from starlette.requests import Request

from adapters.doors.called import CalledDoor, Listening
from adapters.partners.gateways.calls import Gateway, RawCall, Wrong
from adapters.partners.gateways.cards import without_cards
from bus.payments import AttemptFacts, Effect, Heard, Told

log = structlog.get_logger("doors")

NO: Final[Mapping[Effect, tuple[str, str]]] = {
    Effect.UNKNOWN_REFERENCE: ("not_found", "reference"),
    Effect.WRONG_AMOUNT: ("contradicted", "amount"),
    Effect.WRONG_CURRENCY: ("contradicted", "currency"),
}
"""What the ledger heard and did not take: code of the note, and what did not fit."""


class Hears(Protocol):
    """The ledger's side: `bus.payment_book.PaymentBook`."""

    def hear(self, told: Told) -> Heard: ...

    def find(self, partner: str, reference: str) -> AttemptFacts | None: ...


class CallbackDoor(CalledDoor[Gateway]):
    """Takes what gateways tell."""

    def __init__(
        self,
        *,
        gateways: Mapping[str, Listening[Gateway]],
        book: Hears,
        on_heard: Callable[[], None] = lambda: None,
        **frame: Any,
    ) -> None:
        """`on_heard` wakes the worker: a payment that was settled has something to tell. `frame`: `called.py`'s."""
        super().__init__(gateways, **frame)
        self._book = book
        self._on_heard = on_heard

    def hear(self, partner: str, side: Gateway, call: RawCall) -> Heard | Wrong:
        told = side.read(call, partial(self._book.find, partner))
        if isinstance(told, Wrong):
            return told
        heard = self._book.hear(replace(told, evidence=without_cards(told.evidence)))
        self._on_heard()
        return heard

    def note(self, request: Request, partner: str, came: Heard, call: RawCall) -> None:
        if came.effect in NO:
            code, what = NO[came.effect]
            self.refused(request, partner, Wrong(code=code, rule=came.effect, field=what, is_alarm=True), call)
            return
        log.info("callback_heard", partner=partner, effect=came.effect, tasks=list(came.tasks))
        self._metrics.callback_taken(partner=partner, result=came.effect)
