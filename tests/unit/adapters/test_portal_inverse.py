"""The portal's record and step, read back into events: nothing is lost either way, and what cannot be is named."""

from __future__ import annotations

import json
import unicodedata
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.doors.reading import read_event
from adapters.partners.national_portal import wire
from adapters.partners.national_portal.inverse import Inverse, differences, field_of
from adapters.partners.national_portal.told import NotCarried
from bus.messages import Event
from tests.builders import NOON, from_json, make_event, make_standing, make_step
from tests.portal_kit import h99_tables, make_settings, tables_with

ON = date(2026, 7, 3)
SETTINGS = make_settings(fees_sent="all")
INVERSE = Inverse(h99_tables())
SOURCE = "one-stop/h99"
UNIT = "000.00.09.H99"


def sent(event: Event) -> dict[str, Any]:
    """What goes up for it."""
    if event.kind == "dossier.recorded":
        return wire.record_of(event, h99_tables(), SETTINGS)
    return wire.step_of(event, make_standing(procedure=None), h99_tables(), SETTINGS)


def back(raw: dict[str, Any], *, is_step: bool = False) -> dict[str, Any]:
    """The event of it, under a name and a time."""
    if is_step:
        return INVERSE.step(raw, source=SOURCE, unit=UNIT, place="data[0]", on=ON)
    return INVERSE.record(raw, source=SOURCE, place="data[0]", on=ON) | {"time": NOON.isoformat()}


def refused(raw: dict[str, Any], *, is_step: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(NotCarried) as trouble:
        back(raw, is_step=is_step)
    assert "data[0]" in str(trouble.value)
    return [(each.field, each.rule) for each in trouble.value.troubles]


# -- any event ---------------------------------------------------------------------------------------------------------

words = (
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: not text.isspace())
)
maybe = st.none() | words
seconds = st.integers(0, 60 * 60 * 24 * 900)
times = seconds.map(lambda after: (NOON + timedelta(seconds=after)).isoformat())
maybe_time = st.none() | times
codes = st.text("ABC019.-", min_size=1, max_size=20)
urls = st.none() | st.builds("https://files.h99.example.invalid/{}".format, st.integers(0, 99))
documents = st.lists(
    st.builds(
        lambda reused_from, **more: more | {"reused_from": reused_from, "reused": reused_from is not None},
        reused_from=st.sampled_from([None, "component", "result"]),
        id=st.none() | codes,
        name=words,
        component=st.none() | codes,
        url=urls,
        digitised=st.booleans(),
        from_national_store=st.booleans(),
        deleted=st.booleans(),
        replaced_by_result=st.none() | codes,
    ),
    max_size=3,
)
kinds_of_fee = st.sampled_from([("fee", "1"), ("charge", "2")])
fees = st.lists(
    st.builds(
        lambda pair, **more: {"kind": pair[0], "code": pair[1], "currency": "VND", "state": "paid", **more},
        kinds_of_fee,
        name=words,
        amount=st.integers(0, 10**9),
        collected_at=st.sampled_from(["acceptance", "supplement", "return"]),
    ),
    max_size=2,
)
results = st.lists(
    st.fixed_dictionaries(
        {"id": st.none() | codes, "code": st.none() | codes, "component": st.none() | codes, "name": words, "url": urls}
    ),
    max_size=2,
)
enclosures = st.lists(
    st.fixed_dictionaries(
        {"name": words, "count": st.integers(0, 9999), "kind": st.sampled_from(["original", "copy", "electronic"])}
    ),
    max_size=2,
)
supplements = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(1, 10**9),
            "requested_by": words,
            "content": words,
            "requested_at": times,
            "received_by": maybe,
            "received_note": maybe,
            "received_at": maybe_time,
            "is_received": st.booleans(),
            "documents": documents,
            "fees": fees,
            "due_before": maybe_time,
            "due_after": maybe_time,
        }
    ),
    max_size=2,
)
numbers = st.integers(0, 10**9 - 1)
identities = st.one_of(
    st.none(),
    numbers.map(lambda n: {"kind": "cccd", "number": f"099{n:09d}"}),
    numbers.map(lambda n: {"kind": "cmnd", "number": f"{n:09d}"}),
    numbers.map(lambda n: {"kind": "other", "number": f"C{n}"}),
)
applicants = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["citizen", "enterprise", "agency", "organisation"]),
        "name": words,
        "identity": identities,
        "tech_id": st.none() | codes,
        "phone": maybe,
        "email": maybe,
        "fax": maybe,
        "address": st.none(),
        "verified_by_vneid": st.booleans(),
    }
)
statuses = st.sampled_from(["registered", "accepted", "not_accepted", "processing", "completed", "returned"])
procedures = st.sampled_from(
    [row.values["code"] for row in h99_tables()["procedures"].rows if row.first <= ON <= row.last]
).filter(lambda code: h99_tables()["owners"].find(code, ON) is None)
units = st.sampled_from(
    # A unit has codes in two forms and one name; the first row of a name is the one that comes back.
    list({row.values["name"]: row.values["unit"] for row in reversed(h99_tables()["units"].rows)}.values())
)


@st.composite
def records(draw: st.DrawFn) -> Event:
    """A record in all that the wire carries."""
    return make_event(
        applicant=draw(applicants),
        status=draw(statuses),
        procedure=draw(procedures),
        unit=draw(units),
        channel=draw(st.sampled_from(["counter", "online", "post"])),
        origin=draw(st.sampled_from(["one_stop", "portal"])),
        return_by=draw(st.sampled_from(["counter", "post"])),
        paid_online=draw(st.sampled_from(["none", "portal", "province"])),
        summary=draw(words),
        note=draw(st.just("") | words),
        receipt_number=draw(st.none() | codes),
        other_information=draw(maybe),
        return_note=draw(maybe),
        filed_at=draw(maybe_time),
        due_at=draw(maybe_time),
        finished_at=draw(maybe_time),
        returned_at=draw(maybe_time),
        refused_at=draw(maybe_time),
        submitted=draw(documents),
        fees=draw(fees),
        enclosures=draw(enclosures),
        results=draw(results),
        supplements=draw(supplements),
        databases=draw(st.lists(codes.map(lambda code: code[:16]), max_size=2)),
    )


@st.composite
def steps(draw: st.DrawFn) -> Event:
    """A step in all that the wire carries."""
    return make_step(
        status=draw(statuses),
        content=draw(words),
        started_at=draw(maybe_time),
        due_at=draw(maybe_time),
        officer={"name": draw(words), "position": draw(maybe), "department": draw(maybe)},
    )


def normal(data: Any) -> Any:
    """Times as one text each, in whole seconds of Vietnam's time; and nothing is paid online for nothing (r84)."""
    told = json.loads(json.dumps(data))
    if told.get("fees") and not any(fee["amount"] for fee in told["fees"]):
        told["paid_online"] = "none"
    return told


@settings(max_examples=40, deadline=None)
@given(records())
def test_record_there_and_back(event: Event) -> None:
    """An event goes up, and comes back as the very same event; and it goes up again as it did."""
    raw = sent(event)
    tree = back(raw)
    again = read_event(json.dumps(tree).encode())

    assert normal(event.data) == normal(tree["data"])
    assert event.dossier == tree["subject"]
    assert raw == sent(again)
    assert [] == list(differences(raw, sent(again)))


@settings(max_examples=40, deadline=None)
@given(steps())
def test_step_there_and_back(event: Event) -> None:
    """A step comes back at its own time, with all that was told."""
    raw = sent(event)
    tree = back(raw, is_step=True)

    assert normal(event.data) == normal(tree["data"])
    assert event.occurred_at == from_json(tree).occurred_at
    assert raw == sent(read_event(json.dumps(tree).encode()))


# -- what clients send -------------------------------------------------------------------------------------------------


def a_record(**changes: Any) -> dict[str, Any]:
    return deepcopy(sent(make_event())) | changes


def test_what_is_absent_has_a_meaning() -> None:
    """Newer fields that an old client does not send count as their plain value."""
    raw = a_record(KenhThucHien=None)
    for name in (
        "NoiNopHoSo",
        "DuocThanhToanTrucTuyen",
        "TaiKhoanDuocXacThucVoiVNeID",
        "SoGiayToChuHoSo",
        "TaiLieuNop",
    ):
        del raw[name]
    data = back(raw)["data"]

    assert ("counter", "one_stop", "none", []) == tuple(
        data[name] for name in ("channel", "origin", "paid_online", "submitted")
    )
    assert data["applicant"]["verified_by_vneid"] is False


def test_booleans_in_every_spelling() -> None:
    """Flags are taken as strings or as booleans; the portal is sent its own spelling."""
    document = a_record()["TaiLieuNop"][0]
    for told, expected in ((True, "True"), ("true", "True"), ("False", "False"), (False, "False"), ("", "False")):
        raw = a_record(TaiLieuNop=[document | {"IsDeleted": told}], HoSoCoThanhPhanSoHoa="")
        again = sent(read_event(json.dumps(back(raw)).encode()))
        assert expected == again["TaiLieuNop"][0]["IsDeleted"]
        assert [] == list(differences(raw, again))


def test_unit_without_a_row_keeps_its_name() -> None:
    """A unit that no table knows goes up under the name that was told."""
    raw = a_record(DonViXuLy="Phòng Không Có Trong Bảng")

    assert raw == sent(read_event(json.dumps(back(raw)).encode()))


def test_one_of_several_local_codes() -> None:
    """Of several procedures with one national code it is the one that has the names that were told."""
    tables = tables_with("procedures", "LOCAL-1,1.013225,Tên khác,G99-X,Lĩnh vực khác,,,province,catalogue")
    inverse = Inverse(tables)
    found = [
        inverse.record(raw, source=SOURCE, place="", on=ON)["data"]["procedure"]
        for raw in (a_record(), a_record(TenTTHC="Tên khác", MaLinhVuc="G99-X", TenLinhVuc="Lĩnh vực khác"))
    ]

    assert ["1.013225", "LOCAL-1"] == found
    assert "9.999999" == back(a_record(MaTTHC="9.999999"))["data"]["procedure"]


FEE = {"TenPhiLePhi": "x", "MaPhiLePhi": "1", "HinhThucThu": "1", "Gia": "8000", "LoaiPhiLePhi": "1"}


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"MaHoSo": ""}, "MaHoSo", "missing_field"),
        ({"MaTTHC": None}, "MaTTHC", "missing_field"),
        ({"ChuHoSo": " "}, "ChuHoSo", "missing_field"),
        ({"ChuHoSo": ["x"]}, "ChuHoSo", "wrong_type"),
        ({"NgayTiepNhan": ""}, "NgayTiepNhan", "missing_field"),
        ({"NgayTiepNhan": "2026-07-03"}, "NgayTiepNhan", "out_of_range"),
        ({"NgayHenTra": "20260230000000"}, "NgayHenTra", "out_of_range"),
        ({"TrangThaiHoSo": "11"}, "TrangThaiHoSo", "enum"),
        ({"TrangThaiHoSo": ""}, "TrangThaiHoSo", "missing_field"),
        ({"LoaiDoiTuong": "9"}, "LoaiDoiTuong", "enum"),
        ({"LoaiDoiTuong": ""}, "LoaiDoiTuong", "missing_field"),
        ({"TaiKhoanDuocXacThucVoiVNeID": "yes"}, "TaiKhoanDuocXacThucVoiVNeID", "enum"),
        ({"TaiKhoanDuocXacThucVoiVNeID": []}, "TaiKhoanDuocXacThucVoiVNeID", "enum"),
        ({"TruongMoi": "x"}, "TruongMoi", "unknown_field"),
        ({"Nguyễn Văn Ví Dụ": "x"}, "?", "unknown_field"),
        ({"TaiLieuNop": "x"}, "TaiLieuNop", "wrong_type"),
        ({"TaiLieuNop": ["x"]}, "TaiLieuNop[0]", "wrong_type"),
        ({"TaiLieuNop": [{"La": "x"}]}, "TaiLieuNop[0].La", "unknown_field"),
        ({"DanhSachLePhi": [FEE | {"MaPhiLePhi": "XD01"}]}, "DanhSachLePhi[0].MaPhiLePhi", "enum"),
        ({"DanhSachLePhi": [FEE | {"Gia": "tám nghìn"}]}, "DanhSachLePhi[0].Gia", "out_of_range"),
        ({"DanhSachLePhi": [FEE | {"Gia": ""}]}, "DanhSachLePhi[0].Gia", "missing_field"),
        ({"SoGiayToChuHoSo": "099000000009"}, "SoGiayToChuHoSo", "contradicted"),
        ({"DinhDanhCHS": [{"LoaiDinhDanh": "3", "SoDinhDanh": "1"}]}, "DinhDanhCHS[0].LoaiDinhDanh", "enum"),
    ],
)
def test_what_cannot_be_carried_is_named(changes: dict[str, Any], field: str, rule: str) -> None:
    """Each member that cannot be carried is named as the caller knows it, with the rule."""
    assert (f"data[0].{field}", rule) in refused(a_record(**changes))


def test_two_identities_are_not_one() -> None:
    """The event has room for one identity: a second is not dropped."""
    identity = {"LoaiDinhDanh": "1", "SoDinhDanh": "099000000001"}

    assert ("data[0].DinhDanhCHS", "out_of_range") in refused(a_record(DinhDanhCHS=[identity, identity]))


def test_step_without_what_it_needs() -> None:
    """A step's own fields are named too."""
    step = sent(make_step())

    assert {("data[0].ThoiDiemXuLy", "missing_field"), ("data[0].TrangThai", "enum")} == set(
        refused(step | {"ThoiDiemXuLy": "", "TrangThai": "0"}, is_step=True)
    )


@pytest.mark.parametrize(
    ("pointer", "is_step", "field"),
    [
        ("/data/submitted/2/name", False, "TaiLieuNop[2].TenTepDinhKem"),
        (
            "/data/supplements/0/documents/1/url",
            False,
            "DanhSachHoSoBoSung[0].DanhSachGiayToBoSung[1].DuongDanTaiTepTin",
        ),
        ("/data/applicant/name", False, "ChuHoSo"),
        ("/data/applicant/identity/number", False, "DinhDanhCHS[0].SoDinhDanh"),
        ("/subject", False, "MaHoSo"),
        ("/data/officer/name", True, "NguoiXuLy"),
        ("/data/content", True, "NoiDungXuLy"),
        ("/source", True, "/source"),
    ],
)
def test_our_members_by_the_portals_name(pointer: str, is_step: bool, field: str) -> None:
    """A refusal of our own contract is told in the words of the caller's."""
    assert field == field_of(pointer, is_step=is_step)


@pytest.mark.parametrize(
    ("told", "other", "places"),
    [
        ({"TenTTHC": "a"}, {"TenTTHC": "b"}, []),
        ({"a": "x"}, {"a": "y"}, ["a"]),
        ({"a": [{"b": "1"}]}, {"a": [{"b": "2"}]}, ["a[0].b"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a"]),
        ({"a": None, "b": "", "c": []}, {"a": "1", "b": "2", "c": [3]}, []),
        ({"a": True, "b": 7}, {"a": "1", "b": "7"}, []),
    ],
)
def test_differences(told: dict[str, Any], other: dict[str, Any], places: list[str]) -> None:
    """What was told and would go up otherwise is found; names of the catalogue are the table's."""
    assert places == [each.field for each in differences(told, other)]
