"""The two accounts that the judge lays side by side: the ledger's deliveries and the partner's effects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bus.messages import State, canonical_bytes, digest_of
from config.demo.portal_view import RECORD, STEP, differences
from config.demo.wire import RECORDED

MUST: Final = frozenset({State.DELIVERED, State.AWAITING})
"""What the ledger calls taken has to be at the partner."""
MAY_ONCE_SENT: Final = frozenset({State.SENDING, State.IN_DOUBT, State.HELD, State.SUPERSEDED, State.CANCELLED})
"""What was sent without a readable answer may be there, and may not."""

_NO_PLACE: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event's delivery to the partner, as the ledger tells it."""

    source: str
    id: str
    kind: str
    dossier: str
    event: int
    """The order of acceptance."""
    place: int | None
    """In the dossier's order (the event's own, not the one taken in the lane); None while a gap is before it."""
    state: State
    delivery: int | None = None
    cause: str = ""
    reason: str = ""
    tries: int = 0
    blocks: bool = True
    is_late: bool = False
    """A step whose successor went out before it, and that its route's rule or a person then sent: exempt from order."""
    stands_at: int | None = None
    """Its place in the lane, where that differs."""
    wanted: Mapping[str, Any] = field(default_factory=dict)
    """Fields that the partner must show (`portal_view.expected`)."""
    digest: str | None = None
    """SHA-256 (hex) of the whole stored form, where the caller can tell it; then it decides alone."""

    @property
    def key(self) -> tuple[int, int]:
        """Sorts a dossier's events."""
        return (_NO_PLACE if self.place is None else self.place, self.event)

    @property
    def is_record(self) -> bool:
        return self.kind == RECORDED

    @property
    def must_be_there(self) -> bool:
        return self.state in MUST

    @property
    def may_be_there(self) -> bool:
        return self.must_be_there or (self.state in MAY_ONCE_SENT and self.tries > 0) or self.state == State.IN_DOUBT


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One change of the partner's books, as the partner's own list tells it."""

    n: int
    operation: str
    dossier: str
    digest: str
    repeat: bool
    body: Mapping[str, Any] | None
    at: str = ""

    @property
    def is_record(self) -> bool:
        return self.operation == RECORD

    @property
    def is_step(self) -> bool:
        return self.operation == STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One disagreement, with enough to look it up on both sides."""

    what: str
    """A stable code: `no_effect`, `dropped`, `stored_twice`, `overtaken`, `before_record`, `set_back`, …"""
    dossier: str
    source: str | None = None
    event: str | None = None
    effect: int | None = None
    """Its number in the partner's list."""
    fields: tuple[str, ...] = ()
    """Which fields differ."""


def read_effects(rows: Iterable[Mapping[str, Any]]) -> list[Effect]:
    """Rows of `GET /_control/<partner>/effects?body=1`, in their order."""
    found = [
        Effect(
            n=row["n"],
            operation=row["operation"],
            dossier=row["dossier"],
            digest=row["digest"],
            repeat=bool(row["repeat"]),
            body=_body(row.get("body")),
            at=str(row.get("at", "")),
        )
        for row in rows
    ]
    return sorted(found, key=lambda effect: effect.n)


def fits(entry: Entry, effect: Effect) -> bool:
    """Whether the effect is this entry's."""
    if entry.is_record != effect.is_record:
        return False
    if entry.digest is not None:
        return entry.digest == effect.digest
    return effect.body is None or not differences(entry.wanted, effect.body)


def is_whole(effect: Effect) -> bool:
    """Whether the body that is shown is the one that the digest was made of."""
    return effect.body is None or digest_of(canonical_bytes(effect.body)).hex() == effect.digest


def _body(body: Any) -> Mapping[str, Any] | None:
    loaded = json.loads(body) if isinstance(body, str) else body
    return loaded if isinstance(loaded, Mapping) else None
