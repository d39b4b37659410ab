"""RFC 9421 for answers: what came back is the answer to this very request, from whom it should be.

The signature covers "@status", "content-type" and "content-digest" when the answer has a body, and of the request
"@method" "@path" "@query" and its "signature" (`;req`): a good answer to another request proves nothing for this one,
because each request has its own nonce under its signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from signing.asymmetric import SigningKey
from signing.errors import NotVerified, SignatureBroken, VerifierFailed
from signing.http_base import (
    LABEL,
    MAX_LIFE,
    MAX_SKEW,
    Claim,
    Headers,
    Keys,
    Verified,
    algorithm_of,
    base_of,
    check_digest,
    check_signature,
    check_times,
    claim_of,
    content_digest,
    listed,
    parameters,
    sent_headers,
    signature_of,
    verified,
)

_REQUEST: Final = ("@method;req", "@path;req", "@query;req", "signature;req")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request that is answered, as it was sent."""

    method: str
    path: str
    query: str
    signature: str
    """Its Signature header."""


def sign_answer(
    status: int,
    content_type: str | None,
    body: bytes,
    *,
    asked: Asked,
    key_id: str,
    secret: bytes | SigningKey,
    created: datetime,
    expires: datetime,
    nonce: str,
) -> dict[str, str]:
    """The headers to send along with the answer."""
    headers: dict[str, str] = {}
    if body:
        headers["content-type"] = content_type or ""
        headers["content-digest"] = content_digest(body)
    covered = _required(body)
    text = parameters(covered, created, expires, nonce, key_id, algorithm_of(secret))
    base = base_of(covered, text, _values(status, asked, headers))
    headers["signature-input"] = f"{LABEL}={text}"
    headers["signature"] = signature_of(secret, base)
    return headers


def verify_answer(
    status: int,
    headers: Headers,
    body: bytes,
    *,
    asked: Asked,
    keys: Keys,
    now: datetime,
    max_skew: timedelta = MAX_SKEW,
    max_life: timedelta = MAX_LIFE,
) -> Verified:
    """What the signature of the answer proves, or NotVerified; whatever goes wrong in here is a refusal."""
    claim: Claim | None = None
    base: bytes | None = None
    try:
        sent = sent_headers(headers)
        claim = claim_of(sent)
        if sorted(claim.covered) != sorted(_required(body)):
            raise SignatureBroken(f"the signature must cover {listed(_required(body))}")
        base = base_of(claim.covered, claim.text, _values(status, asked, sent))
        signature, algorithm = check_signature(claim, base, sent, keys, now)
        check_digest(sent, body)
        check_times(claim, now, max_skew, max_life)
    except NotVerified as refusal:
        refusal.key_id, refusal.base = claim and claim.key_id, base
        raise
    except Exception as trouble:  # an unknown trouble in a verifier is a refusal, never a crash and never a yes
        raise VerifierFailed(type(trouble).__name__, key_id=claim and claim.key_id, base=base) from trouble
    return verified(claim, base, signature, algorithm)


def _required(body: bytes) -> tuple[str, ...]:
    return ("@status", *(("content-type", "content-digest") if body else ()), *_REQUEST)


def _values(status: int, asked: Asked, sent: Mapping[str, str]) -> dict[str, str]:
    return {
        **sent,
        "@status": str(status),
        "@method;req": asked.method,
        "@path;req": asked.path or "/",
        "@query;req": "?" + asked.query,
        "signature;req": asked.signature,
    }
