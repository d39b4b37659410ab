"""A CSC service as the frame of signing services sees it: `credential`, `submit`, `status`.

    explicit     a person types the one-time password in the console; then authorize and signHash in one attempt
    implicit     authorize waits for the signer's phone
    oauth2code   the signer opens an address; a person types the code that it ends with
    mode A (v2)  signHash gives a handle, and signPolling says the rest

Nothing names a request of ours there, so a signHash whose answer was lost is never sent again (NOTES.md#r44).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import structlog

from adapters.channels.http import Channel
from adapters.partners.csc import oauth, wire
from adapters.partners.csc.choosing import chosen
from adapters.partners.csc.codes import AUTHORIZE, CREDENTIAL, EXTEND, LIST, POLL, SEND_OTP, SIGN_HASH, Said
from adapters.partners.csc.replies import Answer, Auth, Held, sad_in, signatures_of
from adapters.partners.csc.settings import CscSettings
from adapters.partners.csc.talk import Line, Talk
from adapters.partners.signers.adapter import Credential
from adapters.partners.signers.credentials import algorithm_of
from adapters.partners.signers.told import attempt_of
from bus.messages import Attempt, Exchange, InDoubt, Refused, Unreachable
from bus.ports import Clock, CrashPoint, no_crash
from bus.signatures import DocumentValue, SignatureStanding, SignatureState, SignatureTold, SignatureVerdict

log = structlog.get_logger("csc")

OTP_WANTED: Final = "otp_wanted"
OTP_WRONG: Final = "otp_wrong"
OTP_LOCKED: Final = "otp_locked"
NEEDED: Final = (LIST, CREDENTIAL, SIGN_HASH)
"""Methods without which nothing can be signed here (NOTES.md#r2)."""
UNKNOWN_NO: Final = "service_refused"
"""The code of a no that speaks of no signer and no certificate."""
HOLD: Final = InDoubt(reason="cannot_be_asked: nothing at the service names this request", then="hold", is_down=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CscCredential(Credential):
    """With what an authorisation needs to know."""

    held: Held = field(default_factory=lambda: Held(id=""))


class Csc:
    """One service, used by many threads."""

    def __init__(
        self,
        settings: CscSettings,
        channel: Channel,
        slow: Channel,
        *,
        clock: Clock,
        name: str = "csc",
        crash_point: CrashPoint = no_crash,
    ) -> None:
        """`slow`: the channel whose calls may take `settings.signing_timeout`."""
        self._settings = settings
        self._line = Line(settings, channel, slow, name=name)
        self._clock = clock
        self._name = name
        self._point = crash_point

    # -- the frame's three --------------------------------------------------------------------------------------------

    def credential(self, standing: SignatureStanding) -> Credential | Attempt:
        """r20 to r27."""
        talk = Talk(line=self._line)
        if isinstance(info := self._line.info(talk), Answer):
            return _not_sent(info, talk)
        if missing := [each for each in NEEDED if not info.has(each)]:
            return Attempt(outcome=Refused(code="service_refused", reason=f"it has no {', '.join(missing)}"))
        found = chosen(talk, standing, now=self._clock.now())
        if isinstance(found, Answer):
            return _not_sent(found, talk)
        if isinstance(found, Refused):
            return Attempt(outcome=found, exchanges=tuple(talk.exchanges))
        if (misfit := self._misfit(found.auth)) is not None:
            return Attempt(outcome=misfit, exchanges=tuple(talk.exchanges))
        return CscCredential(
            id=found.id,
            certificate=found.certificate,
            chain=found.chain,
            algorithm="ecdsa" if _algorithm(found) == "ecdsa" else "rsa",
            most_signatures=found.auth.most,
            exchanges=tuple(talk.exchanges),
            held=found,
        )

    def submit(self, standing: SignatureStanding, credential: Credential) -> Attempt:
        """Ask the signer: for a one-time password, by an address to open, or by his phone."""
        assert isinstance(credential, CscCredential)
        return self._begin(standing, credential.held, Talk(line=self._line))

    def status(self, standing: SignatureStanding) -> Attempt:
        """What became of it; with a one-time password in hand, what it was waiting for."""
        talk = Talk(line=self._line)
        if standing.handle is not None:
            return self._poll(standing, talk)
        if standing.state is SignatureState.WAITING_USER and standing.one_time:
            # From nowhere else: the ledger says *unknown* of it by now, and so of this attempt's death too.
            return self._with_one_time(standing, standing.one_time, talk)
        if standing.state is SignatureState.WAITING_USER:
            return self._wants(standing, talk, reason="the one-time password was not given yet")
        if standing.state is SignatureState.PREPARED:
            return self._prepared(standing, talk)
        return Attempt(outcome=HOLD)

    def _prepared(self, standing: SignatureStanding, talk: Talk) -> Attempt:
        """A worker went away while it was asking: where nothing is signed without a person's word, nothing was."""
        held = self._held(standing, talk)
        if isinstance(held, Attempt):
            return held
        return self._begin(standing, held, talk) if _needs_person(held.auth) else self._ended(HOLD, talk)

    def _misfit(self, auth: Auth) -> Refused | None:
        """A credential whose signer cannot agree in a way that we know."""
        if auth.mode == "oauth2code" and not self._settings.redirect_uri:
            return Refused(code="service_refused", reason="oauth2code: the setting redirect_uri is missing")
        if auth.mode == "explicit" and auth.needs_pin and not self._settings.pin:
            return Refused(code="service_refused", reason="it asks for a PIN, and the setting pin_file is missing")
        return None if auth.mode else Refused(code="service_refused", reason="an authMode that nobody knows")

    # -- asking the signer --------------------------------------------------------------------------------------------

    def _begin(self, standing: SignatureStanding, held: Held, talk: Talk) -> Attempt:
        if held.auth.mode == "oauth2code":
            return self._wants(standing, talk, reason=self._address(standing, held))
        if not held.auth.needs_otp:
            return self._sign(standing, held, talk, otp="")
        self._send_otp(held, talk)
        return self._wants(standing, talk, reason="the signer's one-time password")

    def _send_otp(self, held: Held, talk: Talk) -> None:
        """Whether it worked is the signer's to see: nothing was signed by it (NOTES.md#r33, #r38)."""
        if held.auth.mode == "explicit" and held.auth.sends_otp and self._line.known_info.has(SEND_OTP):
            talk.call(SEND_OTP, {"credentialID": held.id})

    def _anew(self, standing: SignatureStanding, held: Held, talk: Talk, *, reason: str, code: str) -> Attempt:
        """The one that was typed is spent, or was never right: the signer gets another, and it is asked for."""
        self._send_otp(held, talk)
        return self._wants(standing, talk, reason=reason, code=code)

    def _address(self, standing: SignatureStanding, held: Held) -> str:
        return oauth.browser_address(
            self._settings,
            self._line.oauth2_url,
            credential=held.id,
            request=standing.request,
            user=standing.user,
            digests=wire.digests_of(standing),
            description=standing.description or "",
            at=standing.made_at,
        )

    def _with_one_time(self, standing: SignatureStanding, one_time: str, talk: Talk) -> Attempt:
        held = self._held(standing, talk)
        if isinstance(held, Attempt):
            # It is spent here and not there: nothing was sent, and the next one is asked for.
            return self._wants(standing, talk, reason=_reason_of(held))
        if held.auth.mode == "oauth2code":
            return self._with_code(standing, held, one_time, talk)
        return self._sign(standing, held, talk, otp=one_time)

    def _held(self, standing: SignatureStanding, talk: Talk) -> Held | Attempt:
        """The credential that the documents were prepared for."""
        if isinstance(trouble := self._line.info(talk), Answer):
            return _unsure(trouble, talk)
        found = chosen(talk, standing, now=self._clock.now())
        if isinstance(found, Answer):
            return _unsure(found, talk)
        if isinstance(found, Refused):
            return self._failed(standing, found.code, found.reason, talk)
        return found

    def _with_code(self, standing: SignatureStanding, held: Held, code: str, talk: Talk) -> Attempt:
        """The code that the signer's browser ended with: exchanged for a SAD, or for a token of the credential."""
        form = oauth.code_form(self._settings, oauth.code_in(code), standing.request)
        found, exchange = self._line.ask_token(form)
        talk.exchanges.append(exchange)
        if isinstance(found, Answer):
            return self._not_authorised(standing, found, held, talk)
        is_sad = found.kind.lower() == "sad"
        sad, token = (found.value, "") if is_sad else ("", found.value)
        return self._sign_hash(standing, held, talk, sad=sad, token=token)

    # -- authorising and signing --------------------------------------------------------------------------------------

    def _sign(self, standing: SignatureStanding, held: Held, talk: Talk, *, otp: str) -> Attempt:
        is_implicit = held.auth.mode == "implicit"
        pin = self._settings.pin if held.auth.needs_pin and not is_implicit else ""
        body = wire.authorize_body(standing, self._settings, held.id, otp=otp, pin=pin)
        talk.hidden = tuple(each for each in (otp, pin) if each)
        answer = talk.call(AUTHORIZE, body, is_slow=is_implicit)
        self._point("csc.authorized")
        if answer.said is not Said.YES:
            return self._not_authorised(standing, answer, held, talk)
        sad = sad_in(answer.values)
        if not sad:
            return self._not_authorised(standing, Answer(said=Said.UNCLEAR, reason="no SAD in it"), held, talk)
        return self._sign_hash(standing, held, talk, sad=sad)

    def _not_authorised(self, standing: SignatureStanding, answer: Answer, held: Held, talk: Talk) -> Attempt:
        """Nothing is signed. What may go on by itself, what a person types anew, and what ends."""
        if answer.said is Said.WRONG and _needs_person(held.auth):
            return self._wrong(standing, answer, held, talk)
        if answer.said in (Said.DECLINED, Said.EXPIRED):
            return self._over(standing, answer, talk)
        if answer.said in (Said.WRONG, Said.LOCKED, Said.NO):
            return self._failed(standing, answer.code or "service_refused", answer.reason, talk)
        if _needs_person(held.auth):
            return self._anew(standing, held, talk, reason=answer.reason, code=OTP_WANTED)
        if (answer.said is Said.UNCLEAR or answer.is_theirs) and held.auth.mode == "implicit":
            return self._ended(replace(HOLD, reason=f"the signer may have been asked: {answer.reason}"), talk)
        return self._ended(_later(answer), talk)

    def _wrong(self, standing: SignatureStanding, answer: Answer, held: Held, talk: Talk) -> Attempt:
        """Asked for again, at most so often (NOTES.md#r32)."""
        if standing.one_times >= self._settings.otp_tries:
            return self._failed(standing, OTP_LOCKED, f"wrong {standing.one_times} times", talk)
        if standing.one_times:
            log.warning("one_time_wrong", partner=self._name, signature=standing.signature, tries=standing.one_times)
        return self._anew(standing, held, talk, reason=answer.reason, code=OTP_WRONG)

    def _sign_hash(self, standing: SignatureStanding, held: Held, talk: Talk, *, sad: str, token: str = "") -> Attempt:
        """All digests, in as many calls as the settings want; the first answer that is no yes ends it (r35, r40)."""
        digests, size, values = wire.digests_of(standing), self._settings.most_hashes, list[bytes]()
        is_later = self._is_later(standing)
        for start in range(0, len(digests), size):
            part = digests[start : start + size]
            if start:
                extended = talk.call(EXTEND, wire.extend_body(self._settings, held.id, sad, digests[start:]))
                sad = sad_in(extended.values)
                if extended.said is not Said.YES or not sad:
                    return self._broken_off(standing, extended, held, values, talk)
            answer = self._one(standing, held, part, talk, sad=sad, token=token, is_later=is_later)
            if answer.said is not Said.YES:
                return self._broken_off(standing, answer, held, values, talk)
            handle = answer.values.get("responseID")
            if isinstance(handle, str) and handle and is_later:
                return self._awaited(standing, handle, talk)
            found = signatures_of(answer.values)
            if found is None:
                unclear = Answer(said=Said.UNCLEAR, reason="no signatures in the answer")
                return self._broken_off(standing, unclear, held, values, talk)
            values += found
        return self._signed(standing, values, talk, via_query=False)

    def _one(
        self,
        standing: SignatureStanding,
        held: Held,
        part: tuple[bytes, ...],
        talk: Talk,
        *,
        sad: str,
        token: str,
        is_later: bool,
    ) -> Answer:
        body = wire.sign_body(
            standing,
            self._settings,
            held.id,
            sad=sad,
            algorithm=held.algorithm,
            digests=part,
            validity_ms=self._validity(standing) if is_later else 0,
        )
        self._point("csc.sign.before")
        answer = talk.call(SIGN_HASH, body, is_slow=True, token=token)
        self._point("csc.sign.after")
        return answer

    def _is_later(self, standing: SignatureStanding) -> bool:
        """Mode A, of all documents in one call: a handle is for one transaction."""
        info = self._line.known_info
        is_one = len(standing.documents) <= self._settings.most_hashes
        return self._settings.is_asynchronous and self._settings.version == "v2" and is_one and info.is_asynchronous

    def _validity(self, standing: SignatureStanding) -> int:
        left = (standing.expires_at - self._clock.now()) / timedelta(milliseconds=1)
        return max(int(left), 1_000)

    def _broken_off(
        self, standing: SignatureStanding, answer: Answer, held: Held, values: list[bytes], talk: Talk
    ) -> Attempt:
        """A signHash that was no yes. A clear no has signed nothing; all else is never sent again (r44)."""
        if values:
            # Some are signed: told as far as they go, and the missing ones are a person's.
            return self._signed(standing, values, talk, via_query=False)
        if answer.said is Said.AUTHORISE and _needs_person(held.auth):
            return self._anew(standing, held, talk, reason=answer.reason, code=OTP_WANTED)
        if answer.said is Said.UNCLEAR or answer.is_theirs:
            return self._ended(replace(HOLD, reason=f"{HOLD.reason}: {answer.reason}"), talk)
        return self._not_authorised(standing, answer, held, talk)

    # -- what was said ------------------------------------------------------------------------------------------------

    def _poll(self, standing: SignatureStanding, talk: Talk) -> Attempt:
        """r46."""
        answer = talk.call(POLL, {"responseID": standing.handle})
        if answer.said in (Said.DECLINED, Said.EXPIRED):
            return self._over(standing, answer, talk)
        if answer.said is Said.NO and answer.code != UNKNOWN_NO:
            return self._failed(standing, answer.code, answer.reason, talk)
        if answer.said is not Said.YES:
            # An error that nobody knows says nothing of what a person may have signed: asked again, to the end.
            return self._ended(InDoubt(reason=answer.reason, is_down=answer.said is Said.DOWN), talk)
        found = signatures_of(answer.values)
        if found is None:
            told = self._told(standing, SignatureVerdict.WAITING, via_query=True)
            return self._attempt(told, talk)
        return self._signed(standing, found, talk, via_query=True)

    def _signed(self, standing: SignatureStanding, values: list[bytes], talk: Talk, *, via_query: bool) -> Attempt:
        """By their places; the ledger judges each, and puts a list in another order right (NOTES.md#r42)."""
        places = sorted(each.n for each in standing.documents)
        found = tuple(DocumentValue(n=n, value=value) for n, value in zip(places, values, strict=False))
        told = self._told(standing, SignatureVerdict.SIGNED, via_query=via_query, values=found, talk=talk)
        return self._attempt(told, talk)

    def _awaited(self, standing: SignatureStanding, handle: str, talk: Talk) -> Attempt:
        told = self._told(standing, SignatureVerdict.WAITING, handle=handle)
        return self._attempt(told, talk, handle=handle)

    def _wants(self, standing: SignatureStanding, talk: Talk, *, reason: str, code: str = OTP_WANTED) -> Attempt:
        told = self._told(standing, SignatureVerdict.WAITING, code=code, reason=reason)
        return self._attempt(told, talk)

    def _over(self, standing: SignatureStanding, answer: Answer, talk: Talk) -> Attempt:
        is_no = answer.said is Said.DECLINED
        verdict = SignatureVerdict.DECLINED if is_no else SignatureVerdict.EXPIRED
        code = "declined_by_signer" if is_no else "expired"
        return self._attempt(self._told(standing, verdict, code=code, reason=answer.reason, talk=talk), talk)

    def _failed(self, standing: SignatureStanding, code: str, reason: str, talk: Talk) -> Attempt:
        told = self._told(standing, SignatureVerdict.FAILED, code=code, reason=reason, talk=talk)
        return self._attempt(told, talk)

    def _told(
        self,
        standing: SignatureStanding,
        verdict: SignatureVerdict,
        *,
        code: str = "",
        reason: str = "",
        handle: str | None = None,
        values: tuple[DocumentValue, ...] = (),
        via_query: bool = False,
        talk: Talk | None = None,
    ) -> SignatureTold:
        return SignatureTold(
            partner=self._name,
            verdict=verdict,
            via="query" if via_query else "answer",
            request=standing.request,
            handle=handle or standing.handle,
            values=values,
            code=code,
            reason=reason,
            evidence=_evidence(talk.exchanges if talk else []),
        )

    def _attempt(self, told: SignatureTold, talk: Talk, *, handle: str | None = None) -> Attempt:
        return attempt_of(told, exchanges=tuple(talk.exchanges), now=self._clock.now(), handle=handle)

    def _ended(self, outcome: InDoubt | Unreachable, talk: Talk) -> Attempt:
        return Attempt(outcome=outcome, exchanges=tuple(talk.exchanges))


def _needs_person(auth: Auth) -> bool:
    """Whether nothing is signed before a person typed something for just this."""
    return auth.mode == "oauth2code" or (auth.mode == "explicit" and auth.needs_otp)


def _algorithm(held: Held) -> str:
    try:
        return algorithm_of(held.certificate)
    except ValueError:
        return ""


def _later(answer: Answer) -> Unreachable:
    return Unreachable(reason=answer.reason, retry_after=answer.retry_after, is_down=answer.said is not Said.LATER)


def _not_sent(answer: Answer, talk: Talk) -> Attempt:
    """Of a read: nothing was sent that anybody could sign."""
    exchanges = tuple(talk.exchanges)
    if answer.said is Said.NO:
        return Attempt(outcome=Refused(code="service_refused", reason=answer.reason), exchanges=exchanges)
    return Attempt(outcome=_later(answer), exchanges=exchanges)


def _unsure(answer: Answer, talk: Talk) -> Attempt:
    """Of a read while it is asked about: whatever it says, it says nothing of the signature."""
    return Attempt(
        outcome=InDoubt(reason=answer.reason, is_down=answer.said is Said.DOWN), exchanges=tuple(talk.exchanges)
    )


def _reason_of(attempt: Attempt) -> str:
    return str(getattr(attempt.outcome, "reason", ""))


def _evidence(exchanges: list[Exchange]) -> bytes:
    return (exchanges[-1].reply_body or b"") if exchanges else b""
