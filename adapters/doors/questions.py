"""The GET routes, and a replay: what the ledger knows, shown to the caller whose sources it concerns.

A question is signed like everything else. What belongs to other sources is not there (404), rather than forbidden:
a caller must not learn which dossiers others have. The answers hold no bodies; free words are masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.channels import strict_json
from adapters.doors.acceptances import replayed
from adapters.doors.auth import Gate, Visitor
from adapters.doors.body import MAX_SMALL, BodyReader, require_media_type
from adapters.doors.dossiers import dossier_for, without_free_words
from adapters.doors.events import JSON
from adapters.doors.malformed import Malformed, field_error
from adapters.doors.parameters import LARGEST, Parameters
from adapters.doors.receipts import KeyRing, receipt
from adapters.doors.refusals import TurnedAway
from bus import reasons
from bus.errors import NotAllowedNow, NotFound
from bus.ledger import Ledger
from bus.reads import Reads, View
from bus.repairs import Repairs

log = structlog.get_logger("doors")

LONGEST_REASON: Final = reasons.LONGEST

Answered = Callable[[Visitor, Request, bytes], Any]


class QuestionDoor:
    """Answers what became of things."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        reads: Reads,
        repairs: Repairs,
        gate: Gate,
        bodies: BodyReader,
        keys: KeyRing,
        on_replayed: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._reads = reads
        self._repairs = repairs
        self._gate = gate
        self._bodies = bodies
        self._keys = keys
        self._on_replayed = on_replayed

    async def get_event(self, request: Request) -> Response:
        """GET /v1/events/{id}?source="""
        return await self._ask(request, self._event)

    async def get_dossier(self, request: Request) -> Response:
        """GET /v1/dossiers/{number}"""
        return await self._ask(request, self._dossier)

    async def get_deliveries(self, request: Request) -> Response:
        """GET /v1/deliveries?state=&partner=&after=&limit="""
        return await self._ask(request, self._deliveries)

    async def get_outcomes(self, request: Request) -> Response:
        """GET /v1/outcomes?source=&after=&limit="""
        return await self._ask(request, self._outcomes)

    async def get_sources(self, request: Request) -> Response:
        """GET /v1/sources/me"""
        return await self._ask(request, self._sources)

    async def post_replay(self, request: Request) -> Response:
        """POST /v1/deliveries/{id}/replay"""
        return await self._ask(request, self._replay)

    async def _ask(self, request: Request, answered: Answered) -> Response:
        body = await self._bodies.read(request, MAX_SMALL)
        told = await run_in_threadpool(self._told, request, body, answered)
        return Response(msgspec.json.encode(told), 200, {"cache-control": "no-store"}, JSON)

    def _told(self, request: Request, body: bytes, answered: Answered) -> Any:
        visitor = self._gate.check(request, body)
        if visitor.nonce is not None and not self._ledger.first_seen(visitor.nonce):
            raise replayed()
        return answered(visitor, request, body)

    # -- events and dossiers ------------------------------------------------------------------------------------

    def _event(self, visitor: Visitor, request: Request, body: bytes) -> View:
        id = request.path_params["id"]
        source = self._source_of(visitor, id, Parameters(request, "source").text("source"))
        view: View = without_free_words(self._reads.event(source, id))
        key, at = self._keys.of(view.pop("receipt_key")), str(view["accepted_at"])
        return view | {"receipt": receipt(key, source=source, id=id, digest=view["digest"], accepted_at=at)}

    def _source_of(self, visitor: Visitor, id: str, named: str | None) -> str:
        """The source named, or the only one of the visitor's that has this id. Raises NotFound, Malformed."""
        if named is not None:
            if not visitor.may_use(named):
                raise NotFound(f"no event {id}")
            return named
        own = [source for source in self._reads.sources_with(id) if visitor.may_use(source)]
        if not own:
            raise NotFound(f"no event {id}")
        if len(own) > 1:
            error = field_error(field="?source", rule="missing_field", reason="missing_field")
            raise Malformed("missing_field", [error])
        return own[0]

    def _dossier(self, visitor: Visitor, request: Request, body: bytes) -> View:
        Parameters(request)
        return dossier_for(self._reads, visitor, request.path_params["number"])

    # -- lists --------------------------------------------------------------------------------------------------

    def _deliveries(self, visitor: Visitor, request: Request, body: bytes) -> View:
        asked = Parameters(request, "state", "partner", "after", "limit")
        state, partner = asked.state("state"), asked.text("partner")
        after, limit = asked.page()
        sources = None if visitor.is_demo else visitor.sources
        page = self._reads.deliveries(state=state, partner=partner, sources=sources, after=after, limit=limit)
        items = [without_free_words(each) for each in page]
        return {"items": items, "next": page[-1]["id"] if len(page) == limit else None}

    def _outcomes(self, visitor: Visitor, request: Request, body: bytes) -> View:
        asked = Parameters(request, "source", "after", "limit")
        after, limit = asked.page()
        named = asked.text("source")
        if named is not None and not visitor.may_use(named):
            raise NotFound(f"no source {named}")
        sources = sorted(visitor.sources) if named is None else [named]
        rows = [
            each | {"source": source}
            for source in sources
            for each in self._reads.outcomes(source, after=after, limit=limit)
        ]
        rows = [without_free_words(row) for row in sorted(rows, key=lambda row: int(row["n"]))[:limit]]
        return {"items": rows, "next": rows[-1]["n"] if len(rows) == limit else None}

    def _sources(self, visitor: Visitor, request: Request, body: bytes) -> View:
        Parameters(request)
        standing = [
            self._reads.source_standing(source) | {"order": self._ledger.order_of(source)}
            for source in sorted(visitor.sources)
        ]
        return {"caller": visitor.name, "sources": standing}

    # -- replay -------------------------------------------------------------------------------------------------

    def _replay(self, visitor: Visitor, request: Request, body: bytes) -> View:
        Parameters(request)
        require_media_type(request, JSON)
        reason = _reason_in(body)
        delivery = _number_in(request.path_params["id"])
        if not visitor.may_use(self._reads.delivery(delivery)["source"]):
            raise NotFound(f"no delivery {delivery}")
        try:
            state = self._repairs.replay(delivery, actor=visitor.name, reason=reason)
        except NotAllowedNow:
            error = field_error(field="", rule="out_of_range", reason="not_allowed_now")
            raise TurnedAway("out_of_range", errors=[error]) from None
        log.info("person_acted", actor=visitor.name, action="replay", count=1)
        self._on_replayed()
        return {"id": delivery, "state": state.value}


def _number_in(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > LARGEST:
        raise NotFound(f"no delivery {text[:20]}")
    return int(text)


def _reason_in(body: bytes) -> str:
    """The `reason` of a small JSON object that holds nothing else. Raises Malformed."""
    try:
        told = strict_json.read(body, max_bytes=MAX_SMALL)
    except strict_json.NotStrictJson as trouble:
        faults = [field_error(field=fault.field, rule=fault.code, reason=fault.reason) for fault in trouble.faults]
        raise Malformed(trouble.code, faults) from None
    for rule, field, reason, facts in _wrong_in(told):
        raise Malformed(rule, [field_error(field=field, rule=rule, reason=reason, facts=facts)])
    return reasons.tidy(told["reason"])


def _wrong_in(told: Any) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    if not isinstance(told, dict):
        yield "wrong_type", "", "wrong_type", {"expected": "object"}
        return
    for name in told:
        if name != "reason":
            yield "unknown_field", f"/{name}", "unknown_field", {}
    if "reason" not in told:
        yield "missing_field", "/reason", "missing_field", {}
    elif not isinstance(told["reason"], str):
        yield "wrong_type", "/reason", "wrong_type", {"expected": "string"}
    elif fault := reasons.fault_in(told["reason"]):
        limits = {"too_short": "1", "too_long": str(LONGEST_REASON)}
        yield "out_of_range", "/reason", fault, {"limit": limits[fault]} if fault in limits else {}
