"""The steps at a provider of receipts: issue what was paid, take back what was refunded, and ask.

Nothing here is done twice: a key is looked up before every further try, and the issuer refuses a key that it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias

from adapters.partners.gateways.adapter import NO_TIME, Send
from adapters.partners.receipt_issuer import wire
from adapters.partners.receipt_issuer.codes import ADJUST, CANCEL, PUBLISH, UNMARK, VIEW, Verdict
from adapters.partners.receipt_issuer.replies import (
    Answer,
    adjusted_number,
    names_amount,
    page_number,
    published_number,
    trouble_of,
    unanswered,
)
from adapters.partners.receipt_issuer.settings import ReceiptIssuerSettings
from adapters.partners.receipt_issuer.speaking import Services
from adapters.partners.receipt_issuer.wire import Adjustment, Receipt
from bus.messages import Attempt, Delivered, Delivery, Exchange, InDoubt, Outcome, Refused, Unreachable
from bus.ports import Clock, CrashPoint, no_crash

AGAIN: Final = Unreachable(reason="it is not there: goes again", retry_after=timedelta(0), is_down=False)
NOT_YET: Final = Unreachable(reason="issued, and its page is not there yet", is_down=False)
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


class Issue(Step):
    """A receipt for each kind of what was paid."""

    def check(self, delivery: Delivery) -> None:
        """Shape it and send nothing. Raises `Unmappable`."""
        facts = wire.facts_of(delivery, self._settings, self._clock.now())
        for receipt in wire.receipts_of(delivery):
            wire.invoices_xml(receipt, facts, self._settings)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Issue each that is not there; the first trouble ends the attempt, and what was learned before it is kept."""
        talk = self._talk(delivery, send)
        for receipt in wire.receipts_of(delivery):
            trouble = self._have(talk, delivery, receipt)
            if trouble is not None:
                return talk.ended(trouble)
        return talk.ended(Delivered(receipt=_numbers(talk)))

    def _have(self, talk: Talk, delivery: Delivery, receipt: Receipt) -> Outcome | None:
        number = _known(delivery, receipt)
        if number is not None or _is_again(delivery):
            seen = talk.look_up(receipt.key)
            if seen.verdict in STANDS:
                return self._take(talk, receipt, seen, number)
            if seen.verdict is not Verdict.NOT_THERE:
                return trouble_of(seen)
            if number is not None:
                return NOT_YET
        return self._publish(talk, delivery, receipt)

    def _publish(self, talk: Talk, delivery: Delivery, receipt: Receipt) -> Outcome | None:
        facts = wire.facts_of(delivery, self._settings, self._clock.now())
        said = talk.call(
            PUBLISH,
            {
                **self._staff(),
                "xmlInvData": wire.invoices_xml(receipt, facts, self._settings),
                "username": self._settings.username,
                "password": self._settings.password,
                "pattern": self._settings.pattern,
                "serial": self._settings.serial,
                "convert": 0,
            },
        )
        if said.verdict not in STANDS:
            return trouble_of(said)
        number = published_number(said.body.text, receipt.key) if said.verdict is Verdict.YES else None
        if said.verdict is Verdict.YES and number is None:
            return InDoubt(reason="the yes is for another key")
        if number is not None:
            # Known for good from here on, whatever becomes of its page.
            talk.facts.append(_fact(receipt, number))
        return self._see(talk, receipt, number)

    def _see(self, talk: Talk, receipt: Receipt, number: str | None) -> Outcome | None:
        seen = talk.look_up(receipt.key)
        if seen.verdict in STANDS:
            return self._take(talk, receipt, seen, number)
        return NOT_YET if seen.verdict is Verdict.NOT_THERE else trouble_of(seen)

    def _take(self, talk: Talk, receipt: Receipt, seen: Answer, number: str | None) -> Outcome | None:
        """A receipt that is there is ours by its key; its page must name our amount (NOTES.md#r43)."""
        page = seen.body.text if seen.verdict is Verdict.YES else None
        if page is not None and not names_amount(page, receipt.amount):
            return InDoubt(reason="the key is there, and its page does not name our amount", then="hold", is_down=False)
        told = number or (page_number(page, self._settings.view_number) if page else "")
        talk.facts[:] = [fact for fact in talk.facts if fact["key"] != receipt.key]
        talk.facts.append(_fact(receipt, told, page=page))
        return None


class AskIssued(Issue):
    """Whether what may have been issued is there."""

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Look every key up. One that is not there: the delivery goes again, and looks again before it sends."""
        talk = self._talk(delivery, send)
        for receipt in wire.receipts_of(delivery):
            number = _known(delivery, receipt)
            seen = talk.look_up(receipt.key)
            if seen.verdict is Verdict.NOT_THERE:
                return talk.ended(AGAIN if number is None else NOT_YET)
            trouble = self._take(talk, receipt, seen, number) if seen.verdict in STANDS else trouble_of(seen)
            if trouble is not None:
                return talk.ended(trouble)
        return talk.ended(Delivered(receipt=_numbers(talk)))


class TakeBack(Step):
    """Receipts of what was refunded: cancelled, or adjusted down by a part."""

    def check(self, delivery: Delivery) -> None:
        """Shape it and send nothing. Raises `Unmappable`."""
        wire.taken_back(delivery)

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Cancelling can be repeated; an adjustment is known by its key (NOTES.md#r53, #r54)."""
        talk, plan = self._talk(delivery, send), wire.taken_back(delivery)
        if isinstance(plan, Adjustment):
            trouble = self._adjust(talk, delivery, plan)
            return talk.ended(trouble or Delivered(receipt=_numbers(talk)))
        for receipt in plan:
            trouble = self._cancel(talk, delivery, receipt)
            if trouble is not None:
                return talk.ended(trouble)
        return talk.ended(Delivered(receipt=_numbers(talk)))

    def _cancel(self, talk: Talk, delivery: Delivery, receipt: Receipt) -> Outcome | None:
        service = {"userName": self._settings.username, "userPass": self._settings.password}
        number = _known(delivery, receipt)
        unmarked = talk.call(UNMARK, {"lstFkey": receipt.key, **service})
        if unmarked.verdict not in (Verdict.YES, Verdict.NOT_THERE):
            return trouble_of(unmarked)
        said = talk.call(CANCEL, {**self._staff(), "fkey": receipt.key, **service})
        if said.verdict is Verdict.YES:
            talk.facts.append(_fact(receipt, number or "", state="cancelled"))
            return None
        if said.verdict is Verdict.NOT_THERE and number is None:
            return None  # it was never issued, so there is nothing to take back
        return _absent(said) or trouble_of(said)

    def _adjust(self, talk: Talk, delivery: Delivery, plan: Adjustment) -> Outcome | None:
        if _is_again(delivery):
            seen = talk.look_up(plan.receipt.key)
            if seen.verdict in STANDS:
                return self._adjusted(talk, plan, seen)
            if seen.verdict is not Verdict.NOT_THERE:
                return trouble_of(seen)
        facts = wire.facts_of(delivery, self._settings, self._clock.now())
        said = talk.call(
            ADJUST,
            {
                **self._staff(),
                "xmlInvData": wire.adjustment_xml(plan.receipt, facts, self._settings),
                "username": self._settings.username,
                "pass": self._settings.password,
                "fkey": plan.of,
                "AttachFile": "",
                "convert": 0,
            },
        )
        if said.verdict is Verdict.YES:
            number = adjusted_number(said.body.text) or ""
            talk.facts.append(_fact(plan.receipt, number, state="adjusted", adjusts=plan.of))
            return None
        if said.verdict is Verdict.THERE:
            return self._adjusted(talk, plan, talk.look_up(plan.receipt.key))
        return _absent(said) or trouble_of(said)

    def _adjusted(self, talk: Talk, plan: Adjustment, seen: Answer) -> Outcome | None:
        if seen.verdict not in STANDS:
            return trouble_of(seen)
        page = seen.body.text if seen.verdict is Verdict.YES else ""
        number = page_number(page, self._settings.view_number)
        talk.facts.append(_fact(plan.receipt, number, state="adjusted", adjusts=plan.of, page=page or None))
        return None


class AskTakenBack(TakeBack):
    """Nothing is asked: cancelling again is safe, and an adjustment is looked up before it goes again."""

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """At once."""
        return Attempt(outcome=AGAIN)


def _is_again(delivery: Delivery) -> bool:
    return delivery.tries > 0 or delivery.crashes > 0 or delivery.is_unanswered


def _known(delivery: Delivery, receipt: Receipt) -> str | None:
    """The number that the ledger knows: what has one was issued for certain."""
    return wire.standing_of(delivery).receipts.get(receipt.kind)


def _absent(said: Answer) -> Outcome | None:
    """A receipt that must be there, and is not: a person looks."""
    if said.verdict is Verdict.NOT_THERE:
        return Refused(code=said.body.code, reason=said.reason)
    return None


def _fact(
    receipt: Receipt, number: str, *, state: str = "issued", adjusts: str | None = None, page: str | None = None
) -> Fact:
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


def _numbers(talk: Talk) -> str:
    return ", ".join(fact["number"] or fact["key"] for fact in talk.facts)
