"""Pure. Our event in, the portal's record or step out; every field name of the portal stands here.

Strings everywhere, as the portal wants them (NOTES.md#r50); the few numbers and the one boolean are noted there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

from adapters.partners.national_portal import codes
from adapters.partners.national_portal.limits import check_record, check_step
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.tables import Tables
from bus.errors import NotOurs, Unmappable
from bus.follow_ups import LEDGER_SOURCE
from bus.messages import Event, Standing
from bus.payments import PaidFee, with_payments
from bus.signatures import ResultDocument, with_results

LOCAL: Final = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh has had no summer time since 1975: a fixed zone needs no zone data on the machine."""
PROVINCE: Final = "province"


def record_of(
    event: Event,
    tables: Tables,
    settings: NationalPortalSettings,
    *,
    row: Mapping[str, str] | None = None,
    payments: Sequence[PaidFee] = (),
    results: Sequence[ResultDocument] = (),
) -> dict[str, Any]:
    """One `DongBoHoSoMC` record, whole and checked. Raises `Unmappable` or `NotOurs`.

    `row` stands in for the procedure's, to see whether all else could be sent if there were one. `payments` are fees
    that were paid through us, whatever the source knows of it yet (NOTES.md#r84); `results` are what was signed (#r86).
    """
    data = with_payments(event.data, payments) if payments else event.data
    data = with_results(data, results) if results else data
    received = local_day(data["received_at"])
    code = data["procedure"]
    check_owner(tables, code, received)
    procedure = row or _row(tables, "procedures", code, received, "MaTTHC")
    applicant, submitted = data["applicant"], data["submitted"]
    record = {
        "MaHoSo": event.dossier,
        "MaTTHC": procedure["national_code"],
        "TenTTHC": procedure["name"],
        "MaLinhVuc": procedure["sector_code"],
        "TenLinhVuc": procedure["sector_name"],
        "SoBienNhan": data.get("receipt_number") or "",
        "KenhThucHien": codes.CHANNELS[data["channel"]],
        "SoGiayToChuHoSo": applicant["identity"]["number"] if applicant["identity"] else "",
        "ChuHoSo": applicant["name"],
        "LoaiDoiTuong": codes.APPLICANTS[applicant["kind"]],
        "MaDoiTuong": applicant.get("tech_id") or "",
        "ThongTinKhac": data.get("other_information") or "",
        "Email": applicant.get("email") or "",
        "Fax": applicant.get("fax") or "",
        "SoDienThoai": applicant.get("phone") or "",
        "TrichYeuHoSo": data["summary"],
        "NgayTiepNhan": stamp(data["received_at"]),
        "NgayHenTra": stamp(data["due_at"]),
        "TrangThaiHoSo": status_code(event, code, tables, "TrangThaiHoSo"),
        "NgayTra": stamp(data["returned_at"]),
        "ThongTinTra": data.get("return_note") or "",
        "HinhThuc": codes.RETURNS[data["return_by"]],
        "NgayKetThucXuLy": stamp(data["finished_at"]),
        "DonViXuLy": _unit_name(event, tables),
        "GhiChu": data["note"],
        "TaiLieuNop": [_document(item) for item in submitted],
        "DanhSachLePhi": _fees(data.get("fees"), settings),
        "DanhSachTepDinhKemKhac": [_enclosure(item) for item in data.get("enclosures") or ()],
        "DanhSachHoSoBoSung": [_supplement(item, settings) for item in data.get("supplements") or ()],
        "DanhSachGiayToKetQua": [_result(item) for item in data.get("results") or ()],
        "NoiNopHoSo": codes.ORIGINS[data["origin"]],
        "HoSoCoThanhPhanSoHoa": codes.FLAG[any(item["digitised"] and not item.get("deleted") for item in submitted)],
        "TaiKhoanDuocXacThucVoiVNeID": codes.FLAG[applicant["verified_by_vneid"]],
        "DuocThanhToanTrucTuyen": codes.PAID_ONLINE[_paid_online(data)],
        "NgayTuChoi": stamp(data.get("refused_at")),
        "DinhDanhCHS": _identities(applicant["identity"]),
        # The time of filing, or nothing: copying the time of receipt here is a known fault of one client.
        "NgayNopHoSo": stamp(data["filed_at"]),
        "DSKetNoiCSDL": [{"MaCSDL": name} for name in data.get("databases") or ()],
    }
    check_record(record, settings.limit_unit)
    return record


def step_of(event: Event, standing: Standing, tables: Tables, settings: NationalPortalSettings) -> dict[str, Any]:
    """One `CapNhatTienDoHoSoMC` entry, checked. Raises `Unmappable` or `NotOurs`."""
    data, officer = event.data, event.data["officer"]
    if standing.procedure is not None:
        received = standing.received_at or event.occurred_at
        check_owner(tables, standing.procedure, local_date(received))
    step = {
        "MaHoSo": event.dossier,
        "NguoiXuLy": officer["name"],
        "ChucDanh": officer.get("position") or "",
        "ThoiDiemXuLy": stamp_of(event.occurred_at),
        "PhongBanXuLy": officer.get("department") or "",
        "NoiDungXuLy": data["content"],
        "TrangThai": status_code(event, standing.procedure or "", tables, "TrangThai"),
        "NgayBatDau": stamp(data["started_at"]),
        "NgayKetThucTheoQuyDinh": stamp(data["due_at"]),
    }
    check_step(step, settings.limit_unit)
    return step


def in_its_words(event: Event, standing: Standing) -> Event:
    """What the ledger tells itself (a fee that was paid, a correction) speaks in the codes of the dossier's source."""
    if event.source != LEDGER_SOURCE or standing.source is None:
        return event
    return replace(event, source=standing.source)


def check_owner(tables: Tables, procedure: str, received: date) -> None:
    """Only the owner's system confirms a status; a procedure without a row is the province's. Raises `NotOurs`."""
    row = tables["owners"].find(procedure, received)
    if row is not None and row["owner"] != PROVINCE:
        raise NotOurs(procedure=procedure, owner=row["owner"])


def status_of(event: Event, procedure: str, tables: Tables, field: str) -> str:
    """Our status of an event: its own, or what the table makes of its source's local step. Raises `Unmappable`."""
    status: str | None = event.data.get("status")
    if status is not None:
        return status
    step, on, table = event.data["local_step"], local_date(event.occurred_at), tables["local_steps"]
    row = table.find((event.source, procedure, step), on) or table.find((event.source, "", step), on)
    if row is None:
        raise Unmappable(field=field, rule="no_row", value=f"{event.source} {step}", table="local_steps")
    return row["status"]


def status_code(event: Event, procedure: str, tables: Tables, field: str) -> str:
    """The portal's code for an event's status (NOTES.md#r64, #r100)."""
    status = status_of(event, procedure, tables, field)
    return _row(tables, "statuses", status, local_date(event.occurred_at), field)["code"]


def stamp(time: str | None) -> str:
    """`yyyyMMddHHmmss` in local time, or an empty string (NOTES.md#r51)."""
    if time is None:
        return ""
    if time.endswith("+07:00"):
        # Nearly all times come so, and slicing is six times faster than parsing.
        return time[0:4] + time[5:7] + time[8:10] + time[11:13] + time[14:16] + time[17:19]
    return stamp_of(datetime.fromisoformat(time))


def stamp_of(time: datetime) -> str:
    """`yyyyMMddHHmmss` in local time."""
    local = time.astimezone(LOCAL)
    return f"{local.year:04d}{local.month:02d}{local.day:02d}{local.hour:02d}{local.minute:02d}{local.second:02d}"


def local_day(time: str) -> date:
    """The local calendar day, by which dated tables are read."""
    if time.endswith("+07:00"):
        return date(int(time[0:4]), int(time[5:7]), int(time[8:10]))
    return datetime.fromisoformat(time).astimezone(LOCAL).date()


def local_date(time: datetime) -> date:
    """The local calendar day of a moment."""
    return time.astimezone(LOCAL).date()


def _row(tables: Tables, table: str, key: str, on: date, field: str) -> Mapping[str, str]:
    row = tables[table].find(key, on)
    if row is None:
        raise Unmappable(field=field, rule="no_row", value=key, table=table)
    return row


def _unit_name(event: Event, tables: Tables) -> str:
    unit = event.data["unit"]
    row = tables["units"].find(unit, local_date(event.occurred_at))
    if row is not None:
        return row["name"]
    name: str | None = event.data.get("unit_name")
    if not name:
        raise Unmappable(field="DonViXuLy", rule="no_row", value=unit, table="units")
    return name


def _document(item: Mapping[str, Any]) -> dict[str, str]:
    """NOTES.md#r73: a submitted document, by reference."""
    reused = ("2" if item.get("reused_from") == "result" else "1") if item["reused"] else "0"
    return {
        "TepDinhKemId": item.get("id") or "",
        "TenTepDinhKem": item["name"],
        "IsDeleted": codes.DELETED[item.get("deleted")],
        "MaThanhPhanHoSo": item["component"] or "",
        "DuongDanTaiTepTin": item["url"] or "",
        "DuocSoHoa": codes.FLAG[item["digitised"]],
        "DuocTaiSuDung": reused,
        "DuocLayTuKhoDMQG": codes.FLAG[item.get("from_national_store")],
        "MaKetQuaThayThe": item.get("replaced_by_result") or "",
    }


def _fees(fees: Sequence[Mapping[str, Any]] | None, settings: NationalPortalSettings) -> list[dict[str, str]]:
    """NOTES.md#r76. Only paid fees above zero unless the settings say `all`: the sources show nothing else sent."""
    return [
        {
            "TenPhiLePhi": fee["name"],
            "MaPhiLePhi": codes.FEE_CODES[fee["kind"]],
            "HinhThucThu": codes.FEE_COLLECTED[fee.get("collected_at")],
            "Gia": str(fee["amount"]),
            "LoaiPhiLePhi": codes.FEE_KIND,
        }
        for fee in fees or ()
        if settings.fees_sent == "all" or (fee["state"] == "paid" and fee["amount"] > 0)
    ]


def _paid_online(data: Mapping[str, Any]) -> str:
    """NOTES.md#r84: where all fees cost nothing, nothing was paid, whatever the source says."""
    fees = data.get("fees") or ()
    costs = not fees or any(fee["amount"] > 0 for fee in fees)
    return (data.get("paid_online") or "none") if costs else "none"


def _enclosure(item: Mapping[str, Any]) -> dict[str, Any]:
    """NOTES.md#r77: paper that came along, counted."""
    return {"TenGiayTo": item["name"], "SoLuong": item["count"], "LoaiGiayTo": codes.ENCLOSURES[item["kind"]]}


def _supplement(item: Mapping[str, Any], settings: NationalPortalSettings) -> dict[str, Any]:
    """NOTES.md#r78: one round of asking for more."""
    return {
        "HoSoBoSungId": item["id"],
        "NguoiYeuCauBoSung": item["requested_by"],
        "NoiDungBoSung": item["content"],
        "NgayBoSung": stamp(item["requested_at"]),
        "NguoiTiepNhanBoSung": item.get("received_by") or "",
        "ThongTinTiepNhan": item.get("received_note") or "",
        "NgayTiepNhanBoSung": stamp(item.get("received_at")),
        "TrangThaiBoSung": item["is_received"],
        "DanhSachGiayToBoSung": [_document(document) for document in item.get("documents") or ()],
        "DanhSachLePhiBoSung": _fees(item.get("fees"), settings),
        "NgayHenTraTruoc": stamp(item.get("due_before")),
        "NgayHenTraMoi": stamp(item.get("due_after")),
    }


def _result(item: Mapping[str, Any]) -> dict[str, str]:
    """NOTES.md#r79: a document that the procedure ended in."""
    return {
        "TenGiayTo": item["name"],
        "MaThanhPhanHoSo": item.get("component") or "",
        "GiayToId": item.get("id") or "",
        "DuongDanTepTinKetQua": item["url"] or "",
        "MaGiayToKetQua": item.get("code") or "",
    }


def _identities(identity: Mapping[str, str] | None) -> list[dict[str, str]]:
    """NOTES.md#r80. Kinds without a code of the portal are left out: a placeholder would be somebody's number."""
    if identity is None or identity["kind"] not in codes.IDENTITIES:
        return []
    code, digits = codes.IDENTITIES[identity["kind"]]
    number = identity["number"]
    if not (len(number) == digits and number.isascii() and number.isdigit()):
        raise Unmappable(field="DinhDanhCHS[0].SoDinhDanh", rule="bad_format", value=f"{digits} digits wanted")
    return [{"LoaiDinhDanh": code, "SoDinhDanh": number}]
