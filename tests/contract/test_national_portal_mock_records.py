"""The national portal's mock and its books: records and steps, field by field, against the notes."""

from __future__ import annotations

import hashlib

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.national_portal_calls import NUMBER, Caller, a_record, a_step, sample


@pytest.fixture
def caller() -> Caller:
    return Caller()


# Records.


def test_clean_record_breaks_nothing(caller):
    """The document's own examples keep every rule."""
    caller.sync(a_record())
    caller.sync(sample("update-accepted")["request"]["body"]["data"][0], updating="True")
    caller.progress(*sample("progress-accepted")["request"]["body"]["data"])

    assert [] == [row["broke"] for row in caller.requests() if row["broke"]]
    assert {"r33", "r50", "r70"} <= set(caller.requests()[1]["kept"])


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("MaHoSo", "", "r55"),
        ("MaTTHC", "", "r55"),
        ("TrangThaiHoSo", "", "r55"),
        ("NgayTiepNhan", "", "r55"),
        ("MaHoSo", "   ", "r55"),
        ("MaTTHC", "có dấu", "r62"),
        ("MaTTHC", "1" * 101, "r62"),
        ("TrangThaiHoSo", "11", "r64"),
        ("TrangThaiHoSo", "0", "r64"),
        ("TrangThaiHoSo", "02", "r64"),
        ("TrangThaiHoSo", 2, "r50"),
        ("TrangThaiHoSo", ["2"], "r50"),
        ("NgayTiepNhan", "2024-03-15T08:30:00+07:00", "r51"),
        ("NgayTiepNhan", "20240230083000", "r51"),
        ("NgayTiepNhan", "20240315253000", "r51"),
        ("NgayTiepNhan", "202403150830", "r51"),
        ("NgayTiepNhan", "٢٠٢٤٠٣١٥٠٨٣٠٠٠", "r51"),
        ("NgayHenTra", "15/03/2024", "r51"),
        ("NgayTra", None, "r50"),
        ("ChuHoSo", None, "r50"),
        ("SoBienNhan", 12, "r50"),
        ("GhiChu", "a" * 2001, "r70"),
        ("TrichYeuHoSo", "a" * 1001, "r70"),
        ("TaiLieuNop", None, "r81"),
        ("TaiLieuNop", {}, "r81"),
        ("DanhSachLePhi", ["8000"], "r76"),
        ("LaTruongLa", 1.5, "r50"),
        ("LaTruongLạ", "x", "r50"),
    ],
)
def test_refused_field(caller, field, value, rule):
    """What the portal refuses is refused, the field named in the reply and in the log; nothing is stored."""
    reply = caller.sync(a_record(**{field: value}))

    assert -1 == reply["error_code"]
    assert f"data[0].{field}" in reply["message"]
    assert (rule, f"data[0].{field}") in {
        (where[0], where[1].split("[0]")[0] + "[0]." + field) for where in _broke(caller)
    }
    assert [] == caller.effects()


def _broke(caller: Caller) -> set[tuple[str, str]]:
    return {row for row in caller.broke() if row[1].startswith("data[")}


@pytest.mark.parametrize(
    ("array", "row", "field", "rule"),
    [
        ("TaiLieuNop", {"TenTepDinhKem": "a" * 4001}, "TenTepDinhKem", "r70"),
        ("TaiLieuNop", {"IsDeleted": "no"}, "IsDeleted", "r74"),
        ("TaiLieuNop", {"TepDinhKemId": 1001}, "TepDinhKemId", "r50"),
        ("DanhSachGiayToKetQua", {"TenGiayTo": "a" * 2001}, "TenGiayTo", "r70"),
        ("DanhSachTepDinhKemKhac", {"TenGiayTo": "a" * 2001}, "TenGiayTo", "r70"),
        ("DanhSachTepDinhKemKhac", {"SoLuong": "1"}, "SoLuong", "r77"),
        ("DanhSachTepDinhKemKhac", {"LoaiGiayTo": True}, "LoaiGiayTo", "r77"),
        ("DanhSachHoSoBoSung", {"TrangThaiBoSung": "True"}, "TrangThaiBoSung", "r78"),
        ("DanhSachHoSoBoSung", {"NgayBoSung": "18-03-2024"}, "NgayBoSung", "r51"),
        ("DanhSachHoSoBoSung", {"HoSoBoSungId": 1.5}, "HoSoBoSungId", "r78"),
        ("DinhDanhCHS", {"SoDinhDanh": 99000000012}, "SoDinhDanh", "r50"),
    ],
)
def test_refused_in_array(caller, array, row, field, rule):
    """Nested rows are held to the same rules, and the reply says which row."""
    reply = caller.sync(a_record(**{array: [row]}))

    assert f"data[0].{array}[0].{field}" in reply["message"]
    assert (rule, f"data[0].{array}[0].{field}") in caller.broke()


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("TenTTHC", "", "r57"),
        ("MaHoSo", "KHONG-DUNG-DANG", "r65"),
        ("KenhThucHien", "9", "r66"),
        ("KenhThucHien", "", "r58"),
        ("HinhThuc", "2", "r67"),
        ("LoaiDoiTuong", "5", "r68"),
        ("DuocThanhToanTrucTuyen", "3", "r69"),
        ("MaTruongMoi", "x", "r35"),
        ("MaTruongMoi", [{"SoLuong": 3, "Co": True, "Rong": None}], "r35"),
    ],
)
def test_noted_field(caller, field, value, rule):
    """What the portal would take all the same is stored, and written down as broken."""
    reply = caller.sync(a_record(**{field: value}))

    assert 0 == reply["error_code"]
    assert {(rule, f"data[0].{field}")} == caller.broke()
    assert 1 == len(caller.effects())


@pytest.mark.parametrize(
    ("array", "row", "rule", "field"),
    [
        ("TaiLieuNop", {"IsDeleted": False}, "r74", "IsDeleted"),
        ("TaiLieuNop", {"DuongDanTaiTepTin": "ftp://example.invalid/x"}, "r75", "DuongDanTaiTepTin"),
        ("DanhSachLePhi", {"Gia": "8.000"}, "r76", "Gia"),
    ],
)
def test_noted_in_array(caller, array, row, rule, field):
    """The same for nested rows."""
    assert 0 == caller.sync(a_record(**{array: [row]}))["error_code"]
    assert {(rule, f"data[0].{array}[0].{field}")} == caller.broke()


@pytest.mark.parametrize(
    ("flag", "prices", "is_noted"),
    [("1", [], True), ("2", ["0"], True), ("1", ["0", "8000"], False), ("0", [], False), ("2", ["tám nghìn"], False)],
)
def test_paid_online_for_something(caller, flag, prices, is_noted):
    """A record that was paid online, and has no fee above zero, counts for nothing, and is noted (r83)."""
    fees = [{"TenPhiLePhi": "x", "Gia": price} for price in prices]

    assert 0 == caller.sync(a_record(DuocThanhToanTrucTuyen=flag, DanhSachLePhi=fees))["error_code"]
    assert is_noted == (("r83", "data[0].DuocThanhToanTrucTuyen") in caller.broke())


@pytest.mark.parametrize("field", ["MaTTHC", "TenTTHC", "HinhThuc", "DonViXuLy", "MaHoSo"])
def test_missing_member(caller, field):
    """A member that is always sent may not be absent (r56)."""
    record = a_record()
    del record[field]

    assert f"data[0].{field} bị thiếu" in caller.sync(record)["message"]
    assert [] == caller.effects()


@pytest.mark.parametrize("field", ["KenhThucHien", "ChuHoSo", "TrichYeuHoSo", "NgayHenTra"])
def test_wanted_member(caller, field):
    """A member that is required in practice may be absent, and its absence is noted (r58)."""
    record = a_record()
    del record[field]

    assert 0 == caller.sync(record)["error_code"]
    assert {("r58", f"data[0].{field}")} == caller.broke()


@pytest.mark.parametrize("field", ["GhiChu", "TaiLieuNop", "NoiNopHoSo", "DSKetNoiCSDL"])
def test_optional_member(caller, field):
    """Optional and newer members may be absent (r59, r60, r81)."""
    record = a_record()
    del record[field]

    assert 0 == caller.sync(record)["error_code"]
    assert set() == caller.broke()


@pytest.mark.parametrize("field", ["MaDoiTuong", "KenhThucHien"])
def test_null_where_it_was_seen(caller, field):
    """`null` is taken in the two fields where a client sends it (r61)."""
    assert 0 == caller.sync(a_record(**{field: None}))["error_code"]


@pytest.mark.parametrize(("unit", "code"), [("characters", 0), ("bytes", -1)])
def test_length_unit(caller, unit, code):
    """A limit counts characters, or bytes of UTF-8 when the switch says so (r71)."""
    caller.turn(length_unit=unit)

    assert code == caller.sync(a_record(GhiChu="ồ" * 2000))["error_code"]


def test_known_procedures(caller):
    """Every well-formed procedure is known unless the switch lists them (r63)."""
    caller.turn(known_procedures=["1.000001"])
    assert -1 == caller.sync(a_record())["error_code"]

    caller.turn(known_procedures="any")
    assert 0 == caller.sync(a_record())["error_code"]


@pytest.mark.parametrize("updating", [False, True, "false", "TRUE", None, 0])
def test_updating_is_a_text(caller, updating):
    """`isUpdating` is "True" or "False" and nothing else (r33)."""
    assert "isUpdating" in caller.sync(a_record(), updating=updating)["message"]
    assert {("r33", "isUpdating")} == caller.broke()


@pytest.mark.parametrize(("data", "rule"), [([], "r34"), ({}, "r34"), (None, "r34"), (["x"], "r34")])
def test_data_is_an_array(caller, data, rule):
    """`data` is an array of objects, and not empty (r34)."""
    reply = caller.ask("DongBoHoSoMC", isUpdating="False", data=data)

    assert -1 == reply["error_code"]
    assert rule in {row[0] for row in caller.broke()}


def test_digest_is_of_canonical_form(caller):
    """An effect's digest is the SHA-256 of the stored record's RFC 8785 form, and its body is that record."""
    record = sample("update-accepted")["request"]["body"]["data"][0]
    caller.sync(record)

    effect = caller.effects(body="1")[0]

    assert hashlib.sha256(rfc8785.dumps(record)).hexdigest() == effect["digest"]
    assert record == effect["body"]
    assert {"status": "10", "updating": "False"} == effect["entry"]


def test_equal_replace_is_a_repeat(caller):
    """A whole record replaced by an equal one is a row that says repeat; another content is not (r52)."""
    caller.sync(a_record())
    caller.sync(a_record(), updating="True")
    caller.sync(a_record(TrangThaiHoSo="4"), updating="True")
    caller.sync(a_record(), updating="True")

    assert [False, True, False, False] == [row["repeat"] for row in caller.effects()]


def test_create_of_what_is_there(caller):
    """Already exists: nothing is stored, and the rule is written down (r53)."""
    caller.sync(a_record())

    reply = caller.sync(a_record(TrangThaiHoSo="4"))

    assert (-3, True) == (reply["error_code"], "đã tồn tại" in reply["message"])
    assert 1 == len(caller.effects())


def test_same_number_twice_in_one_create(caller):
    """The second of two equal numbers in one call exists already; the call is refused whole."""
    assert -3 == caller.sync(a_record(), a_record())["error_code"]
    assert [] == caller.effects()


def test_most_records(caller):
    """More records than the switch allows are refused whole (r112)."""
    caller.turn(max_records=1)

    assert -1 == caller.sync(a_record(), a_record(MaHoSo="H99.14-240315-0002"))["error_code"]


def test_skipped_record_is_not_stored(caller):
    """Under `skipped_success_reported` the good records are stored, the bad one not; a call with none is refused."""
    caller.turn(bad_record="skipped_success_reported")
    other = a_record(MaHoSo="H99.14-240315-0002", MaTTHC="")

    assert 0 == caller.sync(a_record(), other)["error_code"]
    assert [NUMBER] == [row["dossier"] for row in caller.effects()]
    assert -1 == caller.sync(other)["error_code"]


# Steps.


def test_same_step_twice_is_two(caller):
    """A step has no id: the same one twice is two rows, neither a repeat (r91)."""
    caller.sync(a_record())
    caller.progress(a_step())
    caller.progress(a_step())

    steps = [row for row in caller.effects() if row["operation"] == "CapNhatTienDoHoSoMC"]

    assert 2 == len(steps)
    assert [False, False] == [row["repeat"] for row in steps]
    assert steps[0]["digest"] == steps[1]["digest"]


def test_step_of_unknown_dossier(caller):
    """A step before its record is refused (r96)."""
    assert -1 == caller.progress(a_step())["error_code"]
    assert [] == caller.effects()


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("NoiDungXuLy", "", "r92"),
        ("NguoiXuLy", "", "r92"),
        ("ThoiDiemXuLy", "", "r92"),
        ("TrangThai", "", "r92"),
        ("TrangThai", "11", "r64"),
        ("NguoiXuLy", "n" * 51, "r70"),
        ("ThoiDiemXuLy", "20240315", "r51"),
        ("NgayBatDau", "hôm qua", "r51"),
    ],
)
def test_refused_step(caller, field, value, rule):
    """A bad step is refused, the field named."""
    caller.sync(a_record())

    assert f"data[0].{field}" in caller.progress(a_step(**{field: value}))["message"]
    assert {(rule, f"data[0].{field}")} == caller.broke()


def test_backward_step_is_taken(caller):
    """Codes may go back; the mock judges no order (r97)."""
    caller.sync(a_record())

    codes = [caller.progress(a_step(TrangThai=code))["error_code"] for code in ("9", "4", "10", "2")]

    assert [0, 0, 0, 0] == codes


@pytest.mark.parametrize(("switch", "code", "stored"), [("refused", -1, 0), ("taken", 0, 11)])
def test_more_than_ten_steps(caller, switch, code, stored):
    """Eleven steps in a call are refused whole, or taken when the switch says so (r95)."""
    caller.sync(a_record())
    caller.turn(over_max_steps=switch)

    assert code == caller.progress(*[a_step()] * 11)["error_code"]
    assert stored == len(caller.effects()) - 1


def test_updating_on_steps_is_noted(caller):
    """`isUpdating` has no place on steps (r90)."""
    caller.sync(a_record())
    caller.ask("CapNhatTienDoHoSoMC", isUpdating="False", data=[a_step()])

    assert {("r90", "isUpdating")} == caller.broke()


# Anything at all.

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(sorted(a_record())) | st.text(max_size=6)


@given(st.dictionaries(fields, anything, min_size=1, max_size=4))
def test_whatever_comes_is_answered(overrides):
    """Whatever a record holds, the mock answers in its envelope; it stores what it says yes to, and nothing else."""
    caller = Caller()

    reply = caller.sync(a_record(**overrides))

    assert (reply["error_code"] == 0) == (len(caller.effects()) == 1)
    assert reply["error_code"] == 0 or any(row["refused"] for row in caller.requests()[-1]["broke"])


@given(anything)
def test_whatever_stands_for_the_array(data):
    """The same where the array itself is anything."""
    caller = Caller()

    assert -1 == caller.ask("CapNhatTienDoHoSoMC", data=data)["error_code"]
