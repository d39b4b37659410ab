"""Turning away: every refusal becomes a problem with a reference, a line in the log, a note, and a count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol, TypeAlias

import structlog
from starlette.requests import Request
from starlette.responses import Response

from adapters.doors.malformed import FieldError, Malformed
from adapters.doors.problems import MEDIA_TYPE, Problem, make_reference, problem
from bus.errors import LedgerUnavailable
from bus.ports import Randomness
from bus.refusals import BASE, Compared, Refusal, Refusals
from signing.errors import NotTrusted, NotVerified

log = structlog.get_logger("doors")

RETRY_S: Final = 5
"""Told with 503: the ledger's busy wait, so that the next try meets another state of things."""
AMISS_RETRY_S: Final = 60
"""Told when the trouble is ours and unknown: it will not pass by itself in seconds."""
NO_ROUTE: Final = "unknown"


class CountsRefusals(Protocol):
    """What the doors' metrics must offer here."""

    def request_refused(self, *, code: str) -> None:
        """One more refusal with this code."""
        ...


class TurnedAway(Exception):
    """This request is not taken; `code` is the problem's."""

    def __init__(
        self,
        code: str,
        *,
        errors: Sequence[FieldError] = (),
        status: int | None = None,
        caller: str | None = None,
        base: bytes | None = None,
        why: str = "",
        compared: Sequence[Compared] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`base`, `why` and `compared` are for the operator's note only: see `unverified`."""
        self.code = code
        self.errors = tuple(errors)
        self.status = status
        """Where it differs from the code's own: 405, 408, 500."""
        self.caller = caller
        self.base = base
        self.why = why
        self.compared = tuple(compared)
        self.headers = dict(headers or {})
        super().__init__(code)


Tongue: TypeAlias = Callable[[Request, TurnedAway], Response]
"""Tells a refusal in another form than as a problem, and notes it."""


class Desk:
    """Answers refused requests."""

    def __init__(self, refusals: Refusals, randomness: Randomness, metrics: CountsRefusals) -> None:
        self._refusals = refusals
        self._randomness = randomness
        self._metrics = metrics
        self._patterns: dict[Any, str] = {}
        self._tongues: dict[str, Tongue] = {}

    def speak_at(self, path: str, tongue: Tongue) -> None:
        """Whatever is refused at this path is told so: by its route, and by all that stands around the routes."""
        self._tongues[path] = tongue

    def know_route(self, endpoint: Any, pattern: str) -> None:
        """Notes name a route by its pattern, never by the path that came: a path may hold anything."""
        self._patterns[endpoint] = pattern

    def route_of(self, scope: Mapping[str, Any]) -> str:
        """`POST /v1/events`, or `unknown`."""
        pattern = self._patterns.get(scope.get("endpoint"))
        return f"{scope['method']} {pattern}" if pattern else NO_ROUTE

    def turn_away(self, request: Request, trouble: TurnedAway | Malformed) -> Response:
        """The answer to a request that is not taken."""
        if isinstance(trouble, Malformed):
            trouble = TurnedAway(trouble.code, errors=trouble.errors)
        scope = request.scope
        if tongue := self._tongues.get(scope["path"]):
            try:
                return tongue(request, trouble)
            except LedgerUnavailable as mute:
                # It cannot sign now, and says nothing unsigned: what is told then is no message of that door.
                log.error("ledger_unavailable", cause=str(mute))
                trouble = TurnedAway("unavailable")
        told = self._told(trouble, language=request.headers.get("accept-language"))
        rules = [{"field": error.field, "rule": error.rule} for error in trouble.errors]
        self.note(
            told,
            route=self.route_of(scope),
            caller=trouble.caller or scope.get("caller"),
            rules=rules,
            trouble=trouble,
        )
        return Response(told.as_bytes(), told.status, _headers(told, trouble.headers), MEDIA_TYPE)

    def new_reference(self) -> str:
        """A reference that all refused lines of one batch share."""
        return make_reference(self._randomness)

    def note(
        self,
        told: Problem,
        *,
        route: str,
        caller: str | None,
        rules: Sequence[Mapping[str, str | int]] = (),
        trouble: TurnedAway | None = None,
        counted: str = "",
    ) -> None:
        """Log it, count it, and keep it for the operator; nothing personal in any of the three.

        `trouble` brings what the verifier had to say; `counted`: what the public code is, where the note's own is a
        finer one.
        """
        rule = str(rules[0]["rule"]) if rules else told.code
        base = None if trouble is None else trouble.base
        log.warning("request_refused", reference=told.reference, caller=caller, route=route, code=told.code, rule=rule)
        self._metrics.request_refused(code=counted or told.code)
        self._refusals.note(
            Refusal(
                reference=told.reference,
                route=route,
                caller=caller,
                code=told.code,
                status=told.status,
                rules=rules,
                base=None if base is None else as_text(base),
                why="" if trouble is None else trouble.why,
                compared=() if trouble is None else _with_base(trouble),
            )
        )

    def malformed_http(self) -> bytes:
        """The whole answer to what is not HTTP at all: the server below the routes sends it and hangs up."""
        error = FieldError(field="", rule="malformed_json", detail="", reason="malformed_http")
        told = self._told(TurnedAway("malformed_json", errors=[error]), language=None)
        self.note(told, route=NO_ROUTE, caller=None, rules=[{"field": "", "rule": "malformed_http"}])
        body = told.as_bytes()
        lines = ["HTTP/1.1 400 Bad Request", f"content-type: {MEDIA_TYPE}", f"content-length: {len(body)}"]
        return "\r\n".join([*lines, "connection: close", "", ""]).encode() + body

    def _told(self, trouble: TurnedAway, *, language: str | None) -> Problem:
        reference = make_reference(self._randomness)
        told = problem(trouble.code, reference=reference, accept_language=language, errors=trouble.errors)
        return told if trouble.status is None else replace(told, status=trouble.status)


def as_text(octets: bytes) -> str:
    """A base as it is kept: UTF-8, or as HTTP's headers come, one character a byte."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _with_base(trouble: TurnedAway) -> tuple[Compared, ...]:
    """The base leaves marks too: kept as it is but masked, it could not be told from another byte for byte."""
    return trouble.compared if trouble.base is None else (Compared(part=BASE, octets=trouble.base), *trouble.compared)


def unverified(refusal: NotVerified, code: str, *, caller: str | None = None) -> TurnedAway:
    """What the verifier said no to, with all that a question on the telephone needs."""
    # The words about a certificate name its holder, who may be a person: the operator reads the general ones.
    why = (type(refusal).__doc__ or "").strip() if isinstance(refusal, NotTrusted) else str(refusal)
    compared = [
        Compared(part=each.part, sent=each.sent, ours=each.ours, octets=each.octets) for each in refusal.compared
    ]
    return TurnedAway(code, caller=caller, base=refusal.base, why=why, compared=compared)


def _headers(told: Problem, more: Mapping[str, str]) -> dict[str, str]:
    headers = {"content-language": told.language, "cache-control": "no-store", **more}
    if told.status == 401:
        headers["www-authenticate"] = 'Signature realm="lienthong"'
    if told.status == 503:
        headers.setdefault("retry-after", str(RETRY_S))
    return headers
