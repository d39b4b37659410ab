"""What the façade passes on to the portal: under our own session, seldom, and honest about its age."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from contracts.mock_faults import FaultOrder
from contracts.national_portal import catalogue
from tests.acceptance.test_facade import DSTCODE, FACADE, KEY, UNIT, Town, a_town, record

BASE = "/VXPAdapter/RestService/forward/mapi/"
PERSON = {"provider": "wso2is", "mstorcmnd": "099000000001"}


@pytest.fixture
def town(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Town]:
    """A façade that asks the portal each time."""
    with a_town(tmp_path, capsys, FACADE.replace("enabled = true", "enabled = true\ncatalogue_fresh_s = 0")) as made:
        yield made


def ask(town: Town, session: str, service: str, endpoint: str = "integration", **more: Any) -> httpx2.Response:
    body = {"session": session, "madonvi": UNIT, "service": service, **more}
    return town.post(f"{BASE}{endpoint}", body, headers={"dstcode": DSTCODE})


def asked(town: Town, operation: str) -> list[Any]:
    """What the portal was asked."""
    return [each for each in town.here.portal.log.page() if each.operation == operation]


PASSED_ON: list[tuple[str, str, dict[str, str], Any]] = [
    ("LayDanhSachTTHC", "share", {}, catalogue.procedures()),
    ("LayDanhMucCoQuan", "share", {}, catalogue.agencies()),
    ("LayDanhMucLinhVuc", "share", {}, catalogue.sectors()),
    ("LayThuTuc", "integration", {"maTTHC": "1.999193"}, catalogue.procedure("1.999193")),
    ("LayThuTuc", "integration", {"maTTHC": "9.999999"}, []),
    ("LayDVC", "integration", {}, catalogue.services()),
    ("TraCuuTechID", "share", PERSON, catalogue.tech_id("099000000001")),
]


def test_passed_through(town: Town) -> None:
    """The portal's own answer, dirt and all, from each service's own endpoint; the same at a provincial address."""
    session = town.login()["session"]
    for service, endpoint, more, expected in PASSED_ON:
        response = ask(town, session, service, endpoint, **more)
        outer = httpx2.get(f"{town.url}/facade/{service}", params=more, headers={"apikey": KEY}).json()

        assert (0, expected) == (response.json()["error_code"], response.json()["result"])
        assert ("0", "portal") == (response.headers["age"], response.headers["x-lienthong-answer"])
        assert expected == json.loads(outer["message"])["result"]
        assert [] == [broken for each in asked(town, service) for broken in each.broken]


def test_session_of_the_caller_stays_here(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal sees one login of ours and our session, whatever the caller's is."""
    sent: list[str] = []
    recognise = town.here.portal.recognise
    monkeypatch.setattr(town.here.portal, "recognise", lambda got: [sent.append(repr(got)), recognise(got)][1])
    session = town.login()["session"]
    for _ in range(3):
        ask(town, session, "LayDanhSachTTHC", "share")

    assert (1, 3) == (len(asked(town, "login")), len(asked(town, "LayDanhSachTTHC")))
    assert 4 == len(sent)
    assert not any(session in each for each in sent)


def test_asked_once_while_it_is_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Within its time an answer is given again, and its age can be seen."""
    with a_town(tmp_path, capsys) as town:
        session = town.login()["session"]
        found = [ask(town, session, "LayThuTuc", maTTHC=code) for code in ("1.999193", "1.999193", "1.999194")]
        for _ in range(2):
            ask(town, session, "TraCuuTechID", "share", **PERSON)

        assert found[0].json() == found[1].json() != found[2].json()
        assert 2 == len(asked(town, "LayThuTuc"))
        assert 2 == len(asked(town, "TraCuuTechID"))


def test_silent_portal(town: Town) -> None:
    """An older answer says when it was fetched; where there is none, the envelope says no and 503 says later."""
    session = town.login()["session"]
    before = ask(town, session, "LayDanhSachTTHC", "share").json()
    town.here.portal.faults.arm(FaultOrder(fault="html_200", count=100))
    kept = ask(town, session, "LayDanhSachTTHC", "share")
    none = ask(town, session, "LayThuTuc", maTTHC="1.999193")

    assert (0, before["result"]) == (kept.json()["error_code"], kept.json()["result"])
    assert "dữ liệu lấy lúc 20" in kept.json()["message"]
    assert "kept" == kept.headers["x-lienthong-answer"]
    assert int(kept.headers["age"]) >= 0
    assert (503, -1) == (none.status_code, none.json()["error_code"])
    assert int(none.headers["retry-after"]) > 0
    assert "Cổng DVCQG chưa trả lời" in none.json()["message"]
    assert [{"field": "service", "rule": "portal_silent"}] == town.refusal(none.json()["message"])["rules"]
    assert 0 == len(asked(town, "LayThuTuc"))


def test_the_portals_no_is_passed_on(town: Town) -> None:
    """Code and words of a refusal are the portal's; it is not kept."""
    session = town.login()["session"]
    answer = ask(town, session, "LayQDCB", idQDCB="1").json()

    assert (-1, "Dịch vụ LayQDCB chưa có trong bản giả lập") == (answer["error_code"], answer["message"])


REFUSED_HERE: list[tuple[str, dict[str, Any], str, str]] = [
    ("LayThuTuc", {}, "maTTHC", "missing_field"),
    ("LayThuTuc", {"maTTHC": 5}, "maTTHC", "wrong_type"),
    ("LayThuTuc", {"maTTHC": "x" * 201}, "maTTHC", "out_of_range"),
    ("LayDanhSachTTHC", {"maTTHC": "1.999193"}, "maTTHC", "unknown_field"),
    ("DongBoDanhGia", {}, "service", "enum"),
    ("DongBoTrangThaiHoSo", {"type": "2", "data": {}}, "service", "enum"),
    ("LayDanhSachHoiDapBoCoQuan", {}, "service", "enum"),
]


def test_refused_here(town: Town) -> None:
    """A parameter that is missing or would not go along, and a service outside the table, are refused by name."""
    session = town.login()["session"]
    for service, more, field, rule in REFUSED_HERE:
        answer = ask(town, session, service, **more).json()

        assert -1 == answer["error_code"]
        assert ("giữ địa chỉ cũ" in answer["message"]) is (field == "service")
        assert [{"field": field, "rule": rule}] == town.refusal(answer["message"])["rules"]
        assert [] == asked(town, service)


def test_success_says_what_it_means(town: Town) -> None:
    """A yes to a record says in a header that it means accepted here; a no says nothing of the kind."""
    session = town.login()["session"]
    body = {"session": session, "madonvi": UNIT, "service": "DongBoHoSoMC", "isUpdating": "0", "data": [record()]}
    yes, no = town.post(f"{BASE}integration", body), town.post(f"{BASE}integration", body | {"data": [{}]})

    assert "accepted" == yes.headers["x-lienthong-success"]
    assert "x-lienthong-success" not in no.headers


def test_nothing_of_a_person_is_logged(town: Town) -> None:
    """Who asked about a person stands in the log; about whom, with which session and password, nowhere."""
    session = town.login()["session"]
    ask(town, session, "TraCuuTechID", "share", **PERSON)
    httpx2.get(f"{town.url}/facade/TraCuuTechID", params=PERSON, headers={"apikey": KEY})
    logged = "".join(town.here.capsys.readouterr())

    assert "person_asked_about" in logged
    for secret in (PERSON["mstorcmnd"], session, KEY, "mock-password"):
        assert secret not in logged
