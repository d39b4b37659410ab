"""RFC 9421 and RFC 9530 in the one profile of this house: a request going out is signed, one coming in is checked.

One signature, labelled `sig1`, HMAC-SHA256. It covers "@method" "@path" "@query" and, when the request has a body,
"content-type" "content-digest"; also "idempotency-key" when that header is sent. `created`, `expires` (at most 300 s
later), `nonce` and `keyid` are required. The check is made over the parameters' text as it was received. Whether the
nonce was here before is asked by the door, in the transaction that accepts the event.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

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
_BLOCK: Final = 64

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
_TEXT: Final = r"[ !#-\[\]-~]{1,256}"
_QUOTABLE: Final = re.compile(_TEXT)
_NAME: Final = re.compile(r'"([^"]+)"')
_LIST: Final = re.compile(r'sig1=\("[a-z0-9@-]+"(?: "[a-z0-9@-]+"){0,15}')
_PARAMETER: Final = re.compile(rf';([a-z]+)=([0-9]{{1,12}}|"{_TEXT}")')
_PARAMETERS: Final = re.compile(rf"(?:{_PARAMETER.pattern.replace('(', '(?:')}){{1,8}}")
# The parameters in the order in which `sign_request` and most libraries write them: one match instead of five.
_USUAL: Final = re.compile(
    rf';created=([0-9]{{1,12}});expires=([0-9]{{1,12}});nonce="({_TEXT})";keyid="({_TEXT})"(?:;alg="hmac-sha256")?'
)

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
    if not (nonce and key_id and _QUOTABLE.fullmatch(nonce + key_id)):
        raise ValueError("key id or nonce does not fit into quotes")
    base = _base(covered, parameters, method, path, query, headers)
    headers["signature-input"] = f"{LABEL}={parameters}"
    headers["signature"] = _mac(secret, base)
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
    return f"sha-256=:{_base64(hashlib.sha256(body).digest())}:"


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
    text = sent["signature-input"]
    listed, _, parameters = text.partition(")")
    covered = _names(listed)
    if covered is None:
        raise SignatureBroken("Signature-Input is not one signature sig1 in the agreed form")
    usual = _USUAL.fullmatch(parameters)
    created, expires, nonce, key_id = usual.groups() if usual else _unusual(parameters)
    return _Claim(text[len(LABEL) + 1 :], covered, int(created), int(expires), nonce, key_id)


@lru_cache(maxsize=64)
def _names(listed: str) -> tuple[str, ...] | None:
    """The covered components; None when this is not `sig1=(` and a list of them."""
    return tuple(_NAME.findall(listed)) if _LIST.fullmatch(listed) else None


def _unusual(parameters: str) -> tuple[str, ...]:
    """The same parameters in another order."""
    if not _PARAMETERS.fullmatch(parameters):
        raise SignatureBroken("the signature's parameters are not in the agreed form")
    told: dict[str, str] = {"alg": f'"{ALGORITHM}"'}
    names = [name for name, _ in _PARAMETER.findall(parameters)]
    told.update(_PARAMETER.findall(parameters))
    if len(set(names)) < len(names) or told.keys() != {"created", "expires", "nonce", "keyid", "alg"}:
        raise SignatureBroken("the signature's parameters are not created, expires, nonce and keyid (and alg)")
    if told["alg"] != f'"{ALGORITHM}"':
        raise SignatureBroken(f"the signature's algorithm is not {ALGORITHM}")
    if not (told["created"] + told["expires"]).isdigit() or told["nonce"].isdigit() or told["keyid"].isdigit():
        raise SignatureBroken("a signature parameter has the wrong type")
    return told["created"], told["expires"], told["nonce"][1:-1], told["keyid"][1:-1]


@lru_cache(maxsize=64)
def _listed(covered: tuple[str, ...]) -> str:
    return "(" + " ".join(f'"{name}"' for name in covered) + ")"


def _required(method: str, sent: Mapping[str, str]) -> tuple[str, ...]:
    if method in _BODILESS:
        return (*_TARGET, _KEY) if _KEY in sent else _TARGET
    return (*_TARGET, *_BODY, _KEY) if _KEY in sent else (*_TARGET, *_BODY)


def _check_coverage(covered: tuple[str, ...], method: str, sent: Mapping[str, str], body: bytes) -> None:
    """Exactly what the profile says, in any order: more could not be checked here, less would leave something open."""
    required = _required(method, sent)
    if covered != required and sorted(covered) != sorted(required):
        raise SignatureBroken(f"the signature must cover {_listed(required)}")
    if body and method in _BODILESS:
        raise SignatureBroken(f"a {method} has no body here, so that none is covered")


def _base(
    covered: tuple[str, ...], parameters: str, method: str, path: str, query: str, sent: Mapping[str, str]
) -> bytes:
    """The signature base of RFC 9421, section 2.5."""
    values = {"@method": method, "@path": path or "/", "@query": "?" + query, **sent}
    try:
        base = _form(covered) % (*[values[name] for name in covered], parameters)
    except KeyError as absent:
        raise SignatureBroken(f"the signature covers {absent}, which was not sent") from None
    # A line end inside a value could make one base of two different requests; none of ours holds more than ASCII.
    if base.count("\n") != len(covered) or not base.isascii():
        raise SignatureBroken("a covered value holds what no header or path may hold")
    return base.encode("ascii")


@lru_cache(maxsize=64)
def _form(covered: tuple[str, ...]) -> str:
    """The base with places for the covered values and the parameters; names hold no percent sign."""
    return "".join(f'"{name}": %s\n' for name in covered) + '"@signature-params": %s'


def _mac(secret: bytes, base: bytes) -> str:
    """The Signature header's value: HMAC-SHA256 (RFC 2104) under `sig1`."""
    fresh_inner, fresh_outer = _halves(secret)
    inner, outer = fresh_inner.copy(), fresh_outer.copy()
    inner.update(base)
    outer.update(inner.digest())
    return f"{LABEL}=:{_base64(outer.digest())}:"


@lru_cache(maxsize=64)
def _halves(secret: bytes) -> tuple[Any, Any]:
    """The two hashes of HMAC with the key already taken in: `hmac.digest` needs twice the time for a short message."""
    if len(secret) < MIN_SECRET:
        raise SecretTooShort
    key = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    return hashlib.sha256(bytes(each ^ 0x36 for each in key)), hashlib.sha256(bytes(each ^ 0x5C for each in key))


def _base64(value: bytes) -> str:
    return b2a_base64(value, newline=False).decode()


def _check_mac(claim: _Claim, base: bytes, sent: Mapping[str, str], keys: Keys) -> bytes:
    secret = keys(claim.key_id) if callable(keys) else keys.get(claim.key_id)
    if secret is None:
        raise KeyUnknown
    # Texts are compared, not bytes: Base64 has several spellings of one value, and we take the one.
    right = _mac(secret, base)
    if not _is_same(right, sent["signature"]):
        raise SignatureBroken
    return a2b_base64(right[len(LABEL) + 2 : -1])


def _is_same(ours: str, theirs: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return theirs.isascii() and hmac.compare_digest(ours, theirs)


def _check_digest(sent: Mapping[str, str], body: bytes) -> None:
    told = sent.get("content-digest")  # absent only where none is required: coverage was checked before
    if told is not None and not _is_same(content_digest(body), told):
        raise SignatureBroken("Content-Digest is not the SHA-256 of the body as it arrived")


def _check_times(claim: _Claim, now: datetime, max_skew: timedelta, max_life: timedelta) -> None:
    at = now.timestamp()
    if not 0 < claim.expires - claim.created <= max_life.total_seconds():
        raise SignatureBroken(f"expires must be at most {int(max_life.total_seconds())} s after created")
    if abs(at - claim.created) > max_skew.total_seconds():
        raise SignatureStale("created is too far from the time here")
    if at > claim.expires:
        raise SignatureStale("the signature has expired")
