"""For the low-rate calls (an outer token, `submit --to`), and where pyreqwest cannot be had."""

from __future__ import annotations

import os
import ssl
import tempfile
import time
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import httpx2

from adapters.channels.bounded_backend import BoundedBackend, Deadline
from adapters.channels.http import AGENT, HttpSettings, NotSent, Reply, ReplyLost, head_bytes

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class Httpx2Transport:
    """Connections to one partner, one for each call, used by many threads."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._deadline = Deadline()
        self._client = _client(settings, self._deadline)

    def perform(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        asked, sent, extensions = self._pinned(url, headers)
        connecting = self._settings.connect_timeout * 2  # its turn in the pool, then the connection
        self._deadline.at = time.monotonic() + (self._settings.timeout + connecting).total_seconds()
        try:
            with self._client.stream(method, asked, headers=sent, content=body, extensions=extensions) as response:
                return Reply(
                    status=response.status_code,
                    head=head_bytes([(name.lower(), value) for name, value in response.headers.multi_items()]),
                    body=self._read(response, time.monotonic() + self._settings.timeout.total_seconds()),
                )
        except NOT_SENT as failure:
            raise NotSent(_words(failure)) from failure
        except httpx2.TransportError as failure:
            raise ReplyLost(_words(failure)) from failure

    def close(self) -> None:
        self._client.close()

    def _pinned(self, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str], dict[str, str]]:
        """The call as it goes to the pinned address: its name stays in `Host` and in TLS."""
        pin, parts = self._settings.pin, urlsplit(url)
        if pin is None or pin.host == pin.address:
            return url, dict(headers), {}
        literal = f"[{pin.address}]" if ":" in pin.address else pin.address
        netloc = literal if parts.port is None else f"{literal}:{parts.port}"
        named = {**headers, "host": parts.netloc}
        return urlunsplit(parts._replace(netloc=netloc)), named, {"sni_hostname": pin.host}

    def _read(self, response: httpx2.Response, until: float) -> bytes:
        # httpx2 times each read, not the whole: a peer that drips is cut off here.
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_raw():
            chunks.append(chunk)
            size += len(chunk)
            if size > self._settings.max_reply_bytes:
                raise ReplyLost(f"the reply is longer than {self._settings.max_reply_bytes} bytes")
            if time.monotonic() > until:
                raise ReplyLost("the reply took too long")
        return b"".join(chunks)


def _words(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"


def _client(settings: HttpSettings, deadline: Deadline) -> httpx2.Client:
    connect = settings.connect_timeout.total_seconds()
    client = httpx2.Client(
        verify=_context(settings),
        timeout=httpx2.Timeout(settings.timeout.total_seconds(), connect=connect, pool=connect),
        # A connection for each call: what a broken peer says behind its answer would be read as the answer to the next.
        limits=httpx2.Limits(max_connections=settings.max_connections, max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,
        headers={"user-agent": AGENT, "accept-encoding": "identity"},
    )
    # httpx2 hands no backend on, though its pool takes one.
    client._transport._pool._network_backend = BoundedBackend(deadline)  # type: ignore[attr-defined]
    return client


def _context(settings: HttpSettings) -> ssl.SSLContext:
    roots = settings.roots_pem
    # With authorities given it loads those and no others: the machine's store has hundreds that know nothing of ours.
    context = ssl.create_default_context(cadata=roots.decode("ascii") if roots is not None else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.identity_pem is not None:
        _load_identity(context, settings.identity_pem)
    return context


def _load_identity(context: ssl.SSLContext, pem: bytes) -> None:
    # OpenSSL's binding takes a path only: a file that nobody else may read, for as long as the reading takes.
    handle, path = tempfile.mkstemp()
    try:
        os.write(handle, pem)
        os.close(handle)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
