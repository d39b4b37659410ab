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
from dataclasses import dataclass, field
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
"""How long a signature whose source names no time is worth sending; on a desk and behind another, `LONGEST_WINDOW`."""
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
    one_times: int = 0
    """How many of them attempts of this try were given, this one's too."""

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
    code: str = ""
    """Why this document is left out: the service gave no value of it."""


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
    finish_lease: timedelta = timedelta(minutes=5)
    """How long one finisher has a signature for itself: a B-LTA of ten documents asks many services of the CAs."""
    has_webhook: Callable[[str], bool] = no_webhook
    """Whether this service calls back: it is asked less often then."""
    request: Callable[[str, str, int], str] = request_of


NO_SIGNATURES: Final = SignaturePolicy()


# -- signed results in a record -------------------------------------------------------------------------------------


def with_results(data: Mapping[str, Any], results: Sequence[ResultDocument]) -> dict[str, Any]:
    """A record's data with the results that were signed through us, each once, under its document's id.

    What its source lists under the same id gives way in its own place: it is the draft, or the same paper elsewhere. Of
    one that was signed twice (the leader, then the seal) the last counts.
    """
    if not results:
        return dict(data)
    signed = {one.id: _result(one) for one in results}
    listed: list[dict[str, Any]] = []
    shown: set[str] = set()
    for one in data.get("results") or ():
        name = one.get("id")
        if name in shown:
            continue
        if name in signed:
            shown.add(name)
        listed.append({**one, **signed.get(name, {})})
    return {**data, "results": [*listed, *(one for name, one in signed.items() if name not in shown)]}


def _result(one: ResultDocument) -> dict[str, Any]:
    made = {"id": one.id, "code": one.code, "component": one.component, "name": one.name, "url": one.url}
    return {name: value for name, value in made.items() if value is not None}
