"""The console's HTTP side: a request in, a page asked in a thread of the console's own, a response out.

    host known → who → where the form came from, and its proof → right → page → headers

It hangs below `/console` as one application, so that whatever goes wrong there is told as a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from adapters.doors.console import carried, errors, static
from adapters.doors.console.answers import Answer, Gone, Shown, Wrong
from adapters.doors.console.asked import LARGEST_FORM, LONGEST_QUERY, LONGEST_VALUE, Asked, clean, lists_of, pairs_of
from adapters.doors.console.csp_reports import CspReports
from adapters.doors.console.dressing import Dressing
from adapters.doors.console.frame import Console
from adapters.doors.console.gate import CSRF, Gate, path_of
from adapters.doors.console.links import PREFIX, url_for
from adapters.doors.console.login import Login
from adapters.doors.console.page import Page
from adapters.doors.console.pages import PAGES
from adapters.doors.console.render import Renderer
from adapters.doors.console.responses import Responses
from adapters.doors.console.threads import Threads
from adapters.doors.console.visit import Visit
from adapters.doors.problems import make_reference
from bus.errors import LedgerBusy, LedgerUnavailable, NotFound, ReadTooLong

log = structlog.get_logger("console")

READ_S: Final = 20.0
"""For a whole form."""
FORM: Final = "application/x-www-form-urlencoded"
RETRY_S: Final = 5
WRITES: Final = timedelta(seconds=2)
"""So long a page waits for its turn to write, be it only who looks: its thread is one of few. The doors wait longer."""
Pairs = list[tuple[str, str]]
Taker: TypeAlias = Callable[[Request], Awaitable[Response]]


class ConsoleDoor:
    """The application below `/console`."""

    def __init__(
        self,
        console: Console,
        gate: Gate,
        *,
        threads: Threads,
        most_live: int = 64,
        pages: tuple[Page, ...] = PAGES,
    ) -> None:
        self.console = console
        self._gate = gate
        self._threads = threads
        self._files = static.load()
        self._dressing = Dressing(gate.manners, console.sealing, console.clock)
        renderer = Renderer(console.words, console.facts, self._files)
        self._responses = Responses(gate, renderer, self._dressing, console.sealing, threads, most_live)
        takers: dict[str, dict[str, Taker]] = {}
        for page in pages:
            takers.setdefault(page.path, {})[page.method] = partial(self._serve, page)
        takers["/static/{file:path}"] = {"GET": self._static}
        takers["/csp-report"] = {"POST": CspReports(console.clock, console.count_csp_report).take}
        routes = [self._route(path, by_method) for path, by_method in takers.items()]
        self._router = Router(routes, redirect_slashes=False, default=self._nothing_here)

    def _route(self, path: str, takers: Mapping[str, Taker]) -> Route:
        """One address for all its methods: what it does not take is told as a page too."""

        async def take(request: Request) -> Response:
            taker = takers.get("GET" if request.method == "HEAD" else request.method)
            if taker is not None:
                return await taker(request)
            response = self._troubled("", request, Wrong("common.no_method", status=405))
            response.headers["allow"] = ", ".join(takers)
            return response

        route = Route(path, take)
        route.methods = None  # any
        return route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request below `/console`."""
        await self._router(scope, receive, send)

    # -- one page ---------------------------------------------------------------------------------------------------

    async def _serve(self, page: Page, request: Request) -> Response:
        try:
            if not self._gate.is_known_host(request):
                raise Wrong("common.unknown_host", status=421)
            pairs = await self._form(page, request) if page.method == "POST" else []
            return await self._threads.run(partial(self._answered, page, request, pairs), is_heavy=page.is_heavy)
        except ClientDisconnect:
            raise
        except Exception as trouble:
            return self._troubled(page.name, request, trouble)

    def _answered(self, page: Page, request: Request, pairs: Pairs) -> Response:
        """In a thread, with a limit to how long the ledger is asked."""
        with self.console.ledger.engine.patience(self.console.facts.query_limit, writes=WRITES):
            visit = self._gate.visit(request, page=page.name, is_used=not _is_by_itself(page, request))
            answer = self._judged(page, request, visit, _asked(request, pairs), pairs)
            return self._responses.of(request, visit, answer)

    def _judged(self, page: Page, request: Request, visit: Visit, asked: Asked, pairs: Pairs) -> Answer:
        """The page's answer, or why it is not asked."""
        if page.method == "POST" and (no := self._refused_form(page, request, visit, asked, pairs)):
            return no
        if not page.is_open:
            if visit.is_stranger:
                return self._sign_in_first(visit, asked)
            if page.right is not None and not visit.may(page.right):
                return errors.page("common.no_right", 403)
        return page.endpoint(self.console, visit, asked)

    def _refused_form(self, page: Page, request: Request, visit: Visit, asked: Asked, pairs: Pairs) -> Answer | None:
        if self._gate.is_from_elsewhere(request):
            log.warning("console_form_refused", code="foreign_origin", route=page.path)
            return errors.page("common.foreign", 403)
        is_proven = self._gate.is_proven(request, asked.form.get(CSRF, ""), is_stranger=visit.is_stranger)
        if visit.is_stranger and not page.is_open:
            return self._ended(page, request, visit, pairs, may_keep=is_proven or self._gate.is_from_here(request))
        if not is_proven:
            log.warning("console_form_refused", code="no_token", route=page.path)
            return errors.page("common.forged", 403)
        return None

    def _sign_in_first(self, visit: Visit, asked: Asked) -> Answer:
        if asked.is_htmx:
            # A part of a page that renews itself: left as it is, and with it whatever is being typed beside it.
            return Shown("login.html", Login(to=url_for("start")), 401)
        if not self.console.people.is_anybody_here():
            return Gone(url_for("first-run"))
        return Gone(url_for("login", next=visit.here))

    def _ended(self, page: Page, request: Request, visit: Visit, pairs: Pairs, *, may_keep: bool) -> Answer:
        """The session ended while somebody typed: what was typed goes along to the sign-in."""
        if not may_keep or page.name == "logout":
            return Shown("login.html", Login(to=url_for("start"), why="lost"), 401)
        kept = carried.sealed(self.console.sealing, self._gate.who(request), path_of(request), pairs, visit.now)
        return Shown("login.html", Login(to=url_for("start"), why="ended", carried=kept), 401)

    async def _form(self, page: Page, request: Request) -> Pairs:
        """The form's fields. Raises Wrong."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise Wrong("common.wrong_form", status=415)
        # A sign-in may carry a whole other form, sealed: twice its size is room for that.
        most = LARGEST_FORM * (3 if page.name == "login" else 1)
        body = bytearray()
        try:
            async with asyncio.timeout(READ_S):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > most:
                        raise Wrong("common.wrong_size", status=413, most=most)
        except TimeoutError:
            raise Wrong("common.wrong_slow", status=408) from None
        return pairs_of(bytes(body))

    # -- trouble ----------------------------------------------------------------------------------------------------

    def _troubled(self, name: str, request: Request, trouble: Exception) -> Response:
        """The page that tells it; the ledger is not asked who reads it."""
        visit = self._gate.unknown(request, page=name)
        response = self._responses.page(visit, self._told(name, request, trouble))
        if response.status_code == 503:
            response.headers["retry-after"] = str(RETRY_S)
        return self._dressing.dressed(response, visit)

    def _told(self, name: str, request: Request, trouble: Exception) -> Shown:
        path = path_of(request).partition("?")[0]
        back = path if request.method == "GET" and request.scope["query_string"] else ""
        match trouble:
            case Wrong():
                return errors.of_wrong(trouble, back)
            case NotFound():
                return errors.page("common.not_found", 404)
            case ReadTooLong():
                log.warning("console_query_cut", route=name)
                return errors.page("common.too_slow", 503, back=back)
            case LedgerBusy():
                log.warning("console_write_given_up", route=name)
                return errors.page("common.ledger_busy", 503)
            case LedgerUnavailable():
                log.error("ledger_unavailable", cause=str(trouble))
                return errors.page("common.ledger_away", 503)
            case errors.Busy():
                return errors.page("common.busy", 503)
        reference = make_reference(self.console.randomness)
        log.critical("uncaught_exception", where="console", reference=reference, exc_info=trouble)
        return errors.page("common.bug", 500, reference=reference)

    async def _nothing_here(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = self._troubled("", request, Wrong("common.no_page", status=404))
        await response(scope, receive, send)

    # -- files ------------------------------------------------------------------------------------------------------

    async def _static(self, request: Request) -> Response:
        """A file of ours; under an address with its digest it is kept for ever, for that address never changes."""
        file = self._files.get(request.path_params["file"])
        if file is None:
            return self._troubled("", request, Wrong("common.no_page", status=404))
        is_named = request.query_params.get("v") == file.version
        headers = {
            "cache-control": "public, max-age=31536000, immutable" if is_named else "no-cache",
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "same-origin",
        }
        return Response(file.body, 200, headers, file.media_type)


def _is_by_itself(page: Page, request: Request) -> bool:
    """Whether a page that was left open asks, renewing itself: nobody need be there, so it keeps no session alive."""
    return page.method == "GET" and (page.name == "log_live" or request.headers.get("hx-request") == "true")


def _asked(request: Request, pairs: Pairs) -> Asked:
    raw = request.scope["query_string"]
    if len(raw) > LONGEST_QUERY:
        raise Wrong("common.wrong_length", status=400, most=LONGEST_VALUE, n=len(raw))
    query = pairs_of(raw, longest=LONGEST_VALUE)
    return Asked(
        path={
            name: clean(str(value), longest=LONGEST_VALUE, field=name) for name, value in request.path_params.items()
        },
        query=dict(query),
        form=dict(pairs),
        lists=lists_of([*query, *pairs]),
        is_htmx=request.headers.get("hx-request") == "true",
        last_event_id=request.headers.get("last-event-id", "")[:100],
        agent=request.headers.get("user-agent", "")[:200],
    )


def mount(router: Router, door: ConsoleDoor) -> None:
    """Hang it below `/console`."""

    async def to_slash(request: Request) -> Response:
        return Response(status_code=308, headers={"location": f"{PREFIX}/"})

    router.add_route(PREFIX, to_slash, methods=["GET"])
    router.mount(PREFIX, door)
