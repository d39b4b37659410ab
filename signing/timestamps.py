"""Pure. Time stamps by RFC 3161: the question for a digest, and the answer held to it.

A stamp that is put into a document stays there for years, so what comes back is believed only when it is for this
digest and this question (nonce), signed by a certificate made for stamping and nothing else, and of about now. Whether
that certificate leads to an authority of the settings is asked when the whole document is verified.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from asn1crypto import cms, core, tsp
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from signing.der import integer, octets, oid, sequence
from signing.errors import StampRefused
from signing.revocation import found
from signing.verification_cms import CmsWrong, check, digest_name, read

LARGEST: Final = 100_000
"""Bytes of an answer: a token with its chain has some 6,000."""
SKEW: Final = timedelta(minutes=5)
"""How far the authority's time may lie from ours: clocks differ, but a stamp of another hour is of something else."""
QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"

_SHA256: Final = sequence(oid("2.16.840.1.101.3.4.2.1"), b"\x05\x00")
_TRUE: Final = b"\x01\x01\xff"
WORDS: Final = {
    "bad_alg": "it does not know the hash (badAlg)",
    "bad_request": "it does not allow or support such a request (badRequest)",
    "bad_data_format": "it cannot read the request (badDataFormat)",
    "time_not_available": "its source of time is not available (timeNotAvailable)",
    "unaccepted_policy": "it does not stamp under that policy (unacceptedPolicy)",
    "unaccepted_extensions": "it does not know an extension (unacceptedExtension)",
    "add_info_not_available": "it cannot give the further information (addInfoNotAvailable)",
    "system_failure": "it has a failure of its own (systemFailure)",
}
"""The reasons of RFC 3161, section 2.4.2, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A time stamp that is for what was asked."""

    token: bytes
    at: datetime
    certificate: bytes
    """Of the authority's unit, DER."""


def query(digest: bytes, nonce: int) -> bytes:
    """A TimeStampReq for a SHA-256, with the certificate wanted in the answer."""
    imprint = sequence(_SHA256, octets(digest))
    return sequence(integer(1), imprint, integer(nonce), _TRUE)


def read_reply(reply: bytes, *, digest: bytes, nonce: int, at: datetime, skew: timedelta = SKEW) -> Stamped:
    """The stamp in an answer that came about `at`. Raises StampRefused with a stable code."""
    if len(reply) > LARGEST:
        raise StampRefused("stamp_unreadable", f"{len(reply)} bytes are no time stamp")
    token = _granted(reply)
    try:
        signed = read(token, is_stamp=True)
        content = signed.content or b""
        check(signed, hashlib.new(digest_name(signed), content).digest())
        told = tsp.TSTInfo.load(content, strict=True).native
        imprint, made = told["message_imprint"], told["gen_time"]
        hashed, by = bytes(imprint["hashed_message"]), imprint["hash_algorithm"]["algorithm"]
        asked = told["nonce"]
    except CmsWrong as trouble:
        raise StampRefused("stamp_broken", f"its signature does not verify: {trouble.code}") from trouble
    except (ValueError, TypeError, KeyError) as trouble:
        raise StampRefused("stamp_unreadable", "the token is not a time stamp") from trouble
    if by != "sha256" or not hmac.compare_digest(hashed, digest):
        raise StampRefused("stamp_of_another", "it stamps another digest than the one that was sent")
    if asked != nonce:
        raise StampRefused("stamp_wrong_nonce", "it answers another question: its nonce is not ours")
    _check_unit(signed.certificate, made)
    if abs(made - at) > skew:
        raise StampRefused("stamp_not_plausible", f"it says {made.isoformat()}, and here it is {at.isoformat()}")
    return Stamped(token=token, at=made, certificate=signed.certificate)


class _Reply(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    """A TimeStampResp; asn1crypto's own cannot read one that says no, for that has no token."""

    _fields = [("status", tsp.PKIStatusInfo), ("token", cms.ContentInfo, {"optional": True})]  # noqa: RUF012


def _granted(reply: bytes) -> bytes:
    """The token of an answer that is not a refusal."""
    try:
        read_ = _Reply.load(reply, strict=True)
        status = read_["status"]
        state = str(status["status"].native)
        token: bytes = read_["token"].dump()
        why = [WORDS.get(each, str(each)) for each in sorted(status["fail_info"].native or ())]
        said = [str(each)[:200] for each in (status["status_string"].native or ())[:3]]
    except (ValueError, TypeError, KeyError) as trouble:
        raise StampRefused("stamp_unreadable", "it is not an answer of a time-stamp authority") from trouble
    if state not in ("granted", "granted_with_mods"):
        raise StampRefused("stamp_refused", "the authority says no: " + ("; ".join([*why, *said]) or state))
    if not token:
        raise StampRefused("stamp_unreadable", "it says granted, and there is no token")
    return token


def _check_unit(der: bytes, made: datetime) -> None:
    """A certificate for stamping alone, and of those days (RFC 3161, section 2.3)."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        purposes = found(certificate, x509.ExtendedKeyUsage)
    except ValueError as trouble:
        raise StampRefused("stamp_unreadable", "its certificate cannot be read") from trouble
    if purposes is None or set(purposes) != {ExtendedKeyUsageOID.TIME_STAMPING}:
        raise StampRefused("stamp_wrong_purpose", "its certificate was not made for stamping alone")
    if not certificate.not_valid_before_utc <= made <= certificate.not_valid_after_utc:
        raise StampRefused("stamp_not_plausible", "its certificate was not good at the time that it says")
