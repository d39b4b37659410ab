"""A forger of signed SOAP messages: signs whatever it is told to, however wrong. It shares no code with `signing/`.

`Forge().message()` is a good message; every field is one thing that a sender may get wrong or an attacker may want.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from signing.keys import KeyInMemory, X509Identity
from signing.trust import Pins, Trust
from tests import message_pki
from tests.message_pki import NOW, Holder, pki

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE, WSU = f"{OASIS}wssecurity-secext-1.0.xsd", f"{OASIS}wssecurity-utility-1.0.xsd"
DS, WSA = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2005/08/addressing"
EXCLUSIVE, INCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
MORE, XENC = "http://www.w3.org/2001/04/xmldsig-more#", "http://www.w3.org/2001/04/xmlenc#"
X509V3, BASE64 = f"{OASIS}x509-token-profile-1.0#X509v3", f"{OASIS}soap-message-security-1.0#Base64Binary"
NAMES = {"s11": SOAP_11, "s12": SOAP_12, "wsse": WSSE, "wsu": WSU, "ds": DS, "wsa": WSA, "h": "urn:tinh:hoso"}
WSU_ID = f"{{{WSU}}}Id"

CONTENT = (
    '<h:TraCuu xmlns:h="urn:tinh:hoso"><h:MaHoSo>H99.24-260703-0007</h:MaHoSo>'
    '<h:NguoiNop ma="099000000001">Nguyễn Văn A</h:NguoiNop><h:LePhi>150000</h:LePhi></h:TraCuu>'
)
ADDRESSING = ("To", "Action", "MessageID")
HASHES = {
    f"{XENC}sha256": hashlib.sha256,
    f"{XENC}sha512": hashlib.sha512,
    f"{DS}sha1": hashlib.sha1,
    f"{MORE}md5": hashlib.md5,
    f"{MORE}sha224": hashlib.sha224,
    f"{MORE}sha384": hashlib.sha384,
}


def at(**delta: float) -> str:
    """A time so far from NOW, as a Timestamp writes it."""
    return f"{NOW + timedelta(**delta):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, kw_only=True)
class Forge:
    """One message to be made."""

    soap: str = SOAP_11
    content: str = CONTENT
    headers: str = ""
    envelope_attributes: str = ""
    security_attributes: str = ""
    addressing: tuple[str, ...] = ADDRESSING
    texts: Mapping[str, str] = field(default_factory=dict)
    """Of the addressing headers, where they are not just any."""
    holder: Holder = field(default_factory=lambda: pki().leaf)
    token: bytes | None = None
    token_type: str = X509V3
    token_encoding: str = BASE64
    created: str = at(seconds=-5)
    expires: str = at(seconds=295)
    timestamp: str | None = None
    """Its content, instead of Created and Expires."""
    canonicalization: str = EXCLUSIVE
    prefixes: str | None = None
    """A PrefixList for CanonicalizationMethod and for each Transform."""
    method: str = f"{MORE}rsa-sha256"
    method_inside: str = ""
    digest: str = f"{XENC}sha256"
    transforms: tuple[str, ...] = (EXCLUSIVE,)
    transform_inside: str = ""
    signed: tuple[str, ...] = ("body", "ts", *ADDRESSING)
    reference_attributes: str = ""
    key_info: str = (
        f'<wsse:SecurityTokenReference><wsse:Reference URI="#token" ValueType="{X509V3}"/>'
        "</wsse:SecurityTokenReference>"
    )
    order: tuple[str, ...] = ("token", "timestamp", "signature")

    def tree(self) -> etree._Element:
        """The message as a tree, signed."""
        root = etree.fromstring(self._unsigned().encode())
        (place,) = root.iter("{*}here")
        place.getparent().replace(place, self._signature(root))
        return root

    def message(self) -> bytes:
        """The message as bytes."""
        return etree.tostring(self.tree(), encoding="utf-8")

    def but(self, **changes: Any) -> Forge:
        """The same with something else."""
        return replace(self, **changes)

    def _unsigned(self) -> str:
        headers = "".join(
            f'<wsa:{each} wsu:Id="{each}">{self.texts.get(each, f"urn:example:{each}")}</wsa:{each}>'
            for each in self.addressing
        )
        times = f"<wsu:Created>{self.created}</wsu:Created><wsu:Expires>{self.expires}</wsu:Expires>"
        token = base64.b64encode(self.holder.der if self.token is None else self.token).decode()
        inside = {
            "token": f'<wsse:BinarySecurityToken EncodingType="{self.token_encoding}" ValueType="{self.token_type}" '
            f'wsu:Id="token">{token}</wsse:BinarySecurityToken>',
            "timestamp": f'<wsu:Timestamp wsu:Id="ts">{times if self.timestamp is None else self.timestamp}'
            "</wsu:Timestamp>",
            "signature": "<here/>",
        }
        return (
            f'<soap:Envelope xmlns:soap="{self.soap}" xmlns:wsu="{WSU}" xmlns:wsse="{WSSE}" xmlns:wsa="{WSA}" '
            f'xmlns:unused="urn:unused" {self.envelope_attributes}><soap:Header>{self.headers}{headers}'
            f'<wsse:Security soap:mustUnderstand="1" {self.security_attributes}>'
            f"{''.join(inside[each] for each in self.order)}</wsse:Security></soap:Header>"
            f'<soap:Body wsu:Id="body">{self.content}</soap:Body></soap:Envelope>'
        )

    def _signature(self, root: etree._Element) -> etree._Element:
        references = "".join(self._reference(root, each) for each in self.signed)
        signature = etree.fromstring(
            f'<ds:Signature xmlns:ds="{DS}" xmlns:wsse="{WSSE}"><ds:SignedInfo>'
            f'<ds:CanonicalizationMethod Algorithm="{self.canonicalization}">{prefix_list(self.prefixes)}'
            "</ds:CanonicalizationMethod>"
            f'<ds:SignatureMethod Algorithm="{self.method}">{self.method_inside}</ds:SignatureMethod>{references}'
            f"</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo>{self.key_info}</ds:KeyInfo></ds:Signature>"
        )
        (place,) = root.iter("{*}here")
        place.append(signature)  # what a PrefixList names is declared around it
        info = canonical(signature[0], self.canonicalization, prefixes=self.prefixes)
        place.remove(signature)
        signature[1].text = base64.b64encode(value_of(self.method, self.holder, info)).decode()
        return signature

    def _reference(self, root: etree._Element, name: str) -> str:
        found = root.xpath("//*[@wsu:Id=$name]", namespaces=NAMES, name=name)
        octets = canonical(found[0], *self.transforms, prefixes=self.prefixes) if found else b""
        digest = base64.b64encode(HASHES.get(self.digest, hashlib.sha256)(octets).digest()).decode()
        transforms = "".join(
            f'<ds:Transform Algorithm="{each}">{self.transform_inside}{prefix_list(self.prefixes)}</ds:Transform>'
            for each in self.transforms
        )
        wrapped = f"<ds:Transforms>{transforms}</ds:Transforms>" if self.transforms else ""
        return (
            f'<ds:Reference URI="#{name}" {self.reference_attributes}>{wrapped}<ds:DigestMethod '
            f'Algorithm="{self.digest}"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>'
        )


def prefix_list(prefixes: str | None) -> str:
    """The parameter of exclusive C14N, where there is one."""
    return "" if prefixes is None else f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{prefixes}"/>'


def canonical(element: etree._Element, *transforms: str, prefixes: str | None = None) -> bytes:
    """As the last transform would have it."""
    last = transforms[-1] if transforms else INCLUSIVE
    comments, names = last.endswith("WithComments"), (prefixes or "").split()
    return etree.tostring(
        element,
        method="c14n",
        exclusive=last.startswith(EXCLUSIVE),
        with_comments=comments,
        inclusive_ns_prefixes=names if last.startswith(EXCLUSIVE) else None,
    )


def value_of(method: str, holder: Holder, info: bytes) -> bytes:
    """The SignatureValue of an honest signer who was told to use this method."""
    name = method.rpartition("#")[2]
    algorithm = {"1": hashes.SHA1, "2": hashes.SHA512, "6": hashes.SHA256, "4": hashes.SHA384}.get(name[-1:])
    chosen = algorithm() if algorithm else hashes.SHA256()
    if "hmac" in name:  # the public key as a shared secret: everybody has it
        public = holder.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hmac.digest(public, info, "sha1" if name.endswith("sha1") else "sha256")
    if isinstance(holder.key, ec.EllipticCurvePrivateKey):
        size = (holder.key.key_size + 7) // 8
        r, s = decode_dss_signature(holder.key.sign(info, ec.ECDSA(chosen)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if message_pki._is_edwards(holder.key):
        return bytes(holder.key.sign(info))
    scheme = padding.PSS(padding.MGF1(chosen), 32) if "MGF1" in name else padding.PKCS1v15()
    return bytes(holder.key.sign(info, scheme, chosen))


@cache
def partner_trust() -> Trust:
    """The partner of the tests: any certificate of its subject below the root, where the day's CRL does not say no."""
    authority, leaf = pki().authority, pki().leaf
    return Trust(
        roots=[pki().root.der],
        intermediates=[authority.der],
        pins=Pins(subjects=frozenset({leaf.subject})),
        crls=[authority.crl(revoked()), pki().root.crl()],
    )


@cache
def revoked() -> Holder:
    """The partner's certificate of last year, taken back."""
    return pki().authority.issue("one-stop", key=message_pki.rsa_key(which=1), ca=False)


@cache
def elliptic() -> Holder:
    """The partner with a P-256 key."""
    return pki().authority.issue("one-stop", ca=False)


def identity(holder: Holder) -> X509Identity:
    """The same, as our own signer has it."""
    return X509Identity("test", KeyInMemory(holder.key), holder.certificate)


def edited(data: bytes, change: Callable[[etree._Element], object]) -> bytes:
    """The message after somebody on the way had his hands on it."""
    root = etree.fromstring(data)
    change(root)
    return etree.tostring(root, encoding="utf-8")


def now() -> datetime:
    """The time of all these messages."""
    return NOW
