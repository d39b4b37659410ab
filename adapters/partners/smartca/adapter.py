"""SmartCA as the bus sees it: its certificates, one order to sign, and what became of it.

The walk between them is the frame's (`adapters/partners/signers/adapter.py`). What each message allows after an unclear
outcome stands in `codes.CONTRACTS`: an order is asked about by our own id, and sent again only where it is not there.
"""

from __future__ import annotations

from typing import Final

from adapters.channels.http import Channel
from adapters.channels.retry_after import retry_after
from adapters.partners.signers.adapter import Credential, Judge, SigningDesk, SigningService, no_judge
from adapters.partners.signers.alarms import tell
from adapters.partners.signers.choosing import choose
from adapters.partners.signers.told import attempt_of
from adapters.partners.smartca import replies, wire
from adapters.partners.smartca.codes import Said
from adapters.partners.smartca.settings import SmartCaSettings
from bus.messages import Attempt, Exchange, InDoubt, Outcome, Refused, Unreachable
from bus.ports import Clock, CrashPoint, no_crash
from bus.signatures import SignatureStanding, SignatureTold, SignatureVerdict

NAME: Final = "smartca"


def smartca(
    settings: SmartCaSettings,
    channel: Channel,
    *,
    desk: SigningDesk,
    clock: Clock,
    name: str = NAME,
    judge: Judge = no_judge,
    crash_point: CrashPoint = no_crash,
) -> SigningService:
    """One service provider at SmartCA, used by many threads."""
    return SigningService(
        SmartCaService(settings, channel, clock=clock, name=name),
        desk=desk,
        name=name,
        clock=clock,
        timeout=settings.http.timeout,
        judge=judge,
        crash_point=crash_point,
    )


class SmartCaService:
    """SmartCA's own words."""

    def __init__(self, settings: SmartCaSettings, channel: Channel, *, clock: Clock, name: str = NAME) -> None:
        self._settings = settings
        self._channel = channel
        self._clock = clock
        self._name = name

    def credential(self, standing: SignatureStanding) -> Credential | Attempt:
        """The signer's certificates, and which of them is used."""
        message = wire.certificates(self._settings, standing)
        exchange = self._channel.send(wire.request(self._settings, wire.CERTIFICATES, message))
        if exchange.trouble is not None:
            return Attempt(
                outcome=Unreachable(reason=f"certificates: {exchange.trouble.reason}"), exchanges=(exchange,)
            )
        answer = replies.read(exchange, self._settings)
        if answer.said is not Said.YES:
            tell(answer.alarm, partner=self._name, code=answer.reason)
            return Attempt(outcome=_not_begun(answer, exchange), exchanges=(exchange,))
        chosen = choose(replies.listed(answer), standing, now=self._clock.now())
        if isinstance(chosen, Refused):
            return Attempt(outcome=chosen, exchanges=(exchange,))
        return Credential(
            id=chosen.id, certificate=chosen.certificate, chain=chosen.chain, exchanges=(exchange,), most_signatures=10
        )

    def submit(self, standing: SignatureStanding, credential: Credential) -> Attempt:
        """Asks the signer, once. Whoever gets no clear answer asks by our own id."""
        now = self._clock.now()
        message = wire.sign(self._settings, standing, credential.id, now)
        exchange = self._channel.send(wire.request(self._settings, wire.SIGN, message))
        if exchange.trouble is not None:
            return Attempt(outcome=exchange.trouble, exchanges=(exchange,))
        answer = replies.read(exchange, self._settings)
        if answer.said is Said.YES and replies.is_about(answer, standing.request) and replies.handle_of(answer):
            handle = replies.handle_of(answer)
            told = self._told(SignatureVerdict.WAITING, standing, exchange, via="answer", handle=handle)
            until = now + self._settings.life
            return attempt_of(told, exchanges=(exchange,), now=self._clock.now(), handle=handle, until=until)
        tell(answer.alarm, partner=self._name, code=answer.reason)
        return Attempt(outcome=_not_taken(answer, exchange), exchanges=(exchange,))

    def status(self, standing: SignatureStanding) -> Attempt:
        """What became of it. Reads only."""
        exchange = self._channel.send(wire.question(self._settings, standing))
        if exchange.trouble is not None:
            return Attempt(outcome=InDoubt(reason=exchange.trouble.reason), exchanges=(exchange,))
        answer = replies.read(exchange, self._settings)
        if answer.said is Said.NOT_THERE:
            told = self._told(SignatureVerdict.NOT_THERE, standing, exchange, via="query", reason=answer.reason)
            return attempt_of(told, exchanges=(exchange,), now=self._clock.now())
        is_final = answer.said is Said.NO and answer.code == "quota_exhausted"
        if not is_final and (answer.said is not Said.YES or not replies.is_about(answer, standing.request)):
            tell(answer.alarm, partner=self._name, code=answer.reason)
            reason = answer.reason if answer.said is not Said.YES else "about another transaction"
            return Attempt(outcome=InDoubt(reason=reason, is_down=answer.said is Said.DOWN), exchanges=(exchange,))
        state = replies.state_of(answer.message, answer.data, self._settings, member="signatures")
        tell(state.alarm, partner=self._name, code=state.reason)
        told = self._told(
            state.verdict, standing, exchange, via="query", values=state.values, code=state.code, reason=state.reason
        )
        return attempt_of(told, exchanges=(exchange,), now=self._clock.now())

    def _told(
        self, verdict: SignatureVerdict, standing: SignatureStanding, exchange: Exchange, **more: object
    ) -> SignatureTold:
        facts = {"handle": standing.handle, "evidence": exchange.reply_body or b"", **more}
        return SignatureTold(partner=self._name, verdict=verdict, request=standing.request, **facts)  # type: ignore[arg-type]


def _not_begun(answer: replies.Answer, exchange: Exchange) -> Outcome:
    """What a list of certificates that is none comes to: nobody was asked to sign, so at the worst it goes again."""
    if answer.said in (Said.NO, Said.NOT_THERE):
        return Refused(code=answer.code, reason=answer.reason)
    is_down = answer.said in (Said.DOWN, Said.UNCLEAR)
    reason = f"certificates: {answer.reason}"
    return Unreachable(reason=reason, retry_after=retry_after(exchange), is_down=is_down)


def _not_taken(answer: replies.Answer, exchange: Exchange) -> Outcome:
    """What an answer to an order comes to that is no yes."""
    match answer.said:
        case Said.NO | Said.NOT_THERE:
            return Refused(code=answer.code, reason=answer.reason)
        case Said.YES | Said.UNCLEAR:
            return InDoubt(reason=answer.reason or "unreadable")
        case Said.LATER | Said.DOWN:
            is_down = answer.said is Said.DOWN
            return Unreachable(reason=answer.reason, retry_after=retry_after(exchange), is_down=is_down)
