"""The national portal's mock against its own notes: what it takes, what it refuses, and what it writes down."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from contracts.mocking import Request
from contracts.national_portal.mock import ACCOUNT, Portal
from tests.contract.national_portal_calls import (
    ADAPTER,
    HEADERS,
    NUMBER,
    SAMPLES,
    Caller,
    Clock,
    a_record,
    a_step,
    answered,
    sample,
    without,
)


@pytest.fixture
def caller() -> Caller:
    return Caller()


# The samples.


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.json")))
def test_mock_answers_like_its_samples(name):
    """Every sample is what the mock really answers: status, ending, type, and each word of the body."""
    wanted = sample(name)

    reply = answered(Caller(), wanted)

    assert _shape(wanted["reply"]) == _seen(reply, wanted["reply"])


def _shape(reply: dict[str, Any]) -> dict[str, Any]:
    return {"headers": {}} | reply


def _seen(reply: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    seen = {"status": reply.status, "ending": reply.ending, "content_type": reply.content_type}
    seen["headers"] = {name: reply.headers[name] for name in wanted.get("headers", {})}
    if "text" in wanted:
        return seen | {"text": reply.body.decode()}
    body = json.loads(reply.body)
    return seen | {"body": body | ({"session": "{session}"} if "session" in body else {})}


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.json")))
def test_samples_are_invented_and_sourced(name):
    """A sample names rules that stand in the notes, and no identity number outside the invented range."""
    wanted, notes = sample(name), Portal.notes.read_text(encoding="utf-8")
    identities = re.findall(r'"SoDinhDanh": "(\d+)"', json.dumps(wanted))

    assert all(f'<a id="{rule}"></a>' in notes for rule in wanted["rules"])
    assert all(number.startswith("099") for number in identities)
    assert name == wanted["situation"]


# Address, login, session.


@pytest.mark.parametrize("context", ["XrdAdapter", "VXPAdapter"])
def test_both_contexts(context):
    """The older and the newer context are the same portal (r1)."""
    path = f"/national_portal/{context}/RestService/forward/mapi/login"
    body = {"username": ACCOUNT.username, "password": ACCOUNT.password}

    assert "session" in json.loads(Caller().post(path, body).body)


@pytest.mark.parametrize(
    ("switch", "in_header", "in_query", "status"),
    [
        ("either", True, False, 200),
        ("either", False, True, 200),
        ("either", False, False, 404),
        ("header", True, False, 200),
        ("header", False, True, 404),
        ("query", False, True, 200),
        ("query", True, False, 404),
    ],
)
def test_destination(caller, switch, in_header, in_query, status):
    """`dstcode` is looked for where the switch says; without it the adapter answers 404 (r4, r6)."""
    caller.turn(dstcode_in=switch)
    body = {"session": caller.session, "madonvi": ACCOUNT.madonvi, "service": "TraCuuHoSo", "mahoso": NUMBER}
    headers = HEADERS if in_header else {"content-type": "application/json"}
    query = {"dstcode": ACCOUNT.dstcode} if in_query else {}

    assert status == caller.post(ADAPTER + "integration", body, headers, **query).status


def test_wrong_destination(caller):
    """Another destination is unknown, even beside a right one in the other place (r6)."""
    headers = HEADERS | {"dstcode": "VN:GOV:000.00.00.G99:other"}

    assert 404 == caller.post(ADAPTER + "integration", {}, headers, dstcode=ACCOUNT.dstcode).status
    assert {("r6", "dstcode")} == caller.broke()


@pytest.mark.parametrize(("method", "path", "status"), [("GET", ADAPTER + "share", 405), ("POST", ADAPTER + "g", 404)])
def test_method_and_path(caller, method, path, status):
    """Only POST, only known paths (r2, r8)."""
    assert status == caller.portal(Request(method=method, path=path, headers=HEADERS)).status


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"a":1,"a":2}', b'{"a" : 1, "b": {"c":"x", "c" :"\\":"}}', b'{"a":"\xff"}']
)
def test_unreadable_body(caller, body):
    """Not an object, not JSON, not UTF-8, or a member twice: refused (r12)."""
    reply = caller.portal(Request(path=ADAPTER + "integration", headers=HEADERS, body=body))

    assert -1 == int(json.loads(reply.body)["error_code"])
    assert {("r12", "body")} == caller.broke()


def test_session_ends_by_time():
    """A session is dead after its time (r24), and the answer is that of r25."""
    clock = Clock()
    caller = Caller(clock=clock)
    clock.pass_(599)
    assert [] == caller.look_up()

    clock.pass_(1)
    reply = caller.ask("TraCuuHoSo", mahoso=NUMBER)

    assert {"error_code": -1, "message": "Phiên làm việc không hợp lệ"} == reply


def test_session_ends_by_calls(caller):
    """A session is dead after its number of calls (r24); a new login gives another."""
    caller.turn(session_calls=2)

    replies = [caller.ask("TraCuuHoSo", mahoso=NUMBER)["error_code"] for _ in range(3)]

    assert [0, 0, -1] == replies
    caller.session = caller.login()["session"]
    assert [] == caller.look_up()


def test_login_leaves_older_sessions_alive(caller):
    """A second login ends nobody else's session (r26)."""
    caller.login()

    assert [] == caller.look_up()


@pytest.mark.parametrize("name", ["session", "madonvi", "service"])
@pytest.mark.parametrize("value", [None, 7, True])
def test_envelope_types(caller, name, value):
    """The three members of every call are texts (r30)."""
    body = {"session": caller.session, "madonvi": ACCOUNT.madonvi, "service": "TraCuuHoSo", "mahoso": NUMBER}

    reply = caller.post(ADAPTER + "integration", body | {name: value})

    assert -1 == int(json.loads(reply.body)["error_code"])
    assert {("r30", name)} == caller.broke()


@pytest.mark.parametrize(
    ("service", "door", "rule"),
    [
        ("DongBoHoSoMC", "share", "r11"),
        ("LayThuTuc", "share", "r11"),
        ("LayDanhSachTTHC", "integration", "r11"),
        ("dongbohosomc", "integration", "r32"),
        ("LayQDCB", "integration", "r126"),
    ],
)
def test_service_at_its_endpoint(caller, service, door, rule):
    """A service is known by its exact name and at its own endpoint only."""
    assert -1 == caller.ask(service, door)["error_code"]
    assert {(rule, "service")} == caller.broke()


def test_services_and_accounts(caller):
    """`LayDVC` nests its list (r127); `TraCuuTechID` knows one invented person and wants both parameters (r128)."""
    ask = {"provider": "wso2is", "mstorcmnd": "099000000001"}

    assert "1.999193.01" == caller.ask("LayDVC")["result"]["data"][0]["MADVC"]
    assert [{"TECHNICALID": "tech-099000000001"}] == caller.ask("TraCuuTechID", "share", **ask)["result"]
    assert [] == caller.ask("TraCuuTechID", "share", **ask | {"mstorcmnd": "099000000002"})["result"]
    assert -1 == caller.ask("TraCuuTechID", "share", mstorcmnd="099000000001")["error_code"]
    assert {("r128", "mstorcmnd")} == caller.broke()


def test_content_type_is_noted(caller):
    """A body that is not labelled JSON is served, and written down (r9)."""
    body = {"session": caller.session, "madonvi": ACCOUNT.madonvi, "service": "TraCuuHoSo", "mahoso": NUMBER}

    assert 200 == caller.post(ADAPTER + "integration", body, HEADERS | {"content-type": "text/plain"}).status
    assert {("r9", "Content-Type")} == caller.broke()


def test_codes_rotate(caller):
    """Success is written as 0, "0" and "00" in turn (r36)."""
    codes = [json.loads(caller.call("TraCuuHoSo", mahoso=NUMBER).body)["error_code"] for _ in range(6)]

    assert ["0", "00", 0] * 2 == codes


# The LGSP in front.


def test_bearer(caller):
    """Behind a bearer LGSP, a client-credentials token opens the way until it expires (r27)."""
    clock = Clock()
    caller = Caller(clock=clock)
    caller.turn(outer_auth="bearer", outer_token_ttl_s=60)
    token = _token(caller)
    headers = HEADERS | {"authorization": f"Bearer {token}"}
    body = {"username": ACCOUNT.username, "password": ACCOUNT.password}

    assert 401 == caller.post(ADAPTER + "login", body).status
    assert 200 == caller.post(ADAPTER + "login", body, headers).status
    clock.pass_(60)
    assert 401 == caller.post(ADAPTER + "login", body, headers).status


def _token(caller: Caller) -> str:
    form = b"grant_type=client_credentials&client_id=mock-client&client_secret=mock-secret"
    reply = caller.portal(Request(path="/national_portal/lgsp/token", body=form))
    return json.loads(reply.body)["access_token"]


@pytest.mark.parametrize(
    ("form", "header", "status"),
    [
        (b"grant_type=client_credentials", "Basic bW9jay1jbGllbnQ6bW9jay1zZWNyZXQ=", 200),
        (b"grant_type=client_credentials", "Basic bW9jay1jbGllbnQ6d3Jvbmc=", 401),
        (b"grant_type=client_credentials", "Basic ???", 401),
        (b"grant_type=client_credentials&client_id=mock-client&client_secret=wrong", "", 401),
        (b"grant_type=password", "", 400),
    ],
)
def test_token_endpoint(caller, form, header, status):
    """Client credentials in the header or in the form; anything else is an OAuth error."""
    request = Request(path="/national_portal/lgsp/token", headers={"authorization": header}, body=form)

    assert status == caller.portal(request).status


def test_key_header(caller):
    """Behind a key LGSP, the header `apikey` opens the way (r27)."""
    caller.turn(outer_auth="key")

    assert 401 == caller.post(ADAPTER + "integration", {}).status
    assert 200 == caller.post(ADAPTER + "integration", {}, HEADERS | {"apikey": ACCOUNT.api_key}).status


# Look-up and catalogue.


@pytest.mark.parametrize("parameter", ["MaHoSo", "maHoSo", "masohoso"])
def test_lookup_parameter_is_lower_case(caller, parameter):
    """`mahoso`, in lower case; another spelling is a missing parameter (r120)."""
    assert -1 == caller.ask("TraCuuHoSo", **{parameter: NUMBER})["error_code"]
    assert ("r120", "mahoso") in caller.broke()


def test_lookup_says_existence_only(caller):
    """The look-up tells that a dossier is there, and nothing of its status or steps (r121)."""
    assert [] == caller.look_up()
    caller.sync(a_record())
    caller.progress(a_step())

    assert [{"MAHOSO": NUMBER}] == caller.look_up()


def test_procedure_is_dirty(caller):
    """`LayThuTuc` gives the dirt of r124: texts for amounts, an apostrophe, one code twice."""
    found = caller.ask("LayThuTuc", maTTHC="1.999193")["result"][0]
    fees = [way["THOIGIAN"][0]["PHILEPHI"][0] for way in found["CACHTHUCTHUCHIEN"]]
    papers = [paper["MAGIAYTO"] for paper in found["THANHPHANHOSO"][0]["GIAYTO"]]

    assert ["không", "8.000"] == [fee["SOTIEN"] for fee in fees]
    assert {"2'"} == {fee["MAPHILEPHI"] for fee in fees}
    assert papers[0] == papers[1]
    assert "TRINHTUTHUCHIEN" not in found


@pytest.mark.parametrize("service", ["LayDanhMucCoQuan", "LayDanhMucLinhVuc", "LayDanhSachTTHC"])
def test_categories(caller, service):
    """The categories come from the share endpoint, with upper-case keys."""
    rows = caller.ask(service, "share")["result"]

    assert rows
    assert all(name == name.upper() for row in rows for name in row)


def test_unknown_procedure(caller):
    """A procedure that is not there is an empty result; none named is refused (r123)."""
    assert [] == caller.ask("LayThuTuc", maTTHC="9.999999")["result"]
    assert -1 == caller.ask("LayThuTuc")["error_code"]


# Façade.

FACADE = "/national_portal/facade/"


def _inner(reply: Any) -> dict[str, Any]:
    outer = json.loads(reply.body)
    return json.loads(outer["message"]) | {"outer": int(outer["error_code"])}


def test_facade_writes(caller):
    """Add, update and progress are addresses of their own, with bare arrays; the books are the same (r132)."""
    for name, row in (("ThemHoSo", a_record()), ("CapNhatHoSo", a_record()), ("CapNhatTienDoHoSoMC", a_step())):
        assert 0 == int(_inner(caller.post(FACADE + name, [row]))["error_code"])

    assert ["DongBoHoSoMC", "DongBoHoSoMC", "CapNhatTienDoHoSoMC"] == [row["operation"] for row in caller.effects()]
    assert [NUMBER] == [row["MAHOSO"] for row in caller.look_up()]


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"isUpdating": "False"}, "r31"),
        ({"MaDinhDanhDV": "000.00.00.H98", "isUpdating": "False"}, "r31"),
        ({"MaDinhDanhDV": ACCOUNT.madonvi}, "r33"),
        ({"MaDinhDanhDV": ACCOUNT.madonvi, "isUpdating": "false"}, "r33"),
    ],
)
def test_facade_query(caller, query, rule):
    """The query must name the unit, and say "True" or "False" (r131)."""
    reply = _inner(caller.post(FACADE + "DongBoHoSoMC", [a_record()], HEADERS, **query))

    assert -1 == int(reply["error_code"])
    assert {rule} == {row[0] for row in caller.broke()}


def test_facade_wants_a_bare_array(caller):
    """An envelope around the array is refused (r132)."""
    assert -1 == int(_inner(caller.post(FACADE + "ThemHoSo", {"data": [a_record()]}))["error_code"])
    assert {("r132", "data")} == caller.broke()


@pytest.mark.parametrize(("switch", "outer"), [("own", 0), ("same", -3)])
def test_facade_outer_code(caller, switch, outer):
    """The outer code is the façade's own yes, or a copy of the portal's (r135)."""
    caller.turn(facade_outer_code=switch)
    caller.post(FACADE + "ThemHoSo", [a_record()])

    reply = _inner(caller.post(FACADE + "ThemHoSo", [a_record()]))

    assert (outer, -3) == (reply["outer"], int(reply["error_code"]))


def test_facade_lookup_can_be_missing(caller):
    """Where a façade does not publish the look-up, it is a 404 (r136)."""
    caller.turn(facade_lookup=False)

    assert 404 == caller.portal(Request(method="GET", path=FACADE + "TraCuuHoSo", query={"mahoso": NUMBER})).status


def test_facade_needs_no_destination(caller):
    """`dstcode` plays no part on the façade (r130); an unknown service is refused in the envelope."""
    listing = Request(method="GET", path=FACADE + "LayDanhSachTTHC")

    assert 0 == int(_inner(caller.portal(without(listing, "dstcode")))["error_code"])
    assert -1 == int(_inner(caller.post(FACADE + "KhongCo", {}))["error_code"])


def test_reset_is_the_first_day():
    """After a reset the mock remembers nothing, and its sessions begin again as on the first day."""
    caller = Caller(seed=4)
    first = caller.session
    caller.sync(a_record())
    caller.turn(exists_code=3)
    caller.control("POST", "reset")

    assert [] == caller.effects()
    assert [] == caller.requests()
    assert -1 == caller.ask("TraCuuHoSo", mahoso=NUMBER)["error_code"]
    assert first == caller.login()["session"]
    assert -3 == caller.portal.switches["exists_code"]


def test_times_of_effects_are_the_clock():
    """An effect carries the time at which it was stored."""
    clock = Clock()
    caller = Caller(clock=clock)
    clock.pass_(5)
    caller.sync(a_record())

    assert (Clock().now + timedelta(seconds=5)).isoformat().replace("+00:00", "Z") == caller.effects()[0]["at"]
