"""One cell to one member: what may be read in one way only is read, all else is refused with its reason."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest

from adapters.doors import words
from adapters.doors.cells import Cell, CellRefused, Column, Spoiled, read, zone_of

FORMS = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "iso")


def column(reads: Any = "text", **told: Any) -> Column:
    """A column of the usual forms."""
    base: dict[str, Any] = {"name": "Cột", "pointers": ("/x",), "zone": zone_of("+07:00"), "formats": FORMS}
    return Column(reads=reads, **(base | told))


def refused(cell: Cell, told: Column) -> str:
    """The reason of the refusal; its sentence is there in both languages."""
    with pytest.raises(CellRefused) as trouble:
        read(cell, told)
    for language in words.LANGUAGES:
        assert words.reason(trouble.value.reason, language, trouble.value.facts)
    return trouble.value.reason


@pytest.mark.parametrize(
    ("told", "cell", "value"),
    [
        (column(), " một dòng \nhai ", "một dòng \nhai"),
        (column(), " \t", None),
        (column("identifier"), "012E05", "012E05"),
        (column("phone"), "0900000001", "0900000001"),
        (column("phone"), "84900000001", "84900000001"),
        (column("integer"), "75000", 75000),
        (column("integer"), 75000.0, 75000),
        (column("integer", thousands="."), "75.000", 75000),
        (column("boolean"), True, True),
        (column("boolean"), "FALSE", False),
        (column("boolean", values={"có": True, "": False}), "có", True),
        (column(values={"Đã xong": "completed"}), " Đã  xong", "completed"),
        (column(values={"5": "completed"}), 5.0, "completed"),
        (column(values={"true": "completed"}), True, "completed"),
        (column("time"), "03/07/2026 07:30", "2026-07-03T07:30:00+07:00"),
        (column("time"), "3/7/2026 7:30:05", "2026-07-03T07:30:05+07:00"),
        (column("time"), "2026-07-03T07:30:00Z", "2026-07-03T07:30:00+00:00"),
        (column("time"), "2026-07-03 07:30", "2026-07-03T07:30:00+07:00"),
        (column("time", clock="17:00"), "03/07/2026", "2026-07-03T17:00:00+07:00"),
        (column("time", clock="17:00"), date(2026, 7, 3), "2026-07-03T17:00:00+07:00"),
        (column("time"), datetime(2026, 7, 3, 7, 29, 59, 999_999), "2026-07-03T07:30:00+07:00"),  # noqa: DTZ001
        (column("time", serial=1900), 46206.3125, "2026-07-03T07:30:00+07:00"),
        (column("time", serial=1904), "44744,3125", "2026-07-03T07:30:00+07:00"),
        (column("time", serial=1900, clock="08:00"), 46206.0, "2026-07-03T08:00:00+07:00"),
    ],
)
def test_taken(told: Column, cell: Cell, value: object) -> None:
    """What is written in one of the map's ways is taken as the event wants it."""
    assert value == read(cell, told)


@pytest.mark.parametrize(
    ("told", "cell", "reason"),
    [
        (column(), Spoiled("cell_formula"), "cell_formula"),
        (column(), 99000000001.0, "cell_number"),
        (column(), True, "cell_no_text"),
        (column(), date(2026, 7, 3), "cell_no_text"),
        (column(), "a\x00b", "cell_characters"),
        (column(), "Nguy\ufffdn", "cell_characters"),
        (column(), "\udcff", "cell_characters"),
        (column("identifier"), "1.2E+05", "cell_shortened"),
        (column("identifier"), "9,9E+10", "cell_shortened"),
        (column("integer"), "1.2E+05", "cell_shortened"),
        (column("phone"), "900000001", "cell_lost_zeros"),
        (column("integer"), "75.000", "cell_not_whole"),
        (column("integer", thousands="."), "7.50", "cell_not_whole"),
        (column("integer"), "-1", "cell_not_whole"),
        (column("integer"), 1.5, "cell_not_whole"),
        (column("integer"), float("inf"), "cell_not_whole"),
        (column("integer"), 1e300, "cell_not_whole"),
        (column("integer"), True, "cell_not_whole"),
        (column("boolean"), "có", "cell_no_boolean"),
        (column(values={"a": "b"}), "c", "cell_unknown_value"),
        (column("time"), "hôm qua", "cell_no_time"),
        (column("time"), "31/02/2026 07:30", "cell_no_time"),
        (column("time"), True, "cell_no_time"),
        (column("time"), time(7, 30), "cell_no_time"),
        (column("time", formats=("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")), "03/07/2026 07:30", "cell_two_times"),
        (column("time"), "03/07/2026", "cell_no_clock"),
        (column("time"), "2026-07-03", "cell_no_clock"),
        (column("time"), date(2026, 7, 3), "cell_no_clock"),
        (column("time"), 46206.3125, "cell_day_number"),
        (column("time"), "46206", "cell_day_number"),
        (column("time", serial=1900), 60.0, "cell_day_number"),
        (column("time", serial=1900), 1e9, "cell_day_number"),
        (column("time", serial=1900), float("nan"), "cell_day_number"),
    ],
)
def test_refused(told: Column, cell: Cell, reason: str) -> None:
    """What a spreadsheet may have spoiled, or what can be read in two ways, is refused and says why."""
    assert reason == refused(cell, told)


def test_zone_is_an_offset() -> None:
    """A zone is an offset, west or east; a name, which another machine may not know, is none."""
    moment = datetime(2026, 7, 3)  # noqa: DTZ001
    assert "-03:30" == moment.replace(tzinfo=zone_of("-03:30")).isoformat()[-6:]
    with pytest.raises(ValueError, match=r"\+07:00"):
        zone_of("Asia/Ho_Chi_Minh")
