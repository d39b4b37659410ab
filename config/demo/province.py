"""The invented province H99: its departments, communes, procedures and working time."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Final

from config.demo.people import words

LOCAL: Final = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh, which has no summer time."""

DAYS_OFF: Final = frozenset(
    date(2026, month, day)
    for month, days in {1: (1, 2), 2: range(16, 21), 4: (27, 30), 5: (1,), 8: (31,), 9: (1, 2), 11: (24,)}.items()
    for day in days
)
"""Of 2026, on weekdays. The Government sets them each year; a demo of another year has weekends only."""
WORKED_SATURDAYS: Final = frozenset({date(2026, 1, 10), date(2026, 8, 22)})
"""Worked in exchange for a bridging day."""

_MORNING: Final = time(7, 30)
_AFTERNOON: Final = time(13, 30)
_CLOSING: Final = time(17, 0)
_MORNING_MINUTES: Final = 240
_DAY_MINUTES: Final = 450

DEPARTMENTS: Final = {
    "01": "Sở Nội vụ",
    "02": "Sở Tư pháp",
    "03": "Sở Tài chính",
    "04": "Sở Công Thương",
    "05": "Sở Y tế",
    "06": "Sở Giáo dục và Đào tạo",
    "07": "Sở Nông nghiệp và Môi trường",
    "08": "Sở Khoa học và Công nghệ",
    "09": "Sở Xây dựng",
    "10": "Sở Văn hóa, Thể thao và Du lịch",
    "11": "Sở Dân tộc và Tôn giáo",
    "12": "Công an tỉnh",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """An office that receives dossiers."""

    code: str
    """As events name it."""
    number_prefix: str
    """As dossier numbers begin."""
    name: str
    department: str
    """Two digits for a department of the province, empty for a commune."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """What can be applied for. Fees and days are for show: they are not legal facts."""

    code: str
    name: str
    field: str
    department: str
    fee: int | None
    working_days: int | None


OWNED_ELSEWHERE: Final = Procedure(
    code="1.014389",
    name="Cấp Giấy chứng nhận đăng ký tổ chức khoa học và công nghệ",
    field="Hoạt động khoa học và công nghệ",
    department="08",
    fee=None,
    working_days=15,
)
"""Handled in a ministry's own system, which alone confirms a status."""


@cache
def departments() -> tuple[Unit, ...]:
    """The province's departments."""
    return tuple(
        Unit(code=f"000.00.{n}.H99", number_prefix=f"H99.{n}", name=name, department=n)
        for n, name in DEPARTMENTS.items()
    )


@cache
def communes() -> tuple[Unit, ...]:
    """The province's communes, wards and its special zone."""
    return tuple(
        Unit(code=f"000.{n:02d}.20.H99", number_prefix=f"H99.20.{n:02d}", name=name, department="")
        for n, name in enumerate(words()["communes"], start=1)
    )


@cache
def procedures() -> tuple[Procedure, ...]:
    """The procedures that are applied for in the demo."""
    text = (files(__package__) / "procedures.csv").read_text(encoding="utf-8")
    return tuple(
        Procedure(
            code=row["code"],
            name=row["name"],
            field=row["field"],
            department=row["department"],
            fee=int(row["fee_vnd"]) if row["fee_vnd"] else None,
            working_days=int(row["working_days"]) if row["working_days"] else None,
        )
        for row in csv.DictReader(io.StringIO(text))
    )


def is_working_day(day: date) -> bool:
    """Whether offices are open."""
    return day in WORKED_SATURDAYS or (day.weekday() < 5 and day not in DAYS_OFF)


def add_working_days(start: datetime, days: int) -> datetime:
    """Closing time of the `days`-th working day after `start`."""
    day = start.astimezone(LOCAL).date()
    while days > 0:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return datetime.combine(day, _CLOSING, LOCAL)


class WorkingTime:
    """The open hours before a day's end as one line of minutes, so that a life can be laid on it."""

    def __init__(self, last_day: date, days: int) -> None:
        found: list[date] = []
        day = last_day
        while len(found) < days:
            if is_working_day(day):
                found.append(day)
            day -= timedelta(days=1)
        self._days = found[::-1]
        self.minutes = days * _DAY_MINUTES

    def at(self, minute: int, second: int = 0) -> datetime:
        """The moment after so many open minutes."""
        day, rest = self._days[minute // _DAY_MINUTES], minute % _DAY_MINUTES
        is_morning = rest < _MORNING_MINUTES
        opening, rest = (_MORNING, rest) if is_morning else (_AFTERNOON, rest - _MORNING_MINUTES)
        return datetime.combine(day, opening, LOCAL) + timedelta(minutes=rest, seconds=second)
