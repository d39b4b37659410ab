"""Signing an XML document in two phases (XAdES, enveloped): the digest goes out, its signature comes back later.

`prepare` puts a ds:Signature without its value into the document and says what is to be signed: SHA-256 of the
canonical SignedInfo. `embed` fills in a value that verifies, with a time stamp where there is an authority (B-T), and
`with_stamp` adds one afterwards. The first signature stands at the end of the root and covers all of it. A further one
(the agency's seal after the official's name) countersigns the last: a second enveloped signature would break the first.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from signing.canonical import text
from signing.errors import DocumentRefused, PlanWrong, WeakKey, XmlRefused
from signing.prepared import PreparedDocument, Stamp
from signing.raw_values import WRONG, Verified, verified
from signing.xades_form import (
    COUNTERSIGNED_TYPE,
    DS,
    ENVELOPED,
    INCLUSIVE,
    PROPERTIES_TYPE,
    SIGNATURE,
    XADES,
    canonical,
    identified,
    is_cut,
    path,
    read,
    signatures,
    whole,
    without,
)

FORM: Final = 1
"""Of the plan: one that was written by another release is refused, not guessed at."""
MOST_BYTES: Final = 10 * 1024 * 1024
"""Of a document: the parser's own bound."""
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
METHODS: Final = {
    "pkcs1": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "ecdsa": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
}
"""A service must answer in the kind that SignedInfo names: the kind is signed too."""

_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_QUALIFYING: Final = path("ds:Object", "xades:QualifyingProperties")
_UNSIGNED: Final = ("UnsignedProperties", "UnsignedSignatureProperties")
_VALUE: Final = path("ds:SignatureValue")
_INFO: Final = path("ds:SignedInfo")


# -- the first phase ---------------------------------------------------------------------------------------------------


def prepare(
    document: bytes,
    *,
    certificate: bytes,
    chain: Sequence[bytes] = (),
    at: datetime,
    field: str,
    reason: str | None = None,
    location: str | None = None,
    algorithm: Literal["rsa", "ecdsa"] | None = None,
    most_bytes: int = MOST_BYTES,
) -> PreparedDocument:
    """The document with this certificate's signature, but for its value. Raises DocumentRefused.

    `field` becomes the signature's Id. `algorithm` is for callers that keep it: the certificate's key decides.
    """
    if not _FIELD.fullmatch(field):
        raise ValueError("a signature's Id is a name of XML: letters, digits, `.`, `_`, `-`")
    root = read(document, most_bytes=most_bytes)
    if is_cut(root):
        raise DocumentRefused("document_has_comments", "a comment stands in a text: not everybody would read all of it")
    _refuse_names(root, field)
    there = signatures(root)
    target = _countersigned(there[-1]) if there else None
    terms = _Terms(
        field=field,
        method=METHODS[_kind_of(certificate)],
        certificates=(certificate, *(each for each in chain if each != certificate)),
        at=at,
        reason=reason,
        location=location,
    )
    made = etree.fromstring(terms.signature(target))
    if target is None:
        root.append(made)
    else:
        _unsigned(there[-1], "CounterSignature").append(made)
    # Written and read again before anything is digested: what is signed is what a stranger will read.
    root = read(_written(root), most_bytes=2 * MOST_BYTES)
    signature = _signature(root, field)
    with _canonical_form():
        _fill_digests(signature, root, target)
        info = _signed_info(signature)
    ready = _written(root)
    plan = _Plan(document=hashlib.sha256(ready).digest(), field=field, certificates=terms.certificates)
    return PreparedDocument(document=ready, plan=plan.written(), digest=hashlib.sha256(info).digest())


def _refuse_names(root: etree._Element, field: str) -> None:
    mine = {field, *(f"{field}-{part}" for part in ("data", "value", "properties"))}
    if mine & {name for name, _ in identified(root)}:
        raise DocumentRefused("document_exists_signed", f"it has an element with the Id {field} already")


def _countersigned(signature: etree._Element) -> str:
    """The Id of the value that is to be countersigned: by the seal over the name, where the name is over all."""
    first = [signature, *signature.iterancestors(SIGNATURE)][-1]
    uris = [each.get("URI") for each in first.iterfind(path("ds:SignedInfo", "ds:Reference"))]
    properties, value = signature.find(_QUALIFYING), signature.find(_VALUE)
    name = None if value is None else value.get("Id")
    if properties is None or name is None or "" not in uris:
        raise DocumentRefused(
            "document_exists_signed", "its signature is not XAdES over all of it: another one would break it"
        )
    return name


def _kind_of(certificate: bytes) -> Literal["pkcs1", "ecdsa"]:
    key = x509.load_der_x509_certificate(certificate).public_key()
    if isinstance(key, RSAPublicKey):
        return "pkcs1"
    if isinstance(key, EllipticCurvePublicKey):
        return "ecdsa"
    raise WeakKey("neither RSA nor ECDSA")


def _fill_digests(signature: etree._Element, root: etree._Element, target: str | None) -> None:
    """What the two references are over, digested as it stands in the document."""
    covered, properties = signature.findall(path("ds:SignedInfo", "ds:Reference", "ds:DigestValue"))
    if target is None:
        covered.text = _digest(whole(without(signature)))
    else:
        covered.text = _digest(canonical(_named(root, target)))
    signed = signature.find(f"{_QUALIFYING}/{path('xades:SignedProperties')}")
    assert signed is not None
    properties.text = _digest(canonical(signed))


def _named(root: etree._Element, name: str) -> etree._Element:
    found = [element for told, element in identified(root) if told == name]
    if len(found) != 1:
        raise DocumentRefused(
            "document_exists_signed", "its signature's Id stands twice: another one would prove nothing"
        )
    return found[0]


# -- the words of a signature ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What the signature says, before anything is digested."""

    field: str
    method: str
    certificates: tuple[bytes, ...]
    at: datetime
    reason: str | None
    location: str | None

    def signature(self, target: str | None) -> bytes:
        """The whole ds:Signature with empty digests and an empty value."""
        keys = "".join(f"<ds:X509Certificate>{_base64(each)}</ds:X509Certificate>" for each in self.certificates)
        return (
            f'<ds:Signature xmlns:ds="{DS}" Id="{self.field}"><ds:SignedInfo>'
            f'<ds:CanonicalizationMethod Algorithm="{INCLUSIVE}"/><ds:SignatureMethod Algorithm="{self.method}"/>'
            f"{self._covered(target)}{self._of_properties()}</ds:SignedInfo>"
            f'<ds:SignatureValue Id="{self.field}-value"/><ds:KeyInfo><ds:X509Data>{keys}</ds:X509Data></ds:KeyInfo>'
            f'<ds:Object><xades:QualifyingProperties xmlns:xades="{XADES}" Target="#{self.field}">'
            f'<xades:SignedProperties Id="{self.field}-properties">{self._properties()}</xades:SignedProperties>'
            "</xades:QualifyingProperties></ds:Object></ds:Signature>"
        ).encode()

    def _covered(self, target: str | None) -> str:
        if target is None:
            return _reference(f'Id="{self.field}-data" URI=""', ENVELOPED, INCLUSIVE)
        return _reference(f'Id="{self.field}-data" Type="{COUNTERSIGNED_TYPE}" URI="#{target}"', INCLUSIVE)

    def _of_properties(self) -> str:
        return _reference(f'Type="{PROPERTIES_TYPE}" URI="#{self.field}-properties"', INCLUSIVE)

    def _properties(self) -> str:
        """In the order of the standard's schema."""
        named = hashlib.sha256(self.certificates[0]).digest()
        place = self.location
        return (
            "<xades:SignedSignatureProperties>"
            f"<xades:SigningTime>{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</xades:SigningTime>"
            "<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>"
            f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>{_base64(named)}</ds:DigestValue>'
            "</xades:CertDigest></xades:Cert></xades:SigningCertificateV2>"
            + ("" if place is None else _PLACE % text(place))
            + "</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>"
            f'<xades:DataObjectFormat ObjectReference="#{self.field}-data">'
            + ("" if self.reason is None else f"<xades:Description>{text(self.reason)}</xades:Description>")
            + "<xades:MimeType>text/xml</xades:MimeType></xades:DataObjectFormat></xades:SignedDataObjectProperties>"
        )


_PLACE: Final = (
    "<xades:SignatureProductionPlaceV2><xades:City>%s</xades:City>"
    "<xades:CountryName>VN</xades:CountryName></xades:SignatureProductionPlaceV2>"
)


def _reference(attributes: str, *transforms: str) -> str:
    steps = "".join(f'<ds:Transform Algorithm="{each}"/>' for each in transforms)
    return (
        f"<ds:Reference {attributes}><ds:Transforms>{steps}</ds:Transforms>"
        f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue/></ds:Reference>'
    )


# -- the plan ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How a value becomes a signature of exactly this document."""

    document: bytes
    field: str
    certificates: tuple[bytes, ...]

    def written(self) -> bytes:
        whole = {
            "form": FORM,
            "xml": self.field,
            "document": self.document.hex(),
            "certificates": [_base64(each) for each in self.certificates],
        }
        return json.dumps(whole, separators=(",", ":")).encode()

    @classmethod
    def read(cls, plan: bytes) -> _Plan:
        """Raises PlanWrong."""
        try:
            whole = json.loads(plan)
            if whole["form"] != FORM:
                raise PlanWrong("plan_unreadable", "the plan is of another release")
            return cls(
                document=bytes.fromhex(whole["document"]),
                field=str(whole["xml"]),
                certificates=tuple(base64.b64decode(each, validate=True) for each in whole["certificates"]),
            )
        except (ValueError, KeyError, TypeError) as trouble:
            raise PlanWrong("plan_unreadable", "the plan is not one of ours") from trouble


def to_be_signed(prepared: PreparedDocument) -> bytes:
    """The bytes whose digest it is: for a key that signs data, and makes the digest itself. Raises PlanWrong."""
    root = read(prepared.document, most_bytes=2 * MOST_BYTES)
    return _signed_info(_signature(root, _Plan.read(prepared.plan).field))


# -- the second phase --------------------------------------------------------------------------------------------------


def embed(document: bytes, plan: bytes, value: bytes, *, stamp: Stamp | None = None) -> bytes:
    """The signed document: B-B, with a stamp B-T. Raises PlanWrong; nothing is embedded that does not verify."""
    known = _Plan.read(plan)
    if not hmac.compare_digest(hashlib.sha256(document).digest(), known.document):
        raise PlanWrong("document_changed", "the document is not the one that was prepared")
    root = read(document, most_bytes=2 * MOST_BYTES)
    signature = _signature(root, known.field)
    made = verified(hashlib.sha256(_signed_info(signature)).digest(), known.certificates[0], value)
    method = signature.find(path("ds:SignedInfo", "ds:SignatureMethod"))
    if isinstance(made, str) or method is None or METHODS.get(made.kind) != method.get("Algorithm"):
        code = made if isinstance(made, str) else WRONG
        raise PlanWrong(code, "the value does not verify over the digest that was sent, in the kind that was signed")
    place = signature.find(_VALUE)
    assert place is not None
    place.text = _base64(_as_xml_has_it(made, known.certificates[0]))
    if stamp is not None:
        _add_stamp(signature, stamp)
    return _written(root)


def with_stamp(document: bytes, stamp: Stamp, *, field: str | None = None) -> bytes:
    """The document with a time stamp over the value of this signature, or of the last: B-T."""
    root = read(document, most_bytes=2 * MOST_BYTES)
    there = signatures(root)
    if not there:
        raise DocumentRefused("document_not_signed_before", "nothing is signed in it")
    _add_stamp(there[-1] if field is None else _signature(root, field), stamp)
    return _written(root)


def _add_stamp(signature: etree._Element, stamp: Stamp) -> None:
    """Over the canonical form of the value's element, as SignatureTimeStamp has it."""
    value = signature.find(_VALUE)
    assert value is not None
    with _canonical_form():
        over = canonical(value)
    token = stamp(hashlib.sha256(over).digest())
    added = _unsigned(signature, "SignatureTimeStamp")
    etree.SubElement(added, path("ds:CanonicalizationMethod"), Algorithm=INCLUSIVE)
    etree.SubElement(added, path("xades:EncapsulatedTimeStamp")).text = _base64(token)


def _unsigned(signature: etree._Element, name: str) -> etree._Element:
    """A new unsigned property of this name; what holds them is made where it is not there."""
    at = signature.find(_QUALIFYING)
    if at is None:
        raise DocumentRefused("document_exists_signed", "its signature is not XAdES: nothing can be added to it")
    for each in _UNSIGNED:
        inner = at.find(path(f"xades:{each}"))
        at = etree.SubElement(at, path(f"xades:{each}")) if inner is None else inner
    return etree.SubElement(at, path(f"xades:{name}"))


def _as_xml_has_it(made: Verified, certificate: bytes) -> bytes:
    """The two numbers of ECDSA stand side by side, each as long as the curve is; RSA is as it is."""
    if made.kind != "ecdsa":
        return made.value
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    half = (key.key_size + 7) // 8
    return b"".join(number.to_bytes(half, "big") for number in decode_dss_signature(made.value))


# -- common ------------------------------------------------------------------------------------------------------------


def _signature(root: etree._Element, field: str) -> etree._Element:
    found = [each for each in signatures(root) if each.get("Id") == field]
    if len(found) != 1:
        raise PlanWrong("plan_unreadable", "the document has no signature of this name")
    return found[0]


def _signed_info(signature: etree._Element) -> bytes:
    info = signature.find(_INFO)
    assert info is not None
    return canonical(info)


@contextmanager
def _canonical_form() -> Iterator[None]:
    """A document in which a namespace is a relative address has none."""
    try:
        yield
    except XmlRefused as trouble:
        raise DocumentRefused("document_not_xml", str(trouble)) from trouble


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True)


def _digest(octets: bytes) -> str:
    return _base64(hashlib.sha256(octets).digest())


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
