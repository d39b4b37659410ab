"""Published vectors as data: `published/http_signatures.json` and `published/jws.json`, read once."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode
from pathlib import Path
from typing import Any

from signing.asymmetric import PublicKey, certificate_key, public_key

FOLDER = Path(__file__).parent / "published"
HTTP = json.loads((FOLDER / "http_signatures.json").read_text(encoding="utf-8"))
JWS = json.loads((FOLDER / "jws.json").read_text(encoding="utf-8"))


def pem(name: str) -> bytes:
    """A public key or certificate of the HTTP vectors."""
    return str(HTTP["keys"][name]).encode()


def key_of(vector: dict[str, Any], keys: dict[str, Any]) -> bytes | PublicKey:
    """The secret or public key of a vector, fixed to the vector's algorithm."""
    match keys[vector["key"]]:
        case {"base64": str(text)}:
            return b64decode(text)
        case {"base64url": str(text)}:
            return urlsafe_b64decode(text + "==")
        case {"text": str(text)}:
            return text.encode()
        case str(text):
            read = certificate_key if "CERTIFICATE" in text else public_key
            return read(text.encode(), vector["algorithm"])
    raise AssertionError(vector)
