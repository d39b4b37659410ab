"""Pure. What a person may do about a delivery or a dossier now, each with its consequence in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bus.judging import Act, How
from bus.messages import State

CHOICES: Final[tuple[tuple[Act, How], ...]] = (
    ("release", ""),
    ("replay", ""),
    ("resolve", "arrived"),
    ("resolve", "send_again"),
    ("resolve", "go_on"),
    ("cancel", ""),
)
"""In the order in which they are offered."""
GRAVE: Final = frozenset({"cancel", "resolve_go_on", "resolve_arrived"})
"""After these nothing is sent any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One act that is possible now."""

    name: str
    """`replay`, `resolve_arrived` …"""
    act: Act
    how: How
    becomes: State
    press: str
    told: str = ""
    """What the partner's table says of a step like this one."""

    @property
    def is_grave(self) -> bool:
        """Whether nothing will be sent any more."""
        return self.name in GRAVE or self.becomes is State.SUPERSEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed into a form that could not be taken."""

    name: str = ""
    reason: str = ""
    wrong: str = ""
    """Key of what is wrong."""
    facts: Mapping[str, str | int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairView:
    """The page of one delivery's repairs."""

    id: int
    dossier: str
    partner: str
    state: State
    cause: str
    reason: str
    kind: str
    status: str | None
    offers: tuple[Offer, ...]
    why_not: tuple[tuple[str, str], ...]
    """Acts that are not possible now, and the code of why."""
    may_correct: bool
    why_not_correct: str
    typed: Typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Numbers of a source that are missing."""

    source: str
    missing: int
    since: datetime
    press: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A partner that has the dossier's record, or is to have it."""

    name: str
    press: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierRepairView:
    """The page of one dossier's repairs."""

    number: str
    partners: Sequence[Partner]
    gaps: Sequence[Gap]
    is_born_there: bool
    typed: Typed


def name_of(act: Act, how: How) -> str:
    """`resolve_arrived`; the others by themselves."""
    return f"{act}_{how}" if how else act
