"""A public-key infrastructure for all signing mocks: who vouches for signers, who for officials, who stamps the time.

Its authorities' keys are written here for everybody to read, and the same in every process: what was signed against
`lienthong mocks` yesterday is vouched for today, and `init --for-mocks` knows the roots without asking. Persons' keys
are made anew in each process. Written with cryptography and asn1crypto alone; knows nothing of `signing/`.

    public root ─── public authority ──── persons, agencies       (`public`)
    duty root ───── duty authority ────── officials, agencies     (`duty`)
    foreign root ── foreign authority ─── strangers: in nobody's trust store
    stamp root ──── time-stamp unit
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from asn1crypto import algos, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

BEGAN: Final = datetime(2020, 1, 1, tzinfo=UTC)
ENDS: Final = datetime(2050, 1, 1, tzinfo=UTC)
"""Of every authority, whatever the clock says: their bytes are the same in every process."""
PUBLIC, DUTY, FOREIGN, STAMPS = "public", "duty", "foreign", "stamps"
NAMES: Final = {
    PUBLIC: "CA công cộng Ví Dụ (mock)",
    DUTY: "CA chuyên dùng công vụ Ví Dụ (mock)",
    FOREIGN: "CA không rõ nguồn gốc (mock)",
    STAMPS: "CA cấp dấu thời gian Ví Dụ (mock)",
}
ORDER: Final = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)
"""Of P-256: a private number is less."""

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A certificate with its key, and who vouches for it."""

    certificate: x509.Certificate
    key: Key = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()
    """Authorities above it, the nearest first, the root last."""

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def chain_der(self) -> tuple[bytes, ...]:
        return tuple(each.public_bytes(Encoding.DER) for each in self.chain)

    @property
    def serial(self) -> str:
        """As services write it: hexadecimal, in lower case."""
        return f"{self.certificate.serial_number:x}"

    def sign_digest(self, digest: bytes) -> bytes:
        """A raw signature over the 32 bytes of a SHA-256, as a remote service makes it: no certificate, no wrapping."""
        known = utils.Prehashed(hashes.SHA256())
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(digest, padding.PKCS1v15(), known)
        return self.key.sign(digest, ec.ECDSA(known))

    def sign(self, data: bytes) -> bytes:
        """The same over its SHA-256."""
        return self.sign_digest(hashlib.sha256(data).digest())


@cache
def rsa_key(which: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of this process; `which` tells several apart. Making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def known_key(name: str) -> ec.EllipticCurvePrivateKey:
    """The key of an authority of this name: everybody can make it."""
    number = int.from_bytes(hashlib.sha256(f"lienthong mock {name}".encode()).digest(), "big")
    return ec.derive_private_key(number % (ORDER - 1) + 1, ec.SECP256R1())


@cache
def root(which: str) -> Holder:
    """A root, the same in every process."""
    key = known_key(f"{which} root")
    subject = name_of(f"{NAMES[which]} – gốc", organization="Tổ chức chứng thực Ví Dụ")
    builder = _authority(subject, subject, key.public_key(), key.public_key(), path=1)
    return Holder(certificate=builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True), key=key)


def roots_pem(*which: str) -> bytes:
    """The roots that a trust store of the mocks has: all but the foreign one where none is named."""
    return b"".join(root(each).pem for each in which or (PUBLIC, DUTY, STAMPS))


def name_of(common: str, *, organization: str = "", uid: str = "", title: str = "") -> x509.Name:
    """A subject as Vietnamese certificates have it: the person's or agency's number stands in UID."""
    parts = [
        (NameOID.COUNTRY_NAME, "VN"),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.TITLE, title),
        (NameOID.COMMON_NAME, common),
        (NameOID.USER_ID, uid),
    ]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts if text])


class Authority:
    """Vouches for signers, and says whom it has taken its word back of."""

    def __init__(self, which: str, clock: Callable[[], datetime], base: Callable[[], str]) -> None:
        """`base`: address of the mocks, as its certificates name it; asked when the first one is issued."""
        self.which = which
        self._clock = clock
        self._base = base
        self._made: Holder | None = None
        self._issued = 0
        self.revoked: dict[int, tuple[datetime, x509.ReasonFlags]] = {}
        """Serial number → since when, and why."""
        self.known: dict[int, x509.Certificate] = {}
        self._delegate: Holder | None = None

    @property
    def holder(self) -> Holder:
        """The authority's own certificate, below its root."""
        if self._made is None:
            above, key = root(self.which), known_key(f"{self.which} authority")
            subject = name_of(NAMES[self.which], organization="Tổ chức chứng thực Ví Dụ")
            builder = _authority(subject, above.certificate.subject, key.public_key(), above.key.public_key(), path=0)
            certificate = builder.sign(above.key, hashes.SHA256(), ecdsa_deterministic=True)
            self._made = Holder(certificate=certificate, key=key, chain=(above.certificate,))
        return self._made

    def issue(
        self,
        common: str,
        *,
        uid: str = "",
        organization: str = "",
        title: str = "",
        days: tuple[float, float] = (-30, 335),
        key: Key | None = None,
        serial: int | None = None,
        usage: Sequence[str] = ("digital_signature", "content_commitment"),
        purposes: Sequence[x509.ObjectIdentifier] = (),
        addresses: bool = True,
        more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> Holder:
        """A certificate, valid from and until so many days from now. Without `addresses` it does not say who could be
        asked about it."""
        self._issued += 1
        key = key or rsa_key(self._issued % 4)
        above, now = self.holder, self._clock()
        builder = (
            x509.CertificateBuilder()
            .subject_name(name_of(common, organization=organization, uid=uid, title=title))
            .issuer_name(above.certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(_usage(*usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()), critical=False)
        )
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=True)
        for value, critical in (*self._addresses(), *more) if addresses else more:
            builder = builder.add_extension(value, critical=critical)
        certificate = builder.sign(above.key, hashes.SHA256())
        self.known[certificate.serial_number] = certificate
        return Holder(certificate=certificate, key=key, chain=(above.certificate, *above.chain))

    def revoke(
        self,
        holder: Holder,
        at: datetime | None = None,
        reason: x509.ReasonFlags = x509.ReasonFlags.cessation_of_operation,
    ) -> None:
        """Take the word back, as of this time."""
        self.revoked[holder.certificate.serial_number] = (at or self._clock(), reason)

    @property
    def delegate(self) -> Holder:
        """Who answers OCSP for it, with the purpose that lets it."""
        if self._delegate is None:
            self._delegate = self.issue(
                f"OCSP {self.which} (mock)",
                key=known_key(f"{self.which} ocsp"),
                usage=("digital_signature",),
                purposes=(ExtendedKeyUsageOID.OCSP_SIGNING,),
                addresses=False,
                more=((x509.OCSPNoCheck(), False),),
            )
        return self._delegate

    def _addresses(self) -> tuple[tuple[x509.ExtensionType, bool], ...]:
        base, uri = f"{self._base()}/signing_pki", x509.UniformResourceIdentifier
        access, kinds = x509.AccessDescription, AuthorityInformationAccessOID
        about = x509.AuthorityInformationAccess(
            [
                access(kinds.OCSP, uri(f"{base}/ocsp/{self.which}")),
                access(kinds.CA_ISSUERS, uri(f"{base}/ca/{self.which}.cer")),
            ]
        )
        point = x509.DistributionPoint([uri(f"{base}/crl/{self.which}.crl")], None, None, None)
        return (about, False), (x509.CRLDistributionPoints([point]), False)


class SigningPki:
    """All authorities of the mocks, on one clock and at one address."""

    def __init__(self, clock: Callable[[], datetime], *, base: str = "") -> None:
        self.clock = clock
        self._base = base
        self._made = 0
        self.authorities = {which: Authority(which, clock, lambda: self.base) for which in NAMES}

    @property
    def base(self) -> str:
        """Where the mocks stand; until somebody says so, where they usually do."""
        return self._base or "http://127.0.0.1:9100"

    def reached_at(self, base: str) -> None:
        """The first word counts: certificates that are issued name it."""
        self._base = self._base or base

    @property
    def public(self) -> Authority:
        return self.authorities[PUBLIC]

    @property
    def duty(self) -> Authority:
        return self.authorities[DUTY]

    @property
    def foreign(self) -> Authority:
        return self.authorities[FOREIGN]

    def forget(self) -> None:
        """Nobody is revoked any more."""
        for authority in self.authorities.values():
            authority.revoked.clear()

    # -- signers, by what is the matter with them ---------------------------------------------------------------------

    def person(self, number: str = "099000000001", name: str = "Nguyễn Thị Thử", **wanted: Any) -> Holder:
        """Somebody who signs for himself."""
        return self.public.issue(name, uid=f"CCCD:{number}", **wanted)

    def official(self, number: str = "099000000002", name: str = "Trần Văn Mẫu", **wanted: Any) -> Holder:
        """Somebody who signs for an agency, with a certificate for public duty."""
        told = {"organization": "UBND XÃ MẪU", "title": "Chủ tịch", **wanted}
        return self.duty.issue(name, uid=f"CCCD:{number}", **told)

    def agency(self, number: str = "0990000001", name: str = "UBND XÃ MẪU", **wanted: Any) -> Holder:
        """The seal of an agency."""
        return self.duty.issue(name, uid=f"MST:{number}", organization=name, **wanted)

    def expired(self, **wanted: Any) -> Holder:
        return self.person(days=(-400, -1), **wanted)

    def not_yet(self, **wanted: Any) -> Holder:
        return self.person(days=(1, 365), **wanted)

    def revoked(self, at: datetime | None = None, **wanted: Any) -> Holder:
        """Its authority took its word back at this time, or now."""
        holder = self.person(**wanted)
        self.public.revoke(holder, at)
        return holder

    def weak(self, **wanted: Any) -> Holder:
        """A key of 1024 bits."""
        return self.person(key=rsa_key(0, 1024), **wanted)

    def sha1(self, **wanted: Any) -> Holder:
        """Its authority, with an RSA key, signed it with SHA-1."""
        return with_sha1(self.person(**wanted))

    def stranger(self, **wanted: Any) -> Holder:
        """Whom only the foreign authority vouches for."""
        told = {"uid": "CCCD:099000000001", **wanted}
        return self.foreign.issue("Nguyễn Thị Thử", **told)

    def stamper(self, by: str = STAMPS, **wanted: Any) -> Holder:
        """A time-stamp unit, below this authority."""
        told: dict[str, Any] = {
            "key": known_key("time-stamp unit"),
            "usage": ("digital_signature",),
            "purposes": (ExtendedKeyUsageOID.TIME_STAMPING,),
            "days": (-1000, 3000),
            **wanted,
        }
        return self.authorities[by].issue("TSA Ví Dụ (mock)", **told)


def with_sha1(holder: Holder) -> Holder:
    """The same certificate under a SHA-1 signature of its authority, which cryptography would not make."""
    made = asn1_x509.Certificate.load(holder.der).copy()
    authority = known_key(f"{PUBLIC} authority")
    algorithm = algos.SignedDigestAlgorithm({"algorithm": "sha1_ecdsa"})
    made["tbs_certificate"]["signature"] = algorithm
    signed = authority.sign(made["tbs_certificate"].dump(force=True), ec.ECDSA(hashes.SHA1()))  # noqa: S303  # the case
    made["signature_algorithm"] = algorithm
    made["signature_value"] = core.OctetBitString(signed)
    certificate = x509.load_der_x509_certificate(made.dump(force=True))
    return Holder(certificate=certificate, key=holder.key, chain=holder.chain)


def _authority(subject: x509.Name, issuer: x509.Name, key: Any, above: Any, *, path: int) -> x509.CertificateBuilder:
    number = hashlib.sha256(subject.public_bytes()).digest()[:15]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(int.from_bytes(number, "big") | 1)
        .not_valid_before(BEGAN)
        .not_valid_after(ENDS)
        .add_extension(x509.BasicConstraints(True, path), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
    )


def _usage(*uses: str) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{each: each in uses for each in every})
