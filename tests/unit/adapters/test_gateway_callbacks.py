"""What KeyPay and VNPAY tell us by themselves: believed only as it was signed, and answered in their own form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.partners.gateways.calls import Wrong
from adapters.partners.gateways.hmacs import hmac_hex
from adapters.partners.keypay.callbacks import KeypayCallbacks
from adapters.partners.keypay.codes import CALLBACK
from adapters.partners.vnpay.callbacks import VnpayCallbacks
from bus.errors import LedgerUnavailable
from bus.payments import Effect, Heard, Told, Verdict
from contracts.keypay.places import check_sum
from contracts.vnpay.places import query_hash
from tests.gateway_kit import (
    AMOUNT,
    KEYPAY,
    MADE_AT,
    REFERENCE,
    VNPAY,
    keypay_settings,
    make_facts,
    raw_call,
    vectors,
    vnpay_settings,
)

SIX = {
    "addition_fee": "0",
    "client_id": KEYPAY.client_id,
    "command": "PAY",
    "trans_amount": str(AMOUNT),
    "transaction_id": REFERENCE,
    "version": "3.0",
}
RESULT = SIX | {
    "status": 0,
    "transaction_code": "GD260703000001",
    "bank_code": "VCB",
    "pay_date": "20260703143210",
    "currency_code": "VND",
}
IPN = {
    "vnp_Amount": str(AMOUNT * 100),
    "vnp_BankCode": "NCB",
    "vnp_BankTranNo": "VNP00000001",
    "vnp_CardType": "ATM",
    "vnp_OrderInfo": "Thanh toan ho so H99.09-260703-0123: xong",
    "vnp_PayDate": "20260703143210",
    "vnp_ResponseCode": "00",
    "vnp_TmnCode": VNPAY.tmn_code,
    "vnp_TransactionNo": "14000001",
    "vnp_TransactionStatus": "00",
    "vnp_TxnRef": REFERENCE,
}
TRUSTING = KeypayCallbacks(keypay_settings(confirm_callbacks=False))
CAREFUL = KeypayCallbacks(keypay_settings())
VNPAYS = VnpayCallbacks(vnpay_settings())


def known(reference: str) -> Any:
    """The one order that we have."""
    return make_facts() if reference == REFERENCE else None


def heard(
    door: KeypayCallbacks, fields: Mapping[str, Any], *, key: str = KEYPAY.key_2, sign: bool = True
) -> Told | Wrong:
    """A callback of KeyPay, signed over its own fields."""
    told = {**fields, "check_sum": check_sum("callback", fields, key)} if sign else dict(fields)
    return door.read(raw_call(body=json.dumps(told).encode()), known)


def notified(fields: Mapping[str, Any], *, secret: str = VNPAY.secret) -> Told | Wrong:
    """A notification of VNPAY, signed over its own fields."""
    return of_query(urlencode({**fields, "vnp_SecureHash": query_hash(dict(fields), secret)}))


def of_query(query: str) -> Told | Wrong:
    return VNPAYS.read(raw_call(query=query, method="GET", path="ipn"), known)


# -- KeyPay ---------------------------------------------------------------------------------------------------------


def test_result():
    """What is believed is told with everything that the ledger keeps."""
    told = heard(TRUSTING, RESULT)

    assert ("keypay", REFERENCE, Verdict.PAID, "callback", "GD260703000001", AMOUNT, "VND", "VCB", "key-2") == (
        told.partner, told.reference, told.verdict, told.via, told.transaction, told.amount, told.currency, told.bank,
        told.key_id,
    )  # fmt: skip
    assert (MADE_AT.replace(minute=32, second=10), "20260703143210") == (told.paid_at, told.paid_time_told)
    assert json.loads(told.evidence)["check_sum"]


@pytest.mark.parametrize("status", [0, 1, 7, "0", "paid", -1])
def test_status_is_not_signed_and_not_believed(status):
    """No checksum covers the status: by default no result settles anything, it is asked about at once (r18)."""
    told = heard(CAREFUL, RESULT | {"status": status})

    assert (Verdict.PENDING, "confirm_first", None) == (told.verdict, told.reason, told.transaction)


@pytest.mark.parametrize("row", CALLBACK, ids=lambda row: f"{row.flow}-{row.status}")
def test_every_cell_of_the_callback_table(row):
    """Each status of each flow is told as the table says; any other as the last row of its flow."""
    door = KeypayCallbacks(keypay_settings(flow=row.flow, confirm_callbacks=False))
    status: Any = "9" if row.status == "*" else row.status

    assert row.verdict is heard(door, RESULT | {"status": int(status) if row.flow == "pay" else status}).verdict


@pytest.mark.parametrize("name", SIX)
@pytest.mark.parametrize("door", [CAREFUL, TRUSTING], ids=["careful", "trusting"])
def test_each_signed_field_changed(door, name):
    """One signed field changed after signing: an alarm, and nothing is told."""
    fields = {**RESULT, "check_sum": check_sum("callback", RESULT, KEYPAY.key_2)}
    for value in (f"{fields[name]}0", "", "0x0", None):
        came = heard(door, fields | {name: value}, sign=False)

        assert isinstance(came, Wrong)
        assert came.rule in ("checksum", "merchant", "missing_field")
        assert came.is_alarm or came.rule == "missing_field"
        assert 200 == came.status


@pytest.mark.parametrize("name", sorted(SIX.keys() - {"transaction_id"}))
def test_a_field_that_is_left_out_is_ours(name):
    """The checksum is over our own values: what a callback leaves out changes nothing of it."""
    fields = {**RESULT, "check_sum": check_sum("callback", RESULT, KEYPAY.key_2)}
    del fields[name]

    assert isinstance(heard(TRUSTING, fields, sign=False), Told)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"client_id": "OTHER"}, "merchant"),
        ({"command": "PAYLATER"}, "checksum"),
        ({"version": "2.0"}, "checksum"),
        ({"addition_fee": "500"}, "checksum"),
        ({"addition_fee": "500", "trans_amount": "1"}, "checksum"),
        ({"trans_amount": "0"}, "checksum"),
        ({"trans_amount": "-75000"}, "checksum"),
        ({"trans_amount": "75000.00"}, "checksum"),
        ({"trans_amount": "7,5e4"}, "checksum"),
    ],
)
def test_right_checksum_over_other_values(changed, rule):
    """Signed again by KeyPay itself over another client, fee, command or no amount: refused, and an alarm."""
    came = heard(TRUSTING, RESULT | changed)

    assert (rule, True) == (came.rule, came.is_alarm)


@pytest.mark.parametrize("door", [CAREFUL, TRUSTING], ids=["careful", "trusting"])
@pytest.mark.parametrize("amount", ["1", "75001", str(AMOUNT * 100)])
def test_right_checksum_over_another_amount(door, amount):
    """Signed by KeyPay itself over another amount: told as it is, so that the ledger says no and a person looks."""
    told = heard(door, RESULT | {"trans_amount": amount})

    assert (Verdict.PAID, int(amount)) == (told.verdict, told.amount)


@pytest.mark.parametrize("door", [CAREFUL, TRUSTING], ids=["careful", "trusting"])
def test_failure_over_another_amount(door):
    """A failure over another amount is told with it, and with no transaction: the ledger says no to that too."""
    told = heard(door, RESULT | {"trans_amount": "1", "status": 1})

    assert (Verdict.FAILED, 1, "VND", None) == (told.verdict, told.amount, told.currency, told.transaction)


@pytest.mark.parametrize("door", [CAREFUL, TRUSTING], ids=["careful", "trusting"])
def test_another_currency(door):
    """Another currency is told as it is: the ledger says no."""
    assert (Verdict.PAID, "USD") == ((told := heard(door, RESULT | {"currency_code": "USD"})).verdict, told.currency)


def test_an_order_that_we_do_not_have():
    """Rightly signed, it is told and the ledger answers; wrongly signed, it is an alarm; of another client too."""
    other = RESULT | {"transaction_id": "TT260703000000999901"}

    assert "TT260703000000999901" == heard(TRUSTING, other).reference
    assert "checksum" == heard(TRUSTING, other, key="x").rule
    assert "checksum" == heard(TRUSTING, other | {"client_id": "OTHER"}).rule
    assert "checksum" == heard(TRUSTING, other | {"trans_amount": "x"}).rule


def test_callback_of_another_order():
    """The checksum of one order is worth nothing for another."""
    fields = {**RESULT, "check_sum": check_sum("callback", RESULT | {"transaction_id": "T" * 20}, KEYPAY.key_2)}

    assert "checksum" == heard(TRUSTING, fields, sign=False).rule


def test_our_own_key_proves_nothing():
    """What is signed with the key for our own messages (a create, sent back) is refused."""
    assert "checksum" == heard(TRUSTING, RESULT, key=KEYPAY.key_1).rule


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "malformed_json"),
        (b"[]", "not_an_object"),
        (b'{"status":0', "malformed_json"),
        (b'{"status":0,"status":1}', "duplicate_member"),
        (b"[" * 100, "too_deep"),
        (b'{"status":"\xff"}', "not_utf8"),
        (b'{"transaction_id":"x","status":0}', "missing_field"),
        (b'{"transaction_id":"x","check_sum":"x"}', "missing_field"),
        (b'{"transaction_id":{},"status":0,"check_sum":"x"}', "wrong_type"),
        (b'{"transaction_id":"x","status":true,"check_sum":"x"}', "wrong_type"),
        (b'{"transaction_id":"x","status":0,"check_sum":null}', "missing_field"),
        (b'{"transaction_id":26070300000007010100,"status":0,"check_sum":"x"}', "out_of_range"),
        (b'{"transaction_id":123,"status":0,"check_sum":"x"}', "checksum"),
    ],
)
def test_what_cannot_be_read(body, rule):
    """A body that is no such message is refused under its rule, and nothing raises."""
    assert rule == TRUSTING.read(raw_call(body=body), known).rule


@pytest.mark.parametrize(("flow", "yes", "no"), [("pay", 0, -1), ("pay_later", "0", "-1")])
def test_acknowledgement(flow, yes, no):
    """Numbers in PAY, texts in PayLater; never an empty object; unpaid is acknowledged too."""
    door = KeypayCallbacks(keypay_settings(flow=flow))
    said = {effect: json.loads(door.reply(raw_call(), came(effect)).body) for effect in Effect}
    refused = {Effect.UNKNOWN_REFERENCE, Effect.WRONG_AMOUNT, Effect.WRONG_CURRENCY}

    assert {effect: (no if effect in refused else yes) for effect in Effect} == {
        effect: answer["return_code"] for effect, answer in said.items()
    }
    assert all(answer["return_msg"] for answer in said.values())
    wrong = door.reply(raw_call(), Wrong(code="bad_signature", rule="checksum"))
    assert (200, no) == (wrong.status, json.loads(wrong.body)["return_code"])
    down = door.reply(raw_call(), LedgerUnavailable())
    assert (503, no) == (down.status, json.loads(down.body)["return_code"])


def came(effect: Effect) -> Heard:
    return Heard(effect=effect, payment=1, attempt=1, state=None)


# -- VNPAY ----------------------------------------------------------------------------------------------------------


def test_notification():
    """What is believed is told with everything that the ledger keeps, the amount in đồng."""
    told = notified(IPN)

    assert ("vnpay", REFERENCE, Verdict.PAID, "callback", "14000001", AMOUNT, None, "NCB", "00/00", "vnpay-1") == (
        told.partner, told.reference, told.verdict, told.via, told.transaction, told.amount, told.currency, told.bank,
        told.code, told.key_id,
    )  # fmt: skip
    assert (MADE_AT.replace(minute=32, second=10), "20260703143210") == (told.paid_at, told.paid_time_told)
    assert told.evidence.startswith(b"vnp_Amount=")


def test_vector_as_a_notification():
    """The contract's own vector, as VNPAY would send it."""
    vector = vectors("vnpay")["vnpay-ipn"]
    settings = vnpay_settings()
    secret = replace(settings.secrets[0], value=vector["key"].encode())
    door = VnpayCallbacks(replace(settings, secrets=(secret,)))
    told = door.read(raw_call(query=f"{vector['input']}&vnp_SecureHash={vector['expected'].upper()}"), known)

    assert ("H99240007A1", 30_000, Verdict.PAID) == (told.reference, told.amount, told.verdict)


@pytest.mark.parametrize("name", IPN)
def test_each_parameter_changed(name):
    """One parameter changed, left out or emptied after signing: an alarm, and nothing is told."""
    signed = {**IPN, "vnp_SecureHash": query_hash(IPN, VNPAY.secret)}
    for changed in ({name: f"{IPN[name]}0"}, {name: ""}, {name: None}, {f"{name}x": "1"}):
        fields = {each: value for each, value in (signed | changed).items() if value is not None}
        wrong = of_query(urlencode(fields))

        assert ("checksum", True, 200) == (wrong.rule, wrong.is_alarm, wrong.status)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda query: query.replace("+", "%20"),
        lambda query: query.replace("%3A", "%3a"),
        lambda query: query.replace("vnp_CardType=ATM", "vnp_CardType=%41TM"),
        lambda query: query.replace("H99.09", "H99%2E09"),
        lambda query: query.replace("vnp_Amount=", "vnp_Amount=0"),
    ],
    ids=["blank", "small-hex", "letter-as-hex", "dot-as-hex", "leading-zero"],
)
def test_same_meaning_in_other_letters(spoil):
    """What means the same in another encoding is another text, and refused: nothing is decoded and encoded anew."""
    query = urlencode({**IPN, "vnp_SecureHash": query_hash(IPN, VNPAY.secret)})

    assert isinstance(of_query(query), Told)
    assert spoil(query) != query
    assert "checksum" == of_query(spoil(query)).rule


def test_another_encoding_that_was_signed():
    """What VNPAY itself signed over other letters is believed as it was signed, and read as it was meant."""
    text = "&".join(f"{name}={quote(IPN[name], safe='')}" for name in sorted(IPN))
    told = of_query(f"{text}&vnp_SecureHash={hmac_hex(text, VNPAY.secret.encode(), 'sha512')}")

    assert "%20" in text
    assert Verdict.PAID is told.verdict


def test_order_of_arrival_is_nothing():
    """Parameters may come in any order; they are sorted before they are compared."""
    signed = {**IPN, "vnp_SecureHash": query_hash(IPN, VNPAY.secret), "vnp_SecureHashType": "SHA512"}

    assert isinstance(of_query(urlencode(dict(reversed(signed.items())))), Told)


@pytest.mark.parametrize(
    "again", ["vnp_Amount=1", "vnp_SecureHash=00", "vnp%5FAmount=1", "vnp_TxnRef=X", "%76np_Amount=1"]
)
@pytest.mark.parametrize("is_first", [True, False])
def test_parameter_that_stands_twice(again, is_first):
    """A parameter twice, or one hidden behind an encoded name, is refused before anything is compared."""
    query = urlencode({**IPN, "vnp_SecureHash": query_hash(IPN, VNPAY.secret)})
    wrong = of_query(f"{again}&{query}" if is_first else f"{query}&{again}")

    assert ("duplicate_parameter", True) == (wrong.rule, wrong.is_alarm)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"vnp_TmnCode": "OTHERTMN"}, "merchant"),
        ({"vnp_ResponseCode": ""}, "missing_field"),
        ({"vnp_Amount": ""}, "missing_field"),
    ],
)
def test_right_checksum_over_other_values_of_vnpay(changed, rule):
    """Signed again under our secret, for another merchant or without what is needed: refused."""
    assert rule == notified(IPN | changed).rule


@pytest.mark.parametrize(
    "amount",
    ["7500001", "7500050", "75000", "75.000,00", "-7500000", "0", "00", "7500000.00", "07500000", "١٠٠"],
)
def test_amount_that_is_no_whole_dong(amount):
    """Signed over an amount that is no whole đồng, or not ours: never rounded; the ledger hears another amount."""
    told = notified(IPN | {"vnp_Amount": amount})

    assert told.amount != AMOUNT
    assert told.amount in (None, 750)


def test_failure_over_another_amount_of_vnpay():
    """A failure is told with its amount and currency; one over no whole đồng is refused: it is none of ours."""
    failed = IPN | {"vnp_ResponseCode": "24", "vnp_TransactionStatus": "02", "vnp_CurrCode": "USD"}
    told = notified(failed | {"vnp_Amount": "100"})

    assert (Verdict.FAILED, 1, "USD", None) == (told.verdict, told.amount, told.currency, told.transaction)
    assert "amount_form" == notified(failed | {"vnp_Amount": f"{AMOUNT * 100 + 1}"}).rule


def test_secret_of_nobody():
    """Signed under another secret, or not at all: refused, an alarm."""
    assert "checksum" == notified(IPN, secret="x").rule
    assert ("unsigned", "checksum", REFERENCE) == (
        (wrong := of_query(urlencode(IPN))).code, wrong.rule, wrong.reference_told,
    )  # fmt: skip
    assert "unsigned" == of_query("").code


@pytest.mark.parametrize("raw", ["%", "%G1", "a%2", "%%41"])
def test_broken_percent(raw):
    """A value that no reader can decode is refused, though it was signed."""
    text = "&".join(f"{name}={raw if name == 'vnp_BankCode' else quote_plus(IPN[name])}" for name in sorted(IPN))
    wrong = of_query(f"{text}&vnp_SecureHash={hmac_hex(text, VNPAY.secret.encode(), 'sha512')}")

    assert ("wrong_type", "vnp_BankCode") == (wrong.rule, wrong.field)


@pytest.mark.parametrize("told_as", ["20260703023210", "20260703256100", "", "2026-07-03", "99999999999999"])
def test_nothing_is_refused_for_its_time(told_as):
    """A time that cannot be read is left out; the payment counts."""
    assert Verdict.PAID is notified(IPN | {"vnp_PayDate": told_as}).verdict


RSP = {
    Effect.RECORDED: "00",
    Effect.LATE: "00",
    Effect.CONTRADICTED: "00",
    Effect.DOUBLE: "00",
    Effect.REPEATED: "02",
    Effect.NOTHING: "02",
    Effect.UNKNOWN_REFERENCE: "01",
    Effect.WRONG_AMOUNT: "04",
    Effect.WRONG_CURRENCY: "99",
}


@pytest.mark.parametrize("effect", Effect)
def test_answer_to_what_was_heard(effect):
    """Each effect has its RspCode, and is answered with HTTP 200."""
    reply = VNPAYS.reply(raw_call(), came(effect))

    assert (200, RSP[effect]) == (reply.status, json.loads(reply.body)["RspCode"])


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        (Wrong(code="bad_signature", rule="checksum"), 200, "97"),
        (Wrong(code="forbidden_source", rule="forbidden_source", status=403), 200, "03"),
        (Wrong(code="key_mismatch", rule="merchant"), 200, "99"),
        (Wrong(code="out_of_range", rule="amount_form"), 200, "04"),
        (Wrong(code="too_large", rule="too_large", status=413), 413, "99"),
        (LedgerUnavailable(), 503, "99"),
    ],
)
def test_answer_to_what_was_not(wrong, status, code):
    """Wrong checksum 97, a caller's address 03, no amount 04, all else 99; our own trouble asks for a repeat."""
    reply = VNPAYS.reply(raw_call(), wrong)

    assert (status, code) == (reply.status, json.loads(reply.body)["RspCode"])


# -- whatever comes ---------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_is_called(data):
    """Whatever bytes come to either door, nobody's code raises, nothing is told, and there is an answer to it."""
    signed = urlencode({**IPN, "vnp_SecureHash": query_hash(IPN, VNPAY.secret)})
    good = json.dumps({**RESULT, "check_sum": check_sum("callback", RESULT, KEYPAY.key_2)})
    whole, door = data.draw(st.sampled_from([(signed, VNPAYS), (good, CAREFUL)]))
    at = data.draw(st.integers(0, len(whole) - 1))
    piece = data.draw(st.text(st.characters(max_codepoint=255), max_size=6))
    cut = whole[:at] + piece + whole[at + data.draw(st.integers(0, 4)) :]
    call = raw_call(query=cut, body=cut.encode("latin-1"))
    told = door.read(call, known)

    if isinstance(told, Told):
        assert _means(cut) == _means(whole) or door is CAREFUL
        assert door is VNPAYS or told.verdict in (Verdict.PENDING, Verdict.UNCLEAR) or told.currency != "VND"
    else:
        assert json.loads(door.reply(call, told).body)


def _means(query: str) -> dict[str, str]:
    """What is signed of a notification; the hash counts in either case of its letters."""
    parts = dict(part.partition("=")[::2] for part in query.split("&") if part)
    signed = {name: value for name, value in parts.items() if name != "vnp_SecureHashType" and value}
    return signed | {"vnp_SecureHash": parts.get("vnp_SecureHash", "").lower()}
