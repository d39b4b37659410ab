"""Pure. What CRLs and OCSP answers say about a certificate: given as bytes, judged at a time.

A statement counts only when the certificate's own issuer signed it, or (OCSP) a delegate that the issuer itself made
for answering; when it covers this certificate; and from its `thisUpdate` to its `nextUpdate`, or a documented grace
past that. One that says *revoked* wins over any that says *good*. Indirect and delta lists are not understood here, and
so say nothing: the certificate stays unknown, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

GOOD_HASHES: Final = (SHA256, SHA384, SHA512)
SKEW: Final = timedelta(minutes=5)
"""How far a statement may come from the future: clocks differ."""
HARMLESS: Final = frozenset(
    {x509.ReasonFlags.affiliation_changed, x509.ReasonFlags.superseded, x509.ReasonFlags.cessation_of_operation}
)
"""Why a certificate is taken back though its key is still its owner's."""
HASHES_OF_IDS: Final[dict[str, HashAlgorithm]] = {"sha1": SHA1(), "sha256": SHA256()}  # noqa: S303  # names, not proofs

Ext = TypeVar("Ext", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One statement about one certificate."""

    is_revoked: bool
    how: str
    """`crl` or `ocsp`."""
    from_: datetime
    until: datetime
    """`nextUpdate`; the grace comes after it."""
    since: datetime | None = None
    """From when on it is revoked: the earlier of the day that the authority gives and the day that a key was lost."""
    is_for_key: bool = False
    """Whether the key fell into other hands, or nobody says why: then nothing that it signed later is believed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Lists and answers, read once."""

    crls: tuple[x509.CertificateRevocationList, ...] = ()
    answers: tuple[ocsp.OCSPResponse, ...] = ()

    @classmethod
    def read(cls, *, crls: Iterable[bytes] = (), ocsp_answers: Iterable[bytes] = ()) -> Evidence:
        """From DER. Raises ValueError for what is neither."""
        answers = tuple(ocsp.load_der_ocsp_response(each) for each in ocsp_answers)
        well = tuple(each for each in answers if each.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL)
        return cls(tuple(x509.load_der_x509_crl(each) for each in crls), well)


def judge(
    certificate: x509.Certificate, issuer: x509.Certificate, evidence: Evidence, *, at: datetime, grace: timedelta
) -> Verdict | None:
    """What is said of it now: revoked if anybody says so, else what holds longest; None: nobody speaks."""
    said = [
        each
        for each in (*_by_lists(certificate, issuer, evidence), *_by_answers(certificate, issuer, evidence, at))
        if each.from_ - SKEW <= at <= each.until + grace
    ]
    return max(said, key=lambda each: (each.is_revoked, each.until), default=None)


def statements(certificate: x509.Certificate, issuer: x509.Certificate, evidence: Evidence) -> list[Verdict]:
    """All that is said of it by those who may, whenever they said it: a signature of the past is judged with these.

    Raises ValueError for a list or an answer that cannot be read to its end.
    """
    return [*_by_lists(certificate, issuer, evidence), *_by_answers(certificate, issuer, evidence, None)]


# -- lists -------------------------------------------------------------------------------------------------------------


def _by_lists(certificate: x509.Certificate, issuer: x509.Certificate, evidence: Evidence) -> Iterator[Verdict]:
    for crl in evidence.crls:
        until = crl.next_update_utc
        if until is None or crl.issuer != certificate.issuer or not _covers(crl, certificate):
            continue
        if not _may(issuer, "crl_sign") or not isinstance(crl.signature_hash_algorithm, GOOD_HASHES):
            continue
        if not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]  # of an authority: RSA or ECDSA
            continue
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        since, is_for_key = (None, False) if entry is None else _revoked(entry)
        yield Verdict(
            is_revoked=entry is not None,
            how="crl",
            from_=crl.last_update_utc,
            until=until,
            since=since,
            is_for_key=is_for_key,
        )


def _revoked(entry: x509.RevokedCertificate) -> tuple[datetime, bool]:
    """Since when, and whether for its key. A key that was lost before the authority heard of it counts from then."""
    reason = lost = None
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CRLReason):
            reason = extension.value.reason
        elif isinstance(extension.value, x509.InvalidityDate):
            lost = extension.value.invalidity_date_utc
    told = entry.revocation_date_utc
    return min(told, lost or told), reason not in HARMLESS


def _covers(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Whether the list is one of all reasons for such a certificate, and says nothing critical that we do not know."""
    for extension in crl.extensions:
        value = extension.value
        if isinstance(value, x509.IssuingDistributionPoint):
            if not _is_of_part(value, certificate):
                return False
        elif extension.critical or isinstance(value, x509.DeltaCRLIndicator):
            return False
    return True


def _is_of_part(part: x509.IssuingDistributionPoint, certificate: x509.Certificate) -> bool:
    if part.indirect_crl or part.only_some_reasons or part.only_contains_attribute_certs or part.relative_name:
        return False
    basics = found(certificate, x509.BasicConstraints)
    is_authority = basics is not None and basics.ca
    if (part.only_contains_user_certs and is_authority) or (part.only_contains_ca_certs and not is_authority):
        return False
    # An authority that keeps several lists names, in each certificate, the one that would list it.
    return part.full_name is None or bool(set(part.full_name) & set(_points(certificate)))


def _points(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    for point in found(certificate, x509.CRLDistributionPoints) or ():
        yield from point.full_name or ()


# -- answers -----------------------------------------------------------------------------------------------------------


def _by_answers(
    certificate: x509.Certificate, issuer: x509.Certificate, evidence: Evidence, at: datetime | None
) -> Iterator[Verdict]:
    for answer in evidence.answers:
        for single in answer.responses:
            until = single.next_update_utc
            if until is None or single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
                continue
            said_at = single.this_update_utc if at is None else at
            if _is_about(single, certificate, issuer) and _is_from(answer, issuer, evidence, said_at):
                revoked = single.certificate_status is ocsp.OCSPCertStatus.REVOKED
                yield Verdict(
                    is_revoked=revoked,
                    how="ocsp",
                    from_=single.this_update_utc,
                    until=until,
                    since=single.revocation_time_utc,
                    is_for_key=revoked and single.revocation_reason not in HARMLESS,
                )


def _is_about(single: ocsp.OCSPSingleResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    named = HASHES_OF_IDS.get(single.hash_algorithm.name)
    if named is None or single.serial_number != certificate.serial_number:
        return False
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, named).build()
    return (single.issuer_name_hash, single.issuer_key_hash) == (asked.issuer_name_hash, asked.issuer_key_hash)


def _is_from(answer: ocsp.OCSPResponse, issuer: x509.Certificate, evidence: Evidence, at: datetime) -> bool:
    """Whether the issuer signed it, or one that the issuer made for this."""
    if _has_signed(issuer, answer):
        return True
    delegates = (each for each in answer.certificates if _is_delegate(each, issuer, evidence, at))
    return any(_has_signed(each, answer) for each in delegates)


def _is_delegate(delegate: x509.Certificate, issuer: x509.Certificate, evidence: Evidence, at: datetime) -> bool:
    purposes = found(delegate, x509.ExtendedKeyUsage) or ()
    if ExtendedKeyUsageOID.OCSP_SIGNING not in purposes or not is_issued_by(delegate, issuer):
        return False
    if not delegate.not_valid_before_utc <= at <= delegate.not_valid_after_utc:
        return False
    if found(delegate, x509.OCSPNoCheck) is not None:
        return True
    # Without the issuer's word that it need not be checked, a list must vouch for it: it cannot vouch for itself.
    lists = [each for each in _by_lists(delegate, issuer, evidence) if each.from_ - SKEW <= at <= each.until]
    return bool(lists) and not any(each.is_revoked for each in lists)


def _has_signed(signer: x509.Certificate, answer: ocsp.OCSPResponse) -> bool:
    named = answer.signature_hash_algorithm
    if named is None or not isinstance(named, GOOD_HASHES):
        return False
    key = signer.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), named)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(named))
        else:
            return False
    except InvalidSignature:
        return False
    return True


# -- certificates ------------------------------------------------------------------------------------------------------


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's key signed it, with a hash that is not broken."""
    if not isinstance(certificate.signature_hash_algorithm, GOOD_HASHES):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def found(certificate: x509.Certificate, kind: type[Ext]) -> Ext | None:
    """An extension's value, where it has one. Raises ValueError for what cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _may(certificate: x509.Certificate, use: str) -> bool:
    usage = found(certificate, x509.KeyUsage)
    return usage is None or bool(getattr(usage, use))


# -- asking ------------------------------------------------------------------------------------------------------------


def ocsp_request(certificate_der: bytes, issuer_der: bytes) -> bytes:
    """The question about one certificate. Without a nonce: authorities answer from a store (RFC 5019)."""
    certificate, issuer = map(x509.load_der_x509_certificate, (certificate_der, issuer_der))
    # The id's hash names an issuer and proves nothing; SHA-1 is the one that every responder knows.
    return ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1()).build().public_bytes(Encoding.DER)  # noqa: S303


def sources(certificate_der: bytes) -> tuple[Sequence[str], Sequence[str]]:
    """Where the certificate says that its lists, and its answers, are: addresses, not to be believed."""
    certificate = x509.load_der_x509_certificate(certificate_der)
    lists = [name.value for name in _points(certificate) if isinstance(name, x509.UniformResourceIdentifier)]
    access = found(certificate, x509.AuthorityInformationAccess) or ()
    answers = [
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]
    return lists, answers


def life_of_list(der: bytes) -> tuple[datetime, datetime]:
    """When a list was made, and until when it speaks. Raises ValueError for what is no list, or one without an end."""
    crl = x509.load_der_x509_crl(der)
    return _life(crl.last_update_utc, crl.next_update_utc)


def life_of_answer(der: bytes) -> tuple[datetime, datetime]:
    """The same of an OCSP answer to one question. Raises ValueError also for one that says it cannot answer."""
    answer = ocsp.load_der_ocsp_response(der)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"the answer is {answer.response_status.name.lower()}")
    single = next(iter(answer.responses))
    return _life(single.this_update_utc, single.next_update_utc)


def _life(begins: datetime, ends: datetime | None) -> tuple[datetime, datetime]:
    if ends is None:
        raise ValueError("it does not say until when it holds")
    return begins, ends
