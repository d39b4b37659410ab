"""KeyPay's and VNPAY's mocks are strict: a wrong field is refused under its rule; samples are what is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from contracts import vietqr
from contracts.gateway_mock import GatewayMock, PayOrder
from contracts.keypay import gate as keypay_gate
from contracts.keypay.mock import KeyPay
from contracts.keypay.places import Account as KeypayAccount
from contracts.keypay.places import check_sum
from contracts.mock_control import control
from contracts.mock_notes import as_html
from contracts.mocking import Request, Response
from contracts.vnpay import gate as vnpay_gate
from contracts.vnpay.mock import VnPay
from contracts.vnpay.places import API, ASKED, HASH, PAGE, message_hash, query_hash
from contracts.vnpay.places import Account as VnpayAccount
from tests.gateway_kit import AMOUNT, CONTRACTS, MADE_AT, REFERENCE, Still
from tests.gateway_samples import samples

KEY, SECRET = KeypayAccount().key_1, VnpayAccount().secret
JSON = {"content-type": "application/json"}
PATHS = {"create": "create", "detail": "detail", "refund": "refund", "refund_detail": "refund/detail"}


def sample(partner: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONTRACTS / partner / "samples" / f"{name}.json").read_text(encoding="utf-8"))
    return found


MESSAGES = {name: sample("keypay", name.replace("_", "-")) for name in PATHS}
ASKS = {name: sample("vnpay", name) for name in ("querydr", "refund")}
PAY = dict(parse_qsl((CONTRACTS / "vnpay" / "samples" / "pay-address.txt").read_text().strip().partition("?")[2]))


def test_samples_are_fresh():
    """Every sample is what adapter and mock say to each other today; no other is kept but the vectors."""
    made = dict(samples())
    kept = {
        f"{partner}/samples/{path.name}": path.read_text(encoding="utf-8")
        for partner in ("keypay", "vnpay")
        for path in (CONTRACTS / partner / "samples").iterdir()
        if path.name != "vectors.json"
    }

    assert made == kept


@pytest.mark.parametrize("mock", [KeyPay, VnPay])
def test_notes_are_a_page(mock):
    """The notes can be shown as a page, and each switch is named by a rule in them."""
    page = as_html(mock.notes)

    assert [] == [switch.name for switch in mock.switches_here if f'id="{switch.rule}"' not in page]


class Keyed:
    """The mock of KeyPay, an afternoon, and signed calls to it."""

    def __init__(self) -> None:
        self.clock = Still(MADE_AT)
        self.mock: GatewayMock = KeyPay(clock=self.clock.now)

    def ask(self, message: str, fields: Mapping[str, Any], *, sign: bool = True) -> dict[str, Any]:
        told = {**fields, "check_sum": check_sum(message, fields, KEY)} if sign else dict(fields)
        body = json.dumps(told).encode()
        answer = self.mock(Request(path=f"/keypay/{PATHS[message]}", headers=JSON, body=body))
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def broken(self) -> list[tuple[str, str]]:
        return [(row.rule, row.field) for row in self.mock.log.newest(1)[0].broken]


@pytest.mark.parametrize("message", PATHS)
def test_every_field_of_keypay(message):
    """Each field that is missing, of another type or form, breaks the rule of its form, and changes nothing."""
    here, good = Keyed(), MESSAGES[message]
    for name, (rule, _) in keypay_gate.FORMS[message].items():
        for wrong in (None, 7, "", "x|y\n"):
            said = here.ask(message, good | {name: wrong}, sign=name != "check_sum")

            assert ("3", (rule, name)) == (said["error"], here.broken()[0]), wrong
    assert 0 == len(here.mock.effects)


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"bill_info": None}, ("r24", "bill_info")),
        ({"bill_info": {"MaHoSo": ""}}, ("r24", "bill_info/MaHoSo")),
        ({"bill_info": {"PhiLePhi": []}}, ("r24", "bill_info/PhiLePhi")),
        ({"bill_info": {"DSKhoanNop": [{"SoTien": "1"}]}}, ("r24", "bill_info/DSKhoanNop")),
        ({"bill_info": {"DSKhoanNop": [{"SoTien": "-75000"}]}}, ("r24", "bill_info/DSKhoanNop")),
        ({"currency_code": "USD"}, ("r20", "currency_code")),
        ({"more": "1"}, ("r20", "more")),
        ({"transaction_id": "TT1"}, ("r21", "transaction_id")),
        ({"trans_amount": "75000.0"}, ("r23", "trans_amount")),
        ({"trans_amount": "0"}, ("r23", "trans_amount")),
        ({"client_id": "OTHER"}, ("r10", "client_id")),
        ({"command": "PAYLATER"}, ("r22", "command")),
    ],
)
def test_create_of_keypay(changed, broken):
    """Sums, currency, references and names of the block are looked at; no checksum covers it."""
    here, good = Keyed(), MESSAGES["create"]
    if isinstance(changed.get("bill_info"), dict):
        changed = {"bill_info": good["bill_info"] | changed["bill_info"]}
    here.ask("create", good | changed)

    assert [broken] == here.broken()
    assert 0 == len(here.mock.effects)


def test_keypay_takes_its_own_samples():
    """The samples are accepted as they stand, in their order."""
    here = Keyed()
    here.mock.switches.turn({"refunds": "pending"})
    said = {}
    for message in PATHS:
        said[message] = here.ask(message, MESSAGES[message], sign=False)
        if message == "detail":
            here.mock.pay(PayOrder(callbacks=0))

    assert {"0"} == {answer["error"] for answer in said.values()}


def test_bank_app_pays_what_it_scans():
    """A bank's app pays the order that the code names, over its exact amount, and nothing else."""
    here = Keyed()
    here.ask("create", MESSAGES["create"])
    told = vietqr.Scanned(bank_bin="999999", account="1", amount=AMOUNT, purpose=REFERENCE)
    order = here.mock.orders.newest()
    assert order is not None
    for wrong in ({"amount": 1}, {"purpose": "T"}):
        members = {"bank_bin": "999999", "account": "1", "amount": AMOUNT, "purpose": REFERENCE} | wrong
        assert 422 == _scan(here.mock, vietqr.write(vietqr.Scanned(**members))).status
    assert 422 == _scan(here.mock, vietqr.write(told)[:-1] + "!").status
    assert "open" == order.state

    assert 202 == _scan(here.mock, vietqr.write(told)).status
    assert "paid" == order.state


def _scan(mock: GatewayMock, text: str) -> Response:
    return control(mock, "scan", Request(path="/_control/keypay/scan", body=json.dumps({"qr": text}).encode()))


class Merchant:
    """The mock of VNPAY, an afternoon, and signed calls to it."""

    def __init__(self) -> None:
        self.clock = Still(MADE_AT)
        self.mock: GatewayMock = VnPay(clock=self.clock.now)

    def open(self, fields: Mapping[str, str], *, sign: bool = True) -> int:
        told = {**fields, HASH: query_hash(dict(fields), SECRET)} if sign else dict(fields)
        return self.mock(Request(method="GET", path=PAGE, query=told)).status

    def ask(self, fields: Mapping[str, Any], *, sign: bool = True) -> dict[str, Any]:
        names = ASKED.get(str(fields.get("vnp_Command")), ASKED["querydr"])
        told = {**fields, HASH: message_hash(names, fields, SECRET)} if sign else dict(fields)
        answer = self.mock(Request(path=API, headers=JSON, body=json.dumps(told).encode()))
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def paid(self) -> None:
        self.open(PAY)
        self.mock.pay(PayOrder(callbacks=0, transaction=ASKS["refund"]["vnp_TransactionNo"] or "GD1"))

    def broken(self) -> list[tuple[str, str]]:
        return [(row.rule, row.field) for row in self.mock.log.newest(1)[0].broken]


def test_every_parameter_of_vnpays_page():
    """Each parameter that is missing or malformed breaks the rule of its form, and opens nothing."""
    here = Merchant()
    for name, (rule, _) in vnpay_gate.FORMS["pay"].items():
        for wrong in ("", "Lệ phí|"):
            status = here.open(PAY | {name: wrong}, sign=name != HASH)

            assert (400, (rule, name)) == (status, here.broken()[0]), (name, wrong)
    for name, wrong in (("vnp_Amount", "7500001"), ("vnp_CreateDate", "20260703253005"), ("vnp_More", "1")):
        assert (400, name) == (here.open(PAY | {name: wrong}), here.broken()[0][1])
    assert 0 == len(here.mock.effects)


def test_address_of_another_amount_under_one_reference():
    """The same reference with another content is no second order, and not the first one either."""
    here = Merchant()

    assert [303, 303, 400] == [here.open(PAY), here.open(PAY), here.open(PAY | {"vnp_Amount": "100"})]
    assert [("r5", "vnp_TxnRef")] == here.broken()


@pytest.mark.parametrize("message", ASKS)
def test_every_member_of_vnpays_messages(message):
    """Each member that is missing, of another type or form, breaks the rule of its form, and changes nothing."""
    here, good = Merchant(), ASKS[message]
    here.paid()
    effects = len(here.mock.effects)
    for name, (rule, _) in vnpay_gate.FORMS[message].items():
        for wrong in (None, 7, "", "Lệ|"):
            here.ask(good | {name: wrong}, sign=name != HASH)

            assert ("r30" if name == "vnp_Command" else rule, name) == here.broken()[0], wrong
    assert effects == len(here.mock.effects)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"vnp_TmnCode": "OTHERTMN"}, "02"),
        ({"vnp_TransactionDate": "20260703023005"}, "91"),
        ({"vnp_TxnRef": "T"}, "91"),
        ({"vnp_TransactionType": "03"}, "03"),
        ({"vnp_TransactionNo": "GD0"}, "91"),
        ({"vnp_Amount": str((AMOUNT + 1) * 100), "vnp_TransactionType": "03"}, "95"),
    ],
)
def test_refund_of_vnpay(changed, code):
    """A refund names its payment by reference, time and number, the whole as the whole, and never more than that."""
    here = Merchant()
    here.paid()

    assert code == here.ask(ASKS["refund"] | changed)["vnp_ResponseCode"]
    assert ["pay"] == [effect.operation for effect in here.mock.effects]


def test_request_id_is_there_once_a_day():
    """A RequestId is taken once a day, whatever it asks."""
    here = Merchant()
    here.paid()
    first, second = here.ask(ASKS["querydr"]), here.ask(ASKS["querydr"])
    here.clock.at += timedelta(days=1)

    assert ["00", "94", "00"] == [each["vnp_ResponseCode"] for each in (first, second, here.ask(ASKS["querydr"]))]


@pytest.mark.parametrize("partner", ["keypay", "vnpay"])
def test_nowhere(partner):
    """Another address is HTTP 404, another method or type its own status; a body that is no object is malformed."""
    mock: GatewayMock = KeyPay() if partner == "keypay" else VnPay()
    path = "/keypay/create" if partner == "keypay" else API

    assert 404 == mock(Request(path=f"/{partner}/else", headers=JSON)).status
    assert 405 == mock(Request(method="GET", path=path, headers=JSON)).status
    assert 415 == mock(Request(path=path, headers={"content-type": "text/xml"}, body=b"{}")).status
    for body in (b"", b"[]", b'{"a":1,"a":2}', b"\xff"):
        said = json.loads(mock(Request(path=path, headers=JSON, body=body)).body)
        assert "3" == said.get("error") or "03" == said.get("vnp_ResponseCode")
