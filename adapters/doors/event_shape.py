"""The event's shape as msgspec reads it: the fast twin of `contracts/intake/event.schema.json`.

Members stand in alphabetical order, so that plain encoding is the RFC 8785 form. What may be absent is UNSET, so that
encoding gives exactly the members that came. A test mutates events and proves that both twins accept the same ones;
what a type cannot say (times, addresses, one of two) is asked in `reading.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

Identifier: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Url: TypeAlias = Annotated[str, Meta(min_length=1, max_length=2000)]
Time: TypeAlias = Annotated[str, Meta(min_length=20, max_length=35)]
Amount: TypeAlias = Annotated[int, Meta(ge=1, le=1000000000000)]
Status: TypeAlias = Literal[
    "registered",
    "accepted",
    "not_accepted",
    "processing",
    "supplement_requested",
    "payment_requested",
    "withdrawn",
    "stopped",
    "completed",
    "returned",
]


class Shape(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A closed object. Untracked by the garbage collector: a message has no cycles."""


class Identity(Shape, kw_only=True):
    """One identity paper."""

    kind: Literal["cccd", "cmnd", "passport", "tax_code", "other"]
    number: Identifier


class Applicant(Shape, kw_only=True):
    """Who applies."""

    address: Annotated[str, Meta(max_length=1000)] | None
    email: Annotated[str, Meta(max_length=254)] | None
    fax: Annotated[str, Meta(max_length=32)] | UnsetType | None = UNSET
    identity: Identity | None
    kind: Literal["citizen", "enterprise", "agency", "organisation"]
    name: Annotated[str, Meta(min_length=1, max_length=500)]
    phone: Annotated[str, Meta(max_length=32)] | None
    tech_id: Identifier | UnsetType | None = UNSET
    verified_by_vneid: bool


class Document(Shape, kw_only=True):
    """One submitted document."""

    component: Identifier | None
    deleted: bool | UnsetType | None = UNSET
    digitised: bool
    from_national_store: bool | UnsetType | None = UNSET
    id: Identifier | UnsetType | None = UNSET
    name: Annotated[str, Meta(max_length=10000)]
    replaced_by_result: Identifier | UnsetType | None = UNSET
    reused: bool
    reused_from: Literal["component", "result"] | UnsetType | None = UNSET
    url: Url | None


class Enclosure(Shape, kw_only=True):
    """One other enclosure."""

    count: Annotated[int, Meta(ge=0, le=9999)]
    kind: Literal["original", "copy", "electronic"]
    name: Annotated[str, Meta(max_length=10000)]


class Fee(Shape, kw_only=True):
    """One fee or charge."""

    amount: Annotated[int, Meta(ge=0, le=1000000000000)]
    code: Identifier
    collected_at: Literal["acceptance", "supplement", "return"] | UnsetType | None = UNSET
    currency: Literal["VND"]
    kind: Literal["fee", "charge"]
    name: Annotated[str, Meta(max_length=500)]
    state: Literal["unpaid", "paid", "waived", "refunded"]


class Result(Shape, kw_only=True):
    """One result document."""

    code: Identifier | UnsetType | None = UNSET
    component: Identifier | UnsetType | None = UNSET
    id: Identifier | UnsetType | None = UNSET
    name: Annotated[str, Meta(max_length=10000)]
    url: Url | None


class Supplement(Shape, kw_only=True):
    """One round of supplements."""

    content: Annotated[str, Meta(max_length=20000)]
    documents: Annotated[list[Document], Meta(max_length=200)] | UnsetType | None = UNSET
    due_after: Time | UnsetType | None = UNSET
    due_before: Time | UnsetType | None = UNSET
    fees: Annotated[list[Fee], Meta(max_length=100)] | UnsetType | None = UNSET
    id: Annotated[int, Meta(ge=1, le=9007199254740991)]
    is_received: bool
    received_at: Time | UnsetType | None = UNSET
    received_by: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET
    received_note: Annotated[str, Meta(max_length=20000)] | UnsetType | None = UNSET
    requested_at: Time
    requested_by: Annotated[str, Meta(max_length=500)]


class Recorded(Shape, kw_only=True):
    """The data of `dossier.recorded`."""

    applicant: Applicant
    channel: Literal["counter", "online", "post"]
    databases: (
        Annotated[list[Annotated[str, Meta(min_length=1, max_length=16)]], Meta(max_length=20)] | UnsetType | None
    ) = UNSET
    due_at: Time | None
    enclosures: Annotated[list[Enclosure], Meta(max_length=200)] | UnsetType | None = UNSET
    fees: Annotated[list[Fee], Meta(max_length=100)]
    filed_at: Time | None
    finished_at: Time | None
    local_step: Identifier | UnsetType | None = UNSET
    national_number: Identifier | None
    note: Annotated[str, Meta(max_length=20000)]
    origin: Literal["one_stop", "portal"]
    other_information: Annotated[str, Meta(max_length=20000)] | UnsetType | None = UNSET
    paid_online: Literal["none", "portal", "province"] | UnsetType | None = UNSET
    procedure: Identifier
    receipt_number: Identifier | UnsetType | None = UNSET
    received_at: Time | None
    refused_at: Time | UnsetType | None = UNSET
    results: Annotated[list[Result], Meta(max_length=100)]
    return_by: Literal["counter", "post"]
    return_note: Annotated[str, Meta(max_length=2000)] | UnsetType | None = UNSET
    returned_at: Time | None
    status: Status | None
    submitted: Annotated[list[Document], Meta(max_length=200)]
    summary: Annotated[str, Meta(max_length=10000)]
    supplements: Annotated[list[Supplement], Meta(max_length=50)]
    unit: Identifier
    unit_name: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET


class Officer(Shape, kw_only=True):
    """Who did a step."""

    department: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET
    name: Annotated[str, Meta(max_length=500)]
    position: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET


class Progressed(Shape, kw_only=True):
    """The data of `dossier.progressed`."""

    content: Annotated[str, Meta(max_length=20000)]
    due_at: Time | None
    local_step: Identifier | UnsetType | None = UNSET
    national_number: Identifier | UnsetType | None = UNSET
    officer: Officer
    started_at: Time | None
    status: Status | None
    unit: Identifier


class PaymentFee(Shape, kw_only=True):
    """One fee or charge of a payment."""

    amount: Amount
    code: Identifier
    kind: Literal["fee", "charge"]
    name: Annotated[str, Meta(min_length=1, max_length=500)]


class Payer(Shape, kw_only=True):
    """Who pays."""

    address: Annotated[str, Meta(max_length=1000)] | UnsetType | None = UNSET
    email: Annotated[str, Meta(max_length=254)] | UnsetType | None = UNSET
    identity_number: Identifier | UnsetType | None = UNSET
    name: Annotated[str, Meta(min_length=1, max_length=500)]
    phone: Annotated[str, Meta(max_length=32)] | UnsetType | None = UNSET


class PaymentRequested(Shape, kw_only=True):
    """The data of `payment.requested`."""

    amount: Amount
    currency: Literal["VND"]
    description: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET
    expires_at: Time | UnsetType | None = UNSET
    fees: Annotated[list[PaymentFee], Meta(max_length=100)]
    gateway: Identifier | UnsetType | None = UNSET
    payer: Payer
    payment: Identifier
    procedure: Identifier
    procedure_name: Annotated[str, Meta(max_length=2000)] | UnsetType | None = UNSET
    return_url: Url | UnsetType | None = UNSET
    unit: Identifier


class PaymentRefundRequested(Shape, kw_only=True):
    """The data of `payment.refund_requested`."""

    amount: Amount
    currency: Literal["VND"]
    payment: Identifier
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    refund: Identifier
    requested_by: Annotated[str, Meta(min_length=1, max_length=500)]


class PaymentPaidAtCounter(Shape, kw_only=True):
    """The data of `payment.paid_at_counter`."""

    amount: Amount
    collected_by: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET
    currency: Literal["VND"]
    paid_at: Time
    payment: Identifier
    receipt_number: Identifier | UnsetType | None = UNSET


class Signer(Shape, kw_only=True):
    """Who signs."""

    credential: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType | None = UNSET
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    role: Literal["official", "agency", "citizen"]
    title: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET
    user: Identifier


class VisibleSignature(Shape, kw_only=True):
    """How a signature shows on a page."""

    box: Annotated[list[Annotated[int, Meta(ge=0, le=14400)]], Meta(min_length=4, max_length=4)] | UnsetType | None = (
        UNSET
    )
    kind: Literal["official", "agency", "copy"]
    page: Annotated[int, Meta(ge=-1, le=9999)] | UnsetType | None = UNSET


class SignatureDocument(Shape, kw_only=True):
    """One document to be signed: a file with its digest, or what an earlier signature left."""

    code: Identifier | UnsetType | None = UNSET
    component: Identifier | UnsetType | None = UNSET
    form: Literal["pdf", "xml"]
    id: Identifier
    name: Annotated[str, Meta(min_length=1, max_length=255)]
    of: Identifier | UnsetType = UNSET
    result: bool | UnsetType = UNSET
    sha256: Annotated[str, Meta(min_length=64, max_length=64)] | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    visible: VisibleSignature | UnsetType | None = UNSET


class SignatureRequested(Shape, kw_only=True):
    """The data of `signature.requested`."""

    after: Identifier | UnsetType | None = UNSET
    description: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType | None = UNSET
    documents: Annotated[list[SignatureDocument], Meta(min_length=1, max_length=10)]
    expires_at: Time | UnsetType | None = UNSET
    level: Literal["B-B", "B-T", "B-LT", "B-LTA"] | UnsetType | None = UNSET
    procedure: Identifier | UnsetType | None = UNSET
    reason: Annotated[str, Meta(min_length=1, max_length=500)] | UnsetType | None = UNSET
    service: Identifier | UnsetType | None = UNSET
    signature: Identifier
    signer: Signer
    unit: Identifier | UnsetType | None = UNSET


class RecordedEvent(Shape, kw_only=True):
    """The whole CloudEvent of `dossier.recorded`."""

    correlationid: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType = UNSET
    data: Recorded
    datacontenttype: Literal["application/json"] | UnsetType = UNSET
    id: Annotated[str, Meta(min_length=1, max_length=128)]
    sequence: Annotated[str, Meta(min_length=1, max_length=18)] | UnsetType = UNSET
    source: Identifier
    specversion: Literal["1.0"]
    subject: Identifier
    time: Time
    traceparent: Annotated[str, Meta(min_length=55, max_length=55)] | UnsetType = UNSET
    type: Literal["vn.lienthong.dossier.recorded.v1"]


class ProgressedEvent(Shape, kw_only=True):
    """The whole CloudEvent of `dossier.progressed`."""

    correlationid: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType = UNSET
    data: Progressed
    datacontenttype: Literal["application/json"] | UnsetType = UNSET
    id: Annotated[str, Meta(min_length=1, max_length=128)]
    sequence: Annotated[str, Meta(min_length=1, max_length=18)] | UnsetType = UNSET
    source: Identifier
    specversion: Literal["1.0"]
    subject: Identifier
    time: Time
    traceparent: Annotated[str, Meta(min_length=55, max_length=55)] | UnsetType = UNSET
    type: Literal["vn.lienthong.dossier.progressed.v1"]


class PaymentRequestedEvent(Shape, kw_only=True):
    """The whole CloudEvent of `payment.requested`."""

    correlationid: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType = UNSET
    data: PaymentRequested
    datacontenttype: Literal["application/json"] | UnsetType = UNSET
    id: Annotated[str, Meta(min_length=1, max_length=128)]
    sequence: Annotated[str, Meta(min_length=1, max_length=18)] | UnsetType = UNSET
    source: Identifier
    specversion: Literal["1.0"]
    subject: Identifier
    time: Time
    traceparent: Annotated[str, Meta(min_length=55, max_length=55)] | UnsetType = UNSET
    type: Literal["vn.lienthong.payment.requested.v1"]


class PaymentRefundRequestedEvent(Shape, kw_only=True):
    """The whole CloudEvent of `payment.refund_requested`."""

    correlationid: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType = UNSET
    data: PaymentRefundRequested
    datacontenttype: Literal["application/json"] | UnsetType = UNSET
    id: Annotated[str, Meta(min_length=1, max_length=128)]
    sequence: Annotated[str, Meta(min_length=1, max_length=18)] | UnsetType = UNSET
    source: Identifier
    specversion: Literal["1.0"]
    subject: Identifier
    time: Time
    traceparent: Annotated[str, Meta(min_length=55, max_length=55)] | UnsetType = UNSET
    type: Literal["vn.lienthong.payment.refund_requested.v1"]


class PaymentPaidAtCounterEvent(Shape, kw_only=True):
    """The whole CloudEvent of `payment.paid_at_counter`."""

    correlationid: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType = UNSET
    data: PaymentPaidAtCounter
    datacontenttype: Literal["application/json"] | UnsetType = UNSET
    id: Annotated[str, Meta(min_length=1, max_length=128)]
    sequence: Annotated[str, Meta(min_length=1, max_length=18)] | UnsetType = UNSET
    source: Identifier
    specversion: Literal["1.0"]
    subject: Identifier
    time: Time
    traceparent: Annotated[str, Meta(min_length=55, max_length=55)] | UnsetType = UNSET
    type: Literal["vn.lienthong.payment.paid_at_counter.v1"]


class SignatureRequestedEvent(Shape, kw_only=True):
    """The whole CloudEvent of `signature.requested`."""

    correlationid: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType = UNSET
    data: SignatureRequested
    datacontenttype: Literal["application/json"] | UnsetType = UNSET
    id: Annotated[str, Meta(min_length=1, max_length=128)]
    sequence: Annotated[str, Meta(min_length=1, max_length=18)] | UnsetType = UNSET
    source: Identifier
    specversion: Literal["1.0"]
    subject: Identifier
    time: Time
    traceparent: Annotated[str, Meta(min_length=55, max_length=55)] | UnsetType = UNSET
    type: Literal["vn.lienthong.signature.requested.v1"]
