"""Pure. What the pages of the daily settlement show: runs, classes of difference, their dry run and their repairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bus.settlement import CLASSES, ClassCount, Difference, DifferenceClass, Finding, Plan, Remedy, Repair, Run
from bus.settlement_book import Settlements
from bus.settlement_repairs import SettlementRepairs

OPEN_STATES: Final = frozenset({"asked", "running"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementRoom:
    """What the pages are given."""

    settlements: Settlements
    repairs: SettlementRepairs
    four_eyes_above: int = 0
    """A repair of more differences than this needs a second person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run in the list, with what is still open of it."""

    run: Run
    open: int
    asked: int
    """Repairs that wait for another person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementView:
    """The list."""

    lines: tuple[RunLine, ...]
    older: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Would:
    """A class in the dry run."""

    kind: DifferenceClass
    remedy: Remedy
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairLine:
    """A repair, with the keys of what this person may press."""

    of: Repair
    is_own: bool
    press: Mapping[str, str]

    @property
    def percent(self) -> int:
        """How far it is."""
        return 100 * self.of.done // max(1, self.of.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run."""

    run: Run
    counts: tuple[ClassCount, ...]
    findings: tuple[Finding, ...]
    rows: tuple[Difference, ...]
    after: int | None
    kind: str
    """The class that is shown; empty: all of them."""
    only_open: bool
    would: tuple[Would, ...]
    plan_digest: str
    press: str
    may_repair: bool
    needs_approval: bool
    four_eyes_above: int
    repairs: tuple[RepairLine, ...]
    reason: str = ""
    wrong: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many a repair would be about."""
        return sum(one.count for one in self.would)

    @property
    def open(self) -> int:
        """Differences with something left to do."""
        return sum(one.open for one in self.counts)

    @property
    def is_moving(self) -> bool:
        """Whether a repair waits or is under way."""
        return any(one.of.state in OPEN_STATES for one in self.repairs)


def class_named(name: str) -> DifferenceClass | None:
    """The class of that name; None where there is none."""
    return DifferenceClass(name) if name in set(CLASSES) else None


def would_of(plan: Plan | None) -> tuple[Would, ...]:
    """The dry run, class by class."""
    if plan is None:
        return ()
    return tuple(Would(kind=kind, remedy=remedy, count=count) for kind, (remedy, count) in plan.would.items())


def line_of(run: Run, counts: Sequence[ClassCount], repairs: Sequence[Repair]) -> RunLine:
    """A run in the list."""
    asked = sum(one.state == "asked" for one in repairs)
    return RunLine(run=run, open=sum(one.open for one in counts), asked=asked)
