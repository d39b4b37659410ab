"""The computed vectors of WS-Security: one document, its canonical parts, their digests, and the signature."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.message_pki import pki

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_TIMES = "<wsu:Created>2026-01-15T07:30:05Z</wsu:Created><wsu:Expires>2026-01-15T07:35:05Z</wsu:Expires>"
_CONTENT = '<h:TraCuu xmlns:h="urn:tinh:hoso"><h:MaHoSo>H99.24-260115-0007</h:MaHoSo></h:TraCuu>'

DOCUMENT = (
    f'<soap:Envelope xmlns:soap="{_SOAP}" xmlns:wsu="{_WSU}" xmlns:unused="urn:unused"><soap:Header>'
    f'<wsse:Security xmlns:wsse="{_WSSE}" soap:mustUnderstand="1"><wsu:Timestamp wsu:Id="id-ts">{_TIMES}'
    f'</wsu:Timestamp></wsse:Security></soap:Header><soap:Body wsu:Id="id-body">{_CONTENT}</soap:Body></soap:Envelope>'
)
BODY = f'<soap:Body xmlns:soap="{_SOAP}" xmlns:wsu="{_WSU}" wsu:Id="id-body">{_CONTENT}</soap:Body>'.encode()
BODY_DIGEST = "MX4iZAHRUC0S+kbMZ/KdRQNV0C6fSY0QnrTnA5QQhmE="
BODY_INCLUSIVE_DIGEST = "HxzLzU1vJZCalv/YJR+ozpnwDzEl8FO3qOG0GCEMj+8="
TIMESTAMP = f'<wsu:Timestamp xmlns:wsu="{_WSU}" wsu:Id="id-ts">{_TIMES}</wsu:Timestamp>'.encode()
TIMESTAMP_DIGEST = "5Xe8KJZVuBRdBPQUsCdZOH2lT5gC7QtpUqQcEPD6Tjc="


def _reference(name: str, digest: str) -> str:
    return (
        f'<ds:Reference URI="#{name}"><ds:Transforms><ds:Transform Algorithm="{_EXCLUSIVE}"></ds:Transform>'
        '</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    )


SIGNED_INFO = (
    '<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod '
    f'Algorithm="{_EXCLUSIVE}"></ds:CanonicalizationMethod><ds:SignatureMethod '
    'Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>'
    f"{_reference('id-body', BODY_DIGEST)}{_reference('id-ts', TIMESTAMP_DIGEST)}</ds:SignedInfo>"
).encode()
SIGNATURE_VALUE = (
    "Eg6P3d1Fcivwne5aHyoVBmbMRSvkRhQv9P92MvKAwSDEpGBK2mrHHpK7xbaTviB/zp/I7ftZEZiOFdjymjpXVYopNqgtptQH7yaaXkzzLnvAg/9d"
    "Yd0w4tH5lZkCqP4dSZ1UpSgKREWUJq0Sr/IwKOWzEHnr5CE9RTAZtHbB/Pi08Z3RABQMnCLLR25JkXxHx4xq+g8S3PycIxRLOzd47naKgrwU/Lwc"
    "D8/1CZ2tGShm1xJUEZANu9NwIxLDWXSPbfQyxl6Zp3TIgCK2GcuAeq1oZLHyCKdo7To7um4EgTyE49D8xc0sy9ysDbX4C4Rup1OX7zns7JCHkV4m"
    "AXJDVQ=="
)

_MODULUS = int(
    "99f635aa215c7499cbcbc029baec2c90f39e99874b4d985f7039270f5690ca1ef06e51a57f9c09cb902535a9e2fd05de57a78ee26673b7be"
    "0e00087f9f36b0f7fc5407be02501ad9a3ddd26547d457c16cde1dc1cb88c58d77eb596c57dd08e9fd9dcaccfbfbc9dfb2b5f7e54dc266f9"
    "14082133548b6350395ebc1e5191855a9e2237b45c7a37fec0a42d00f9fb2b3f9c3ce6574facdb903f635ed6f7e51e16381d41f028009504"
    "f5e983015df9d3434b185411147e373f16035838501854b9a8895dfcd8206069f78dbaabea0316e5baa0958dc454f73dac12fa17e8d352f4"
    "f710b686cb83e7064925362425433b2d624777193613"
    "12b55bcba00e61d36b4d",
    16,
)
DEMO_PUBLIC_KEY = rsa.RSAPublicNumbers(65537, _MODULUS).public_key()
"""The public half of the demo key, under which the vectors were computed."""


def octets(text: str) -> bytes:
    """What a Base64 text stands for."""
    return base64.b64decode(text)


def demo_certificate() -> bytes:
    """A certificate over the demo key that an authority of the tests signed: the token of the vectors' message."""
    whose = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "demo")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(whose, whose, DEMO_PUBLIC_KEY, 1, start, start + timedelta(days=3650))
    return builder.sign(pki().authority.key, hashes.SHA256()).public_bytes(Encoding.DER)
