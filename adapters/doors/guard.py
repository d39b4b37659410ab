"""Around every route: how many are served at once, and what is answered when our own code fails."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.doors.refusals import AMISS_RETRY_S, Desk, TurnedAway

log = structlog.get_logger("doors")

MOST_AT_ONCE: Final = 512
"""Requests in the house at once: past it, a caller hears "later" at once instead of waiting for nothing."""
HEALTH: Final = frozenset({"/livez", "/readyz", "/metrics"})


class Guard:
    """ASGI middleware; nothing of an exception passes it."""

    def __init__(self, app: ASGIApp, *, desk: Desk, most_at_once: int = MOST_AT_ONCE) -> None:
        self._app = app
        self._desk = desk
        self._most = most_at_once
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._inside >= self._most and scope["path"] not in HEALTH:
            await self._refuse(TurnedAway("unavailable"), scope, receive, send)
            return
        self._inside += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._inside -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_begun = False

        async def watched(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is there to be answered, and nothing was recorded
        except Exception as trouble:
            log.critical("uncaught_exception", where="door", exc_info=trouble)
            if is_begun:
                raise
            amiss = TurnedAway("unavailable", status=500, headers={"retry-after": str(AMISS_RETRY_S)})
            await self._refuse(amiss, scope, receive, send)

    async def _refuse(self, trouble: TurnedAway, scope: Scope, receive: Receive, send: Send) -> None:
        await self._desk.turn_away(Request(scope), trouble)(scope, receive, send)
