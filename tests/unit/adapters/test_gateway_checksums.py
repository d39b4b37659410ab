"""Checksums of KeyPay and VNPAY against the contracts' vectors; VietQR payloads, written and read back strictly."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest

from adapters.partners.gateways import vietqr
from adapters.partners.gateways.secrets import Secret
from adapters.partners.gateways.vietqr import Transfer
from adapters.partners.keypay import checksum as keypay
from adapters.partners.vnpay import checksum as vnpay
from contracts import vietqr as theirs
from contracts.keypay.places import check_sum as their_sum
from contracts.vnpay.places import ANSWERED, message_hash, query_hash
from tests.gateway_kit import vectors

KP, VN = vectors("keypay"), vectors("vnpay")
NAMES = {
    "kp3-create": keypay.ORDER,
    "kp3-callback": keypay.ORDER,
    "kp3-detail": keypay.DETAIL,
    "kp3-refund": keypay.REFUND,
    "kp3-refund-detail": keypay.REFUND_DETAIL,
}
MESSAGES = {"vnpay-querydr": vnpay.QUERY, "vnpay-refund": vnpay.REFUND}
QR = KP["vietqr"]["expected"]


def values_of(vector: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(names, vector["input"].split("|"), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_keypay_vectors(name):
    """Each message's checksum is over its values in the contract's order, under the contract's key."""
    vector, names = KP[name], NAMES[name]

    assert vector["expected"] == keypay.check_sum(values_of(vector, names), names, vector["key"].encode())


@pytest.mark.parametrize("name", ["vnpay-pay", "vnpay-ipn"])
def test_vnpay_addresses(name):
    """Parameters are sorted by name and encoded as forms are, whatever their order here; hashes are the vector's."""
    vector = VN[name]
    parameters = dict(reversed([(n, unquote_plus(v)) for n, v in vnpay.raw_parameters(vector["input"]).items()]))

    assert vector["input"] == vnpay.query_of(parameters)
    assert vector["input"] == vnpay.received_text(vnpay.raw_parameters(vector["input"]))
    assert f"{vector['input']}&vnp_SecureHash={vector['expected']}" == vnpay.signed(parameters, vector["key"].encode())
    assert vector["expected"] == query_hash(parameters, vector["key"])


@pytest.mark.parametrize("name", MESSAGES)
def test_vnpay_messages(name):
    """Each message of the API is hashed over its values in the contract's order."""
    vector, names = VN[name], MESSAGES[name]

    assert vector["expected"] == vnpay.message_hash(values_of(vector, names), names, vector["key"].encode())


def test_both_codes_agree():
    """Our checksums and the mocks' are two codes, and one result, of answers too."""
    answer = {name: f"v-{name}" for name in vnpay.QUERY_ANSWER}
    order = values_of(KP["kp3-create"], keypay.ORDER)

    assert their_sum("create", order, "k") == keypay.check_sum(order, keypay.ORDER, b"k")
    for command, names in (("querydr", vnpay.QUERY_ANSWER), ("refund", vnpay.REFUND_ANSWER)):
        assert message_hash(ANSWERED[command], answer, "k") == vnpay.message_hash(answer, names, b"k")


def test_empty_values_and_hashes_are_left_out():
    """A parameter without a value is neither sent nor hashed, and no hash is hashed."""
    told = {"vnp_B": "1", "vnp_A": "", "vnp_SecureHash": "x", "vnp_SecureHashType": "SHA512"}

    assert "vnp_B=1" == vnpay.query_of(told)
    assert "vnp_B=1" == vnpay.received_text(told)


def test_received_text_is_never_encoded_anew():
    """What came as %20, %3a or + is hashed as it came."""
    raw = vnpay.raw_parameters("vnp_B=a%20b&vnp_A=%3a+%3A")

    assert "vnp_A=%3a+%3A&vnp_B=a%20b" == vnpay.received_text(raw)


@pytest.mark.parametrize("query", ["a=1&a=1", "a=1&b=2&a=3", "%61=1", "a%00=1", "a b=1", "a+b=1", "=1", "ă=1"])
def test_two_messages_in_one(query):
    """A parameter that stands twice, and a name that is not plain, is refused: two readers could read two messages."""
    with pytest.raises(vnpay.NotOneMessage):
        vnpay.raw_parameters(query)


def test_any_secret_of_the_overlap():
    """While one secret follows the other each is believed, in either case of letters; the name says which it was."""
    secrets = (Secret(key_id="new", value=b"new"), Secret(key_id="old", value=b"old"))
    order = values_of(KP["kp3-create"], keypay.ORDER)
    old = keypay.check_sum(order, keypay.ORDER, b"old")

    assert "old" == keypay.good_under(secrets, old.upper(), order, keypay.ORDER)
    assert None is keypay.good_under(secrets[:1], old, order, keypay.ORDER)
    assert None is keypay.good_under(secrets, "đ", order, keypay.ORDER)


# -- VietQR ---------------------------------------------------------------------------------------------------------

GOOD = Transfer(bank_bin="999999", account="0000000000000", amount=30_000, purpose="H99240007")


def test_vietqr_vector():
    """The payload is the vector's, and the CRC routine passes its self-test in both codes."""
    assert vietqr.payload(GOOD) == QR
    assert "29B1" == vietqr.crc("123456789") == theirs.crc("123456789")


def test_vietqr_is_read_back():
    """Another code reads from it what went in; and what that code writes is what ours writes."""
    scanned = theirs.scan(vietqr.payload(GOOD))

    assert ("999999", "0000000000000", 30_000, "H99240007") == (
        scanned.bank_bin, scanned.account, scanned.amount, scanned.purpose,
    )  # fmt: skip
    assert vietqr.payload(GOOD) == theirs.write(scanned)


def test_vietqr_one_character_wrong():
    """One character changed anywhere: no bank's app reads it, and we do not show it."""
    for at, there in enumerate(QR):
        spoilt = QR[:at] + ("1" if there != "1" else "2") + QR[at + 1 :]

        with pytest.raises(theirs.NotVietQr):
            theirs.scan(spoilt)
        assert not vietqr.reads_as(spoilt, amount=30_000)


def _with_crc(body: str) -> str:
    return body + vietqr.crc(body)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (QR, 30_001),
        ("", 30_000),
        ("đ" + QR, 30_000),
        (_with_crc(QR[:-8] + "6304"), 30_001),
        (_with_crc(QR[:-8].replace("5303704", "5303840") + "6304"), 30_000),
        (_with_crc(QR[:-8].replace("5802VN", "5802US") + "6304"), 30_000),
        (_with_crc(QR[:-8] + "540530000" + "6304"), 30_000),
        (_with_crc(QR[:-8] + "9999" + "6304"), 30_000),
        (_with_crc(QR[:-8].replace("A000000727", "A000000001") + "6304"), 30_000),
    ],
)
def test_vietqr_of_a_gateway_is_not_trusted(text, amount):
    """A code over another amount, currency or country, cut, doubled or of no VietQR, is not shown to a citizen."""
    assert not vietqr.reads_as(text, amount=amount)


def test_vietqr_of_a_gateway():
    """A whole one over our amount is."""
    assert vietqr.reads_as(QR, amount=30_000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bank_bin": "99999"},
        {"bank_bin": "99999a"},
        {"account": ""},
        {"account": "1" * 20},
        {"account": "12 34"},
        {"amount": 0},
        {"amount": -1},
        {"amount": 10**13},
        {"purpose": ""},
        {"purpose": "x" * 26},
        {"purpose": "Lệ phí"},
    ],
)
def test_vietqr_takes_nothing_odd(wrong):
    """What does not fit is refused and never cut: a payer sees exactly what was meant."""
    members = {"bank_bin": "999999", "account": "1", "amount": 1, "purpose": "x"} | wrong

    with pytest.raises(ValueError, match=next(iter(wrong))):
        Transfer(**members)


def test_vietqr_picture():
    """The picture is one SVG to stand in a page: titled, without script, style or address."""
    svg = vietqr.picture(QR, title="VietQR 30.000 đồng")

    assert svg.startswith('<svg role="img" ')
    assert 'viewBox="0 0 ' in svg  # else a page that gives it a size shows a corner of it
    assert "<title>VietQR 30.000 đồng</title>" in svg
    assert not [word for word in ("<script", "style=", "href", "http") if word in svg]


def test_vietqr_picture_escapes():
    """A title is text, whatever stands in it."""
    assert "<b>" not in vietqr.picture(QR, title="<b>&</b>")
