"""Issuing what was paid: one receipt for each kind, and the question whether it is there.

Nothing here is done twice: a key is looked up before every further try, and the issuer refuses a key that it knows.
"""

from __future__ import annotations

from typing import Final

from adapters.partners.gateways.adapter import Send
from adapters.partners.receipt_issuer import wire
from adapters.partners.receipt_issuer.codes import PUBLISH, Verdict
from adapters.partners.receipt_issuer.replies import Answer, names_amount, page_number, published_number, trouble_of
from adapters.partners.receipt_issuer.talk import AGAIN, STANDS, Step, Talk, fact_of, is_again, known_number, numbers_of
from adapters.partners.receipt_issuer.wire import Receipt
from bus.messages import Attempt, Delivered, Delivery, InDoubt, Outcome, Unreachable

NOT_YET: Final = Unreachable(reason="issued, and its page is not there yet", is_down=False)


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
        return talk.ended(Delivered(receipt=numbers_of(talk)))

    def _have(self, talk: Talk, delivery: Delivery, receipt: Receipt) -> Outcome | None:
        number = known_number(delivery, receipt)
        if number is not None or is_again(delivery):
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
            talk.facts.append(fact_of(receipt, number))
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
        talk.facts.append(fact_of(receipt, told, page=page))
        return None


class AskIssued(Issue):
    """Whether what may have been issued is there."""

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Look every key up. One that is not there: the delivery goes again, and looks again before it sends."""
        talk = self._talk(delivery, send)
        for receipt in wire.receipts_of(delivery):
            number = known_number(delivery, receipt)
            seen = talk.look_up(receipt.key)
            if seen.verdict is Verdict.NOT_THERE:
                return talk.ended(AGAIN if number is None else NOT_YET)
            trouble = self._take(talk, receipt, seen, number) if seen.verdict in STANDS else trouble_of(seen)
            if trouble is not None:
                return talk.ended(trouble)
        return talk.ended(Delivered(receipt=numbers_of(talk)))
