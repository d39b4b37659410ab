"""Keys with a certificate: made with a request for an authority to sign, put in another's place, taken out of use."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.signing_key import RETIRED, InstallationKey, write_new
from signing.keys import certificates_in, from_pem, read_private

RSA_BITS: Final = 3072
REVOKED: Final = ".revoked-"


def make_identity(file: Path, subject: x509.Name, *, is_ecdsa: bool, self_signed_for: timedelta | None) -> list[Path]:
    """A key in `file`, and beside it a request for an authority, or a certificate that vouches for itself.

    Raises FileExistsError: nothing is written over.
    """
    other = file.with_name(file.name + (".csr" if self_signed_for is None else ".crt"))
    if other.exists():
        raise FileExistsError(other)
    key = ec.generate_private_key(ec.SECP256R1()) if is_ecdsa else rsa.generate_private_key(65537, RSA_BITS)
    write_new(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write_new(other, _request(key, subject) if self_signed_for is None else _alone(key, subject, self_signed_for))
    return [file, other]


def _request(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, subject: x509.Name) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(_to_sign(), critical=True)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def _alone(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, subject: x509.Name, life: timedelta) -> bytes:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_to_sign(), critical=True)
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def _to_sign() -> x509.KeyUsage:
    return x509.KeyUsage(True, True, False, False, False, False, False, False, False)


def rotate_signing(present: Path, new: Path | None) -> tuple[InstallationKey, Path]:
    """A new receipts key in the present one's place; that one stays beside it, so that its receipts still verify.

    Raises SettingsRefused, FileExistsError.
    """
    old = InstallationKey.from_file(present)
    content = new.read_bytes() if new else _fresh_signing(present)
    if new:
        InstallationKey.from_file(new)
    kept = present.with_name(f"{present.name}{RETIRED}{old.key_id}")
    _put_in_place(present, kept, content)
    return InstallationKey.from_file(present), kept


def _fresh_signing(present: Path) -> bytes:
    from config.signing_key import generate

    made = present.with_name(f"{present.name}.new")
    generate(made)
    content = made.read_bytes()
    made.unlink()
    return content


def rotate_identity(present: Path, new: Path, now: datetime) -> tuple[datetime, Path]:
    """A certificate with its key in the present one's place, once it holds; its end, and where the old one is kept.

    Raises KeyTrouble, FileExistsError; ValueError for one that is not of these days.
    """
    identity = from_pem(new, new, name=new.name)
    if not identity.not_before <= now <= identity.not_after:
        raise ValueError(f"{new.name} is good from {identity.not_before} to {identity.not_after}")
    kept = present.with_name(f"{present.name}{RETIRED}{now:%Y%m%dT%H%M%S}")
    _put_in_place(present, kept, read_private(new))
    return identity.not_after, kept


def rotate_pair(key: Path, certificate: Path, new: Path, now: datetime) -> tuple[datetime, Path]:
    """The same where the certificate has a file of its own. Both old files are kept.

    A process that starts between the two renames finds a key of another certificate, and says so instead of starting.
    Raises as `rotate_identity`.
    """
    identity = from_pem(new, new, name=new.name)
    if not identity.not_before <= now <= identity.not_after:
        raise ValueError(f"{new.name} is good from {identity.not_before} to {identity.not_after}")
    public = b"".join(each.public_bytes(Encoding.PEM) for each in certificates_in(new))
    private = read_private(new)
    for present, content in ((certificate, public), (key, private)):
        kept = present.with_name(f"{present.name}{RETIRED}{now:%Y%m%dT%H%M%S}")
        _put_in_place(present, kept, content)
    return identity.not_after, kept


def _put_in_place(present: Path, kept: Path, content: bytes) -> None:
    """At every moment there is a whole key under the name, and the old one is kept before it goes."""
    os.link(present, kept)
    fresh = present.with_name(f"{present.name}.new")
    write_new(fresh, content)
    fresh.replace(present)


def take_away(present: Path, now: datetime) -> Path:
    """Out of use: under another name, where nothing looks. Raises OSError."""
    gone = present.with_name(f"{present.name}{REVOKED}{now:%Y%m%dT%H%M%S}")
    os.link(present, gone)
    present.unlink()
    return gone
