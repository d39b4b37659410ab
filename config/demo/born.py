"""Dossiers that citizens file on the portal during the demo's day: through the bus to the wards' system, and back up.

The portal sends each over and over until it hears a yes; the wards' system gets it once and gives it a number of its
own; what happens to it there goes up as statuses of the portal's own dossier, which is never created a second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from config.demo.books import Effect, Entry, Finding
from config.demo.lives import WARDS
from config.demo.people import officer, words
from config.demo.portal_view import STEP, TELL
from config.demo.province import LOCAL, add_working_days
from config.demo.wire import PROGRESSED, RECORDED

COUNT: Final = 5
FILED: Final = "ReceiveDossier"
STATUSES: Final = ("accepted", "processing", "completed", "returned")
EVENTS: Final = len(STATUSES)
"""A record when it is accepted, and a step for each status after that."""
DAY: Final = datetime(2026, 7, 3, 8, 0, tzinfo=LOCAL)


def order(seed: int, door: str) -> dict[str, Any]:
    """For `POST /_control/national_portal/file`: answers are lost on the way, and calls are sent twice at once."""
    return {
        "to": door,
        "count": COUNT,
        "seed": seed % 100,
        "procedure": "2.000181",
        "lose": 0.3,
        "twice": 0.3,
        "pause_s": 0.2,
    }


def life(filed: Mapping[str, Any], own: str) -> list[dict[str, Any]]:
    """What the wards' system tells of a dossier that it was handed, under its own number; in our own wire form."""
    rng = Random(own)  # noqa: S311  # a story to be told again, not a secret
    times = [DAY + timedelta(minutes=40 * n + rng.randrange(30)) for n in range(EVENTS)]
    steps = [
        _event(own, f"step-{n}", PROGRESSED, at, _step(rng, filed, status, at))
        for n, (status, at) in enumerate(zip(STATUSES, times, strict=True))
    ]
    return [_event(own, "record-1", RECORDED, times[0], _record(filed, times[0])), *steps[1:]]


def _event(own: str, name: str, kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{own}:{name}",
        "source": WARDS,
        "type": f"vn.lienthong.{kind}.v1",
        "subject": own,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def _record(filed: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """It does not say the national number: that is known to the bus since the portal's dossier got this one."""
    told = ("unit", "procedure", "summary", "note", "applicant", "filed_at", "return_by")
    return {
        "origin": "portal",
        "national_number": None,
        **{name: filed[name] for name in told},
        "status": STATUSES[0],
        "channel": "online",
        "received_at": at.isoformat(),
        "due_at": add_working_days(at, 5).isoformat(),
        "finished_at": None,
        "returned_at": None,
        "submitted": [],
        "fees": [],
        "results": [],
        "supplements": [],
    }


def _step(rng: Random, filed: Mapping[str, Any], status: str, at: datetime) -> dict[str, Any]:
    return {
        "unit": filed["unit"],
        "status": status,
        "officer": officer(rng, rng.choice(words()["departments"]["commune"])),
        "content": rng.choice(words()["step_contents"][status]),
        "started_at": at.isoformat(),
        "due_at": None,
    }


# -- judged ------------------------------------------------------------------------------------------------------------


def as_steps(effects: Iterable[Effect]) -> list[Effect]:
    """The portal's list with statuses told as steps, under the one-stop system's number: they keep the same rules."""
    return [
        replace(effect, operation=STEP, dossier=str((effect.body or {}).get("MaHoSoDonVi")))
        if effect.operation == TELL
        else effect
        for effect in effects
    ]


def as_told(entries: Iterable[Entry], born: Mapping[str, str]) -> list[Entry]:
    """The ledger's deliveries of these dossiers, records too, as such steps; `born` is own number → national number."""
    return [replace(entry, kind=PROGRESSED) if entry.dossier in born else entry for entry in entries]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """What became of the dossiers that citizens filed on the portal."""

    count: int
    calls: int
    """How often the portal sent, until it had heard a yes to each."""
    handed_over: int
    """Dossiers in the books of the one-stop system."""
    statuses: int
    """Told to the portal of them."""
    created: int
    """Records of them that the portal was sent: none should be."""
    lost: tuple[Finding, ...] = ()
    doubled: tuple[Finding, ...] = ()
    unmet: tuple[str, ...] = ()


NOBODY: Final = Filed(count=0, calls=0, handed_over=0, statuses=0, created=0)


def judge_filed(
    posted: Sequence[Mapping[str, Any]], born: Mapping[str, str], effects: Iterable[Effect], heard: Iterable[Effect]
) -> Filed:
    """`posted` are the portal's own rows of what it sent (`GET /_control/national_portal/filed`), `effects` its list
    with statuses as steps, `heard` the one-stop system's list."""
    numbers = [str(row["number"]) for row in posted]
    times = Counter(effect.dossier for effect in heard if effect.operation == FILED)
    theirs = [effect for effect in effects if effect.dossier in {*numbers, *born}]
    ends = [f"filed {row['number']}: the portal heard {row['end']}" for row in posted if row["end"] != "taken"]
    return Filed(
        count=len(posted),
        calls=sum(row["tries"] for row in posted),
        handed_over=len(set(numbers) & set(times)),
        statuses=sum(effect.is_step for effect in theirs),
        created=sum(effect.is_record for effect in theirs),
        lost=tuple(Finding(what="not_handed_over", dossier=number) for number in numbers if not times[number]),
        doubled=tuple(Finding(what="handed_over_twice", dossier=number) for number in numbers if times[number] > 1),
        unmet=tuple(ends) + (() if len(posted) == COUNT else (f"filed: {len(posted)} of {COUNT} were answered",)),
    )
