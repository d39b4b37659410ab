"""Signed messages in the manner of other people's SOAP stacks, signed by libxmlsec1: no line of ours writes them.

WSS4J (Apache CXF, Axis2, Spring-WS, SoapUI) writes a PrefixList for SignedInfo and for each part, of the prefixes that
stand around it; WCF writes `s`, `o` and `u`, and the Signature in the default namespace.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import xmlsec
from cryptography.hazmat.primitives import serialization
from lxml import etree

from tests.message_pki import Holder, pki
from tests.wss_kit import (
    BASE64,
    CONTENT,
    DS,
    EXCLUSIVE,
    MORE,
    NAMES,
    SOAP_11,
    SOAP_12,
    WSA,
    WSSE,
    WSU,
    X509V3,
    XENC,
    at,
)

WSSE11 = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"


def signed(message: str, holder: Holder | None = None) -> bytes:
    """This message, with the digests and the value of its Signature filled in."""
    root = etree.fromstring(message.encode())
    context = xmlsec.SignatureContext()
    pem = (holder or pki().leaf).key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem, None)
    for each in root.xpath("//*[@wsu:Id]", namespaces=NAMES):
        context.register_id(each, "Id", NAMES["wsu"])
    (signature,) = root.iter(f"{{{DS}}}Signature")
    context.sign(signature)
    return etree.tostring(root, encoding="utf-8")


def certificate() -> str:
    """The partner's, in Base64."""
    return base64.b64encode(pki().leaf.der).decode()


@dataclass(frozen=True, kw_only=True)
class Wss4j:
    """What its settings may be; the first values are those that our door takes."""

    prefixes: tuple[str | None, str | None, str | None] = ("soap", "wsse soap", "")
    """Of CanonicalizationMethod, Timestamp and Body; None without a PrefixList (`addInclusivePrefixes`)."""
    algorithm: str = f"{MORE}rsa-sha256"
    digest: str = f"{XENC}sha256"
    signs_timestamp: bool = True
    sends_token: bool = True
    minutes: int = 5
    extra: str = ""
    """One more thing in the Security header."""
    token_signed_as: str = ""
    """Id and transform of a signed token."""
    envelope: str = ""
    content: str = CONTENT

    def message(self) -> bytes:
        """The message that it would send."""
        token = (
            f'<wsse:BinarySecurityToken EncodingType="{BASE64}" ValueType="{X509V3}" wsu:Id="X509-1">{certificate()}'
            "</wsse:BinarySecurityToken>"
        )
        pointer = (
            f'<wsse:Reference URI="#X509-1" ValueType="{X509V3}"/>'
            if self.sends_token
            else "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName><ds:X509SerialNumber>1"
            "</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>"
        )
        parts = self._part("TS-1", self.prefixes[1]) if self.signs_timestamp else ""
        info = (
            f"<ds:SignedInfo>{_with_list('CanonicalizationMethod', EXCLUSIVE, self.prefixes[0])}"
            f'<ds:SignatureMethod Algorithm="{self.algorithm}"/>{parts}{self._part("id-1", self.prefixes[2])}'
            f"{self.token_signed_as}</ds:SignedInfo>"
        )
        return signed(
            f'<soap:Envelope xmlns:soap="{SOAP_11}" {self.envelope}><soap:Header><wsse:Security xmlns:wsse="{WSSE}" '
            f'xmlns:wsu="{WSU}" soap:mustUnderstand="1">{token if self.sends_token else ""}'
            f'<ds:Signature xmlns:ds="{DS}" Id="SIG-1">{info}<ds:SignatureValue/><ds:KeyInfo Id="KI-1">'
            f'<wsse:SecurityTokenReference wsu:Id="STR-1">{pointer}</wsse:SecurityTokenReference></ds:KeyInfo>'
            f'</ds:Signature><wsu:Timestamp wsu:Id="TS-1"><wsu:Created>{at()[:-1]}.123Z</wsu:Created>'
            f"<wsu:Expires>{at(minutes=self.minutes)[:-1]}.123Z</wsu:Expires></wsu:Timestamp>{self.extra}"
            f'</wsse:Security></soap:Header><soap:Body xmlns:wsu="{WSU}" wsu:Id="id-1">{self.content}</soap:Body>'
            "</soap:Envelope>"
        )

    def _part(self, name: str, prefixes: str | None) -> str:
        return (
            f'<ds:Reference URI="#{name}"><ds:Transforms>{_with_list("Transform", EXCLUSIVE, prefixes)}</ds:Transforms>'
            f'<ds:DigestMethod Algorithm="{self.digest}"/><ds:DigestValue/></ds:Reference>'
        )


def _with_list(name: str, algorithm: str, prefixes: str | None) -> str:
    inside = "" if prefixes is None else f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{prefixes}"/>'
    return f'<ds:{name} Algorithm="{algorithm}">{inside}</ds:{name}>'


def wcf() -> bytes:
    """As a WCF client of a custom binding writes it, with WS-Addressing signed."""
    parts = "".join(
        f'<Reference URI="#_{number}"><Transforms><Transform Algorithm="{EXCLUSIVE}"/></Transforms>'
        f'<DigestMethod Algorithm="{XENC}sha256"/><DigestValue/></Reference>'
        for number in range(5)
    )
    return signed(
        f'<s:Envelope xmlns:s="{SOAP_12}" xmlns:a="{WSA}" xmlns:u="{WSU}"><s:Header>'
        '<a:Action s:mustUnderstand="1" u:Id="_2">urn:x</a:Action><a:MessageID u:Id="_3">urn:uuid:1</a:MessageID>'
        '<a:To s:mustUnderstand="1" u:Id="_4">urn:to</a:To>'
        '<ActivityId CorrelationId="1" xmlns="urn:diagnostics">2</ActivityId>'
        f'<o:Security s:mustUnderstand="1" xmlns:o="{WSSE}"><u:Timestamp u:Id="_1"><u:Created>{at()}</u:Created>'
        f'<u:Expires>{at(minutes=5)}</u:Expires></u:Timestamp><o:BinarySecurityToken u:Id="uuid-1-1" '
        f'ValueType="{X509V3}" EncodingType="{BASE64}">{certificate()}</o:BinarySecurityToken>'
        f'<Signature xmlns="{DS}"><SignedInfo><CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        f'<SignatureMethod Algorithm="{MORE}rsa-sha256"/>{parts}</SignedInfo><SignatureValue/><KeyInfo>'
        f'<o:SecurityTokenReference><o:Reference ValueType="{X509V3}" URI="#uuid-1-1"/></o:SecurityTokenReference>'
        f'</KeyInfo></Signature></o:Security></s:Header><s:Body u:Id="_0">{CONTENT}</s:Body></s:Envelope>'
    )
