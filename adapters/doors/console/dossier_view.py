"""Pure. From what the ledger tells of a dossier to what its page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from adapters.doors.console.timeline import Picture, picture
from adapters.doors.console.visible import one_line, visible
from bus.calendar import Left
from bus.follow_ups import LEDGER_SOURCE
from bus.messages import PAYMENT_NEWS, SETTLED, SIGNATURE_NEWS
from bus.privacy import mask_event
from bus.signature_close import SignatureSeen

Row = Mapping[str, Any]
Who = Literal["person", "source", "system"]

ENDED: Final = frozenset({"not_accepted", "withdrawn", "returned"})
"""Statuses of a dossier on which nothing is due any more."""
TOLD_BACK: Final = frozenset({SETTLED}) | PAYMENT_NEWS | SIGNATURE_NEWS
"""Kinds that the bus tells to a source."""
MOST_CONTENTS: Final = 50
"""Events whose content stands on the page; of older ones it tells that they were."""
MOST_MEMBERS: Final = 200
"""Lines of one event's content."""
LONGEST_SHOWN: Final = 2_000
"""Characters of one value or reason; a megabyte from a partner is cut, and says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A code, and what it is called where a table knows it."""

    code: str | None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The day on which the result is due, and how far away that is."""

    due_at: str | None
    is_over: bool = False
    days: int | None = None
    """Working days; None where the calendar does not reach."""
    unknown_year: int | None = None
    has_ended: bool = False
    """Nothing is due any more: the dossier is at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shows:
    """What one partner shows of the dossier."""

    partner: str
    exists: bool | None
    status: str | None
    is_on_its_way: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the timeline: what happened, because of what, by whom."""

    at: str
    key: str
    """Of the words: `event`, or the state that a delivery came to."""
    partner: str | None
    delivery: int | None
    kind: str
    status: str | None
    state: str | None
    cause: str | None
    reason: str
    who: Who
    name: str
    event: str
    occurred_at: str | None = None
    """Of an event, where that was another time than the line's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of an event's content."""

    place: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventShown:
    """An event as its source told it."""

    number: int
    id: str
    source: str
    kind: str
    sequence: int | None
    occurred_at: str
    accepted_at: str
    digest: str
    is_adopted: bool
    is_waiting: bool
    """Behind a gap in its source's numbers."""
    is_destroyed: bool
    members: tuple[Member, ...] | None
    """None where they are not on this page."""
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierView:
    """The page."""

    number: str
    national_number: str | None
    origin: str | None
    source: str
    procedure: Named
    unit: Named
    status: str | None
    received_at: str | None
    first_seen_at: str
    deadline: Deadline
    partners: tuple[Shows, ...]
    picture: Picture | None
    lines: tuple[Line, ...]
    """The newest first."""
    events: tuple[EventShown, ...]
    open_deliveries: tuple[int, ...]
    deliveries: tuple[int, ...]
    next: int | None
    has_older_events: bool
    is_opened: bool
    """Whether personal data is shown, once."""
    at: datetime | None
    """Set where the page shows the past."""
    at_typed: tuple[str, str]
    """Day and time as the form has them."""
    signatures: tuple[SignatureSeen, ...] = ()
    """As they stand now, the newest first."""


def dossier_view(
    dossier: Row,
    contents: Mapping[int, Mapping[str, Any] | None],
    *,
    now: datetime,
    at: datetime | None = None,
    at_typed: tuple[str, str] = ("", ""),
    procedure: str | None = None,
    unit: str | None = None,
    left: Left | None = None,
    is_opened: bool = False,
    signatures: Sequence[SignatureSeen] = (),
) -> DossierView:
    """The page of a dossier, now or as of `at`. `contents`: the data of the events that are to be opened."""
    lines = timeline_lines(dossier["events"], dossier["timeline"])
    standing = {move["delivery"]: move["to_state"] for move in dossier["timeline"] if move["delivery"] is not None}
    return DossierView(
        number=dossier["number"],
        national_number=dossier["national_number"],
        origin=dossier["origin"],
        source=dossier["source"],
        procedure=Named(code=dossier["procedure"], name=procedure),
        unit=Named(code=dossier["unit"], name=unit),
        status=dossier["status"],
        received_at=dossier["received_at"],
        first_seen_at=dossier["first_seen_at"],
        deadline=deadline_of(dossier, left),
        partners=tuple(_shows(lane) for lane in dossier["partners"] if is_told(lane, dossier["timeline"])),
        picture=picture(dossier["events"], dossier["timeline"], at or now),
        lines=tuple(reversed(lines)),
        events=tuple(_event(row, contents, is_opened) for row in reversed(dossier["events"])),
        open_deliveries=tuple(sorted(number for number, state in standing.items() if state in _OPEN)),
        deliveries=tuple(sorted(standing)),
        next=dossier.get("next"),
        has_older_events=bool(dossier.get("has_older_events")),
        is_opened=is_opened,
        at=at,
        at_typed=at_typed,
        signatures=tuple(signatures),
    )


_OPEN: Final = frozenset({"waiting", "sending", "awaiting", "in_doubt", "held", "refused"})


def deadline_of(dossier: Row, left: Left | None) -> Deadline:
    """The clock of the deadline; of a dossier at its end only the day is told."""
    due_at = dossier["due_at"]
    if due_at is None or dossier["status"] in ENDED:
        return Deadline(due_at=due_at, has_ended=dossier["status"] in ENDED)
    if left is None:
        return Deadline(due_at=due_at)
    return Deadline(due_at=due_at, is_over=left.is_over, days=left.days, unknown_year=left.unknown_year)


def timeline_lines(events: Sequence[Row], moves: Sequence[Row]) -> list[Line]:
    """Everything that happened, in its order: what sources told, and what became of it."""
    told = [(event["accepted_at"], 0, event["number"], _told(event)) for event in events]
    moved = [(move["at"], 1, move["id"], _moved(move)) for move in moves]
    return [line for _at, _rank, _number, line in sorted([*told, *moved], key=lambda each: each[:3])]


def _told(event: Row) -> Line:
    return Line(
        at=event["accepted_at"],
        key=_key(event),
        partner=None,
        delivery=None,
        kind=event["kind"],
        status=None,
        state=None,
        cause=None,
        reason="",
        who="system" if event["source"] == LEDGER_SOURCE else "source",
        name=event["source"],
        event=event["id"],
        occurred_at=_if_apart(event["occurred_at"], event["accepted_at"]),
    )


def _key(event: Row) -> str:
    """By which words an event is told; a record of our own shows what was paid here, or corrected."""
    if event["is_adopted"]:
        return "adopted"
    if event["kind"] in TOLD_BACK:
        return "outcome"
    return "own" if event["source"] == LEDGER_SOURCE else "event"


def _if_apart(occurred_at: str, accepted_at: str) -> str | None:
    """When it happened, where that was not the second in which it was told."""
    apart = datetime.fromisoformat(accepted_at) - datetime.fromisoformat(occurred_at)
    return occurred_at if abs(apart) >= timedelta(seconds=1) else None


def _moved(move: Row) -> Line:
    who, name = who_of(move["actor"])
    return Line(
        at=move["at"],
        key=move["to_state"],
        partner=move["partner"],
        delivery=move["delivery"],
        kind=move["kind"],
        status=move.get("status"),
        state=move["to_state"],
        cause=move["cause"],
        reason=shortened(visible(move["reason"])),
        who=who,
        name=one_line(name),
        event=move["event"],
    )


def who_of(actor: str) -> tuple[Who, str]:
    """Who made a move: a person, a source, or the system itself."""
    if actor.startswith("person:"):
        return "person", actor.removeprefix("person:")
    return ("source", actor) if "/" in actor else ("system", actor)


def shortened(text: str, most: int = LONGEST_SHOWN) -> str:
    """So much of it as a page has room for; what is cut off is said by an ellipsis and the whole length."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)})"


def is_told(lane: Row, moves: Sequence[Row]) -> bool:
    """Whether a partner shows anything: a one-stop system that only hears outcomes has the dossier anyhow, and who
    takes payments alone has no dossiers."""
    if is_one_stop(lane["partner"]):
        return bool(lane["shown_status"] or lane["is_on_its_way"])
    return not is_paid_through(lane, moves)


def is_paid_through(lane: Row, moves: Sequence[Row]) -> bool:
    """Whether all that a partner was ever sent of a dossier are payments."""
    kinds = {move["kind"] for move in moves if move["partner"] == lane["partner"]}
    return lane["shown_status"] is None and bool(kinds) and all(kind.startswith("payment.") for kind in kinds)


def is_one_stop(partner: str) -> bool:
    """Whether a partner is a one-stop system, by its name: `one_stop`, `one_stop-province`."""
    return partner == "one_stop" or partner.startswith("one_stop-")


def _shows(lane: Row) -> Shows:
    return Shows(
        partner=lane["partner"],
        exists=lane["exists_there"],
        status=lane["shown_status"],
        is_on_its_way=lane["is_on_its_way"],
    )


def _event(row: Row, contents: Mapping[int, Mapping[str, Any] | None], is_opened: bool) -> EventShown:
    number = row["number"]
    data = contents.get(number)
    members: tuple[Member, ...] | None = None
    if data is not None:
        members = tuple(members_of(data if is_opened else mask_event(data)))
    return EventShown(
        number=number,
        id=row["id"],
        source=row["source"],
        kind=row["kind"],
        sequence=row["sequence"],
        occurred_at=row["occurred_at"],
        accepted_at=row["accepted_at"],
        digest=row["digest"],
        is_adopted=row["is_adopted"],
        is_waiting=row.get("place", 0) is None,
        is_destroyed=number in contents and data is None,
        members=None if members is None else members[:MOST_MEMBERS],
        is_cut=members is not None and len(members) > MOST_MEMBERS,
    )


def members_of(value: Any, place: str = "") -> list[Member]:
    """Every value under its place, `applicant.identity.number`, in the order of the document; nulls are left out."""
    if isinstance(value, Mapping):
        return [
            each for name, member in value.items() for each in members_of(member, f"{place}.{name}" if place else name)
        ]
    if isinstance(value, list | tuple):
        return [each for n, member in enumerate(value, 1) for each in members_of(member, f"{place}[{n}]")]
    if value is None:
        return []
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return [Member(place=one_line(place), text=shortened(visible(text)))]
