"""Who may call a CSC service: clients, tokens, and the address that a signer's browser opens. Written with the standard
library's `hmac` and `hashlib` alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from contracts.csc.books import Tokens
from contracts.csc.places import No, invalid
from contracts.mock_switches import Switches

LONGEST_STATE: Final = 255
HS256: Final = {"alg": "HS256", "typ": "JWT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What both sides agreed on. Invented, and known to everybody."""

    id: str = "lienthong-h99"
    secret: str = "mock-csc-client-secret-32-bytes!"  # noqa: S105  # the mock's own, known to everybody
    redirect_uri: str = "https://lienthong.h99.example.invalid/csc"


class OAuth:
    """The authorisation server beside the service."""

    def __init__(self, client: Client, tokens: Tokens, switches: Switches) -> None:
        self._client = client
        self._tokens = tokens
        self._switches = switches

    def token(self, told: Mapping[str, str], now: datetime) -> dict[str, Any]:
        """`oauth2/token` (r6, r7)."""
        self._known(told)
        grant = told.get("grant_type", "")
        if grant == "authorization_code":
            return self._for_code(told, now)
        if grant == "refresh_token" and not self._tokens.knows_refresh(told.get("refresh_token", "")):
            raise No("invalid_grant", "Invalid refresh_token", rule="r6", where="refresh_token", expected="one of ours")
        if grant not in ("client_credentials", "refresh_token"):
            raise No("unsupported_grant_type", "grant_type", rule="r6", where="grant_type", expected="one of three")
        life = self._switches["token_s"]
        return self._spelled(self._tokens.access(now, life), "Bearer", life, refresh=self._tokens.refresh())

    def revoke(self, told: Mapping[str, str]) -> None:
        """`oauth2/revoke`."""
        self._known(told)
        self._tokens.revoke(told.get("token", ""))

    def authorize(self, told: Mapping[str, str], version: int) -> str:
        """Where the browser goes next (r9): the signer of the mock always agrees."""
        if told.get("client_id") != self._client.id or told.get("redirect_uri") != self._client.redirect_uri:
            raise invalid("r9", "client_id", "a client and an address that are known here")
        if told.get("response_type") != "code" or len(told.get("state", "")) > LONGEST_STATE:
            raise invalid("r9", "state", f"response_type=code, a state of at most {LONGEST_STATE}")
        if version > 1 and (told.get("code_challenge_method") != "S256" or not told.get("code_challenge")):
            raise invalid("r9", "code_challenge", "PKCE with S256")
        if told.get("account_token") and not is_account_token(told["account_token"], self._client.secret):
            raise invalid("r8", "account_token", "a JWT under SHA-256 of the client secret")
        code = self._tokens.code(dict(told))
        return f"{self._client.redirect_uri}?{urlencode({'code': code, 'state': told.get('state', '')})}"

    def _known(self, told: Mapping[str, str]) -> None:
        secret = told.get("client_secret", "").encode()
        if told.get("client_id") != self._client.id or not hmac.compare_digest(secret, self._client.secret.encode()):
            raise No(
                "unauthorized_client",
                "Unknown client",
                rule="r6",
                where="client_id",
                expected="a known client",
                status=401,
            )

    def _for_code(self, told: Mapping[str, str], now: datetime) -> dict[str, Any]:
        about = self._tokens.take_code(told.get("code", ""))
        if about is None or told.get("redirect_uri") != about.get("redirect_uri"):
            raise No("invalid_grant", "Invalid code", rule="r6", where="code", expected="a code that was given here")
        wanted = about.get("code_challenge")
        if wanted and s256(told.get("code_verifier", "")) != wanted:
            raise No(
                "invalid_grant",
                "Invalid code_verifier",
                rule="r9",
                where="code_verifier",
                expected="the one of its challenge",
            )
        if about.get("scope") == "credential":
            return {"granted_for": about}
        life = self._switches["token_s"]
        return self._spelled(self._tokens.access(now, life), "Bearer", life, refresh=self._tokens.refresh())

    def _spelled(self, token: str, kind: str, life: float, *, refresh: str = "") -> dict[str, Any]:
        return spelled({"access_token": token, "token_type": kind}, life, refresh, self._switches["spelling"])


def spelled(said: dict[str, Any], life: float, refresh: str, how: str) -> dict[str, Any]:
    """Either spelling (r7)."""
    if how == "example":
        return {**said, "expiresIn": str(int(life)), **({"refreshToken": refresh} if refresh else {})}
    return {**said, "expires_in": int(life), **({"refresh_token": refresh} if refresh else {})}


def s256(verifier: str) -> str:
    """PKCE's challenge."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def is_account_token(token: str, secret: str) -> bool:
    """r8."""
    head, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    key = hashlib.sha256(secret.encode()).digest()
    made = hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest()
    try:
        told, claims = _opened(head), _opened(body)
        same = hmac.compare_digest(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)), made)
    except ValueError:
        return False
    return same and told.get("alg") == "HS256" and {"sub", "iat", "jti", "iss", "azp"} <= set(claims)


def _opened(part: str) -> dict[str, Any]:
    value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
