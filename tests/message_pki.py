"""A public-key infrastructure for signed messages: a root, an authority below it, partners, lists and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 7, 3, 5, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LIST_AT = "http://pki.example.invalid/{}.crl"
ANSWERS_AT = "http://pki.example.invalid/ocsp"


@cache
def rsa_key(bits: int = 2048, which: int = 0) -> rsa.RSAPrivateKey:
    """One key of each kind for all tests: making one takes a tenth of a second."""
    return rsa.generate_private_key(65537, bits)


def name(common: str) -> x509.Name:
    """As a partner of an invented province would be called."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "H99"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def usage(*uses: str) -> x509.KeyUsage:
    """Key usage with these bits set."""
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    )
    return x509.KeyUsage(**{each: each in uses for each in every.split()})


def pem_of(key: Any) -> bytes:
    """A private key as it stands in a file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True)
class Holder:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def subject(self) -> str:
        return self.certificate.subject.rfc4514_string()

    # -- as an authority --------------------------------------------------------------------------------------------

    def issue(self, common: str, **wanted: Any) -> Holder:
        """A certificate below this one."""
        return made(common, issuer=self, **wanted)

    def authority(self, common: str, **wanted: Any) -> Holder:
        """An authority below this one."""
        return made(common, issuer=self, **(AUTHORITY | wanted))

    def crl(
        self,
        *revoked: Holder,
        at: datetime = NOW,
        life: timedelta = DAY,
        extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
        hash_: Any = None,
        key: Any = None,
        issuer: x509.Name | None = None,
    ) -> bytes:
        """What it says of these."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(issuer or self.certificate.subject)
        builder = builder.last_update(at).next_update(at + life)
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(at)
            builder = builder.add_revoked_certificate(entry.build())
        for value, critical in extensions:
            builder = builder.add_extension(value, critical=critical)
        return builder.sign(key or self.key, hash_ or hashes.SHA256()).public_bytes(Encoding.DER)

    def answer(
        self,
        about: Holder,
        *,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        at: datetime = NOW,
        life: timedelta | None = DAY,
        by: Holder | None = None,
        carried: Sequence[Holder] = (),
        id_hash: Any = None,
        hash_: Any = None,
    ) -> bytes:
        """An OCSP answer, signed by this authority or by a delegate."""
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            about.certificate,
            self.certificate,
            id_hash or hashes.SHA1(),
            status,
            at,
            None if life is None else at + life,
            at if revoked else None,
            None,
        )
        signer = by or self
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        if carried:
            builder = builder.certificates([each.certificate for each in carried])
        algorithm = None if _is_edwards(signer.key) else hash_ or hashes.SHA256()
        return builder.sign(signer.key, algorithm).public_bytes(Encoding.DER)


AUTHORITY: dict[str, Any] = {
    "ca": True,
    "uses": ("key_cert_sign", "crl_sign"),
    "days": (-1000, 3000),
    "extensions": (),
}


def made(
    common: str,
    *,
    issuer: Holder | None = None,
    key: Any = None,
    days: tuple[float, float] = (-30, 335),
    ca: bool | None = None,
    path: int | None = None,
    uses: Sequence[str] = ("digital_signature",),
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    hash_: Any = None,
    points: bool = False,
) -> Holder:
    """A certificate; `days` from and until NOW. With `points` it says where its list and its answers are."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common))
        .issuer_name(issuer.certificate.subject if issuer else name(common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path), critical=True)
    if uses:
        builder = builder.add_extension(usage(*uses), critical=True)
    if points:
        issued_by = issuer.certificate.subject.rfc4514_string() if issuer else common
        extensions = (*extensions, *addresses(issued_by.partition("CN=")[2].partition(",")[0]))
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return Holder(builder.sign(signer, hash_ or hashes.SHA256()), key)


def addresses(issuer: str) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    """Where an authority's list and answers are, as its certificates say."""
    uri = x509.UniformResourceIdentifier
    ocsp_at, ca_at = x509.AuthorityInformationAccessOID.OCSP, x509.AuthorityInformationAccessOID.CA_ISSUERS
    return (
        (x509.CRLDistributionPoints([x509.DistributionPoint([uri(LIST_AT.format(issuer))], None, None, None)]), False),
        (
            x509.AuthorityInformationAccess(
                [
                    x509.AccessDescription(ocsp_at, uri(ANSWERS_AT)),
                    x509.AccessDescription(ca_at, uri("http://pki.example.invalid/ca")),
                ]
            ),
            False,
        ),
    )


def delegate_purposes(*, nocheck: bool = True) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    """What an OCSP delegate's certificate says."""
    purposes = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)
    return (purposes, (x509.OCSPNoCheck(), False)) if nocheck else (purposes,)


@dataclass(frozen=True)
class Pki:
    """Root, authority, and one partner below it."""

    root: Holder
    authority: Holder
    leaf: Holder


@cache
def pki(*, points: bool = False) -> Pki:
    """One for all tests that only read it."""
    root = made("Root", **AUTHORITY)
    authority = root.authority("Issuing", points=points)
    return Pki(root, authority, authority.issue("one-stop", key=rsa_key(), ca=False, points=points))


def _is_edwards(key: Any) -> bool:
    return type(key).__name__.startswith("Ed25519")
