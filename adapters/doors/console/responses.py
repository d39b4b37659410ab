"""From a page's answer to an HTTP response, dressed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from adapters.doors.console import carried
from adapters.doors.console.answers import Answer, Bytes, Gone, Live, Shown, SignedIn, SignedOut, Stream
from adapters.doors.console.dressing import Dressing, policy
from adapters.doors.console.errors import Busy
from adapters.doors.console.gate import Gate
from adapters.doors.console.render import Renderer
from adapters.doors.console.sealing import Sealing
from adapters.doors.console.threads import Threads
from adapters.doors.console.visit import Visit

HTML: Final = "text/html; charset=utf-8"


class Responses:
    """Makes them; called in a thread, but for streams, which it only begins."""

    def __init__(
        self, gate: Gate, renderer: Renderer, dressing: Dressing, sealing: Sealing, threads: Threads, most_live: int
    ) -> None:
        self._gate = gate
        self._renderer = renderer
        self._dressing = dressing
        self._sealing = sealing
        self._threads = threads
        self._most_live = most_live
        self._live = 0

    def of(self, request: Request, visit: Visit, answer: Answer) -> Response:
        """The response."""
        if request.method == "HEAD" and isinstance(answer, Stream | Live):
            return self._dressing.dressed(Response(), visit)  # a body that nobody reads is not begun
        match answer:
            case Shown():
                response = self.page(visit, answer, said=self._dressing.said(request, self._renderer, visit))
                self._dressing.stranger(request, response)
                if answer.connects:
                    response.headers["content-security-policy"] = policy(answer.connects)
            case Gone():
                response = self._dressing.gone(answer.to, answer.said, answer.facts)
                self._dressing.cookies(response, answer.cookies)
            case SignedIn():
                response = self._signed_in(request, visit, answer)
            case SignedOut():
                response = self._dressing.gone(answer.to, answer.said, {})
                self._dressing.sign_out(response)
            case Bytes():
                response = Response(answer.body, media_type=answer.media_type)
                self._dressing.as_file(response, answer.filename)
            case Stream():
                response = StreamingResponse(self._threads.each(answer.chunks), media_type=answer.media_type)
                self._dressing.as_file(response, answer.filename)
            case Live():
                response = self._moving(answer)
        return self._dressing.dressed(response, visit)

    def page(self, visit: Visit, shown: Shown, *, said: str = "") -> Response:
        """A document, or a part of one."""
        html = self._renderer.page(shown.template, shown.view, visit, said=said)
        response = Response(html, shown.status, media_type=HTML)
        self._dressing.cookies(response, shown.cookies)
        return response

    def _signed_in(self, request: Request, visit: Visit, answer: SignedIn) -> Response:
        """On to where the person wanted to go; or first to the form that was typed before, not yet sent."""
        form = carried.opened(self._sealing, answer.account, answer.carried, visit.now) if answer.carried else None
        if form is None:
            response = self._dressing.gone(answer.to, "common.carried_lost" if answer.carried else "", {})
        else:
            now_in = replace(self._gate.visit(request, page="resume", token=answer.token), here="")
            response = self.page(now_in, Shown("resume.html", form))
        self._dressing.sign_in(response, answer.token, answer.account)
        self._dressing.cookies(response, answer.cookies)
        return response

    def _moving(self, answer: Live) -> Response:
        """Raises Busy where too many move already; the page stands still then and can be loaded anew."""
        if self._live >= self._most_live:
            raise Busy
        response = StreamingResponse(self._events(answer), media_type="text/event-stream")
        response.headers["x-accel-buffering"] = "no"  # a proxy that collects would hold the log back
        return response

    async def _events(self, answer: Live) -> AsyncIterator[bytes]:
        self._live += 1
        try:
            async for name, html, *place in answer.events:
                yield event(name, html, *place)
        finally:
            self._live -= 1


def event(name: str, html: str, place: str = "") -> bytes:
    """One server-sent event; every line of the text is a line of data, whatever ends lines in it."""
    mark = f"id: {place}\n" if place else ""
    lines = "".join(f"data: {line}\n" for line in html.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return f"event: {name}\n{mark}{lines}\n".encode()
