"""What a gateway's call is to the door of callbacks, and what a gateway must be able to say of it.

RawCall ──read──▶ Told, to be heard by the ledger        (bus/payments.py)
                │ Wrong: nothing changes; noted at the door under its rule
Heard | Wrong | LedgerTrouble ──reply──▶ Reply, in the gateway's own form of acknowledgement
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from bus.errors import LedgerTrouble
from bus.payments import AttemptFacts, Effect, Heard, Told

MOST_BYTES: Final = 65_536
"""Of one callback: the longest that was seen has two thousand."""


CHANGED_NOTHING: Final = frozenset({Effect.UNKNOWN_REFERENCE, Effect.WRONG_AMOUNT, Effect.WRONG_CURRENCY})
"""What was heard and changed nothing: the gateway gets its *no*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCall:
    """A call as it came, nothing decoded: what is hashed is what was sent."""

    method: str
    path: str
    """Below `/callbacks/<partner>/`."""
    query: str
    """As it stood in the address, still encoded."""
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes = field(repr=False)
    address: str
    """Who called, as the network says."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A call that is not believed, or cannot be read: nothing changes."""

    code: str
    """Of the catalogue of problems: `bad_signature`, `malformed_json`, `missing_field` …"""
    rule: str
    """What exactly: `checksum`, `merchant`, `amount_form`."""
    field: str = ""
    """The gateway's own field."""
    reference_told: str = ""
    """What it says it is about; not proven."""
    is_alarm: bool = False
    """Whether somebody may be trying something: a wrong checksum, another merchant's message."""
    status: int = 200
    """HTTP. A message that is refused is answered with 200: an error would bring a storm of repeats, and hide why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the gateway is told."""

    body: bytes
    status: int = 200
    media_type: str = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One address below `/callbacks/<partner>/`."""

    media_types: tuple[str, ...] = ()
    """What a body may be; empty: there is none, all stands in the address."""
    most_bytes: int = MOST_BYTES
    """Of the body, or of the query where there is no body."""


Find: TypeAlias = Callable[[str], AttemptFacts | None]
"""Our own books by reference, where a checksum is made over what we asked for and not over what was sent."""
Came: TypeAlias = Heard | Wrong | LedgerTrouble


class Gateway(Protocol):
    """One gateway's side of the door."""

    @property
    def places(self) -> Mapping[tuple[str, str], Place]:
        """(method, name below `/callbacks/<partner>/`) → what may come there: `("POST", "confirm")`."""
        ...

    def read(self, call: RawCall, find: Find) -> Told | Wrong:
        """What it says, once it is believed. Never judges an amount: the ledger does, in its transaction."""
        ...

    def reply(self, call: RawCall, came: Came) -> Reply:
        """The acknowledgement. Must not raise, whatever `call` holds."""
        ...
