"""The nouns of the bus: what came in, where it goes, and what came of it.

Imports nothing of ours but the nouns of payments and signatures. All nouns are frozen; a fact that can change under
your feet is not a fact.

    Event      something happened to a dossier, as its source tells it
    Delivery   one event on its way to one partner
    Exchange   the exact bytes of one call, both ways
    Attempt    one try at a delivery: its outcome and its exchanges
    Outcome    what an attempt came to: one of five, told apart by "did the partner take it?"
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

import msgspec

from bus.payments import PaidFee, PaymentStanding
from bus.signatures import ResultDocument, SignatureStanding

KIND_PREFIX: Final = "vn.lienthong."
FILED: Final = "dossier.filed"
"""A dossier filed on the national portal, on its way to the one-stop system that is to process it."""
AMENDED: Final = "dossier.amended"
"""What its applicant did there afterwards."""
SETTLED: Final = "delivery.settled"
"""What became of an event, on its way to the source that sent it."""
PAYMENT_REQUESTED: Final = "payment.requested"
REFUND_REQUESTED: Final = "payment.refund_requested"
PAID_AT_COUNTER: Final = "payment.paid_at_counter"
"""What a one-stop system tells of its payments."""
PAYMENT_OPENED: Final = "payment.opened"
PAYMENT_SETTLED: Final = "payment.settled"
PAYMENT_FAILED: Final = "payment.failed"
PAYMENT_EXPIRED: Final = "payment.expired"
PAYMENT_REFUNDED: Final = "payment.refunded"
"""What the ledger tells the one-stop system of them."""
PAYMENT_KINDS: Final = frozenset({PAYMENT_REQUESTED, REFUND_REQUESTED, PAID_AT_COUNTER})
PAYMENT_NEWS: Final = frozenset({PAYMENT_OPENED, PAYMENT_SETTLED, PAYMENT_FAILED, PAYMENT_EXPIRED, PAYMENT_REFUNDED})
SIGNATURE_REQUESTED: Final = "signature.requested"
"""What a one-stop system asks persons to sign."""
SIGNATURE_MADE: Final = "signature.made"
SIGNATURE_DECLINED: Final = "signature.declined"
SIGNATURE_EXPIRED: Final = "signature.expired"
"""What the ledger tells it of that."""
SIGNATURE_KINDS: Final = frozenset({SIGNATURE_REQUESTED})
SIGNATURE_NEWS: Final = frozenset({SIGNATURE_MADE, SIGNATURE_DECLINED, SIGNATURE_EXPIRED})

_canonical: Final = msgspec.json.Encoder(order="sorted")


def canonical_bytes(value: object) -> bytes:
    """The RFC 8785 form of a JSON value whose member names are ASCII and whose numbers are integers.

    For such values msgspec's sorted encoding is byte for byte RFC 8785 (a test compares it with the `rfc8785` package);
    our schema allows no others.
    """
    return _canonical.encode(value)


def digest_of(body: bytes) -> bytes:
    """SHA-256 of canonical bytes: 32 bytes."""
    return hashlib.sha256(body).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened to a dossier, as its source tells it. Its *key* is `source` and `id`."""

    source: str
    id: str
    kind: str
    """`type` without `vn.lienthong.` and the version: `dossier.recorded`, `dossier.progressed`."""
    dossier: str
    occurred_at: datetime
    sequence: int | None
    body: bytes
    """RFC 8785 bytes of the whole CloudEvent, texts in NFC: what the digest covers, and what is kept."""
    digest: bytes
    data: Mapping[str, Any]
    """The `data` member, decoded. See `contracts/intake/event.schema.json` for its shape."""
    traceparent: str | None = None


class State(StrEnum):
    """Where a delivery stands. The legal moves stand beside the column in the first migration."""

    WAITING = "waiting"
    SENDING = "sending"
    AWAITING = "awaiting"
    IN_DOUBT = "in_doubt"
    HELD = "held"
    REFUSED = "refused"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    NOT_OURS = "not_ours"

    @property
    def is_open(self) -> bool:
        """Whether something is still to come, from us, the partner or a person."""
        return self in OPEN_STATES


OPEN_STATES: Final = frozenset(
    {State.WAITING, State.SENDING, State.AWAITING, State.IN_DOUBT, State.HELD, State.REFUSED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The partner took it. "Already had it" counts."""

    receipt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaiting:
    """The partner took it, and its answer comes later."""

    reference: str
    ask_at: datetime
    lane_goes_on: bool = False
    """Whether the lane's next may go meanwhile; this one is then asked about beside the lanes (`asking.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The partner said no, and asking again will not help."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """Not taken: nothing left this house, or the partner said "later", or `ask` learned that it is not there."""

    reason: str
    retry_after: timedelta | None = None
    """When the partner named a time (`Retry-After`), or zero for "at once"."""
    is_down: bool = True
    """Whether this speaks against the partner's health (the circuit counts it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubt:
    """We cannot know whether the partner took it."""

    reason: str
    then: Literal["ask", "hold", "go_on"] = "ask"
    """What the contract table allows next: ask the partner; hold for a person; let the lane go on without it."""
    is_down: bool = True


Outcome: TypeAlias = Delivered | Awaiting | Refused | Unreachable | InDoubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The exact bytes of one call, both ways, or the trouble that came instead of an answer."""

    operation: str
    """The partner's name of what was called, e.g. `DongBoHoSoMC`."""
    method: str
    url: str
    request_head: bytes
    """Header lines as sent, `name: value` and CRLF; without secrets of the transport (no `Authorization` value)."""
    request_body: bytes
    sent_at: datetime
    took: timedelta
    status: int | None = None
    reply_head: bytes = b""
    reply_body: bytes | None = None
    trouble: Unreachable | InDoubt | None = None
    """Set by the channel when no whole answer came: `Unreachable` when nothing can have arrived, else `InDoubt`."""
    key_id: str | None = None
    algorithm: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a delivery: its outcome, its exchanges in order, and the durable facts learned on the way."""

    outcome: Outcome
    exchanges: tuple[Exchange, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Known names: `exists` (bool: the dossier is in the partner's books), `mapping` (str: the tables' version),
    `number` (str: the one-stop system's own number of a filed dossier that it took). Of payments: `pay_url`, `qr`,
    `opened_until` (datetime), `told` (Told), `receipts` (a list of documents), `refund` (mapping: state, reference). Of
    signatures: `handle` (str), `until` (datetime), `told` (SignatureTold)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What we durably know of a dossier at one partner when a delivery is claimed."""

    exists: bool | None
    """True once the partner has acknowledged or shown it; False after a look-up said no; None when nobody asked."""
    procedure: str | None
    """Of the dossier's latest record, as its source names it."""
    unit: str | None
    national_number: str | None
    """By what the ledger learned: the number it was filed under here. Where it learned nothing, by its records."""
    received_at: datetime | None
    shown_status: str | None
    """The last status (or local step) that the partner acknowledged."""
    origin: Literal["portal", "one_stop"] | None = None
    """Where it was born: `portal` when its record says so, or when a dossier filed there is known to be this one."""
    own_number: str | None = None
    """The one-stop system's own number of what was filed on the portal under `national_number`, once it has said it.
    Another than the event's dossier: that one claims, or speaks under, a number that is not its own."""
    is_filed: bool = False
    """Whether what the portal filed under `national_number` was taken in here."""
    payments: tuple[PaidFee, ...] = ()
    """Fees that were paid through us: a record is sent with them (`payments.with_payments`)."""
    results: tuple[ResultDocument, ...] = ()
    """Results that were signed through us: a record is sent with them (`signatures.with_results`)."""
    source: str | None = None
    """The source that speaks for the dossier: what the ledger itself tells of it is told in that one's codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one partner, as claimed by one worker."""

    id: int
    partner: str
    lane: int
    event: Event
    state: State
    tries: int
    """Attempts made before this one."""
    crashes: int
    """How often a worker went away over it: once, whoever was to blame, then only when it had gone alone."""
    fence: int
    """The lease's number: a worker that lost its lease cannot settle."""
    is_unanswered: bool
    """An earlier attempt was left without a readable answer: ask before anything is sent."""
    standing: Standing
    batch_kind: str
    """Deliveries of one partner with the same value may travel in one call."""
    is_probe: bool = False
    is_shadow: bool = False
    is_step: bool = False
    """Under *every step*: sent twice it would stand at the partner twice."""
    is_suspect: bool = False
    """A worker went away over it: its process carries nothing beside it (`suspects.py`)."""
    leased_until: datetime | None = None
    """By the claiming worker's clock; past it nothing of this is sent, because somebody else may be sending it."""
    payment: PaymentStanding | None = None
    """Of a delivery of a `payment.*` event: its attempt, its reference, its refund."""
    signature: SignatureStanding | None = None
    """Of a delivery of a `signature.requested` event: its try, its request id, its documents."""


PUT_BACK: Final = "put_back"
"""The cause of a decision about what was claimed and not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a settled attempt leads to: the next state, when it is due, and because of what."""

    state: State
    due_at: datetime | None
    cause: str
    """A stable machine code; its words stand in the message catalogue."""
    reason: str = ""
    blocks: bool = True
    """Whether an open delivery keeps its lane waiting behind it."""
    is_tried: bool = True
    """Whether anything was tried: what could not even be shaped counts as no attempt, and leaves none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The event is new and on disk."""

    event: int
    accepted_at: datetime
    digest: bytes
    receipt_key: str | None = None
    """Of the key that signs its receipt, now and whenever it is repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """The same id with the same content was here before: the first answer holds."""

    event: int
    accepted_at: datetime
    digest: bytes
    receipt_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradicted:
    """The same id with another content: refused, nothing changed."""

    digest: bytes
    """Of the content that was accepted first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignDossier:
    """Another source spoke of this dossier first, and this one may not speak for it: refused, nothing changed."""

    owner: str
    """The source that spoke first; for the operator, not for the caller."""
    by: Literal["subject", "national_number"] = "subject"
    """What of the event names the dossier: the national number, where it claims to be what was filed under that."""


Acceptance: TypeAlias = Recorded | Repeated | Contradicted | ForeignDossier
