"""XML signatures: the vectors, and what a signature may not say."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from signing import xml, xmldsig
from signing.errors import AlgorithmWeak, SignatureBroken, WeakKey
from tests.message_pki import rsa_key
from tests.unit.signing import wss_vectors as vectors
from tests.wss_kit import MORE, Forge, elliptic, identity

PARTS = [("id-body", vectors.BODY), ("id-ts", vectors.TIMESTAMP)]


def claim(info: bytes, value: bytes) -> xmldsig.Claim:
    """Read from a whole ds:Signature."""
    return xmldsig.read(xml.read(xmldsig.signature(info, value, "")))[0]


def test_vector_is_built():
    """SignedInfo over the vectors' parts is the very text that was signed."""
    assert vectors.SIGNED_INFO == xmldsig.signed_info(PARTS, "rsa-sha256")


def test_vector_is_verified():
    """The computed signature is good under the demo key, for these bytes only."""
    read = claim(vectors.SIGNED_INFO, vectors.octets(vectors.SIGNATURE_VALUE))

    xmldsig.check_value(read, vectors.DEMO_PUBLIC_KEY)
    for reference, (name, octets) in zip(read.references, PARTS, strict=True):
        assert name == reference.id
        xmldsig.check_digest(reference, octets)
        with pytest.raises(SignatureBroken):
            xmldsig.check_digest(reference, octets + b" ")
    with pytest.raises(SignatureBroken):
        xmldsig.check_value(read, rsa_key().public_key())


@pytest.mark.parametrize(
    ("algorithm", "digest", "length"),
    [
        ("rsa-sha256", hashlib.sha256, 256),
        ("rsa-sha512", hashlib.sha512, 256),
        ("ecdsa-p256-sha256", hashlib.sha256, 64),
    ],
)
def test_algorithms(algorithm, digest, length):
    """The three algorithms, with the digest of each; ECDSA's value is two numbers of 32 bytes."""
    holder = elliptic() if algorithm.startswith("ec") else Forge().holder
    info = xmldsig.signed_info([("a", b"x")], algorithm)
    value = identity(holder).sign(info, algorithm)

    read = claim(info, value)
    xmldsig.check_value(read, holder.key.public_key())

    assert length == len(value)
    assert digest(b"x").digest() == read.references[0].digest


def test_no_such_algorithm():
    """An algorithm that has no name in XML signatures is our own mistake."""
    with pytest.raises(ValueError, match="rsa-pss-sha512"):
        xmldsig.signed_info([], "rsa-pss-sha512")


@pytest.mark.parametrize(
    ("key", "refusal"),
    [
        (rsa.generate_private_key(65537, 1024).public_key(), WeakKey),
        (ec.generate_private_key(ec.SECP384R1()).public_key(), WeakKey),
        (None, WeakKey),
        (elliptic().key.public_key(), AlgorithmWeak),
    ],
)
def test_key_must_fit(key, refusal):
    """A key of another kind or size is refused before anything is computed with it."""
    read = claim(vectors.SIGNED_INFO, vectors.octets(vectors.SIGNATURE_VALUE))

    with pytest.raises(refusal):
        xmldsig.check_value(read, key)


def test_rsa_key_and_ecdsa_algorithm():
    """The algorithm is the key's, never the message's."""
    info = xmldsig.signed_info([("a", b"x")], "ecdsa-p256-sha256")

    with pytest.raises(AlgorithmWeak):
        xmldsig.check_value(claim(info, bytes(64)), rsa_key().public_key())


@pytest.mark.parametrize("length", [0, 63, 65, 72])
def test_ecdsa_length(length):
    """Anything but 64 bytes is no ECDSA signature, DER included."""
    info = xmldsig.signed_info([("a", b"x")], "ecdsa-p256-sha256")

    with pytest.raises(SignatureBroken):
        xmldsig.check_value(claim(info, bytes(length)), elliptic().key.public_key())


def test_lines_in_base64():
    """Older libraries break Base64 into lines, which changes nothing."""
    element = xml.read(b"<a>\r\n" + base64.encodebytes(bytes(range(200))) + b"\t</a>")

    assert bytes(range(200)) == xmldsig.octets(element)


def test_names_are_the_standard_ones():
    """What is agreed is SHA-2 only."""
    assert all("sha1" not in name and name.startswith(MORE) for name in xmldsig.METHODS.values())
    assert all("sha1" not in name for name in xmldsig.DIGESTS)
