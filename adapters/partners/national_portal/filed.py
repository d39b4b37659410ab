"""Pure. What the portal sends of dossiers filed there, as the one-stop system's messages (NOTES.md#r320 to #r328).

Nothing is cut and nothing is dropped: what the message has no member for becomes a line of its note, under the name
that officers know; a member that no source shows is a line too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

from adapters.partners.national_portal.tables import Tables
from adapters.partners.national_portal.told import NotCarried, Told, Trouble
from adapters.partners.national_portal.wire import local_day

RECEIPT: Final = "NhanChungTuThueDat"
LONGEST: Final = {
    "note": 20_000,
    "summary": 10_000,
    "address": 1_000,
    "name": 500,
    "email": 254,
    "phone": 32,
    "id": 64,
    "file": 1_000,
}
MOST_FILES: Final = 50
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9._:~-]{1,100}")
_NUMBER: Final = re.compile(
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]{1,64}"
)
_URL: Final = re.compile(r"https?://[^\u0000-\u0020\u007f]{1,1990}")
_BLANKS: Final = re.compile(r"[\t\n\r ]+")

LINES: Final = (
    ("SoVanBan", "Số văn bản"),
    ("NguoiLienHe", "Người liên hệ"),
    ("SoDienThoaiNguoiLienHe", "Điện thoại người liên hệ"),
    ("HinhThucKhuyenMai", "Hình thức khuyến mại"),
    ("ThoiGianKhuyenMaiTu", "Thời gian khuyến mại từ"),
    ("ThoiGianKhuyenMaiDen", "Thời gian khuyến mại đến"),
    ("HangHoaDichVuKhuyenMai", "Hàng hóa, dịch vụ khuyến mại"),
    ("SoLuongHangHoaDichVu", "Số lượng hàng hóa, dịch vụ"),
    ("KhachHang", "Khách hàng"),
    ("CoCauGiaiThuong", "Cơ cấu giải thưởng"),
    ("TongGiaTriHangHoa", "Tổng giá trị hàng hóa"),
    ("NoiDungChiTiet", "Nội dung chi tiết"),
    ("TenCacThuongNhanCungThucHien", "Các thương nhân cùng thực hiện"),
)
"""Of a filed notice (r321): members of the portal that the message has none for, and their words."""
AMENDED_LINES: Final = (
    ("LyDoDieuChinh", "Lý do điều chỉnh"),
    ("NoiDungCamKetKhac", "Nội dung cam kết khác"),
    ("SoVanBan", "Số văn bản"),
    ("TenThuongNhan", "Tên thương nhân"),
    ("MaSoThue", "Mã số thuế"),
    ("NguoiLienHe", "Người liên hệ"),
    ("SoDienThoaiNguoiLienHe", "Điện thoại người liên hệ"),
    ("DienThoai", "Điện thoại"),
    ("Fax", "Fax"),
    ("Email", "Email"),
    ("MaTTHC", "Mã thủ tục"),
)
"""Of an amended one (r325)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """One file that came inside a message (r321)."""

    field: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A dossier that was filed: everything of the message but its files' addresses."""

    number: str
    time: str
    data: dict[str, Any]
    inline: tuple[Inline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """What an applicant changed of a filed dossier."""

    number: str
    time: str
    data: dict[str, Any]
    is_updating: bool


def number_in(raw: Any) -> str:
    """The dossier's number as far as it can be read: every answer begins with it (r320)."""
    told = raw.get("data", raw) if isinstance(raw, Mapping) else {}
    for place in (raw, told):
        if isinstance(place, Mapping):
            for name in ("MaHoSo", "MaHoSoQG"):
                found = place.get(name)
                if isinstance(found, str) and _NUMBER.fullmatch(found):
                    return found
    return ""


def id_of(number: str) -> str:
    """The filing's id: one for each national number, for ever (r323)."""
    return f"filed.{number}" if _SAFE_ID.fullmatch(number) else f"filed.{hashlib.sha256(number.encode()).hexdigest()}"


def is_receipt(raw: Mapping[str, Any]) -> bool:
    """A land-tax receipt, which we do not carry yet (r326)."""
    return raw.get("service") == RECEIPT


def filed_of(raw: Mapping[str, Any], tables: Tables, *, unit: str) -> Filed:
    """A notice of `addtthcKhuyenMai` (r321). Raises NotCarried with every trouble named."""
    told = Told(raw, "", [])
    number, time = _number(told, "MaHoSo"), told.needed_time("NgayNopHoSo")
    tax_code, name = _needed(told, "MaSoThue", "id"), _needed(told, "TenThuongNhan", "name")
    procedure = _procedure(told, tables, local_day(time) if time else None)
    inline = _inline(told)
    title = told.text("TenChuongTrinhKhuyenMai") or (procedure or {}).get("name", "")
    applicant = {
        "kind": "enterprise",
        "name": name,
        "identity": {"kind": "tax_code", "number": tax_code},
        "phone": _fitting(told, "DienThoai", "phone"),
        "fax": _fitting(told, "Fax", "phone"),
        "email": _fitting(told, "Email", "email"),
        "address": _address(told),
        "verified_by_vneid": False,
    }
    data: dict[str, Any] = {
        "national_number": number,
        "filed_at": time,
        "unit": unit,
        "procedure": (procedure or {}).get("code"),
        "procedure_name": (procedure or {}).get("name"),
        "summary": _within(told, title, "TenChuongTrinhKhuyenMai", "summary"),
        "note": _within(told, _lines(told, LINES), "NoiDungChiTiet", "note"),
        "applicant": applicant,
        "return_by": "counter",
        "fees": [],
    }
    _finish(told)
    assert time is not None
    return Filed(number=number, time=time, data=data, inline=inline)


def amended_of(raw: Mapping[str, Any]) -> Amended:
    """A change of `nhanhsdvcqg` (r324, r325). Raises NotCarried with every trouble named."""
    outer = Told(raw, "", [])
    outer.text("service"), outer.flag("isSync")
    if raw.get("isUpdating") in (None, ""):
        outer.note("isUpdating", "missing_field")
    is_updating = outer.flag("isUpdating")
    inside = raw.get("data")
    if not isinstance(inside, Mapping):
        outer.note("data", "missing_field" if inside is None else "wrong_type")
        raise NotCarried(outer.troubles)
    told = Told(inside, "data", outer.troubles)
    number, time = _number(told, "MaHoSoQG"), told.needed_time("NgayNopHoSo")
    files = _by_address(told)
    content = _within(told, _lines(told, AMENDED_LINES), "LyDoDieuChinh", "note")
    _finish(told)
    assert time is not None
    data: dict[str, Any] = {
        "national_number": number,
        "number": None,
        "kind": "supplement",
        "content": content,
        "at": time,
        "files": files,
    }
    return Amended(number=number, time=time, data=data, is_updating=is_updating)


def file_of(name: str, url: str, *, media_type: str | None, size: int | None, sha256: str | None) -> dict[str, Any]:
    """One file by reference, as the contract has it."""
    return {"component": None, "name": name, "url": url, "media_type": media_type, "size": size, "sha256": sha256}


def _finish(told: Told) -> None:
    if told.troubles:
        raise NotCarried(told.troubles)


def _number(told: Told, field: str) -> str:
    number = told.needed(field)
    if number and not _NUMBER.fullmatch(number):
        told.note(field, "out_of_range")
    return number


def _needed(told: Told, field: str, kind: str) -> str:
    return _within(told, told.needed(field), field, kind)


def _fitting(told: Told, field: str, kind: str) -> str | None:
    """A text that the message has a member for; one that is longer than that stays unread, and so becomes a line."""
    return told.text(field) or None if told.length_of(field) <= LONGEST[kind] else None


def _within(told: Told, text: str, field: str, kind: str) -> str:
    if len(text) > LONGEST[kind]:
        told.note(field, "out_of_range")
    return text


def _procedure(told: Told, tables: Tables, on: date | None) -> Mapping[str, str] | None:
    """The one-stop system's own code, by the table of procedures read backwards; of several the first (r322)."""
    code = told.needed("MaTTHC")
    if not code or on is None:
        return None
    rows = (row for row in tables["procedures"].rows if row.values["national_code"] == code)
    found = next((row.values for row in rows if row.first <= on <= row.last), None)
    if found is None:
        told.note("MaTTHC", "enum")
    return found


def _address(told: Told) -> str | None:
    """The place in words, then the codes that it came with."""
    place = told.part("DiaChiDoanhNghiep")
    if place is None:
        return None
    words = place.text("DiaChiChiTiet")
    codes = [f"{name} {place.text(name)}" for name in ("MaXa", "MaHuyen", "MaTinh") if place.text(name)]
    codes += [f"{name} {_shown(value)}" for name, value in place.unread().items()]
    both = f"{words} ({', '.join(codes)})" if codes and words else words or ", ".join(codes)
    return _within(told, both, "DiaChiDoanhNghiep", "address") or None


def _lines(told: Told, known: Sequence[tuple[str, str]]) -> str:
    """What has no member of its own, one line each: known members by their words, others by their name."""
    lines = [f"{words}: {text}" for field, words in known if (text := told.text(field))]
    lines += [f"{field}: {_shown(value)}" for field, value in told.unread().items()]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_shown(item)}" for name, item in value.items() if item not in (None, "", [], {}))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _inline(told: Told) -> tuple[Inline, ...]:
    """Every file that came inside, decoded (r321). A name without a content stays a line of the note."""
    found = []
    if told.has("TepDonDangKy"):
        name = _within(told, told.text("TenTepDonDangKy"), "TenTepDonDangKy", "file") or "don-dang-ky.pdf"
        found.append(_decoded(told, "TepDonDangKy", name))
    items = told.items("TaiLieuNop")
    if len(items) > MOST_FILES:
        told.note("TaiLieuNop", "out_of_range")
        return ()
    for item in items:
        found.append(_decoded(item, "Base64", _needed(item, "TenTepDinhKem", "file")))
        item.finish()
    return tuple(found)


def _decoded(told: Told, field: str, name: str) -> Inline:
    text = _BLANKS.sub("", told.needed(field))
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        told.note(field, "out_of_range")
        content = b""
    return Inline(field=told.place_of(field), name=name, content=content)


def _by_address(told: Told) -> list[dict[str, Any]]:
    """The file of a change: by the address that the portal gave, which nobody here calls (r82, r325)."""
    if not told.has("URLTepDangKy"):
        return []
    url = told.text("URLTepDangKy")
    name = _within(told, told.text("TenTepDangKy"), "TenTepDangKy", "file") or "tep-dang-ky"
    if not _URL.fullmatch(url):
        told.note("URLTepDangKy", "out_of_range")
    return [file_of(name, url, media_type=None, size=None, sha256=None)]


def troubles_in(files: Sequence[Inline], most: int, types: Mapping[str, str]) -> list[Trouble]:
    """Files that are not taken: empty, too large, or of a kind that nobody opens here."""
    found = []
    for file in files:
        if not 0 < len(file.content) <= most:
            found.append(Trouble(field=file.field, rule="too_large" if file.content else "missing_field"))
        elif ending_of(file.name) not in types:
            found.append(Trouble(field=file.field, rule="media_type"))
    return found


def ending_of(name: str) -> str:
    """`pdf` of `thong-bao.PDF`."""
    return name.rpartition(".")[2].lower() if "." in name else ""
