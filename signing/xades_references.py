"""Pure. What one ds:Signature is over: each reference resolved in its document, and its digest compared.

A reference must name one place of this document that a reader cannot mistake: the whole, by an empty URI, or the one
element of an Id. What no verifier here knows (another transform, an address outside, a MAC) is refused, so that no
signer chooses what is looked at.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from lxml import etree

from signing.canonical import EXCLUSIVE, exclusive
from signing.verdicts import Code
from signing.verification_cms import CmsWrong
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
from signing.xmldsig import octets

T = TypeVar("T")
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_ENC: Final = "http://www.w3.org/2001/04/xmlenc#"
DIGESTS: Final = {f"{_ENC}sha256": "sha256", f"{_MORE}sha384": "sha384", f"{_ENC}sha512": "sha512"}
WEAK: Final = frozenset(
    {
        *(f"{DS}{name}" for name in ("sha1", "rsa-sha1", "dsa-sha1", "hmac-sha1")),
        *(f"{_MORE}{name}" for name in ("md5", "rsa-md5", "ecdsa-sha1", "sha224", "rsa-sha224", "ecdsa-sha224")),
    }
)
"""Broken, or on their way: what they sign proves nothing any more."""
MOST_REFERENCES: Final = 6
"""XAdES has two, some tools sign the KeyInfo too; each may cost a canonical form of megabytes."""
_OURS: Final = frozenset({DS, XADES, XADES_141, EXCLUSIVE})


class XmlWrong(CmsWrong):
    """The signature is not one that verifies; `code` says what is wrong with it, `about` where."""

    def __init__(self, code: Code, about: str = "") -> None:
        super().__init__(code)
        self.about = about


def refuse_strangers(signature: etree._Element) -> None:
    """What stands inside of a signature is not what it signs: somebody else's elements there would be unsigned."""
    for each in signature.iterdescendants(etree.Element):
        if etree.QName(each).namespace not in _OURS:
            raise XmlWrong(Code.PARTIAL_COVERAGE, etree.QName(each).localname)


def covered(
    signature: etree._Element,
    info: etree._Element,
    properties: etree._Element | None,
    names: Mapping[str, Sequence[etree._Element]],
    whole: set[str],
) -> None:
    """All that SignedInfo refers to is as it was signed, and it is enough. Raises XmlWrong."""
    found = info.findall(path("ds:Reference"))
    if not 1 <= len(found) <= MOST_REFERENCES:
        raise XmlWrong(Code.FORMAT_UNKNOWN, "Reference")
    targets = [_target(each, signature, names) for each in found]
    _require_whole(signature, found, targets, properties, whole)
    for each, target in zip(found, targets, strict=True):
        _check(each, target, signature)


def _check(element: etree._Element, target: etree._Element, signature: etree._Element) -> None:
    """Its digest is that of what it is over, in a form that any verifier makes."""
    transforms = [each.get("Algorithm", "") for each in element.iterfind(path("ds:Transforms", "ds:Transform"))]
    is_enveloped = transforms[:1] == [ENVELOPED]
    rest = transforms[1:] if is_enveloped else transforms
    if len(rest) > 1 or not set(rest) <= CANONICAL or _has_parameters(element):
        raise XmlWrong(Code.FORMAT_UNKNOWN, "Transform")
    if is_enveloped != (target.getparent() is None):
        raise XmlWrong(Code.FORMAT_UNKNOWN, "Transform")  # over itself it could never hold
    method = rest[0] if rest else INCLUSIVE
    over = _enveloped(signature, method) if is_enveloped else canonical(target, method)
    hash_ = algorithm(one(element, "DigestMethod"), DIGESTS)
    if not hmac.compare_digest(hashlib.new(hash_, over).digest(), octets(one(element, "DigestValue"))):
        raise XmlWrong(Code.DIGEST_DIFFERS, element.get("URI", ""))


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


def _enveloped(signature: etree._Element, method: str) -> bytes:
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
    """Over the root, or over a value that is over all and around this one; and else over its own parts alone."""
    around = next(signature.iterancestors(SIGNATURE), None)
    value = None if around is None else around.find(path("ds:SignatureValue"))
    is_counter = value is not None and value in targets and value.get("Id", "") in whole
    covering = value if is_counter else signature.getroottree().getroot()
    outside = [each for each in targets if signature not in each.iterancestors()]
    if outside != [covering]:
        raise XmlWrong(Code.PARTIAL_COVERAGE, ", ".join(etree.QName(each).localname for each in outside))
    if properties is not None and not _is_signed(properties, references, targets):
        raise XmlWrong(Code.PARTIAL_COVERAGE, "SignedProperties")


def _is_signed(
    properties: etree._Element, references: Sequence[etree._Element], targets: Sequence[etree._Element]
) -> bool:
    told = zip(references, targets, strict=True)
    return any(target is properties and each.get("Type") == PROPERTIES_TYPE for each, target in told)


# -- common -----------------------------------------------------------------------------------------------------------


def one(element: etree._Element, name: str) -> etree._Element:
    return only(element.findall(path(f"ds:{name}")), name)


def only(found: Sequence[etree._Element], name: str) -> etree._Element:
    if len(found) != 1:
        raise XmlWrong(Code.FORMAT_UNKNOWN, name)
    return found[0]


def canonical_method(element: etree._Element) -> str:
    told = element.get("Algorithm", "")
    if told not in CANONICAL or len(element):
        raise XmlWrong(Code.FORMAT_UNKNOWN, "CanonicalizationMethod")
    return told


def algorithm(element: etree._Element, known: Mapping[str, T]) -> T:
    told = element.get("Algorithm", "")
    if told in WEAK:
        raise XmlWrong(Code.WEAK_HASH, told.rpartition("#")[2])
    if told not in known or len(element):
        raise XmlWrong(Code.FORMAT_UNKNOWN, told[:100])
    return known[told]
