"""Pure. The CMS inside a signed PDF (PAdES): the signed attributes before the signature, the whole around it after.

Baseline PAdES signs three attributes: what the content is, the digest of the file's byte range, and which certificate
signs. The time stands in the PDF's own dictionary, and no attribute says it (EN 319 142-1, 6.3). DER is written, not
built (`der.py`): the certificate is fixed before the signature, so the attributes can be digested first and embedded
an hour later by another process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography import x509

from signing.der import integer, octets, oid, sequence, set_of, tlv
from signing.raw_values import Verified

_NULL: Final = b"\x05\x00"
_DATA: Final = oid("1.2.840.113549.1.7.1")
_SIGNED_DATA: Final = oid("1.2.840.113549.1.7.2")
_SHA256_OID: Final = oid("2.16.840.1.101.3.4.2.1")
_SHA256: Final = sequence(_SHA256_OID, _NULL)
_STAMP_TOKEN: Final = oid("1.2.840.113549.1.9.16.2.14")
_PSS: Final = sequence(
    oid("1.2.840.113549.1.1.10"),
    sequence(
        tlv(0xA0, _SHA256),
        tlv(0xA1, sequence(oid("1.2.840.113549.1.1.8"), _SHA256)),
        tlv(0xA2, integer(32)),
    ),
)
_ALGORITHMS: Final = {
    "pkcs1": sequence(oid("1.2.840.113549.1.1.11"), _NULL),
    "ecdsa": sequence(oid("1.2.840.10045.4.3.2")),
    "pss": _PSS,
}


def signed_attributes(document_digest: bytes, certificate: bytes) -> bytes:
    """The SET OF that is signed, DER: its SHA-256 is what a signing service gets."""
    essence = sequence(sequence(sequence(octets(hashlib.sha256(certificate).digest()))))
    return set_of(
        (
            _attribute("1.2.840.113549.1.9.3", _DATA),
            _attribute("1.2.840.113549.1.9.4", octets(document_digest)),
            # signing-certificate-v2, its hash of the default kind (SHA-256), which DER leaves out.
            _attribute("1.2.840.113549.1.9.16.2.47", essence),
        )
    )


def signed_data(attributes: bytes, made: Verified, certificates: Sequence[bytes], token: bytes | None) -> bytes:
    """The whole: the signer's certificate is the first; a time stamp of the value rides unsigned."""
    signer = [
        integer(1),
        _issuer_and_serial(certificates[0]),
        _SHA256,
        b"\xa0" + attributes[1:],
        _ALGORITHMS[made.kind],
        octets(made.value),
    ]
    if token is not None:
        signer.append(tlv(0xA1, sequence(_STAMP_TOKEN, set_of([token]))))
    return _content(
        integer(1),
        set_of([_SHA256]),
        sequence(_DATA),
        # A certificate twice in the set is no set.
        set_of(dict.fromkeys(certificates), tag=0xA0),
        set_of([sequence(*signer)]),
    )


def _content(*parts: bytes) -> bytes:
    return sequence(_SIGNED_DATA, tlv(0xA0, sequence(*parts)))


def _attribute(kind: str, value: bytes) -> bytes:
    return sequence(oid(kind), set_of([value]))


@lru_cache(maxsize=64)
def _issuer_and_serial(certificate: bytes) -> bytes:
    read = x509.load_der_x509_certificate(certificate)
    serial = read.serial_number
    # The issuer's name as the certificate has it, byte for byte: cryptography may write its text types anew.
    issuer = _issuer_of(read.tbs_certificate_bytes)
    return sequence(issuer, tlv(0x02, serial.to_bytes(serial.bit_length() // 8 + 1, "big")))


def _issuer_of(tbs: bytes) -> bytes:
    from asn1crypto.x509 import TbsCertificate

    issuer: bytes = TbsCertificate.load(tbs)["issuer"].dump()
    return issuer
