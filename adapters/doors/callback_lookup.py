"""The portal asks what is due for a dossier: `POST /callbacks/payment_platform/lookup`.

The answer holds personal data, so it is given to one asker only: from a listed network, with a key or a certificate
that our proxy has verified, so often and no more. Who may not ask hears no more than who asks about nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from adapters.channels.addresses import Network
from adapters.doors.body import BodyReader, require_media_type
from adapters.doors.called import STATUS
from adapters.doors.pace import Pace
from adapters.doors.peers import is_in, peer_of
from adapters.doors.problems import problem
from adapters.doors.refusals import Desk, TurnedAway
from adapters.partners.payment_platform.lookups import DUE, MOST_BYTES, NOTHING, UNKNOWN, answer, number_in
from bus.errors import CannotSend, LedgerTrouble, NotFound

log = structlog.get_logger("doors")

PATH: Final = "/callbacks/payment_platform/lookup"
Due = Callable[[str], dict[str, Any] | None]
"""Dossier → what is due, or None. Raises NotFound, CannotSend, LedgerTrouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who may ask, and how it is known."""

    networks: Sequence[Network]
    key_header: str = ""
    key: str = field(default="", repr=False)
    certificate_header: str = ""
    subjects: Collection[str] = ()
    proxies: Sequence[Network] = ()

    def address(self, request: Request) -> str:
        """From where it is asked."""
        return peer_of(request, self.proxies)

    def is_it(self, request: Request) -> bool:
        """Network, and key or certificate."""
        if not is_in(self.address(request), self.networks):
            return False
        if self.key:
            return _same(request.headers.get(self.key_header, ""), self.key)
        return request.headers.get(self.certificate_header, "") in self.subjects


class LookUpDoor:
    """One address."""

    def __init__(self, *, asker: Asker, due: Due, pace: Pace, desk: Desk, bodies: BodyReader) -> None:
        self._asker = asker
        self._due = due
        self._pace = pace
        self._desk = desk
        self._bodies = bodies

    def add_to(self, router: Router) -> None:
        """Its one route."""
        router.add_route(PATH, self.post, methods=["POST"])
        self._desk.know_route(self.post, PATH)

    async def post(self, request: Request) -> Response:
        """What is due, nothing, or no."""
        status, body = 200, answer(UNKNOWN)
        try:
            self._admit(request)
            require_media_type(request, "application/json")
            number = number_in(await self._bodies.read(request, MOST_BYTES))
            if number is None:
                raise TurnedAway("missing_field", status=200)
            body = await run_in_threadpool(self._look, number, self._asker.address(request))
        except TurnedAway as away:
            status = away.status or STATUS.get(away.code, 200)
            self._refused(request, away.code, status)
        except LedgerTrouble as trouble:
            log.error("ledger_unavailable", cause=str(trouble))
            self._refused(request, "unavailable", 503)
            status = 503
        headers = {"cache-control": "no-store", **({"retry-after": "5"} if status == 503 else {})}
        return Response(body, status, headers, "application/json; charset=utf-8")

    def _admit(self, request: Request) -> None:
        if not self._asker.is_it(request):
            raise TurnedAway("forbidden_source", status=403)
        if self._pace.wait():
            raise TurnedAway("rate_limited", status=429)

    def _look(self, number: str, peer: str) -> bytes:
        try:
            found = self._due(number)
        except (NotFound, CannotSend):
            return answer(UNKNOWN)
        log.info("payment_looked_up", dossier=number, peer=peer, due=found is not None)
        return answer(NOTHING) if found is None else answer(DUE, found)

    def _refused(self, request: Request, code: str, status: int) -> None:
        told = replace(problem(code, reference=self._desk.new_reference()), status=status)
        route = self._desk.route_of(request.scope)
        self._desk.note(told, route=route, caller="payment_platform", rules=[{"field": "", "rule": code}])


def _same(one: str, other: str) -> bool:
    """Compared by digest: neither content nor length shows in the time that it takes."""
    first, second = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (one, other))
    return hmac.compare_digest(first, second)
