"""RFC 9421 and RFC 9530 in the one profile of this house: a request going out is signed, one coming in is checked.

One signature, labelled `sig1`: HMAC-SHA256 under a shared secret; Ed25519, ECDSA on P-256 or RSA-PSS under a key pair.
The key's kind decides which, never the message. It covers "@method" "@path" "@query" and, when the request has a body,
"content-type" "content-digest"; also "idempotency-key" when that header is sent. `created`, `expires` (at most 300 s
later), `nonce` and `keyid` are required. The check is made over the parameters' text as it was received. Whether the
nonce was here before is asked by the door, in the transaction that accepts the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from signing.asymmetric import SigningKey
from signing.errors import NotVerified, SignatureBroken, VerifierFailed
from signing.http_base import (
    ALGORITHM,
    LABEL,
    MAX_LIFE,
    MAX_SKEW,
    MIN_SECRET,
    Claim,
    Headers,
    Key,
    Keys,
    Verified,
    algorithm_of,
    base_in_order,
    base_of,
    check_digest,
    check_signature,
    check_times,
    claim_of,
    content_digest,
    digests,
    listed,
    parameters,
    sent_headers,
    signature_of,
    verified,
)

__all__ = [
    "ALGORITHM",
    "MIN_SECRET",
    "Headers",
    "Key",
    "Keys",
    "Verified",
    "content_digest",
    "sign_request",
    "verify_request",
]

_TARGET: Final = ("@method", "@path", "@query")
_BODY: Final = ("content-type", "content-digest")
_KEY: Final = "idempotency-key"
_BODILESS: Final = frozenset({"GET", "HEAD"})
_REQUIRED: Final = {
    (False, False): (*_TARGET, *_BODY),
    (False, True): (*_TARGET, *_BODY, _KEY),
    (True, False): _TARGET,
    (True, True): (*_TARGET, _KEY),
}
"""By whether the method has no body, and whether there is a key."""


def sign_request(
    method: str,
    path: str,
    query: str,
    content_type: str | None,
    body: bytes,
    *,
    key_id: str,
    secret: bytes | SigningKey,
    created: datetime,
    expires: datetime,
    nonce: str,
    idempotency_key: str | None = None,
) -> dict[str, str]:
    """The headers to send along. `path` and `query` as they stand in the request line, `query` without its `?`."""
    headers: dict[str, str] = {}
    if method not in _BODILESS:
        headers["content-type"] = content_type or ""
        headers["content-digest"] = content_digest(body)
    if idempotency_key is not None:
        headers[_KEY] = idempotency_key
    covered = _required(method, headers)
    text = parameters(covered, created, expires, nonce, key_id, algorithm_of(secret))
    # What is covered beside the target are these headers, in this order.
    base = base_in_order(covered, text, (method, path or "/", "?" + query, *headers.values()))
    headers["signature-input"] = f"{LABEL}={text}"
    headers["signature"] = signature_of(secret, base)
    return headers


def verify_request(
    method: str,
    path: str,
    query: str,
    headers: Headers,
    body: bytes,
    *,
    keys: Keys,
    now: datetime,
    max_skew: timedelta = MAX_SKEW,
    max_life: timedelta = MAX_LIFE,
) -> Verified:
    """What the signature proves, or NotVerified; whatever goes wrong in here is a refusal.

    `path` and `query` must be those of the request line, before any decoding.
    """
    claim: Claim | None = None
    base: bytes | None = None
    sent: Mapping[str, str] = {}
    try:
        sent = sent_headers(headers)
        claim = claim_of(sent)
        base = _base(claim.covered, claim.text, method, path, query, sent)
        _check_coverage(claim.covered, method, sent, body)
        signature, algorithm = check_signature(claim, base, sent, keys, now)
        check_digest(sent, body)
        check_times(claim, now, max_skew, max_life)
    except NotVerified as refusal:
        refusal.key_id, refusal.base, refusal.compared = claim and claim.key_id, base, digests(sent, body)
        raise
    except Exception as trouble:  # an unknown trouble in a verifier is a refusal, never a crash and never a yes
        raise VerifierFailed(type(trouble).__name__, key_id=claim and claim.key_id, base=base) from trouble
    return verified(claim, base, signature, algorithm)


def _required(method: str, sent: Mapping[str, str]) -> tuple[str, ...]:
    return _REQUIRED[method in _BODILESS, _KEY in sent]


def _check_coverage(covered: tuple[str, ...], method: str, sent: Mapping[str, str], body: bytes) -> None:
    """Exactly what the profile says, in any order: more could not be checked here, less would leave something open."""
    required = _required(method, sent)
    if covered != required and sorted(covered) != sorted(required):
        raise SignatureBroken(f"the signature must cover {listed(required)}")
    if body and method in _BODILESS:
        raise SignatureBroken(f"a {method} has no body here, so that none is covered")


def _base(covered: tuple[str, ...], text: str, method: str, path: str, query: str, sent: Mapping[str, str]) -> bytes:
    return base_of(covered, text, {"@method": method, "@path": path or "/", "@query": "?" + query, **sent})
