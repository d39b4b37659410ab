"""Whose certificate it is: chains, dates, uses, pins, and the demo key."""

from __future__ import annotations

import base64
import hashlib
from types import SimpleNamespace

import pytest
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.oid import ExtendedKeyUsageOID

from signing.errors import (
    ExpiredCertificate,
    ForeignSubject,
    NotTrusted,
    NotVerified,
    Untrusted,
    VerifierFailed,
    WeakKey,
)
from signing.keys import spki_of
from signing.trust import MOST_KEPT, MOST_SENT, Pins, Trust
from tests.message_pki import AUTHORITY, DAY, NOW, made, pki, rsa_key
from tests.unit.signing.test_x509_identity import DEMO_CERTIFICATE

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")


def pin_of(leaf) -> str:
    return hashlib.sha256(spki_of(leaf.key.public_key())).hexdigest()


def trusting(leaf, *, root=None, **more):
    """A trust in this leaf's key below the root of all tests."""
    wanted = {"roots": [(root or pki().root).der], "pins": Pins(keys=frozenset({pin_of(leaf)})), "revocation": "none"}
    return Trust(**(wanted | more))


def test_chain_with_an_authority_between():
    """A leaf is trusted through the intermediate that came beside it; the verdict says whose it is and how."""
    found = pki()

    trusted = trusting(found.leaf)(found.leaf.der, [found.authority.der], NOW)

    assert "CN=one-stop,O=H99,C=VN" == trusted.subject
    assert f"{found.leaf.certificate.serial_number:x}" == trusted.serial
    assert found.leaf.certificate.not_valid_after_utc == trusted.not_after
    assert ("chain", found.leaf.key.public_key()) == (trusted.how, trusted.public_key)


def test_intermediates_of_the_settings():
    """A partner that sends its own certificate alone is trusted through the intermediates of the settings."""
    found = pki()
    trust = trusting(found.leaf, intermediates=[found.authority.der])

    assert trust(found.leaf.der, [], NOW) == trust.check(found.leaf.der, [], NOW)


def test_leaf_right_below_the_root():
    """No authority needs to stand between."""
    leaf = pki().root.issue("direct")

    assert "chain" == trusting(leaf)(leaf.der, [], NOW).how


def test_named_certificate():
    """A certificate that the settings name is believed by its bytes, and no other with its subject is."""
    mine, twin = made("alone"), made("alone")
    trust = Trust(named=[mine.der])

    assert "named" == trust(mine.der, [], NOW).how
    with pytest.raises(Untrusted):
        trust(twin.der, [mine.der], NOW)


def test_somebody_must_be_trusted_and_named():
    """A trust in nobody, or in whomever an authority vouches for, is refused when it is made."""
    with pytest.raises(ValueError, match="nobody"):
        Trust()
    with pytest.raises(ValueError, match="vouches for many"):
        Trust(roots=[pki().root.der])


def test_foreign_authority():
    """The same names under another root are worth nothing."""
    root = made("Root", **AUTHORITY)
    authority = root.authority("Issuing")
    leaf = authority.issue("one-stop", key=rsa_key())

    with pytest.raises(Untrusted) as caught:
        trusting(leaf)(leaf.der, [authority.der, root.der], NOW)

    assert "untrusted" == caught.value.code


def test_missing_intermediate():
    """A chain with a hole leads nowhere."""
    found = pki()

    with pytest.raises(Untrusted, match="no chain"):
        trusting(found.leaf)(found.leaf.der, [], NOW)


@pytest.mark.parametrize("now", [NOW - 31 * DAY, NOW + 336 * DAY])
def test_leaf_of_other_days(now):
    """Before its first day and after its last a certificate is refused by name of the trouble."""
    found = pki()

    with pytest.raises(ExpiredCertificate) as caught:
        trusting(found.leaf)(found.leaf.der, [found.authority.der], now)

    assert "expired_certificate" == caught.value.code


def test_authority_of_other_days():
    """An authority past its last day takes its leaves with it, and is told apart from a foreign one."""
    authority = pki().root.authority("Old", days=(-1000, -1))
    leaf = authority.issue("one-stop")

    with pytest.raises(ExpiredCertificate, match="authority above"):
        trusting(leaf)(leaf.der, [authority.der], NOW)


def test_pinned_subject():
    """A good certificate of the same authority, but of somebody else, is foreign."""
    found = pki()
    other = found.authority.issue("somebody-else")
    trust = Trust(roots=[found.root.der], pins=Pins(subjects=frozenset({"CN=one-stop,O=H99,C=VN"})), revocation="none")

    assert "chain" == trust(found.leaf.der, [found.authority.der], NOW).how
    with pytest.raises(ForeignSubject, match="somebody-else") as caught:
        trust(other.der, [found.authority.der], NOW)
    assert "foreign_subject" == caught.value.code


def test_pinned_key():
    """With a pinned key, a new certificate over the same key is trusted, and another key under the same name is not."""
    found = pki()
    renewed = found.authority.issue("one-stop", key=found.leaf.key)
    rekeyed = found.authority.issue("one-stop")
    trust = trusting(found.leaf)

    assert "chain" == trust(renewed.der, [found.authority.der], NOW).how
    with pytest.raises(ForeignSubject, match="another key"):
        trust(rekeyed.der, [found.authority.der], NOW)


def _weak():
    found = pki()
    yield found.authority.issue("short", key=rsa_key(1024)), []
    yield found.authority.issue("curve", key=ec.generate_private_key(ec.SECP384R1())), []
    yield found.authority.issue("edwards", key=Ed25519PrivateKey.generate()), []
    short = found.root.authority("Short", key=rsa_key(1024))
    yield short.issue("below"), [short.der]


@pytest.mark.parametrize("case", range(4))
def test_weak_keys(case):
    """RSA under 2048 bits, in the leaf or above it, and kinds that we do not verify, are refused."""
    leaf, more = list(_weak())[case]

    with pytest.raises((WeakKey, Untrusted)) as caught:
        trusting(leaf)(leaf.der, [pki().authority.der, *more], NOW)

    assert caught.value.code == ("weak_key" if case < 3 else caught.value.code)


def test_sha1_is_refused():
    """A certificate signed with SHA-1 is weak, whatever its key."""
    found = pki()
    signed = signed_with_sha1(found.authority, "sha1")

    with pytest.raises(WeakKey, match="hash") as caught:
        trusting(signed)(signed.der, [found.authority.der], NOW)
    assert "weak_key" == caught.value.code


def signed_with_sha1(issuer, common):
    """The library makes none, so a good one's algorithm is exchanged: whether it would verify is not asked any more."""
    leaf = issuer.issue(common)
    found = Certificate.load(leaf.der)
    found["signature_algorithm"]["algorithm"] = "sha1_ecdsa"
    found["tbs_certificate"]["signature"]["algorithm"] = "sha1_ecdsa"
    return SimpleNamespace(der=found.dump(force=True), key=leaf.key)


@pytest.mark.parametrize(
    "wanted",
    [
        {"uses": ("key_encipherment",)},
        {"ca": True, "uses": ("digital_signature", "key_cert_sign")},
        {"extensions": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)]},
        {"extensions": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)]},
        {"extensions": [(UNKNOWN, True)]},
    ],
)
def test_not_made_for_messages(wanted):
    """A leaf that was made to encrypt, to certify or to time-stamp, or that says something critical and unknown."""
    found = pki()
    leaf = found.authority.issue("one-stop", **wanted)

    with pytest.raises(Untrusted):
        trusting(leaf)(leaf.der, [found.authority.der], NOW)


@pytest.mark.parametrize(
    "wanted",
    [
        {"uses": ()},
        {"uses": ("content_commitment",)},
        {"extensions": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)]},
        {"extensions": [(UNKNOWN, False)]},
        {"hash_": SHA384(), "ca": False},
    ],
)
def test_usual_leaves(wanted):
    """What real authorities put into certificates for signing does not stand in the way."""
    found = pki()
    leaf = found.authority.issue("one-stop", **wanted)

    assert "chain" == trusting(leaf)(leaf.der, [found.authority.der], NOW).how


@pytest.mark.parametrize(
    "wanted",
    [
        {"ca": False, "uses": ("digital_signature",)},
        {"ca": None},
        {"uses": ("crl_sign",)},
        {"extensions": [(UNKNOWN, True)]},
    ],
)
def test_not_an_authority(wanted):
    """A certificate that is no authority, or may not sign certificates, vouches for nobody."""
    between = pki().root.authority("Between", **wanted)
    leaf = between.issue("one-stop")

    with pytest.raises(Untrusted):
        trusting(leaf)(leaf.der, [between.der], NOW)


def test_authority_without_key_usage():
    """Older authorities do not say what they may do; being one is enough."""
    between = pki().root.authority("Plain", uses=())
    leaf = between.issue("one-stop")

    assert "chain" == trusting(leaf)(leaf.der, [between.der], NOW).how


def test_path_length():
    """An authority that may have none below it has none."""
    between = pki().root.authority("Last", path=0)
    below = between.authority("Too deep")
    leaf = below.issue("one-stop")

    with pytest.raises(Untrusted):
        trusting(leaf)(leaf.der, [between.der, below.der], NOW)


@pytest.mark.parametrize("der", [b"", b"none", b"\x30\x03\x02\x01\x01"])
def test_what_is_no_certificate(der):
    """Bytes that are no certificate prove nothing, beside a leaf too."""
    found = pki()
    trust = trusting(found.leaf)

    with pytest.raises(Untrusted):
        trust(der, [], NOW)
    with pytest.raises(Untrusted):
        trust(found.leaf.der, [der], NOW)


def test_too_much_is_not_looked_at():
    """A message with more or longer certificates than any chain has is refused before they are read."""
    found = pki()
    trust = trusting(found.leaf)

    for more in ([b""] * (MOST_SENT + 1), [b"x" * 20_000]):
        with pytest.raises(Untrusted, match="more or longer"):
            trust(found.leaf.der, more, NOW)


def test_demo_certificate_is_refused():
    """The published demo certificate is believed in the demo only, even where the settings name it."""
    der = base64.b64decode(DEMO_CERTIFICATE)

    with pytest.raises(Untrusted, match="demo"):
        Trust(named=[der])(der, [], NOW)
    assert "named" == Trust(named=[der], is_demo=True)(der, [], NOW).how


def test_verdict_is_kept_between_its_dates():
    """A leaf is looked at once, and again when one of the dates that its verdict rests on has passed."""
    found = pki()
    trust = trusting(found.leaf)
    first = trust(found.leaf.der, [found.authority.der], NOW)

    assert first is trust(found.leaf.der, [], NOW + 300 * DAY)
    assert first.until == found.leaf.certificate.not_valid_after_utc
    with pytest.raises(ExpiredCertificate):
        trust(found.leaf.der, [found.authority.der], NOW + 336 * DAY)


def test_renewing_forgets():
    """What was found before new statements came is found again."""
    found = pki()
    trust = trusting(found.leaf)
    first = trust(found.leaf.der, [found.authority.der], NOW)
    trust.renew()

    again = trust(found.leaf.der, [found.authority.der], NOW)

    assert first is not again
    assert first == again


def test_kept_verdicts_are_bounded():
    """However many certificates are good, memory is not theirs."""
    found = pki()
    trust = trusting(found.leaf)
    trust(found.leaf.der, [found.authority.der], NOW)
    kept = trust._state[1]
    one = next(iter(kept.values()))
    kept.update({str(n).encode(): one for n in range(MOST_KEPT)})
    renewed = found.authority.issue("one-stop", key=found.leaf.key)

    trust(renewed.der, [found.authority.der], NOW)

    assert 1 == len(kept)


def test_unknown_trouble_is_a_refusal(monkeypatch):
    """What the verifier does not know is a refusal with an alarm, never an acceptance and never a crash."""
    monkeypatch.setattr("signing.trust._check_dates", _broken)

    with pytest.raises(VerifierFailed, match="RuntimeError") as caught:
        trusting(pki().leaf)(pki().leaf.der, [], NOW)

    assert isinstance(caught.value, NotVerified)
    assert not isinstance(caught.value, NotTrusted)


def _broken(*arguments):
    raise RuntimeError


def test_repr_says_how_many():
    """What is printed of a trust has no certificate in it."""
    assert "Trust(1 roots, 0 named)" == repr(trusting(pki().leaf))
