"""One attempt at a provider of receipts: its calls in order, and what was learned on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias

from adapters.partners.gateways.adapter import NO_TIME, Send
from adapters.partners.receipt_issuer import wire
from adapters.partners.receipt_issuer.codes import VIEW, Verdict
from adapters.partners.receipt_issuer.replies import Answer, unanswered
from adapters.partners.receipt_issuer.settings import ReceiptIssuerSettings
from adapters.partners.receipt_issuer.speaking import Services
from adapters.partners.receipt_issuer.wire import Receipt
from bus.messages import Attempt, Delivery, Exchange, Outcome, Unreachable
from bus.ports import Clock, CrashPoint, no_crash

AGAIN: Final = Unreachable(reason="it is not there: goes again", retry_after=timedelta(0), is_down=False)
STANDS: Final = frozenset({Verdict.YES, Verdict.THERE})
"""It is there, shown or not."""
PAGE: Final = "text/html; charset=utf-8"
Fact: TypeAlias = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Talk:
    """The calls of one attempt, in order."""

    services: Services
    settings: ReceiptIssuerSettings
    send: Send
    has_time: Callable[[], bool]
    """Whether one more call can end before the lease does: an attempt makes several."""
    point: CrashPoint
    exchanges: list[Exchange] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def call(self, operation: str, values: Mapping[str, Any]) -> Answer:
        """What was answered, or that nothing was."""
        if not self.has_time():
            return unanswered(NO_TIME)
        self.point(f"{operation}.before")
        exchange = self.services.kept(self.send(self.services.request(operation, values)))
        self.exchanges.append(exchange)
        self.point(f"{operation}.after")
        if exchange.trouble is not None:
            return unanswered(exchange.trouble)
        return self.services.read(operation, exchange)

    def look_up(self, key: str) -> Answer:
        """The receipt's page (NOTES.md#r42)."""
        own = self.settings
        return self.call(VIEW, {"fkey": key, "userName": own.username, "userPass": own.password})

    def ended(self, outcome: Outcome) -> Attempt:
        """With everything that was said and learned."""
        facts = {"receipts": tuple(self.facts)} if self.facts else {}
        return Attempt(outcome=outcome, exchanges=tuple(self.exchanges), facts=facts)


class Step:
    """What both kinds of event share."""

    def __init__(
        self, settings: ReceiptIssuerSettings, services: Services, clock: Clock, crash_point: CrashPoint = no_crash
    ) -> None:
        self._settings = settings
        self._services = services
        self._clock = clock
        self._point = crash_point

    def _talk(self, delivery: Delivery, send: Send) -> Talk:
        until, longest = delivery.leased_until, self._settings.http.timeout
        return Talk(
            services=self._services,
            settings=self._settings,
            send=send,
            has_time=lambda: until is None or self._clock.now() + longest <= until,
            point=self._point,
        )

    def _staff(self) -> dict[str, str]:
        return {"Account": self._settings.account, "ACpass": self._settings.ac_pass}


def is_again(delivery: Delivery) -> bool:
    """Whether something may have left before."""
    return delivery.tries > 0 or delivery.crashes > 0 or delivery.is_unanswered


def known_number(delivery: Delivery, receipt: Receipt) -> str | None:
    """The number that the ledger knows: what has one was issued for certain."""
    return wire.standing_of(delivery).receipts.get(receipt.kind)


def fact_of(
    receipt: Receipt, number: str, *, state: str = "issued", adjusts: str | None = None, page: str | None = None
) -> Fact:
    """What the ledger keeps of it."""
    return {
        "kind": receipt.kind,
        "key": receipt.key,
        "number": number,
        "state": state,
        "adjusts": adjusts,
        "amount": receipt.amount,
        "body": None if page is None else page.encode(),
        "media_type": None if page is None else PAGE,
    }


def numbers_of(talk: Talk) -> str:
    """What this attempt brought."""
    return ", ".join(fact["number"] or fact["key"] for fact in talk.facts)
