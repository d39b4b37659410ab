"""Key pairs: what each kind signs with, and which kinds are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from signing import asymmetric
from signing.errors import ExpiredCertificate, KeyTooWeak, KeyUnreadable, SignatureBroken
from signing.keys import KeyInMemory
from tests.key_pairs import KINDS, certificate_pem, key, private_pem, public_pem
from tests.unit.signing import published

NOW = datetime(2026, 7, 3, 3, 2, 11, tzinfo=UTC)
JOSE = {
    ("ed25519", "EdDSA"),
    ("ed25519", "Ed25519"),
    ("p256", "ES256"),
    ("p521", "ES512"),
    ("rsa", "RS256"),
    ("rsa", "PS256"),
}


@pytest.mark.parametrize(("kind", "algorithm"), sorted(KINDS.items()))
def test_the_kind_is_the_algorithm(kind, algorithm):
    """A key without more said has the one algorithm of its kind, as private key, public key and certificate."""
    named = {
        asymmetric.signing_key(private_pem(kind)).algorithm,
        asymmetric.public_key(public_pem(kind)).algorithm,
        asymmetric.certificate_key(certificate_pem(kind, begins=NOW)).algorithm,
    }

    assert {algorithm} == named


@pytest.mark.parametrize(("kind", "algorithm"), sorted({*KINDS.items(), *JOSE}))
def test_what_is_signed_is_checked(kind, algorithm):
    """A signature holds for its message under its key, and for no other message, key or length."""
    signature = asymmetric.signing_key(private_pem(kind), algorithm).sign(b"message")
    mine = asymmetric.public_key(public_pem(kind), algorithm)

    mine.check(b"message", signature)

    other = asymmetric.public_key(public_pem(kind, 1), algorithm)
    for checker, message, value in [
        (mine, b"messagE", signature),
        (other, b"message", signature),
        (mine, b"message", signature[:-1]),
        (mine, b"message", signature + b"\0"),
        (mine, b"message", b""),
        (mine, b"message", bytes(len(signature))),
    ]:
        with pytest.raises(SignatureBroken):
            checker.check(message, value)


@pytest.mark.parametrize(("kind", "algorithm"), [("p256", "ES256"), ("p521", "ES512")])
def test_ecdsa_is_two_numbers_and_not_der(kind, algorithm):
    """An ECDSA signature in DER, as most libraries make it, is refused: one value has one spelling."""
    der = key(kind).sign(b"message", asymmetric.ECDSA(asymmetric._HASHES[algorithm]))

    with pytest.raises(SignatureBroken):
        asymmetric.public_key(public_pem(kind), algorithm).check(b"message", der)


@pytest.mark.parametrize("kind", ["p384", "rsa-1024", "x25519", "ed448"])
def test_other_kinds_are_refused(kind):
    """Weak keys, other curves and keys that do not sign are refused, whatever they come in."""
    with pytest.raises(KeyTooWeak, match="Ed25519, P-256 or RSA"):
        asymmetric.public_key(public_pem(kind))
    with pytest.raises(KeyTooWeak):
        asymmetric.signing_key(private_pem(kind))


@pytest.mark.parametrize(("kind", "algorithm"), [("rsa", "ES256"), ("p256", "rsa-pss-sha512"), ("ed25519", "none")])
def test_an_algorithm_must_suit_its_key(kind, algorithm):
    """An algorithm that was agreed for another kind of key is refused, and named."""
    with pytest.raises(KeyTooWeak, match=algorithm):
        asymmetric.public_key(public_pem(kind), algorithm)


@pytest.mark.parametrize("pem", [b"", b"not PEM", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_no_key_at_all(pem):
    """What is no key is refused as such, wherever it stands."""
    for read in (asymmetric.public_key, asymmetric.certificate_key, asymmetric.signing_key):
        with pytest.raises(KeyUnreadable):
            read(pem)


def test_one_certificate_is_one_key():
    """A file with two certificates is refused: nobody could say whose key is meant."""
    two = certificate_pem("p256", begins=NOW) + certificate_pem("p256", 1, begins=NOW)

    with pytest.raises(KeyUnreadable, match="one PEM certificate"):
        asymmetric.certificate_key(two)


@pytest.mark.parametrize(("days", "is_good"), [(-1, False), (0, True), (10, True), (11, False)])
def test_a_certificate_has_its_days(days, is_good):
    """Under a certificate a signature holds from its first second to its last."""
    mine = asymmetric.certificate_key(certificate_pem("p256", begins=NOW, days=10))
    signature = asymmetric.signing_key(private_pem("p256")).sign(b"message")
    now = NOW.replace(microsecond=0) + timedelta(days=days)

    assert is_good is mine.is_valid(now)

    if is_good:
        mine.check(b"message", signature, now)
    else:
        with pytest.raises(ExpiredCertificate):
            mine.check(b"message", signature, now)


def test_days_are_told_only_to_who_can_sign():
    """A bad signature under an expired certificate is a bad signature: a stranger learns nothing of the certificate."""
    mine = asymmetric.certificate_key(certificate_pem("p256", begins=NOW, days=10))

    with pytest.raises(SignatureBroken):
        mine.check(b"message", bytes(64), NOW + timedelta(days=400))


def test_a_key_has_one_fingerprint():
    """A public key and every certificate over it have the same fingerprint; another key has another."""
    bare = asymmetric.public_key(public_pem("p256")).fingerprint
    certified = asymmetric.certificate_key(certificate_pem("p256", begins=NOW)).fingerprint

    assert bare == certified != asymmetric.public_key(public_pem("p256", 1)).fingerprint


def test_the_demo_key_is_known():
    """The key whose private half is printed in a document is recognised; others are not taken for it."""
    assert asymmetric.certificate_key(published.pem("demo")).is_of_the_demo
    assert not asymmetric.public_key(public_pem("rsa")).is_of_the_demo


def test_nothing_is_shown():
    """What is printed of a key is its algorithm."""
    assert "SigningKey(algorithm='ed25519')" == repr(asymmetric.signing_key(private_pem("ed25519")))
    assert "PublicKey(algorithm='ed25519', not_before=None, not_after=None)" == repr(
        asymmetric.public_key(public_pem("ed25519"))
    )


@pytest.mark.parametrize(
    ("kind", "algorithm", "held"),
    [
        ("rsa", "RS256", "rsa-sha256"),
        ("rsa", "rsa-pss-sha512", "rsa-pss-sha512"),
        ("p256", "ES256", "ecdsa-p256-sha256"),
        ("p256", "ecdsa-p256-sha256", "ecdsa-p256-sha256"),
    ],
)
def test_a_key_may_stay_where_it_is(kind, algorithm, held):
    """A key that never leaves its holder signs by the algorithm's own name, and its signature is a usual one."""
    mine = KeyInMemory(key(kind))
    holder = SimpleNamespace(algorithms=(held,), sign=mine.sign)

    signature = asymmetric.held_key(holder, algorithm).sign(b"message")

    asymmetric.public_key(public_pem(kind), algorithm).check(b"message", signature)
    with pytest.raises(KeyTooWeak, match="not with PS256"):
        asymmetric.held_key(holder, "PS256")
