"""Pure. Trễ do ai?: overdue dossiers' time by unit and month, as sums, shares and bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.doors.console.links import url_for
from bus.late_book import DossierRow, MonthRow
from bus.lateness import PARTS

SORTS: Final = ("month", "unit", "dossiers", "only_sync", "whole", *PARTS)
"""What the table can be sorted by; numbers the largest first."""
MOST_BARS: Final = 12
"""Units with a bar of their own; the rest is in the table."""
HOUR: Final = 3_600_000
WIDTH: Final = 560
"""Of a whole bar, in the picture's own units."""
BAR: Final = 22
STEP: Final = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Overdue dossiers put together, and whose their time was; times in hours."""

    month: int | None
    unit: str | None
    unit_name: str
    dossiers: int
    only_sync: int
    running: int
    whole: float
    parts: dict[str, float]
    address: str | None = None

    @property
    def sync_share(self) -> float:
        """Of all overdue ones, those that only the synchronisation made late; percent."""
        return 100 * self.only_sync / self.dossiers if self.dossiers else 0.0

    @property
    def month_text(self) -> str:
        """07/2026."""
        return "" if self.month is None else month_text(self.month)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One part of a bar."""

    part: str
    x: float
    width: float
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a picture."""

    label: str
    y: int
    pieces: tuple[Piece, ...]
    hours: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Bars under one another, the longest as wide as the picture."""

    name: str
    bars: tuple[Bar, ...]
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A column's head: sorts the table by it."""

    name: str
    address: str
    is_sorted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the address asks for."""

    first: int
    last: int
    unit: str
    sort: str

    def address(self, **other: str | None) -> str:
        """The same with something changed."""
        told: dict[str, str | None] = {
            "from": month_text(self.first, iso=True),
            "to": month_text(self.last, iso=True),
            "unit": self.unit or None,
            "sort": self.sort,
        }
        return url_for("lateness", **(told | other))


@dataclass(frozen=True, slots=True, kw_only=True)
class LatenessView:
    """The page."""

    chosen: Chosen
    total: Sum
    parts: tuple[str, ...]
    """Those that had any time: a column of dashes tells nothing."""
    rows: tuple[Sum, ...]
    heads: tuple[Head, ...]
    pictures: tuple[Picture, ...]
    units: tuple[tuple[str, str], ...]
    complete_at: datetime | None
    share: float
    has_book: bool

    @property
    def asked(self) -> dict[str, str]:
        """The same months and unit, for what takes the figures away."""
        chosen = self.chosen
        months = {"from": month_text(chosen.first, iso=True), "to": month_text(chosen.last, iso=True)}
        return months | {"unit": chosen.unit}


@dataclass(frozen=True, slots=True, kw_only=True)
class LateDossier:
    """One dossier's account."""

    row: DossierRow
    hours: float
    parts: dict[str, float]
    pieces: tuple[Piece, ...]
    main: str
    """The part that had it longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateDossiersView:
    """Of one unit and month."""

    month: str
    unit: str
    unit_name: str
    sync: bool | None
    dossiers: tuple[LateDossier, ...]
    older: str | None
    back: str
    sync_address: str
    all_address: str
    is_foreign: bool
    """The address was made for somebody else: the first page is shown."""


Named = Callable[[str], str]


def lateness_view(
    rows: Sequence[MonthRow],
    chosen: Chosen,
    named: Named,
    *,
    complete_at: datetime | None,
    share: float,
    has_book: bool,
) -> LatenessView:
    """From the book's rows within the months; `named` tells a unit's name."""
    units = sorted({row.unit for row in rows}, key=lambda unit: (unit == "", named(unit)))
    wanted = [row for row in rows if not chosen.unit or row.unit == chosen.unit]
    sums = [_sum([row], row.month, row.unit, named) for row in wanted]
    by_month = [_sum([row for row in wanted if row.month == month], month, None, named) for month in _months(wanted)]
    by_unit = [
        _sum([row for row in wanted if row.unit == unit], None, unit, named) for unit in {r.unit for r in wanted}
    ]
    by_unit.sort(key=lambda one: (-one.whole, one.unit_name))
    pictures = (
        picture("months", [(one.month_text, one) for one in by_month]),
        picture("units", [(one.unit_name, one) for one in by_unit[:MOST_BARS]]),
    )
    total = _sum(wanted, None, None, named)
    parts = tuple(part for part in PARTS if total.parts[part])
    return LatenessView(
        chosen=chosen,
        total=total,
        parts=parts,
        rows=tuple(_sorted(sums, chosen.sort)),
        heads=tuple(
            Head(name=name, address=chosen.address(sort=name), is_sorted=name == chosen.sort)
            for name in SORTS
            if name not in PARTS or name in parts
        ),
        pictures=tuple(one for one in pictures if one.bars),
        units=tuple((unit, named(unit)) for unit in units),
        complete_at=complete_at,
        share=share,
        has_book=has_book,
    )


def _months(rows: Iterable[MonthRow]) -> list[int]:
    return sorted({row.month for row in rows})


def _sum(rows: Sequence[MonthRow], month: int | None, unit: str | None, named: Named) -> Sum:
    is_one = month is not None and unit is not None
    return Sum(
        month=month,
        unit=unit,
        unit_name="" if unit is None else named(unit),
        dossiers=sum(row.dossiers for row in rows),
        only_sync=sum(row.only_sync for row in rows),
        running=sum(row.running for row in rows),
        whole=sum(row.whole for row in rows) / HOUR,
        parts={part: sum(row.parts[part] for row in rows) / HOUR for part in PARTS},
        address=url_for("late_dossiers", month=month_text(month, iso=True), unit=unit) if is_one else None,  # type: ignore[arg-type]
    )


def _sorted(sums: Iterable[Sum], sort: str) -> list[Sum]:
    def key(one: Sum) -> tuple[float | str, ...]:
        if sort == "unit":
            return (one.unit_name, -(one.month or 0))
        if sort == "month":
            return (-(one.month or 0), -one.whole, one.unit_name)
        size = one.parts[sort] if sort in PARTS else float(getattr(one, sort))
        return (-size, -(one.month or 0), one.unit_name)

    return sorted(sums, key=key)


# -- pictures ----------------------------------------------------------------------------------------------------------


def picture(name: str, sums: Sequence[tuple[str, Sum]]) -> Picture:
    """A bar for each, on one scale."""
    longest = max((one.whole for _label, one in sums), default=0.0)
    bars = tuple(
        _bar(label, one, n, WIDTH / longest if longest else 0.0) for n, (label, one) in enumerate(sums) if one.whole
    )
    return Picture(name=name, bars=bars, height=max(1, len(sums)) * STEP)


def _bar(label: str, one: Sum, n: int, scale: float) -> Bar:
    pieces = pieces_of(one.parts, scale)
    end = pieces[-1].x + pieces[-1].width if pieces else 0.0
    return Bar(label=label, y=n * STEP, pieces=pieces, hours=one.whole, end=end)


def pieces_of(parts: dict[str, float], scale: float) -> tuple[Piece, ...]:
    """A bar's parts side by side; those without any time are left out."""
    found, x = [], 0.0
    for part in PARTS:
        if hours := parts[part]:
            found.append(Piece(part=part, x=round(x, 1), width=round(hours * scale, 1), hours=hours))
            x += hours * scale
    return tuple(found)


# -- one month's dossiers ----------------------------------------------------------------------------------------------


def late_dossier(row: DossierRow) -> LateDossier:
    """One line, with a bar as wide as the whole."""
    parts = {part: took / HOUR for part, took in row.parts.items()}
    hours = row.whole / HOUR
    main = max(PARTS, key=lambda part: parts[part])
    return LateDossier(row=row, hours=hours, parts=parts, pieces=pieces_of(parts, 120 / hours), main=main)


def month_text(month: int, *, iso: bool = False) -> str:
    """07/2026; 2026-07 in an address."""
    year, n = divmod(month, 12)
    return f"{year}-{n + 1:02d}" if iso else f"{n + 1:02d}/{year}"
