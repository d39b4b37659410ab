"""Pure. A signature as the bodies of CSC's methods, in the names of v1 or v2 (NOTES.md#r40, #r41)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.partners.csc.codes import SHA256
from adapters.partners.csc.settings import CscSettings, Version
from bus.signatures import SignatureStanding

NAMES: Final[Mapping[Version, tuple[str, str]]] = {"v1": ("hash", "hashAlgo"), "v2": ("hashes", "hashAlgorithmOID")}
"""How each version calls hashes and their algorithm."""
MOST_PAGE: Final = 100


def list_body(user: str, page: str | None) -> dict[str, Any]:
    """r20."""
    return {"userID": user, "maxResults": MOST_PAGE, **({"pageToken": page} if page else {})}


def credential_body(credential: str) -> dict[str, Any]:
    """r21."""
    return {"credentialID": credential, "certificates": "chain", "certInfo": True, "authInfo": True}


def authorize_body(
    standing: SignatureStanding, settings: CscSettings, credential: str, *, otp: str, pin: str
) -> dict[str, Any]:
    """r30: hashes are told whatever SCAL is, so that nothing else can be signed under it."""
    hashes, algorithm = NAMES[settings.version]
    return {
        "credentialID": credential,
        "numSignatures": len(standing.documents),
        hashes: hashes_of(digests_of(standing)),
        **({algorithm: SHA256} if settings.version == "v2" else {}),
        **({"OTP": otp} if otp else {}),
        **({"PIN": pin} if pin else {}),
        "description": (standing.description or "")[:500],
        "clientData": standing.request,
    }


def extend_body(settings: CscSettings, credential: str, sad: str, digests: Sequence[bytes]) -> dict[str, Any]:
    """r35."""
    return {"credentialID": credential, "SAD": sad, NAMES[settings.version][0]: hashes_of(digests)}


def sign_body(
    standing: SignatureStanding,
    settings: CscSettings,
    credential: str,
    *,
    sad: str,
    algorithm: str,
    digests: Sequence[bytes],
    validity_ms: int = 0,
) -> dict[str, Any]:
    """r40, r41; with `validity_ms` in mode A (r45)."""
    hashes, hash_algorithm = NAMES[settings.version]
    later = {"operationMode": "A", "validity_period": validity_ms} if validity_ms else {}
    return {
        "credentialID": credential,
        **({"SAD": sad} if sad else {}),
        hashes: hashes_of(digests),
        hash_algorithm: SHA256,
        "signAlgo": algorithm,
        "clientData": standing.request,
        **later,
    }


def digests_of(standing: SignatureStanding) -> tuple[bytes, ...]:
    """In the order of the documents. A signature that is not prepared has none, and is never sent."""
    return tuple(each.digest for each in standing.documents if each.digest is not None)


def hashes_of(digests: Sequence[bytes]) -> list[str]:
    """Standard Base64 of the raw digests (vector `hash-base64`)."""
    return [base64.b64encode(each).decode() for each in digests]
