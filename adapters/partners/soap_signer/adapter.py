"""A SOAP signing service as the frame of signing services sees it: `credential`, `submit`, `status`.

Our own id is its key of idempotency, so that a lost answer is asked about by it, and only what the service does not
have goes again, as the same (NOTES.md#r22, #r25).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any, Final

import structlog

from adapters.channels.http import Channel
from adapters.partners.signers.adapter import Credential
from adapters.partners.signers.choosing import choose
from adapters.partners.signers.credentials import algorithm_of
from adapters.partners.signers.told import attempt_of
from adapters.partners.soap_signer.codes import CERTIFICATES, SIGN, STATUS, VERIFY, Said
from adapters.partners.soap_signer.replies import Answer, offered_of, signatures_of, state_of
from adapters.partners.soap_signer.settings import SoapSignerSettings, check_settings
from adapters.partners.soap_signer.soap import SoapSide
from bus.messages import Attempt, Exchange, InDoubt, Refused, Unreachable
from bus.ports import Clock
from bus.signatures import DocumentValue, SignatureStanding, SignatureTold, SignatureVerdict, SignDocument
from contracts.soap_signer.wsdl import SHA256

log = structlog.get_logger("soap_signer")

LONGEST: Final = 500
VALID: Final = "VALID"
OTHER_REQUEST: Final = Answer(said=Said.UNCLEAR, reason="the answer names another request", is_alarm=True)


class SoapSigner:
    """One service, used by many threads."""

    def __init__(
        self, settings: SoapSignerSettings, channel: Channel, *, clock: Clock, name: str = "soap_signer"
    ) -> None:
        check_settings(settings)
        self._settings = settings
        self._side = SoapSide(settings)
        self._channel = channel
        self._clock = clock
        self._name = name

    # -- the frame's three --------------------------------------------------------------------------------------------

    def credential(self, standing: SignatureStanding) -> Credential | Attempt:
        """r10."""
        answer, exchange = self._call(CERTIFICATES, {"UserId": standing.user})
        if answer.said is not Said.YES:
            return self._not_sent(answer, exchange)
        listed = offered_of(answer.values.get("only") or ())
        found = choose(listed, standing, now=self._clock.now())
        if isinstance(found, Refused):
            return Attempt(outcome=found, exchanges=(exchange,))
        return Credential(
            id=found.id,
            certificate=found.certificate,
            chain=found.chain,
            algorithm="ecdsa" if _algorithm(found.certificate) == "ecdsa" else "rsa",
            exchanges=(exchange,),
        )

    def submit(self, standing: SignatureStanding, credential: Credential) -> Attempt:
        """The same however often it is made (r22). Its answer may say already how it stands."""
        answer, exchange = self._call(SIGN, _sign_values(standing, credential))
        if answer.said is not Said.YES:
            return self._not_taken(standing, answer, exchange)
        row = state_of(answer.values, standing.request)
        if row is None:
            return self._unclear(OTHER_REQUEST, exchange)
        # Values come with GetStatus alone: a SIGNED is asked for like all else.
        told = SignatureTold(
            partner=self._name, verdict=SignatureVerdict.WAITING, via="answer", request=standing.request
        )
        until = answer.values.get("ExpiresAt")
        until = until if until is None or until.tzinfo else until.replace(tzinfo=UTC)
        return attempt_of(told, exchanges=(exchange,), now=self._clock.now(), until=until)

    def status(self, standing: SignatureStanding) -> Attempt:
        """r30."""
        answer, exchange = self._call(STATUS, {"RequestId": standing.request})
        if answer.said is Said.NOT_THERE:
            told = self._told(standing, SignatureVerdict.NOT_THERE, exchange, reason=answer.reason)
            return attempt_of(told, exchanges=(exchange,), now=self._clock.now())
        row = state_of(answer.values, standing.request) if answer.said is Said.YES else None
        if row is None:
            return self._unclear(answer if answer.said is not Said.YES else OTHER_REQUEST, exchange)
        if row.verdict is SignatureVerdict.UNCLEAR:
            status = str(answer.values.get("Status") or "-")[:50]
            return self._unclear(Answer(said=Said.UNCLEAR, reason=f"an unknown status: {status}"), exchange)
        values = signatures_of(answer.values) if row.verdict is SignatureVerdict.SIGNED else ()
        reason = ": ".join(str(answer.values[name]) for name in ("Code", "Message") if answer.values.get(name))
        told = self._told(standing, row.verdict, exchange, values=values, code=row.code, reason=reason)
        seconds = self._second_opinions(standing, values)
        return attempt_of(told, exchanges=(exchange, *seconds), now=self._clock.now())

    # -- a second opinion ---------------------------------------------------------------------------------------------

    def _second_opinions(self, standing: SignatureStanding, values: tuple[DocumentValue, ...]) -> tuple[Exchange, ...]:
        """Asked where the settings want it. It ends nothing, and proves nothing (r40)."""
        if not self._settings.asks_verify or standing.certificate is None:
            return ()
        named = {each.id: each for each in standing.documents}
        found = [
            self.verify(named[one.document_id], one.value, standing.certificate)
            for one in values
            if one.document_id in named
        ]
        for result, _ in found:
            if result != VALID:
                log.warning("second_opinion_differs", partner=self._name, signature=standing.signature, code=result)
        return tuple(exchange for _, exchange in found)

    def verify(self, document: SignDocument, value: bytes, certificate: bytes) -> tuple[str, Exchange]:
        """What the service says of one signature."""
        told = {
            "DigestAlgorithm": SHA256,
            "Digest": document.digest,
            "Value": value,
            "Certificate": certificate,
        }
        answer, exchange = self._call(VERIFY, told)
        return str(answer.values.get("Result") or answer.said.value), exchange

    # -- calls and what they come to ----------------------------------------------------------------------------------

    def _call(self, operation: str, values: dict[str, Any]) -> tuple[Answer, Exchange]:
        call = self._side.call(operation, values, self._clock.now())
        identity = self._settings.identity
        sent = self._channel.send(call.request)
        exchange = replace(sent, key_id=identity.key_id, algorithm=identity.algorithms[0])
        if isinstance(exchange.trouble, Unreachable):
            return Answer(said=Said.DOWN, reason=exchange.trouble.reason), exchange
        if exchange.trouble is not None:
            return Answer(said=Said.UNCLEAR, reason=exchange.trouble.reason), exchange
        answer = self._side.open(exchange, call, self._clock.now())
        if answer.is_alarm:
            log.warning("signing_service_refused", partner=self._name, operation=operation, code=answer.reason)
        return answer, exchange

    def _not_sent(self, answer: Answer, exchange: Exchange) -> Attempt:
        """Of a read before anything was asked for."""
        if answer.said is Said.NO:
            return Attempt(outcome=Refused(code=answer.code, reason=answer.reason), exchanges=(exchange,))
        return Attempt(outcome=_later(answer), exchanges=(exchange,))

    def _not_taken(self, standing: SignatureStanding, answer: Answer, exchange: Exchange) -> Attempt:
        """Of a Sign: a clear no asked nobody; all else is asked about by our id."""
        if answer.said is Said.NO:
            told = SignatureTold(
                partner=self._name,
                verdict=SignatureVerdict.FAILED,
                via="answer",
                request=standing.request,
                code=answer.code,
                reason=answer.reason,
                evidence=exchange.reply_body or b"",
            )
            return attempt_of(told, exchanges=(exchange,), now=self._clock.now())
        if answer.said in (Said.LATER, Said.DOWN):
            return Attempt(outcome=_later(answer), exchanges=(exchange,))
        return self._unclear(answer, exchange)

    def _unclear(self, answer: Answer, exchange: Exchange) -> Attempt:
        return Attempt(outcome=InDoubt(reason=answer.reason, is_down=answer.said is Said.DOWN), exchanges=(exchange,))

    def _told(
        self,
        standing: SignatureStanding,
        verdict: SignatureVerdict,
        exchange: Exchange,
        *,
        values: tuple[DocumentValue, ...] = (),
        code: str = "",
        reason: str = "",
    ) -> SignatureTold:
        return SignatureTold(
            partner=self._name,
            verdict=verdict,
            via="query",
            request=standing.request,
            values=values,
            code=code,
            reason=reason,
            evidence=exchange.reply_body or b"",
        )


def _sign_values(standing: SignatureStanding, credential: Credential) -> dict[str, Any]:
    return {
        "RequestId": standing.request,
        "UserId": standing.user,
        "Serial": credential.id,
        "Description": (standing.description or standing.name)[:LONGEST],
        "ExpiresAt": standing.expires_at.astimezone(UTC).replace(microsecond=0),
        "Document": [
            {
                "DocumentId": each.id,
                "Name": each.name[:LONGEST] or each.id,
                "DigestAlgorithm": SHA256,
                "Digest": each.digest,
            }
            for each in standing.documents
        ],
    }


def _algorithm(der: bytes) -> str:
    try:
        return algorithm_of(der)
    except ValueError:
        return ""


def _later(answer: Answer) -> Unreachable:
    return Unreachable(reason=answer.reason, retry_after=answer.retry_after, is_down=answer.said is not Said.LATER)
