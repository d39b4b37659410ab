"""Who knocks: the callers of the settings, and what a good signature of theirs proves."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final

import structlog
from starlette.requests import Request

from adapters.doors.pace import Pace
from adapters.doors.refusals import TurnedAway, unverified
from bus.ports import Clock
from bus.prepared import Nonce, Order
from signing.errors import NotVerified, SignatureMissing, SignatureStale, VerifierFailed
from signing.http import Key, verify_request

log = structlog.get_logger("doors")

DEMO: Final = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One system that may hand events in; its name is the `keyid` of its signatures."""

    name: str
    secret: bytes = field(default=b"", repr=False)
    """Shared with it; empty where it signs with a key pair."""
    keys: tuple[Key, ...] = field(default=(), repr=False)
    """Its public keys, and further secrets while it changes from one to the next: any of them is good."""
    sources: frozenset[str]
    order: Order = "arrival"
    rate: float = 0.0
    """Requests a second; 0: no limit."""

    def all_keys(self) -> Key | tuple[Key, ...]:
        """What its signatures are checked with. The usual one key stands alone: that is the short way."""
        every = (self.secret, *self.keys) if self.secret else self.keys
        return every[0] if len(every) == 1 else every


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who sent this request, and what it may see and say."""

    name: str
    sources: frozenset[str]
    nonce: Nonce | None
    """Of the signature; None for the demo's token, which has none."""
    is_demo: bool = False

    def may_use(self, source: object) -> bool:
        """Whether this is a source of the visitor's."""
        return self.is_demo or source in self.sources


class Gate:
    """Knows the callers. Verifying is pure; remembering the nonce is the route's, in the ledger."""

    def __init__(
        self,
        callers: Mapping[str, Caller],
        *,
        clock: Clock,
        demo_token: str | None = None,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._callers = callers
        self._keys = {name: caller.all_keys() for name, caller in callers.items()}
        self._clock = clock
        self._paces = {name: Pace(caller.rate, tick) for name, caller in callers.items()}
        self._demo_token = None if demo_token is None else demo_token.encode()
        self.every_source = frozenset(source for caller in callers.values() for source in caller.sources)

    def check(self, request: Request, body: bytes) -> Visitor:
        """Who signed exactly this request. Raises TurnedAway (401, 429)."""
        visitor = self._by_token(request) or self._by_signature(request, body)
        # For the refusals that come after: their notes name the caller.
        request.scope["caller"] = visitor.name
        return visitor

    def _by_token(self, request: Request) -> Visitor | None:
        if self._demo_token is None:
            return None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._demo_token):
            return None
        return Visitor(name=DEMO, sources=self.every_source, nonce=None, is_demo=True)

    def _by_signature(self, request: Request, body: bytes) -> Visitor:
        scope = request.scope
        try:
            verified = verify_request(
                scope["method"],
                raw_path(scope),
                scope["query_string"].decode("latin-1"),
                scope["headers"],
                body,
                keys=self._keys,
                now=self._clock.now(),
            )
        except NotVerified as refusal:
            raise self._turned_away(refusal) from refusal
        # Only what the caller itself signed counts: nobody else can use up its pace.
        if wait := self._paces[verified.key_id].wait():
            raise TurnedAway("rate_limited", caller=verified.key_id, headers={"retry-after": str(ceil(wait))})
        nonce = Nonce(key_id=verified.key_id, nonce=verified.nonce, expires_at=verified.expires)
        return Visitor(name=verified.key_id, sources=self._callers[verified.key_id].sources, nonce=nonce)

    def _turned_away(self, refusal: NotVerified) -> TurnedAway:
        if isinstance(refusal, VerifierFailed):
            log.critical("uncaught_exception", where="verifier", exc_info=refusal)
        # A name that nobody was given is the stranger's own text: it is kept in the base only.
        caller = refusal.key_id if refusal.key_id in self._callers else None
        return unverified(refusal, _code_of(refusal), caller=caller)


def _code_of(refusal: NotVerified) -> str:
    match refusal:
        case SignatureMissing():
            return "unsigned"
        case SignatureStale():
            return "stale_signature"
        case _:
            return "bad_signature"


def raw_path(scope: Mapping[str, Any]) -> str:
    """The path as it stood in the request line, before any decoding: that is what was signed."""
    return bytes(scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
