"""The console's HTTP side: a request in, a page asked in a thread of the console's own, a response out.

    host known → who → form's origin and proof → right → page → headers

It hangs below `/console` as one application, so that whatever goes wrong there is told as a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from adapters.doors.console import errors, static
from adapters.doors.console.answers import Answer, Bytes, Gone, Live, Shown, SignedIn, SignedOut, Stream, Wrong
from adapters.doors.console.asked import LARGEST_FORM, LONGEST_QUERY, LONGEST_VALUE, Asked, lists_of, pairs_of
from adapters.doors.console.dressing import Dressing
from adapters.doors.console.frame import Console
from adapters.doors.console.gate import CSRF, Gate
from adapters.doors.console.links import PREFIX, url_for
from adapters.doors.console.login import Login
from adapters.doors.console.page import Page
from adapters.doors.console.pages import PAGES
from adapters.doors.console.render import Renderer
from adapters.doors.console.visit import Visit
from adapters.doors.problems import make_reference
from bus.errors import LedgerUnavailable, NotFound

log = structlog.get_logger("console")

MOST_WAITING: Final = 64
"""Requests that wait for a thread: past it, "busy" at once is the kinder answer."""
READ_S: Final = 20.0
"""For a whole form."""
FORM: Final = "application/x-www-form-urlencoded"

T = TypeVar("T")


class Threads:
    """The console's own threads: however slow a page is, the doors' and the health's are not taken."""

    def __init__(self, threads: int, *, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._pages = CapacityLimiter(threads)
        self._heavy = CapacityLimiter(2)

    async def run(self, work: Callable[[], T], *, is_heavy: bool = False) -> T:
        """Do it in a thread. Raises Busy."""
        limiter = self._heavy if is_heavy else self._pages
        if limiter.statistics().tasks_waiting >= self._most_waiting:
            raise errors.Busy
        return await to_thread.run_sync(work, limiter=limiter)


@dataclass(eq=False, slots=True, kw_only=True)
class ConsoleDoor:
    """The application below `/console`."""

    console: Console
    gate: Gate
    renderer: Renderer
    files: dict[str, static.File]
    threads: Threads
    router: Router = field(init=False)
    dressing: Dressing = field(init=False)

    def __post_init__(self) -> None:
        self.dressing = Dressing(self.gate.manners, self.console.sealing, self.console.clock)
        routes = [Route(page.path, partial(self._serve, page), methods=[page.method]) for page in PAGES]
        routes.append(Route("/static/{file:path}", self._static, methods=["GET"]))
        routes.append(Route("/csp-report", self._csp_report, methods=["POST"]))
        self.router = Router(routes, redirect_slashes=False, default=self._nothing_here)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request below `/console`."""
        await self.router(scope, receive, send)

    # -- one page ---------------------------------------------------------------------------------------------------

    async def _serve(self, page: Page, request: Request) -> Response:
        try:
            if not self.gate.is_known_host(request):
                return Response("421: [console] public_url\n", 421, media_type="text/plain; charset=utf-8")
            form = await self._form(request) if page.method == "POST" else []
            return await self.threads.run(partial(self._answered, page, request, form), is_heavy=page.is_heavy)
        except ClientDisconnect:
            raise
        except Exception as trouble:
            return await self._troubled(page, request, trouble)

    def _answered(self, page: Page, request: Request, form: list[tuple[str, str]]) -> Response:
        visit = self.gate.visit(request, page=page.name)
        asked = _asked(request, form)
        answer = self._judged(page, request, visit, asked)
        return self._response(request, visit, answer)

    def _judged(self, page: Page, request: Request, visit: Visit, asked: Asked) -> Answer:
        """The page's answer, or why it is not asked."""
        if page.method == "POST":
            if self.gate.is_from_elsewhere(request):
                log.warning("console_form_refused", code="foreign_origin", route=page.path)
                return errors.page("common.foreign", 403)
            if visit.is_stranger and not page.is_open:
                return Shown("login.html", Login(to=PREFIX + "/", why="ended"), 401)
            if not self.gate.is_proven(request, asked.form.get(CSRF, "")):
                log.warning("console_form_refused", code="no_token", route=page.path)
                return errors.page("common.forged", 403, back=PREFIX + "/")
        if not page.is_open:
            if visit.is_stranger:
                return Gone(url_for("login", next=visit.here))
            if page.right is not None and not visit.may(page.right):
                return errors.page("common.no_right", 403)
        return page.endpoint(self.console, visit, asked)

    async def _form(self, request: Request) -> list[tuple[str, str]]:
        """The form's fields. Raises Wrong."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise Wrong("common.wrong_form", status=415)
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(READ_S):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > LARGEST_FORM:
                        raise Wrong("common.wrong_size", status=413, most=LARGEST_FORM)
                    chunks.append(chunk)
        except TimeoutError:
            raise Wrong("common.wrong_slow", status=408) from None
        return pairs_of(b"".join(chunks))

    # -- answers as HTTP --------------------------------------------------------------------------------------------

    def _response(self, request: Request, visit: Visit, answer: Answer) -> Response:
        match answer:
            case Shown():
                said = self.dressing.said(request, self.renderer, visit)
                html = self.renderer.page(answer.template, answer.view, visit, said=said)
                response = Response(html, answer.status, media_type="text/html; charset=utf-8")
                self.dressing.cookies(response, answer.cookies)
                self.dressing.stranger(request, response)
            case Gone():
                response = self.dressing.gone(answer.to, answer.said, answer.facts, visit)
                self.dressing.cookies(response, answer.cookies)
            case SignedIn():
                response = self.dressing.gone(answer.to, "", {}, visit)
                self.dressing.sign_in(response, answer.token)
                self.dressing.cookies(response, answer.cookies)
            case SignedOut():
                response = self.dressing.gone(answer.to, answer.said, {}, visit)
                self.dressing.sign_out(response)
            case Bytes():
                response = Response(answer.body, media_type=answer.media_type)
                self.dressing.as_file(response, answer.filename)
            case Stream():
                response = StreamingResponse(self._chunks(answer.chunks), media_type=answer.media_type)
                self.dressing.as_file(response, answer.filename)
            case Live():
                response = StreamingResponse(_events(answer.events), media_type="text/event-stream")
        return self.dressing.dressed(response, visit)

    async def _chunks(self, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        end = object()
        while (chunk := await self.threads.run(lambda: next(chunks, end))) is not end:
            assert isinstance(chunk, bytes)
            yield chunk

    # -- trouble ----------------------------------------------------------------------------------------------------

    async def _troubled(self, page: Page | None, request: Request, trouble: Exception) -> Response:
        """The page that tells it; the ledger is not asked who reads it."""
        visit = self.gate.unknown(request, page=page.name if page else "")
        answer = self._told(request, trouble)
        html = self.renderer.page(answer.template, answer.view, visit)
        response = Response(html, answer.status, media_type="text/html; charset=utf-8")
        if answer.status == 503:
            response.headers["retry-after"] = "5"
        return self.dressing.dressed(response, visit)

    def _told(self, request: Request, trouble: Exception) -> Shown:
        match trouble:
            case Wrong():
                return errors.of_wrong(trouble, request.scope["path"])
            case NotFound():
                return errors.page("common.not_found", 404)
            case LedgerUnavailable():
                log.error("ledger_unavailable", cause=str(trouble))
                return errors.page("common.ledger_away", 503)
            case errors.TooSlow():
                return errors.page("common.too_slow", 503, back=request.scope["path"])
            case errors.Busy():
                return errors.page("common.busy", 503)
        reference = make_reference(self.console.randomness)
        log.critical("uncaught_exception", where="console", reference=reference, exc_info=trouble)
        return errors.page("common.bug", 500, reference=reference)

    async def _nothing_here(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._troubled(None, request, Wrong("common.no_page", status=404))
        await response(scope, receive, send)

    # -- what is no page --------------------------------------------------------------------------------------------

    async def _static(self, request: Request) -> Response:
        file = self.files.get(request.path_params["file"])
        if file is None:
            return await self._troubled(None, request, Wrong("common.no_page", status=404))
        is_named = request.query_params.get("v") == file.version
        kept = "public, max-age=31536000, immutable" if is_named else "no-cache"
        headers = {"cache-control": kept, "x-content-type-options": "nosniff"}
        return Response(file.body, 200, headers | {"cross-origin-resource-policy": "same-origin"}, file.media_type)

    async def _csp_report(self, request: Request) -> Response:
        """A browser says that a page tried what it may not: our mistake, or somebody's text that got through."""
        log.warning("console_csp_report")
        return Response(status_code=204)


def _asked(request: Request, form: list[tuple[str, str]]) -> Asked:
    raw = request.scope["query_string"]
    if len(raw) > LONGEST_QUERY:
        raise Wrong("common.wrong_length", status=400, most=LONGEST_VALUE, n=len(raw))
    query = pairs_of(raw, longest=LONGEST_VALUE)
    return Asked(
        path={name: str(value) for name, value in request.path_params.items()},
        query=dict(query),
        form=dict(form),
        lists=lists_of([*query, *form]),
        is_htmx=request.headers.get("hx-request") == "true",
        last_event_id=request.headers.get("last-event-id", "")[:100],
        agent=request.headers.get("user-agent", "")[:200],
    )


async def _events(events: AsyncIterator[tuple[str, str]]) -> AsyncIterator[bytes]:
    async for name, html in events:
        lines = "".join(f"data: {line}\n" for line in html.split("\n"))
        yield f"event: {name}\n{lines}\n".encode()


def mount(router: Any, door: ConsoleDoor) -> None:
    """Hang it below `/console`."""

    async def to_slash(request: Request) -> Response:
        return Response(status_code=308, headers={"location": f"{PREFIX}/"})

    router.add_route(PREFIX, to_slash, methods=["GET"])
    router.mount(PREFIX, door)
