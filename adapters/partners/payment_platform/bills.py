"""GET_BILL: the receipt that the platform writes, once the payment is settled (NOTES.md#r70 to #r73).

The platform may be slow to write it. Asking for it never touches the payment: it reads, and reads again, and after a
day a person is asked. What is fetched from an address comes only from hosts of the settings, and only as a PDF.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from adapters.channels.http import Request
from adapters.channels.retry_after import retry_after
from adapters.partners.gateways.adapter import Send
from adapters.partners.gateways.reading import Shape, shape_of, text_in, words
from adapters.partners.payment_platform import wire
from adapters.partners.payment_platform.checksum import ALGORITHM
from adapters.partners.payment_platform.settings import PlatformSettings
from bus.errors import NotOurs
from bus.messages import PAYMENT_REFUNDED, Attempt, Delivered, Delivery, Exchange, InDoubt, Outcome, Unreachable
from bus.ports import Clock

MAGIC: Final = b"%PDF-"
PDF: Final = "application/pdf"
FETCH: Final = "UrlBienLai"
WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 6, 36)) + tuple(
    timedelta(hours=hours, minutes=36) for hours in range(1, 25)
)
"""After the settlement: 1, 5 and 30 minutes apart, then hourly for a day."""
MISSING: Final = InDoubt(reason="receipt_missing: not written within a day", then="go_on", is_down=False)
DOWN: Final = (502, 503, 504)


class Bills:
    """Fetches one receipt. Nothing of it blocks or repeats a payment; a lost answer only means: ask again."""

    def __init__(self, settings: PlatformSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable`; NotOurs for a refund, of whose receipt the platform takes care itself."""
        if delivery.event.kind == PAYMENT_REFUNDED:
            raise NotOurs(procedure="GET_BILL", owner="the platform, which takes its own receipts back")
        wire.question(delivery, self._settings, "GET_BILL")

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """The document, or when to ask for it again."""
        self.check(delivery)
        settings = self._settings
        message = wire.question(delivery, settings, "GET_BILL")
        exchange = send(wire.request("GET_BILL", settings.bill_url, message, settings))
        first = replace(exchange, key_id=settings.signing.key_id, algorithm=ALGORITHM)
        if _is_pdf(first):
            return _got(delivery, (first,))
        url, why = _address(first)
        if not url:
            return self._later(delivery, (first,), why)
        if not settings.may_fetch(url):
            return self._later(delivery, (first,), "its address is not of a listed host, or not https")
        return self._fetch(delivery, first, url, send)

    def _fetch(self, delivery: Delivery, first: Exchange, url: str, send: Send) -> Attempt:
        """No token of ours goes along, no redirect is followed, and what its query hides is kept nowhere."""
        found = send(Request(operation=FETCH, method="GET", url=url, headers={"accept": PDF}, body=b""))
        both = (first, replace(found, url=url.partition("?")[0]))
        if _is_pdf(found):
            return _got(delivery, both)
        why = found.trouble.reason if found.trouble is not None else f"http {found.status}"
        return self._later(delivery, both, f"its address: {why}")

    def _later(self, delivery: Delivery, exchanges: tuple[Exchange, ...], why: str) -> Attempt:
        first = exchanges[0]
        if isinstance(first.trouble, Unreachable) or first.status in DOWN:
            # Nobody is there: that is waited for as with any partner, and is no missing receipt, however long it lasts.
            return Attempt(outcome=Unreachable(reason=why, retry_after=retry_after(first)), exchanges=exchanges)
        wait = wait_until_next(self._clock.now() - delivery.event.occurred_at)
        if wait is None:
            return Attempt(outcome=MISSING, exchanges=exchanges, facts={"receipt_missing": True})
        outcome: Outcome = Unreachable(reason=f"not_yet: {why}", retry_after=wait, is_down=False)
        return Attempt(outcome=outcome, exchanges=exchanges)


def wait_until_next(elapsed: timedelta) -> timedelta | None:
    """How long after so much time it is asked for again; None once the day is over."""
    return next((at - elapsed for at in WAITS if at > elapsed), None)


def _is_pdf(exchange: Exchange) -> bool:
    return exchange.status == 200 and (exchange.reply_body or b"").startswith(MAGIC)


def _address(exchange: Exchange) -> tuple[str, str]:
    """Where the document is, or why it is nowhere yet."""
    if exchange.trouble is not None:
        return "", exchange.trouble.reason
    shape, value = shape_of(exchange)
    if shape is not Shape.OBJECT:
        return "", f"http {exchange.status}, {shape.value}"
    url = text_in(value, FETCH) if exchange.status == 200 else ""
    return url, words(text_in(value, "MoTaLoi")) or f"http {exchange.status}"


def _got(delivery: Delivery, exchanges: tuple[Exchange, ...]) -> Attempt:
    reference = wire.standing_of(delivery).reference
    receipt = {
        "kind": "whole",
        "key": reference,
        # The platform tells no number beside the document.
        "number": "",
        "state": "issued",
        "body": exchanges[-1].reply_body,
        "media_type": PDF,
    }
    return Attempt(outcome=Delivered(receipt=reference), exchanges=exchanges, facts={"receipts": (receipt,)})
