"""What an event should look like in the national portal's books, read a second time, apart from the adapter.

The judge compares with this and shares no code with what it judges: a field that the adapter forgets, garbles or takes
from the wrong place is found. What only the province's tables know (procedure codes, sectors, units' names) is not
guessed here; the judge says what it compared. Rules: `contracts/national_portal/NOTES.md` r50 to r102.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from config.demo.province import LOCAL
from config.demo.wire import RECORDED

RECORD: Final = "DongBoHoSoMC"
STEP: Final = "CapNhatTienDoHoSoMC"
TELL: Final = "DongBoTrangThaiHoSo"

STATUS: Final = {
    "registered": "1",
    "accepted": "2",
    "not_accepted": "3",
    "processing": "4",
    "supplement_requested": "5",
    "payment_requested": "6",
    "withdrawn": "7",
    "stopped": "8",
    "completed": "9",
    "returned": "10",
}
REDUCED: Final = {
    "registered": "1",
    **dict.fromkeys(("accepted", "processing", "payment_requested", "completed", "returned"), "2"),
    **dict.fromkeys(("not_accepted", "supplement_requested", "withdrawn", "stopped"), "5"),
}
"""Of a dossier that was filed on the portal (r303)."""
CHANNEL: Final = {"counter": "1", "online": "2", "post": "3"}
OWNER: Final = {"citizen": "1", "enterprise": "2", "agency": "3", "organisation": "4"}
RETURN_BY: Final = {"counter": "0", "post": "1"}


def expected(event: Mapping[str, Any], statuses: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The fields that this event (wire form, texts in NFC) must show in the portal's books.

    `statuses` are the province's local steps with our status of each; what it does not name is not compared.
    """
    data = dict(event["data"])
    if not data["status"]:
        data["status"] = (statuses or {}).get(data.get("local_step") or "")
    is_record = event["type"] == f"vn.lienthong.{RECORDED}.v1"
    return _record(event, data) if is_record else _step(event, data)


def expected_status(event: Mapping[str, Any], national: str) -> dict[str, Any]:
    """What this event must show of a dossier that was filed on the portal, under the number that the portal gave."""
    data = event["data"]
    return {
        "MaHoSo": national,
        "MaHoSoDonVi": event["subject"],
        "NgayXuLy": compact_time(event["time"]),
        "TrangThai": REDUCED[data["status"]],
        **({"NoiDung": data["content"]} if "content" in data else {}),
    }


def differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """The fields of `found` that are not as wanted; members that nobody named are not looked at."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return [path]
        pairs = [(f"{path}/{name}".lstrip("/"), value, found.get(name)) for name, value in wanted.items()]
        return [place for name, value, other in pairs for place in differences(value, other, name)]
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(wanted) != len(found):
            return [path]
        pairs = [(f"{path}/{n}", value, other) for n, (value, other) in enumerate(zip(wanted, found, strict=True))]
        return [place for name, value, other in pairs for place in differences(value, other, name)]
    return [] if wanted == ("" if found is None else found) else [path]


def compact_time(value: str | None) -> str:
    """`yyyyMMddHHmmss` in Vietnam, or an empty string."""
    return f"{datetime.fromisoformat(value).astimezone(LOCAL):%Y%m%d%H%M%S}" if value else ""


def _step(event: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "MaHoSo": event["subject"],
        "ThoiDiemXuLy": compact_time(event["time"]),
        **_status("TrangThai", data),
        "NoiDungXuLy": data["content"],
        "NguoiXuLy": data["officer"]["name"],
        "NgayBatDau": compact_time(data["started_at"]),
        "NgayKetThucTheoQuyDinh": compact_time(data["due_at"]),
    }


def _record(event: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    applicant = data["applicant"]
    return {
        "MaHoSo": event["subject"],
        **_status("TrangThaiHoSo", data),
        "ChuHoSo": applicant["name"],
        "LoaiDoiTuong": OWNER[applicant["kind"]],
        "SoDienThoai": applicant["phone"] or "",
        "Email": applicant["email"] or "",
        "TrichYeuHoSo": data["summary"],
        "GhiChu": data["note"],
        "KenhThucHien": CHANNEL[data["channel"]],
        "HinhThuc": RETURN_BY[data["return_by"]],
        "NgayTiepNhan": compact_time(data["received_at"]),
        "NgayHenTra": compact_time(data["due_at"]),
        "NgayKetThucXuLy": compact_time(data["finished_at"]),
        "NgayTra": compact_time(data["returned_at"]),
        "TaiLieuNop": [{"TenTepDinhKem": doc["name"], "DuongDanTaiTepTin": doc["url"]} for doc in data["submitted"]],
        "DanhSachGiayToKetQua": [
            {"TenGiayTo": result["name"], "DuongDanTepTinKetQua": result["url"]} for result in data["results"]
        ],
    }


def _status(field: str, data: Mapping[str, Any]) -> dict[str, str]:
    """The status code, where it is known."""
    return {field: STATUS[data["status"]]} if data["status"] else {}
