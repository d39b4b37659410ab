"""What a visitor may reach: a dossier or a delivery of the units that the account sees, and readable numbers and times.

What lies outside one's units is answered like what is not there: whoever guesses numbers learns nothing.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Protocol

from adapters.doors.console.answers import Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.visit import Visit
from bus.calendar import Left
from bus.close_reads import Place
from bus.errors import NotFound
from bus.rights import covers

LOCAL: Final = timezone(timedelta(hours=7))
LARGEST: Final = 2**62
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"\d{2}:\d{2}(?::\d{2})?")


class Names(Protocol):
    """What codes are called, by the tables in force; and the deadline's clock."""

    def procedure(self, code: str) -> str | None:
        """A procedure's name."""
        ...

    def unit(self, code: str) -> str | None:
        """A unit's name."""
        ...

    def left(self, due_at: datetime, now: datetime) -> Left | None:
        """How far a deadline is away; None where no calendar is known."""
        ...


def dossier_in_reach(console: Console, visit: Visit, number: str) -> str:
    """The dossier's own number, by itself or by its national one. Raises Wrong."""
    for name in (number, console.close.own_number(number)):
        if name is None:
            continue
        try:
            head, _key = console.reads.dossier_head(name)
        except NotFound:
            continue
        if covers(head["unit"], visit.units):
            return name
    raise Wrong("dossier.not_found", status=404, number=number[:100])


def delivery_in_reach(console: Console, visit: Visit, asked: Asked) -> tuple[int, Place]:
    """The delivery that the address names, and where it belongs. Raises Wrong."""
    text = asked.path["id"]
    number = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0
    try:
        place = console.close.place(number)
    except NotFound:
        raise Wrong("delivery.not_found", status=404, number=text[:40]) from None
    if not covers(place.unit, visit.units):
        raise Wrong("delivery.not_found", status=404, number=text[:40])
    return number, place


def whole(asked: Asked, name: str) -> int | None:
    """A whole number of the query; None where it is not given. Raises Wrong."""
    text = asked.query.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Wrong("dossier.wrong_number", field=name, text=text[:40])
    return int(text)


def moment_typed(asked: Asked, visit: Visit) -> datetime | None:
    """The instant that a page is to show: `at`, or the form's `day` and `time`; None for now. Raises Wrong."""
    text = asked.query.get("at", "").strip()
    if not text:
        day, time = asked.query.get("day", "").strip(), asked.query.get("time", "").strip() or "23:59:59"
        if not day:
            return None
        if not (_DAY.fullmatch(day) and _TIME.fullmatch(time)):
            raise Wrong("dossier.wrong_time", field="day", text=f"{day} {time}"[:60])
        text = f"{day}T{time}"
    try:
        # A plus sign that was not escaped arrives as a blank.
        moment = datetime.fromisoformat(re.sub(r" (?=\d\d:\d\d$)", "+", text))
    except ValueError:
        raise Wrong("dossier.wrong_time", field="at", text=text[:60]) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=LOCAL)
    if not 1970 <= moment.year <= 9000:
        raise Wrong("dossier.wrong_time", field="at", text=text[:60])
    return None if moment > visit.now else moment


def left_of(console: Console, dossier: dict[str, Any], now: datetime) -> Left | None:
    """How far the dossier's deadline is away."""
    due_at = dossier["due_at"]
    return None if due_at is None else console.names.left(datetime.fromisoformat(due_at), now)


def name_of(find: Any, code: str | None) -> str | None:
    """What a code is called; None where there is no code."""
    found: str | None = None if code is None else find(code)
    return found
