"""WS-Security as the one-stop system has it: made and checked with signxml, which is other code than ours.

signxml recomputes digests and the signature. What it leaves open is checked here: where the signed parts stand, which
they must be, that each Id is one, which transforms there are, the times, and whose certificate it is.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml import methods
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from contracts.one_stop.envelopes import ENVELOPES, WSA, WSU, Trouble
from contracts.one_stop.pki import Leaf, Pki

WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
PROFILE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
X509V3: Final = f"{PROFILE}x509-token-profile-1.0#X509v3"
BASE64: Final = f"{PROFILE}soap-message-security-1.0#Base64Binary"
ID: Final = f"{{{WSU}}}Id"

SKEW: Final = timedelta(minutes=5)
LIFE: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(minutes=10)

RULE_OF: Final = {
    "unsigned": "r60",
    "wrong_parts": "r61",
    "weak_algorithm": "r63",
    "duplicate_id": "r64",
    "stale_signature": "r65",
    "untrusted": "r66",
    "expired_certificate": "r66",
    "foreign_subject": "r66",
    "bad_signature": "r62",
    "replayed": "r67",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a good signature proves."""

    subject: str
    signature: str
    """SignatureValue without white space: what a replay repeats."""
    until: datetime
    """Until then it must be remembered."""
    parts: tuple[str, ...]


def refuse(code: str, expected: str, found: str = "") -> Trouble:
    """A refusal with its rule."""
    return Trouble(code=code, rule=RULE_OF[code], field="wsse:Security", expected=expected, found=found)


# Checking.


def check(envelope: etree._Element, *, pki: Pki, subjects: frozenset[str], now: datetime) -> Proof:
    """What the signature of this envelope proves, or Trouble."""
    soap = etree.QName(envelope).namespace or ""
    _unique(envelope)
    security = _one(envelope.findall(f"./{{{soap}}}Header/{{{WSSE}}}Security"), "one Security header")
    signature = _one(security.findall(f"{{{DS}}}Signature"), "one Signature in it")
    if len(list(envelope.iter(f"{{{DS}}}Signature"))) != 1:
        raise refuse("wrong_parts", "no other Signature in the message")
    certificate = _certificate(security, signature)
    stamp = _one(security.findall(f"{{{WSU}}}Timestamp"), "one Timestamp")
    due = _parts(envelope, soap, stamp)
    _form(signature)
    signed = _verified(envelope, signature, certificate, now)
    token = _canonical(security.find(f"{{{WSSE}}}BinarySecurityToken"))
    missing = sorted(name for name, part in due.items() if _canonical(part) not in signed)
    if missing or signed - {_canonical(part) for part in due.values()} - {token}:
        raise refuse("wrong_parts", f"exactly {', '.join(sorted(due))}", f"without {', '.join(missing)}, or more")
    until = _times(stamp, now)
    subject = _trusted(certificate, pki, subjects, now)
    value = "".join((signature.findtext(f"{{{DS}}}SignatureValue") or "").split())
    return Proof(subject=subject, signature=value, until=until, parts=tuple(sorted(due)))


def _one(found: list[etree._Element], expected: str) -> etree._Element:
    if not found:
        raise refuse("unsigned", expected, "none")
    if len(found) > 1:
        raise refuse("wrong_parts", expected, str(len(found)))
    return found[0]


def _unique(envelope: etree._Element) -> None:
    """Every Id is one, in whatever spelling: two readers would find two elements."""
    ids = Counter(
        value
        for element in envelope.iter(etree.Element)
        for name, value in element.attrib.items()
        if etree.QName(name).localname.lower() == "id"
    )
    if any(count > 1 for count in ids.values()):
        raise refuse("duplicate_id", "each Id once")


def _parts(envelope: etree._Element, soap: str, stamp: etree._Element) -> dict[str, etree._Element]:
    """What must be signed: the Body, the Timestamp, and every addressing header that is there (r61)."""
    body = _one(envelope.findall(f"./{{{soap}}}Body"), "one Body, a child of the Envelope")
    header = envelope.find(f"./{{{soap}}}Header")
    addressing = {
        f"wsa:{etree.QName(each).localname}": each
        for each in (header if header is not None else ())
        if isinstance(each.tag, str) and etree.QName(each).namespace == WSA
    }
    return {"Body": body, "Timestamp": stamp, **addressing}


def _certificate(security: etree._Element, signature: etree._Element) -> x509.Certificate:
    """The certificate of the token that KeyInfo points to (r60)."""
    token = _one(security.findall(f"{{{WSSE}}}BinarySecurityToken"), "one BinarySecurityToken")
    way = f"./{{{DS}}}KeyInfo/{{{WSSE}}}SecurityTokenReference/{{{WSSE}}}Reference"
    reference = _one(signature.findall(way), "KeyInfo with a reference to the token")
    if reference.get("URI") != f"#{token.get(ID)}" or token.get("ValueType") != X509V3:
        raise refuse("unsigned", "KeyInfo with a reference to an X509v3 token")
    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join((token.text or "").split()), validate=True))
    except (ValueError, binascii.Error):
        raise refuse("unsigned", "a certificate in the token") from None


def _form(signature: etree._Element) -> None:
    """Exclusive C14N, alone, everywhere (r62)."""
    ways = [each.get("Algorithm") for each in signature.iter(f"{{{DS}}}CanonicalizationMethod")]
    for reference in signature.iter(f"{{{DS}}}Reference"):
        ways += [each.get("Algorithm") for each in reference.iter(f"{{{DS}}}Transform")] or [None]
        if not reference.get("URI", "").startswith("#") or len(list(reference.iter(f"{{{DS}}}Transform"))) != 1:
            raise refuse("wrong_parts", "references to Ids, with one transform each")
    if set(ways) != {EXCLUSIVE}:
        raise refuse("weak_algorithm", EXCLUSIVE, "another transform")


METHODS: Final = frozenset((SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA512, SignatureMethod.ECDSA_SHA256))
DIGESTS: Final = frozenset((DigestAlgorithm.SHA256, DigestAlgorithm.SHA512))


def _verified(
    envelope: etree._Element, signature: etree._Element, certificate: x509.Certificate, now: datetime
) -> set[bytes]:
    """The canonical bytes of everything that is signed."""
    ways = {each.get("Algorithm") for each in signature.iter(f"{{{DS}}}SignatureMethod")}
    digests = {each.get("Algorithm") for each in signature.iter(f"{{{DS}}}DigestMethod")}
    if not ways <= {each.value for each in METHODS} or not digests <= {each.value for each in DIGESTS}:
        raise refuse("weak_algorithm", "RSA or ECDSA with SHA-256 or SHA-512", ", ".join(map(str, ways | digests)))
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        raise refuse("weak_algorithm", "RSA of at least 2048 bits", str(key.key_size))
    # signxml looks at the certificate's days itself; ours is asked below, with a code of its own.
    in_its_days = min(max(now, certificate.not_valid_before_utc), certificate.not_valid_after_utc)
    config = SignatureConfiguration(
        location=".//",
        expect_references=False,
        signature_methods=METHODS,
        digest_algorithms=DIGESTS,
        verification_time=in_its_days,
    )
    try:
        results = XMLVerifier().verify(envelope, x509_cert=certificate, expect_config=config)
    except Exception as trouble:  # whatever it stumbles over, this message has proved nothing
        raise refuse("bad_signature", "a signature that fits", type(trouble).__name__) from trouble
    return {each.signed_data for each in (results if isinstance(results, list) else [results])}


def _canonical(element: etree._Element | None) -> bytes:
    return b"" if element is None else etree.tostring(element, method="c14n", exclusive=True)


def _times(stamp: etree._Element, now: datetime) -> datetime:
    created, expires = (_time(stamp, name) for name in ("Created", "Expires"))
    if not (created - SKEW <= now < expires + SKEW and timedelta() < expires - created <= LONGEST):
        raise refuse("stale_signature", "created within five minutes, and at most ten minutes of life")
    return expires + SKEW


def _time(stamp: etree._Element, name: str) -> datetime:
    try:
        told = datetime.fromisoformat(stamp.findtext(f"{{{WSU}}}{name}") or "")
    except ValueError:
        raise refuse("stale_signature", f"a time in {name}") from None
    if told.tzinfo is None:
        raise refuse("stale_signature", f"a zone in {name}")
    return told


def _trusted(certificate: x509.Certificate, pki: Pki, subjects: frozenset[str], now: datetime) -> str:
    if not pki.vouches_for(certificate):
        raise refuse("untrusted", "a certificate of the authority that both sides know")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise refuse("expired_certificate", "a certificate in its days")
    names = [str(name.value) for name in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    if not subjects.intersection(names):
        raise refuse("foreign_subject", "a subject that is known here")
    return names[0]


# Making.


def sign(envelope: etree._Element, leaf: Leaf, now: datetime) -> bytes:
    """The envelope with a Security header that signs its Body, a Timestamp and every addressing header."""
    soap = etree.QName(envelope).namespace or ""
    header = envelope.find(f"./{{{soap}}}Header")
    if header is None:
        header = etree.Element(f"{{{soap}}}Header")
        envelope.insert(0, header)
    security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
    security.set(f"{{{soap}}}mustUnderstand", "1" if ENVELOPES[soap].is_11 else "true")
    token = _token(security, leaf)
    stamp = _stamp(security, now)
    parts = list(_parts(envelope, soap, stamp).values())
    for part in parts:
        if part.get(ID) is None:
            part.set(ID, f"id-{uuid4()}")
    signer = XMLSigner(method=methods.detached, c14n_algorithm=EXCLUSIVE)
    made = signer.sign(
        envelope, key=leaf.key, reference_uri=[f"#{part.get(ID)}" for part in parts], key_info=_key_info(token)
    )
    security.append(made)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def _token(security: etree._Element, leaf: Leaf) -> str:
    name = f"token-{uuid4()}"
    token = etree.SubElement(security, f"{{{WSSE}}}BinarySecurityToken", ValueType=X509V3, EncodingType=BASE64)
    token.set(ID, name)
    token.text = "".join(leaf.certificate_pem.decode().splitlines()[1:-1])
    return name


def _stamp(security: etree._Element, now: datetime) -> etree._Element:
    stamp = etree.SubElement(security, f"{{{WSU}}}Timestamp")
    stamp.set(ID, f"time-{uuid4()}")
    for name, at in (("Created", now), ("Expires", now + LIFE)):
        at_utc = at.astimezone(UTC).replace(tzinfo=None)
        etree.SubElement(stamp, f"{{{WSU}}}{name}").text = at_utc.isoformat(timespec="milliseconds") + "Z"
    return stamp


def _key_info(token: str) -> etree._Element:
    info = etree.Element(f"{{{DS}}}KeyInfo", nsmap={"ds": DS, "wsse": WSSE})
    pointer = etree.SubElement(etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference"), f"{{{WSSE}}}Reference")
    pointer.set("URI", f"#{token}")
    pointer.set("ValueType", X509V3)
    return info
