"""Events for benchmarks: from the promise's own samples, read and checked as a door reads them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Any, Final

from adapters.doors.reading import read_event
from bus.messages import Event

SOURCE: Final = "one-stop/h99"
START: Final = datetime(2026, 7, 3, 8, 0, tzinfo=timezone(timedelta(hours=7)))
SIZE: Final = 1024
"""Bytes of one step's event."""


@cache
def _sample(kind: str) -> dict[str, Any]:
    text = files("contracts.intake").joinpath(f"samples/{kind}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    found.pop("sequence", None)
    found.pop("traceparent", None)
    return found


def number(n: int, series: str = "09") -> str:
    """The number of the n-th dossier; a series keeps two benchmarks' dossiers apart."""
    return f"H99.{series}-260703-{n:06d}"


def step_json(dossier: str, n: int, *, size: int = SIZE, sequence: bool = False) -> bytes:
    """The n-th step of a dossier, padded to a size. Ids are random, as a source's own are."""
    sample = _sample("dossier.progressed")
    event = sample | {"id": str(uuid.uuid4()), "subject": dossier, "time": _time(n), "source": SOURCE}
    event["data"] = sample["data"] | {"content": f"step {n} "}
    if sequence:
        event["sequence"] = str(n)
    lacking = size - len(_encode(event))
    event["data"]["content"] += "x" * max(0, lacking)
    return _encode(event)


def record_json(dossier: str, n: int = 0) -> bytes:
    """A dossier's n-th whole record; the portal's books tell records apart by their summary."""
    sample = _sample("dossier.recorded")
    event = sample | {"id": str(uuid.uuid4()), "subject": dossier, "time": _time(n), "source": SOURCE}
    event["data"] = sample["data"] | {"summary": f"record {n} of {dossier}"}
    return _encode(event)


def steps(dossiers: int, each: int, *, sequence: bool = False, series: str = "09", first: int = 1) -> Iterator[Event]:
    """Steps only, dossier by dossier in turn, as a day brings them."""
    for n in range(first, first + each):
        for dossier in range(dossiers):
            yield read_event(step_json(number(dossier, series), n, sequence=sequence))


def lives(dossiers: int, each: int, *, series: str = "09") -> Iterator[Event]:
    """A record, then steps: `each` events of every dossier, in turn."""
    for dossier in range(dossiers):
        yield read_event(record_json(number(dossier, series)))
    yield from steps(dossiers, each - 1, series=series)


def records(dossiers: int, *, series: str = "09", n: int = 0) -> Iterator[Event]:
    """One whole record of every dossier."""
    for dossier in range(dossiers):
        yield read_event(record_json(number(dossier, series), n))


def _time(n: int) -> str:
    return (START + timedelta(minutes=n)).isoformat()


def _encode(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
