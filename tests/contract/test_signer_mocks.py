"""The mocks of MySign and of the VNeID gateway are strict: each rule that says **refused** is held, by its number."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from uuid import uuid4

import pytest

from contracts.mocking import Request, Response
from contracts.mysign.mock import MySign
from contracts.signing_mock import ApproveOrder
from contracts.vneid_gateway.mock import VneidGateway
from contracts.vneid_gateway.places import partner_signature
from tests.signer_services import MYSIGN, PERSON, VNEID
from tests.signing_kit import NOW

HASH = b64encode(bytes(32)).decode()
LOGIN = "/mysign/vtss/service/ras/v1/login"
CERTIFICATES = "/mysign/vtss/service/certificates/info"
SIGN = "/mysign/vtss/service/signHash"
STATUS = "/mysign/vtss/service/requests/status"
WHO = {"client_id": MYSIGN.client_id, "client_secret": MYSIGN.secret}
SIGNER = {**WHO, "profile_id": MYSIGN.profile, "user_id": f"CMT_{PERSON}"}
PLAIN = b64encode(b"Ky so").decode()


def made() -> MySign:
    return MySign(clock=lambda: NOW)


def sent(mock: MySign, path: str, fields: Any, *, token: str = "", **more: Any) -> tuple[Response, Any]:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"} | more.pop("headers", {})
    response = mock(Request(path=path, headers=headers, body=body, **more))
    return response, json.loads(response.body)


def logged_in(mock: MySign) -> str:
    return str(sent(mock, LOGIN, SIGNER)[1]["access_token"])


def order(mock: MySign) -> dict[str, Any]:
    holder = mock.signers.of(PERSON)[0]
    return {
        **WHO,
        "credentialID": f"cred-{holder.serial}",
        "numSignatures": 2,
        "description": PLAIN,
        "documents": [{"document_id": f"D{n}", "document_name": PLAIN} for n in (1, 2)],
        "hash": [HASH, HASH],
        "hashAlgo": "2.16.840.1.101.3.4.2.1",
        "signAlgo": "1.2.840.113549.1.1.1",
        "async": 1,
    }


def rules(mock: MySign | VneidGateway) -> list[str]:
    return [row.rule for row in mock.log.newest(1)[0].broken]


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"client_id": "x"}, "r8"),
        ({"client_secret": "x"}, "r8"),
        ({"profile_id": "x"}, "r2"),
        ({"user_id": PERSON}, "r2"),
        ({"certificates": "single"}, "r10"),
        ({"certInfo": "true"}, "r10"),
        ({"authInfo": None}, "r10"),
    ],
)
def test_mysign_holds_a_question_to_its_form(changed, rule):
    """What of a list of certificates, or of the login in it, is missing or of another form is refused."""
    mock, asked = made(), {**SIGNER, "certificates": "chain", "certInfo": True, "authInfo": True}
    token = logged_in(mock)
    assert 200 == sent(mock, CERTIFICATES, asked, token=token)[0].status
    is_other = "user_id" in changed
    response, _ = sent(mock, LOGIN if is_other else CERTIFICATES, asked | changed, token=token)

    assert 400 == response.status
    assert [rule] == rules(mock)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"client_id": "x"}, "r8"),
        ({"credentialID": ""}, "r20"),
        ({"credentialID": "cred-0"}, "r20"),
        ({"numSignatures": 1}, "r21"),
        ({"numSignatures": 3}, "r21"),
        ({"hash": [HASH]}, "r21"),
        ({"hash": []}, "r20"),
        ({"hash": [HASH, HASH[:-4]]}, "r23"),
        ({"hash": [HASH, HASH.replace("A", "-")]}, "r23"),
        ({"hash": [HASH, "00" * 32]}, "r23"),
        ({"hashAlgo": "1.3.14.3.2.26"}, "r23"),
        ({"signAlgo": "1.2.840.10045.4.3.2"}, "r23"),
        ({"description": "Ky so"}, "r22"),
        ({"description": b64encode("Ký".encode()).decode()}, "r22"),
        ({"description": b64encode(b"a" * 75).decode()}, "r22"),
        ({"async": 4}, "r24"),
        ({"async": "1"}, "r24"),
        ({"async": True}, "r24"),
        ({"documents": [{"document_id": "D1", "document_name": PLAIN}] * 2}, "r25"),
        ({"documents": [{"document_id": "D1"}, {"document_id": "D2"}]}, "r22"),
        ({"documents": None}, "r20"),
    ],
)
def test_mysign_holds_an_order_to_its_form(changed, rule):
    """What of an order is missing or of another form is refused, and nobody is asked."""
    mock = made()
    response, _ = sent(mock, SIGN, order(mock) | changed, token=logged_in(mock))

    assert (400, 0, [rule]) == (response.status, len(mock.effects), rules(mock))
    assert 200 == sent(mock, SIGN, order(mock), token=logged_in(mock))[0].status


def test_mysign_takes_no_more_than_its_limit():
    """More hashes than one agreement gives are refused, and a question names its transaction."""
    mock = made()
    mock.switches.turn({"multisign": 1})
    token = logged_in(mock)
    sent(mock, SIGN, order(mock), token=token)
    assert ["r27"] == rules(mock)
    sent(mock, STATUS, {}, token=token)

    assert ["r30"] == rules(mock)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"method": "GET"}, 405),
        ({"headers": {"content-type": "text/plain"}}, 415),
        ({"body": b"{"}, 400),
        ({"body": b"[]"}, 400),
        ({"path": "/mysign/elsewhere"}, 404),
    ],
)
def test_mysign_and_http(more, status):
    """Another method, media type, body or address is refused under r1."""
    mock = made()
    fields = more.pop("body", SIGNER)
    response = sent(mock, more.pop("path", LOGIN), fields, **more)[0]

    assert (status, ["r1"]) == (response.status, rules(mock))


@pytest.mark.parametrize("token", ["", "mysign-token-999999"])
def test_mysign_wants_this_signers_token(token):
    """Without a token, under another person's or under one that is over, nothing is answered."""
    mock = made()
    mine = logged_in(mock)
    other = {**SIGNER, "user_id": "CMT_099000000003", "certificates": "chain", "certInfo": True, "authInfo": True}

    assert 401 == sent(mock, SIGN, order(mock), token=token)[0].status
    assert 401 == sent(mock, CERTIFICATES, other, token=mine)[0].status
    mock.switches.turn({"token_s": 0})
    assert 401 == sent(mock, SIGN, order(mock), token=logged_in(mock))[0].status
    mock.reset()
    assert 401 == sent(mock, SIGN, order(mock), token=mine)[0].status


def test_mysign_that_waits():
    """`async` 0 answers with what there is at once; a person who agreed before gives the values in it."""
    mock = made()
    mock.switches.turn({"on_asking": "approve"})
    answer = sent(mock, SIGN, order(mock) | {"async": 0}, token=logged_in(mock))[1]

    assert 2 == len(answer["signatures"])


# -- the gateway ------------------------------------------------------------------------------------------------------


def gateway() -> VneidGateway:
    return VneidGateway(clock=lambda: NOW)


def called(mock: VneidGateway, message: str, fields: Any, *, token: str = "", **changed: Any) -> tuple[Response, Any]:
    path, body = (
        f"/vneid_gateway/api/v1/{message}",
        fields if isinstance(fields, bytes) else json.dumps(fields).encode(),
    )
    headers = {
        "content-type": "application/json",
        "x-request-id": "r-1",
        "x-partner-code": VNEID.partner_code,
        "x-timestamp": str(int(NOW.timestamp())),
        "x-nonce": str(uuid4()),
        "authorization": f"Bearer {token}",
    } | {name.replace("_", "-"): value for name, value in changed.items() if name.startswith("x_")}
    plain = Request(path=path, headers=headers, body=body, method=changed.get("method", "POST"))
    headers = {"x-signature": partner_signature(plain, changed.get("secret", VNEID.secret)), **headers}
    headers |= {"content-type": changed.get("kind", "application/json")}
    request = Request(
        path=path, headers={n: v for n, v in headers.items() if v}, body=body, method=changed.get("method", "POST")
    )
    response = mock(request)
    return response, json.loads(response.body)


def token_of(mock: VneidGateway) -> str:
    pair = {"username": VNEID.username, "password": VNEID.password}
    return str(called(mock, "auth/token", pair)[1]["data"]["accessToken"])


def signing(mock: VneidGateway, token: str) -> dict[str, Any]:
    credential = called(mock, "certificates/list", {"citizenPid": PERSON}, token=token)[1]["data"]["credentialIDs"][0]
    documents = [{"documentName": "a.pdf", "digestValue": HASH}]
    return {"credentialID": credential, "originatorCode": VNEID.originator_code, "documents": documents}


@pytest.mark.parametrize(
    ("changed", "code", "rule"),
    [
        ({"x_signature": ""}, "20", "r5"),
        ({"x_nonce": ""}, "20", "r5"),
        ({"x_partner_code": "OTHER"}, "25", "r5"),
        ({"x_timestamp": "today"}, "22", "r7"),
        ({"x_timestamp": str(int(NOW.timestamp()) - 301)}, "23", "r7"),
        ({"x_signature": "0" * 64}, "26", "r5"),
        ({"secret": "another secret"}, "26", "r5"),
        ({"x_request_id": ""}, "02", "r4"),
    ],
)
def test_gateway_holds_each_call_to_its_hmac(changed, code, rule):
    """A header that is missing, another partner, a wrong time or HMAC has its own code, and nothing is done."""
    mock = gateway()
    answer = called(mock, "auth/token", {"username": VNEID.username, "password": VNEID.password}, **changed)[1]

    assert (code, [rule]) == (answer["code"], rules(mock))


def test_gateway_takes_a_nonce_once():
    """The same call twice is 24, whatever else is right with it."""
    mock = gateway()
    pair = {"username": VNEID.username, "password": VNEID.password}
    codes = [called(mock, "auth/token", pair, x_nonce="n-1")[1]["code"] for _ in range(2)]

    assert ["01", "24"] == codes


@pytest.mark.parametrize(
    ("changed", "code", "rule"),
    [
        ({"credentialID": ""}, "02", "r30"),
        ({"credentialID": "cred-0"}, "03", "r30"),
        ({"originatorCode": "OTHER"}, "02", "r30"),
        ({"documents": []}, "02", "r30"),
        ({"documents": ["a"]}, "02", "r30"),
        ({"documents": [{"documentName": "", "digestValue": HASH}]}, "02", "r35"),
        ({"documents": [{"documentName": "a", "digestValue": HASH[:-4]}]}, "02", "r30"),
        ({"documents": [{"documentName": "a"}]}, "02", "r30"),
    ],
)
def test_gateway_holds_an_order_to_its_form(changed, code, rule):
    """What of an order is missing or of another form is refused, and nobody is asked."""
    mock = gateway()
    token = token_of(mock)
    right = signing(mock, token)
    answer = called(mock, "signings/hash", right | changed, token=token)[1]

    assert (code, 0, [rule]) == (answer["code"], len(mock.effects), rules(mock))
    assert "01" == called(mock, "signings/hash", right, token=token)[1]["code"]


@pytest.mark.parametrize(
    ("message", "fields", "code", "rule"),
    [
        ("certificates/list", {"citizenPid": "0990"}, "02", "r20"),
        ("signings/polling", {}, "02", "r32"),
        ("signings/polling", {"handle": "h-0"}, "03", "r32"),
        ("auth/token", {"username": "x", "password": "y"}, "02", "r10"),
        ("auth/refresh", {"refreshToken": "x"}, "02", "r12"),
        ("auth/refresh", {}, "02", "r10"),
        ("signings/polling", b"[]", "02", "r1"),
        ("signings/polling", b"{", "02", "r1"),
    ],
)
def test_gateway_holds_other_calls_to_their_form(message, fields, code, rule):
    """So it is with every other message."""
    mock = gateway()

    assert code == called(mock, message, fields, token=token_of(mock))[1]["code"]
    assert [rule] == rules(mock)


@pytest.mark.parametrize(
    ("more", "status"), [({"method": "GET"}, 405), ({"kind": "text/plain"}, 415), ({"at": "elsewhere"}, 404)]
)
def test_gateway_and_http(more, status):
    """Another method, media type or address is refused under r1."""
    mock = gateway()

    assert (
        status
        == called(mock, more.pop("at", "signings/polling"), {"handle": "h"}, token=token_of(mock), **more)[0].status
    )
    assert ["r1"] == rules(mock)


def test_gateway_wants_a_token_that_lives():
    """Without a token, and with one that is over, nothing is answered but 00; a refresh token is used once."""
    mock = gateway()
    pair = {"username": VNEID.username, "password": VNEID.password}
    refresh = {"refreshToken": called(mock, "auth/token", pair)[1]["data"]["refreshToken"]}

    assert ["01", "02"] == [called(mock, "auth/refresh", refresh)[1]["code"] for _ in range(2)]
    assert "00" == called(mock, "signings/polling", {"handle": "h"}, token=refresh["refreshToken"])[1]["code"]
    mock.switches.turn({"token_s": 0})
    response, answer = called(mock, "signings/polling", {"handle": "h"}, token=token_of(mock))
    assert (401, "00", "r-1") == (response.status, answer["code"], response.headers["X-Request-Id"])


@pytest.mark.parametrize("mock", [made, gateway])
def test_a_person_decides_at_the_page(mock):
    """The page of a transaction shows what is signed, takes a decision once, and the mock counts each key's use."""
    service = mock()
    if isinstance(service, MySign):
        sent(service, SIGN, order(service), token=logged_in(service))
    else:
        token = token_of(service)
        called(service, "signings/hash", signing(service, token), token=token)
    found = service.transactions.newest()
    assert found is not None
    path = f"/{service.partner}/approve/{found.handle}"
    page = service(Request(method="GET", path=path))
    for _ in range(2):
        pressed = service(Request(method="POST", path=path, body=b"result=approve&tell=no"))

    assert (200, 303, "approved") == (page.status, pressed.status, found.state)
    assert [1] * len(found.documents) == [each.signs for each in found.documents]
    with pytest.raises(ValueError, match="no transaction"):
        service.approve(ApproveOrder(handle="nobody"))
