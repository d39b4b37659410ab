"""What every response of the console wears: headers that keep browsers to our own pages, and cookies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from adapters.doors.console.answers import Cookie
from adapters.doors.console.asked import LONGEST_VALUE
from adapters.doors.console.gate import FRESH, WHO, Manners
from adapters.doors.console.links import PREFIX
from adapters.doors.console.render import Renderer
from adapters.doors.console.sealing import Sealing, Unsealable
from adapters.doors.console.visit import Visit
from bus.ports import Clock


def policy(connects: str = "") -> str:
    """Only our own files, no inline script or style, no frame around us, no form to elsewhere.

    `connects`: where else a page's script may speak to.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            f"connect-src 'self' {connects}".rstrip(),
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            f"report-uri {PREFIX}/csp-report",
        )
    )


CSP: Final = policy()
HEADERS: Final = {
    "content-security-policy": CSP,
    # Not `no-referrer`: with that browsers say `Origin: null` of our own forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()",
    "cache-control": "no-store",
    "vary": "Cookie, Accept-Language, HX-Request",
}
SAID_FOR: Final = timedelta(minutes=2)
"""A sentence told once stands in the address: so long after, the address says nothing any more."""


class Dressing:
    """Puts headers and cookies on responses."""

    def __init__(self, manners: Manners, sealing: Sealing, clock: Clock) -> None:
        self._manners = manners
        self._sealing = sealing
        self._clock = clock

    def dressed(self, response: Response, visit: Visit) -> Response:
        """With the headers of every page."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("content-language", visit.language)
        if self._manners.is_secure:
            response.headers.setdefault("strict-transport-security", "max-age=31536000")
        return response

    # -- told once --------------------------------------------------------------------------------------------------

    def gone(self, to: str, said: str, facts: Mapping[str, str | int]) -> Response:
        """303, with what is to be said there sealed in the address."""
        if said:
            sealed = self._sealing.sealed("said", [said, dict(facts)], self._clock.now())
            if len(sealed) > LONGEST_VALUE:
                return Response(status_code=303, headers={"location": to})  # better unsaid than an address too long
            path, mark, anchor = to.partition("#")
            to = f"{path}{'&' if '?' in path else '?'}said={quote(sealed)}{mark}{anchor}"
        return Response(status_code=303, headers={"location": to})

    def said(self, request: Request, renderer: Renderer, visit: Visit) -> str:
        """What an address says; nothing where we did not write it."""
        sealed = request.query_params.get("said", "")
        if not sealed:
            return ""
        try:
            key, facts = self._sealing.opened("said", sealed, self._clock.now(), SAID_FOR)
        except Unsealable:
            return ""
        return renderer.say(visit, key, facts)

    # -- cookies ----------------------------------------------------------------------------------------------------

    def cookies(self, response: Response, cookies: Sequence[Cookie]) -> None:
        """Set them."""
        for each in cookies:
            self._set(response, each.name, each.value, each.life)

    def stranger(self, request: Request, response: Response) -> None:
        """Whoever has not signed in gets what binds a form to this browser."""
        if fresh := request.scope.get(FRESH):
            self._set(response, self._manners.cookie("lienthong_before"), fresh, None)

    def sign_in(self, response: Response, token: str, account: str) -> None:
        """The session's cookie; it ends with the browser, and the session ends where the ledger says so.

        Beside it, sealed, whose it is: what is typed into a form of an ended session is shown to nobody else.
        """
        self._set(response, self._manners.cookie("lienthong"), token, None)
        self._set(response, self._manners.cookie(WHO), self._sealing.sealed(WHO, account, self._clock.now()), None)
        self._set(response, self._manners.cookie("lienthong_before"), "", timedelta(0))

    def sign_out(self, response: Response) -> None:
        """No session any more; and nothing that this browser kept of our pages."""
        self._set(response, self._manners.cookie("lienthong"), "", timedelta(0))
        response.headers["clear-site-data"] = '"cache"'

    def _set(self, response: Response, name: str, value: str, life: timedelta | None) -> None:
        response.set_cookie(
            name,
            value,
            max_age=None if life is None else int(life.total_seconds()),
            path="/",
            secure=self._manners.is_secure,
            httponly=True,
            samesite="lax",
        )

    # -- files ------------------------------------------------------------------------------------------------------

    def as_file(self, response: Response, filename: str | None) -> None:
        """To be kept, or shown as plain text: never run."""
        if filename:
            response.headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(filename)}"
        response.headers["content-security-policy"] = "default-src 'none'; sandbox"
