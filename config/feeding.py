"""`submit` and `adopt`: a file of events into the ledger here, or signed to a door somewhere else.

Both may be stopped and run again with the same file: ids repeat, and a repeat gets its first answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from adapters.doors.files import Line, contradicted, foreign_dossier, id_in, raw_lines, read_lines, unknown_source
from adapters.doors.malformed import Malformed
from adapters.doors.times import too_far_ahead
from bus.intake import Intake
from bus.messages import Contradicted, Event, ForeignDossier, Recorded
from bus.ports import Clock
from config.signed_client import SignedClient

CHUNK: Final = 500
"""Lines in one transaction, or in one signed request."""
CHUNK_BYTES: Final = 4_000_000
"""Bytes of one signed request; the door takes ten millions."""

T = TypeVar("T")
Step = Callable[[int], None]
"""Told how many bytes of the file are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One line that was not taken, and the rule it breaks."""

    line: int
    id: str | None
    code: str
    errors: tuple[Mapping[str, str], ...] = ()
    """`field`, `rule`, `detail`."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of a file."""

    lines: int = 0
    results: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """There was a line, and every one was taken, now or before."""
        return self.lines > 0 and not self.refused

    def shown(self) -> dict[str, Any]:
        """For a machine."""
        names = ("recorded", "repeated", "contradicted", "refused")
        problems = [
            {"line": each.line, "id": each.id, "code": each.code, "errors": list(each.errors)} for each in self.refused
        ]
        return {"lines": self.lines} | {name: self.results[name] for name in names} | {"problems": problems}


def into_ledger(
    file: Path, intake: Intake, sources: frozenset[str], *, clock: Clock, is_adopted: bool, language: str, step: Step
) -> Report:
    """Through the same intake as the door's, in this process. Raises LedgerUnavailable."""
    report = Report()
    for chunk in _chunks(read_lines(file), CHUNK):
        good: list[Line] = []
        for line in chunk:
            report.lines += 1
            trouble = line.trouble if line.event is None else _wrong_here(line.event, sources, clock)
            if trouble is None:
                good.append(line)
            else:
                _refuse(report, line, trouble, language)
        _accept(report, good, intake, is_adopted=is_adopted, language=language)
        step(chunk[-1].end)
    report.refused.sort(key=lambda each: each.line)
    return report


def _wrong_here(event: Event, sources: frozenset[str], clock: Clock) -> Malformed | None:
    """What a good event may still have wrong: the same two things that the door asks of it."""
    return too_far_ahead(event, clock.now()) if event.source in sources else unknown_source(event)


def _accept(report: Report, good: Sequence[Line], intake: Intake, *, is_adopted: bool, language: str) -> None:
    events = [line.event for line in good if line.event is not None]
    if not events:
        return
    for line, acceptance in zip(good, intake.accept_many(events, is_adopted=is_adopted), strict=True):
        if isinstance(acceptance, Contradicted):
            _refuse(report, line, contradicted(), language, result="contradicted")
        elif isinstance(acceptance, ForeignDossier):
            assert line.event is not None
            _refuse(report, line, foreign_dossier(line.event, acceptance.owner), language)
        else:
            report.results["recorded" if isinstance(acceptance, Recorded) else "repeated"] += 1


def _refuse(report: Report, line: Line, trouble: Malformed, language: str, *, result: str = "refused") -> None:
    told = tuple({"field": e.field, "rule": e.rule, "detail": e.say(language)} for e in trouble.errors)
    name = line.event.id if line.event is not None else id_in(line.raw)
    report.results[result] += 1
    report.refused.append(Refused(line=line.number, id=name, code=trouble.code, errors=told))


def to_door(file: Path, client: SignedClient, *, step: Step) -> Report:
    """Signed, batch by batch, to a door. Raises DoorClosed, DoorRefused; what was taken before stays taken."""
    report = Report()
    for chunk in _requests(raw_lines(file)):
        answers = client.post_lines(b"".join(raw + b"\n" for _, raw, _ in chunk))
        for (number, raw, _), answer in zip(chunk, answers, strict=True):
            report.lines += 1
            report.results[str(answer["result"])] += 1
            problem = answer.get("problem")
            if problem:
                errors = tuple(problem.get("errors", ()))
                name = answer.get("id") or id_in(raw)
                report.refused.append(Refused(line=number, id=name, code=str(problem.get("code")), errors=errors))
        step(chunk[-1][2])
    return report


def _chunks(lines: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(lines)
    while chunk := list(islice(rest, size)):
        yield chunk


def _requests(lines: Iterator[tuple[int, bytes, int]]) -> Iterator[list[tuple[int, bytes, int]]]:
    chunk: list[tuple[int, bytes, int]] = []
    size = 0
    for line in lines:
        if chunk and (len(chunk) >= CHUNK or size + len(line[1]) > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line[1]) + 1
    if chunk:
        yield chunk
