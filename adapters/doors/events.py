"""POST /v1/events: one event in, answered only after it is on disk.

The one asynchronous route of the house: it waits for the ledger's writer without a thread of its own, so that many
callers share one commit.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.doors.acceptances import Acceptances, replayed, turned_down
from adapters.doors.auth import Gate
from adapters.doors.body import BodyReader, require_media_type
from adapters.doors.malformed import Malformed, field_error
from adapters.doors.reading import MAX_EVENT_BYTES, read_at_once, read_event
from adapters.doors.receipts import KeyRing, answer
from bus.engines.sqlite import Answer
from bus.errors import NonceSeen
from bus.intake import Intake
from bus.messages import Acceptance, Contradicted, Event, ForeignDossier, Repeated
from bus.ports import CrashPoint

JSON: Final = "application/json"
CLOUDEVENTS: Final = "application/cloudevents+json"
READ_HERE: Final = 32_768
"""A longer body is read in a thread, and so is one that must be explained: others must not wait for what is wrong."""
_FRESH: Final = {"cache-control": "no-store"}
_REPLAYED: Final = {"cache-control": "no-store", "idempotency-replayed": "true"}


class LoopTeller:
    """Brings a commit's answers from the writer's thread to the loop that waits for them, all in one call."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def __call__(self, answers: list[Answer]) -> None:
        """Called by the writer. A loop that was closed has nobody left to tell."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(_hand_out, answers)


def _hand_out(answers: list[Answer]) -> None:
    for written, acceptance, failure in answers:
        if written.done():
            continue  # whoever waited has gone
        if failure is None:
            written.set_result(acceptance)
        else:
            written.set_exception(failure)


class EventDoor:
    """Takes one event in."""

    def __init__(
        self,
        *,
        intake: Intake,
        acceptances: Acceptances,
        gate: Gate,
        bodies: BodyReader,
        keys: KeyRing,
        crash_point: CrashPoint,
    ) -> None:
        self._intake = intake
        self._acceptances = acceptances
        self._gate = gate
        self._bodies = bodies
        self._keys = keys
        self._point = crash_point
        self._teller: LoopTeller | None = None

    async def post(self, request: Request) -> Response:
        """201 recorded, 200 repeated; all else is raised."""
        raw = await self._bodies.read(request, MAX_EVENT_BYTES)
        self._point("door.received")
        visitor = self._gate.check(request, raw)
        require_media_type(request, JSON, CLOUDEVENTS)
        event = read_at_once(raw) if len(raw) <= READ_HERE else None
        if event is None:
            event = await run_in_threadpool(read_event, raw)
        self._acceptances.require_own(visitor, event)
        self._acceptances.require_happened(event)
        _require_same_key(request, event)
        self._point("door.verified")
        # A caller that goes away cancels only its waiting: the event stays in the writer's hands.
        teller = self._teller_here()
        written: asyncio.Future[Acceptance | NonceSeen] = teller.loop.create_future()
        self._intake.accept_later(event, teller, written, nonce=visitor.nonce)
        return self._answer(event, await written)

    def _teller_here(self) -> LoopTeller:
        """The teller of the running loop: the same one each time, so that a commit's answers come together."""
        loop = asyncio.get_running_loop()
        if self._teller is None or self._teller.loop is not loop:
            self._teller = LoopTeller(loop)
        return self._teller

    def _answer(self, event: Event, acceptance: Acceptance | NonceSeen) -> Response:
        if isinstance(acceptance, NonceSeen):
            raise replayed()
        self._acceptances.tell(event, acceptance)
        if isinstance(acceptance, Contradicted | ForeignDossier):
            raise turned_down(acceptance)
        body = answer(
            self._keys.of(acceptance.receipt_key),
            source=event.source,
            id=event.id,
            digest=acceptance.digest,
            accepted_at=acceptance.accepted_at,
        )
        is_repeated = isinstance(acceptance, Repeated)
        self._point("door.before_answer")
        return Response(body, 200 if is_repeated else 201, _REPLAYED if is_repeated else _FRESH, JSON)


def _require_same_key(request: Request, event: Event) -> None:
    key = request.headers.get("idempotency-key")
    if key is not None and key != event.id:
        error = field_error(field="/id", rule="key_mismatch", reason="key_mismatch")
        raise Malformed("key_mismatch", [error])
