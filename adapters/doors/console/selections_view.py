"""Pure. A choice of many deliveries, the frozen list with its dry run, and its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from adapters.doors.console.repair_view import CHOICES, name_of
from bus.judging import Act, How
from bus.runs import FASTEST, SLOWEST, USUAL, Run
from bus.selections import NO, Line, Selection

ACTS: Final[Mapping[str, tuple[Act, How]]] = {name_of(act, how): (act, how) for act, how in CHOICES}
"""What may be done to many: form's value → act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many came, or would come, to what."""

    name: str
    """A state, or the code of why nothing was done."""
    is_state: bool
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceView:
    """The page on which an act is chosen for what was ticked or filtered."""

    ids: tuple[int, ...]
    filter: Mapping[str, str]
    count: int
    has_more: bool
    acts: Sequence[str]
    press: str
    chosen: str = ""
    reason: str = ""
    wrong: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionView:
    """A frozen list."""

    of: Selection
    name: str
    would: tuple[Count, ...]
    lines: tuple[Line, ...]
    after: int | None
    run: Run | None
    press: str
    before: int
    """Items that this person lately had run with nobody's yes."""
    needs_approval: bool
    four_eyes_above: int
    may_run: bool
    reason: str = ""
    rate: float = USUAL
    slowest: float = SLOWEST
    fastest: float = FASTEST
    wrong: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run in a list."""

    run: Run
    of: Selection
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsView:
    """The list of runs, or of those that wait for another person."""

    lines: tuple[RunLine, ...]
    older: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run."""

    run: Run
    of: Selection
    name: str
    outcomes: tuple[Count, ...]
    would: tuple[Count, ...]
    press: Mapping[str, str]
    """Verb → key: what this person may do to it now."""
    is_own: bool
    ends_at: datetime | None
    """By its rate, while it runs."""
    wrong: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)
    verb: str = ""
    """Whose form could not be taken."""
    reason: str = ""

    @property
    def percent(self) -> int:
        """How far it is."""
        return 100 * self.run.done // self.of.count


def counts(found: Mapping[str, int]) -> tuple[Count, ...]:
    """Outcomes as the pages show them: what is done first, then what is not."""
    all_of = [Count(name=name.removeprefix(NO), is_state=not name.startswith(NO), n=n) for name, n in found.items()]
    return tuple(sorted(all_of, key=lambda one: (not one.is_state, -one.n, one.name)))


def ends_at(run: Run, count: int, now: datetime) -> datetime | None:
    """When it will be through, at its rate."""
    return now + timedelta(seconds=(count - run.done) / run.rate) if run.state == "running" else None


def verbs_of(run: Run, *, may_replay: bool, may_approve: bool, is_own: bool) -> tuple[str, ...]:
    """What a person may do to a run now."""
    asked = ("approve", "decline") if run.state == "asked" and may_approve and not is_own else ()
    by_state = {"asked": ("stop",), "running": ("pause", "stop"), "paused": ("resume", "stop")}
    return (*asked, *(by_state.get(run.state, ()) if may_replay else ()))
