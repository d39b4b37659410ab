"""What signing services tell of their own accord: heard by the book of signatures. The frame is `called.py`.

A value that verifies proves itself, whoever brought it; everything else only makes us ask, at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog
from starlette.requests import Request

from adapters.doors.called import CalledDoor, Listening
from adapters.partners.gateways.calls import RawCall, Wrong
from adapters.partners.signers.calls import Answered, Hooks
from bus.signatures import SignatureEffect, SignatureHeard, SignatureTold

log = structlog.get_logger("doors")

NO: dict[SignatureEffect, tuple[str, str, bool]] = {
    SignatureEffect.UNKNOWN: ("not_found", "transaction", False),
    SignatureEffect.WRONG_VALUE: ("bad_signature", "value", True),
}
"""What the ledger heard and did not take: code of the note, what did not fit, and whether it is an alarm. A call about
what is not known here is none: services repeat what an installation asked for long ago."""


class HearsSignatures(Protocol):
    """The ledger's side: `bus.signature_book.SignatureBook`."""

    def hear(self, told: SignatureTold) -> SignatureHeard: ...


class SignatureCallbackDoor(CalledDoor[Hooks]):
    """Takes what signing services tell."""

    def __init__(
        self,
        *,
        services: Mapping[str, Listening[Hooks]],
        book: HearsSignatures,
        on_heard: Callable[[], None] = lambda: None,
        **frame: Any,
    ) -> None:
        """`on_heard` wakes who puts documents together, and who asks. `frame`: `called.py`'s."""
        super().__init__(services, **frame)
        self._book = book
        self._on_heard = on_heard

    def hear(self, partner: str, side: Hooks, call: RawCall) -> SignatureHeard | Answered | Wrong:
        told = side.read(call)
        if not isinstance(told, SignatureTold):
            return told
        heard = self._book.hear(told)
        self._on_heard()
        return heard

    def note(self, request: Request, partner: str, came: SignatureHeard | Answered, call: RawCall) -> None:
        if isinstance(came, Answered):
            self._metrics.callback_taken(partner=partner, result=came.result)
            return
        if came.effect in NO:
            code, what, is_alarm = NO[came.effect]
            wrong = Wrong(code=code, rule=came.effect, field=what, is_alarm=is_alarm)
            self.refused(request, partner, wrong, call)
            return
        log.info("signature_callback_heard", partner=partner, effect=came.effect)
        self._metrics.callback_taken(partner=partner, result=came.effect)
