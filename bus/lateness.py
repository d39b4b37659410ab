"""Pure. Whose hands an overdue dossier was in, from its due date until the partner was shown its end.

    due ──office──▶ ended ──told late──▶ accepted ──here · partner down · awaiting correction · unclear──▶ shown

The time is cut at every move and outage, and each cut has one owner: the first open delivery of the dossier's line
decides, for nothing behind it can go. What nobody can be named for is `other`, so that the parts always sum to the
whole. Times are milliseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bus.calendar import VIETNAM
from bus.messages import OPEN_STATES, State
from bus.prepared import RECORD_KIND
from bus.times import from_ms

PARTS: Final = ("office", "told_late", "here", "partner_down", "correction", "unclear", "other")
"""office: it was still being processed. told_late: it had ended, and its source had not said so. here: our queue, our
holds, a mapping that was missing. partner_down. correction: refused, or held for its data, until newer data came.
unclear: the partner's answer was owed. other: nobody had it, as after a cancellation."""
ENDS: Final = frozenset({"not_accepted", "withdrawn", "stopped", "completed", "returned"})
"""Statuses after which a deadline no longer runs."""
OF_THE_DATA: Final = frozenset(
    {"missing", "too_long", "bad_format", "contradicted", "bad_character", "not_in_xml", "wrong_type", "unknown_field",
     "not_nfc"}
)  # fmt: skip
"""Causes of a hold that only newer data can end; for any other one somebody here can do something."""
NOT_TOLD: Final = frozenset({"gap", "no_number"})
"""Causes for which the source, or the system that it speaks for, still owes something."""
OWED: Final = frozenset({State.AWAITING, State.IN_DOUBT})
"""The partner has it, or may have it, and its answer is owed."""
STANDS_ASIDE: Final = frozenset({"went_on_without", "late_step"})
"""Causes under which an open delivery does not keep its line waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event of the dossier: when it happened, when it was told here, and where it stands in its order."""

    event: int
    kind: str
    status: str | None
    occurred_at: int
    accepted_at: int
    place: int | None
    """None while it waits behind a gap."""
    delivery: int | None
    """On its way to the partner; None where it is not sent there."""
    line: int | None = None
    """The delivery's place in the partner's line."""
    needs_record: bool = False
    is_adopted: bool = False
    """It was at the partner already when it was told here; since when, nobody here knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One move of one of its deliveries."""

    delivery: int
    at: int
    state: State
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What is known of one dossier at one partner."""

    due_at: int
    told: Sequence[Told]
    moves: Sequence[Moved] = ()
    """In their order."""
    outages: Sequence[tuple[int, int | None]] = ()
    """When the partner was down: from, and until; None while it still is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """An overdue dossier's account."""

    ended_at: int | None
    shown_at: int | None
    is_only_sync: bool
    """It ended in time, and is late only because the partner was shown that too late, or has not been yet."""
    whole: int
    parts: Mapping[str, int]
    """By the names of PARTS; they sum to the whole."""


def judge(story: Story, now: int, ends: frozenset[str] = ENDS) -> Late | None:
    """The account of a dossier whose due date passed before the partner was shown its end; None for any other.

    `ends` are the statuses that end a dossier, with the local steps that mean one.
    """
    run = last_run(story.told, ends)
    shown = _shown(story, run)
    until = now if shown is None else shown[0]
    if until <= story.due_at or any(one.is_adopted or _is_not_ours(story, one) for one in run):
        return None
    ended_at = run[0].occurred_at if run else None
    parts = dict.fromkeys(PARTS, 0)
    for begin, end, part in _cuts(story, run, until, None if shown is None else shown[1]):
        parts[part] += max(0, end - max(begin, story.due_at))
    return Late(
        ended_at=ended_at,
        shown_at=None if shown is None else shown[0],
        is_only_sync=ended_at is not None and ended_at <= story.due_at,
        whole=until - story.due_at,
        parts=parts,
    )


def last_run(told: Iterable[Told], ends: frozenset[str] = ENDS) -> list[Told]:
    """The events that told the dossier's end, by its own order; none when it goes on, or was taken up again."""
    run: list[Told] = []
    for one in sorted(told, key=lambda one: (one.place is None, one.place or 0, one.event)):
        if one.status in ends:
            run.append(one)
        elif one.status is not None:
            run = []
    return run


def _shown(story: Story, run: Sequence[Told]) -> tuple[int, Told] | None:
    """When the partner had the end, and by which event; None while it has not."""
    whose = {one.delivery: one for one in run if one.delivery is not None}
    for move in story.moves:
        if move.state is State.DELIVERED and move.delivery in whose:
            return move.at, whose[move.delivery]
    return None


def _is_not_ours(story: Story, one: Told) -> bool:
    return any(move.delivery == one.delivery and move.state is State.NOT_OURS for move in story.moves)


# -- cuts --------------------------------------------------------------------------------------------------------------


def _cuts(story: Story, run: Sequence[Told], until: int, shown: Told | None) -> Iterable[tuple[int, int, str]]:
    """The time up to its end, cut into stretches that have one owner each; they touch and do not overlap."""
    begin = story.due_at
    if not run:
        yield begin, until, "office"
        return
    told_at = min(one.accepted_at for one in run)
    ended_at = min(run[0].occurred_at, told_at, until)
    told_at = min(told_at, until)
    yield min(begin, ended_at), ended_at, "office"
    yield ended_at, told_at, "told_late"
    line = _line(story, shown or run[0])
    marks = {told_at, until, *(move.at for move in story.moves), *_edges(story)}
    marks |= {one.accepted_at for one in story.told}
    for first, last in pairwise(sorted(mark for mark in marks if told_at <= mark <= until)):
        yield first, last, _owner(story, line, first)


def _edges(story: Story) -> Iterable[int]:
    for begin, end in story.outages:
        yield begin
        if end is not None:
            yield end


class _Standing:
    """One delivery of the line, and how it stood at any moment."""

    def __init__(self, of: Told, moves: Iterable[Moved]) -> None:
        self.of = of
        self._moves = [move for move in moves if move.delivery == of.delivery]
        self._since: list[int] = []
        for move in self._moves:
            # A clock that was set back does not undo a move: it stands from the latest time that was read.
            self._since.append(max(move.at, self._since[-1]) if self._since else move.at)

    def at(self, moment: int) -> Moved | None:
        """Its last move by then; None before the first."""
        n = bisect_right(self._since, moment)
        return self._moves[n - 1] if n else None


def _line(story: Story, last: Told) -> list[_Standing]:
    """Who stands in the partner's line up to the one that shows the end, the first one first."""
    key = _place(last)
    ahead = [one for one in story.told if one.delivery is not None and _place(one) <= key]
    return [_Standing(one, story.moves) for one in sorted(ahead, key=_place)]


def _place(one: Told) -> tuple[bool, int, int]:
    return one.line is None, one.line or 0, one.event


def _owner(story: Story, line: Sequence[_Standing], at: int) -> str:
    """Who has the dossier at a moment: the first open one of the line says so."""
    for one in line:
        last = one.at(at)
        if last is None or last.state not in OPEN_STATES:
            continue
        if last.cause not in STANDS_ASIDE or one is line[-1]:
            lacks_record = one.of.needs_record and not _has_record(story, at)
            return _of(last, is_down=_is_down(story, last, at), lacks_record=lacks_record)
    return "other"


def _is_down(story: Story, last: Moved, at: int) -> bool:
    """Whether the partner was down at a moment: its circuit was open, or a call failed and nobody is back since."""
    if any(begin <= at and (end is None or at < end) for begin, end in story.outages):
        return True
    is_back = any(end is not None and last.at <= end <= at for _begin, end in story.outages)
    return last.cause == "unreachable" and not is_back


def _has_record(story: Story, at: int) -> bool:
    return any(one.kind == RECORD_KIND and one.accepted_at <= at for one in story.told)


def _of(move: Moved, *, is_down: bool, lacks_record: bool) -> str:
    if move.state is State.REFUSED or (move.state is State.HELD and move.cause in OF_THE_DATA):
        return "correction"
    if move.cause in NOT_TOLD or (move.state is State.WAITING and lacks_record):
        return "told_late"
    if move.state is State.HELD:
        return "here"
    if is_down:
        return "partner_down"
    return "unclear" if move.state in OWED or move.cause == "goes_again" else "here"


def month_of(due_at: int) -> int:
    """The month under which a dossier is counted: of its due date, in Vietnam."""
    local = from_ms(due_at).astimezone(VIETNAM)
    return local.year * 12 + local.month - 1
