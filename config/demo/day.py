"""A seeded day of one province, in order of arrival at the door. The same seed gives the same bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Any, Final

from bus.messages import State
from config.demo.dirt import KINDS, Kind, Planted
from config.demo.lives import COMMUNES, ENDS, OLD, ONE_STOP, WARDS, Dossier, Plan, Registry, draw_plan, stretch
from config.demo.province import WorkingTime
from config.demo.spoil import Draft, Expectation, Line
from config.demo.wire import record, step

DAY: Final = date(2026, 7, 3)
_OPEN_DAYS: Final = 30
"""How far back the lives reach that this day's backlog tells."""
SOURCES: Final = {ONE_STOP: "arrival", COMMUNES: "sequence", WARDS: "arrival", OLD: "arrival"}
"""The day's sources and how each tells its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One line for the door, and how the door should answer."""

    line: bytes
    """As sent: UTF-8 JSON, texts in whatever Unicode form the source's machine uses."""
    expectation: Expectation | None = None
    """None for events from a file, of which nothing is known."""
    dirt: str | None = None
    """The kind of trouble that its dossier has."""
    is_same_message: bool = False
    """The very bytes that were sent before, where its system signs messages; everywhere else a repeat like others."""

    @property
    def wire(self) -> dict[str, Any]:
        """The event as an object."""
        loaded: dict[str, Any] = json.loads(self.line)
        return loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What comes to the door, in order, and what is known beforehand of its outcome."""

    seed: int
    date: date
    events: tuple[Feed, ...]
    planted: tuple[Planted, ...]
    dossiers: int
    steps: int
    """New processing steps, repeats not counted."""

    @property
    def expected(self) -> Counter[str]:
        """How often the door should give each answer."""
        return Counter(feed.expectation or "unknown" for feed in self.events)

    @property
    def dirt(self) -> Counter[str]:
        """How many dossiers have each kind of trouble."""
        return Counter(planted.kind for planted in self.planted)


def day(seed: int, dossiers: int = 2_000, steps: int = 8_000, date: date = DAY) -> Day:
    """A day with at least so many dossiers and steps."""
    rng = Random(seed)  # noqa: S311  # a story to be told again, not a secret
    kinds = _kinds_for(rng, dossiers)
    # A few steps are withheld on purpose, one for each gap that is never filled.
    wanted = steps + sum(kind is not None and kind.name == "gap_left" for kind in kinds)
    plans = stretch([tuple(k.plan.split()) if k and k.plan else draw_plan(rng) for k in kinds], wanted)
    registry = Registry(rng, WorkingTime(date, _OPEN_DAYS))
    told = [_tell(rng, registry, kind, plan) for kind, plan in zip(kinds, plans, strict=True)]
    arrivals = sorted(chain.from_iterable(line for line, _ in told), key=attrgetter("draft.arrives_at"))
    return Day(
        seed=seed,
        date=date,
        events=tuple(_written(arrival) for arrival in arrivals),
        planted=tuple(planted for _, planted in told if planted),
        dossiers=dossiers,
        steps=sum(_is_new_step(arrival.draft) for arrival in arrivals),
    )


def read_ndjson(path: Path) -> Iterator[Feed]:
    """The events of a file, a line each, as they stand: judging them is the door's business."""
    with path.open("rb") as lines:
        for line in lines:
            if line.strip():
                yield Feed(line=line.rstrip(b"\r\n"))


def write_ndjson(day: Day, path: Path) -> None:
    """The day as a file that `lienthong submit` and `demo --events` take."""
    with path.open("wb") as out:
        out.writelines(feed.line + b"\n" for feed in day.events)


def unmet(day: Day, states: Mapping[tuple[str, str], State]) -> list[str]:
    """What became of the planted troubles other than it should; by source and event id, in words."""
    found = []
    for planted in day.planted:
        for event_id, allowed in planted.fates.items():
            state = states.get((planted.source, event_id))
            if state is None or not _is_allowed(state, allowed):
                found.append(f"{planted.kind}: {event_id} is {state or 'missing'}, not {' or '.join(sorted(allowed))}")
    return found


def _is_allowed(state: State, allowed: frozenset[State]) -> bool:
    """What may be delivered may, after a lost reply, still be in doubt or have been settled by a person."""
    return state in allowed or (State.DELIVERED in allowed and state in (State.IN_DOUBT, State.CANCELLED))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    draft: Draft
    dirt: str | None


def _kinds_for(rng: Random, dossiers: int) -> list[Kind | None]:
    """Which dossiers get which trouble; most get none."""
    spoiled: list[Kind | None] = [kind for kind in KINDS for _ in range(max(1, round(kind.share * dossiers / 1_000)))]
    if len(spoiled) > dossiers:
        raise ValueError(f"a day needs at least {len(KINDS)} dossiers, one for each kind of trouble")
    kinds = spoiled + [None] * (dossiers - len(spoiled))
    rng.shuffle(kinds)
    return kinds


def _tell(rng: Random, registry: Registry, kind: Kind | None, plan: Plan) -> tuple[list[_Arrival], Planted | None]:
    """One dossier's events, and its trouble if it has one."""
    if kind is None:
        return [_Arrival(draft=draft, dirt=None) for draft in _line(rng, registry.open(plan))], None
    dossier = registry.open(plan, source=kind.source, has_ids=True, is_owned_elsewhere=kind.is_owned_elsewhere)
    line, fates, tells = kind.spoil(rng, dossier, _line(rng, dossier))
    planted = Planted(kind=kind.name, source=dossier.source, dossier=dossier.number, fates=fates, tells=tells)
    return [_Arrival(draft=draft, dirt=kind.name) for draft in line], planted


def _line(rng: Random, dossier: Dossier) -> Line:
    """The dossier's events in their true order: a record when it is opened and at some later points, every step."""
    wires: list[dict[str, Any]] = []
    records = 0
    for index, moment in enumerate(dossier.moments):
        if index == 0 or rng.random() < _record_chance(moment.status):
            records += 1
            wires.append(record(dossier, index, records))
        wires.append(step(dossier, index))
    if dossier.source == COMMUNES:
        wires = [wire | {"sequence": str(n)} for n, wire in enumerate(wires, start=1)]
    return [Draft(wire=wire, arrives_at=_moment_of(wire)) for wire in wires]


def _moment_of(wire: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(wire["time"])


def _written(arrival: _Arrival) -> Feed:
    draft = arrival.draft
    line = json.dumps(draft.wire, ensure_ascii=False, separators=(",", ":")).encode()
    return Feed(line=line, expectation=draft.expectation, dirt=arrival.dirt, is_same_message=draft.is_same_message)


def _is_new_step(draft: Draft) -> bool:
    return draft.expectation == "recorded" and not draft.is_record


def _record_chance(status: str) -> float:
    if status == "returned":
        return 0.6
    return 0.3 if status in ENDS or status == "supplement_requested" else 0.04
