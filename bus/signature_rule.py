"""Pure. What follows from what was told of a signature, what its values prove, and when its service is asked.

A value that verifies is proof whoever brings it. What we asked for may end a signature without one; what a service
says of its own accord only makes us ask. What was proved stays proved, whatever is said against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bus.signatures import (
    ENDED_WITHOUT,
    LAST_QUESTION,
    By,
    DocumentValue,
    Judge,
    Judged,
    SignatureEffect,
    SignatureState,
    SignatureTold,
    SignatureVerdict,
    SignDocument,
)

# -- the rule -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A signature as it stands when something is told."""

    state: SignatureState
    missing: frozenset[int]
    """Documents without a value, by their places."""
    code: str = ""
    """What the service wants of somebody while it waits."""
    is_current: bool = True
    """Whether it is told of the newest try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What follows from one hearing."""

    effect: SignatureEffect
    state: SignatureState
    code: str = ""
    """Why it ended by this, or what it waits for."""
    is_taken: bool = False
    """Whether the proved values are kept."""
    asks_now: bool = False
    is_alarm: bool = False


def hear(known: Known, told: SignatureTold, judged: Judged) -> Step:
    """What follows from what was told of a signature."""
    if told.verdict is SignatureVerdict.SIGNED:
        return _signed(known, told, judged)
    if not known.is_current or not known.state.is_asked or known.state is SignatureState.AT_DESK:
        is_same = known.is_current and known.state is _ENDS.get(told.verdict)
        return _stays(known, SignatureEffect.REPEATED if is_same else SignatureEffect.NOTHING)
    if told.via not in ASKED_VIAS:
        return replace(_stays(known, SignatureEffect.HINT), asks_now=True)
    if told.verdict is SignatureVerdict.WAITING:
        return _waiting(known, told)
    if told.verdict not in _ENDS:
        return _stays(known, SignatureEffect.NOTHING)
    code = told.code or _CODES[told.verdict]
    return Step(effect=SignatureEffect.RECORDED, state=_ENDS[told.verdict], code=code)


def _stays(known: Known, effect: SignatureEffect) -> Step:
    return Step(effect=effect, state=known.state)


def _alarm(known: Known, effect: SignatureEffect) -> Step:
    return replace(_stays(known, effect), is_alarm=True)


def _waiting(known: Known, told: SignatureTold) -> Step:
    if known.state is SignatureState.WAITING_USER and told.code == known.code:
        return replace(_stays(known, SignatureEffect.REPEATED), code=known.code)
    return Step(effect=SignatureEffect.RECORDED, state=SignatureState.WAITING_USER, code=told.code)


def _signed(known: Known, told: SignatureTold, judged: Judged) -> Step:
    if not known.is_current:
        return _alarm(known, SignatureEffect.LATE)
    if known.state.is_asked:
        return _signed_in_time(known, told, judged)
    if judged.wrong:
        return _alarm(known, SignatureEffect.WRONG_VALUE)
    if known.state is SignatureState.EXPIRED and judged.proved >= known.missing:
        return Step(effect=SignatureEffect.LATE, state=SignatureState.SIGNED_RAW, is_taken=True)
    if known.state in ENDED_WITHOUT and judged.proved:
        # Its source was told that it is not, and may have gone another way: a person decides.
        return _alarm(known, SignatureEffect.LATE)
    return _stays(known, SignatureEffect.REPEATED if judged.proved else SignatureEffect.NOTHING)


def _signed_in_time(known: Known, told: SignatureTold, judged: Judged) -> Step:
    is_asked = told.via in ASKED_VIAS
    if judged.wrong:
        alarm = _alarm(known, SignatureEffect.WRONG_VALUE)
        if not is_asked:
            return replace(alarm, asks_now=known.state is not SignatureState.AT_DESK)
        # The service itself says so: nothing that it gives for this try can be trusted any more.
        return replace(alarm, state=SignatureState.FAILED, code=sorted(judged.wrong.items())[0][1])
    if judged.proved and (is_asked or judged.proved >= known.missing):
        return Step(effect=SignatureEffect.RECORDED, state=SignatureState.SIGNED_RAW, is_taken=True)
    asks_now = not is_asked and known.state is not SignatureState.AT_DESK
    if judged.proved:
        return Step(effect=SignatureEffect.RECORDED, state=known.state, is_taken=True, asks_now=asks_now)
    return replace(_stays(known, SignatureEffect.HINT if asks_now else SignatureEffect.NOTHING), asks_now=asks_now)


ASKED_VIAS: Final = frozenset({"answer", "query"})
"""What we asked for ourselves."""
_ENDS: Final[Mapping[SignatureVerdict, SignatureState]] = {
    SignatureVerdict.DECLINED: SignatureState.DECLINED,
    SignatureVerdict.EXPIRED: SignatureState.EXPIRED,
    SignatureVerdict.FAILED: SignatureState.FAILED,
}
_CODES: Final[Mapping[SignatureVerdict, str]] = {
    SignatureVerdict.DECLINED: "declined_by_signer",
    SignatureVerdict.EXPIRED: "expired",
    SignatureVerdict.FAILED: "service_refused",
}


def judge_values(
    told: SignatureTold, documents: Sequence[SignDocument], certificate: bytes | None, judge: Judge
) -> Judged:
    """What the values that were told prove. The document that a value names is tried first, and then the others:
    what verifies is that document's, in whatever order a service gives them."""
    values: dict[int, bytes] = {}
    wrong: dict[int, str] = {}
    uploads = {one.n: one.document for one in told.values if one.document is not None and one.n is not None}
    if told.via != "upload":
        uploads = {}  # only the door of the desk has verified what it names
    for one in told.values:
        if one.document is None:
            named = _named(one, documents)
            found = _prove(one, named, [each for each in documents if each.n not in values], certificate, judge)
            if isinstance(found, str):
                wrong[0 if named is None else named.n] = found
            else:
                values[found[0]] = found[1]
    return Judged(values=values, wrong=wrong, uploads=uploads)


def _named(one: DocumentValue, documents: Sequence[SignDocument]) -> SignDocument | None:
    by_id = (each for each in documents if one.document_id is not None and each.id == one.document_id)
    return next(by_id, next((each for each in documents if each.n == one.n), None))


def _prove(
    one: DocumentValue,
    named: SignDocument | None,
    documents: Sequence[SignDocument],
    certificate: bytes | None,
    judge: Judge,
) -> tuple[int, bytes] | str:
    """The document that it is the signature of, and the raw value; or why of none."""
    if certificate is None:
        return "wrong_signature"  # nothing was prepared, so nothing can have been asked for
    if one.certificate is not None and one.certificate != certificate:
        return "other_certificate"
    said = ""
    for document in sorted(documents, key=lambda each: each is not named):
        if document.digest is not None:
            verified = _judged(judge, document.digest, certificate, one.value)
            if isinstance(verified, bytes):
                return document.n, verified
            said = said or verified
    return said or "wrong_signature"


def _judged(judge: Judge, digest: bytes, certificate: bytes, value: bytes) -> bytes | str:
    """Whatever a value does to who judges it, it proves nothing: an alarm, and no door or asker falls over it."""
    try:
        return judge(digest, certificate, value)
    except Exception:
        return "wrong_signature"


# -- when to ask ----------------------------------------------------------------------------------------------------

QUESTIONS: Final = (timedelta(seconds=5), *(timedelta(seconds=seconds) for seconds in range(10, 301, 10)))
"""Counted from the opening: a person who holds his phone answers within the first minute, if at all."""
QUESTIONS_BESIDE_CALLS: Final = tuple(timedelta(seconds=seconds) for seconds in range(30, 301, 30))
"""Of a service that calls back: in case that a call is lost."""
SLOWLY: Final = timedelta(minutes=1)
"""Beyond five minutes, of what may be approved for longer."""
AGAIN: Final = timedelta(minutes=10)
"""When its time is over and its service has never answered the last question."""


def next_question(opened_at: datetime, asked: int, now: datetime, *, has_webhook: bool) -> datetime | None:
    """When a signature is asked about next; None after the five minutes that services give by themselves.

    `asked`: how often it was. A house that stood still asks once, and not for each question it missed.
    """
    questions = QUESTIONS_BESIDE_CALLS if has_webhook else QUESTIONS
    return next((opened_at + wait for wait in questions[asked:] if opened_at + wait > now), None)


def ask_next(
    opened_at: datetime, expires_at: datetime, asked: int, now: datetime, *, has_webhook: bool
) -> datetime | None:
    """The same with the last question, after the deadline; None when that was due already."""
    last = expires_at + LAST_QUESTION
    planned = next_question(opened_at, asked, now, has_webhook=has_webhook) or now + SLOWLY
    return None if now >= last else min(planned, last)


# -- who did not let it be made -------------------------------------------------------------------------------------

_OURS: Final = frozenset({"no_service", "before_declined", "wrong_signature", "other_certificate", "revoked"})


def declined_by(code: str) -> By:
    """Of a code of `signature.declined`."""
    if code == "declined_by_signer":
        return "signer"
    if code == "cancelled":
        return "person"
    return "us" if code in _OURS or code.startswith("document_") else "service"
