"""What the national portal sends, on a real port: taken once and for good, or refused with words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from adapters.doors.facade import CONTEXTS
from adapters.partners.one_stop import forms
from adapters.partners.one_stop.codes import CONTRACTS
from bus.messages import canonical_bytes
from config.checks import offline
from config.settings_file import SettingsRefused, load
from tests.acceptance.portal_town import (
    DOOR,
    NATIONAL,
    PAPER,
    PROCEDURE,
    SOURCE,
    UNIT,
    Town,
    a_change,
    a_notice,
    a_town,
    opened,
)
from tests.builders import make_event

FACADE_TOO = """
[facade]
enabled = true
[facade.accounts.old]
username = "u"
password_file = "portal.key"
source = "old/h99"
madonvi = "000.00.00.H99"
"""


@pytest.fixture
def town(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Town]:
    with a_town(tmp_path, capsys) as made:
        yield made


# -- a dossier is filed ------------------------------------------------------------------------------------------------


def test_whole_notice(town: Town) -> None:
    """Taken with the number before the bar; the event is the contract's message, and nothing that was sent is lost."""
    assert {"error_code": 0, "message": f"{NATIONAL}| Đã tiếp nhận hồ sơ"} == town.file()
    (event,) = town.events()

    forms.check({"id": event.id, **event.data}, CONTRACTS["dossier.filed"])
    assert (SOURCE, f"filed.{NATIONAL}", NATIONAL) == (event.source, event.id, event.dossier)
    told = json.dumps(event.data, ensure_ascii=False)
    values = [value for value in a_notice().values() if isinstance(value, str) and value]
    values += a_notice()["DiaChiDoanhNghiep"].values()
    times = {"20240401091500": "2024-04-01T09:15:00+07:00"}
    missing = [value for value in values if times.get(value, value) not in told]
    assert [a_notice()["TepDonDangKy"]] == missing
    assert (PROCEDURE, UNIT, "enterprise") == (
        event.data["procedure"],
        event.data["unit"],
        event.data["applicant"]["kind"],
    )


def test_every_address(town: Town) -> None:
    """Behind the adapter under either name, and bare: each is the same door."""
    bases = ["", *(f"/{context}/RestService/forward" for context in CONTEXTS)]

    assert [0, 0, 0] == [town.post(a_notice(), base=base).json()["error_code"] for base in bases]
    assert 1 == len(town.events())
    noted = [town.refusal(town.post({}, base=base).json()["message"])["route"] for base in bases]
    assert [f"POST {base}/addtthcKhuyenMai" for base in bases] == noted


def test_beside_the_facade(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Under the same prefix as the façade, both answer."""
    with a_town(tmp_path, capsys, DOOR + FACADE_TOO) as town:
        base = "/VXPAdapter/RestService/forward"
        login = httpx2.post(f"{town.url}{base}/mapi/login", json={"username": "u", "password": "no"}).json()

        assert 1 == login["error_code"]
        assert 0 == town.post(a_notice(), base=base).json()["error_code"]


def test_p04_portal_that_repeats_hears_the_first_answer(town: Town) -> None:
    """The same notice again, also after a restart, is answered as the first time, and is there once."""
    first = town.file()
    again = town.file(dict(reversed(a_notice().items())))
    with opened(town.here.folder) as (_, url):
        later = Town(here=town.here, installation=town.installation, url=url).file()

    assert [first] * 2 == [again, later]
    assert 1 == len(town.events())


def test_same_number_with_another_content(town: Town) -> None:
    """The same number with another content is "there already", and nothing is changed; the first goes on as it was."""
    town.file()
    (event,) = town.events()
    for changed in ({"SoVanBan": "02/TB"}, {"TepDonDangKy": "JVBERi0xLjQ="}, {"TenThuongNhan": "K"}):
        said = town.file(a_notice(**changed))
        assert (1, NATIONAL) == (said["error_code"], said["message"].partition("|")[0])

    assert [event] == town.events()
    assert 0 == town.file()["error_code"]


def test_dossier_that_another_source_speaks_for(town: Town) -> None:
    """What stands under another source is never answered 0: refused, noted, and nothing of it is taken."""
    town.installation.intake.accept(make_event(dossier=NATIONAL))
    said = town.file()
    noted = town.refusal(said["message"])

    assert (-1, True) == (said["error_code"], "thuộc hệ thống khác" in said["message"])
    assert said["message"].startswith(f"{NATIONAL}| ")
    assert ("forbidden_source", SOURCE, []) == (noted["code"], noted["caller"], noted["rules"])
    assert "one-stop/h99" not in said["message"]
    assert [] == town.events()
    assert -1 == town.amend()["error_code"]


def test_at_once_from_many_threads(town: Town) -> None:
    """Twenty of the same at once are one dossier, and all hear the same."""
    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(lambda _: town.file(), range(20)))

    assert [said[0]] * 20 == said
    assert 1 == len(town.events())


def test_text_in_another_form_is_the_same(town: Town) -> None:
    """Texts come to one Unicode form, as everywhere: decomposed, it is the same notice."""
    import unicodedata

    town.file()
    raw = unicodedata.normalize("NFD", json.dumps(a_notice(), ensure_ascii=False)).encode()

    assert 0 == town.file(raw)["error_code"]
    assert 1 == len(town.events())


def test_what_no_member_holds_becomes_a_line(town: Town) -> None:
    """A member that no source shows, and a telephone too long for its place, stand in the note by their names."""
    phones = "0900000001; " * 5
    town.file(a_notice(TruongMoi={"a": ["b"]}, DienThoai=phones, TepDonDangKy="", Fax=None))
    note = town.events()[0].data["note"]

    assert 'TruongMoi: a: ["b"]' in note
    assert f"DienThoai: {phones}" in note
    assert "TenTepDonDangKy: thong-bao.pdf" in note


# -- its files ---------------------------------------------------------------------------------------------------------


def test_files_by_reference(town: Town) -> None:
    """Inline files are fetched under a signed address, with their digest, and are never shown as a page."""
    town.file()
    first, second = town.events()[0].data["files"]
    reply = httpx2.get(town.here_at(first["url"]))

    assert [("thong-bao.pdf", "application/pdf"), ("danh-sach.PDF", "application/pdf")] == [
        (each["name"], each["media_type"]) for each in (first, second)
    ]
    assert (PAPER, len(PAPER)) == (reply.content, first["size"])
    assert PAPER[::-1] == httpx2.get(town.here_at(second["url"])).content
    assert ("application/octet-stream", "attachment", "nosniff") == tuple(
        reply.headers[name] for name in ("content-type", "content-disposition", "x-content-type-options")
    )


def test_files_are_on_disk_before_the_yes(town: Town) -> None:
    """When the file cannot be kept, nothing is taken; once there is room again, the same call is taken."""
    folder = town.here.folder / "portal-files"
    folder.write_bytes(b"in the way")
    said = town.file()

    assert (-1, []) == (said["error_code"], town.events())
    assert "unavailable" == town.refusal(said["message"])["code"]
    folder.unlink()
    assert 0 == town.file()["error_code"]


def test_address_that_does_not_hold(town: Town) -> None:
    """A changed address, or none: not found, and nothing says whether there is such a file."""
    town.file()
    url = town.here_at(town.events()[0].data["files"][0]["url"])
    path = url.partition("?")[0]
    changed = [
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("expires=", "expires=1"),
        url.replace("expires=", "expires=x"),
        url.replace(path.split("/")[-2], "0" * 32),
        url.replace(path.split("/")[-1], "0" * 64),
        path,
    ]

    assert [(404, "not_found")] * 6 == [(found.status_code, found.json()["code"]) for found in map(httpx2.get, changed)]
    assert 200 == httpx2.get(url).status_code


def test_address_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Past its days an address opens no more."""
    with a_town(tmp_path, capsys, DOOR + "files_days = 0.0000001\n") as town:
        town.file()

        assert 404 == httpx2.get(town.here_at(town.events()[0].data["files"][0]["url"])).status_code


def test_file_that_is_gone_or_damaged(town: Town) -> None:
    """A file that the disk lost is not found; one that was changed is our trouble, said so."""
    town.file()
    first, second = (town.here_at(each["url"]) for each in town.events()[0].data["files"])
    kept = {path.name: path for path in (town.here.folder / "portal-files").rglob("*") if path.is_file()}
    name = lambda url: url.partition("?")[0].rpartition("/")[2]  # noqa: E731
    kept[name(first)].unlink()
    kept[name(second)].write_bytes(b"LTF1")

    assert [404, 503] == [httpx2.get(url).status_code for url in (first, second)]


# -- what is refused ---------------------------------------------------------------------------------------------------

BAD = [
    (a_notice(MaHoSo=""), "MaHoSo", "missing_field"),
    (a_notice(MaSoThue=" "), "MaSoThue", "missing_field"),
    (a_notice(TenThuongNhan=None), "TenThuongNhan", "missing_field"),
    (a_notice(NgayNopHoSo=""), "NgayNopHoSo", "missing_field"),
    (a_notice(NgayNopHoSo="2024-04-01"), "NgayNopHoSo", "out_of_range"),
    (a_notice(NgayNopHoSo="20990401091500"), "/time", "out_of_range"),
    (a_notice(MaTTHC="9.999999"), "MaTTHC", "enum"),
    (a_notice(MaHoSo="G99 1"), "MaHoSo", "out_of_range"),
    (a_notice(MaHoSo="G99-e\u0302"), "national_number", "not_nfc"),
    (a_notice(MaSoThue={"a": "b"}), "MaSoThue", "wrong_type"),
    (a_notice(DiaChiDoanhNghiep="Số 0"), "DiaChiDoanhNghiep", "wrong_type"),
    (a_notice(TepDonDangKy="không phải base64"), "TepDonDangKy", "out_of_range"),
    (a_notice(TaiLieuNop=[{"TenTepDinhKem": "a.pdf", "Base64": ""}]), "TaiLieuNop[0].Base64", "missing_field"),
    (a_notice(TaiLieuNop=[{"TenTepDinhKem": "a.exe", "Base64": "QUJD"}]), "TaiLieuNop[0].Base64", "media_type"),
    (a_notice(TaiLieuNop=[{"TenTepDinhKem": "a", "Base64": "QUJD"}]), "TaiLieuNop[0].Base64", "media_type"),
    (a_notice(TaiLieuNop=[{"TenTepDinhKem": "a.pdf", "Base64": "QUJD", "x": 1}]), "TaiLieuNop[0].x", "unknown_field"),
    (a_notice(TaiLieuNop=[{}] * 51), "TaiLieuNop", "out_of_range"),
    (a_notice(NoiDungChiTiet="x" * 20_001), "NoiDungChiTiet", "out_of_range"),
    (a_notice(NoiDungChiTiet="a\u0001b"), "note", "out_of_range"),
    (a_notice(TenChuongTrinhKhuyenMai="a" + "\u0323\u0301" * 20), "summary", "out_of_range"),
    (a_notice(SoLuongHangHoaDichVu=1.5), "SoLuongHangHoaDichVu", "wrong_type"),
    ([a_notice()], "", "wrong_type"),
    (b"{", "", "malformed_json"),
    (b'{"MaHoSo": "a", "MaHoSo": "b"}', "MaHoSo", "contradicted"),
    (b"\xff", "", "malformed_json"),
    (b"[" * 40, "", "malformed_json"),
]


def test_what_is_refused(town: Town) -> None:
    """HTTP 200 and -1 with the member named and a reference; nothing is recorded, and the operator finds it."""
    for body, field, rule in BAD:
        reply = town.post(body)
        said = reply.json()

        assert (200, -1) == (reply.status_code, said["error_code"]), (field, rule)
        assert {"field": field, "rule": rule} in town.refusal(said["message"])["rules"]
        assert "Traceback" not in reply.text
    assert [] == town.events()
    assert 0 == town.file()["error_code"]


def test_too_large(town: Town) -> None:
    """A body past the limit is turned away unread, a file past its own by name."""
    body = town.post(a_notice(TepDonDangKy="A" * 16_000_001)).json()
    file = town.post(a_notice(TepDonDangKy="QUJD" * 2_800_000)).json()

    assert [-1, -1] == [body["error_code"], file["error_code"]]
    assert [{"field": "TepDonDangKy", "rule": "too_large"}] == town.refusal(file["message"])["rules"]
    assert [] == town.events()


def test_who_has_no_key(town: Town) -> None:
    """Without the exchange's key nobody is let in, and nothing is read."""
    for key in ("", "another"):
        reply = town.post(a_notice(), apikey=key)
        assert (401, -1) == (reply.status_code, reply.json()["error_code"])

    assert [] == town.events()


def test_who_calls_from_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From outside the portal's networks nobody is let in."""
    with a_town(tmp_path, capsys, DOOR.replace("127.0.0.0/8", "10.0.0.5/32")) as town:
        reply = town.post(a_notice())

    assert (403, -1) == (reply.status_code, reply.json()["error_code"])


def test_who_calls_too_fast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Past the agreed rate the portal is told to come later; what it is told 0 for is there."""
    with a_town(tmp_path, capsys, DOOR + "rate = 0.001\n") as town:
        codes = [town.post(a_notice(MaHoSo=f"G99.99-240401-{n:06d}")).json()["error_code"] for n in range(3)]

        assert [0, -1, -1] == codes
        assert 1 == len(town.events())


def test_codes_as_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A portal that compares texts gets texts."""
    with a_town(tmp_path, capsys, DOOR + 'codes = "text"\n') as town:
        assert ["0", "-1"] == [town.file()["error_code"], town.file(b"{")["error_code"]]


# -- what is changed afterwards ----------------------------------------------------------------------------------------


def test_change_of_a_filed_dossier(town: Town) -> None:
    """A change is the contract's message under the dossier's number, its file by the portal's own address."""
    town.file()
    for updating in (True, "True", "true", "1"):
        said = town.amend(a_change(updating))
        assert {"error_code": 0, "message": f"{NATIONAL}| Đã tiếp nhận thay đổi của hồ sơ"} == said
    (event,) = town.events("dossier.amended")

    forms.check({"id": event.id, **event.data, "number": "H99.05-1"}, CONTRACTS["dossier.amended"])
    assert (NATIONAL, "supplement") == (event.dossier, event.data["kind"])
    assert ["https://portal.example.invalid/tep/1"] == [each["url"] for each in event.data["files"]]
    lines = ("Lý do điều chỉnh: Kéo dài thời gian", "ThongTinSuaDoi: ThoiGianKhuyenMaiDen: 20240425235959")
    assert all(line in event.data["content"] for line in lines)


def test_there_and_back_is_three_changes(town: Town) -> None:
    """No change has an id: the same as the latest is a repeat, A after B is a third."""
    town.file()
    a, b = a_change(LyDoDieuChinh="A"), a_change(LyDoDieuChinh="B", NgayNopHoSo="20240406091500")

    assert [0] * 5 == [town.amend(each)["error_code"] for each in (a, a, b, a, a)]
    assert 3 == len(town.events("dossier.amended"))


def test_change_that_says_it_is_none(town: Town) -> None:
    """`isUpdating` false for a dossier that is here: 1, and nothing is changed."""
    town.file()

    assert [1, 1] == [town.amend(a_change(updating))["error_code"] for updating in (False, "False")]
    assert [] == town.events("dossier.amended")


def test_change_of_an_unknown_dossier(town: Town) -> None:
    """What is said of a dossier that was never filed here is never answered 0: it would be lost without a trace."""
    said = town.amend()

    assert (-1, NATIONAL) == (said["error_code"], said["message"].partition("|")[0])
    assert "not_found" == town.refusal(said["message"])["code"]
    assert [] == town.events("dossier.amended")


def test_land_tax_receipt(town: Town) -> None:
    """A receipt that we do not carry is refused in words, whether or not its dossier is here."""
    receipt = {"service": "NhanChungTuThueDat", "isUpdating": False, "data": {"MaHoSo": NATIONAL}}
    unknown = town.amend(receipt)
    town.file()
    for said in (unknown, town.amend(receipt)):
        assert (-1, True) == (said["error_code"], "không được ghi nhận" in said["message"])
        assert "not_found" == town.refusal(said["message"])["code"]


SENSELESS = [
    (a_change(None), "isUpdating"),
    (a_change("maybe"), "isUpdating"),
    ({"service": "x", "isUpdating": True}, "data"),
    ({"service": "x", "isUpdating": True, "data": []}, "data"),
    (a_change(MaHoSoQG=""), "data.MaHoSoQG"),
    (a_change(NgayNopHoSo=""), "data.NgayNopHoSo"),
    (a_change(URLTepDangKy="tep/1"), "data.URLTepDangKy"),
]


def test_change_that_makes_no_sense(town: Town) -> None:
    """A change without sense is refused, the member named."""
    town.file()
    for body, field in SENSELESS:
        said = town.amend(body)
        assert -1 == said["error_code"]
        assert field in {rule["field"] for rule in town.refusal(said["message"])["rules"]}

    assert [] == town.events("dossier.amended")


def test_change_without_a_file(town: Town) -> None:
    """A change may come without a file."""
    town.file()
    town.amend(a_change(URLTepDangKy="", TenTepDangKy=""))

    assert [] == town.events("dossier.amended")[0].data["files"]


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (('unit = "000.00.04.H99"', ""), "unit and files_url"),
        (('key_file = "portal.key"\nnetworks = ["127.0.0.0/8"]', ""), "networks or key_file"),
        (("enabled = true\n", 'enabled = true\nsource = "one-stop/h99"\n'), "one-stop/h99"),
    ],
)
def test_settings_that_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: tuple[str, str], told: str
) -> None:
    """A door that anybody could use, or whose events nobody could tell apart, does not open."""
    with pytest.raises(SettingsRefused, match=told), a_town(tmp_path, capsys, DOOR.replace(*changed)):
        pass


def test_check_finds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`check` names a network that is none, and a key that nobody wrote."""
    with a_town(tmp_path, capsys) as town:
        settings = load(town.here.folder / "lienthong.toml", {}).settings
        assert all(answer.is_well for answer in offline(settings) if answer.what == "portal_door")
        (town.here.folder / "portal.key").unlink()
        (answer,) = [answer for answer in offline(settings) if answer.what == "portal_door"]
        assert "portal_door.key_file" in answer.detail
        town.here.set("127.0.0.0/8", "127.0.0.0/99")
        settings = load(town.here.folder / "lienthong.toml", {}).settings
        (answer,) = [answer for answer in offline(settings) if answer.what == "portal_door"]
        assert "portal_door.networks" in answer.detail


def test_canonical(town: Town) -> None:
    """What is kept is the canonical form, as of every event."""
    town.file()
    (event,) = town.events()

    assert event.body == canonical_bytes(json.loads(event.body))
