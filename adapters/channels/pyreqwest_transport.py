"""Deliveries go out through here: Rust's reqwest, for about a fifth of the processor time of a Python client.

**Its error classes do not tell whether anything was sent** (tried with 0.15.1): a reply that never came is a
`ConnectTimeoutError`, and a connection reset after the whole body was read is a `ConnectError`. The chain of causes
does tell: `client error (Connect)` stands there only while no connection stood. So we read the chain, and a wording
that we do not know counts as sent; the tests against raw sockets fail when a new version words it differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pyreqwest.client import SyncClient, SyncClientBuilder
from pyreqwest.exceptions import PoolTimeoutError, PyreqwestError, RequestError
from pyreqwest.response import SyncResponse

from adapters.channels.http import AGENT, HttpSettings, NotSent, Reply, ReplyLost, head_bytes

NOT_CONNECTED: Final = "client error (Connect)"


class PyreqwestTransport:
    """One pool of connections to one partner, used by many threads."""

    def __init__(self, settings: HttpSettings) -> None:
        if settings.roots_pem is not None:
            # It would trust them beside the machine's own, and a certificate of any of those would do.
            raise ValueError("pyreqwest cannot trust these authorities alone; open this partner with httpx2")
        self._limit = settings.max_reply_bytes
        self._client = _client(settings)

    def perform(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        # A bad address or header raises BuilderError: our own trouble, before anything left.
        request = self._client.request(method, url).headers(headers).body_bytes(body).build_streamed()
        try:
            with request as response:
                return Reply(
                    status=response.status,
                    head=head_bytes(list(response.headers.items())),
                    body=self._read(response),
                )
        except RequestError as failure:
            raise _sorted(failure) from failure
        except BaseException as failure:
            # A panic of the Rust side is no `Exception`; whatever it had sent by then, it had sent.
            if type(failure).__name__ != "PanicException":
                raise
            raise ReplyLost("the transport panicked") from failure

    def close(self) -> None:
        self._client.close()

    def _read(self, response: SyncResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while (chunk := response.body_reader.read(self._limit + 1 - size)) is not None:
            chunks.append(bytes(chunk))
            size += len(chunk)
            if size > self._limit:
                raise ReplyLost(f"the reply is longer than {self._limit} bytes")
        return b"".join(chunks)


def _sorted(failure: PyreqwestError) -> NotSent | ReplyLost:
    causes = [cause["message"] for cause in getattr(failure, "details", {}).get("causes") or ()]
    # The first cause names the whole address; `dstcode` and the like belong in the exchange, not in a reason.
    words = ": ".join([failure.message, *causes[1:]])
    if isinstance(failure, PoolTimeoutError) or NOT_CONNECTED in causes:
        return NotSent(words)
    return ReplyLost(words)


def _client(settings: HttpSettings) -> SyncClient:
    builder = (
        SyncClientBuilder()
        .user_agent(AGENT)
        .follow_redirects(False)
        .referer(False)
        .no_proxy()
        .gzip(False)
        .brotli(False)
        .deflate(False)
        .zstd(False)
        .timeout(settings.timeout)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(settings.idle_timeout)
        .min_tls_version("TLSv1.2")
        .https_only(not settings.allow_http)
    )
    if settings.max_connections is not None:
        builder = builder.max_connections(settings.max_connections).pool_timeout(settings.connect_timeout)
    if settings.pin is not None and settings.pin.host != settings.pin.address:
        builder = builder.resolve(settings.pin.host, settings.pin.address, 0)
    if settings.identity_pem is not None:
        builder = builder.identity_pem(settings.identity_pem)
    return builder.build()
