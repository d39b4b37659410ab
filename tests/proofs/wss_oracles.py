"""Four verifiers that are not ours: what each says of a signed message. They know signatures, and no profile."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import xmlsec
import zeep.wsse.signature
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier

from tests.wss_kit import DS, EXCLUSIVE, MORE, NAMES, XENC

CONFIGURATION = SignatureConfiguration(
    location="./{*}Header/{*}Security/",
    require_x509=True,
    signature_methods=frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA512, SignatureMethod.ECDSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA512}),
    expect_references=True,
)


def signxml(data: bytes, certificate: bytes) -> list[bytes]:
    """The canonical bytes of each signed part, as signxml saw them; raises where it refuses."""
    found = XMLVerifier().verify(
        data, x509_cert=x509.load_der_x509_certificate(certificate), id_attribute="Id", expect_config=CONFIGURATION
    )
    return [each.signed_data for each in (found if isinstance(found, list) else [found])]


def python_xmlsec(data: bytes, certificate: bytes) -> None:
    """libxmlsec1 through its Python binding; raises where it refuses."""
    root = etree.fromstring(data)
    context = _context(certificate)
    for each in root.xpath("//*[@wsu:Id]", namespaces=NAMES):
        context.register_id(each, "Id", NAMES["wsu"])
    (signature,) = root.xpath("/*/*/wsse:Security/ds:Signature", namespaces=NAMES)
    context.verify(signature)


def _context(certificate: bytes) -> xmlsec.SignatureContext:
    context = xmlsec.SignatureContext()
    context.key = _key(certificate)
    return context


def _key(certificate: bytes) -> xmlsec.Key:
    pem = x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
    return xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem, None)


def zeep_plugin(data: bytes, certificate: bytes) -> None:
    """zeep's own WS-Security plug-in; raises where it refuses."""
    zeep.wsse.signature._verify_envelope_with_key(etree.fromstring(data), _key(certificate))


def command_line(data: bytes, certificate: bytes, folder: Path) -> None:
    """The program xmlsec1; raises where it refuses."""
    message, key = folder / "message.xml", folder / "certificate.pem"
    message.write_bytes(data)
    key.write_bytes(x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM))
    names = {etree.QName(each) for each in etree.fromstring(data).xpath("//*[@wsu:Id]", namespaces=NAMES)}
    ids = [part for each in names for part in ("--id-attr:Id", f"{each.namespace}:{each.localname}")]
    command = ["xmlsec1", "--verify", "--pubkey-cert-pem", str(key), *ids, str(message)]
    done = subprocess.run(command, capture_output=True, timeout=30)
    if done.returncode:
        raise AssertionError(done.stderr.decode()[-800:])


def digest_of_part(document: bytes, prefixes: tuple[str, ...]) -> str:
    """SHA-256 in Base64 of the exclusive canonical form of `Id="part"` with this PrefixList, as libxmlsec1 has it."""
    listed = f'<i:InclusiveNamespaces xmlns:i="{EXCLUSIVE}" PrefixList="{" ".join(prefixes)}"/>' if prefixes else ""
    root = etree.fromstring(document)
    signature = etree.fromstring(
        f'<s:Signature xmlns:s="{DS}"><s:SignedInfo><s:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        f'<s:SignatureMethod Algorithm="{MORE}rsa-sha256"/><s:Reference URI="#part"><s:Transforms><s:Transform '
        f'Algorithm="{EXCLUSIVE}">{listed}</s:Transform></s:Transforms><s:DigestMethod Algorithm="{XENC}sha256"/>'
        "<s:DigestValue/></s:Reference></s:SignedInfo><s:SignatureValue/></s:Signature>"
    )
    root.append(signature)
    context = xmlsec.SignatureContext()
    context.key = _any_key()
    context.register_id(root[0], "Id")
    context.sign(signature)
    return str(signature.findtext(f".//{{{DS}}}DigestValue"))


@cache
def _any_key() -> xmlsec.Key:
    return xmlsec.Key.generate(xmlsec.constants.KeyDataRsa, 2048, xmlsec.constants.KeyDataTypeSession)
