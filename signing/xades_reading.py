"""Pure. One ds:Signature of a document, read: what it is over, whose it says it is, which time stamps it carries.

Nothing of it is believed before it was checked: what it is over (`xades_references.py`), then its value.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from signing.errors import NotVerified
from signing.verdicts import Code
from signing.verification_times import Evidence
from signing.xades_form import INCLUSIVE, canonical, path
from signing.xades_references import (
    DIGESTS,
    XmlWrong,
    algorithm,
    canonical_method,
    covered,
    one,
    only,
    refuse_strangers,
)
from signing.xmldsig import octets

_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_MGF: Final = "http://www.w3.org/2007/05/xmldsig-more#"
_ENC: Final = "http://www.w3.org/2001/04/xmlenc#"

Kind = Literal["pkcs1", "pss", "ecdsa"]
METHODS: Final[Mapping[str, tuple[Kind, hashes.HashAlgorithm]]] = {
    f"{_MORE}rsa-sha256": ("pkcs1", hashes.SHA256()),
    f"{_MORE}rsa-sha384": ("pkcs1", hashes.SHA384()),
    f"{_MORE}rsa-sha512": ("pkcs1", hashes.SHA512()),
    f"{_MGF}sha256-rsa-MGF1": ("pss", hashes.SHA256()),
    f"{_MGF}sha384-rsa-MGF1": ("pss", hashes.SHA384()),
    f"{_MGF}sha512-rsa-MGF1": ("pss", hashes.SHA512()),
    f"{_MORE}ecdsa-sha256": ("ecdsa", hashes.SHA256()),
    f"{_MORE}ecdsa-sha384": ("ecdsa", hashes.SHA384()),
    f"{_MORE}ecdsa-sha512": ("ecdsa", hashes.SHA512()),
}
MOST_CERTIFICATES: Final = 32
MOST_STAMPS: Final = 4
MOST_EVIDENCE: Final = 128

_QUALIFYING: Final = path("ds:Object", "xades:QualifyingProperties")
_SIGNED: Final = path("xades:SignedProperties")
_UNSIGNED: Final = path("xades:UnsignedProperties", "xades:UnsignedSignatureProperties")
_OF_SIGNATURE: Final = path("xades:SignedSignatureProperties")
_CERT: Final = path("xades:Cert", "xades:CertDigest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """One time stamp that a signature carries: the token, and the bytes that it is said to be over."""

    token: bytes
    over: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One signature whose digests and value hold; whether its certificate is anybody's is asked elsewhere."""

    certificate: bytes
    others: tuple[bytes, ...]
    signing_time: datetime | None
    names_certificate: bool
    """Whether what it signs names its certificate: XAdES wants it, plain XML signatures do not know it."""
    stamps: tuple[Stamped, ...]


def read(signature: etree._Element, names: Mapping[str, Sequence[etree._Element]], whole: set[str]) -> Read:
    """What it says, when its digests and its value hold. Raises XmlWrong.

    `names` has the elements of each Id. `whole` has the Ids of the values before this one that are over all of the
    document; this one's is added.
    """
    try:
        return _read(signature, names, whole)
    except NotVerified as trouble:
        raise XmlWrong(Code.SIGNATURE_BROKEN, trouble.code) from trouble


def _read(signature: etree._Element, names: Mapping[str, Sequence[etree._Element]], whole: set[str]) -> Read:
    info, value = one(signature, "SignedInfo"), one(signature, "SignatureValue")
    properties = _properties(signature)
    refuse_strangers(signature)
    signed_info = canonical(info, canonical_method(one(info, "CanonicalizationMethod")))
    covered(signature, info, properties, names, whole)
    certificates = _certificates(signature)
    certificate, is_named = _certificate(properties, certificates)
    _check_value(one(info, "SignatureMethod"), certificate, octets(value), signed_info)
    whole.add(value.get("Id", ""))
    return Read(
        certificate=certificate,
        others=tuple(each for each in certificates if each != certificate),
        signing_time=_signing_time(properties),
        names_certificate=is_named,
        stamps=_stamps(signature, value),
    )


# -- whose it says it is -----------------------------------------------------------------------------------------------


def _properties(signature: etree._Element) -> etree._Element | None:
    """Its own XAdES properties; None for a plain XML signature. One that is around its document is not known here."""
    if signature.getparent() is None:
        raise XmlWrong(Code.FORMAT_UNKNOWN, "enveloping")
    found = signature.findall(_QUALIFYING)
    if not found:
        return None
    if len(found) != 1 or found[0].get("Target") != f"#{signature.get('Id')}":
        raise XmlWrong(Code.FORMAT_UNKNOWN, "QualifyingProperties")
    return only(found[0].findall(_SIGNED), "SignedProperties")


def _certificates(signature: etree._Element) -> tuple[bytes, ...]:
    found = signature.findall(path("ds:KeyInfo", "ds:X509Data", "ds:X509Certificate"))
    return tuple(octets(each) for each in found[:MOST_CERTIFICATES])


def _certificate(properties: etree._Element | None, certificates: Sequence[bytes]) -> tuple[bytes, bool]:
    """The certificate that is signed with, by its digest, else the first; and whether a signed digest names it."""
    if not certificates:
        raise XmlWrong(Code.CERTIFICATE_MISSING)
    named = _named(properties)
    if named is None:
        return certificates[0], False
    hash_ = algorithm(one(named, "DigestMethod"), DIGESTS)
    wanted = octets(one(named, "DigestValue"))
    for each in certificates:
        if hmac.compare_digest(hashlib.new(hash_, each).digest(), wanted):
            return each, True
    raise XmlWrong(Code.CERTIFICATE_MISMATCH)


def _named(properties: etree._Element | None) -> etree._Element | None:
    """The first digest of SigningCertificateV2, or of its elder."""
    if properties is None:
        return None
    names = ("SigningCertificateV2", "SigningCertificate")
    ways = (f"{_OF_SIGNATURE}/{path(f'xades:{name}')}/{_CERT}" for name in names)
    return next((found for way in ways if (found := properties.find(way)) is not None), None)


def _signing_time(properties: etree._Element | None) -> datetime | None:
    told = None if properties is None else properties.findtext(f"{_OF_SIGNATURE}/{path('xades:SigningTime')}")
    try:
        at = datetime.fromisoformat((told or "").strip())
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


# -- its value ---------------------------------------------------------------------------------------------------------


def _check_value(method: etree._Element, certificate: bytes, value: bytes, signed_info: bytes) -> None:
    kind, hash_ = algorithm(method, METHODS)
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        if isinstance(key, rsa.RSAPublicKey) and kind == "pkcs1":
            key.verify(value, signed_info, padding.PKCS1v15(), hash_)
        elif isinstance(key, rsa.RSAPublicKey) and kind == "pss":
            key.verify(value, signed_info, padding.PSS(padding.MGF1(hash_), hash_.digest_size), hash_)
        elif isinstance(key, ec.EllipticCurvePublicKey) and kind == "ecdsa":
            key.verify(_der(value, key), signed_info, ec.ECDSA(hash_))
        else:
            raise XmlWrong(Code.FORMAT_UNKNOWN, "SignatureMethod")
    except (InvalidSignature, ValueError) as trouble:
        raise XmlWrong(Code.SIGNATURE_BROKEN) from trouble


def _der(value: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    half = (key.key_size + 7) // 8
    if len(value) != 2 * half:
        raise ValueError("not two numbers of the curve")
    return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))


def _stamps(signature: etree._Element, value: etree._Element) -> tuple[Stamped, ...]:
    """Each SignatureTimeStamp, and the canonical form of the value that it is over."""
    found = signature.findall(f"{_QUALIFYING}/{_UNSIGNED}/{path('xades:SignatureTimeStamp')}")
    return tuple(_stamped(each, value) for each in found[:MOST_STAMPS])


def _stamped(element: etree._Element, value: etree._Element) -> Stamped:
    told = element.find(path("ds:CanonicalizationMethod"))
    form = INCLUSIVE if told is None else canonical_method(told)
    token = only(element.findall(path("xades:EncapsulatedTimeStamp")), "EncapsulatedTimeStamp")
    return Stamped(token=octets(token), over=canonical(value, form))


def evidence_in(root: etree._Element) -> Evidence:
    """What signatures bring along to vouch for certificates (B-LT); what cannot be read is as good as not there."""
    return Evidence(
        crls=_encapsulated(root, "CRLValues", "EncapsulatedCRLValue"),
        ocsps=_encapsulated(root, "OCSPValues", "EncapsulatedOCSPValue"),
        certificates=_encapsulated(root, "CertificateValues", "EncapsulatedX509Certificate"),
    )


def _encapsulated(root: etree._Element, *way: str) -> tuple[bytes, ...]:
    found = []
    for each in islice(root.iterfind(".//" + path(*(f"xades:{name}" for name in way))), MOST_EVIDENCE):
        with suppress(NotVerified):
            found.append(octets(each))
    return tuple(found)
