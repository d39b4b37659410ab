"""Pure. A dossier's timeline as a picture: from the rows of the ledger to places on paper; the template draws them.

One line for each partner's deliveries, one bar for each delivery, a piece of it for each state that it stood in, and at
its end the mark of the state it stands in now. What came in stands above them. A state is told by shape and by word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from adapters.doors.console.timescale import Fold, Scale, scale_of

MOST_BARS: Final = 40
"""Deliveries drawn for a dossier, the newest ones: a picture taller than two pages of paper is none."""
MOST_EVENTS: Final = 60
LEFT: Final = 220.0
RIGHT: Final = 130.0
WIDTH: Final = 1080.0
LINE: Final = 24.0
TOP: Final = 30.0
HEADING: Final = 26.0
LABEL_GAP: Final = 92.0
"""Two times on the axis stand at least so far apart: else one is written over the other."""
SHORTEST_BAR: Final = 3.0

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a bar: how long a delivery stood in one state."""

    x: float
    width: float
    state: str
    start: str
    end: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One delivery."""

    y: float
    delivery: int
    kind: str
    status: str | None
    pieces: tuple[Piece, ...]
    mark_x: float
    state: str
    """As of the picture's last instant."""
    by_person: tuple[float, ...]
    """Where somebody repaired it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One partner's deliveries."""

    y: float
    partner: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event, where it was accepted."""

    x: float
    id: str
    kind: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A time on the axis."""

    x: float
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that the template draws."""

    width: float
    height: float
    left: float
    axis_y: float
    told_y: float
    told: tuple[Told, ...]
    lanes: tuple[Lane, ...]
    folds: tuple[Fold, ...]
    ticks: tuple[Tick, ...]
    first: str
    last: str
    left_out: int
    """Deliveries that only the list shows."""
    events: int
    deliveries: int


def picture(events: Sequence[Row], moves: Sequence[Row], until: datetime) -> Picture | None:
    """The picture as of `until`; None where nothing happened. Moves come in the order of the ledger."""
    told = list(events)[-MOST_EVENTS:]
    tracks = _tracks(moves)
    drawn = tracks[-MOST_BARS:]
    if not told and not drawn:
        return None
    ends = [until] if any(_is_open(track) for track in drawn) else []
    instants = [_at(event["accepted_at"]) for event in told] + [_at(move["at"]) for track in drawn for move in track]
    scale = scale_of([*instants, *ends], left=LEFT, width=WIDTH - LEFT - RIGHT)
    lanes, bottom = _lanes(drawn, scale, until)
    return Picture(
        width=WIDTH,
        height=bottom + 34,
        left=LEFT,
        axis_y=bottom + 8,
        told_y=TOP,
        told=tuple(_told(event, scale) for event in told),
        lanes=lanes,
        folds=scale.folds,
        ticks=_ticks(scale),
        first=min(instants).isoformat(),
        last=max([*instants, *ends]).isoformat(),
        left_out=len(tracks) - len(drawn),
        events=len(events),
        deliveries=len(tracks),
    )


def _tracks(moves: Sequence[Row]) -> list[list[Row]]:
    """The moves of each delivery, deliveries in the order in which they came to be."""
    tracks: dict[int, list[Row]] = {}
    for move in moves:
        if move["delivery"] is not None:
            tracks.setdefault(move["delivery"], []).append(move)
    return [tracks[delivery] for delivery in sorted(tracks)]


OPEN: Final = frozenset({"waiting", "sending", "awaiting", "in_doubt", "held", "refused"})


def _is_open(track: Sequence[Row]) -> bool:
    return track[-1]["to_state"] in OPEN


def _lanes(tracks: Sequence[Sequence[Row]], scale: Scale, until: datetime) -> tuple[tuple[Lane, ...], float]:
    lanes: list[Lane] = []
    y = TOP + 18
    for partner in sorted({track[0]["partner"] for track in tracks}):
        top = y + HEADING
        own = [track for track in tracks if track[0]["partner"] == partner]
        bars = tuple(_bar(track, scale, until, top + n * LINE) for n, track in enumerate(own))
        lanes.append(Lane(y=top - 8, partner=partner, bars=bars))
        y = top + len(own) * LINE
    return tuple(lanes), y


def _bar(track: Sequence[Row], scale: Scale, until: datetime, y: float) -> Bar:
    last = track[-1]
    pieces = [_piece(before, after["at"], scale) for before, after in pairwise(track)]
    if _is_open(track):
        pieces.append(_piece(last, None, scale, until))
    ends_at = until if _is_open(track) else _at(last["at"])
    return Bar(
        y=y,
        delivery=last["delivery"],
        kind=last["kind"],
        status=last.get("status"),
        pieces=tuple(pieces),
        mark_x=scale.place(ends_at),
        state=last["to_state"],
        by_person=tuple(scale.place(_at(move["at"])) for move in track if move["actor"].startswith("person:")),
    )


def _piece(move: Row, end: str | None, scale: Scale, until: datetime | None = None) -> Piece:
    start_x = scale.place(_at(move["at"]))
    end_x = scale.place(_at(end) if end is not None else until or _at(move["at"]))
    return Piece(x=start_x, width=max(end_x - start_x, SHORTEST_BAR), state=move["to_state"], start=move["at"], end=end)


def _told(event: Row, scale: Scale) -> Told:
    at = event["accepted_at"]
    return Told(x=scale.place(_at(at)), id=event["id"], kind=event["kind"], at=at)


def _ticks(scale: Scale) -> tuple[Tick, ...]:
    """The first instant, the last one, and the edges of folds where there is room between them."""
    edges = {place for fold in scale.folds for place in (fold.x, fold.x + fold.width)}
    wanted = [scale.places[0], *sorted(edges), scale.places[-1]]
    kept = [wanted[0]]
    for place in wanted[1:-1]:
        # The last label ends where its instant stands, the others begin there.
        if place - kept[-1] >= LABEL_GAP and scale.places[-1] - place >= 2 * LABEL_GAP:
            kept.append(place)
    if scale.places[-1] - kept[0] >= LABEL_GAP:
        kept.append(scale.places[-1])
    by_place = {place: at for at, place in zip(scale.times, scale.places, strict=True)}
    return tuple(Tick(x=place, at=_iso(by_place[place])) for place in kept)


def _iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, tz=UTC).isoformat(timespec="milliseconds")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
