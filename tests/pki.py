"""A small public-key infrastructure for tests: authorities, and certificates good and bad, all invented."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.channels.httpx2_transport import _load_identity

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate with its key."""

    certificate: bytes
    key: bytes

    @property
    def pem(self) -> bytes:
        return self.certificate + self.key

    def server(self, *, clients: bytes | None = None) -> ssl.SSLContext:
        """A server's side of TLS that shows it; with `clients` it wants a certificate of that authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _load_identity(context, self.pem)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=clients.decode())
        return context


class Authority:
    """Vouches for whatever it is asked to."""

    def __init__(self, name: str = "Example authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        basics = x509.BasicConstraints(True, None)
        made = _signed(self._name, self._name, self._key, self._key, basics, days=(-1, 1))
        self.pem = made.public_bytes(serialization.Encoding.PEM)

    def issue(self, *names: str, days: tuple[int, int] = (-1, 1)) -> Leaf:
        """A certificate for these names or addresses, valid from and until so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        shown = x509.SubjectAlternativeName([_alternative(name) for name in names])
        return _leaf(_signed(_name(names[0]), self._name, key, self._key, shown, days=days), key)


def self_signed(name: str) -> Leaf:
    """A certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    shown = x509.SubjectAlternativeName([_alternative(name)])
    return _leaf(_signed(_name(name), _name(name), key, key, shown, days=(-1, 1)), key)


def _leaf(made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Leaf:
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return Leaf(made.public_bytes(encoding), key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
    *,
    days: tuple[int, int],
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(extension, critical=False)
        .sign(signer, hashes.SHA256())
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
