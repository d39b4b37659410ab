"""JWS: compact (RFC 7515), and detached over the bytes as they travel (RFC 7797, `b64` false) or encoded (appendix F).

The algorithm is the key's: a header may only repeat it, so that `none` and HS256 under a public key say nothing here.
Keys come from our settings and nowhere else; a header that brings its own is refused. By hand on `cryptography`, since
joserfc, which is the other side in the tests, takes no key that stays in a token and overlooks members that come twice.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from signing.asymmetric import PublicKey, SigningKey
from signing.errors import KeyUnknown, NotVerified, SecretTooShort, SignatureBroken, VerifierFailed

SHARED: Final = "HS256"
MIN_SECRET: Final = 32
"""RFC 7518, section 3.2: a shared key is at least as long as the hash."""
MOST_HEADER: Final = 8192
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
_OWN_KEYS: Final = frozenset({"jwk", "jku", "x5u", "x5c"})

Key: TypeAlias = bytes | PublicKey
Keys: TypeAlias = Key | Mapping[str, Key] | Callable[[str], Key | None]
"""The one key that signs here, or the keys by the `kid` under which each was agreed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedJws:
    """What a good signature proves."""

    header: Mapping[str, Any]
    payload: bytes
    signed: bytes
    """The very bytes that were signed: with `signature`, the evidence."""
    signature: bytes


# -- signing -----------------------------------------------------------------------------------------------------------


def sign(payload: bytes, key: bytes | SigningKey, *, kid: str | None = None, typ: str | None = None) -> str:
    """Compact, with the payload in its middle."""
    first = _header(key, kid=kid, typ=typ)
    middle = _encoded(payload)
    return f"{first}.{middle}.{_encoded(_sign(key, f'{first}.{middle}'.encode()))}"


def sign_detached(
    payload: bytes, key: bytes | SigningKey, *, kid: str | None = None, typ: str | None = None, is_encoded: bool = False
) -> str:
    """Compact with an empty middle; the payload travels beside it, as it is unless `is_encoded`."""
    unencoded = {} if is_encoded else {"b64": False, "crit": ["b64"]}
    first = _header(key, kid=kid, typ=typ, **unencoded)
    middle = _encoded(payload).encode() if is_encoded else payload
    return f"{first}..{_encoded(_sign(key, first.encode() + b'.' + middle))}"


def _header(key: bytes | SigningKey, **members: Any) -> str:
    algorithm = SHARED if isinstance(key, bytes) else key.algorithm
    told = {"alg": algorithm} | {name: value for name, value in members.items() if value is not None}
    return _encoded(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())


def _sign(key: bytes | SigningKey, message: bytes) -> bytes:
    return _mac(key, message) if isinstance(key, bytes) else key.sign(message)


def _mac(secret: bytes, message: bytes) -> bytes:
    if len(secret) < MIN_SECRET:
        raise SecretTooShort(f"the shared key is shorter than {MIN_SECRET} bytes")
    return hmac.digest(secret, message, "sha256")


# -- verifying ---------------------------------------------------------------------------------------------------------


def verify(token: str, keys: Keys) -> VerifiedJws:
    """What the token proves, with the payload that it carries. Raises NotVerified, whatever goes wrong."""
    return _verified(token, keys, None)


def verify_detached(token: str, payload: bytes, keys: Keys) -> VerifiedJws:
    """What the token proves of this payload, which came beside it. Raises NotVerified, whatever goes wrong."""
    return _verified(token, keys, payload)


def _verified(token: str, keys: Keys, payload: bytes | None) -> VerifiedJws:
    kid: str | None = None
    signed: bytes | None = None
    try:
        first, middle, last = _parts(token)
        if (middle == "") is (payload is None):
            raise SignatureBroken("the payload stands in the token, or beside it as agreed: not both, and not neither")
        header = _read_header(first)
        kid = _text(header, "kid")
        content = _decoded(middle) if payload is None else payload
        signed = f"{first}.".encode() + _signed_form(header, content, is_inside=payload is None)
        signature = _decoded(last)
        _check(_key(keys, kid), header, signed, signature)
    except NotVerified as refusal:
        refusal.key_id, refusal.base = kid, signed
        raise
    except Exception as trouble:  # an unknown trouble in a verifier is a refusal, never a crash and never a yes
        raise VerifierFailed(type(trouble).__name__, key_id=kid, base=signed) from trouble
    return VerifiedJws(header=header, payload=content, signed=signed, signature=signature)


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".")
    if len(parts) != 3:
        raise SignatureBroken("not a JWS in compact form")
    return parts[0], parts[1], parts[2]


def _read_header(first: str) -> dict[str, Any]:
    """The protected header: an object, each member once, bringing no key of its own."""
    raw = _decoded(first)
    if len(raw) > MOST_HEADER:
        raise SignatureBroken("the header is too long")
    try:
        header = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as trouble:
        raise SignatureBroken("the header is not one JSON object with each member once") from trouble
    if not isinstance(header, dict):
        raise SignatureBroken("the header is not a JSON object")
    if brought := sorted(_OWN_KEYS & header.keys()):
        raise SignatureBroken(f"the header brings a key of its own ({', '.join(brought)})")
    _check_critical(header)
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member came twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_critical(header: Mapping[str, Any]) -> None:
    """RFC 7515, section 4.1.11, and RFC 7797, section 6: `b64` is all that is understood, and `crit` must say so."""
    if not header.keys() & {"b64", "crit"}:
        return
    if header.get("crit") != ["b64"] or not isinstance(header.get("b64"), bool):
        raise SignatureBroken("crit must be just b64, and b64 true or false")


def _signed_form(header: Mapping[str, Any], content: bytes, *, is_inside: bool) -> bytes:
    if header.get("b64", True):
        return _encoded(content).encode()
    if is_inside:
        raise SignatureBroken("a payload that is not encoded travels beside the token")
    return content


def _text(header: Mapping[str, Any], name: str) -> str | None:
    value = header.get(name)
    if value is not None and not isinstance(value, str):
        raise SignatureBroken(f"{name} is not a text")
    return value


def _key(keys: Keys, kid: str | None) -> Key:
    """By exact name among those that were agreed; a name is never a path, an address or a query."""
    if isinstance(keys, bytes | PublicKey):
        return keys
    if kid is None:
        raise KeyUnknown
    found = keys(kid) if callable(keys) else keys.get(kid)
    if found is None:
        raise KeyUnknown
    return found


def _check(key: Key, header: Mapping[str, Any], signed: bytes, signature: bytes) -> None:
    algorithm = SHARED if isinstance(key, bytes) else key.algorithm
    if header.get("alg") != algorithm:
        raise SignatureBroken(f"the algorithm is not {algorithm}")
    if not isinstance(key, bytes):
        key.check(signed, signature)
    elif not hmac.compare_digest(_mac(key, signed), signature):
        raise SignatureBroken


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """Base64url in its one spelling: no padding, no strangers, no bits left over."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise SignatureBroken("a part is not base64url")
    value = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _encoded(value) != text:
        raise SignatureBroken("a part is not base64url in its one spelling")
    return value
