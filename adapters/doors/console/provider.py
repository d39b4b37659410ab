"""The OIDC provider as we speak to it: code flow with PKCE, everything it says checked before anybody comes in.

Authlib makes the requests' shapes and checks the claims, joserfc the signatures. Sending is ours: through the channel
that looks hosts up once, follows no redirect and reads no endless answer. Only the issuer's own host is called (and
what the settings name beside it), whatever a document of the provider says.
"""

from __future__ import annotations

import base64
import json
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from adapters.channels.addresses import AddressRefused, origin_of
from adapters.channels.http import Channel, Request
from adapters.channels.strict_json import NotStrictJson, read
from bus.ports import Clock, Randomness

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "RS384", "RS512", "EdDSA")
"""With which an id_token may be signed: by keys of the provider alone. Not `none`, and no HMAC: its key would be one
that everybody can read."""
KNOWN_FOR: Final = timedelta(minutes=15)
"""How long the provider's addresses and keys count before they are asked for anew."""
ANEW: Final = timedelta(seconds=30)
"""How soon keys are asked for again, where a token names one that is not known."""
LEEWAY_S: Final = 60
"""Between two clocks."""
LARGEST: Final = 200_000
SCOPE: Final = "openid profile"


class ProviderTrouble(Exception):
    """The provider's answer cannot be used; `code` says what of it."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        """`unreachable`, `bad_discovery`, `refused`, `bad_answer`, `bad_token`, `bad_claims`."""
        super().__init__(f"{code}: {detail}" if detail else code)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """Which provider, and who we are there."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scope: str = SCOPE
    hosts: frozenset[str] = frozenset()
    """Further hosts of the provider, `host` or `host:port`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that has begun: where the browser goes, and what the answer must fit."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """What of the provider's own description is used."""

    authorization: str
    token: str
    keys: str
    names_issuer: bool
    """Whether its answers name the issuer (RFC 9207); then they must."""


class Sends(Protocol):
    """What Authlib asks of a session."""

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> Any: ...


class Provider:
    """One provider. Threads share one; it remembers addresses and keys for a while."""

    def __init__(self, facts: ProviderFacts, channel: Channel, *, clock: Clock, randomness: Randomness) -> None:
        self.facts: Final = facts
        self._channel = channel
        self._clock = clock
        self._randomness = randomness
        self._lock = threading.Lock()
        self._addresses: tuple[datetime, Addresses] | None = None
        self._keys: tuple[datetime, Any] | None = None

    def begin(self) -> Begun:
        """Where to send the browser. Raises ProviderTrouble."""
        state, nonce, verifier = (self._text(32) for _ in range(3))
        client = self._client(_Post(self._call))
        url, _ = client.create_authorization_url(
            self.addresses().authorization, state=state, nonce=nonce, code_verifier=verifier
        )
        return Begun(url=url, state=state, nonce=nonce, verifier=verifier)

    def claims(self, code: str, *, nonce: str, verifier: str, issuer: str | None) -> dict[str, Any]:
        """Who came, by the code that the browser brought. `issuer` is who the answer says it is from.

        Raises ProviderTrouble.
        """
        addresses = self.addresses()
        if issuer != self.facts.issuer and (issuer is not None or addresses.names_issuer):
            raise ProviderTrouble("bad_answer", "the answer is of another issuer")
        token = self._exchange(addresses.token, code, verifier)
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise ProviderTrouble("bad_answer", "no id_token")
        return self._checked(id_token, nonce, token.get("access_token"))

    # -- what the provider says of itself ---------------------------------------------------------------------------

    def addresses(self) -> Addresses:
        """Its addresses, at most so old. Raises ProviderTrouble."""
        now = self._clock.now()
        with self._lock:
            if self._addresses is not None and now - self._addresses[0] < KNOWN_FOR:
                return self._addresses[1]
        url = f"{self.facts.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = self._described(self._json("discovery", url))
        with self._lock:
            self._addresses = (now, found)
        return found

    def _described(self, told: Any) -> Addresses:
        if not isinstance(told, dict) or told.get("issuer") != self.facts.issuer:
            raise ProviderTrouble("bad_discovery", "it describes another issuer")
        places = [told.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        for place in places:
            if not isinstance(place, str) or not self._is_its_own(place):
                raise ProviderTrouble("bad_discovery", f"{str(place)[:200]} is not at the issuer's host")
        return Addresses(
            authorization=str(places[0]),
            token=str(places[1]),
            keys=str(places[2]),
            names_issuer=told.get("authorization_response_iss_parameter_supported") is True,
        )

    def _is_its_own(self, url: str) -> bool:
        issuer = origin_of(self.facts.issuer)
        try:
            place = origin_of(url)
        except (AddressRefused, ValueError):
            return False
        is_as_safe = url.startswith("https://") or self.facts.issuer.startswith("http://")
        return is_as_safe and (place == issuer or place.is_in(self.facts.hosts))

    def _key_set(self, *, anew: bool) -> Any:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        now = self._clock.now()
        with self._lock:
            known = self._keys
        if known is not None and now - known[0] < (ANEW if anew else KNOWN_FOR):
            return known[1]
        told = self._json("keys", self.addresses().keys)
        try:
            keys = KeySet.import_key_set(told)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as failure:
            raise ProviderTrouble("bad_discovery", f"its keys: {type(failure).__name__}") from failure
        with self._lock:
            self._keys = (now, keys)
        return keys

    # -- the code, and the token that it is good for ----------------------------------------------------------------

    def _exchange(self, url: str, code: str, verifier: str) -> Mapping[str, Any]:
        client = self._client(_Post(self._call))
        try:
            found = client.fetch_token(url, grant_type="authorization_code", code=code, code_verifier=verifier)
        except _authlib_error() as failure:
            raise ProviderTrouble("refused", str(failure)[:80]) from failure
        return dict(found)

    def _checked(self, id_token: str, nonce: str, access_token: Any) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        try:
            token = self._verified(id_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.facts.issuer},
                    "aud": {"essential": True, "value": self.facts.client_id},
                    "sub": {"essential": True},
                    "exp": {"essential": True},
                },
                {"nonce": nonce, "client_id": self.facts.client_id, "access_token": access_token},
            )
            claims.validate(now=int(self._clock.now().timestamp()), leeway=LEEWAY_S)
        except (JoseError, _authlib_error()) as failure:
            raise ProviderTrouble("bad_claims", str(failure)[:120]) from failure
        return self._whole(claims)

    def _verified(self, id_token: str) -> Any:
        """The token, its signature checked with a key of the provider. Raises ProviderTrouble."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        trouble: Exception | None = None
        for anew in (False, True):
            keys = self._key_set(anew=anew)
            try:
                return jwt.decode(id_token, keys, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError, TypeError) as failure:
                trouble = failure
        raise ProviderTrouble("bad_token", type(trouble).__name__) from trouble

    def _whole(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """What no library is left to see to: exactly our audience, a nonce that is there, a subject that is one."""
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        is_for_many = len(audiences) > 1 and claims.get("azp") != self.facts.client_id
        if self.facts.client_id not in audiences or is_for_many:
            raise ProviderTrouble("bad_claims", "aud")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise ProviderTrouble("bad_claims", "sub")
        return dict(claims)

    def _client(self, session: Sends) -> Any:
        with warnings.catch_warnings():
            # Authlib tells at its first import that a module of its own, which is not used here, will go.
            warnings.simplefilter("ignore")
            from authlib.oauth2.client import OAuth2Client

        return OAuth2Client(
            session,
            client_id=self.facts.client_id,
            client_secret=self.facts.client_secret,
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106  # a method's name
            scope=self.facts.scope,
            redirect_uri=self.facts.redirect_uri,
            code_challenge_method="S256",
        )

    # -- calls -------------------------------------------------------------------------------------------------------

    def _json(self, operation: str, url: str) -> Any:
        status, body = self._call(operation, "GET", url, {"accept": "application/json"}, b"")
        if status != 200:
            raise ProviderTrouble("unreachable", f"{operation} answered {status}")
        return _read(body)

    def _call(
        self, operation: str, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        request = Request(operation=operation, method=method, url=url, headers=headers, body=body, recorded_body=b"")
        exchange = self._channel.send(request)
        if exchange.trouble is not None or exchange.status is None:
            raise ProviderTrouble("unreachable", operation)
        return exchange.status, exchange.reply_body or b""

    def _text(self, size: int) -> str:
        return base64.urlsafe_b64encode(self._randomness.token(size)).rstrip(b"=").decode()


class _Post:
    """A session as Authlib has them, over the channel."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _Told:
        plain = {"content-type": "application/x-www-form-urlencoded"} | {k.lower(): v for k, v in headers.items()}
        url, made, body = auth.prepare("POST", url, plain, urlencode(data))
        status, answer = self._call("token", "POST", url, dict(made), body.encode())
        return _Told(status, answer)


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer as Authlib reads it."""

    status_code: int
    body: bytes

    def json(self) -> Any:
        found = _read(self.body)
        if not isinstance(found, dict):
            raise ProviderTrouble("bad_answer", "the token's answer is no object")
        return found

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise ProviderTrouble("unreachable", f"the token's address answered {self.status_code}")


def _read(body: bytes) -> Any:
    try:
        return read(body, max_bytes=LARGEST)
    except NotStrictJson as failure:
        raise ProviderTrouble("bad_answer", "no JSON") from failure


def _authlib_error() -> type[Exception]:
    from authlib.common.errors import AuthlibBaseError

    found: type[Exception] = AuthlibBaseError
    return found


def kept_of(begun: Begun, *, browser: str, to: str) -> str:
    """What the ledger keeps until the answer comes."""
    return json.dumps({"nonce": begun.nonce, "verifier": begun.verifier, "browser": browser, "to": to})
