"""Pure. From what the ledger tells of one signature to what its page shows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from adapters.documents.desk_offer import DeskOffer
from adapters.doors.console.dossier_view import MOST_MEMBERS, Member, Named, members_of
from adapters.doors.console.payment_view import picture_of
from adapters.doors.console.shown_bytes import Form, ShownBytes
from adapters.doors.console.timeline import Picture
from bus.messages import SIGNATURE_REQUESTED
from bus.privacy import mask_event, mask_name, mask_text
from bus.signature_close import DocumentSeen, SignatureHearing, SignatureSeen
from bus.signature_looks import SignatureLine
from bus.signatures import ENDED_WITHOUT, SignatureState

EVIDENCE: Final = frozenset({"signature_changed", "signature_heard"})
"""Causes of moves that bind a row; a person's has the reason behind the row's number."""
ASKABLE: Final = frozenset({SignatureState.UNKNOWN, SignatureState.WAITING_USER})
CODES_WANTED: Final = frozenset({"otp_wanted", "otp_wrong"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed into a form that could not be taken. A one-time code is not kept even here."""

    name: str = ""
    reason: str = ""
    wrong: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """The reason that stands in this form again."""
        return self.reason if self.name == name else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """What was found of one signature, or stamp, in a document."""

    kind: str
    verdict: str
    subject: str
    issuer: str
    serial: str
    level: str
    signed_at: str
    stamped_at: str
    covers_whole: bool
    reasons: tuple[tuple[str, str], ...]
    """Code, and what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentShown:
    """One document with what was asked of it."""

    seen: DocumentSeen
    id: str
    name: str
    form: str
    is_result: bool
    lines: tuple[ReportLine, ...]
    findings: tuple[tuple[str, str], ...]
    checked_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the signature's life."""

    at: datetime
    key: str
    """Of the words: `signing.said_<key>`."""
    facts: Mapping[str, str | int]
    mark: str = "event"
    state: str | None = None
    cause: str | None = None
    reason: str = ""
    who: str = ""
    delivery: int | None = None
    hearing: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureView:
    """The page."""

    signature: SignatureSeen
    procedure: Named
    unit: Named
    signer: str
    """Masked."""
    documents: tuple[DocumentShown, ...]
    steps: tuple[Step, ...]
    """The newest first."""
    members: tuple[Member, ...] | None
    """What was asked for, masked; None where it is destroyed."""
    picture: Picture | None
    keys: Mapping[str, str]
    """Of the acts that are possible now."""
    typed: Typed


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingView:
    """What exactly a service told."""

    line: SignatureLine
    hearing: SignatureHearing
    form: Form
    body: ShownBytes | None
    digest: str
    is_opened: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskView:
    """A document on its way to an official's token."""

    line: SignatureLine
    n: int
    offer: DeskOffer
    agent: str


def acts_possible(line: SignatureLine, *, may_repair: bool) -> tuple[str, ...]:
    """What may be done about it now, by who may repair at all."""
    possible = {
        "ask": line.state in ASKABLE,
        "code": line.state is SignatureState.WAITING_USER and line.code in CODES_WANTED,
        "again": line.state in ENDED_WITHOUT or line.state is SignatureState.UNKNOWN,
        "desk": line.state is SignatureState.AT_DESK,
        "cancel": line.state.is_open and not line.state.is_finishing,
    }
    return tuple(name for name, is_possible in possible.items() if is_possible and may_repair)


def signature_view(
    signature: SignatureSeen,
    *,
    now: datetime,
    procedure: str | None,
    unit: str | None,
    keys: Mapping[str, str],
    typed: Typed,
) -> SignatureView:
    """The page of a signature."""
    data, is_agency = signature.data or {}, signature.line.role == "agency"
    asked = dict(enumerate(data.get("documents") or (), start=1))
    return SignatureView(
        signature=signature,
        procedure=Named(code=signature.line.procedure, name=procedure),
        unit=Named(code=signature.line.unit, name=unit),
        signer=mask_name(str((data.get("signer") or {}).get("name", ""))),
        documents=tuple(_document(each, asked.get(each.n, {}), is_agency) for each in signature.documents),
        steps=tuple(sorted(_steps(signature), key=lambda step: step.at)[::-1]),
        members=None if signature.data is None else tuple(members_of(mask_event(signature.data)))[:MOST_MEMBERS],
        picture=_picture(signature, now),
        keys=keys,
        typed=typed,
    )


def _document(seen: DocumentSeen, asked: Mapping[str, Any], is_agency: bool) -> DocumentShown:
    report = seen.report or {}
    signed = report.get("signatures", ())
    persons = frozenset() if is_agency else frozenset(_NAME.findall(" ".join(each["subject"] for each in signed)))
    return DocumentShown(
        seen=seen,
        id=str(asked.get("id", "")),
        name=str(asked.get("name", "")),
        form=str(asked.get("form", "")),
        is_result=asked.get("result") is not False,
        lines=tuple(_line(each, is_agency, persons) for each in signed),
        findings=_reasons(report.get("findings", ()), persons),
        checked_at=str(report.get("checked_at", "")),
    )


_NAME: Final = re.compile(r"\bCN=((?:[^,\\]|\\.)*)")


def _subject(told: str, is_agency: bool) -> str:
    """Whose certificate it is, without a person's number and name; an agency's name is public."""
    return mask_text(told if is_agency else _NAME.sub(lambda found: f"CN={mask_name(found[1])}", told))


def _line(told: Mapping[str, Any], is_agency: bool, persons: Collection[str]) -> ReportLine:
    return ReportLine(
        kind=told["kind"],
        verdict=told["verdict"],
        subject=_subject(told["subject"], is_agency),
        issuer=told["issuer"],
        serial=told["serial"],
        level=told["level"],
        signed_at=told["signing_time"] or "",
        stamped_at=told["stamped_at"] or "",
        covers_whole=told["covers_whole"],
        reasons=_reasons(told["reasons"], persons),
    )


def _reasons(told: Any, persons: Collection[str]) -> tuple[tuple[str, str], ...]:
    """What a reason is about may be a certificate by its whole subject: authorities are named, persons are not."""
    return tuple((each["code"], _without(persons, each["about"])) for each in told)


def _without(persons: Collection[str], about: str) -> str:
    for name in sorted(persons, key=len, reverse=True):
        about = about.replace(name, mask_name(name))
    return mask_text(about)


def _steps(signature: SignatureSeen) -> Iterator[Step]:
    line = signature.line
    yield Step(at=line.created_at, key="requested", facts={"source": line.source})
    if signature.signed_at is not None:
        yield Step(at=signature.signed_at, key="signed", facts={}, mark="event")
    if line.made_at is not None:
        yield Step(at=line.made_at, key="made", facts={}, mark="delivered")
    for one in signature.hearings:
        is_strange = one.effect in ("wrong_value", "unknown", "late")
        yield Step(
            at=one.at,
            key=f"heard_{one.via}",
            facts={"partner": one.partner, "verdict": one.verdict, "effect": one.effect, "code": one.code},
            mark="held" if is_strange else "event",
            hearing=one.id,
        )
    for move in signature.moves:
        is_own = move.cause in EVIDENCE
        if is_own and not move.actor.startswith("person:"):
            continue  # it binds what stands above in other words
        yield Step(
            at=move.at,
            key="move",
            facts={"partner": move.partner, "kind": move.kind},
            mark=move.to_state,
            state=move.to_state,
            cause=move.cause,
            reason=move.reason.partition(": ")[2] if is_own else move.reason,
            who=move.actor,
            delivery=move.delivery,
        )


def _picture(signature: SignatureSeen, now: datetime) -> Picture | None:
    """The deliveries as bars, what services told above them."""
    line = signature.line
    asked = (line.name, SIGNATURE_REQUESTED, line.created_at)
    told = [(str(one.id), one.via, one.at) for one in reversed(signature.hearings)]
    return picture_of([asked, *told], signature.moves, now)
