"""Pure. OAuth 2.0 as CSC has it: forms for tokens, the address that a signer's browser opens, account tokens, PKCE."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from adapters.partners.csc.settings import CscSettings

HEAD: Final = b'{"typ":"JWT","alg":"HS256"}'
"""As the published vector writes it (NOTES.md#r8)."""
LONGEST_DESCRIPTION: Final = 500


def base64url(raw: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def challenge(verifier: str) -> str:
    """PKCE, S256 (NOTES.md#r9)."""
    return base64url(hashlib.sha256(verifier.encode()).digest())


def verifier_of(settings: CscSettings, request: str) -> str:
    """The same for a signature's request whenever it is made: the code comes back hours and restarts later."""
    return base64url(hmac.new(settings.client_secret.encode(), b"pkce " + request.encode(), hashlib.sha256).digest())


def client_form(settings: CscSettings) -> dict[str, str]:
    """`client_credentials` (NOTES.md#r6)."""
    return {"grant_type": "client_credentials", **_client(settings)}


def code_form(settings: CscSettings, code: str, request: str) -> dict[str, str]:
    """`authorization_code`, for a code that a signer's browser ended with."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": settings.redirect_uri,
        "code_verifier": verifier_of(settings, request),
        **_client(settings),
    }


def code_in(typed: str) -> str:
    """What a person copies: the code alone, or the whole address that his browser ended with."""
    told = dict(parse_qsl(urlsplit(typed.strip()).query))
    return told.get("code", typed.strip())


def account_token(settings: CscSettings, *, account: str, number: str, at: datetime) -> str:
    """Who is meant, so that the service need not ask (NOTES.md#r8)."""
    claims = {
        "sub": account,
        "iat": int(at.timestamp()),
        "jti": number,
        "iss": settings.issuer,
        "azp": settings.client_id,
    }
    return signed_token(json.dumps(claims, separators=(",", ":")).encode(), settings.client_secret)


def signed_token(claims: bytes, secret: str) -> str:
    """A JWT with HS256 whose key is SHA-256 of the client secret, 32 raw bytes."""
    told = f"{base64url(HEAD)}.{base64url(claims)}"
    key = hashlib.sha256(secret.encode()).digest()
    return f"{told}.{base64url(hmac.new(key, told.encode(), hashlib.sha256).digest())}"


def browser_address(
    settings: CscSettings,
    base: str,
    *,
    credential: str,
    request: str,
    user: str,
    digests: Sequence[bytes],
    description: str,
    at: datetime,
) -> str:
    """Where the signer agrees to sign just these (NOTES.md#r9, #r10)."""
    told = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": settings.redirect_uri,
        "scope": "credential",
        "state": request,
        "credentialID": credential,
        "numSignatures": str(len(digests)),
        "hash": ",".join(base64url(each) for each in digests),
        "description": description[:LONGEST_DESCRIPTION],
        "code_challenge": challenge(verifier_of(settings, request)),
        "code_challenge_method": "S256",
    }
    if settings.issuer:
        told["account_token"] = account_token(settings, account=user, number=request, at=at)
    return f"{base.rstrip('/')}/oauth2/authorize?{urlencode(told)}"


def _client(settings: CscSettings) -> dict[str, str]:
    return {"client_id": settings.client_id, "client_secret": settings.client_secret}
