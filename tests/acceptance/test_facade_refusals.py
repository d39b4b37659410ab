"""What the façade does not take: by name and with a reference; and what its settings may not be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from adapters.doors.facade import CONTEXTS, PROVINCIAL
from adapters.doors.facade_accounts import MOST_STRIKES
from config.checks import offline
from config.settings_file import SettingsRefused, load
from tests.acceptance.desk import opened, place
from tests.acceptance.test_facade import FACADE, PASSWORD, UNIT, Town, a_town, furnish, record, step, until
from tests.builders import make_event


@pytest.fixture
def town(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Town]:
    with a_town(tmp_path, capsys) as made:
        yield made


def changed(**changes: Any) -> dict[str, Any]:
    return deepcopy(record()) | changes


@pytest.mark.parametrize(
    ("told", "field", "rule"),
    [
        (changed(TrangThaiHoSo="11"), "data[1].TrangThaiHoSo", "enum"),
        (changed(NgayHenTra="03/07/2026"), "data[1].NgayHenTra", "out_of_range"),
        (changed(TrichYeuHoSo=""), "data[1].TrichYeuHoSo", "missing_field"),
        (changed(GhiChu="x" * 2001), "data[1].GhiChu", "out_of_range"),
        (changed(GhiChu="x" * 2001, MaTTHC="9.999999"), "data[1].GhiChu", "out_of_range"),
        (changed(HoSoCoThanhPhanSoHoa="0", MaTTHC="9.999999"), "data[1].HoSoCoThanhPhanSoHoa", "out_of_range"),
        (changed(ChuHoSo="x" * 501), "data[1].ChuHoSo", "out_of_range"),
        (changed(HoSoCoThanhPhanSoHoa="0"), "data[1].HoSoCoThanhPhanSoHoa", "out_of_range"),
        (changed(TruongMoi="x"), "data[1].TruongMoi", "unknown_field"),
        ("x", "data[1]", "wrong_type"),
    ],
)
def test_refused_by_name(town: Town, told: Any, field: str, rule: str) -> None:
    """What cannot be carried is refused by the caller's name of it, with a reference; nothing of the call is taken."""
    session = town.login()["session"]
    answer = town.sync(session, record(dossier="H99.09-260703-0001"), told)
    noted = town.refusal(answer["message"])

    assert (-1, True) == (answer["error_code"], answer["message"].startswith(f"{field}: "))
    assert ("old", rule, {"field": field, "rule": rule}) == (noted["caller"], noted["code"], noted["rules"][0])
    assert 0 == town.events()


ADDRESSES = [
    *[
        f"/{context}/RestService/forward/mapi/{end}"
        for context in CONTEXTS
        for end in ("login", "share", "integration")
    ],
    *[f"/{base}/{end}" for base in PROVINCIAL for end in ("login", "{service}")],
]


def test_noted_under_the_address_that_was_called(town: Town) -> None:
    """The note says at which of the façade's addresses it was: by its pattern, never by what stands in its place."""
    for address in ADDRESSES:
        town.post(address.replace("{service}", "0900000001"), {})
    town.installation.ledger.engine.write(lambda tx: None)
    noted = [each["route"] for each in town.installation.reads.refusals(limit=100)]

    assert [f"POST {address}" for address in ADDRESSES] == noted[::-1]


def test_p12_refused_calls_name_nobody(town: Town) -> None:
    """What is refused at the façade, login or record, leaves nobody in notes, log or metrics."""
    people = ("099000000001", "0900000001", "Nguyễn Thị Ví Dụ", "Trần Văn Mẫu", "vi.du@example.invalid")
    session = town.login()["session"]
    with capture_logs() as lines:
        town.login(password="0900000001")
        town.sync(session, record() | {"0900000001": "Nguyễn Thị Ví Dụ"})
        town.sync(session, record() | {"TrangThaiHoSo": "Trần Văn Mẫu 099000000001"})
        town.progress(session, step() | {"NguoiXuLy": ["Nguyễn Thị Ví Dụ"]})
        town.call("0900000001", session, data=[record()])
    town.installation.ledger.engine.write(lambda tx: None)
    notes = town.installation.reads.refusals(limit=100)

    assert 5 == len(notes)
    page = httpx2.get(town.url + "/metrics").text
    told = json.dumps(notes, ensure_ascii=False) + str(lines) + page
    assert [] == [person for person in people if person in told]


def test_what_only_our_tables_lack_is_accepted_and_held(town: Town) -> None:
    """A procedure without a row is the operator's trouble: accepted, and held with the row named."""
    session = town.login()["session"]
    assert 0 == town.sync(session, changed(MaTTHC="9.999999"))["error_code"]
    town.work()
    held = until(lambda: town.installation.reads.tallies()["national_portal"].get("held"), bool)

    assert 1 == held
    assert [] == town.effects()


def test_what_another_system_owns_is_visible_and_never_sent(town: Town) -> None:
    """A procedure of a ministry's own system is accepted and marked as not ours."""
    session = town.login()["session"]
    assert 0 == town.sync(session, changed(MaTTHC="1.001613"))["error_code"]
    town.work()

    assert 1 == until(lambda: town.installation.reads.tallies()["national_portal"].get("not_ours"), bool)
    assert [] == town.call("TraCuuHoSo", session, mahoso=record()["MaHoSo"])["result"]


def test_another_sources_dossier(town: Town) -> None:
    """A dossier of which another source spoke first is refused."""
    town.installation.intake.accept(make_event())
    session = town.login()["session"]
    answer = town.sync(session, record())

    assert (-1, True) == (answer["error_code"], "thuộc hệ thống khác" in answer["message"])
    assert [] == town.call("TraCuuHoSo", session, mahoso=record()["MaHoSo"])["result"]


@pytest.mark.parametrize(
    "change",
    [
        {"session": None},
        {"session": "AAAA"},
        {"session": "không phải base64"},
        {"madonvi": "000.00.00.H98"},
        {"service": "dongbohosomc"},
        {"isUpdating": "yes"},
        {"isUpdating": None},
        {"data": {}},
        {"data": []},
        {"service": 5},
    ],
)
def test_wrong_envelope(town: Town, change: dict[str, Any]) -> None:
    """A call that is wrong around its records is refused in the portal's manner, and noted."""
    session = town.login()["session"]
    body = {"session": session, "madonvi": UNIT, "service": "DongBoHoSoMC", "isUpdating": "False", "data": [record()]}
    response = town.post("/VXPAdapter/RestService/forward/mapi/integration", body | change)

    assert (200, -1) == (response.status_code, response.json()["error_code"])
    assert town.refusal(response.json()["message"])["rules"]
    assert 0 == town.events()


@pytest.mark.parametrize(
    ("raw", "status"), [(b"{", 200), (b"[]", 200), (b'{"a":1,"a":2}', 200), (b"x" * 10_000_001, 413)]
)
def test_not_a_call(town: Town, raw: bytes, status: int) -> None:
    """What is no JSON object is refused in the portal's envelope."""
    response = town.post("/VXPAdapter/RestService/forward/mapi/login", raw)

    assert (status, -1) == (response.status_code, response.json()["error_code"])


def test_wrong_passwords_are_slowed_down(town: Town) -> None:
    """Ten wrong passwords and then 429, for right ones from that address too; nothing tells which names exist."""
    path = "/VXPAdapter/RestService/forward/mapi/login"
    answers = [town.login(password="wrong"), town.post(path, {"username": "nobody", "password": PASSWORD}).json()]
    for _ in range(MOST_STRIKES):
        last = town.post(path, {"username": UNIT, "password": "wrong"})
    right = town.post(path, {"username": UNIT, "password": PASSWORD})

    assert [1, 1] == [answer["error_code"] for answer in answers]
    assert 1 == len({answer["message"].partition("Mã")[0] for answer in answers})
    assert not any("session" in answer for answer in answers)
    assert [429, 429] == [last.status_code, right.status_code]
    assert int(right.headers["retry-after"]) >= 1


def test_wrong_key_of_the_exchange(town: Town) -> None:
    """The provincial addresses are closed without the key or a session."""
    for headers in ({}, {"apikey": "wrong"}, {"Authorization": "Bearer AAAA"}):
        answer = town.post("/facade/ThemHoSo", [record()], headers=headers).json()
        assert -1 == json.loads(answer["message"])["error_code"]
    assert 0 == town.events()


def test_full_pace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A caller that sends faster than agreed hears 429."""
    with a_town(tmp_path, capsys, FACADE + "rate = 0.001\n") as town:
        session = town.login()["session"]
        response = town.post("/VXPAdapter/RestService/forward/mapi/share", {"session": session})

    assert 429 == response.status_code


def test_another_password_ends_its_sessions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A session holds over a restart of the doors, and ends with the password that it was given for."""
    with place(tmp_path, capsys) as here:
        furnish(here)
        found, session = [], ""
        for password in (PASSWORD, PASSWORD, "another-password"):
            (here.folder / "old.password").write_text(password)
            with opened(here.folder) as (installation, url), ExitStack() as stack:
                town = Town(here=here, installation=installation, url=url, stack=stack)
                session = session or town.login()["session"]
                found.append(town.call("TraCuuHoSo", session, mahoso="H99")["error_code"])

    assert [0, 0, -1] == found


def test_off_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `enabled = true` none of its addresses is there."""
    with a_town(tmp_path, capsys, FACADE.replace("enabled = true", "")) as town:
        assert 404 == town.post("/VXPAdapter/RestService/forward/mapi/login", {}).status_code


def test_check_looks_at_its_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A password that others may read is found before the start, with its setting and the cure."""
    with place(tmp_path, capsys) as here:
        furnish(here)
        found = []
        for mode in (0o600, 0o644):
            (here.folder / "old.password").chmod(mode)
            answers = offline(load(here.folder / "lienthong.toml", {}).settings)
            found += [each.detail for each in answers if each.what == "facade.accounts"]

    assert "" == found[0]
    assert "chmod 600" in found[1]


@pytest.mark.parametrize(
    ("old", "new", "cure"),
    [
        ('source = "old/h99"', 'source = "one-stop/h99"', "is a caller's too"),
        ("[facade.accounts.old]", "", "unknown field|no such setting"),
        (FACADE, "\n[facade]\nenabled = true\n", "facade is enabled"),
    ],
)
def test_settings_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, cure: str
) -> None:
    """A façade without accounts, or with a caller's source, stops the start."""
    with place(tmp_path, capsys) as here:
        furnish(here, FACADE.replace(old, new))
        with pytest.raises(SettingsRefused, match=cure):
            load(here.folder / "lienthong.toml", {})
