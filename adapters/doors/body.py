"""Reading a request's body: bounded in size and in time, whatever the caller does."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request

from adapters.doors.malformed import field_error
from adapters.doors.refusals import TurnedAway

MAX_BATCH: Final = 10_000_000
"""Bytes of one batch, as the public surface says."""
MAX_SMALL: Final = 16_384
"""Of a request that only asks, or gives a reason."""
SWALLOWED: Final = 32_000_000
"""How much of a body that is too large is still taken off the wire and thrown away: a caller that is cut off while it
sends never reads why."""
READ_S: Final = 22.0
"""For a whole body: a little less than the connection has (protocol.py), so that the caller hears why."""


class BodyReader:
    """Reads bodies for every route."""

    def __init__(self, *, seconds: float = READ_S) -> None:
        self._seconds = seconds

    async def read(self, request: Request, limit: int) -> bytes:
        """The body. Raises TurnedAway: too_large (413), or too slow (408)."""
        if _is_told_too_large(request, limit) and request.headers.get("expect"):
            raise too_large(limit)  # it waits for our word before it sends: this is the word
        try:
            async with asyncio.timeout(self._seconds):
                return await _read(request, limit)
        except TimeoutError:
            raise TurnedAway("unavailable", status=408, headers={"connection": "close"}) from None


async def _read(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
        if not message.get("more_body", False):
            break
        if size > SWALLOWED:
            raise too_large(limit)
    if size > limit:
        raise too_large(limit)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def too_large(limit: int) -> TurnedAway:
    """The refusal of a body beyond the route's limit."""
    error = field_error(field="", rule="too_large", reason="too_large_body", facts={"limit": str(limit)})
    return TurnedAway("too_large", errors=[error], headers={"connection": "close"})


def _is_told_too_large(request: Request, limit: int) -> bool:
    told = request.headers.get("content-length", "")
    return told.isdigit() and len(told) < 20 and int(told) > limit


def require_media_type(request: Request, *allowed: str) -> None:
    """Exactly one of these media types, UTF-8, not compressed. Raises TurnedAway (415)."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    is_plain = request.headers.get("content-encoding", "identity").strip().lower() == "identity"
    if kind.strip().lower() in allowed and charset in ("", "utf-8", "utf8") and is_plain:
        return
    expected = {"expected": " | ".join(allowed)}
    error = field_error(field="", rule="media_type", reason="media_type", facts=expected)
    raise TurnedAway("media_type", errors=[error])
