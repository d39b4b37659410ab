"""Our events in the portal's shape: every field, every rule, and what is held instead of being cut or guessed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.partners.national_portal import wire
from bus.errors import NotOurs, Unmappable
from bus.payments import PaidFee
from bus.signatures import ResultDocument
from tests.builders import LOCAL, from_json, make_event, make_standing, make_step
from tests.portal_kit import h99_tables, make_settings, tables_with

FULL = Path(__file__).parents[3] / "contracts" / "intake" / "samples" / "dossier.recorded.full.json"


def record(*, tables=None, settings=None, **overrides: Any) -> dict[str, Any]:
    return wire.record_of(make_event(**overrides), tables or h99_tables(), settings or make_settings())


def step(*, tables=None, settings=None, standing=None, **overrides: Any) -> dict[str, Any]:
    return wire.step_of(
        make_step(**overrides), standing or make_standing(), tables or h99_tables(), settings or make_settings()
    )


def applicant(**overrides: Any) -> dict[str, Any]:
    return make_event().data["applicant"] | overrides


STATUSES = [
    "registered",
    "accepted",
    "not_accepted",
    "processing",
    "supplement_requested",
    "payment_requested",
    "withdrawn",
    "stopped",
    "completed",
    "returned",
]
DOCUMENT = {
    "TepDinhKemId": "tep-1",
    "TenTepDinhKem": "Đơn đề nghị.pdf",
    "IsDeleted": "False",
    "MaThanhPhanHoSo": "000.00.00.G17-KQ000123",
    "DuongDanTaiTepTin": "https://files.h99.example.invalid/d/1",
    "DuocSoHoa": "1",
    "DuocTaiSuDung": "2",
    "DuocLayTuKhoDMQG": "0",
    "MaKetQuaThayThe": "KQ.G17.000045",
}
FEE = {
    "TenPhiLePhi": "Lệ phí cấp phép",
    "MaPhiLePhi": "2",
    "HinhThucThu": "1",
    "Gia": "75000",
    "LoaiPhiLePhi": "1",
}
WANTED = {
    "MaHoSo": "H99.09-260703-0123",
    "MaTTHC": "1.013225",
    "TenTTHC": "Cấp giấy phép xây dựng mới đối với công trình cấp III, cấp IV và nhà ở riêng lẻ",
    "TenLinhVuc": "Hoạt động xây dựng",
    "SoBienNhan": "BN-0123",
    "KenhThucHien": "2",
    "SoGiayToChuHoSo": "099000000001",
    "ChuHoSo": "Nguyễn Thị Ví Dụ",
    "LoaiDoiTuong": "1",
    "MaDoiTuong": "tk-000001",
    "ThongTinKhac": "Nhà ở riêng lẻ, hai tầng",
    "Email": "vi.du@example.invalid",
    "Fax": "0900000009",
    "SoDienThoai": "0900000001",
    "TrichYeuHoSo": "Đề nghị cấp giấy phép xây dựng nhà ở riêng lẻ",
    "NgayTiepNhan": "20260703073000",
    "NgayHenTra": "20260724170000",
    "TrangThaiHoSo": "9",
    "NgayTra": "",
    "ThongTinTra": "Gửi qua bưu chính công ích",
    "HinhThuc": "1",
    "NgayKetThucXuLy": "20260721160000",
    "DonViXuLy": "Sở Xây dựng tỉnh Thử Nghiệm",
    "GhiChu": "Đã đối chiếu bản chính",
    "TaiLieuNop": [
        DOCUMENT,
        {
            "TepDinhKemId": "",
            "TenTepDinhKem": "Bản vẽ mặt bằng.pdf",
            "IsDeleted": "False",
            "MaThanhPhanHoSo": "",
            "DuongDanTaiTepTin": "",
            "DuocSoHoa": "0",
            "DuocTaiSuDung": "0",
            "DuocLayTuKhoDMQG": "0",
            "MaKetQuaThayThe": "",
        },
    ],
    "DanhSachLePhi": [FEE],
    "DanhSachTepDinhKemKhac": [{"TenGiayTo": "Bản vẽ thiết kế", "SoLuong": 2, "LoaiGiayTo": 1}],
    "DanhSachHoSoBoSung": [
        {
            "HoSoBoSungId": 1,
            "NguoiYeuCauBoSung": "Trần Văn Mẫu",
            "NoiDungBoSung": "Đề nghị bổ sung bản vẽ mặt bằng",
            "NgayBoSung": "20260703100211",
            "NguoiTiepNhanBoSung": "Lê Thị Thử",
            "ThongTinTiepNhan": "Đủ bản vẽ",
            "NgayTiepNhanBoSung": "20260706083000",
            "TrangThaiBoSung": True,
            "DanhSachGiayToBoSung": [DOCUMENT],
            "DanhSachLePhiBoSung": [FEE],
            "NgayHenTraTruoc": "20260724170000",
            "NgayHenTraMoi": "20260727170000",
        }
    ],
    "DanhSachGiayToKetQua": [
        {
            "TenGiayTo": "Giấy phép xây dựng.pdf",
            "MaThanhPhanHoSo": "000.00.00.G17-KQ000122",
            "GiayToId": "kq-1",
            "DuongDanTepTinKetQua": "https://files.h99.example.invalid/r/1",
            "MaGiayToKetQua": "KQ.G17.000122",
        }
    ],
    "NoiNopHoSo": "1",
    "HoSoCoThanhPhanSoHoa": "1",
    "TaiKhoanDuocXacThucVoiVNeID": "1",
    "DuocThanhToanTrucTuyen": "1",
    "NgayTuChoi": "",
    "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "099000000001"}],
    "NgayNopHoSo": "20260702204109",
    "DSKetNoiCSDL": [{"MaCSDL": "7"}],
}


def test_full_record():
    """Every field of the portal's record is filled from its own member of ours, nested lists included."""
    found = wire.record_of(from_json(json.loads(FULL.read_text(encoding="utf-8"))), h99_tables(), make_settings())

    assert found.pop("MaLinhVuc").startswith("G99-LV")
    assert found == WANTED


def test_full_step():
    """Every field of the portal's step is filled."""
    found = step(status="supplement_requested", content="Đề nghị bổ sung", at=datetime(2026, 7, 3, 10, 2, tzinfo=LOCAL))

    assert found == {
        "MaHoSo": "H99.09-260703-0123",
        "NguoiXuLy": "Trần Văn Mẫu",
        "ChucDanh": "Chuyên viên",
        "ThoiDiemXuLy": "20260703100200",
        "PhongBanXuLy": "Phòng Quản lý xây dựng",
        "NoiDungXuLy": "Đề nghị bổ sung",
        "TrangThai": "5",
        "NgayBatDau": "20260703100200",
        "NgayKetThucTheoQuyDinh": "20260710100200",
    }


@pytest.mark.parametrize(
    ("overrides", "field", "value"),
    [
        ({"channel": "counter"}, "KenhThucHien", "1"),
        ({"channel": "post"}, "KenhThucHien", "3"),
        ({"return_by": "counter"}, "HinhThuc", "0"),
        ({"origin": "portal"}, "NoiNopHoSo", "1"),
        ({"origin": "one_stop"}, "NoiNopHoSo", "2"),
        ({"paid_online": "province"}, "DuocThanhToanTrucTuyen", "2"),
        ({"paid_online": None}, "DuocThanhToanTrucTuyen", "0"),
        ({"submitted": []}, "HoSoCoThanhPhanSoHoa", "0"),
        ({"due_at": None}, "NgayHenTra", ""),
        ({"filed_at": None}, "NgayNopHoSo", ""),
        ({"applicant": applicant(kind="agency")}, "LoaiDoiTuong", "3"),
        ({"applicant": applicant(kind="organisation")}, "LoaiDoiTuong", "4"),
        ({"applicant": applicant(phone=None)}, "SoDienThoai", ""),
        ({"applicant": applicant(verified_by_vneid=False)}, "TaiKhoanDuocXacThucVoiVNeID", "0"),
        ({"applicant": applicant(identity=None)}, "SoGiayToChuHoSo", ""),
        ({"unit": "H99.09"}, "DonViXuLy", "Sở Xây dựng tỉnh Thử Nghiệm"),
        ({"unit": "000.99.99.H99", "unit_name": "Phòng Mẫu"}, "DonViXuLy", "Phòng Mẫu"),
        ({"procedure": "1.001193.H99"}, "MaTTHC", "1.001193"),
    ],
)
def test_field(overrides, field, value):
    """Our words and codes become the portal's."""
    assert value == record(**overrides)[field]


@pytest.mark.parametrize(
    ("identity", "wanted"),
    [
        ({"kind": "cccd", "number": "099000000001"}, [{"LoaiDinhDanh": "1", "SoDinhDanh": "099000000001"}]),
        ({"kind": "cmnd", "number": "099000001"}, [{"LoaiDinhDanh": "2", "SoDinhDanh": "099000001"}]),
        ({"kind": "passport", "number": "X0000001"}, []),
        ({"kind": "tax_code", "number": "0990000001"}, []),
        (None, []),
    ],
)
def test_identities(identity, wanted):
    """Kinds of identity without a code of the portal are left out; no placeholder is ever sent."""
    assert wanted == record(applicant=applicant(identity=identity))["DinhDanhCHS"]


@pytest.mark.parametrize("number", ["09900000001", "0990000000012", "09900000000x", "09900000000²"])
def test_identity_of_a_wrong_shape_is_held(number):
    """A number that cannot be one is held, and does not reach the reason."""
    with pytest.raises(Unmappable) as caught:
        record(applicant=applicant(identity={"kind": "cccd", "number": number}))

    assert ("DinhDanhCHS[0].SoDinhDanh", "bad_format") == (caught.value.field, caught.value.rule)
    assert number not in str(caught.value)


def fee(**overrides: Any) -> dict[str, Any]:
    return {"code": "X", "name": "Phí", "kind": "fee", "amount": 5000, "currency": "VND", "state": "paid"} | overrides


def test_fees_that_are_sent():
    """Only paid fees above zero are sent, unless the settings say all."""
    fees = [fee(), fee(state="unpaid"), fee(state="waived"), fee(amount=0), fee(kind="charge", collected_at="return")]

    sent = record(fees=fees)["DanhSachLePhi"]

    assert [("1", "1", "5000"), ("2", "4", "5000")] == [
        (one["MaPhiLePhi"], one["HinhThucThu"], one["Gia"]) for one in sent
    ]
    assert 5 == len(record(fees=fees, settings=make_settings(fees_sent="all"))["DanhSachLePhi"])


def paid(through: str = "portal", **overrides: Any) -> PaidFee:
    return PaidFee(**({"kind": "fee", "code": "X", "name": "Phí", "amount": 5000, "through": through} | overrides))


@pytest.mark.parametrize(
    ("fees", "told", "payments", "prices", "flag"),
    [
        ([fee(state="unpaid")], "none", [paid()], ["5000"], "1"),
        ([fee(state="unpaid")], None, [paid("province")], ["5000"], "2"),
        ([fee(state="unpaid"), fee(code="Y", state="unpaid")], "none", [paid()], ["5000"], "1"),
        ([fee(state="unpaid")], "none", [paid(state="refunded")], [], "0"),
        ([fee(state="paid")], "none", [paid(state="refunded")], [], "0"),
        ([fee(state="waived")], "none", [paid(state="refunded")], [], "0"),
        ([], "none", [paid()], ["5000"], "1"),
        ([fee(state="paid"), fee(code="Y", amount=7000)], "none", [paid("province", code="Y", amount=7000)],
         ["5000", "7000"], "2"),
        ([fee(amount=0)], "portal", [], [], "0"),
        ([fee(amount=0), fee(state="unpaid")], "portal", [], [], "1"),
        ([], "portal", [], [], "1"),
    ],
    ids=["platform", "province", "one_of_two", "refunded", "refunded_there", "waived", "unlisted", "two", "free",
         "one_free", "no_fees"],
)  # fmt: skip
def test_paid_through_us(fees, told, payments, prices, flag):
    """What was paid through us is shown paid, whatever its source still says; refunded it is shown no more (r84)."""
    event = make_event(fees=fees, paid_online=told)

    sent = wire.record_of(event, h99_tables(), make_settings(), payments=payments)

    assert (prices, flag) == ([one["Gia"] for one in sent["DanhSachLePhi"]], sent["DuocThanhToanTrucTuyen"])


def signed(id: str = "giay-phep", **members: Any) -> ResultDocument:
    """A result that was signed through us."""
    told = {"name": "Giấy phép.pdf", "url": f"https://lienthong.h99.example.invalid/documents/{id}"} | members
    return ResultDocument(id=id, **told)


def listed(id: str | None, **members: Any) -> dict[str, Any]:
    """A result as the source's record lists it."""
    return {"id": id, "code": "KQ1", "component": None, "name": "Bản thảo.pdf", "url": "https://x.invalid/a"} | members


@pytest.mark.parametrize(
    ("told", "results", "wanted"),
    [
        (None, [signed()], [("giay-phep", "giay-phep", "")]),
        ([listed("khac")], [signed()], [("khac", "a", "KQ1"), ("giay-phep", "giay-phep", "")]),
        ([listed("giay-phep"), listed("khac")], [signed()], [("giay-phep", "giay-phep", "KQ1"), ("khac", "a", "KQ1")]),
        ([listed("giay-phep"), listed("giay-phep")], [signed(code="KQ2")], [("giay-phep", "giay-phep", "KQ2")]),
        ([listed(None), listed(None)], [], [("", "a", "KQ1"), ("", "a", "KQ1")]),
        ([listed(None)], [signed(url="https://x.invalid/1"), signed(url="https://x.invalid/2", component="TP1")],
         [("", "a", "KQ1"), ("giay-phep", "2", "")]),
    ],
    ids=["unlisted", "another", "draft", "draft_twice", "none_signed", "signed_twice"],
)  # fmt: skip
def test_signed_through_us(told, results, wanted):
    """What was signed through us is a result once, in the place of what its source lists under the same id (r86)."""
    sent = wire.record_of(make_event(results=told), h99_tables(), make_settings(), results=results)

    assert wanted == [
        (one["GiayToId"], one["DuongDanTepTinKetQua"].rpartition("/")[2], one["MaGiayToKetQua"])
        for one in sent["DanhSachGiayToKetQua"]
    ]


@pytest.mark.parametrize(("reused", "source", "code"), [(False, None, "0"), (True, None, "1"), (True, "result", "2")])
def test_reused_document(reused, source, code):
    """A document taken over from an earlier component or from a result is told apart."""
    document = make_event().data["submitted"][0] | {"reused": reused, "reused_from": source}

    assert code == record(submitted=[document])["TaiLieuNop"][0]["DuocTaiSuDung"]


def test_deleted_document_is_sent_as_deleted():
    """A file is taken away by sending it with IsDeleted "True"; it does not count as digitised any more."""
    document = make_event().data["submitted"][0] | {"deleted": True}

    found = record(submitted=[document])

    assert ("True", "0") == (found["TaiLieuNop"][0]["IsDeleted"], found["HoSoCoThanhPhanSoHoa"])


# -- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "wanted"),
    [
        ("2026-07-03T07:30:00+07:00", "20260703073000"),
        ("2026-07-03T07:30:00.250+07:00", "20260703073000"),
        ("2026-07-03T00:30:00Z", "20260703073000"),
        ("2026-12-31T20:00:00+00:00", "20270101030000"),
        ("2026-07-03T13:05:09+07:00", "20260703130509"),
        (None, ""),
    ],
)
def test_stamp(time, wanted):
    """Times are 24-hour local time without a zone, or an empty string."""
    assert wanted == wire.stamp(time)


def test_day_that_decides_is_local():
    """Dated tables are read by the calendar day in Vietnam, whatever zone the source writes."""
    assert date(2026, 7, 4) == wire.local_day("2026-07-03T17:30:00Z") == wire.local_day("2026-07-04T00:30:00+07:00")
    assert date(2026, 7, 4) == wire.local_date(datetime(2026, 7, 3, 17, 30, tzinfo=UTC))


# -- held, with the row or the field named ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "field", "table", "value"),
    [
        ({"procedure": "1.990099"}, "MaTTHC", "procedures", "1.990099"),
        ({"unit": "000.99.99.H99"}, "DonViXuLy", "units", "000.99.99.H99"),
        ({"local_step": "BUOC_LA"}, "TrangThaiHoSo", "local_steps", "one-stop/h99 BUOC_LA"),
    ],
)
def test_p07_code_without_a_row_is_held(overrides, field, table, value):
    """A code that no table knows is never sent blank: the table, the row and the field are named."""
    with pytest.raises(Unmappable) as caught:
        record(**overrides)

    assert (field, "no_row", table, value) == (
        caught.value.field,
        caught.value.rule,
        caught.value.table,
        caught.value.value,
    )


def test_status_outside_its_dates_is_held():
    """A status whose row is not valid on the day of the event is held, in steps as in records."""
    rows = [f"{status},{code},x,x,2027-01-01,,province" for code, status in enumerate(STATUSES, start=1)]
    tables = tables_with("statuses", *rows, instead=True)

    for shaped, field in ((record, "TrangThaiHoSo"), (step, "TrangThai")):
        with pytest.raises(Unmappable) as caught:
            shaped(tables=tables)
        assert (field, "statuses") == (caught.value.field, caught.value.table)


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"note": "ờ" * 2001}, "GhiChu"),
        ({"summary": "ờ" * 1001}, "TrichYeuHoSo"),
        (
            {"submitted": [make_event().data["submitted"][0] | {"name": "ờ" * 4001}]},
            "TaiLieuNop[0].TenTepDinhKem",
        ),
        (
            {
                "enclosures": [
                    {"name": "x", "count": 1, "kind": "copy"},
                    {"name": "ờ" * 2001, "count": 1, "kind": "copy"},
                ]
            },
            "DanhSachTepDinhKemKhac[1].TenGiayTo",
        ),
        ({"results": [{"name": "ờ" * 2001, "url": None}]}, "DanhSachGiayToKetQua[0].TenGiayTo"),
    ],
)
def test_p07_field_over_its_limit_is_held(overrides, field):
    """What is too long is found before sending and never cut; its text stays out of the reason."""
    with pytest.raises(Unmappable) as caught:
        record(**overrides)

    assert (field, "too_long") == (caught.value.field, caught.value.rule)
    assert "ờ" not in str(caught.value)


def test_limit_in_a_supplement():
    """The limit of a file's name holds inside a supplement as well."""
    document = make_event().data["submitted"][0] | {"name": "ờ" * 4001}
    supplement = {"id": 1, "requested_by": "M", "content": "x", "requested_at": None, "is_received": False}

    with pytest.raises(Unmappable) as caught:
        record(supplements=[supplement | {"documents": [document]}])

    assert "DanhSachHoSoBoSung[0].DanhSachGiayToBoSung[0].TenTepDinhKem" == caught.value.field


@pytest.mark.parametrize(("unit", "note", "fits"), [("characters", "ờ" * 2000, True), ("bytes", "ờ" * 2000, False)])
def test_unit_of_the_limits_is_a_setting(unit, note, fits):
    """Nobody knows whether the portal counts characters or bytes."""
    settings = make_settings(limit_unit=unit)
    if fits:
        assert note == record(note=note, settings=settings)["GhiChu"]
    else:
        with pytest.raises(Unmappable):
            record(note=note, settings=settings)


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"summary": ""}, "TrichYeuHoSo"),
        ({"summary": "  "}, "TrichYeuHoSo"),
        ({"applicant": applicant(name=" ")}, "ChuHoSo"),
    ],
)
def test_p07_required_field_is_never_blank(overrides, field):
    """What the portal needs is not replaced by a placeholder."""
    with pytest.raises(Unmappable) as caught:
        record(**overrides)

    assert (field, "missing") == (caught.value.field, caught.value.rule)


@pytest.mark.parametrize(
    ("overrides", "field", "rule"),
    [
        ({"officer": {"name": "N" * 51, "position": None, "department": None}}, "NguoiXuLy", "too_long"),
        ({"officer": {"name": "", "position": None, "department": None}}, "NguoiXuLy", "missing"),
        ({"content": ""}, "NoiDungXuLy", "missing"),
        ({"local_step": "BUOC_LA"}, "TrangThai", "no_row"),
    ],
)
def test_step_that_the_portal_cannot_take_is_held(overrides, field, rule):
    """Steps have limits and required fields of their own."""
    with pytest.raises(Unmappable) as caught:
        step(**overrides)

    assert (field, rule) == (caught.value.field, caught.value.rule)


# -- tables with dates ------------------------------------------------------------------------------------------------


def test_local_step_of_one_procedure_comes_before_the_general_one():
    """A source's own step is translated by the row of its procedure, else by the row for all."""
    tables = tables_with("local_steps", "one-stop/h99,1.013225,THU_LY,supplement_requested,,,invented")

    assert "5" == record(local_step="THU_LY", tables=tables)["TrangThaiHoSo"]
    assert "4" == record(local_step="THU_LY", procedure="1.001193", tables=tables)["TrangThaiHoSo"]
    assert "5" == step(local_step="THU_LY", tables=tables)["TrangThai"]


def test_owner_is_decided_by_the_day_of_receipt():
    """Only the owner's system confirms a status; running dossiers stay with whom they began."""
    before, after = datetime(2025, 12, 31, 12, tzinfo=LOCAL), datetime(2026, 1, 1, 12, tzinfo=LOCAL)

    assert "1.014389" == record(procedure="1.014389", at=before)["MaTTHC"]
    with pytest.raises(NotOurs) as caught:
        record(procedure="1.014389", at=after)
    assert "ministry_g06" == caught.value.owner


def test_step_follows_the_owner_of_its_record():
    """A step has no procedure of its own: the one of the dossier's latest record decides."""
    with pytest.raises(NotOurs):
        step(standing=make_standing(procedure="1.014389"))
    assert step(standing=make_standing(procedure="1.014389", received_at=datetime(2025, 12, 1, tzinfo=UTC)))
    assert step(standing=make_standing(procedure=None, received_at=None))
    with pytest.raises(NotOurs):
        step(standing=make_standing(procedure="1.014389", received_at=None))


def test_procedure_that_was_replaced_is_held_after_its_last_day():
    """A code is sent as long as it is valid on the day of receipt, and not a day longer."""
    last, next_day = datetime(2026, 8, 31, 23, 59, tzinfo=LOCAL), datetime(2026, 9, 1, 0, 0, tzinfo=LOCAL)

    assert "2.002621" == record(procedure="2.002621", at=last)["MaTTHC"]
    with pytest.raises(Unmappable):
        record(procedure="2.002621", at=next_day)


def test_unit_keeps_its_old_name_for_old_events():
    """One code, two names: the day of the event decides."""
    old, new = datetime(2025, 6, 30, 12, tzinfo=LOCAL), datetime(2025, 7, 1, 12, tzinfo=LOCAL)

    names = [record(unit="000.01.20.H99", at=at)["DonViXuLy"] for at in (old, new)]

    assert ["Ủy ban nhân dân xã Thử Nghiệm Cũ", "Ủy ban nhân dân xã Thử Nghiệm 1"] == names
