"""An OpenID Connect provider on a real port, written from the standards and not from our client: it checks what it is
sent (secret, code, redirect, PKCE), signs with keys of its own, and can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

CLIENT = "lienthong"
SECRET = "agreed-with-the-provider"


def same(claims: dict[str, Any]) -> dict[str, Any]:
    return claims


@dataclass
class OidcProvider:
    """What it knows, and how it is told to lie."""

    now: Callable[[], datetime]
    url: str = ""
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "s-1", "preferred_username": "an.nguyen", "name": "Nguyễn An"}
    )
    lie: Callable[[dict[str, Any]], dict[str, Any]] = same
    sign: Callable[[OidcProvider, dict[str, Any]], str] | None = None
    described: dict[str, Any] = field(default_factory=dict)
    """What its description says in place of the truth."""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Path → what is answered whatever was asked."""
    asked: list[str] = field(default_factory=list)
    key: Any = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Why calls at the token's address were refused."""

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/h99"

    def approve(self, address: str) -> dict[str, str]:
        """A person signs in at this address: what the browser carries back."""
        assert address.startswith(f"{self.url}/authorize?"), address
        asked = dict(parse_qsl(urlsplit(address).query))
        assert ("code", CLIENT, "S256") == (
            asked["response_type"],
            asked["client_id"],
            asked["code_challenge_method"],
        )
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    # -- its addresses -----------------------------------------------------------------------------------------------

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        } | self.described

    def keys(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))

    def token(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != f"Basic {wanted}":
            return self._refuse(401, "invalid_client")
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return self._refuse(400, "invalid_grant")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return self._refuse(400, "invalid_grant")
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": self.id_token(asked)}

    def id_token(self, asked: Mapping[str, str]) -> str:
        at = int(self.now().timestamp())
        told = {"iss": self.issuer, "aud": CLIENT, "iat": at, "exp": at + 300, "nonce": asked["nonce"]}
        claims = self.lie(told | self.person)
        if self.sign is not None:
            return self.sign(self, claims)
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def _refuse(self, status: int, error: str) -> tuple[int, dict[str, Any]]:
        self.refused.append(error)
        return status, {"error": error}


@contextmanager
def provider(now: Callable[[], datetime]) -> Iterator[OidcProvider]:
    """Served until the block ends."""
    made = OidcProvider(now=now)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            documents = {
                "/realms/h99/.well-known/openid-configuration": made.description,
                "/keys": made.keys,
            }
            self._answer(lambda path: (200, documents[path]()) if path in documents else (404, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(lambda path: made.token(form, self.headers.get("authorization", "")))

        def _answer(self, make: Callable[[str], tuple[int, dict[str, Any]]]) -> None:
            path = urlsplit(self.path).path
            made.asked.append(path)
            if path in made.answers:
                status, body = made.answers[path]
            else:
                status, told = make(path)
                body = json.dumps(told).encode()
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("location", body.decode())
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="provider")
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
