"""Pure. Whether a certificate may be used for a signature at all, before anything is frozen or sent under it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

LEAST_RSA: Final = 2048
CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})
HASHES: Final = frozenset({"sha256", "sha384", "sha512"})
NUMBERED: Final = re.compile(r"(?:CCCD|CMND|CMT|HC|PASSPORT|PNR|MST|MNS)[:_-]?(.+)", re.IGNORECASE)
"""A person's or an agency's number with the word that says which kind it is: in a subject's UID, and in some services'
names of their users."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Why nothing is signed with it."""

    code: str
    """`certificate_not_usable`, `wrong_person`."""
    reason: str


def misfit_of(der: bytes, *, user: str, name: str, at: datetime) -> Misfit | None:
    """Dates, strength, whose it is: by number, else by name. Revocation and chain are the installation's to judge."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        reason = _unusable(certificate, at)
        is_other = not reason and not _is_of(certificate, user, name)
    except (ValueError, x509.DuplicateExtension):
        return Misfit(code="certificate_not_usable", reason="not a certificate")
    if reason:
        return Misfit(code="certificate_not_usable", reason=reason)
    return Misfit(code="wrong_person", reason="the certificate names another person or agency") if is_other else None


def algorithm_of(der: bytes) -> str:
    """`rsa` or `ecdsa`; empty for a key that documents are not signed with. Raises ValueError."""
    key = x509.load_der_x509_certificate(der).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa"
    return "ecdsa" if isinstance(key, ec.EllipticCurvePublicKey) else ""


def number_in(text: str) -> str:
    """`CCCD:099000000001`, `MST_0990000001` → the number alone."""
    found = NUMBERED.fullmatch(text.strip())
    return (found[1] if found else text).strip().casefold()


def _unusable(certificate: x509.Certificate, at: datetime) -> str:
    if at < certificate.not_valid_before_utc:
        return "not_valid_yet"
    if at > certificate.not_valid_after_utc:
        return "expired"
    return _weak(certificate)


def _weak(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        is_strong = key.key_size >= LEAST_RSA
    else:
        is_strong = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES
    known = certificate.signature_hash_algorithm
    if known is None or known.name not in HASHES:
        return "weak_signature"
    return "" if is_strong else "weak_key"


def _is_of(certificate: x509.Certificate, user: str, name: str) -> bool:
    """A subject with a number must have the signer's, whatever its word: a person's tax number is the identity number.
    One without says who it is by its name alone: a service that answers for another user names somebody else."""
    told = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.USER_ID)]
    if told:
        return number_in(user) in {number_in(each) for each in told}
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _folded(name) in {_folded(str(each.value)) for each in names}


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
