"""A strict pydantic model of the recorded event: the peer of `message_path`, written as pydantic's users write it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Identifier = Annotated[str, Field(min_length=1, max_length=64)]
Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://\S+$")]
Time = AwareDatetime
Status = Literal[
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


class Strict(BaseModel):
    """A closed object with strict types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Identity(Strict):
    """One identity paper."""

    kind: Literal["cccd", "cmnd", "passport", "tax_code", "other"]
    number: Identifier


class Applicant(Strict):
    """Who applies."""

    address: Annotated[str, Field(max_length=1000)] | None
    email: Annotated[str, Field(max_length=254)] | None
    fax: Annotated[str, Field(max_length=32)] | None = None
    identity: Identity | None
    kind: Literal["citizen", "enterprise", "agency", "organisation"]
    name: Annotated[str, Field(min_length=1, max_length=500)]
    phone: Annotated[str, Field(max_length=32)] | None
    tech_id: Identifier | None = None
    verified_by_vneid: bool


class Document(Strict):
    """One submitted document."""

    component: Identifier | None
    deleted: bool | None = None
    digitised: bool
    from_national_store: bool | None = None
    id: Identifier | None = None
    name: Annotated[str, Field(max_length=10000)]
    replaced_by_result: Identifier | None = None
    reused: bool
    reused_from: Literal["component", "result"] | None = None
    url: Url | None


class Enclosure(Strict):
    """One other enclosure."""

    count: Annotated[int, Field(ge=0, le=9999)]
    kind: Literal["original", "copy", "electronic"]
    name: Annotated[str, Field(max_length=10000)]


class Fee(Strict):
    """One fee or charge."""

    amount: Annotated[int, Field(ge=0, le=1000000000000)]
    code: Identifier
    collected_at: Literal["acceptance", "supplement", "return"] | None = None
    currency: Literal["VND"]
    kind: Literal["fee", "charge"]
    name: Annotated[str, Field(max_length=500)]
    state: Literal["unpaid", "paid", "waived", "refunded"]


class Result(Strict):
    """One result document."""

    code: Identifier | None = None
    component: Identifier | None = None
    id: Identifier | None = None
    name: Annotated[str, Field(max_length=10000)]
    url: Url | None


class Supplement(Strict):
    """One round of supplements."""

    content: Annotated[str, Field(max_length=20000)]
    documents: Annotated[list[Document], Field(max_length=200)] | None = None
    due_after: Time | None = None
    due_before: Time | None = None
    fees: Annotated[list[Fee], Field(max_length=100)] | None = None
    id: Annotated[int, Field(ge=1, le=9007199254740991)]
    is_received: bool
    received_at: Time | None = None
    received_by: Annotated[str, Field(max_length=500)] | None = None
    received_note: Annotated[str, Field(max_length=20000)] | None = None
    requested_at: Time
    requested_by: Annotated[str, Field(max_length=500)]


class Recorded(Strict):
    """The data of `dossier.recorded`."""

    applicant: Applicant
    channel: Literal["counter", "online", "post"]
    databases: Annotated[list[Annotated[str, Field(min_length=1, max_length=16)]], Field(max_length=20)] | None = None
    due_at: Time | None
    enclosures: Annotated[list[Enclosure], Field(max_length=200)] | None = None
    fees: Annotated[list[Fee], Field(max_length=100)]
    filed_at: Time | None
    finished_at: Time | None
    local_step: Identifier | None = None
    national_number: Identifier | None
    note: Annotated[str, Field(max_length=20000)]
    origin: Literal["one_stop", "portal"]
    other_information: Annotated[str, Field(max_length=20000)] | None = None
    paid_online: Literal["none", "portal", "province"] | None = None
    procedure: Identifier
    receipt_number: Identifier | None = None
    received_at: Time | None
    refused_at: Time | None = None
    results: Annotated[list[Result], Field(max_length=100)]
    return_by: Literal["counter", "post"]
    return_note: Annotated[str, Field(max_length=2000)] | None = None
    returned_at: Time | None
    status: Status | None
    submitted: Annotated[list[Document], Field(max_length=200)]
    summary: Annotated[str, Field(max_length=10000)]
    supplements: Annotated[list[Supplement], Field(max_length=50)]
    unit: Identifier
    unit_name: Annotated[str, Field(max_length=500)] | None = None


class RecordedEvent(Strict):
    """The whole CloudEvent of `dossier.recorded`."""

    correlationid: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    data: Recorded
    datacontenttype: Literal["application/json"] | None = None
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:~-]{1,128}$")]
    sequence: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$")] | None = None
    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/~-]{1,64}$")]
    specversion: Literal["1.0"]
    subject: Annotated[str, Field(pattern=r"^\S{1,64}$")]
    time: Time
    traceparent: Annotated[str, Field(min_length=55, max_length=55)] | None = None
    type: Literal["vn.lienthong.dossier.recorded.v1"]
