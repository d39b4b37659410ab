"""The three operations of the SOAP door, once a message is verified: RecordEvent, RecordEvents, GetDossier.

An event takes the way of every event: its twin in JSON, the reader and the judgement of the REST door, and one
transaction that records it together with the message's replay key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from lxml import etree

from adapters.doors.acceptances import Acceptances, replayed, tell_batch, turned_down
from adapters.doors.auth import Visitor
from adapters.doors.dossiers import dossier_for
from adapters.doors.malformed import FieldError, Malformed
from adapters.doors.reading import read_event
from adapters.doors.receipts import KeyRing, answer
from adapters.doors.refusals import TurnedAway
from adapters.doors.soap_answers import problem
from adapters.doors.soap_codes import fault_code
from bus.errors import NonceSeen
from bus.intake import Intake
from bus.ledger import Ledger
from bus.messages import Acceptance, Contradicted, Event, ForeignDossier, Repeated
from bus.ports import CrashPoint
from bus.reads import Reads
from contracts.one_stop import twins
from contracts.one_stop.shapes import NAMESPACE

SHOWN: Final = 200
"""Events and moves of a dossier, the newest."""

Refused = Callable[[str, list[dict[str, str | int]]], str]
"""Notes the refused events of a batch, by the first one's code and every one's rule; gives the reference."""


@dataclass(slots=True, kw_only=True)
class _Line:
    """One event of a batch: what it is, and what became of it."""

    number: int
    id: str
    event: Event | None = None
    result: str = "refused"
    receipt: dict[str, Any] | None = None
    code: str = ""
    errors: tuple[FieldError, ...] = ()


class Operations:
    """Does what a verified message asks for."""

    def __init__(
        self,
        *,
        intake: Intake,
        ledger: Ledger,
        reads: Reads,
        acceptances: Acceptances,
        keys: KeyRing,
        crash_point: CrashPoint,
    ) -> None:
        self._intake = intake
        self._ledger = ledger
        self._reads = reads
        self._acceptances = acceptances
        self._keys = keys
        self._point = crash_point

    # -- one event ------------------------------------------------------------------------------------------------

    def record_event(self, message: etree._Element, visitor: Visitor) -> etree._Element:
        """The receipt, once the event is on disk (`NOTES.md#r40`). Raises TurnedAway, Malformed, LedgerUnavailable."""
        event = self._read(message[0], visitor)
        self._point("door.verified")
        try:
            acceptance = self._intake.accept(event, nonce=visitor.nonce)
        except NonceSeen:
            raise replayed() from None
        self._acceptances.tell(event, acceptance)
        if isinstance(acceptance, Contradicted | ForeignDossier):
            raise turned_down(acceptance)
        return twins.write(self._receipt(event, acceptance), "receipt", "receipt")

    def _read(self, element: etree._Element, visitor: Visitor) -> Event:
        event = read_event(msgspec.json.encode(twins.read(element, "event")))
        self._acceptances.require_own(visitor, event)
        self._acceptances.require_happened(event)
        return event

    def _receipt(self, event: Event, acceptance: Any) -> dict[str, Any]:
        told: dict[str, Any] = msgspec.json.decode(
            answer(
                self._keys.of(acceptance.receipt_key),
                source=event.source,
                id=event.id,
                digest=acceptance.digest,
                accepted_at=acceptance.accepted_at,
            )
        )
        return told | {"repeated": isinstance(acceptance, Repeated)}

    # -- many -----------------------------------------------------------------------------------------------------

    def record_events(
        self, message: etree._Element, visitor: Visitor, refused: Refused, language: str
    ) -> etree._Element:
        """A result for each event, in order (`NOTES.md#r41`). Raises TurnedAway (replayed), LedgerUnavailable."""
        lines = [self._line(number, each, visitor) for number, each in enumerate(message[0], 1)]
        self._point("door.verified")
        self._record([line for line in lines if not line.code], visitor)
        wrong = [line for line in lines if line.code]
        reference = refused(wrong[0].code, _rules(wrong)) if wrong else ""
        tell_batch(visitor.name, [line.result for line in lines])
        results = etree.Element(f"{{{NAMESPACE}}}results", nsmap=twins.NSMAP)
        for line in lines:
            results.append(twins.write(_shown(line, reference, language), "batch_result", "result"))
        return results

    def _line(self, number: int, element: etree._Element, visitor: Visitor) -> _Line:
        line = _Line(number=number, id=element[0].text or "")
        try:
            line.event = self._read(element, visitor)
        except (Malformed, TurnedAway) as trouble:
            line.code, line.errors = trouble.code, trouble.errors
        return line

    def _record(self, good: Sequence[_Line], visitor: Visitor) -> None:
        """All in one transaction, which remembers the message too."""
        assert visitor.nonce is not None
        if not good:
            self._require_first(visitor)
            return
        try:
            taken = self._intake.accept_many([line.event for line in good if line.event], nonce=visitor.nonce)
        except NonceSeen:
            raise replayed() from None
        for line, acceptance in zip(good, taken, strict=True):
            self._settle(line, acceptance)

    def _settle(self, line: _Line, acceptance: Acceptance) -> None:
        assert line.event is not None
        line.result = self._acceptances.tell(line.event, acceptance)
        if isinstance(acceptance, Contradicted | ForeignDossier):
            trouble = turned_down(acceptance)
            line.code, line.errors = trouble.code, trouble.errors
        else:
            line.receipt = self._receipt(line.event, acceptance)

    # -- a question -----------------------------------------------------------------------------------------------

    def get_dossier(self, message: etree._Element, visitor: Visitor) -> etree._Element:
        """What the caller may see of a dossier (`NOTES.md#r42`). Raises NotFound, TurnedAway (replayed)."""
        self._point("door.verified")
        self._require_first(visitor)
        view = dossier_for(self._reads, visitor, message[0].text or "")
        facts = {name: view.get(name) for name in _FACTS}
        moves = [
            {name: move[name] for name in ("id", "at", "to_state")}
            | {name: move[name] or "" for name in ("cause", "reason")}
            for move in view["timeline"][-SHOWN:]
        ]
        events = [{name: event[name] for name in _EVENT} for event in view["events"][-SHOWN:]]
        shown = {"number": view["number"], **facts, "events": events, "timeline": moves}
        return twins.write(shown, "dossier", "dossier")

    def _require_first(self, visitor: Visitor) -> None:
        """For messages that record nothing. Raises TurnedAway (replayed)."""
        assert visitor.nonce is not None
        if not self._ledger.first_seen(visitor.nonce):
            raise replayed()


_FACTS: Final = ("national_number", "procedure", "unit", "status", "received_at", "due_at")
_EVENT: Final = ("source", "id", "kind", "sequence", "occurred_at", "accepted_at", "digest")


def _shown(line: _Line, reference: str, language: str) -> dict[str, Any]:
    told = {"line": line.number, "id": line.id, "result": line.result, "receipt": line.receipt, "problem": None}
    if line.code:
        told["problem"] = problem(
            fault_code(line.code),
            reference=reference,
            errors=line.errors,
            language=language,
            place=f"/{line.number - 1}",
        )
    return told


def _rules(wrong: Sequence[_Line]) -> list[dict[str, str | int]]:
    """What the operator's note says: the line beside field and rule."""
    return [
        {"line": line.number, "field": error.field, "rule": error.rule} for line in wrong for error in line.errors[:1]
    ]
