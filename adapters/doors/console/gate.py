"""Who is at the console: the session's cookie, where a form came from, and what it carries to prove it.

A foreign page can make a browser send forms here, with our cookie. So a form counts only with the session's own token,
which no foreign page can read, and never when the browser says that it came from elsewhere (`Origin`,
`Sec-Fetch-Site`). A browser or a proxy that leaves both out is let in with the right token: the token alone is proof.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

from starlette.requests import Request

from adapters.doors.console.carried import LIFE
from adapters.doors.console.sealing import Sealing, Unsealable
from adapters.doors.console.visit import LANGUAGES, THEMES, Language, Theme, Visit
from adapters.doors.peers import is_address, peer_of
from adapters.doors.words import choose
from bus.accounts import SignedIn
from bus.ports import Clock
from bus.rights import Right
from bus.sessions import digest_of

CSRF: Final = "csrf"
LONGEST_TOKEN: Final = 200
DEMO: Final = "demo"
FRESH: Final = "lienthong.before"
"""Where a request keeps what binds forms to a browser that came without it."""
WHO: Final = "lienthong_who"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Keeper(Protocol):
    """What the gate asks of `bus.people.People`."""

    def session(self, token_hash: bytes, now: datetime, *, is_used: bool = True) -> SignedIn | None:
        """Who holds the token with this SHA-256; None when it holds no longer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How the console is reached."""

    public_url: str = ""
    """The address that people type; empty: this machine's own, by plain HTTP."""
    demo_token: str | None = None
    proxies: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()
    """Whose word on the caller's address counts."""

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by https."""
        return self.public_url.startswith("https://")

    def cookie(self, name: str) -> str:
        """A cookie's full name. `__Host-` binds it to this very host: no neighbour's name can set it."""
        return f"__Host-{name}" if self.is_secure else name


class Gate:
    """Makes a Visit of a request."""

    def __init__(self, people: Keeper, sealing: Sealing, clock: Clock, manners: Manners) -> None:
        self._people = people
        self._sealing = sealing
        self._clock = clock
        self.manners = manners

    def visit(self, request: Request, *, page: str = "", token: str | None = None, is_used: bool = True) -> Visit:
        """Who asks. In a thread: it reads the ledger. `token`: of a session that this very request opened; `is_used`:
        whether a person asks, and not a page that was left open."""
        token = self.token(request) if token is None else token
        now = self._clock.now()
        seen = self._people.session(digest_of(token), now, is_used=is_used) if token else None
        if seen is None:
            return self._demo(request, page, now) or self._stranger(request, page, now)
        return Visit(
            account=seen.account,
            person=seen.person,
            rights=seen.rights,
            units=seen.units,
            language=self._language(request, seen.language),
            theme=self._theme(request),
            now=now,
            address=self.address(request),
            session=seen.session,
            csrf=self._sealing.proof(CSRF, token),
            page=page,
            here=here(request),
        )

    def _demo(self, request: Request, page: str, now: datetime) -> Visit | None:
        """The demo's token opens every page to read; it presses nothing."""
        token = self.manners.demo_token
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if token is None or request.method not in ("GET", "HEAD") or scheme.lower() != "bearer":
            return None
        if not hmac.compare_digest(given.strip().encode(), token.encode()):
            return None
        return Visit(
            account=DEMO,
            person=DEMO,
            rights=frozenset(Right),
            units=None,
            language=self._language(request),
            theme=self._theme(request),
            now=now,
            address=self.address(request),
            session=0,
            csrf="",
            page=page,
            here=here(request),
        )

    def _stranger(self, request: Request, page: str, now: datetime) -> Visit:
        before = self.before(request)
        if not before:
            before = request.scope[FRESH] = self._sealing.fresh()
        return replace(self.unknown(request, page=page), now=now, csrf=self._sealing.proof("stranger", before))

    def unknown(self, request: Request, *, page: str = "") -> Visit:
        """Somebody, without asking the ledger who: for a page that tells of trouble."""
        return Visit(
            account="",
            person="",
            rights=frozenset(),
            units=(),
            language=self._language(request),
            theme=self._theme(request),
            now=self._clock.now(),
            address=self.address(request),
            session=0,
            csrf="",
            page=page,
            here=here(request),
        )

    # -- cookies ----------------------------------------------------------------------------------------------------

    def token(self, request: Request) -> str:
        """The session's token, as it came; empty where none came."""
        return request.cookies.get(self.manners.cookie("lienthong"), "")[:LONGEST_TOKEN]

    def before(self, request: Request) -> str:
        """What binds a form to its browser before anybody has signed in."""
        return request.cookies.get(self.manners.cookie("lienthong_before"), "")[:LONGEST_TOKEN]

    def _language(self, request: Request, usual: Language | None = None) -> Language:
        chosen = request.cookies.get("lienthong_language")
        if chosen in LANGUAGES:
            return chosen
        if usual is not None:
            return usual
        return "en" if choose(request.headers.get("accept-language")) == "en" else "vi"

    def _theme(self, request: Request) -> Theme:
        chosen = request.cookies.get("lienthong_theme")
        return chosen if chosen in THEMES else "auto"

    def who(self, request: Request) -> str:
        """Whose session this browser had last, as far as we said so; empty where we did not."""
        try:
            return str(
                self._sealing.opened(WHO, request.cookies.get(self.manners.cookie(WHO), ""), self._clock.now(), LIFE)
            )
        except Unsealable:
            return ""

    # -- where it came from -----------------------------------------------------------------------------------------

    def address(self, request: Request) -> str:
        """The caller's address; a proxy's word for it counts only where the settings know the proxy."""
        return peer_of(request, self.manners.proxies)

    def is_known_host(self, request: Request) -> bool:
        """Whether a browser came here by a name that we go by. A stranger's name that leads to this machine's loopback
        would else make the stranger's page one of ours."""
        if self.manners.public_url:
            return True
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        return name in LOOPBACK or is_address(name)

    def is_from_elsewhere(self, request: Request) -> bool:
        """Whether the browser says that another site's page sent this."""
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None and site not in ("same-origin", "none"):
            return True
        return origin is not None and origin != self._own_origin(request)

    def _own_origin(self, request: Request) -> str:
        if self.manners.public_url:
            parts = urlsplit(self.manners.public_url)
            return f"{parts.scheme}://{parts.netloc}"
        return f"http://{request.headers.get('host', '')}"

    def is_from_here(self, request: Request) -> bool:
        """Whether the browser itself says that one of our pages sent this."""
        return request.headers.get("sec-fetch-site") == "same-origin" or request.headers.get(
            "origin"
        ) == self._own_origin(request)

    def is_proven(self, request: Request, token: str, *, is_stranger: bool) -> bool:
        """Whether a form carries the token of the session; or, where nobody has signed in, of the browser.

        Not of the browser where somebody has: over plain HTTP a neighbour's name may have set that cookie.
        """
        session, before = self.token(request), self.before(request) if is_stranger else ""
        return (bool(session) and self._sealing.is_proof(CSRF, session, token)) or (
            bool(before) and self._sealing.is_proof("stranger", before, token)
        )


def path_of(request: Request) -> str:
    """Path and query as they were asked for."""
    raw = bytes(request.scope.get("raw_path") or request.scope["path"].encode()).decode("latin-1").partition("?")[0]
    query = request.scope["query_string"].decode("latin-1")
    return f"{raw}?{query}" if query else raw


def here(request: Request) -> str:
    """Where the visitor is; nothing for a form, which nobody can come back to."""
    return path_of(request) if request.method in ("GET", "HEAD") else ""
