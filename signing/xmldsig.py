"""XML signatures (W3C xmldsig-core) in the one form of this house: detached references, exclusive C14N, SHA-2.

Pure: canonical bytes in, SignedInfo out; a ds:Signature in, a claim out that is believed only after `check_value` and
`check_digest`. What is not spelled out here is refused, so that no transform, no key and no algorithm is the sender's
choice.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from lxml import etree

from signing.canonical import EXCLUSIVE, exclusive
from signing.errors import AlgorithmWeak, EnvelopeWrong, PartsWrong, SignatureBroken, WeakKey

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
SIGNATURE: Final = f"{{{DS}}}Signature"

METHODS: Final = {
    "rsa-sha256": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "rsa-sha512": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "ecdsa-p256-sha256": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
}
DIGESTS: Final = {
    "http://www.w3.org/2001/04/xmlenc#sha256": hashlib.sha256,
    "http://www.w3.org/2001/04/xmlenc#sha512": hashlib.sha512,
}
_DIGEST_OF: Final = {
    "rsa-sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "rsa-sha512": "http://www.w3.org/2001/04/xmlenc#sha512",
    "ecdsa-p256-sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
}
MAX_REFERENCES: Final = 16
LONGEST_PREFIX_LIST: Final = 500
"""In letters: a stranger must not make us look for thousands of prefixes, once for each part."""
RSA_BITS: Final = range(2048, 8192 + 1)
"""Below, a key can be broken; above, a stranger's certificate would cost us more time than it costs him."""

PublicKey: TypeAlias = object
_INCLUSIVE: Final = f"{{{EXCLUSIVE}}}InclusiveNamespaces"
_PREFIX: Final = re.compile(r"#default|(?!xml(?:ns)?$)[^\W\d][\w.-]*")
_BLANK: Final = b" \t\r\n"
_STRANGE: Final = etree.XPath(
    "boolean(descendant-or-self::ds:*[*]/text()[normalize-space()]"
    " | (. | ds:SignedInfo | ds:SignatureValue | ds:KeyInfo)/@*[name() != 'Id']"
    " | ds:SignedInfo/ds:Reference/*[self::ds:Transforms or self::ds:DigestValue]/@*)",
    namespaces={"ds": DS},
)
"""What the standard's schema does not allow, and no reader here would look at."""


class Reference(NamedTuple):
    """One signed part, as the signature names it. A tuple, for every message makes some and each costs."""

    id: str
    digest_method: str
    digest: bytes
    prefixes: tuple[str, ...] = ()
    """Whose declarations belong to its canonical form though nothing in it may use them."""


class Claim(NamedTuple):
    """What a ds:Signature says; nothing of it is believed yet."""

    method: str
    references: tuple[Reference, ...]
    signed_info: bytes
    """In canonical form: the bytes that the signature is of."""
    value: bytes


# -- building ----------------------------------------------------------------------------------------------------------


def signed_info(parts: Iterable[tuple[str, bytes]], algorithm: str) -> bytes:
    """SignedInfo over these parts (Id, canonical bytes), itself in canonical form."""
    if algorithm not in METHODS:
        raise ValueError(f"{algorithm} is no algorithm of XML signatures here")
    method = _DIGEST_OF[algorithm]
    digest = DIGESTS[method]
    return written(METHODS[algorithm], [(name, method, base64(digest(octets).digest())) for name, octets in parts])


def written(method: str, references: Iterable[tuple[str, str, str]]) -> bytes:
    """SignedInfo in canonical form, of these references: Id, digest method, digest in Base64."""
    return (_SIGNED_INFO % (method, "".join([_REFERENCE % each for each in references]))).encode()


def signature(info: bytes, value: bytes, key_info: str) -> bytes:
    """The whole ds:Signature; SignedInfo stands in it exactly as it was signed."""
    return _SIGNATURE % (info, base64(value).encode(), key_info.encode())


def base64(octets: bytes) -> str:
    """Base64 in one line."""
    return b2a_base64(octets, newline=False).decode()


_SIGNED_INFO: Final = (
    f'<ds:SignedInfo xmlns:ds="{DS}"><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod>'
    '<ds:SignatureMethod Algorithm="%s"></ds:SignatureMethod>%s</ds:SignedInfo>'
)
_REFERENCE: Final = (
    f'<ds:Reference URI="#%s"><ds:Transforms><ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms>'
    '<ds:DigestMethod Algorithm="%s"></ds:DigestMethod><ds:DigestValue>%s</ds:DigestValue></ds:Reference>'
)
_SIGNATURE: Final = (
    f'<ds:Signature xmlns:ds="{DS}">'.encode()
    + b"%s<ds:SignatureValue>%s</ds:SignatureValue><ds:KeyInfo>%s</ds:KeyInfo></ds:Signature>"
)


# -- reading -----------------------------------------------------------------------------------------------------------


def read(element: etree._Element, *, allow_prefix_list: bool = False) -> tuple[Claim, etree._Element]:
    """What this ds:Signature claims, when it is in the agreed form; and its KeyInfo, which nobody looked at yet."""
    info, value, key_info = children(element, "SignedInfo", "SignatureValue", "KeyInfo")
    if _STRANGE(element):
        raise EnvelopeWrong("the Signature has a text or an attribute where none belongs")
    found = list(info)
    named(found[:2], "CanonicalizationMethod", "SignatureMethod")
    prefixes = _prefixes(found[0], allow_prefix_list)
    references = found[2:]
    if not 1 <= len(references) <= MAX_REFERENCES:
        raise PartsWrong(f"must sign 1 to {MAX_REFERENCES} parts")
    claim = Claim(
        method=_algorithm(found[1], METHODS.values()),
        references=tuple([_reference(each, allow_prefix_list) for each in references]),
        signed_info=exclusive(info, prefixes=prefixes),
        value=octets(value),
    )
    return claim, key_info


def _reference(element: etree._Element, allow_prefix_list: bool) -> Reference:
    named([element], "Reference")
    transforms, method, value = children(element, "Transforms", "DigestMethod", "DigestValue")
    if [each.tag for each in transforms] != _tags(DS, ("Transform",)):
        raise AlgorithmWeak("exclusive C14N must be the only transform")
    prefixes = _prefixes(transforms[0], allow_prefix_list)
    uri = element.get("URI", "")
    if len(element.attrib) != 1 or not uri.startswith("#"):
        raise PartsWrong("a Reference must have URI with a wsu:Id of this message, and nothing else")
    return Reference(id=uri[1:], digest_method=_algorithm(method, DIGESTS), digest=octets(value), prefixes=prefixes)


def _prefixes(method: etree._Element, allow_prefix_list: bool) -> tuple[str, ...]:
    """Exclusive C14N, and the prefixes that it is to treat as inclusive C14N would: more is signed then, never less."""
    if not (allow_prefix_list and len(method)):
        _algorithm(method, (EXCLUSIVE,))
        return ()
    if len(method) != 1 or dict(method.attrib) != {"Algorithm": EXCLUSIVE}:
        raise AlgorithmWeak("exclusive C14N may have one PrefixList, and nothing else")
    inside = method[0]
    told = inside.get("PrefixList")
    if told is None or inside.tag != _INCLUSIVE or len(inside) or inside.text or len(inside.attrib) != 1:
        raise AlgorithmWeak("not a PrefixList of exclusive C14N")
    if len(told) > LONGEST_PREFIX_LIST:
        raise AlgorithmWeak("the PrefixList is longer than any sender's")
    prefixes = told.split()
    if not all(_PREFIX.fullmatch(each) for each in prefixes):
        raise AlgorithmWeak("the PrefixList holds what is no prefix")
    return tuple(prefixes)


def _algorithm(element: etree._Element, allowed: Iterable[str]) -> str:
    """Its Algorithm, without parameters: a HMACOutputLength would change what the signature means."""
    told = element.get("Algorithm", "")
    if told not in allowed or len(element) or len(element.attrib) != 1:
        raise AlgorithmWeak(f"not agreed: {told[:100] or 'no algorithm'}{' with parameters' if len(element) else ''}")
    return told


def children(element: etree._Element, *names: str) -> list[etree._Element]:
    """Its children, when they are exactly these of XML signature, in this order; a comment is none of them."""
    found = list(element)
    named(found, *names)
    return found


@lru_cache(maxsize=64)
def _tags(namespace: str, names: tuple[str, ...]) -> list[str]:
    return [f"{{{namespace}}}{name}" for name in names]


def named(found: Sequence[etree._Element], *names: str, namespace: str = DS) -> None:
    """Refuses elements that are not these."""
    if [each.tag for each in found] != _tags(namespace, names):
        raise EnvelopeWrong(f"must have exactly {', '.join(names)}")


def octets(element: etree._Element) -> bytes:
    """The bytes of a Base64 text; line ends are allowed in it, as older libraries write them."""
    try:
        if len(element):
            raise EnvelopeWrong("a Base64 text must have nothing in it")
        return a2b_base64((element.text or "").encode("ascii").translate(None, _BLANK), strict_mode=True)
    except (NotBase64, ValueError) as trouble:
        raise EnvelopeWrong("not Base64") from trouble


# -- checking ----------------------------------------------------------------------------------------------------------


def check_digest(reference: Reference, canonical: bytes) -> None:
    """SignatureBroken when these are not the bytes that were signed; it carries none of them."""
    if not hmac.compare_digest(DIGESTS[reference.digest_method](canonical).digest(), reference.digest):
        raise SignatureBroken(f"the part {reference.id[:100]} is not what was signed")


def check_value(claim: Claim, key: PublicKey) -> None:
    """SignatureBroken when the holder of this key did not sign the claim; the key must fit the algorithm."""
    check = _check_of(key, claim.method)
    try:
        check(claim.value, claim.signed_info)
    except (InvalidSignature, ValueError) as trouble:
        raise SignatureBroken("the signature is not of this SignedInfo and key") from trouble


def _check_of(key: PublicKey, method: str) -> Callable[[bytes, bytes], None]:
    if isinstance(key, RSAPublicKey) and key.key_size in RSA_BITS:
        if method in _RSA:
            return lambda value, message: key.verify(value, message, PKCS1v15(), _RSA[method])
    elif isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        if method == METHODS["ecdsa-p256-sha256"]:
            return lambda value, message: key.verify(_der(value), message, ECDSA(SHA256()))
    else:
        raise WeakKey("neither RSA of 2048 to 8192 bits nor ECDSA P-256")
    raise AlgorithmWeak("the signature's algorithm is not one of the certificate's key")


_RSA: Final = {METHODS["rsa-sha256"]: SHA256(), METHODS["rsa-sha512"]: SHA512()}


def _der(value: bytes) -> bytes:
    """XML signatures write the two numbers of ECDSA side by side, 32 bytes each."""
    if len(value) != 64:
        raise ValueError("not 64 bytes")
    return encode_dss_signature(int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big"))
