"""Invented categories and procedures, with the dirt that the real catalogue has (`NOTES.md#r124`)."""

from __future__ import annotations

from typing import Any, Final

AGENCIES: Final[list[dict[str, Any]]] = [
    {"MADONVI": "000.00.00.H99", "TENDONVI": "UBND tỉnh Ví Dụ", "CAPDONVI": "1"},
    {"MADONVI": "000.00.14.H99", "TENDONVI": "UBND xã Thử Nghiệm", "CAPDONVI": "3"},
    {"MADONVI": "000.00.00.G99", "TENDONVI": "Bộ Ví Dụ", "CAPDONVI": 0},
]

SECTORS: Final[list[dict[str, Any]]] = [
    {"MALINHVUC": "G99-HT01", "TENLINHVUC": "Hộ tịch (ví dụ)", "MANGANH": "G99"},
    {"MALINHVUC": "G99-DD02", "TENLINHVUC": "Đất đai (ví dụ) ", "MANGANH": "G99"},
]

PROCEDURES: Final = {
    "1.999193": "Thủ tục ví dụ về đăng ký hộ tịch",
    "1.999194": "Thủ tục ví dụ về chứng thực",
    "2.999033": "Thủ tục ví dụ về đất đai",
}


def agencies() -> list[dict[str, Any]]:
    """`LayDanhMucCoQuan` (r125)."""
    return AGENCIES


def sectors() -> list[dict[str, Any]]:
    """`LayDanhMucLinhVuc` (r125)."""
    return SECTORS


def procedures() -> list[dict[str, Any]]:
    """`LayDanhSachTTHC` (r122)."""
    return [{"MATTHC": code, "TENTTHC": name} for code, name in PROCEDURES.items()]


def procedure(code: str) -> list[dict[str, Any]]:
    """`LayThuTuc` (r123): one element, or none."""
    if code not in PROCEDURES:
        return []
    return [
        {
            "ID": code.replace(".", ""),
            "MATTHC": code,
            "TENTTHC": PROCEDURES[code],
            "MACOQUANCONGBO": "000.00.00.G99",
            "TRANGTHAI": "1",
            "CAPTHUCHIEN": [{"CAPTHUCHIEN": "3", "TENCAP": "Cấp xã"}],
            "LINHVUCTHUCHIEN": [{"MALINHVUC": "G99-HT01", "TENLINHVUC": "Hộ tịch (ví dụ)"}],
            "CACHTHUCTHUCHIEN": [_way("1", "3", "Ngày làm việc", "không"), _way("2", 3, "Ngày", "8.000")],
            "THANHPHANHOSO": [{"TRUONGHOP": "Trường hợp chung", "GIAYTO": [_paper("Tờ khai"), _paper("Tờ khai 2")]}],
            "KETQUATHUCHIEN": [{"MAKETQUA": "KQ.G99.000001", "TENKETQUA": "Giấy ví dụ", "TENTEP": "", "URL": ""}],
        }
    ]


def services() -> dict[str, Any]:
    """`LayDVC` (r127): a list within an object."""
    rows = [
        {"MADVC": f"{code}.01", "TENDVC": name, "MATTHC": code, "TENTTHC": name, "APDUNGDVC": []}
        for code, name in PROCEDURES.items()
    ]
    return {"data": rows}


def tech_id(number: str) -> list[dict[str, Any]]:
    """`TraCuuTechID` (r128): one invented person has an account, and nobody else."""
    return [{"TECHNICALID": "tech-099000000001"}] if number == "099000000001" else []


def _way(channel: str, length: object, unit: str, fee: str) -> dict[str, Any]:
    fees = [{"MAPHILEPHI": "2'", "SOTIEN": fee, "DONVI": "Đồng", "MOTA": "", "TENTEP": "", "URL": ""}]
    times = [{"THOIGIANGIAIQUYET": length, "DONVITINH": unit, "MOTA": "", "PHILEPHI": fees}]
    return {"KENH": channel, "THOIGIAN": times}


def _paper(name: str) -> dict[str, Any]:
    """The same code under two names: what a client has to merge."""
    return {
        "MAGIAYTO": "000.00.00.G99-KQ000001",
        "TENGIAYTO": name,
        "MA_KQ_THAYTHE": "",
        "SOBANCHINH": "1",
        "SOBANSAO": "0",
        "TENMAUDON": "",
        "URL": "",
    }
