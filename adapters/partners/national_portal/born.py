"""Pure. Dossiers that were born on the portal: never created there again, their statuses go up one by one
(NOTES.md#r300 to #r319)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.partners.national_portal import codes, wire
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.tables import Tables
from bus.errors import Unmappable
from bus.messages import Delivery, Event, Standing
from bus.own_numbers import NO_NUMBER
from bus.signatures import with_results

RECORDED: Final = "dossier.recorded"
TABLE: Final = "portal_born_statuses"
REQUIRED: Final = ("MaHoSo", "MaHoSoDonVi", "NoiDung", "NgayXuLy", "TrangThai")
NAME_LIMIT: Final = 4000
"""NOTES.md#r70, of the one field that these papers share with a record's."""


def is_born(delivery: Delivery, settings: NationalPortalSettings) -> bool:
    """Whether this dossier came from the portal (NOTES.md#r318)."""
    event, standing = delivery.event, delivery.standing
    if standing.own_number is not None or standing.is_filed:
        return True  # handed over by the portal itself, whatever anybody says of it later
    if (event.data.get("origin") or standing.origin) != "portal":
        return False
    is_numbered = bool(event.data.get("national_number") or standing.national_number)
    return is_numbered or settings.portal_born_unnumbered == "hold"


def status_of(event: Event, standing: Standing, tables: Tables, settings: NationalPortalSettings) -> dict[str, Any]:
    """`data` of one `DongBoTrangThaiHoSo`, checked (NOTES.md#r301). Raises `Unmappable` or `NotOurs`."""
    is_record = event.kind == RECORDED
    procedure = (event.data["procedure"] if is_record else standing.procedure) or ""
    received = event.data["received_at"] if is_record else None
    day = wire.local_day(received) if received else wire.local_date(standing.received_at or event.occurred_at)
    wire.check_owner(tables, procedure, day)
    status = wire.status_of(event, procedure, tables, "TrangThai")
    row = tables[TABLE].find(status, wire.local_date(event.occurred_at))
    if row is None:
        raise Unmappable(field="TrangThai", rule="no_row", value=status, table=TABLE)
    body = {
        "MaHoSo": national_number(event, standing),
        "MaHoSoDonVi": event.dossier,
        "MaDoiTuong": (event.data.get("applicant") or {}).get("tech_id") or "",
        "NoiDung": row["content_vi"] if is_record else event.data["content"],
        "NgayXuLy": wire.stamp_of(event.occurred_at),
        "TrangThai": row["code"],
        "TaiLieuXuLy": [_paper(item) for item in _results(event, standing)],
    }
    _check(body, settings)
    return body


def national_number(event: Event, standing: Standing) -> str:
    """Under which the portal knows it (NOTES.md#r318). Raises `Unmappable`: not known, or not this dossier's."""
    told, known, own = event.data.get("national_number"), standing.national_number, standing.own_number
    if told and known and told != known:
        # One of the two is another citizen's dossier.
        raise Unmappable(field="national_number", rule="contradicted")
    if own is not None and event.dossier == known != own:
        # Spoken of under both numbers it would stand in two lines, and nothing would order one after the other.
        raise Unmappable(field="subject", rule="contradicted", instead=own)
    if own is not None and event.dossier != own:
        raise Unmappable(field="national_number", rule="contradicted")
    number: str | None = told or known
    if not number:
        raise Unmappable(field="national_number", rule=NO_NUMBER)
    return number


def tells_nothing_new(event: Event, standing: Standing, tables: Tables) -> bool:
    """Whether the portal has all that this record would tell it (NOTES.md#r316). A step is always told."""
    if event.kind != RECORDED or standing.shown_status is None or _results(event, standing):
        return False
    procedure = event.data["procedure"]
    status = wire.status_of(event, procedure, tables, "TrangThai")
    return status == _ours(standing.shown_status, event, procedure, tables)


def _ours(shown: str, event: Event, procedure: str, tables: Tables) -> str:
    """What was acknowledged last as our status: as such, or as a local step that the table knows."""
    if tables["statuses"].has(shown):
        return shown
    on, table = wire.local_date(event.occurred_at), tables["local_steps"]
    row = table.find((event.source, procedure, shown), on) or table.find((event.source, "", shown), on)
    return row["status"] if row else ""


def _results(event: Event, standing: Standing) -> Sequence[Mapping[str, Any]]:
    """What the procedure ended in: by the record, and by what was signed through us (NOTES.md#r86). A step has none."""
    if event.kind != RECORDED:
        return ()
    found: Sequence[Mapping[str, Any]] = with_results(event.data, standing.results).get("results") or ()
    return found


def _paper(item: Mapping[str, Any]) -> dict[str, str]:
    """NOTES.md#r304, #r317: a document that the procedure ended in."""
    return {
        "TepDinhKemId": item.get("id") or "",
        "TenTepDinhKem": item["name"],
        "IsDeleted": codes.DELETED[False],
        "MaThanhPhanHoSo": item.get("component") or "",
        "DuongDanTaiTepTin": item["url"] or "",
    }


def _check(body: Mapping[str, Any], settings: NationalPortalSettings) -> None:
    """What the portal would refuse is found before it is sent."""
    for name in REQUIRED:
        if not body[name].strip():
            raise Unmappable(field=name, rule="missing")
    for index, paper in enumerate(body["TaiLieuXuLy"]):
        name = paper["TenTepDinhKem"]
        size = len(name) if settings.limit_unit == "characters" else len(name.encode())
        if size > NAME_LIMIT:
            field = f"TaiLieuXuLy[{index}].TenTepDinhKem"
            raise Unmappable(field=field, rule="too_long", value=f"{size} > {NAME_LIMIT}")
