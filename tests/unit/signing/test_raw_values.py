"""What a signing service returns is taken when it verifies, whatever its form, and only then."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from contracts.signing_pki.authorities import rsa_key
from signing.raw_values import MOST, OTHER, WRONG, judge, verified
from tests.signing_kit import NOW, cms, pki, raw, signer
from tests.unit.signing.test_x509_identity import DEMO_CERTIFICATE

HELLO = hashlib.sha256(b"hello").digest()
RSA_HELLO = base64.b64decode(
    "bylr0PZohwZrbNR4PT1RcClPaTp9crFlUm3eRyzthYmL1ih2a/IOCY2CKEt5E+rmlGdLq6g2z0Q+MHmLAQuxt9bQWruVWII8qljlaJHars/7lzzF"
    "E1EHGHLOiRy7zM5h1EJCx2sU6c+bW0Ds3mVLIozI6J9A1JColcJHZ3XO27qjevnXeR4WVHThuS+6jC06lSDE2tgJ3TFndHdUej7GUuWgxpE7wZCe"
    "aL0PCQeQX5fq22bwaLDOePtAd5gNscHxqSTI4EkFllgKiQQH2vbCUlbHunocOLfW1YOYucX/ZFW+HdYCuvBrwXAu5sO5EUt5mDj6T2kh8PAy/qEZ"
    "jNMYBQ=="
)
"""Vector `rsa-hello`."""
DEMO = base64.b64decode(DEMO_CERTIFICATE)


def test_published_vector():
    """The published signature of *hello* verifies under the published certificate, and comes back as it is."""

    assert RSA_HELLO == judge(HELLO, DEMO, RSA_HELLO)
    assert WRONG == judge(hashlib.sha256(b"hallo").digest(), DEMO, RSA_HELLO)


def test_digest_info_is_what_is_padded():
    """What stands inside the vector is the padding around vector `digestinfo`: the prefix and the digest."""
    key = _public(DEMO)
    inside = pow(int.from_bytes(RSA_HELLO, "big"), key.public_numbers().e, key.public_numbers().n).to_bytes(256, "big")

    assert inside.endswith(bytes.fromhex("3031300d060960864801650304020105000420") + HELLO)
    assert inside.startswith(b"\x00\x01\xff\xff")


def test_without_prefix():
    """A service that pads the bare digest, or signs the text of the digest, makes no signature."""
    holder = signer()
    bare = _textbook(holder.key, b"\x00\x01" + b"\xff" * (256 - 3 - 32) + b"\x00" + HELLO)
    of_text = holder.key.sign(HELLO.hex().encode(), padding.PKCS1v15(), SHA256())

    assert WRONG == judge(HELLO, holder.der, bare)
    assert WRONG == judge(HELLO, holder.der, of_text)


def test_pss():
    """PSS with the hash's own salt is a signature; with another salt it is none that a CMS here could name."""
    holder = signer()
    assert isinstance(holder.key, RSAPrivateKey)
    made, long = (
        holder.key.sign(HELLO, padding.PSS(padding.MGF1(SHA256()), salt), utils.Prehashed(SHA256()))
        for salt in (32, 64)
    )

    assert "pss" == verified(HELLO, holder.der, made).kind
    assert WRONG == judge(HELLO, holder.der, long)


def test_ecdsa():
    """ECDSA P-256 is taken as DER and as two halves, and comes back as DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = self_signed(key)
    made = key.sign(HELLO, ec.ECDSA(utils.Prehashed(SHA256())))
    r, s = utils.decode_dss_signature(made)
    halves = r.to_bytes(32, "big") + s.to_bytes(32, "big")

    assert made == judge(HELLO, der, made) == judge(HELLO, der, halves)
    assert WRONG == judge(HELLO, der, bytes(64)) == judge(HELLO, der, b"")


def test_cms_around_a_value():
    """A CMS without attributes of its own gives up the value inside; around attributes it signs something else."""
    holder = signer()
    value = raw(holder, HELLO)

    assert value == judge(HELLO, holder.der, plain_cms(holder, value))
    assert WRONG == judge(HELLO, holder.der, cms(holder, b"hello"))
    assert WRONG == judge(HELLO, holder.der, plain_cms(holder, raw(holder, bytes(32))))


def test_cms_of_another():
    """A CMS of somebody else's key says so; one that nobody in it signed is simply wrong."""
    mine, other = pki().person(key=rsa_key(90)), pki().official(key=rsa_key(91))

    assert OTHER == judge(HELLO, mine.der, plain_cms(other, raw(other, HELLO)))
    assert WRONG == judge(HELLO, mine.der, plain_cms(mine, raw(other, HELLO)))


def test_cms_with_odd_certificates():
    """What a CMS carries beside the value may be missing or unreadable: the value decides."""
    from asn1crypto import cms as asn1
    from asn1crypto import core

    mine, other = pki().person(key=rsa_key(90)), pki().official(key=rsa_key(91))
    unreadable = {"other_cert_format": "1.2.3.4", "other_cert": core.Integer(1)}
    odd = [asn1.CertificateChoices(name="other", value=asn1.OtherCertificateFormat(unreadable))]

    assert raw(mine, HELLO) == judge(HELLO, mine.der, plain_cms(mine, raw(mine, HELLO), []))
    assert WRONG == judge(HELLO, mine.der, plain_cms(mine, raw(other, HELLO), odd))


def test_cms_with_a_kind_of_key_that_nobody_knows():
    """A certificate beside the value whose kind of key is unknown is passed over: it proves nothing, breaks nothing."""
    mine, other = pki().person(key=rsa_key(90)), pki().official(key=rsa_key(91))
    rsa, unknown = bytes.fromhex("06092a864886f70d0101010500"), bytes.fromhex("06092a864886f70d01017f0500")
    odd = plain_cms(other, raw(other, HELLO)).replace(rsa, unknown, 1)

    assert WRONG == judge(HELLO, mine.der, odd)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x30\x82",
        bytes.fromhex("3010") + bytes.fromhex("06092a864886f70d010702") + b"\xa0\x03\x30\x01",
        b"0" * (MOST + 1),
        b"-----BEGIN PKCS7-----",
    ],
)
def test_no_signature_at_all(value):
    """Bytes that are no signature are wrong, and nothing worse."""

    assert WRONG == judge(HELLO, signer().der, value)


def test_digests_of_other_lengths():
    """Only a SHA-256 is ever sent, so nothing verifies over anything else."""
    holder, key = signer(), ec.generate_private_key(ec.SECP256R1())

    assert WRONG == judge(HELLO[:20], holder.der, raw(holder, HELLO))
    assert WRONG == judge(HELLO[:20], self_signed(key), key.sign(HELLO, ec.ECDSA(utils.Prehashed(SHA256()))))


def test_keys_of_other_kinds():
    """A certificate of a kind that signs no documents here takes no value."""
    key = ed25519.Ed25519PrivateKey.generate()

    assert WRONG == judge(HELLO, self_signed(key), key.sign(HELLO))


# -- making ------------------------------------------------------------------------------------------------------------


def self_signed(key) -> bytes:
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Thử")])
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, NOW, NOW + timedelta(days=9))
    return builder.sign(key, hashed).public_bytes(Encoding.DER)


def plain_cms(holder, value: bytes, carried=None) -> bytes:
    """A detached CMS without signed attributes, as some services answer."""
    from asn1crypto import cms as asn1

    own = asn1.Certificate.load(holder.der)
    return asn1.ContentInfo(
        {
            "content_type": "signed_data",
            "content": {
                "version": "v1",
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": {"content_type": "data"},
                **({} if carried == [] else {"certificates": carried or [own]}),
                "signer_infos": [
                    {
                        "version": "v1",
                        "sid": asn1.SignerIdentifier(
                            {
                                "issuer_and_serial_number": {
                                    "issuer": own.issuer,
                                    "serial_number": own.serial_number,
                                }
                            }
                        ),
                        "digest_algorithm": {"algorithm": "sha256"},
                        "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
                        "signature": value,
                    }
                ],
            },
        }
    ).dump()


def _public(der):
    from cryptography import x509

    return x509.load_der_x509_certificate(der).public_key()


def _textbook(key, padded: bytes) -> bytes:
    numbers = key.private_numbers()
    return pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")
