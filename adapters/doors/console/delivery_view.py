"""Pure. From what the ledger tells of a delivery to what its page shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from adapters.doors.console.dossier_view import Named, Who, shortened, who_of
from adapters.doors.console.visible import one_line, visible

Row = Mapping[str, Any]

_ROW: Final = re.compile(r"[a-z][a-z0-9_]{1,40}(?=$|:)")
_SNAKE: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
DOUBTED: Final = frozenset({"unsigned", "wrong_signature"})
"""Rows of reply tables that speak of the answer's signature."""

Answered = Literal["missing", "broken", "none", "not_recorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What the ledger keeps of the signatures of one call. What it does not keep is not told."""

    key: str | None
    algorithm: str | None
    answer: Answered
    """Of the answer's own signature: it was missing, it did not fit, there was no answer, or nothing was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallShown:
    """One call, without its bytes."""

    id: int
    operation: str
    method: str
    url: str
    status: int | None
    sent_at: str
    took_ms: float
    trouble: str
    signed: Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptShown:
    """One try."""

    n: int
    id: int
    worker: str
    started_at: str
    outcome: str
    """As the glossary has it: `in_doubt`."""
    code: str
    reason: str
    row: str
    """The row of the partner's reply table that decided; empty where none is told."""
    calls: tuple[CallShown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveShown:
    """One change of the delivery's state."""

    at: str
    from_state: str | None
    to_state: str
    cause: str
    reason: str
    who: Who
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """The page."""

    id: int
    dossier: str
    unit: Named
    partner: str
    kind: str
    status: str | None
    source: str
    event: str
    state: str
    cause: str
    reason: str
    due_at: str | None
    tries: int
    accepted_at: str
    changed_at: str
    rule: str
    mapping: str | None
    attempts: tuple[AttemptShown, ...]
    moves: tuple[MoveShown, ...]
    """The newest first."""
    next: int | None
    """What to ask before for older attempts."""
    is_open: bool


_OPEN: Final = frozenset({"waiting", "sending", "awaiting", "in_doubt", "held", "refused"})


def delivery_view(delivery: Row, *, unit: str | None = None, unit_name: str | None = None) -> DeliveryView:
    """The page of a delivery."""
    return DeliveryView(
        id=delivery["id"],
        dossier=delivery["dossier"],
        unit=Named(code=unit, name=unit_name),
        partner=delivery["partner"],
        kind=delivery["kind"],
        status=delivery["status"],
        source=delivery["source"],
        event=delivery["event"],
        state=delivery["state"],
        cause=delivery["cause"],
        reason=shortened(visible(delivery["reason"])),
        due_at=delivery["due_at"],
        tries=delivery["tries"],
        accepted_at=delivery["accepted_at"],
        changed_at=delivery["changed_at"],
        rule=delivery["rule"],
        mapping=delivery["mapping"],
        attempts=tuple(_attempt(row) for row in reversed(delivery["attempts"])),
        moves=moves_shown(delivery["moves"]),
        next=delivery.get("next"),
        is_open=delivery["state"] in _OPEN,
    )


def moves_shown(moves: Sequence[Row]) -> tuple[MoveShown, ...]:
    """The newest first."""
    return tuple(_move(row) for row in reversed(moves))


def _move(row: Row) -> MoveShown:
    who, name = who_of(row["actor"])
    return MoveShown(
        at=row["at"],
        from_state=row["from_state"],
        to_state=row["to_state"],
        cause=row["cause"],
        reason=shortened(visible(row["reason"])),
        who=who,
        name=one_line(name),
    )


def _attempt(row: Row) -> AttemptShown:
    reason = row["reason"]
    told = reply_row(reason)
    return AttemptShown(
        n=row["n"],
        id=row["id"],
        worker=one_line(row["worker"]),
        started_at=row["started_at"],
        outcome=outcome_name(row["outcome"]),
        code=one_line(row["code"] or "")[:100],
        reason=shortened(visible(reason)),
        row=told,
        calls=tuple(call_shown(each, told) for each in row["exchanges"]),
    )


def outcome_name(name: str) -> str:
    """`InDoubt` as the glossary has it: `in_doubt`."""
    return _SNAKE.sub("_", name).lower()


def reply_row(reason: str) -> str:
    """The row's name that stands at the beginning of a reason; empty where there is none."""
    found = _ROW.match(reason)
    return found.group() if found else ""


def call_shown(row: Row, told: str = "") -> CallShown:
    """A call as a line of a page; `told`: the row of the reply table that its attempt's reason names."""
    return CallShown(
        id=row["id"],
        operation=one_line(row["operation"]),
        method=row["method"],
        url=one_line(row["url"]),
        status=row["status"],
        sent_at=row["sent_at"],
        took_ms=row["took_us"] / 1000,
        trouble=shortened(visible(row["trouble"] or "")),
        signed=Signed(key=row["key_id"], algorithm=row["algorithm"], answer=_answered(row, told)),
    )


def _answered(row: Row, told: str) -> Answered:
    if row["status"] is None:
        return "none"
    if told in DOUBTED:
        return "missing" if told == "unsigned" else "broken"
    return "not_recorded"
