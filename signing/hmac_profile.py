"""HMAC-SHA256 in a header, for partners that have no RFC 9421: what is signed and where it stands is agreed with each.

Most such partners join a few parts of the request with line ends and send the MAC in a header of their own; a webhook
often signs its raw body alone. A profile says which. The signed parts must include the body or its digest, and whatever
time stamp and nonce the profile has: else they would be decoration.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

from signing.errors import (
    KeyUnknown,
    NotVerified,
    SecretTooShort,
    SignatureBroken,
    SignatureMissing,
    SignatureStale,
    VerifierFailed,
)

MIN_SECRET: Final = 16

Part: TypeAlias = Literal["method", "path", "query", "target", "timestamp", "nonce", "key_id", "body_sha256", "body"]
"""`target` is path and query as in the request line; `body_sha256` is in lower-case hexadecimal digits."""
Encoding: TypeAlias = Literal["hex", "base64"]
Secrets: TypeAlias = Mapping[str, bytes | tuple[bytes, ...]] | Callable[[str], bytes | tuple[bytes, ...] | None]
"""The secret for a key's name ("" where the profile has no names), or several of which any is good (a rotation)."""

_PARTS: Final = frozenset(Part.__args__)  # type: ignore[attr-defined]  # a Literal's values
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{43}=")
_NUMBER: Final = re.compile(r"[0-9]{1,12}")
_PLAIN: Final = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacProfile:
    """How one partner signs. Header names in lower case; an empty one: the partner has no such header."""

    signature_header: str = "x-signature"
    timestamp_header: str = "x-timestamp"
    """Seconds since 1970."""
    nonce_header: str = "x-nonce"
    key_header: str = ""
    """Who signs, where several may."""
    parts: tuple[Part, ...] = ("method", "path", "timestamp", "nonce", "body_sha256")
    separator: str = "\n"
    encodings: tuple[Encoding, ...] = ("hex",)
    """The first is what we write; all are read."""
    prefix: str = ""
    """Stands before the MAC, such as `sha256=`."""
    max_skew: timedelta = timedelta(seconds=300)

    def __post_init__(self) -> None:
        if len(set(self.parts)) < len(self.parts) or not set(self.parts) <= _PARTS:
            raise ValueError("parts must be known, and each once")
        if not {"body", "body_sha256"} & set(self.parts) or "body" in self.parts[:-1]:
            raise ValueError("the body or its digest must be signed, and the body itself last")
        for part, header in self._told():
            is_needed = bool(header) and part != "key_id"  # another name is another secret, signed or not
            if (part in self.parts) > bool(header) or (part in self.parts) < is_needed:
                raise ValueError(f"{part} must be signed if there is a header for it, and only then")
        if not (self.signature_header and self.encodings and (self.separator or len(self.parts) == 1)):
            raise ValueError("signature_header, encodings and separator must not be empty")

    def _told(self) -> tuple[tuple[str, str], ...]:
        """The parts that come in a header of their own."""
        return ("timestamp", self.timestamp_header), ("nonce", self.nonce_header), ("key_id", self.key_header)

    def headers(self) -> frozenset[str]:
        """The headers that matter."""
        return frozenset({self.signature_header, *(header for _, header in self._told() if header)})


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedHmac:
    """What a good MAC proves."""

    key_id: str
    nonce: str
    created: datetime | None
    expires: datetime | None
    """Until then the nonce must be remembered; None where the profile has no time."""
    base: bytes
    """The very bytes that were signed: with `signature`, the evidence."""
    signature: bytes


def sign(
    profile: HmacProfile,
    method: str,
    path: str,
    query: str,
    body: bytes,
    *,
    secret: bytes,
    now: datetime,
    nonce: str = "",
    key_id: str = "",
) -> dict[str, str]:
    """The headers to send along. `path` and `query` as they stand in the request line, `query` without its `?`."""
    values = {"timestamp": str(int(now.timestamp())), "nonce": nonce, "key_id": key_id}
    told = {header: values[part] for part, header in profile._told() if header}
    if not all(_PLAIN.fullmatch(value) for value in told.values()):
        raise ValueError("nonce and key_id are needed, in plain characters")
    base = _base(profile, method, path, query, body, told)
    return told | {profile.signature_header: profile.prefix + _written(_mac(secret, base), profile.encodings[0])}


def verify(
    profile: HmacProfile,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    *,
    secrets: Secrets,
    now: datetime,
) -> VerifiedHmac:
    """What the MAC proves, or NotVerified; whatever goes wrong in here is a refusal."""
    key_id = ""
    base: bytes | None = None
    try:
        sent = _sent(profile, headers)
        key_id = sent.get(profile.key_header, "")
        signature = _read(profile, sent[profile.signature_header])
        base = _base(profile, method, path, query, body, sent)
        _check_mac(signature, base, secrets(key_id) if callable(secrets) else secrets.get(key_id))
        created = _check_time(profile, sent, now)
    except NotVerified as refusal:
        refusal.key_id, refusal.base = key_id or None, base
        raise
    except Exception as trouble:  # an unknown trouble in a verifier is a refusal, never a crash and never a yes
        raise VerifierFailed(type(trouble).__name__, key_id=key_id or None, base=base) from trouble
    return VerifiedHmac(
        key_id=key_id,
        nonce=sent.get(profile.nonce_header, ""),
        created=created,
        expires=created and created + profile.max_skew,
        base=base,
        signature=signature,
    )


def _sent(profile: HmacProfile, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each header that matters, once; all of them."""
    wanted = profile.headers()
    found: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        known = name.lower()
        if known in found:
            raise SignatureBroken(f"{known} came twice")
        if known in wanted:
            found[known] = value.strip(" \t")
    if absent := sorted(wanted - found.keys()):
        raise SignatureMissing(f"{', '.join(absent)} did not come")
    return found


def _base(profile: HmacProfile, method: str, path: str, query: str, body: bytes, sent: Mapping[str, str]) -> bytes:
    """What is signed: the parts in their order, as bytes."""
    values = {
        "method": method,
        "path": path,
        "query": query,
        "target": f"{path}?{query}" if query else path,
        "body_sha256": hashlib.sha256(body).hexdigest(),
        **{part: sent[header] for part, header in profile._told() if header},
    }
    plain = [values[part] for part in profile.parts if part != "body"]
    # A separator inside a value could make one base of two different requests.
    if any(profile.separator and profile.separator in value for value in plain):
        raise SignatureBroken("a signed value holds the separator")
    ended = [value.encode("utf-8") for value in plain]
    return profile.separator.encode().join([*ended, body] if "body" in profile.parts else ended)


def _mac(secret: bytes, base: bytes) -> bytes:
    if len(secret) < MIN_SECRET:
        raise SecretTooShort
    return hmac.digest(secret, base, "sha256")


def _written(value: bytes, encoding: Encoding) -> str:
    return value.hex() if encoding == "hex" else b2a_base64(value, newline=False).decode()


def _read(profile: HmacProfile, text: str) -> bytes:
    """The MAC's 32 bytes, in one of the agreed spellings."""
    value = text.removeprefix(profile.prefix)
    if text.startswith(profile.prefix):
        if "hex" in profile.encodings and _HEX.fullmatch(value):
            return bytes.fromhex(value)
        if "base64" in profile.encodings and _BASE64.fullmatch(value):
            return a2b_base64(value)
    raise SignatureBroken(f"{profile.signature_header} is not {profile.prefix}{' or '.join(profile.encodings)}")


def _check_mac(signature: bytes, base: bytes, known: bytes | tuple[bytes, ...] | None) -> None:
    if not known:
        raise KeyUnknown
    # All are tried, so that the time does not say which of them it was.
    good = [hmac.compare_digest(_mac(secret, base), signature) for secret in _each(known)]
    if not any(good):
        raise SignatureBroken


def _each(known: bytes | tuple[bytes, ...]) -> tuple[bytes, ...]:
    return (known,) if isinstance(known, bytes) else known


def _check_time(profile: HmacProfile, sent: Mapping[str, str], now: datetime) -> datetime | None:
    """When it was signed, where the profile says so. Raises SignatureBroken, SignatureStale."""
    if not profile.timestamp_header:
        return None
    told = sent[profile.timestamp_header]
    if not _NUMBER.fullmatch(told):
        raise SignatureBroken("the time stamp is not in seconds since 1970")
    if abs(now.timestamp() - int(told)) > profile.max_skew.total_seconds():
        raise SignatureStale
    return datetime.fromtimestamp(int(told), UTC)
