"""The one-stop system's books: every message once, under its id, with the answer it got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from contracts.mock_log import EffectList
from contracts.national_portal.reading import canonical, digest
from contracts.one_stop.envelopes import Trouble
from contracts.one_stop.results import RESULTS, Results
from contracts.one_stop.signed import SIGNED, Signatures

OUTCOME: Final = "ReceiveOutcome"
FILED: Final = "ReceiveDossier"
AMENDED: Final = "ReceiveAmendment"
PAYMENT: Final = "ReceivePaymentResult"
SIGNATURE: Final = "ReceiveSignatureResult"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message that was taken, and its answer."""

    operation: str
    digest: str
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one message."""

    answer: Mapping[str, Any]
    effects: int
    """1, or 0 when the message, or its dossier, was there already."""


class Books:
    """Every change goes through here, and leaves a row in the effect list."""

    def __init__(self, effects: EffectList, unit: str) -> None:
        self._effects = effects
        self._unit = unit
        self._messages: dict[str, Kept] = {}
        self._dossiers: dict[str, Kept] = {}
        """By the national number."""
        self._results = Results()
        self._signatures = Signatures()

    def known(self, message_id: str) -> Kept | None:
        """The message of this id, where it was taken."""
        return self._messages.get(message_id)

    def take(self, operation: str, message: Mapping[str, Any], at: datetime) -> Taken:
        """Keep a message, or give the first answer to one that is there (r47 to r50)."""
        body = canonical(dict(message))
        if known := self._messages.get(message["id"]):
            if known.digest != digest(body) or known.operation != operation:
                raise _trouble("contradicted", "r48", "id", "an id that stands for one content")
            return Taken(answer=known.answer, effects=0)
        is_new = self._is_new(operation, message)
        number = self._number(operation, message)
        answer = {"id": message["id"], "accepted_at": at.isoformat(timespec="seconds"), "number": number}
        kept = Kept(operation=operation, digest=digest(body), answer=answer)
        self._messages[message["id"]] = kept
        if not is_new or (operation == FILED and message["national_number"] in self._dossiers):
            return Taken(answer=answer, effects=0)
        self._write(kept, message, body, at)
        return Taken(answer=answer, effects=1)

    def _is_new(self, operation: str, message: Mapping[str, Any]) -> bool:
        """Whether it tells anything yet untold, of a payment or a signature (r58, r59, r92)."""
        if operation == PAYMENT:
            return self._results.take(message)
        return operation != SIGNATURE or self._signatures.take(message)

    def _number(self, operation: str, message: Mapping[str, Any]) -> str | None:
        """Our own number of the dossier: the one it has, or a new one."""
        if operation in (OUTCOME, PAYMENT, SIGNATURE):
            return None
        there = self._dossiers.get(message["national_number"])
        if operation == AMENDED:
            if there is None:
                raise _trouble("not_found", "r50", "national_number", "a dossier that was filed here")
            return str(there.answer["number"])
        if there is None:
            return f"{self._unit}-{message['filed_at'][2:10].replace('-', '')}-{len(self._dossiers) + 1:04d}"
        if there.digest != _content(message):
            raise _trouble("contradicted", "r49", "national_number", "a dossier that is filed once")
        return str(there.answer["number"])

    def _write(self, kept: Kept, message: Mapping[str, Any], body: bytes, at: datetime) -> None:
        if kept.operation == FILED:
            whole = Kept(operation=FILED, digest=_content(message), answer=kept.answer)
            self._dossiers[message["national_number"]] = whole
        dossier = message["dossier"] if "dossier" in message else message["national_number"]
        entry = {"id": message["id"], "state": _state(message)}
        if kept.operation == FILED:
            entry["number"] = str(kept.answer["number"])
        self._effects.add(
            at=at, operation=kept.operation, dossier=dossier, digest=kept.digest, repeat=False, entry=entry, body=body
        )

    def clear(self) -> None:
        """Nothing was ever sent."""
        self._messages.clear()
        self._dossiers.clear()
        self._results.clear()
        self._signatures.clear()


def _state(message: Mapping[str, Any]) -> str:
    """What it says, in a word."""
    told = message.get("state") or message.get("kind")
    return str(told or next((kind for kind in (*RESULTS, *SIGNED) if kind in message), "filed"))


def _content(message: Mapping[str, Any]) -> str:
    """The digest of a message without its id."""
    return digest(canonical({name: value for name, value in message.items() if name != "id"}))


def _trouble(code: str, rule: str, field: str, expected: str) -> Trouble:
    return Trouble(code=code, rule=rule, field=field, expected=expected)
