"""POST /v1/events: one event in, answered only after it is on disk.

The one asynchronous route of the house: it waits for the ledger's writer without a thread of its own, so that many
callers share one commit.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.doors.acceptances import Acceptances, contradicted, replayed
from adapters.doors.auth import Gate
from adapters.doors.body import BodyReader, require_media_type
from adapters.doors.malformed import Malformed, field_error
from adapters.doors.reading import MAX_EVENT_BYTES, read_at_once, read_event
from adapters.doors.receipts import Signer, answer
from bus.errors import NonceSeen
from bus.intake import Intake
from bus.messages import Acceptance, Contradicted, Event, Repeated
from bus.ports import CrashPoint

JSON: Final = "application/json"
CLOUDEVENTS: Final = "application/cloudevents+json"
READ_HERE: Final = 32_768
"""A longer body is read in a thread, and so is one that must be explained: others must not wait for what is wrong."""
_FRESH: Final = {"cache-control": "no-store"}
_REPLAYED: Final = {"cache-control": "no-store", "idempotency-replayed": "true"}


class EventDoor:
    """Takes one event in."""

    def __init__(
        self,
        *,
        intake: Intake,
        acceptances: Acceptances,
        gate: Gate,
        bodies: BodyReader,
        identity: Signer,
        crash_point: CrashPoint,
    ) -> None:
        self._intake = intake
        self._acceptances = acceptances
        self._gate = gate
        self._bodies = bodies
        self._identity = identity
        self._point = crash_point

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
        # Shielded: a caller that goes away must not take the event back from under the writer's hands.
        writing = asyncio.wrap_future(self._intake.accept_later(event, nonce=visitor.nonce))
        return self._answer(event, await asyncio.shield(writing))

    def _answer(self, event: Event, acceptance: Acceptance | NonceSeen) -> Response:
        if isinstance(acceptance, NonceSeen):
            raise replayed()
        self._acceptances.tell(event, acceptance)
        if isinstance(acceptance, Contradicted):
            raise contradicted()
        body = answer(
            self._identity,
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
