"""What an authority answers about its certificates: OCSP (RFC 6960) and revocation lists (RFC 5280)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from contracts.signing_pki.authorities import Authority, Holder

LIFE: Final = timedelta(days=1)


def ocsp_answer(
    authority: Authority,
    request: ocsp.OCSPRequest,
    at: datetime,
    *,
    says: str = "",
    by: Holder | None = None,
    life: timedelta = LIFE,
) -> bytes:
    """`says`: `unknown` or `good`, whatever is true. `by`: who signs it, else the authority's delegate."""
    signer = by or authority.delegate
    status, since, reason = _status(authority, request.serial_number, at, says)
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=request.issuer_name_hash,
        issuer_key_hash=request.issuer_key_hash,
        serial_number=request.serial_number,
        algorithm=request.hash_algorithm,
        cert_status=status,
        this_update=at,
        next_update=at + life,
        revocation_time=since,
        revocation_reason=reason,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    builder = builder.certificates([signer.certificate])
    for extension in request.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            builder = builder.add_extension(extension.value, critical=False)
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def ocsp_about(
    authority: Authority, holder: Holder, at: datetime, *, says: str = "", by: Holder | None = None
) -> bytes:
    """The same about one certificate, where nobody sent a request."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        holder.certificate, authority.holder.certificate, hashes.SHA256()
    )
    return ocsp_answer(authority, builder.build(), at, says=says, by=by)


def crl(authority: Authority, at: datetime, *, life: timedelta = LIFE, by: Holder | None = None) -> bytes:
    """Everybody whom it had taken its word back of by then."""
    signer = by or authority.holder
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.holder.certificate.subject)
    builder = builder.last_update(at).next_update(at + life)
    for serial, (since, reason) in sorted(authority.revoked.items()):
        if since <= at:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
            builder = builder.add_revoked_certificate(entry.add_extension(x509.CRLReason(reason), False).build())
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.holder.key.public_key())
    number = x509.CRLNumber(int(at.timestamp()))
    builder = builder.add_extension(key_id, critical=False).add_extension(number, critical=False)
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _status(
    authority: Authority, serial: int, at: datetime, says: str
) -> tuple[ocsp.OCSPCertStatus, datetime | None, x509.ReasonFlags | None]:
    told = authority.revoked.get(serial)
    if says == "unknown" or (serial not in authority.known and told is None):
        return ocsp.OCSPCertStatus.UNKNOWN, None, None
    if told is None or told[0] > at or says == "good":
        return ocsp.OCSPCertStatus.GOOD, None, None
    return ocsp.OCSPCertStatus.REVOKED, *told
