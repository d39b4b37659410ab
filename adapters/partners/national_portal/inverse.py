"""Pure. The portal's record or step in, our event out: `wire.py` the other way round, by tables over the same codes.

event → wire → event loses nothing that the wire carries, and wire → event → wire nothing that was told; what cannot be
carried is noted with the portal's own name of it (contracts/facade/NOTES.md).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from adapters.partners.national_portal import codes
from adapters.partners.national_portal.tables import Tables
from adapters.partners.national_portal.told import NotCarried, Row, Told, Trouble, coded, read_rows, rows_of
from adapters.partners.national_portal.wire import local_day
from bus.messages import KIND_PREFIX
from bus.unnamed import NOT_YET

CATALOGUE: Final = frozenset({"MaTTHC", "TenTTHC", "MaLinhVuc", "TenLinhVuc"})
"""The code decides, and the province's table says the names: what goes up is the table's row (#r27)."""


def _reuse(told: Told, field: str) -> str | None:
    """`reused_from`, of which `reused` follows: 0 no, 1 a component, 2 a result (contracts/national_portal r73)."""
    found = coded({"": "0", "component": "1", "result": "2"}, default="")(told, field)
    return found or None


DOCUMENT: Final = (
    Row("id", "TepDinhKemId", Told.maybe),
    Row("name", "TenTepDinhKem", Told.text),
    Row("deleted", "IsDeleted", Told.flag),
    Row("component", "MaThanhPhanHoSo", Told.maybe),
    Row("url", "DuongDanTaiTepTin", Told.maybe),
    Row("digitised", "DuocSoHoa", Told.flag),
    Row("reused_from", "DuocTaiSuDung", _reuse),
    Row("from_national_store", "DuocLayTuKhoDMQG", Told.flag),
    Row("replaced_by_result", "MaKetQuaThayThe", Told.maybe),
)
FEE: Final = (
    Row("name", "TenPhiLePhi", Told.text),
    Row("kind", "MaPhiLePhi", coded(codes.FEE_CODES)),
    Row("collected_at", "HinhThucThu", coded(codes.FEE_COLLECTED, default="acceptance")),
    Row("amount", "Gia", Told.whole),
    Row("currency", "LoaiPhiLePhi", coded({"VND": codes.FEE_KIND}, default="VND")),
)
ENCLOSURE: Final = (
    Row("name", "TenGiayTo", Told.text),
    Row("count", "SoLuong", Told.whole),
    Row("kind", "LoaiGiayTo", coded(codes.ENCLOSURES)),
)
RESULT: Final = (
    Row("name", "TenGiayTo", Told.text),
    Row("component", "MaThanhPhanHoSo", Told.maybe),
    Row("id", "GiayToId", Told.maybe),
    Row("url", "DuongDanTepTinKetQua", Told.maybe),
    Row("code", "MaGiayToKetQua", Told.maybe),
)
SUPPLEMENT: Final = (
    Row("id", "HoSoBoSungId", Told.whole),
    Row("requested_by", "NguoiYeuCauBoSung", Told.text),
    Row("content", "NoiDungBoSung", Told.text),
    Row("requested_at", "NgayBoSung", Told.needed_time),
    Row("received_by", "NguoiTiepNhanBoSung", Told.maybe),
    Row("received_note", "ThongTinTiepNhan", Told.maybe),
    Row("received_at", "NgayTiepNhanBoSung", Told.time),
    Row("is_received", "TrangThaiBoSung", Told.flag),
    Row("documents", "DanhSachGiayToBoSung", rows_of(DOCUMENT)),
    Row("fees", "DanhSachLePhiBoSung", rows_of(FEE)),
    Row("due_before", "NgayHenTraTruoc", Told.time),
    Row("due_after", "NgayHenTraMoi", Told.time),
)
APPLICANT: Final = (
    Row("kind", "LoaiDoiTuong", coded(codes.APPLICANTS)),
    Row("name", "ChuHoSo", Told.needed),
    Row("tech_id", "MaDoiTuong", Told.maybe),
    Row("email", "Email", Told.maybe),
    Row("fax", "Fax", Told.maybe),
    Row("phone", "SoDienThoai", Told.maybe),
    Row("verified_by_vneid", "TaiKhoanDuocXacThucVoiVNeID", Told.flag),
)
RECORD: Final = (
    Row("receipt_number", "SoBienNhan", Told.maybe),
    Row("channel", "KenhThucHien", coded(codes.CHANNELS, default="counter")),
    Row("other_information", "ThongTinKhac", Told.maybe),
    Row("summary", "TrichYeuHoSo", Told.text),
    Row("received_at", "NgayTiepNhan", Told.needed_time),
    Row("due_at", "NgayHenTra", Told.time),
    Row("returned_at", "NgayTra", Told.time),
    Row("return_note", "ThongTinTra", Told.maybe),
    Row("return_by", "HinhThuc", coded(codes.RETURNS)),
    Row("finished_at", "NgayKetThucXuLy", Told.time),
    Row("note", "GhiChu", Told.text),
    Row("submitted", "TaiLieuNop", rows_of(DOCUMENT)),
    Row("fees", "DanhSachLePhi", rows_of(FEE)),
    Row("enclosures", "DanhSachTepDinhKemKhac", rows_of(ENCLOSURE)),
    Row("supplements", "DanhSachHoSoBoSung", rows_of(SUPPLEMENT)),
    Row("results", "DanhSachGiayToKetQua", rows_of(RESULT)),
    Row("origin", "NoiNopHoSo", coded(codes.ORIGINS, default="one_stop")),
    Row("paid_online", "DuocThanhToanTrucTuyen", coded(codes.PAID_ONLINE, default="none")),
    Row("refused_at", "NgayTuChoi", Told.time),
    Row("filed_at", "NgayNopHoSo", Told.time),
    Row("databases", "DSKetNoiCSDL", rows_of([Row("code", "MaCSDL", Told.needed)])),
)
OFFICER: Final = (
    Row("name", "NguoiXuLy", Told.needed),
    Row("position", "ChucDanh", Told.maybe),
    Row("department", "PhongBanXuLy", Told.maybe),
)
STEP: Final = (
    Row("content", "NoiDungXuLy", Told.needed),
    Row("started_at", "NgayBatDau", Told.time),
    Row("due_at", "NgayKetThucTheoQuyDinh", Told.time),
)
_GROUPS: Final[dict[str, tuple[Row, ...]]] = {
    "submitted": DOCUMENT,
    "documents": DOCUMENT,
    "fees": FEE,
    "enclosures": ENCLOSURE,
    "supplements": SUPPLEMENT,
    "results": RESULT,
    "applicant": APPLICANT,
    "officer": OFFICER,
}
"""Our members that have a table of their own."""


class Inverse:
    """The tables of one version, found by what the portal calls things."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._index = {
            "procedures": _by(tables, "procedures", "national_code"),
            "units": _by(tables, "units", "name"),
            "statuses": _by(tables, "statuses", "code"),
        }

    def record(self, raw: Mapping[str, Any], *, source: str, place: str, on: date) -> dict[str, Any]:
        """The CloudEvent of one `DongBoHoSoMC` record, under `NOT_YET` and without a time. Raises NotCarried."""
        told = Told(raw, place, [])
        data = read_rows(told, RECORD)
        applicant = read_rows(told, APPLICANT)
        received = on if data["received_at"] is None else local_day(data["received_at"])
        data |= {
            "applicant": applicant | {"identity": _identity(told), "address": None},
            "national_number": None,
            "procedure": self._procedure(told, received),
            "status": self._status(told, "TrangThaiHoSo", on),
            "submitted": [_with_reuse(each) for each in data["submitted"]],
            "fees": [_paid(each) for each in data["fees"]],
            "supplements": [_with_nested(each) for each in data["supplements"]],
            "databases": [each["code"] for each in data["databases"]],
            **self._unit(told, on),
        }
        told.flag("HoSoCoThanhPhanSoHoa")  # follows from the documents; `differences` compares it
        return _event("dossier.recorded", told, source, data)

    def step(self, raw: Mapping[str, Any], *, source: str, unit: str, place: str, on: date) -> dict[str, Any]:
        """The CloudEvent of one `CapNhatTienDoHoSoMC` entry, under `NOT_YET`, at its own time. Raises NotCarried."""
        told = Told(raw, place, [])
        data = read_rows(told, STEP) | {"officer": read_rows(told, OFFICER), "unit": unit}
        time = told.needed_time("ThoiDiemXuLy")
        data["status"] = self._status(told, "TrangThai", on if time is None else local_day(time))
        return _event("dossier.progressed", told, source, data) | {"time": time}

    def _find(self, table: str, key: str, on: date) -> list[Mapping[str, str]]:
        return [row.values for row in self._index[table].get(key, ()) if row.first <= on <= row.last]

    def _status(self, told: Told, field: str, on: date) -> str | None:
        found = self._find("statuses", told.needed(field), on)
        if not found and told.text(field):
            told.note(field, "enum")
        return found[0]["status"] if found else None

    def _procedure(self, told: Told, on: date) -> str:
        """The source's code of it: of several, the row that has the very names that were told."""
        code, names = told.needed("MaTTHC"), (told.text("TenTTHC"), told.text("MaLinhVuc"), told.text("TenLinhVuc"))
        rows = self._find("procedures", code, on)
        same = [row for row in rows if (row["name"], row["sector_code"], row["sector_name"]) == names]
        return (same or rows)[0]["code"] if rows else code

    def _unit(self, told: Told, on: date) -> dict[str, str]:
        """Its code by its name; a name that no table has goes along as it is, under a code of its own."""
        name = unicodedata.normalize("NFC", told.needed("DonViXuLy"))
        rows = self._find("units", name, on)
        if rows:
            return {"unit": rows[0]["unit"]}
        return {"unit": f"name:{hashlib.sha256(name.encode()).hexdigest()[:16]}", "unit_name": name}


def _by(tables: Tables, table: str, column: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in tables[table].rows:
        found.setdefault(row.values[column], []).append(row)
    return found


def _event(kind: str, told: Told, source: str, data: dict[str, Any]) -> dict[str, Any]:
    subject = told.needed("MaHoSo")
    told.finish()
    if told.troubles:
        raise NotCarried(told.troubles)
    return {
        "specversion": "1.0",
        "id": NOT_YET,
        "source": source,
        "type": f"{KIND_PREFIX}{kind}.v1",
        "subject": subject,
        "data": data,
    }


def _identity(told: Told) -> dict[str, str] | None:
    """Of the list and the flat copy; a number without a kind is kept as `other`."""
    rows = [Row("kind", "LoaiDinhDanh", coded({kind: code for kind, (code, _) in codes.IDENTITIES.items()}))]
    found = rows_of([*rows, Row("number", "SoDinhDanh", Told.needed)])(told, "DinhDanhCHS")
    flat = told.text("SoGiayToChuHoSo")
    if len(found) > 1:
        told.note("DinhDanhCHS", "out_of_range")
    if found and flat and flat != found[0]["number"]:
        told.note("SoGiayToChuHoSo", "contradicted")
    return found[0] if found else {"kind": "other", "number": flat} if flat else None


def _with_reuse(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"reused": document["reused_from"] is not None}


def _paid(fee: dict[str, Any]) -> dict[str, Any]:
    """Clients send what was paid (contracts/national_portal/NOTES.md#r76); the code is the kind's."""
    return fee | {"state": "paid", "code": codes.FEE_CODES.get(fee["kind"], "")}


def _with_nested(supplement: dict[str, Any]) -> dict[str, Any]:
    return supplement | {
        "documents": [_with_reuse(each) for each in supplement["documents"]],
        "fees": [_paid(each) for each in supplement["fees"]],
    }


# -- names and differences ---------------------------------------------------------------------------------------------

_OWN: Final = {
    "subject": "MaHoSo",
    "time": "ThoiDiemXuLy",
    "procedure": "MaTTHC",
    "unit": "DonViXuLy",
    "unit_name": "DonViXuLy",
    "identity": "DinhDanhCHS[0]",
    "number": "SoDinhDanh",
}


def field_of(pointer: str, *, is_step: bool) -> str:
    """The portal's name of a member of our event: `/data/submitted/0/name` is `TaiLieuNop[0].TenTepDinhKem`."""
    table: tuple[Row, ...] = STEP if is_step else RECORD
    found = ""
    for part in pointer.removeprefix("/data").strip("/").split("/"):
        if part.isdigit():
            found += f"[{part}]"
            continue
        name = next((row.field for row in table if row.member == part), _OWN.get(part, ""))
        if name:
            found += f".{name}" if found else name
        table = _GROUPS.get(part, table)
    return found or pointer


def differences(told: Any, sent: Any, place: str = "") -> Iterator[Trouble]:
    """Every member that was told, says something, and would not go up as it was told."""
    if isinstance(told, dict) and isinstance(sent, dict):
        for name, value in told.items():
            if place or name not in CATALOGUE:
                yield from differences(value, sent.get(name), f"{place}.{name}" if place else name)
    elif isinstance(told, list) and isinstance(sent, list) and len(told) == len(sent):
        for at, (one, other) in enumerate(zip(told, sent, strict=True)):
            yield from differences(one, other, f"{place}[{at}]")
    elif told not in (None, "", []) and _folded(told) != _folded(sent):
        yield Trouble(field=place, rule="out_of_range")


def _folded(value: Any) -> str:
    text = unicodedata.normalize("NFC", str(value))
    return {"True": "1", "true": "1", "False": "0", "false": "0"}.get(text, text)
