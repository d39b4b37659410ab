"""The judge: holds what was due against a mock's effect list, and against nothing that the bus says of itself.

*lost*          due, and not in the books
*doubled*       stored more often, as new, than it was due
*out of order*  stored after something that was due later, or a step before its dossier's record
*foreign*       stored, and never due
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
"""An effect as the control route shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One effect that should be in the books. Those of one dossier are given in their order."""

    operation: str
    dossier: str
    digest: str


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the books have wrong. Empty lists: they are right."""

    lost: list[Due] = field(default_factory=list)
    doubled: list[Row] = field(default_factory=list)
    out_of_order: list[Row] = field(default_factory=list)
    foreign: list[Row] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether the books are right."""
        return not (self.lost or self.doubled or self.out_of_order or self.foreign)


def judge(due: Iterable[Due], effects: Iterable[Row], *, record: str, step: str) -> Findings:
    """Compare. `record` is the operation that brings whole records, `step` the one that must come after it."""
    found = Findings()
    wanted: dict[str, list[Due]] = defaultdict(list)
    stored: dict[str, list[Row]] = defaultdict(list)
    for item in due:
        wanted[item.dossier].append(item)
    for row in effects:
        stored[row["dossier"]].append(row)
    for dossier in wanted.keys() | stored.keys():
        _judge_dossier(wanted[dossier], stored[dossier], found)
        _judge_first(stored[dossier], found, record=record, step=step)
    return found


def _judge_dossier(wanted: list[Due], stored: list[Row], found: Findings) -> None:
    """Match each row with the earliest due place that is still free; places must not go back."""
    places: dict[tuple[str, str], deque[int]] = defaultdict(deque)
    for place, item in enumerate(wanted):
        places[(item.operation, item.digest)].append(place)
    known = set(places)
    free = set(range(len(wanted)))
    furthest = -1
    for row in stored:
        key = (row["operation"], row["digest"])
        if row["repeat"] and not (places[key] and places[key][0] == min(free)):
            continue  # a whole record replaced by itself: nothing new came of it
        if places[key]:
            place = places[key].popleft()
            free.discard(place)
            if place < furthest:
                found.out_of_order.append(row)
            furthest = max(furthest, place)
        else:
            (found.doubled if key in known else found.foreign).append(row)
    found.lost += [wanted[place] for rest in places.values() for place in rest]


def _judge_first(stored: list[Row], found: Findings, *, record: str, step: str) -> None:
    for row in stored:
        if row["operation"] == record:
            return
        if row["operation"] == step:
            found.out_of_order.append(row)
