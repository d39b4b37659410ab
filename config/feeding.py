"""`submit` and `adopt`: the events of a file into the ledger here, or signed to a door somewhere else.

Both may be stopped and run again with the same file: ids repeat, and a repeat gets its first answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from adapters.doors.column_map import ColumnMap, column_of
from adapters.doors.files import Line, contradicted, foreign_dossier, id_in, raw_lines, read_lines, unknown_source
from adapters.doors.files_rows import read_rows
from adapters.doors.malformed import Malformed
from adapters.doors.times import too_far_ahead
from bus.messages import Acceptance, Contradicted, Event, ForeignDossier, Recorded
from bus.ports import Clock
from config.signed_client import SignedClient

CHUNK: Final = 500
"""Lines in one transaction, or in one signed request."""
CHUNK_BYTES: Final = 4_000_000
"""Bytes of one signed request; the door takes ten millions."""

T = TypeVar("T")
Step = Callable[[int], None]
"""Told how many bytes of the file are done."""
Accept = Callable[[list[Event]], Sequence[Acceptance]]
"""Takes events in, or only says what would become of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One line that was not taken, and the rule it breaks."""

    line: int
    id: str | None
    code: str
    errors: tuple[Mapping[str, str], ...] = ()
    """`field`, `rule`, `detail`; of a row also `column`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of one line."""

    line: int
    result: str
    refused: Refused | None = None


def unheard(told: Sequence[Judged]) -> None:
    """Nobody wants to hear of each line."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of a file."""

    lines: int = 0
    results: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    most: int | None = None
    """How many of the refused are kept here: a file's rows stand in a report of their own."""
    is_all_taken: bool = True
    heard: Callable[[Sequence[Judged]], None] = unheard
    """Hears of every line, in order, chunk by chunk."""

    @property
    def is_well(self) -> bool:
        """There was a line, and every one was taken, now or before."""
        return self.lines > 0 and self.is_all_taken

    def add(self, judged: Iterable[Judged]) -> None:
        """A chunk's lines."""
        told = sorted(judged, key=lambda each: each.line)
        for each in told:
            self.lines += 1
            self.results[each.result] += 1
            if each.refused is not None:
                self.is_all_taken = False
                if self.most is None or len(self.refused) < self.most:
                    self.refused.append(each.refused)
        self.heard(told)

    def shown(self) -> dict[str, Any]:
        """For a machine."""
        names = ("recorded", "repeated", "contradicted", "refused")
        problems = [
            {"line": each.line, "id": each.id, "code": each.code, "errors": list(each.errors)} for each in self.refused
        ]
        return {"lines": self.lines} | {name: self.results[name] for name in names} | {"problems": problems}


def lines_of(file: Path, told: ColumnMap | None) -> Iterator[Line]:
    """The events of a file: one a line, or by a map one a row."""
    return read_lines(file) if told is None else read_rows(file, told)


def into_ledger(
    lines: Iterable[Line],
    accept: Accept,
    sources: frozenset[str],
    *,
    clock: Clock,
    language: str,
    step: Step,
    report: Report | None = None,
) -> Report:
    """Through the same intake as the door's, in this process. Raises LedgerUnavailable."""
    report = report or Report()
    for chunk in _chunks(lines, CHUNK):
        judged: list[Judged] = []
        good: list[Line] = []
        for line in chunk:
            trouble = line.trouble if line.event is None else _wrong_here(line.event, sources, clock)
            if trouble is None:
                good.append(line)
            else:
                judged.append(_refused(line, trouble, language))
        judged += _accepted(good, accept, language)
        report.add(judged)
        step(chunk[-1].end)
    return report


def _wrong_here(event: Event, sources: frozenset[str], clock: Clock) -> Malformed | None:
    """What a good event may still have wrong: the same two things that the door asks of it."""
    return too_far_ahead(event, clock.now()) if event.source in sources else unknown_source(event)


def _accepted(good: Sequence[Line], accept: Accept, language: str) -> Iterator[Judged]:
    events = [line.event for line in good if line.event is not None]
    if not events:
        return
    for line, acceptance in zip(good, accept(events), strict=True):
        if isinstance(acceptance, Contradicted):
            yield _refused(line, contradicted(), language, result="contradicted")
        elif isinstance(acceptance, ForeignDossier):
            assert line.event is not None
            yield _refused(line, foreign_dossier(line.event, acceptance), language)
        else:
            yield Judged(line=line.number, result="recorded" if isinstance(acceptance, Recorded) else "repeated")


def _refused(line: Line, trouble: Malformed, language: str, *, result: str = "refused") -> Judged:
    told = tuple(
        {"field": e.field, "rule": e.rule, "detail": e.say(language)} | _column(line, e.field) for e in trouble.errors
    )
    name = line.event.id if line.event is not None else id_in(line.raw)
    refused = Refused(line=line.number, id=name, code=trouble.code, errors=told)
    return Judged(line=line.number, result=result, refused=refused)


def _column(line: Line, place: str) -> dict[str, str]:
    return {"column": column_of(place, line.columns)} if line.columns else {}


def to_door(lines: Iterable[Line], client: SignedClient, *, language: str, step: Step, report: Report) -> Report:
    """Signed, batch by batch, to a door. Raises DoorClosed, DoorRefused; what was taken before stays taken."""
    for chunk in _requests(lines):
        # A row that gives no event cannot be sent; a line of a file goes as it stands, and the door judges it.
        sent = [line for line in chunk if line.trouble is None]
        judged = [_refused(line, line.trouble, language) for line in chunk if line.trouble is not None]
        answers = client.post_lines(b"".join(line.raw + b"\n" for line in sent)) if sent else []
        judged += [_answered(line, answer) for line, answer in zip(sent, answers, strict=True)]
        report.add(judged)
        step(chunk[-1].end)
    return report


def _answered(line: Line, answer: Mapping[str, Any]) -> Judged:
    problem, result = answer.get("problem"), str(answer["result"])
    if not problem:
        return Judged(line=line.number, result=result)
    told = tuple(error | _column(line, error.get("field", "")) for error in problem.get("errors", ()))
    refused = Refused(
        line=line.number, id=answer.get("id") or id_in(line.raw), code=str(problem.get("code")), errors=told
    )
    return Judged(line=line.number, result=result, refused=refused)


def sendable(file: Path, told: ColumnMap | None) -> Iterator[Line]:
    """What goes to a door: the lines of a file as they stand, or the events of its rows."""
    if told is not None:
        return read_rows(file, told)
    return (Line(number=number, raw=raw, end=end) for number, raw, end in raw_lines(file))


def _chunks(lines: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(lines)
    while chunk := list(islice(rest, size)):
        yield chunk


def _requests(lines: Iterable[Line]) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    size = 0
    for line in lines:
        if chunk and (len(chunk) >= CHUNK or size + len(line.raw) > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line.raw) + 1
    if chunk:
        yield chunk
