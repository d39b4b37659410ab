"""Pure. A canonical event to the one-stop system's message, and their answer to an outcome.

The event's data is the contract's message without its id; the id is the event's own, so that the same event is the same
message however often it goes (NOTES.md#r47).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from adapters.partners.one_stop import forms
from adapters.partners.one_stop.codes import CONTRACTS, Contract, Verdict
from adapters.partners.one_stop.replies import Answer
from bus.errors import Unmappable
from bus.messages import Delivered, Event, InDoubt, Outcome, Refused, Standing, Unreachable

RESULT_OF: Final = {"payment_result": "payment", "signature_result": "signature"}
"""Shapes that tell what became of something: under which name its number stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is handed over, and by which operation."""

    contract: Contract
    value: dict[str, Any]

    @property
    def id(self) -> str:
        found: str = self.value["id"]
        return found


def message_of(event: Event, standing: Standing) -> Message:
    """The message of an event. Raises Unmappable for what the contract cannot take."""
    contract = CONTRACTS.get(event.kind)
    if contract is None:
        raise Unmappable(field="/type", rule="no_row", value=event.kind, table="one_stop operations")
    value = {"id": event.id, **event.data}
    if subject := RESULT_OF.get(contract.shape):
        value = _result(event, subject)
    if contract.shape == "amendment":
        # Its own number is what the one-stop system answered to the filing; the portal may not know it (r45, r122).
        value["number"] = value.get("number") or standing.own_number
    forms.check(value, contract)
    return Message(contract=contract, value=value)


def _result(event: Event, subject: str) -> dict[str, Any]:
    """What became of a payment or signature: what is told under its own name, beside whose it is (r56, r90)."""
    told = {name: value for name, value in event.data.items() if name != subject}
    return {
        "id": event.id,
        "dossier": event.dossier,
        subject: event.data[subject],
        "at": event.occurred_at.isoformat(),
        event.kind.rpartition(".")[2]: told,
    }


def outcome_of(answer: Answer) -> Outcome:
    """Verdict → outcome. Every operation is idempotent by its id: what is unclear goes again."""
    match answer.verdict:
        case Verdict.YES:
            return Delivered(receipt=answer.body.accepted_at)
        case Verdict.REFUSED:
            return Refused(code=answer.body.code, reason=answer.body.text or answer.row)
        case Verdict.LATER:
            return Unreachable(reason=answer.reason, retry_after=answer.retry_after, is_down=False)
        case Verdict.DOWN:
            return Unreachable(reason=answer.reason, retry_after=answer.retry_after)
        case Verdict.UNCLEAR:
            return InDoubt(reason=answer.reason)
        case Verdict.HOLD:
            return InDoubt(reason=answer.reason, then="hold", is_down=False)


def learned(answer: Answer, message: Message) -> dict[str, Any]:
    """What a yes teaches for good: the one-stop system's own number of a filed dossier (NOTES.md#r44)."""
    is_numbered = answer.verdict is Verdict.YES and message.contract.shape == "filed"
    return {"number": answer.body.number} if is_numbered else {}
