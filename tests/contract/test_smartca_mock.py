"""SmartCA's mock is strict: each rule that says **refused** is held, by its number; what it may do wrong, it does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from contracts.mock_control import control
from contracts.mocking import Request, Response
from contracts.signing_mock import ApproveOrder
from contracts.smartca.mock import SP_ID, SP_PASSWORD, SmartCa
from tests.signing_kit import NOW

CERTIFICATES = "/smartca/v1/credentials/get_certificate"
SIGN = "/smartca/v1/signatures/sign"
ASKED = {"sp_id": SP_ID, "sp_password": SP_PASSWORD, "user_id": "099000000001", "transaction_id": "TX-1"}
FILE = {"data_to_be_signed": "0a" * 32, "doc_id": "1-a.pdf", "file_type": "pdf", "sign_type": "hash"}


class Clock:
    """Stands where it was put."""

    at = NOW

    def __call__(self) -> Any:
        return self.at


def made() -> SmartCa:
    return SmartCa(clock=Clock())


def sent(mock: SmartCa, path: str, fields: Any, **more: Any) -> tuple[Response, Any]:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    response = mock(Request(path=path, headers={"content-type": "application/json"}, body=body, **more))
    return response, json.loads(response.body)


def order(**changed: Any) -> dict[str, Any]:
    told = {**ASKED, "sign_files": [FILE], **changed}
    return {name: value for name, value in told.items() if value is not ...}


def rules(mock: SmartCa) -> list[str]:
    return sorted({row.rule for row in mock.log.newest(1)[0].broken})


@pytest.mark.parametrize(
    ("path", "body", "more", "code", "rule"),
    [
        ("/smartca/v1/else", {}, {}, None, "r1"),
        (SIGN, b"{", {}, 400, "r2"),
        (SIGN, b"[]", {}, 400, "r2"),
        (SIGN, order(), {"method": "GET"}, 400, "r2"),
        (f"{SIGN}/TX-1/status", b"x", {}, 400, "r2"),
        (SIGN, order(sp_id="x"), {}, 401, "r3"),
        (SIGN, order(sp_password="x"), {}, 401, "r3"),
        (CERTIFICATES, {**ASKED, "sp_password": "é"}, {}, 401, "r3"),
        (CERTIFICATES, {**ASKED, "more": "x"}, {}, 400, "r10"),
        (CERTIFICATES, {**ASKED, "user_id": 99}, {}, 400, "r10"),
        (SIGN, order(more="x"), {}, 400, "r20"),
        (SIGN, order(sign_files=...), {}, 400, "r20"),
        (SIGN, order(sign_files=[]), {}, 400, "r20"),
        (SIGN, order(time_stamp="2026"), {}, 400, "r20"),
        (SIGN, order(transaction_desc="x" * 201), {}, 400, "r20"),
        (SIGN, order(sign_files=[FILE | {"data_to_be_signed": "0A" * 32}]), {}, 400, "r21"),
        (SIGN, order(sign_files=[FILE | {"data_to_be_signed": "0a" * 20}]), {}, 400, "r21"),
        (SIGN, order(sign_files=[FILE | {"file_type": "exe"}]), {}, 400, "r21"),
        (SIGN, order(sign_files=[FILE | {"sign_type": "file"}]), {}, 400, "r21"),
        (SIGN, order(sign_files=[FILE | {"more": "x"}]), {}, 400, "r21"),
        (SIGN, order(sign_files=["x"]), {}, 400, "r21"),
        (SIGN, order(sign_files=[FILE, FILE]), {}, 400, "r21"),
        (SIGN, order(sign_files=[FILE | {"doc_id": f"{n}"} for n in range(11)]), {}, 400, "r25"),
        (SIGN, order(sign_files=[FILE | {"doc_id": "x" * 65}]), {}, 400, "r27"),
        (SIGN, order(user_id="099000000010"), {}, 403, "r28"),
        (SIGN, order(user_id="099000000011"), {}, 403, "r28"),
        (SIGN, order(user_id="099000000012"), {}, 403, "r28"),
        (SIGN, order(user_id="099000000013"), {}, 403, "r28"),
        (SIGN, order(serial_number="1234"), {}, 403, "r28"),
    ],
)
def test_each_rule_is_held(path, body, more, code, rule):
    """What breaks a rule is refused under its number, and nobody is asked to sign."""
    mock = made()
    response, told = sent(mock, path, body, **more)

    assert [rule] == rules(mock)
    assert (404, None) == (response.status, code) if code is None else code == told["status_code"]
    assert 0 == len(mock.effects)


def test_an_id_is_taken_once():
    """A transaction's id is good for one question to one person, whatever comes of it."""
    mock = made()
    first, second = sent(mock, SIGN, order())[1], sent(mock, SIGN, order())[1]

    assert (200, 400) == (first["status_code"], second["status_code"])
    assert ["r22"] == rules(mock)
    assert 1 == len(mock.transactions)


def test_what_a_test_asks_of_it():
    """By its control routes: who may sign with what, what a person does, and every transaction with its count."""
    mock = made()

    def post(what: str, body: Any) -> Any:
        return json.loads(control(mock, what, Request(path="", body=json.dumps(body).encode())).body)

    assert 1 == len(post("signers", {"user": "099000000001", "kinds": ["expired"]}))
    assert "no such kind" in post("signers", {"user": "099000000001", "kinds": ["odd"]})["error"]
    assert "no transaction" in post("approve", {"handle": "x"})["error"]
    assert {"waits": True} == post("approve", {"before_answer": True, "result": "decline"})
    mock.signers.clear()
    sent(mock, SIGN, order())
    told = json.loads(control(mock, "transactions", Request(method="GET", path="")).body)

    assert [("declined", 1, 0)] == [(each["state"], each["prompts"], each["documents"][0]["signs"]) for each in told]


def test_after_so_many_questions_and_after_so_long():
    """It can be told to come to something by itself once it was asked about often enough; after its life it is over."""
    mock = made()
    mock.switches.turn({"on_asking": "approve", "after_polls": 2})
    sent(mock, SIGN, order())
    said = [sent(mock, f"{SIGN}/TX-1/status", {})[1]["message"] for _ in range(2)]
    assert ["sig_wait_for_user_confirm", "SUCCESS"] == said
    mock.switches.turn({"on_asking": ""})
    sent(mock, SIGN, order(transaction_id="TX-2"))
    mock._clock.at = NOW + timedelta(minutes=6)
    mock.approve(ApproveOrder(request="TX-2"))

    assert "sig_expired" == sent(mock, f"{SIGN}/TX-2/status", {})[1]["message"]
    assert 1 == sum(row.operation == "sign" for row in mock.effects)


def test_the_page_of_a_person():
    """What waits is on the page; a press signs once, a second one changes nothing; strangers' addresses say so."""
    mock = made()
    handle = sent(mock, SIGN, order(transaction_desc="Ký <b>hồ sơ</b>"))[1]["data"]["tran_code"]
    page = f"/smartca/approve/{handle}"
    get = lambda path: mock(Request(method="GET", path=path))  # noqa: E731

    assert "Ký &lt;b&gt;hồ sơ" in get(page).body.decode()
    assert handle in get("/smartca/approve").body.decode()
    assert 404 == get("/smartca/approve/none").status
    for pressed in (b"result=approve&tell=no&wrong=digest", b"result=decline", b"result=odd"):
        assert 303 == mock(Request(path=page, body=pressed)).status
    assert "Đã ký 1 tài liệu" in get(page).body.decode()
    assert "Không có yêu cầu nào" in get("/smartca/approve").body.decode()
    assert 1 == sum(row.operation == "sign" for row in mock.effects)


@pytest.mark.parametrize(("result", "words"), [("decline", "từ chối"), ("expire", "quá hạn"), ("fail", "báo lỗi")])
def test_the_page_afterwards(result, words):
    """However it ended, the page says it and that no key was used."""
    mock = made()
    handle = sent(mock, SIGN, order())[1]["data"]["tran_code"]
    mock(Request(path=f"/smartca/approve/{handle}", body=f"result={result}".encode()))
    body = mock(Request(method="GET", path=f"/smartca/approve/{handle}")).body.decode()

    assert words in body
    assert "Khóa không được dùng" in body
    mock.reset()
    assert 0 == len(mock.transactions)
