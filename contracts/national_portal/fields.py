"""The fields of a dossier's record and of a step, as tables of checks (`NOTES.md` sections 4 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from contracts.national_portal.checks import (
    Inspection,
    Table,
    address,
    amount,
    boolean,
    code,
    deleted,
    look,
    number,
    procedure,
    rows,
    status,
    text,
    time,
    whole,
)

DOCUMENT: Final[Table] = {  # r73
    "TepDinhKemId": text(),
    "TenTepDinhKem": text(limit=4000),
    "IsDeleted": deleted,
    "MaThanhPhanHoSo": text(),
    "DuongDanTaiTepTin": address,
    "DuocSoHoa": code("r69", "0", "1"),
    "DuocTaiSuDung": code("r69", "0", "1", "2"),
    "DuocLayTuKhoDMQG": code("r69", "0", "1"),
    "MaKetQuaThayThe": text(),
}

FEE: Final[Table] = {  # r76
    "TenPhiLePhi": text(),
    "MaPhiLePhi": text(),
    "HinhThucThu": text(),
    "Gia": amount,
    "LoaiPhiLePhi": text(),
}

ENCLOSURE: Final[Table] = {  # r77
    "TenGiayTo": text(limit=2000),
    "SoLuong": whole("r77"),
    "LoaiGiayTo": whole("r77"),
}

SUPPLEMENT: Final[Table] = {  # r78
    "HoSoBoSungId": whole("r78", or_text=True),
    "NguoiYeuCauBoSung": text(),
    "NoiDungBoSung": text(),
    "NgayBoSung": time(),
    "NguoiTiepNhanBoSung": text(),
    "ThongTinTiepNhan": text(),
    "NgayTiepNhanBoSung": time(),
    "TrangThaiBoSung": boolean("r78"),
    "DanhSachGiayToBoSung": rows(DOCUMENT, "r73"),
    "DanhSachLePhiBoSung": rows(FEE, "r76"),
    "NgayHenTraTruoc": time(),
    "NgayHenTraMoi": time(),
}

RESULT: Final[Table] = {  # r79
    "TenGiayTo": text(limit=2000),
    "MaThanhPhanHoSo": text(),
    "GiayToId": text(),
    "DuongDanTepTinKetQua": address,
    "MaGiayToKetQua": text(),
}

IDENTITY: Final[Table] = {"LoaiDinhDanh": text(), "SoDinhDanh": text()}  # r80
DATABASE: Final[Table] = {"MaCSDL": text()}  # r80

RECORD: Final[Table] = {
    "MaHoSo": number("r55"),
    "MaTTHC": procedure,
    "TenTTHC": text(empty="r57"),
    "MaLinhVuc": text(empty="r57"),
    "TenLinhVuc": text(empty="r57"),
    "SoBienNhan": text(),
    "KenhThucHien": code("r66", "1", "2", "3", empty="r58", null=True),
    "SoGiayToChuHoSo": text(),
    "ChuHoSo": text(empty="r58"),
    "LoaiDoiTuong": code("r68", "1", "2", "3", "4", empty="r57"),
    "MaDoiTuong": text(null=True),
    "ThongTinKhac": text(),
    "Email": text(),
    "Fax": text(),
    "SoDienThoai": text(),
    "TrichYeuHoSo": text(limit=1000, empty="r58"),
    "NgayTiepNhan": time(empty="r55"),
    "NgayHenTra": time(empty="r58"),
    "TrangThaiHoSo": status("r55"),
    "NgayTra": time(),
    "ThongTinTra": text(),
    "HinhThuc": code("r67", "0", "1", empty="r57"),
    "NgayKetThucXuLy": time(),
    "DonViXuLy": text(empty="r57"),
    "GhiChu": text(limit=2000),
    "TaiLieuNop": rows(DOCUMENT, "r73"),
    "DanhSachLePhi": rows(FEE, "r76"),
    "DanhSachTepDinhKemKhac": rows(ENCLOSURE, "r77"),
    "DanhSachHoSoBoSung": rows(SUPPLEMENT, "r78"),
    "DanhSachGiayToKetQua": rows(RESULT, "r79"),
    "NoiNopHoSo": code("r69", "1", "2"),
    "HoSoCoThanhPhanSoHoa": code("r69", "0", "1"),
    "TaiKhoanDuocXacThucVoiVNeID": code("r69", "0", "1"),
    "DuocThanhToanTrucTuyen": code("r69", "0", "1", "2"),
    "NgayTuChoi": time(),
    "DinhDanhCHS": rows(IDENTITY, "r80"),
    "NgayNopHoSo": time(),
    "DSKetNoiCSDL": rows(DATABASE, "r80"),
}

STEP: Final[Table] = {
    "MaHoSo": number("r92"),
    "NguoiXuLy": text(limit=50, empty="r92"),
    "ChucDanh": text(),
    "ThoiDiemXuLy": time(empty="r92"),
    "PhongBanXuLy": text(),
    "NoiDungXuLy": text(empty="r92"),
    "TrangThai": status("r92"),
    "NgayBatDau": time(),
    "NgayKetThucTheoQuyDinh": time(),
}

PAPER: Final[Table] = {name: DOCUMENT[name] for name in ("TepDinhKemId", "TenTepDinhKem", "IsDeleted")} | {  # r304
    "MaThanhPhanHoSo": text(),
    "DuongDanTaiTepTin": address,
}


def told_status(codes: frozenset[str]) -> Table:
    """`data` of `DongBoTrangThaiHoSo` under one reading of its codes (r301 to r305)."""
    return {
        "MaHoSo": number("r305"),
        "MaHoSoDonVi": text(empty="r305"),
        "MaDoiTuong": text(),
        "NoiDung": text(empty="r301"),
        "NgayXuLy": time(empty="r302"),
        "TrangThai": status("r303", codes, rule="r303"),
        "TaiLieuXuLy": rows(PAPER, "r304"),
    }


TOLD: Final[Mapping[str, Table]] = {
    "reduced": told_status(frozenset(("1", "2", "5"))),
    "own": told_status(frozenset((*(str(code) for code in range(1, 11) if code != 3), "11"))),
}
"""By the switch `born_statuses` (r303)."""

NEEDED_IN_RECORD: Final = (
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
)
PAID_ONLINE: Final = ("1", "2")
WANTED_IN_RECORD: Final = ("KenhThucHien", "ChuHoSo", "TrichYeuHoSo", "NgayHenTra")
NEEDED_IN_STEP: Final = ("MaHoSo", "NguoiXuLy", "ThoiDiemXuLy", "NoiDungXuLy", "TrangThai")

RULES_OF_RECORD: Final = (
    *("r50", "r51", "r55", "r56", "r57", "r58", "r61", "r62", "r63", "r64", "r65", "r66", "r67", "r68", "r69", "r70"),
    *("r73", "r74", "r75", "r76", "r77", "r78", "r79", "r80", "r81", "r83", "r35"),
)
NEEDED_IN_STATUS: Final = tuple(TOLD["reduced"])
RULES_OF_STATUS: Final = ("r50", "r51", "r74", "r75", "r301", "r302", "r303", "r304", "r305", "r35")
RULES_OF_STEP: Final = ("r50", "r51", "r64", "r65", "r70", "r92", "r35")


def look_at_record(seen: Inspection, where: str, row: Mapping[str, Any]) -> None:
    """A whole record of `DongBoHoSoMC`."""
    _all_there(seen, where, row, NEEDED_IN_RECORD, "r56")
    for name in WANTED_IN_RECORD:
        if name not in row:
            seen.note("r58", where + name, expected="this member", found="absent")
    look(seen, where, RECORD, row)
    _paid_for_something(seen, where, row)


def _paid_for_something(seen: Inspection, where: str, row: Mapping[str, Any]) -> None:
    """Paid online, and no fee above zero: the indicator of online payment leaves such a record out (r83)."""
    fees = row.get("DanhSachLePhi")
    if row.get("DuocThanhToanTrucTuyen") in PAID_ONLINE and isinstance(fees, list) and not any(map(_costs, fees)):
        seen.note(
            "r83",
            where + "DuocThanhToanTrucTuyen",
            expected="a fee above zero, or 0",
            found=str(row["DuocThanhToanTrucTuyen"]),
        )


def _costs(fee: Any) -> bool:
    """Whether a fee is above zero; one that cannot be read is told as that."""
    price = fee.get("Gia") if isinstance(fee, Mapping) else None
    return not isinstance(price, str) or price.strip("0") != ""


def look_at_step(seen: Inspection, where: str, row: Mapping[str, Any]) -> None:
    """One step of `CapNhatTienDoHoSoMC`."""
    _all_there(seen, where, row, NEEDED_IN_STEP, "r92")
    look(seen, where, STEP, row)


def look_at_status(seen: Inspection, codes: str, row: Mapping[str, Any]) -> None:
    """The one object of `DongBoTrangThaiHoSo`."""
    _all_there(seen, "data.", row, NEEDED_IN_STATUS, "r301")
    look(seen, "data.", TOLD[codes], row)


def _all_there(seen: Inspection, where: str, row: Mapping[str, Any], names: tuple[str, ...], rule: str) -> None:
    for name in names:
        if name not in row:
            seen.refuse(rule, where + name, "bị thiếu", expected="this member", found="absent")
