"""What happens to a dossier, from filing to hand-over: a plan of statuses, laid on the open hours of an office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from config.demo.people import applicant, officer, words
from config.demo.province import OWNED_ELSEWHERE, Procedure, Unit, WorkingTime, communes, departments, procedures

ONE_STOP: Final = "one-stop/h99"
"""Tells order by arrival and event time."""
COMMUNES: Final = "one-stop/h99-communes"
"""Numbers its events for each dossier: order by `sequence`."""
WARDS: Final = "one-stop/h99-wards"
"""A second one-stop system, of two wards: speaks SOAP and signs with a certificate."""
OLD: Final = "one-stop/h99-old"
"""A third, old one: knows no events, and speaks to us as it spoke to the national adapter."""

WARDS_UNITS: Final = ("000.13.20.H99", "000.16.20.H99")
"""Of about 48 dossiers a day each: SOAP costs eight times what REST does, and the day is to end in time."""
OLD_UNITS: Final = ("000.22.20.H99", "000.25.20.H99")

Plan = tuple[str, ...]

STRETCH: Final = "processing"
"""The status whose steps are repeated when a day wants more of them."""

PLANS: Final[tuple[tuple[int, str], ...]] = (
    (30, "accepted processing completed returned"),
    (20, "registered accepted processing completed returned"),
    (9, "accepted processing supplement_requested processing completed returned"),
    (5, "registered accepted processing supplement_requested processing completed"),
    (3, "registered supplement_requested registered accepted processing completed returned"),
    (6, "accepted processing payment_requested processing completed returned"),
    (4, "registered not_accepted"),
    (3, "accepted processing withdrawn"),
    (3, "accepted processing stopped"),
    (11, "accepted processing"),
    (5, "registered accepted"),
    (1, "returned"),
)
"""How often in a hundred, and the statuses in their order. The last is an electronic certification, born finished."""

ENDS: Final = frozenset({"not_accepted", "withdrawn", "stopped", "completed", "returned"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A dossier takes a status, by somebody's hand, with some words."""

    status: str
    at: datetime
    officer: dict[str, Any]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One dossier with its whole life until the day's end."""

    number: str
    source: str
    unit: Unit
    procedure: Procedure
    applicant: dict[str, Any]
    channel: str
    is_in_nfd: bool
    """Whether its office's machine decomposes letters."""
    moments: tuple[Moment, ...]
    speaks_local_steps: bool
    """Whether its system names its own steps instead of statuses."""
    seed: int
    """For the small choices made when its events are written, so that one dossier's do not move another's."""


def draw_plan(rng: Random) -> Plan:
    """A usual course of things."""
    return tuple(rng.choices([plan for _, plan in PLANS], [weight for weight, _ in PLANS])[0].split())


def stretch(plans: list[Plan], steps: int) -> list[Plan]:
    """The plans with processing steps added, evenly, until there are so many steps in all."""
    longer = list(plans)
    open_to_more = [i for i, plan in enumerate(plans) if STRETCH in plan]
    missing = steps - sum(map(len, plans))
    for turn in range(missing if open_to_more else 0):
        i = open_to_more[turn % len(open_to_more)]
        cut = longer[i].index(STRETCH)
        longer[i] = (*longer[i][:cut], STRETCH, *longer[i][cut:])
    return longer


class Registry:
    """Opens dossiers, counting them for each unit and day as offices do."""

    def __init__(self, rng: Random, hours: WorkingTime) -> None:
        self._rng = rng
        self._hours = hours
        self._communes = communes()
        self._counted: dict[str, int] = {}

    def open(
        self, plan: Plan, *, source: str | None = None, has_ids: bool = False, is_owned_elsewhere: bool = False
    ) -> Dossier:
        """A dossier whose life follows the plan, of this source, or of any; or of any that gives its events ids."""
        rng = self._rng
        unit, procedure = self._place(source, has_ids=has_ids)
        if is_owned_elsewhere:
            procedure = OWNED_ELSEWHERE
            unit = next(u for u in departments() if u.department == procedure.department)
        moments = self._moments(plan, unit)
        return Dossier(
            number=self._number(unit, moments[0].at, is_owned_elsewhere),
            source=ONE_STOP if unit.department else self._source_of(unit),
            unit=unit,
            procedure=procedure,
            applicant=applicant(rng, rng.choice(words()["communes"])),
            channel="counter" if plan[0] != "registered" else rng.choice(("online", "online", "online", "post")),
            is_in_nfd=rng.random() < 0.15,
            moments=moments,
            speaks_local_steps=bool(unit.department) and rng.random() < 0.2,
            seed=rng.getrandbits(32),
        )

    def _place(self, source: str | None, *, has_ids: bool) -> tuple[Unit, Procedure]:
        rng = self._rng
        if source not in (None, ONE_STOP) or (source is None and rng.random() < 0.6):
            mine = [u for u in self._communes if self._is_asked_for(self._source_of(u), source, has_ids=has_ids)]
            return rng.choice(mine), rng.choice([p for p in procedures() if not p.department])
        procedure = rng.choice([p for p in procedures() if p.department])
        return next(u for u in departments() if u.department == procedure.department), procedure

    @staticmethod
    def _is_asked_for(found: str, source: str | None, *, has_ids: bool) -> bool:
        return found == source if source else not (has_ids and found == OLD)

    def _source_of(self, unit: Unit) -> str:
        """Four communes have systems of their own; of the rest two in three have the one that numbers its events."""
        if unit.code in WARDS_UNITS:
            return WARDS
        if unit.code in OLD_UNITS:
            return OLD
        return ONE_STOP if unit.department or self._communes.index(unit) % 3 == 0 else COMMUNES

    def _moments(self, plan: Plan, unit: Unit) -> tuple[Moment, ...]:
        rng = self._rng
        longest = self._hours.minutes // len(plan) - 1
        gaps = [min(longest, rng.choice((8, 25, 60, 140, 300, 500)) + rng.randrange(20)) for _ in plan[1:]]
        minute = rng.randrange(self._hours.minutes - sum(gaps))
        moments = []
        place = rng.choice(words()["departments"]["province" if unit.department else "commune"])
        for status, gap in zip(plan, [0, *gaps], strict=True):
            minute += gap
            moments.append(
                Moment(
                    status=status,
                    at=self._hours.at(minute, rng.randrange(5, 50)),
                    officer=officer(rng, place),
                    content=rng.choice(words()["step_contents"][status]),
                )
            )
        return tuple(moments)

    def _number(self, unit: Unit, at: datetime, is_owned_elsewhere: bool) -> str:
        """`<unit>-<yyMMdd>-<running number>`: four digits from a province, six or seven from a ministry's system."""
        head = f"{unit.number_prefix}-{at:%y%m%d}"
        self._counted[head] = count = self._counted.get(head, 0) + 1
        return f"{head}-06{count:05d}" if is_owned_elsewhere else f"{head}-{count:04d}"


def filed_at(dossier: Dossier) -> datetime:
    """When its papers were handed in: at the counter at once, from home on the evening before."""
    first = dossier.moments[0].at
    return first if dossier.channel == "counter" else first.replace(hour=5, minute=59) - timedelta(hours=9)
