"""Key pairs and certificates for tests: one of each kind, made once in a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

MAKERS: dict[str, Callable[[], Any]] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-1024": lambda: rsa.generate_private_key(65537, 1024),
    "x25519": x25519.X25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
}
KINDS = {"ed25519": "ed25519", "p256": "ecdsa-p256-sha256", "rsa": "rsa-pss-sha512"}
"""The kinds that sign HTTP messages, each with its algorithm."""


def key(kind: str, which: int = 0) -> Any:
    """A private key of this kind; `which` tells several apart."""
    return _made(kind, which)


@cache
def _made(kind: str, which: int) -> Any:
    return MAKERS[kind]()


def private_pem(kind: str, which: int = 0) -> bytes:
    """Its PEM."""
    return bytes(key(kind, which).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def public_pem(kind: str, which: int = 0) -> bytes:
    """The PEM of its public half."""
    return bytes(key(kind, which).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def certificate_pem(kind: str, which: int = 0, *, begins: datetime, days: int = 365) -> bytes:
    """A certificate over it, signed by itself, for so many days."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "one-stop.h99.example.invalid")])
    mine = key(kind, which)
    built = (
        x509.CertificateBuilder(name, name, mine.public_key(), x509.random_serial_number())
        .not_valid_before(begins.astimezone(UTC))
        .not_valid_after(begins.astimezone(UTC) + timedelta(days=days))
    )
    return built.sign(mine, None if kind == "ed25519" else SHA256()).public_bytes(Encoding.PEM)
