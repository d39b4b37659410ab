"""Pure. One ds:Signature of a document, read: what it is over, whose it says it is, which time stamps it carries.

Nothing of it is believed before it was checked. A reference must name one place of this document that a reader cannot
mistake: the whole, by an empty URI, or the one element of an Id. What no verifier here knows (another transform, an
address outside, a MAC) is refused, so that no signer chooses what is looked at.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, Literal, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from signing.canonical import EXCLUSIVE, exclusive
from signing.errors import NotVerified
from signing.verdicts import Code
from signing.verification_cms import CmsWrong
from signing.verification_times import Evidence
from signing.xades_form import (
    CANONICAL,
    DS,
    ENVELOPED,
    INCLUSIVE,
    PROPERTIES_TYPE,
    SIGNATURE,
    XADES,
    XADES_141,
    canonical,
    path,
    without,
)
from signing.xades_form import whole as whole_form
from signing.xmldsig import MAX_REFERENCES, octets

T = TypeVar("T")
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
DIGESTS: Final = {f"{_ENC}sha256": "sha256", f"{_MORE}sha384": "sha384", f"{_ENC}sha512": "sha512"}
WEAK: Final = frozenset(
    {
        *(f"{DS}{name}" for name in ("sha1", "rsa-sha1", "dsa-sha1", "hmac-sha1")),
        *(f"{_MORE}{name}" for name in ("md5", "rsa-md5", "ecdsa-sha1", "sha224", "rsa-sha224", "ecdsa-sha224")),
    }
)
"""Broken, or on their way: what they sign proves nothing any more."""
MOST_CERTIFICATES: Final = 32
MOST_STAMPS: Final = 4
MOST_EVIDENCE: Final = 128

_OURS: Final = frozenset({DS, XADES, XADES_141})
_QUALIFYING: Final = path("ds:Object", "xades:QualifyingProperties")
_SIGNED: Final = path("xades:SignedProperties")
_UNSIGNED: Final = path("xades:UnsignedProperties", "xades:UnsignedSignatureProperties")
_CERT: Final = path("xades:Cert", "xades:CertDigest")


class XmlWrong(CmsWrong):
    """The signature is not one that verifies; `code` says what is wrong with it, `about` where."""

    def __init__(self, code: Code, about: str = "") -> None:
        super().__init__(code)
        self.about = about


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
    info, value = _one(signature, "SignedInfo"), _one(signature, "SignatureValue")
    properties = _properties(signature)
    _refuse_strangers(signature)
    signed_info = canonical(info, _method(_one(info, "CanonicalizationMethod")))
    found = info.findall(path("ds:Reference"))
    if not 1 <= len(found) <= MAX_REFERENCES:
        raise XmlWrong(Code.FORMAT_UNKNOWN, "Reference")
    targets = [_reference(each, signature, names) for each in found]
    _require_whole(signature, found, targets, properties, whole)
    certificates = _certificates(signature)
    certificate, is_named = _certificate(properties, certificates)
    _check_value(_one(info, "SignatureMethod"), certificate, octets(value), signed_info)
    whole.add(value.get("Id", ""))
    return Read(
        certificate=certificate,
        others=tuple(each for each in certificates if each != certificate),
        signing_time=_signing_time(properties),
        names_certificate=is_named,
        stamps=_stamps(signature, value),
    )


# -- what it is over ---------------------------------------------------------------------------------------------------


def _refuse_strangers(signature: etree._Element) -> None:
    """What stands inside of a signature is not what it signs: somebody else's elements there would be unsigned."""
    for each in signature.iterdescendants(etree.Element):
        if etree.QName(each).namespace not in _OURS:
            raise XmlWrong(Code.PARTIAL_COVERAGE, etree.QName(each).localname)


def _reference(
    element: etree._Element, signature: etree._Element, names: Mapping[str, Sequence[etree._Element]]
) -> etree._Element:
    """The element that it is over, when its digest holds."""
    target = _target(element, signature, names)
    transforms = [each.get("Algorithm", "") for each in element.iterfind(path("ds:Transforms", "ds:Transform"))]
    is_enveloped = transforms[:1] == [ENVELOPED]
    rest = transforms[1:] if is_enveloped else transforms
    if len(rest) > 1 or not set(rest) <= CANONICAL or _has_parameters(element):
        raise XmlWrong(Code.FORMAT_UNKNOWN, "Transform")
    if is_enveloped != (target in signature.iterancestors()):
        raise XmlWrong(Code.FORMAT_UNKNOWN, "Transform")  # over itself it could never hold
    method = rest[0] if rest else INCLUSIVE
    over = _enveloped(target, signature, method) if is_enveloped else canonical(target, method)
    algorithm = _algorithm(_one(element, "DigestMethod"), DIGESTS)
    if not hmac.compare_digest(hashlib.new(algorithm, over).digest(), octets(_one(element, "DigestValue"))):
        raise XmlWrong(Code.DIGEST_DIFFERS, element.get("URI", ""))
    return target


def _target(
    element: etree._Element, signature: etree._Element, names: Mapping[str, Sequence[etree._Element]]
) -> etree._Element:
    uri = element.get("URI")
    if uri == "":
        return signature.getroottree().getroot()
    if uri is None or not uri.startswith("#"):
        raise XmlWrong(Code.FORMAT_UNKNOWN, "URI")
    found = names.get(uri[1:], ())
    if len(found) != 1:
        # Two readers could each find their own: the way that signed parts are moved aside and replaced.
        raise XmlWrong(Code.SIGNATURE_BROKEN, f"{len(found)} elements have the Id {uri[1:100]}")
    return found[0]


def _enveloped(target: etree._Element, signature: etree._Element, method: str) -> bytes:
    if target.getparent() is not None:
        raise XmlWrong(Code.PARTIAL_COVERAGE, etree.QName(target).localname)
    root = without(signature)
    return exclusive(root) if method == EXCLUSIVE else whole_form(root)


def _has_parameters(element: etree._Element) -> bool:
    """A PrefixList, an XPath: nothing that a signer here writes, and each changes what is signed."""
    return any(len(each) for each in element.iterfind(path("ds:Transforms", "ds:Transform")))


def _require_whole(
    signature: etree._Element,
    references: Sequence[etree._Element],
    targets: Sequence[etree._Element],
    properties: etree._Element | None,
    whole: set[str],
) -> None:
    """Over the root, or over a value that is over all and around this one; and over its own properties."""
    around = next(signature.iterancestors(SIGNATURE), None)
    value = None if around is None else around.find(path("ds:SignatureValue"))
    is_counter = value is not None and value in targets and value.get("Id", "") in whole
    if not is_counter and signature.getroottree().getroot() not in targets:
        raise XmlWrong(Code.PARTIAL_COVERAGE)
    if properties is not None and not _is_signed(properties, references, targets):
        raise XmlWrong(Code.PARTIAL_COVERAGE, "SignedProperties")


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
    return _only(found[0].findall(_SIGNED), "SignedProperties")


def _is_signed(
    properties: etree._Element, references: Sequence[etree._Element], targets: Sequence[etree._Element]
) -> bool:
    told = zip(references, targets, strict=True)
    return any(target is properties and each.get("Type") == PROPERTIES_TYPE for each, target in told)


def _certificates(signature: etree._Element) -> tuple[bytes, ...]:
    found = signature.findall(path("ds:KeyInfo", "ds:X509Data", "ds:X509Certificate"))
    return tuple(octets(each) for each in found[:MOST_CERTIFICATES])


def _certificate(properties: etree._Element | None, certificates: Sequence[bytes]) -> tuple[bytes, bool]:
    """The certificate that is signed with, by its digest; of a plain XML signature the first. And whether it is named."""
    if not certificates:
        raise XmlWrong(Code.CERTIFICATE_MISSING)
    named = _named(properties)
    if named is None:
        return certificates[0], False
    algorithm = _algorithm(_one(named, "DigestMethod"), DIGESTS)
    wanted = octets(_one(named, "DigestValue"))
    for each in certificates:
        if hmac.compare_digest(hashlib.new(algorithm, each).digest(), wanted):
            return each, True
    raise XmlWrong(Code.CERTIFICATE_MISMATCH)


def _named(properties: etree._Element | None) -> etree._Element | None:
    """The first digest of SigningCertificateV2, or of its elder."""
    if properties is None:
        return None
    for name in ("SigningCertificateV2", "SigningCertificate"):
        if (
            found := properties.find(f"{path('xades:SignedSignatureProperties', f'xades:{name}')}/{_CERT}")
        ) is not None:
            return found
    return None


def _signing_time(properties: etree._Element | None) -> datetime | None:
    told = (
        None
        if properties is None
        else properties.findtext(path("xades:SignedSignatureProperties", "xades:SigningTime"))
    )
    try:
        at = datetime.fromisoformat((told or "").strip())
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


# -- its value ---------------------------------------------------------------------------------------------------------


def _check_value(method: etree._Element, certificate: bytes, value: bytes, signed_info: bytes) -> None:
    kind, hash_ = _algorithm(method, METHODS)
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
    method = INCLUSIVE if told is None else _method(told)
    token = _only(element.findall(path("xades:EncapsulatedTimeStamp")), "EncapsulatedTimeStamp")
    return Stamped(token=octets(token), over=canonical(value, method))


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


# -- common ------------------------------------------------------------------------------------------------------------


def _one(element: etree._Element, name: str) -> etree._Element:
    return _only(element.findall(path(f"ds:{name}")), name)


def _only(found: Sequence[etree._Element], name: str) -> etree._Element:
    if len(found) != 1:
        raise XmlWrong(Code.FORMAT_UNKNOWN, name)
    return found[0]


def _method(element: etree._Element) -> str:
    told = element.get("Algorithm", "")
    if told not in CANONICAL or len(element):
        raise XmlWrong(Code.FORMAT_UNKNOWN, "CanonicalizationMethod")
    return told


def _algorithm(element: etree._Element, known: Mapping[str, T]) -> T:
    told = element.get("Algorithm", "")
    if told in WEAK:
        raise XmlWrong(Code.WEAK_HASH, told.rpartition("#")[2])
    if told not in known or len(element):
        raise XmlWrong(Code.FORMAT_UNKNOWN, told[:100])
    return known[told]
