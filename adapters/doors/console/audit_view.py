"""Pure. From audit rows to what the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bus.audit import Act, Entry, Found

PERSON: Final = "person:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row."""

    id: int
    at: datetime
    who: str
    """A person's account name, or the whole actor where it is none."""
    is_person: bool
    act: str
    dossier: str | None
    delivery: int | None
    cause: str
    """What was changed of an account, as its move says it; empty for every other act."""
    subject: str
    reason: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """A page of the audit."""

    lines: tuple[Line, ...]
    acts: tuple[str, ...]
    filters: Mapping[str, str]
    is_limited: bool
    """Whether the reader's units limit what is shown."""
    next: str = ""
    """Cursor of the rows before."""
    looked_back_to: datetime | None = None
    is_cursor_lost: bool = False
    """The cursor was another account's, or changed: this is the first page instead."""

    @property
    def is_filtered(self) -> bool:
        return any(self.filters.values())


def audit_page(
    found: Found, filters: Mapping[str, str], *, next_cursor: str, is_limited: bool, is_cursor_lost: bool
) -> AuditPage:
    """A page of rows as they were found."""
    return AuditPage(
        lines=tuple(line_of(entry) for entry in found.entries),
        acts=tuple(act.value for act in Act),
        filters=filters,
        is_limited=is_limited,
        next=next_cursor,
        looked_back_to=found.looked_back_to,
        is_cursor_lost=is_cursor_lost,
    )


def line_of(entry: Entry) -> Line:
    """One row as a line."""
    is_person = entry.actor.startswith(PERSON)
    is_change = entry.act == Act.ACCOUNT_CHANGED
    cause, _, about = entry.subject.partition(" ") if is_change else ("", "", entry.subject)
    return Line(
        id=entry.id,
        at=entry.at,
        who=entry.actor.removeprefix(PERSON),
        is_person=is_person,
        act=entry.act,
        dossier=entry.dossier,
        delivery=entry.delivery,
        cause=cause,
        subject=about,
        reason=entry.reason,
        address=entry.address,
    )
