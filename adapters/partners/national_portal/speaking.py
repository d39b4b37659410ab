"""One question or one write to the portal, and what came of it: session, sending, reading."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from adapters.channels.http import Channel, Request
from adapters.channels.outer_auth import OuterRefused, outer_headers
from adapters.partners.national_portal.calls import Calls
from adapters.partners.national_portal.codes import Operation, Verdict
from adapters.partners.national_portal.named import CONTRADICTORY
from adapters.partners.national_portal.replies import Answer, read
from adapters.partners.national_portal.session import LoginFailed, LoginSession, NoSession, Session
from adapters.partners.national_portal.settings import NationalPortalSettings
from bus.messages import Delivered, Exchange, InDoubt, Outcome, Refused, Unreachable
from bus.ports import Clock, CrashPoint, no_crash

Then = Literal["ask", "hold", "go_on"]
Make = Callable[[str, Mapping[str, str]], Request]
"""Session and further headers in, the call out."""
SAID_BADLY: Final = frozenset({"yes_without_words", CONTRADICTORY})
"""Rows of a portal that works and answers; they do not speak against its health."""
NO_TIME: Final = Unreachable(
    reason="no_time: the lease would end before the answer", retry_after=timedelta(0), is_down=False
)
"""One attempt may be many calls (a token, a login, a look-up, a write, all again under a fresh session, a create that
becomes an update, the halves of a refused array). None starts that could outlive the lease; the rest comes later."""
NOBODY: Final = "lienthong-check"
"""A number that no dossier has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one call came to: an answer of the portal, or the trouble on the way."""

    exchanges: tuple[Exchange, ...]
    answer: Answer | None = None
    trouble: Unreachable | InDoubt | None = None

    @property
    def verdict(self) -> Verdict | None:
        return self.answer.verdict if self.answer else None

    @property
    def is_open(self) -> bool:
        """Whether a write may have been taken without our knowing."""
        return isinstance(self.trouble, InDoubt) or self.verdict is Verdict.UNCLEAR

    def outcome(self, then: Then = "ask") -> Outcome:
        """What it means for a write; `then` is what the contract allows after an unclear outcome."""
        if self.trouble is not None:
            return InDoubt(reason=self.trouble.reason, then=then) if self.is_open else self.trouble
        assert self.answer is not None
        return outcome_of(self.answer, then)


def outcome_of(answer: Answer, then: Then) -> Outcome:
    """Verdict → outcome of a write."""
    match answer.verdict:
        case Verdict.YES:
            return Delivered()
        case Verdict.REFUSED | Verdict.MISSING | Verdict.EXISTS:
            return Refused(code=answer.code, reason=answer.text or answer.row)
        case Verdict.LATER:
            return Unreachable(reason=answer.reason, retry_after=answer.retry_after, is_down=False)
        case Verdict.DOWN:
            return Unreachable(reason=_with_hint(answer), retry_after=answer.retry_after)
        case Verdict.SESSION:
            return Unreachable(reason=f"session_refused: {answer.text}")
        case Verdict.UNCLEAR:
            return InDoubt(reason=answer.reason, then=then, is_down=answer.row not in SAID_BADLY)


class Speaker:
    """Speaks to one portal for many threads."""

    def __init__(
        self,
        settings: NationalPortalSettings,
        channel: Channel,
        *,
        token_channel: Channel | None = None,
        tick: Callable[[], float] = time.monotonic,
        crash_point: CrashPoint = no_crash,
        clock: Clock | None = None,
    ) -> None:
        """`clock` tells when there is no time left for another call; without one nobody minds."""
        self._settings = settings
        self._point = crash_point
        self._clock = clock
        self._channel = channel
        self._outer = outer_headers(settings.outer_auth, token_channel or channel, tick=tick)
        self.calls = Calls(settings, secret_headers=self._outer.secret_names)
        self._session: Session = (
            LoginSession(settings, channel, self.calls, self._outer, tick=tick) if self.calls.has_login else NoSession()
        )

    def reach(self) -> Unreachable | InDoubt | None:
        """Log in; where a façade hides the login, ask about a dossier that nobody has. The trouble, if any."""
        try:
            self._outer.headers()
            self._session.current()
        except (LoginFailed, OuterRefused) as failure:
            return failure.trouble
        if self.calls.has_login or not self.calls.has_lookup:
            return None
        heard = self.look_up(NOBODY)
        outcome = heard.outcome()
        return outcome if isinstance(outcome, Unreachable | InDoubt) else None

    def write(
        self,
        operation: Operation,
        records: Sequence[Mapping[str, Any]],
        trace: str | None = None,
        *,
        until: datetime | None = None,
    ) -> Heard:
        """Send one call with one record or more; `until`: when their lease ends."""

        def make(session: str, extra: Mapping[str, str]) -> Request:
            return self.calls.write(operation, records, session, extra)

        return self._speak(operation, make, trace, until)

    def look_up(self, number: str, trace: str | None = None, *, until: datetime | None = None) -> Heard:
        """Ask whether the portal has a dossier."""

        def make(session: str, extra: Mapping[str, str]) -> Request:
            return self.calls.lookup(number, session, extra)

        return self._speak(Operation.LOOKUP, make, trace, until)

    def read(self, service: str, endpoint: Literal["share", "integration"], parameters: Mapping[str, str]) -> Heard:
        """Ask for what a service tells; it changes nothing, so its answers are judged as a look-up's."""

        def make(session: str, extra: Mapping[str, str]) -> Request:
            return self.calls.read(service, endpoint, parameters, session, extra)

        return self._speak(Operation.LOOKUP, make, None, None)

    def _has_time(self, until: datetime | None) -> bool:
        return until is None or self._clock is None or self._clock.now() + self._settings.http.timeout <= until

    def _speak(self, operation: Operation, make: Make, trace: str | None, until: datetime | None) -> Heard:
        first = self._once(operation, make, trace, until)
        if first.verdict is not Verdict.SESSION:
            return first
        # "Session not valid" is a definite "not taken" (r25), so once more under a fresh one is no blind repeat.
        second = self._once(operation, make, trace, until)
        return Heard(exchanges=first.exchanges + second.exchanges, answer=second.answer, trouble=second.trouble)

    def _once(self, operation: Operation, make: Make, trace: str | None, until: datetime | None) -> Heard:
        if not self._has_time(until):
            return Heard(exchanges=(), trouble=NO_TIME)
        try:
            headers = self._outer.headers()
            session = self._session.current()
        except (LoginFailed, OuterRefused) as failure:
            return Heard(exchanges=(failure.exchange,) if failure.exchange else (), trouble=failure.trouble)
        if not self._has_time(until):
            return Heard(exchanges=(), trouble=NO_TIME)  # a token or a login took it
        exchange = self._channel.send(make(session, {**headers, "traceparent": trace} if trace else headers))
        if exchange.trouble is not None:
            return Heard(exchanges=(exchange,), trouble=exchange.trouble)
        answer = read(exchange, operation, self._settings)
        self._point("read.after")
        if exchange.status in (401, 403):
            # Nobody says whose "no" it is, the exchange's or the portal's: the next try has fresh papers for both.
            self._outer.forget(headers)
            self._session.forget(session)
        if answer.verdict is Verdict.SESSION:
            self._session.forget(session)
        return Heard(exchanges=(exchange,), answer=answer)


def _with_hint(answer: Answer) -> str:
    if answer.row == "http_404":
        return "http_404: the adapter did not forward the call; check dstcode, context and endpoint"
    if answer.row in ("fault_own_server", "fault_their_server"):
        return f"{answer.reason}; check the xroad_ settings, and the rights at both security servers"
    if answer.row in ("http_401", "http_403"):
        return f"{answer.row}: the exchange in front of the portal refused us; check outer_auth"
    return answer.reason
