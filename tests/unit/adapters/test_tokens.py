"""One token for many threads, and the exchange in front of a partner that wants one."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
import respx

from adapters.channels.addresses import host_of
from adapters.channels.http import HttpChannel, HttpSettings
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.outer_auth import (
    BearerToken,
    ClientCredentials,
    KeyHeader,
    NoHeaders,
    OuterRefused,
    outer_headers,
)
from adapters.channels.tokens import SharedToken, without_tokens
from tests.portal_kit import replied

URL = "https://lgsp.h99.example.invalid/token"
CREDENTIALS = ClientCredentials(token_url=URL, client_id="h99", client_secret="s3cret", scope="dvcqg")


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_many_threads_fetch_once():
    """Thirty-two threads that need a token at the same moment cause one fetch."""
    fetched, gate = [], threading.Barrier(32)

    def fetch() -> tuple[str, float]:
        fetched.append(1)
        threading.Event().wait(0.05)
        return f"t-{len(fetched)}", 60.0

    token = SharedToken(fetch)

    def one(_: int) -> str:
        gate.wait()
        return token.current()

    with ThreadPoolExecutor(32) as pool:
        assert {"t-1"} == set(pool.map(one, range(32)))
    assert [1] == fetched


def test_failure_is_shared_by_those_who_waited():
    """A wrong password is tried once for all who stood waiting, and again by whoever comes later."""
    fetched, gate = [], threading.Barrier(8)

    def fetch() -> tuple[str, float]:
        fetched.append(1)
        threading.Event().wait(0.2)
        raise LookupError("refused")

    token = SharedToken(fetch)

    def one(_: int) -> str:
        gate.wait()
        with pytest.raises(LookupError):
            token.current()
        return "failed"

    with ThreadPoolExecutor(8) as pool:
        assert ["failed"] * 8 == list(pool.map(one, range(8)))
    assert [1] == fetched
    with pytest.raises(LookupError):
        token.current()
    assert [1, 1] == fetched


def test_token_ends_by_time():
    """A token is used until its end, counted by a clock that nobody sets."""
    time, made = Time(), iter(["t-1", "t-2"])
    token = SharedToken(lambda: (next(made), 600.0), tick=time)

    assert "t-1" == token.current()
    time.now = 599.9
    assert "t-1" == token.current()
    time.now = 600.0
    assert "t-2" == token.current()


def test_only_the_refused_token_is_forgotten():
    """A thread that comes late with an old token does not throw away the fresh one."""
    made = iter(["t-1", "t-2", "t-3"])
    token = SharedToken(lambda: (next(made), 600.0))
    token.current()

    token.forget("t-1")
    assert "t-2" == token.current()
    token.forget("t-1")
    assert "t-2" == token.current()


@pytest.mark.parametrize("name", ["session", "access_token", "refresh_token"])
def test_token_is_masked_where_a_login_is_kept(name):
    """A reply that carries a token is kept without it."""
    kept = without_tokens(replied({"error_code": 1, name: "s3cret", "message": "x"}))

    assert b"s3cret" not in kept.reply_body
    assert b'"message":"x"' in kept.reply_body
    assert without_tokens(replied(raw=b"")).reply_body == b""


# -- the exchange in front ---------------------------------------------------------------------------------------------


@pytest.fixture
def channel():
    # The mocked transport knows names only, so nothing is pinned here.
    settings = HttpSettings(knocks=1, hosts=frozenset({host_of(URL)}))
    channel = HttpChannel(
        settings,
        open_transport=lambda pinned: Httpx2Transport(replace(pinned, pin=None)),
        look_up=lambda *_: ["198.41.0.4"],
    )
    yield channel
    channel.close()


def test_bearer_token_is_fetched_and_kept(respx_mock: respx.MockRouter, channel):
    """OAuth2 client credentials: one token until shortly before its end."""
    time = Time()
    route = respx_mock.post(URL).respond(json={"access_token": "a-1", "expires_in": 300, "token_type": "Bearer"})
    outer = BearerToken(CREDENTIALS, channel, tick=time)

    assert {"authorization": "Bearer a-1"} == outer.headers() == outer.headers()
    time.now = 269.0
    outer.headers()
    assert 1 == route.call_count
    time.now = 271.0
    outer.headers()
    assert 2 == route.call_count


def test_token_request(respx_mock: respx.MockRouter, channel):
    """The secret travels in HTTP Basic by default, and is never recorded."""
    route = respx_mock.post(URL).respond(json={"access_token": "a-1"})

    BearerToken(CREDENTIALS, channel).headers()

    request: httpx.Request = route.calls.last.request
    assert base64.b64encode(b"h99:s3cret").decode() == request.headers["authorization"].removeprefix("Basic ")
    assert b"grant_type=client_credentials&scope=dvcqg" == request.content


def test_token_request_with_the_secret_in_the_body(respx_mock: respx.MockRouter, channel):
    """Exchanges that want the secret in the form get it there, and the exchange keeps none."""
    credentials = ClientCredentials(token_url=URL, client_id="h99", client_secret="s3cret", secret_in="body")
    route = respx_mock.post(URL).respond(status_code=400, json={"error": "invalid_client"})

    with pytest.raises(OuterRefused) as caught:
        BearerToken(credentials, channel).headers()

    assert b"client_secret=s3cret" in route.calls.last.request.content
    assert b"s3cret" not in caught.value.exchange.request_body + caught.value.exchange.request_head


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, "{}"), (500, "x"), (200, "{}"), (200, '{"access_token": ""}'), (200, "<html>"), (200, "[]")],
)
def test_no_token_is_unreachable_with_a_reason(respx_mock: respx.MockRouter, channel, status, body):
    """Without a token nothing of ours reaches the partner, and the reason says so."""
    respx_mock.post(URL).respond(status_code=status, text=body)

    with pytest.raises(OuterRefused) as caught:
        BearerToken(CREDENTIALS, channel).headers()

    assert caught.value.trouble.reason.startswith("outer_auth")
    assert caught.value.trouble.is_down


def test_unreachable_exchange(respx_mock: respx.MockRouter, channel):
    """A token endpoint that cannot be reached is trouble on the way."""
    respx_mock.post(URL).mock(side_effect=httpx.ConnectError("refused"))

    with pytest.raises(OuterRefused, match="outer_auth: not_sent"):
        BearerToken(CREDENTIALS, channel).headers()


def test_refused_token_is_fetched_anew(respx_mock: respx.MockRouter, channel):
    """After a 401 the token is dropped, however long it said it would live."""
    respx_mock.post(URL).mock(side_effect=[httpx.Response(200, json={"access_token": f"a-{n}"}) for n in (1, 2)])
    outer = BearerToken(CREDENTIALS, channel)

    outer.forget(outer.headers())

    assert {"authorization": "Bearer a-2"} == outer.headers()


def test_key_header_and_nothing(channel):
    """A fixed key is sent with each call and counts as a secret; without outer authentication nothing is added."""
    key = outer_headers(KeyHeader(name="ApiKey-LGSP", value="k"), channel)
    none = outer_headers(None, channel)

    assert ({"ApiKey-LGSP": "k"}, frozenset({"apikey-lgsp"})) == (key.headers(), key.secret_names)
    assert ({}, frozenset()) == (none.headers(), none.secret_names)
    key.forget(key.headers())
    assert "k" not in repr(KeyHeader(name="x", value="k3y-value")).replace("KeyHeader", "")
    assert isinstance(none, NoHeaders)
    assert isinstance(outer_headers(CREDENTIALS, channel), BearerToken)
