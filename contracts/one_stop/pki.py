"""A public-key infrastructure for the mock, made when the mock is made: no key of it is ever written down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

AUTHORITY: Final = "Tổ chức chứng thực Ví Dụ (mock)"
ONE_STOP: Final = "one-stop.h99.example.invalid"
CALLER: Final = "lienthong.h99.example.invalid"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key alone, without a pass phrase."""
        plain = serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


class Pki:
    """An authority that vouches for the one-stop system and for whom the mock calls its caller."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._key = _key()
        self._name = _name(AUTHORITY)
        self.authority = self._signed(self._name, self._key, is_authority=True)
        self.one_stop = self.issue(ONE_STOP)
        self.caller = self.issue(CALLER)

    @property
    def authority_pem(self) -> bytes:
        """The authority's certificate."""
        return self.authority.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, *, days: tuple[int, int] = (-1, 365)) -> Leaf:
        """A certificate under this name, valid from and until so many days from now."""
        key = _key()
        return Leaf(self._signed(_name(name), key, days=days), key)

    def vouches_for(self, certificate: x509.Certificate) -> bool:
        """Whether the authority signed it."""
        try:
            certificate.verify_directly_issued_by(self.authority)
        except Exception:  # a stranger's certificate can be wrong in any way; none of them is a yes
            return False
        return True

    def _signed(
        self, name: x509.Name, key: rsa.RSAPrivateKey, *, is_authority: bool = False, days: tuple[int, int] = (-1, 3650)
    ) -> x509.Certificate:
        usage = _usage(is_authority)
        authority = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now + timedelta(days=days[0]))
            .not_valid_after(self._now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
