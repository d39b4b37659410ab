"""POST /v1/events/batch: many events, one a line, each judged and answered on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.doors.acceptances import Acceptances, replayed, tell_batch, turned_down
from adapters.doors.auth import Gate, Visitor
from adapters.doors.body import MAX_BATCH, BodyReader, require_media_type
from adapters.doors.malformed import Malformed, field_error
from adapters.doors.problems import Problem, problem
from adapters.doors.reading import read_line
from adapters.doors.refusals import Desk, TurnedAway
from bus.errors import LedgerUnavailable, NonceSeen
from bus.intake import Intake
from bus.ledger import Ledger
from bus.messages import Contradicted, Event, ForeignDossier
from bus.ports import CrashPoint
from bus.prepared import Nonce

NDJSON: Final = "application/x-ndjson"
MAX_LINES: Final = 10_000
CHUNK: Final = 500
"""Lines in one transaction: enough to share a commit, few enough that other callers' events get in between."""


@dataclass(slots=True, kw_only=True)
class _Line:
    """One line on its way: what it holds, and what became of it."""

    number: int
    event: Event | None = None
    result: str = "refused"
    trouble: TurnedAway | None = None


class BatchDoor:
    """Takes many events in."""

    def __init__(
        self,
        *,
        intake: Intake,
        ledger: Ledger,
        acceptances: Acceptances,
        gate: Gate,
        bodies: BodyReader,
        desk: Desk,
        crash_point: CrashPoint,
    ) -> None:
        self._intake = intake
        self._ledger = ledger
        self._acceptances = acceptances
        self._gate = gate
        self._bodies = bodies
        self._desk = desk
        self._point = crash_point

    async def post(self, request: Request) -> Response:
        """200 with a line for each line; what concerns the whole request is raised."""
        raw = await self._bodies.read(request, MAX_BATCH)
        self._point("door.received")
        return await run_in_threadpool(self._taken, request, raw)

    def _taken(self, request: Request, raw: bytes) -> Response:
        visitor = self._gate.check(request, raw)
        require_media_type(request, NDJSON)
        lines = [self._read(visitor, number, line) for number, line in _numbered(raw)]
        self._point("door.verified")
        self._record(lines, visitor.nonce)
        body = self._answer(request, lines)
        tell_batch(visitor.name, [line.result for line in lines])
        self._point("door.before_answer")
        return Response(body, 200, {"cache-control": "no-store"}, NDJSON)

    def _read(self, visitor: Visitor, number: int, line: bytes) -> _Line:
        read = _Line(number=number)
        try:
            event = read_line(line)
            read.event = event
            self._acceptances.require_own(visitor, event)
            self._acceptances.require_happened(event)
        except Malformed as trouble:
            read.trouble = TurnedAway(trouble.code, errors=trouble.errors)
        except TurnedAway as trouble:
            read.trouble = trouble
        return read

    def _record(self, lines: Sequence[_Line], nonce: Nonce | None) -> None:
        """Chunk by chunk. The nonce is remembered with the first; when the ledger fails later, the rest is refused."""
        good = [line for line in lines if line.trouble is None]
        if not good and nonce is not None and not self._ledger.first_seen(nonce):
            raise replayed()
        for start in range(0, len(good), CHUNK):
            chunk = good[start : start + CHUNK]
            try:
                self._record_chunk(chunk, nonce if start == 0 else None)
            except NonceSeen:
                raise replayed() from None
            except LedgerUnavailable:
                if start == 0:
                    raise
                for line in good[start:]:
                    line.trouble = TurnedAway("unavailable")
                return

    def _record_chunk(self, chunk: Sequence[_Line], nonce: Nonce | None) -> None:
        events = [line.event for line in chunk if line.event is not None]
        for line, acceptance in zip(chunk, self._intake.accept_many(events, nonce=nonce), strict=True):
            assert line.event is not None
            line.result = self._acceptances.tell(line.event, acceptance)
            if isinstance(acceptance, Contradicted | ForeignDossier):
                line.trouble = turned_down(acceptance)

    def _answer(self, request: Request, lines: Sequence[_Line]) -> bytes:
        """A line each. All refused lines share one reference: one batch is one question on the telephone."""
        reference = self._desk.new_reference()
        language = request.headers.get("accept-language")
        told: list[dict[str, Any]] = []
        first: Problem | None = None
        for line in lines:
            said = None
            if line.trouble is not None:
                said = problem(
                    line.trouble.code, reference=reference, accept_language=language, errors=line.trouble.errors
                )
                first = first or said
            told.append(_shown(line, said))
        if first is not None:
            self._desk.note(
                first,
                route=self._desk.route_of(request.scope),
                caller=request.scope.get("caller"),
                rules=list(_rules(lines)),
            )
        return b"".join(msgspec.json.encode(each) + b"\n" for each in told)


def _numbered(raw: bytes) -> list[tuple[int, bytes]]:
    """Lines with their numbers from 1; empty ones say nothing. Raises TurnedAway: too many."""
    lines = [(number, line) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    if len(lines) > MAX_LINES:
        error = field_error(field="", rule="too_large", reason="too_many", facts={"limit": str(MAX_LINES)})
        raise TurnedAway("too_large", errors=[error])
    return lines


def _shown(line: _Line, said: Problem | None) -> dict[str, Any]:
    return {
        "line": line.number,
        "id": None if line.event is None else line.event.id,
        "result": line.result,
        "problem": None if said is None else said.as_dict(),
    }


def _rules(lines: Sequence[_Line]) -> Iterator[dict[str, str | int]]:
    """What the operator's note says: the line beside field and rule."""
    for line in lines:
        if line.trouble is None:
            continue
        for error in line.trouble.errors[:1]:
            yield {"line": line.number, "field": error.field, "rule": error.rule}
        if not line.trouble.errors:
            yield {"line": line.number, "field": "", "rule": line.trouble.code}
