"""The fields of what the portal sends to the province, as tables of checks (`NOTES.md` section 14).

The mock sends these messages and judges none; samples of both sides, and what it sends itself, are held against them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from contracts.national_portal.checks import Check, Inspection, Table, address, look, number, rows, text, time

FLAGS: Final = (True, False, "True", "False", "true", "false")


def part(table: Table, rule: str) -> Check:
    """One object, checked by its own table."""

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if type(value) is dict:
            look(seen, f"{where}{name}.", table, value)
        else:
            seen.refuse(rule, where + name, "phải là đối tượng", expected="an object", found=type(value).__name__)

    return check


def open_part(rule: str, *known: str) -> Check:
    """One object of which the sources name the first members only."""

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if type(value) is not dict or not all(type(value.get(member)) is str for member in known):
            seen.refuse(rule, where + name, "phải là đối tượng", expected=f"an object of {known}")

    return check


def inline(seen: Inspection, where: str, name: str, value: Any) -> None:
    """A file's content as base64, or nothing (r321)."""
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        seen.refuse("r321", where + name, "không phải base64", expected="base64")


def flag(seen: Inspection, where: str, name: str, value: Any) -> None:
    """A boolean, or a text that says one (r324)."""
    if value not in FLAGS or type(value) not in (bool, str):
        seen.refuse("r324", where + name, "phải là true hoặc false", expected="a boolean, as itself or as a text")


def state(seen: Inspection, where: str, name: str, value: Any) -> None:
    """How a payment stands: a whole number (r326)."""
    if type(value) is not int:
        seen.refuse("r326", where + name, "phải là số nguyên", expected="a whole number")


PLACE: Final[Table] = dict.fromkeys(("MaTinh", "MaHuyen", "MaXa", "DiaChiChiTiet"), text())
ATTACHED: Final[Table] = {"TenTepDinhKem": text(empty="r321"), "Base64": inline}

TRADER: Final[Table] = {
    "TenThuongNhan": text(empty="r322"),
    "DiaChiDoanhNghiep": part(PLACE, "r321"),
    "DienThoai": text(),
    "Fax": text(),
    "Email": text(),
    "MaSoThue": text(empty="r322"),
    "NguoiLienHe": text(),
    "SoDienThoaiNguoiLienHe": text(),
}

NOTICE: Final[Table] = {  # r321
    "MaHoSo": number("r322"),
    "MaTTHC": text(empty="r322"),
    "SoVanBan": text(),
    "NgayNopHoSo": time(empty="r322"),
    **TRADER,
    "TenChuongTrinhKhuyenMai": text(),
    "HinhThucKhuyenMai": text(),
    "ThoiGianKhuyenMaiTu": time(),
    "ThoiGianKhuyenMaiDen": time(),
    "HangHoaDichVuKhuyenMai": text(),
    "SoLuongHangHoaDichVu": text(),
    "KhachHang": text(),
    "CoCauGiaiThuong": text(),
    "TongGiaTriHangHoa": text(),
    "NoiDungChiTiet": text(),
    "TenCacThuongNhanCungThucHien": text(),
    "TenTepDonDangKy": text(),
    "TepDonDangKy": inline,
    "TaiLieuNop": rows(ATTACHED, "r321"),
}

CHANGE: Final[Table] = {  # r325
    "MaHoSoQG": number("r325"),
    "MaTTHC": text(),
    "SoVanBan": text(),
    "NgayNopHoSo": time(empty="r325"),
    **TRADER,
    "ThongTinDaNop": open_part("r325", "MaHoSoQGDNP"),
    "ThongTinSuaDoi": open_part("r325"),
    "LyDoDieuChinh": text(),
    "NoiDungCamKetKhac": text(),
    "TenTepDangKy": text(),
    "URLTepDangKy": address,
}

PAYMENT: Final[Table] = {
    "MaThongBaoThue": text(),
    "ThoiGianThanhToan": time(),
    "SoTien": text(),
    "NoiDungThanhToan": text(),
    "TrangThaiThanhToan": state,
}
RECEIPT: Final[Table] = {  # r326
    "MaHoSo": number("r326"),
    "MaSoThue": text(),
    "HoTenNguoiNopTien": text(),
    "UrlFileChungTu": address,
    "ThongTinThanhToan": part(PAYMENT, "r326"),
}
RECEIPTS: Final = "NhanChungTuThueDat"


def look_at_sent(seen: Inspection, service: str, body: Mapping[str, Any]) -> None:
    """A whole call of the portal: `addtthcKhuyenMai`, or `nhanhsdvcqg` with a change or a receipt."""
    if service == "addtthcKhuyenMai":
        _whole(seen, "", NOTICE, body, "r321")
        return
    is_receipt = body.get("service") == RECEIPTS
    data = part(RECEIPT if is_receipt else CHANGE, "r324")
    look(seen, "", {"service": text(), "isUpdating": flag, "isSync": flag, "data": data}, body)
    if type(inside := body.get("data")) is dict:
        _all_there(seen, "data.", RECEIPT if is_receipt else CHANGE, inside, "r326" if is_receipt else "r325")


def _whole(seen: Inspection, where: str, table: Table, row: Mapping[str, Any], rule: str) -> None:
    _all_there(seen, where, table, row, rule)
    look(seen, where, table, row)


def _all_there(seen: Inspection, where: str, table: Table, row: Mapping[str, Any], rule: str) -> None:
    for name in table.keys() - row.keys():
        seen.refuse(rule, where + name, "bị thiếu", expected="this member", found="absent")
