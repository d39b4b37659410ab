"""The drop-in façade: what a one-stop system says to the national adapter today, it says to us unchanged.

    POST /{VXPAdapter|XrdAdapter}/RestService/forward/mapi/{login|share|integration}
    POST /{facade|KetNoiMotCuaQuocGia|api/SynsTTHCC}/{service}      bare arrays, as provincial exchanges take them
    GET  …/{service}                                                look-up and catalogue there

Accepted means durable: a yes is said after the commit, or, where a route waits, with the portal's own words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from adapters.doors import facade_answers as answers
from adapters.doors.acceptances import Acceptances
from adapters.doors.body import MAX_BATCH, BodyReader
from adapters.doors.facade_accounts import Account, Accounts
from adapters.doors.facade_answers import ACCEPTED, Answers, Codes, Said
from adapters.doors.facade_catalogue import PASSED, Catalogue, Service
from adapters.doors.facade_reading import STEP, SYNC, Reader, read_json, require_updating
from adapters.doors.malformed import Malformed
from adapters.doors.problems import problem
from adapters.doors.refusals import RETRY_S, Desk, TurnedAway
from adapters.partners.national_portal.tables import Tables
from adapters.partners.national_portal.told import NotCarried, Trouble
from adapters.partners.national_portal.wire import local_date
from bus.errors import LedgerUnavailable
from bus.intake import Intake
from bus.messages import ForeignDossier
from bus.ports import Clock, CrashPoint, no_crash

CONTEXTS: Final = ("VXPAdapter", "XrdAdapter")
PROVINCIAL: Final = ("facade", "KetNoiMotCuaQuocGia", "api/SynsTTHCC")
WRITES: Final = {"DongBoHoSoMC": SYNC, "ThemHoSo": SYNC, "CapNhatHoSo": SYNC, "CapNhatTienDoHoSoMC": STEP}
"""The provincial addresses of add, update and progress, and what they are."""
LOOK_S: Final = 0.05
"""Between two looks for the portal's answer."""
LONGEST_WAIT_S: Final = 20.0
"""Past it callers have gone, and so has the time that a closing door gives its answers."""
SUCCESS: Final = "x-lienthong-success"
"""Header of a yes to a write: `accepted` here, or `portal`: the portal's own words."""
ASKING: Final = 12
"""Threads for catalogue calls: those that wait for a slow portal must not keep records from being written."""
AROUND: Final = frozenset({"session", "madonvi", "service", "dstcode", "providerurl", "MaDinhDanhDV"})
"""Members of a question that are not its parameters."""
LONGEST_PARAMETER: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What the settings say of the façade."""

    wait_s: Mapping[str, float] = field(default_factory=dict)
    """Service → how long its answer waits for the portal's; 0: success means accepted here."""
    is_double: bool = True
    """Whether the provincial addresses answer with the portal's answer as a text within another."""
    codes: Codes = "number"


class Facade:
    """One door with the portal's manners."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        manners: Manners,
        reader: Reader,
        answers: Answers,
        tables: Callable[[], Tables],
        intake: Intake,
        acceptances: Acceptances,
        desk: Desk,
        bodies: BodyReader,
        clock: Clock,
        crash_point: CrashPoint = no_crash,
        catalogue: Catalogue | None = None,
    ) -> None:
        """`catalogue` asks the portal; without one the tables answer."""
        self._accounts = accounts
        self._manners = manners
        self._reader = reader
        self._answers = answers
        self._tables = tables
        self._intake = intake
        self._acceptances = acceptances
        self._desk = desk
        self._bodies = bodies
        self._clock = clock
        self._point = crash_point
        self._catalogue = catalogue
        self._asking = CapacityLimiter(ASKING)

    def add_to(self, router: Router) -> None:
        """All its routes."""
        for context in CONTEXTS:
            base = f"/{context}/RestService/forward/mapi"
            self._route(router, "POST", f"{base}/login", self.post_login)
            for endpoint in ("share", "integration"):
                self._route(router, "POST", f"{base}/{endpoint}", self.post_call)
        for base in PROVINCIAL:
            self._route(router, "POST", f"/{base}/login", self.post_login)
            self._route(router, "POST", f"/{base}/{{service}}", self.post_provincial)
            self._route(router, "GET", f"/{base}/{{service}}", self.get_provincial)

    def _route(self, router: Router, method: str, path: str, endpoint: Callable[..., Any]) -> None:
        here = partial(endpoint)  # one of its own for each address: notes name the one that was called
        router.add_route(path, here, methods=[method])
        self._desk.know_route(here, path)

    # -- routes ---------------------------------------------------------------------------------------------------

    async def post_login(self, request: Request) -> Response:
        """Name and password in, a session out."""
        return await self._answered(request, self._log_in)

    async def post_call(self, request: Request) -> Response:
        """One call with its session in the body."""
        return await self._answered(request, self._call)

    async def post_provincial(self, request: Request) -> Response:
        """A bare array to the address of its service."""
        return await self._answered(request, self._provincial, is_double=self._manners.is_double)

    async def get_provincial(self, request: Request) -> Response:
        """A question by its address."""
        return await self._answered(request, self._question, is_double=self._manners.is_double)

    async def _answered(
        self, request: Request, work: Callable[[Request, bytes], Awaitable[Said]], *, is_double: bool = False
    ) -> Response:
        status, headers = 200, {"cache-control": "no-store"}
        try:
            raw = await self._bodies.read(request, MAX_BATCH)
            self._point("door.received")
            said = await work(request, raw)
            headers |= said.headers
        except (TurnedAway, Malformed, NotCarried, LedgerUnavailable) as trouble:
            away, troubles = _as_refusal(trouble)
            said = self._refused(request, away, troubles)
            status = away.status or _STATUS.get(away.code, 200)
            headers |= away.headers | ({"retry-after": str(RETRY_S)} if status == 503 else {})
        body = said.as_bytes(self._manners.codes, is_double=is_double)
        return Response(body, status, headers, "application/json; charset=utf-8")

    def _refused(self, request: Request, away: TurnedAway, troubles: list[Trouble]) -> Said:
        """Noted for the operator under the reference that the caller is told; without any value that was sent."""
        told = problem(away.code, reference=self._desk.new_reference())
        rules = [{"field": each.field, "rule": each.rule} for each in troubles[: answers.MOST_TOLD]]
        caller = away.caller or request.scope.get("caller")
        self._desk.note(told, route=self._desk.route_of(request.scope), caller=caller, rules=rules)
        if away.code == "unsigned":
            is_login = any(each.rule == "bad_login" for each in troubles)
            words = answers.LOGIN if is_login else answers.SESSION
            return Said(code=1 if is_login else -1, message=f"{words}. Mã tra cứu: {told.reference}")
        return answers.refused(away.code, troubles, told.reference)

    # -- what is asked --------------------------------------------------------------------------------------------

    async def _log_in(self, request: Request, raw: bytes) -> Said:
        told = _object(read_json(raw, MAX_BATCH))
        name, password = _text(told, "username"), _text(told, "password")
        session = self._accounts.log_in(name, password, _address(request))
        return Said(message="Đăng nhập thành công", more={"session": session})

    async def _call(self, request: Request, raw: bytes) -> Said:
        told = _object(await run_in_threadpool(read_json, raw, MAX_BATCH))
        account = self._known(request, self._accounts.of_session(_text(told, "session")))
        _require_unit(account, _text(told, "madonvi"), "madonvi")
        service = _text(told, "service")
        if service in (SYNC, STEP):
            if service == SYNC:
                require_updating(told.get("isUpdating"))
            return await self._write(account, service, told.get("data"))
        return await self._ask(account, service, told)

    async def _provincial(self, request: Request, raw: bytes) -> Said:
        account = self._known(request, self._of_exchange(request))
        service = request.path_params["service"]
        told = await run_in_threadpool(read_json, raw, MAX_BATCH)
        if service not in WRITES:
            return await self._ask(account, service, _object(told))
        if unit := request.query_params.get("MaDinhDanhDV"):
            _require_unit(account, unit, "MaDinhDanhDV")
        if service == SYNC:
            require_updating(request.query_params.get("isUpdating"))
        return await self._write(account, WRITES[service], told)

    async def _question(self, request: Request, raw: bytes) -> Said:
        account = self._known(request, self._of_exchange(request))
        service = request.path_params["service"]
        return await self._ask(account, service, dict(request.query_params))

    async def _ask(self, account: Account, service: str, told: Mapping[str, Any]) -> Said:
        if service == "TraCuuHoSo":
            return await run_in_threadpool(self._answers.lookup, account.source, _text(told, "mahoso"))
        passed = PASSED.get(service) if self._catalogue is not None else None
        if self._catalogue is None or passed is None:
            return await run_in_threadpool(self._by_tables, service, told)
        asked = _parameters(passed, told)
        return await to_thread.run_sync(self._catalogue.tell, passed, asked, account.name, limiter=self._asking)

    def _by_tables(self, service: str, told: Mapping[str, Any]) -> Said:
        parameter = _text(told, "maTTHC") if service == "LayThuTuc" else ""
        said = answers.catalogue(service, parameter, self._tables(), local_date(self._clock.now()))
        if said is None:
            raise NotCarried([Trouble(field="service", rule="enum")])
        return said

    def _known(self, request: Request, account: Account) -> Account:
        request.scope["caller"] = account.name
        return account

    def _of_exchange(self, request: Request) -> Account:
        """The session as a bearer token, or the key of the exchange in front (#r12). Raises TurnedAway."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._accounts.of_session(token.strip())
        return self._accounts.of_key(request.headers.get("apikey", ""), _address(request))

    # -- what is told ---------------------------------------------------------------------------------------------

    async def _write(self, account: Account, service: str, data: Any) -> Said:
        ids = await run_in_threadpool(self._record, account, service, data)
        said = await self._portal_says(account, ids, self._manners.wait_s.get(service, 0.0))
        self._point("door.before_answer")
        if said is None:
            return Said(message=ACCEPTED[service], headers={SUCCESS: "accepted"})
        return replace(said, headers={SUCCESS: "portal"})

    def _record(self, account: Account, service: str, data: Any) -> list[str]:
        """Read, checked and on disk: the names of the events. Raises NotCarried; of foreign dossiers only in part."""
        messages = self._reader.read(account, service, data, self._clock.now())
        self._point("door.verified")
        taken = self._intake.accept_unnamed(messages)
        foreign = []
        for at, (message, (id, acceptance)) in enumerate(zip(messages, taken, strict=True)):
            self._acceptances.tell(replace(message.event, id=id), acceptance)
            if isinstance(acceptance, ForeignDossier):
                foreign.append(Trouble(field=f"data[{at}].MaHoSo", rule="forbidden_source"))
        if foreign:
            raise NotCarried(foreign)
        return [id for id, _ in taken]

    async def _portal_says(self, account: Account, ids: list[str], seconds: float) -> Said | None:
        """The portal's own words, if they come within this time."""
        if not seconds:
            return None
        loop = asyncio.get_running_loop()
        end = loop.time() + min(seconds, LONGEST_WAIT_S)
        while loop.time() < end and not await run_in_threadpool(self._answers.is_settled, account.source, ids):
            await asyncio.sleep(LOOK_S)
        return await run_in_threadpool(self._answers.of_portal, account.source, ids)


_STATUS: Final = {"rate_limited": 429, "unavailable": 503, "too_large": 413}
"""Everything else is HTTP 200 with a code, as the portal answers (contracts/national_portal/NOTES.md#r25, #r41)."""


def _as_refusal(trouble: Exception) -> tuple[TurnedAway, list[Trouble]]:
    match trouble:
        case NotCarried(troubles=troubles):
            return TurnedAway(troubles[0].rule), list(troubles)
        case TurnedAway(errors=errors) | Malformed(errors=errors):
            away = trouble if isinstance(trouble, TurnedAway) else TurnedAway(trouble.code)
            return away, [Trouble(field=each.field, rule=each.rule) for each in errors]
        case _:
            return TurnedAway("unavailable"), []


def _object(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise NotCarried([Trouble(field="", rule="wrong_type")])
    return told


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise NotCarried([Trouble(field=name, rule="missing_field" if value in (None, "") else "wrong_type")])
    return value


def _parameters(service: Service, told: Mapping[str, Any]) -> dict[str, str]:
    """Those of the service; whatever else says something would not go along, and is refused by name."""
    extra = [
        name[:64] for name, value in told.items() if value and name not in AROUND and name not in service.parameters
    ]
    if extra:
        raise NotCarried([Trouble(field=name, rule="unknown_field") for name in extra])
    found = {name: _text(told, name) for name in service.parameters}
    if long := [name for name, value in found.items() if len(value) > LONGEST_PARAMETER]:
        raise NotCarried([Trouble(field=name, rule="out_of_range") for name in long])
    return found


def _require_unit(account: Account, unit: str, place: str) -> None:
    if unit != account.madonvi:
        raise NotCarried([Trouble(field=place, rule="enum")])


def _address(request: Request) -> str:
    return "" if request.client is None else request.client.host
