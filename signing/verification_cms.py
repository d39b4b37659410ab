"""One CMS signature: what its signer signed, with which key, and which time stamps it carries.

Read with asn1crypto, judged by cryptography. A CMS has one signer and one value of each attribute here: with more,
two readers could each find their own. Bytes come from anybody; what cannot be read is `CmsWrong`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Any, Final

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from signing.errors import SigningError
from signing.verdicts import Code

HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
"""The others are broken, or nobody here signs with them."""
MOST_CERTIFICATES: Final = 32
MOST_STAMPS: Final = 4
LARGEST: Final = 2_000_000
"""Bytes of a CMS: one with a revocation list inside is large."""


class CmsWrong(SigningError):
    """The signature is not one that verifies; `code` says what is wrong with it."""

    def __init__(self, code: Code) -> None:
        self.code = code
        super().__init__(code.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What stands in a CMS, read; nothing of it is believed before `check`."""

    certificate: bytes
    """DER, of the signer."""
    others: tuple[bytes, ...] = ()
    content: bytes | None = field(default=None, repr=False)
    """What was signed, where it stands inside: a time stamp's TSTInfo."""
    hash_name: str
    value: bytes = field(repr=False)
    stamps: tuple[bytes, ...] = field(default=(), repr=False)
    names_certificate: bool
    """Whether the signed attributes name the certificate: PAdES wants it, older signatures lack it."""
    info: Any = field(repr=False)
    """asn1crypto's SignerInfo."""


def read(contents: bytes, *, is_stamp: bool = False) -> Signed:
    """One CMS with one signer. Raises CmsWrong."""
    if len(contents) > LARGEST:
        raise CmsWrong(Code.SIGNATURE_BROKEN)
    try:
        return _read(contents, is_stamp)
    except CmsWrong:
        raise
    except Exception as trouble:
        # asn1crypto parses as it is asked, and raises whatever it likes on bytes that nobody expected.
        raise CmsWrong(Code.SIGNATURE_BROKEN) from trouble


def _read(contents: bytes, is_stamp: bool) -> Signed:
    outer = cms.ContentInfo.load(contents)
    signed = outer["content"] if outer["content_type"].native == "signed_data" else None
    inside = "tst_info" if is_stamp else "data"
    if signed is None or len(signed["signer_infos"]) != 1:
        raise CmsWrong(Code.SIGNATURE_BROKEN)
    if signed["encap_content_info"]["content_type"].native != inside:
        raise CmsWrong(Code.FORMAT_UNKNOWN)
    info = signed["signer_infos"][0]
    certificates = [each.chosen.dump() for each in signed["certificates"] if each.name == "certificate"]
    signer = _signer(info, certificates[:MOST_CERTIFICATES])
    content = signed["encap_content_info"]["content"]
    stamps = _values(info["unsigned_attrs"], "signature_time_stamp_token")[:MOST_STAMPS]
    return Signed(
        certificate=signer,
        others=tuple(each for each in certificates[:MOST_CERTIFICATES] if each != signer),
        content=bytes(content) if is_stamp else None,
        hash_name=str(info["digest_algorithm"]["algorithm"].native),
        value=bytes(info["signature"].native),
        stamps=tuple(each.dump() for each in stamps),
        names_certificate=_certificate_hash(info) is not None,
        info=info,
    )


def check(signed: Signed, digest: bytes) -> None:
    """Whether the signer signed this digest with the certificate's key. Raises CmsWrong."""
    try:
        _check(signed, digest)
    except CmsWrong:
        raise
    except Exception as trouble:
        raise CmsWrong(Code.SIGNATURE_BROKEN) from trouble


def digest_name(signed: Signed) -> str:
    """By which hash the content is to be digested. Raises CmsWrong for one that is broken or unknown."""
    if signed.hash_name not in HASHES:
        raise CmsWrong(Code.WEAK_HASH)
    return signed.hash_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A time stamp, read: nothing of it is believed before it was checked."""

    signed: Signed
    at: datetime


def read_stamp(token: bytes, over: bytes) -> Stamped:
    """A time stamp over these bytes, with a signature that verifies. Raises CmsWrong."""
    signed = read(token, is_stamp=True)
    content = signed.content or b""
    check(signed, hashlib.new(digest_name(signed), content).digest())
    try:
        told = tsp.TSTInfo.load(content)
        imprint = told["message_imprint"]
        name, stamped = imprint["hash_algorithm"]["algorithm"].native, imprint["hashed_message"].native
        at = told["gen_time"].native
    except Exception as trouble:
        raise CmsWrong(Code.SIGNATURE_BROKEN) from trouble
    if name not in HASHES:
        raise CmsWrong(Code.WEAK_HASH)
    if not compare_digest(hashlib.new(name, over).digest(), stamped):
        raise CmsWrong(Code.DIGEST_DIFFERS)
    return Stamped(signed=signed, at=at)


# -- inside ------------------------------------------------------------------------------------------------------------


def _check(signed: Signed, digest: bytes) -> None:
    info, attributes = signed.info, signed.info["signed_attrs"]
    named = _certificate_hash(info)
    if named is not None and not compare_digest(hashlib.new(named[0], signed.certificate).digest(), named[1]):
        raise CmsWrong(Code.CERTIFICATE_MISMATCH)
    over, kind = _one(attributes, "message_digest"), _one(attributes, "content_type")
    if over is None or kind is None or kind.native != ("data" if signed.content is None else "tst_info"):
        # Without them a signature over other bytes of another protocol could be shown as one of this document.
        raise CmsWrong(Code.SIGNATURE_BROKEN)
    if not compare_digest(over.native, digest):
        raise CmsWrong(Code.DIGEST_DIFFERS)
    _check_value(signed, attributes.untag().dump())


def _check_value(signed: Signed, message: bytes) -> None:
    key = x509.load_der_x509_certificate(signed.certificate).public_key()
    algorithm = signed.info["signature_algorithm"]
    kind = algorithm.signature_algo
    hash_ = _hash_of(algorithm, signed.hash_name)
    try:
        if isinstance(key, rsa.RSAPublicKey) and kind == "rsassa_pkcs1v15":
            key.verify(signed.value, message, padding.PKCS1v15(), hash_)
        elif isinstance(key, rsa.RSAPublicKey) and kind == "rsassa_pss":
            key.verify(signed.value, message, _pss(algorithm["parameters"]), hash_)
        elif isinstance(key, ec.EllipticCurvePublicKey) and kind == "ecdsa":
            key.verify(signed.value, message, ec.ECDSA(hash_))
        else:
            raise CmsWrong(Code.FORMAT_UNKNOWN)
    except InvalidSignature:
        raise CmsWrong(Code.SIGNATURE_BROKEN) from None


def _hash_of(algorithm: Any, otherwise: str) -> hashes.HashAlgorithm:
    """An algorithm that names its hash means that one; plain RSA means that of the digest."""
    plain = algorithm["algorithm"].native in ("rsassa_pkcs1v15", "ecdsa")
    name = otherwise if plain else algorithm.hash_algo
    if name not in HASHES:
        raise CmsWrong(Code.WEAK_HASH)
    return HASHES[name]


def _pss(parameters: Any) -> padding.PSS:
    masked = parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native
    if masked not in HASHES:
        raise CmsWrong(Code.WEAK_HASH)
    return padding.PSS(padding.MGF1(HASHES[masked]), int(parameters["salt_length"].native))


def _signer(info: Any, certificates: list[bytes]) -> bytes:
    """The one certificate that the signer says is its own."""
    said = info["sid"]
    for der in certificates:
        certificate = cms.Certificate.load(der)
        if said.name == "issuer_and_serial_number":
            wanted = said.chosen["issuer"].dump(), said.chosen["serial_number"].native
            if (certificate.issuer.dump(), certificate.serial_number) == wanted:
                return der
        elif certificate.key_identifier == said.chosen.native:
            return der
    raise CmsWrong(Code.CERTIFICATE_MISSING)


def _certificate_hash(info: Any) -> tuple[str, bytes] | None:
    """By ESS signing-certificate, version 2, or 1 with its SHA-1: a name here, not what is believed."""
    newer = _one(info["signed_attrs"], "signing_certificate_v2")
    if newer is not None:
        first = newer["certs"][0]
        return str(first["hash_algorithm"]["algorithm"].native), bytes(first["cert_hash"].native)
    older = _one(info["signed_attrs"], "signing_certificate")
    return None if older is None else ("sha1", bytes(older["certs"][0]["cert_hash"].native))


def _one(attributes: Any, kind: str) -> Any:
    """The value of an attribute that may be there once. Raises CmsWrong where there are more."""
    found = _values(attributes, kind)
    if len(found) > 1:
        raise CmsWrong(Code.SIGNATURE_BROKEN)
    return found[0] if found else None


def _values(attributes: Any, kind: str) -> list[Any]:
    return list(_of_kind(attributes, kind))


def _of_kind(attributes: Any, kind: str) -> Iterator[Any]:
    for attribute in attributes:
        if attribute["type"].native == kind:
            yield from attribute["values"]
