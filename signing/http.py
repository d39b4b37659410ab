"""RFC 9421 and RFC 9530 in the one profile of this house: a request going out is signed, one coming in is checked.

One signature, labelled `sig1`, HMAC-SHA256. It covers "@method" "@path" "@query" and, when the request has a body,
"content-type" "content-digest"; also "idempotency-key" when that header is sent. `created`, `expires` (at most 300 s
later), `nonce` and `keyid` are required. The check is made over the parameters' text as it was received. Whether the
nonce was here before is asked by the door, in the transaction that accepts the event.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from signing.errors import (
    KeyUnknown,
    NotVerified,
    SecretTooShort,
    SignatureBroken,
    SignatureMissing,
    SignatureStale,
    VerifierFailed,
)

LABEL: Final = "sig1"
ALGORITHM: Final = "hmac-sha256"
MAX_LIFE: Final = timedelta(seconds=300)
MAX_SKEW: Final = timedelta(seconds=300)
MIN_SECRET: Final = 16

_TARGET: Final = ("@method", "@path", "@query")
_BODY: Final = ("content-type", "content-digest")
_KEY: Final = "idempotency-key"
_BODILESS: Final = frozenset({"GET", "HEAD"})
_OURS: Final = {
    known: name
    for name in ("content-type", "content-digest", "signature-input", "signature", _KEY)
    for known in (name, name.encode())
}

# The strict part of the structured fields' grammar (RFC 8941) that our profile needs; all else is refused.
_INPUT: Final = re.compile(
    r'sig1=(\(("[a-z0-9@-]+"(?: "[a-z0-9@-]+")*)\)'
    r'((?:;[a-z]+=(?:[0-9]{1,12}|"[\x20\x21\x23-\x5b\x5d-\x7e]{1,256}")){1,8}))'
)
_PARAMETER: Final = re.compile(r';([a-z]+)=(?:([0-9]+)|"([^"]*)")')
_SIGNATURE: Final = re.compile(r"sig1=:([A-Za-z0-9+/]{43}=):")
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
"""Names in any case; pairs, so that a header that came twice is seen. ASGI's raw list will do."""
Keys: TypeAlias = Mapping[str, bytes] | Callable[[str], bytes | None]
"""A shared secret for a key's name, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a good signature proves."""

    key_id: str
    nonce: str
    created: datetime
    expires: datetime
    """Until then the nonce must be remembered."""
    covered: tuple[str, ...]
    base: bytes
    """The very bytes that were signed: with `signature`, the evidence."""
    signature: bytes


def sign_request(
    method: str,
    path: str,
    query: str,
    content_type: str | None,
    body: bytes,
    *,
    key_id: str,
    secret: bytes,
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
    times = f"created={int(created.timestamp())};expires={int(expires.timestamp())}"
    parameters = f'{_listed(covered)};{times};nonce="{nonce}";keyid="{key_id}";alg="{ALGORITHM}"'
    if not _INPUT.fullmatch(f"{LABEL}={parameters}"):
        raise ValueError("key id, nonce or time does not fit a signature's parameters")
    base = _base(covered, parameters, method, path, query, headers)
    headers["signature-input"] = f"{LABEL}={parameters}"
    headers["signature"] = f"{LABEL}=:{base64.b64encode(_mac(secret, base)).decode()}:"
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
    claim: _Claim | None = None
    base: bytes | None = None
    try:
        sent = _sent(headers)
        claim = _claim(sent)
        base = _base(claim.covered, claim.text, method, path, query, sent)
        _check_coverage(claim.covered, method, sent, body)
        signature = _check_mac(claim, base, sent, keys)
        _check_digest(sent, body)
        _check_times(claim, now, max_skew, max_life)
    except NotVerified as refusal:
        refusal.key_id, refusal.base = claim and claim.key_id, base
        raise
    except Exception as trouble:  # an unknown trouble in a verifier is a refusal, never a crash and never a yes
        raise VerifierFailed(type(trouble).__name__, key_id=claim and claim.key_id, base=base) from trouble
    return Verified(
        key_id=claim.key_id,
        nonce=claim.nonce,
        created=datetime.fromtimestamp(claim.created, UTC),
        expires=datetime.fromtimestamp(claim.expires, UTC),
        covered=claim.covered,
        base=base,
        signature=signature,
    )


def content_digest(body: bytes) -> str:
    """The Content-Digest header of these bytes (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


class _Claim(NamedTuple):
    """What Signature-Input says; nothing of it is believed before the MAC fits."""

    text: str
    """The parameters as received: they are signed byte for byte."""
    covered: tuple[str, ...]
    created: int
    expires: int
    nonce: str
    key_id: str


def _sent(headers: Headers) -> dict[str, str]:
    """The headers that matter here, each once."""
    found: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        known = _OURS.get(name) or _OURS.get(name.lower())
        if known is None:
            continue
        if known in found:
            raise SignatureBroken(f"{known} came twice")
        found[known] = (value if isinstance(value, str) else value.decode("latin-1")).strip(" \t")
    return found


def _claim(sent: Mapping[str, str]) -> _Claim:
    if "signature-input" not in sent or "signature" not in sent:
        raise SignatureMissing
    seen = _INPUT.fullmatch(sent["signature-input"])
    if seen is None:
        raise SignatureBroken("Signature-Input is not one signature sig1 in the agreed form")
    numbers: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name, number, text in _PARAMETER.findall(seen[3]):
        if name in numbers or name in texts:
            raise SignatureBroken("a signature parameter came twice")
        (numbers if number else texts)[name] = number or text
    if texts.pop("alg", ALGORITHM) != ALGORITHM:
        raise SignatureBroken(f"the signature's algorithm is not {ALGORITHM}")
    if numbers.keys() != {"created", "expires"} or texts.keys() != {"nonce", "keyid"}:
        raise SignatureBroken("the signature's parameters are not created, expires, nonce and keyid (and alg)")
    return _Claim(
        seen[1], _names(seen[2]), int(numbers["created"]), int(numbers["expires"]), texts["nonce"], texts["keyid"]
    )


@lru_cache(maxsize=64)
def _names(listed: str) -> tuple[str, ...]:
    return tuple(listed[1:-1].split('" "'))


def _listed(covered: tuple[str, ...]) -> str:
    return "(" + " ".join(f'"{name}"' for name in covered) + ")"


def _required(method: str, sent: Mapping[str, str]) -> tuple[str, ...]:
    return (*_TARGET, *(() if method in _BODILESS else _BODY), *((_KEY,) if _KEY in sent else ()))


def _check_coverage(covered: tuple[str, ...], method: str, sent: Mapping[str, str], body: bytes) -> None:
    """Exactly what the profile says, in any order: more could not be checked here, less would leave something open."""
    required = _required(method, sent)
    if len(covered) != len(required) or set(covered) != set(required):
        raise SignatureBroken(f"the signature must cover {_listed(required)}")
    if body and method in _BODILESS:
        raise SignatureBroken(f"a {method} has no body here, so that none is covered")


def _base(
    covered: tuple[str, ...], parameters: str, method: str, path: str, query: str, sent: Mapping[str, str]
) -> bytes:
    """The signature base of RFC 9421, section 2.5."""
    values = {"@method": method, "@path": path or "/", "@query": f"?{query}", **sent}
    try:
        lines = [f'"{name}": {values[name]}' for name in covered]
    except KeyError as absent:
        raise SignatureBroken(f"the signature covers {absent}, which was not sent") from None
    if any(_CONTROL.search(line) for line in lines):
        raise SignatureBroken("a covered value holds a control character")
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode("latin-1")


def _mac(secret: bytes, base: bytes) -> bytes:
    if len(secret) < MIN_SECRET:
        raise SecretTooShort
    return hmac.digest(secret, base, "sha256")


def _check_mac(claim: _Claim, base: bytes, sent: Mapping[str, str], keys: Keys) -> bytes:
    secret = keys(claim.key_id) if callable(keys) else keys.get(claim.key_id)
    if secret is None:
        raise KeyUnknown
    signature = _bytes(_SIGNATURE, sent["signature"])
    if signature is None:
        raise SignatureBroken("Signature is not one HMAC-SHA256 labelled sig1")
    if not hmac.compare_digest(_mac(secret, base), signature):
        raise SignatureBroken
    return signature


def _check_digest(sent: Mapping[str, str], body: bytes) -> None:
    if "content-digest" not in sent:
        return  # only where none is required: coverage was checked before
    told = _bytes(_DIGEST, sent["content-digest"])
    if told is None or not hmac.compare_digest(hashlib.sha256(body).digest(), told):
        raise SignatureBroken("Content-Digest is not the SHA-256 of the body as it arrived")


def _bytes(form: re.Pattern[str], text: str) -> bytes | None:
    seen = form.fullmatch(text)
    # b64decode lets stray bits in the last character pass; one value has one spelling here.
    value = base64.b64decode(seen[1]) if seen else b""
    return value if seen and base64.b64encode(value).decode() == seen[1] else None


def _check_times(claim: _Claim, now: datetime, max_skew: timedelta, max_life: timedelta) -> None:
    at = now.timestamp()
    if not 0 < claim.expires - claim.created <= max_life.total_seconds():
        raise SignatureBroken(f"expires must be at most {int(max_life.total_seconds())} s after created")
    if abs(at - claim.created) > max_skew.total_seconds():
        raise SignatureStale("created is too far from the time here")
    if at > claim.expires:
        raise SignatureStale("the signature has expired")
