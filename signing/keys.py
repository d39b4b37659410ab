"""Identity: a private key of this installation, loaded from a file; its repr shows the name only.

Ed25519, for our own receipts and checkpoints. The key's id is the first half of the SHA-256 of its public half, so that
a signature tells under which key to check it, whatever the file is called.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from signing.errors import KeyExposed, KeyUnreadable, SignatureBroken

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Identity:
    """Who signs. Holds the private key and never shows it."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self.name = name
        self._key = key
        self.public_key = public_bytes(key.public_key())
        self.key_id = key_id(self.public_key)

    def __repr__(self) -> str:
        return f"Identity({self.name!r})"

    def sign(self, message: bytes) -> bytes:
        """Sixty-four bytes over exactly this message."""
        return self._key.sign(message)

    def public_pem(self) -> bytes:
        """What others need to check our signatures."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def verify(message: bytes, signature: bytes, public_key: bytes) -> None:
    """Silence when the signature is of this message under this raw public key; else SignatureBroken."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as trouble:
        raise SignatureBroken(key_id=key_id(public_key), base=message) from trouble


def key_id(public_key: bytes) -> str:
    """The name under which a public key is known: 32 hexadecimal digits."""
    return hashlib.sha256(public_key).hexdigest()[:32]


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """The raw 32 bytes."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def generate(path: Path, *, name: str) -> Identity:
    """A fresh key in a new file that only its owner may read; never writes over a key."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return Identity(name, key)


def load(path: Path, *, name: str) -> Identity:
    """The key in this PEM file; refused when others may read it."""
    try:
        key = load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError) as trouble:
        raise KeyUnreadable(f"{path.name}: not a PEM key that can be read here") from trouble
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnreadable(f"{path.name}: not an Ed25519 private key")
    return Identity(name, key)


def load_public(pem: bytes) -> bytes:
    """The raw public key in this PEM text."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as trouble:
        raise KeyUnreadable("not a PEM public key") from trouble
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnreadable("not an Ed25519 public key")
    return public_bytes(key)


def read_private(path: Path) -> bytes:
    """The bytes of a file that nobody else may read; also for shared secrets."""
    try:
        with path.open("rb") as file:
            # Asked of the open file, so that the one that is read is the one that was looked at.
            if os.fstat(file.fileno()).st_mode & OTHERS:
                raise KeyExposed(f"{path.name}: others may read it; chmod 600, and consider it known")
            return file.read()
    except OSError as trouble:
        raise KeyUnreadable(f"{path.name}: {trouble.strerror}") from trouble
