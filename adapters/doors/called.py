"""Where partners call us back: `/callbacks/{partner}/{place}`. One frame for all; each answers in its own form.

    who calls → how much, of what kind → the partner's own reading → heard by the ledger, committed → acknowledged

A partner is always told something that it understands. What is refused leaves a note for the operator under its rule,
changes nothing, and where somebody may be trying something, it is an alarm.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from adapters.channels.addresses import Network
from adapters.doors.body import BodyReader, require_media_type, too_large
from adapters.doors.pace import Paces
from adapters.doors.peers import is_in, peer_of
from adapters.doors.problems import problem
from adapters.doors.refusals import RETRY_S, Desk, TurnedAway
from adapters.partners.gateways.calls import Place, RawCall, Reply, Wrong
from bus.errors import LedgerTrouble
from bus.ports import Clock, CrashPoint, no_crash

log = structlog.get_logger("doors")

STATUS: Final = {"too_large": 413, "media_type": 415, "forbidden_source": 403, "rate_limited": 429, "not_found": 405}
"""Where nothing was read of the message, HTTP says so too; a message that was read and refused is answered with 200."""


class CountsCallbacks(Protocol):
    """What the doors' metrics must offer here."""

    def callback_taken(self, *, partner: str, result: str) -> None:
        """One more call of this partner, by what it came to."""
        ...


class Side(Protocol):
    """One partner's side of the door, whatever it tells."""

    @property
    def places(self) -> Mapping[tuple[str, str], Place]:
        """(method, name below `/callbacks/<partner>/`) → what may come there."""
        ...

    def reply(self, call: RawCall, came: Any) -> Reply:
        """The acknowledgement. Must not raise."""
        ...


S = TypeVar("S", bound=Side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening(Generic[S]):
    """One partner, and from where it is listened to."""

    side: S
    networks: Sequence[Network] = ()
    """Where it may call from; empty: anywhere, what it says is the proof."""
    paces: Paces | None = None
    """How fast each address may call. A forged call is known only after its checksum: it must cost nobody else."""


class CalledDoor(ABC, Generic[S]):
    """Takes what partners tell of their own accord."""

    def __init__(
        self,
        listening: Mapping[str, Listening[S]],
        *,
        desk: Desk,
        metrics: CountsCallbacks,
        bodies: BodyReader,
        clock: Clock,
        crash_point: CrashPoint = no_crash,
        proxies: Sequence[Network] = (),
    ) -> None:
        """`proxies`: whose word for the caller's address is believed."""
        self._listening = listening
        self._desk = desk
        self._metrics = metrics
        self._bodies = bodies
        self._clock = clock
        self._point = crash_point
        self._proxies = proxies

    @abstractmethod
    def hear(self, partner: str, side: S, call: RawCall) -> Any:
        """What it says, heard by the ledger: what that came to. Raises LedgerTrouble."""

    @abstractmethod
    def note(self, request: Request, partner: str, came: Any, call: RawCall) -> None:
        """Write down what was heard; what is Wrong, or trouble of the ledger, the frame writes."""

    def add_to(self, router: Router) -> None:
        """Every place of every partner."""
        for partner, listening in self._listening.items():
            for (method, name), place in listening.side.places.items():
                path = f"/callbacks/{partner}/{name}"
                here = partial(self._answered, partner, listening, method, place)
                router.add_route(path, here, methods=[method])
                self._desk.know_route(here, path)

    async def _answered(
        self, partner: str, listening: Listening[S], method: str, place: Place, request: Request
    ) -> Response:
        call = _raw(request, partner, self._clock, peer_of(request, self._proxies))
        came: Any
        try:
            self._admit(request, listening, method, call)
            call = replace(call, body=await self._read(request, place, call))
            self._point("callback.received")
            came = await run_in_threadpool(self._take, partner, listening.side, call)
        except TurnedAway as away:
            rule = away.errors[0].rule if away.errors else away.code
            status = away.status or STATUS.get(away.code, 200)
            came = Wrong(code=away.code, rule=rule, status=status, is_alarm=away.code == "forbidden_source")
        self._note(request, partner, came, call)
        self._point("callback.before_answer")
        return _response(listening.side.reply(call, came))

    # -- what may come in ---------------------------------------------------------------------------------------------

    def _admit(self, request: Request, listening: Listening[S], method: str, call: RawCall) -> None:
        """Raises TurnedAway."""
        if request.method != method:  # HEAD comes to where GET is taken, and would change as much
            raise TurnedAway("not_found", status=405)
        if listening.networks and not is_in(call.address, listening.networks):
            raise TurnedAway("forbidden_source")
        if listening.paces is not None and listening.paces.wait(call.address):
            raise TurnedAway("rate_limited")

    async def _read(self, request: Request, place: Place, call: RawCall) -> bytes:
        if not place.media_types:
            if len(call.query) > place.most_bytes:
                raise too_large(place.most_bytes)
            return b""
        require_media_type(request, *place.media_types)
        return await self._bodies.read(request, place.most_bytes)

    # -- what it says -------------------------------------------------------------------------------------------------

    def _take(self, partner: str, side: S, call: RawCall) -> Any:
        try:
            return self.hear(partner, side, call)
        except LedgerTrouble as trouble:
            log.error("ledger_unavailable", cause=str(trouble))
            return trouble

    # -- what is kept of it -------------------------------------------------------------------------------------------

    def _note(self, request: Request, partner: str, came: Any, call: RawCall) -> None:
        match came:
            case Wrong():
                self.refused(request, partner, came, call)
            case LedgerTrouble():
                wrong = Wrong(code="unavailable", rule="unavailable", status=503)
                self.refused(request, partner, wrong, call)
            case _:
                self.note(request, partner, came, call)

    def refused(self, request: Request, partner: str, wrong: Wrong, call: RawCall) -> None:
        """A note under a reference, for the operator; what it claims to be about stands there too."""
        told = replace(problem(wrong.code, reference=self._desk.new_reference()), status=wrong.status)
        rule: dict[str, str | int] = {"field": wrong.field, "rule": wrong.rule}
        if wrong.reference_told:
            rule["order"] = wrong.reference_told[:64]
        self._desk.note(told, route=self._desk.route_of(request.scope), caller=partner, rules=[rule])
        self._metrics.callback_taken(partner=partner, result=wrong.rule)
        if wrong.is_alarm:
            log.error(
                "callback_not_believed",
                partner=partner,
                reference=told.reference,
                rule=wrong.rule,
                field=wrong.field,
                peer=call.address,
            )


def _raw(request: Request, partner: str, clock: Clock, address: str) -> RawCall:
    scope = request.scope
    return RawCall(
        method=request.method,
        path=scope["path"].removeprefix(f"/callbacks/{partner}/"),
        query=scope["query_string"].decode("latin-1"),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=b"",
        address=address,
        at=clock.now(),
    )


def _response(reply: Reply) -> Response:
    headers = {"cache-control": "no-store"}
    if reply.status == 503:
        headers["retry-after"] = str(RETRY_S)
    return Response(reply.body, reply.status, headers, reply.media_type)
