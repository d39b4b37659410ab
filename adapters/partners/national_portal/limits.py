"""What the portal cannot take is found here, before sending: never cut, never guessed (promise P7).

Limits were found by failure, and their unit is not known (NOTES.md#r70, #r71, #r72).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from bus.errors import Unmappable

RECORD_LIMITS: Final = {"GhiChu": 2000, "TrichYeuHoSo": 1000}
STEP_LIMITS: Final = {"NguoiXuLy": 50}
NESTED_LIMITS: Final = (
    ("TaiLieuNop", "TenTepDinhKem", 4000),
    ("DanhSachTepDinhKemKhac", "TenGiayTo", 2000),
    ("DanhSachGiayToKetQua", "TenGiayTo", 2000),
)
RECORD_REQUIRED: Final = (
    "MaHoSo",
    "MaTTHC",
    "TenTTHC",
    "MaLinhVuc",
    "TenLinhVuc",
    "LoaiDoiTuong",
    "NgayTiepNhan",
    "TrangThaiHoSo",
    "HinhThuc",
    "DonViXuLy",
    "KenhThucHien",
    "ChuHoSo",
    "TrichYeuHoSo",
)
"""NOTES.md#r55 to #r58. `NgayHenTra` may be empty: the portal then computes it."""
STEP_REQUIRED: Final = ("MaHoSo", "NguoiXuLy", "ThoiDiemXuLy", "NoiDungXuLy", "TrangThai")
"""NOTES.md#r92."""

Unit = Literal["characters", "bytes"]
Measure = Callable[[str], int]


def check_record(record: Mapping[str, Any], unit: Unit) -> None:
    """Raise `Unmappable` for the first field that the portal would refuse."""
    measure = _measure(unit)
    _check_flat(record, RECORD_REQUIRED, RECORD_LIMITS, measure)
    for group, name, limit in NESTED_LIMITS:
        if items := record[group]:
            _check_items(group, items, name, limit, measure)
    for index, supplement in enumerate(record["DanhSachHoSoBoSung"]):
        group = f"DanhSachHoSoBoSung[{index}].DanhSachGiayToBoSung"
        _check_items(group, supplement["DanhSachGiayToBoSung"], "TenTepDinhKem", 4000, measure)


def check_step(step: Mapping[str, Any], unit: Unit) -> None:
    """Raise `Unmappable` for the first field that the portal would refuse."""
    _check_flat(step, STEP_REQUIRED, STEP_LIMITS, _measure(unit))


def _check_flat(
    fields: Mapping[str, Any], required: Sequence[str], limits: Mapping[str, int], measure: Measure
) -> None:
    for name in required:
        value = fields[name]
        if not value or value.isspace():
            raise Unmappable(field=name, rule="missing")
    for name, limit in limits.items():
        _check_length(name, fields[name], limit, measure)


def _check_items(group: str, items: Sequence[Mapping[str, Any]], name: str, limit: int, measure: Measure) -> None:
    for index, item in enumerate(items):
        if measure(item[name]) > limit:
            _check_length(f"{group}[{index}].{name}", item[name], limit, measure)


def _check_length(field: str, value: str, limit: int, measure: Measure) -> None:
    size = measure(value)
    if size > limit:
        # The value itself stays out: notes and summaries hold personal data, and this text reaches the log.
        raise Unmappable(field=field, rule="too_long", value=f"{size} > {limit}")


def _measure(unit: Unit) -> Measure:
    return len if unit == "characters" else _bytes


def _bytes(value: str) -> int:
    return len(value.encode())
