"""An event made ready for the ledger, and the facts of it that rows and digests are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from bus.evidence import row_digest
from bus.messages import Event
from bus.routing import Route
from bus.seal import Sealed
from bus.times import to_ms

Order: TypeAlias = Literal["arrival", "sequence", "acceptance"]
"""By the source's time; by its numbers; as it was taken in, where the source has nothing that tells its order."""
RECORD_KIND: Final = "dossier.recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonce:
    """Of the signed request that carried the event: remembered in the same transaction."""

    key_id: str
    nonce: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """The key that signs receipts now: the number under which events remember it, and its name."""

    number: int
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An event made ready outside the writer's thread: sealed, its search terms hashed."""

    event: Event
    sealed: Sealed
    terms: frozenset[bytes]
    routes: Sequence[Route]
    order: Order
    nonce: Nonce | None = None
    is_adopted: bool = False
    speaks_for: frozenset[str] | None = None
    """Sources whose dossiers its own source may speak of; None: of every dossier."""
    receipt_key: ReceiptKey | None = None

    @property
    def receipt_number(self) -> int | None:
        """Under which its event remembers the receipt's key."""
        return None if self.receipt_key is None else self.receipt_key.number

    def may_speak_of(self, owner: str) -> bool:
        """Whether it may speak of a dossier of which this source spoke first."""
        return owner == self.event.source or self.speaks_for is None or owner in self.speaks_for

    @property
    def claimed(self) -> str | None:
        """The national number that it says its dossier has, where that is not the dossier's very number."""
        told: str | None = self.event.data.get("national_number")
        return None if told == self.event.dossier else told


def status_of(event: Event) -> str | None:
    """The status that the event carries, or the local step it names."""
    status = event.data.get("status") or event.data.get("local_step")
    return None if status is None else str(status)


def record_facts(event: Event) -> tuple[Any, ...]:
    """What a dossier's row keeps of its newest record: origin, national number, procedure, unit, received, due."""
    data = event.data
    return (
        data.get("origin"),
        data.get("national_number"),
        data.get("procedure"),
        data.get("unit"),
        ms_of(event, "received_at"),
        ms_of(event, "due_at"),
    )


def ms_of(event: Event, member: str) -> int | None:
    """A time among the event's data, in milliseconds."""
    text = event.data.get(member)
    return None if text is None else to_ms(datetime.fromisoformat(text))


def event_row_digest(number: int, event: Event, sequence: int | None, accepted_at: int, commitment: bytes) -> bytes:
    """What the accepting move binds; field list beside the first migration."""
    return row_digest(
        [
            "event",
            number,
            event.source,
            event.id,
            event.kind,
            event.dossier,
            sequence,
            to_ms(event.occurred_at),
            accepted_at,
            event.digest.hex(),
            commitment.hex(),
        ]
    )
