"""A time stamp counts when it is for this digest and question, of about now, by one who may stamp; else it does not."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from contracts.signing_pki.authorities import Holder
from contracts.signing_pki.stamps import granted, signed_data, token
from signing.der import sequence
from signing.errors import StampRefused
from signing.timestamps import LARGEST, WORDS, query, read_reply
from tests.signing_kit import DAY, NOW, pki, signer, stamper

HELLO = hashlib.sha256(b"hello").digest()
NONCE = 0x1122334455667788


def reply(*, by=None, digest=HELLO, at=NOW, nonce=NONCE, **more) -> bytes:
    return granted(token(by or stamper(), digest, at, nonce=nonce, **more))


def code_of(answer: bytes) -> str:
    return refused(answer).code


def refused(answer: bytes) -> StampRefused:
    with pytest.raises(StampRefused) as told:
        read_reply(answer, digest=HELLO, nonce=NONCE, at=NOW)
    return told.value


def test_published_query():
    """The request is vector `tsq`, byte for byte."""
    expected = (
        "30430201013031300d0609608648016503040201050004202cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        "020811223344556677880101ff"
    )

    assert bytes.fromhex(expected) == query(HELLO, NONCE)


def test_stamp():
    """A good answer gives the token as it came, its time, and whose it is; one granted with changes does so, too."""
    made = token(stamper(), HELLO, NOW, nonce=NONCE)
    stamped = read_reply(granted(made), digest=HELLO, nonce=NONCE, at=NOW + timedelta(minutes=4))

    assert (made, NOW, stamper().der) == (stamped.token, stamped.at, stamped.certificate)
    assert made == read_reply(granted(made, status="granted_with_mods"), digest=HELLO, nonce=NONCE, at=NOW).token


def rejection(*failures, text=()):
    status = {"status": "rejection"}
    if failures:
        status["fail_info"] = set(failures)
    if text:
        status["status_string"] = list(text)
    return alone(status)


def alone(status) -> bytes:
    """An answer that has no token."""
    return sequence(tsp.PKIStatusInfo(status).dump())


@pytest.mark.parametrize("failure", WORDS)
def test_refusal_in_words(failure):
    """Each reason of RFC 3161 for which an authority says no is told in words."""
    told = refused(rejection(failure))

    assert "stamp_refused" == told.code
    assert WORDS[failure] in str(told)


def test_refusal_in_the_authority_s_own_words():
    """What the authority says besides is passed on, bounded; with neither, its status is."""

    assert "quota" in str(refused(rejection("system_failure", text=["quota"])))
    assert str(refused(rejection())).endswith("rejection")
    assert 800 > len(str(refused(rejection(text=["x" * 5000] * 9))))


WRONG = {
    "nonce": (lambda: reply(nonce=NONCE + 1), "stamp_wrong_nonce"),
    "no nonce": (lambda: reply(nonce=None), "stamp_wrong_nonce"),
    "imprint": (lambda: reply(digest=bytes(32)), "stamp_of_another"),
    "other hash": (lambda: reply(digest=HELLO * 2, algorithm="sha512"), "stamp_of_another"),
    "no purpose": (lambda: reply(by=signer("agency")), "stamp_wrong_purpose"),
    "two purposes": (lambda: reply(by=for_more()), "stamp_wrong_purpose"),
    "unreadable purpose": (lambda: reply(by=unreadable()), "stamp_unreadable"),
    "long ago": (lambda: reply(at=NOW - timedelta(minutes=6)), "stamp_not_plausible"),
    "from the future": (lambda: reply(at=NOW + timedelta(minutes=6)), "stamp_not_plausible"),
    "unit of another day": (lambda: reply(by=pki().stamper(days=(-9, -1))), "stamp_not_plausible"),
    "no certificate": (lambda: reply(with_certificates=False), "stamp_broken"),
    "altered": (lambda: altered(), "stamp_broken"),
    "no token": (lambda: alone({"status": "granted"}), "stamp_unreadable"),
    "no stamp inside": (
        lambda: granted(signed_data(stamper(), "tst_info", b"\x30\x03\x02\x01\x01")),
        "stamp_unreadable",
    ),
    "garbage": (lambda: b"\x30\x03garbage", "stamp_unreadable"),
    "html": (lambda: b"<html>busy</html>", "stamp_unreadable"),
    "nothing": (lambda: b"", "stamp_unreadable"),
    "too large": (lambda: reply() + bytes(LARGEST), "stamp_unreadable"),
}


def for_more():
    return pki().stamper(purposes=(ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING))


def unreadable():
    key, name = ec.generate_private_key(ec.SECP256R1()), stamper().certificate.subject
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, NOW - DAY, NOW + DAY)
    purpose = x509.UnrecognizedExtension(ExtensionOID.EXTENDED_KEY_USAGE, b"\x04\x00")
    return Holder(certificate=builder.add_extension(purpose, critical=True).sign(key, SHA256()), key=key)


def altered() -> bytes:
    whole = bytearray(reply())
    place = whole.index(HELLO)
    whole[place] ^= 1
    return bytes(whole)


@pytest.mark.parametrize(("make", "code"), WRONG.values(), ids=WRONG.keys())
def test_wrong_answer(make, code):
    """Each answer that is not a stamp for what was asked is refused, with its own word."""

    assert code == code_of(make())


def test_stamp_of_a_year_ago_is_good_in_its_day():
    """What is plausible is measured from the time of asking, and not from now."""
    then = NOW - 400 * DAY

    assert then == read_reply(reply(at=then), digest=HELLO, nonce=NONCE, at=then).at
