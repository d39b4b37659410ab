"""What the platform calls back: believed or not, and acknowledged in its own form."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from adapters.partners.gateways.calls import Wrong
from adapters.partners.gateways.secrets import Secret
from adapters.partners.payment_platform.callbacks import Confirms
from bus.errors import LedgerUnavailable
from bus.payments import Effect, Heard, Told, Verdict
from contracts.payment_platform.mock import SECRET
from tests.gateway_kit import AMOUNT, REFERENCE, raw_call, vectors
from tests.platform_kit import VECTOR_SECRET, confirm, platform_settings, sample

DOOR = Confirms(platform_settings())
VECTOR_DOOR = Confirms(platform_settings(merchant="TINHDEMO", secrets=(Secret(key_id="vector", value=VECTOR_SECRET),)))
SIGNED = ("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich", "MaNganHang",
          "ThoiGianGD", "ThongTinGiaoDich")  # fmt: skip


def call(value) -> object:
    body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return raw_call(body=body, path="confirm")


def read(value, door: Confirms = DOOR) -> Told | Wrong:
    return door.read(call(value), lambda reference: None)  # type: ignore[arg-type]


def heard(effect: Effect) -> Heard:
    return Heard(effect=effect, payment=1, attempt=1, state=None)


def test_sample_is_believed():
    """The contract's sample is a success over its amount, with the key that matched."""
    told = read(sample("confirm.json"), VECTOR_DOOR)

    assert isinstance(told, Told)
    assert (Verdict.PAID, 30_000, "VND", "GD260115000123", "vector") == (
        told.verdict, told.amount, told.currency, told.transaction, told.key_id,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["pp-confirm-nfc", "pp-confirm-nfd"])
def test_both_forms_of_unicode_are_believed(name):
    """Composed or decomposed, escaped or not: hashed is the text that was sent."""
    vector = vectors("payment_platform")[name]
    values = dict(zip(SIGNED, vector["input"].split("|"), strict=False)) | {"MaXacThuc": vector["expected"]}

    assert isinstance(read(values, VECTOR_DOOR), Told)
    assert isinstance(read(json.dumps(values).encode(), VECTOR_DOOR), Told)


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("value", ["X1", "", "1"])
def test_each_signed_field(name, value):
    """Each signed field changed alone: not believed, and an alarm."""
    wrong = read(confirm(sign=False, **{name: value}))

    assert isinstance(wrong, Wrong)
    assert ("checksum", "MaXacThuc", True) == (wrong.rule, wrong.field, wrong.is_alarm)


@pytest.mark.parametrize("name", [*SIGNED, "MaXacThuc"])
@pytest.mark.parametrize(("value", "rule"), [(None, "missing_field"), ([], "wrong_type"), (True, "wrong_type")])
def test_each_field_must_be_a_text(name, value, rule):
    """A field that is not there, or is no text, is named; nobody guesses."""
    wrong = read(confirm(**{name: value}) if value is None else confirm(sign=False, **{name: value}))

    assert isinstance(wrong, Wrong)
    assert (rule, name, False) == (wrong.rule, wrong.field, wrong.is_alarm)


@pytest.mark.parametrize("amount", [0, -75000, "0", "-1", "075000", "75000.0", "75.000", "7,5", " 75000", "", 10**13])
def test_amounts_that_are_none(amount):
    """0, negative, with decimals, grouped, too large: rightly signed, and no amount."""
    wrong = read(confirm(SoTien=amount))

    assert isinstance(wrong, Wrong)
    assert ("amount_form", "SoTien") == (wrong.rule, wrong.field)


@pytest.mark.parametrize("body", [b'{"SoTien": 75000.0}', b'{"SoTien": 7.5e4}', b'{"SoTien": NaN}'])
def test_numbers_that_are_no_integers(body):
    """A number with a point or an exponent is no money, whatever it comes to."""
    text = json.dumps(confirm()).encode().replace(b'"SoTien": 75000', body[1:-1])

    assert isinstance(read(text), Wrong)


def test_same_checksum_dealt_out_otherwise():
    """Values are joined by a mark that one of them may bring along: the same text, cut elsewhere, is not believed."""
    right = confirm(ThongTinGiaoDich="0|VND|GD2|VCB|20260703143212|x")
    shifted = {**right, "MaThamChieu": f"{REFERENCE}|{AMOUNT}|VND|GD260703000123|VCB", "SoTien": "20260703143212",
               "MaTienTe": "0", "MaGiaoDich": "VND", "MaNganHang": "GD2", "ThoiGianGD": "VCB",
               "ThongTinGiaoDich": "20260703143212|x"}  # fmt: skip
    wrong = read(shifted)

    assert isinstance(read(right), Told)
    assert isinstance(wrong, Wrong)
    assert ("separator", "MaThamChieu", True) == (wrong.rule, wrong.field, wrong.is_alarm)


@pytest.mark.parametrize(("field", "most"), [("MaGiaoDich", 255), ("MaThamChieu", 255), ("ThongTinGiaoDich", 4_000)])
def test_longest_values(field, most):
    """A value longer than any that there is is refused, however well it is signed."""
    assert isinstance(read(confirm(**{field: "x" * most})), Told)
    wrong = read(confirm(**{field: "x" * (most + 1)}))
    assert isinstance(wrong, Wrong)
    assert "too_long" == wrong.rule


@pytest.mark.parametrize(("above", "verdict"), [(AMOUNT - 1, Verdict.PENDING), (AMOUNT, Verdict.PAID)])
def test_large_amounts_are_asked_about(above, verdict):
    """Above the settings' limit a call back is no proof: it makes us ask, and a failure is a failure all the same."""
    door = Confirms(platform_settings(ask_above=above))
    told, failed = read(confirm(), door), read(confirm(MaLoi="24"), door)

    assert isinstance(told, Told)
    assert isinstance(failed, Told)
    assert (verdict, Verdict.FAILED) == (told.verdict, failed.verdict)


def test_amount_as_digits():
    """The amount may come as a text of digits."""
    told = read(confirm(SoTien=str(AMOUNT)))

    assert isinstance(told, Told)
    assert AMOUNT == told.amount


def test_other_merchant():
    """A right checksum over another merchant's code is another merchant's message: an alarm."""
    wrong = read(confirm(MaDoiTac="TINHKHAC"))

    assert isinstance(wrong, Wrong)
    assert ("merchant", True, REFERENCE) == (wrong.rule, wrong.is_alarm, wrong.reference_told)


def test_merchant_of_an_agency():
    """An agency's own code is ours too."""
    door = Confirms(platform_settings(merchants={"000.00.09.H99": "SO09"}))

    assert isinstance(read(confirm(MaDoiTac="SO09"), door), Told)


def test_other_type_of_message():
    """An answer to a question, or an opening, is no call back, however well it is signed."""
    wrong = read(confirm(LoaiBanTin="QUERY"))

    assert isinstance(wrong, Wrong)
    assert "message_type" == wrong.rule


def test_failure():
    """Any other code than 00 is a failure, with its code."""
    told = read(confirm(MaLoi="24"))

    assert isinstance(told, Told)
    assert (Verdict.FAILED, "24") == (told.verdict, told.code)


def test_time_is_no_reason_to_refuse():
    """A time that is none is kept as told, and the message is believed."""
    told = read(confirm(ThoiGianGD="hom nay"))

    assert isinstance(told, Told)
    assert (None, "hom nay") == (told.paid_at, told.paid_time_told)


@pytest.mark.parametrize(("secret", "key"), [(b"the new secret of ours", "new"), (SECRET.encode(), "old")])
def test_two_secrets_while_one_follows_the_other(secret, key):
    """Both are believed, in either case of letters, and which one it was is kept; a third is not."""
    settings = platform_settings()
    both = (Secret(key_id="new", value=b"the new secret of ours"), Secret(key_id="old", value=SECRET.encode()))
    door = Confirms(replace(settings, secrets=both))
    message = confirm(secret=secret)
    told = read(message | {"MaXacThuc": message["MaXacThuc"].upper()}, door)

    assert isinstance(told, Told)
    assert key == told.key_id
    assert isinstance(read(confirm(secret=b"a third one, nobody's"), door), Wrong)


@pytest.mark.parametrize("sent", ["0" * 64, "0" * 63, "đ" * 64, "", "z"])
def test_checksums_that_are_none(sent):
    """Whatever stands there: no, and never an error."""
    wrong = read(confirm(MaXacThuc=sent))

    assert isinstance(wrong, Wrong)
    assert "checksum" == wrong.rule


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "malformed_json"),
        (b"SoTien=1", "malformed_json"),
        (b"[]", "not_an_object"),
        (b'{"MaLoi":"00","MaLoi":"99"}', "duplicate_member"),
        (b'{"a":' * 20 + b"1" + b"}" * 20, "too_deep"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b'{"a":"\\ud800"}', "malformed_json"),
    ],
)
def test_bodies_that_are_none(body, rule):
    """What cannot be read is refused by its rule, and acknowledged in the platform's form all the same."""
    wrong = read(body)

    assert isinstance(wrong, Wrong)
    assert rule == wrong.rule
    told = json.loads(DOOR.reply(call(body), wrong).body)  # type: ignore[arg-type]
    assert ("99", "", "") == (told["MaLoi"], told["MaThamChieu"], told["MaXacThuc"])


def test_card_data_is_not_kept():
    """A card number that comes along is neither believed nor kept; all else is, byte for byte."""
    plain, card = call(confirm()), call(confirm(SoThe="9704000000000018", Token="t", NamThe="30"))
    kept = DOOR.read(card, lambda reference: None)  # type: ignore[arg-type]
    whole = DOOR.read(plain, lambda reference: None)  # type: ignore[arg-type]

    assert isinstance(kept, Told)
    assert isinstance(whole, Told)
    assert b"9704" not in kept.evidence
    assert REFERENCE.encode() in kept.evidence
    assert plain.body == whole.evidence  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("came", "code", "status"),
    [
        (heard(Effect.RECORDED), "00", 200),
        (heard(Effect.REPEATED), "00", 200),
        (heard(Effect.LATE), "00", 200),
        (heard(Effect.CONTRADICTED), "00", 200),
        (heard(Effect.DOUBLE), "00", 200),
        (heard(Effect.NOTHING), "00", 200),
        (heard(Effect.UNKNOWN_REFERENCE), "99", 200),
        (heard(Effect.WRONG_AMOUNT), "99", 200),
        (heard(Effect.WRONG_CURRENCY), "99", 200),
        (Wrong(code="bad_signature", rule="checksum"), "99", 200),
        (Wrong(code="too_large", rule="too_large", status=413), "99", 413),
        (LedgerUnavailable(), "99", 503),
    ],
)
def test_acknowledgement(came, code, status):
    """Each situation has its answer, with what was sent echoed; a wrong checksum is HTTP 200 too."""
    message = confirm()
    reply = DOOR.reply(call(message), came)  # type: ignore[arg-type]
    told = json.loads(reply.body)

    assert (code, status) == (told["MaLoi"], reply.status)
    assert ["MaLoi", "MoTaLoi", "MaDoiTac", "MaThamChieu", "ThoiGianGD", "MaXacThuc"] == list(told)
    assert message["MaXacThuc"] == told["MaXacThuc"]
    assert told["MoTaLoi"].isascii()


def test_sample_of_an_acknowledgement():
    """The contract's sample, member by member."""
    body = json.dumps(sample("confirm.json")).encode()
    reply = VECTOR_DOOR.reply(call(body), heard(Effect.RECORDED))  # type: ignore[arg-type]

    assert sample("confirm.answer.json") == json.loads(reply.body)
