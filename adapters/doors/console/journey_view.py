"""Pure. The journey sheet of one dossier: what happened, when, who has it now, what the portal was shown.

There are two of it. The office's says everything that the timeline says. The citizen's says what concerns the citizen:
what the office did and what the portal shows; no officers, no causes of ours, no words that operators typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from adapters.doors.console.dossier_view import (
    ENDED,
    Deadline,
    Line,
    Named,
    deadline_of,
    is_one_stop,
    is_paid_through,
    timeline_lines,
)
from adapters.doors.console.visible import one_line
from bus.calendar import Left
from bus.follow_ups import LEDGER_SOURCE
from bus.messages import (
    PAID_AT_COUNTER,
    PAYMENT_EXPIRED,
    PAYMENT_FAILED,
    PAYMENT_NEWS,
    PAYMENT_REFUNDED,
    PAYMENT_REQUESTED,
    PAYMENT_SETTLED,
    SETTLED,
    State,
)
from bus.privacy import mask_name

Row = Mapping[str, Any]
Contents = Mapping[int, Mapping[str, Any] | None]
Holder = Literal["unit", "applicant", "nobody"]

WITH_APPLICANT: Final = frozenset({"supplement_requested", "payment_requested"})
"""Statuses in which the office waits for the applicant."""
SHOWN_TO_CITIZENS: Final = frozenset({"delivered"})
STEPS: Final = {
    "dossier.recorded": "told",
    "dossier.progressed": "step",
    "dossier.filed": "filed",
    "dossier.amended": "amended",
    PAYMENT_REQUESTED: "asked_to_pay",
    PAID_AT_COUNTER: "paid_at_counter",
    PAYMENT_SETTLED: "paid",
    PAYMENT_FAILED: "not_paid",
    PAYMENT_EXPIRED: "pay_expired",
    PAYMENT_REFUNDED: "refunded",
}
"""Kinds of events that concern the citizen, by the words that tell them; all others are between the offices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the citizen's sheet."""

    at: str
    key: str
    """Of the words: `shown`, or one of `STEPS`."""
    status: str | None
    step: str
    """The source's own name of a step, where it is no status of ours."""
    partner: str | None
    amount: int | None = None
    """Đồng, of what is to be paid, was paid or was paid back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One event's digest, by which it can be found in an evidence bundle."""

    event: str
    accepted_at: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """What one partner shows."""

    partner: str
    status: str | None
    since: str | None
    is_newer_coming: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyView:
    """The sheet."""

    number: str
    national_number: str | None
    procedure: Named
    unit: Named
    applicant: str
    """Initials; empty where no record is known."""
    received_at: str | None
    status: str | None
    deadline: Deadline
    holder: Holder
    partners: tuple[At, ...]
    is_for_citizen: bool
    steps: tuple[Step, ...]
    """For the citizen; empty on the office's sheet."""
    lines: tuple[Line, ...]
    """For the office; empty on the citizen's sheet."""
    proofs: tuple[Proof, ...]
    is_cut: bool
    made_at: datetime
    made_by: str
    """Empty on the citizen's sheet."""


def journey_view(
    dossier: Row,
    contents: Contents,
    *,
    now: datetime,
    made_by: str,
    is_for_citizen: bool,
    procedure: str | None = None,
    unit: str | None = None,
    left: Left | None = None,
) -> JourneyView:
    """The sheet of a dossier, oldest line first."""
    events, moves = dossier["events"], dossier["timeline"]
    return JourneyView(
        number=dossier["number"],
        national_number=dossier["national_number"],
        procedure=Named(code=dossier["procedure"], name=procedure),
        unit=Named(code=dossier["unit"], name=unit),
        applicant=_applicant(events, contents),
        received_at=dossier["received_at"],
        status=dossier["status"],
        deadline=deadline_of(dossier, left),
        holder=_holder(dossier["status"]),
        partners=tuple(_at(lane, moves) for lane in dossier["partners"] if _has_it(lane, moves)),
        is_for_citizen=is_for_citizen,
        steps=tuple(_steps(events, moves, contents)) if is_for_citizen else (),
        lines=() if is_for_citizen else tuple(filter(_is_for_paper, timeline_lines(events, moves))),
        proofs=tuple(_proof(event) for event in events if event["kind"] != SETTLED),
        is_cut=dossier.get("next") is not None or bool(dossier.get("has_older_events")),
        made_at=now,
        made_by="" if is_for_citizen else one_line(made_by),
    )


def _is_for_paper(line: Line) -> bool:
    """A sheet tells what became of the dossier; that a worker took something up, and what was told back to sources,
    stands on the page."""
    is_told_back = line.kind == SETTLED or (line.kind in PAYMENT_NEWS and line.state is not None)
    return not is_told_back and line.state != State.SENDING


def _has_it(lane: Row, moves: Sequence[Row]) -> bool:
    """Whether a partner is one that shows dossiers."""
    return not is_one_stop(lane["partner"]) and not is_paid_through(lane, moves)


def _holder(status: str | None) -> Holder:
    if status in ENDED:
        return "nobody"
    return "applicant" if status in WITH_APPLICANT else "unit"


def _applicant(events: Sequence[Row], contents: Contents) -> str:
    """Initials of the newest record's applicant; a name's hidden characters are not its letters."""
    for event in reversed(events):
        data = contents.get(event["number"]) or {}
        name = (data.get("applicant") or {}).get("name")
        if name:
            return one_line(mask_name(name))[:40]
    return ""


def _at(lane: Row, moves: Sequence[Row]) -> At:
    own = [move for move in moves if move["partner"] == lane["partner"]]
    shown = [move for move in own if move["to_state"] == "delivered" and move["status"] is not None]
    standing = {move["delivery"]: move["to_state"] for move in own}
    return At(
        partner=lane["partner"],
        status=lane["shown_status"],
        since=next((move["at"] for move in reversed(shown) if move["status"] == lane["shown_status"]), None),
        is_newer_coming=any(state not in ENDED_STATES for state in standing.values()),
    )


ENDED_STATES: Final = frozenset({"delivered", "superseded", "cancelled", "not_ours"})


def _steps(events: Sequence[Row], moves: Sequence[Row], contents: Contents) -> list[Step]:
    """In the order in which things happened: a citizen reads it as a diary, and asks no one when we heard of it."""
    told = [(event["number"], _told(event, contents)) for event in events]
    shown = [
        (move["id"], _shown(move))
        for move in moves
        if move["to_state"] in SHOWN_TO_CITIZENS and move["status"] is not None and not is_one_stop(move["partner"])
    ]
    rows = [(step.at, step.key == "shown", number, step) for number, step in (*told, *shown) if step is not None]
    return [row[3] for row in sorted(rows, key=lambda row: row[:3])]


def _told(event: Row, contents: Contents) -> Step | None:
    """What the office said of the dossier, and what became of its payments.

    Other outcomes of our own calls, and the records that we made of payments, are nobody's business here.
    """
    key = STEPS.get(event["kind"])
    if key is None or (key == "told" and event["source"] == LEDGER_SOURCE):
        return None
    data = contents.get(event["number"]) or {}
    return Step(
        at=event["occurred_at"],
        key=key,
        status=data.get("status"),
        step=one_line(data.get("local_step") or "")[:100],
        partner=None,
        amount=data.get("amount") if event["kind"].startswith("payment.") else None,
    )


def _shown(move: Row) -> Step:
    return Step(at=move["at"], key="shown", status=move["status"], step="", partner=move["partner"])


def _proof(event: Row) -> Proof:
    return Proof(event=event["id"], accepted_at=event["accepted_at"], digest=event["digest"])
