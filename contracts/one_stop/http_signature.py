"""RFC 9421 with HMAC-SHA256 as the one-stop system has it: by the standard library alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from contracts.mocking import Request
from contracts.one_stop.envelopes import Trouble

REQUIRED: Final = ("@method", "@path", "@query", "content-type", "content-digest", "idempotency-key")
INPUT: Final = re.compile(r'sig1=(\(("[a-z0-9@-]+"(?: "[a-z0-9@-]+")*)\)((?:;[a-z]+=(?:\d+|"[^"\\]*"))+))')
PARAMETER: Final = re.compile(r';([a-z]+)=(?:(\d+)|"([^"\\]*)")')
VALUE: Final = re.compile(r"sig1=:([A-Za-z0-9+/]+={0,2}):")
SKEW: Final = timedelta(seconds=300)
LIFE: Final = timedelta(seconds=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a good signature proves."""

    key_id: str
    nonce: str
    until: datetime


def _wrong(code: str, rule: str, expected: str, found: str = "") -> Trouble:
    return Trouble(code=code, rule=rule, field="Signature-Input", expected=expected, found=found)


def check(request: Request, secrets: Mapping[str, bytes], now: datetime) -> Shown:
    """What the signature of this request proves, or Trouble."""
    given, value = request.headers.get("signature-input"), request.headers.get("signature")
    if not given or not value:
        raise _wrong("unsigned", "r80", "Signature-Input and Signature")
    text, signature = INPUT.fullmatch(given.strip()), VALUE.fullmatch(value.strip())
    if text is None or signature is None:
        raise _wrong("bad_signature", "r80", "one signature sig1")
    covered = tuple(text[2].replace('"', "").split(" "))
    if sorted(covered) != sorted(REQUIRED):
        raise _wrong("wrong_parts", "r80", f"exactly {', '.join(REQUIRED)}", text[2])
    told = _parameters(text[3])
    secret = secrets.get(told["keyid"])
    if secret is None:
        raise _wrong("untrusted", "r81", "a known keyid")
    lines = [f'"{name}": {_component(request, name)}' for name in covered]
    base = "\n".join([*lines, f'"@signature-params": {text[1]}'])
    if not hmac.compare_digest(_mac(secret, base), base64.b64decode(signature[1])):
        raise _wrong("bad_signature", "r80", "a signature that fits")
    if request.headers.get("content-digest") != digest(request.body):
        raise _wrong("bad_signature", "r84", "the digest of the body as it came")
    return Shown(key_id=told["keyid"], nonce=told["nonce"], until=_times(told, now))


def _parameters(text: str) -> dict[str, str]:
    rows = PARAMETER.findall(text)
    told = {name: number or quoted for name, number, quoted in rows}
    numbers = {name for name, number, _ in rows if number}
    if len(told) != len(rows) or told.keys() | {"alg"} != {"created", "expires", "nonce", "keyid", "alg"}:
        raise _wrong("bad_signature", "r81", "created, expires, nonce, keyid, alg, each once")
    if numbers != {"created", "expires"} or told.get("alg", "hmac-sha256") != "hmac-sha256":
        raise _wrong("weak_algorithm", "r81", "hmac-sha256, times as numbers")
    return told


def _component(request: Request, name: str) -> str:
    if name == "@method":
        return request.method
    if name == "@path":
        return request.path
    return "?" if name == "@query" else request.headers.get(name, "")


def _times(told: Mapping[str, str], now: datetime) -> datetime:
    created, expires = (datetime.fromtimestamp(int(told[name]), UTC) for name in ("created", "expires"))
    if not (abs(now - created) <= SKEW and now < expires and expires - created <= LIFE):
        raise _wrong("stale_signature", "r82", "created within 300 s, not expired, at most 300 s of life")
    return expires


def digest(body: bytes) -> str:
    """RFC 9530."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def _mac(secret: bytes, base: str) -> bytes:
    return hmac.digest(secret, base.encode(), "sha256")


def sign_answer(
    status: int, content_type: str, body: bytes, asked: Request, *, key_id: str, secret: bytes, now: datetime
) -> dict[str, str]:
    """The headers that sign an answer and bind it to its request (`NOTES.md#r86`)."""
    values = {
        '"@status"': str(status),
        '"content-type"': content_type,
        '"content-digest"': digest(body),
        '"@method";req': asked.method,
        '"@path";req': asked.path,
        '"@query";req': "?",
        '"signature";req': asked.headers.get("signature", ""),
    }
    times = f"created={int(now.timestamp())};expires={int((now + LIFE).timestamp())}"
    text = f'({" ".join(values)});{times};nonce="{uuid4()}";keyid="{key_id}";alg="hmac-sha256"'
    base = "\n".join([*(f"{name}: {value}" for name, value in values.items()), f'"@signature-params": {text}'])
    return {
        "Content-Digest": digest(body),
        "Signature-Input": f"sig1={text}",
        "Signature": f"sig1=:{base64.b64encode(_mac(secret, base)).decode()}:",
    }
