"""Our own Ed25519 keys: made, kept, refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from signing import keys
from signing.errors import KeyExposed, KeyUnreadable, SignatureBroken
from tests.unit.signing import vectors


def test_published_vector():
    """RFC 8032, test 1: the empty message."""
    identity = keys.Identity("rfc8032", Ed25519PrivateKey.from_private_bytes(vectors.RFC8032_SEED))

    assert vectors.RFC8032_EMPTY == identity.sign(b"")


def test_generated_key_is_read_back(tmp_path):
    """A generated key is its owner's alone, and loads as the same identity."""
    made = keys.generate(tmp_path / "receipts.pem", name="receipts")

    assert 0o600 == (tmp_path / "receipts.pem").stat().st_mode & 0o777
    assert made.key_id == keys.load(tmp_path / "receipts.pem", name="receipts").key_id
    assert made.public_key == keys.load_public(made.public_pem())


def test_key_is_never_overwritten(tmp_path):
    """A second key under the same name is refused: the first may have signed receipts."""
    keys.generate(tmp_path / "k.pem", name="k")

    with pytest.raises(FileExistsError):
        keys.generate(tmp_path / "k.pem", name="k")


def test_signature_is_of_this_message_and_key(tmp_path):
    """A signature verifies for its message and its key, and for nothing else."""
    mine, other = (keys.generate(tmp_path / name, name=name) for name in ("a", "b"))
    signature = mine.sign(b"receipt")

    keys.verify(b"receipt", signature, mine.public_key)

    for message, key in [(b"receipt ", mine.public_key), (b"receipt", other.public_key), (b"receipt", b"short")]:
        with pytest.raises(SignatureBroken):
            keys.verify(message, signature, key)


def test_repr_shows_the_name_only(tmp_path):
    """What is printed of an identity is its name."""
    assert "Identity('receipts')" == repr(keys.generate(tmp_path / "k.pem", name="receipts"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_exposed_key_is_refused(tmp_path, mode):
    """A key that others may read is refused before it is used."""
    keys.generate(tmp_path / "k.pem", name="k")
    (tmp_path / "k.pem").chmod(mode)

    with pytest.raises(KeyExposed):
        keys.load(tmp_path / "k.pem", name="k")


def test_unreadable_keys_are_named(tmp_path):
    """Missing files, other texts and other kinds of keys are refused, by name and without their content."""
    other = X25519PrivateKey.generate()
    (tmp_path / "text.pem").write_bytes(b"not a key")
    (tmp_path / "other.pem").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for path in tmp_path.iterdir():
        path.chmod(0o600)

    for name in ("missing.pem", "text.pem", "other.pem"):
        with pytest.raises(KeyUnreadable, match=name):
            keys.load(tmp_path / name, name="k")
    for pem in (b"not a key", other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)):
        with pytest.raises(KeyUnreadable):
            keys.load_public(pem)
