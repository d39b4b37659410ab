"""Pure. Whether the tables answer everything that may be asked of them, and what a change of them would touch.

A dossier is judged by the day it was received, its unit by the day of the question, as the tables' own file says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

from adapters.partners.national_portal.tables import Tables

STATUSES: Final = (
    "registered", "accepted", "not_accepted", "processing", "supplement_requested", "payment_requested", "withdrawn",
    "stopped", "completed", "returned",
)  # fmt: skip
LOCAL: Final = timezone(timedelta(hours=7))
NOTHING: Final = "–"

Dossier = Mapping[str, Any]
"""A row of `Reads.open_dossiers()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """One thing that would be told to the partner otherwise than today."""

    dossier: str
    what: str
    """`procedures`, `owners`, `units`, `status`."""
    old: str
    new: str


def holes(tables: Tables, dossiers: Iterable[Dossier], today: date | None = None) -> Iterator[str]:
    """Every status, and every open dossier's procedure and step, that no row answers."""
    today = today or datetime.now(LOCAL).date()
    for status in STATUSES:
        if tables["statuses"].find(status, today) is None:
            yield f"statuses.csv has no row for {status}"
        if tables["unclear_steps"].find(status, today) is None:
            yield f"unclear_steps.csv has no row for {status}"
        if tables["portal_born_statuses"].find(status, today) is None:
            yield f"portal_born_statuses.csv has no row for {status}"
    told = set()
    for dossier in dossiers:
        view = view_of(tables, dossier, today)
        for table, value in (("procedures", dossier["procedure"]), ("local_steps", dossier["status"])):
            name = "status" if table == "local_steps" else table
            if value is not None and view[name] == NOTHING and (table, value) not in told:
                told.add((table, value))
                yield f"{table}.csv has no row for {value} (dossier {dossier['number']})"


def touched(old: Tables, new: Tables, dossiers: Iterable[Dossier], today: date | None = None) -> Iterator[Touched]:
    """What a change of the tables would change for open dossiers."""
    today = today or datetime.now(LOCAL).date()
    for dossier in dossiers:
        before, after = view_of(old, dossier, today), view_of(new, dossier, today)
        for what, was in before.items():
            if after[what] != was:
                yield Touched(dossier=dossier["number"], what=what, old=was, new=after[what])


def view_of(tables: Tables, dossier: Dossier, today: date) -> dict[str, str]:
    """What the tables make of a dossier."""
    received = _received(dossier, today)
    procedure, unit = dossier["procedure"] or "", dossier["unit"] or ""
    return {
        "procedures": _told(tables["procedures"].find(procedure, received), "national_code", "sector_code"),
        "owners": _told(tables["owners"].find(procedure, received), "owner"),
        "units": _told(tables["units"].find(unit, today), "name"),
        "status": _status(tables, dossier, today),
    }


def _status(tables: Tables, dossier: Dossier, today: date) -> str:
    status = dossier["status"]
    if status is None:
        return ""
    if status not in STATUSES:
        steps, source, procedure = tables["local_steps"], dossier["source"], dossier["procedure"] or ""
        row = steps.find((source, procedure, status), today) or steps.find((source, "", status), today)
        if row is None:
            return NOTHING
        status = row["status"]
    return _told(tables["statuses"].find(status, today), "code")


def _told(row: Mapping[str, str] | None, *columns: str) -> str:
    return NOTHING if row is None else " ".join(row[column] for column in columns)


def _received(dossier: Dossier, today: date) -> date:
    at = dossier["received_at"]
    return today if at is None else datetime.fromisoformat(at).astimezone(LOCAL).date()
