"""Time stamps by RFC 3161, made as an authority makes them. Written with asn1crypto alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from contracts.signing_pki.authorities import Holder

POLICY: Final = "1.3.6.1.4.1.99999.1.1"
"""Of nobody: the arc is not given out."""
FAILURES: Final = {
    "bad_alg": 0,
    "bad_request": 2,
    "time_not_available": 14,
    "unaccepted_policy": 15,
    "system_failure": 25,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request wants stamped."""

    algorithm: str
    digest: bytes
    nonce: int | None
    wants_certificate: bool


def asked(query: bytes) -> Asked:
    """A TimeStampReq. Raises ValueError."""
    told = tsp.TimeStampReq.load(query, strict=True)
    if told["version"].native not in (1, "v1"):
        raise ValueError("version")
    imprint = told["message_imprint"]
    return Asked(
        algorithm=imprint["hash_algorithm"]["algorithm"].native,
        digest=imprint["hashed_message"].native,
        nonce=told["nonce"].native,
        wants_certificate=bool(told["cert_req"].native),
    )


def token(
    holder: Holder,
    digest: bytes,
    at: datetime,
    *,
    nonce: int | None = None,
    number: int = 1,
    algorithm: str = "sha256",
    with_certificates: bool = True,
) -> bytes:
    """A TimeStampToken over this digest: DER of its ContentInfo."""
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest},
            "serial_number": number,
            "gen_time": core.GeneralizedTime(at.replace(microsecond=0)),
            **({} if nonce is None else {"nonce": nonce}),
        }
    )
    return signed_data(holder, "tst_info", info.dump(), with_certificates=with_certificates)


def granted(content: bytes, *, status: str = "granted") -> bytes:
    """A TimeStampResp with this token."""
    return bytes(
        tsp.TimeStampResp({"status": {"status": status}, "time_stamp_token": cms.ContentInfo.load(content)}).dump()
    )


class _Refusal(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    """An answer without a token; asn1crypto's own TimeStampResp wants one always."""

    _fields = [("status", tsp.PKIStatusInfo)]  # noqa: RUF012


def rejected(failure: str, text: str = "") -> bytes:
    """A TimeStampResp that says no."""
    status: dict[str, Any] = {"status": "rejection", "fail_info": {failure}}
    if text:
        status["status_string"] = [text]
    return bytes(_Refusal({"status": status}).dump())


def signed_data(
    holder: Holder,
    content_type: str,
    content: bytes | None,
    *,
    digest: bytes | None = None,
    with_certificates: bool = True,
) -> bytes:
    """A CMS over this content, or, where it stays outside, over this digest of it."""
    over = hashlib.sha256(content).digest() if content is not None else digest
    certificate = asn1_x509.Certificate.load(holder.der)
    named = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(holder.der).digest()}]})
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": [content_type]}),
            cms.CMSAttribute({"type": "message_digest", "values": [over]}),
            cms.CMSAttribute({"type": "signing_certificate_v2", "values": [named]}),
        ]
    )
    algorithm, value = _signature(holder, attributes.dump())
    signer = {
        "version": "v1",
        "sid": {"issuer_and_serial_number": {"issuer": certificate.issuer, "serial_number": certificate.serial_number}},
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": algorithm,
        "signature": value,
    }
    inside: dict[str, Any] = {"content_type": content_type}
    if content is not None:
        inside["content"] = core.ParsableOctetString(content)
    others = [asn1_x509.Certificate.load(each) for each in holder.chain_der]
    data = {
        "version": "v3" if content_type == "tst_info" else "v1",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": inside,
        "signer_infos": [signer],
        **({"certificates": [certificate, *others]} if with_certificates else {}),
    }
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}).dump())


def bare_cms(holder: Holder, digest: bytes) -> bytes:
    """A detached CMS without attributes of its own: its value is the raw signature over this digest."""
    certificate = asn1_x509.Certificate.load(holder.der)
    others = [asn1_x509.Certificate.load(each) for each in holder.chain_der]
    rsa_or_ec = "sha256_rsa" if isinstance(holder.key, rsa.RSAPrivateKey) else "sha256_ecdsa"
    signer = {
        "version": "v1",
        "sid": {"issuer_and_serial_number": {"issuer": certificate.issuer, "serial_number": certificate.serial_number}},
        "digest_algorithm": {"algorithm": "sha256"},
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": rsa_or_ec}),
        "signature": holder.sign_digest(digest),
    }
    data = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "data"},
        "certificates": [certificate, *others],
        "signer_infos": [signer],
    }
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}).dump())


def _signature(holder: Holder, signed: bytes) -> tuple[algos.SignedDigestAlgorithm, bytes]:
    if isinstance(holder.key, rsa.RSAPrivateKey):
        value = holder.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa"}), value
    value = holder.key.sign(signed, ec.ECDSA(hashes.SHA256()))
    return algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}), value
