"""Taking back what was refunded: receipts cancelled, or one of them adjusted down by a part."""

from __future__ import annotations

from adapters.partners.gateways.adapter import Send
from adapters.partners.receipt_issuer import wire
from adapters.partners.receipt_issuer.codes import ADJUST, CANCEL, UNMARK, Verdict
from adapters.partners.receipt_issuer.replies import Answer, adjusted_number, page_number, trouble_of
from adapters.partners.receipt_issuer.talk import AGAIN, STANDS, Step, Talk, fact_of, is_again, known_number, numbers_of
from adapters.partners.receipt_issuer.wire import Adjustment, Receipt
from bus.messages import Attempt, Delivered, Delivery, Outcome, Refused


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
            return talk.ended(trouble or Delivered(receipt=numbers_of(talk)))
        for receipt in plan:
            trouble = self._cancel(talk, delivery, receipt)
            if trouble is not None:
                return talk.ended(trouble)
        return talk.ended(Delivered(receipt=numbers_of(talk)))

    def _cancel(self, talk: Talk, delivery: Delivery, receipt: Receipt) -> Outcome | None:
        service = {"userName": self._settings.username, "userPass": self._settings.password}
        number = known_number(delivery, receipt)
        unmarked = talk.call(UNMARK, {"lstFkey": receipt.key, **service})
        if unmarked.verdict not in (Verdict.YES, Verdict.NOT_THERE):
            return trouble_of(unmarked)
        said = talk.call(CANCEL, {**self._staff(), "fkey": receipt.key, **service})
        if said.verdict is Verdict.YES:
            talk.facts.append(fact_of(receipt, number or "", state="cancelled"))
            return None
        if said.verdict is Verdict.NOT_THERE and number is None:
            return None  # it was never issued, so there is nothing to take back
        return _absent(said) or trouble_of(said)

    def _adjust(self, talk: Talk, delivery: Delivery, plan: Adjustment) -> Outcome | None:
        if is_again(delivery):
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
            talk.facts.append(fact_of(plan.receipt, number, state="adjusted", adjusts=plan.of))
            return None
        if said.verdict is Verdict.THERE:
            return self._adjusted(talk, plan, talk.look_up(plan.receipt.key))
        return _absent(said) or trouble_of(said)

    def _adjusted(self, talk: Talk, plan: Adjustment, seen: Answer) -> Outcome | None:
        if seen.verdict not in STANDS:
            return trouble_of(seen)
        page = seen.body.text if seen.verdict is Verdict.YES else ""
        number = page_number(page, self._settings.view_number)
        talk.facts.append(fact_of(plan.receipt, number, state="adjusted", adjusts=plan.of, page=page or None))
        return None


class AskTakenBack(TakeBack):
    """Nothing is asked: cancelling again is safe, and an adjustment is looked up before it goes again."""

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """At once."""
        return Attempt(outcome=AGAIN)


def _absent(said: Answer) -> Outcome | None:
    """A receipt that must be there, and is not: a person looks."""
    if said.verdict is Verdict.NOT_THERE:
        return Refused(code=said.body.code, reason=said.reason)
    return None
