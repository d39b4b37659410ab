"""MySign as the bus sees it: its certificates, one order to sign, and what became of it.

The walk between them is the frame's (`adapters/partners/signers/adapter.py`). What each message allows after an unclear
outcome stands in `codes.CONTRACTS`: an order whose answer was lost is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from adapters.channels.http import Channel
from adapters.channels.retry_after import retry_after
from adapters.partners.mysign import replies, wire
from adapters.partners.mysign.calls import request
from adapters.partners.mysign.codes import Said
from adapters.partners.mysign.session import LoginFailed, Sessions, not_begun
from adapters.partners.mysign.settings import MysignSettings
from adapters.partners.signers.adapter import Credential, Judge, SigningDesk, SigningService, no_judge
from adapters.partners.signers.alarms import tell
from adapters.partners.signers.choosing import Offered, choose
from adapters.partners.signers.told import attempt_of
from bus.messages import Attempt, Exchange, InDoubt, Outcome, Refused, Unreachable
from bus.ports import Clock, CrashPoint, no_crash
from bus.signatures import SignatureStanding, SignatureTold, SignatureVerdict

BLIND: Final = InDoubt(reason="blind: its transaction id was in the answer that was lost", then="hold", is_down=False)
"""NOTES.md#r26"""


def mysign(
    settings: MysignSettings,
    channel: Channel,
    *,
    desk: SigningDesk,
    clock: Clock,
    name: str = "mysign",
    judge: Judge = no_judge,
    crash_point: CrashPoint = no_crash,
) -> SigningService:
    """One client of MySign, used by many threads."""
    return SigningService(
        MysignService(settings, channel, clock=clock, name=name),
        desk=desk,
        name=name,
        clock=clock,
        timeout=settings.http.timeout,
        judge=judge,
        crash_point=crash_point,
    )


class MysignService:
    """MySign's own words."""

    def __init__(self, settings: MysignSettings, channel: Channel, *, clock: Clock, name: str = "mysign") -> None:
        self._settings = settings
        self._channel = channel
        self._clock = clock
        self._name = name
        self._sessions = Sessions(settings, channel, name=name)

    def credential(self, standing: SignatureStanding) -> Credential | Attempt:
        """The signer's certificates, and which of them is used."""
        user = wire.user_id(standing.role, standing.user)
        try:
            exchange = self._read(user, wire.CERTIFICATES, wire.certificates(self._settings, user))
        except LoginFailed as failed:
            return Attempt(outcome=failed.outcome, exchanges=(failed.exchange,))
        if exchange.trouble is not None:
            reason = f"certificates: {exchange.trouble.reason}"
            return Attempt(outcome=Unreachable(reason=reason), exchanges=(exchange,))
        answer = replies.read(exchange, replies.LIST)
        if answer.said is not Said.YES:
            tell(answer.alarm, partner=self._name, code=answer.reason)
            return Attempt(outcome=not_begun(answer, exchange, "certificates"), exchanges=(exchange,))
        chosen = choose(replies.listed(answer), standing, now=self._clock.now())
        if isinstance(chosen, Refused):
            return Attempt(outcome=chosen, exchanges=(exchange,))
        return credential_of(chosen, exchange)

    def submit(self, standing: SignatureStanding, credential: Credential) -> Attempt:
        """Asks the signer, once."""
        user = wire.user_id(standing.role, standing.user)
        message = wire.sign(self._settings, standing, credential.id)
        try:
            token = self._sessions.current(user)
        except LoginFailed as failed:
            return Attempt(outcome=failed.outcome, exchanges=(failed.exchange,))
        exchange = self._channel.send(request(self._settings, wire.SIGN, message, bearer=token))
        if exchange.trouble is not None:
            return Attempt(outcome=_lost(exchange.trouble), exchanges=(exchange,))
        answer = replies.read(exchange, replies.HANDLE)
        if answer.said is Said.YES and (handle := replies.handle_of(answer)):
            waiting = SignatureTold(
                partner=self._name,
                verdict=SignatureVerdict.WAITING,
                via="answer",
                request=standing.request,
                handle=handle,
                evidence=exchange.reply_body or b"",
            )
            return attempt_of(waiting, exchanges=(exchange,), now=self._clock.now(), handle=handle)
        if answer.said is Said.TOKEN:
            self._sessions.forget(user, token)
        tell(answer.alarm, partner=self._name, code=answer.reason)
        return Attempt(outcome=_not_taken(answer, exchange), exchanges=(exchange,))

    def status(self, standing: SignatureStanding) -> Attempt:
        """What became of it. Reads only."""
        if standing.handle is None:
            return Attempt(outcome=BLIND)
        user = wire.user_id(standing.role, standing.user)
        try:
            exchange = self._read(user, wire.STATUS, wire.status(standing.handle))
        except LoginFailed as failed:
            return Attempt(outcome=InDoubt(reason=failed.outcome.reason), exchanges=(failed.exchange,))
        if exchange.trouble is not None:
            return Attempt(outcome=InDoubt(reason=exchange.trouble.reason), exchanges=(exchange,))
        answer = replies.read(exchange, replies.STATUS)
        if answer.said is not Said.YES:
            is_down = answer.said is Said.DOWN
            return Attempt(outcome=InDoubt(reason=answer.reason, is_down=is_down), exchanges=(exchange,))
        told = replies.told_of(
            answer.value,
            partner=self._name,
            via="query",
            handle=standing.handle,
            evidence=exchange.reply_body or b"",
        )
        told = replace(told, request=standing.request)
        tell(replies.alarm_of(answer.value), partner=self._name, code=told.reason)
        return attempt_of(told, exchanges=(exchange,), now=self._clock.now())

    def _read(self, user: str, message: str, fields: Mapping[str, Any]) -> Exchange:
        """A call that only reads: once more with a new token where the first is refused. Raises LoginFailed."""
        token = self._sessions.current(user)
        exchange = self._channel.send(request(self._settings, message, fields, bearer=token))
        if exchange.status != 401:
            return exchange
        self._sessions.forget(user, token)
        return self._channel.send(request(self._settings, message, fields, bearer=self._sessions.current(user)))


def credential_of(chosen: Offered, exchange: Exchange) -> Credential:
    """As the frame takes it."""
    return Credential(
        id=chosen.id,
        certificate=chosen.certificate,
        chain=chosen.chain,
        most_signatures=chosen.most,
        exchanges=(exchange,),
    )


def _lost(trouble: Outcome) -> Outcome:
    """Nobody was there, or nobody knows (NOTES.md#r26)."""
    return replace(trouble, then="hold") if isinstance(trouble, InDoubt) else trouble


def _not_taken(answer: replies.Answer, exchange: Exchange) -> Outcome:
    """What an answer to an order comes to that is no yes."""
    match answer.said:
        case Said.NO:
            return Refused(code=answer.code, reason=answer.reason)
        case Said.UNCLEAR | Said.YES:
            return InDoubt(reason=answer.reason or "unreadable", then="hold", is_down=False)
        case Said.TOKEN | Said.LATER | Said.DOWN:
            is_down = answer.said is Said.DOWN
            return Unreachable(reason=answer.reason, retry_after=retry_after(exchange), is_down=is_down)
