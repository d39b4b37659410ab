"""Pure. The nouns of signatures, and what follows from what a signing service told.

    signature  one transaction with a service: 1 to 10 documents of one signer, one prompt in his phone
    try        one asking of a service, under one request id
    value      what a service says that a document's signature is: bytes that prove themselves, or do not
    hearing    one thing that was told, whatever way it came

A value that verifies (against the digest that was sent and the certificate that the document names) is proof, whoever
brought it. All else that a call from outside says is a reason to ask now, and never ends anything. What was asked for
may end a signature without one: declined, expired, failed.

Imports nothing of ours: the bus's nouns (`messages.py`) carry some of these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

WINDOW: Final = timedelta(minutes=5)
"""How long a person may approve when neither source nor service names a time: what services do by themselves."""
LONGEST_WINDOW: Final = timedelta(days=30)
"""Of what a source names."""
LAST_QUESTION: Final = timedelta(seconds=30)
"""After the deadline: somebody who approved in the last second is asked about once more."""
EXPIRY_PATIENCE: Final = timedelta(hours=1)
"""How long past its deadline a signature waits for the last answer of a service that gives none."""
UNSENT: Final = timedelta(hours=24)
"""How long a signature whose source names no time is worth sending; on a desk and behind another one, `LONGEST_WINDOW`."""
FINISHING_PATIENCE: Final = timedelta(hours=24)
"""How long time stamps and revocation are tried for by themselves; then a person looks."""
MOST_DOCUMENTS: Final = 10
DESK: Final = "desk"
"""The service that is none: an official's own token, with its agent beside the browser."""

Via: TypeAlias = Literal["answer", "callback", "query", "upload", "person"]
"""How it came: with a call's answer, by the service's own call, asked for, from an official's desk, by a person."""
Role: TypeAlias = Literal["official", "agency", "citizen"]
Level: TypeAlias = Literal["B-B", "B-T", "B-LT", "B-LTA"]
Form: TypeAlias = Literal["pdf", "xml"]
By: TypeAlias = Literal["signer", "service", "us", "person"]
"""Who did not let it be made."""


class SignatureState(StrEnum):
    """Where a signature stands."""

    BLOCKED = "blocked"
    """The one whose documents it signs further is not made yet."""
    CREATED = "created"
    PREPARED = "prepared"
    """Its documents are frozen with their placeholders; nothing was sent, as far as we know."""
    UNKNOWN = "unknown"
    """Whether the service took it is not known."""
    WAITING_USER = "waiting_user"
    SIGNED_RAW = "signed_raw"
    """The values are here and verify; the documents are not put together yet."""
    TIME_STAMP_PENDING = "time_stamp_pending"
    INDETERMINATE = "indeterminate"
    """Put together; whether it is good cannot be said yet, for want of what others publish."""
    AT_DESK = "at_desk"
    MADE = "made"
    DECLINED = "declined"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether it may still be made without anybody asking for it again."""
        return self in OPEN_SIGNATURES

    @property
    def is_asked(self) -> bool:
        """Whether a person may still sign it: it is, or will be, at a service or on a desk."""
        return self in ASKED_SIGNATURES

    @property
    def is_finishing(self) -> bool:
        """Whether its values are here, and the rest is ours."""
        return self in FINISHING_SIGNATURES


ASKED_SIGNATURES: Final = frozenset(
    {
        SignatureState.CREATED,
        SignatureState.PREPARED,
        SignatureState.UNKNOWN,
        SignatureState.WAITING_USER,
        SignatureState.AT_DESK,
    }
)
FINISHING_SIGNATURES: Final = frozenset(
    {SignatureState.SIGNED_RAW, SignatureState.TIME_STAMP_PENDING, SignatureState.INDETERMINATE}
)
OPEN_SIGNATURES: Final = frozenset({SignatureState.BLOCKED}) | ASKED_SIGNATURES | FINISHING_SIGNATURES
ENDED_WITHOUT: Final = frozenset(
    {SignatureState.DECLINED, SignatureState.EXPIRED, SignatureState.FAILED, SignatureState.CANCELLED}
)


class SignatureVerdict(StrEnum):
    """What a service says of a signature."""

    SIGNED = "signed"
    WAITING = "waiting"
    DECLINED = "declined"
    EXPIRED = "expired"
    FAILED = "failed"
    NOT_THERE = "not_there"
    UNCLEAR = "unclear"


class SignatureEffect(StrEnum):
    """What a hearing came to here."""

    RECORDED = "recorded"
    REPEATED = "repeated"
    LATE = "late"
    """A value after the signature had ended: taken after its time, and else only an alarm."""
    UNKNOWN = "unknown"
    """Of no signature that is known here."""
    WRONG_VALUE = "wrong_value"
    """A value that is not of this digest and certificate: an alarm."""
    HINT = "hint"
    """Nobody proved it: the service is asked now."""
    NOTHING = "nothing"


# -- what is told and what came of it -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentValue:
    """What a service says that one document's signature is."""

    n: int | None = None
    """The document's place in the request, from 1, where the answer is in that order."""
    document_id: str | None = None
    """The source's own name of it, where the service gives it back."""
    value: bytes = b""
    """Raw, or in a CMS: whoever judges it finds out."""
    certificate: bytes | None = None
    """DER, where the service tells whose it is."""
    document: int | None = None
    """Of an upload: the signed document itself, in the ledger's documents, verified by the door that took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureTold:
    """What is said of one signature. `request` or `handle` names it; where neither does, its documents or proof do."""

    partner: str
    verdict: SignatureVerdict
    via: Via
    request: str | None = None
    handle: str | None = None
    values: tuple[DocumentValue, ...] = ()
    code: str = ""
    reason: str = ""
    evidence: bytes = b""
    """As received: kept sealed."""
    address: str = ""
    """Of the caller."""
    is_authentic: bool = True
    """False: nothing shows who said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the values of one hearing are worth, by the digests that were sent."""

    values: Mapping[int, bytes] = field(default_factory=dict)
    """Of documents, by their place: verified, raw."""
    wrong: Mapping[int, str] = field(default_factory=dict)
    """Why the value of a place is none: `wrong_signature`, `other_certificate`. Place 0: of no document of ours."""
    uploads: Mapping[int, int] = field(default_factory=dict)
    """Signed documents that were handed in, by their place."""

    @property
    def proved(self) -> frozenset[int]:
        """Documents that are signed by this."""
        return frozenset(self.values) | frozenset(self.uploads)


NOT_JUDGED: Final = Judged()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureHeard:
    """What a hearing came to, for whoever answers the service."""

    effect: SignatureEffect
    signature: int | None
    state: SignatureState | None


# -- what an adapter and a finisher need to know --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SignDocument:
    """One document of a signature, for a service's adapter."""

    n: int
    id: str
    """The source's own name of it."""
    name: str
    form: Form
    digest: bytes | None = None
    """What the service is asked to sign: 32 bytes, once prepared."""
    value: bytes | None = None
    sha256: str | None = None
    """Of the content that was given, lower-case hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureStanding:
    """What a service's adapter needs to know beside the event. Rides on `Delivery.signature`."""

    signature: int
    name: str
    n: int
    """Tries: this is the n-th."""
    request: str
    """Our id at the service: durable before anything is sent, and for ever of this try."""
    made_at: datetime
    role: Role
    user: str
    """The service's id of the signer."""
    signer_name: str
    level: Level
    expires_at: datetime
    state: SignatureState
    credential: str | None = None
    handle: str | None = None
    """The service's own id, once known."""
    certificate: bytes | None = None
    """DER: the one that the placeholders name."""
    chain: tuple[bytes, ...] = ()
    description: str | None = None
    documents: tuple[SignDocument, ...] = ()
    one_time: str | None = None
    """A code that a person typed for this one attempt. Nobody can read it a second time."""
    sad: str | None = None
    """What a service calls its activation data, given the same way."""

    def __repr__(self) -> str:
        """Without the one-time secrets: a standing may end up in a log."""
        return (
            f"SignatureStanding(signature={self.signature}, n={self.n}, request={self.request!r}, state={self.state})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDocument:
    """A document that was frozen for its signature; all of it is written in one transaction."""

    n: int
    given: int
    """Its content as given: a row of the ledger's documents."""
    prepared: int
    """With its placeholder: likewise."""
    plan: bytes
    """What `signing/` needs to go on with, as it wrote it."""
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishDocument:
    """One document of a signature whose values are here."""

    n: int
    id: str
    name: str
    form: Form
    asked: Mapping[str, Any]
    """The document's part of the event: `visible`, `result`, `code`, as its source told it."""
    prepared: int | None
    plan: bytes | None
    digest: bytes | None
    value: bytes | None
    signed: int | None = None
    """What is put together already, or was handed in by an official's desk."""
    verdict: str = ""
    reached: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishJob:
    """A signature to put together, stamp and verify; leased to one finisher."""

    signature: int
    name: str
    n: int
    dossier: int
    number: str
    """The dossier's."""
    source: str
    service: str
    role: Role
    user: str
    signer_name: str
    level: Level
    state: SignatureState
    certificate: bytes | None
    chain: tuple[bytes, ...]
    signed_at: datetime
    """When the values were known to be here."""
    tries: int
    """Attempts made before this one."""
    fence: int
    """A finisher that lost its lease cannot finish."""
    leased_until: datetime
    is_last: bool
    """Whether this is the last that is made by itself: its time is over."""
    documents: tuple[FinishDocument, ...] = ()


Finish: TypeAlias = Literal["made", "time_stamp_pending", "indeterminate", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedDocument:
    """What finishing one document came to."""

    n: int
    signed: int | None = None
    """A row of the ledger's documents."""
    verdict: str = ""
    """`passed`, `indeterminate`, `failed`."""
    report: bytes = b""
    """The verification as written; kept sealed."""
    reached: str = ""
    """The level that it has."""
    code: str = ""
    """Why this document alone has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishOutcome:
    """What finishing came to."""

    to: Finish
    documents: tuple[FinishedDocument, ...] = ()
    code: str = ""
    reason: str = ""
    again_at: datetime | None = None
    """When to try again, where it is not over; the schedule's time when None."""
    signer_subject: str = ""
    serial: str = ""
    signed_at: datetime | None = None
    """By the time stamp, or else by the signature's own word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """What is known of a signature, for doors and pages."""

    signature: int
    name: str
    source: str
    dossier: str
    n: int
    service: str | None
    request: str
    handle: str | None
    state: SignatureState
    role: Role
    level: Level
    expires_at: datetime
    certificate: bytes | None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDocument:
    """A signed result, as a dossier's records show it."""

    id: str
    name: str
    url: str
    code: str | None = None
    component: str | None = None


# -- how an installation signs --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceChoice:
    """Which service asks for a signature, and how far its documents are to be brought."""

    service: str
    level: Level = "B-LT"


ServiceFor: TypeAlias = Callable[[str | None, str | None, Role, datetime, str | None], ServiceChoice | None]
"""Of a unit, a procedure, the signer's role, a time and the source's wish."""
Judge: TypeAlias = Callable[[bytes, bytes, bytes], bytes | str]
"""Of a digest, a certificate (DER) and a value: the raw value that verifies, or a code that says why it does not."""


def no_service(
    unit: str | None, procedure: str | None, role: Role, at: datetime, wish: str | None
) -> ServiceChoice | None:
    """Of an installation that signs nothing."""
    return None


def nobody(source: str) -> str | None:
    """Where nobody is told what became of signatures."""
    return None


def no_proof(digest: bytes, certificate: bytes, value: bytes) -> bytes | str:
    """Where nothing can be judged nothing is taken."""
    return "wrong_signature"


def no_url(document: int, until: datetime) -> str:
    """Of an installation whose documents nobody can fetch."""
    return f"urn:lienthong:document:{document}"


def no_webhook(partner: str) -> bool:
    """Where no service calls back."""
    return False


def request_of(source: str, name: str, n: int) -> str:
    """Our id of a try: 32 letters and digits, of the signature's own name.

    A ledger that was restored and takes the same event in again asks under the same id: no service signs it twice.
    """
    told = hashlib.sha256(f"{source}\0{name}".encode()).hexdigest()
    return f"KY{told[:27]}{n:03d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicy:
    """How an installation signs. Made of the settings and tables."""

    service_for: ServiceFor = no_service
    judge: Judge = no_proof
    """Called outside of any transaction: it costs processor time."""
    taker: Callable[[str], str | None] = nobody
    """Which partner is told of a source's signatures."""
    portal: str | None = None
    """The partner that is shown signed results."""
    window: timedelta = WINDOW
    patience: timedelta = FINISHING_PATIENCE
    document_url: Callable[[int, datetime], str] = no_url
    """Where a document may be fetched until a time."""
    url_life: timedelta = timedelta(days=7)
    """Of what the source is told."""
    portal_url_life: timedelta = timedelta(days=3650)
    has_webhook: Callable[[str], bool] = no_webhook
    """Whether this service calls back: it is asked less often then."""
    request: Callable[[str, str, int], str] = request_of


NO_SIGNATURES: Final = SignaturePolicy()


# -- the rule -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A signature as it stands when something is told."""

    state: SignatureState
    missing: frozenset[int]
    """Documents without a value, by their places."""
    is_current: bool = True
    """Whether it is told of the newest try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What follows from one hearing."""

    effect: SignatureEffect
    state: SignatureState
    code: str = ""
    """Why it ended, where it did by this."""
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
        return _waiting(known)
    if told.verdict not in _ENDS:
        return _stays(known, SignatureEffect.NOTHING)
    code = told.code or _CODES[told.verdict]
    return Step(effect=SignatureEffect.RECORDED, state=_ENDS[told.verdict], code=code)


def _stays(known: Known, effect: SignatureEffect) -> Step:
    return Step(effect=effect, state=known.state)


def _alarm(known: Known, effect: SignatureEffect) -> Step:
    return replace(_stays(known, effect), is_alarm=True)


def _waiting(known: Known) -> Step:
    if known.state is SignatureState.WAITING_USER:
        return _stays(known, SignatureEffect.REPEATED)
    return Step(effect=SignatureEffect.RECORDED, state=SignatureState.WAITING_USER)


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
            verified = judge(document.digest, certificate, one.value)
            if isinstance(verified, bytes):
                return document.n, verified
            said = said or verified
    return said or "wrong_signature"


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


# -- signed results in a record -------------------------------------------------------------------------------------


def with_results(data: Mapping[str, Any], results: Sequence[ResultDocument]) -> dict[str, Any]:
    """A record's data with the results that were signed through us; its source's own word of the same result stands.

    A result is known by its document's id; one that its source names with another address was signed further elsewhere.
    """
    if not results:
        return dict(data)
    known = [dict(one) for one in data.get("results") or ()]
    told = {one.get("id") for one in known}
    return {**data, "results": known + [_result(one) for one in results if one.id not in told]}


def _result(one: ResultDocument) -> dict[str, Any]:
    made = {"id": one.id, "code": one.code, "component": one.component, "name": one.name, "url": one.url}
    return {name: value for name, value in made.items() if value is not None}
