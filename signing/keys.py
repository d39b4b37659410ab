"""Identities: the private keys of this installation, loaded from file; their repr shows the name only.

`Identity` is Ed25519, for our own receipts and checkpoints. Its id is the first half of the SHA-256 of its public half,
so that a signature tells under which key to check it, whatever the file is called.

`X509Identity` is a key with its certificate and the chain above it, for messages: RSA of 2048 bits or more, or ECDSA
P-256, from PEM files, PKCS#12, or a token (`pkcs11.py`). The key is parsed once and kept: reading one costs thirty
times what signing with it does.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from signing.errors import (
    CertificateMismatch,
    DemoKeyRefused,
    KeyExposed,
    KeyTooWeak,
    KeyUnreadable,
    SignatureBroken,
)

OTHERS = stat.S_IRWXG | stat.S_IRWXO
SMALLEST_RSA: Final = 2048
RSA_ALGORITHMS: Final = ("rsa-sha256", "rsa-sha512", "rsa-pss-sha512")
EC_ALGORITHMS: Final = ("ecdsa-p256-sha256",)

DEMO_CERTIFICATE: Final = "9805623648b6d1599b29f012aa46e1535455fd3659f20f84d72b599ca61ebb12"
DEMO_KEY: Final = "9ab331b756ffbadc8030d4d642454e84d869660aae9b90cbc434cfecc61a9c41"
"""SHA-256 of the demo certificate, and of its public key, so that a new certificate over that key is known too."""


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


# -- keys with a certificate -------------------------------------------------------------------------------------------


class PrivateKey(Protocol):
    """What makes signatures: a key in memory, or one in a token that never leaves it."""

    def public_key(self) -> PublicKeyTypes: ...

    def sign(self, message: bytes, algorithm: str) -> bytes: ...


class X509Identity:
    """Who signs, with what proves it. Holds the private key and never shows it."""

    def __init__(
        self,
        name: str,
        key: PrivateKey,
        certificate: x509.Certificate,
        chain: Sequence[x509.Certificate] = (),
        *,
        is_demo: bool = False,
    ) -> None:
        self.name = name
        self._key = key
        self.algorithms = algorithms_of(certificate.public_key())
        spki = spki_of(certificate.public_key())
        if spki_of(key.public_key()) != spki:
            raise CertificateMismatch(f"{name}: the certificate is not of this key")
        self.certificate_der = certificate.public_bytes(Encoding.DER)
        if not is_demo:
            refuse_demo(self.certificate_der, spki)
        self.chain_der = tuple(each.public_bytes(Encoding.DER) for each in chain)
        self.not_before: datetime = certificate.not_valid_before_utc
        self.not_after: datetime = certificate.not_valid_after_utc
        self.subject = certificate.subject.rfc4514_string()
        self.key_id = hashlib.sha256(spki).hexdigest()[:32]

    def __repr__(self) -> str:
        return f"X509Identity({self.name!r})"

    def sign(self, message: bytes, algorithm: str) -> bytes:
        """The signature over exactly this message. ECDSA's is 64 bytes, r and s: what XMLDSig, JWS and HTTP want."""
        if algorithm not in self.algorithms:
            raise KeyTooWeak(f"{self.name}: signs with {', '.join(self.algorithms)}, not with {algorithm}")
        return self._key.sign(message, algorithm)


class KeyInMemory:
    """A key that was read from a file."""

    def __init__(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def public_key(self) -> PublicKeyTypes:
        """Its public half."""
        return self._key.public_key()

    def sign(self, message: bytes, algorithm: str) -> bytes:
        """By one of the algorithms of its kind."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return _RSA[algorithm](self._key, message)


_RSA: Final[Mapping[str, Callable[[rsa.RSAPrivateKey, bytes], bytes]]] = {
    "rsa-sha256": lambda key, message: key.sign(message, padding.PKCS1v15(), SHA256()),
    "rsa-sha512": lambda key, message: key.sign(message, padding.PKCS1v15(), SHA512()),
    # RFC 9421, section 3.3.1: the salt is as long as the hash.
    "rsa-pss-sha512": lambda key, message: key.sign(message, padding.PSS(padding.MGF1(SHA512()), 64), SHA512()),
}


def from_pem(
    key_file: Path, certificate_file: Path, *, name: str, password: bytes | None = None, is_demo: bool = False
) -> X509Identity:
    """The key in one file, its certificate in another with the chain after it; both may be the same file."""
    try:
        key = load_pem_private_key(read_private(key_file), password)
    except (ValueError, TypeError) as trouble:
        raise KeyUnreadable(f"{key_file.name}: not a PEM key that can be read here") from trouble
    first, *above = certificates_in(certificate_file)
    return X509Identity(name, in_memory(key, key_file.name), first, above, is_demo=is_demo)


def from_pkcs12(file: Path, *, name: str, password: bytes | None, is_demo: bool = False) -> X509Identity:
    """Key, certificate and chain from one container."""
    try:
        found = load_pkcs12(read_private(file), password)
    except ValueError as trouble:
        raise KeyUnreadable(f"{file.name}: not a PKCS#12 file, or not its password") from trouble
    if found.key is None or found.cert is None:
        raise KeyUnreadable(f"{file.name}: must hold a key and its certificate")
    above = [each.certificate for each in found.additional_certs]
    return X509Identity(name, in_memory(found.key, file.name), found.cert.certificate, above, is_demo=is_demo)


def certificates_in(file: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file, one or more."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as trouble:
        raise KeyUnreadable(f"{file.name}: {trouble.strerror}") from trouble
    except ValueError as trouble:
        raise KeyUnreadable(f"{file.name}: no PEM certificate in it") from trouble


def in_memory(key: object, where: str) -> KeyInMemory:
    """A key of a kind that we sign with."""
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyTooWeak(f"{where}: neither RSA nor ECDSA")
    return KeyInMemory(key)


def algorithms_of(key: PublicKeyTypes) -> tuple[str, ...]:
    """With what a key of this kind may sign. Raises KeyTooWeak."""
    match key:
        case rsa.RSAPublicKey() if key.key_size >= SMALLEST_RSA:
            return RSA_ALGORITHMS
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1):
            return EC_ALGORITHMS
    raise KeyTooWeak


def spki_of(key: PublicKeyTypes) -> bytes:
    """The public key as certificates carry it (SubjectPublicKeyInfo, DER)."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def refuse_demo(certificate_der: bytes, spki: bytes) -> None:
    """Raises DemoKeyRefused for the demo's certificate, and for any other over its key."""
    if hashlib.sha256(certificate_der).hexdigest() == DEMO_CERTIFICATE or hashlib.sha256(spki).hexdigest() == DEMO_KEY:
        raise DemoKeyRefused
