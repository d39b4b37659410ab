"""Events from a file of lines (NDJSON): one a line, each read by the same strict reader as the door's."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from adapters.channels import strict_json
from adapters.doors.acceptances import NAMED_BY
from adapters.doors.malformed import FieldError, Malformed, field_error
from adapters.doors.reading import MAX_EVENT_BYTES, PATTERNS, read_line
from bus.messages import Event, ForeignDossier

LONGEST_LINE: Final = MAX_EVENT_BYTES + 1_024
"""Bytes of one line, with room for its end and some blanks: a longer one is not read into memory."""

STANDARD_INPUT: Final = Path("-")
LONGEST_ID: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file: the event in it, or what is wrong with it."""

    number: int
    raw: bytes
    end: int
    """Bytes of the file up to here: how far a progress bar is."""
    event: Event | None = None
    trouble: Malformed | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Of a row: member → the column that fills it."""


def raw_lines(path: Path) -> Iterator[tuple[int, bytes, int]]:
    """Number, bytes and end of each line that says something. A line that is too long comes cut, and is refused."""
    with _opened(path) as file:
        number = end = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            end += len(line)
            if not line.endswith(b"\n") and len(line) > LONGEST_LINE:
                end += _skip_rest(file)
            if line.strip():
                yield number, line.rstrip(b"\r\n"), end


def read_lines(path: Path) -> Iterator[Line]:
    """Every line with its event, or with its trouble."""
    for number, raw, end in raw_lines(path):
        try:
            yield Line(number=number, raw=raw, end=end, event=read_line(raw))
        except Malformed as trouble:
            yield Line(number=number, raw=raw, end=end, trouble=trouble)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file, or what comes through a pipe, which stays open for whoever opened it."""
    if path == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    with path.open("rb") as file:
        yield file


def id_in(raw: bytes) -> str | None:
    """The id in a line that keeps no promise, when it can be read and has an id's form: it only names the line."""
    try:
        told = strict_json.read(raw, max_bytes=MAX_EVENT_BYTES)
    except strict_json.NotStrictJson:
        return None
    found = told.get("id") if isinstance(told, dict) else None
    is_one = isinstance(found, str) and len(found) <= LONGEST_ID and re.match(PATTERNS["id"], found)
    return found if is_one else None


def contradicted() -> Malformed:
    """An id that was accepted before with another content."""
    return Malformed("contradicted", [field_error(field="/id", rule="contradicted", reason="contradicted")])


def unknown_source(event: Event) -> Malformed:
    """An event of a source that nobody here speaks for: a misspelt one would stand apart for ever."""
    detail = f"no caller of the settings has the source {event.source}"
    return Malformed("forbidden_source", [FieldError(field="/source", rule="forbidden_source", detail=detail)])


def foreign_dossier(event: Event, foreign: ForeignDossier) -> Malformed:
    """An event for a dossier of which another source spoke first."""
    owner = foreign.owner
    number = event.dossier if foreign.by == "subject" else event.data["national_number"]
    detail = f"{number} belongs to {owner}, which spoke of it first; {event.source} needs may_speak_for"
    return Malformed(
        "forbidden_source", [FieldError(field=NAMED_BY[foreign.by], rule="forbidden_source", detail=detail)]
    )


def _skip_rest(file: IO[bytes]) -> int:
    skipped = 0
    while part := file.readline(LONGEST_LINE):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped
