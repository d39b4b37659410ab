"""The one-stop system's operations and codes as tables: what we call for each kind, and what each answer means.

Rules are cited from contracts/one_stop/NOTES.md. A code that nobody knows has a row too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Protocol = Literal["soap", "rest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One row of the contract table: how a kind is handed over, and what an unclear outcome of it allows."""

    kind: str
    """Of the event."""
    operation: str
    """Their name of it, over SOAP."""
    path: str
    """The same over REST."""
    part: str
    """The element that holds the message."""
    shape: str
    """The message's name in messages.schema.json."""
    unclear: str
    source: str


RESULTS: Final = ("opened", "settled", "failed", "expired", "refunded")
"""What can become of a payment, each under its own kind of event (r56)."""
SIGNED: Final = ("made", "declined", "expired")
"""What can become of a signature, likewise (r90)."""
AGAIN: Final = "the same again under its id, newly signed, after the time in flight"
CONTRACTS: Final = {
    row.kind: row
    for row in (
        Contract(
            kind="delivery.settled",
            operation="ReceiveOutcome",
            path="outcomes",
            part="outcome",
            shape="outcome",
            unclear=AGAIN,
            source="r43, r47",
        ),
        Contract(
            kind="dossier.filed",
            operation="ReceiveDossier",
            path="dossiers",
            part="dossier",
            shape="filed",
            unclear=AGAIN,
            source="r44, r47, r49",
        ),
        Contract(
            kind="dossier.amended",
            operation="ReceiveAmendment",
            path="amendments",
            part="amendment",
            shape="amendment",
            unclear=AGAIN,
            source="r45, r47",
        ),
        *(
            Contract(
                kind=f"payment.{result}",
                operation="ReceivePaymentResult",
                path="payments",
                part="payment_result",
                shape="payment_result",
                unclear=AGAIN,
                source="r47, r56 to r59",
            )
            for result in RESULTS
        ),
        *(
            Contract(
                kind=f"signature.{result}",
                operation="ReceiveSignatureResult",
                path="signatures",
                part="signature_result",
                shape="signature_result",
                unclear=AGAIN,
                source="r47, r90 to r93",
            )
            for result in SIGNED
        ),
    )
}


class Verdict(StrEnum):
    """What an answer comes to, before the adapter says what follows."""

    YES = "yes"
    REFUSED = "refused"
    LATER = "later"
    """Not taken, try later; it does not speak against their health."""
    DOWN = "down"
    """Not taken, and nothing else would be either: the way is closed until somebody mends it, or time does."""
    UNCLEAR = "unclear"
    HOLD = "hold"
    """A yes that lacks what we need, and would lack it each time: a person must look."""


class Shape(StrEnum):
    """What an answer is. Only what is proven is looked into."""

    ACKNOWLEDGED = "acknowledged"
    UNNUMBERED = "unnumbered"
    """An acknowledgement of a filed dossier, without the number that it was given."""
    PROBLEM = "problem"
    FAULT = "fault"
    """A SOAP Fault without a problem in it."""
    OTHER = "other"
    """Signed, and not what the contract allows here; or with another id."""
    UNPROVEN = "unproven"
    HTML = "html"
    EMPTY = "empty"
    BROKEN = "broken"
    OTHER_TYPE = "other_type"


class Proof(StrEnum):
    """Who says so."""

    GOOD = "good"
    """Signed by whom it should be, now, in answer to this very request."""
    NONE = "none"
    WRONG = "wrong"
    """Broken, stale, revoked, of a foreign subject, of an authority that nobody named …"""
    OTHER_REQUEST = "other_request"
    """Good, and the answer to something else."""


PROVEN: Final = frozenset({Shape.ACKNOWLEDGED, Shape.UNNUMBERED, Shape.PROBLEM, Shape.FAULT, Shape.OTHER})
"""Shapes that are known of signed answers only."""

BUSY: Final = "unavailable"
OF_THE_WAY: Final = frozenset(
    {
        "unsigned",
        "wrong_parts",
        "weak_algorithm",
        "duplicate_id",
        "stale_signature",
        "untrusted",
        "expired_certificate",
        "foreign_subject",
        "bad_signature",
        "replayed",
        "wrong_address",
        "wrong_action",
        "media_type",
        "must_understand",
    }
)
"""Codes that speak of our keys, clocks and settings, and not of the message: mended, the message is taken."""
# r54: who sent it wrongly, and who could not take it. In REST the status says which: 4xx and 5xx.
Side = Literal["sender", "receiver", ""]
SIDES: Final[dict[str, Side]] = {
    "Client": "sender",
    "Sender": "sender",
    "MustUnderstand": "sender",
    "VersionMismatch": "sender",
    "Server": "receiver",
    "Receiver": "receiver",
}

Code = Literal["any", "busy", "way"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the answer table. The first row that fits decides."""

    id: str
    verdict: Verdict
    source: str
    protocol: Literal["soap", "rest", "any"] = "any"
    http: tuple[int, int] = (100, 599)
    """First and last HTTP status."""
    shape: Shape | None = None
    """None: any."""
    proof: Proof | None = None
    code: Code = "any"
    """`busy` is `unavailable`, `way` one of `OF_THE_WAY`."""
    side: Side = ""
    """Empty: either."""


_NO: Final = (400, 599)

REPLIES: Final = (
    # These two need no signature: they end in sending again, which is safe in any case.
    Row(id="http_429", verdict=Verdict.LATER, source="r111", http=(429, 429)),
    Row(id="http_503", verdict=Verdict.DOWN, source="r111", http=(503, 503)),
    Row(
        id="yes_soap",
        verdict=Verdict.YES,
        source="r46, r69",
        protocol="soap",
        http=(200, 200),
        shape=Shape.ACKNOWLEDGED,
        proof=Proof.GOOD,
    ),
    Row(
        id="yes_rest",
        verdict=Verdict.YES,
        source="r46, r86, r89",
        protocol="rest",
        http=(201, 201),
        shape=Shape.ACKNOWLEDGED,
        proof=Proof.GOOD,
    ),
    Row(
        id="no_number",
        verdict=Verdict.HOLD,
        source="r44, r125",
        http=(200, 201),
        shape=Shape.UNNUMBERED,
        proof=Proof.GOOD,
    ),
    Row(id="busy", verdict=Verdict.DOWN, source="r54", http=_NO, shape=Shape.PROBLEM, proof=Proof.GOOD, code="busy"),
    Row(id="way", verdict=Verdict.DOWN, source="r124", http=_NO, shape=Shape.PROBLEM, proof=Proof.GOOD, code="way"),
    Row(
        id="refused",
        verdict=Verdict.REFUSED,
        source="r53, r54: any code that nobody knows is a no",
        http=_NO,
        shape=Shape.PROBLEM,
        proof=Proof.GOOD,
        side="sender",
    ),
    Row(
        id="their_trouble",
        verdict=Verdict.UNCLEAR,
        source="r54: a Server that does not say unavailable",
        http=_NO,
        shape=Shape.PROBLEM,
        proof=Proof.GOOD,
    ),
    Row(id="no_problem", verdict=Verdict.UNCLEAR, source="r53", http=_NO, shape=Shape.FAULT, proof=Proof.GOOD),
    Row(id="unsigned", verdict=Verdict.UNCLEAR, source="r69, r110", shape=Shape.UNPROVEN, proof=Proof.NONE),
    Row(id="wrong_signature", verdict=Verdict.UNCLEAR, source="r69, r110", shape=Shape.UNPROVEN, proof=Proof.WRONG),
    Row(
        id="other_request",
        verdict=Verdict.UNCLEAR,
        source="r69, r86, r123",
        shape=Shape.UNPROVEN,
        proof=Proof.OTHER_REQUEST,
    ),
    Row(id="other_answer", verdict=Verdict.UNCLEAR, source="r46", shape=Shape.OTHER, proof=Proof.GOOD),
    Row(id="empty", verdict=Verdict.UNCLEAR, source="r9, r110", shape=Shape.EMPTY),
    Row(id="html", verdict=Verdict.UNCLEAR, source="r110", shape=Shape.HTML),
    Row(id="broken", verdict=Verdict.UNCLEAR, source="r110", shape=Shape.BROKEN),
    Row(id="other_type", verdict=Verdict.UNCLEAR, source="r3, r110", shape=Shape.OTHER_TYPE),
    Row(id="http_other", verdict=Verdict.UNCLEAR, source="r110: status and body contradict each other"),
)
