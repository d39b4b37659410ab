"""What RFC 9421 signatures of requests and of answers have in common: the claim, the base, the check of one signature.

The strict part of the structured fields' grammar (RFC 8941) that our profile needs; all else is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from signing.asymmetric import PublicKey, SigningKey
from signing.errors import Digest, KeyUnknown, SecretTooShort, SignatureBroken, SignatureMissing, SignatureStale

LABEL: Final = "sig1"
ALGORITHM: Final = "hmac-sha256"
MAX_LIFE: Final = timedelta(seconds=300)
MAX_SKEW: Final = timedelta(seconds=300)
MIN_SECRET: Final = 16
_BLOCK: Final = 64
_VALUE_AT: Final = len("sig1=:")

_OURS: Final = {
    known: name
    for name in ("content-type", "content-digest", "signature-input", "signature", "idempotency-key")
    for known in (name, name.encode())
}

_TEXT: Final = r"[ !#-\[\]-~]{1,256}"
_QUOTABLE: Final = re.compile(_TEXT)
_NAME: Final = re.compile(r'"([^"]+)"((?:;req)?)')
_LIST: Final = re.compile(r'sig1=\("[a-z0-9@-]+"(?:;req)?(?: "[a-z0-9@-]+"(?:;req)?){0,15}')
_PARAMETER: Final = re.compile(rf';([a-z]+)=([0-9]{{1,12}}|"{_TEXT}")')
_PARAMETERS: Final = re.compile(rf"(?:{_PARAMETER.pattern.replace('(', '(?:')}){{1,8}}")
# The parameters in the order in which we and most libraries write them: one match instead of five.
_USUAL: Final = re.compile(
    rf';created=([0-9]{{1,12}});expires=([0-9]{{1,12}});nonce="({_TEXT})";keyid="({_TEXT})"'
    r'(?:;alg="([a-z0-9-]{1,32})")?'
)
_VALUE: Final = re.compile(
    r"sig1=:((?:[A-Za-z0-9+/]{4}){1,400}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?):"  # RSA of 8192 bits takes 1368
)

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
"""Names in any case; pairs, so that a header that came twice is seen. ASGI's raw list will do."""
Key: TypeAlias = bytes | PublicKey
"""A shared secret, or a public key. Its kind decides the algorithm; the message only may repeat it."""
Keys: TypeAlias = Mapping[str, Key | tuple[Key, ...]] | Callable[[str], Key | tuple[Key, ...] | None]
"""The key for a key's name, or several of which any is good (a rotation), or None."""


class Verified(NamedTuple):
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
    algorithm: str = ALGORITHM


class Claim(NamedTuple):
    """What Signature-Input says; nothing of it is believed before the signature fits."""

    text: str
    """The parameters as received: they are signed byte for byte."""
    covered: tuple[str, ...]
    created: int
    expires: int
    nonce: str
    key_id: str
    algorithm: str | None


def content_digest(body: bytes) -> str:
    """The Content-Digest header of these bytes (RFC 9530)."""
    return f"sha-256=:{_base64(hashlib.sha256(body).digest())}:"


# -- writing -----------------------------------------------------------------------------------------------------------


def algorithm_of(key: bytes | SigningKey) -> str:
    """What this key signs with."""
    return ALGORITHM if isinstance(key, bytes) else key.algorithm


def parameters(
    covered: tuple[str, ...], created: datetime, expires: datetime, nonce: str, key_id: str, algorithm: str
) -> str:
    """The covered components and the parameters, as they are signed and sent."""
    if not (nonce and key_id and _QUOTABLE.fullmatch(nonce + key_id)):
        raise ValueError("key id or nonce does not fit into quotes")
    times = f"created={int(created.timestamp())};expires={int(expires.timestamp())}"
    return f'{listed(covered)};{times};nonce="{nonce}";keyid="{key_id}";alg="{algorithm}"'


def signature_of(key: bytes | SigningKey, base: bytes) -> str:
    """The Signature header's value."""
    return mac(key, base) if isinstance(key, bytes) else f"{LABEL}=:{_base64(key.sign(base))}:"


# -- reading -----------------------------------------------------------------------------------------------------------


def sent_headers(headers: Headers) -> dict[str, str]:
    """The headers that matter here, each once."""
    found: dict[str, str] = {}
    # A server's raw list is the usual case, and asking an abstract class costs as much as a header.
    for name, value in headers if type(headers) is list else _pairs(headers):
        known = _OURS.get(name) or _OURS.get(name.lower())
        if known is None:
            continue
        if known in found:
            raise SignatureBroken(f"{known} came twice")
        found[known] = (value if isinstance(value, str) else value.decode("latin-1")).strip(" \t")
    return found


def _pairs(headers: Headers) -> Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]:
    return headers.items() if isinstance(headers, Mapping) else headers


def claim_of(sent: Mapping[str, str]) -> Claim:
    """What the two headers claim. Raises SignatureMissing, SignatureBroken."""
    if "signature-input" not in sent or "signature" not in sent:
        raise SignatureMissing
    text = sent["signature-input"]
    components, _, rest = text.partition(")")
    covered = _names(components)
    if covered is None:
        raise SignatureBroken("Signature-Input is not one signature sig1 in the agreed form")
    usual = _USUAL.fullmatch(rest)
    created, expires, nonce, key_id, algorithm = usual.groups() if usual else _unusual(rest)
    return Claim(text[len(LABEL) + 1 :], covered, int(created), int(expires), nonce, key_id, algorithm)


@lru_cache(maxsize=64)
def _names(components: str) -> tuple[str, ...] | None:
    """The covered components; None when this is not `sig1=(` and a list of them."""
    return tuple("".join(each) for each in _NAME.findall(components)) if _LIST.fullmatch(components) else None


def _unusual(rest: str) -> tuple[str, str, str, str, str | None]:
    """The same parameters in another order."""
    if not _PARAMETERS.fullmatch(rest):
        raise SignatureBroken("the signature's parameters are not in the agreed form")
    pairs = _PARAMETER.findall(rest)
    told = dict(pairs)
    if len(told) < len(pairs) or told.keys() | {"alg"} != {"created", "expires", "nonce", "keyid", "alg"}:
        raise SignatureBroken("the signature's parameters are not created, expires, nonce and keyid (and alg)")
    algorithm = told.pop("alg", None)
    numbers, texts = told["created"] + told["expires"], (told["nonce"], told["keyid"], algorithm or '""')
    if not numbers.isdigit() or any(text.isdigit() for text in texts):
        raise SignatureBroken("a signature parameter has the wrong type")
    return told["created"], told["expires"], told["nonce"][1:-1], told["keyid"][1:-1], algorithm and algorithm[1:-1]


@lru_cache(maxsize=64)
def listed(covered: tuple[str, ...]) -> str:
    """The covered components as the header writes them; `@method;req` is the request's method in an answer."""
    return "(" + " ".join(_quoted(name) for name in covered) + ")"


def _quoted(name: str) -> str:
    plain, mark, flag = name.partition(";")
    return f'"{plain}"{mark}{flag}'


def base_of(covered: tuple[str, ...], text: str, values: Mapping[str, str]) -> bytes:
    """The signature base of RFC 9421, section 2.5."""
    try:
        return base_in_order(covered, text, [values[name] for name in covered])
    except KeyError as absent:
        raise SignatureBroken(f"the signature covers {absent}, which was not sent") from None


def base_in_order(covered: tuple[str, ...], text: str, values: Iterable[str]) -> bytes:
    """The same of the values in the order of their names."""
    base = _form(covered) % (*values, text)
    # A line end inside a value could make one base of two different messages; none of ours holds more than ASCII.
    if base.count("\n") != len(covered) or not base.isascii():
        raise SignatureBroken("a covered value holds what no header or path may hold")
    return base.encode("ascii")


@lru_cache(maxsize=64)
def _form(covered: tuple[str, ...]) -> str:
    """The base with places for the covered values and the parameters; names hold no percent sign."""
    return "".join(f"{_quoted(name)}: %s\n" for name in covered) + '"@signature-params": %s'


# -- one signature -----------------------------------------------------------------------------------------------------


def check_signature(claim: Claim, base: bytes, sent: Mapping[str, str], keys: Keys, now: datetime) -> tuple[bytes, str]:
    """The signature and its algorithm, when one of the key's holders made it. Raises NotVerified."""
    known = keys(claim.key_id) if callable(keys) else keys.get(claim.key_id)
    if known is None:
        raise KeyUnknown
    if type(known) is not bytes:
        return _check_any(claim, base, sent, known if isinstance(known, tuple) else (known,), now)
    if claim.algorithm != ALGORITHM and claim.algorithm is not None:
        raise SignatureBroken(f"the signature's algorithm is not {ALGORITHM}")
    # Texts are compared, not bytes: Base64 has several spellings of one value, and we take the one.
    right = mac(known, base)
    if not is_same(right, sent["signature"]):
        raise SignatureBroken
    return a2b_base64(right[_VALUE_AT:-1]), ALGORITHM


def _check_any(
    claim: Claim, base: bytes, sent: Mapping[str, str], keys: tuple[Key, ...], now: datetime
) -> tuple[bytes, str]:
    """By each key in turn; the last one's refusal is told."""
    refusal: SignatureBroken | KeyUnknown = KeyUnknown()
    for key in keys:
        try:
            if isinstance(key, bytes):
                return check_signature(claim, base, sent, {claim.key_id: key}, now)
            return _check_public(claim, base, sent["signature"], key, now), key.algorithm
        except SignatureBroken as broken:
            refusal = broken
    raise refusal


def _check_public(claim: Claim, base: bytes, told: str, key: PublicKey, now: datetime) -> bytes:
    if claim.algorithm is not None and claim.algorithm != key.algorithm:
        raise SignatureBroken(f"the signature's algorithm is not {key.algorithm}")
    value = _VALUE.fullmatch(told)
    signature = a2b_base64(value[1]) if value else b""
    if told != f"{LABEL}=:{_base64(signature)}:":
        raise SignatureBroken("Signature is not one value under sig1")
    key.check(base, signature, now)
    return signature


def mac(secret: bytes, base: bytes) -> str:
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


def is_same(ours: str, theirs: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return theirs.isascii() and hmac.compare_digest(ours, theirs)


def check_digest(sent: Mapping[str, str], body: bytes) -> None:
    """The body is the one that was signed. Raises SignatureBroken."""
    told = sent.get("content-digest")  # absent only where none is required: coverage was checked before
    if told is not None and not is_same(content_digest(body), told):
        raise SignatureBroken("Content-Digest is not the SHA-256 of the body as it arrived")


def digests(sent: Mapping[str, str], body: bytes) -> tuple[Digest, ...]:
    """The body's digest as it came beside ours: for the operator, when something was refused."""
    told = sent.get("content-digest")
    return () if told is None else (Digest(part="content-digest", sent=told, ours=content_digest(body), octets=body),)


def check_times(claim: Claim, now: datetime, max_skew: timedelta, max_life: timedelta) -> None:
    """Made about now, and good for a short time. Raises SignatureBroken, SignatureStale."""
    at = now.timestamp()
    if not 0 < claim.expires - claim.created <= max_life.total_seconds():
        raise SignatureBroken(f"expires must be at most {int(max_life.total_seconds())} s after created")
    if abs(at - claim.created) > max_skew.total_seconds():
        raise SignatureStale("created is too far from the time here")
    if at > claim.expires:
        raise SignatureStale("the signature has expired")


def verified(claim: Claim, base: bytes, signature: bytes, algorithm: str) -> Verified:
    """What was proven, in one piece."""
    return Verified(
        key_id=claim.key_id,
        nonce=claim.nonce,
        created=datetime.fromtimestamp(claim.created, UTC),
        expires=datetime.fromtimestamp(claim.expires, UTC),
        covered=claim.covered,
        base=base,
        signature=signature,
        algorithm=algorithm,
    )
