"""The gateway as the bus sees it: a citizen's certificates, one order to sign, and what became of it.

The walk between them is the frame's (`adapters/partners/signers/adapter.py`). What each message allows after an unclear
outcome stands in `codes.CONTRACTS`: an order whose answer was lost is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from adapters.channels.http import Channel
from adapters.channels.retry_after import retry_after
from adapters.partners.signers.adapter import Credential, Judge, SigningDesk, SigningService, no_judge
from adapters.partners.signers.alarms import tell
from adapters.partners.signers.choosing import choose
from adapters.partners.signers.told import attempt_of
from adapters.partners.vneid_gateway import replies, wire
from adapters.partners.vneid_gateway.codes import NOT_FOUND, Said
from adapters.partners.vneid_gateway.replies import Answer
from adapters.partners.vneid_gateway.session import LoginFailed, Session, Talk, not_begun
from adapters.partners.vneid_gateway.settings import VneidSettings
from bus.messages import Attempt, Exchange, InDoubt, Outcome, Refused, Unreachable
from bus.ports import Clock, CrashPoint, Randomness, no_crash
from bus.signatures import SignatureStanding, SignatureTold, SignatureVerdict

BLIND: Final = InDoubt(reason="blind: its handle was in the answer that was lost", then="hold", is_down=False)
"""NOTES.md#r31"""


def vneid_gateway(
    settings: VneidSettings,
    channel: Channel,
    *,
    desk: SigningDesk,
    clock: Clock,
    randomness: Randomness,
    name: str = "vneid_gateway",
    judge: Judge = no_judge,
    crash_point: CrashPoint = no_crash,
) -> SigningService:
    """One partner of the gateway, used by many threads."""
    return SigningService(
        VneidService(settings, channel, clock=clock, randomness=randomness, name=name),
        desk=desk,
        name=name,
        clock=clock,
        timeout=settings.http.timeout,
        judge=judge,
        crash_point=crash_point,
    )


class VneidService:
    """The gateway's own words."""

    def __init__(
        self,
        settings: VneidSettings,
        channel: Channel,
        *,
        clock: Clock,
        randomness: Randomness,
        name: str = "vneid_gateway",
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._name = name
        self._talk = Talk(settings, channel, clock=clock, randomness=randomness)
        self._session = Session(settings, self._talk, name=name)

    def credential(self, standing: SignatureStanding) -> Credential | Attempt:
        """The citizen's certificates, and which of them is used."""
        try:
            exchange, answer = self._read(wire.LIST, wire.certificates(standing.user))
        except LoginFailed as failed:
            return Attempt(outcome=failed.trouble, exchanges=failed.exchanges)
        if answer is None:
            return Attempt(outcome=_unread(exchange), exchanges=(exchange,))
        if answer.said is not Said.YES:
            return Attempt(outcome=not_begun(answer, exchange, "certificates"), exchanges=(exchange,))
        chosen = choose(replies.listed(answer), standing, now=self._clock.now())
        if isinstance(chosen, Refused):
            return Attempt(outcome=chosen, exchanges=(exchange,))
        return Credential(
            id=chosen.id,
            certificate=chosen.certificate,
            chain=chosen.chain,
            most_signatures=chosen.most,
            exchanges=(exchange,),
        )

    def submit(self, standing: SignatureStanding, credential: Credential) -> Attempt:
        """Asks the citizen, once."""
        message = wire.sign(self._settings, standing, credential.id)
        try:
            token = self._session.current()
        except LoginFailed as failed:
            return Attempt(outcome=failed.trouble, exchanges=failed.exchanges)
        exchange, answer = self._talk.call(wire.SIGN, message, bearer=token)
        if answer is None:
            return Attempt(outcome=_lost(exchange), exchanges=(exchange,))
        self._heed(answer, token)
        handle = replies.handle_of(answer)
        if answer.said is Said.YES and handle:
            return self._waiting(standing, exchange, answer, handle)
        return Attempt(outcome=_not_taken(answer, exchange), exchanges=(exchange,))

    def status(self, standing: SignatureStanding) -> Attempt:
        """What became of it. Reads only."""
        if standing.handle is None:
            return Attempt(outcome=BLIND)
        try:
            exchange, answer = self._read(wire.POLL, wire.poll(standing.handle))
        except LoginFailed as failed:
            return Attempt(outcome=InDoubt(reason=failed.trouble.reason), exchanges=failed.exchanges)
        if answer is None:
            reason = exchange.trouble.reason if exchange.trouble is not None else ""
            return Attempt(outcome=InDoubt(reason=reason), exchanges=(exchange,))
        if answer.said is not Said.YES:
            is_down = answer.said is Said.DOWN
            return Attempt(outcome=InDoubt(reason=answer.reason, is_down=is_down), exchanges=(exchange,))
        told = replies.told_as(
            answer.data,
            status_in="statusCode",
            partner=self._name,
            via="query",
            handle=standing.handle,
            evidence=exchange.reply_body or b"",
        )
        return attempt_of(replace(told, request=standing.request), exchanges=(exchange,), now=self._clock.now())

    def _read(self, message: str, fields: Mapping[str, Any]) -> tuple[Exchange, Answer | None]:
        """A call that only reads: once more with a new token where the first is refused. Raises LoginFailed."""
        token = self._session.current()
        exchange, answer = self._talk.call(message, fields, bearer=token)
        if answer is not None and answer.said is Said.TOKEN:
            self._session.forget(token)
            token = self._session.current()
            exchange, answer = self._talk.call(message, fields, bearer=token)
        if answer is not None:
            self._heed(answer, token)
        return exchange, answer

    def _heed(self, answer: Answer, token: str) -> None:
        """What an answer says beside what was asked."""
        tell(answer.alarm, partner=self._name, code=answer.reason)
        if answer.said is Said.TOKEN:
            self._session.forget(token)

    def _waiting(self, standing: SignatureStanding, exchange: Exchange, answer: Answer, handle: str) -> Attempt:
        told = SignatureTold(
            partner=self._name,
            verdict=SignatureVerdict.WAITING,
            via="answer",
            request=standing.request,
            handle=handle,
            evidence=exchange.reply_body or b"",
        )
        now, lives = self._clock.now(), replies.lives_of(answer)
        until = None if lives is None else now + timedelta(seconds=lives)
        return attempt_of(told, exchanges=(exchange,), now=now, handle=handle, until=until)


def _unread(exchange: Exchange) -> Outcome:
    reason = exchange.trouble.reason if exchange.trouble is not None else ""
    return Unreachable(reason=f"certificates: {reason}")


def _lost(exchange: Exchange) -> Outcome:
    """Nobody was there, or nobody knows (NOTES.md#r31)."""
    trouble = exchange.trouble
    if isinstance(trouble, Unreachable):
        return trouble
    return replace(BLIND, reason=trouble.reason) if trouble is not None else BLIND


def _not_taken(answer: Answer, exchange: Exchange) -> Outcome:
    """What an answer to an order comes to that is no yes."""
    match answer.said:
        case Said.NO:
            code = "service_refused" if answer.status == NOT_FOUND else answer.code
            return Refused(code=code, reason=answer.reason)
        case Said.UNCLEAR | Said.YES:
            return InDoubt(reason=answer.reason, then="hold", is_down=False)
        case Said.TOKEN | Said.LATER | Said.DOWN:
            is_down = answer.said is Said.DOWN
            return Unreachable(reason=answer.reason, retry_after=retry_after(exchange), is_down=is_down)
