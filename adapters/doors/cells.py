"""Pure. One cell of a file to one member of an event; what a spreadsheet may have spoiled is refused, never guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, Final, Literal, TypeAlias

Reads = Literal["text", "identifier", "phone", "integer", "boolean", "time"]


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A cell whose shown value is not what was typed: a formula, an error, a part of a merged range."""

    reason: str
    shown: str = ""
    """The text that stands there, good enough to name a column by."""


Cell: TypeAlias = str | int | float | bool | date | time | timedelta | Spoiled
"""What a reader gives: texts from CSV; numbers, dates and the rest from a workbook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a file: what its cells are, and which members they fill."""

    name: str
    pointers: tuple[str, ...]
    reads: Reads
    zone: tzinfo
    values: Mapping[str, str | int | bool] = field(default_factory=dict)
    """What stands in a cell → what the event says; all else is refused."""
    formats: tuple[str, ...] = ()
    """Forms of a time as `strptime` knows them, or "iso"."""
    clock: str = ""
    """The time of day, `17:00`, of a date that has none."""
    serial: Literal[0, 1900, 1904] = 0
    """Whether a plain number is a day of that calendar of Excel's."""
    thousands: str = ""
    """What groups the digits of a whole number."""
    is_optional: bool = False
    """Whether the file may lack this column."""


class CellRefused(Exception):
    """The cell cannot be taken; `reason` names the sentence."""

    def __init__(self, rule: str, reason: str, **facts: str) -> None:
        self.rule = rule
        self.reason = reason
        self.facts = facts
        super().__init__(reason)


def tidy(text: str) -> str:
    """Composed, with single blanks: what names of columns and values are compared by."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def read(cell: Cell, column: Column) -> Any:
    """The member's value, or None for an empty cell. Raises CellRefused."""
    if isinstance(cell, Spoiled):
        raise CellRefused("wrong_type", cell.reason)
    if isinstance(cell, str):
        cell = cell.strip()
        if not cell:
            return None
        if _BROKEN.search(cell):
            raise CellRefused("not_utf8", "cell_characters")
    if column.values:
        return _looked_up(cell, column)
    return _READERS[column.reads](cell, column)


# What no text holds: control characters, halves of characters, and the mark of one that was lost before.
_BROKEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ud800-\udfff]")
# How a spreadsheet shortens a long number; its last digits are gone for good.
_SHORTENED: Final = re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?[eE][+-][0-9]{2,}\Z")
_BARE_DAY: Final = re.compile(r"[0-9]{5}(?:[.,][0-9]+)?\Z")


def _looked_up(cell: Cell, column: Column) -> str | int | bool:
    told = column.values.get(tidy(_as_text(cell)))
    if told is None:
        raise CellRefused("enum", "cell_unknown_value", allowed=", ".join(sorted(column.values)))
    return told


def _as_text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _text(cell: Cell, column: Column) -> str:
    if isinstance(cell, str):
        return cell
    # 099000000001 kept as a number is 99000000001: how many zeros went before it nobody can tell.
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    raise CellRefused("wrong_type", "cell_number" if is_number else "cell_no_text")


def _identifier(cell: Cell, column: Column) -> str:
    text = _text(cell, column)
    if _SHORTENED.match(text):
        raise CellRefused("wrong_type", "cell_shortened")
    return text


def _phone(cell: Cell, column: Column) -> str:
    text = _identifier(cell, column)
    if re.fullmatch("[1-9][0-9]{8}", text):
        raise CellRefused("wrong_type", "cell_lost_zeros")
    return text


def _integer(cell: Cell, column: Column) -> int:
    if isinstance(cell, str):
        if _SHORTENED.match(cell):
            raise CellRefused("wrong_type", "cell_shortened")
        if column.thousands and re.fullmatch(rf"[0-9]{{1,3}}(?:{re.escape(column.thousands)}[0-9]{{3}})+", cell):
            cell = cell.replace(column.thousands, "")
        if re.fullmatch("[0-9]{1,15}", cell):
            return int(cell)
    elif not isinstance(cell, bool) and isinstance(cell, int | float) and abs(cell) < 2**53 and cell == int(cell):
        return int(cell)
    raise CellRefused("wrong_type", "cell_not_whole")


def _boolean(cell: Cell, column: Column) -> bool:
    told = {"true": True, "false": False}.get(_as_text(cell).lower())
    if told is None:
        raise CellRefused("wrong_type", "cell_no_boolean")
    return told


# -- times -------------------------------------------------------------------------------------------------------------

_DAY_ONE: Final = {1900: datetime(1899, 12, 30), 1904: datetime(1904, 1, 1)}  # noqa: DTZ001  # the zone comes later
_TRUE_FROM: Final = {1900: 61, 1904: 0}
"""Before its 61st day Excel's older calendar counts a 29 February 1900."""


def _time(cell: Cell, column: Column) -> str:
    if isinstance(cell, str):
        if _BARE_DAY.match(cell):
            return _time_of_number(float(cell.replace(",", ".")), column)
        return _written_time(cell, column)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _time_of_number(float(cell), column)
    if isinstance(cell, datetime):
        return _told(cell, column)
    if isinstance(cell, date):
        return _told(_with_clock(datetime(cell.year, cell.month, cell.day), column), column)  # noqa: DTZ001
    raise CellRefused("wrong_type", "cell_no_time", formats=", ".join(column.formats))


def _time_of_number(days: float, column: Column) -> str:
    if not column.serial:
        raise CellRefused("wrong_type", "cell_day_number")
    if not _TRUE_FROM[column.serial] <= days < 200_000:
        raise CellRefused("out_of_range", "cell_day_number")
    moment = _DAY_ONE[column.serial] + timedelta(days=days)
    return _told(_with_clock(moment, column) if days == int(days) else moment, column)


def _written_time(text: str, column: Column) -> str:
    """As one of the forms says; two that read it differently are no answer."""
    found = {moment for form in column.formats if (moment := _in_form(text, form, column)) is not None}
    if len(found) > 1:
        raise CellRefused("wrong_type", "cell_two_times", formats=", ".join(column.formats))
    if not found:
        raise CellRefused("wrong_type", "cell_no_time", formats=", ".join(column.formats))
    return found.pop()


def _in_form(text: str, form: str, column: Column) -> str | None:
    try:
        moment = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError:
        return None
    has_clock = len(text) > len("2026-07-03") if form == "iso" else "%H" in form or "%I" in form
    return _told(moment if has_clock else _with_clock(moment, column), column)


def _with_clock(day: datetime, column: Column) -> datetime:
    if not column.clock:
        raise CellRefused("wrong_type", "cell_no_clock")
    hour, minute = column.clock.split(":")
    return day.replace(hour=int(hour), minute=int(minute))


def _told(moment: datetime, column: Column) -> str:
    """To the second, with a zone: a workbook's times are fractions of a day, a hair beside the second meant."""
    whole = (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
    return (whole if whole.tzinfo else whole.replace(tzinfo=column.zone)).isoformat()


def zone_of(text: str) -> tzinfo:
    """The zone of `+07:00`. Raises ValueError."""
    found = re.fullmatch(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])", text)
    if found is None:
        raise ValueError("zone must read like +07:00")
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(ahead if found[1] == "+" else -ahead)


_READERS: Final[Mapping[str, Callable[[Cell, Column], Any]]] = {
    "text": _text,
    "identifier": _identifier,
    "phone": _phone,
    "integer": _integer,
    "boolean": _boolean,
    "time": _time,
}
